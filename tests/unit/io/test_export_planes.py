"""Flat formats and volumes: each labelled plane is an image of its own, pixel for pixel, and nothing is dropped unsaid."""

from __future__ import annotations

import json

import numpy as np
import pytest
import tifffile
from image_files import picture, save
from PIL import Image

from segstudio.core.classes import IGNORE, ClassTable
from segstudio.core.edits import Transaction
from segstudio.core.errors import UserError
from segstudio.core.geometry import Rect
from segstudio.core.label_planes import labelled_planes, plane_layer
from segstudio.io.formats.base import ExportPlan
from segstudio.io.formats.registry import export_project
from segstudio.io.formats.work_list import plane_stem
from segstudio.io.readers.kept import KeptReaders
from segstudio.io.readers.registry import open_image, probe
from segstudio.io.store.project import ProjectStore

DEPTH, HEIGHT, WIDTH = 5, 40, 300
LABELLED = (1, 3)


def stack_values(dtype=np.uint16, seed=0, depth=DEPTH):
    return np.random.default_rng(seed).integers(0, 200, (depth, HEIGHT, WIDTH)).astype(dtype)


def label(store, record, planes=LABELLED):
    """On each of *planes* an object, stuff and ignored pixels, at places that depend on the plane."""
    layer = store.labels_layer(record.id)
    transaction = Transaction(layer, "test")
    cell, tissue = (item.id for item in store.classes)
    stuff = transaction.ensure_stuff(tissue)
    for z in planes:
        transaction.paint(np.ones((20, 200), bool), 60 + z, 2 + z, stuff, z=z)
        transaction.paint(np.ones((9, 7), bool), 5 * z, 28, transaction.new_object(cell), z=z)
        transaction.write(Rect(280, z, 9, 3), np.full((3, 9), IGNORE, np.uint16), np.ones((3, 9), bool), z=z)
    store.commit(transaction.commit())


@pytest.fixture
def store(tmp_path):
    """stack.tif (five planes, two labelled), other.tif (planes 0 and 4), flat.png."""
    table = ClassTable().added("cell", mask_value=1).added("tissue", mask_value=2)
    with ProjectStore.create(tmp_path / "project", table) as opened:
        source = tmp_path / "source"
        source.mkdir()
        for seed, name in enumerate(("stack", "other")):
            tifffile.imwrite(
                source / f"{name}.tif", stack_values(seed=seed), photometric="minisblack", metadata={"axes": "ZYX"}
            )
        save(source / "flat.png", picture(HEIGHT, WIDTH, 1))
        report = opened.add_images([source / "stack.tif", source / "other.tif", source / "flat.png"])
        assert [record.depth for record in report.added] == [DEPTH, DEPTH, 1]
        label(opened, report.added[0])
        label(opened, report.added[1], (0, 4))
        label(opened, report.added[2], (0,))
        yield opened


def expected(store, record, z):
    ids = store.labels_layer(record.id).read_classes(Rect(0, 0, record.width, record.height), z)
    values = np.zeros(ids.shape, np.uint8)
    for item in store.classes:
        values[ids == item.id] = item.mask_value
    values[ids == IGNORE] = 255
    return values


def wanted(store):
    """Stem → (record, plane)."""
    stack, other, flat = store.images()
    return {
        "stack_z0001": (stack, 1), "stack_z0003": (stack, 3), "other_z0000": (other, 0), "other_z0004": (other, 4), "flat": (flat, 0),
    }  # fmt: skip


def stems(folder):
    return sorted(file.stem for file in folder.iterdir())


def test_labelled_planes_are_found_and_cut_out(store):
    record = store.images()[0]
    layer = store.labels_layer(record.id)
    assert labelled_planes([layer]) == [1, 3]
    plane = plane_layer(layer, 3)
    assert plane.depth == 1 and labelled_planes([plane]) == [0]
    np.testing.assert_array_equal(plane.read(plane.bounds), layer.read(layer.bounds, 3))
    assert {s.id for s in plane.segments.values()} == set(np.unique(layer.read(layer.bounds, 3))) - {0, IGNORE}
    store.commit(store.delete_class_edit(1))
    store.commit(store.delete_class_edit(2))
    assert labelled_planes([store.labels_layer(record.id)]) == [1, 3]  # the ignored pixels are still said


def test_masks_have_an_image_for_each_labelled_plane(tmp_path, store):
    report = export_project(store, ExportPlan("masks", tmp_path / "out"))
    assert report.images == 5 and not report.skipped
    assert report.notes[0].startswith("2 volumes were written plane by plane, numbered from 0: 4 planes.")
    assert "The 6 planes without labels were not written." in report.notes[0]
    assert stems(tmp_path / "out" / "masks") == stems(tmp_path / "out" / "images") == sorted(wanted(store))
    for stem, (record, z) in wanted(store).items():
        with Image.open(tmp_path / "out" / "masks" / f"{stem}.png") as mask:
            np.testing.assert_array_equal(np.asarray(mask), expected(store, record, z))
        with Image.open(tmp_path / "out" / "images" / f"{stem}.png") as image:
            values = np.asarray(image)
        if record.depth > 1:
            seed = ("stack.tif", "other.tif").index(record.name)
            assert values.dtype == np.uint16
            np.testing.assert_array_equal(values, stack_values(seed=seed)[z])


@pytest.mark.parametrize("fractions", [{"train": 0.5, "val": 0.5}, {}])
def test_all_planes_of_a_volume_are_in_one_split(tmp_path, store, fractions):
    store.set_split(2, "val")
    for seed in range(4):
        out = tmp_path / f"out{seed}"
        report = export_project(store, ExportPlan("masks", out, fractions, seed=seed))
        sides = {split: {stem.split("_z")[0] for stem in stems(out / "masks" / split)} for split in report.splits}
        assert not sides["train"] & sides["val"] and sides["train"] | sides["val"] == {"stack", "other", "flat"}
        assert sum(report.splits.values()) == 5
        if not fractions:
            assert report.splits == {"train": 3, "val": 2}


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
@pytest.mark.parametrize("polygons", [False, True])
def test_coco_planes_are_read_by_pycocotools(tmp_path, store, polygons, capsys):
    COCO = pytest.importorskip("pycocotools.coco").COCO
    export_project(store, ExportPlan("coco", tmp_path / "out", options={"polygons": polygons}))
    coco = COCO(str(tmp_path / "out" / "annotations" / "instances.json"))
    assert len(coco.imgs) == 5
    values = {coco.cats[c]["name"]: i for c, i in zip(sorted(coco.cats), (1, 2))}
    for image_id, image in coco.imgs.items():
        stem = image["file_name"].rsplit(".", 1)[0]
        assert (tmp_path / "out" / "images" / image["file_name"]).is_file()
        record, z = wanted(store)[stem]
        assert image.get("plane") == (z if record.depth > 1 else None)
        found = np.zeros((HEIGHT, WIDTH), np.uint8)
        annotations = coco.loadAnns(coco.getAnnIds(imgIds=image_id))
        assert len(annotations) == 2
        for annotation in annotations:
            found[coco.annToMask(annotation) > 0] = values[coco.cats[annotation["category_id"]]["name"]]
        truth = expected(store, record, z)
        np.testing.assert_array_equal(found, np.where(truth == 255, 0, truth))
    capsys.readouterr()


def test_voc_planes_are_brightened_alike_and_number_their_own_objects(tmp_path, store):
    export_project(store, ExportPlan("voc", tmp_path / "out", {}))
    root = tmp_path / "out" / "VOCdevkit" / "VOC2012"
    assert stems(root / "JPEGImages") == stems(root / "SegmentationClass") == sorted(wanted(store))
    assert (root / "ImageSets" / "Segmentation" / "train.txt").read_text().split() == sorted(wanted(store))
    for stem, (record, z) in wanted(store).items():
        with Image.open(root / "SegmentationClass" / f"{stem}.png") as mask:
            np.testing.assert_array_equal(np.asarray(mask), expected(store, record, z))
        with Image.open(root / "SegmentationObject" / f"{stem}.png") as mask:
            objects = np.asarray(mask)
        assert set(np.unique(objects)) == {0, 1, 255}
        np.testing.assert_array_equal(objects == 1, expected(store, record, z) == 1)


def test_voc_keeps_the_brightness_between_planes(tmp_path):
    values = np.full((3, HEIGHT, WIDTH), 1000, np.uint16)
    values[1], values[2] = 3000, 5000
    values[:, :, ::2] += np.arange(150, dtype=np.uint16)
    tifffile.imwrite(tmp_path / "a.tif", values, photometric="minisblack", metadata={"axes": "ZYX"})
    table = ClassTable().added("cell").added("tissue")
    with ProjectStore.create(tmp_path / "p", table) as store:
        label(store, store.add_images([tmp_path / "a.tif"]).added[0], (0, 1, 2))
        export_project(store, ExportPlan("voc", tmp_path / "out"))
    folder = tmp_path / "out" / "VOCdevkit" / "VOC2012" / "JPEGImages"
    means = [float(np.asarray(Image.open(folder / f"a_z000{z}.jpg")).mean()) for z in range(3)]
    assert means[0] + 60 < means[1] < means[2] - 60


@pytest.mark.parametrize(
    ("dtype", "bands", "suffix"),
    [(np.uint8, 1, ".png"), (np.uint16, 3, ".png"), (np.int16, 1, ".tif"), (np.float32, 1, ".tif"), (np.uint8, 2, ".tif"), (np.float32, 5, ".tif")],
)  # fmt: skip
def test_pictures_of_planes_keep_every_value(tmp_path, dtype, bands, suffix):
    values = np.random.default_rng(3).integers(0, 250, (3, HEIGHT, WIDTH, bands)).astype(dtype)
    values[..., 0] = -values[..., 0] if np.dtype(dtype).kind in "if" else values[..., 0]
    if bands == 3:
        tifffile.imwrite(tmp_path / "a.tif", values, photometric="rgb", metadata={"axes": "ZYXS"})
    else:
        channels = np.moveaxis(values, -1, 1) if bands > 1 else values[..., 0]
        axes = "ZCYX" if bands > 1 else "ZYX"
        tifffile.imwrite(
            tmp_path / "a.tif", channels, photometric="minisblack", metadata={"axes": axes}, imagej=False, ome=bands > 1
        )
    with ProjectStore.create(tmp_path / "p", ClassTable().added("cell").added("tissue")) as store:
        (record,) = store.add_images([tmp_path / "a.tif"]).added
        assert record.depth == 3
        label(store, record, (2,))
        export_project(store, ExportPlan("masks", tmp_path / "out"))
    file = tmp_path / "out" / "images" / f"a_z0002{suffix}"
    info = probe(file)
    assert (info.depth, info.bands, info.dtype, info.is_rgb) == (1, bands, np.dtype(dtype).name, bands == 3)
    reader = open_image(file)
    np.testing.assert_array_equal(reader.read(0, 0, Rect(0, 0, WIDTH, HEIGHT)), np.moveaxis(values[2], -1, 0))
    reader.close()


def test_nifti_volumes_give_planes_too(tmp_path):
    pytest.importorskip("nibabel")
    from medical_files import AFFINES, volume, write_nifti

    for name in ("scan.nii", "packed.nii.gz"):
        write_nifti(tmp_path / name, volume(30, 20, 6).transpose(2, 1, 0), AFFINES["RAS"])
    with ProjectStore.create(tmp_path / "p", ClassTable().added("cell")) as store:
        records = store.add_images([tmp_path / "scan.nii", tmp_path / "packed.nii.gz"]).added
        for record in records:
            assert record.depth == 6
            transaction = Transaction(store.labels_layer(record.id), "test")
            for z in (1, 3):
                transaction.paint(np.ones((4, 5), bool), z, 2, transaction.ensure_stuff(1), z=z)
            store.commit(transaction.commit())
        report = export_project(store, ExportPlan("masks", tmp_path / "out"))
        assert report.images == 4
        assert stems(tmp_path / "out" / "masks") == ["packed_z0001", "packed_z0003", "scan_z0001", "scan_z0003"]
        for record in records:
            reader = open_image(store.image_file(record))
            for z in (1, 3):
                stem = f"{record.name.split('.')[0]}_z{z:04d}"
                with Image.open(tmp_path / "out" / "masks" / f"{stem}.png") as mask:
                    np.testing.assert_array_equal(np.asarray(mask), expected(store, record, z))
                plane = reader.read(0, z, Rect(0, 0, record.width, record.height))[0]
                np.testing.assert_array_equal(tifffile.imread(tmp_path / "out" / "images" / f"{stem}.tif"), plane)
            reader.close()
        nifti = export_project(store, ExportPlan("nifti", tmp_path / "nifti"))
        assert nifti.images == 2 and stems(tmp_path / "nifti" / "labels")[0].startswith("packed")


def test_what_is_left_out_is_said(tmp_path, store):
    """A volume without labels, one whose file is gone, one that has other planes now."""
    source = tmp_path / "source"
    values = stack_values(seed=7)
    for name in ("blank", "gone", "changed"):
        tifffile.imwrite(source / f"{name}.tif", values, photometric="minisblack", metadata={"axes": "ZYX"})
    blank, gone, changed = store.add_images([source / f"{n}.tif" for n in ("blank", "gone", "changed")]).added
    store.set_status(blank.id, "done")
    label(store, gone)
    label(store, changed)
    (source / "gone.tif").unlink()
    tifffile.imwrite(source / "changed.tif", values[:3], photometric="minisblack", metadata={"axes": "ZYX"})
    report = export_project(store, ExportPlan("masks", tmp_path / "out"))
    assert report.images == 5
    assert sorted(name for name, _ in report.skipped) == ["blank.tif", "changed.tif", "gone.tif"]
    sentences = dict(report.skipped)
    assert "No plane of the volume has labels" in sentences["blank.tif"]
    assert "has 3 planes but its labels 5" in sentences["changed.tif"]
    assert "6 planes without labels" in report.notes[0]
    with pytest.raises(UserError, match="No plane of the volume has labels"):
        export_project(store, ExportPlan("coco", tmp_path / "none", image_ids=[blank.id]))


def test_a_wrong_mask_of_a_plane_is_noticed(tmp_path, store, monkeypatch):
    from segstudio.io.formats import masks

    write = masks.write_index_png

    def wrong(path, width, height, strips, palette):
        strips = [strip.copy() for strip in strips]
        if path.stem == "stack_z0003":
            strips[0][0, 0] ^= 1
        write(path, width, height, strips, palette)

    monkeypatch.setattr(masks, "write_index_png", wrong)
    with pytest.raises(UserError, match=r"stack\.tif \(plane 3\) is not what the labels are"):
        export_project(store, ExportPlan("masks", tmp_path / "out"))
    assert not (tmp_path / "out").exists()


def test_planes_without_data_are_ignored(tmp_path):
    values = stack_values(np.uint8) + np.uint8(1)
    values[3, :10, :] = 0
    tifffile.imwrite(
        tmp_path / "a.tif",
        values,
        photometric="minisblack",
        metadata={"axes": "ZYX"},
        extratags=[(42113, "s", 0, "0", True)],
    )
    with ProjectStore.create(tmp_path / "p", ClassTable().added("cell").added("tissue")) as store:
        (record,) = store.add_images([tmp_path / "a.tif"]).added
        label(store, record)
        truth = {z: expected(store, record, z) for z in LABELLED}
        truth[3][:10] = 255
        export_project(store, ExportPlan("masks", tmp_path / "out"))
    for z in LABELLED:
        with Image.open(tmp_path / "out" / "masks" / f"a_z000{z}.png") as mask:
            np.testing.assert_array_equal(np.asarray(mask), truth[z])


def test_names_of_planes_meet_no_other_name():
    taken = {"a_z0001"}
    assert plane_stem("a", 1, 5, taken) == "a_z0001-2"
    assert plane_stem("a.b", 12, 20000, taken) == "a.b_z00012"


def test_an_open_volume_is_kept_and_closed(tmp_path, store):
    readers = KeptReaders()
    stack, _, flat = (store.image_file(record) for record in store.images())
    with readers.opened(stack) as first:
        pass
    with readers.opened(stack) as second:
        assert second is first
    with readers.opened(flat) as picture_reader:
        pass
    with readers.opened(flat) as other:
        assert other is not picture_reader
    readers.close()
    with readers.opened(stack) as third:
        assert third is not first
    readers.close()


def test_geo_formats_still_say_that_they_hold_no_volume(tmp_path, store):
    report = export_project(store, ExportPlan("geojson", tmp_path / "out"))
    assert report.images == 1 and [name for name, _ in report.skipped] == ["stack.tif", "other.tif"]
    assert all("plane by plane as masks, voc or coco" in sentence for _, sentence in report.skipped)
    assert json.loads((tmp_path / "out" / "flat.geojson").read_text())["features"]
