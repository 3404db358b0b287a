"""GeoPackage: out and in again without loss, what geopandas reads of ours, files of other programs, hostile ones."""

from __future__ import annotations

import sqlite3
import struct
import warnings
from contextlib import closing

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from map_files import TRANSFORMS, map_image, map_item, map_trip, places
from round_trips import Scene, class_table, facts_of, random_mask, read_dataset, scenes, write_dataset

from segstudio.core.cancel import NEVER
from segstudio.core.classes import IGNORE
from segstudio.core.errors import UserError
from segstudio.core.geometry import Rect
from segstudio.core.layer_builder import ClassPixels, FoundObject, LayerBuilder
from segstudio.io.formats.reading import build_layers, detect, opened
from segstudio.io.formats.table import load_target
from segstudio.io.formats.wkb import multi_polygon, read_areas

pytest.importorskip("pyogrio")


@settings(max_examples=25, deadline=None)
@given(scene=scenes(overlap=True), place=places)
def test_what_is_written_is_read(tmp_path_factory, scene, place):
    found = map_trip("gpkg", scene, tmp_path_factory.mktemp("gpkg"), place)
    assert found.facts() == facts_of(scene)
    assert [item.name for item in found.classes] == [item.name for item in scene.table]
    assert not found.problems


def scene_of(seed):
    """Objects with holes that overlap, areas and ignored pixels."""
    rng = np.random.default_rng(seed)
    builder = LayerBuilder(40, 30, [1, 2, 3, 4])
    values = rng.integers(0, 5, (10, 10)).repeat(3, 0).repeat(4, 1).astype(np.uint16)
    values[rng.random(values.shape) < 0.1] = IGNORE
    values[5:25, 5:25] = 0
    builder.add(ClassPixels(0, 0, values))
    for number in range(4):
        mask, confidence = random_mask(rng, 15, 10), [None, 0.5][number % 2]
        builder.add(FoundObject(5 + 3 * number, 6, mask, number % 4, key=number, source="hand", confidence=confidence))
    return Scene(builder.layers, 40, 30, class_table())


def written(folder, place="north up", seed=1, options=None):
    """(scene, file) of a scene written on an image."""
    scene = scene_of(seed)
    write_dataset("gpkg", [map_item(scene, folder / "images", place)], scene.table, folder / "out", options)
    return scene, folder / "out" / "image0.gpkg"


@pytest.mark.parametrize("place", ["north up", "rotated", "no CRS", None])
def test_geopandas_reads_ours_and_gdal_fills_it_to_the_labels(tmp_path, place):
    geopandas = pytest.importorskip("geopandas")
    features = pytest.importorskip("rasterio.features")
    from rasterio.transform import Affine

    scene, file = written(tmp_path, place)
    frame = geopandas.read_file(file, layer="labels")
    assert frame.is_valid.all() and (frame.geom_type == "MultiPolygon").all()
    number = None if frame.crs is None else frame.crs.to_epsg()
    assert number == (32633 if place in ("north up", "rotated") else None)
    transform = Affine(*TRANSFORMS[place]) if place else Affine.identity()
    whole = Rect(0, 0, scene.width, scene.height)
    for layer in scene.layers:
        own = frame[frame["layer"] == layer.name]
        for number in {int(value) for value in np.unique(layer.read(whole)) if value}:
            mask = layer.read(whole) == number
            drawn = features.rasterize(
                own[own["id"] == number].geometry, mask.shape, transform=transform, dtype="uint8"
            )
            assert np.array_equal(drawn > 0, mask), number
    classes = geopandas.read_file(file, layer="classes")
    assert list(classes["name"]) == [item.name for item in scene.table]
    objects = frame[frame["is_object"]]
    assert objects["confidence"].isna().any() and (objects["confidence"] == 0.5).any()


def test_the_same_labels_give_the_same_bytes(tmp_path):
    assert written(tmp_path / "a")[1].read_bytes() == written(tmp_path / "b")[1].read_bytes()


def test_one_file_alone_tells_classes_and_place(tmp_path):
    scene, file = written(tmp_path, "rotated")
    alone = file.rename(tmp_path / "labels.gpkg")
    found = read_dataset("gpkg", alone)
    assert found.facts() == facts_of(scene)
    assert found.images["image0"] == tmp_path / "images" / "image0.tif"
    (tmp_path / "images").rename(tmp_path / "elsewhere")
    found = read_dataset("gpkg", alone)
    assert found.facts() == facts_of(scene) and found.images == {"image0": None}
    assert [(one.name, one.value, one.color) for one in found.classes] == [
        (one.name, one.mask_value, one.color) for one in scene.table
    ]
    assert read_dataset("gpkg", alone, {"images": str(tmp_path / "elsewhere")}).images["image0"] is not None


def test_a_spoilt_polygon_is_noticed(tmp_path):
    scene, file = written(tmp_path)
    exporter = load_target("segstudio.io.formats.gpkg:GpkgExporter")(tmp_path / "out", scene.table, {})
    item = map_item(scene, tmp_path / "images", "north up")
    assert exporter.differs(item, NEVER) == ""
    with closing(sqlite3.connect(file)) as connection, connection:
        (data,) = connection.execute("SELECT geom FROM labels WHERE fid = 2").fetchone()
        data = data[:-24] + struct.pack("<d", struct.unpack("<d", data[-24:-16])[0] + 0.1) + data[-16:]
        for name in (2, 4, 5, 6, 7):
            connection.execute(f"DROP TRIGGER rtree_labels_geom_update{name}")
        connection.execute("UPDATE labels SET geom = ? WHERE fid = 2", (data,))
    assert exporter.differs(item, NEVER) != ""


@pytest.mark.parametrize("system", [32633, 3857, 4326, None])
def test_files_of_geopandas_land_where_they_belong(tmp_path, system):
    geopandas = pytest.importorskip("geopandas")
    shapely = pytest.importorskip("shapely")
    map_image(tmp_path / "images" / "scene.tif", "north up", 40, 30)

    def to(x, y):
        return 442000.5 + 0.5 * x, 5.412e6 - 0.25 * y

    holed = shapely.Polygon([to(2, 2), to(12, 2), to(12, 12), to(2, 12)], [[to(4, 4), to(6, 4), to(6, 6), to(4, 6)]])
    parts = shapely.MultiPolygon([shapely.box(*to(20, 10), *to(25, 5)), shapely.box(*to(30, 10), *to(35, 5))])
    curve = shapely.Point(to(20, 20)).buffer(1)
    frame = geopandas.GeoDataFrame(
        {"landuse": ["路面", "field", "field", None], "n": [1, 2, 3, 4]},
        geometry=[holed, parts, curve, shapely.LineString([to(0, 0), to(5, 5)])],
        crs=None if system is None else 32633,
    )
    frame = frame if system is None else frame.to_crs(system)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        frame.to_file(tmp_path / "land use.gpkg", layer="parcels", driver="GPKG")
    assert detect(tmp_path / "land use.gpkg")[0][0] == "gpkg"
    found = read_dataset("gpkg", tmp_path / "land use.gpkg")
    assert {one.name for one in found.classes} == {"路面", "field", "parcels"}
    ids = found.layers["scene"][0].read_classes(Rect(0, 0, 40, 30))
    place = {one.name: k for k, one in enumerate(found.classes, start=1)}
    meant = np.zeros((30, 40), bool)
    meant[2:12, 2:12], meant[4:6, 4:6] = True, False
    assert np.array_equal(ids == place["路面"], meant)
    assert 50 + 20 <= (ids == place["field"]).sum() <= 50 + 30
    assert [problem.sentence for problem in found.problems] == ["points and lines hold no area"]


def test_well_known_binary_of_any_dialect():
    ring = [(0, 0), (4, 0), (4, 4), (0, 0)]

    def polygon(order, kind, width, srid=b""):
        points = b"".join(struct.pack(f"{order}{width}d", *point, *[9.0] * (width - 2)) for point in ring)
        return struct.pack(f"{order}BI", order == "<", kind) + srid + struct.pack(f"{order}II", 1, 4) + points

    for data in (
        polygon("<", 3, 2), polygon(">", 3, 2), polygon("<", 1003, 3), polygon(">", 3003, 4), polygon("<", 0x80000003, 3),
        polygon("<", 0x20000003, 2, struct.pack("<I", 4326)), polygon("<", 17, 2),
        struct.pack("<BII", 1, 7, 1) + struct.pack("<BII", 1, 6, 1) + polygon(">", 3, 2), multi_polygon([[ring]]),
    ):  # fmt: skip
        ((found,),), has_others = read_areas(data, 100)
        assert found.tolist() == [[0, 0], [4, 0], [4, 4], [0, 0]] and not has_others
    assert read_areas(struct.pack("<BIdd", 1, 1, 1.0, 2.0), 100) == ([], True)


@given(data=st.binary(max_size=60), flips=st.lists(st.tuples(st.integers(0, 120), st.integers(0, 255)), max_size=6))
@settings(max_examples=60, deadline=None)
def test_any_bytes_are_areas_or_a_sentence(data, flips):
    good = bytearray(multi_polygon([[[(0, 0), (4, 0), (4, 4), (0, 0)]]]))
    for place, value in flips:
        good[place % len(good)] = value
    for one in (data, bytes(good), b"\x01\x06\x00\x00\x00\xff\xff\xff\xff" + data):
        try:
            read_areas(one, 1000)
        except ValueError as error:
            assert str(error)


def spoil(file, *statements):
    with closing(sqlite3.connect(file)) as connection, connection:
        for statement in statements:
            connection.execute(statement)


def test_a_view_that_never_ends_is_not_read(tmp_path):
    _, file = written(tmp_path)
    endless = "WITH RECURSIVE n(k) AS (SELECT 1 UNION ALL SELECT k + 1 FROM n) SELECT k AS fid, NULL AS geom FROM n"
    spoil(file, "ALTER TABLE labels RENAME TO other", f"CREATE VIEW labels AS {endless}")
    found = read_dataset("gpkg", file)
    assert not found.layers and found.problems


def test_damaged_and_odd_files_are_told(tmp_path):
    _, file = written(tmp_path)
    whole = file.read_bytes()
    other = tmp_path / "odd"
    other.mkdir()
    (other / "cut.gpkg").write_bytes(whole[: len(whole) // 2])
    (other / "text.gpkg").write_text("no database")
    (other / "empty.gpkg").write_bytes(b"")
    (other / "none.gpkg").write_bytes(whole)
    spoil(other / "none.gpkg", "DELETE FROM gpkg_geometry_columns")
    (other / "blob.gpkg").write_bytes(whole)
    spoil(other / "blob.gpkg", "DROP TABLE rtree_labels_geom", *[f"DROP TRIGGER rtree_labels_geom_update{k}" for k in (2, 4, 5, 6, 7)],
          "UPDATE labels SET geom = 'text' WHERE fid = 1", "UPDATE labels SET geom = x'47500001' WHERE fid = 2")  # fmt: skip
    (other / "link.gpkg").symlink_to(file)
    (other / "blob.gpkg-wal").write_bytes(b"something")
    problems, read = [], []
    with opened(other, "gpkg") as importer:
        assert len(importer.classes) <= 5
        for one in importer.images():
            read.append(one.name)
            try:
                build_layers(one, range(1, len(importer.classes) + 1))
            except UserError as error:
                problems.append(error.path.name)
        problems += [problem.where for problem in importer.problems]
    assert {"text.gpkg", "empty.gpkg", "none.gpkg", "link.gpkg", "blob.gpkg"} <= {*problems} and "image0.tif" in [
        *read,
        *problems,
    ]
    assert "cut.gpkg" in problems
    assert (other / "blob.gpkg").stat().st_size and not (other / "blob.gpkg-shm").exists()
