"""Importing into a project: the dry run, what comes, one step back, twice is once, and nothing is ever left half."""

from __future__ import annotations

import base64
import shutil
import sqlite3
import zipfile
from dataclasses import replace

import cv2
import numpy as np
import pytest
from import_double import picture, use_double, write_double, write_picture
from medical_files import AFFINES, write_nifti, write_series
from PIL import Image
from store_help import stroke

from segstudio.core.cancel import CancelToken
from segstudio.core.classes import ClassTable
from segstudio.core.errors import Cancelled, UserError
from segstudio.core.geometry import Rect
from segstudio.io.formats.base import ExportPlan, FoundImage
from segstudio.io.formats.registry import export_project
from segstudio.io.importing.finishing import discard_staged, finish_import, run_import
from segstudio.io.importing.matching import ProjectImages
from segstudio.io.importing.plan import ImportRequest
from segstudio.io.importing.planning import plan_import
from segstudio.io.importing.staging import stage_import
from segstudio.io.store.project import ProjectStore


@pytest.fixture(autouse=True)
def _double(monkeypatch):
    use_double(monkeypatch)


@pytest.fixture
def store(tmp_path):
    with ProjectStore.create(tmp_path / "p", ClassTable.from_names("Cars,tree")) as opened:
        yield opened


def with_images(store, tmp_path, *names, width=60, height=40):
    files = [write_picture(tmp_path / "pictures" / name, seed, width, height) for seed, name in enumerate(names)]
    return store.add_images(files).added


def classes_of(store, image_id):
    """Class name of every pixel, layer by layer."""
    lut = {item.id: item.name for item in store.classes} | {0: ""}
    found = []
    for layer in store.layers(image_id):
        if layer.kind == "labels":
            ids = layer.read_classes(layer.bounds)
            found.append({lut[i]: int(n) for i, n in zip(*np.unique(ids, return_counts=True), strict=True) if i})
    return found


def content(store):
    """Everything that the file holds but when it was written."""
    with sqlite3.connect(store.folder / "project.db") as raw:
        rows = {
            name: raw.execute(f"SELECT * FROM {name}").fetchall()
            for name in ("layers", "segments", "tiles", "edits", "classes", "images")
        }
    raw.close()
    return rows


def kinds(plan):
    return {row.name: row.kind for row in plan.rows}


ONE = [{"name": "a.png", "labels": [["car", 5, 5, 10, 10], ["road", 0, 30, 60, 10, "stuff"]]}]


def test_dry_run_tells_what_would_come_and_changes_nothing(store, tmp_path):
    added = with_images(store, tmp_path, "a.png", "b.png", "c.png")
    source = write_double(
        tmp_path / "d",
        [
            *ONE,
            {"name": "new.png", "seed": 40, "split": "validation", "labels": [["car", 0, 0, 3, 3]]},
            {"name": "gone.png", "labels": [["car", 0, 0, 3, 3]], "reason": "The server lost it."},
            {"name": "b.png", "width": 99, "height": 40, "labels": [["car", 0, 0, 3, 3]]},
            {"name": "c.png", "labels": []},
            {"name": "a.png", "labels": [["car", 0, 0, 1, 1]]},
            {"name": "bad.png", "seed": 41, "damaged": True},
            {"name": "bug.png", "seed": 42, "bug": True},
        ],
    )
    before = content(store)
    plan = plan_import(store, ImportRequest(source))
    assert content(store) == before
    assert plan.format == "double"
    assert plan.guesses == (("double", 90),)
    assert [row.kind for row in plan.rows] == [
        *("comes", "new image", "missing", "conflict", "skipped", "conflict", "skipped", "skipped")
    ]
    assert plan.counts["conflict"] == 2
    assert plan.rows[0].image_id == added[0].id
    assert (plan.rows[0].objects, plan.rows[0].pixels, plan.rows[0].layers) == (1, 700, 1)
    assert plan.rows[1].split == "val"
    assert "server lost it" in plan.rows[2].sentence
    assert "60 × 40 pixels but its labels are 99 × 40" in plan.rows[3].sentence
    assert "twice" in plan.rows[5].sentence
    assert "damaged" in plan.rows[6].sentence
    assert "ZeroDivisionError" in plan.rows[7].sentence
    assert [(item.name, item.target, item.is_new, item.objects) for item in plan.classes] == [
        ("car", "Cars", False, 2),
        ("road", "road", True, 0),
    ]


def test_labels_come_in_one_step_that_undo_takes_back(store, tmp_path):
    image = with_images(store, tmp_path, "a.png")[0]
    source = write_double(tmp_path / "d", [*ONE, {"name": "new.png", "seed": 40, "labels": [["car", 0, 0, 3, 3]]}])
    report = run_import(store, ImportRequest(source))
    assert (report.added, report.layers) == (1, 2)
    new = store.images()[-1]
    assert (new.name, new.status) == ("new.png", "in_progress")
    assert classes_of(store, image.id) == [{"Cars": 100, "road": 600}]
    assert classes_of(store, new.id) == [{"Cars": 9}]
    assert store.classes.names == ["Cars", "tree", "road"]
    segments = store.labels_layer(image.id).segments.values()
    assert {(item.is_object, item.source) for item in segments} == {(True, "import"), (False, "import")}
    stack = store.history(new.id)
    assert [entry.label for entry in stack.entries()] == ["Import d"]
    store.mark_undone(stack.undo(), True)
    assert classes_of(store, image.id) == classes_of(store, new.id) == [{}]
    assert store.classes.names == ["Cars", "tree"]
    store.mark_undone(stack.redo(), False)
    assert classes_of(store, image.id) == [{"Cars": 100, "road": 600}]


def test_the_same_import_twice_changes_nothing(store, tmp_path):
    with_images(store, tmp_path, "a.png")
    source = write_double(tmp_path / "d", [*ONE, {"name": "new.png", "seed": 40, "labels": [["car", 0, 0, 3, 3]]}])
    run_import(store, ImportRequest(source))
    before = content(store)
    report = run_import(store, ImportRequest(source))
    assert (report.seq, report.added, report.layers) == (0, 0, 0)
    assert [row.kind for row in report.plan.rows] == ["unchanged", "unchanged"]
    assert content(store) == before
    moved = shutil.copytree(source, tmp_path / "elsewhere")
    assert run_import(store, ImportRequest(moved)).seq == 0
    assert content(store) == before


def test_what_was_undone_or_deleted_comes_again_and_what_was_corrected_stays(store, tmp_path):
    image = with_images(store, tmp_path, "a.png")[0]
    source = write_double(tmp_path / "d", ONE)
    run_import(store, ImportRequest(source))
    store.mark_undone(store.history(image.id).undo(), True)
    assert run_import(store, ImportRequest(source)).layers == 1
    layer = store.labels_layer(image.id)
    store.commit(stroke(layer, 2, 20, 20, 6))
    corrected = classes_of(store, image.id)
    assert run_import(store, ImportRequest(source)).seq == 0
    assert classes_of(store, image.id) == corrected
    write_double(tmp_path / "d", [{"name": "a.png", "labels": [["car", 1, 1, 4, 4]]}])
    plan = plan_import(store, ImportRequest(source))
    assert plan.rows[0].kind == "comes"
    assert "Other labels were imported" in plan.rows[0].sentence
    run_import(store, ImportRequest(source))
    assert classes_of(store, image.id) == [*corrected, {"Cars": 16}]


def test_labels_of_a_person_are_never_painted_over(store, tmp_path):
    image = with_images(store, tmp_path, "a.png")[0]
    store.commit(stroke(store.labels_layer(image.id), 2, 10, 10, 8))
    by_hand = classes_of(store, image.id)[0]
    run_import(store, ImportRequest(write_double(tmp_path / "d", ONE)))
    assert classes_of(store, image.id) == [by_hand, {"Cars": 100, "road": 600}]
    assert [layer.name for layer in store.layers(image.id)] == ["labels", "imported"]


def test_a_layer_of_its_own_on_request(store, tmp_path):
    image = with_images(store, tmp_path, "a.png")[0]
    source = write_double(tmp_path / "d", ONE)
    run_import(store, ImportRequest(source, into_new_layer=True, layer_name="from a colleague"))
    assert [layer.name for layer in store.layers(image.id)] == ["labels", "from a colleague"]
    assert classes_of(store, image.id) == [{}, {"Cars": 100, "road": 600}]


def test_what_overlaps_comes_in_two_layers(store, tmp_path):
    image = with_images(store, tmp_path, "a.png")[0]
    labels = [["car", 5, 5, 10, 10], ["car", 10, 10, 10, 10]]
    run_import(store, ImportRequest(write_double(tmp_path / "d", [{"name": "a.png", "labels": labels}])))
    assert classes_of(store, image.id) == [{"Cars": 100}, {"Cars": 100}]


def test_mapping_renames_joins_and_leaves_out(store, tmp_path):
    image = with_images(store, tmp_path, "a.png")[0]
    source = write_double(tmp_path / "d", ONE)
    run_import(store, ImportRequest(source, mapping=(("CAR", "Lorry"), ("road", ""))))
    assert classes_of(store, image.id) == [{"Lorry": 100}]
    assert store.classes.names == ["Cars", "tree", "Lorry"]
    run_import(store, ImportRequest(source, mapping=(("car", "tree"), ("road", "tree")), into_new_layer=True))
    assert classes_of(store, image.id)[-1] == {"tree": 700}
    with pytest.raises(UserError, match="no class “sky”.*car, road"):
        plan_import(store, ImportRequest(source, mapping=(("sky", "tree"),)))


def test_classes_keep_colour_and_value_where_they_are_free(store, tmp_path):
    classes = [["sky", "#102030", 0], ["sea", "no colour", 1], ["void", "#000000", 255], ["\x07", "", None]]
    run_import(store, ImportRequest(write_double(tmp_path / "d", [{"name": "n.png", "seed": 3}], classes)))
    got = {item.name: (item.color, item.mask_value) for item in store.classes}
    assert got["sky"] == ("#102030", 0)
    assert got["sea"][1] not in (1, 255)
    assert got["void"][1] not in (255, 1, 2)
    assert "class 4" in got


def test_classes_that_turn_up_late_come_too(store, tmp_path):
    rows = [
        {"name": "1.png", "seed": 1, "labels": [["car", 0, 0, 2, 2]]},
        {"name": "2.png", "seed": 2, "late_classes": ["bus"], "labels": [["bus", 0, 0, 3, 3]]},
    ]
    run_import(store, ImportRequest(write_double(tmp_path / "d", rows)))
    assert classes_of(store, store.images()[1].id) == [{"bus": 9}]


# -- which image it is -----------------------------------------------------------------------------------------------


def test_the_same_name_with_another_picture_is_another_image(store, tmp_path):
    image = with_images(store, tmp_path, "0001.png")[0]
    source = write_double(tmp_path / "d", [{"name": "0001.png", "seed": 77, "labels": [["car", 0, 0, 3, 3]]}])
    report = run_import(store, ImportRequest(source))
    assert report.added == 1
    assert classes_of(store, image.id) == [{}]


def test_a_picture_that_was_saved_anew_is_the_same_image(store, tmp_path):
    image = with_images(store, tmp_path, "0001.png")[0]
    source = write_double(tmp_path / "d", [{"name": "0001.jpg", "labels": [["car", 0, 0, 3, 3]]}])
    assert cv2.imwrite(str(source / "0001.jpg"), picture(0), [cv2.IMWRITE_JPEG_QUALITY, 80])
    report = run_import(store, ImportRequest(source))
    assert report.added == 0
    assert classes_of(store, image.id) == [{"Cars": 9}]


def test_two_images_of_one_name_are_told_apart_by_content(store, tmp_path):
    files = [write_picture(tmp_path / "pictures" / folder / "1.png", seed) for seed, folder in enumerate("ab")]
    first, second = store.add_images(files, copy=True).added
    rows = [
        {"name": "1.png", "file": f"{folder}/1.png", "seed": seed, "labels": [["car", 0, 0, seed + 1, 1]]}
        for seed, folder in ((1, "y"), (0, "x"))
    ]
    run_import(store, ImportRequest(write_double(tmp_path / "d", rows)))
    assert classes_of(store, first.id) == [{"Cars": 1}]
    assert classes_of(store, second.id) == [{"Cars": 2}]
    rows = [{"name": "1.png", "labels": [["car", 0, 0, 5, 5]]}]
    plan = plan_import(store, ImportRequest(write_double(tmp_path / "without", rows)))
    assert plan.rows[0].kind == "conflict"
    assert "2 images of the project have this name" in plan.rows[0].sentence


def test_images_are_not_added_where_that_is_not_wanted(store, tmp_path):
    source = write_double(tmp_path / "d", [{"name": "new.png", "seed": 40, "labels": [["car", 0, 0, 3, 3]]}])
    report = run_import(store, ImportRequest(source, adds_images=False))
    assert kinds(report.plan) == {"new.png": "missing"}
    assert store.images() == []
    assert store.classes.names == ["Cars", "tree"]


def test_an_archive_brings_its_images_along(store, tmp_path):
    source = write_double(tmp_path / "d", [{"name": "new.png", "seed": 40, "labels": [["car", 0, 0, 3, 3]]}])
    archive = tmp_path / "d.zip"
    with zipfile.ZipFile(archive, "w") as packed:
        for file in source.iterdir():
            packed.write(file, f"d/{file.name}")
    run_import(store, ImportRequest(archive))
    record = store.images()[0]
    assert record.path == "images/new.png"
    assert store.image_file(record).is_file()
    assert run_import(store, ImportRequest(archive)).seq == 0


def test_images_inside_the_labels_are_kept_in_the_project(store, tmp_path):
    data = base64.b64encode(cv2.imencode(".png", picture(9))[1].tobytes()).decode()
    rows = [
        {"name": "../../über all.png", "inside": data, "labels": [["car", 0, 0, 3, 3]]},
        {"name": "broken.png", "inside": "xx", "labels": [["car", 0, 0, 3, 3]]},
    ]
    source = write_double(tmp_path / "d", rows)
    report = run_import(store, ImportRequest(source))
    assert [row.kind for row in report.plan.rows][0] == "new image"
    assert report.plan.rows[1].kind in ("missing", "conflict")
    record = store.images()[0]
    assert record.name == "über all.png"
    assert store.image_file(record).parent == store.folder / "images"
    assert classes_of(store, record.id) == [{"Cars": 9}]
    assert run_import(store, ImportRequest(source)).seq == 0
    assert len(store.images()) == 1


@pytest.mark.parametrize("orientation", [5, 6, 7, 8])
def test_labels_of_the_picture_as_it_is_stored_are_turned_with_it(store, tmp_path, orientation):
    shades = np.full((40, 60, 3), 128, np.uint8)
    shades[3:9, 50:58] = 255
    file = tmp_path / "d" / "turned.jpg"
    file.parent.mkdir()
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(shades).save(file, exif=exif, quality=100)
    rows = [{"name": "turned.jpg", "width": 60, "height": 40, "labels": [["car", 50, 3, 8, 6]]}]
    rows[0]["labels"].append(["road", 0, 0, 2, 40, "stuff"])
    run_import(store, ImportRequest(write_double(tmp_path / "d", rows)))
    record = store.images()[0]
    assert (record.width, record.height) == (40, 60)
    from segstudio.io.readers.registry import open_image

    reader = open_image(file)
    shown = reader.read(0, 0, Rect(0, 0, 40, 60))[0] > 200
    reader.close()
    layer = store.labels_layer(record.id)
    car = layer.read_classes(layer.bounds) == store.classes.by_name("Cars").id
    assert np.array_equal(car, shown)


def test_what_lies_outside_the_image_is_told(store, tmp_path):
    with_images(store, tmp_path, "a.png")
    source = write_double(tmp_path / "d", [{"name": "a.png", "labels": [["car", 55, 0, 10, 2]]}])
    plan = plan_import(store, ImportRequest(source))
    assert (plan.rows[0].kind, plan.rows[0].pixels) == ("comes", 10)
    assert "10 of its labelled pixels lie outside" in plan.rows[0].sentence


# -- nothing half ----------------------------------------------------------------------------------------------------


def many(tmp_path, count=90):
    rows = [{"name": f"{n}.png", "seed": n % 3, "labels": [["road", 0, 0, n % 50 + 1, 3]]} for n in range(count)]
    return write_double(tmp_path / "many", rows)


def test_cancelled_half_way_nothing_is_left(store, tmp_path):
    source = many(tmp_path)
    before = content(store)
    cancel = CancelToken()

    def progress(done, total, what):
        if done == 70:
            with sqlite3.connect(store.folder / "project.db") as raw:
                assert raw.execute("SELECT count(*) FROM layers WHERE kind = 'staged'").fetchone()[0] >= 32
            raw.close()
            cancel.set()

    with pytest.raises(Cancelled):
        run_import(store, ImportRequest(source, copies_images=True), progress=progress, cancel=cancel)
    assert content(store) == before
    assert not list((store.folder / "images").iterdir())


def test_a_full_disk_half_way_leaves_nothing(store, tmp_path):
    source = many(tmp_path)
    before = content(store)

    def progress(done, total, what):
        if done == 50:
            limit(store, 1)

    with pytest.raises(UserError, match="disk is full.*nothing was imported"):
        run_import(store, ImportRequest(source), progress=progress)
    limit(store, 1_000_000)
    discard_staged(store)
    assert content(store) == before


def limit(store, pages):
    with store._database.reading() as connection:
        connection.exec_driver_sql(f"PRAGMA max_page_count={pages}")


def test_a_full_disk_at_the_end_leaves_nothing(store, tmp_path, monkeypatch):
    source = many(tmp_path, 3)
    before = content(store)

    def full(*_):
        raise UserError("The disk is full", remedy="free some space")

    with monkeypatch.context() as patch:
        patch.setattr("segstudio.io.store.arrivals.write_arrivals", full)
        with pytest.raises(UserError, match="disk is full.*nothing was imported"):
            run_import(store, ImportRequest(source))
    assert store.pending_count <= 1  # the class table, which is as it was
    store.close()
    assert content(store) == before


def test_staging_from_another_connection_while_the_owner_works(store, tmp_path):
    image = with_images(store, tmp_path, "own.png")[0]
    source = many(tmp_path)

    def progress(done, total, what):
        if done == 40:
            store.commit(stroke(store.labels_layer(image.id), 2, 20, 20, 6))

    with ProjectStore.open(store.folder, read_only=True) as looking:
        staged = stage_import(looking, ImportRequest(source), progress=progress)
    by_hand = classes_of(store, image.id)
    assert by_hand[0]["tree"] > 10
    assert store.labelled_pixels().keys() == {2}
    report = finish_import(store, staged)
    assert (report.added, report.layers) == (90, 90)
    assert classes_of(store, image.id) == by_hand
    assert len(store.images()) == 91


def test_classes_that_were_changed_meanwhile_refuse_it(store, tmp_path):
    staged = stage_import(store, ImportRequest(many(tmp_path, 3)))
    store.set_classes(store.classes.added("bus"))
    with pytest.raises(UserError, match="classes were changed"):
        finish_import(store, staged)


@pytest.mark.parametrize("name", ["a brain.nii.gz", "series"])
def test_an_archive_of_a_volume_finds_the_volume_again(store, tmp_path, monkeypatch, name):
    monkeypatch.undo()
    voxels = np.random.default_rng(0).normal(size=(5, 40, 30)).cumsum(2) * 300
    if name == "series":
        pytest.importorskip("pydicom")
        files = write_series(tmp_path / name, voxels.clip(-3000, 3000).astype(np.int16))[:1]
    else:
        files = [write_nifti(tmp_path / name, voxels.astype(np.int16).transpose(2, 1, 0), AFFINES["oblique"])]
    image = store.add_images(files).added[0]
    store.commit(stroke(store.layers(image.id)[0], 1, 12, 12, 9, 2))
    export_project(store, ExportPlan("npz", tmp_path / "out"))
    plan = plan_import(store, ImportRequest(tmp_path / "out"))
    assert [(row.kind, row.image_id) for row in plan.rows] == [("comes", image.id)]


def test_a_numbered_copy_finds_its_image_by_its_picture(store, tmp_path):
    added = with_images(store, tmp_path, "a b.png")
    added += store.add_images([write_picture(tmp_path / "other" / "a b.png", 7)]).added
    shutil.copy(tmp_path / "other" / "a b.png", tmp_path / "a_b-2.png")
    images = ProjectImages(store.images(), store.folder)
    found = FoundImage("a_b-2.png", tmp_path / "a_b-2.png", 60, 40, lambda token: iter(()))
    assert images.match(found).record.id == added[1].id
    assert images.match(replace(found, image=None)).record is None


@pytest.mark.parametrize(
    ("has_image", "sentence"), [(False, "The folder is empty"), (True, "images but no known format")]
)
def test_a_folder_without_labels_is_said(store, tmp_path, has_image, sentence):
    (tmp_path / "d" / "images").mkdir(parents=True) if has_image else (tmp_path / "d").mkdir()
    if has_image:
        write_picture(tmp_path / "d" / "images" / "a.png", 0)
    with pytest.raises(UserError, match=sentence):
        plan_import(store, ImportRequest(tmp_path / "d"))


def test_an_unknown_source_is_said(store, tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "notes.txt").write_text("x")
    with pytest.raises(UserError, match="No known format"):
        plan_import(store, ImportRequest(tmp_path / "empty"))
    with pytest.raises(UserError, match="no such file"):
        plan_import(store, ImportRequest(tmp_path / "nowhere"))
