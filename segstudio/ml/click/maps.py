"""Prompts as the network sees them: four maps and a list of points."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

MARK_RADIUS_PX = 5
"""Of the disc that marks a click, in the network's pixels (as in RITM)."""
LINE_PX = 5
"""Width of a scribble's line."""
MOST_POINTS = 24
"""So many places are compared with the rest; of a scribble some are taken."""
_SHIFT = 4


def empty_maps(height: int, width: int) -> npt.NDArray[np.float32]:
    """Maps without any prompt, (4, y, x) float32."""
    return np.zeros((4, height, width), np.float32)


def mark_point(maps: npt.NDArray[np.float32], x: float, y: float, is_positive: bool) -> None:
    """Draw the disc of a click; (x, y) are positions, pixel (0, 0) covering 0 … 1."""
    centre = (round((x - 0.5) * (1 << _SHIFT)), round((y - 0.5) * (1 << _SHIFT)))
    radius = MARK_RADIUS_PX << _SHIFT
    plane = np.ascontiguousarray(maps[0 if is_positive else 1])
    maps[0 if is_positive else 1] = cv2.circle(plane, centre, radius, 1.0, -1, cv2.LINE_8, _SHIFT)


def mark_line(maps: npt.NDArray[np.float32], points_xy: npt.NDArray[np.float32], is_positive: bool) -> None:
    """Draw a scribble through *points_xy* (N, 2)."""
    if len(points_xy) == 1:
        mark_point(maps, float(points_xy[0, 0]), float(points_xy[0, 1]), is_positive)
        return
    plane = np.ascontiguousarray(maps[0 if is_positive else 1])
    line = np.round((np.asarray(points_xy, np.float64) - 0.5) * (1 << _SHIFT)).astype(np.int32)
    maps[0 if is_positive else 1] = cv2.polylines(plane, [line], False, 1.0, LINE_PX, cv2.LINE_8, _SHIFT)


def mark_box(maps: npt.NDArray[np.float32], box_xyxy: Sequence[float]) -> None:
    """Fill the box (left, top, right, bottom)."""
    left, top, right, bottom = (round(float(value)) for value in box_xyxy)
    height, width = maps.shape[1:]
    maps[2, max(0, top) : max(0, min(height, bottom)), max(0, left) : max(0, min(width, right))] = 1.0


def point_list(points: Sequence[tuple[float, float, bool]]) -> npt.NDArray[np.float32]:
    """(K, 3) float32 of x, y and kind; the last :data:`MOST_POINTS` of them, one of kind −1 when there are none."""
    kept = points[-MOST_POINTS:]
    if not kept:
        return np.array([[0, 0, -1]], np.float32)
    return np.array([[x, y, 1.0 if is_positive else 0.0] for x, y, is_positive in kept], np.float32)


def along(points_xy: npt.NDArray[np.float32], most: int = 8) -> npt.NDArray[np.float32]:
    """At most *most* points of a scribble, spread evenly over its length."""
    points = np.asarray(points_xy, np.float32).reshape(-1, 2)
    if len(points) < 2:
        return points
    lengths = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(points, axis=0).T))])
    count = int(np.clip(round(lengths[-1] / 12) + 1, 2, most))
    wanted = np.linspace(0, lengths[-1], count)
    return np.stack([np.interp(wanted, lengths, points[:, axis]) for axis in (0, 1)], 1).astype(np.float32)
