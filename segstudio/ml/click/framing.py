"""Which piece of a picture a click model looks at: what the hints are about, squares around that, and around what a hint corrects.

Rectangles and positions are in the picture's pixels; masks and logits are (y, x).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from segstudio.core.geometry import Rect
from segstudio.ml.click import maps as prompt_maps

if TYPE_CHECKING:
    import numpy.typing as npt

    from segstudio.ml.api import Prompts

SMALLEST_PX = 32
LEAST_ROOM = 1.15
"""A closer look that was taken before is taken again while it has this much room."""
FOCUS_ROOM = 3.0
"""A look around a correction is so many times as wide as what was changed by it."""
FOCUS_PX = 48
"""It is never narrower than this."""
FOCUS_SHARE = 0.9
"""Corrections that need more than this part of the picture are none that a nearer look could see better."""
RIM = 0.1
"""In this part of its side, from each inner edge on, a look around a correction fades into what was known before."""


def bounds(probability: npt.NDArray[np.float32], prompts: Prompts) -> Rect:
    """What the hints are about: the object so far without its crumbs, the marks and the box."""
    mask = (probability >= 0.5).astype(np.uint8)
    count, pieces, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
    boxes: list[tuple[float, float, float, float]] = []
    if count > 1:
        areas = stats[1:, cv2.CC_STAT_AREA]
        marked = {int(pieces[y, x]) for x, y in _positive_pixels(prompts, mask.shape)} - {0}
        least = 0.1 * max((int(areas[i - 1]) for i in marked), default=int(areas.max()))
        for i in range(1, count):
            if i in marked or (not marked and areas[i - 1] >= least):
                left, top, width, height = (int(v) for v in stats[i, :4])
                boxes.append((left, top, left + width, top + height))
    for x, y in _all_points(prompts):
        boxes.append((x - 1, y - 1, x + 1, y + 1))
    if prompts.box_xyxy is not None:
        boxes.append(prompts.box_xyxy)
    if not boxes:
        return Rect(0, 0, mask.shape[1], mask.shape[0])
    corners = np.array(boxes)
    left, top = np.floor(corners[:, :2].min(0)).astype(int)
    right, bottom = np.ceil(corners[:, 2:].max(0)).astype(int)
    return Rect(int(left), int(top), int(right - left), int(bottom - top))


def marks_of(prompts: Prompts) -> list[tuple[float, float, bool]]:
    """Points, and some of each scribble, as (x, y, is positive)."""
    points = np.asarray(prompts.points_xy, np.float32).reshape(-1, 2)
    found = [(float(x), float(y), bool(p)) for (x, y), p in zip(points, prompts.is_positive, strict=True)]
    for line in prompts.scribbles:
        found += [(float(x), float(y), line.is_positive) for x, y in prompt_maps.along(line.points_xy)]
    return found


def _all_points(prompts: Prompts) -> list[tuple[float, float]]:
    points = [np.asarray(prompts.points_xy, np.float32).reshape(-1, 2)]
    points += [np.asarray(line.points_xy, np.float32).reshape(-1, 2) for line in prompts.scribbles]
    return [(float(x), float(y)) for x, y in np.concatenate(points)]


def _positive_pixels(prompts: Prompts, shape: tuple[int, ...]) -> list[tuple[int, int]]:
    points = np.asarray(prompts.points_xy, np.float32).reshape(-1, 2)[np.asarray(prompts.is_positive, bool)]
    lines = [np.asarray(line.points_xy, np.float32).reshape(-1, 2) for line in prompts.scribbles if line.is_positive]
    pixels = np.concatenate([points, *lines]).astype(int)
    return [(int(x), int(y)) for x, y in pixels if 0 <= x < shape[1] and 0 <= y < shape[0]]


def around(subject: Rect, room: float, width: int, height: int) -> Rect:
    """A square *room* times as wide as *subject*, moved into the picture and cut where that has no room for it."""
    side = max(SMALLEST_PX, round(room * max(subject.width, subject.height)))
    w, h = min(side, width), min(side, height)
    x = min(max(0, round(subject.x + subject.width / 2 - w / 2)), width - w)
    y = min(max(0, round(subject.y + subject.height / 2 - h / 2)), height - h)
    return Rect(x, y, w, h)


def still_holds(rect: Rect, subject: Rect, wanted: Rect) -> bool:
    """Whether a look taken before does for *subject*: with a little room around it, and not much too far away."""
    slack_x = (LEAST_ROOM - 1) / 2 * subject.width
    slack_y = (LEAST_ROOM - 1) / 2 * subject.height
    has_room = (
        (rect.x <= subject.x - slack_x or rect.x <= wanted.x)
        and (rect.y <= subject.y - slack_y or rect.y <= wanted.y)
        and (rect.right >= subject.right + slack_x or rect.right >= wanted.right)
        and (rect.bottom >= subject.bottom + slack_y or rect.bottom >= wanted.bottom)
    )
    return has_room and max(rect.width, rect.height) <= 1.8 * max(wanted.width, wanted.height)


def focus(
    old: npt.NDArray[np.float32], new: npt.NDArray[np.float32], marks: list[tuple[float, float, bool]]
) -> Rect | None:
    """Where to look closely after an answer: around the marks that the *old* logits contradicted, and what changed there.

    A correction is local: seen from nearer by than the whole object it ends where the eye would end it (as in FocalClick,
    Chen et al. 2022, arXiv:2204.02574). None when no mark corrects anything, or so much that there is nothing nearer.
    """
    height, width = new.shape
    places = [(int(np.floor(x)), int(np.floor(y)), p) for x, y, p in marks]
    wrong = [(x, y) for x, y, p in places if 0 <= x < width and 0 <= y < height and (old[y, x] > 0) != p]
    if not wrong:
        return None
    changed = ((new > 0) != (old > 0)).astype(np.uint8)
    _, pieces, stats, _ = cv2.connectedComponentsWithStats(changed, connectivity=8)
    found: Rect | None = None
    for x, y in wrong:
        piece = int(pieces[y, x])
        left, top, w, h = (int(v) for v in stats[piece, :4]) if piece else (x - 1, y - 1, 3, 3)
        one = Rect(left, top, w, h)
        found = one if found is None else found.united(one)
    assert found is not None
    side = max(FOCUS_PX, round(FOCUS_ROOM * max(found.width, found.height)))
    if side > FOCUS_SHARE * max(width, height):
        return None
    return around(found, side / max(found.width, found.height), width, height)


def fade(rect: Rect, width: int, height: int) -> npt.NDArray[np.float32]:
    """(h, w) weights of *rect*: 1 inside, falling to 0 at those of its edges that are not the picture's."""

    def ramp(length: int, is_first: bool, is_last: bool) -> npt.NDArray[np.float32]:
        rim = max(1.0, RIM * max(rect.width, rect.height))
        at = np.arange(length) + 0.5
        weights = np.ones(length)
        if not is_first:
            weights = np.minimum(weights, at / rim)
        if not is_last:
            weights = np.minimum(weights, (length - at) / rim)
        return weights.astype(np.float32)

    across = ramp(rect.width, rect.x == 0, rect.right == width)
    down = ramp(rect.height, rect.y == 0, rect.bottom == height)
    return np.asarray(down[:, None] * across[None], np.float32)
