"""Images with a place on the map and with pixels that hold no data: predicted, trained on, evaluated."""

from __future__ import annotations

import numpy as np
import pytest
import tifffile
from small_projects import BRIGHT_CARD, Bright, offer_bright, paint, run

from segstudio.core.classes import ClassTable
from segstudio.core.geometry import Rect
from segstudio.io.geo_tags import read_geo_tags
from segstudio.io.store.project import ProjectStore
from segstudio.ml.inference.loading import TorchSegmenter
from segstudio.ml.inference.predict import output_files, predict_file
from segstudio.ml.training.patches import load_pair
from segstudio.ml.training.sources import TrainImage, known_target

UTM = (34735, 3, 16, (1, 1, 0, 3, 1024, 0, 1, 1, 1025, 0, 1, 1, 3072, 0, 1, 32633), True)
PLACES = {
    "north up": [(33550, 12, 3, (0.5, 0.5, 0.0), True), (33922, 12, 6, (0, 0, 0, 442000.0, 5.4e6, 0), True), UTM],
    "rotated": [(34264, 12, 16, (0.3, 0.4, 0, 442000.0, 0.4, -0.3, 0, 5.4e6, *(0,) * 7, 1), True), UTM],
    "no CRS": [(33550, 12, 3, (2.0, 2.0, 0.0), True), (33922, 12, 6, (0, 0, 0, 100.0, 200.0, 0), True)],
    "no place": [],
}


def image(path, place="north up", nodata=None, **options):
    """Dark with a bright square; with *nodata* its lower third holds that value."""
    values = np.random.default_rng(0).integers(10, 60, (210, 300, 3)).astype(np.uint8)
    values[40:90, 50:120] += 190
    extra = list(PLACES[place])
    if nodata is not None:
        values[140:] = nodata
        extra.append((42113, 2, len(str(nodata)) + 1, str(nodata), True))
    tifffile.imwrite(path, values, photometric="rgb", tile=(64, 64), extratags=extra, metadata=None, **options)
    return path


@pytest.fixture
def segmenter():
    return TorchSegmenter(Bright(), BRIGHT_CARD, "cpu")


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("is_big", [False, True])
def test_a_prediction_lies_where_its_image_does(tmp_path, segmenter, place, is_big):
    source = image(tmp_path / "a.tif", place, bigtiff=is_big)
    (target,) = output_files([source], tmp_path / "out")
    assert target.suffix == (".png" if place == "no place" else ".tif")
    target.parent.mkdir()
    found = predict_file(segmenter, source, target)
    assert found.pixels["spot"] == 50 * 70
    if place == "no place":
        return
    assert read_geo_tags(target) == read_geo_tags(source) != ()
    mask = tifffile.imread(target)
    assert (mask[40:90, 50:120] == 1).all() and mask.sum() == 50 * 70
    rasterio = pytest.importorskip("rasterio")
    with rasterio.open(source) as one, rasterio.open(target) as other:
        assert one.transform == other.transform and one.crs == other.crs and other.nodata is None
        assert other.block_shapes == [(256, 256)]


def test_no_data_is_ignored_in_a_prediction(tmp_path, segmenter):
    source = image(tmp_path / "a.tif", nodata=255)
    target = tmp_path / "mask.tif"
    found = predict_file(segmenter, source, target)
    mask = tifffile.imread(target)
    assert (mask[140:] == 255).all() and (mask[:140] != 255).all()
    assert found.pixels == {"background": 140 * 300 - 3500, "spot": 3500}
    rasterio = pytest.importorskip("rasterio")
    with rasterio.open(target) as written:
        assert written.nodata == 255


def target_of_ones():
    return np.ones((210, 300), np.uint8)


def test_no_data_is_ignored_in_training_and_evaluation(tmp_path):
    source = image(tmp_path / "a.tif", nodata=0)
    sample = TrainImage("a", source, target_of_ones, "train")
    _, target = load_pair(sample, bands=3, scaling="range", long_side_px=0)
    assert (target[140:] == 255).all() and (target[:140] == 1).all()
    np.testing.assert_array_equal(known_target(sample), target)
    plain = TrainImage("b", image(tmp_path / "b.tif"), target_of_ones, "train")
    assert (load_pair(plain, bands=3, scaling="range", long_side_px=0)[1] == 1).all()


def test_the_command_accepts_nothing_without_data(tmp_path, monkeypatch, capsys):
    offer_bright(monkeypatch, tmp_path)
    source = image(tmp_path / "a.tif", nodata=255)
    with ProjectStore.create(tmp_path / "p", ClassTable().added("spot")) as store:
        store.add_images([source])
    assert run(capsys, "propose", tmp_path / "p", "--model", "bright")[0] == 0
    assert run(capsys, "accept", tmp_path / "p")[0] == 0
    with ProjectStore.open(tmp_path / "p") as store:
        ids = store.labels_layer(1).read_classes(Rect(0, 0, 300, 210))
        assert (ids == 1).sum() == 3500 and not ids[140:].any()


def test_the_commands_of_both_formats(tmp_path, capsys):
    source = image(tmp_path / "a.tif")
    with ProjectStore.create(tmp_path / "p", ClassTable().added("spot")) as store:
        store.add_images([source])
        paint(store, 1, 1, Rect(20, 30, 40, 10))
    assert run(capsys, "export", tmp_path / "p", "--format", "geotiff", "--masks-only", "--out", tmp_path / "m")[0] == 0
    assert run(capsys, "export", tmp_path / "p", "--format", "geojson", "--out", tmp_path / "g")[0] == 0
    assert (tmp_path / "g" / "a.geojson").exists() and not (tmp_path / "m" / "images").exists()
    assert read_geo_tags(tmp_path / "m" / "masks" / "a.tif") == read_geo_tags(source)
    assert run(capsys, "export", tmp_path / "p", "--format", "voc", "--wgs84", "--out", tmp_path / "v")[0] == 2
