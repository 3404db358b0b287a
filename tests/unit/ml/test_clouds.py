"""Clouds and shadows by ukis-csmask: its own answer, its bands, its values."""

from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import tifffile
import torch

from segstudio.core.cancel import CancelToken
from segstudio.core.errors import Cancelled, UserError
from segstudio.io.readers.registry import open_image
from segstudio.ml.foreign import clouds_cards
from segstudio.ml.inference.loading import load_segmenter
from segstudio.ml.inference.predict import predict_file
from segstudio.ml.inference.run import propose
from segstudio.ml.registry import Catalog

BANDS = ["blue", "green", "red", "nir", "swir16", "swir22"]


@pytest.fixture(autouse=True)
def folders(tmp_path, monkeypatch):
    pytest.importorskip("ukis_csmask", reason="needs the extra [clouds]")
    monkeypatch.setenv("SEGSTUDIO_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("SEGSTUDIO_DATA_DIR", str(tmp_path / "data"))


def scene(height, width, bands):
    """Reflectances (bands, y, x) of soft ground with bright clouds over it."""
    rng = np.random.default_rng(0)

    def soft(side):
        return cv2.resize(rng.random((side, side), np.float32), (width, height), interpolation=cv2.INTER_CUBIC)

    values = np.stack([soft(9) * 0.25 for _ in range(bands)]) + np.clip(soft(6) - 0.55, 0, 1) * 2.2
    return np.clip(values, 0, 1.2).astype(np.float32)


def segmenter_of(key):
    return load_segmenter(Catalog().find(f"clouds/{key}"), "cpu")


@pytest.mark.parametrize("key", ["6b_l1c", "4b_l2a"])
def test_the_answer_is_the_packages_own(key):
    from ukis_csmask.mask import CSmask

    values = scene(280, 300, int(key[0]))
    theirs = CSmask(
        np.moveaxis(values, 0, -1).copy(),
        BANDS[: len(values)],
        product_level=key[-3:],
        providers=["CPUExecutionProvider"],
    ).csm[..., 0]
    ours = segmenter_of(key).predict(torch.from_numpy(values[None])).argmax(1)[0].numpy()
    assert np.array_equal(ours, theirs) and len(np.unique(theirs)) >= 2


def test_files_of_reflectances_and_of_sentinels_numbers_agree(tmp_path):
    values = scene(260, 300, 4)
    tifffile.imwrite(tmp_path / "r.tif", values, photometric="minisblack", planarconfig="separate")
    numbers = (values * 10_000).round().astype(np.uint16)
    tifffile.imwrite(tmp_path / "dn.tif", numbers, photometric="minisblack", planarconfig="separate")
    segmenter, masks = segmenter_of("4b_l1c"), []
    for name in ("r", "dn"):
        done = predict_file(segmenter, tmp_path / f"{name}.tif", tmp_path / f"{name}.png")
        masks.append(done.pixels)
    assert sum(masks[0].values()) == 260 * 300 and "cloud" in masks[0]
    assert all(
        abs(masks[0].get(k, 0) - masks[1].get(k, 0)) < 260 * 300 * 0.002
        for k in ("background", "cloud", "cloud shadow")
    )


def test_other_bands_are_refused_with_the_ones_that_are_wanted(tmp_path):
    tifffile.imwrite(
        tmp_path / "rgb.tif", np.zeros((3, 64, 64), np.uint16), photometric="minisblack", planarconfig="separate"
    )
    segmenter = segmenter_of("4b_l1c")
    reader = open_image(tmp_path / "rgb.tif")
    with pytest.raises(UserError, match="4 bands in this order: blue, green, red, near infrared; the image has 3"):
        list(propose(segmenter, reader))
    reader.close()

    def info(**metadata):
        return SimpleNamespace(bands=4, dtype="uint16", metadata=metadata, path="x.tif")

    segmenter.check_image(info(band_names=["B02", "B03", "B04", "B08"]))
    with pytest.raises(UserError, match="has them in another"):
        segmenter.check_image(info(band_names=["B04", "B03", "B02", "B08"]))
    segmenter.check_image(SimpleNamespace(bands=5, dtype="float32", metadata={"alpha_band": 4}, path="x.tif"))
    with pytest.raises(UserError, match="8-bit values are not"):
        segmenter.check_image(SimpleNamespace(bands=4, dtype="uint8", metadata={}, path="x.tif"))


def test_numbers_that_are_no_reflectances_are_refused():
    with pytest.raises(UserError, match="holds 9000"):
        segmenter_of("4b_l1c").predict(torch.full((1, 4, 64, 64), 9000.0))


def test_cancelling_ends_between_tiles():
    segmenter, token = segmenter_of("4b_l1c"), CancelToken()
    segmenter.hooks.cancel = token
    token.set()
    with pytest.raises(Cancelled):
        segmenter.predict(torch.zeros(1, 4, 64, 64))


def test_without_the_package_they_are_listed_with_the_reason(monkeypatch):
    monkeypatch.setattr(clouds_cards.importlib.util, "find_spec", lambda name: None)
    entries = list(clouds_cards.cloud_entries())
    assert len(entries) == 4
    assert all(not e.is_available and "pip install 'segstudio[clouds]'" in e.reason for e in entries)


def test_the_cards_count_what_the_files_hold():
    from segstudio.ml.foreign.onnx_header import read_onnx_header

    for entry in clouds_cards.cloud_entries():
        held = read_onnx_header(entry.card.weights.path and __import__("pathlib").Path(entry.card.weights.path))
        assert held.parameters == entry.card.parameters and held.inputs[0].shape[1] == entry.card.bands
