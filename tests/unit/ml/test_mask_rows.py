"""Masks of large images are written row by row: what is in memory does not grow with the image."""

from __future__ import annotations

import tracemalloc
from types import SimpleNamespace

import numpy as np
import pytest
import tifffile
import torch
from ml_help import ArrayReader, card
from PIL import Image

from segstudio.core.errors import UserError
from segstudio.core.geometry import TILE, Rect
from segstudio.io.formats import index_png
from segstudio.io.geotiff import drop_nodata, strips_of, write_geotiff
from segstudio.io.readers import registry
from segstudio.ml.api import WindowResult
from segstudio.ml.inference import mask_rows, predict
from segstudio.ml.inference.mask_rows import CountedRows, painted_mask, rows_of


def pieces(mask, height, width):
    """The mask cut up row by row, as windows give it."""
    for y in range(0, mask.shape[0], height):
        for x in range(0, mask.shape[1], width):
            part = mask[y : y + height, x : x + width]
            yield WindowResult(Rect(x, y, part.shape[1], part.shape[0]), part.copy(), part)


@pytest.mark.parametrize(("height", "width"), [(37, 100), (256, 256), (300, 1000), (700, 64), (1000, 1000)])
def test_rows_are_those_of_the_windows(height, width):
    mask = np.random.default_rng(0).integers(0, 9, (731, 390)).astype(np.uint8)
    strips = [strip.copy() for strip in rows_of(pieces(mask, height, width), 390, 731, np.uint8)]
    assert [len(strip) for strip in strips] == [TILE, TILE, 731 - 2 * TILE]
    np.testing.assert_array_equal(np.concatenate(strips), mask)


def test_rows_without_windows_are_zero_and_none_comes_late():
    piece = WindowResult(Rect(3, 600, 2, 5), np.ones((5, 2), np.uint8), np.ones((5, 2), np.uint8))
    mask = np.concatenate(list(rows_of([piece], 10, 900, np.uint8)))
    assert mask.shape == (900, 10) and mask[600:605, 3:5].all() and mask.sum() == 10
    early = WindowResult(Rect(0, 0, 2, 5), np.ones((5, 2), np.uint8), np.ones((5, 2), np.uint8))
    with pytest.raises(ValueError, match="row 0 after one at row 600"):
        list(rows_of([piece, early], 10, 900, np.uint8))


def test_pixels_without_data_are_set_and_not_counted():
    mask = np.random.default_rng(1).integers(0, 3, (600, 70)).astype(np.uint8)
    valid = np.random.default_rng(2).random((600, 70)) > 0.3
    rows = CountedRows(strips_of(mask.copy()), 70, 3, lambda z, rect: valid[rect.slices], 255)
    found = np.concatenate(list(rows))
    np.testing.assert_array_equal(found, np.where(valid, mask, 255))
    assert rows.counts.tolist() == [int((mask[valid] == index).sum()) for index in range(3)] and rows.has_ignored


@pytest.mark.parametrize("limit", [0, 1 << 30])
def test_a_mask_to_paint_on_begins_with_zeros(tmp_path, monkeypatch, limit):
    monkeypatch.setattr(mask_rows, "SCRATCH_BYTES", limit)
    with painted_mask(tmp_path, (50, 40), np.uint8) as mask:
        assert isinstance(mask, np.memmap) == (limit == 0) and not mask.any()
        mask[3, 4] = 7
        assert np.concatenate(list(strips_of(mask))).sum() == 7
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("is_big", [False, True])
def test_a_nodata_value_that_was_not_needed_goes(tmp_path, monkeypatch, is_big):
    if is_big:
        monkeypatch.setattr("segstudio.io.geotiff.BIG_BYTES", 0)
    mask = np.random.default_rng(3).integers(0, 9, (300, 500)).astype(np.uint8)
    for name, nodata in (("with.tif", 255), ("without.tif", None)):
        write_geotiff(tmp_path / name, 500, 300, strips_of(mask), np.uint8, nodata=nodata)
    drop_nodata(tmp_path / "with.tif")
    with tifffile.TiffFile(tmp_path / "with.tif") as one, tifffile.TiffFile(tmp_path / "without.tif") as other:
        assert one.is_bigtiff == is_big and len(one.pages) == 1
        assert [tag.code for tag in one.pages[0].tags] == [tag.code for tag in other.pages[0].tags]
        np.testing.assert_array_equal(one.asarray(), mask)


class Halves:
    """Class 1 where the image is bright."""

    device = "cpu"

    def __init__(self):
        self.card = card(("dark", "bright"), window_px=256, overlap_px=32)

    def to(self, device):
        pass

    def predict(self, batch):
        value = batch.mean(1, keepdim=True)
        return torch.cat([-value, value], 1)


class Rows(ArrayReader):
    """An image of any height, without its pixels: bright below the middle."""

    def __init__(self, width, height):
        self.info = SimpleNamespace(width=width, height=height, depth=1, metadata={})
        self.largest_px = 0

    def read(self, level, z, window):
        below = np.arange(window.y, window.bottom) >= self.info.height // 2
        return np.broadcast_to((below * 250).astype(np.uint8)[None, :, None], (3, window.height, window.width))


def predicted(monkeypatch, tmp_path, suffix, height):
    """(mask, peak bytes of writing it)."""
    monkeypatch.setattr(registry, "open_image", lambda path: Rows(768, height))
    file = tmp_path / f"{height}{suffix}"
    tracemalloc.start()
    try:
        found = predict.predict_file(Halves(), tmp_path / "a.png", file)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert found.pixels["dark"] + found.pixels["bright"] == 768 * height
    return file, peak


@pytest.mark.parametrize("suffix", [".tif", ".png"])
def test_memory_does_not_grow_with_the_height_of_the_image(tmp_path, monkeypatch, suffix):
    predicted(monkeypatch, tmp_path, suffix, 300)  # what is imported first counts for neither
    _, low = predicted(monkeypatch, tmp_path, suffix, 1024)
    file, high = predicted(monkeypatch, tmp_path, suffix, 6144)
    # The mask of the higher one is 4.7 MB, of the lower one 0.8.
    assert high - low < 768 * 1024
    values = np.asarray(Image.open(file)) if suffix == ".png" else tifffile.imread(file)
    assert values.shape == (6144, 768) and not values[:3060].any() and (values[3084:] == 1).all()


def test_a_full_disk_names_the_mask_and_leaves_nothing(tmp_path, monkeypatch):
    def full(kind, data):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(index_png, "_chunk", full)
    monkeypatch.setattr(registry, "open_image", lambda path: Rows(300, 300))
    with pytest.raises(UserError, match="disk is full") as failure:
        predict.predict_file(Halves(), tmp_path / "a.png", tmp_path / "mask.png")
    assert failure.value.path == tmp_path / "mask.png" and not list(tmp_path.iterdir())
