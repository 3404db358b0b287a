"""Exports of images with several label layers: every object in COCO, the upper layer in masks, and a sentence."""

from __future__ import annotations

import json

import numpy as np
import pytest
from image_files import labelled_project
from PIL import Image

from segstudio.core.edits import Transaction
from segstudio.core.rle import decode
from segstudio.io.formats.base import ExportPlan
from segstudio.io.formats.registry import export_project
from segstudio.io.store.layer_stack import StackState, add_labels, label_layers, rename, stack_key
from segstudio.io.store.project import ProjectStore


def paint(store: ProjectStore, layer, x: int, y: int) -> None:  # type: ignore[no-untyped-def]
    transaction = Transaction(layer, "paint")
    transaction.paint(np.ones((40, 40), np.bool_), x, y, transaction.new_object(store.classes[1].id))
    edit = transaction.commit()
    assert edit is not None
    store.commit(edit)


@pytest.fixture
def layered(tmp_path):  # type: ignore[no-untyped-def]
    """One image; a second layer holds an object that lies over the first object of the first layer, and one apart."""
    with labelled_project(tmp_path, images=1, with_ignore=False) as store:
        upper = add_labels(store, 1, "upper")
        paint(store, upper, 10, 165)
        paint(store, upper, 370, 250)
        yield store, upper


def test_coco_has_the_objects_of_all_layers(layered, tmp_path):  # type: ignore[no-untyped-def]
    store, upper = layered
    report = export_project(store, ExportPlan("coco", tmp_path / "out", options={"stuff": False}))
    assert not report.notes
    found = json.loads((tmp_path / "out" / "annotations" / "instances.json").read_text())["annotations"]
    objects = sum(segment.is_object for layer in label_layers(store, 1) for segment in layer.segments.values())
    assert len(found) == objects == 7
    masks = [decode(item["segmentation"]["counts"], *item["segmentation"]["size"]) for item in found]
    assert sum(mask[175, 15] for mask in masks) == 2, "both objects have the pixel that they share"


def test_masks_hold_the_upper_layer_and_say_so(layered, tmp_path):  # type: ignore[no-untyped-def]
    store, upper = layered
    report = export_project(store, ExportPlan("masks", tmp_path / "out"))
    assert report.notes == (
        "In one image label layers overlap: a mask holds one class a pixel, so the upper layer was written there.",
    )
    (file,) = (tmp_path / "out" / "masks").glob("*.png")
    values = np.asarray(Image.open(file))
    assert (values[165:205, 10:50] == store.classes[1].mask_value).all()
    lower = label_layers(store, 1)[0]
    store.set_meta(stack_key(1), StackState((upper.id, lower.id)).as_json())
    export_project(store, ExportPlan("masks", tmp_path / "again"))
    (file,) = (tmp_path / "again" / "masks").glob("*.png")
    values = np.asarray(Image.open(file))
    assert (values[165:175, 10:50] == store.classes[0].mask_value).all(), "the order of the layers counts"


def test_layers_apart_need_no_sentence(tmp_path):  # type: ignore[no-untyped-def]
    with labelled_project(tmp_path, images=1) as store:
        paint(store, add_labels(store, 1, "upper"), 370, 250)
        assert not export_project(store, ExportPlan("masks", tmp_path / "out")).notes


def test_names_order_and_deletions_are_kept(tmp_path):  # type: ignore[no-untyped-def]
    with labelled_project(tmp_path, images=1) as store:
        second = add_labels(store, 1, "second")
        third = add_labels(store, 1, "third")
        rename(store, second, "cells")
        first = label_layers(store, 1)[0]
        store.set_meta(stack_key(1), StackState((third.id, first.id, second.id), frozenset({second.id})).as_json())
        folder = store.folder
    with ProjectStore.open(folder) as store:
        assert [layer.name for layer in label_layers(store, 1)] == ["third", "labels"]
        assert store.labels_layer(1).name == "third"
        paint(store, next(layer for layer in store.layers(1) if layer.name == "cells"), 0, 0)
        assert [layer.name for layer in label_layers(store, 1)] == ["third", "labels", "cells"], "it holds something"


def test_odd_state_is_the_plain_state() -> None:
    for value in (None, 3, [], {"order": "x"}, {"order": ["1"], "removed": 5}):
        assert StackState.of(value) == StackState()
