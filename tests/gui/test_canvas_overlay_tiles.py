"""Overlay tiles: patched in place like made anew, cost follows the change, old pictures stay until replaced."""

from __future__ import annotations

import math

import numpy as np
import pytest
from PySide6.QtGui import QImage, QPainter

from segstudio.core.classes import ClassTable
from segstudio.core.edits import Transaction
from segstudio.core.geometry import Rect
from segstudio.core.layers import LabelLayer
from segstudio.gui.canvas.overlay_colors import layer_colors
from segstudio.gui.canvas.overlay_painters import LabelsPainter, OverlayPainter, Pixels, ProposalPainter
from segstudio.gui.canvas.overlay_tiles import OverlayTiles
from segstudio.gui.canvas.tile_drawing import Pace
from segstudio.gui.canvas.view_transform import ViewTransform

CLASSES = ClassTable().added("road", color="#ff0000").added("tree", color="#00ff00")
SIDE = 1500


class Counted:
    """A painter that notes what it is asked for."""

    def __init__(self, inner: OverlayPainter) -> None:
        self.inner = inner
        self.is_fine, self.margin = inner.is_fine, inner.margin
        self.asked: list[Rect] = []

    def paint(self, rect: Rect, level: int) -> Pixels:
        self.asked.append(rect)
        return self.inner.paint(rect, level)


def painted_layer(kind: str = "labels") -> LabelLayer:
    layer = LabelLayer(1, 1, kind, kind, SIDE, SIDE)  # type: ignore[arg-type]
    transaction = Transaction(layer, "start")
    for class_id in (1, 2):
        transaction.ensure_stuff(class_id)
    rng = np.random.default_rng(1)
    blocks = np.kron(rng.integers(0, 3, (30, 30)), np.ones((50, 50))).astype(np.uint16)
    blocks[:600, :600] = 1
    transaction.write(layer.bounds, blocks)
    if kind == "proposal":
        transaction.write_confidence(layer.bounds, rng.integers(0, 256, (SIDE, SIDE)).astype(np.uint8))
    transaction.commit()
    return layer


def painter_for(name: str, layer: LabelLayer) -> OverlayPainter:
    colors = layer_colors(layer, CLASSES, opacity=0.5, solid_opacity=0.8)
    if name == "fill":
        return LabelsPainter(layer, colors)
    if name == "outline":
        return LabelsPainter(layer, colors, outline_width=3)
    return ProposalPainter(layer, colors, min_confidence=0.4)


def picture(tiles: OverlayTiles, view: ViewTransform, clip: Rect | None = None) -> np.ndarray:
    """(h, w) uint32 of what is drawn on an empty ground."""
    width, height = view.view_width_px, view.view_height_px
    out = np.zeros((height, width), np.uint32)
    image = QImage(out.data, width, height, width * 4, QImage.Format.Format_ARGB32_Premultiplied)
    painter = QPainter(image)
    area = (clip or Rect(0, 0, width, height)).intersected(view.image_rect_px())
    assert tiles.draw(painter, view, area, math.inf)
    painter.end()
    return out


@pytest.mark.parametrize("zoom", [0.3, 0.5, 1.0, 1.3, 5.0, 20.0])
@pytest.mark.parametrize("name", ["fill", "outline", "proposal"])
def test_a_patched_picture_equals_one_made_anew(qapp: object, name: str, zoom: float) -> None:
    layer = painted_layer("proposal" if name == "proposal" else "labels")
    view = ViewTransform(SIDE, SIDE, 400, 300).centred_at(700, 640, zoom)
    tiles = OverlayTiles(painter_for(name, layer))
    picture(tiles, view)
    rng = np.random.default_rng(7)
    transaction = Transaction(layer, "strokes")
    for _ in range(12):
        x, y = (int(value) for value in rng.integers(500, 900, 2))
        mask = rng.random((int(rng.integers(1, 60)), int(rng.integers(1, 60)))) < 0.7
        dirty = transaction.paint(mask, x, y, int(rng.integers(0, 3)))
        tiles.change(dirty)
        picture(tiles, view, Rect(0, 0, 50, 50))
    anew = OverlayTiles(painter_for(name, layer))
    np.testing.assert_array_equal(picture(tiles, view), picture(anew, view))
    tiles.change(transaction.abort())
    anew = OverlayTiles(painter_for(name, layer))
    np.testing.assert_array_equal(picture(tiles, view), picture(anew, view))


@pytest.mark.parametrize("zoom", [0.4, 0.9, 1.0, 3.0, 18.0])
def test_a_part_drawn_again_equals_the_whole(qapp: object, zoom: float) -> None:
    layer = painted_layer()
    view = ViewTransform(SIDE, SIDE, 400, 300).centred_at(703, 641, zoom)
    tiles = OverlayTiles(painter_for("fill", layer))
    whole = picture(tiles, view)
    clip = Rect(121, 77, 60, 51)
    width = view.view_width_px
    out = np.zeros((view.view_height_px, width), np.uint32)
    image = QImage(out.data, width, view.view_height_px, width * 4, QImage.Format.Format_ARGB32_Premultiplied)
    painter = QPainter(image)
    painter.setClipRect(clip.x, clip.y, clip.width, clip.height)
    assert tiles.draw(painter, view, clip, math.inf)
    painter.end()
    np.testing.assert_array_equal(out[clip.slices], whole[clip.slices])


def test_cost_follows_the_stroke(qapp: object) -> None:
    layer = painted_layer()
    counted = Counted(painter_for("fill", layer))
    tiles = OverlayTiles(counted)
    view = ViewTransform(SIDE, SIDE, 1000, 800).centred_at(700, 640, 1.0)
    picture(tiles, view)
    counted.asked.clear()
    stroke = Rect(500, 500, 40, 30)
    tiles.change(stroke)
    picture(tiles, view)
    assert sum(rect.width * rect.height for rect in counted.asked) == stroke.width * stroke.height


def test_tiles_out_of_sight_are_not_made(qapp: object) -> None:
    counted = Counted(painter_for("fill", painted_layer()))
    tiles = OverlayTiles(counted)
    picture(tiles, ViewTransform(SIDE, SIDE, 300, 300).centred_at(256, 256, 1.0))
    assert len(counted.asked) == 1


def test_old_pictures_stay_until_their_turn_comes(qapp: object) -> None:
    layer = painted_layer()
    view = ViewTransform(SIDE, SIDE, 400, 300).centred_at(300, 300, 1.0)
    tiles = OverlayTiles(painter_for("fill", layer))
    before = picture(tiles, view)
    colors = layer_colors(layer, CLASSES, opacity=1.0)
    tiles.set_painter(LabelsPainter(layer, colors))
    out = np.zeros_like(before)
    image = QImage(out.data, 400, 300, 1600, QImage.Format.Format_ARGB32_Premultiplied)
    painter = QPainter(image)
    assert not tiles.draw(painter, view, Rect(0, 0, 400, 300), -math.inf)
    painter.end()
    np.testing.assert_array_equal(out, before)
    assert (picture(tiles, view)[before != 0] >> 24 == 255).all()


def test_memory_stays_within_its_budget(qapp: object) -> None:
    tiles = OverlayTiles(painter_for("fill", painted_layer()), budget_bytes=3 << 20)
    for x in range(0, SIDE, 300):
        for y in range(0, SIDE, 300):
            picture(tiles, ViewTransform(SIDE, SIDE, 200, 200).centred_at(x, y, 1.0))
    assert tiles.nbytes <= 4 << 20


def test_a_hidden_overlay_draws_nothing_and_catches_up(qapp: object) -> None:
    layer = painted_layer()
    view = ViewTransform(SIDE, SIDE, 400, 300).centred_at(300, 300, 1.0)
    tiles = OverlayTiles(painter_for("fill", layer))
    picture(tiles, view)
    tiles.is_shown = False
    assert not picture(tiles, view).any()
    transaction = Transaction(layer, "erase")
    tiles.change(transaction.erase(np.ones((100, 100), bool), 250, 250))
    tiles.is_shown = True
    anew = OverlayTiles(painter_for("fill", layer))
    np.testing.assert_array_equal(picture(tiles, view), picture(anew, view))


def test_pictures_of_other_levels_stand_in_for_missing_ones(qapp: object) -> None:
    tiles = OverlayTiles(painter_for("fill", painted_layer()))
    near = ViewTransform(SIDE, SIDE, 400, 300).centred_at(300, 300, 1.0)
    for view, other in ((near, near.centred_at(300, 300, 0.4)), (near.centred_at(300, 300, 0.3), near)):
        tiles.clear()
        picture(tiles, view)
        out = np.zeros((300, 400), np.uint32)
        image = QImage(out.data, 400, 300, 1600, QImage.Format.Format_ARGB32_Premultiplied)
        painter = QPainter(image)
        assert not tiles.draw(painter, other, other.image_rect_px().clipped(400, 300), -math.inf, Pace.ZOOMING)
        painter.end()
        x, y = (int(value) for value in other.to_view(300, 300))
        middle = out[y - 20 : y + 20, x - 20 : x + 20]
        assert (middle == picture(tiles, other)[y, x]).all()
        assert middle.all()


def test_while_zooming_little_is_made_and_at_rest_the_right_level(qapp: object) -> None:
    counted = Counted(painter_for("fill", painted_layer()))
    tiles = OverlayTiles(counted)
    view = ViewTransform(SIDE, SIDE, 1200, 900).centred_at(700, 640, 0.55)
    made, is_complete = tiles.prepare(view, -math.inf, Pace.HURRIED)
    assert len(made) == len(counted.asked) == 1
    while not is_complete:
        made, is_complete = tiles.prepare(view, -math.inf, Pace.HURRIED)
    assert len(counted.asked) == 4  # of the coarser level
    counted.asked.clear()
    tiles.prepare(view, math.inf)
    assert len(counted.asked) == 9
    anew = OverlayTiles(counted.inner)
    np.testing.assert_array_equal(picture(tiles, view), picture(anew, view))


@pytest.mark.parametrize("name", ["fill", "outline", "proposal"])
def test_a_moved_picture_equals_one_made_anew(qapp: object, name: str) -> None:
    layer = painted_layer("proposal" if name == "proposal" else "labels")
    tiles = OverlayTiles(painter_for(name, layer))
    view = ViewTransform(SIDE, SIDE, 400, 300).centred_at(700, 640, 0.7)
    for step in range(6):
        moved = view.panned(-37.0 * step, 29.0 * step)
        anew = OverlayTiles(painter_for(name, layer))
        np.testing.assert_array_equal(picture(tiles, moved), picture(anew, moved))
    transaction = Transaction(layer, "stroke")
    tiles.change(transaction.paint(np.ones((90, 300), np.bool_), 650, 600, 2))
    np.testing.assert_array_equal(
        picture(tiles, view), picture(OverlayTiles(painter_for(name, layer)), view), "the former picture was copied"
    )
    transaction.abort()


def test_a_tile_seen_in_part_is_left_to_be_drawn_whole_later() -> None:
    """Made while only a corner of it is drawn, its rest would keep the old picture: nothing asks for it any more."""
    view = ViewTransform(SIDE, SIDE, 800, 600).centred_at(SIDE / 2, SIDE / 2, 1.0)
    tiles = OverlayTiles(painter_for("fill", painted_layer()))
    target = QImage(800, 600, QImage.Format.Format_ARGB32_Premultiplied)
    painter = QPainter(target)
    corner = Rect(0, 0, 40, 40)
    assert not tiles.draw(painter, view, corner, math.inf), "there is more to make"
    made, is_complete = tiles.prepare(view, math.inf)
    assert is_complete
    assert any(rect.intersected(corner) == corner for rect in made), "the corner's tile is drawn again, whole"
    assert tiles.draw(painter, view, corner, math.inf)
    painter.end()
