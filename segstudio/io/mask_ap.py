"""COCO's average precision of masks, of each class, made by pycocotools (extra [coco])."""

from __future__ import annotations

import contextlib
import importlib.util
import io
from typing import TYPE_CHECKING, Any

import numpy as np

from segstudio.core.rle import Rle, encode_mask, encode_runs, runs_of_array

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    import numpy.typing as npt

NEEDS_EXTRA = "needs the extra [coco]: pip install 'segstudio[coco]'"
_KEYS = ("ap", "ap50", "ap75")


def has_mask_ap() -> bool:
    """Whether pycocotools is installed."""
    return importlib.util.find_spec("pycocotools") is not None


class MaskAp:
    """Gathers objects of *n* classes as run lengths, and has pycocotools make COCO's average precision of masks.

    Segments of classes that are none of *things* are left out; None: all are objects.
    """

    def __init__(self, n: int = 1, things: Collection[int] | None = None) -> None:
        self.n = n
        self._things = frozenset(range(n) if things is None else things)
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
        truth_classes: Mapping[int, int] | None = None,
        pred_classes: Mapping[int, int] | None = None,
    ) -> None:
        """Add one image: (y, x) ids of objects, 0 = none; *scores* and classes by id (without: all alike, all of class 0).

        Void truth is what COCO calls a crowd: what is predicted there is not held against anybody.
        """
        image, (height, width) = len(self._images) + 1, truth.shape
        self._images.append({"id": image, "height": height, "width": width})
        known = truth if void is None else np.where(void, 0, truth)
        for value, rle in encode_runs(runs_of_array(known), height, width).items():
            self._add(self._truth, image, rle, _class_of(value, truth_classes))
        if void is not None and void.any():
            group = encode_mask(void)
            for index in self._things:
                self._add(self._truth, image, group, index, iscrowd=1)
        found = encode_runs(runs_of_array(pred), height, width)
        self._most = max(self._most, len(found))
        for value, rle in found.items():
            score = 1.0 if scores is None else scores[value]
            self._add(self._found, image, rle, _class_of(value, pred_classes), score=score)

    def _add(self, rows: list[dict[str, Any]], image: int, rle: Rle, index: int, **more: Any) -> None:
        if index not in self._things:
            return
        # Numbers start from 1: pycocotools takes 0 for "no match".
        rows.append(
            {
                "id": len(rows) + 1,
                "image_id": image,
                "category_id": index + 1,
                "segmentation": rle.to_json(),
                "area": rle.area,
                "bbox": list(rle.box),
                "iscrowd": 0,
                **more,
            }
        )

    def scores(self, names: Sequence[str] | None = None) -> dict[str, Any]:
        """``ap`` (mean of IoU 0.5 … 0.95), ``ap50`` and ``ap75``, 0 … 1: means over the classes that the truth has objects of.

        None where it has none. With *names* also ``per_class``: ``{"name", "ap", "ap50", "ap75"}`` of each class of objects.
        """
        has_objects = {row["category_id"] - 1 for row in self._truth if not row["iscrowd"]}
        rows: dict[int, dict[str, Any]] = {index: dict.fromkeys(_KEYS) for index in sorted(self._things)}
        if has_objects:
            rows.update(self._measured(sorted(has_objects)))
        means = {key: _mean([row[key] for row in rows.values() if row[key] is not None]) for key in _KEYS}
        if names is None:
            return means
        return {**means, "per_class": [{"name": names[index], **row} for index, row in rows.items()]}

    def _measured(self, indices: Sequence[int]) -> dict[int, dict[str, Any]]:
        from pycocotools.coco import COCO
        from pycocotools.cocoeval import COCOeval

        sides = []
        categories = [{"id": index + 1, "name": str(index)} for index in range(self.n)]
        with contextlib.redirect_stdout(io.StringIO()):  # it prints how far it is
            for rows in (self._truth, self._found):
                side = COCO()
                side.dataset = {"images": self._images, "annotations": rows, "categories": categories}
                side.createIndex()
                sides.append(side)
            evaluation = COCOeval(*sides, "segm")
            evaluation.params.catIds = [index + 1 for index in indices]
            # COCO stops at 100 objects an image, which is few for cells.
            evaluation.params.maxDets = [self._most]
            evaluation.params.areaRng, evaluation.params.areaRngLbl = [[0, 1e10]], ["all"]
            evaluation.evaluate()
            evaluation.accumulate()
        result = {}
        for place, index in enumerate(indices):
            by_iou = evaluation.eval["precision"][:, :, place, 0, 0].mean(axis=1)
            result[index] = {"ap": float(by_iou.mean()), "ap50": float(by_iou[0]), "ap75": float(by_iou[5])}
        return result


def _class_of(value: int, classes: Mapping[int, int] | None) -> int:
    return 0 if classes is None else classes[value]


def _mean(values: Sequence[float]) -> float | None:
    return float(np.mean(values)) if values else None
