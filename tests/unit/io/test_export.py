"""Exports: read back by other people's readers, equal to the label layers pixel for pixel; whole or not there."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
import warnings

import numpy as np
import pytest
from image_files import labelled_project, picture, save
from PIL import Image

from segstudio.core.cancel import CancelToken
from segstudio.core.classes import IGNORE, UNLABELLED, ClassTable
from segstudio.core.errors import Cancelled, UserError
from segstudio.core.geometry import Rect
from segstudio.io.atomic import TEMP_PREFIX
from segstudio.io.datasets import parse_data_spec
from segstudio.io.formats.base import ExportPlan
from segstudio.io.formats.registry import EXPORTERS, export_project
from segstudio.io.store.project import ProjectStore


@pytest.fixture
def store(tmp_path):
    with labelled_project(tmp_path) as opened:
        yield opened


def class_ids(store, record):
    return store.labels_layer(record.id).read_classes(Rect(0, 0, record.width, record.height))


def expected_values(store, record):
    deep = any(item.mask_value > 254 for item in store.classes)
    ids = class_ids(store, record)
    ignore = 65535 if deep else 255
    values = np.full(ids.shape, ignore if store.classes.by_mask_value(0) else 0, np.uint16)
    for item in store.classes:
        values[ids == item.id] = item.mask_value
    values[ids == IGNORE] = ignore
    return values


def by_stem(store):
    return {record.name.rsplit(".", 1)[0].replace(" ", "_"): record for record in store.images()}


@pytest.mark.parametrize("mask_values", [(1, 2), (0, 7), (3, 300)])
def test_masks(tmp_path, mask_values):
    with labelled_project(tmp_path, mask_values=mask_values) as store:
        report = export_project(store, ExportPlan("masks", tmp_path / "out"))
        assert report.images == 3 and not report.splits
        for stem, record in by_stem(store).items():
            with Image.open(tmp_path / "out" / "masks" / f"{stem}.png") as mask:
                assert mask.mode == ("I;16" if mask_values[1] > 254 else "P")
                assert np.array_equal(np.asarray(mask), expected_values(store, record))
            image = tmp_path / "out" / "images" / f"{stem}.png"
            assert image.read_bytes() == store.image_file(record).read_bytes()
        classes = json.loads((tmp_path / "out" / "classes.json").read_text())
        assert classes == [{"value": c.mask_value, "name": c.name, "color": c.color} for c in store.classes]


def test_the_palette_has_the_colours_of_the_classes(tmp_path, store):
    export_project(store, ExportPlan("masks", tmp_path / "out"))
    palette = Image.open(tmp_path / "out" / "masks" / "im_0.png").getpalette()
    for item in store.classes:
        assert tuple(palette[3 * item.mask_value : 3 * item.mask_value + 3]) == item.rgb


def test_a_split_export_is_read_as_a_dataset(tmp_path, store):
    fractions = {"train": 0.34, "val": 0.33, "test": 0.33}
    report = export_project(store, ExportPlan("masks", tmp_path / "out", fractions, seed=4))
    assert report.splits == {"train": 1, "val": 1, "test": 1}
    dataset = parse_data_spec(f"folder:{tmp_path / 'out' / 'images'},{tmp_path / 'out' / 'masks'}")
    assert [c.name for c in dataset.classes] == store.classes.names
    assert sorted(s.split for s in dataset.samples) == ["test", "train", "val"]
    for sample in dataset.samples:
        assert np.array_equal(sample.load_mask(), expected_values(store, by_stem(store)[sample.image.stem]))


def test_the_images_own_splits(tmp_path, store):
    first = store.images()[0]
    store.set_split(first.id, "test")
    report = export_project(store, ExportPlan("masks", tmp_path / "out", {}))
    assert report.splits == {"test": 1, "train": 2}


@pytest.mark.parametrize("suffix", [".png", ".jpg"])
def test_voc_is_read_by_torchvision(tmp_path, suffix):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        datasets = pytest.importorskip("torchvision.datasets")
    with labelled_project(tmp_path, suffix=suffix) as store:
        export_project(store, ExportPlan("voc", tmp_path / "out", {"train": 0.67, "val": 0.33}))
        records = by_stem(store)
        seen = 0
        for split in ("train", "val"):
            dataset = datasets.VOCSegmentation(str(tmp_path / "out"), "2012", split)
            for index, (image, mask) in enumerate(dataset):
                record = records[os.path.basename(dataset.images[index])[:-4]]
                assert image.size == (record.width, record.height)
                assert np.array_equal(np.asarray(mask), expected_values(store, record))
                seen += 1
        assert seen == 3
        if suffix == ".jpg":
            root = tmp_path / "out" / "VOCdevkit" / "VOC2012"
            assert (root / "JPEGImages" / "im_0.jpg").read_bytes() == store.image_file(records["im_0"]).read_bytes()
        ours = parse_data_spec(f"voc:{tmp_path / 'out'}")
        assert len(ours.of_split("train")) == 2 and [c.name for c in ours.classes] == store.classes.names


def test_voc_objects_have_numbers_of_their_own(tmp_path, store):
    export_project(store, ExportPlan("voc", tmp_path / "out"))
    for stem, record in by_stem(store).items():
        file = tmp_path / "out" / "VOCdevkit" / "VOC2012" / "SegmentationObject" / f"{stem}.png"
        numbers = np.asarray(Image.open(file))
        layer = store.labels_layer(record.id)
        ids = layer.read(layer.bounds)
        objects = [segment.id for segment in layer.segments.values() if segment.is_object]
        assert set(np.unique(numbers)) == {0, 255, *range(1, len(objects) + 1)}
        for segment_id in objects:
            assert len(np.unique(numbers[ids == segment_id])) == 1


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
@pytest.mark.parametrize("polygons", [False, True])
def test_coco_is_read_by_pycocotools(tmp_path, store, polygons, capsys):
    from pycocotools.coco import COCO

    report = export_project(store, ExportPlan("coco", tmp_path / "out", options={"polygons": polygons}))
    coco = COCO(str(tmp_path / "out" / "annotations" / "instances.json"))
    names = {row["id"]: row["name"] for row in coco.loadCats(coco.getCatIds())}
    assert sorted(names) == [1, 2]
    records = {record.name: record for record in store.images()}
    kinds = set()
    for image in coco.loadImgs(coco.getImgIds()):
        record = records[image["file_name"].replace("_", " ")]
        layer = store.labels_layer(record.id)
        ids = layer.read(layer.bounds)
        rebuilt = np.zeros((record.height, record.width), np.uint16)
        objects = 0
        for annotation in coco.loadAnns(coco.getAnnIds(imgIds=image["id"])):
            mask = coco.annToMask(annotation).astype(bool)
            kinds.add(type(annotation["segmentation"]))
            assert not rebuilt[mask].any()
            assert annotation["area"] == mask.sum() and annotation["iscrowd"] == 0
            ys, xs = np.nonzero(mask)
            x, y, width, height = annotation["bbox"]
            assert (x, y, x + width, y + height) == (xs.min(), ys.min(), xs.max() + 1, ys.max() + 1)
            rebuilt[mask] = store.classes.by_name(names[annotation["category_id"]]).id
            if annotation["is_object"]:
                objects += 1
                assert len(np.unique(ids[mask])) == 1 and (ids == ids[mask][0]).sum() == mask.sum()
        expected = class_ids(store, record)
        assert np.array_equal(rebuilt, np.where(expected == IGNORE, UNLABELLED, expected))
        assert objects == sum(segment.is_object for segment in layer.segments.values())
    assert kinds == ({dict, list} if polygons else {dict})
    assert bool(report.notes) == polygons
    capsys.readouterr()


def test_coco_without_stuff_and_with_splits(tmp_path, store):
    plan = ExportPlan("coco", tmp_path / "out", {"train": 0.67, "val": 0.33, "test": 0.0}, options={"stuff": False})
    export_project(store, plan)
    for split, count in (("train", 2), ("val", 1), ("test", 0)):
        document = json.loads((tmp_path / "out" / "annotations" / f"instances_{split}.json").read_text())
        assert len(document["images"]) == count
        assert all(annotation["is_object"] for annotation in document["annotations"])


def test_our_own_reader_draws_the_coco_file_the_same(tmp_path, store):
    export_project(store, ExportPlan("coco", tmp_path / "out", options={"polygons": True}))
    file = tmp_path / "out" / "annotations" / "instances.json"
    dataset = parse_data_spec(f"coco:{file},{tmp_path / 'out' / 'images'}")
    values = {item.id: dataset_class.value for item, dataset_class in zip(store.classes, dataset.classes[1:])}
    for sample in dataset.samples:
        ids = class_ids(store, by_stem(store)[sample.image.stem])
        expected = np.zeros(ids.shape, np.uint8)
        for class_id, value in values.items():
            expected[ids == class_id] = value
        expected[ids == IGNORE] = 255
        assert np.array_equal(sample.load_mask(), expected)


@pytest.mark.parametrize("format_id", ["masks", "voc", "coco"])
def test_turned_photos_are_written_as_they_are_seen(tmp_path, format_id):
    values = picture(20, 40)
    exif = Image.Exif()
    exif[0x0112] = 6
    file = save(tmp_path / "photo.jpg", values, exif=exif, quality=100, subsampling=0)
    with ProjectStore.create(tmp_path / "p", ClassTable().added("a")) as store:
        (record,) = store.add_images([file]).added
        store.set_status(record.id, "done")
        export_project(store, ExportPlan(format_id, tmp_path / "out"))
    (written,) = [p for p in (tmp_path / "out").rglob("photo.*") if p.parent.name in ("images", "JPEGImages")]
    with Image.open(written) as image:
        assert image.size == (20, 40)
        assert image.getexif().get(0x0112, 1) == 1
        assert np.abs(np.asarray(image).astype(int) - np.rot90(values, -1)).mean() < 12


def test_two_images_of_one_name_keep_apart(tmp_path):
    for place in ("a", "b"):
        (tmp_path / place).mkdir()
        save(tmp_path / place / "same.png", picture(seed=ord(place)))
    save(tmp_path / "a" / "SAME.jpg", picture())
    with ProjectStore.create(tmp_path / "p", ClassTable().added("x")) as store:
        store.add_images([tmp_path / "a", tmp_path / "b"])
        store.set_status([record.id for record in store.images()], "done")
        report = export_project(store, ExportPlan("masks", tmp_path / "out"))
    assert report.images == 3
    assert len({path.stem.casefold() for path in (tmp_path / "out" / "images").iterdir()}) == 3


@pytest.mark.parametrize("format_id", EXPORTERS)
def test_a_folder_with_something_in_it_is_refused(tmp_path, store, format_id):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("precious")
    with pytest.raises(UserError, match="not empty"):
        export_project(store, ExportPlan(format_id, tmp_path / "out"))
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["mine.txt"]


@pytest.mark.parametrize("format_id", EXPORTERS)
def test_cancel_leaves_nothing(tmp_path, store, format_id):
    token = CancelToken()
    with pytest.raises(Cancelled):
        export_project(
            store, ExportPlan(format_id, tmp_path / "out"), lambda done, *_: token.set() if done else None, token
        )
    assert sorted(path.name for path in tmp_path.iterdir()) == ["project", "source"]


def test_a_missing_image_is_left_out_and_said(tmp_path, store):
    gone = store.images()[1]
    store.image_file(gone).unlink()
    report = export_project(store, ExportPlan("masks", tmp_path / "out"))
    assert report.images == 2
    ((name, sentence),) = report.skipped
    assert name == gone.name and gone.name in sentence


def test_an_image_that_was_swapped_is_left_out(tmp_path, store):
    save(store.image_file(store.images()[0]), picture(30, 30))
    report = export_project(store, ExportPlan("voc", tmp_path / "out"))
    assert report.images == 2 and "30 × 30" in report.skipped[0][1]


def test_what_cannot_be_exported_is_one_sentence(tmp_path, store):
    for plan in (
        ExportPlan("nonsense", tmp_path / "out"),
        ExportPlan("masks", tmp_path / "out", options={"polygons": True}),
        ExportPlan("masks", tmp_path / "out", image_ids=(99,)),
    ):
        with pytest.raises(UserError):
            export_project(store, plan)
    with (
        ProjectStore.create(tmp_path / "empty", ClassTable().added("x")) as empty,
        pytest.raises(UserError, match="labels"),
    ):
        export_project(empty, ExportPlan("masks", tmp_path / "out"))
    assert not (tmp_path / "out").exists()


def test_a_wrong_mask_is_noticed(tmp_path, store, monkeypatch):
    from segstudio.io.formats import masks

    real = masks.write_index_png

    def spoiled(path, width, height, strips, palette=None):
        real(path, width, height, (np.where(strip == 1, 2, strip).astype(strip.dtype) for strip in strips), palette)

    monkeypatch.setattr(masks, "write_index_png", spoiled)
    with pytest.raises(UserError, match="is not what the labels are"):
        export_project(store, ExportPlan("masks", tmp_path / "out"))
    assert not (tmp_path / "out").exists()


CHILD = """
import sys
from pathlib import Path
from segstudio.io.formats.base import ExportPlan
from segstudio.io.formats.registry import export_project
from segstudio.io.store.project import ProjectStore
with ProjectStore.open(Path(sys.argv[1]), read_only=True) as store:
    export_project(store, ExportPlan(sys.argv[3], Path(sys.argv[2])), lambda done, total, what: print(done, flush=True))
"""
NAIVE = CHILD.replace(
    "with ProjectStore",
    """
from contextlib import contextmanager
import segstudio.io.formats.unfinished as unfinished
@contextmanager
def naive(path, adopt=None):
    path.mkdir()
    yield path
unfinished.atomic_folder = naive
with ProjectStore""",
    1,
)


def kill_during(script, project, out, format_id, after):
    """Start an export and kill it once *after* steps are reported; whether it was still at work."""
    child = subprocess.Popen([sys.executable, "-c", script, str(project), str(out), format_id], stdout=subprocess.PIPE)
    assert child.stdout is not None
    for line in child.stdout:
        if int(float(line)) >= after:
            break
    child.send_signal(signal.SIGKILL)
    child.stdout.close()
    return child.wait(30) == -signal.SIGKILL


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL")
def test_a_killed_export_leaves_no_half_dataset(tmp_path):
    labelled_project(tmp_path, images=12).close()
    out = tmp_path / "out"
    # The naive way, which writes in place, does leave half of one: else this test would prove nothing.
    assert kill_during(NAIVE, tmp_path / "project", out, "masks", 5)
    assert out.exists() and not (out / "classes.json").exists()
    shutil.rmtree(out)
    for format_id in ("masks", "coco", "npz"):
        assert kill_during(CHILD, tmp_path / "project", out, format_id, 5)
        assert not out.exists()
    # What the killed one left beside is swept by the next export to the same place.
    assert list(tmp_path.glob(f"{TEMP_PREFIX}*-out"))
    with ProjectStore.open(tmp_path / "project", read_only=True) as store:
        assert export_project(store, ExportPlan("masks", out)).images == 12
    assert not list(tmp_path.glob(f"{TEMP_PREFIX}*-out"))


def test_a_large_image_is_written_strip_by_strip(tmp_path):
    from segstudio.io.formats.index_png import read_index_png, write_index_png

    values = np.kron(np.arange(64).reshape(8, 8), np.ones((100, 70))).astype(np.uint8)
    started = time.monotonic()
    strips = (values[y : y + 256] for y in range(0, 800, 256))
    write_index_png(tmp_path / "a.png", 560, 800, strips, np.zeros((256, 3), np.uint8))
    assert np.array_equal(read_index_png(tmp_path / "a.png"), values)
    assert time.monotonic() - started < 30
    with pytest.raises(ValueError):
        write_index_png(tmp_path / "b.png", 560, 900, [values], np.zeros((256, 3), np.uint8))
