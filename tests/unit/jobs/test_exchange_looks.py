"""What the import and export windows ask a process: what a dataset is, pictures of it, pictures of what will be written."""

from __future__ import annotations

import pickle
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from segstudio.core.errors import UserError
from segstudio.io.formats.base import ExportPlan, Selection, Tiling
from segstudio.io.formats.registry import export_project
from segstudio.io.importing.plan import ImportRequest
from segstudio.io.store.project import ProjectStore
from segstudio.jobs import exchange_looks
from segstudio.jobs.exchange_looks import DetectSpec, detected, export_look, import_pictures_of, serve
from tests.small_projects import small_project


def project(tmp_path: Path, **others) -> Path:
    return small_project(tmp_path / "project", **others)


def test_an_export_is_detected_and_pictured_packed_or_not(tmp_path: Path) -> None:
    folder = project(tmp_path)
    with ProjectStore.open(folder, read_only=True) as store:
        export_project(store, ExportPlan("coco", tmp_path / "out"))
        archive = Path(shutil.make_archive(str(tmp_path / "packed"), "zip", tmp_path / "out"))
        for source in (tmp_path / "out", archive):
            assert serve(DetectSpec(str(source)), None)[0][0] == "coco"
            found = import_pictures_of(store, ImportRequest(source))
            assert len(pickle.loads(pickle.dumps(found)).pictures) == 2
            picture = found.pictures[0]
            assert found.names[int(picture.classes[30, 30]) - 1] == "spot" and (picture.classes > 0).sum() == 900
            assert picture.rgb[30, 30].min() > picture.rgb[5, 5].max()
    assert detected(tmp_path / "nothing") == ()


@pytest.mark.parametrize("format_id", ["masks", "voc", "coco", "geojson"])
def test_what_will_be_written_is_written_apart_and_shown(tmp_path: Path, format_id: str) -> None:
    with ProjectStore.open(project(tmp_path, images=5), read_only=True) as store:
        plan = ExportPlan(format_id, tmp_path / "out", {"train": 0.5, "val": 0.5})
        look = export_look(store, plan)
        assert (look.images, look.of, len(look.pictures.pictures)) == (5, 5, 3) and not (tmp_path / "out").exists()
        assert [one.name.split(".")[0] for one in look.pictures.pictures] == ["im0", "im1", "im3"]
        for picture in look.pictures.pictures:
            assert (picture.classes > 0).sum() == 900 and not picture.note
            assert picture.rgb[30, 30].min() > picture.rgb[5, 5].max()


def test_tiles_are_shown_as_tiles_and_the_subset_is_counted(tmp_path: Path) -> None:
    with ProjectStore.open(project(tmp_path, images=2, width=128, height=128), read_only=True) as store:
        plan = ExportPlan("masks", tmp_path / "out", tiles=Tiling(64, 0, True))
        look = export_look(store, plan)
        assert all(one.classes.shape == (64, 64) and one.classes.any() for one in look.pictures.pictures)
        ids = [record.id for record in store.images()]
        one = export_look(store, replace(plan, tiles=None, image_ids=ids[:1]))
        assert (one.images, one.of, len(one.pictures.pictures)) == (1, 2, 1)
        with pytest.raises(UserError):
            export_look(store, replace(plan, select=Selection(classes=("other",))))


def test_what_is_too_large_is_not_written_for_a_look(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(exchange_looks, "MOST_VALUES", 100)
    with ProjectStore.open(project(tmp_path), read_only=True) as store:
        look = export_look(store, ExportPlan("masks", tmp_path / "out"))
    assert look.images == 2 and not look.pictures.pictures and "large" in look.note
