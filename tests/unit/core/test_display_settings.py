"""Window and level on every type."""

from __future__ import annotations

import numpy as np
import pytest

from segstudio.core.display import DisplaySettings, auto_settings, to_rgb8


def test_eight_bits_are_drawn_as_they_are():
    values = np.random.default_rng(0).integers(0, 256, (3, 5, 7)).astype(np.uint8)
    assert np.array_equal(to_rgb8(values, auto_settings(values)), np.moveaxis(values, 0, -1))
    assert np.array_equal(to_rgb8(values[:1], auto_settings(values[:1]))[..., 2], values[0])


@pytest.mark.parametrize("dtype", [np.uint8, np.int8, np.uint16, np.int16, np.uint32, np.int32, np.float32, np.float64])
@pytest.mark.parametrize("gamma", [1.0, 2.2])
@pytest.mark.parametrize("invert", [False, True])
def test_every_type_follows_the_same_curve(dtype, gamma, invert):
    values = np.array([[[0, 10, 20, 55, 100, 120]]]).astype(dtype)
    shown = to_rgb8(values, DisplaySettings(10, 100, gamma, invert, (0, 0, 0)))
    unit = np.clip((values[0].astype(float) - 10) / 90, 0, 1) ** (1 / gamma)
    expected = np.floor((1 - unit if invert else unit) * 255 + 0.5)
    assert np.abs(shown[..., 0].astype(int) - expected).max() <= 1
    assert (shown[..., 0] == shown[..., 2]).all()


def test_negative_values_have_their_place():
    shown = to_rgb8(np.array([[[-1000, 0, 1000]]], np.int16), DisplaySettings(-1000, 1000, bands=(0, 0, 0)))
    assert shown[0, :, 0].tolist() == [0, 128, 255]


def test_what_is_no_number_is_black():
    values = np.array([[[np.nan, 0.5, np.inf, -np.inf]]], np.float32)
    for invert in (False, True):
        assert to_rgb8(values, DisplaySettings(0, 1, invert=invert, bands=(0, 0, 0)))[0, 0].tolist() == [0, 0, 0]
    assert to_rgb8(values, DisplaySettings(0, 1, bands=(0, 0, 0)))[0, :, 0].tolist() == [0, 128, 255, 0]


def test_automatic_settings_leave_out_the_extremes():
    values = np.linspace(1000, 2000, 10_000).reshape(1, 100, 100).astype(np.uint16)
    values[0, 0, 0] = 65535
    settings = auto_settings(values)
    assert 1000 <= settings.low < 1010 and 1990 < settings.high <= 2000
    assert settings.bands == (0, 0, 0)


@pytest.mark.parametrize("value", [0.0, 7.5, np.nan])
def test_a_picture_of_one_value_is_drawn_without_a_warning(value):
    values = np.full((1, 4, 4), value, np.float32)
    assert to_rgb8(values, auto_settings(values)).max() == 0


def test_bands_can_be_chosen_and_missing_ones_do_not_matter():
    values = np.arange(5, dtype=np.uint8)[:, None, None]
    assert to_rgb8(values, DisplaySettings(bands=(4, 0, 2)))[0, 0].tolist() == [4, 0, 2]
    assert to_rgb8(values[:2], DisplaySettings(bands=(0, 1, 2)))[0, 0].tolist() == [0, 1, 1]


def test_window_and_level():
    settings = DisplaySettings.from_window_level(400, 40)
    assert (settings.low, settings.high, settings.window, settings.level) == (-160, 240, 400, 40)
