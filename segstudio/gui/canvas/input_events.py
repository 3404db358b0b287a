"""The pointer and the keys on the canvas: what goes to the tools, and what moves the view."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QPointF, Qt
from PySide6.QtGui import QKeyEvent, QMouseEvent, QNativeGestureEvent, QTabletEvent, QWheelEvent
from PySide6.QtWidgets import QAbstractSpinBox, QApplication, QGestureEvent, QLineEdit, QPinchGesture, QWidget

from segstudio.app.events import Signal
from segstudio.app.tools.base import COMMON_KEYS
from segstudio.core.classes import UNLABELLED
from segstudio.gui.canvas.cursors import cursor_for
from segstudio.gui.canvas.level_drag import LevelDrag
from segstudio.gui.canvas.tool_bridge import (
    button_name,
    key_name,
    modifier_names,
    pointer_event,
)
from segstudio.gui.i18n import tr
from segstudio.gui.origins import short_model_text, source_text

if TYPE_CHECKING:
    from collections.abc import Callable

    from PySide6.QtCore import SignalInstance
    from PySide6.QtGui import QDragEnterEvent, QDropEvent, QEnterEvent, QFocusEvent

    from segstudio.app.session import Session
    from segstudio.app.tools.base import PointerEvent
    from segstudio.app.tools.toolbox import ToolBox
    from segstudio.gui.canvas.image_tiles import ImageTiles
    from segstudio.gui.canvas.view_transform import ViewTransform

WHEEL_NOTCH = 120
WHEEL_FACTOR = 1.25
_MODIFIER_KEYS = {Qt.Key.Key_Shift: "shift", Qt.Key.Key_Control: "ctrl", Qt.Key.Key_Alt: "alt"}
_PRESSES = frozenset({QEvent.Type.MouseButtonPress, QEvent.Type.MouseButtonDblClick, QEvent.Type.TabletPress})
_OF_THE_HAND = _PRESSES | {QEvent.Type.MouseButtonRelease, QEvent.Type.TabletRelease, QEvent.Type.KeyPress}
PICKING_TOOLS = frozenset({"picker"})
"""Tools under which the class below the pointer stands out."""


class InputEvents(QWidget):
    """The event half of the canvas; :class:`segstudio.gui.canvas.widget.CanvasWidget` is the drawing half."""

    is_in_hand = False
    """Whether a press, a release or a key is being answered just now."""

    if TYPE_CHECKING:
        session: Session
        toolbox: ToolBox
        cursor_moved: SignalInstance
        cursor_left: SignalInstance
        _view: ViewTransform
        _image: ImageTiles
        _shown_image_id: int | None
        _failure: str
        files_dropped: SignalInstance
        # of the drawing half
        ratio: float
        pan_by: Callable[[float, float], None]
        fit: Callable[[], None]
        zoom_about: Callable[[float, QPointF], None]
        set_highlight_class: Callable[[int], None]
        _fit_to_size: Callable[[], None]
        _on_preview_changed: Callable[[], None]

    def _init_input(self) -> None:
        self.pressed: Signal[[]] = Signal()
        """A button of the mouse or the pen came down."""
        self.cursor_position: QPointF | None = None
        """Where the pointer is over the canvas, in device-independent pixels."""
        self._panning_from: QPointF | None = None
        self._levels = LevelDrag(self.session)
        self._pressed = Qt.MouseButton.NoButton
        self._pointer: PointerEvent | None = None
        self._held_key = 0
        self._plane_turn = 0
        self.setMouseTracking(True)
        self.setTabletTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.grabGesture(Qt.GestureType.PinchGesture)
        self._show_cursor()

    @property
    def _is_active(self) -> bool:
        """Whether there is a picture for tools to work on."""
        return self._shown_image_id is not None and not self._failure

    # -- mouse ---------------------------------------------------------------------------------------------------

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Middle pans; left and right go to the tool."""
        self.cursor_position = event.position()
        if not self._is_active:
            return super().mousePressEvent(event)
        if event.button() == Qt.MouseButton.MiddleButton:
            self._panning_from = event.position()
            self.setCursor(Qt.CursorShape.ClosedHandCursor)
        elif self._levels.is_on:
            pass  # one thing at a time
        elif not self._pressed and self._levels.wants(event, self.toolbox):
            self._levels.begin(event.position())
        elif button_name(event.button()):
            self._pressed = event.button()
            self._pointer = pointer_event(event, self._view, self.ratio)
            self.toolbox.press(self._pointer)
            self._show_cursor()
        event.accept()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Pan, or let the tool follow."""
        self.cursor_position = event.position()
        if not self._is_active:
            return
        if self._panning_from is not None:
            moved = event.position() - self._panning_from
            self._panning_from = event.position()
            self.pan_by(moved.x(), moved.y())
        elif self._levels.is_on:
            if event.buttons() & Qt.MouseButton.RightButton:
                self._levels.move(event.position())
            else:
                self._levels.end()
            self._on_preview_changed()
        else:
            pointer = pointer_event(event, self._view, self.ratio)
            if self._pressed and not event.buttons() & self._pressed:
                # The release went to another window: what was begun ends where it was last seen.
                self._release(self._pointer or pointer)
            self._pointer = pointer
            self.toolbox.move(pointer)
        self._tell_cursor()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """End a pan or a stroke."""
        self.cursor_position = event.position()
        if event.button() == Qt.MouseButton.MiddleButton and self._panning_from is not None:
            self._panning_from = None
            self._show_cursor()
        elif self._levels.is_on:
            if event.button() == Qt.MouseButton.RightButton:
                self._levels.end()
                self._on_preview_changed()
        elif self._is_active and button_name(event.button()):
            self._release(pointer_event(event, self._view, self.ratio))
        event.accept()

    def _release(self, pointer: PointerEvent) -> None:
        name = button_name(self._pressed) or pointer.button
        self._pressed = Qt.MouseButton.NoButton
        self.toolbox.release(replace(pointer, button=name))
        self._show_cursor()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """The tool's double click, else the whole image."""
        self.cursor_position = event.position()
        if not self._is_active:
            return
        if event.button() != Qt.MouseButton.LeftButton:
            return self.mousePressEvent(event)
        self._pressed = event.button()
        if not self.toolbox.double_click(pointer_event(event, self._view, self.ratio)):
            self.fit()
        event.accept()

    def wheelEvent(self, event: QWheelEvent) -> None:  # noqa: N802
        """Zoom at the pointer; finer steps of touchpads add up. Shift moves sideways, Alt goes through the planes."""
        delta = event.angleDelta() if not event.angleDelta().isNull() else event.pixelDelta()
        if event.modifiers() & Qt.KeyboardModifier.AltModifier and self.session.is_volume:
            self._wheel_planes(delta.y() or delta.x())  # Alt turns the wheel sideways on some systems
        elif event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
            self.pan_by(delta.x() or delta.y(), 0)
        else:
            steps = (delta.y() or delta.x()) / WHEEL_NOTCH
            self.zoom_about(WHEEL_FACTOR**steps, event.position())
        self._tell_cursor()
        self._on_preview_changed()
        event.accept()

    def _wheel_planes(self, delta: int) -> None:
        """A notch up is a plane on; what is less than a notch is kept for the next turn."""
        self._plane_turn += delta
        steps = int(self._plane_turn / WHEEL_NOTCH)
        self._plane_turn -= steps * WHEEL_NOTCH
        if steps:
            self.session.step_plane(steps)

    def enterEvent(self, event: QEnterEvent) -> None:  # noqa: N802
        """Keys go to the picture that the hand has come to, unless something is being typed elsewhere."""
        super().enterEvent(event)
        if not isinstance(QApplication.focusWidget(), (QLineEdit, QAbstractSpinBox)):
            self.setFocus(Qt.FocusReason.MouseFocusReason)

    def leaveEvent(self, event: QEvent) -> None:  # noqa: N802
        """The pointer left."""
        super().leaveEvent(event)
        self.cursor_position = None
        self.toolbox.leave()
        self.cursor_left.emit()
        self.set_highlight_class(UNLABELLED)

    # -- pen and fingers -----------------------------------------------------------------------------------------

    def tabletEvent(self, event: QTabletEvent) -> None:  # noqa: N802
        """A pen paints with its pressure; Qt then makes no mouse event of it."""
        self.cursor_position = event.position()
        if not self._is_active:
            event.ignore()
            return
        pointer = pointer_event(event, self._view, self.ratio)
        kind = event.type()
        if kind == QEvent.Type.TabletPress and button_name(event.button()) in ("left", "right"):
            self.toolbox.press(pointer)
        elif kind == QEvent.Type.TabletRelease and button_name(event.button()) in ("left", "right"):
            self.toolbox.release(pointer)
        elif kind == QEvent.Type.TabletMove:
            self.toolbox.move(pointer)
        else:
            event.ignore()
            return
        self._tell_cursor()
        event.accept()

    def event(self, event: QEvent) -> bool:
        """Pinches, keys that a busy tool needs before the window's shortcuts, and another screen."""
        if isinstance(event, QNativeGestureEvent) and self._native_gesture(event):
            return True
        if isinstance(event, QGestureEvent):
            pinch = event.gesture(Qt.GestureType.PinchGesture)
            if isinstance(pinch, QPinchGesture):
                middle = QPointF(self.mapFromGlobal(pinch.centerPoint().toPoint()))
                self.zoom_about(pinch.scaleFactor(), middle)
                event.accept(pinch)
                return True
        if event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent):
            name, tool = key_name(event), self.toolbox.current
            is_wanted = tool.is_busy and tool.wants_key(name, modifier_names(event.modifiers()))
            if name and (is_wanted or (self._levels.is_on and name in COMMON_KEYS)):
                event.accept()
                return True
        if event.type() == QEvent.Type.DevicePixelRatioChange:
            self._fit_to_size()
        if event.type() not in _OF_THE_HAND:
            return super().event(event)
        if event.type() in _PRESSES:
            self.pressed.emit()
        self.is_in_hand = True
        try:
            return super().event(event)
        finally:
            self.is_in_hand = False

    def _native_gesture(self, event: QNativeGestureEvent) -> bool:
        kind = event.gestureType()
        if kind == Qt.NativeGestureType.ZoomNativeGesture:
            self.zoom_about(1.0 + event.value(), event.position())
        elif kind == Qt.NativeGestureType.SmartZoomNativeGesture:
            self.fit()
        elif kind == Qt.NativeGestureType.PanNativeGesture:
            self.pan_by(event.delta().x(), event.delta().y())
        else:
            return False
        return True

    # -- keys ----------------------------------------------------------------------------------------------------

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        """Space pans and Alt picks while held; Enter, Esc and the like go to the tool."""
        if self._is_active and event.key() in (Qt.Key.Key_Space, Qt.Key.Key_Alt):
            if not event.isAutoRepeat():
                self._held_key = event.key()
                self.toolbox.hold("pan" if event.key() == Qt.Key.Key_Space else "picker")
                if event.key() in _MODIFIER_KEYS:
                    self._modifiers_changed(event, is_down=True)
            event.accept()
            return
        if event.key() in _MODIFIER_KEYS:
            self._modifiers_changed(event, is_down=True)
        if event.key() == Qt.Key.Key_Escape and self._levels.cancel():
            self._on_preview_changed()
            event.accept()
            return
        name = key_name(event)
        modifiers = modifier_names(event.modifiers())
        if name and self._is_active and self.toolbox.key(name, modifiers):
            event.accept()
        else:
            super().keyPressEvent(event)

    def keyReleaseEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        """The held tool goes with its key."""
        if self._held_key and event.key() == self._held_key:
            if not event.isAutoRepeat():
                self._held_key = 0
                self.toolbox.release_hold()
                if event.key() in _MODIFIER_KEYS:
                    self._modifiers_changed(event, is_down=False)
            event.accept()
            return
        if event.key() in _MODIFIER_KEYS:
            self._modifiers_changed(event, is_down=False)
        super().keyReleaseEvent(event)

    def _modifiers_changed(self, event: QKeyEvent, *, is_down: bool) -> None:
        """A modifier changes what the pointer shows at once, not with its next move."""
        if self._pointer is None or not self._is_active or self.cursor_position is None:
            return
        if self._pressed and not self.toolbox.current.follows_modifiers:
            return
        name = _MODIFIER_KEYS[Qt.Key(event.key())]
        held = self._pointer.modifiers | {name} if is_down else self._pointer.modifiers - {name}
        self._pointer = replace(self._pointer, modifiers=held, button="")
        self.toolbox.move(self._pointer)

    def focusOutEvent(self, event: QFocusEvent) -> None:  # noqa: N802
        """No key is held any more as far as we can know."""
        super().focusOutEvent(event)
        self._levels.end()
        if self._held_key:
            self._held_key = 0
            self.toolbox.release_hold()

    # -- files dropped -------------------------------------------------------------------------------------------

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:  # noqa: N802
        """Files are welcome."""
        if any(url.isLocalFile() for url in event.mimeData().urls()):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:  # noqa: N802
        """Say which files were dropped."""
        paths = [Path(url.toLocalFile()) for url in event.mimeData().urls() if url.isLocalFile()]
        if paths:
            event.acceptProposedAction()
            self.files_dropped.emit(paths)

    # -- what the pointer shows ----------------------------------------------------------------------------------

    def _on_tool_changed(self, _tool_id: str) -> None:
        self._show_cursor()
        self._on_preview_changed()
        self._tell_cursor()

    def _show_cursor(self) -> None:
        if self._panning_from is None:
            self.setCursor(cursor_for(self.toolbox.current.cursor, self.ratio))

    def _tell_cursor(self) -> None:
        """Say what lies under the pointer."""
        at = self.cursor_position
        if at is None or not self._is_active:
            return
        x, y = (int(value // 1) for value in self._view.to_image(at.x() * self.ratio, at.y() * self.ratio))
        if not (0 <= x < self._view.image_width and 0 <= y < self._view.image_height):
            self.cursor_left.emit()
            self.set_highlight_class(UNLABELLED)
            return
        segment = self.session.segment_at(x, y)
        found = None if segment is None else self.session.classes.by_id(segment.class_id)
        name = "" if found is None else found.name
        if found is not None and segment is not None and segment.is_object:
            name = tr("{name}, object {number}").format(name=found.name, number=segment.id)
        if found is not None and segment is not None and segment.source != "hand":
            name += f" · {source_text(segment.source)}" + (
                f" · {short_model_text(segment.model_id)}" if segment.model_id else ""
            )
        self.cursor_moved.emit(x, y, self._image.values_at(x, y) or (), name)
        picks = self.toolbox.current.id in PICKING_TOOLS
        self.set_highlight_class(segment.class_id if picks and segment is not None else UNLABELLED)
