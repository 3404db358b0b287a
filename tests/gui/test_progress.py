"""The Progress panel: work with the mouse is recorded, told, drawn, and its advice can be followed."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from window_help import open_project, open_window

from segstudio.gui import theme
from segstudio.gui.main_window import MainWindow
from segstudio.gui.panels.effort_curve import nice_steps, time_unit
from segstudio.gui.panels.progress import ProgressPanel, short_count, short_time
from segstudio.io.store.efforts import ACCEPTED, Effort
from segstudio.io.store.facts import Fact

LEFT = Qt.MouseButton.LeftButton


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        self.now += 0.5
        return self.now


@pytest.fixture
def window(qtbot, tmp_path, monkeypatch) -> Iterator[MainWindow]:
    with open_window(qtbot) as made:
        monkeypatch.setattr(made.workspace.effort.recorder, "_clock", Clock())
        open_project(made, tmp_path, qtbot, images=12)
        yield made


def shown_panel(window: MainWindow, qtbot) -> ProgressPanel:
    assert window.trigger("train.progress")
    panel = window.workspace.docks.panel("progress")
    assert isinstance(panel, ProgressPanel)
    qtbot.waitUntil(panel.isVisible, timeout=5_000)
    return panel


def drag(window: MainWindow, *points: tuple[float, float]) -> None:
    """Paint on the canvas, through image positions, with the mouse."""
    canvas = window.workspace.canvas
    at = [canvas.view.to_view(x, y) for x, y in points]
    spots = [QPoint(round(x), round(y)) for x, y in at]
    QTest.mousePress(canvas, LEFT, pos=spots[0])
    for spot in spots[1:]:
        QTest.mouseMove(canvas, spot)
    QTest.mouseRelease(canvas, LEFT, pos=spots[-1])


def worked(window: MainWindow, models: list[str], seconds: list[float], accepted: int = 0, kept: int = 0) -> None:
    """Efforts as earlier work left them, one image after the other, all of them done."""
    session = window.session
    ids = [record.id for record in session.images]
    efforts = [
        Effort(
            ids[i], float(i), s, strokes=i + 1, pixels=100 * (i + 1), accepted_pixels=accepted if m else 0, model_id=m
        )
        for i, (m, s) in enumerate(zip(models, seconds, strict=True))
    ]
    session.store.efforts.add(efforts)
    if accepted:
        session.store.facts.put(
            ACCEPTED, {ids[i]: Fact({"accepted": accepted, "kept": kept}) for i, m in enumerate(models) if m}
        )
    session.set_status(ids[: len(models)], "done")


def test_strokes_of_the_mouse_are_recorded_and_shown(window: MainWindow, qtbot) -> None:
    session = window.session
    panel = shown_panel(window, qtbot)
    qtbot.waitUntil(lambda: panel.values["done"].text() == "0 / 12", timeout=5_000)
    assert "Nothing is recorded yet" in panel.advice.text() and not panel.train_button.isVisible()
    window.trigger("tool.brush")
    session.settings.set("brush.size_px", 6.0)
    drag(window, (20, 20), (30, 20), (40, 24))
    drag(window, (20, 40), (40, 40))
    first = session.image_id
    QTest.keyClick(window.workspace.canvas, Qt.Key.Key_D)
    assert session.image_id != first
    qtbot.waitUntil(lambda: bool(session.store.efforts.all(first)), timeout=5_000)
    (row,) = session.store.efforts.all(first)
    labels = session.documents.open(first).labels
    assert row.strokes == 2 and row.seconds > 0
    assert row.pixels == int(np.count_nonzero(labels.read_classes(labels.bounds)))
    qtbot.waitUntil(lambda: len(panel.curve.points) == 1, timeout=5_000)
    assert panel.curve.points[0].image_id == first and "Mark images as done" in panel.advice.text()


def test_strokes_show_while_the_image_stays(window: MainWindow, qtbot) -> None:
    panel = shown_panel(window, qtbot)
    panel._live.setInterval(50)
    window.trigger("tool.brush")
    window.session.settings.set("brush.size_px", 6.0)
    drag(window, (20, 20), (30, 20))
    qtbot.waitUntil(lambda: len(panel.curve.points) == 1, timeout=5_000)


def test_work_elsewhere_does_not_count(window: MainWindow) -> None:
    effort = window.workspace.effort
    effort.recorder.touch()
    effort._on_state_changed(Qt.ApplicationState.ApplicationInactive)
    window.workspace.background.shut_down()
    effort.recorder.flush()
    before = sum(e.seconds for e in window.session.store.efforts.all())
    for _ in range(10):
        effort.recorder._clock()  # five seconds in another program
    effort.recorder.touch()
    effort.recorder.flush()
    assert sum(e.seconds for e in window.session.store.efforts.all()) == before


def test_forecast_and_advice_that_can_be_followed(window: MainWindow, qtbot) -> None:
    panel = shown_panel(window, qtbot)
    worked(
        window, ["", "", "run@1", "run@1", "run@2", "run@2", "run@2", "run@2"], [90, 90, 60, 60, 42.4, 42.4, 42.4, 42.4]
    )
    qtbot.waitUntil(lambda: panel.values["done"].text() == "8 / 12", timeout=5_000)
    qtbot.waitUntil(lambda: panel.values["left"].text() == "3 min", timeout=5_000)
    assert panel.values["left_retrained"].text() == "2 min" and "Train again now" in panel.advice.text()
    assert panel.train_button.isVisible()
    QTest.mouseClick(panel.train_button, LEFT)
    qtbot.waitUntil(lambda: window.workspace.docks.panel("train").isVisible(), timeout=5_000)


def test_good_proposals_say_when_to_stop(window: MainWindow, qtbot) -> None:
    panel = shown_panel(window, qtbot)
    worked(window, ["run@1"] * 5, [9.0] * 5, accepted=1000, kept=1000)
    qtbot.waitUntil(lambda: "Stop correcting" in panel.advice.text(), timeout=5_000)
    assert "(7)" in panel.advice.text() and panel.values["dice"].text() == "100 %"


def test_the_curve_shows_what_is_chosen_and_opens_an_image(window: MainWindow, qtbot) -> None:
    panel = shown_panel(window, qtbot)
    worked(window, ["", "", "run@1", "run@1"], [90.0, 80.0, 40.0, 30.0], accepted=500, kept=450)
    qtbot.waitUntil(lambda: [round(p.value, -1) for p in panel.curve.points] == [90, 80, 40, 30], timeout=5_000)
    assert panel.curve.starts == ((3, "run@1"),)
    panel.choice.setFocus()
    QTest.keyClick(panel.choice, Qt.Key.Key_Down)
    assert [p.value for p in panel.curve.points] == [100, 200, 300, 400]
    QTest.keyClick(panel.choice, Qt.Key.Key_End)
    assert [p.place for p in panel.curve.points] == [3, 4]
    point = panel.curve.points[1]
    at = panel.curve.place_of(point).toPoint()
    QTest.mouseDClick(panel.curve, LEFT, pos=at)
    assert window.session.image_id == point.image_id
    drawn = panel.curve.grab().toImage()
    colors = {drawn.pixelColor(x, y).name() for x in range(drawn.width()) for y in range(drawn.height())}
    assert theme.color("accent").name() in colors


@pytest.mark.parametrize(("top", "last"), [(0, 1.0), (0.95, 1.0), (7, 7.5), (100, 100), (101, 150), (3700, 4000)])
def test_axes_end_at_round_numbers(top: float, last: float) -> None:
    steps = nice_steps(top)
    assert steps[0] == 0 and steps[-1] == pytest.approx(last) and len(steps) <= 5


@pytest.mark.parametrize(
    ("top", "texts"),
    [
        (40, ["0", "20 s", "40 s"]),
        (100, ["0", "50 s", "100 s"]),
        (150, ["0", "1 min", "2 min", "3 min"]),
        (9000, ["0", "1 h", "2 h", "3 h"]),
    ],
)
def test_axes_of_time_are_round_in_their_unit(top: float, texts: list[str]) -> None:
    assert [short_time(step, time_unit(top)) for step in nice_steps(top, unit_of=time_unit)] == texts


def test_counts_are_short() -> None:
    assert [short_count(v) for v in (0, 850, 12_000, 3_400_000)] == ["0", "850", "12 k", "3.4 M"]
