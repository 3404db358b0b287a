"""Segment maps whose ids are in the colours of a PNG (red + 256 × green + 65 536 × blue): ids, boxes, reading."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from segstudio.io.readers.limits import check_size, sentences

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import numpy.typing as npt

HIGHEST_ID = (1 << 24) - 1
_ROWS = 256
_SPREAD = 40
_TRIES = 500


def free_color_id(rgb: tuple[int, int, int], count: int, taken: set[int]) -> int:
    """An id whose colour is near *rgb* and which is not in *taken*, to which it is added; the *count*-th of its class.

    The same calls give the same ids. Black, which is void, is never given where 0 is taken.
    """
    for attempt in range(count, count + _TRIES):
        # Spread evenly, not by chance: plastic number, one axis each.
        shift = ((attempt * step + 0.5) % 1 - 0.5 for step in (0.8191725, 0.6710436, 0.5497005))
        near = (min(255, max(0, round(base + 2 * _SPREAD * part))) for base, part in zip(rgb, shift, strict=True))
        found = sum(part << bits for part, bits in zip(near if attempt else rgb, (0, 8, 16), strict=True))
        if found not in taken:
            taken.add(found)
            return found
    found = rgb[0] | rgb[1] << 8 | rgb[2] << 16
    while found in taken:
        found = (found + 1) & HIGHEST_ID
    taken.add(found)
    return found


class SegmentBoxes:
    """Area and box of each number below *count* in a map that comes in strips."""

    def __init__(self, count: int) -> None:
        self._areas = np.zeros(count, np.int64)
        far = np.iinfo(np.int64).max
        self._low = np.full((2, count), far)
        self._high = np.full((2, count), -1, np.int64)

    def add(self, strip: npt.NDArray[Any], y: int) -> None:
        """Take (h, w) numbers whose first row is *y*."""
        starts, values, lengths = _row_runs(strip)
        rows, columns = np.divmod(starts, max(1, strip.shape[1]))
        rows += y
        self._areas += np.bincount(values, weights=lengths, minlength=self._areas.size).astype(np.int64)
        for axis, first, last in ((0, columns, columns + lengths), (1, rows, rows + 1)):
            np.minimum.at(self._low[axis], values, first)
            np.maximum.at(self._high[axis], values, last)

    def area(self, number: int) -> int:
        """Pixels of *number*."""
        return int(self._areas[number])

    def box(self, number: int) -> tuple[int, int, int, int]:
        """x, y, width, height; of a number that occurs."""
        (x, y), (right, bottom) = self._low[:, number].tolist(), self._high[:, number].tolist()
        return x, y, right - x, bottom - y


def _row_runs(strip: npt.NDArray[Any]) -> tuple[npt.NDArray[np.int64], npt.NDArray[Any], npt.NDArray[np.int64]]:
    """(places, values, lengths) of runs of equal numbers; each row starts a new one."""
    is_start = np.ones(strip.shape, np.bool_)
    np.not_equal(strip[:, 1:], strip[:, :-1], out=is_start[:, 1:])
    starts = np.flatnonzero(is_start)
    return starts, strip.ravel()[starts], np.diff(starts, append=strip.size)


def map_size(path: Path) -> tuple[int, int]:
    """(width, height) from the header; UserError when the file is no PNG that can be read."""
    with sentences(path), Image.open(path, formats=("PNG",)) as image:
        check_size(path, *image.size, bytes_per_pixel=3, file_bytes=path.stat().st_size)
        return image.size


def read_map(path: Path, ids: Sequence[int]) -> npt.NDArray[np.uint32]:
    """(h, w) uint32: 0 void, k + 1 the segment ``ids[k]``, ``len(ids) + 1`` an id that is not among them.

    Ids are in the colours; a map saved as grey or with a palette is understood where its values or colours are the *ids*.

    Raises
    ------
    UserError
        When the picture is damaged or too large.
    """
    with sentences(path), Image.open(path, formats=("PNG",)) as image:
        check_size(path, *image.size, bytes_per_pixel=3, file_bytes=path.stat().st_size)
        values = [np.asarray(image)] if image.mode in ("L", "1", "I", "I;16", "I;16B", "P") else []
        if image.mode not in ("I", "I;16", "I;16B"):
            values.insert(0, np.asarray(image if image.mode == "RGB" else image.convert("RGB")))
    found = [_places(one, ids) for one in values]
    return min(found, key=lambda pair: pair[1])[0]


def _places(values: npt.NDArray[Any], ids: Sequence[int]) -> tuple[npt.NDArray[np.uint32], int]:
    """As :func:`read_map`, and how many pixels have ids that are not listed."""
    height, width = values.shape[:2]
    out = np.zeros((height, width), np.uint32)
    order = np.argsort(np.asarray(ids, np.int64), kind="stable")
    known = np.asarray(ids, np.int64)[order]
    strange = 0
    for y in range(0, height, _ROWS):
        part = values[y : y + _ROWS]
        if part.ndim == 3:
            wide = part.astype(np.uint32)
            part = wide[..., 0] | wide[..., 1] << 8 | wide[..., 2] << 16
        _, found, lengths = _row_runs(part)
        found = found.astype(np.int64)
        place = np.searchsorted(known, found)
        is_known = np.zeros(found.shape, np.bool_)
        inside = place < known.size
        is_known[inside] = known[place[inside]] == found[inside]
        numbers = np.where(found == 0, 0, len(ids) + 1)
        numbers[is_known] = order[place[is_known]] + 1
        strange += int(lengths[(found != 0) & ~is_known].sum())
        out[y : y + _ROWS] = np.repeat(numbers, lengths).reshape(part.shape)
    return out, strange
