"""Classic methods against hand-made truths and brute force."""

from __future__ import annotations

import itertools
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from scipy.ndimage import gaussian_filter
from skimage.filters import threshold_sauvola

from segstudio.core.cancel import CancelToken
from segstudio.core.errors import Cancelled, UserError
from segstudio.core.geometry import Rect
from segstudio.ml.api import ObjectResult
from segstudio.ml.classic.dbscan import dbscan
from segstudio.ml.classic.depth_layers import layered, merged_pieces
from segstudio.ml.classic.edges import filled
from segstudio.ml.classic.fine_grained import SURROUNDS_PX
from segstudio.ml.classic.fine_grained import saliency as fine_saliency
from segstudio.ml.classic.local_threshold import distance
from segstudio.ml.classic.otsu import thresholds
from segstudio.ml.classic.segmenter import ClassicSegmenter
from segstudio.ml.classic.spectral_residual import saliency as spectral_saliency
from segstudio.ml.classic.stereo import disparity
from segstudio.ml.classic.table import CLASSIC_CARDS, with_options
from segstudio.ml.classic.watershed import flooded

CARDS = {card.id.removeprefix("classic/"): card for card in CLASSIC_CARDS}
NO_COMPANION = sorted(set(CARDS) - {"depth", "stereo"})
SUPERPIXELS = ("slic", "felzenszwalb", "watershed")


class Values:
    """A reader over (band, y, x) values in memory."""

    def __init__(self, values, path="picture.png", **metadata):
        height, width = values.shape[-2:]
        self.values = values
        self.info = SimpleNamespace(
            path=path, width=width, height=height, depth=1, bands=len(values), levels=((width, height),),
            is_rgb=len(values) == 3, metadata=metadata,
        )  # fmt: skip
        self.largest_px = 0

    def read(self, level, z, window):
        assert window == window.clipped(self.info.width, self.info.height)
        self.largest_px = max(self.largest_px, window.width * window.height)
        return self.values[(slice(None), *window.slices)]


def run(name, values, rects=None, cancel=None, metadata=None, **options):
    segmenter = ClassicSegmenter(with_options(CARDS[name], options))
    more = {} if cancel is None else {"cancel": cancel}
    return list(segmenter.propose(Values(values, **(metadata or {})), rects=rects, **more))


def painted(results, shape):
    """Class of each pixel; every map pixel written exactly once."""
    out = np.zeros(shape, np.uint8)
    times = np.zeros(shape, np.uint8)
    for result in results:
        if isinstance(result, ObjectResult):
            out[result.rect.slices][result.mask] = result.class_index
            times[result.rect.slices] += result.mask
        else:
            assert result.class_index.shape == result.confidence.shape == (result.rect.height, result.rect.width)
            out[result.rect.slices] = result.class_index
            times[result.rect.slices] += 1
    return out, times


def disc(height=200, width=240, center=(120, 90), radius=45, low=60, high=190):
    y, x = np.ogrid[:height, :width]
    truth = (x - center[0]) ** 2 + (y - center[1]) ** 2 <= radius**2
    noise = np.random.default_rng(0).normal(0, 4, (height, width))
    return (np.where(truth, high, low) + noise).clip(0, 255).astype(np.uint8), truth


def iou(found, truth):
    return (found & truth).sum() / max(1, (found | truth).sum())


# -- thresholds ----------------------------------------------------------------------------------------------------


def brute_force(counts, values, classes):
    """The split with the largest between-class variance, by trying all."""
    best, answer = -1.0, None
    for cuts in itertools.combinations(range(1, len(counts)), classes - 1):
        edges = [0, *cuts, len(counts)]
        total = 0.0
        mean = (counts * values).sum() / counts.sum()
        for a, b in itertools.pairwise(edges):
            weight = counts[a:b].sum()
            total += weight * ((counts[a:b] * values[a:b]).sum() / weight - mean) ** 2
        if total > best + 1e-9:
            best, answer = total, cuts
    return best, answer


@pytest.mark.parametrize("classes", [2, 3, 4])
def test_otsu_levels_equal_brute_force(classes):
    rng = np.random.default_rng(classes)
    for _ in range(20):
        values = np.sort(rng.choice(60, 14, replace=False)).astype(float)
        counts = rng.integers(1, 50, 14).astype(float)
        _, cuts = brute_force(counts, values, classes)
        levels, _ = thresholds(counts, values, classes)
        assert np.allclose(levels, [(values[c - 1] + values[c]) / 2 for c in cuts])


def test_otsu_is_that_of_opencv_and_finds_the_disc():
    image, truth = disc()
    level, _ = cv2.threshold(image, 0, 255, cv2.THRESH_OTSU)
    results = run("otsu", image[None])
    found, times = painted(results, image.shape)
    assert (times == 1).all() and np.array_equal(found, image > level)
    assert iou(found > 0, truth) > 0.999
    dark, _ = painted(run("otsu", image[None], objects="dark"), image.shape)
    assert np.array_equal(dark, 1 - found)


@pytest.mark.parametrize("kind", [np.uint16, np.int16, np.float32, np.int32])
def test_otsu_of_deep_images_splits_where_the_gap_is(kind):
    image, truth = disc(low=60, high=190)
    deep = (image.astype(np.float64) * 100 - (0 if kind == np.uint16 else 9000)).astype(kind)
    assert np.array_equal(painted(run("otsu", deep[None]), deep.shape)[0] > 0, truth)


def test_otsu_with_three_classes_names_and_finds_three():
    image = np.repeat(np.array([20, 120, 240], np.uint8), 40)[None, :].repeat(30, 0)
    assert with_options(CARDS["otsu"], {"classes": "3"}).classes == ("level 1", "level 2", "level 3")
    found, _ = painted(run("otsu", image[None], classes=3), image.shape)
    assert np.array_equal(found, np.repeat([0, 1, 2], 40)[None, :].repeat(30, 0))


def test_otsu_answers_the_same_for_parts_and_in_pieces():
    image, _ = disc(1500, 1300, (700, 800), 300)
    whole, _ = painted(run("otsu", image[None]), image.shape)
    rects = [Rect(100, 700, 500, 600), Rect(400, 900, 600, 300), Rect(1290, 1490, 500, 500)]
    found, times = painted(run("otsu", image[None], rects=rects), image.shape)
    asked = np.zeros(image.shape, bool)
    for rect in rects:
        asked[rect.clipped(1300, 1500).slices] = True
    assert np.array_equal(times, asked.astype(np.uint8)) and np.array_equal(found, whole * asked)


def test_nodata_and_nan_are_background_and_do_not_move_the_threshold():
    image, truth = disc()
    values = image.astype(np.float32)
    values[:40] = np.nan
    found, _ = painted(run("otsu", values[None]), values.shape)
    assert not found[:40].any() and np.array_equal(found[40:] > 0, truth[40:])
    values[:40] = -9999
    found, _ = painted(run("otsu", values[None], metadata={"nodata": -9999.0}), values.shape)
    assert not found[:40].any() and np.array_equal(found[40:] > 0, truth[40:])


def test_sauvola_equals_scikit_image():
    image, _ = disc()
    unit = image.astype(np.float32) / 255
    threshold = threshold_sauvola(unit.astype(np.float64), 31, k=0.2, r=0.5)
    inner = (slice(16, -16), slice(16, -16))
    away = distance(unit, 31, "sauvola", True, 0.2, 0.0)
    assert np.allclose(away[inner], (threshold - unit)[inner], atol=1e-6)


def test_local_threshold_follows_uneven_light_where_otsu_fails():
    truth = np.zeros((1100, 300), bool)
    truth[10::25, :] = truth[11::25, :] = truth[12::25, :] = True
    light = np.linspace(0.25, 1, 1100)[:, None]
    image = np.where(truth, 0.45, 1.0) * light * 250
    values = image.astype(np.uint8)[None]
    local, times = painted(run("local-threshold", values, window_px=31), truth.shape)
    glob, _ = painted(run("otsu", values, objects="dark"), truth.shape)
    assert (times == 1).all() and iou(local > 0, truth) > 0.95 > 0.5 > iou(glob > 0, truth)
    # Pieces leave no seam: a whole-image run of the formula gives the same.
    away = distance(values[0].astype(np.float32) / 255, 31, "sauvola", True, 0.2, 0.02)
    assert np.array_equal(local > 0, away > 0)


def test_gaussian_threshold_equals_opencv():
    image, _ = disc()
    found, _ = painted(
        run("local-threshold", image[None], method="gaussian", objects="bright", window_px=21, offset=0.04), image.shape
    )
    mean = cv2.GaussianBlur(image.astype(np.float64) / 255, (21, 21), 20 / 6, borderType=cv2.BORDER_REFLECT_101)
    assert np.array_equal(found > 0, image / 255 > mean + 0.04) or (found != (image / 255 > mean + 0.04)).mean() < 1e-4


# -- superpixels ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SUPERPIXELS)
def test_superpixels_cover_all_once_and_follow_the_disc(name):
    image, truth = disc()
    rgb = np.stack([image, 255 - image, image])
    results = run(name, rgb)
    _, times = painted(results, image.shape)
    assert (times == 1).all() and 2 <= len(results) < 400
    wrong = 0
    for result in results:
        inside = truth[result.rect.slices][result.mask]
        wrong += min(inside.sum(), (~inside).sum())
        count, _ = cv2.connectedComponents(result.mask.astype(np.uint8), connectivity=8)
        assert count == 2
    assert wrong / truth.sum() < 0.08


def test_watershed_has_one_area_a_cell_and_size_matters():
    image, _ = disc(120, 160)
    rgb = np.dstack([image] * 3)
    labels = flooded(rgb, 20, 0.001)
    assert set(np.unique(labels)) == set(range(6 * 8))
    assert len(np.unique(flooded(rgb, 40, 0.001))) == 3 * 4


def test_superpixels_leave_out_what_holds_no_data():
    image, _ = disc()
    values = image.astype(np.float32)[None].copy()
    values[:, 50:90, 60:80] = np.nan
    for name in SUPERPIXELS:
        _, times = painted(run(name, values), image.shape)
        assert not times[50:90, 60:80].any() and times[:50].all()


# -- saliency ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("operator", ["sobel", "scharr", "laplacian", "canny"])
def test_edges_become_filled_regions(operator):
    image, truth = disc()
    found, times = painted(run("edges", image[None], operator=operator), image.shape)
    assert (times == 1).all() and iou(found > 0, truth) > 0.9


def test_outline_with_a_gap_is_closed_and_filled_and_not_at_the_border():
    outline = np.zeros((60, 60), bool)
    outline[10, 10:50] = outline[49, 10:50] = outline[10:50, 10] = outline[10:50, 49] = True
    outline[10, 28:32] = False
    truth = np.zeros((60, 60), bool)
    truth[10:50, 10:50] = True
    assert not filled(outline, 0)[30, 30] and iou(filled(outline, 7), truth) > 0.97
    corner = np.zeros((30, 30), bool)
    corner[10, :11] = corner[:11, 10] = True
    assert not filled(corner, 0)[5, 5]


def test_big_image_is_found_reduced_with_its_rim_at_full_size():
    image, truth = disc(2400, 3001, (1300, 1100), 600)
    for name, options in (("edges", {"working_px": 500}), ("otsu", {})):
        reader = Values(image[None])
        results = list(ClassicSegmenter(with_options(CARDS[name], options)).propose(reader))
        found, times = painted(results, image.shape)
        assert (times == 1).all() and len(results) > 3
        assert iou(found > 0, truth) > 0.985, name
        assert reader.largest_px <= 1 << 22


def test_fine_grained_equals_brute_force():
    grey = np.random.default_rng(3).integers(0, 256, (20, 31)).astype(np.float32)
    expected = np.zeros(grey.shape)
    for y, x in np.ndindex(*grey.shape):
        for reach in SURROUNDS_PX:
            part = grey[max(0, y - reach) : y + reach + 1, max(0, x - reach) : x + reach + 1].astype(float)
            expected[y, x] += abs(grey[y, x] - (part.sum() - grey[y, x]) / (part.size - 1))
    assert np.allclose(fine_saliency(grey), expected, rtol=1e-4)


def test_spectral_residual_finds_the_odd_one_out_and_equals_its_definition():
    noise = np.random.default_rng(1).normal(0, 1, (64, 64))
    # The spectrum takes the picture to go on periodically.
    grey = (0.4 + 0.01 * noise + 0.3 * gaussian_filter(noise, 2, mode="wrap")).astype(np.float32)
    grey[28:34, 40:46] += 0.9
    found = spectral_saliency(grey)
    y, x = np.unravel_index(found.argmax(), found.shape)
    assert 24 <= y < 40 and 36 <= x < 52
    spectrum = np.fft.fft2(grey.astype(float))
    logarithm = np.log(np.abs(spectrum) + 1e-12)
    mean = sum(np.roll(logarithm, (a, b), (0, 1)) for a in (-1, 0, 1) for b in (-1, 0, 1)) / 9
    raw = np.abs(np.fft.ifft2(np.exp(logarithm - mean + 1j * np.angle(spectrum)))) ** 2
    assert np.allclose(found, cv2.GaussianBlur(raw, (0, 0), 2.5, borderType=cv2.BORDER_REPLICATE), rtol=1e-4)


@pytest.mark.parametrize("name", ["spectral-residual", "fine-grained"])
def test_saliency_finds_a_small_bright_thing(name):
    image, truth = disc(256, 320, (200, 90), 14, 90, 220)
    found, times = painted(run(name, image[None]), image.shape)
    assert (times == 1).all() and found[90, 200] and (found > 0).mean() < 0.15


# -- clustering and layers -----------------------------------------------------------------------------------------


def brute_clusters(points, eps, least):
    near = np.sqrt(((points[:, None] - points[None]) ** 2).sum(-1)) <= eps
    core = near.sum(1) >= least
    labels = np.full(len(points), -1)
    number = 0
    for start in np.flatnonzero(core):
        if labels[start] >= 0:
            continue
        stack = [start]
        labels[start] = number
        while stack:
            for other in np.flatnonzero(near[stack.pop()] & core & (labels < 0)):
                labels[other] = number
                stack.append(other)
        number += 1
    return labels, core, near


def test_dbscan_equals_brute_force():
    for seed in range(12):
        rng = np.random.default_rng(seed)
        points = rng.integers(0, 40, (150, 2 + seed % 2)).astype(float)
        eps, least = 3.0 + seed / 3, 4
        expected, core, near = brute_clusters(points, eps, least)
        found = dbscan(points, eps, least)
        assert np.array_equal(found[core], expected[core]) and core.any()
        for index in np.flatnonzero(~core):
            reach = near[index] & core
            assert (found[index] in expected[reach]) if reach.any() else found[index] == -1
    assert dbscan(np.zeros((0, 2)), 1, 1).size == 0 and (dbscan(np.zeros((3, 2)), 1, 9) == -1).all()


def test_layers_are_numbered_from_near_to_far():
    near = np.repeat(np.array([1.0, 5.0, 9.0, np.nan], np.float32), 10)[None, :].repeat(8, 0)
    for split in ("otsu", "even", "quantile"):
        assert np.array_equal(layered(near, 3, split)[0], np.repeat([3, 2, 1, 0], 10)), split
    assert (layered(np.full((4, 4), 7, np.float32), 3, "otsu") == 1).all()
    assert not layered(np.full((4, 4), np.nan, np.float32), 3, "even").any()


def test_small_pieces_join_the_neighbour_of_their_longest_border():
    layers = np.ones((20, 20), np.uint8)
    layers[:, 10:] = 2
    truth = layers.copy()
    layers[5:8, 3:6] = 3
    layers[12:14, 10:13] = 3
    layers[0, 0] = 0
    layers[15:17, 15:17] = 3
    layers[15, 15] = 1
    assert np.array_equal(merged_pieces(layers, 12), truth)
    assert np.array_equal(merged_pieces(layers, 0), layers)
    kept = merged_pieces(layers, 9)
    assert (kept[5:8, 3:6] == 3).all() and (kept[12:14, 10:13] == 2).all()


def stereo_pair(height=160, width=260):
    """(left, right, disparity): a near square over a far ground, of random texture."""
    rng = np.random.default_rng(5)
    truth = np.full((height, width), 8)
    truth[50:120, 100:180] = 24
    left = cv2.GaussianBlur(rng.integers(0, 256, (height, width, 3), dtype=np.uint8), (0, 0), 0.8)
    right = cv2.GaussianBlur(rng.integers(0, 256, (height, width, 3), dtype=np.uint8), (0, 0), 0.8)
    for value in (8, 24):
        y, x = np.nonzero((truth == value) & (np.arange(width) >= value))
        right[y, x - value] = left[y, x]
    return left, right, truth


def test_stereo_finds_a_known_disparity():
    left, right, truth = stereo_pair()
    found = disparity(left, right, 32)
    known = np.isfinite(found)
    assert known.mean() > 0.75 and (np.abs(found - truth)[known] <= 1).mean() > 0.95


# -- every method --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NO_COMPANION)
def test_odd_input_gives_an_answer(name):
    for values in (
        np.full((1, 1, 1), 9, np.uint8),
        np.full((3, 40, 50), 77, np.uint8),
        np.full((1, 33, 47), 0.25, np.float32),
        np.full((1, 20, 20), np.nan, np.float32),
        np.random.default_rng(0).integers(0, 65536, (1, 45, 31), dtype=np.uint16),
        np.random.default_rng(0).normal(0, 1e30, (7, 33, 21)).astype(np.float32),
        np.random.default_rng(0).integers(0, 256, (3, 1, 90), dtype=np.uint8),
        np.random.default_rng(0).integers(0, 256, (2, 90, 2), dtype=np.uint8),
    ):
        results = run(name, values)
        _, times = painted(results, values.shape[1:])
        assert times.max(initial=0) <= 1
        if name not in SUPERPIXELS:
            assert (times == 1).all()


@pytest.mark.parametrize("name", [n for n in NO_COMPANION if n not in SUPERPIXELS])
def test_constant_image_has_no_foreground(name):
    found, _ = painted(run(name, np.full((3, 60, 70), 77, np.uint8)), (60, 70))
    assert not found.any()


@pytest.mark.parametrize("name", NO_COMPANION)
def test_every_method_ends_when_cancelled(name):
    token = CancelToken()
    token.set()
    with pytest.raises(Cancelled):
        run(name, disc()[0][None], cancel=token)


def test_a_band_can_be_chosen_and_must_be_there():
    image, truth = disc()
    values = np.stack([np.full_like(image, 9), image])
    assert iou(painted(run("otsu", values, band=2), image.shape)[0] > 0, truth) > 0.99
    assert not painted(run("otsu", values, band=1), image.shape)[0].any()
    with pytest.raises(UserError, match="2 bands"):
        run("otsu", values, band=3)


def test_wrong_options_are_refused_with_a_hint():
    with pytest.raises(UserError) as error:
        with_options(CARDS["otsu"], {"clases": 3})
    assert "classes" in str(error.value.remedy)
    for value in ("x", "1", "99", "2.5", "nan"):
        with pytest.raises(UserError, match="classes"):
            with_options(CARDS["otsu"], {"classes": value})
    with pytest.raises(UserError, match="operator"):
        with_options(CARDS["edges"], {"operator": "prewitt"})
