"""Overlay pixels: right colours, and a patched picture equals one made anew."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segstudio.core.classes import IGNORE, ClassTable
from segstudio.core.edits import Transaction
from segstudio.core.geometry import Rect
from segstudio.core.layers import LabelLayer, Segment
from segstudio.gui.canvas.level_sampling import at_level, constant_value, image_rect_of, level_rect_of, sampled
from segstudio.gui.canvas.overlay_colors import DIFFERENCE_COLORS, difference_lut, heat_lut, layer_colors, rgb_of
from segstudio.gui.canvas.overlay_painters import (
    DifferencePainter,
    HeatPainter,
    LabelsPainter,
    ProposalPainter,
    edges,
    hatch,
)

CLASSES = ClassTable().added("road", color="#ff0000").added("tree", color="#00ff00")


def argb(pixel: int) -> tuple[int, int, int, int]:
    """(alpha, red, green, blue), premultiplied."""
    value = int(pixel)
    return value >> 24, value >> 16 & 255, value >> 8 & 255, value & 255


def layer_of(ids: np.ndarray, segments: list[Segment], kind: str = "labels") -> LabelLayer:
    """A layer that holds *ids* ((h, w) uint16)."""
    layer = LabelLayer(1, 1, kind, kind, ids.shape[1], ids.shape[0])  # type: ignore[arg-type]
    transaction = Transaction(layer, "test")
    for segment in segments:
        transaction.set_segment(segment)
    transaction.write(layer.bounds, ids)
    transaction.commit()
    return layer


ROAD, TREE = Segment(1, 1), Segment(2, 2)


def random_layer(seed: int, width: int = 700, height: int = 600, kind: str = "labels") -> LabelLayer:
    """Blobs of two classes, some tiles of one value."""
    blocks = np.random.default_rng(seed).integers(0, 3, (height // 50, width // 50)).astype(np.uint16)
    ids = np.kron(blocks, np.ones((50, 50), np.uint16))
    ids[:300, :300] = 1
    return layer_of(ids, [ROAD, TREE], kind)


def test_colours_are_premultiplied_and_background_is_see_through() -> None:
    layer = layer_of(np.zeros((4, 4), np.uint16), [ROAD, TREE])
    colors = layer_colors(layer, CLASSES, opacity=0.5)
    assert argb(colors.fill[1]) == (128, 128, 0, 0)
    assert argb(colors.fill[2]) == (128, 0, 128, 0)
    assert colors.fill[0] == 0
    assert argb(colors.fill[IGNORE])[0] == 128
    assert colors.fill[77] == 0


def test_hidden_classes_and_deleted_ones_are_see_through() -> None:
    from dataclasses import replace

    layer = layer_of(np.zeros((4, 4), np.uint16), [ROAD, TREE, Segment(3, 0)])
    hidden = CLASSES.replaced(replace(CLASSES[0], is_visible=False))
    colors = layer_colors(layer, hidden, opacity=0.5)
    assert colors.fill[1] == 0 and colors.solid[1] == 0 and colors.outline_key[1] == 0
    assert colors.fill[3] == 0
    assert colors.fill[2] != 0


def test_objects_of_a_class_differ_but_its_stuff_of_two_sources_does_not() -> None:
    layer = layer_of(
        np.zeros((4, 4), np.uint16),
        [Segment(1, 1), Segment(2, 1, source="accepted"), Segment(3, 1, True), Segment(4, 1, True)],
    )
    colors = layer_colors(layer, CLASSES, opacity=0.5)
    assert colors.fill[1] == colors.fill[2]
    assert colors.outline_key[1] == colors.outline_key[2]
    assert colors.fill[3] != colors.fill[4]
    assert len({int(colors.outline_key[i]) for i in (1, 3, 4)}) == 3


def test_the_highlighted_class_stands_out() -> None:
    layer = layer_of(np.zeros((4, 4), np.uint16), [ROAD, TREE])
    colors = layer_colors(layer, CLASSES, opacity=0.4, highlight_class_id=1)
    assert argb(colors.fill[1])[0] > 0.4 * 255 > argb(colors.fill[2])[0]


@pytest.mark.parametrize("level", [-3, -1, 0, 1, 2, 4])
def test_levels_convert_to_and_fro(level: int) -> None:
    rect = Rect(64, 128, 32, 16)
    covered = image_rect_of(rect, level)
    assert level_rect_of(covered, level).intersected(rect) == rect


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 5), st.integers(0, 40), st.integers(0, 40))
def test_sampling_is_every_nth_pixel(level: int, x: int, y: int) -> None:
    layer = random_layer(3)
    step = 1 << level
    rect = Rect(x * step, y * step, 8 * step, 5 * step)
    whole = layer.read(Rect(0, 0, 4096, 4096))
    expected = whole[rect.y + step // 2 : rect.bottom : step, rect.x + step // 2 : rect.right : step]
    np.testing.assert_array_equal(sampled(layer.tiles, rect, step), expected)


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 6), st.integers(0, 600), st.integers(0, 600), st.integers(1, 40), st.integers(1, 40))
def test_magnified_levels_repeat_pixels(zoom: int, x: int, y: int, width: int, height: int) -> None:
    layer = random_layer(4)
    rows, columns = np.arange(y, y + height) >> zoom, np.arange(x, x + width) >> zoom
    expected = layer.read(layer.bounds)[np.ix_(rows, columns)]
    np.testing.assert_array_equal(at_level(layer.tiles, Rect(x, y, width, height), -zoom), expected)


def test_one_value_is_seen_without_reading() -> None:
    layer = random_layer(1)
    assert constant_value(layer.tiles, Rect(10, 10, 100, 100)) == 1
    assert constant_value(layer.tiles, Rect(200, 200, 100, 100)) is None
    assert constant_value(layer.tiles, Rect(5000, 5000, 9, 9)) == 0


def test_fill_reduced_by_two_is_the_mean() -> None:
    ids = np.zeros((512, 512), np.uint16)
    ids[::2, ::2] = 1
    painter = LabelsPainter(layer_of(ids, [ROAD]), layer_colors(layer_of(ids, [ROAD]), CLASSES, opacity=1.0))
    pixels = painter.paint(Rect(0, 0, 256, 256), 1)
    assert isinstance(pixels, np.ndarray)
    assert {argb(value)[0] for value in np.unique(pixels)} <= {63, 64}


def test_edges_lie_within_the_width() -> None:
    keys = np.zeros((20, 20), np.uint16)
    keys[:, 10:] = 5
    found = edges(keys, 2)
    assert np.flatnonzero(found[5]).tolist() == [8, 9, 10, 11]


def test_hatch_goes_on_across_tiles() -> None:
    whole = hatch(Rect(0, 0, 64, 64))
    np.testing.assert_array_equal(hatch(Rect(13, 21, 20, 30)), whole[21:51, 13:33])


def test_proposal_obeys_the_threshold_and_looks_unlike_labels() -> None:
    proposal = layer_of(np.ones((64, 64), np.uint16), [ROAD], "proposal")
    transaction = Transaction(proposal, "confidence")
    confidence = np.full((64, 64), 255, np.uint8)
    confidence[:, :32] = 100
    transaction.write_confidence(proposal.bounds, confidence)
    transaction.commit()
    colors = layer_colors(proposal, CLASSES, opacity=0.2, solid_opacity=0.7)
    every = ProposalPainter(proposal, colors).paint(Rect(0, 0, 64, 64), 0)
    sure = ProposalPainter(proposal, colors, min_confidence=0.5).paint(Rect(0, 0, 64, 64), 0)
    assert isinstance(every, np.ndarray) and isinstance(sure, np.ndarray)
    assert set(np.unique(every)) == {colors.fill[1], colors.solid[1]}
    assert not sure[:, :32].any() and (sure[:, 36:] != 0).all()
    at_threshold = ProposalPainter(proposal, colors, min_confidence=100 / 255).paint(Rect(0, 0, 64, 64), 0)
    np.testing.assert_array_equal(at_threshold, every)


def test_difference_has_its_own_colours() -> None:
    labels = layer_of(np.array([[0, 1, 1, 0, 1]], np.uint16), [ROAD, TREE])
    proposal = layer_of(np.array([[1, 1, 2, 0, 0]], np.uint16), [ROAD, TREE], "proposal")
    transaction = Transaction(proposal, "confidence")
    transaction.write_confidence(proposal.bounds, np.array([[200, 200, 200, 200, 200]], np.uint8))
    transaction.commit()
    pixels = DifferencePainter(labels, proposal, difference_lut(1.0)).paint(Rect(0, 0, 5, 1), 0)
    assert isinstance(pixels, np.ndarray)
    added, removed, changed = (rgb_of(DIFFERENCE_COLORS[name]) for name in ("added", "removed", "changed"))
    assert [argb(value)[1:] for value in pixels[0]] == [added, (0, 0, 0), changed, (0, 0, 0), removed]
    none = DifferencePainter(labels, proposal, difference_lut(1.0), min_confidence=0.9).paint(Rect(0, 0, 5, 1), 0)
    assert isinstance(none, np.ndarray) and not none.any()


def test_heat_shows_nothing_where_the_model_was_silent() -> None:
    proposal = layer_of(np.zeros((2, 2), np.uint16), [], "proposal")
    transaction = Transaction(proposal, "confidence")
    transaction.write_confidence(proposal.bounds, np.array([[0, 255], [128, 1]], np.uint8))
    transaction.commit()
    sure = HeatPainter(proposal, heat_lut(0.6, is_uncertainty=False)).paint(Rect(0, 0, 2, 2), 0)
    unsure = HeatPainter(proposal, heat_lut(0.6, is_uncertainty=True)).paint(Rect(0, 0, 2, 2), 0)
    assert isinstance(sure, np.ndarray) and isinstance(unsure, np.ndarray)
    assert sure[0, 0] == 0 and len(np.unique(sure)) == 4
    assert unsure[0, 1] == 0 and argb(unsure[1, 0])[0] >= 150
