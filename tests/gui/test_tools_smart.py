"""The smart tools by real mouse and key events: the mask that lands in the layer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from canvas_stage import CLASSES, Stage
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from segstudio.gui.background import SlotBackground

SHIFT, CONTROL = Qt.KeyboardModifier.ShiftModifier, Qt.KeyboardModifier.ControlModifier
LEFT = Qt.MouseButton.LeftButton


def disc(shape: tuple[int, int], x: float, y: float, radius: float) -> np.ndarray:
    """(h, w) bool."""
    rows, columns = np.mgrid[: shape[0], : shape[1]]
    return np.hypot(columns + 0.5 - x, rows + 0.5 - y) <= radius


SHAPE = (300, 400)
COIN, OTHER = disc(SHAPE, 120, 150, 60), disc(SHAPE, 300, 150, 50)


def scene() -> np.ndarray:
    """(300, 400, 3) uint8: two bright noisy discs on a dark noisy ground."""
    random = np.random.default_rng(0)
    pixels = np.full((*SHAPE, 3), (40, 50, 60), np.float64)
    pixels[COIN] = (150, 170, 190)
    pixels[OTHER] = (190, 150, 120)
    return np.clip(pixels + random.normal(0, 5, pixels.shape), 0, 255).astype(np.uint8)


def iou(one: np.ndarray, other: np.ndarray) -> float:
    """Intersection over union."""
    return float((one & other).sum() / max(1, (one | other).sum()))


@pytest.fixture
def stage(qapp: object, tmp_path: Path) -> Iterator[Stage]:
    made = Stage(tmp_path, scene())
    yield made
    made.close()


def hand_on(stage: Stage, tool: str) -> Stage:
    """The stage with a tool chosen, at 1:1 and with the keys."""
    stage.toolbox.select(tool)
    stage.canvas.one_to_one()
    stage.canvas.setFocus()
    return stage


def history(stage: Stage) -> list[str]:
    """What can be undone."""
    assert stage.session.history is not None
    return [entry.label for entry in stage.session.history.entries() if not entry.is_undone]


def click(stage: Stage, x: float, y: float, modifiers: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
    stage.stroke([(x, y)], modifiers)


class HeldBackground:
    """Keeps the work until :meth:`answer`: what a slow worker looks like."""

    def __init__(self) -> None:
        self.waiting: dict[str, Callable[[], None]] = {}

    def run(self, slot, work, done, failed) -> None:  # type: ignore[no-untyped-def]
        from segstudio.core.cancel import CancelToken

        self.waiting[slot] = lambda: done(work(CancelToken()))

    def drop(self, slot: str) -> None:
        self.waiting.pop(slot, None)

    def answer(self) -> None:
        waiting, self.waiting = self.waiting, {}
        for one in waiting.values():
            one()


# -- magic wand ----------------------------------------------------------------------------------------------------


def test_wand_click_paints_the_connected_area_as_one_step(stage: Stage) -> None:
    hand_on(stage, "wand")
    click(stage, 120, 150)
    np.testing.assert_array_equal(stage.labels() == 1, COIN)
    assert history(stage) == ["Wand road"]
    stage.session.undo()
    assert not stage.labels().any()


def test_wand_drag_changes_the_tolerance_live_and_release_commits(stage: Stage) -> None:
    hand_on(stage, "wand")
    stage.settings.set("wand.tolerance", 10.0)
    at = stage.at(300, 150)
    stage.mouse("press", 300, 150)
    assert stage.toolbox.preview().areas[0].mask.sum() == OTHER.sum()
    assert not stage.labels().any()
    stage.mouse("move", 300, 150 - 60 / stage.canvas.zoom, held=LEFT)  # 60 px up: + 6 %
    assert stage.settings.number("wand.tolerance") == pytest.approx(16, abs=0.2), at
    stage.mouse("move", 300, 150 - 140 / stage.canvas.zoom, held=LEFT)
    assert stage.toolbox.preview().text.endswith("%")
    stage.mouse("move", 300, 150 + 95 / stage.canvas.zoom, held=LEFT)  # almost nothing left
    few = stage.toolbox.preview().areas[0].mask.sum()
    assert 0 < few < OTHER.sum() / 4
    stage.mouse("release", 300, 150 + 95 / stage.canvas.zoom)
    assert (stage.labels() == 1).sum() == few and history(stage) == ["Wand road"]


def test_wand_escape_abandons_and_gives_the_tolerance_back(stage: Stage) -> None:
    hand_on(stage, "wand")
    stage.mouse("press", 300, 150)
    stage.mouse("move", 300, 100, held=LEFT)
    QTest.keyClick(stage.canvas, Qt.Key.Key_Escape)
    stage.mouse("release", 300, 100)
    assert not stage.labels().any() and history(stage) == []
    assert stage.settings.number("wand.tolerance") == 10.0
    assert not stage.toolbox.preview().areas


def test_wand_takes_all_that_is_alike_and_control_erases(stage: Stage) -> None:
    hand_on(stage, "wand")
    stage.settings.set("wand.area", "whole image")
    click(stage, 20, 20)
    np.testing.assert_array_equal(stage.labels() == 1, ~(COIN | OTHER))
    stage.settings.set("wand.area", "connected")
    stage.toolbox.select("brush")
    stage.settings.set("brush.size_px", 400.0)
    stage.stroke([(0, 0), (400, 300)])
    hand_on(stage, "wand")
    click(stage, 300, 150, CONTROL)
    assert not stage.labels()[OTHER].any() and stage.labels()[COIN].all()


def test_wand_in_view_stops_at_the_edge_of_the_view(stage: Stage) -> None:
    hand_on(stage, "wand")
    stage.canvas.set_view(stage.canvas.view.centred_at(120, 150, 4.0))
    seen = stage.canvas.visible_rect()
    stage.settings.set("wand.area", "in view")
    click(stage, 120, 150)
    wanted = np.zeros(SHAPE, bool)
    wanted[seen.slices] = COIN[seen.slices]
    np.testing.assert_array_equal(stage.labels() == 1, wanted)
    assert wanted.sum() < COIN.sum()


def test_wand_answers_late_yet_no_click_is_lost(stage: Stage) -> None:
    hand_on(stage, "wand")
    held = HeldBackground()
    stage.toolbox.context.background = held
    click(stage, 120, 150)
    assert not stage.labels().any()
    click(stage, 300, 150)  # the first one is carried out before the second begins
    np.testing.assert_array_equal(stage.labels() == 1, COIN)
    held.answer()
    np.testing.assert_array_equal(stage.labels() == 1, COIN | OTHER)
    click(stage, 20, 20)
    stage.session.undo()  # carries out, then takes back
    np.testing.assert_array_equal(stage.labels() == 1, COIN | OTHER)
    assert history(stage) == ["Wand road", "Wand road"]


def test_wand_in_the_windows_own_worker(stage: Stage, qtbot) -> None:  # type: ignore[no-untyped-def]
    background = SlotBackground()
    stage.toolbox.context.background = background
    try:
        hand_on(stage, "wand")
        click(stage, 120, 150)
        qtbot.waitUntil(lambda: bool(stage.labels().any()), timeout=10_000)
    finally:
        background.shut_down()
    np.testing.assert_array_equal(stage.labels() == 1, COIN)


def test_wand_says_when_the_area_is_too_large_and_respects_locked_classes(stage: Stage) -> None:
    hand_on(stage, "wand")
    stage.settings.set("fill.max_px", 5000)
    click(stage, 20, 20)
    assert not stage.labels().any()
    assert "larger than 5,000 pixels" in stage.notices[-1]
    stage.settings.set("fill.max_px", 500_000)
    stage.toolbox.select("brush")
    stage.settings.set("brush.size_px", 30.0)
    stage.session.select_class(CLASSES[1].id)
    stage.stroke([(120, 150)])
    stage.session.class_editor.set_locked(CLASSES[1].id, True)
    stage.session.select_class(CLASSES[0].id)
    hand_on(stage, "wand")
    click(stage, 90, 150)
    kept = disc(SHAPE, 120, 150, 15)
    np.testing.assert_array_equal(stage.labels() == 2, kept)
    np.testing.assert_array_equal(stage.labels() == 1, COIN & ~kept)
