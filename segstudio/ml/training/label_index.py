"""Which 256-tiles of an image hold which classes: so that patches are taken only where there is something to learn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np
import numpy.typing as npt

from segstudio.core.geometry import TILE, Rect, tile_rect
from segstudio.io.validity import file_validity
from segstudio.ml.plan import IGNORE_INDEX
from segstudio.ml.training.sources import open_target
from segstudio.ml.training.targets import tiles_in

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from segstudio.io.validity import ValidTiles
    from segstudio.ml.training.sources import TrainImage
    from segstudio.ml.training.targets import IndexMask, Target

Counts = npt.NDArray[np.int64]


@dataclass(frozen=True)
class LabelIndex:
    """The labelled tiles of an image, or of its window: ``tiles`` (n, 2) int32 of (ty, tx), ``counts`` (n, classes) int64 pixels."""

    tiles: npt.NDArray[np.int32]
    counts: Counts

    @property
    def pixels(self) -> Counts:
        """(classes,) int64 labelled pixels."""
        return np.asarray(self.counts.sum(0))

    def draw(self, generator: np.random.Generator) -> tuple[int, int]:
        """(ty, tx) of a tile, the likelier the more of it is labelled; of the first tile where nothing is."""
        if not len(self.tiles):
            return 0, 0
        ends = self.counts.sum(1).cumsum()
        ty, tx = self.tiles[int(np.searchsorted(ends, int(generator.integers(ends[-1])), side="right"))].tolist()
        return ty, tx

    def pixels_in(self, rect: Rect) -> int:
        """Labelled pixels of the tiles whose middle lies in *rect*."""
        y, x = (self.tiles * TILE + TILE // 2).T
        inside = (y >= rect.y) & (y < rect.bottom) & (x >= rect.x) & (x < rect.right)
        return int(self.counts[inside].sum())


def label_index(
    image: TrainImage, classes: int | None = None, *, ignored_index: int = IGNORE_INDEX, scratch: Path | None = None
) -> LabelIndex:
    """The index of *image*; what holds no data is not labelled. Ignored pixels count as class *ignored_index*, if it is one.

    Without *classes* there are as many as the highest one that occurs needs.

    Costs a pass over the mask; of a project, over the tiles that hold labels of several kinds.

    Raises
    ------
    UserError
        When a file cannot be read.
    """
    target = open_target(image, scratch)
    try:
        height, width = target.shape
        area = image.window or Rect(0, 0, width, height)
        with file_validity(image.file) as validity:
            found = list(_counted(target, validity, image.z, area))
    finally:
        target.close()
    tiles = np.array([tile for tile, _ in found], np.int32).reshape(-1, 2)
    values = np.array([counts for _, counts in found], np.int64).reshape(-1, 256)
    if classes is None:
        highest = np.flatnonzero(values[:, :IGNORE_INDEX].any(0)).tolist()
        classes = max([*highest, 0, ignored_index if ignored_index != IGNORE_INDEX else 0]) + 1
    counts = values[:, :classes].copy()
    if ignored_index != IGNORE_INDEX:
        counts[:, ignored_index] += values[:, IGNORE_INDEX]
    is_labelled = counts.any(1)
    return LabelIndex(tiles[is_labelled], counts[is_labelled])


def values_in(image: TrainImage) -> Iterator[set[int]]:
    """The class indices (and 255) that *image* or its window holds, row of tiles by row: as far as one asks."""
    target = open_target(image)
    try:
        area = image.window or Rect(0, 0, target.shape[1], target.shape[0])
        with file_validity(image.file) as validity:
            for row in tiles_in(area):
                found: set[int] = set()
                for _, counts in _counted_row(target, validity, image.z, area, row):
                    found |= set(np.flatnonzero(counts).tolist())
                yield found
    finally:
        target.close()


def _counted(
    target: Target, validity: ValidTiles | None, z: int, area: Rect
) -> Iterator[tuple[tuple[int, int], Counts]]:
    """(tile, (256,) pixels of each value) of every tile of *area*."""
    for row in tiles_in(area):
        yield from _counted_row(target, validity, z, area, row)


def _counted_row(
    target: Target, validity: ValidTiles | None, z: int, area: Rect, row: list[tuple[int, int]]
) -> Iterator[tuple[tuple[int, int], Counts]]:
    known = {tile: _fill(target, tile, validity) for tile in row}
    for run in _runs([tile for tile in row if known[tile] is None]):
        rect = tile_rect(*run[0]).united(tile_rect(*run[-1])).intersected(area)
        values = _known(target, validity, z, rect)
        for tile in run:
            part = tile_rect(*tile).intersected(area).moved(-rect.x, -rect.y)
            yield tile, pixels_of(values[part.slices])
    for tile, value in known.items():
        if value is not None:
            part = tile_rect(*tile).intersected(area)
            counts = np.zeros(256, np.int64)
            counts[value] = part.width * part.height
            yield tile, counts


def _fill(target: Target, tile: tuple[int, int], validity: ValidTiles | None) -> int | None:
    value = target.uniform(*tile)
    # Where there may be no data, a labelled tile must be looked at.
    return value if validity is None or value == IGNORE_INDEX else None


def _known(target: Target, validity: ValidTiles | None, z: int, rect: Rect) -> IndexMask:
    values = target.window(rect)
    valid = None if validity is None or bool((values == IGNORE_INDEX).all()) else validity(z, rect)
    return values if valid is None else np.where(valid, values, IGNORE_INDEX).astype(np.uint8)


def _runs(tiles: Sequence[tuple[int, int]]) -> Iterator[list[tuple[int, int]]]:
    """Neighbours of a row together."""
    run: list[tuple[int, int]] = []
    for tile in tiles:
        if run and tile[1] != run[-1][1] + 1:
            yield run
            run = []
        run.append(tile)
    if run:
        yield run


def pixels_of(values: IndexMask) -> Counts:
    """(256,) int64 pixels of each value; a fifth of what bincount takes."""
    found = cv2.calcHist([np.ascontiguousarray(values)], [0], None, [256], [0, 256])
    return np.asarray(found.ravel().astype(np.int64))


class ClassPlaces:
    """Where the classes are labelled in several images, to draw one of them as often as any other."""

    def __init__(self, indices: Sequence[LabelIndex]) -> None:
        image = np.concatenate([np.full(len(index.tiles), i, np.int32) for i, index in enumerate(indices)])
        tiles = np.concatenate([index.tiles for index in indices])
        classes = max(index.counts.shape[1] for index in indices)
        has = np.concatenate([np.pad(i.counts > 0, ((0, 0), (0, classes - i.counts.shape[1]))) for i in indices])
        self._places = {int(c): (image[has[:, c]], tiles[has[:, c]]) for c in np.flatnonzero(has.any(0))}

    @property
    def classes(self) -> tuple[int, ...]:
        """Class indices that are labelled anywhere."""
        return tuple(self._places)

    def draw(self, generator: np.random.Generator) -> tuple[int, int, tuple[int, int]]:
        """(class index, image, (ty, tx)): a class, then one of the tiles that hold it."""
        chosen = self.classes[int(generator.integers(len(self._places)))]
        images, tiles = self._places[chosen]
        place = int(generator.integers(len(images)))
        ty, tx = tiles[place].tolist()
        return chosen, int(images[place]), (ty, tx)
