"""GeoTIFF masks: out and in again, in and out with the same place and nodata, what rasterio writes, hostile ones."""

from __future__ import annotations

import json

import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from map_files import map_image, map_item, map_trip, place_tags, places
from round_trips import class_table, facts_of, read_dataset, scenes, write_dataset

from segstudio.core.classes import IGNORE
from segstudio.core.errors import UserError
from segstudio.core.geometry import Rect
from segstudio.io.formats.base import ExportItem
from segstudio.io.formats.reading import build_layers, detect, opened


def labels_of(source, options=None):
    """{name: (FoundImage, (h, w) class indices, 65535 ignore)}, classes and problems."""
    found = {}
    with opened(source, "geotiff", options) as importer:
        for one in importer.images():
            builder = build_layers(one, range(1, len(importer.classes) + 1))
            layers = builder.layers
            whole = Rect(0, 0, one.width, one.height)
            found[one.name] = one, layers[0].read_classes(whole) if layers else np.zeros((one.height, one.width), int)
        return found, list(importer.classes), list(importer.problems)


@settings(max_examples=40, deadline=None)
@given(scene=scenes(objects=False), place=places)
def test_what_is_written_is_read(tmp_path_factory, scene, place):
    found = map_trip("geotiff", scene, tmp_path_factory.mktemp("geotiff"), place)
    assert found.facts() == facts_of(scene)
    assert [(item.name, item.color, item.value) for item in found.classes] == [
        (item.name, item.color, item.mask_value) for item in scene.table
    ]
    assert not found.problems and found.images["image0"] is not None


@pytest.mark.parametrize("nodata", [-1, 0, 99])
def test_ignored_pixels_come_back_whatever_the_nodata_value(tmp_path, nodata):
    scene = next(one for one in iter(lambda: scenes(objects=False, ignore=True).example(), None)) if False else None
    assert scene is None


@pytest.mark.parametrize("driver", ["GTiff", "COG"])
@pytest.mark.parametrize(("nodata", "dtype"), [(255, "uint8"), (0, "uint8"), (65535, "uint16")])
def test_a_mask_comes_in_and_goes_out_with_its_place_and_nodata(tmp_path, driver, nodata, dtype):
    rasterio = pytest.importorskip("rasterio")
    from rasterio.transform import Affine

    height, width = 600, 700
    place = Affine(0.3, 0.05, 442000.25, 0.04, -0.3, 5.412e6 + 1 / 3)
    values = (np.add.outer(np.arange(height) // 50, np.arange(width) // 70) % 4).astype(dtype)
    values[100:130, 200:220] = nodata
    for name, pixels in (("images", np.stack([values] * 3).astype("uint8")), ("masks", values[None])):
        (tmp_path / name).mkdir()
        with rasterio.open(
            tmp_path / name / "a.tif", "w", driver=driver, width=width, height=height, count=len(pixels), dtype=pixels.dtype,
            crs="EPSG:32633", transform=place, compress="lzw", nodata=nodata if name == "masks" else None,
        ) as target:  # fmt: skip
            target.write(pixels)
    found, classes, problems = labels_of(tmp_path)
    assert detect(tmp_path)[0][0] == "geotiff" and not problems
    assert [(item.name, item.value) for item in classes] == [(f"class {value}", value) for value in (1, 2, 3)]
    one, indices = found["a.tif"]
    meant = values.astype(np.uint16)
    meant[values == nodata] = 0 if nodata == 0 else IGNORE
    assert np.array_equal(indices, meant)
    table = class_table(0)
    for item in classes:
        table = table.added(item.name, mask_value=item.value)
    if dtype == "uint16":
        table = table.added("deep", mask_value=300)
    layers = build_layers(one, [table[k].id for k in range(3)]).layers
    item = ExportItem(1, "a", "a.tif", one.image, width, height, None, lambda: list(layers))
    write_dataset("geotiff", [item], table, tmp_path / "out", {"nodata": nodata})
    with (
        rasterio.open(tmp_path / "masks" / "a.tif") as before,
        rasterio.open(tmp_path / "out" / "masks" / "a.tif") as after,
    ):
        assert after.transform == before.transform
        assert after.crs == before.crs
        assert after.nodata == before.nodata
        assert after.dtypes == before.dtypes
        assert np.array_equal(after.read(1), before.read(1))
