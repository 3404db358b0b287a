"""The view transform: tile edges on whole pixels, zoom about a point, limits."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segstudio.core.geometry import Rect
from segstudio.gui.canvas.tile_drawing import TILE_PX, tile_range
from segstudio.gui.canvas.view_transform import MAX_ZOOM, MIN_ZOOM, ViewTransform, rounded_zoom, split_zoom

zooms = st.floats(MIN_ZOOM, MAX_ZOOM)
sizes = st.integers(1, 20_000)


@given(zooms)
def test_rounded_zoom_puts_tile_edges_on_whole_pixels(zoom: float) -> None:
    rounded = rounded_zoom(zoom)
    octave, scale = split_zoom(rounded)
    assert 0.5 < scale <= 1
    assert (TILE_PX * scale).is_integer()
    assert (TILE_PX * rounded * 2 ** max(0, -octave)).is_integer()
    assert rounded == pytest.approx(zoom, rel=0.035)


@given(zooms)
def test_rounding_down_never_enlarges(zoom: float) -> None:
    assert rounded_zoom(zoom, down=True) <= zoom * (1 + 1e-9)


def test_one_to_one_and_whole_zooms_are_exact() -> None:
    for zoom in (0.25, 0.5, 1.0, 2.0, 3.0, 8.0, 16.0, 100.0):
        assert rounded_zoom(zoom) == zoom


@given(sizes, sizes, st.integers(100, 4000), st.integers(100, 3000))
def test_fitted_shows_the_whole_image(width: int, height: int, view_width: int, view_height: int) -> None:
    view = ViewTransform(width, height, view_width, view_height).fitted()
    if view.zoom > MIN_ZOOM:
        assert view.visible_rect() == Rect(0, 0, width, height)


@given(st.floats(0.05, 20), st.floats(200, 800), st.floats(200, 500), st.floats(0.3, 3))
def test_zoom_keeps_the_position_under_the_pointer(zoom: float, x: float, y: float, factor: float) -> None:
    view = ViewTransform(4000, 3000, 1000, 700).centred_at(2000, 1500, zoom)
    before = view.to_image(x, y)
    zoomed = view.zoomed_by(factor, (x, y))
    after = zoomed.to_view(*before)
    assert math.dist(after, (x, y)) <= 1.5 + 1.0 * zoomed.zoom / view.zoom


def test_small_pinches_add_up() -> None:
    view = ViewTransform(1000, 1000, 800, 800).centred_at(500, 500, 1.0)
    for _ in range(100):
        view = view.zoomed_by(1.001, (400, 400))
    assert view.zoom == pytest.approx(1.001**100, rel=0.01)


@given(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6), zooms)
def test_the_image_can_not_be_lost(dx: float, dy: float, zoom: float) -> None:
    view = ViewTransform(500, 300, 1000, 700).centred_at(250, 150, zoom).panned(dx, dy)
    assert not view.visible_rect().is_empty


def test_zoom_has_limits() -> None:
    view = ViewTransform(8000, 6000, 1000, 700).fitted()
    assert view.zoomed_by(1e9, (0, 0)).zoom == MAX_ZOOM
    assert view.zoomed_by(1e-9, (0, 0)).zoom == pytest.approx(view.zoom / 2, rel=0.01)


def test_resizing_keeps_the_middle_and_a_fitted_image_fitted() -> None:
    view = ViewTransform(4000, 3000, 1000, 700).centred_at(1000, 800, 2.0)
    wider = view.resized(1600, 900)
    assert wider.zoom == 2.0
    assert wider.centre_xy == pytest.approx((1000, 800), abs=1)
    assert ViewTransform(4000, 3000, 1000, 700).fitted().resized(500, 400).visible_rect() == Rect(0, 0, 4000, 3000)


def test_only_seen_tiles_are_asked_for() -> None:
    view = ViewTransform(20_000, 20_000, 1024, 1024).centred_at(10_240, 10_240, 1.0)
    keys = list(tile_range(view, view.level, Rect(0, 0, 1024, 1024)))
    assert keys == [(19, 19), (19, 20), (20, 19), (20, 20)]
    assert list(tile_range(view, view.level, Rect(600, 600, 10, 10))) == [(20, 20)]


def test_nothing_is_seen_of_no_image() -> None:
    view = ViewTransform(0, 0, 300, 200).fitted()
    assert view.image_rect_px().is_empty
    assert list(tile_range(view, 0, Rect(0, 0, 300, 200))) == []


def test_the_picture_stays_under_the_hand_when_the_view_changes_size_in_mid_stroke():
    view = ViewTransform(image_width=400, image_height=300, view_width_px=800, view_height_px=600).fitted()
    kept = view.resized(800, 560, keeps_place=True)
    assert kept.to_view(50, 60) == view.to_view(50, 60) and kept.view_height_px == 560
    assert kept.resized(800, 560).zoom == view.resized(800, 560).zoom != view.zoom
