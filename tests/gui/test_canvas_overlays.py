"""The overlays follow the session: eyes, opacity, threshold, highlight, streaming proposals."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from canvas_stage import CLASSES, Stage
from PySide6.QtCore import Qt
from PySide6.QtGui import QImage
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from segstudio.core.geometry import Rect
from segstudio.ml.api import WindowResult


@pytest.fixture
def stage(qapp: object, tmp_path: Path) -> Iterator[Stage]:
    made = Stage(tmp_path, np.full((300, 400, 3), 100, np.uint8))
    made.canvas.one_to_one()
    made.settings.set("brush.size_px", 40.0)
    yield made
    made.close()


def color_at(stage: Stage, x: float, y: float) -> tuple[int, int, int]:
    at = stage.at(x, y)
    red, green, blue = stage.picture()[int(at.y()), int(at.x())].tolist()
    return red, green, blue


def propose(stage: Stage, rects: list[Rect], confidence: int = 255, *, finishes: bool = True) -> int:
    desk, image_id = stage.session.proposals, stage.session.image_id
    assert image_id is not None
    generation = desk.begin({1: 1, 2: 2}, "test")
    for rect in rects:
        shape = (rect.height, rect.width)
        desk.receive_window(
            image_id,
            generation,
            WindowResult(rect, np.full(shape, 2, np.uint8), np.full(shape, confidence, np.uint8)),
        )
    if finishes:
        desk.finish_proposal(image_id, generation)
    return generation


def away(stage: Stage) -> None:
    """Take the brush ring off the picture."""
    stage.toolbox.leave()


def test_opacity_and_eye(stage: Stage) -> None:
    stage.stroke([(200.0, 150.0)])
    away(stage)
    assert color_at(stage, 200, 150) == pytest.approx((178, 50, 50), abs=2)
    stage.session.set_overlay(replace(stage.session.overlay, opacity=1.0))
    assert color_at(stage, 200, 150) == (255, 0, 0)
    stage.session.class_editor.set_visible(CLASSES[0].id, False)
    assert color_at(stage, 200, 150) == (100, 100, 100)
    stage.session.class_editor.set_visible(CLASSES[0].id, True)
    stage.session.class_editor.recolour(CLASSES[0].id, "#0000ff")
    assert color_at(stage, 200, 150) == (0, 0, 255)


def test_hidden_while_the_key_is_held_but_painted_on(stage: Stage) -> None:
    stage.stroke([(200.0, 150.0)])
    shown = stage.session.overlay
    stage.session.set_overlay(replace(shown, is_hidden=True))
    stage.stroke([(100.0, 150.0)])
    away(stage)
    assert color_at(stage, 200, 150) == color_at(stage, 100, 150) == (100, 100, 100)
    stage.session.set_overlay(shown)
    assert color_at(stage, 100, 150) == pytest.approx((178, 50, 50), abs=2)


def test_windows_show_as_they_come(stage: Stage) -> None:
    propose(stage, [Rect(0, 0, 400, 100)], finishes=False)
    first = stage.picture()
    at = stage.at(200, 50)
    x, y = int(at.x()), int(at.y())
    assert len(np.unique(first[y - 20 : y + 20, x - 20 : x + 20].reshape(-1, 3), axis=0)) > 1, "no hatch"
    assert color_at(stage, 200, 200) == (100, 100, 100)


def test_the_threshold_answers_with_no_new_inference(stage: Stage) -> None:
    propose(stage, [Rect(0, 0, 400, 300)], confidence=128)
    assert color_at(stage, 200, 150) != (100, 100, 100)
    stage.session.set_min_confidence(0.6)
    assert color_at(stage, 200, 150) == (100, 100, 100)
    stage.session.set_min_confidence(0.5)
    assert color_at(stage, 200, 150) != (100, 100, 100)


def test_accepted_pixels_turn_to_labels_and_back(stage: Stage) -> None:
    propose(stage, [Rect(0, 0, 400, 300)])
    assert stage.session.proposals.accept_all()
    assert color_at(stage, 200, 150) == pytest.approx((50, 178, 50), abs=2)
    stage.session.undo()
    assert (stage.labels() == 0).all()
    area = stage.picture()[100:200, 250:350].reshape(-1, 3)
    assert len(np.unique(area, axis=0)) > 1


def test_the_class_under_the_picker_stands_out(stage: Stage) -> None:
    stage.stroke([(100.0, 150.0)])
    stage.session.select_class(CLASSES[1].id)
    stage.stroke([(300.0, 150.0)])
    away(stage)
    plain = color_at(stage, 300, 150)
    stage.canvas.setFocus()
    QTest.keyPress(stage.canvas, Qt.Key.Key_Alt)
    stage.mouse("move", 100, 150)
    dimmed = color_at(stage, 300, 150)
    assert abs(dimmed[1] - 100) < abs(plain[1] - 100)
    QTest.keyRelease(stage.canvas, Qt.Key.Key_Alt)
    away(stage)
    assert color_at(stage, 300, 150) == plain


def test_the_first_stroke_of_a_class_repaints_nothing_else(stage: Stage) -> None:
    stage.stroke([(100.0, 150.0)])
    stage.picture()
    tiles: Any = stage.canvas._overlays.labels
    stamp = tiles._stamp
    stage.session.select_class(CLASSES[1].id)  # its segment is made by the stroke: another table of colours
    stage.stroke([(300.0, 150.0)])
    away(stage)
    assert color_at(stage, 300, 150) == pytest.approx((50, 178, 50), abs=2)
    assert tiles._stamp == stamp


def test_overlays_arrive_however_slow_the_frames_are(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("segstudio.gui.canvas.widget.OVERLAY_BUDGET_S", -1.0)
    propose(stage, [Rect(0, 0, 400, 300)])
    stage.session.proposals.accept_all()
    stage.canvas.fit()
    assert color_at(stage, 200, 150) == pytest.approx((50, 178, 50), abs=2)
    stage.session.undo()
    stage.session.set_overlay(replace(stage.session.overlay, shows_proposal=False))
    assert color_at(stage, 200, 150) == (100, 100, 100)


@pytest.mark.parametrize("late_s", [-1.0, 1e9], ids=["hurried", "in time"])
@pytest.mark.parametrize("mode", ["fill", "outline"])
def test_after_zooming_the_picture_is_as_if_drawn_anew(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, mode: str, late_s: float
) -> None:
    monkeypatch.setattr("segstudio.gui.canvas.widget.LATE_S", late_s)
    stage.stroke([(80.0, 60.0), (330.0, 240.0)])
    propose(stage, [Rect(30, 150, 300, 100)])
    away(stage)
    stage.session.set_overlay(replace(stage.session.overlay, mode=mode))
    canvas, app = stage.canvas, QApplication.instance()
    assert app is not None
    stage.picture()
    for last in (0.31, 0.9, 2.9):
        zoom = canvas.zoom
        for step in range(1, 9):
            canvas.set_view(canvas.view.centred_at(200, 150, zoom * (last / zoom) ** (step / 8)))
            canvas.repaint()
            app.processEvents()
        assert not canvas.is_settled
        stage.settled()
        app.processEvents()  # delivers the last update
        on_screen = canvas.backingStore().paintDevice()
        assert isinstance(on_screen, QImage)
        on_screen = on_screen.copy()
        assert on_screen == canvas.grab().toImage().convertToFormat(on_screen.format()), "not drawn at its best"
        settled = stage.picture()
        canvas._overlays.clear()
        canvas.refresh_picture()
        assert np.array_equal(settled, stage.picture())
