"""Masks and polygons on the map: read back by GDAL (rasterio) where it is installed, equal to the labels pixel for pixel."""

from __future__ import annotations

import json
import warnings
from itertools import pairwise

import numpy as np
import pytest
import tifffile
from image_files import labelled_project, picture, save

from segstudio.core.classes import IGNORE, ClassTable
from segstudio.core.edits import Transaction
from segstudio.core.errors import UserError
from segstudio.core.geometry import Rect
from segstudio.core.polygons import fill_rings, rasterise
from segstudio.io.formats.base import ExportPlan
from segstudio.io.formats.map_place import CRS84, MapPlace, epsg_of_text
from segstudio.io.formats.registry import export_project
from segstudio.io.geo_tags import read_geo_tags
from segstudio.io.geotiff import read_strips, strips_of, write_geotiff
from segstudio.io.store.project import ProjectStore

UTM = (1, 1, 0, 3, 1024, 0, 1, 1, 1025, 0, 1, 1, 3072, 0, 1, 32633)
PLACES = {
    "north up": [(33550, 12, 3, (0.5, 0.25, 0.0), True), (33922, 12, 6, (0.0, 0.0, 0.0, 442000.5, 5.412e6, 0.0), True)],
    "rotated": [
        (34264, 12, 16, (0.3, 0.4, 0, 442000.0, 0.4, -0.3, 0, 5.412e6, 0, 0, 0, 0, 0, 0, 0, 1), True),
    ],
    "no CRS": [(33550, 12, 3, (2.0, 2.0, 0.0), True), (33922, 12, 6, (0.0, 0.0, 0.0, 100.0, 200.0, 0.0), True)],
}
TRANSFORMS = {
    "north up": (0.5, 0.0, 442000.5, 0.0, -0.25, 5.412e6),
    "rotated": (0.3, 0.4, 442000.0, 0.4, -0.3, 5.412e6),
    "no CRS": (2.0, 0.0, 100.0, 0.0, -2.0, 200.0),
}


def geo_image(path, place="north up", height=420, width=300, nodata=None, big=False):
    """A GeoTIFF; with *nodata* its upper right quarter holds that value."""
    values = picture(height, width)
    extra = list(PLACES[place]) if place else []
    if place and place != "no CRS":
        extra.append((34735, 3, len(UTM), UTM, True))
    if nodata is not None:
        values[: height // 2, width // 2 :] = nodata
        extra.append((42113, 2, len(str(nodata)) + 1, str(nodata), True))
    tifffile.imwrite(
        path, values, photometric="rgb", tile=(128, 128), extratags=extra, metadata=None, bigtiff=big
    )
    return path


def project(folder, files, mask_values=(1, 2)):
    """Stuff with holes and pockets, two touching objects, one in two parts, and ignored pixels."""
    table = ClassTable()
    for name, value in zip(("field", "house"), mask_values):
        table = table.added(name, mask_value=value)
    store = ProjectStore.create(folder / "project", table)
    report = store.add_images(files)
    assert not report.failed
    for index, record in enumerate(report.added):
        layer = store.labels_layer(record.id)
        work = Transaction(layer, "test")
        stuff = work.ensure_stuff(table[0].id)
        noise = np.random.default_rng(index).random((260, 270)) < 0.5
        work.paint(noise, 5, 10, stuff)
        house, garage = work.new_object(table[1].id), work.new_object(table[1].id, confidence=0.75)
        work.paint(np.ones((30, 20), bool), 250, 300, house)
        work.erase(np.ones((6, 6), bool), 255, 310)
        work.paint(np.ones((30, 20), bool), 270, 300, garage)
        work.paint(np.ones((5, 5), bool), 20, 380, garage)
        work.write(Rect(100, 350, 40, 20), IGNORE)
        store.commit(work.commit())
    return store


def class_ids(store, record):
    return store.labels_layer(record.id).read_classes(Rect(0, 0, record.width, record.height))


def expected(store, record, ignore=255):
    ids = class_ids(store, record)
    values = np.full(ids.shape, ignore if store.classes.by_mask_value(0) else 0, np.uint16)
    for item in store.classes:
        values[ids == item.id] = item.mask_value
    values[ids == IGNORE] = ignore
    return values


def back_to_pixels(ring, transform):
    a, b, c, d, e, f = transform
    x, y = np.array(ring).T
    x, y = x - c, y - f
    det = a * e - b * d
    return np.column_stack([(e * x - b * y) / det, (a * y - d * x) / det])


def area(ring):
    return sum(x0 * y1 - x1 * y0 for (x0, y0), (x1, y1) in pairwise(ring)) / 2


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("mask_values", [(1, 2), (0, 7), (3, 300)])
def test_a_mask_lies_where_its_image_does(tmp_path, place, mask_values):
    rasterio = pytest.importorskip("rasterio")
    image = geo_image(tmp_path / "a.tif", place)
    is_deep = mask_values[1] > 254
    with project(tmp_path, [image], mask_values) as store:
        report = export_project(store, ExportPlan("geotiff", tmp_path / "out"))
        truth = expected(store, store.images()[0], 65535 if is_deep else 255)
        colors = {item.mask_value: item.rgb for item in store.classes}
    assert report.images == 1
    with rasterio.open(image) as source, rasterio.open(tmp_path / "out" / "masks" / "a.tif") as mask:
        assert mask.transform == source.transform and mask.crs == source.crs
        assert tuple(mask.transform)[:6] == TRANSFORMS[place]
        assert np.array_equal(mask.read(1), truth)
        assert mask.nodata == (65535 if is_deep else 255)
        assert mask.dtypes == (("uint16",) if is_deep else ("uint8",))
        assert mask.profile["compress"] == "deflate" and mask.block_shapes == [(256, 256)]
        if not is_deep:
            assert {value: mask.colormap(1)[value][:3] for value in colors} == colors
    assert (tmp_path / "out" / "images" / "a.tif").read_bytes() == image.read_bytes()


def test_an_image_without_a_place_gives_a_plain_mask_and_it_is_said(tmp_path):
    files = [save(tmp_path / "b.png", picture(420, 300))]
    with project(tmp_path, files) as store:
        report = export_project(store, ExportPlan("geotiff", tmp_path / "out", options={"images": False}))
        truth = expected(store, store.images()[0])
    assert "no place on a map" in report.notes[0]
    assert np.array_equal(tifffile.imread(tmp_path / "out" / "masks" / "b.tif"), truth)
    assert not (tmp_path / "out" / "images").exists() and (tmp_path / "out" / "classes.json").exists()


def test_a_mask_is_written_and_read_a_row_of_tiles_at_a_time(tmp_path):
    mask = np.random.default_rng(0).integers(0, 300, (700, 530)).astype(np.uint16)
    for suffix, values in (("deep", mask), ("flat", mask.astype(np.uint8)), ("small", mask[:3, :5])):
        file = tmp_path / f"{suffix}.tif"
        write_geotiff(file, values.shape[1], values.shape[0], strips_of(values), values.dtype, nodata=255)
        assert np.array_equal(np.concatenate([strip.copy() for strip in read_strips(file)]), values)
        assert np.array_equal(tifffile.imread(file), values)


def test_a_big_tiff_keeps_its_place(tmp_path):
    image = geo_image(tmp_path / "a.tif", big=True)
    write_geotiff(tmp_path / "m.tif", 300, 420, strips_of(np.zeros((420, 300), np.uint8)), np.uint8, read_geo_tags(image))
    assert read_geo_tags(tmp_path / "m.tif") == read_geo_tags(image) != ()


@pytest.mark.parametrize("damage", ["mask", "place"])
def test_a_spoilt_mask_is_noticed(tmp_path, monkeypatch, damage):
    from segstudio.io.formats import geotiff

    real = geotiff.write_geotiff

    def spoil(path, width, height, strips, dtype, tags=(), **others):
        strips = [strip.copy() for strip in strips]
        if damage == "mask":
            strips[1][3, 4] += 1
        real(path, width, height, strips, dtype, () if damage == "place" else tags, **others)

    monkeypatch.setattr(geotiff, "write_geotiff", spoil)
    with project(tmp_path, [geo_image(tmp_path / "a.tif")]) as store, pytest.raises(UserError, match="not what the labels"):
        export_project(store, ExportPlan("geotiff", tmp_path / "out"))
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("place", [*PLACES, None])
def test_polygons_filled_are_the_labels(tmp_path, place):
    image = geo_image(tmp_path / "a.tif", place)
    with project(tmp_path, [image]) as store:
        report = export_project(store, ExportPlan("geojson", tmp_path / "out"))
        ids = class_ids(store, store.images()[0])
        segments = store.labels_layer(store.images()[0].id).read(Rect(0, 0, 300, 420))
        names = {item.name: item.id for item in store.classes} | {"ignore": IGNORE}
    document = json.loads((tmp_path / "out" / "a.geojson").read_text())
    transform = TRANSFORMS[place] if place else (1, 0, 0, 0, 1, 0)
    if place is None:
        assert "pixels" in report.notes[0] and document["coordinates"] == "pixels, y downwards"
    crs = document.get("crs", {}).get("properties", {}).get("name")
    assert crs == ("urn:ogc:def:crs:EPSG::32633" if place in ("north up", "rotated") else None)
    drawn = np.zeros((420, 300), np.uint16)
    for feature in document["features"]:
        geometry = feature["geometry"]
        parts = geometry["coordinates"] if geometry["type"] == "MultiPolygon" else [geometry["coordinates"]]
        mask = np.zeros((420, 300), bool)
        for part in parts:
            for number, ring in enumerate(part):
                assert ring[0] == ring[-1] and len(ring) >= 5
                assert len({tuple(point) for point in ring}) == len(ring) - 1, "a ring must not touch itself"
                is_left_turning = area(ring) > 0
                assert is_left_turning == (number == 0) if place else is_left_turning != (number == 0)
                pixels = np.rint(back_to_pixels(ring, transform))
                assert np.abs(pixels - back_to_pixels(ring, transform)).max() < 1e-4
                mask ^= rasterise([pixels[:-1].ravel().tolist()], 420, 300)
        properties = feature["properties"]
        assert not drawn[mask].any()
        drawn[mask] = names[properties["class"]]
        if properties["is_object"]:
            assert np.array_equal(mask, segments == properties["id"])
    assert np.array_equal(drawn, ids)
    objects = [f for f in document["features"] if f["properties"]["is_object"]]
    assert [f["properties"]["confidence"] for f in objects] == [None, 0.75]
    assert [f["geometry"]["type"] for f in objects] == ["Polygon", "MultiPolygon"]
    assert len(objects[0]["geometry"]["coordinates"]) == 2, "the house has a court"


def test_polygons_are_what_gdal_rasterises_to_the_labels(tmp_path):
    rasterio = pytest.importorskip("rasterio")
    from rasterio.features import is_valid_geom, rasterize

    image = geo_image(tmp_path / "a.tif")
    with project(tmp_path, [image]) as store:
        export_project(store, ExportPlan("geojson", tmp_path / "out"))
        ids = class_ids(store, store.images()[0])
        names = {item.name: item.id for item in store.classes} | {"ignore": IGNORE}
    features = json.loads((tmp_path / "out" / "a.geojson").read_text())["features"]
    with rasterio.open(image) as source:
        place = source.transform
    assert all(is_valid_geom(f["geometry"]) for f in features)
    drawn = rasterize(
        [(f["geometry"], names[f["properties"]["class"]]) for f in features], (420, 300), transform=place, dtype="uint16"
    )
    assert np.array_equal(drawn, ids)


def test_degrees_when_they_are_wished(tmp_path):
    pytest.importorskip("rasterio")
    from rasterio.warp import transform_geom

    image = geo_image(tmp_path / "a.tif")
    with project(tmp_path, [image]) as store:
        export_project(store, ExportPlan("geojson", tmp_path / "map"))
        export_project(store, ExportPlan("geojson", tmp_path / "degrees", options={"wgs84": True}))
    placed = json.loads((tmp_path / "map" / "a.geojson").read_text())
    degrees = json.loads((tmp_path / "degrees" / "a.geojson").read_text())
    assert "crs" in placed and "crs" not in degrees
    for one, other in zip(placed["features"][:30], degrees["features"][:30], strict=True):
        moved = transform_geom("EPSG:32633", "OGC:CRS84", one["geometry"])
        assert np.allclose(moved["coordinates"][0], other["geometry"]["coordinates"][0], atol=1e-10)
    x, y = degrees["features"][0]["geometry"]["coordinates"][0][0]
    assert 14 < x < 15 and 48 < y < 49


def test_degrees_need_rasterio(tmp_path, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "rasterio", None)
    with project(tmp_path, [geo_image(tmp_path / "a.tif")]) as store:
        with pytest.raises(UserError, match=r"segstudio\[geo\]"):
            export_project(store, ExportPlan("geojson", tmp_path / "out", options={"wgs84": True}))
        export_project(store, ExportPlan("geojson", tmp_path / "out"))
    assert "32633" in (tmp_path / "out" / "a.geojson").read_text()


def test_a_spoilt_polygon_is_noticed(tmp_path, monkeypatch):
    real = MapPlace.polygon

    def spoil(self, shell, holes):
        return real(self, shell, [])

    monkeypatch.setattr(MapPlace, "polygon", spoil)
    with project(tmp_path, [geo_image(tmp_path / "a.tif")]) as store, pytest.raises(UserError, match="not what the labels"):
        export_project(store, ExportPlan("geojson", tmp_path / "out"))


@pytest.mark.parametrize("name", ["masks", "voc", "coco", "geotiff", "geojson"])
def test_pixels_without_data_are_ignored_in_every_format(tmp_path, name):
    with project(tmp_path, [geo_image(tmp_path / "a.tif", nodata=0)]) as store:
        truth = expected(store, store.images()[0])
        export_project(store, ExportPlan(name, tmp_path / "out"))
    invalid = np.zeros((420, 300), bool)
    invalid[:210, 150:] = True
    assert truth[invalid].any()
    out = tmp_path / "out"
    if name in ("masks", "voc"):
        from PIL import Image

        file = out / "masks/a.png" if name == "masks" else out / "VOCdevkit/VOC2012/SegmentationClass/a.png"
        found = np.asarray(Image.open(file))
    elif name == "geotiff":
        found = tifffile.imread(out / "masks" / "a.tif")
    elif name == "geojson":
        rings = [
            [(int(x), int(y)) for x, y in np.rint(back_to_pixels(ring[:-1], TRANSFORMS["north up"]))]
            for feature in json.loads((out / "a.geojson").read_text())["features"]
            if not feature["properties"].get("is_ignore")
            for part in [feature["geometry"]["coordinates"]]
            for ring in ([r for p in part for r in p] if feature["geometry"]["type"] == "MultiPolygon" else part)
        ]
        drawn = fill_rings(rings, Rect(0, 0, 300, 420))
        assert not drawn[invalid].any() and np.array_equal(drawn[~invalid], np.isin(truth[~invalid], (1, 2)))
        return
    else:
        from pycocotools import mask as coco_mask

        document = json.loads((out / "annotations" / "instances.json").read_text())
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            masks = [coco_mask.decode(a["segmentation"]) for a in document["annotations"]]
            assert not any(mask[invalid].any() for mask in masks)
            (ignored,) = document["images"][0]["ignored"]
            assert coco_mask.decode(ignored)[invalid].all()
        return
    assert (found[invalid] == 255).all()
    assert np.array_equal(found[~invalid], truth[~invalid])


def test_epsg_numbers_are_found_in_texts():
    assert epsg_of_text("EPSG:32633") == 32633
    assert epsg_of_text('PROJCS["x",GEOGCS["y",AUTHORITY["EPSG","4326"]],AUTHORITY["EPSG","32633"]]') == 32633
    assert epsg_of_text('GEOGCS["y",AUTHORITY["EPSG","4326"]]') == 4326
    assert epsg_of_text('PROJCRS["x",ID["EPSG",3857]]') == 3857
    assert epsg_of_text('PROJCS["own",GEOGCS["y",AUTHORITY["EPSG","4326"]],UNIT["m",1]]') is None
    assert MapPlace((1, 0, 0, 0, -1, 0), "EPSG:4326").crs_name == CRS84


def test_a_project_of_pictures_is_exported_too(tmp_path):
    with labelled_project(tmp_path) as store:
        for name in ("geotiff", "geojson"):
            fractions = {"train": 0.34, "val": 0.33, "test": 0.33}
            report = export_project(store, ExportPlan(name, tmp_path / name, fractions))
            assert report.images == 3 and "3 images have no place" in report.notes[0]
    assert len(list((tmp_path / "geojson").glob("*/*.geojson"))) == 3
    assert len(list((tmp_path / "geotiff").glob("masks/*/*.tif"))) == 3
