"""Presenters of images, history, objects, overlay, models and training."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import pytest
import tifffile
from conftest import Said, paint

from segstudio.app.presenters.history import HistoryPresenter, when
from segstudio.app.presenters.images import ImagesPresenter, natural_key
from segstudio.app.presenters.models import DROP, ModelsPresenter, suggest
from segstudio.app.presenters.objects import ObjectsPresenter
from segstudio.app.presenters.overlay import OverlayPresenter
from segstudio.app.presenters.training import TrainingPresenter
from segstudio.app.session import Session
from segstudio.core.classes import ClassTable
from segstudio.core.geometry import Rect
from segstudio.io.store.records import ImageRecord
from segstudio.ml.cards import ModelCard
from segstudio.ml.registry import CatalogEntry
from segstudio.ml.train_events import EpochDone, RunStarted, StepDone


def names(presenter: ImagesPresenter) -> list[str]:
    return [presenter.record(row).name for row in range(len(presenter))]  # type: ignore[union-attr]


def test_natural_order() -> None:
    assert sorted(["im10", "im9", "Im1", "2a", "a"], key=natural_key) == ["2a", "a", "Im1", "im9", "im10"]


def test_filter_sort_and_order_of_next(session: Session) -> None:
    presenter = ImagesPresenter(session)
    assert names(presenter) == ["im0.png", "im1.png", "im2.png"] and presenter.current_row == 0
    presenter.set_text_filter("IM 2")
    assert names(presenter) == ["im2.png"] and presenter.total == 3 and presenter.current_row == -1
    assert session.next_image() and session.image_id == 3 and not session.next_image()
    presenter.set_text_filter("")
    presenter.set_sort("name", descending=True)
    assert names(presenter) == ["im2.png", "im1.png", "im0.png"]
    presenter.set_status([0, 1], "done")
    presenter.set_status_filter("done")
    assert names(presenter) == ["im2.png", "im1.png"] and presenter.counts()["done"] == 2
    presenter.set_status_filter("all")
    presenter.set_sort("status")
    assert names(presenter)[0] == "im0.png"
    presenter.remove([0])
    assert presenter.total == 2


def test_the_row_being_worked_on_stays(session: Session) -> None:
    presenter = ImagesPresenter(session)
    presenter.set_status_filter("unlabelled")
    rows: list[int] = []
    presenter.row_changed.connect(rows.append)
    paint(session, Rect(0, 0, 5, 5))
    assert rows == [0] and len(presenter) == 3
    session.set_status([2], "done")  # another one leaves the list
    assert names(presenter) == ["im2.png"]


def test_a_hundred_thousand_images(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    shuffled = list(range(100_000))
    random.Random(0).shuffle(shuffled)
    record = session.images[0]
    records = {i: replace(record, id=i, name=f"scan_{n}.png", status="unlabelled") for i, n in enumerate(shuffled, 1)}
    session._records = records
    presenter = ImagesPresenter(session)
    assert names(presenter)[:3] == ["scan_0.png", "scan_1.png", "scan_2.png"]
    begin = perf_counter()
    presenter.set_text_filter("77")
    presenter.set_status_filter("unlabelled")
    presenter.set_sort("size")
    taken = perf_counter() - begin
    assert len(presenter) == sum("77" in str(n) for n in shuffled)
    assert taken < 2.0  # some 0.1 s on an idle machine
    changed: list[int] = []
    presenter.changed.connect(lambda: changed.append(1))
    session._change_record(presenter.ids([5])[0], has_proposal=True)
    assert not changed  # one row, not the list


def test_history_rows(session: Session) -> None:
    presenter = HistoryPresenter(session)
    paint(session, Rect(0, 0, 5, 5))
    session.class_editor.add("sky")
    session.undo()
    rows = presenter.rows
    assert [(row.label, row.is_undone, row.is_current) for row in rows] == [
        ("", False, False), ("test", False, True), ("Add class sky", True, False),
    ]  # fmt: skip
    assert rows[2].is_project_wide and presenter.redo_label == "Add class sky"
    presenter.go(0)
    assert not presenter.undo_label and presenter.rows[0].is_current
    presenter.go(2)
    assert session.classes.by_name("sky") is not None


def test_times() -> None:
    assert when(0) == "" and len(when(1_700_000_000.0)) == 16
    assert (
        when(1_700_000_000.0, now_s=1_700_000_100.0).count(":") == 1 and len(when(1_700_000_000.0, 1_700_000_100)) == 5
    )


def test_objects_rows_and_rect(session: Session) -> None:
    presenter = ObjectsPresenter(session)
    session.set_object_mode(True)
    paint(session, Rect(10, 20, 30, 40))
    paint(session, Rect(300, 200, 5, 6), 2)
    assert [row.class_name for row in presenter.rows] == ["tree", "road"]
    assert presenter.rect_of(0) == Rect(300, 200, 5, 6) and presenter.rect_of(1) == Rect(10, 20, 30, 40)
    presenter.select(1)
    assert presenter.rows[1].is_active and session.current_class_id == 1
    assert presenter.set_class(1, 2) and presenter.delete(0)
    assert [row.class_name for row in presenter.rows] == ["tree"]


def test_overlay_controls(session: Session) -> None:
    presenter = OverlayPresenter(session)
    changes: list[int] = []
    presenter.changed.connect(lambda: changes.append(1))
    presenter.set_opacity(3)
    presenter.set_mode("outline")
    presenter.set_outline_width(99)
    presenter.set_hidden(True)
    presenter.set_min_confidence(0.3)
    presenter.step_confidence(1)
    style = session.overlay
    assert (style.opacity, style.mode, style.outline_width_px, style.is_hidden) == (1.0, "outline", 8, True)
    assert session.min_confidence == pytest.approx(0.35) and len(changes) == 6
    presenter.step_opacity(-1)
    assert session.settings.number("overlay.opacity") == pytest.approx(0.9)


# -- models ------------------------------------------------------------------------------------------------------------

CARD = ModelCard("demo", "Demo", classes=("background", "roads", "tree", "cow"), architecture="unet")


@pytest.fixture
def models(session: Session) -> ModelsPresenter:
    presenter = ModelsPresenter(session)
    presenter._entries = [CatalogEntry(CARD), CatalogEntry(replace(CARD, id="broken"), False, "its file is damaged")]
    session.settings.set("model.current", "demo")
    return presenter


def test_suggested_classes() -> None:
    table = ClassTable.from_names("Road,tree,nuclei")
    assert suggest(CARD, table) == {1: 1, 2: 2, 3: None}
    one = replace(CARD, classes=("background", "nucleus"))
    assert suggest(one, table) == {1: 3}


def test_mapping_is_remembered_and_classes_are_added_once(session: Session, models: ModelsPresenter) -> None:
    assert [(row.name, row.class_id, row.is_suggested) for row in models.mapping(CARD)] == [
        ("roads", 1, True), ("tree", 2, True), ("cow", None, False),
    ]  # fmt: skip
    models.set_mapping(CARD, {1: DROP, 2: 1, 3: None})
    assert models.class_map(CARD) == {0: 0, 1: 0, 2: 1, 3: 3}
    assert session.classes.by_name("cow") is not None and session.classes.by_name("roads") is None
    assert session.undo() and session.classes.by_name("cow") is None
    assert ModelsPresenter(session).mapping(CARD)[1].class_id == 1
    session.class_editor.delete(1)  # what was chosen is gone: by name again
    assert models.mapping(CARD)[1].class_id == 2


def test_requests(session: Session, models: ModelsPresenter, said: Said) -> None:
    specs = pytest.importorskip("segstudio.jobs.specs", reason="the jobs floor is not there yet")
    session.set_status([2], "done")
    assert models.unlabelled_ids() == [1, 3]
    spec = models.request([1, 3, 99], rects={3: [Rect(0, 0, 9, 9)]})
    assert isinstance(spec, specs.ProposeSpec)
    assert spec.generation == session.proposals.generation and spec.model == "demo"
    assert [task.image_id for task in spec.tasks] == [1, 3] and tuple(spec.tasks[1].rects or ()) == (Rect(0, 0, 9, 9),)
    assert models.request([]) is None
    models.select("broken")
    assert models.request([1]) is None and "damaged" in said[-1]


def test_a_model_that_is_gone_falls_back(session: Session, models: ModelsPresenter) -> None:
    session.settings.set("model.current", "vanished")
    assert models.current is not None and models.current.card.id == "demo"
    models.select("nothing")
    assert models.current.card.id == "demo"


def test_the_real_catalog_reads(session: Session) -> None:
    presenter = ModelsPresenter(session)
    assert presenter.entries and all(entry.card.weights.kind != "untrained" for entry in presenter.entries)


def test_options_of_a_classic_method_are_kept_in_the_project_and_sent(session: Session, said: Said) -> None:
    presenter = ModelsPresenter(session)
    presenter.select("classic/otsu")
    assert presenter.current is not None and presenter.current.card.foreground == ((1, "foreground"),)
    assert [option.key for option in presenter.options_of(presenter.current.card)] == ["classes", "objects", "band"]
    presenter.set_option(presenter.current.card, "classes", 3)
    presenter.set_option(presenter.current.card, "classes", 99)
    assert "classes" in said[-1]
    presenter = ModelsPresenter(session)  # the next window
    assert [name for _, name in presenter.current.card.foreground] == ["level 2", "level 3"]
    spec = presenter.request([1])
    assert spec is not None and dict(spec.options) == {"classes": 3, "objects": "bright", "band": 0}
    assert session.classes.by_name("level 3") is not None
    assert presenter.options_of(CARD) == ()


# -- training ----------------------------------------------------------------------------------------------------------


def test_summary_says_what_is_missing(session: Session, said: Said) -> None:
    presenter = TrainingPresenter(session)
    assert "No pixel" in presenter.summary().problem and presenter.plan() is None and "No pixel" in said[-1]
    paint(session, Rect(0, 0, 10, 10), 1)
    # One image is enough: the trainer holds a part of it out.
    assert presenter.summary().problem == "" and presenter.plan() is not None
    session.select_image(2)
    paint(session, Rect(0, 0, 10, 30), 2)
    session.set_split([2], "val")
    summary = presenter.summary()
    assert summary.problem == "" and (summary.images, summary.val, summary.unassigned) == (2, 1, 1)
    assert [(amount.name, amount.pixels, amount.share) for amount in summary.classes] == [
        ("road", 100, 0.25), ("tree", 300, 0.75),
    ]  # fmt: skip


def test_summary_counts_images_and_planes(session: Session, tmp_path: Path) -> None:
    paint(session, Rect(0, 0, 10, 10), 1)
    stack = tmp_path / "stack.tif"
    tifffile.imwrite(stack, np.zeros((5, 40, 60), np.uint8), photometric="minisblack", metadata={"axes": "ZYX"})
    session.add_images([stack])
    presenter = TrainingPresenter(session)
    assert (presenter.summary().images, presenter.summary().planes) == (1, 0)
    session.select_image(session.images[-1].id)
    for z in (1, 3):
        transaction = session.begin("test")
        assert transaction is not None
        transaction.paint(np.ones((6, 6), bool), 2, 2, session.paint_segment(transaction), z=z)
        session.commit(transaction)
    summary = presenter.summary()
    assert (summary.images, summary.planes, summary.volumes, summary.problem) == (2, 2, 1, "")
    assert session.undo()
    assert presenter.summary().planes == 1


def test_plan_and_choices(session: Session) -> None:
    for image_id in (1, 2):
        session.select_image(image_id)
        paint(session, Rect(0, 0, 10, 10))
    presenter = TrainingPresenter(session)
    presenter.choose(name="My run: 1", epochs=3, encoder="no such")
    assert presenter.choices.encoder == presenter.architectures()["unet"].default_encoder
    plan = presenter.plan()
    assert plan is not None and plan.checked().epochs == 3 and plan.project == str(session.folder)
    assert plan.out.endswith("runs/My-run-1") and plan.model_id == "runs/My-run-1"
    (session.folder / "runs" / "My-run-1").mkdir(parents=True)  # type: ignore[operator]
    assert presenter.run_name() == "My-run-1-2"
    assert TrainingPresenter(session).choices.epochs == 3
    session.set_meta("training", {"epochs": "many", "lr": 1, "nonsense": 4})
    assert TrainingPresenter(session).choices.epochs == 30


def test_progress(session: Session) -> None:
    presenter = TrainingPresenter(session)
    told: list[Any] = []
    presenter.progressed.connect(lambda: told.append(presenter.progress.state))
    presenter.begin()
    presenter.receive(RunStarted(("road",), ("#000000",), 3, 1, 10, 2, 1, "cpu", 1000))
    presenter.receive(StepDone(1, 20, 1, 0.7))
    for epoch, is_best in ((1, True), (2, False)):
        presenter.receive(EpochDone(epoch, 2, 0.5, 0.6, 0.4, 0.5, 0.9, (0.4,), 1e-3, 3.0, is_best))
    presenter.receive("something else")
    presenter.end("failed")
    progress = presenter.progress
    assert told == ["starting", "running", "running", "running", "running", "failed"]
    assert progress.step_losses == [(1, 0.7)] and progress.best is progress.epochs[0]


def test_records_are_what_the_panels_expect() -> None:
    assert {"status", "split", "has_proposal", "is_missing"} <= set(ImageRecord.__dataclass_fields__)
