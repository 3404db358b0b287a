"""Qt's mouse, pen and key events as the plain values that tools take."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QKeyEvent, QMouseEvent, QPointingDevice, QTabletEvent

from segstudio.app.tools.base import PointerEvent, PointerKind

if TYPE_CHECKING:
    from segstudio.gui.canvas.view_transform import ViewTransform

_BUTTONS = {
    Qt.MouseButton.LeftButton: "left",
    Qt.MouseButton.RightButton: "right",
    Qt.MouseButton.MiddleButton: "middle",
}
_MODIFIERS = {
    Qt.KeyboardModifier.ShiftModifier: "shift",
    Qt.KeyboardModifier.ControlModifier: "ctrl",
    Qt.KeyboardModifier.AltModifier: "alt",
    Qt.KeyboardModifier.MetaModifier: "meta",
}
TOOL_KEYS = {
    Qt.Key.Key_Return: "enter",
    Qt.Key.Key_Enter: "enter",
    Qt.Key.Key_Escape: "escape",
    Qt.Key.Key_Backspace: "backspace",
    Qt.Key.Key_Delete: "delete",
    Qt.Key.Key_Left: "left",
    Qt.Key.Key_Right: "right",
    Qt.Key.Key_Up: "up",
    Qt.Key.Key_Down: "down",
}
"""Keys that a busy tool may get before the window's shortcuts do."""


def modifier_names(modifiers: Qt.KeyboardModifier) -> frozenset[str]:
    """The names of the modifiers held."""
    return frozenset(name for flag, name in _MODIFIERS.items() if modifiers & flag)


def button_names(buttons: Qt.MouseButton) -> frozenset[str]:
    """The names of the buttons held."""
    return frozenset(name for flag, name in _BUTTONS.items() if buttons & flag)


def button_name(button: Qt.MouseButton) -> str:
    """The button that caused an event; "" for none (a move) and for those that tools don't know."""
    return _BUTTONS.get(button, "")


def key_name(event: QKeyEvent) -> str:
    """The tool's name of a key, "" for others."""
    return TOOL_KEYS.get(Qt.Key(event.key()), "")


def _pointer_kind(event: QTabletEvent) -> PointerKind:
    return "eraser" if event.pointerType() == QPointingDevice.PointerType.Eraser else "pen"


def pointer_event(event: QMouseEvent | QTabletEvent, view: ViewTransform, ratio: float) -> PointerEvent:
    """A mouse or pen event in image pixels, on a view whose device pixel ratio is *ratio*."""
    position: QPointF = event.position()
    x, y = view.to_image(position.x() * ratio, position.y() * ratio)
    pressure, kind = 1.0, "mouse"
    if isinstance(event, QTabletEvent):
        kind = _pointer_kind(event)
        pressure = min(max(event.pressure(), 0.0), 1.0)
    return PointerEvent(
        x,
        y,
        button_name(event.button()),
        button_names(event.buttons()),
        modifier_names(event.modifiers()),
        pressure,
        kind,  # type: ignore[arg-type]
        (position.x(), position.y()),
        ratio / view.zoom,
    )
