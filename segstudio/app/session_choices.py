"""The part of the session that is about what is chosen and how it is shown; nothing here is undoable."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from segstudio.app.session_display import DisplayPart

if TYPE_CHECKING:
    from collections.abc import Sequence

    from segstudio.app.overlay_style import OverlayStyle
    from segstudio.core.classes import ClassDef


class ChoicesPart(DisplayPart):
    """Current class and object, overlay, threshold, views."""

    @property
    def current_class_id(self) -> int:
        """The class that tools paint; 0 when the project has none."""
        return self._current_class

    @property
    def current_class(self) -> ClassDef | None:
        """The class that tools paint."""
        return self._classes.by_id(self._current_class)

    def select_class(self, class_id: int) -> None:
        """Choose the class to paint; an unknown id does nothing. Ends the active object of another class."""
        if class_id == self._current_class or self._classes.by_id(class_id) is None:
            return
        self._last_class, self._current_class = self._current_class, class_id
        active = None if self.labels is None else self.labels.segments.get(self._active_object or 0)
        if active is not None and active.class_id != class_id:
            self._active_object = None
        self.selection_changed.emit()

    def select_class_number(self, number: int) -> None:
        """Choose the class by its key, 1…9."""
        if 1 <= number <= len(self._classes):
            self.select_class(self._classes[number - 1].id)

    def swap_classes(self) -> None:
        """Back to the class used before this one."""
        self.select_class(self._last_class)

    def _keep_choice_valid(self) -> None:
        """After the table changed: the current class must be one that is there."""
        before = (self._current_class, self._last_class, self._active_object)
        if self._classes.by_id(self._last_class) is None:
            self._last_class = 0
        if self._classes.by_id(self._current_class) is None:
            fallback = self._last_class or (self._classes[0].id if len(self._classes) else 0)
            self._current_class, self._last_class = fallback, 0
        self._drop_dead_object()
        if before != (self._current_class, self._last_class, self._active_object):
            self.selection_changed.emit()

    def _drop_dead_object(self) -> bool:
        segment = None if self.labels is None else self.labels.segments.get(self._active_object or 0)
        if self._active_object is not None and (segment is None or segment.class_id == 0):
            self._active_object = None
            return True
        return False

    # -- objects -------------------------------------------------------------------------------------------------

    @property
    def active_object(self) -> int | None:
        """The segment id of the object that strokes go to, if any."""
        return self._active_object

    @property
    def wants_new_object(self) -> bool:
        """Whether the next stroke begins a new object."""
        return self._wants_new_object

    def select_object(self, segment_id: int | None) -> None:
        """Choose the object that strokes go to (and its class); None ends that."""
        segment = None
        if segment_id is not None and self.labels is not None:
            segment = self.labels.segments.get(segment_id)
        if segment is None or not segment.is_object or segment.class_id == 0:
            segment_id = None
        self._active_object, self._wants_new_object = segment_id, False
        if segment_id is not None and segment is not None and segment.class_id != self._current_class:
            self._last_class, self._current_class = self._current_class, segment.class_id
        self.selection_changed.emit()

    @property
    def selected_objects(self) -> tuple[int, ...]:
        """Segment ids of the objects chosen together, the active one first; () when none is active."""
        if self._active_object is None or self.labels is None:
            return ()
        if not self._selected_objects or self._selected_objects[0] != self._active_object:
            return (self._active_object,)
        segments = self.labels.segments
        return tuple(i for i in self._selected_objects if i in segments and segments[i].class_id != 0)

    def select_objects(self, segment_ids: Sequence[int]) -> None:
        """Choose several objects: strokes go to the first, operations on regions take all."""
        self._selected_objects = tuple(dict.fromkeys(segment_ids))
        self.select_object(segment_ids[0] if segment_ids else None)

    @property
    def is_object_mode(self) -> bool:
        """Whether each stroke, polygon or fill begins an object of its own."""
        return self._is_object_mode

    def set_object_mode(self, is_on: bool) -> None:
        """Switch object mode."""
        if is_on != self._is_object_mode:
            self._is_object_mode = is_on
            self._active_object, self._wants_new_object = None, False
            self.selection_changed.emit()

    def new_object(self) -> None:
        """The next stroke begins an object; further strokes go to it until :meth:`select_object` (None)."""
        self._active_object, self._wants_new_object = None, True
        self.selection_changed.emit()

    # -- view state ----------------------------------------------------------------------------------------------

    @property
    def overlay(self) -> OverlayStyle:
        """How layers are drawn."""
        return self._overlay

    def set_overlay(self, style: OverlayStyle) -> None:
        """Draw layers another way; opacity, mode and width are remembered as settings."""
        if style == self._overlay:
            return
        self._overlay = style
        self._is_writing_style = True
        try:
            self.settings.set("overlay.opacity", style.opacity)
            self.settings.set("overlay.mode", style.mode)
            self.settings.set("overlay.outline_width_px", style.outline_width_px)
            self.settings.set("look.pixel_grid", style.shows_grid)
        finally:
            self._is_writing_style = False
        self.overlay_changed.emit()

    def _overlay_from_settings(self) -> None:
        """The settings dialog changed the looks."""
        settings = self.settings
        style = replace(
            self._overlay,
            opacity=settings.number("overlay.opacity"),
            mode="outline" if settings.text("overlay.mode") == "outline" else "fill",
            outline_width_px=settings.integer("overlay.outline_width_px"),
            shows_grid=settings.flag("look.pixel_grid"),
        )
        if style != self._overlay and not self._is_writing_style:
            self._overlay = style
            self.overlay_changed.emit()

    @property
    def min_confidence(self) -> float:
        """The threshold of what of a proposal is shown and accepted, 0…1."""
        return self.settings.number("proposal.min_confidence")

    def set_min_confidence(self, value: float) -> None:
        """Move the threshold."""
        value = min(max(float(value), 0.0), 1.0)
        if value != self.min_confidence:
            self.settings.set("proposal.min_confidence", value)

    def view_of(self, image_id: int) -> dict[str, float] | None:
        """The view (centre and zoom, the canvas's own keys) that an image was left at."""
        if image_id not in self._views:
            kept = self.meta(f"view:{image_id}")
            if not isinstance(kept, dict):
                return None
            self._views[image_id] = {str(k): float(v) for k, v in kept.items() if isinstance(v, (int, float))}
        return self._views[image_id]

    def remember_view(self, image_id: int, view: dict[str, float]) -> None:
        """Keep the view of an image; written when the image or the project is left."""
        self._views[image_id] = dict(view)

    def _write_view(self, image_id: int | None) -> None:
        if image_id is not None and image_id in self._views:
            self.set_meta(f"view:{image_id}", self._views[image_id])
