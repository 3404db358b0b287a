"""Threshold brush: paints only pixels whose value lies within an intensity range."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from segstudio.app.image_access import band_of
from segstudio.app.tools.picture_brush import PictureBrushTool
from segstudio.core.brush import stroke_mask
from segstudio.core.errors import UserError
from segstudio.core.value_range import in_range, range_of

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from segstudio.app.tools.base import PointerEvent, ToolPreview
    from segstudio.app.tools.smart import Picture
    from segstudio.app.tools.stroke import Dab, Point
    from segstudio.core.geometry import Rect

LOW, HIGH, BAND = "threshold.low", "threshold.high", "threshold.band"


class ThresholdBrushTool(PictureBrushTool):
    """Alt-click takes the range from under the brush; dragging with Alt widens it to all that is gone over."""

    id = "threshold"
    size_key = "threshold.size_px"
    shape_key = "threshold.shape"
    options = (LOW, HIGH, BAND)
    what = "Threshold"
    takes_alt = True

    _before: tuple[float, float] | None = None
    """The range as it was before it began to be taken; None while it is not being taken."""
    _has_taken = False

    @property
    def range(self) -> tuple[float, float]:
        """(low, high): what is painted, in the image's own values."""
        return self.settings.number(LOW), self.settings.number(HIGH)

    @property
    def is_dragging(self) -> bool:
        """Whether a stroke is under way or a range is being taken."""
        return self._before is not None or super().is_dragging

    @property
    def is_busy(self) -> bool:
        """Whether Esc has something to abandon."""
        return self.is_dragging

    def press(self, event: PointerEvent) -> None:
        """Begin a stroke, or with Alt begin to take the range."""
        if event.button == "left" and "alt" in event.modifiers and not self.is_dragging:
            if self.picture() is not None:
                self._before, self._has_taken = self.range, False
                self._take(event)
        elif self._before is None:
            super().press(event)

    def move(self, event: PointerEvent) -> None:
        """Go on with either."""
        if self._before is None:
            super().move(event)
        else:
            self._take(event)

    def release(self, event: PointerEvent) -> None:
        """End either."""
        if self._before is None:
            super().release(event)
        elif event.button == "left":
            self._before = None
            self.update()

    def cancel(self) -> bool:
        """Abandon the stroke, or have the range as it was."""
        if self._before is None:
            return super().cancel()
        before, self._before = self._before, None
        self._set_range(*before)
        self.update()
        return True

    def part_of(self, picture: Picture, dab: Dab, end_xy: Point) -> Dab:
        """The pixels whose values are in the range."""
        mask, rect = dab
        return mask & in_range(self._values(picture, rect), *self.range), rect

    def _values(self, picture: Picture, rect: Rect) -> npt.NDArray[np.float32]:
        return band_of(picture.reader.read(0, picture.z, rect), self.settings.integer(BAND))

    def _take(self, event: PointerEvent) -> None:
        """Widen the range to what lies under the brush; the first time it is set to just that."""
        picture = self.picture()
        if picture is not None:
            mask, rect = self._inside(picture, stroke_mask([event.xy], self.size_of(event), self.shape))
            try:
                found = None if rect.is_empty else range_of(self._values(picture, rect), mask)
            except UserError as error:
                found = None
                self.session.say(str(error))
            if found is not None:
                low, high = self.range if self._has_taken else found
                self._has_taken = True
                self._set_range(min(low, found[0]), max(high, found[1]))
        self._set_ring(event)

    def _set_range(self, low: float, high: float) -> None:
        self.settings.set(LOW, low)
        self.settings.set(HIGH, high)

    def preview(self) -> ToolPreview:
        """The ring, what a click would paint, and the range while it is taken."""
        shown = super().preview()
        if self._before is None:
            return shown
        low, high = self.range
        return replace(shown, text=f"{low:g} … {high:g}")
