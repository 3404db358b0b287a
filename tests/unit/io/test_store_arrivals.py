"""Layers that come into their images with one edit: hidden before and when undone, swept when nothing can bring them."""

from __future__ import annotations

import numpy as np
import pytest
from store_help import blank_image, pixels, stroke

from segstudio.core.classes import ClassTable
from segstudio.core.edits import Edit
from segstudio.core.errors import UserError
from segstudio.core.geometry import Rect
from segstudio.core.layers import LabelLayer, LayerArrival, Segment
from segstudio.io.importing.staging import write_layer
from segstudio.io.store.arrivals import ADDED_KEY, hidden_name, note_added
from segstudio.io.store.project import ProjectStore


@pytest.fixture
def store(tmp_path):
    with ProjectStore.create(tmp_path / "p", ClassTable.from_names("cell,nerve")) as opened:
        yield opened


def staged(store, image_id, value=1, class_id=1):
    layer = LabelLayer(0, image_id, "x", "labels", 600, 500)
    layer.put_segment(value, Segment(value, class_id, True, "import"))
    layer.tiles.write(Rect(10, 10, 300, 20), value)
    with store._database.transaction() as connection:
        return write_layer(connection, layer)


def names(store, image_id):
    return [layer.name for layer in store.layers(image_id)]


def arrive(store, *arrivals, classes=None):
    return store.commit(Edit("Import", None, classes=classes, layers=arrivals))


def test_staged_layer_is_seen_by_nobody(store):
    image = blank_image(store)
    staged(store, image)
    assert names(store, image) == ["labels"]
    assert store.labelled_pixels() == {}
    assert store.where_used(1)["pixels"] == 0
    assert store.images()[0].status == "unlabelled"


def test_one_edit_brings_layers_to_many_images_and_undo_takes_them_away(store):
    images = [blank_image(store, f"{n}.png") for n in range(3)]
    ids = [staged(store, image) for image in images]
    edit = arrive(store, *(LayerArrival(i, image, "coco") for i, image in zip(ids, images, strict=True)))
    assert [names(store, image) for image in images] == [["labels", "coco"]] * 3
    assert store.labelled_pixels() == {1: 3 * 6000}
    stack = store.history(images[2])
    store.mark_undone(stack.undo(), True)
    assert [names(store, image) for image in images] == [["labels"]] * 3
    assert store.labelled_pixels() == {}
    store.mark_undone(stack.redo(), False)
    assert names(store, images[0]) == ["labels", "coco"]
    assert int(np.count_nonzero(pixels(store.layers(images[0])[1]))) == 6000
    assert edit.seq


def test_it_takes_the_place_of_an_empty_layer_and_gives_it_back(store):
    image = blank_image(store)
    old = store.labels_layer(image)
    new = staged(store, image)
    arrive(store, LayerArrival(old.id, image, "labels", False), LayerArrival(new, image, "labels"))
    assert [(layer.id, layer.name) for layer in store.layers(image)] == [(new, "labels")]
    store.mark_undone(store.history(image).undo(), True)
    assert [(layer.id, layer.name) for layer in store.layers(image)] == [(old.id, "labels")]


def test_undone_arrival_survives_a_restart_and_is_swept_when_nothing_can_bring_it_back(store, tmp_path):
    image = blank_image(store)
    new = staged(store, image)
    arrive(store, LayerArrival(new, image, "coco"))
    store.mark_undone(store.history(image).undo(), True)
    store.close()
    with ProjectStore.open(tmp_path / "p") as again:
        again.mark_undone(again.history(image).redo(), False)
        assert names(again, image) == ["labels", "coco"]
        again.mark_undone(again.history(image).undo(), True)
        again.commit(stroke(again.labels_layer(image), 1, 50, 50))
    with ProjectStore.open(tmp_path / "p") as again, again._database.reading() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM layers").scalar() == 1
        assert connection.exec_driver_sql("SELECT count(*) FROM tiles WHERE layer_id = ?", (new,)).scalar() == 0


def test_an_import_that_was_killed_leaves_nothing(store, tmp_path):
    image = blank_image(store)
    (tmp_path / "p" / "images").mkdir()
    made = tmp_path / "p" / "images" / "new.png"
    made.write_bytes(b"x")
    outside = tmp_path / "keep.png"
    outside.write_bytes(b"x")
    added = blank_image(store, "images/new.png")
    staged(store, image)
    with store._database.transaction() as connection:
        note_added(connection, [(added, "images/new.png"), (9999, "../keep.png")])
    store.close()
    with ProjectStore.open(tmp_path / "p") as again:
        assert [record.id for record in again.images()] == [image]
        assert again.get_meta(ADDED_KEY) == []
    assert not made.exists()
    assert outside.exists()


def test_a_finished_import_keeps_what_it_added(store, tmp_path):
    image = blank_image(store)
    new = staged(store, image)
    with store._database.transaction() as connection:
        note_added(connection, [(image, "")])
    arrive(store, LayerArrival(new, image, "coco"))
    store.close()
    with ProjectStore.open(tmp_path / "p") as again:
        assert names(again, image) == ["labels", "coco"]


def test_undo_is_refused_where_the_imported_layer_was_changed(store):
    first, second = blank_image(store, "a.png"), blank_image(store, "b.png")
    ids = [staged(store, first), staged(store, second)]
    arrive(store, LayerArrival(ids[0], first, "coco"), LayerArrival(ids[1], second, "coco"))
    store.commit(stroke(store.layers(first)[0], 1, 50, 50))
    edit = store.history(second).undo()
    assert store.undo_obstacle(edit) == ""
    store.commit(stroke(store.layers(first)[1], 1, 50, 50))
    assert "“a.png”" in store.undo_obstacle(edit)
    with pytest.raises(UserError, match="Undo the later changes"):
        store.mark_undone(edit, True)


def test_undo_takes_the_new_class_away_unless_something_else_uses_it(store):
    image = blank_image(store)
    before = store.classes
    after = before.added("axon")
    new = staged(store, image, class_id=after[-1].id)
    arrive(store, LayerArrival(new, image, "coco"), classes=(before, after))
    assert store.classes.names == ["cell", "nerve", "axon"]
    edit = store.history(image).undo()
    assert store.undo_obstacle(edit) == ""
    store.mark_undone(edit, True)
    assert store.classes.names == ["cell", "nerve"]


def test_names_that_are_taken_get_a_number(store):
    image = blank_image(store)
    first, second = staged(store, image), staged(store, image)
    arrive(store, LayerArrival(first, image, "labels"), LayerArrival(second, image, "labels"))
    assert names(store, image) == ["labels", "labels 2", "labels 3"]
    assert not hidden_name(first).isprintable()
