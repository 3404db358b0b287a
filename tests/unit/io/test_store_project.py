"""The project store: what is written is there again, and one writer at a time."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from store_help import blank_image, pixels, stroke

from segstudio.core.classes import ClassTable
from segstudio.core.edits import Edit, Transaction, apply_edit
from segstudio.core.errors import UserError
from segstudio.core.geometry import Rect
from segstudio.core.proposals import ProposalWriter, accept
from segstudio.io.store.project import ProjectStore


@pytest.fixture
def store(tmp_path):
    made = ProjectStore.create(tmp_path / "project", ClassTable.from_names("cell, gland, stroma"))
    yield made
    made.discard()


def reopened(store: ProjectStore) -> ProjectStore:
    store.close()
    return ProjectStore.open(store.folder)


def test_importing_the_store_is_cheap():
    code = "import sys, segstudio.io.store.project; sys.exit('sqlalchemy' in sys.modules or 'cv2' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_strokes_classes_and_meta_come_back(store):
    image = blank_image(store)
    layer = store.labels_layer(image)
    for index in range(4):
        edit = store.commit(stroke(layer, 1 + index % 3, 100 + 90 * index, 240))
        assert edit.seq == index + 1
    store.set_meta("view", {"zoom": 2.5})
    before = pixels(layer)
    with reopened(store) as again:
        layer = again.labels_layer(image)
        assert np.array_equal(pixels(layer), before)
        assert again.classes.names == ["cell", "gland", "stroma"]
        assert again.get_meta("view") == {"zoom": 2.5}
        assert again.get_meta("nothing", 7) == 7
        assert again.labelled_pixels() == layer.pixel_counts() == again.labelled_pixels([image])
        assert again.image(image).status == "in_progress"


def test_undo_reaches_back_past_a_restart(store):
    image = blank_image(store)
    layer = store.labels_layer(image)
    states = [pixels(layer)]
    for index in range(6):
        store.commit(stroke(layer, 1, 60 + 80 * index, 200))
        states.append(pixels(layer))
    for round_ in range(6, 0, -1):
        store = reopened(store)
        layer = store.labels_layer(image)
        stack = store.history(image)
        assert stack.position == round_
        edit = stack.undo()
        apply_edit(edit, {layer.id: layer})
        store.mark_undone(edit, True)
        assert np.array_equal(pixels(layer), states[round_ - 1])
    store = reopened(store)
    layer, stack = store.labels_layer(image), store.history(image)
    assert not stack.can_undo and len(stack.entries()) == 6
    assert store.labelled_pixels() == {} and store.image(image).status == "unlabelled"
    while (edit := stack.redo()) is not None:
        apply_edit(edit, {layer.id: layer})
        store.mark_undone(edit, False)
    assert np.array_equal(pixels(layer), states[-1])
    assert store.labelled_pixels() == layer.pixel_counts()
    store.close()


def test_a_new_stroke_ends_redo_on_disk_too(store):
    image = blank_image(store)
    layer = store.labels_layer(image)
    store.commit(stroke(layer, 1, 100, 100))
    store.commit(stroke(layer, 2, 100, 300))
    stack = store.history(image)
    edit = stack.undo()
    apply_edit(edit, {layer.id: layer})
    store.mark_undone(edit, True)
    store.commit(stroke(layer, 3, 300, 300))
    with reopened(store) as again:
        stack = again.history(image)
        assert [entry.seq for entry in stack.entries()] == [1, 3]
        assert not stack.can_redo


def test_history_keeps_within_its_budget_oldest_first(store):
    store.undo_budget_bytes = 6000
    image = blank_image(store)
    layer = store.labels_layer(image)
    stack = store.history(image)
    for index in range(30):
        stack.push(store.commit(stroke(layer, 1 + index % 3, 20 + 19 * index, 250)))
    entries = store.history(image).entries()
    assert 0 < len(entries) < 30
    assert [entry.seq for entry in entries] == list(range(31 - len(entries), 31))
    assert len(stack.entries()) == len(entries)
    assert store._journal._held_bytes <= 6000


def test_a_layer_is_one_object(store):
    image = blank_image(store)
    layer = store.labels_layer(image)
    assert store.layers(image)[0] is layer
    assert store.proposal_layer(image) is None
    proposal = store.proposal_layer(image, create=True)
    assert store.proposal_layer(image, create=True) is proposal
    assert [item.kind for item in store.layers(image)] == ["labels", "proposal"]


def test_proposal_and_acceptance_come_back(store):
    image = blank_image(store)
    labels, proposal = store.labels_layer(image), store.proposal_layer(image, create=True)
    writer = ProposalWriter(proposal, {1: 1, 2: 3}, "nuclei", "1")
    classes = np.zeros((500, 600), np.uint8)
    classes[50:300, 50:400] = 1
    classes[320:480, 100:500] = 2
    confidence = np.random.default_rng(3).integers(0, 256, classes.shape, dtype=np.uint8)
    writer.write_window(Rect(0, 0, 600, 500), classes, confidence)
    edit = writer.finish()
    store.prepare(edit)
    store.commit(edit)
    assert store.image(image).has_proposal and store.labelled_pixels() == {}
    del labels, proposal
    store = reopened(store)
    labels, proposal = store.labels_layer(image), store.proposal_layer(image)
    assert np.array_equal(proposal.read_confidence(proposal.bounds), np.where(classes, confidence, 0))
    store.commit(accept(labels, proposal, min_confidence=0.5))
    wanted = np.where((confidence >= 128) & (classes > 0), np.array([0, 1, 3])[classes], 0)
    assert np.array_equal(pixels(labels), wanted)
    store = reopened(store)
    assert np.array_equal(pixels(store.labels_layer(image)), wanted)
    stack = store.history(image)
    edit = stack.undo()
    both = {layer.id: layer for layer in store.layers(image)}
    apply_edit(edit, both)
    store.mark_undone(edit, True)
    assert store.labelled_pixels() == {}
    restored = np.array([0, 1, 3])[classes]
    assert np.array_equal(pixels(store.proposal_layer(image)), restored)
    store.close()


def test_merge_moves_no_pixel_and_is_undone_from_any_image(store):
    first, second = blank_image(store, "a.png"), blank_image(store, "b.png")
    for image in (first, second):
        layer = store.labels_layer(image)
        store.commit(stroke(layer, 1, 100, 100))
        store.commit(stroke(layer, 2, 300, 300))
    shown = store.labels_layer(first)
    tiles = store._database
    with tiles.transaction() as connection:
        blobs = connection.exec_driver_sql("SELECT data FROM tiles ORDER BY 1").all()
    edit = store.commit(store.merge_classes_edit([2], 1))
    assert store.classes.names == ["cell", "stroma"]
    assert set(np.unique(pixels(shown))) == {0, 1}
    assert store.where_used(2) == {"images": 0, "pixels": 0} and store.where_used(1)["images"] == 2
    with tiles.transaction() as connection:
        assert connection.exec_driver_sql("SELECT data FROM tiles ORDER BY 1").all() == blobs
    # Work goes on in the other image, then the merge is taken back from the first.
    store.commit(stroke(store.labels_layer(second), 3, 200, 400))
    store.set_classes(store.classes.renamed(3, "fibre"))
    del shown
    store = reopened(store)
    edit = store.history(first).undo()
    assert edit.image_id is None
    assert store.undo_obstacle(edit) == ""
    store.mark_undone(edit, True)
    assert store.classes.names == ["cell", "gland", "fibre"]
    assert set(np.unique(pixels(store.labels_layer(first)))) == {0, 1, 2}
    store = reopened(store)
    assert set(np.unique(pixels(store.labels_layer(second)))) == {0, 1, 2, 3}
    labels = [entry.label for entry in store.history(second).entries()]
    assert labels == ["Brush", "Brush", "Brush"], "undone elsewhere, out of order here"
    assert store.history(first).can_redo
    store.close()


def test_deleted_class_reads_as_background_and_comes_back(store):
    image = blank_image(store)
    layer = store.labels_layer(image)
    store.commit(stroke(layer, 2, 200, 200))
    before = pixels(layer)
    used = store.where_used(2)
    assert used == {"images": 1, "pixels": int((before == 2).sum())}
    store.commit(store.delete_class_edit(2))
    assert not pixels(layer).any() and not layer.read(layer.bounds).any()
    assert store.labelled_pixels() == {}
    painted = store.commit(stroke(layer, 1, 210, 210, 10))
    assert painted.seq == 3
    stack = store.history(image)
    for _ in range(2):
        edit = stack.undo()
        apply_edit(edit, {layer.id: layer})
        store.mark_undone(edit, True)
    assert np.array_equal(pixels(layer), before)
    with reopened(store) as again:
        assert np.array_equal(pixels(again.labels_layer(image)), before)
        assert again.classes.by_id(2).name == "gland"


def test_adding_a_class_is_not_undone_under_labels_that_use_it(store):
    image = blank_image(store)
    table = store.classes.added("vessel")
    store.commit(Edit("Add class vessel", None, classes=(store.classes, table)))
    new = table[-1].id
    other = blank_image(store, "b.png")
    store.commit(stroke(store.labels_layer(other), new, 100, 100))
    edit = store.history(image).undo()
    assert "vessel" in store.undo_obstacle(edit)
    with pytest.raises(UserError, match="in use"):
        store.mark_undone(edit, True)
    assert store.classes.by_name("vessel") is not None


def test_removing_an_image_takes_its_history(store):
    image = blank_image(store)
    store.commit(stroke(store.labels_layer(image), 1, 100, 100))
    store.remove_image(image)
    assert store.images() == [] and store.labelled_pixels() == {}
    assert store._journal._held_bytes == 0
    with pytest.raises(KeyError):
        store.labels_layer(image)
    assert blank_image(store, "c.png") != image, "ids are not used again"


def test_status_and_split(store):
    image = blank_image(store)
    store.set_status(image, "done")
    store.set_split([image], "val")
    record = store.image(image)
    assert (record.status, record.split, record.is_missing) == ("done", "val", True)
    with pytest.raises(ValueError):
        store.set_status(image, "finished")


def test_second_opener_reads_only_until_the_first_closes(store):
    image = blank_image(store)
    layer = store.labels_layer(image)
    store.commit(stroke(layer, 1, 100, 100))
    with ProjectStore.open(store.folder) as second:
        assert second.is_read_only
        assert "another window (process" in second.read_only_reason
        other = second.labels_layer(image)
        assert np.array_equal(pixels(other), pixels(layer))
        edit = stroke(other, 2, 300, 300)
        with pytest.raises(UserError, match="read-only"):
            second.commit(edit)
        assert second.pending_count == 0
    store.commit(stroke(layer, 1, 300, 100))
    store.close()
    with ProjectStore.open(store.folder) as third:
        assert not third.is_read_only


def test_lock_dies_with_its_process(tmp_path):
    ProjectStore.create(tmp_path / "p").close()
    code = (
        "import sys; from segstudio.io.store.project import ProjectStore\n"
        "store = ProjectStore.open(sys.argv[1]); print(store.is_read_only, flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path / "p")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout.readline().strip() == "False"
        with ProjectStore.open(tmp_path / "p") as second:
            assert f"process {child.pid}" in second.read_only_reason
        child.kill()
        child.wait()
    with ProjectStore.open(tmp_path / "p") as third:
        assert not third.is_read_only


def test_network_share_gets_no_wal_and_says_so(tmp_path, monkeypatch):
    ProjectStore.create(tmp_path / "p").close()
    monkeypatch.setattr("segstudio.io.store.database.is_network_path", lambda folder: True)
    with ProjectStore.open(tmp_path / "p") as store:
        assert store._database.pragma("journal_mode") == "delete"
        assert "network share" in store.notices[0]
        image = blank_image(store)
        store.commit(stroke(store.labels_layer(image), 1, 100, 100))
    monkeypatch.undo()
    with ProjectStore.open(tmp_path / "p") as store:
        assert store._database.pragma("journal_mode") == "wal" and store.notices == []
        assert store.labels_layer(image).pixel_counts()


def test_projects_can_be_moved(store, tmp_path):
    image = blank_image(store, "images/a.png")
    store.commit(stroke(store.labels_layer(image), 1, 100, 100))
    store.close()
    (tmp_path / "elsewhere").mkdir()
    moved = Path(shutil.move(store.folder, tmp_path / "elsewhere" / "renamed"))
    with ProjectStore.open(moved) as again:
        assert again.image_file(again.image(image)) == moved / "images/a.png"
        assert again.labels_layer(image).pixel_counts()


def test_outside_images_are_found_after_a_move_of_both(tmp_path):
    from segstudio.io.store.image_rows import kept_path, resolve

    file, project = tmp_path / "old" / "data" / "a.png", tmp_path / "old" / "project"
    project.mkdir(parents=True)
    file.parent.mkdir()
    file.write_bytes(b"x")
    kept, hint = kept_path(file, project)
    assert resolve(project, kept, hint) == file
    (tmp_path / "old").rename(tmp_path / "new")
    assert resolve(tmp_path / "new" / "project", kept, hint) == tmp_path / "new" / "data" / "a.png"


@pytest.mark.parametrize("content", [b"", b"not a database, but long enough to look at" * 100])
def test_a_damaged_file_is_one_sentence(tmp_path, content):
    (tmp_path / "project.db").write_bytes(content)
    with pytest.raises(UserError, match=r"project\.db"):
        ProjectStore.open(tmp_path)


def test_no_project_and_two_projects(tmp_path, store):
    with pytest.raises(UserError, match="no segstudio project"):
        ProjectStore.open(tmp_path)
    with pytest.raises(UserError, match="already"):
        ProjectStore.create(store.folder)


def test_volumes_keep_planes_apart(store):
    image = blank_image(store, depth=3)
    layer = store.labels_layer(image)
    store.commit(stroke(layer, 1, 100, 100, z=2))
    assert not pixels(layer, 0).any() and pixels(layer, 2).any()
    transaction = Transaction(layer, "outside")
    assert transaction.write(Rect(0, 0, 5, 5), 1, z=3).is_empty
    with reopened(store) as again:
        assert pixels(again.labels_layer(image), 2).any()
