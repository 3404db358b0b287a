"""Evaluating in the window: scores by class and image, the worst first, opened on the canvas; exports; better or worse than before."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QFileDialog

from segstudio.app.presenters.training_evaluation import images_csv, verdict
from segstudio.core.classes import ClassTable
from segstudio.gui.dialogs.evaluate import EvaluateDialog
from segstudio.io.csv_text import cell
from segstudio.jobs import protocol
from segstudio.jobs.specs import EvaluateSpec, PrefetchSpec, ProposeSpec
from segstudio.ml import registry
from segstudio.ml.cards import ModelCard, WeightsSource
from segstudio.ml.train_events import EpochDone, RunFinished, RunStarted, StepDone
from tests.gui.fake_threads import FakeThread, fake_threads
from tests.gui.window_help import make_images, open_project, open_window

LEFT = Qt.MouseButton.LeftButton
SPOTS = ModelCard(
    "spots", "Spots", architecture="unet", classes=("background", "road"), weights=WeightsSource("built-in")
)


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[FakeThread]:
    """Fake threads, and a catalog of two models."""
    entries = [registry.CatalogEntry(SPOTS), registry.CatalogEntry(replace(SPOTS, id="other", name="Other"))]
    monkeypatch.setattr(registry.Catalog, "entries", lambda self, **_: list(entries))
    return fake_threads(monkeypatch)


def scores_of(window, model: str = "spots", iou: float = 0.6) -> dict:
    """What an evaluation of the two images of the project would say."""
    store, records = window.session.store, window.session.images
    rows = [
        {"image": record.name, "mean_iou": value, "mean_dice": value, "pixel_accuracy": value, "boundary_f1": None, "pixels": 3072,
         "file": str(store.image_file(record)), "z": 0}
        for record, value in ((records[1], 0.25), (records[0], 0.75))
    ]  # fmt: skip
    per_class = [
        {
            "name": name,
            "iou": value,
            "dice": 0.7,
            "accuracy": 0.8,
            "precision": 0.9,
            "boundary_f1": None,
            "pixels": 3000,
        }
        for name, value in (("background", 0.9), ("road", iou))
    ]
    bins = [
        {"from": i / 10, "to": (i + 1) / 10, "pixels": 10 * (i > 7), "confidence": 0.9, "accuracy": 0.8}
        for i in range(10)
    ]
    return {
        "mean_iou": (0.9 + iou) / 2, "mean_dice": 0.7, "pixel_accuracy": 0.95, "mean_pixel_accuracy": 0.8, "mean_precision": 0.9,
        "frequency_weighted_iou": 0.9, "boundary_f1": None, "per_class": per_class, "confusion": [[2900, 100], [50, 94]],
        "calibration": {"expected_calibration_error": 0.031, "bins": bins}, "split": "val", "images": 2, "model": model,
        "per_image": rows,
    }  # fmt: skip


def label_all(window) -> None:
    """A square of road on each image."""
    for record in window.session.images:
        window.session.select_image(record.id)
        transaction = window.session.begin("test")
        transaction.paint(np.ones((20, 20), bool), 10, 10, window.session.paint_segment(transaction))
        window.session.commit(transaction)


@contextmanager
def evaluating(qtbot, tmp_path: Path) -> Iterator[tuple]:
    """(window, dialog) with two labelled images, the first one open."""
    with open_window(qtbot) as window:
        open_project(window, tmp_path, qtbot)
        label_all(window)
        window.session.select_image(window.session.images[0].id)
        window.refresh_actions()
        assert window.trigger("model.evaluate")
        dialog = window.findChild(EvaluateDialog)
        qtbot.waitUntil(lambda: dialog.isVisible() and dialog.isActiveWindow(), timeout=5000)
        yield window, dialog
        dialog.close()


def test_scores_are_shown_and_the_worst_image_opened_by_enter(qtbot, tmp_path: Path, made) -> None:
    with evaluating(qtbot, tmp_path) as (window, dialog):
        QTest.keyClick(dialog.model, Qt.Key.Key_Down)
        assert dialog.model.currentData() == "other" and not dialog.tabs.isEnabled()
        QTest.mouseClick(dialog.run_button, LEFT)
        (thread,) = made
        (spec,) = thread.specs
        assert isinstance(spec, EvaluateSpec) and (spec.model, spec.split, spec.split_of) == ("other", "val", "")
        assert spec.project_folder == str(window.session.folder) and window.job_strip.job_ids()
        thread.message_received.emit(protocol.StageChanged(text="Loading the model"))
        thread.message_received.emit(protocol.Progress(0, 1, 2, "Evaluating im0.png"))
        assert dialog.bar.isVisible() and dialog.state.text() == "Evaluating im0.png"
        more = {"mean_auc": 0.98, "objects": {"object_f1": 0.5, "panoptic_quality": 0.25, "per_class": []}}
        thread.finished_job.emit({**scores_of(window, "other"), **more})
        shown = [dialog.values[key].text() for key in ("mean_auc", "object_f1", "panoptic_quality")]
        assert shown == ["0.9800", "0.5000", "0.2500"] and dialog.classes.rowCount() == 2
        assert window.job_strip.job_ids() == [] and not dialog.bar.isVisible()
        assert dialog.values["mean_iou"].text() == "0.7500" and dialog.values["boundary_f1"].text() == "–"
        assert [dialog.classes.item(1, column).text() for column in (0, 1, 4)] == ["road", "0.6000", "0.9000"]
        assert dialog.matrix is not None and "0.0310" in dialog.calibration_text.text()
        assert dialog.calibration.rowCount() == 2 and dialog.calibration.item(0, 0).text() == "80 – 90 %"
        dialog.tabs.setCurrentIndex(1)
        table = dialog.images
        assert [table.item(row, 0).text() for row in (0, 1)] == ["im1.png", "im0.png"]  # the worst first
        table.setFocus()
        QTest.keyClick(table, Qt.Key.Key_Return)
        session = window.session
        assert dialog.isVisible() and session.image_id == session.images[1].id
        models = window.workspace.jobs.models
        qtbot.waitUntil(lambda: models.is_proposing, timeout=5000)
        assert models.current_entry().card.id == "other" and session.overlay.shows_difference
        proposed = made[-1].specs[-1]
        assert isinstance(proposed, ProposeSpec) and [t.image_id for t in proposed.tasks] == [session.images[1].id]
        dialog.close()
        assert not session.overlay.shows_difference


def test_rows_are_sorted_and_opened_by_mouse_without_a_proposal(qtbot, tmp_path: Path, made) -> None:
    with evaluating(qtbot, tmp_path) as (window, dialog):
        dialog.show_scores(scores_of(window))
        dialog.tabs.setCurrentIndex(1)
        QTest.mouseClick(dialog.differs, LEFT, pos=QPoint(8, dialog.differs.height() // 2))
        table = dialog.images
        head = table.horizontalHeader()
        QTest.mouseClick(head.viewport(), LEFT, pos=QPoint(head.sectionViewportPosition(0) + 20, 8))
        assert [table.item(row, 0).text() for row in (0, 1)] == ["im0.png", "im1.png"]
        place = table.visualRect(table.model().index(1, 0)).center()
        QTest.mouseClick(table.viewport(), LEFT, pos=place)
        QTest.mouseDClick(table.viewport(), LEFT, pos=place)
        assert window.session.image_id == window.session.images[1].id and not made
        gone = {**scores_of(window)["per_image"][0], "file": "/nowhere.png"}
        assert not dialog.open_image(gone) and "no longer" in dialog.state.text()


def test_a_plane_of_a_volume_is_opened_at_that_plane(qtbot, tmp_path: Path, made) -> None:
    stack = tmp_path / "stack.tif"
    tifffile.imwrite(stack, np.zeros((5, 40, 60), np.uint8), photometric="minisblack", metadata={"axes": "ZYX"})
    with evaluating(qtbot, tmp_path) as (window, dialog):
        session = window.session
        session.add_images([stack])
        QTest.mouseClick(dialog.differs, LEFT, pos=QPoint(8, dialog.differs.height() // 2))
        row = {**scores_of(window)["per_image"][0], "file": str(session.store.image_file(session.images[2])), "z": 3}
        assert dialog.open_image(row)
        qtbot.waitUntil(lambda: session.image_id == session.images[2].id and session.plane == 3, timeout=5000)


def test_it_is_stopped_and_failures_are_sentences_of_the_window(qtbot, tmp_path: Path, made) -> None:
    with evaluating(qtbot, tmp_path) as (window, dialog):
        QTest.mouseClick(dialog.run_button, LEFT)
        assert dialog.run_button.text() == "Stop" and not dialog.model.isEnabled()
        QTest.mouseClick(dialog.run_button, LEFT)
        assert made[-1].calls == ["cancel"]
        made[-1].cancelled.emit()
        assert dialog.run_button.text() == "Evaluate" and dialog.model.isEnabled() and not dialog.tabs.isEnabled()
        QTest.mouseClick(dialog.run_button, LEFT)
        made[-1].failed.emit("The split val is empty. Choose --split-by.", "")
        assert "“Hold out”" in window.notices.messages[-1].sentence and "Nothing" in dialog.state.text()


def test_voc_files_are_written_by_evaluating_again(qtbot, tmp_path: Path, made, monkeypatch) -> None:
    with evaluating(qtbot, tmp_path) as (window, dialog):
        QTest.mouseClick(dialog.run_button, LEFT)
        made[0].finished_job.emit(scores_of(window))
        monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(tmp_path / "voc"))
        action = next(a for a in dialog.export_button.menu().actions() if "VOC" in a.text())
        action.trigger()
        spec = made[0].specs[-1]
        assert len(made[0].specs) == 2 and spec.voc_results == str(tmp_path / "voc") and spec.model == "spots"
        made[0].finished_job.emit({**scores_of(window), "voc_results": "/there"})
        assert "/there" in dialog.state.text() and dialog.run_button.text() == "Evaluate"


def test_exports_quote_what_a_spreadsheet_would_run(qtbot, tmp_path: Path, made) -> None:
    with evaluating(qtbot, tmp_path) as (window, dialog):
        scores = scores_of(window)
        scores["per_image"][0]["image"] = "=1+1.png"
        dialog.show_scores(scores)
        assert dialog.export_button.isEnabled()
        file = tmp_path / "images.csv"
        dialog.export(file, images_csv(scores))
        rows = list(csv.DictReader(file.read_text(encoding="utf-8").splitlines()))
        assert [row["image"] for row in rows] == ["'=1+1.png", "im0.png"] and rows[0]["mean_iou"] == "0.25"
        assert rows[0]["boundary_f1"] == "" and str(file) in dialog.state.text()
        dialog.export(tmp_path / "nowhere" / "x.csv", "x")
        assert "folder is missing" in dialog.state.text()
        assert [cell(text) for text in ("+a", "-b", "@c", "d=", 3, None)] == ["'+a", "'-b", "'@c", "d=", 3, ""]
        assert json.loads(json.dumps(scores)) == scores


def test_a_real_method_is_evaluated_in_a_process_of_its_own(qtbot, tmp_path: Path) -> None:
    with open_window(qtbot) as window:
        assert window.session.create_project(tmp_path / "project", ClassTable().added("foreground"))
        window.session.add_images(make_images(tmp_path / "pictures"))
        qtbot.waitUntil(lambda: window.session.reader is not None, timeout=10_000)
        label_all(window)
        dialog = window.workspace.jobs.evaluations.ask("classic/otsu")
        assert dialog.model.currentData() == "classic/otsu"
        QTest.mouseClick(dialog.run_button, LEFT)
        qtbot.waitUntil(lambda: not window.workspace.jobs.evaluations.is_running, timeout=90_000)
        assert dialog.scores is not None, [message.text for message in window.notices.messages]
        assert dialog.scores["mean_iou"] == 1.0 and len(dialog.scores["per_image"]) == dialog.scores["images"] == 1
        assert dialog.open_image(dialog.scores["per_image"][0])
        dialog.close()


# -- the end of a run --------------------------------------------------------------------------------------------------


def run_to_its_end(qtbot, window, made: list[FakeThread], monkeypatch: pytest.MonkeyPatch, **choices) -> FakeThread:
    """Start a run from the panel and let it finish; the trainer's thread."""
    panel = window.workspace.docks.reveal("train")
    control = window.workspace.jobs.training
    control.presenter.choose(**choices)
    assert window.trigger("train.start"), [message.text for message in window.notices.messages]
    thread = made[-1]
    plan = thread.specs[0].plan
    say = thread.message_received.emit
    say(protocol.TrainEvent(0, RunStarted(("background", "road"), ("#000000", "#ff0000"), 1, 1, 4, 2, 0, "cpu", 10)))
    say(protocol.TrainEvent(0, StepDone(4, 8, 1, 0.5, 30.0)))
    say(protocol.TrainEvent(0, EpochDone(1, 2, 0.5, 0.6, 0.7, 0.8, 0.9, (0.9, 0.5), 1e-3, 2.0, True)))
    assert not any(isinstance(spec, PrefetchSpec) for one in made for spec in one.specs)
    Path(plan.out).mkdir(parents=True)
    (Path(plan.out) / "best.safetensors").write_bytes(b"x")
    say(protocol.TrainEvent(0, StepDone(7, 8, 2, 0.4, 3.0)))
    trained = replace(SPOTS, id="runs/run-1", weights=WeightsSource("project", path=f"{plan.out}/best.safetensors"))
    entries = [registry.CatalogEntry(SPOTS), registry.CatalogEntry(trained)]
    monkeypatch.setattr(registry.Catalog, "entries", lambda self, **_: list(entries))
    say(protocol.TrainEvent(0, RunFinished(plan.out, "best", "last", 1, 1)))
    thread.finished_job.emit(None)
    qtbot.waitUntil(lambda: any("runs/run-1" in message.sentence for message in window.notices.messages))
    panel.show_progress()
    return thread


def test_the_new_model_is_loaded_before_the_run_ends_and_a_proposal_waits_for_it(
    qtbot, tmp_path: Path, made, monkeypatch
) -> None:
    with open_window(qtbot) as window:
        open_project(window, tmp_path, qtbot)
        label_all(window)
        run_to_its_end(qtbot, window, made, monkeypatch)
        host = made[-1]
        (prefetched,) = host.specs
        assert isinstance(prefetched, PrefetchSpec) and prefetched.model == "runs/run-1"
        # The run ended while its best model so far was being loaded: the last one is loaded after that.
        host.finished_job.emit("runs/run-1")
        assert host.specs == [prefetched, prefetched]
        window.notices.messages[-1].buttons[0].click()  # use it for this image
        models = window.workspace.jobs.models
        assert models.is_proposing and host.specs == [prefetched] * 2 and "cancel" not in host.calls
        host.finished_job.emit("runs/run-1")
        assert isinstance(host.specs[-1], ProposeSpec) and host.specs[-1].model == "runs/run-1"
        host.finished_job.emit(None)
        assert not models.is_proposing
        # A process that has a model loaded needs no second one.
        assert not models.prefetch("spots")


def test_a_proposal_that_waits_can_be_given_up(qtbot, tmp_path: Path, made, monkeypatch) -> None:
    with open_window(qtbot) as window:
        open_project(window, tmp_path, qtbot)
        models = window.workspace.jobs.models
        assert models.prefetch("spots") and models.propose([window.session.image_id])
        models.cancel_propose()
        assert not models.is_proposing and window.job_strip.job_ids() == []
        made[-1].failed.emit("The file is gone.", "")  # of the prefetch: nobody asked for it
        assert len(made[-1].specs) == 1 and not window.notices.messages


@pytest.mark.parametrize(
    ("after", "word", "has_offer"), [(0.8, "Better", False), (0.4, "Worse", True), (0.6, "As good", False)]
)
def test_the_new_model_is_held_against_the_one_it_started_from(
    qtbot, tmp_path: Path, made, monkeypatch, after: float, word: str, has_offer: bool
) -> None:
    with open_window(qtbot) as window:
        open_project(window, tmp_path, qtbot)
        label_all(window)
        run_to_its_end(qtbot, window, made, monkeypatch, start_from="spots")
        judge, panel = window.workspace.jobs.training.judge, window.workspace.docks.panel("train")
        assert judge.is_waiting and panel.verdict.isHidden()
        judge.go()
        first = made[-1].specs[-1]
        assert (first.model, first.split, first.split_of) == ("spots", "val", "runs/run-1")
        made[-1].finished_job.emit(scores_of(window, iou=0.6))
        second = made[-1].specs[-1]
        assert (second.model, second.split_of) == ("runs/run-1", "runs/run-1")
        made[-1].finished_job.emit(scores_of(window, iou=after))
        panel.show_progress()
        assert not judge.is_waiting and panel.verdict.text().startswith(word) and "spots" in panel.verdict.text()
        assert bool(panel.verdict.property("danger")) == has_offer
        offers = [b.text() for message in window.notices.messages for b in message.buttons]
        assert ("Keep the old model" in offers) == has_offer
        if has_offer:
            window.workspace.jobs.models.choose("runs/run-1")
            next(b for m in window.notices.messages for b in m.buttons if b.text() == "Keep the old model").click()
            assert window.workspace.jobs.models.current_entry().card.id == "spots"


def test_what_cannot_be_compared_is_no_failure(qtbot, tmp_path: Path, made, monkeypatch) -> None:
    with open_window(qtbot) as window:
        open_project(window, tmp_path, qtbot)
        label_all(window)
        run_to_its_end(qtbot, window, made, monkeypatch, start_from="spots")
        judge = window.workspace.jobs.training.judge
        judge.go()
        said = len(window.notices.messages)
        made[-1].failed.emit("spots shares no class with the labels.", "")
        assert not judge.is_waiting and len(window.notices.messages) == said
        assert verdict({"mean_iou": None}, {"mean_iou": 0.5}, "a", "b") is None


def test_curves_show_each_class_and_say_its_latest_score(qtbot, tmp_path: Path, made, monkeypatch) -> None:
    with open_window(qtbot) as window:
        open_project(window, tmp_path, qtbot)
        label_all(window)
        run_to_its_end(qtbot, window, made, monkeypatch)
        panel = window.workspace.docks.panel("train")
        curves = panel.curves
        qtbot.waitUntil(lambda: curves.legend.isVisible(), timeout=20_000)
        assert "road" in curves.legend.text() and "0.50" in curves.legend.text()
        assert curves._lines["class road"].getData()[1].tolist() == [0.5]
        assert curves._lines["lr"].getData()[1].tolist() == [1e-3] and curves._lines["val"].getData()[1].tolist() == [
            0.6
        ]
        curves.restyle()
        qtbot.waitUntil(lambda: "class road" in curves._lines, timeout=20_000)
        curves.clear()
        assert curves.legend.isHidden() and "class road" not in curves._lines
