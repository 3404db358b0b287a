"""Metrics of objects between two folders of masks of object ids: panoptic quality, object F1, mask AP, each by class."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from segstudio.core.cancel import NEVER, Cancel
from segstudio.core.classes import IGNORE
from segstudio.core.panoptic_metrics import ObjectCounts, PanopticSum, object_counts
from segstudio.core.progress import ProgressSink, no_progress
from segstudio.core.touching import objects_of_mask
from segstudio.io.mask_ap import NEEDS_EXTRA, MaskAp, has_mask_ap
from segstudio.io.object_classes import (
    SCORES_FILE,
    ObjectClasses,
    classes_of_files,
    classes_of_ids,
    of_image,
    read_scores,
)
from segstudio.io.scoring import check_sizes, class_names_of, pairs_by_name, read_pairs

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import numpy.typing as npt

__all__ = ["NEEDS_EXTRA", "MaskAp", "Pieces", "has_mask_ap", "score_object_folders"]

_QUALITIES = ("panoptic_quality", "segmentation_quality", "recognition_quality")
_HIGHEST_ID = 65535


@dataclass(frozen=True, slots=True)
class Pieces:
    """How objects are made of a mask of classes: its connected pieces, split at necks, small ones left out."""

    neck_px: float | None = None
    least_px: int = 0

    def ids(self, classes: npt.NDArray[Any]) -> npt.NDArray[np.int32]:
        """(y, x) int32 object ids of a (y, x) index mask; 0 is no class. Pieces of two classes are two objects."""
        ids = np.zeros(classes.shape, np.int32)
        for value in np.unique(classes):
            if value:
                own = objects_of_mask(classes == value, self.neck_px, self.least_px)
                ids = np.where(own > 0, own + ids.max(initial=0), ids)
        return np.asarray(ids, np.int32)


def score_object_folders(
    pred: Path,
    truth: Path,
    *,
    ignore: int | None = IGNORE,
    pieces: Pieces | None = None,
    things: Sequence[str] | None = None,
    class_divisor: int | None = None,
    is_per_image: bool = False,
    progress: ProgressSink = no_progress,
    cancel: Cancel = NEVER,
) -> dict[str, Any]:
    """Scores of the objects in *pred* against those in the masks of the same names in *truth* (sub-folders too).

    Each value but 0 is an object, and so is, with *pieces*, what these make of the masks of classes in *pred*. Truth pixels of
    the value *ignore* are left out, and so is what is predicted there by more than half. A file ``scores.json`` in *pred*,
    ``{"name": {"id": 0.93}}``, says how sure the model is of each object; without it all are alike, which concerns
    ``mask_ap`` alone. That one is None without pycocotools.

    All objects are of one class, unless both folders hold an ``objects.json``, ``{"name": {"id": "class"}}``, or
    *class_divisor* says how ids hold the class (id = class × divisor + number; below it the id is the class of stuff). Then
    there are also ``things``, ``stuff`` and ``per_class``, the first figures are means over the classes, and only *things* (by
    name; None: all) count as objects. The result is what ``score --objects --json`` prints.

    Raises
    ------
    UserError
        For missing folders or pairs, pairs of different sizes, files that are no masks, and objects without a class.
    """
    pairs = pairs_by_name(pred, truth)
    sure = None if pieces is not None else read_scores(pred)
    total = _Sum(None if pieces is not None else _classes(pred, truth, things, class_divisor))
    rows = []
    for done, (pred_file, truth_file, pred_ids, truth_ids) in enumerate(read_pairs(pairs, cancel)):
        progress(done, len(pairs), f"Scoring {truth_file.name}")
        check_sizes(pred_file, truth_file, pred_ids, truth_ids)
        void = None if ignore is None else truth_ids == ignore
        objects = pred_ids if ignore is None else np.where(pred_ids == ignore, 0, pred_ids)
        if pieces is not None:
            objects = pieces.ids(objects)
        known = truth_ids if void is None else np.where(void, 0, truth_ids)
        name = pred_file.relative_to(pred).with_suffix("").as_posix()
        scores = None if sure is None else of_image(sure, name, objects, pred / SCORES_FILE, "score")
        row = total.add(name, known, objects, void, scores)
        if is_per_image:
            rows.append({"image": truth_file.relative_to(truth).as_posix(), **row})
    progress(len(pairs), len(pairs), "Done")
    document = total.scores()
    if is_per_image:
        rows.sort(key=lambda row: (row["object_f1"] is None, row["object_f1"] or 0.0, row["image"]))
        document["per_image"] = rows
    return document


def _classes(pred: Path, truth: Path, things: Sequence[str] | None, divisor: int | None) -> ObjectClasses | None:
    if divisor is None:
        return classes_of_files(pred, truth, things)
    most = max(_HIGHEST_ID // divisor + 1, divisor)
    names = class_names_of(truth) or [f"class {index}" for index in range(most)]
    return classes_of_ids(names, divisor, things)


class _Sum:
    """Panoptic quality, object counts and mask AP over the images of two folders."""

    def __init__(self, classes: ObjectClasses | None) -> None:
        self._classes = classes
        n = 1 if classes is None else len(classes.names)
        self._things = frozenset(range(n)) if classes is None else classes.things
        self._quality = PanopticSum(n, self._things)
        self._counts = [ObjectCounts() for _ in range(n)]
        self._ap = MaskAp(n, self._things) if has_mask_ap() else None

    def add(
        self,
        name: str,
        truth: npt.NDArray[Any],
        pred: npt.NDArray[Any],
        void: npt.NDArray[np.bool_] | None,
        scores: dict[int, float] | None,
    ) -> dict[str, Any]:
        """Add one image; its row of the table."""
        of_truth = None if self._classes is None else self._classes.of_truth(name, truth)
        of_pred = None if self._classes is None else self._classes.of_pred(name, pred)
        quality = self._quality.add(truth, pred, of_truth, of_pred, void=void)
        counts = ObjectCounts()
        for index in self._things:
            own = object_counts(_only(truth, of_truth, index), _only(pred, of_pred, index), void=void)
            self._counts[index] += own
            counts += own
        if self._ap is not None:
            self._ap.add(truth, pred, scores, void, of_truth, of_pred)
        found = counts.scores()
        return {
            "object_f1": found["object_f1"],
            "panoptic_quality": quality.scores()["panoptic_quality"],
            "objects": found["objects"],
        }

    def scores(self) -> dict[str, Any]:
        """The document, but for ``per_image``."""
        names = None if self._classes is None else self._classes.names
        panoptic = self._quality.scores(names)
        ap = None if self._ap is None else self._ap.scores(names)
        document: dict[str, Any] = {
            **{key: panoptic[key] for key in _QUALITIES},
            **sum(self._counts, ObjectCounts()).scores(),
            "mask_ap": ap if ap is None else {key: ap[key] for key in ("ap", "ap50", "ap75")},
        }
        if names is None:
            return document
        by_name = {row["name"]: row for row in (ap or {}).get("per_class", ())}
        per_class = []
        for index, row in enumerate(panoptic["per_class"]):
            if row["panoptic_quality"] is None:
                continue
            is_thing = index in self._things
            f1 = self._counts[index].scores()["object_f1"] if is_thing else None
            per_class.append(
                {**row, "object_f1": f1, **{k: by_name.get(row["name"], {}).get(k) for k in ("ap", "ap50")}}
            )
        return {**document, "things": panoptic["things"], "stuff": panoptic["stuff"], "per_class": per_class}


def _only(ids: npt.NDArray[Any], classes: dict[int, int] | None, index: int) -> npt.NDArray[Any]:
    if classes is None:
        return ids
    own = [value for value, of in classes.items() if of == index]
    return np.where(np.isin(ids, own), ids, 0) if own else np.zeros_like(ids)
