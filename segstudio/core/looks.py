"""What a model's look at a whole image leaves behind: how unsure it is, where, and what the image is like."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np

from segstudio.core.class_need import ClassNeed
from segstudio.core.ordering import order_images

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from segstudio.core.geometry import Rect
    from segstudio.core.label_errors import Suspect
    from segstudio.core.ordering import Basis, Pick

Measure = Literal["entropy", "margin", "flips", "models"]
"""``entropy`` of the class probabilities; ``margin`` between the two likeliest classes; disagreement of mirrored views
(``flips``); disagreement of two ``models``."""
MEASURES: tuple[Measure, ...] = get_args(Measure)

MOST_CELLS = 1 << 16
"""A plane's map has no more cells than this."""
SMALLEST_CELL_PX = 16
ALL_PLANES_CELLS = 1 << 20


@dataclass(frozen=True, eq=False)
class Look:
    """A model's look at an image. Uncertainty is 0 (sure) … 1.

    ``uncertainty`` is the mean over all pixels that hold data. ``cells`` is (z, row, column) uint8, the mean of squares of
    ``cell_px`` pixels, 255 = wholly unsure; ``features`` (d,) float32 what the model's encoder makes of the image.
    ``class_doubt`` and ``class_share`` are (K,) float32: the uncertainty summed over the pixels that the model took for each of its
    classes, and the number of those pixels, both divided by the pixels of the image.
    """

    uncertainty: float
    cells: npt.NDArray[np.uint8]
    cell_px: int
    features: npt.NDArray[np.float32]
    class_doubt: npt.NDArray[np.float32]
    class_share: npt.NDArray[np.float32]
    suspects: tuple[Suspect, ...] = field(default=())


def class_need(looks: Sequence[Look], labelled: Sequence[Look] = ()) -> ClassNeed | None:
    """What each of *looks* is worth to the classes, beside what the model finds in the *labelled* ones.

    None where they are of models with other numbers of classes, or of none.
    """
    lengths = {len(look.class_share) for look in (*looks, *labelled)}
    if not looks or len(lengths) != 1 or 0 in lengths:
        return None
    doubt, share = (np.stack([getattr(look, name) for look in looks]) for name in ("class_doubt", "class_share"))
    return ClassNeed(doubt, share, np.stack([look.class_share for look in labelled]) if labelled else None)


def order_looks(
    looks: Sequence[Look], *, by: Basis = "both", labelled: Sequence[Look] = (), is_balanced: bool = True
) -> list[Pick]:
    """The images of *looks*, the most worthwhile to label first; see :func:`segstudio.core.ordering.order_images`.

    *labelled* are looks of images that are labelled already. Balanced, doubt about a class counts the more the less of it
    they and the images that come before hold (:class:`segstudio.core.class_need.ClassNeed`): a mean IoU counts each class alike,
    too. Looks of models whose features differ in length count by uncertainty alone.
    """
    lengths = {len(look.features) for look in (*looks, *labelled)}
    features = done = None
    if len(lengths) == 1 and 0 not in lengths and looks:
        features = np.stack([look.features for look in looks])
        done = np.stack([look.features for look in labelled]) if labelled else None
    need = class_need(looks, labelled) if is_balanced else None
    uncertainty = np.array([look.uncertainty for look in looks], np.float64)
    return order_images(uncertainty, features, by=by, labelled=done, need=need)


def cell_size(width: int, height: int, planes: int = 1) -> int:
    """The side in pixels of the cells of an image's map: a power of two, so that it stays small whatever the image."""
    most = min(MOST_CELLS, max(1, ALL_PLANES_CELLS // planes))
    side = SMALLEST_CELL_PX
    while -(-width // side) * -(-height // side) > most:
        side *= 2
    return side


class DoubtMap:
    """Sums up uncertainty piece by piece: pieces may have any cut, and must not overlap."""

    def __init__(self, width: int, height: int, planes: int, classes: int) -> None:
        self.cell_px = cell_size(width, height, planes)
        shape = (planes, -(-height // self.cell_px), -(-width // self.cell_px))
        self._sums, self._pixels = np.zeros(shape, np.float64), np.zeros(shape, np.float64)
        self._doubt, self._shares = np.zeros(classes, np.float64), np.zeros(classes, np.float64)

    def add(
        self,
        place: int,
        rect: Rect,
        doubt: npt.NDArray[np.float32],
        class_index: npt.NDArray[np.integer],
        valid: npt.NDArray[np.bool_] | None = None,
    ) -> None:
        """A piece of the *place*-th plane: (h, w) uncertainty 0 … 1, the class taken, and where there is data (None: all)."""
        doubt = np.clip(np.nan_to_num(doubt), 0.0, 1.0)
        holds = np.ones(doubt.shape, np.float32) if valid is None else valid.astype(np.float32)
        doubt = doubt * holds
        rows, row_cuts = self._cuts(rect.y, rect.bottom)
        columns, column_cuts = self._cuts(rect.x, rect.right)
        for target, values in ((self._sums, doubt), (self._pixels, holds)):
            part = np.add.reduceat(np.add.reduceat(values, row_cuts, axis=0, dtype=np.float64), column_cuts, axis=1)
            target[place, rows, columns] += part
        flat = class_index.ravel()
        self._doubt += np.bincount(flat, doubt.ravel(), minlength=len(self._doubt))[: len(self._doubt)]
        self._shares += np.bincount(flat, holds.ravel(), minlength=len(self._shares))[: len(self._shares)]

    def _cuts(self, begin: int, end: int) -> tuple[slice, npt.NDArray[np.intp]]:
        """The cells that *begin* … *end* touches, and where each begins, counted from *begin*."""
        first, last = begin // self.cell_px, (end - 1) // self.cell_px
        starts = np.arange(first, last + 1) * self.cell_px - begin
        return slice(first, last + 1), np.maximum(starts, 0).astype(np.intp)

    def look(self, features: npt.NDArray[np.float32], suspects: Sequence[Suspect] = ()) -> Look:
        """What came together."""
        pixels = float(self._pixels.sum()) or 1.0
        cells = self._sums / np.maximum(self._pixels, 1.0)
        return Look(
            float(self._sums.sum() / pixels),
            np.rint(255 * cells).astype(np.uint8),
            self.cell_px,
            features.astype(np.float32),
            (self._doubt / pixels).astype(np.float32),
            (self._shares / pixels).astype(np.float32),
            tuple(suspects),
        )
