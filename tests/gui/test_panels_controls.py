"""The overlay panel, window and level, and the tool options."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from panel_help import project
from PySide6.QtCore import Qt

from segstudio.app.session import Session
from segstudio.app.tools.base import ToolContext
from segstudio.app.tools.toolbox import ToolBox
from segstudio.core.display import DisplaySettings
from segstudio.gui.panels.overlay import OverlayPanel
from segstudio.gui.panels.tool_options import ToolOptions, _size_of, _step_of


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    session = project(tmp_path, images=2)
    yield session
    session.close_project(discard=True)


@pytest.fixture
def overlay(session: Session, qtbot) -> OverlayPanel:  # type: ignore[no-untyped-def]
    panel = OverlayPanel(session)
    qtbot.addWidget(panel)
    panel.show()
    return panel


def test_overlay_controls_act_at_once(session: Session, overlay: OverlayPanel) -> None:
    overlay.opacity.slider.setValue(30)
    overlay.mode.setCurrentIndex(overlay.mode.findData("outline"))
    overlay.width_px.setValue(5)
    overlay.labels.setChecked(False)
    overlay.difference.setChecked(True)
    overlay.heat.setCurrentIndex(overlay.heat.findData("confidence"))
    overlay.confidence.slider.setValue(60)
    style = session.overlay
    assert (style.opacity, style.mode, style.outline_width_px) == (0.3, "outline", 5)
    assert not style.shows_labels and style.shows_difference and style.heat == "confidence"
    assert session.min_confidence == 0.6 and overlay.confidence.value_label.text() == "60 %"


def test_overlay_controls_follow_the_session(session: Session, overlay: OverlayPanel) -> None:
    session.settings.set("overlay.opacity", 0.8)
    session.set_min_confidence(0.25)
    assert overlay.opacity.value() == pytest.approx(0.8) and overlay.confidence.value() == pytest.approx(0.25)


def test_hide_button_hides_while_held(session: Session, overlay: OverlayPanel, qtbot) -> None:  # type: ignore[no-untyped-def]
    qtbot.mousePress(overlay.hide, Qt.MouseButton.LeftButton)
    assert session.overlay.is_hidden
    qtbot.mouseRelease(overlay.hide, Qt.MouseButton.LeftButton)
    assert not session.overlay.is_hidden


def test_window_and_level(session: Session, overlay: OverlayPanel, qtbot) -> None:  # type: ignore[no-untyped-def]
    controls = overlay.display
    assert session.display is None and (controls.low.value(), controls.high.value()) == (0, 255)
    controls.low.setValue(50)
    assert session.display == DisplaySettings(50, 255)
    controls.low.setValue(300)  # above white: white makes room
    assert session.display is not None and session.display.low == 300 and session.display.high > 300
    controls.bands[0].setValue(3)
    assert session.display.bands == (2, 1, 2)
    session.select_image(2)
    assert session.display is None and controls.low.value() == 0
    session.select_image(1)
    assert controls.low.value() == 300
    qtbot.mouseClick(controls.auto, Qt.MouseButton.LeftButton)
    assert session.display is None
    session.set_auto_display(1, DisplaySettings(7, 99))
    assert controls.low.value() == 7 and controls.high.value() == 99


def test_tool_options_are_those_of_the_tool(session: Session, qtbot) -> None:  # type: ignore[no-untyped-def]
    toolbox = ToolBox(ToolContext(session, session.settings))
    bar = ToolOptions(session, toolbox)
    qtbot.addWidget(bar)
    bar.resize(1000, 48)
    bar.show()
    assert bar.size.isVisible() and bar.name.text()
    bar.size.setValue(77)
    assert session.settings.number("brush.size_px") == 77
    qtbot.mouseClick(bar.square, Qt.MouseButton.LeftButton)
    assert session.settings.text("brush.shape") == "square" and not bar.round.isChecked()
    toolbox.select("eraser")
    assert bar.size.value() == 40 and bar.round.isChecked()
    toolbox.select("polygon")
    assert not bar.size.isVisible() and bar.guard.isVisible() and not bar.guard_class.isVisible()
    bar.guard.setCurrentIndex(bar.guard.findData("class"))
    assert bar.guard_class.isVisible()
    bar.guard_class.setCurrentIndex(bar.guard_class.findData(2))
    assert session.guard.mode == "class" and session.guard.class_id == 2
    toolbox.select("pan")
    assert not bar.guard.isVisible()


def test_size_slider_is_logarithmic() -> None:
    assert _size_of(0) == 1 and _size_of(400) == 2000
    for size in (1, 5, 40, 300, 2000):
        assert _size_of(_step_of(size)) == pytest.approx(size, rel=0.03)
