"""Picker: takes the class (and the object) under the pointer."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from segstudio.app.tools.base import NO_PREVIEW, Tool, ToolPreview
from segstudio.core.geometry import Rect

if TYPE_CHECKING:
    from segstudio.app.tools.base import PointerEvent


class PickerTool(Tool):
    """A click takes the class; where there is no label, the class of the proposal."""

    id = "picker"
    cursor = "pick"
    _text = ""

    def press(self, event: PointerEvent) -> None:
        """Take what lies there."""
        session = self.session
        if event.button != "left":
            return
        segment = session.segment_at(event.x, event.y)
        if segment is not None and segment.is_object and not session.is_object_mode:
            session.select_object(segment.id)
            return
        class_id = segment.class_id if segment is not None else self._proposed(event)
        if class_id:
            if session.active_object is not None:
                session.select_object(None)
            session.select_class(class_id)

    def move(self, event: PointerEvent) -> None:
        """Name the class under the pointer; with the button held, take it."""
        segment = self.session.segment_at(event.x, event.y)
        class_id = segment.class_id if segment is not None else self._proposed(event)
        found = self.session.classes.by_id(class_id)
        text = "" if found is None else found.name
        if text != self._text:
            self._text = text
            self.update()
        if class_id and "left" in event.buttons:
            self.session.select_class(class_id)

    def _proposed(self, event: PointerEvent) -> int:
        proposal = self.session.proposal
        x, y = math.floor(event.x), math.floor(event.y)
        if proposal is None or not proposal.bounds.contains(x, y):
            return 0
        return int(proposal.read_classes(Rect(x, y, 1, 1), self.session.plane)[0, 0])

    def preview(self) -> ToolPreview:
        """The name of the class."""
        return ToolPreview(text=self._text) if self._text else NO_PREVIEW
