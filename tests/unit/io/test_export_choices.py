"""What of a project is exported: images by status, class, date and split; groups that stay together; tiles."""

from __future__ import annotations

import json
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from image_files import labelled_project, picture, save
from PIL import Image

from segstudio.core.classes import ClassTable
from segstudio.core.edits import Transaction
from segstudio.core.errors import UserError
from segstudio.core.geometry import Rect
from segstudio.io.formats.base import REPORT_NAME, ExportPlan, Selection, Tiling
from segstudio.io.formats.cut_tiles import tile_starts, tiles_of_image
from segstudio.io.formats.registry import export_project
from segstudio.io.formats.selection import selected, splits_of
from segstudio.io.store.project import ProjectStore


@pytest.fixture
def store(tmp_path):
    """Six images: 0 … 3 labelled with class a (even) or b (odd), 4 done and blank, 5 untouched."""
    source = tmp_path / "source"
    for index in range(6):
        (source / f"p{index % 3}").mkdir(parents=True, exist_ok=True)
        save(source / f"p{index % 3}" / f"patient{index % 3}_{index}.png", picture(20, 30, seed=index))
    with ProjectStore.create(tmp_path / "project", ClassTable().added("a").added("b")) as opened:
        report = opened.add_images([source])
        for index, record in enumerate(report.added):
            if index < 4:
                paint(opened, record, opened.classes[index % 2].id, 2 + index)
        opened.set_status(report.added[4].id, "done")
        opened.set_split(report.added[0].id, "val")
        yield opened


def paint(store, record, class_id, side, x=0, y=0):
    transaction = Transaction(store.labels_layer(record.id), "test")
    transaction.paint(np.ones((side, side), bool), x, y, transaction.ensure_stuff(class_id))
    store.commit(transaction.commit())


def chosen(store, **fields):
    ids = [record.id for record in store.images()]
    plan = ExportPlan("masks", store.folder / "out", select=Selection(**fields))
    return [ids.index(record.id) for record in selected(store, plan)]


def test_images_are_chosen_by_status_class_and_split(store):
    assert chosen(store) == [0, 1, 2, 3, 4]
    assert chosen(store, statuses=("done",)) == [4]
    assert chosen(store, statuses=("unlabelled",)) == [5]
    assert chosen(store, statuses=("in_progress", "done"), classes=("A",)) == [0, 2]
    assert chosen(store, classes=("a", "b")) == [0, 1, 2, 3]
    assert chosen(store, splits=("val",)) == [0]
    assert chosen(store, splits=("",), classes=("a",)) == [2]
    store.labels_layer(store.images()[0].id)
    for fields, sentence in (
        ({"classes": ("zebra",)}, "no class “zebra”"),
        ({"statuses": ("odd",)}, "no status “odd”"),
        ({"splits": ("fold1",)}, "no split “fold1”"),
        ({"only_classes": True}, "No class was chosen"),
        ({"splits": ("test",)}, "None of 5 images meets"),
    ):
        with pytest.raises(UserError, match=sentence):
            chosen(store, **fields)


def test_images_are_chosen_by_the_day_their_labels_changed(store):
    changed = store.label_facts.changed_times()
    times = [changed[record.id] for record in store.images()[:4]]
    assert times == sorted(times)
    assert chosen(store, since_s=times[2], classes=("a", "b")) == [2, 3]
    assert chosen(store, until_s=times[1], classes=("a", "b")) == [0, 1]
    # An image without labels goes by the day it was added.
    blank = store.images()[4]
    assert 4 in chosen(store, until_s=blank.added_s) and 4 not in chosen(store, since_s=blank.added_s + 1e-3)


def test_only_the_chosen_classes_are_written(tmp_path, store):
    both = store.images()[0]
    paint(store, both, store.classes[1].id, 3, x=10, y=10)
    plan = ExportPlan("masks", tmp_path / "out", select=Selection(classes=("a",), only_classes=True))
    report = export_project(store, plan)
    assert report.images == 2
    assert [row["name"] for row in json.loads((tmp_path / "out" / "classes.json").read_text())] == ["a"]
    values = np.asarray(Image.open(tmp_path / "out" / "masks" / "patient0_0.png"))
    assert set(np.unique(values)) == {0, 1} and values[:2, :2].all() and not values[10:, 10:].any()
    # The project is as it was.
    assert store.labels_layer(both.id).read_classes(Rect(10, 10, 1, 1))[0, 0] == store.classes[1].id


@pytest.mark.parametrize("rule", ["folder", r"^(patient\d)_"])
def test_groups_stay_together(tmp_path, store, rule):
    for seed in range(4):
        plan = ExportPlan("masks", tmp_path / f"out{seed}", {"train": 0.6, "val": 0.4}, seed=seed, split_by=rule)
        export_project(store, plan)
        groups = {
            split: {path.name.split("_")[0] for path in (tmp_path / f"out{seed}" / "masks" / split).iterdir()}
            for split in ("train", "val")
        }
        assert groups["train"] and groups["val"] and not groups["train"] & groups["val"]


def test_a_rule_for_groups_that_finds_nothing_is_refused(tmp_path, store):
    with pytest.raises(UserError, match="finds nothing in the name"):
        export_project(store, ExportPlan("masks", tmp_path / "out", {"train": 1.0}, split_by="^(case)"))
    assert not (tmp_path / "out").exists()


@settings(max_examples=60, deadline=None)
@given(
    sizes=st.lists(st.integers(1, 9), min_size=3, max_size=25),
    shares=st.sampled_from(
        [{"train": 0.7, "val": 0.15, "test": 0.15}, {"train": 0.5, "val": 0.5}, {"all": 1.0, "no": 0}]
    ),
    seed=st.integers(0, 9),
)
def test_splits_of_groups(sizes, shares, seed):
    groups = [f"g{index}" for index, size in enumerate(sizes) for _ in range(size)]
    stems = [f"im{index}" for index in range(len(groups))]
    plan = ExportPlan("masks", None, shares, seed=seed)
    found = splits_of(stems, groups, [None] * len(stems), plan)
    by_group = {}
    for stem, group in zip(stems, groups):
        assert by_group.setdefault(group, found[stem]) == found[stem]
    counts = Counter(found.values())
    for split, share in shares.items():
        assert (counts[split] > 0) == (share > 0)
        assert abs(counts[split] - share * len(stems)) <= max(sizes) * 2
    order = np.random.default_rng(seed).permutation(len(stems)).tolist()
    again = splits_of([stems[i] for i in order], [groups[i] for i in order], [None] * len(stems), plan)
    assert again == found


# -- tiles -----------------------------------------------------------------------------------------------------------


@settings(max_examples=60, deadline=None)
@given(extent=st.integers(1, 400), size=st.integers(16, 120), share=st.floats(0, 0.9))
def test_tiles_cover_a_side_and_overlap_as_much_as_was_asked(extent, size, share):
    overlap = int(size * share)
    starts = tile_starts(extent, size, overlap)
    covered = np.zeros(extent, int)
    for start in starts:
        covered[start : start + size] += 1
        assert start == 0 or start + size <= extent
    assert covered.all() and len(set(starts)) == len(starts)
    for one, other in zip(starts, starts[1:]):
        assert one + size - other >= overlap


@pytest.mark.parametrize("format_id", ["masks", "coco"])
def test_tiles_hold_their_part_of_image_and_labels(tmp_path, format_id):
    with labelled_project(tmp_path, images=2) as store:
        plan = ExportPlan(format_id, tmp_path / "out", {"train": 0.5, "val": 0.5}, tiles=Tiling(128, 28))
        report = export_project(store, plan)
        rects = tiles_of_image(420, 300, Tiling(128, 28))
        assert report.images == 2 * len(rects) and sorted(report.splits.values()) == [len(rects)] * 2
        assert report.checks.images == 2 * len(rects)
        if format_id == "masks":
            for record in store.images():
                stem = record.name.replace(" ", "_")[:-4]
                ids = store.labels_layer(record.id).read_classes(Rect(0, 0, 420, 300))
                with Image.open(store.image_file(record)) as image:
                    pixels = np.asarray(image)
                for rect in rects:
                    name = f"{stem}_x{rect.x:04d}_y{rect.y:04d}.png"
                    (mask,) = (tmp_path / "out" / "masks").rglob(name)
                    (tile,) = (tmp_path / "out" / "images").rglob(name)
                    part = ids[rect.slices]
                    expected = np.where(part == 65535, 255, part)
                    np.testing.assert_array_equal(np.asarray(Image.open(mask)), expected)
                    np.testing.assert_array_equal(np.asarray(Image.open(tile)), pixels[rect.slices])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "project", "source"]
    assert json.loads((tmp_path / "out" / REPORT_NAME).read_text())["plan"]["tiles"]["size_px"] == 128


def test_tiles_without_labels_are_left_out(tmp_path):
    source = tmp_path / "source"
    source.mkdir()
    save(source / "a.png", picture(200, 300))
    save(source / "small.png", picture(20, 30))
    with ProjectStore.create(tmp_path / "project", ClassTable().added("a")) as store:
        large, small = store.add_images([source]).added
        paint(store, large, store.classes[0].id, 5, x=150, y=110)
        store.set_status(small.id, "done")
        report = export_project(store, ExportPlan("masks", tmp_path / "out", tiles=Tiling(100, 0, skips_empty=True)))
        assert report.images == 1
        assert [path.name for path in (tmp_path / "out" / "masks").iterdir()] == ["a_x0100_y0100.png"]
        report = export_project(store, ExportPlan("masks", tmp_path / "all", tiles=Tiling(100)))
        assert report.images == 7 and (tmp_path / "all" / "masks" / "small.png").is_file()


def test_tiles_lie_where_they_lay_on_the_map(tmp_path):
    rasterio = pytest.importorskip("rasterio", reason="reads the place of tiles on the map")
    from rasterio import Affine

    source = tmp_path / "source"
    source.mkdir()
    place = Affine(0.5, 0, 500_000, 0, -0.5, 4_600_000)
    with rasterio.open(
        source / "map.tif", "w", driver="GTiff", width=300, height=200, count=3, dtype="uint8", crs="EPSG:32633",
        transform=place,
    ) as file:  # fmt: skip
        file.write(np.moveaxis(picture(200, 300), -1, 0))
    with ProjectStore.create(tmp_path / "project", ClassTable().added("a")) as store:
        (record,) = store.add_images([source]).added
        paint(store, record, store.classes[0].id, 90, x=60, y=50)
        export_project(store, ExportPlan("geotiff", tmp_path / "out", tiles=Tiling(128)))
    seen = 0
    for mask in sorted((tmp_path / "out" / "masks").iterdir()):
        x, y = (int(part[1:]) for part in mask.stem.split("_")[1:])
        for file in (mask, tmp_path / "out" / "images" / mask.name):
            with rasterio.open(file) as opened:
                assert opened.transform == place @ Affine.translation(x, y)
                assert opened.crs.to_epsg() == 32633
                seen += 1
    assert seen == 2 * 6


@pytest.mark.parametrize(
    ("format_id", "tiling", "sentence"),
    [
        ("masks", Tiling(4), "cannot be cut"),
        ("masks", Tiling(64, 64), "cannot overlap"),
        ("npz", Tiling(64), "keeps images whole"),
    ],
)
def test_tiles_that_cannot_be_are_refused(tmp_path, store, format_id, tiling, sentence):
    with pytest.raises(UserError, match=sentence):
        export_project(store, ExportPlan(format_id, tmp_path / "out", tiles=tiling))
    assert not (tmp_path / "out").exists()
