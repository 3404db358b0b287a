"""The export engine: losses told before, everything read back, killed exports that go on, all cores, the report."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from image_files import labelled_project, picture, save

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from round_trips import items_of, scenes

from segstudio.core.cancel import NEVER
from segstudio.core.classes import IGNORE, ClassTable
from segstudio.core.edits import Transaction
from segstudio.core.errors import UserError
from segstudio.core.geometry import Rect
from segstudio.core.layer_builder import ClassPixels, FoundObject, LayerBuilder
from segstudio.io.atomic import TEMP_PREFIX
from segstudio.io.formats.base import REPORT_NAME, ExportPlan, Loss
from segstudio.io.formats.losses import KINDS, Holds, LossTally, image_losses, losses_before, sentence_of
from segstudio.io.formats.piece_check import PieceCheck
from segstudio.io.formats.registry import EXPORTERS, export_project
from segstudio.io.formats.table import entry_of
from segstudio.io.formats.writing import Work, export_items
from segstudio.io.store.project import ProjectStore

ALL = Holds(overlap=True, objects=True, stuff=True, ignore=True, holes=True, parts=True, unlabelled=True)


@pytest.fixture
def store(tmp_path):
    with labelled_project(tmp_path) as opened:
        yield opened


def files_of(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


# -- losses ----------------------------------------------------------------------------------------------------------


def scene_of(*pieces, width=12, height=10, values=None):
    table = ClassTable().added("a", mask_value=3).added("b", mask_value=0)
    builder = LayerBuilder(width, height, [item.id for item in table])
    if values is not None:
        builder.add(ClassPixels(0, 0, values))
    return table, builder.add_all(pieces).layers


def item_for(layers, width=12, height=10):
    from segstudio.io.formats.base import ExportItem

    return ExportItem(1, "im", "im.png", Path("im.png"), width, height, None, lambda: list(layers))


def test_each_loss_is_counted():
    ring = np.ones((5, 5), bool)
    ring[2, 2] = False
    apart = np.zeros((5, 6), bool)
    apart[0, 0] = apart[4, 4] = True
    values = np.zeros((10, 12), np.uint16)
    values[9, :4] = 1
    values[9, 10:] = IGNORE
    pieces = [FoundObject(0, 0, ring, 0, key=1), FoundObject(6, 0, apart, 1, key=2), FoundObject(0, 0, ring, 1, key=3)]
    _, layers = scene_of(*pieces, values=values)
    assert len(layers) == 2
    holds = replace(
        ALL, overlap=False, objects=False, stuff=False, ignore=False, holes=False, parts=False, unlabelled=False
    )
    found = image_losses(layers, item_for(layers), holds)
    labelled = 24 + 2 + 4 + 2
    assert found == {
        "overlap": 24, "objects": 3, "stuff": 4, "ignore": 2, "holes": 2, "parts": 1, "unlabelled": 120 - labelled,
    }  # fmt: skip
    assert image_losses(layers, item_for(layers), ALL) == {}
    tally = LossTally(holds)
    tally.add_counts(found)
    tally.add_counts({"holes": 1, "stuff": 0})
    assert {loss.kind: (loss.images, loss.count) for loss in tally.losses()}["holes"] == (2, 3)


@pytest.mark.parametrize("kind", KINDS)
def test_losses_are_sentences(kind):
    one, several = sentence_of(kind, 1, 1), sentence_of(kind, 2000, 3)
    assert one.startswith("1 ") and " in 1 image " in one and one.endswith(".")
    assert several.startswith("2,000 ") and " in 3 images " in several


def test_losses_are_told_before_and_are_those_of_the_report(tmp_path, store):
    before = losses_before(store, ExportPlan("masks", tmp_path / "out"))
    assert not (tmp_path / "out").exists()
    assert [(loss.kind, loss.images, loss.count) for loss in before] == [("objects", 3, 15)]
    report = export_project(store, ExportPlan("masks", tmp_path / "out"))
    assert report.losses == before
    assert losses_before(store, ExportPlan("coco", tmp_path / "coco")) == ()


def test_an_image_that_cannot_be_written_is_a_loss(tmp_path, store):
    gone = store.images()[1]
    store.image_file(gone).unlink()
    losses = losses_before(store, ExportPlan("coco", tmp_path / "out"))
    assert [loss.kind for loss in losses] == ["images"] and gone.name in losses[0].sentence


def test_a_class_that_owns_zero_makes_unlabelled_ignored(tmp_path):
    with labelled_project(tmp_path, mask_values=(0, 7), with_ignore=False) as store:
        losses = {loss.kind: loss for loss in losses_before(store, ExportPlan("masks", tmp_path / "out"))}
        layer = store.labels_layer(store.images()[0].id)
        unlabelled = int((layer.read_classes(layer.bounds) == 0).sum())
        report = export_project(store, ExportPlan("masks", tmp_path / "out"))
    assert losses["unlabelled"].images == 3 and losses["unlabelled"].count >= unlabelled > 0
    assert losses["unlabelled"] in report.losses


# -- reading back ----------------------------------------------------------------------------------------------------


def pieces_of(layers, table, item):
    """What a perfect importer would yield: stuff of all layers as pieces, objects one by one."""
    index_of = {item.id: index for index, item in enumerate(table)}
    whole = Rect(0, 0, item.width, item.height)
    for layer in layers:
        ids = layer.read(whole)
        lut = np.zeros(65536, np.uint16)
        lut[IGNORE] = IGNORE
        for segment in layer.segments.values():
            if not segment.is_object and segment.class_id:
                lut[segment.id] = index_of[segment.class_id] + 1
        yield ClassPixels(0, 0, lut[ids])
        for segment in layer.segments.values():
            if segment.is_object and segment.class_id and (ids == segment.id).any():
                yield FoundObject(0, 0, ids == segment.id, index_of[segment.class_id], key=(layer.id, segment.id))


def check_of(item, table, holds=ALL):
    return PieceCheck(item, table, table.names, holds, NEVER)


def verdict(item, table, pieces, holds=ALL):
    check = check_of(item, table, holds)
    for piece in pieces:
        found = check.add(piece)
        if found:
            return found
    return check.finish()


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(scene=scenes(overlap=True), data=st.data())
def test_one_wrong_pixel_is_found(scene, data):
    item = item_for(scene.layers, scene.width, scene.height)
    pieces = list(pieces_of(scene.layers, scene.table, item))
    assert verdict(item, scene.table, pieces) == ""
    which = data.draw(st.integers(0, len(pieces) - 1))
    piece = pieces[which]
    shape = (scene.height, scene.width)
    row, column = data.draw(st.integers(0, shape[0] - 1)), data.draw(st.integers(0, shape[1] - 1))
    if isinstance(piece, ClassPixels):
        values = piece.values.copy()
        values[row, column] = 0 if values[row, column] else 1
        if piece.values[row, column] == 0 and any(
            layer.read_classes(Rect(column, row, 1, 1))[0, 0] == scene.table[0].id for layer in scene.layers
        ):
            return  # the layers do have this class there, on another layer
        changed = ClassPixels(0, 0, values)
    else:
        mask = piece.mask.copy()
        mask[row, column] = not mask[row, column]
        changed = replace(piece, mask=mask)
    assert verdict(item, scene.table, [*pieces[:which], changed, *pieces[which + 1 :]]) != ""


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(scene=scenes(overlap=True, ignore=False), data=st.data())
def test_a_missing_or_doubled_object_or_another_class_is_found(scene, data):
    item = item_for(scene.layers, scene.width, scene.height)
    pieces = list(pieces_of(scene.layers, scene.table, item))
    objects = [index for index, piece in enumerate(pieces) if isinstance(piece, FoundObject)]
    if not objects:
        return
    which = data.draw(st.sampled_from(objects))
    others = [*pieces[:which], *pieces[which + 1 :]]
    piece = pieces[which]
    assert verdict(item, scene.table, others) != ""
    assert verdict(item, scene.table, [*pieces, piece]) != ""
    assert verdict(item, scene.table, [*others, replace(piece, class_index=(piece.class_index + 1) % 4)]) != ""
    assert verdict(item, scene.table, [*others, replace(piece, is_object=False)]) != ""


def test_parts_of_an_object_may_come_apart_but_not_twice():
    solid = np.ones((4, 8), bool)
    table, layers = scene_of(FoundObject(1, 1, solid, 0, key=1))
    item = item_for(layers)
    left, right = FoundObject(1, 1, solid[:, :4], 0, key="x"), FoundObject(5, 1, solid[:, 4:], 0, key="x")
    assert verdict(item, table, [left, right]) == ""
    assert "twice" in verdict(item, table, [left, left])
    assert "16 pixels" in verdict(item, table, [left])
    assert "outside" in verdict(item, table, [replace(left, x=10)])
    assert "outside" in verdict(item, table, [replace(left, z=1)])


def test_holes_that_a_format_lacks_are_filled_and_nothing_else():
    ring = np.ones((5, 5), bool)
    ring[2, 2] = False
    table, layers = scene_of(FoundObject(0, 0, ring, 0, key=1))
    item, holds = item_for(layers), replace(ALL, holes=False, parts=False)
    full, more = np.ones((5, 5), bool), np.ones((5, 6), bool)
    assert verdict(item, table, [FoundObject(0, 0, full, 0)], holds) == ""
    assert verdict(item, table, [FoundObject(0, 0, more, 0)], holds) != ""
    assert verdict(item, table, [FoundObject(0, 0, full[:4], 0)], holds) != ""
    assert verdict(item, table, [], holds) != ""


@pytest.mark.parametrize("format_id", ["masks", "voc", "coco"])
def test_what_is_changed_before_it_is_read_back_is_noticed(tmp_path, store, monkeypatch, format_id):
    from segstudio.io.formats import verification

    real = verification.opened

    def spoiled(folder, *rest):
        for path in sorted(folder.rglob("*.png")):
            if path.parent.name in ("masks", "SegmentationClass"):
                from PIL import Image

                with Image.open(path) as image:
                    values, palette = np.array(image), image.getpalette()
                values[200, 300] = 2 if values[200, 300] != 2 else 1
                changed = Image.fromarray(values)
                changed.putpalette(palette)
                changed.save(path)
                break
        for path in folder.rglob("instances.json"):
            document = json.loads(path.read_text())
            del document["annotations"][3]
            path.write_text(json.dumps(document))
        return real(folder, *rest)

    monkeypatch.setattr(verification, "opened", spoiled)
    with pytest.raises(UserError, match="is not what the labels are"):
        export_project(store, ExportPlan(format_id, tmp_path / "out"))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["project", "source"]


@pytest.mark.parametrize("format_id", EXPORTERS)
@pytest.mark.parametrize("mask_values", [(1, 2), (0, 300)])
def test_every_format_is_read_back_by_its_importer(tmp_path, format_id, mask_values):
    with labelled_project(tmp_path, images=2, mask_values=mask_values) as store:
        report = export_project(store, ExportPlan(format_id, tmp_path / "out", {"train": 0.5, "val": 0.5}))
    assert report.images == 2 and report.checks.reader == "importer"
    assert report.checks.objects == (10 if entry_of(format_id).holds_objects else 0)


def test_an_image_that_does_not_come_back_is_noticed(tmp_path, store, monkeypatch):
    from segstudio.io.formats import verification

    real = verification.opened

    def spoiled(folder, *rest):
        next(iter(sorted((folder / "masks").iterdir()))).unlink()
        return real(folder, *rest)

    monkeypatch.setattr(verification, "opened", spoiled)
    with pytest.raises(UserError, match="not found in the export"):
        export_project(store, ExportPlan("masks", tmp_path / "out"))


def test_the_report_says_what_was_written_and_compared(tmp_path, store):
    report = export_project(store, ExportPlan("voc", tmp_path / "out", {"train": 0.67, "val": 0.33}, seed=3))
    document = json.loads((tmp_path / "out" / REPORT_NAME).read_text())
    assert document["format"] == "voc" and document["images"] == 3 and document["splits"] == {"train": 2, "val": 1}
    assert report.checks.reader == "importer"
    assert document["checks"] == {
        "reader": "importer", "images": 3, "pixels": 3 * 300 * 420, "objects": 15, "ignored": report.checks.ignored,
    }  # fmt: skip
    pixels = {name: 0 for name in store.classes.names}
    ignored = 0
    for record in store.images():
        ids = store.labels_layer(record.id).read_classes(Rect(0, 0, record.width, record.height))
        ignored += int((ids == IGNORE).sum())
        for item in store.classes:
            pixels[item.name] += int((ids == item.id).sum())
    assert {row["name"]: row["pixels"] for row in document["classes"]} == pixels
    assert report.checks.ignored == ignored > 0
    assert document["plan"]["split"] == {"train": 0.67, "val": 0.33} and document["plan"]["seed"] == 3


# -- all cores, killed and gone on with ------------------------------------------------------------------------------


@pytest.mark.parametrize("format_id", ["masks", "voc", "coco"])
def test_the_same_bytes_however_many_threads(tmp_path, format_id):
    with labelled_project(tmp_path, images=9, size=(90, 340)) as store:
        export_project(store, ExportPlan(format_id, tmp_path / "one", {"a": 0.5, "b": 0.5}, workers=1))
        export_project(store, ExportPlan(format_id, tmp_path / "many", {"a": 0.5, "b": 0.5}, workers=5))
    assert files_of(tmp_path / "one") == files_of(tmp_path / "many")


CHILD = """
import sys
from pathlib import Path
from segstudio.io.formats.base import ExportPlan
from segstudio.io.formats.registry import EXPORTERS, export_project
from segstudio.io.store.project import ProjectStore
with ProjectStore.open(Path(sys.argv[1]), read_only=True) as store:
    plan = ExportPlan(sys.argv[3], Path(sys.argv[2]), workers=2)
    export_project(store, plan, lambda done, total, what: print(done, flush=True))
"""


def killed_after(project, out, format_id, after):
    child = subprocess.Popen([sys.executable, "-c", CHILD, str(project), str(out), format_id], stdout=subprocess.PIPE)
    assert child.stdout is not None
    for line in child.stdout:
        if int(float(line)) >= after:
            break
    child.send_signal(signal.SIGKILL)
    child.stdout.close()
    assert child.wait(30) == -signal.SIGKILL
    (left,) = out.parent.glob(f"{TEMP_PREFIX}*-{out.name}")
    return left


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL")
def test_a_killed_export_goes_on(tmp_path):
    labelled_project(tmp_path, images=12).close()
    out = tmp_path / "out"
    left = killed_after(tmp_path / "project", out, "voc", 6)
    masks = left / "VOCdevkit" / "VOC2012" / "SegmentationClass"
    first = masks / "im_0.png"
    os.utime(first, (1_000_000_000, 1_000_000_000))
    with ProjectStore.open(tmp_path / "project", read_only=True) as store:
        report = export_project(store, ExportPlan("voc", out))
        assert 6 <= report.resumed < 12 and report.images == 12
        assert (out / "VOCdevkit/VOC2012/SegmentationClass/im_0.png").stat().st_mtime == 1_000_000_000
        assert not list(tmp_path.glob(f"{TEMP_PREFIX}*"))
        export_project(store, ExportPlan("voc", tmp_path / "fresh"))
    assert files_of(out) == files_of(tmp_path / "fresh")


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL")
def test_what_a_killed_export_left_is_not_believed_blindly(tmp_path):
    labelled_project(tmp_path, images=12).close()
    out = tmp_path / "out"
    left = killed_after(tmp_path / "project", out, "masks", 6)
    # The power went, too: a file that is said to be done is not whole.
    (left / "masks" / "im_1.png").write_bytes(b"")
    with ProjectStore.open(tmp_path / "project") as store:
        report = export_project(store, ExportPlan("masks", out))
        assert report.images == 12 and report.resumed == 0
        # Labels that changed since are written anew.
        out2 = tmp_path / "out2"
        killed_after(tmp_path / "project", out2, "masks", 6)
        record = store.images()[0]
        transaction = Transaction(store.labels_layer(record.id), "test")
        transaction.paint(np.ones((30, 30), bool), 0, 0, transaction.ensure_stuff(store.classes[0].id))
        store.commit(transaction.commit())
        report = export_project(store, ExportPlan("masks", out2))
        assert report.resumed == 0
        assert not list(tmp_path.glob(f"{TEMP_PREFIX}*"))


# -- items from anywhere ---------------------------------------------------------------------------------------------


def test_items_need_no_project(tmp_path):
    table, layers = scene_of(FoundObject(1, 1, np.ones((3, 3), bool), 0, key=1))

    class Scene:
        pass

    scene = Scene()
    scene.layers, scene.width, scene.height = layers, 12, 10
    items = items_of([scene], tmp_path / "images")
    report = export_items(Work(items, table), ExportPlan("coco", tmp_path / "out"))
    assert report.images == 1 and report.checks.objects == 1 and not report.losses
    with pytest.raises(UserError, match="nothing to export"):
        export_items(Work([], table), ExportPlan("coco", tmp_path / "none"))


def test_more_classes_than_a_format_holds_are_refused(tmp_path, monkeypatch):
    from segstudio.io.formats import writing

    monkeypatch.setattr(writing, "entry_of", lambda format_id: replace(entry_of(format_id), most_classes=1))
    table, layers = scene_of()
    with pytest.raises(UserError, match="holds 1 classes and there are 2"):
        export_items(Work([item_for(layers)], table), ExportPlan("masks", tmp_path / "out"))


def test_names_that_a_spreadsheet_would_run_are_changed(tmp_path):
    source = tmp_path / "source"
    source.mkdir()
    for name in ("=cmd.png", "@sum.png", "-1.png", "+x.png", "con.png"):
        save(source / name, picture(8, 9))
    with ProjectStore.create(tmp_path / "p", ClassTable().added("a")) as store:
        store.add_images([source])
        store.set_status([record.id for record in store.images()], "done")
        export_project(store, ExportPlan("voc", tmp_path / "out"))
    names = (tmp_path / "out/VOCdevkit/VOC2012/ImageSets/Segmentation/train.txt").read_text().split()
    assert sorted(names) == ["_+x", "_-1", "_=cmd", "_@sum", "_con"]


def test_a_loss_is_plain_data():
    import pickle

    assert pickle.loads(pickle.dumps(Loss("holes", "x"))) == Loss("holes", "x")
