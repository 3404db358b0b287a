"""Formats that can say so tell who made each annotation: a hand, or which model's proposal it was."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from PIL import Image

from segstudio.core.classes import ClassTable
from segstudio.core.edits import Transaction
from segstudio.core.geometry import Rect
from segstudio.io.formats.base import ExportPlan
from segstudio.io.formats.registry import export_project
from segstudio.io.store.project import ProjectStore


def project(folder: Path) -> ProjectStore:
    Image.fromarray(np.zeros((100, 120, 3), np.uint8)).save(folder / "a.png")
    store = ProjectStore.create(folder / "project", ClassTable.from_names("cell,ground"))
    store.add_images([folder / "a.png"])
    layer = store.labels_layer(1)
    made = Transaction(layer, "Labels")
    made.write(Rect(0, 0, 10, 10), made.new_object(1))
    made.write(Rect(20, 0, 10, 10), made.new_object(1, "accepted", "unet@3", 0.75))
    made.write(Rect(40, 0, 10, 10), made.ensure_stuff(2))
    made.write(Rect(60, 0, 10, 10), made.ensure_stuff(2, "accepted", "unet@2"))
    made.ensure_stuff(1, "import")
    made.write(Rect(80, 0, 10, 10), made.ensure_stuff(1))
    edit = made.commit()
    assert edit is not None
    store.commit(edit)
    return store


EXPECTED = [
    ("hand", [], True),
    ("accepted", ["unet@3"], False),
    ("mixed", ["unet@2"], False),
    ("hand", [], True),  # the imported stuff has no pixel left
]


def origins(rows: list[dict[str, object]]) -> list[tuple[object, object, object]]:
    return [(row["source"], row["models"], row["is_reviewed"]) for row in rows]


def test_coco_and_geojson_tell_who_made_it(tmp_path: Path) -> None:
    with project(tmp_path) as store:
        export_project(store, ExportPlan("coco", tmp_path / "coco"))
        export_project(store, ExportPlan("geojson", tmp_path / "geo"))
    coco = json.loads((tmp_path / "coco" / "annotations" / "instances.json").read_text())
    assert sorted(map(str, origins(coco["annotations"]))) == sorted(map(str, EXPECTED))
    features = json.loads(next((tmp_path / "geo").rglob("*.geojson")).read_text())["features"]
    # stuff is a feature for each of its areas
    assert set(map(str, origins([f["properties"] for f in features]))) == set(map(str, EXPECTED))
