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
    return np.clip(pixels + random.normal(0, 4, pixels.shape), 0, 255).astype(np.uint8)


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
    click(stage, 120.5, 150.5)
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
    click(stage, 20.5, 20.5)
    np.testing.assert_array_equal(stage.labels() == 1, ~(COIN | OTHER))
    stage.settings.set("wand.area", "connected")
    stage.toolbox.select("brush")
    stage.settings.set("brush.size_px", 400.0)
    stage.stroke([(0, 0), (400, 300)])
    hand_on(stage, "wand")
    click(stage, 300.5, 150.5, CONTROL)
    assert not stage.labels()[OTHER].any() and stage.labels()[COIN].all()


def test_wand_in_view_stops_at_the_edge_of_the_view(stage: Stage) -> None:
    hand_on(stage, "wand")
    stage.canvas.set_view(stage.canvas.view.centred_at(120, 150, 4.0))
    seen = stage.canvas.visible_rect()
    stage.settings.set("wand.area", "in view")
    click(stage, 120.5, 150.5)
    wanted = np.zeros(SHAPE, bool)
    wanted[seen.slices] = COIN[seen.slices]
    np.testing.assert_array_equal(stage.labels() == 1, wanted)
    assert wanted.sum() < COIN.sum()


def test_wand_answers_late_yet_no_click_is_lost(stage: Stage) -> None:
    hand_on(stage, "wand")
    held = HeldBackground()
    stage.toolbox.context.background = held
    click(stage, 120.5, 150.5)
    assert not stage.labels().any()
    click(stage, 300.5, 150.5)  # the first one is carried out before the second begins
    np.testing.assert_array_equal(stage.labels() == 1, COIN)
    held.answer()
    np.testing.assert_array_equal(stage.labels() == 1, COIN | OTHER)
    click(stage, 20.5, 20.5)
    stage.session.undo()  # carries out, then takes back
    np.testing.assert_array_equal(stage.labels() == 1, COIN | OTHER)
    assert history(stage) == ["Wand road", "Wand road"]


def test_wand_in_the_windows_own_worker(stage: Stage, qtbot) -> None:  # type: ignore[no-untyped-def]
    background = SlotBackground()
    stage.toolbox.context.background = background
    try:
        hand_on(stage, "wand")
        click(stage, 120.5, 150.5)
        qtbot.waitUntil(lambda: bool(stage.labels().any()), timeout=10_000)
    finally:
        background.shut_down()
    np.testing.assert_array_equal(stage.labels() == 1, COIN)


def test_wand_fills_holes_when_told(qapp: object, tmp_path: Path) -> None:
    pixels = scene()
    pixels[140:160, 110:130] = 20
    stage = Stage(tmp_path, pixels)
    try:
        hand_on(stage, "wand")
        click(stage, 80.5, 150.5)
        assert not stage.labels()[145:155, 115:125].any()
        stage.settings.set("wand.fills_holes", True)
        click(stage, 80.5, 150.5)
        np.testing.assert_array_equal(stage.labels() == 1, COIN)
    finally:
        stage.close()


def test_wand_says_when_the_area_is_too_large_and_respects_locked_classes(stage: Stage) -> None:
    hand_on(stage, "wand")
    stage.settings.set("fill.max_px", 5000)
    click(stage, 20.5, 20.5)
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
    click(stage, 90.5, 150.5)
    kept = disc(SHAPE, 120, 150, 15)
    np.testing.assert_array_equal(stage.labels() == 2, kept)
    np.testing.assert_array_equal(stage.labels() == 1, COIN & ~kept)


# -- superpixel brush ----------------------------------------------------------------------------------------------


def chart_of(stage: Stage):  # type: ignore[no-untyped-def]
    """The superpixels that the tool shows."""
    return stage.toolbox.tool("superpixel")._made.chart  # type: ignore[attr-defined]


def whole(chart, ids) -> np.ndarray:  # type: ignore[no-untyped-def]
    """(h, w) bool of the image: these superpixels."""
    out = np.zeros(SHAPE, bool)
    mask, rect = chart.mask_of(ids)
    out[rect.slices] = mask
    return out


def test_superpixel_hover_shows_one_and_a_click_paints_just_it(stage: Stage) -> None:
    hand_on(stage, "superpixel")
    stage.mouse("move", 120, 100)
    outlines, hot = stage.toolbox.preview().areas
    chart = chart_of(stage)
    one = chart.id_at(120, 100)
    assert outlines.mask.any() and hot.rect.contains(120, 100)
    assert hot.mask.sum() == whole(chart, [one]).sum()
    click(stage, 120.5, 100.5)
    np.testing.assert_array_equal(stage.labels() == 1, whole(chart, [one]))
    assert history(stage) == ["Superpixels road"]
    outside = (whole(chart, [one]) & ~COIN).sum()
    assert outside <= 0.03 * whole(chart, [one]).sum()


def test_superpixel_drag_paints_whole_ones_as_one_step_and_control_erases(stage: Stage) -> None:
    hand_on(stage, "superpixel")
    stage.mouse("move", 70, 150)
    chart = chart_of(stage)
    stage.stroke([(75, 150), (165, 150)])  # one fast move
    ids = {chart.id_at(x, 150) for x in np.arange(75, 165, 0.25)}
    assert len(ids) >= 4
    np.testing.assert_array_equal(stage.labels() == 1, whole(chart, ids))
    assert history(stage) == ["Superpixels road"]
    gone = chart.id_at(120, 150)
    click(stage, 120.5, 150.5, CONTROL)
    np.testing.assert_array_equal(stage.labels() == 1, whole(chart, ids - {gone}))
    stage.session.undo()
    stage.session.undo()
    assert not stage.labels().any()


def test_superpixel_escape_takes_the_stroke_back(stage: Stage) -> None:
    hand_on(stage, "superpixel")
    stage.stroke([(75, 150), (165, 150)], releases=False)
    assert stage.labels().any()
    QTest.keyClick(stage.canvas, Qt.Key.Key_Escape)
    stage.mouse("release", 165, 150)
    assert not stage.labels().any() and history(stage) == []


def test_superpixels_are_made_anew_for_another_view_size_or_image_and_kept(qapp: object, tmp_path: Path) -> None:
    stage = Stage(tmp_path, np.tile(scene(), (5, 5, 1)))
    try:
        hand_on(stage, "superpixel")
        stage.canvas.set_view(stage.canvas.view.centred_at(400, 400, 2.0))
        stage.mouse("move", 400, 400)
        first = chart_of(stage)
        stage.canvas.pan_by(8, 8)
        stage.mouse("move", 401, 400)
        assert chart_of(stage) is first  # a small move: still the same
        stage.canvas.set_view(stage.canvas.view.centred_at(1500, 1000, 2.0))
        stage.mouse("move", 1500, 1000)
        second = chart_of(stage)
        assert second is not first and second.rect.contains(1500, 1000)
        stage.canvas.set_view(stage.canvas.view.centred_at(400, 400, 2.0))
        stage.mouse("move", 400, 400)
        assert chart_of(stage) is first
        stage.settings.set("superpixel.size_px", 8.0)
        smaller = chart_of(stage)
        sizes = [np.bincount(chart.labels.ravel()).mean() for chart in (first, smaller)]
        assert smaller is not first and sizes[1] < sizes[0] / 2
        image_id = stage.session.image_id
        stage.session.select_image(None)
        stage.session.select_image(image_id)  # what was kept belonged to the former picture
        stage.mouse("move", 400, 401)
        assert chart_of(stage) is not smaller
    finally:
        stage.close()


def test_superpixel_press_before_they_are_made_paints_when_they_are(stage: Stage) -> None:
    held = HeldBackground()
    stage.toolbox.context.background = held
    hand_on(stage, "superpixel")
    stage.stroke([(100, 150), (140, 150)])
    assert not stage.labels().any()
    assert "Making superpixels" in stage.toolbox.preview().text
    held.answer()
    chart = chart_of(stage)
    ids = {chart.id_at(x, 150) for x in np.arange(100, 140, 0.25)}
    np.testing.assert_array_equal(stage.labels() == 1, whole(chart, ids))
    assert history(stage) == ["Superpixels road"]


def test_superpixel_outlines_can_be_hidden_and_the_screen_shows_them(stage: Stage) -> None:
    hand_on(stage, "superpixel")
    stage.mouse("move", 200, 30)
    with_lines = stage.picture()
    stage.settings.set("superpixel.shows_outlines", False)
    stage.mouse("move", 200, 31)
    stage.canvas.repaint()
    without = stage.picture()
    changed = (np.abs(with_lines.astype(int) - without).max(axis=-1) > 8).mean()
    assert 0.02 < changed < 0.3
    assert len(stage.toolbox.preview().areas) == 1


# -- smart scissors ------------------------------------------------------------------------------------------------


def rim_points(count: int, off: float = 3.0) -> list[tuple[float, float]]:
    """Points near the rim of the left disc, not on it: where a quick hand clicks."""
    angles = np.arange(count) * 2 * np.pi / count
    radii = 60 + off * np.cos(3 * angles)
    return [(120 + r * np.cos(a), 150 + r * np.sin(a)) for r, a in zip(radii, angles, strict=True)]


def test_scissors_cling_to_the_rim_and_fill_on_the_first_node(stage: Stage) -> None:
    hand_on(stage, "scissors")
    points = rim_points(4)
    for point in points:
        stage.mouse("move", *point)
        click(stage, *point)
    assert not stage.labels().any() and len(stage.toolbox.preview().handles_xy) == 4
    stage.mouse("move", *points[0])
    live = np.array(stage.toolbox.preview().path_xy)
    assert np.abs(np.hypot(live[:, 0] - 120, live[:, 1] - 150) - 60).max() < 4
    click(stage, *points[0])
    assert iou(stage.labels() == 1, COIN) > 0.97
    # A square through the same nodes would be far off.
    assert history(stage) == ["Scissors road"] and not stage.toolbox.preview().handles_xy
    stage.session.undo()
    assert not stage.labels().any()


def test_scissors_paint_the_inside_of_the_line_shown(stage: Stage) -> None:
    from segstudio.core.brush import polygon_mask

    hand_on(stage, "scissors")
    points = rim_points(3)
    for point in points:
        click(stage, *point)
    stage.mouse("move", *stage.toolbox.preview().handles_xy[0])
    path = stage.toolbox.preview().path_xy
    QTest.keyClick(stage.canvas, Qt.Key.Key_Return)
    mask, rect = polygon_mask(path, (400, 300))
    wanted = np.zeros(SHAPE, bool)
    wanted[rect.slices] = mask
    assert ((stage.labels() == 1) ^ wanted).sum() <= 4


def test_scissors_backspace_drops_a_node_and_escape_all(stage: Stage) -> None:
    hand_on(stage, "scissors")
    for point in rim_points(4):
        click(stage, *point)
    QTest.keyClick(stage.canvas, Qt.Key.Key_Backspace)
    assert len(stage.toolbox.preview().handles_xy) == 3
    stage.mouse("move", 120, 90)
    assert len(stage.toolbox.preview().path_xy) > 60
    QTest.keyClick(stage.canvas, Qt.Key.Key_Escape)
    assert not stage.toolbox.preview().handles_xy and not stage.toolbox.current.is_busy
    QTest.keyClick(stage.canvas, Qt.Key.Key_Return)
    assert not stage.labels().any() and history(stage) == []


def test_scissors_double_click_closes_and_shift_erases(stage: Stage) -> None:
    stage.toolbox.select("brush")
    stage.settings.set("brush.size_px", 600.0)
    click(stage, 200, 150)
    hand_on(stage, "scissors")
    view = stage.canvas.view
    points = rim_points(4)
    for point in points:
        click(stage, *point)
    stage.mouse("double", *points[-1], modifiers=SHIFT)
    stage.mouse("release", *points[-1])
    assert iou(stage.labels() == 0, COIN) > 0.97
    assert history(stage)[-1] == "Erase cut-out" and stage.canvas.view == view


def test_scissors_with_a_slow_worker_lose_no_click(stage: Stage) -> None:
    held = HeldBackground()
    stage.toolbox.context.background = held
    hand_on(stage, "scissors")
    for point in rim_points(4):
        click(stage, *point)
    QTest.keyClick(stage.canvas, Qt.Key.Key_Return)
    assert not stage.labels().any() and stage.toolbox.current.is_busy
    held.answer()
    assert iou(stage.labels() == 1, COIN) > 0.97


def test_scissors_make_their_map_of_a_part_only(qapp: object, tmp_path: Path) -> None:
    stage = Stage(tmp_path, np.tile(scene(), (6, 6, 1)))
    try:
        for zoom, longest in ((2.0, 320), (0.25, 320)):
            hand_on(stage, "scissors")
            stage.canvas.set_view(stage.canvas.view.centred_at(1200, 900, zoom))
            click(stage, 1200.5, 900.5)
            stage.mouse("move", 1200 + 100 / zoom, 900)
            live = stage.toolbox.current._live  # type: ignore[attr-defined]
            assert max(live.view.rgb.shape[:2]) <= longest
            assert live.rect.contains(1200 + 100 / zoom, 900)
            QTest.keyClick(stage.canvas, Qt.Key.Key_Escape)
    finally:
        stage.close()


# -- GrabCut box ---------------------------------------------------------------------------------------------------


def test_box_finds_the_object_and_enter_paints_it_as_one_step(stage: Stage) -> None:
    hand_on(stage, "grabcut")
    stage.stroke([(50, 80), (100, 150), (190, 220)])
    assert not stage.labels().any()
    area = stage.toolbox.preview().areas[0]
    assert area.mask.sum() == pytest.approx(COIN.sum(), rel=0.02)
    QTest.keyClick(stage.canvas, Qt.Key.Key_Return)
    assert iou(stage.labels() == 1, COIN) > 0.985
    assert history(stage) == ["Box road"] and not stage.toolbox.current.is_busy
    stage.session.undo()
    assert not stage.labels().any()


def test_box_is_corrected_by_strokes_and_backspace_takes_them_back(stage: Stage) -> None:
    hand_on(stage, "grabcut")
    stage.settings.set("marks.size_px", 16.0)
    stage.stroke([(45, 75), (200, 150), (370, 225)])
    both = stage.toolbox.preview().areas[0].mask.sum()
    assert both == pytest.approx((COIN | OTHER).sum(), rel=0.03)
    stage.stroke([(280, 150), (320, 150)], CONTROL)  # the right one does not belong
    assert stage.toolbox.preview().areas[0].mask.sum() == pytest.approx(COIN.sum(), rel=0.04)
    assert len(stage.toolbox.preview().lines) == 2  # the box and the mark
    QTest.keyClick(stage.canvas, Qt.Key.Key_Backspace)
    assert stage.toolbox.preview().areas[0].mask.sum() == both
    stage.stroke([(280, 150), (320, 150)], CONTROL)
    QTest.keyClick(stage.canvas, Qt.Key.Key_Return)
    assert iou(stage.labels() == 1, COIN) > 0.95 and not stage.labels()[150, 300]


def test_a_stroke_brings_back_what_the_box_cut_missed(qapp: object, tmp_path: Path) -> None:
    pixels = scene()
    hole = disc(SHAPE, 120, 150, 25)
    pixels[hole] = pixels[:50, :50].reshape(-1, 3)[: hole.sum()]  # the disc has a hole that looks like the ground
    stage = Stage(tmp_path, pixels)
    try:
        hand_on(stage, "grabcut")
        stage.settings.set("marks.size_px", 20.0)
        stage.stroke([(50, 80), (190, 220)])
        assert not stage.toolbox.preview().areas[0].mask.all()
        stage.stroke([(110, 150), (130, 150)])
        QTest.keyClick(stage.canvas, Qt.Key.Key_Return)
        assert stage.labels()[150, 120] == 1 and stage.labels()[150, 70] == 1
    finally:
        stage.close()


def test_the_next_box_paints_the_one_before_and_escape_forgets_the_last(stage: Stage) -> None:
    hand_on(stage, "grabcut")
    stage.stroke([(50, 80), (190, 220)])
    stage.stroke([(240, 90), (360, 210)])
    assert iou(stage.labels() == 1, COIN) > 0.985
    QTest.keyClick(stage.canvas, Qt.Key.Key_Escape)
    assert not stage.toolbox.current.is_busy and not stage.toolbox.preview().areas
    QTest.keyClick(stage.canvas, Qt.Key.Key_Return)
    assert iou(stage.labels() == 1, COIN) > 0.985 and history(stage) == ["Box road"]
    click(stage, 200, 150)  # no box at all
    assert not stage.toolbox.current.is_busy


def test_box_accepted_before_it_is_found_is_painted_when_it_is(stage: Stage) -> None:
    held = HeldBackground()
    stage.toolbox.context.background = held
    hand_on(stage, "grabcut")
    stage.stroke([(50, 80), (190, 220)])
    QTest.keyClick(stage.canvas, Qt.Key.Key_Return)
    assert not stage.labels().any() and "Looking" in stage.toolbox.preview().text
    held.answer()
    assert iou(stage.labels() == 1, COIN) > 0.985
    stage.stroke([(240, 90), (360, 210)])
    QTest.keyClick(stage.canvas, Qt.Key.Key_Return)
    image_id = stage.session.image_id
    stage.session.select_image(None)  # carried out first: nothing accepted is lost
    stage.session.select_image(image_id)
    assert iou(stage.labels() == 1, COIN | OTHER) > 0.985


# -- strokes -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["random walker", "graph cut"])
def test_strokes_find_the_area_and_enter_paints_it(stage: Stage, method: str) -> None:
    stage.settings.set("strokes.method", method)
    hand_on(stage, "strokes")
    stage.stroke([(90, 150), (120, 130), (150, 150)])
    stage.stroke([(280, 150), (320, 150)], CONTROL)
    stage.stroke([(20, 20), (380, 20)], CONTROL)
    assert not stage.labels().any() and len(stage.toolbox.preview().lines) == 3
    QTest.keyClick(stage.canvas, Qt.Key.Key_Return)
    assert iou(stage.labels() == 1, COIN) > 0.985
    assert history(stage) == ["Strokes road"]


def test_one_stroke_is_enough_and_shift_enter_erases(stage: Stage) -> None:
    stage.toolbox.select("brush")
    stage.settings.set("brush.size_px", 600.0)
    click(stage, 200, 150)
    hand_on(stage, "strokes")
    stage.stroke([(80, 150), (160, 150)])
    QTest.keyClick(stage.canvas, Qt.Key.Key_Return, SHIFT)
    assert iou(stage.labels() == 0, COIN) > 0.985
    assert history(stage)[-1] == "Erase marked area"


def test_strokes_escape_backspace_and_another_method(stage: Stage) -> None:
    hand_on(stage, "strokes")
    stage.stroke([(80, 150), (160, 150)])
    first = stage.toolbox.preview().areas[0]
    stage.stroke([(280, 150), (320, 150)])
    assert len(stage.toolbox.preview().lines) == 2
    QTest.keyClick(stage.canvas, Qt.Key.Key_Backspace)
    np.testing.assert_array_equal(stage.toolbox.preview().areas[0].mask, first.mask)
    again = stage.toolbox.preview().areas[0]
    stage.settings.set("strokes.method", "graph cut")
    assert stage.toolbox.preview().areas[0] is not again
    QTest.keyClick(stage.canvas, Qt.Key.Key_Escape)
    assert not stage.toolbox.preview().areas and not stage.toolbox.current.is_busy
    stage.stroke([(-30, -30), (-20, -40)])  # outside the image there is nothing
    QTest.keyClick(stage.canvas, Qt.Key.Key_Return)
    assert not stage.labels().any() and history(stage) == []


def test_a_small_object_of_a_large_view_has_a_fine_rim(qapp: object, tmp_path: Path) -> None:
    pixels = np.tile(scene(), (5, 4, 1))
    stage = Stage(tmp_path, pixels)
    try:
        hand_on(stage, "strokes")
        stage.canvas.fit()
        stage.settings.set("marks.size_px", 20.0)
        stage.stroke([(400 + 80, 300 + 150), (400 + 160, 300 + 150)])
        QTest.keyClick(stage.canvas, Qt.Key.Key_Return)
        found = stage.labels() == 1
        assert iou(found[300:600, 400:800], COIN) > 0.985 and found.sum() == found[300:600, 400:800].sum()
    finally:
        stage.close()


@pytest.mark.parametrize("tool", ["wand", "superpixel", "scissors", "grabcut", "strokes"])
def test_each_tool_draws_its_preview_and_refuses_a_read_only_project(stage: Stage, tool: str) -> None:
    hand_on(stage, tool)
    before = stage.picture()
    stage.stroke([(90, 120), (120, 150), (150, 180)], releases=tool in ("grabcut", "strokes"))
    stage.canvas.repaint()
    assert (stage.picture() != before).any()
    QTest.keyClick(stage.canvas, Qt.Key.Key_Escape)
    stage.mouse("release", 150, 180)
    folder = stage.session.folder
    assert folder is not None
    stage.session.close_project()
    assert stage.session.open_project(folder, read_only=True)
    stage.stroke([(90, 120), (120, 150), (150, 180)])
    QTest.keyClick(stage.canvas, Qt.Key.Key_Return)
    assert not stage.labels().any() and not stage.toolbox.current.is_busy


# -- deep pictures, planes, and how areas are drawn ----------------------------------------------------------------


@pytest.mark.parametrize("tool", ["wand", "superpixel", "scissors", "grabcut", "strokes"])
def test_each_tool_works_on_16_bits_of_one_band(qapp: object, tmp_path: Path, tool: str) -> None:
    deep = scene()[..., 1].astype(np.uint16) * 20 + 9000  # dark and faint, unless stretched
    stage = Stage(tmp_path, deep)
    try:
        hand_on(stage, tool)
        if tool == "wand":
            click(stage, 120.5, 150.5)
        elif tool == "superpixel":
            stage.settings.set("superpixel.size_px", 10.0)
            stage.mouse("move", 120, 150)
            chart = chart_of(stage)
            inside = [
                one
                for one in range(chart.labels.max() + 1)
                if (COIN & whole(chart, [one])).sum() * 2 > whole(chart, [one]).sum()
            ]
            stage.stroke([chart_middle(chart, one) for one in inside])
        elif tool == "scissors":
            for point in rim_points(5, off=1.0):
                click(stage, *point)
            QTest.keyClick(stage.canvas, Qt.Key.Key_Return)
        else:
            stage.stroke([(50, 80), (190, 220)] if tool == "grabcut" else [(80, 150), (160, 150)])
            QTest.keyClick(stage.canvas, Qt.Key.Key_Return)
        assert iou(stage.labels() == 1, COIN) > 0.96
    finally:
        stage.close()


def chart_middle(chart, one: int) -> tuple[float, float]:  # type: ignore[no-untyped-def]
    """A point within a superpixel."""
    mask, rect = chart.mask_of([one])
    rows, columns = np.nonzero(mask)
    index = len(rows) // 2
    return rect.x + int(columns[index]) + 0.5, rect.y + int(rows[index]) + 0.5


def test_a_coarse_area_covers_its_rectangle_of_the_image(stage: Stage) -> None:
    from PySide6.QtGui import QImage, QPainter

    from segstudio.app.tools.base import PreviewArea, ToolPreview
    from segstudio.core.geometry import Rect
    from segstudio.gui.canvas import hud

    stage.canvas.set_view(stage.canvas.view.centred_at(200, 150, 2.0))
    mask = np.zeros((4, 5), bool)
    mask[1, 2] = mask[3, 4] = True
    area = PreviewArea(mask, Rect(150, 100, 50, 40))
    image = QImage(stage.canvas.size(), QImage.Format.Format_ARGB32_Premultiplied)
    image.fill(0)
    painter = QPainter(image)
    hud.draw_preview(painter, ToolPreview(areas=(area,), color="#ff0000"), stage.canvas.view, 1.0)
    painter.end()
    for x, y, is_in in ((175, 115, True), (171, 111, True), (179, 119, True), (181, 115, False), (169, 115, False),
                        (195, 135, True), (195, 125, False), (155, 105, False)):  # fmt: skip
        at = stage.at(x, y).toPoint()
        assert (image.pixelColor(at).alpha() > 100) == is_in, (x, y)


def test_hovering_redraws_the_superpixels_that_change_and_no_more(stage: Stage) -> None:
    from PySide6.QtCore import QEvent, QObject
    from PySide6.QtGui import QPaintEvent
    from PySide6.QtWidgets import QApplication

    painted: list[int] = []

    class Watch(QObject):
        def eventFilter(self, watched: QObject, event: QEvent) -> bool:
            if isinstance(event, QPaintEvent):
                painted.append(sum(rect.width() * rect.height() for rect in event.region()))
            return False

    hand_on(stage, "superpixel")
    stage.mouse("move", 100, 150)
    stage.picture()
    stage.canvas.repaint()
    QApplication.processEvents()
    watch = Watch()
    stage.canvas.installEventFilter(watch)
    for x in range(100, 300, 10):
        stage.mouse("move", x, 150)
        QApplication.processEvents()
    stage.canvas.removeEventFilter(watch)
    assert 5 < len(painted) <= 20 and max(painted) < 0.1 * 600 * 400


def test_of_two_previews_only_what_differs_is_drawn_anew() -> None:
    from segstudio.app.tools.base import PreviewArea, PreviewLine, Ring, ToolPreview
    from segstudio.core.geometry import Rect
    from segstudio.gui.canvas.hud import changed_parts

    kept, gone, new = (PreviewArea(np.ones((2, 2), bool), Rect(x, 0, 2, 2)) for x in (0, 10, 20))
    line, other = PreviewLine(((0.0, 0.0), (5.0, 5.0))), PreviewLine(((9.0, 9.0), (5.0, 5.0)))
    path = ((1.0, 1.0), (2.0, 2.0))
    before = ToolPreview(areas=(kept, gone), lines=(line,), path_xy=path)
    after = ToolPreview(areas=(kept, new), lines=(line, other), path_xy=path, ring=Ring(1, 1, 5))
    one, two = changed_parts(before, after)
    assert (one.areas, one.lines, one.path_xy) == ((gone,), (), ())
    assert (two.areas, two.lines, two.path_xy, two.ring) == ((new,), (other,), (), after.ring)
    longer = ToolPreview(areas=(kept, gone), lines=(line,), path_xy=(*path, (7.0, 7.0)))
    assert [part.path_xy for part in changed_parts(before, longer)] == [path, longer.path_xy]
    recoloured = ToolPreview(areas=(kept, gone), lines=(line,), path_xy=path, color="#00ff00")
    assert changed_parts(before, recoloured) == (before, recoloured)
