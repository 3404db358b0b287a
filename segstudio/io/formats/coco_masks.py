"""COCO segmentations as masks: polygons, run lengths as text or as numbers; each as large as what it covers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from segstudio.core.brush import polygon_mask
from segstudio.core.geometry import Rect
from segstudio.core.rle import decode_runs
from segstudio.io.formats.safety import points, whole_number
from segstudio.io.readers.limits import MAX_PIXELS

if TYPE_CHECKING:
    import numpy.typing as npt

    from segstudio.io.formats.problems import Note
    from segstudio.io.formats.safety import Limits

Mask = tuple[int, int, "npt.NDArray[np.bool_]"]
"""x, y of the corner; (h, w) bool."""


def mask_of(segmentation: Any, width: int, height: int, limits: Limits, note: Note) -> Mask:
    """The pixels of a segmentation on an image of *width* × *height*.

    A polygon holds the pixels whose centre lies inside by the even-odd rule; several are united, as the COCO API does. Of
    several polygons those that cannot be read are noted and left out.

    Raises
    ------
    ValueError
        When nothing can be read, or nothing of it lies in the image; the text says what it is, without a verb.
    """
    if isinstance(segmentation, dict):
        found = _runs_mask(segmentation, width, height)
    elif isinstance(segmentation, list):
        found = _polygons_mask(segmentation, width, height, limits, note)
    else:
        raise ValueError("a segmentation that is neither polygons nor run lengths")
    if not found[2].any():
        raise ValueError("an outline that holds no pixel of the image")
    return found


def _runs_mask(rle: dict[str, Any], width: int, height: int) -> Mask:
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
    return runs_to_mask(starts, ends, height)


def runs_to_mask(starts: npt.NDArray[np.int64], ends: npt.NDArray[np.int64], height: int) -> Mask:
    """The mask of runs in column-major order (as :func:`segstudio.core.rle.decode_runs` gives them).

    Raises
    ------
    ValueError
        When it would be too large for the memory.
    """
    is_there = ends > starts
    starts, ends = starts[is_there], ends[is_there]
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


def _polygons_mask(polygons: list[Any], width: int, height: int, limits: Limits, note: Note) -> Mask:
    if not polygons:
        raise ValueError("an annotation without an outline")
    if not isinstance(polygons[0], list) or all(isinstance(pair, list) and len(pair) == 2 for pair in polygons):
        # One outline that is not in a list of outlines.
        polygons = [polygons]
    parts: list[tuple[npt.NDArray[np.bool_], Rect]] = []
    for polygon in polygons:
        try:
            corners = points(polygon, limits)
            box = _box(corners, width, height)
            _check_area(box.width, box.height)
        except ValueError as error:
            if len(polygons) == 1:
                raise
            note(f"{str(error).capitalize()} was left out of its annotation")
            continue
        mask, rect = polygon_mask(corners, (width, height))  # type: ignore[arg-type]
        if not rect.is_empty and mask.any():
            parts.append((mask, rect))
        elif len(polygons) > 1:
            note("A polygon that holds no pixel of the image was left out of its annotation")
    return _united(parts)


def _box(corners: npt.NDArray[np.float64], width: int, height: int) -> Rect:
    left, top = np.floor(corners.min(axis=0)).astype(int).tolist()
    right, bottom = np.ceil(corners.max(axis=0)).astype(int).tolist()
    return Rect(left, top, right - left, bottom - top).clipped(width, height)


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


def _check_area(width: int, height: int) -> None:
    if width * height > MAX_PIXELS:
        raise ValueError("an outline larger than can be held")


def box_mask(box: Any, width: int, height: int) -> Mask:
    """A filled box ``[x, y, width, height]``: the pixels whose centre lies inside. Raises as :func:`mask_of`."""
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
    _check_area(right - left, bottom - top)
    return left, top, np.ones((bottom - top, right - left), np.bool_)
