"""Metrics of objects between two folders of masks of object ids: panoptic quality, object F1, mask AP."""

from __future__ import annotations

import contextlib
import importlib.util
import io
import json
from typing import TYPE_CHECKING, Any

import numpy as np

from segstudio.core.cancel import NEVER, Cancel
from segstudio.core.classes import IGNORE
from segstudio.core.errors import UserError
from segstudio.core.panoptic_metrics import ObjectCounts, PanopticSum, object_counts
from segstudio.core.progress import ProgressSink, no_progress
from segstudio.core.rle import Rle, encode_mask, encode_runs, runs_of_array
from segstudio.io.scoring import check_sizes, pairs_by_name, read_pairs

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import numpy.typing as npt

NEEDS_EXTRA = "needs the extra [coco]: pip install 'segstudio[coco]'"
SCORES_FILE = "scores.json"


def has_mask_ap() -> bool:
    """Whether pycocotools is installed."""
    return importlib.util.find_spec("pycocotools") is not None


def score_object_folders(
    pred: Path,
    truth: Path,
    *,
    ignore: int | None = IGNORE,
    is_per_image: bool = False,
    progress: ProgressSink = no_progress,
    cancel: Cancel = NEVER,
) -> dict[str, Any]:
    """Scores of the objects in *pred* against those in the masks of the same names in *truth* (sub-folders too).

    Each value but 0 is an object; all are of one class. Truth pixels of the value *ignore* are left out, and so is what
    is predicted there by more than half. A file ``scores.json`` in *pred*, ``{"name": {"id": 0.93}}``, says how sure
    the model is of each object; without it all are alike, which concerns ``mask_ap`` alone. That one is None without
    pycocotools. The result is what ``score --objects --json`` prints.

    Raises
    ------
    UserError
        For missing folders or pairs, pairs of different sizes, and files that are no masks.
    """
    pairs = pairs_by_name(pred, truth)
    sure = _read_scores(pred / SCORES_FILE)
    quality, counts, rows = PanopticSum(1), ObjectCounts(), []
    ap = MaskAp() if has_mask_ap() else None
    for done, (pred_file, truth_file, pred_ids, truth_ids) in enumerate(read_pairs(pairs, cancel)):
        progress(done, len(pairs), f"Scoring {truth_file.name}")
        check_sizes(pred_file, truth_file, pred_ids, truth_ids)
        void = None if ignore is None else truth_ids == ignore
        objects = pred_ids if ignore is None else np.where(pred_ids == ignore, 0, pred_ids)
        of_image = quality.add(truth_ids, objects, void=void)
        found = object_counts(truth_ids, objects, void=void)
        counts += found
        if ap is not None:
            name = pred_file.relative_to(pred).with_suffix("").as_posix()
            ap.add(truth_ids, objects, None if sure is None else _scores_of(sure, name, objects, pred), void)
        if is_per_image:
            shown = {
                "object_f1": found.scores()["object_f1"],
                "panoptic_quality": of_image.scores()["panoptic_quality"],
            }
            rows.append(
                {"image": truth_file.relative_to(truth).as_posix(), **shown, "objects": found.scores()["objects"]}
            )
    progress(len(pairs), len(pairs), "Done")
    panoptic = quality.scores()
    keys = ("panoptic_quality", "segmentation_quality", "recognition_quality")
    document = {
        **{key: panoptic[key] for key in keys},
        **counts.scores(),
        "mask_ap": None if ap is None else ap.scores(),
    }
    if is_per_image:
        rows.sort(key=lambda row: (row["object_f1"] is None, row["object_f1"] or 0.0, row["image"]))
        document["per_image"] = rows
    return document


class MaskAp:
    """Gathers objects of one class as run lengths, and has pycocotools make COCO's average precision of masks."""

    def __init__(self) -> None:
        self._truth: list[dict[str, Any]] = []
        self._found: list[dict[str, Any]] = []
        self._images: list[dict[str, Any]] = []
        self._most = 100

    def add(
        self,
        truth: npt.NDArray[Any],
        pred: npt.NDArray[Any],
        scores: Mapping[int, float] | None = None,
        void: npt.NDArray[np.bool_] | None = None,
    ) -> None:
        """Add one image: (y, x) ids of objects, 0 = none; *scores* by predicted id.

        Void truth is what COCO calls a crowd: what is predicted there is not held against anybody.
        """
        image, (height, width) = len(self._images) + 1, truth.shape
        self._images.append({"id": image, "height": height, "width": width})
        known = truth if void is None else np.where(void, 0, truth)
        masks = encode_runs(runs_of_array(known), height, width).values()
        self._truth += [self._annotation(image, rle, len(self._truth) + i) for i, rle in enumerate(masks, 1)]
        if void is not None and void.any():
            group = self._annotation(image, encode_mask(void), len(self._truth) + 1)
            self._truth.append({**group, "iscrowd": 1})
        found = encode_runs(runs_of_array(pred), height, width)
        self._most = max(self._most, len(found))
        for value, rle in found.items():
            row = self._annotation(image, rle, len(self._found) + 1)
            self._found.append({**row, "score": 1.0 if scores is None else scores[value]})

    @staticmethod
    def _annotation(image: int, rle: Rle, number: int) -> dict[str, Any]:
        # Numbers start from 1: pycocotools takes 0 for "no match".
        return {
            "id": number,
            "image_id": image,
            "category_id": 1,
            "segmentation": rle.to_json(),
            "area": rle.area,
            "bbox": list(rle.box),
            "iscrowd": 0,
        }

    def scores(self) -> dict[str, float | None]:
        """``ap`` (mean of IoU 0.5 … 0.95), ``ap50`` and ``ap75``, 0 … 1; None where the truth has no object."""
        from pycocotools.coco import COCO
        from pycocotools.cocoeval import COCOeval

        if all(row["iscrowd"] for row in self._truth):
            return dict.fromkeys(("ap", "ap50", "ap75"))
        sides = []
        with contextlib.redirect_stdout(io.StringIO()):  # it prints how far it is
            for rows in (self._truth, self._found):
                side = COCO()
                side.dataset = {
                    "images": self._images,
                    "annotations": rows,
                    "categories": [{"id": 1, "name": "object"}],
                }
                side.createIndex()
                sides.append(side)
            evaluation = COCOeval(*sides, "segm")
            # COCO stops at 100 objects an image, which is few for cells.
            evaluation.params.maxDets = [self._most]
            evaluation.params.areaRng, evaluation.params.areaRngLbl = [[0, 1e10]], ["all"]
            evaluation.evaluate()
            evaluation.accumulate()
        by_iou = evaluation.eval["precision"][:, :, 0, 0, 0].mean(axis=1)
        return {"ap": float(by_iou.mean()), "ap50": float(by_iou[0]), "ap75": float(by_iou[5])}


def _read_scores(file: Path) -> dict[str, dict[str, float]] | None:
    if not file.is_file():
        return None
    try:
        read = json.loads(file.read_text(encoding="utf-8-sig"))
        return {str(name): {str(i): float(score) for i, score in of.items()} for name, of in read.items()}
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise UserError(
            f"The scores cannot be read ({error})", path=file, remedy='write {"name": {"id": 0.93}}, or take it away'
        ) from error


def _scores_of(
    sure: Mapping[str, Mapping[str, float]], name: str, ids: npt.NDArray[Any], pred: Path
) -> dict[int, float]:
    of_image = sure.get(name, {})
    values = [int(value) for value in np.unique(ids) if value]
    missing = [value for value in values if str(value) not in of_image]
    if missing:
        raise UserError(
            f"There is no score for object {missing[0]} of {name}",
            path=pred / SCORES_FILE,
            remedy="score every object, or take the file away",
        )
    return {value: of_image[str(value)] for value in values}
