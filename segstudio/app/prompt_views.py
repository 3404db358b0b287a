"""What a click model looks at: a part of the picture as it is seen, and the way back to image pixels."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from segstudio.core.errors import UserError
from segstudio.core.geometry import Rect
from segstudio.core.regions import tightened
from segstudio.ml.api import Prompts, Scribble

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from segstudio.app.tools.smart import Picture, PictureView
    from segstudio.core.cancel import Cancel

WHOLE_PX = 1536
"""An image whose longer side is at most this is looked at whole; of a larger one the part in view."""
LEAST_PX = 512
"""A smaller part shows too little of what is around an object."""
MARGIN = 0.15
MOST_AREA_PX = 1 << 27
HALF = 128
"""A probability, 0 … 255, from which a pixel belongs."""


@dataclass(frozen=True, slots=True)
class Mark:
    """A hint in image pixels: a point on the object or beside it; with ``to_xy`` a box around it; or a ``line`` by hand."""

    xy: tuple[float, float]
    is_positive: bool = True
    to_xy: tuple[float, float] | None = None
    line: tuple[tuple[float, float], ...] = ()

    @property
    def rect(self) -> Rect:
        """The image pixels it touches."""
        points = (self.xy, self.to_xy or self.xy, *self.line)
        left, top = int(min(x for x, _ in points)), int(min(y for _, y in points))
        right, bottom = int(max(x for x, _ in points)), int(max(y for _, y in points))
        return Rect(left, top, right - left + 1, bottom - top + 1)


@dataclass(frozen=True, eq=False)
class SeenPicture:
    """A part of an image as a click model gets it; ``key`` names its pixels. ``is_flat``: they are all of one colour."""

    key: str
    view: PictureView
    bounds: Rect
    is_flat: bool = False


def part_to_see(visible: Rect, bounds: Rect, marks: Sequence[Mark] = ()) -> Rect:
    """The part of an image to look at: all of a small one, else what is in view with some surroundings and all marks."""
    if max(bounds.width, bounds.height) <= WHOLE_PX:
        return bounds
    part = visible if not visible.is_empty else bounds
    for mark in marks:
        part = part.united(mark.rect)
    longer = max(part.width, part.height)
    return part.expanded(max(round(MARGIN * longer), (LEAST_PX - longer) // 2)).intersected(bounds)


def serves(seen: Rect, visible: Rect, bounds: Rect) -> bool:
    """Whether what was made of *seen* does for a view: it holds all of it, and is not far larger."""
    if seen == bounds and max(bounds.width, bounds.height) <= WHOLE_PX:
        return True
    if visible.intersected(seen) != visible:
        return False
    return seen.width * seen.height <= max(4 * visible.width * visible.height, 2 * LEAST_PX * LEAST_PX)


def look(picture: Picture, part: Rect, longest_px: int, cancel: Cancel) -> SeenPicture:
    """*part* of a picture, its longer side *longest_px* at most; a worker's work.

    Raises
    ------
    UserError
        When the file can no longer be read.
    """
    view = picture.view_of(part, longest_px, cancel)
    digest = hashlib.blake2b(np.ascontiguousarray(view.rgb).data, digest_size=16)
    digest.update(repr(view.rgb.shape).encode())
    is_flat = bool((view.rgb == view.rgb[:1, :1]).all())
    return SeenPicture(digest.hexdigest(), view, picture.bounds, is_flat)


def prompts_of(marks: Sequence[Mark], view: PictureView) -> Prompts:
    """Marks in image pixels as prompts in a view's; of boxes the last counts."""
    points = [mark for mark in marks if mark.to_xy is None and not mark.line]
    boxes = [mark for mark in marks if mark.to_xy is not None]
    box = None
    if boxes:
        (x0, y0), (x1, y1) = view.to_view(boxes[-1].xy), view.to_view(boxes[-1].to_xy or boxes[-1].xy)
        box = (min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1))
    return Prompts(
        np.array([view.to_view(mark.xy) for mark in points], np.float32).reshape(-1, 2),
        np.array([mark.is_positive for mark in points], bool),
        box,
        # One point may mean a part or the whole; whoever says more means one thing.
        is_ambiguous=len(marks) == 1 and len(points) == 1,
        scribbles=tuple(
            Scribble(np.array([view.to_view(xy) for xy in mark.line], np.float32), mark.is_positive)
            for mark in marks
            if mark.line
        ),
    )


def seen_area(probability: npt.NDArray[np.uint8], seen: SeenPicture) -> tuple[npt.NDArray[np.bool_], Rect]:
    """What is part of the object, to be drawn: (mask in pixels of the view, the image pixels it covers)."""
    whole = Rect(0, 0, probability.shape[1], probability.shape[0])
    mask, box = tightened(probability >= HALF, whole)
    return (mask, box) if box.is_empty else (mask, _image_rect(box, seen).intersected(seen.bounds))


def full_area(probability: npt.NDArray[np.uint8], seen: SeenPicture) -> tuple[npt.NDArray[np.bool_], Rect]:
    """What is part of the object in image pixels: ((h, w) bool, its rectangle), smooth where the view was reduced.

    Raises
    ------
    UserError
        When it would be too large to be held as one mask.
    """
    whole = Rect(0, 0, probability.shape[1], probability.shape[0])
    _, box = tightened(probability >= HALF, whole)
    if box.is_empty:
        return np.zeros((0, 0), bool), box
    box = box.expanded(1).intersected(whole)  # the slope outside takes part
    rect = _image_rect(box, seen)
    if rect.width * rect.height > MOST_AREA_PX:
        raise UserError(
            f"The area spans {rect.width:,} × {rect.height:,} pixels, which is more than this tool takes at once",
            remedy="zoom in and mark a smaller part",
        )
    part = np.ascontiguousarray(probability[box.slices])
    if (rect.width, rect.height) != (box.width, box.height):
        part = np.asarray(cv2.resize(part, (rect.width, rect.height), interpolation=cv2.INTER_LINEAR), np.uint8)
    inside = rect.intersected(seen.bounds)  # a pixel of the view may reach beyond the image
    return tightened((part >= HALF)[inside.moved(-rect.x, -rect.y).slices], inside)


def _image_rect(box: Rect, seen: SeenPicture) -> Rect:
    left, top = (round(value) for value in seen.view.to_image((box.x, box.y)))
    right, bottom = (round(value) for value in seen.view.to_image((box.right, box.bottom)))
    return Rect(left, top, max(1, right - left), max(1, bottom - top))
