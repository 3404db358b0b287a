"""Rows of a mask, handed on as soon as they are whole: a large image's mask is never in memory."""

from __future__ import annotations

import tempfile
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from segstudio.core.geometry import TILE, Rect

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    import numpy.typing as npt

    from segstudio.ml.api import WindowResult

    Validity = Callable[[int, Rect], npt.NDArray[np.bool_] | None]

SCRATCH_BYTES = 1 << 26
"""Masks that must be whole while they are painted (objects, best first) lie in a file from this size on."""


def rows_of(
    results: Iterable[WindowResult], width: int, height: int, dtype: npt.DTypeLike
) -> Iterator[npt.NDArray[Any]]:
    """(256, width) strips of class indices, the last may be lower, from *results* that come row by row.

    Memory: the rows of one row of windows. A pixel of no window is 0. Read each strip before asking for the next.

    Raises
    ------
    ValueError
        When a window begins above rows that were handed on.
    """
    band = np.zeros((0, width), dtype)
    top = done = 0  # the image rows of the band's first row, and of the first that may still change
    for result in results:
        rect = result.rect
        if rect.y < done:
            raise ValueError(f"a window at row {rect.y} after one at row {done}")
        done = rect.y
        while top + TILE <= done and len(band):
            strip, band = _cut(band, TILE)
            top += len(strip)
            yield strip
        missing = rect.bottom - top - len(band)
        if missing > 0:
            band = np.concatenate([band, np.zeros((missing, width), dtype)])
        band[rect.y - top : rect.bottom - top, rect.x : rect.right] = result.class_index
    while top < height:
        strip, band = _cut(band, min(TILE, height - top))
        top += len(strip)
        yield strip


def _cut(band: npt.NDArray[Any], rows: int) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    if len(band) < rows:
        band = np.concatenate([band, np.zeros((rows - len(band), band.shape[1]), band.dtype)])
    return band[:rows], band[rows:]


class CountedRows:
    """Strips with the pixels without data set to *ignore*; ``counts`` (classes,) int64 and ``has_ignored`` follow."""

    def __init__(
        self, strips: Iterable[npt.NDArray[Any]], width: int, classes: int, validity: Validity | None, ignore: int
    ) -> None:
        self.counts = np.zeros(classes, np.int64)
        self.has_ignored = False
        self._strips, self._width, self._validity, self._ignore = strips, width, validity, ignore

    def __iter__(self) -> Iterator[npt.NDArray[Any]]:
        """The strips, once."""
        y = 0
        for strip in self._strips:
            validity = self._validity
            valid = None if validity is None else validity(0, Rect(0, y, self._width, len(strip)))
            if valid is not None:
                strip[~valid] = self._ignore
                self.has_ignored = True
            # Row by row: counting makes eight bytes of each pixel.
            for row in strip:
                self.counts += np.bincount(row, minlength=len(self.counts))[: len(self.counts)]
            y += len(strip)
            yield strip


@contextmanager
def painted_mask(folder: Path, shape: tuple[int, int], dtype: npt.DTypeLike) -> Iterator[npt.NDArray[Any]]:
    """A (y, x) array of zeros to paint on; a large one lies in a nameless file in *folder*, not in memory."""
    if int(np.prod(shape)) * np.dtype(dtype).itemsize < SCRATCH_BYTES:
        yield np.zeros(shape, dtype)
        return
    with tempfile.TemporaryFile(dir=folder) as file:
        mask = np.memmap(file, dtype=dtype, mode="w+", shape=shape)
        try:
            yield mask
        finally:
            del mask
