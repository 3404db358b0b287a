"""COCO segmentations as masks: polygons, run lengths as text or as numbers; each as large as what it covers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from segstudio.core.brush import polygon_mask
from segstudio.core.rle import decode_runs
from segstudio.io.formats.safety import points, whole_number
from segstudio.io.readers.limits import MAX_STREAMED_PIXELS

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

    from segstudio.core.geometry import Rect
    from segstudio.io.formats.problems import Note
    from segstudio.io.formats.safety import Limits

Mask = tuple[int, int, "npt.NDArray[np.bool_]"]
"""x, y of the corner; (h, w) bool."""
PART_PIXELS = 1 << 26
"""Larger images come in parts of so many pixels."""


def masks_of(segmentation: Any, width: int, height: int, limits: Limits, note: Note) -> Iterator[Mask]:
    """The pixels of a segmentation on an image of *width* × *height*; of a large image in parts, from the left.

    A polygon holds the pixels whose centre lies inside by the even-odd rule; several are united, as the COCO API does. Of
    several polygons those that cannot be read are noted and left out.

    Raises
    ------
    ValueError
        When nothing can be read, or nothing of it lies in the image; the text says what it is, without a verb.
    """
    region: _Runs | _Polygons
    if isinstance(segmentation, dict):
        region = _Runs(segmentation, width, height)
    elif isinstance(segmentation, list):
        region = _Polygons(segmentation, (width, height), limits, note)
    else:
        raise ValueError("a segmentation that is neither polygons nor run lengths")
    is_empty = True
    step = max(1, PART_PIXELS // height)
    for left in range(0, width, step):
        x, y, mask = region.part(left, min(width, left + step))
        if mask.any():
            is_empty = False
            yield x, y, mask
    if is_empty:
        raise ValueError("an outline that holds no pixel of the image")
    if isinstance(region, _Polygons) and region.unseen:
        note("A polygon that holds no pixel of the image was left out of its annotation", region.unseen)


class _Runs:
    """Run lengths, decoded."""

    def __init__(self, rle: dict[str, Any], width: int, height: int) -> None:
        size = rle.get("size")
        if not isinstance(size, list) or len(size) != 2:
            raise ValueError("run lengths without a size")
        rows, columns = (whole_number(side) for side in size)
        if (rows, columns) != (height, width):
            raise ValueError(f"run lengths for an image of {columns} × {rows} pixels")
        counts = rle.get("counts")
        if not isinstance(counts, str | list):
            raise ValueError("run lengths that are none")
        try:
            starts, ends = decode_runs(counts, height, width)
        except (ValueError, TypeError) as error:
            raise ValueError("run lengths that do not fit the image") from error
        is_there = ends > starts
        self._starts, self._ends, self._height = starts[is_there], ends[is_there], height
        if is_there.any():
            _check_area(int((self._ends[-1] - 1) // height - self._starts[0] // height) + 1, height)

    def part(self, left: int, right: int) -> Mask:
        """The mask of the columns *left* to *right*, the latter not included."""
        low, high = left * self._height, right * self._height
        first, last = np.searchsorted(self._ends, low, "right"), np.searchsorted(self._starts, high, "left")
        starts, ends = self._starts[first:last], self._ends[first:last]
        return runs_to_mask(np.maximum(starts, low), np.minimum(ends, high), self._height)


def runs_to_mask(starts: npt.NDArray[np.int64], ends: npt.NDArray[np.int64], height: int) -> Mask:
    """The mask of runs in column-major order, none of them empty.

    Raises
    ------
    ValueError
        When it would be too large for the memory.
    """
    if starts.size == 0:
        return 0, 0, np.zeros((0, 0), np.bool_)
    left, right = starts // height, (ends - 1) // height
    x, columns = int(left[0]), int(right[-1] - left[0]) + 1
    if bool((left != right).any()):
        # A run that goes on in the next column: all rows, so that it is one run here, too.
        y, rows = 0, height
    else:
        tops = starts - left * height
        y = int(tops.min())
        rows = int((ends - left * height).max()) - y
    _check_area(columns, rows)
    inner = starts - left * height - y + (left - x) * rows
    flips = np.zeros(columns * rows + 1, np.int8)
    # Runs are in order and none is empty: no two begin or end at the same place.
    flips[inner] = 1
    flips[inner + (ends - starts)] -= 1
    np.cumsum(flips, out=flips)
    return x, y, np.ascontiguousarray(flips[:-1].view(np.bool_).reshape(columns, rows).T)


class _Polygons:
    """Outlines, checked; ``unseen`` counts those that no part asked for had a pixel of."""

    def __init__(self, polygons: list[Any], size: tuple[int, int], limits: Limits, note: Note) -> None:
        if not polygons:
            raise ValueError("an annotation without an outline")
        if not isinstance(polygons[0], list) or all(isinstance(pair, list) and len(pair) == 2 for pair in polygons):
            # One outline that is not in a list of outlines.
            polygons = [polygons]
        self._height = size[1]
        self._corners: list[npt.NDArray[np.float64]] = []
        for polygon in polygons:
            try:
                corners = points(polygon, limits)
                low, high = np.clip(corners.min(axis=0), 0, size), np.clip(corners.max(axis=0), 0, size)
                _check_area(*(high - low))
                self._corners.append(corners)
            except ValueError as error:
                if len(polygons) == 1:
                    raise
                note(f"{str(error).capitalize()} was left out of its annotation")
        self._seen = [False] * len(self._corners)

    @property
    def unseen(self) -> int:
        return self._seen.count(False)

    def part(self, left: int, right: int) -> Mask:
        """The mask of the columns *left* to *right*, the latter not included."""
        parts: list[tuple[npt.NDArray[np.bool_], Rect]] = []
        for place, corners in enumerate(self._corners):
            if corners[:, 0].max() <= left or corners[:, 0].min() >= right:
                continue
            mask, rect = polygon_mask(corners - (left, 0), (right - left, self._height))  # type: ignore[arg-type]
            if not rect.is_empty and mask.any():
                self._seen[place] = True
                parts.append((mask, rect.moved(left, 0)))
        return _united(parts)


def _united(parts: list[tuple[npt.NDArray[np.bool_], Rect]]) -> Mask:
    if not parts:
        return 0, 0, np.zeros((0, 0), np.bool_)
    if len(parts) == 1:
        mask, rect = parts[0]
        return rect.x, rect.y, mask
    left, top = min(rect.x for _, rect in parts), min(rect.y for _, rect in parts)
    right, bottom = max(rect.right for _, rect in parts), max(rect.bottom for _, rect in parts)
    _check_area(right - left, bottom - top)
    out = np.zeros((bottom - top, right - left), np.bool_)
    for mask, rect in parts:
        out[rect.moved(-left, -top).slices] |= mask
    return left, top, out


def _check_area(width: float, height: float) -> None:
    if width * height > MAX_STREAMED_PIXELS:
        raise ValueError("an outline larger than can be held")


def box_mask(box: Any, width: int, height: int) -> Mask:
    """A filled box ``[x, y, width, height]``: the pixels whose centre lies inside. Raises as :func:`masks_of`."""
    try:
        x, y, wide, high = (float(side) for side in box)
        is_box = wide > 0 and high > 0 and max(abs(x), abs(y), wide, high) < 1e7
    except (TypeError, ValueError, OverflowError):
        is_box = False
    if not is_box:
        raise ValueError("a box that is none")
    left, top = max(0, int(np.ceil(x - 0.5))), max(0, int(np.ceil(y - 0.5)))
    right, bottom = min(width, int(np.ceil(x + wide - 0.5))), min(height, int(np.ceil(y + high - 0.5)))
    if right <= left or bottom <= top:
        raise ValueError("a box that holds no pixel of the image")
    if (right - left) * (bottom - top) > 8 * PART_PIXELS:
        raise ValueError("a box larger than can be held")
    return left, top, np.ones((bottom - top, right - left), np.bool_)
