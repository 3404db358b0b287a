"""Icons of one family: 24-px stroke SVGs of the resources, in the theme's colours, sharp on every screen."""

from __future__ import annotations

from functools import cache

from PySide6.QtCore import QBuffer, QByteArray, QIODevice, QSize, Qt
from PySide6.QtGui import QGuiApplication, QIcon, QImageReader, QPixmap

from segstudio.gui import theme
from segstudio.io.resources import resource_path

SIZES_PX = (16, 20, 24)
"""What is drawn in advance, in device-independent pixels; other sizes are scaled from the next larger one."""

_icons: dict[tuple[str, str], QIcon] = {}


def icon(name: str, token: str = "text") -> QIcon:
    """The icon *name* (file stem in ``resources/icons``) in the theme's colour *token*; empty for an empty name.

    Ask again after the theme changed (``theme_manager().changed``).
    """
    if not name:
        return QIcon()
    key = (name, token)
    found = _icons.get(key)
    if found is None:
        found = _icons[key] = _draw_icon(name, token)
    return found


def pixmap(name: str, size_px: int, token: str = "text", ratio: float | None = None) -> QPixmap:
    """The icon as one pixmap of *size_px* device-independent pixels, for labels and own painting."""
    scale = _screen_ratio() if ratio is None else ratio
    return _render(name, size_px, scale, theme.color(token).name())


def app_icon() -> QIcon:
    """The program's own icon, in its own colours."""
    result = QIcon()
    for size in (16, 32, 64, 128):
        result.addPixmap(_render("segstudio", size, 1.0, ""))
    return result


def forget_icons() -> None:
    """Drop what was drawn: the colours or the screens changed."""
    _icons.clear()


def _draw_icon(name: str, token: str) -> QIcon:
    result = QIcon()
    normal = theme.color(token).name()
    disabled = theme.color("disabled").name()
    for ratio in sorted({1.0, _screen_ratio()}):
        for size in SIZES_PX:
            result.addPixmap(_render(name, size, ratio, normal), QIcon.Mode.Normal)
            result.addPixmap(_render(name, size, ratio, disabled), QIcon.Mode.Disabled)
    return result


def _screen_ratio() -> float:
    return max((screen.devicePixelRatio() for screen in QGuiApplication.screens()), default=1.0)


@cache
def _source(name: str) -> str:
    path = resource_path(f"icons/{name}.svg")
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        # A missing picture must not keep the window from opening; a test looks for every name.
        return '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24"/>'


def _render(name: str, size_px: int, ratio: float, color_text: str) -> QPixmap:
    side = round(size_px * ratio)
    source = _source(name).replace("currentColor", color_text) if color_text else _source(name)
    buffer = QBuffer()
    buffer.setData(QByteArray(source.encode()))
    buffer.open(QIODevice.OpenModeFlag.ReadOnly)
    # Through the image plug-in: importing PySide6.QtSvg would cost a tenth of the start.
    reader = QImageReader(buffer, QByteArray(b"svg"))
    reader.setScaledSize(QSize(side, side))
    result = QPixmap.fromImageReader(reader)
    if result.isNull():
        result = QPixmap(QSize(side, side))
        result.fill(Qt.GlobalColor.transparent)
    result.setDevicePixelRatio(ratio)
    return result
