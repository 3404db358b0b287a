"""Lasso, shapes, polygon and the brushes that look at the picture, by real mouse, key and pen events."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from canvas_stage import Stage
from PySide6.QtCore import Qt
from PySide6.QtGui import QPointingDevice, QTabletEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from segstudio.core.brush import polygon_mask, stroke_mask
from segstudio.core.geometry import Rect
from segstudio.core.shapes import Box, ellipse_mask, rectangle_mask

NONE, SHIFT, CONTROL = (
    Qt.KeyboardModifier.NoModifier,
    Qt.KeyboardModifier.ShiftModifier,
    Qt.KeyboardModifier.ControlModifier,
)
ALT = Qt.KeyboardModifier.AltModifier
LEFT = Qt.MouseButton.LeftButton
SHAPE = (300, 400)
BORDER = 200
"""Left of this column the scene is dark, right of it bright."""


def scene() -> np.ndarray:
    """(300, 400, 3) uint8: two noisy halves."""
    random = np.random.default_rng(0)
    pixels = np.full((*SHAPE, 3), 60.0)
    pixels[:, BORDER:] = 160
    return np.clip(pixels + random.normal(0, 3, pixels.shape), 0, 255).astype(np.uint8)


@pytest.fixture
def stage(qapp: object, tmp_path: Path) -> Iterator[Stage]:
    made = Stage(tmp_path, scene())
    made.canvas.one_to_one()
    made.canvas.setFocus()
    yield made
    made.close()


def full(made: tuple[np.ndarray, Rect]) -> np.ndarray:
    """(300, 400) bool of a mask and its place."""
    mask, rect = made
    inside = rect.clipped(SHAPE[1], SHAPE[0])
    out = np.zeros(SHAPE, bool)
    out[inside.slices] = mask[inside.moved(-rect.x, -rect.y).slices]
    return out


def history(stage: Stage) -> list[str]:
    """What can be undone."""
    assert stage.session.history is not None
    return [entry.label for entry in stage.session.history.entries() if not entry.is_undone]


def painted(stage: Stage) -> np.ndarray:
    """(300, 400) bool."""
    return stage.labels() == 1


def paint_all(stage: Stage) -> None:
    """Everything gets the class."""
    transaction = stage.session.begin("all")
    assert transaction is not None
    transaction.paint(np.ones(SHAPE, bool), 0, 0, stage.session.paint_segment(transaction))
    stage.session.commit(transaction)


# -- lasso -----------------------------------------------------------------------------------------------------------

LOOP = [(100.0, 80.0), (180.0, 70.0), (260.0, 120.0), (170.0, 110.0), (150.0, 200.0), (90.0, 150.0)]


def test_lasso_fills_what_was_drawn_round_as_one_step(stage: Stage) -> None:
    stage.toolbox.select("lasso")
    stage.stroke(LOOP)
    np.testing.assert_array_equal(painted(stage), full(polygon_mask(LOOP)))
    assert history(stage) == ["Lasso road"]
    stage.session.undo()
    assert not stage.labels().any()


@pytest.mark.parametrize("modifiers", [SHIFT, CONTROL])
def test_lasso_erases(stage: Stage, modifiers: Qt.KeyboardModifier) -> None:
    paint_all(stage)
    stage.toolbox.select("lasso")
    stage.stroke(LOOP, modifiers)
    np.testing.assert_array_equal(painted(stage), ~full(polygon_mask(LOOP)))
    assert history(stage) == ["all", "Erase lasso"]


def test_lasso_escape_leaves_no_trace_and_a_click_does_nothing(stage: Stage) -> None:
    stage.toolbox.select("lasso")
    stage.stroke(LOOP, releases=False)
    assert len(stage.toolbox.preview().path_xy) == len(LOOP)
    QTest.keyClick(stage.canvas, Qt.Key.Key_Escape)
    stage.mouse("release", *LOOP[-1])
    stage.stroke([(50.0, 50.0)])
    assert not stage.labels().any() and history(stage) == []
    assert stage.toolbox.preview().path_xy == ()


def test_a_long_lasso_is_thinned_and_its_mask_is_not(stage: Stage) -> None:
    stage.toolbox.select("lasso")
    stage.canvas.set_view(stage.canvas.view.centred_at(200, 150, 6.0))
    turns = np.linspace(0, 2 * np.pi, 700)
    seen: list[tuple[float, float]] = []
    press, move = stage.toolbox.press, stage.toolbox.move
    stage.toolbox.press = lambda event: (seen.append(event.xy), press(event))[1]  # type: ignore[method-assign]
    stage.toolbox.move = lambda event: (seen.append(event.xy), move(event))[1]  # type: ignore[method-assign]
    way = [(200 + 30 * np.cos(turn) * (1 + 0.2 * np.sin(7 * turn)), 150 + 20 * np.sin(turn)) for turn in turns]
    stage.stroke(way, releases=False)
    kept = stage.toolbox.current.points_xy  # type: ignore[attr-defined]
    stage.mouse("release", *way[-1])
    assert len(kept) < 300 < len(seen)
    np.testing.assert_array_equal(painted(stage), full(polygon_mask(seen[1:])))  # the first is the hover


# -- rectangle and ellipse -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("tool", "mask"), [("rectangle", rectangle_mask), ("ellipse", ellipse_mask)])
def test_a_shape_is_filled_when_let_go(stage: Stage, tool: str, mask: object) -> None:
    stage.toolbox.select(tool)
    stage.stroke([(50.0, 60.0), (90.0, 70.0), (171.0, 123.0)])
    np.testing.assert_array_equal(painted(stage), full(mask(Box(50, 60, 171, 123), SHAPE[::-1])))  # type: ignore[operator]
    assert history(stage) == [f"{tool.capitalize()} road"]
    stage.stroke([(171.0, 123.0), (50.0, 60.0)], CONTROL)
    assert not stage.labels().any() and history(stage)[-1] == f"Erase {tool}"


def test_shift_and_alt_change_the_shape_while_it_is_dragged(stage: Stage) -> None:
    stage.toolbox.select("rectangle")
    stage.stroke([(200.0, 150.0), (230.0, 160.0)], releases=False)
    assert stage.toolbox.preview().text == "30 × 10"
    QTest.keyPress(stage.canvas, Qt.Key.Key_Shift)
    assert stage.toolbox.preview().text == "30 × 30"
    QTest.keyPress(stage.canvas, Qt.Key.Key_Alt)
    assert stage.toolbox.preview().text == "60 × 60" and stage.toolbox.current.id == "rectangle"
    QTest.keyRelease(stage.canvas, Qt.Key.Key_Shift)
    assert stage.toolbox.preview().text == "60 × 20"
    stage.mouse("release", 230, 160, modifiers=ALT)
    np.testing.assert_array_equal(painted(stage), full(rectangle_mask(Box(170, 140, 230, 160), SHAPE[::-1])))


def test_a_shape_to_be_adjusted_waits_for_enter(stage: Stage) -> None:
    stage.toolbox.select("rectangle")
    stage.settings.set("shape.adjusts", True)
    stage.stroke([(100.0, 100.0), (150.0, 140.0)])
    assert not stage.labels().any() and len(stage.toolbox.preview().handles_xy) == 4
    stage.stroke([(151.0, 141.0), (180.0, 170.0)])  # the corner at the bottom right
    stage.stroke([(140.0, 120.0), (130.0, 115.0)])  # inside: the whole of it
    QTest.keyClick(stage.canvas, Qt.Key.Key_Return)
    np.testing.assert_array_equal(painted(stage), full(rectangle_mask(Box(90, 95, 170, 165), SHAPE[::-1])))
    assert history(stage) == ["Rectangle road"] and not stage.toolbox.current.is_busy


def test_a_press_beside_a_shape_fills_it_and_begins_the_next(stage: Stage) -> None:
    stage.toolbox.select("ellipse")
    stage.settings.set("shape.adjusts", True)
    stage.stroke([(100.0, 100.0), (150.0, 140.0)])
    stage.stroke([(200.0, 200.0), (240.0, 220.0)])
    np.testing.assert_array_equal(painted(stage), full(ellipse_mask(Box(100, 100, 150, 140), SHAPE[::-1])))
    QTest.keyClick(stage.canvas, Qt.Key.Key_Escape)
    assert history(stage) == ["Ellipse road"] and stage.toolbox.preview().path_xy == ()


def test_a_shape_is_abandoned_by_escape_and_a_click_does_nothing(stage: Stage) -> None:
    stage.toolbox.select("rectangle")
    stage.stroke([(100.0, 100.0), (150.0, 140.0)], releases=False)
    QTest.keyClick(stage.canvas, Qt.Key.Key_Escape)
    stage.mouse("release", 150, 140)
    stage.stroke([(100.0, 100.0), (101.0, 101.0)])
    assert not stage.labels().any() and history(stage) == [] and not stage.toolbox.current.is_busy


# -- polygon ---------------------------------------------------------------------------------------------------------


def click(stage: Stage, x: float, y: float, modifiers: Qt.KeyboardModifier = NONE) -> None:
    stage.stroke([(x, y)], modifiers)


def test_polygon_vertices_are_dragged_added_and_dropped_before_it_is_filled(stage: Stage) -> None:
    stage.toolbox.select("polygon")
    for x, y in ((100, 100), (200, 100), (200, 200), (100, 200)):
        click(stage, x, y)
    stage.stroke([(200.0, 200.0), (250.0, 230.0)])  # drag
    stage.mouse("move", 150, 103, modifiers=SHIFT)
    assert stage.toolbox.preview().handles_xy[-1] == (150, 100)  # where a vertex would come
    stage.stroke([(150.0, 103.0), (150.0, 60.0)], SHIFT)  # added on an edge and drawn out
    stage.stroke([(100.0, 151.0), (70.0, 151.0)], SHIFT)  # the edge that closes it
    assert stage.toolbox.current.nodes_xy == (  # type: ignore[attr-defined]
        (100, 100), (150, 60), (200, 100), (250, 230), (100, 200), (70, 151),
    )  # fmt: skip
    stage.mouse("move", 200, 100)
    QTest.keyClick(stage.canvas, Qt.Key.Key_Delete)
    assert not stage.labels().any()
    QTest.keyClick(stage.canvas, Qt.Key.Key_Return)
    wanted = [(100, 100), (150, 60), (250, 230), (100, 200), (70, 151)]
    np.testing.assert_array_equal(painted(stage), full(polygon_mask(wanted)))
    assert history(stage) == ["Polygon road"]


# -- threshold brush -------------------------------------------------------------------------------------------------


def other_image(stage: Stage, tmp_path: Path, name: str, values: np.ndarray) -> None:
    """Show a further image."""
    file = tmp_path / name
    assert cv2.imwrite(str(file), values)
    stage.session.add_images([file])
    stage.session.select_image(stage.session.images[-1].id)
    stage.canvas.one_to_one()
    stage.settled()


@pytest.mark.parametrize(
    ("name", "values", "low", "high"),
    [
        ("deep.png", lambda x, y: (x * 150 + y).astype(np.uint16), 20_000, 33_000.5),
        ("float.tif", lambda x, y: ((x - 150.25) / 100).astype(np.float32), -0.2, 0.4),
    ],
)
def test_threshold_brush_paints_only_values_in_its_range(
    stage: Stage, tmp_path: Path, name: str, values: object, low: float, high: float
) -> None:
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]]
    image = values(x, y)  # type: ignore[operator]
    other_image(stage, tmp_path, name, image)
    stage.toolbox.select("threshold")
    for key, value in {"size_px": 40.0, "low": low, "high": high}.items():
        stage.settings.set(f"threshold.{key}", value)
    way = [(60.0, 80.0), (330.0, 200.0)]
    stage.stroke(way)
    swept, inside = full(stroke_mask(way, 40)), (image >= np.float32(low)) & (image <= np.float32(high))
    np.testing.assert_array_equal(painted(stage), swept & inside)
    assert (swept & ~inside).any() and history(stage) == ["Threshold road"]
    stage.stroke(way, CONTROL)
    assert not stage.labels().any()


def test_threshold_band_and_mean(stage: Stage, tmp_path: Path) -> None:
    image = np.zeros((*SHAPE, 3), np.uint8)  # blue, green, red
    image[..., 2] = 90
    image[:150, :, 0] = 90
    other_image(stage, tmp_path, "bands.png", image)
    stage.toolbox.select("threshold")
    for key, value in {"size_px": 40.0, "low": 50, "high": 70, "band": -1}.items():
        stage.settings.set(f"threshold.{key}", value)
    dab = full(stroke_mask([(100.0, 150.0)], 40))
    click(stage, 100, 150)
    np.testing.assert_array_equal(painted(stage), dab & (np.arange(300) < 150)[:, None])  # (90 + 90) / 3
    stage.settings.set("threshold.band", 0)
    stage.settings.set("threshold.high", 100)
    click(stage, 100, 150)
    np.testing.assert_array_equal(painted(stage), dab)


def test_threshold_reads_follow_the_stroke(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    stage.settled()
    reader = stage.session.reader
    assert reader is not None
    windows: list[Rect] = []
    read = reader.read
    monkeypatch.setattr(reader, "read", lambda level, z, rect: (windows.append(rect), read(level, z, rect))[1])
    stage.toolbox.select("threshold")
    stage.settings.set("threshold.size_px", 20.0)
    stage.stroke([(20.0, 20.0), (380.0, 280.0)])
    assert painted(stage).any()
    assert windows and max(rect.width * rect.height for rect in windows) <= 64 * 64


def test_alt_takes_the_range_and_escape_gives_it_back(stage: Stage) -> None:
    stage.settled()
    stage.toolbox.select("threshold")
    stage.settings.set("threshold.size_px", 30.0)
    QTest.keyPress(stage.canvas, Qt.Key.Key_Alt)
    assert stage.toolbox.current.id == "threshold"  # not the picker
    stage.stroke([(300.0, 150.0)], ALT)
    low, high = (stage.settings.number(f"threshold.{end}") for end in ("low", "high"))
    assert 150 < low < 160 < high < 170
    stage.stroke([(300.0, 150.0), (100.0, 150.0)], ALT, releases=False)
    assert stage.settings.number("threshold.low") < 65 and "…" in stage.toolbox.preview().text
    QTest.keyClick(stage.canvas, Qt.Key.Key_Escape)
    stage.mouse("release", 100, 150)
    assert [stage.settings.number(f"threshold.{end}") for end in ("low", "high")] == [low, high]
    assert history(stage) == []
    QTest.keyRelease(stage.canvas, Qt.Key.Key_Alt)
    click(stage, BORDER, 150)
    assert painted(stage)[:, BORDER:].sum() > 300 and not painted(stage)[:, :BORDER].any()


def test_a_picture_not_decoded_yet_is_said(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(type(stage.session), "reader", property(lambda _: None))
    for tool in ("threshold", "edge_brush"):
        stage.toolbox.select(tool)
        click(stage, 100, 100)
        assert not stage.labels().any() and "still being opened" in stage.notices[-1]


# -- edge-aware brush ------------------------------------------------------------------------------------------------


def test_edge_brush_stops_at_the_edge(stage: Stage) -> None:
    stage.settled()
    stage.toolbox.select("edge_brush")
    stage.settings.set("edge_brush.size_px", 60.0)
    way = [(180.0, 100.0), (184.0, 130.0), (178.0, 200.0)]
    stage.mouse("move", *way[0])
    (area,) = stage.toolbox.preview().areas
    before = full((area.mask, area.rect))
    stage.stroke(way)
    wanted = full(stroke_mask(way, 60)) & (np.arange(400) < BORDER)
    assert (wanted & ~painted(stage)).sum() < 0.002 * wanted.sum()
    assert not (painted(stage) & ~wanted).any()
    assert (before & ~painted(stage)).sum() == 0 and before.sum() > 2000
    assert history(stage) == ["Edge brush road"]


def test_edge_brush_keeps_the_first_colour(stage: Stage) -> None:
    stage.settled()
    stage.toolbox.select("edge_brush")
    stage.settings.set("edge_brush.size_px", 40.0)
    way = [(150.0, 150.0), (250.0, 150.0)]
    stage.settings.set("edge_brush.keeps_color", True)
    stage.stroke(way)
    assert not painted(stage)[:, BORDER:].any() and painted(stage)[150, 140:BORDER].all()
    stage.session.undo()
    stage.settings.set("edge_brush.keeps_color", False)
    stage.stroke(way)
    assert painted(stage)[150, 140:260].all()


def test_edge_strength_decides(stage: Stage) -> None:
    stage.settled()
    stage.toolbox.select("edge_brush")
    stage.settings.set("edge_brush.size_px", 40.0)
    stage.settings.set("edge_brush.strength", 50.0)
    click(stage, BORDER - 5, 150)
    np.testing.assert_array_equal(painted(stage), full(stroke_mask([(BORDER - 5, 150)], 40)))


def test_a_huge_edge_brush_works_on_a_reduced_picture(stage: Stage, tmp_path: Path) -> None:
    image = np.full((1200, 1600, 3), 60, np.uint8)
    image[:, 800:] = 160
    other_image(stage, tmp_path, "large.png", image)
    stage.toolbox.select("edge_brush")
    stage.settings.set("edge_brush.size_px", 1001.0)
    stage.canvas.fit()
    stage.stroke([(700.0, 600.0)])
    layer = stage.session.labels
    assert layer is not None
    found = layer.read_classes(layer.bounds) == 1
    mask, rect = stroke_mask([(700.0, 600.0)], 1001)
    wanted = np.zeros(found.shape, bool)
    wanted[rect.slices] = mask
    wanted[:, 800:] = False
    assert (found ^ wanted).sum() < 0.005 * wanted.sum()
    assert not found[:, 803:].any()


# -- pen -------------------------------------------------------------------------------------------------------------


def pen(stage: Stage, way: list[tuple[float, float]], pressure: float, *, is_eraser: bool = False) -> None:
    """A stroke with a pen."""
    kinds = QPointingDevice.PointerType
    device = QPointingDevice(
        "pen", 77, QPointingDevice.DeviceType.Stylus, kinds.Eraser if is_eraser else kinds.Pen,
        QPointingDevice.Capability.Pressure, 1, 1,
    )  # fmt: skip
    steps = [QTabletEvent.Type.TabletPress, *[QTabletEvent.Type.TabletMove] * (len(way) - 1)]
    for kind, (x, y) in zip([*steps, QTabletEvent.Type.TabletRelease], [*way, way[-1]], strict=True):
        at = stage.at(x, y)
        is_up, is_move = kind == QTabletEvent.Type.TabletRelease, kind == QTabletEvent.Type.TabletMove
        event = QTabletEvent(
            kind, device, at, at, 0.0 if is_up else pressure, 0, 0, 0, 0, 0, NONE,
            Qt.MouseButton.NoButton if is_move else LEFT, Qt.MouseButton.NoButton if is_up else LEFT,
        )  # fmt: skip
        QApplication.sendEvent(stage.canvas, event)


@pytest.mark.parametrize("tool", ["brush", "threshold", "edge_brush"])
@pytest.mark.parametrize(("pressure", "width"), [(0.25, 10), (0.5, 20), (1.0, 40)])
def test_pressure_scales_every_brush(stage: Stage, tool: str, pressure: float, width: float) -> None:
    stage.settled()
    stage.toolbox.select(tool)
    stage.settings.set(f"{tool}.size_px", 40.0)
    pen(stage, [(100.0, 150.0), (110.0, 150.0)], pressure)
    np.testing.assert_array_equal(painted(stage), full(stroke_mask([(100.0, 150.0), (110.0, 150.0)], width)))


def test_pressure_scales_the_eraser_and_the_other_end_of_the_pen(stage: Stage) -> None:
    paint_all(stage)
    stage.toolbox.select("eraser")
    stage.settings.set("eraser.size_px", 40.0)
    pen(stage, [(100.0, 150.0)], 0.5)
    np.testing.assert_array_equal(~painted(stage), full(stroke_mask([(100.0, 150.0)], 20)))
    stage.session.undo()
    stage.toolbox.select("brush")
    stage.settings.set("brush.size_px", 24.0)
    pen(stage, [(200.0, 150.0)], 0.5, is_eraser=True)
    np.testing.assert_array_equal(~painted(stage), full(stroke_mask([(200.0, 150.0)], 12)))


@pytest.mark.parametrize("tool", ["brush", "threshold", "edge_brush"])
def test_pressure_counts_only_where_the_setting_says_so(stage: Stage, tool: str) -> None:
    stage.settled()
    stage.settings.set("paint.uses_pressure", False)
    stage.toolbox.select(tool)
    stage.settings.set(f"{tool}.size_px", 30.0)
    pen(stage, [(100.0, 150.0)], 0.2)
    np.testing.assert_array_equal(painted(stage), full(stroke_mask([(100.0, 150.0)], 30)))


@pytest.mark.parametrize("tool", ["brush", "eraser", "threshold", "edge_brush"])
def test_every_brush_abandons_by_escape(stage: Stage, tool: str) -> None:
    stage.settled()
    if tool == "eraser":
        paint_all(stage)
    before = stage.labels()
    steps = len(history(stage))
    stage.toolbox.select(tool)
    stage.stroke([(100.0, 150.0), (130.0, 150.0)], releases=False)
    assert (stage.labels() != before).any()
    QTest.keyClick(stage.canvas, Qt.Key.Key_Escape)
    stage.mouse("release", 130, 150)
    np.testing.assert_array_equal(stage.labels(), before)
    assert len(history(stage)) == steps
