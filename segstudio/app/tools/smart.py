"""What the tools share that look at the picture: what they look at, work in the background, areas waiting for Enter."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from segstudio.app.image_access import rgb_of, shown_settings
from segstudio.app.tools.base import Tool
from segstudio.core.cancel import check
from segstudio.core.geometry import Rect

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    import numpy.typing as npt

    from segstudio.app.tools.base import PointerEvent
    from segstudio.core.cancel import Cancel, CancelToken
    from segstudio.core.display import DisplaySettings
    from segstudio.io.readers.base import ImageReader

T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class Picture:
    """One plane of an image as it is seen now; a worker may read from it while the session goes on."""

    reader: ImageReader
    z: int
    display: DisplaySettings | None

    @property
    def bounds(self) -> Rect:
        """The whole plane."""
        return Rect(0, 0, self.reader.info.width, self.reader.info.height)

    def view_of(self, rect: Rect, longest_px: int, cancel: Cancel) -> PictureView:
        """*rect* (inside the image) at the finest level at which its longer side is about *longest_px* or less.

        Raises
        ------
        UserError
            When the file can no longer be read.
        Cancelled
            When *cancel* was set.
        """
        check(cancel)
        levels = self.reader.info.levels or ((self.bounds.width, self.bounds.height),)
        level = 0
        while level + 1 < len(levels) and max(rect.width, rect.height) * _share(levels, level) > longest_px:
            level += 1
        share_x, share_y = levels[level][0] / self.bounds.width, levels[level][1] / self.bounds.height
        left, top = int(rect.x * share_x), int(rect.y * share_y)
        right, bottom = -int(-rect.right * share_x // 1), -int(-rect.bottom * share_y // 1)
        window = Rect(left, top, max(1, right - left), max(1, bottom - top)).clipped(*levels[level])
        rgb = rgb_of(self.reader, self.z, window, self.display, level)
        check(cancel)
        return PictureView(rgb, window, 1 / share_x, 1 / share_y)


def _share(levels: tuple[tuple[int, int], ...], level: int) -> float:
    return levels[level][0] / levels[0][0]


@dataclass(frozen=True, eq=False)
class PictureView:
    """A window of a picture: ``rgb`` (h, w, 3) uint8 covers ``window`` in pixels of its level.

    One of its pixels covers ``step_x`` × ``step_y`` image pixels.
    """

    rgb: npt.NDArray[np.uint8]
    window: Rect
    step_x: float
    step_y: float

    def to_view(self, xy: tuple[float, float]) -> tuple[float, float]:
        """An image position in pixels of ``rgb``."""
        return (xy[0] / self.step_x - self.window.x, xy[1] / self.step_y - self.window.y)

    def to_image(self, xy: tuple[float, float]) -> tuple[float, float]:
        """A position in pixels of ``rgb`` in image pixels."""
        return ((xy[0] + self.window.x) * self.step_x, (xy[1] + self.window.y) * self.step_y)

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
        return Picture(reader, self.session.plane, shown_settings(self.session))

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
