"""The part of the session that says how the image's values become brightness and colour; nothing here is undoable."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from segstudio.app.session_base import SessionBase

if TYPE_CHECKING:
    import numpy.typing as npt

    from segstudio.core.display import DisplaySettings
    from segstudio.io.readers.base import ImageReader

SHARED = "display.shared"
"""Key in the project: what images of one kind (type and number of bands) are shown with, and whether they are."""


class DisplayPart(SessionBase):
    """Window/level, bands and colours of the current image, or of all images of its kind."""

    @property
    def display(self) -> DisplaySettings | None:
        """What was chosen for the current image; None = automatic. With a ``stretch`` its ranges are yet to be found."""
        return self._display

    @property
    def auto_display(self) -> DisplaySettings | None:
        """What "automatic", or a stretch, came to for the current image, once the canvas has seen its values."""
        return self._auto_display

    @property
    def shown_display(self) -> DisplaySettings | None:
        """What the current image is drawn with, as far as it is known."""
        chosen, found = self._display, self._auto_display
        if chosen is None or chosen.stretch is None or found is None:
            return found if chosen is None else chosen
        return replace(chosen, low=found.low, high=found.high, ranges=found.ranges)

    def set_display(self, display: DisplaySettings | None, *, remembers: bool = True) -> None:
        """Show the image's values another way; remembered with the image, or for all where that is switched on.

        ``remembers`` False: not yet, since the hand is still moving; the last call of a drag then remembers.
        """
        is_new = display != self._display
        self._display = display
        if remembers:
            self._remember_display()
        if is_new:
            self.display_changed.emit()

    @property
    def is_display_shared(self) -> bool:
        """Whether all images of a kind are shown alike, and new choices hold for all of them."""
        return bool(self._shared_displays().get("is_on"))

    def set_display_shared(self, is_on: bool) -> None:
        """Show all images of one kind (type and number of bands) alike, as the current one is; or each by its own."""
        if is_on == self.is_display_shared:
            return
        if is_on:
            self.set_meta(SHARED, {**self._shared_displays(), "is_on": True})
            self._remember_display()
        else:
            self.set_meta(SHARED, {**self._shared_displays(), "is_on": False})
            self._remember_display()  # what is seen stays; the others go back to what they had
        self.display_changed.emit()

    def set_auto_display(self, image_id: int, display: DisplaySettings) -> None:
        """The canvas tells what it found; dropped when another image is shown meanwhile."""
        if image_id == self.image_id and display != self._auto_display:
            self._auto_display = display
            if self._display is None or self._display.stretch is not None:
                self.display_changed.emit()

    def found_display(self, reader: object, display: DisplaySettings) -> None:
        """As :meth:`set_auto_display`, told with the reader that the canvas drew from."""
        is_found = self._display is None or self._display.stretch is not None
        if reader is self._reader and self.image_id is not None and is_found:
            self.set_auto_display(self.image_id, display)

    # -- the histogram's values ----------------------------------------------------------------------------------

    @property
    def sample(self) -> npt.NDArray[Any] | None:
        """(band, n) values that stand for the current image; None until the canvas has told them."""
        if self._sample is None or self._sample[0] is not self._reader:
            return None
        return self._sample[1]

    @property
    def needs_sample(self) -> bool:
        """Whether somebody looks at a histogram whose values are not known yet."""
        return self._watchers > 0 and self._reader is not None and self.sample is None

    def watch_sample(self, is_on: bool) -> None:
        """A histogram comes into sight, or goes."""
        self._watchers += 1 if is_on else -1
        if self.needs_sample:
            self.sample_wanted.emit()

    def found_sample(self, reader: ImageReader, values: npt.NDArray[Any]) -> None:
        """The canvas tells values of the image it draws; dropped when another one is shown meanwhile."""
        if reader is self._reader:
            self._sample = (reader, values)
            self.sample_changed.emit()

    def _shared_displays(self) -> dict[str, object]:
        kept = self.meta(SHARED)
        return kept if isinstance(kept, dict) else {}

    def _kind_of(self, image_id: int) -> str:
        record = self._records.get(image_id)
        return "" if record is None else f"{record.dtype}:{record.bands}"

    def _remember_display(self) -> None:
        image_id = self.image_id
        if image_id is None:
            return
        value = None if self._display is None else self._display.to_json()
        if self.is_display_shared:
            self.set_meta(SHARED, {**self._shared_displays(), self._kind_of(image_id): value})
        elif value != self.meta(f"display:{image_id}"):
            self.set_meta(f"display:{image_id}", value)

    def _remembered_display(self, image_id: int) -> DisplaySettings | None:
        from segstudio.core.display import DisplaySettings

        if self.is_display_shared:
            return DisplaySettings.from_json(self._shared_displays().get(self._kind_of(image_id)))
        return DisplaySettings.from_json(self.meta(f"display:{image_id}"))
