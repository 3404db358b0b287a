"""What an evaluation tells beyond the joint histogram: ROC areas, borders of cells, objects, VOC result files."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import numpy as np

from segstudio.core.cell_metrics import CellSum
from segstudio.core.classes import IGNORE
from segstudio.core.errors import UserError
from segstudio.core.geometry import Rect
from segstudio.core.panoptic_metrics import ObjectCounts, PanopticSum, object_counts
from segstudio.core.roc import RocSum
from segstudio.io.datasets import MASK_SUFFIXES, read_index_mask
from segstudio.io.object_scoring import Pieces
from segstudio.io.voc_results import VocResults
from segstudio.ml.plan import IGNORE_INDEX
from segstudio.ml.training.sources import open_target

if TYPE_CHECKING:
    import torch

    from segstudio.ml.api import ObjectResult
    from segstudio.ml.training.sources import IndexMask, TrainData, TrainImage

_CELLS = 1 << 22
"""So many numbers are worked on at once, in float64."""


@dataclass(frozen=True)
class Asked:
    """What is asked beyond the usual.

    ``border`` is the class that parts cells ("" = none). With ``has_objects`` objects are scored: those that the labels tell of, or
    of masks of ids in the folder ``objects``, named as the images; ``pieces`` says how objects are made of the model's classes.
    With ``is_lenient`` images whose labels tell of no objects are left out of that. ``voc`` is where VOC result files go.
    """

    border: str = ""
    has_objects: bool = False
    is_lenient: bool = False
    objects: Path | None = None
    pieces: Pieces = Pieces()
    voc: Path | None = None


class Extras:
    """Adds up, image by image: :meth:`begin`, the answer as it comes by :meth:`watch` and :meth:`found`, :meth:`end`.

    *lut* takes a model's class index to one of the labels. Without *has_probabilities* there are no ROC areas.
    """

    def __init__(self, asked: Asked, data: TrainData, lut: IndexMask, split: str, has_probabilities: bool) -> None:
        self._asked, self._data, self._lut = asked, data, lut
        count = len(data.classes)
        self._roc = RocSum(count) if has_probabilities else None
        self._cells = None if not asked.border else CellSum() if has_probabilities else CellSum((0.5,))
        self._border = _index_of(asked.border, data.classes) if asked.border else -1
        self._quality = PanopticSum(count, set(range(count)) - {data.background_index})
        self._counts = ObjectCounts()
        self._object_images = 0
        self._voc: VocResults | None = None
        if asked.voc is not None:
            values = data.values or tuple(range(count))
            self._voc = VocResults(asked.voc, split, values, data.classes, data.colors)
        self._truth: IndexMask = np.zeros((0, 0), np.uint8)
        self._chance = np.zeros((0, 0), np.float32)
        self._ids: np.ndarray[Any, np.dtype[np.int32]] | None = None
        self._of_ids: dict[int, int] = {}

    def begin(self, truth: IndexMask) -> None:
        """The next image, whose (y, x) class indices are *truth*."""
        self._truth = truth
        self._ids, self._of_ids = None, {}
        if self._cells is not None and self._roc is not None:
            self._chance = np.zeros(truth.shape, np.float32)

    def watch(self, rect: Rect, logits: torch.Tensor) -> None:
        """A piece of a semantic answer, (K, h, w)."""
        if self._roc is None:
            return
        rows = max(1, _CELLS // (logits.shape[0] * logits.shape[2]))
        for top in range(0, logits.shape[1], rows):
            odds = self._odds(logits[:, top : top + rows])
            part = (slice(rect.y + top, rect.y + top + odds[0].shape[0]), slice(rect.x, rect.right))
            self._roc.add_odds(odds, self._truth[part], IGNORE_INDEX)
            if self._cells is not None:
                self._chance[part] = 1 / (1 + np.exp(-odds[self._border].clip(-80, 80)))

    def _odds(self, logits: torch.Tensor) -> list[np.ndarray[Any, Any]]:
        """Log-odds of each class of the labels: of those of the model's that are it, against all others."""
        values = logits.double().cpu().numpy()
        if values.shape[0] == 2 and self._lut[:2].tolist() == [0, 1] and self._roc is not None and self._roc.n == 2:
            return [values[0] - values[1], values[1] - values[0]]
        chances = np.exp(values - values.max(axis=0))
        total = chances.sum(axis=0)
        result = []
        for index in range(len(self._data.classes)):
            own = chances[self._lut[: len(chances)] == index].sum(axis=0)
            with np.errstate(divide="ignore"):
                result.append(np.log(own) - np.log(np.maximum(total - own, 0.0)))
        return result

    def found(self, result: ObjectResult) -> None:
        """An object of a model that finds objects, best first."""
        index = int(self._lut[result.class_index])
        if not self._asked.has_objects or index == IGNORE_INDEX:
            return
        if self._ids is None:
            self._ids = np.zeros(self._truth.shape, np.int32)
        part = self._ids[result.rect.slices]
        number = len(self._of_ids) + 1
        part[result.mask & (part == 0)] = number
        self._of_ids[number] = index

    def end(self, image: TrainImage, prediction: IndexMask) -> None:
        """The image is done; *prediction* are (y, x) class indices, 255 where the model says none."""
        part = (slice(None), slice(None)) if image.window is None else image.window.slices
        truth, prediction = self._truth[part], prediction[part]
        if self._cells is not None:
            chance = self._chance[part] if self._roc is not None else prediction == self._border
            self._cells.add(truth == self._border, chance, truth != IGNORE_INDEX)
        if self._asked.has_objects:
            folder, shape = self._asked.objects, self._truth.shape
            ids = _own_objects(image, shape) if folder is None else _objects_of(folder, image, shape)
            if ids is not None:
                self._score_objects(ids[part], truth, prediction, part)
            elif not self._asked.is_lenient:
                raise UserError(
                    f"the labels of {image.name} tell of no objects",
                    path=image.file,
                    remedy="give --objects a folder of masks of object ids, or label objects",
                )
        if self._voc is not None:
            name = PurePosixPath(image.name)
            self._voc.write(f"{name.stem}_{image.z + 1}{name.suffix}" if image.z else image.name, prediction)

    def _score_objects(self, ids: Any, truth: IndexMask, prediction: IndexMask, part: Any) -> None:
        """An object's true class is what most of its labelled pixels are."""
        self._object_images += 1
        void = (ids == IGNORE) | (truth == IGNORE_INDEX)
        background = self._data.background_index
        own = np.where(void, 0, ids)
        of_truth = {int(i): _most_common(truth[own == i], background) for i in np.unique(own) if i}
        pred, of_pred = self._predicted(prediction, part)
        self._quality.add(own, pred, of_truth, of_pred, void=void)
        for index in set(of_truth.values()) | set(of_pred.values()):
            sides = [np.where(np.isin(m, [i for i, c in of.items() if c == index]), m, 0)
                     for m, of in ((own, of_truth), (pred, of_pred))]  # fmt: skip
            self._counts += object_counts(sides[0], sides[1], void=void)

    def _predicted(self, prediction: IndexMask, part: Any) -> tuple[Any, dict[int, int]]:
        if self._ids is not None:
            seen = self._ids[part]
            return seen, {int(i): self._of_ids[int(i)] for i in np.unique(seen) if i}
        ids = np.zeros(prediction.shape, np.int32)
        classes: dict[int, int] = {}
        for index in range(len(self._data.classes)):
            if index == self._data.background_index:
                continue
            own = self._asked.pieces.ids((prediction == index).astype(np.uint8))
            first = len(classes)
            classes.update(dict.fromkeys(range(first + 1, first + int(own.max(initial=0)) + 1), index))
            ids[own > 0] = own[own > 0] + first
        return ids, classes

    def document(self, scores: dict[str, Any]) -> dict[str, Any]:
        """*scores* with what was asked for; the VOC table is written."""
        areas = [None] * len(self._data.classes) if self._roc is None else self._roc.scores()
        is_known = set(self._lut.tolist())
        rows = []
        for index, row in enumerate(scores["per_class"]):
            rows.append({**row, "auc": areas[index] if index in is_known else None})
        known = [row["auc"] for row in rows if row["auc"] is not None]
        result = {**scores, "mean_auc": float(np.mean(known)) if known else None, "per_class": rows}
        if self._cells is not None:
            result["cells"] = self._cells.scores()
        if self._asked.has_objects and not (self._asked.is_lenient and self._object_images == 0):
            panoptic = self._quality.scores(self._data.classes)
            keys = ("panoptic_quality", "segmentation_quality", "recognition_quality")
            per_class = [row for row in panoptic["per_class"] if row["is_thing"]]
            qualities = {key: panoptic[key] for key in keys}
            result["objects"] = {**qualities, **self._counts.scores(), "per_class": per_class}
        if self._voc is not None:
            self._voc.write_table(scores)
            result["voc_results"] = str(self._voc.folder)
        return result


def _index_of(name: str, classes: tuple[str, ...]) -> int:
    for index, known in enumerate(classes):
        if known.casefold() == name.casefold():
            return index
    raise UserError(f"there is no class {name!r} that parts cells", remedy=f"the labels hold {', '.join(classes)}")


def _most_common(values: IndexMask, background: int | None) -> int:
    counts = np.bincount(values, minlength=1)
    if background is not None and counts.sum() > counts[background : background + 1].sum():
        counts[background] = 0
    return int(counts.argmax())


def _own_objects(image: TrainImage, shape: tuple[int, ...]) -> np.ndarray[Any, Any] | None:
    """The object ids that the labels tell of, of a project or of a dataset with masks of objects; None where they tell of none."""
    with closing(open_target(image)) as target:
        return target.objects(Rect(0, 0, shape[1], shape[0]))


def _objects_of(folder: Path, image: TrainImage, shape: tuple[int, ...]) -> np.ndarray[Any, Any]:
    """The mask of object ids of *image*: the file of its name or stem in *folder*."""
    if not folder.is_dir():
        raise UserError("there is no such folder of objects", path=folder, remedy="check the path after --objects")
    name = PurePosixPath(image.name.replace("\\", "/"))
    places = [folder / name.with_suffix(suffix) for suffix in MASK_SUFFIXES]
    places += [folder / f"{name.stem}{suffix}" for suffix in MASK_SUFFIXES]
    path = next((place for place in places if place.is_file()), None)
    if path is None:
        raise UserError(f"there are no objects of {image.name}", path=folder, remedy=f"name its mask {name.stem}.png")
    ids = read_index_mask(path)
    if ids.shape != shape:
        raise UserError(
            f"the objects are on {ids.shape[1]} × {ids.shape[0]} pixels but the labels on {shape[1]} × {shape[0]}",
            path=path,
            remedy="make them anew at the image's size",
        )
    return ids
