"""GeoJSON: out and in again without loss, what GDAL makes of ours, files of QGIS and QuPath, hostile ones."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from map_files import TRANSFORMS, map_image, map_item, map_trip, places
from round_trips import Scene, class_table, facts_of, items_of, random_mask, read_dataset, scenes, write_dataset

from segstudio.core.classes import IGNORE
from segstudio.core.errors import UserError
from segstudio.core.geometry import Rect
from segstudio.core.layer_builder import ClassPixels, FoundObject, LayerBuilder
from segstudio.io.formats.reading import build_layers, detect, opened
from segstudio.io.formats.safety import Limits


@settings(max_examples=40, deadline=None)
@given(scene=scenes(overlap=True), place=places)
def test_what_is_written_is_read(tmp_path_factory, scene, place):
    folder = tmp_path_factory.mktemp("geojson")
    found = map_trip("geojson", scene, folder, place)
    assert found.facts() == facts_of(scene)
    assert [item.name for item in found.classes] == [item.name for item in scene.table]
    assert not found.problems


@settings(max_examples=15, deadline=None)
@given(scene=scenes(overlap=True, largest=20))
def test_degrees_come_back_to_the_same_pixels_with_and_without_the_image(tmp_path_factory, scene):
    pytest.importorskip("rasterio")
    folder = tmp_path_factory.mktemp("degrees")
    item = map_item(scene, folder / "images", "rotated")
    write_dataset("geojson", [item], scene.table, folder / "out", {"wgs84": True})
    for options in ({}, {"images": str(folder / "images")}):
        found = read_dataset("geojson", folder / "out", options)
        assert found.facts() == facts_of(scene)
        assert (found.images["image0"] is None) == (not options)


def test_pictures_without_a_place_and_splits(tmp_path):
    made = [scene_of(number) for number in range(3)]
    items = items_of(made, tmp_path / "images", ["train", "val", "odd one"])
    notes = write_dataset("geojson", items, made[0].table, tmp_path / "out", {"images": True})
    assert "3 images have no place" in notes[0]
    found = read_dataset("geojson", tmp_path / "out")
    assert found.splits == {"image0": "train", "image1": "val", "image2": "odd one"}
    for number, scene in enumerate(made):
        assert found.facts(f"image{number}") == facts_of(scene)
        assert found.images[f"image{number}"].is_relative_to(tmp_path / "out" / "images")


def test_who_made_an_object_comes_back(tmp_path):
    builder = LayerBuilder(20, 10, [1, 2])
    piece = FoundObject(
        1, 1, np.ones((3, 4), bool), 1, source="accepted", model_id="unet", confidence=0.75, is_reviewed=True
    )
    scene = Scene(builder.add_all([piece]).layers, 20, 10, class_table(2))
    write_dataset("geojson", [map_item(scene, tmp_path / "i", "north up")], scene.table, tmp_path / "out")
    found = read_dataset("geojson", tmp_path / "out").layers["image0"][0].segments
    (segment,) = found.values()
    assert (segment.source, segment.model_id, segment.confidence, segment.is_reviewed, segment.is_object) == (
        "accepted", "unet", 0.75, True, True
    )  # fmt: skip


def test_the_same_labels_give_the_same_bytes(tmp_path):
    scene = scene_of(3)
    for name in ("a", "b"):
        write_dataset("geojson", [map_item(scene, tmp_path / "i", "rotated")], scene.table, tmp_path / name)
    assert (tmp_path / "a" / "image0.geojson").read_bytes() == (tmp_path / "b" / "image0.geojson").read_bytes()


def test_geopandas_reads_ours_and_gdal_fills_it_to_the_labels(tmp_path):
    geopandas = pytest.importorskip("geopandas")
    features = pytest.importorskip("rasterio.features")
    from rasterio.transform import Affine

    scene = scene_of(4)
    write_dataset("geojson", [map_item(scene, tmp_path / "i", "north up")], scene.table, tmp_path / "out")
    frame = geopandas.read_file(tmp_path / "out" / "image0.geojson")
    assert frame.crs.to_epsg() == 32633 and frame.is_valid.all()
    whole = Rect(0, 0, scene.width, scene.height)
    for layer in scene.layers:
        own = frame[frame["layer"] == layer.name]
        for number in {int(value) for value in np.unique(layer.read(whole)) if value}:
            mask = layer.read(whole) == number
            shapes = own[own["id"] == number].geometry
            drawn = features.rasterize(shapes, mask.shape, transform=Affine(*TRANSFORMS["north up"]), dtype="uint8")
            assert np.array_equal(drawn > 0, mask), number


# -- files of other programs ------------------------------------------------------------------------------------------


def scene_of(seed):
    """Objects with holes that overlap, areas and ignored pixels."""
    rng = np.random.default_rng(seed)
    builder = LayerBuilder(40, 30, [1, 2, 3, 4])
    values = rng.integers(0, 5, (10, 10)).repeat(3, 0).repeat(4, 1).astype(np.uint16)
    values[rng.random(values.shape) < 0.1] = IGNORE
    values[5:25, 5:25] = 0
    builder.add(ClassPixels(0, 0, values))
    for number in range(4):
        builder.add(FoundObject(5 + 3 * number, 6, random_mask(rng, 15, 10), number % 4, key=number))
    return Scene(builder.layers, 40, 30, class_table())


def square(x, y, side, to=lambda x, y: [x, y]):
    return [to(x, y), to(x + side, y), to(x + side, y + side), to(x, y + side), to(x, y)]


def on_map(x, y):
    """Pixel corners of "north up" on the map."""
    return [442000.5 + 0.5 * x, 5.412e6 - 0.25 * y]


def feature(coordinates, properties=None, kind="Polygon"):
    return {"type": "Feature", "properties": properties, "geometry": {"type": kind, "coordinates": coordinates}}


def collection(*features, **more):
    return {"type": "FeatureCollection", **more, "features": list(features)}


def read(folder, document, place="north up", options=None, name="a.geojson"):
    """{class: (30, 40) pixel counts}, the layers and the problems of a document beside an image."""
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / "a.tif").exists():
        map_image(folder / "a.tif", place, 40, 30)
    text = document if isinstance(document, (str, bytes)) else json.dumps(document)
    (folder / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    with opened(folder / name, "geojson", options) as importer:
        drawn = {}
        for one in importer.images():
            builder = build_layers(one, range(1, len(importer.classes) + 1))
            for layer in builder.layers:
                ids = layer.read_classes(Rect(0, 0, one.width, one.height))
                for k, item in enumerate(importer.classes, start=1):
                    if (ids == k).any():
                        drawn[item.name] = drawn.get(item.name, 0) + (ids == k)
        return drawn, list(importer.classes), list(importer.problems)


def box(x, y, side):
    mask = np.zeros((30, 40), int)
    mask[y : y + side, x : x + side] = 1
    return mask


@pytest.mark.parametrize("way", ["named", "projected", "degrees", "degrees named", "pixels", "web"])
def test_coordinates_in_any_system_land_on_the_same_pixels(tmp_path, way):
    warp = pytest.importorskip("rasterio.warp")

    def other(system):
        def to(x, y):
            (east,), (north,) = warp.transform("EPSG:32633", system, *([value] for value in on_map(x, y)))
            return [east, north]

        return to

    to, crs = {
        "named": (on_map, "urn:ogc:def:crs:EPSG::32633"),
        "projected": (on_map, None),
        "degrees": (other("OGC:CRS84"), None),
        "degrees named": (other("OGC:CRS84"), "urn:ogc:def:crs:OGC:1.3:CRS84"),
        "pixels": (lambda x, y: [x, y], None),
        "web": (other("EPSG:3857"), "EPSG:3857"),
    }[way]
    more = {} if crs is None else {"crs": {"type": "name", "properties": {"name": crs}}}
    drawn, classes, problems = read(tmp_path, collection(feature([square(4, 6, 9, to)], {"class": "road"}), **more))
    assert [item.name for item in classes] == ["road"] and not problems
    assert np.array_equal(drawn["road"], box(4, 6, 9))


def test_qupath_qgis_and_gdal_name_classes_their_own_way(tmp_path):
    path = {"objectType": "annotation", "classification": {"name": "Tumor", "color": [200, 0, 0]}}
    old = {"classification": {"name": "Stroma", "colorRGB": -6895466}}
    dn, label = {"DN": 7}, {"fid": 3, "Label": " road ", "value": 4}
    drawn, classes, problems = read(
        tmp_path, [feature([square(2 + 6 * k, 2, 5)], one) for k, one in enumerate([path, old, dn, label, None])], None
    )
    assert [(item.name, item.color, item.value) for item in classes] == [
        ("Tumor", "#c80000", None), ("Stroma", "#96c896", None), ("class 7", "", 7), ("road", "", None), ("a", "", None)
    ]  # fmt: skip
    assert all(drawn[item.name].sum() == 25 for item in classes) and not problems
    _, classes, _ = read(
        tmp_path, [feature([square(0, 0, 5)], {"class": "x", "roof": "flat"})], None, {"class_field": "roof"}
    )
    assert [item.name for item in classes] == ["flat"]


def test_all_kinds_of_areas(tmp_path):
    holed = [square(0, 0, 12), square(3, 3, 4)]
    parts = {"type": "MultiPolygon", "coordinates": [[square(20, 0, 5)], [square(27, 0, 5)]]}
    nested = {"type": "GeometryCollection", "geometries": [parts, {"type": "GeometryCollection", "geometries": [
        {"type": "Polygon", "coordinates": [[[0, 20, 99], [8, 20, 99], [8, 28, 99], [0, 28, 99]]]}, {"type": "Point", "coordinates": [1, 2]}
    ]}]}  # fmt: skip
    document = collection(
        feature(holed, {"class": "holed"}), {"type": "Feature", "properties": {"class": "n"}, "geometry": nested}
    )
    drawn, _, (problem,) = read(tmp_path, document, None)
    assert np.array_equal(drawn["holed"], box(0, 0, 12) - box(3, 3, 4))
    assert np.array_equal(drawn["n"], box(20, 0, 5) + box(27, 0, 5) + box(0, 20, 8))
    assert problem.sentence == "points and lines hold no area"
    for bare in (
        feature(holed),
        {"type": "Polygon", "coordinates": holed},
        {"type": "GeometryCollection", "geometries": [parts]},
    ):
        drawn, _, problems = read(tmp_path, bare, None)
        assert drawn["a"].sum() in (128, 50) and not problems


def test_one_file_for_many_images(tmp_path):
    for name, place in (("b1", "north up"), ("b2", "rotated"), ("plain", None)):
        map_image(tmp_path / "images" / f"{name}.tif", place, 40, 30)
    crs = {"type": "name", "properties": {"name": "EPSG:32633"}}
    (tmp_path / "houses.geojson").write_text(json.dumps(collection(feature([square(4, 6, 9, on_map)]), crs=crs)))
    found = read_dataset("geojson", tmp_path)
    assert sorted(found.layers) == ["b1", "b2"] and [item.name for item in found.classes] == ["houses"]
    assert found.layers["b1"][0].read_classes(Rect(0, 0, 40, 30)).sum() == 81
    assert found.layers["b2"] and not found.problems


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "latin-1", "escaped"])
def test_texts_in_any_encoding(tmp_path, encoding):
    name = "Straße" if encoding == "latin-1" else "路面 Straße"
    document = collection(feature([square(1, 1, 3)], {"class": name}))
    text = json.dumps(document, ensure_ascii=encoding == "escaped", indent=1).replace("\n", "\r\n")
    _, classes, problems = read(tmp_path, text.encode("utf-8" if encoding == "escaped" else encoding), None)
    assert [item.name for item in classes] == [name] and not problems


BAD_RINGS = {
    "two points": [[0, 0], [5, 5]], "none": [], "no list": 7, "words": [["a", "b"], ["c", "d"], ["e", "f"]],
    "pairs": [1, 2, 3, 4, 5, 6], "far": [[0, 0], [1e308, 0], [1e308, 1e308]], "infinite": [[0, 0], [1e999, 0], [3, 3]],
    "ragged": [[0, 0], [1], [2, 2]], "null": [[0, 0], [None, 1], [2, 2]],
}  # fmt: skip


@pytest.mark.parametrize("bad", BAD_RINGS)
def test_rings_that_are_none_are_told_and_the_others_come(tmp_path, bad):
    good = feature([square(1, 1, 3)], {"class": "good"})
    spoilt = feature([BAD_RINGS[bad]], {"class": "good"})
    holed = feature([square(10, 10, 8), [[12, 12], [13, 13]]], {"class": "good"})
    text = json.dumps(collection(spoilt, good, holed)).replace("Infinity", "1e999")
    drawn, _, problems = read(tmp_path, text)
    assert np.array_equal(drawn["good"], box(1, 1, 3) + box(10, 10, 8))
    assert sum(problem.count for problem in problems) == 2 and all("polygon" in p.sentence for p in problems)


def test_crossing_far_and_tiny_polygons(tmp_path):
    bow = [[2, 2], [12, 12], [12, 2], [2, 12]]
    partly, outside, tiny = square(35, 25, 400), square(500, 500, 5), [[1.6, 1.6], [1.7, 1.6], [1.7, 1.7]]
    rings = [bow, partly, outside, tiny]
    document = collection(*[feature([ring], {"class": f"c{k}"}) for k, ring in enumerate(rings)])
    drawn, _, (problem,) = read(tmp_path, document, None)
    assert 40 <= drawn["c0"].sum() <= 60 and np.array_equal(drawn["c1"], box(35, 25, 5))
    assert "c2" not in drawn and problem.count == 2 and "outside" in problem.sentence


@pytest.mark.parametrize(
    "text",
    ["", "{", "[1, 2", "null", '{"type": "FeatureCollection", "features": [{]}', "[" * 3000, '{"a": NaN}', "\0\0"],
)
def test_damaged_documents_are_one_sentence(tmp_path, text):
    drawn, _, problems = read(tmp_path, text)
    assert not drawn and (problems or text == "null")


def test_odd_documents_bring_nothing_and_no_traceback(tmp_path):
    for document in (
        {"type": "FeatureCollection"}, {"type": "FeatureCollection", "features": 5}, {"features": [1, None, "x", [], {}]},
        collection({"type": "Feature", "properties": 3, "geometry": {"type": "Curve", "coordinates": [[1, 2]]}}),
        collection({"type": "Feature", "properties": {}, "geometry": None, "bbox": [1, 2, 3, 4]}),
        collection(feature([square(1, 1, 3)], {"class": {"a": 1}})), collection(feature({"a": [1]}, {"class": 1e999})),
        collection(feature([square(1, 1, 3)]), image={"name": "../../x.tif", "width": -5, "height": 1e9}),
        collection(feature([square(1, 1, 3)]), image={"width": 40, "height": 30, "transform": [0, 0, 0, 0, 0, 0]}),
        collection(feature([square(1, 1, 3)]), crs={"type": "link", "properties": {"href": "http://example.org/crs"}}),
    ):  # fmt: skip
        _, _, problems = read(tmp_path, json.dumps(document).replace("Infinity", "1e999"))
        assert all(problem.sentence for problem in problems)


@pytest.mark.parametrize("crs", ["/etc/passwd", "http://127.0.0.1/x", "EPSG:999999", "+proj=pipeline", "x" * 10_000])
def test_a_system_that_is_none_is_refused_without_looking_further(tmp_path, crs):
    more = {"crs": {"type": "name", "properties": {"name": crs}}}
    with pytest.raises(UserError, match="not known"):
        read(tmp_path, collection(feature([square(1, 1, 3)]), **more))


def test_files_do_not_lead_out_of_the_folder(tmp_path):
    (tmp_path / "set").mkdir()
    map_image(tmp_path / "secret.tif", None, 40, 30)
    (tmp_path / "secret.geojson").write_text(json.dumps(collection(feature([square(1, 1, 3)]))))
    (tmp_path / "set" / "link.geojson").symlink_to(tmp_path / "secret.geojson")
    (tmp_path / "set" / "a.tif").symlink_to(tmp_path / "secret.tif")
    image = {"name": "../secret.tif", "width": 40, "height": 30}
    (tmp_path / "set" / "a.geojson").write_text(json.dumps(collection(feature([square(1, 1, 3)]), image=image)))
    found = read_dataset("geojson", tmp_path / "set")
    assert found.images == {"secret": None}
    assert [problem.where for problem in found.problems] == ["link.geojson"]


def test_too_many_corners_are_refused(tmp_path):
    ring = [[k % 7, k % 5] for k in range(50)]
    (tmp_path / "a.geojson").write_text(json.dumps(collection(feature([ring]), feature([square(1, 1, 3)]))))
    map_image(tmp_path / "a.tif", None, 40, 30)
    with opened(tmp_path / "a.geojson", "geojson", limits=Limits(vertices=20)) as importer:
        (one,) = importer.images()
        build_layers(one, [1])
        assert [problem.sentence for problem in importer.problems] == ["a polygon of more than 20 points"]


def test_without_an_image_a_sentence_says_what_to_do(tmp_path):
    (tmp_path / "a.geojson").write_text(json.dumps(collection(feature([square(1, 1, 3)]))))
    found = read_dataset("geojson", tmp_path)
    assert not found.layers and "images" in found.problems[0].sentence


def test_what_looks_like_it(tmp_path):
    (tmp_path / "a.geojson").write_text(json.dumps(collection()))
    (tmp_path / "b.json").write_text('{"images": [], "annotations": []}')
    (tmp_path / "bad.geojson").write_bytes(b"\0")
    assert detect(tmp_path / "a.geojson")[0] == ("geojson", 95) and detect(tmp_path)[0][0] == "geojson"
    assert "geojson" not in dict(detect(tmp_path / "b.json")) and "geojson" not in dict(
        detect(tmp_path / "bad.geojson")
    )
