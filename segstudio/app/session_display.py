"""The part of the session that says how the image's values become brightness and colour; nothing here is undoable."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from segstudio.app.session_base import SessionBase

if TYPE_CHECKING:
    from segstudio.core.display import DisplaySettings

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
