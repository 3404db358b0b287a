"""GeoTIFF masks: out and in again, in and out with the same place and nodata, what rasterio writes, hostile ones."""

from __future__ import annotations

import json

import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from map_files import map_image, map_item, map_trip, place_tags, places
from round_trips import Scene, class_table, facts_of, scenes, write_dataset

from segstudio.core.classes import IGNORE
from segstudio.core.errors import UserError
from segstudio.core.geometry import Rect
from segstudio.core.layer_builder import ClassPixels, LayerBuilder
from segstudio.io.formats.base import ExportItem
from segstudio.io.formats.reading import build_layers, detect, opened
from segstudio.io.formats.table import load_target


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


@settings(max_examples=9, deadline=None)
@given(scene=scenes(objects=False, largest=12), place=places)
@pytest.mark.parametrize("nodata", [0, 99])
def test_ignored_pixels_come_back_whatever_the_nodata_value(tmp_path_factory, nodata, scene, place):
    folder = tmp_path_factory.mktemp("nodata")
    found = map_trip("geotiff", scene, folder, place, {"nodata": nodata})
    assert found.facts() == facts_of(scene)
    with tifffile.TiffFile(folder / "out" / "masks" / "image0.tif") as tiff:
        assert tiff.pages[0].nodata == nodata


@pytest.mark.parametrize("nodata", [3, 256, -2])
def test_a_nodata_value_that_cannot_be_is_refused(tmp_path, nodata):
    with pytest.raises(UserError, match="nodata"):
        load_target("segstudio.io.formats.geotiff:GeoTiffExporter")(tmp_path, class_table(), {"nodata": nodata})


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


def a_scene():
    """Four classes, unlabelled and ignored pixels."""
    builder = LayerBuilder(40, 30, [1, 2, 3, 4])
    values = np.random.default_rng(1).integers(0, 6, (30, 40)).astype(np.uint16)
    values[values == 5] = IGNORE
    builder.add(ClassPixels(0, 0, values))
    return Scene(builder.layers, 40, 30, class_table())


def write_mask(path, values, *, nodata=None, extra=(), **more):
    path.parent.mkdir(parents=True, exist_ok=True)
    tags = list(extra)
    if nodata is not None:
        tags.append((42113, 2, len(nodata) + 1, nodata, True))
    tifffile.imwrite(path, values, extratags=tags, metadata=None, **more)
    return path


def stripes(dtype=np.uint8, height=20, width=30):
    return np.repeat(np.arange(height) // 5, width).reshape(height, width).astype(dtype)


def test_rasterio_reads_what_we_wrote(tmp_path):
    rasterio = pytest.importorskip("rasterio")
    scene = a_scene()
    item = map_item(scene, tmp_path / "images", "rotated")
    write_dataset("geotiff", [item], scene.table, tmp_path / "out")
    ids = scene.layers[0].read_classes(Rect(0, 0, scene.width, scene.height))
    meant = np.zeros(ids.shape, np.uint8)
    for one in scene.table:
        meant[ids == one.id] = one.mask_value
    meant[ids == IGNORE] = 255
    with rasterio.open(item.image_file) as image, rasterio.open(tmp_path / "out" / "masks" / "image0.tif") as mask:
        assert np.array_equal(mask.read(1), meant) and (meant == 255).any()
        assert (mask.transform, mask.crs, mask.nodata) == (image.transform, image.crs, 255)
        assert np.array_equal(mask.dataset_mask() == 0, meant == 255)


def test_values_of_every_number_type(tmp_path):
    cases = {
        "i16": (np.where(stripes() == 2, -9999, stripes(np.int16)), "-9999"),
        "f32": (np.where(stripes() == 2, np.nan, stripes(np.float32)).astype(np.float32), None),
        "f64": (np.where(stripes() == 2, 1e30, stripes(np.float64)), "1e30"),
        "u32": (np.where(stripes() == 2, np.uint32(4294967295), stripes(np.uint32)), "4294967295"),
    }
    meant = np.where(stripes() == 2, IGNORE, np.where(stripes() == 3, 2, stripes(np.uint16)))
    for name, (values, nodata) in cases.items():
        write_mask(tmp_path / name / "masks" / "a.tif", values, nodata=nodata)
        found, classes, problems = labels_of(tmp_path / name)
        assert [item.value for item in classes] == [1, 3], name
        assert np.array_equal(found["a.tif"][1], meant), name
        assert not problems, name


def test_what_is_no_class_is_told_and_left_out(tmp_path):
    values = stripes(np.float32)
    values[0, :4] = 1.5
    write_mask(tmp_path / "masks" / "a.tif", values)
    (tmp_path / "classes.json").write_text('[{"value": 1, "name": "one"}, {"value": 2, "name": "two"}]')
    found, classes, problems = labels_of(tmp_path)
    assert [item.name for item in classes] == ["one", "two"]
    assert np.array_equal(found["a.tif"][1], np.where(stripes() == 3, 0, stripes()))
    assert sorted(problem.count for problem in problems) == [4, 150]
    assert any("The value 3 stands for no class" in problem.sentence for problem in problems)


def test_black_and_white_masks_and_palettes(tmp_path):
    white = np.where(stripes() > 1, 255, 0).astype(np.uint8)
    write_mask(tmp_path / "bw" / "masks" / "a.tif", white)
    found, classes, _ = labels_of(tmp_path / "bw")
    assert [item.value for item in classes] == [255] and np.array_equal(found["a.tif"][1], white // 255)
    colors = np.zeros((3, 256), np.uint16)
    colors[:, 1], colors[:, 2] = (0x1111, 0x2222, 0x3333), (65535, 0, 0)
    write_mask(tmp_path / "p" / "masks" / "a.tif", stripes() % 3, photometric="palette", colormap=colors)
    found, classes, _ = labels_of(tmp_path / "p")
    assert [(item.value, item.color) for item in classes] == [(1, "#112233"), (2, "#ff0000")]
    assert np.array_equal(found["a.tif"][1], stripes() % 3)
    write_mask(tmp_path / "bits" / "masks" / "a.tif", stripes() > 1, photometric="minisblack")
    found, classes, _ = labels_of(tmp_path / "bits")
    assert [item.value for item in classes] == [1] and np.array_equal(found["a.tif"][1], stripes() > 1)


def test_masks_of_colours_are_read_by_the_list(tmp_path):
    table = np.array([(0, 0, 0), (17, 34, 51), (255, 0, 0), (9, 9, 9)], np.uint8)
    write_mask(tmp_path / "masks" / "a.tif", table[stripes()], photometric="rgb")
    rows = [{"value": 1, "name": "a", "color": "#112233"}, {"value": 2, "name": "b", "color": "#FF0000"}]
    (tmp_path / "classes.json").write_text(json.dumps(rows))
    found, _, (problem,) = labels_of(tmp_path)
    assert np.array_equal(found["a.tif"][1], np.where(stripes() == 3, 0, stripes()))
    assert problem.count == 150 and "colour" in problem.sentence
    (tmp_path / "classes.json").unlink()
    found, classes, problems = labels_of(tmp_path)
    assert [item.name for item in classes] == ["#090909", "#112233", "#ff0000"] and not problems


def test_names_of_gdals_categories(tmp_path):
    write_mask(tmp_path / "a.tif", stripes())
    names = "".join(f"<Category>{name}</Category>" for name in ("background", "road", "", "路面"))
    (tmp_path / "a.tif.aux.xml").write_text(
        f"<PAMDataset><PAMRasterBand band='1'><CategoryNames>{names}</CategoryNames></PAMRasterBand></PAMDataset>",
        encoding="utf-8",
    )
    found, classes, problems = labels_of(tmp_path / "a.tif")
    assert [(item.name, item.value) for item in classes] == [("road", 1), ("路面", 3)]
    assert found["a.tif"][0].image is None and "stands for no class" in problems[0].sentence


def test_a_mask_of_a_part_lies_where_it_belongs(tmp_path):
    """Masks of another extent on the same grid are moved; other grids are told, never laid askew."""
    map_image(tmp_path / "images" / "a.tif", "north up", 40, 30)

    def place(x, y, across=0.5, down=0.25):
        tie = (0.0, 0.0, 0.0, 442000.5 + x * 0.5, 5.412e6 - y * 0.25, 0.0)
        return [(33550, 12, 3, (across, down, 0.0), True), (33922, 12, 6, tie, True), place_tags("north up")[-1]]

    write_mask(tmp_path / "masks" / "a.tif", np.full((10, 10), 7, np.uint8), extra=place(35, -2))
    (one, indices), problems = labels_of(tmp_path)[0]["a.tif"], labels_of(tmp_path)[2]
    meant = np.zeros((30, 40), int)
    meant[0:8, 35:40] = 1
    assert (one.width, one.height) == (40, 30) and np.array_equal(indices, meant) and not problems
    write_mask(tmp_path / "masks" / "a.tif", np.full((10, 10), 7, np.uint8), extra=place(0, 0, 1.0, 0.5))
    found, _, (problem,) = labels_of(tmp_path)
    assert not found and "resample" in problem.sentence
    write_mask(tmp_path / "masks" / "a.tif", np.full((30, 40), 7, np.uint8), extra=place(0.5, 0.5))
    found, _, (problem,) = labels_of(tmp_path)
    assert (found["a.tif"][1] == 1).all() and "pixel for pixel" in problem.sentence


def test_names_folders_and_splits_of_other_programs(tmp_path):
    for split in ("Training", "valid"):
        map_image(tmp_path / "imagery" / split / "scène 1.tiff", None, 30, 20)
        write_mask(tmp_path / "Labels" / split / "scène 1_mask.TIF", stripes())
    with opened(tmp_path, "geotiff") as importer:
        found = list(importer.images())
    assert [(one.name, one.split, one.image.parent.name) for one in found] == [
        ("scène 1.tiff", "train", "Training"),
        ("scène 1.tiff", "val", "valid"),
    ]


def test_images_of_a_project_are_found_by_their_names(tmp_path):
    image = map_image(tmp_path / "elsewhere" / "a.tif", "north up", 30, 20)
    mask = write_mask(tmp_path / "set" / "a.tif", stripes(), extra=place_tags("north up"))
    for images in ({"a.tif": image}, str(image.parent)):
        found, _, problems = labels_of(mask, {"images": images})
        assert found["a.tif"][0].image == image and not problems


def test_damaged_hostile_and_unfit_files_are_told(tmp_path):
    folder = tmp_path / "masks"
    write_mask(folder / "good.tif", stripes())
    write_mask(folder / "bands.tif", np.zeros((5, 20, 30), np.uint8), planarconfig="separate", photometric="minisblack")
    whole = write_mask(folder / "cut.tif", stripes(height=400, width=400), compression="zlib").read_bytes()
    (folder / "cut.tif").write_bytes(whole[:200])
    (folder / "text.tif").write_text("no TIFF")
    (folder / "empty.tif").write_bytes(b"")
    write_mask(folder / "turned.tif", stripes(), extra=[(274, 3, 1, 6, True)])
    (tmp_path / "secret.tif").write_bytes((folder / "good.tif").read_bytes())
    inner = tmp_path / "set"
    folder.rename(inner)
    (inner / "link.tif").symlink_to(tmp_path / "secret.tif")
    found, _, problems = labels_of(inner)
    assert list(found) == ["good.tif"]
    assert {problem.where for problem in problems} == {
        "bands.tif", "cut.tif", "text.tif", "empty.tif", "turned.tif", "link.tif"
    }  # fmt: skip
    assert all(problem.sentence and "Traceback" not in problem.sentence for problem in problems)


def test_a_damaged_tile_is_told_and_the_rest_comes(tmp_path):
    rng = np.random.default_rng(0)
    values = rng.integers(1, 3, (512, 512)).astype(np.uint8)
    path = write_mask(tmp_path / "masks" / "a.tif", values, tile=(256, 256), compression="zlib")
    with tifffile.TiffFile(path) as tiff:
        offset = tiff.pages[0].dataoffsets[3]
    data = bytearray(path.read_bytes())
    data[offset : offset + 40] = b"\xff" * 40
    path.write_bytes(data)
    (tmp_path / "classes.json").write_text('[{"value": 1, "name": "one"}, {"value": 2, "name": "two"}]')
    found, _, problems = labels_of(tmp_path)
    indices = found["a.tif"][1]
    assert (indices[256:, 256:] == IGNORE).all()
    assert np.array_equal(indices[:256], values[:256]) and "damaged" in problems[0].sentence


def test_what_looks_like_it(tmp_path):
    assert detect(write_mask(tmp_path / "one" / "a.tif", stripes()))[0][0] == "geotiff"
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "a.tif").write_text("no TIFF")
    assert not [name for name, _ in detect(tmp_path / "other" / "a.tif") if name == "geotiff"]
