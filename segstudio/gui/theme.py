"""Colours and looks: light, dark or as the system has it, from token tables in ``resources/themes``."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from string import Template
from typing import Literal

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QColor, QFont, QFontInfo, QPalette
from PySide6.QtWidgets import QApplication

from segstudio.io.resources import resource_path

Scheme = Literal["light", "dark"]
Choice = Literal["system", "light", "dark"]

GRID_PX = 4
"""All spacings are multiples of this."""
MIN_FONT_PX = 12
SMALL_FONT_PX = 11


@dataclass(frozen=True)
class Theme:
    """One table of colours; every value is "#rrggbb"."""

    scheme: Scheme
    tokens: dict[str, str]

    @property
    def is_dark(self) -> bool:
        """Whether text is lighter than its ground."""
        return self.scheme == "dark"

    def color(self, token: str) -> QColor:
        """The colour of a token such as "accent" or "muted"; KeyError for an unknown one."""
        return QColor(self.tokens[token])


@cache
def load_theme(scheme: Scheme) -> Theme:
    """The theme of this scheme, read from the resources once."""
    tokens = json.loads(resource_path(f"themes/{scheme}.json").read_text(encoding="utf-8"))
    return Theme(scheme, dict(tokens))


class ThemeManager(QObject):
    """Applies a scheme to the application and says when it changed."""

    changed = Signal()

    def __init__(self, app: QApplication) -> None:
        super().__init__(app)
        self._app = app
        self._choice: Choice = "system"
        self._theme = load_theme("light")
        app.setStyle("Fusion")
        app.styleHints().colorSchemeChanged.connect(self._on_system_changed)

    @property
    def theme(self) -> Theme:
        """The theme in force."""
        return self._theme

    @property
    def choice(self) -> Choice:
        """What the user asked for."""
        return self._choice

    def apply(self, choice: str) -> None:
        """Take on "light", "dark" or what the system has; an unknown choice counts as "system"."""
        self._choice = choice if choice in ("light", "dark") else "system"  # type: ignore[assignment]
        self._restyle()

    def _on_system_changed(self) -> None:
        if self._choice == "system":
            self._restyle()

    def _restyle(self) -> None:
        scheme: Scheme
        if self._choice == "system":
            is_dark = self._app.styleHints().colorScheme() == Qt.ColorScheme.Dark
            scheme = "dark" if is_dark else "light"
        else:
            scheme = self._choice
        self._theme = load_theme(scheme)
        self._app.setFont(readable_font(self._app.font()))
        self._app.setPalette(palette_of(self._theme))
        self._app.setStyleSheet(style_sheet(self._theme))
        from segstudio.gui import icons

        icons.forget_icons()
        self.changed.emit()


_manager: ThemeManager | None = None


def theme_manager() -> ThemeManager:
    """The manager of this application, made (with the light scheme unapplied) when there is none."""
    global _manager
    app = QApplication.instance()
    if not isinstance(app, QApplication):
        raise RuntimeError("theme_manager() needs a QApplication")
    if _manager is None or _manager.parent() is not app:
        _manager = ThemeManager(app)
    return _manager


def current_theme() -> Theme:
    """The theme in force; colours for those who paint themselves."""
    return theme_manager().theme


def color(token: str) -> QColor:
    """A colour of the theme in force."""
    return current_theme().color(token)


def readable_font(font: QFont) -> QFont:
    """*font* at no less than 12 px."""
    result = QFont(font)
    if QFontInfo(font).pixelSize() < MIN_FONT_PX:
        result.setPixelSize(MIN_FONT_PX)
    return result


def small_font(font: QFont) -> QFont:
    """A step below *font*, never under 11 px."""
    result = QFont(font)
    result.setPixelSize(max(SMALL_FONT_PX, QFontInfo(font).pixelSize() - 1))
    return result


def title_font(font: QFont, scale: float = 1.5) -> QFont:
    """*font* enlarged and half bold, for headings."""
    result = QFont(font)
    result.setPixelSize(round(QFontInfo(font).pixelSize() * scale))
    result.setWeight(QFont.Weight.DemiBold)
    return result


def palette_of(theme: Theme) -> QPalette:
    """The theme as a Qt palette, disabled colours included."""
    role = QPalette.ColorRole
    colors = {
        role.Window: "window",
        role.WindowText: "text",
        role.Base: "field",
        role.AlternateBase: "window",
        role.ToolTipBase: "raised",
        role.ToolTipText: "text",
        role.PlaceholderText: "muted",
        role.Text: "text",
        role.Button: "raised",
        role.ButtonText: "text",
        role.BrightText: "danger",
        role.Highlight: "accent",
        role.HighlightedText: "accent_text",
        role.Link: "link",
        role.LinkVisited: "link",
        role.Light: "raised",
        role.Midlight: "hover",
        role.Mid: "border",
        role.Dark: "border_strong",
        role.Shadow: "border_strong",
        role.Accent: "accent",
    }
    palette = QPalette()
    for which, token in colors.items():
        palette.setColor(which, theme.color(token))
    for which in (role.WindowText, role.Text, role.ButtonText):
        palette.setColor(QPalette.ColorGroup.Disabled, which, theme.color("disabled"))
    palette.setColor(QPalette.ColorGroup.Disabled, role.Highlight, theme.color("border"))
    return palette


def style_sheet(theme: Theme) -> str:
    """The style sheet with this theme's colours put in."""
    return _style_template().substitute(
        theme.tokens,
        check=resource_path(f"themes/check-{theme.scheme}.svg").as_posix(),
        arrow_down=resource_path(f"themes/arrow-down-{theme.scheme}.svg").as_posix(),
        arrow_up=resource_path(f"themes/arrow-up-{theme.scheme}.svg").as_posix(),
    )


@cache
def _style_template() -> Template:
    return Template(resource_path("themes/base.qss").read_text(encoding="utf-8"))


def contrast(first: str, second: str) -> float:
    """WCAG contrast ratio of two "#rrggbb" colours, 1…21."""
    high, low = sorted((_luminance(first), _luminance(second)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def _luminance(color_text: str) -> float:
    channels = []
    for start in (1, 3, 5):
        value = int(color_text[start : start + 2], 16) / 255
        channels.append(value / 12.92 if value <= 0.03928 else ((value + 0.055) / 1.055) ** 2.4)
    return 0.2126 * channels[0] + 0.7152 * channels[1] + 0.0722 * channels[2]
