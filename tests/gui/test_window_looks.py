"""Theme, icons, languages: contrast, completeness, sharpness."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from PySide6.QtGui import QFontInfo
from PySide6.QtWidgets import QLabel

from segstudio.app.actions import ACTIONS
from segstudio.gui import i18n, icons, theme
from segstudio.io.resources import resource_path
from tests.gui.window_help import open_project, open_window

TEXT_ON = [
    ("text", "window"),
    ("text", "panel"),
    ("text", "field"),
    ("text", "hover"),
    ("muted", "window"),
    ("muted", "panel"),
    ("selected_text", "selected"),
    ("accent_text", "accent"),
    ("accent_text", "accent_hover"),
    ("link", "window"),
    ("link", "panel"),
    ("danger", "window"),
    ("text", "danger_ground"),
    ("text", "warning_ground"),
    ("text", "info_ground"),
    ("link", "danger_ground"),
    ("link", "warning_ground"),
    ("link", "info_ground"),
    ("text", "canvas"),
]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("front", "ground"), TEXT_ON)
def test_contrast_is_aa(scheme: theme.Scheme, front: str, ground: str) -> None:
    tokens = theme.load_theme(scheme).tokens
    assert theme.contrast(tokens[front], tokens[ground]) >= 4.5


def test_contrast_of_black_on_white() -> None:
    assert theme.contrast("#000000", "#ffffff") == pytest.approx(21)


def test_both_schemes_have_the_same_tokens() -> None:
    assert theme.load_theme("light").tokens.keys() == theme.load_theme("dark").tokens.keys()


def test_every_action_icon_is_drawn(qapp) -> None:
    for name in {spec.icon for spec in ACTIONS if spec.icon}:
        assert resource_path(f"icons/{name}.svg").is_file(), name
        image = icons.pixmap(name, 24, "text", 1.0).toImage()
        assert any(image.pixelColor(x, y).alpha() > 128 for x in range(24) for y in range(24)), name


def test_icons_are_sharp_at_200_percent_and_take_the_theme(qapp) -> None:
    pixmap = icons.pixmap("brush", 16, "danger", 2.0)
    assert (pixmap.width(), pixmap.devicePixelRatio()) == (32, 2.0)
    image = pixmap.toImage()
    solid = {image.pixelColor(x, y).name() for x in range(32) for y in range(32) if image.pixelColor(x, y).alpha() == 255}
    assert solid == {theme.color("danger").name()}


def test_no_text_smaller_than_11_px(qtbot, tmp_path: Path) -> None:
    with open_window(qtbot) as window:
        open_project(window, tmp_path, qtbot)
        for panel_id in ("model", "train", "classes", "overlay"):
            window.workspace.docks.reveal(panel_id)
        sizes = {QFontInfo(label.font()).pixelSize() for label in window.findChildren(QLabel)}
        assert min(sizes) >= 11


def test_every_control_has_a_name(qtbot, tmp_path: Path) -> None:
    from PySide6.QtWidgets import QAbstractButton, QAbstractSlider, QAbstractSpinBox, QComboBox, QLineEdit

    with open_window(qtbot) as window:
        open_project(window, tmp_path, qtbot)
        nameless = []
        for panel_id in ("images", "objects", "history", "classes", "overlay", "model", "train"):
            panel = window.workspace.docks.reveal(panel_id)
            for kind in (QAbstractButton, QAbstractSlider, QAbstractSpinBox, QComboBox, QLineEdit):
                for control in panel.findChildren(kind):
                    inner = control.objectName().startswith("qt_") or any(
                        control.parent().inherits(kind) for kind in ("QAbstractSpinBox", "QLineEdit")
                    )
                    has_text = isinstance(control, QAbstractButton) and control.text()
                    is_bar = control.inherits("QScrollBar")
                    if not (inner or is_bar or has_text or control.accessibleName() or control.toolTip()):
                        nameless.append((panel_id, control))
        assert nameless == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_scheme_switches_live(qtbot, tmp_path: Path, scheme: theme.Scheme) -> None:
    with open_window(qtbot) as window:
        open_project(window, tmp_path, qtbot)
        window.settings.set("look.theme", scheme)
        assert theme.current_theme().scheme == scheme
        window.settings.set("look.theme", "light")


def test_translations_are_complete() -> None:
    script = Path(__file__).resolve().parents[2] / "packaging" / "update_translations.py"
    done = subprocess.run([sys.executable, str(script), "--check"], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout


def test_chinese_is_shown_and_taken_back(qtbot) -> None:
    try:
        assert i18n.install_language("zh_CN") == "zh_CN"
        with open_window(qtbot) as window:
            assert window.menus["File"].title() == "文件"
            assert i18n.tr("%n image(s)", 3) == "3 张图像"
    finally:
        i18n.install_language("en")
    assert i18n.tr("%n image(s)", 1) == "1 image" and i18n.tr("%n image(s)", 2) == "2 images"
    assert i18n.tr("%n class(es)", 1) == "1 class" and i18n.tr("%n class(es)", 2) == "2 classes"
    assert i18n.available_languages() == {"en": "English", "zh_CN": "简体中文"}
