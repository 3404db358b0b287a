"""Bands, colour maps and ranges: guesses, percentiles, and what a project keeps of them."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from segstudio.core.band_presets import CT_WINDOWS, band_presets, default_bands, natural_bands, window_presets
from segstudio.core.colormaps import COLOR_MAPS, color_lut
from segstudio.core.display import DisplaySettings, auto_settings, stretched, to_rgb8

S2 = tuple(f"B{n:02}" for n in range(1, 9)) + ("B8A", "B09", "B10", "B11", "B12")


def pictures(*args, **options):
    return {preset.id: preset.bands for preset in band_presets(*args, **options) if not preset.id.startswith("band:")}


@pytest.mark.parametrize(
    ("count", "names", "natural", "false_nir"),
    [
        (4, (), (0, 1, 2), (3, 0, 1)),
        (13, (), (3, 2, 1), (7, 3, 2)),
        (12, (), (3, 2, 1), (7, 3, 2)),
        (13, S2, (3, 2, 1), (7, 3, 2)),
        (4, ("B02", "B03", "B04", "B08"), (2, 1, 0), (3, 2, 1)),
        (7, tuple(f"SR_B{n}" for n in range(1, 8)), (3, 2, 1), (4, 3, 2)),
        (7, (), (3, 2, 1), (4, 3, 2)),
        (8, (), (4, 2, 1), (6, 4, 2)),
        (4, ("blue", "green", "red", "nir"), (2, 1, 0), (3, 2, 1)),
        (5, ("Near_Infrared", "Red", "Green", "Blue", "dsm"), (1, 2, 3), (0, 1, 2)),
    ],
)
def test_natural_and_false_colours_are_guessed(count, names, natural, false_nir):
    found = pictures(count, names)
    assert found["natural"] == natural == natural_bands(count, names)
    if names[:1] != ("Near_Infrared",):
        assert found["false_nir"] == false_nir
    else:
        assert natural_bands(count, names) == natural


def test_an_alpha_band_is_no_infrared():
    assert pictures(4, is_rgb=True) == {"natural": (0, 1, 2)}


def test_each_band_is_offered_alone_under_its_name():
    titles = [preset.title for preset in band_presets(3, ("B1", "", "height"))]
    assert titles[-3:] == ["B1", "band 2", "height"]
    assert band_presets(1) == () and natural_bands(1) == natural_bands(2) == (0, 0, 0)
    assert band_presets(20)[0].bands == (0, 1, 2)


def test_bands_that_are_no_colours_are_shown_alone():
    metadata = {"default_bands": (0, 0, 0), "band_names": ("t0", "t1", "t2", "t3")}
    assert default_bands(4, metadata) == (0, 0, 0) and default_bands(4, {}) == (0, 1, 2)
    assert default_bands(3, {"band_names": ("blue", "green", "red")}) == (2, 1, 0)
    assert [p.bands for p in band_presets(4, ("t0",), is_spectral=False)] == [(i,) * 3 for i in range(4)]


def test_windows_are_those_of_the_file_and_of_ct():
    assert window_presets({"modality": "CT"}, "int16") == CT_WINDOWS
    assert window_presets({"modality": "MR"}, "int16") == ()
    assert window_presets({}, "int16") == CT_WINDOWS and window_presets({}, "uint8") == ()
    own = (("WINDOW1", 350, 40), ("broken", 0, 40))
    assert window_presets({"modality": "MR", "window_presets": own}, "uint16") == (("WINDOW1", 350.0, 40.0),)


@pytest.mark.parametrize("name", COLOR_MAPS)
def test_a_colour_map_is_a_lookup(name):
    lut = color_lut(name)
    assert lut.shape == (256, 1, 3) and lut.dtype == np.uint8
    values = np.arange(256, dtype=np.uint8).reshape(1, 16, 16)
    shown = to_rgb8(values, DisplaySettings(bands=(0, 0, 0), colormap=name))
    assert np.array_equal(shown.reshape(256, 3), lut[:, 0])
    assert len(np.unique(lut[:, 0], axis=0)) > 200
    if name in ("viridis", "magma"):
        expected = cv2.applyColorMap(np.uint8([[0, 255]]), getattr(cv2, f"COLORMAP_{name.upper()}"))[0, :, ::-1]
        assert np.array_equal(lut[[0, 255], 0], expected)
        light = lut[:, 0] @ (0.2126, 0.7152, 0.0722)
        assert (np.diff(light) > -1).all(), "brighter values look brighter"


def test_a_colour_map_is_for_one_band_only():
    values = np.random.default_rng(0).integers(0, 256, (3, 5, 5)).astype(np.uint8)
    assert np.array_equal(to_rgb8(values, DisplaySettings(colormap="magma")), np.moveaxis(values, 0, -1))


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int16, np.float32])
def test_each_band_has_its_range(dtype):
    values = np.random.default_rng(0).integers(0, 120, (3, 20, 20)).astype(dtype)
    ranges = ((0.0, 50.0), (10.0, 120.0), (30.0, 31.0))
    shown = to_rgb8(values, DisplaySettings(ranges=ranges))
    for channel, (low, high) in enumerate(ranges):
        alone = to_rgb8(values, DisplaySettings(low, high, bands=(channel,) * 3))
        assert np.array_equal(shown[..., channel], alone[..., 0])


def test_percentiles_together_and_by_band():
    rng = np.random.default_rng(0)
    sample = np.stack([rng.integers(0, 1000, (50, 50)), rng.integers(5000, 6000, (50, 50))]).astype(np.uint16)
    settings = DisplaySettings(bands=(0, 1, 1), stretch=(2, 98))
    together = stretched(settings, sample)
    assert (together.low, together.high) == tuple(np.percentile(sample, (2, 98))) and together.ranges == ()
    apart = stretched(DisplaySettings(bands=(0, 1, 1), stretch=(2, 98), is_per_band=True), sample)
    assert apart.ranges[0] == tuple(np.percentile(sample[0], (2, 98)))
    assert apart.ranges[1] == apart.ranges[2] == tuple(np.percentile(sample[1], (2, 98)))
    assert stretched(DisplaySettings(3, 4), sample) == DisplaySettings(3, 4)


def test_no_data_does_not_count():
    sample = np.full((1, 40, 40), -9999.0, np.float32)
    valid = np.zeros((40, 40), bool)
    valid[:20] = True
    sample[0, :20] = np.linspace(0, 1, 800).reshape(20, 40)
    assert auto_settings(sample, valid=valid).low >= 0
    assert auto_settings(sample).low < -9000
    assert auto_settings(sample, valid=np.zeros((40, 40), bool)) == DisplaySettings(0, 1, bands=(0, 0, 0))


def test_window_and_level_move_all_ranges():
    settings = DisplaySettings(0, 100, ranges=((0, 50), (20, 60), (50, 100)), stretch=(1, 99))
    moved = settings.with_window_level(200, 150)
    assert (moved.low, moved.high, moved.stretch) == (50, 250, None)
    assert moved.ranges == ((50, 150), (90, 170), (150, 250))


def test_what_a_project_keeps_is_read_again():
    settings = DisplaySettings(
        1, 2, 1.5, True, (3, 0, 1), ((0, 1), (2, 3), (4, 5)), "magma", (1.0, 99.0), is_per_band=True
    )
    import json

    assert DisplaySettings.from_json(json.loads(json.dumps(settings.to_json()))) == settings


def test_values_of_earlier_and_later_versions_are_read():
    earlier = {"low": 5.0, "high": 9.0, "gamma": 1.0, "invert": False, "bands": [0, 0, 0]}
    assert DisplaySettings.from_json(earlier) == DisplaySettings(5, 9, bands=(0, 0, 0))
    later = {**earlier, "colormap": "not yet known", "shine": 3}
    assert DisplaySettings.from_json(later) == DisplaySettings(5, 9, bands=(0, 0, 0))


@pytest.mark.parametrize(
    "value",
    [None, 3, [], {"bands": [1]}, {"low": "x"}, {"gamma": 0}, {"bands": [-1, 0, 0]}, {"high": float("inf")}, {"ranges": [1]}],
)
def test_nonsense_is_automatic(value):
    assert DisplaySettings.from_json(value) is None
