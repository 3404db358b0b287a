"""Model and train panels and their control: chooser, threshold, proposing, training, exports, failures with next steps."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QObject, Qt, Signal

from segstudio.core.geometry import Rect
from segstudio.gui import threads
from segstudio.gui.panels.model_chooser import ModelChooser, size_text, title_of
from segstudio.jobs import protocol
from segstudio.ml import registry
from segstudio.ml.api import WindowResult
from segstudio.ml.cards import ModelCard, WeightsSource
from segstudio.ml.train_events import (
    EpochDone,
    RunFinished,
    RunStarted,
    StepDone,
    ValidationPicture,
    ValidationPictures,
)
from tests.gui.window_help import open_project, open_window

SPOTS = ModelCard(
    "spots", "Spots", architecture="unet", classes=("background", "spot"), weights=WeightsSource("built-in")
)
FETCHED = replace(
    SPOTS,
    id="far",
    name="Far",
    is_research_only=True,
    weights=WeightsSource("download", url="http://x", size_bytes=42_000_000),
)
BROKEN = replace(SPOTS, id="broken", name="Broken", weights=WeightsSource("file"))


class FakeThread(QObject):
    """Answers as a thread of ``segstudio.gui.threads`` does, but only when told to."""

    message_received = Signal(object)
    finished_job = Signal(object)
    failed = Signal(str, str)
    cancelled = Signal()
    made: list[FakeThread] = []

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.specs: list[object] = []
        self.calls: list[object] = []
        FakeThread.made.append(self)

    def submit(self, spec: object) -> None:
        self.specs.append(spec)

    def cancel(self) -> None:
        self.calls.append("cancel")

    def set_paused(self, is_paused: bool) -> None:
        self.calls.append(is_paused)

    def shut_down(self) -> None:
        self.calls.append("shut_down")


@pytest.fixture
def fakes(monkeypatch: pytest.MonkeyPatch) -> list[FakeThread]:
    """Threads that do nothing by themselves, and a catalog of three models."""
    FakeThread.made = []
    for name in ("ModelThread", "TrainingThread", "TaskThread"):
        monkeypatch.setattr(threads, name, FakeThread)
    entries = [
        registry.CatalogEntry(SPOTS),
        registry.CatalogEntry(FETCHED, False, "not downloaded yet", True),
        registry.CatalogEntry(BROKEN, False, "the file is damaged"),
    ]
    monkeypatch.setattr(registry.Catalog, "entries", lambda self, **_: list(entries))
    return FakeThread.made


def test_chooser_groups_greys_and_marks(qtbot, fakes) -> None:
    chooser = ModelChooser()
    qtbot.addWidget(chooser)
    entries = registry.Catalog().entries()
    chooser.show_entries(entries, "spots")
    assert chooser.currentData() == "spots"
    assert chooser.ids() == ["spots", "far"]  # broken can't be chosen, far offers its download
    assert title_of(entries[1]) == "Far · research use · 42 MB"
    tips = [chooser.itemData(row, 3) for row in range(chooser.count())]
    assert any(tip and "the file is damaged" in tip for tip in tips)
    assert size_text(2_500_000_000) == "2.5 GB"


def test_threshold_slider_and_session_agree(qtbot, tmp_path: Path, fakes) -> None:
    with open_window(qtbot) as window:
        open_project(window, tmp_path, qtbot)
        panel = window.workspace.docks.reveal("model")
        panel.threshold.setValue(40)
        assert window.session.min_confidence == pytest.approx(0.4)
        assert window.trigger("model.confidence_up")
        assert panel.threshold.value() == 45
        assert not fakes  # no inference


def test_proposal_streams_in_and_is_accepted(qtbot, tmp_path: Path, fakes) -> None:
    with open_window(qtbot) as window:
        open_project(window, tmp_path, qtbot)
        session, models = window.session, window.workspace.jobs.models
        assert window.trigger("model.propose_image") and models.is_proposing
        assert [entry.name for entry in session.classes] == ["road", "tree", "spot"]
        (thread,) = fakes
        (spec,) = thread.specs
        assert [task.image_id for task in spec.tasks] == [session.image_id]
        result = WindowResult(Rect(0, 0, 64, 48), np.ones((48, 64), np.uint8), np.full((48, 64), 200, np.uint8))
        thread.message_received.emit(protocol.StageChanged(text="Loading Spots"))
        assert "Loading Spots" in window.job_strip.text_of(window.job_strip.job_ids()[0])
        thread.message_received.emit(protocol.WindowReady(0, session.image_id, spec.generation, result))
        thread.message_received.emit(protocol.WindowReady(0, session.image_id, spec.generation - 1, result))
        thread.message_received.emit(protocol.Progress(0, 1, 2))
        thread.message_received.emit(protocol.ImageDone(0, session.image_id, spec.generation))
        thread.finished_job.emit(None)
        assert not models.is_proposing and window.job_strip.job_ids() == []
        assert session.proposals.has_proposal
        assert window.trigger("model.accept_all")
        spot = session.classes.by_name("spot")
        assert session.labels.pixel_counts() == {spot.id: 64 * 48}
        assert window.trigger("edit.undo")
        assert session.labels.pixel_counts() in ({}, {0: 64 * 48})


def test_classic_method_is_chosen_set_run_in_the_real_host_and_accepted(qtbot, tmp_path: Path) -> None:
    with open_window(qtbot) as window:
        open_project(window, tmp_path, qtbot)
        session, models = window.session, window.workspace.jobs.models
        panel = window.workspace.docks.reveal("model")
        rows = [panel.chooser.itemText(row) for row in range(panel.chooser.count())]
        row = panel.chooser.findData("classic/otsu")
        assert row > rows.index("No network needed") > 0
        assert set(panel.options.fields) == {"views", "scales"}  # of a network, which is the first in the list
        panel.chooser.setCurrentIndex(row)
        panel.chooser.activated.emit(row)
        assert models.current_entry().card.id == "classic/otsu" and panel.options.isVisible()
        panel.options.fields["classes"].setValue(3)
        assert "level 3" in panel.facts and models.current_entry().card.options["classes"] == 3
        panel.options.fields["classes"].setValue(2)
        panel.propose.click()
        assert models.is_proposing
        qtbot.waitUntil(lambda: not models.is_proposing, timeout=60_000)
        assert session.proposals.has_proposal, [message.text for message in window.notices.messages]
        assert window.trigger("model.accept_all")
        foreground = session.classes.by_name("foreground")
        assert session.labels.pixel_counts() == {foreground.id: 20 * 20}  # the bright square
        panel.chooser.activated.emit(panel.chooser.findData("classic/depth"))
        assert {"layers", "depth"} <= panel.options.fields.keys() and "eps_cells" not in panel.options.fields
        assert not panel.device.isEnabled() and "classes" not in panel.options.fields


def test_depth_of_a_trained_unetplusplus_is_chosen_and_sent(qtbot, tmp_path: Path, fakes, monkeypatch) -> None:
    deep = replace(
        SPOTS,
        id="runs/deep",
        architecture="unetplusplus",
        options={"depth": 4},
        weights=WeightsSource("project", path="x"),
    )
    monkeypatch.setattr(
        registry.Catalog, "entries", lambda self, **_: [registry.CatalogEntry(SPOTS), registry.CatalogEntry(deep)]
    )
    with open_window(qtbot) as window:
        open_project(window, tmp_path, qtbot)
        panel = window.workspace.docks.reveal("model")
        panel.chooser.activated.emit(panel.chooser.findData("runs/deep"))
        field = panel.options.fields["prune_depth"]
        assert panel.options.isVisible() and (field.value(), field.maximum()) == (4, 4)
        field.setFocus()
        qtbot.keyClick(field, Qt.Key.Key_Down)
        qtbot.keyClick(field, Qt.Key.Key_Down)
        assert window.trigger("model.propose_image") and dict(fakes[0].specs[-1].options)["prune_depth"] == 2


def test_out_of_memory_offers_smaller_tiles(qtbot, tmp_path: Path, fakes) -> None:
    with open_window(qtbot) as window:
        open_project(window, tmp_path, qtbot)
        window.trigger("model.propose_image")
        fakes[0].failed.emit("The graphics card ran out of memory.", "cuda trace")
        message = window.notices.messages[-1]
        assert message.kind == "failure" and not window.workspace.jobs.models.is_proposing
        texts = [button.text() for button in message.buttons]
        assert "Try smaller tiles" in texts and "Try on the CPU" in texts and "Details" in texts
        message.buttons[texts.index("Try smaller tiles")].click()
        assert fakes[0].specs[-1].window_px == SPOTS.window_px // 2


def test_what_a_model_did_for_want_of_memory_is_one_line(qtbot, tmp_path: Path, fakes) -> None:
    note = "Memory ran short on cuda:0, so the model worked with one window at a time, windows of 256 px."
    with open_window(qtbot) as window:
        open_project(window, tmp_path, qtbot)
        window.trigger("model.propose_image")
        fakes[0].finished_job.emit({"images": 1, "failed": [], "seconds": 1.0, "note": note})
        assert [message.sentence for message in window.notices.messages].count(note) == 1
        window.trigger("model.propose_image")
        fakes[0].finished_job.emit({"images": 1, "failed": [], "seconds": 1.0, "note": ""})
        assert [message.sentence for message in window.notices.messages].count(note) == 1


def test_cancel_keeps_the_window_alive_and_ends_the_line(qtbot, tmp_path: Path, fakes) -> None:
    with open_window(qtbot) as window:
        open_project(window, tmp_path, qtbot)
        window.trigger("model.propose_unlabelled")
        assert len(fakes[0].specs[0].tasks) == 2
        window.refresh_actions()
        assert window.trigger("model.cancel") and fakes[0].calls == ["cancel"]
        fakes[0].cancelled.emit()
        assert not window.workspace.jobs.models.is_proposing and window.job_strip.job_ids() == []


def test_model_that_must_be_fetched_offers_it(qtbot, tmp_path: Path, fakes) -> None:
    with open_window(qtbot) as window:
        open_project(window, tmp_path, qtbot)
        panel = window.workspace.docks.reveal("model")
        models = window.workspace.jobs.models
        models.choose("far")
        assert not panel.download_button.isHidden() and not panel.propose.isEnabled()
        panel.download_button.click()
        (thread,) = fakes
        assert thread.specs[0].card.id == "far" and models.is_downloading(models.current_entry())
        thread.message_received.emit(protocol.Progress(0, 21_000_000, 42_000_000))
        thread.failed.emit("There is no network.", "")
        assert "There is no network." in window.notices.messages[-1].sentence
        assert not models.is_downloading(models.current_entry())


def test_training_draws_and_offers_the_model(qtbot, tmp_path: Path, fakes, monkeypatch) -> None:
    with open_window(qtbot) as window:
        open_project(window, tmp_path, qtbot)
        session = window.session
        panel = window.workspace.docks.reveal("train")
        assert "label" in panel.data_text.lower() and not panel.start_button.isEnabled()
        for record in session.images:
            session.select_image(record.id)
            transaction = session.begin("test")
            transaction.paint(np.ones((9, 9), bool), 2, 2, session.paint_segment(transaction))
            session.commit(transaction)
        panel.show_data()
        assert panel.start_button.isEnabled()
        assert window.trigger("train.start")
        control = window.workspace.jobs.training
        thread = fakes[-1]
        plan = thread.specs[0].plan
        assert plan.project == str(session.folder) and control.is_running
        assert panel.choices_box.isHidden() and panel.pause_button.isEnabled()
        say = thread.message_received.emit
        say(
            protocol.TrainEvent(0, RunStarted(("background", "road"), ("#000000", "#ff0000"), 1, 1, 4, 2, 0, "cpu", 10))
        )
        for step in range(1, 5):
            say(protocol.TrainEvent(0, StepDone(step, 8, 1, 1.0 / step, 30.0)))
        say(protocol.TrainEvent(0, EpochDone(1, 2, 0.5, 0.6, 0.7, 0.8, 0.9, (0.9, 0.5), 1e-3, 2.0, True)))
        picture = ValidationPicture(
            "a", np.zeros((8, 8, 3), np.uint8), np.zeros((8, 8), np.uint8), np.ones((8, 8), np.uint8)
        )
        say(protocol.TrainEvent(0, ValidationPictures(1, (picture,))))
        panel.show_progress()
        assert "0.700" in panel.state_text and "1 / 2" in panel.state_text
        window.refresh_actions()
        assert window.trigger("train.pause") and thread.calls[-1] is True and control.is_paused
        assert window.trigger("train.stop") and thread.calls[-1] == "cancel"
        trained = replace(SPOTS, id="runs/run-1", weights=WeightsSource("project", path=f"{plan.out}/best.safetensors"))
        monkeypatch.setattr(registry.Catalog, "entries", lambda self, **_: [registry.CatalogEntry(trained)])
        say(protocol.TrainEvent(0, RunFinished(plan.out, "best", "last", 1, 1)))
        thread.finished_job.emit(None)
        assert not control.is_running
        qtbot.waitUntil(lambda: any("runs/run-1" in message.sentence for message in window.notices.messages))
        message = window.notices.messages[-1]
        message.buttons[0].click()
        assert window.workspace.jobs.models.current_entry().card.id == "runs/run-1"
        assert window.workspace.jobs.models.is_proposing


def test_dead_trainer_is_said_with_next_steps(qtbot, tmp_path: Path, fakes) -> None:
    with open_window(qtbot) as window:
        open_project(window, tmp_path, qtbot)
        control = window.workspace.jobs.training
        plan = control.presenter.plan()
        assert plan is None  # nothing is labelled: a sentence, no run
        from segstudio.ml.plan import TrainPlan

        control.start(TrainPlan(out=str(tmp_path / "run"), project="p", batch=8))
        fakes[-1].failed.emit("The trainer died (signal 9).", "log")
        message = window.notices.messages[-1]
        assert [button.text() for button in message.buttons] == ["Try half the batch", "Try on the CPU", "Details"]
        message.buttons[0].click()
        assert fakes[-1].specs[-1].plan.batch == 4


def test_export_runs_and_links_to_its_folder(qtbot, tmp_path: Path, fakes) -> None:
    from segstudio.jobs.specs import ExportSpec

    with open_window(qtbot) as window:
        open_project(window, tmp_path, qtbot)
        exports = window.workspace.jobs.exports
        exports.start(ExportSpec(str(tmp_path / "project"), "masks", str(tmp_path / "out")))
        fakes[0].message_received.emit(protocol.Progress(0, 1, 4))
        assert "Exporting to out" in window.job_strip.text_of(window.job_strip.job_ids()[0])
        fakes[0].finished_job.emit(None)
        assert exports.running == 0 and str(tmp_path / "out") in window.notices.messages[-1].sentence
        assert [button.text() for button in window.notices.messages[-1].buttons] == ["Open the folder"]


def test_export_says_what_it_left_out(qtbot, tmp_path: Path, fakes) -> None:
    from segstudio.io.formats.base import ExportReport
    from segstudio.jobs.specs import ExportSpec

    spec = ExportSpec(str(tmp_path / "project"), "masks", str(tmp_path / "out"))
    note = "1 volume was written plane by plane, numbered from 0: 2 planes."
    with open_window(qtbot) as window:
        open_project(window, tmp_path, qtbot)
        exports = window.workspace.jobs.exports
        exports.start(spec)
        fakes[-1].finished_job.emit(ExportReport("masks", tmp_path / "out", 2, {}, (), (note,)))
        assert note in window.notices.messages[-1].sentence
        exports.start(spec)
        skipped = (("a.tif", "a.tif is damaged."), ("b.tif", "b.tif is damaged."))
        fakes[-1].finished_job.emit(ExportReport("masks", tmp_path / "out", 2, {}, skipped, (note,)))
        sentence = window.notices.messages[-1].sentence
        assert note in sentence and "2 images left out; the first: a.tif is damaged." in sentence
