"""What the tools share that look at the picture: what they look at, work in the background, areas waiting for Enter."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import cv2
import numpy as np

from segstudio.app.image_access import rgb_of, shown_settings
from segstudio.app.tools.base import Tool
from segstudio.core.cancel import check
from segstudio.core.display import DisplaySettings, auto_settings, shown_bands
from segstudio.core.errors import UserError
from segstudio.core.geometry import Rect
from segstudio.core.regions import tightened

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from segstudio.app.tools.base import PointerEvent
    from segstudio.core.cancel import Cancel, CancelToken
    from segstudio.io.readers.base import ImageReader

T = TypeVar("T")

MOST_AREA_PX = 1 << 27
"""An area that spans more image pixels is refused."""


@dataclass(frozen=True, eq=False)
class Picture:
    """One plane of an image as it is seen now; a worker may read from it while the session goes on."""

    reader: ImageReader
    z: int
    display: DisplaySettings | None

    def shown(self) -> DisplaySettings:
        """How it is seen; before that is known, as the coarsest level suggests (which is read: a worker's work)."""
        if self.display is not None:
            return self.display
        info = self.reader.info
        level = max(0, len(info.levels) - 1)
        width, height = info.levels[level] if info.levels else (info.width, info.height)
        return auto_settings(self.reader.read(level, self.z, Rect(0, 0, width, height)))

    @property
    def bounds(self) -> Rect:
        """The whole plane."""
        return Rect(0, 0, self.reader.info.width, self.reader.info.height)

    def view_of(self, rect: Rect, longest_px: int, cancel: Cancel) -> PictureView:
        """*rect* (inside the image) with a longer side of *longest_px* at most, reduced where it is larger.

        Raises
        ------
        UserError
            When the file can no longer be read.
        Cancelled
            When *cancel* was set.
        """
        check(cancel)
        levels = self.reader.info.levels or ((self.bounds.width, self.bounds.height),)
        longest = max(rect.width, rect.height)
        level = 0
        while level + 1 < len(levels) and longest * levels[level + 1][0] >= longest_px * levels[0][0]:
            level += 1
        step_x, step_y = self.bounds.width / levels[level][0], self.bounds.height / levels[level][1]
        left, top = int(rect.x / step_x), int(rect.y / step_y)
        right, bottom = math.ceil(rect.right / step_x), math.ceil(rect.bottom / step_y)
        window = Rect(left, top, max(1, right - left), max(1, bottom - top)).clipped(*levels[level])
        rgb = rgb_of(self.reader, self.z, window, self.shown(), level)
        check(cancel)
        corner = (window.x * step_x, window.y * step_y)
        height, width = rgb.shape[:2]
        share = min(1.0, longest_px / max(width, height))
        if share < 1:
            size = (max(1, round(width * share)), max(1, round(height * share)))
            rgb = np.asarray(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA), np.uint8)
            step_x, step_y = step_x * width / size[0], step_y * height / size[1]
        return PictureView(rgb, corner, (step_x, step_y))


@dataclass(frozen=True, eq=False)
class PictureView:
    """A part of a picture: ``rgb`` (h, w, 3) uint8, whose corner lies at ``corner_xy`` of the image.

    One of its pixels covers ``step_xy`` image pixels across and down.
    """

    rgb: npt.NDArray[np.uint8]
    corner_xy: tuple[float, float]
    step_xy: tuple[float, float]

    def to_view(self, xy: tuple[float, float]) -> tuple[float, float]:
        """An image position in pixels of ``rgb``."""
        return ((xy[0] - self.corner_xy[0]) / self.step_xy[0], (xy[1] - self.corner_xy[1]) / self.step_xy[1])

    def to_image(self, xy: tuple[float, float]) -> tuple[float, float]:
        """A position in pixels of ``rgb`` in image pixels."""
        return (xy[0] * self.step_xy[0] + self.corner_xy[0], xy[1] * self.step_xy[1] + self.corner_xy[1])

    def places(self) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
        """(columns, rows) of the image in which the middles of its pixels lie."""
        height, width = self.rgb.shape[:2]
        xs = self.corner_xy[0] + (np.arange(width) + 0.5) * self.step_xy[0]
        ys = self.corner_xy[1] + (np.arange(height) + 0.5) * self.step_xy[1]
        return xs.astype(np.intp), ys.astype(np.intp)

    def image_rect(self, bounds: Rect) -> Rect:
        """The image pixels covered, within *bounds*."""
        left, top = (round(value) for value in self.to_image((0, 0)))
        right, bottom = (round(value) for value in self.to_image((self.rgb.shape[1], self.rgb.shape[0])))
        return Rect(left, top, right - left, bottom - top).intersected(bounds)


class SmartTool(Tool):
    """A tool that looks at the picture. ``has_guard`` holds: all it paints goes through the painting guard."""

    has_guard = True

    def picture(self) -> Picture | None:
        """The picture shown; None (and a sentence) while it is not decoded."""
        reader = self.session.reader
        if reader is None:
            self.session.say("The picture is still being opened: try again in a moment.")
            return None
        display = shown_settings(self.session)
        if display is None and reader.info.dtype == "uint8":
            display = DisplaySettings(bands=shown_bands(reader.info.bands))  # as it is, whatever the values
        return Picture(reader, self.session.plane, display)

    def in_background(
        self, work: Callable[[CancelToken], T], done: Callable[[T], None], failed: Callable[[str], None] | None = None
    ) -> None:
        """Do *work* off the document's thread; what this tool had running is dropped."""
        self.context.background.run(self.id, work, done, failed or self.session.say)

    def drop_work(self) -> None:
        """Nobody waits for the work any more."""
        self.context.background.drop(self.id)

    @staticmethod
    def is_erase(event: PointerEvent) -> bool:
        """Whether a press means to erase: Ctrl held, or the other end of the pen."""
        return "ctrl" in event.modifiers or event.kind == "eraser"


def full_size_area(mask: npt.NDArray[np.bool_], view: PictureView, bounds: Rect) -> tuple[npt.NDArray[np.bool_], Rect]:
    """What a mask over *view* covers of the image: ((h, w) bool in image pixels, its rectangle).

    Raises
    ------
    UserError
        When the area would be too large to be held as one mask.
    """
    found, box = tightened(mask, Rect(0, 0, mask.shape[1], mask.shape[0]))
    if box.is_empty:
        return found, box
    left, top = (round(value) for value in view.to_image((box.x, box.y)))
    right, bottom = (round(value) for value in view.to_image((box.right, box.bottom)))
    rect = Rect(left, top, max(1, right - left), max(1, bottom - top))
    if rect.width * rect.height > MOST_AREA_PX:
        raise UserError(
            f"The area spans {rect.width:,} × {rect.height:,} pixels, which is more than this tool takes at once",
            remedy="zoom in and mark a smaller part",
        )
    if (rect.width, rect.height) != (box.width, box.height):
        grey = cv2.resize(found.astype(np.uint8) * 255, (rect.width, rect.height), interpolation=cv2.INTER_LINEAR)
        found = np.asarray(grey > 127)
    inside = rect.intersected(bounds)
    return found[inside.moved(-rect.x, -rect.y).slices], inside
