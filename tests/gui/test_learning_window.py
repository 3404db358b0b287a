"""Learning while labelling in the window: begin, hold, end by real clicks and keys; versions; the proposal that follows."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest

from segstudio.app.presenters.learning import ChangeRow
from segstudio.core.geometry import Rect
from segstudio.gui import docks, proposal_renewal, threads
from segstudio.gui.panels.learning_tables import ChangeTable
from segstudio.jobs import protocol
from segstudio.jobs.specs import LearnSpec, PrefetchSpec, ProposeSpec
from segstudio.ml.api import WindowResult
from segstudio.ml.continuous import versions
from segstudio.ml.continuous.events import ImageChange, LearningStopped, LearnNote, LearnStageChanged
from tests.gui.fake_threads import FakeThread
from tests.gui.learning_help import Learner, make_version
from tests.gui.window_help import open_project, open_window

REAL_THREAD = threads.LearningThread


@pytest.fixture(autouse=True)
def fakes(monkeypatch: pytest.MonkeyPatch) -> list[FakeThread]:
    FakeThread.made = []
    for name in ("ModelThread", "TrainingThread", "TaskThread", "LearningThread"):
        monkeypatch.setattr(threads, name, type(name, (FakeThread,), {}))
    monkeypatch.setattr(proposal_renewal, "REST_S", 0.0)
    monkeypatch.setattr(proposal_renewal, "LOOK_MS", 5)
    return FakeThread.made


def thread(name: str) -> FakeThread | None:
    return next((one for one in reversed(FakeThread.made) if type(one).__name__ == name), None)


@contextmanager
def learning_window(qtbot, tmp_path: Path, images: int = 2, *, starts: bool = True) -> Iterator[tuple]:
    """(window, panel, learner) with the panel in front; learning begun by its button."""
    with open_window(qtbot) as window:
        open_project(window, tmp_path, qtbot, images)
        panel = window.workspace.docks.reveal("learning")
        qtbot.waitUntil(panel.start_button.isEnabled)
        learner = None
        if starts:
            qtbot.mouseClick(panel.start_button, Qt.MouseButton.LeftButton)
            learner = Learner(thread("LearningThread"), window.session.folder)
        yield window, panel, learner


def paint(window) -> None:
    session = window.session
    transaction = session.begin("test")
    transaction.paint(np.ones((10, 10), bool), 0, 0, session.paint_segment(transaction))
    session.commit(transaction)


def shown(qtbot, panel, text: str, part: str = "state") -> None:
    qtbot.waitUntil(lambda: text in getattr(panel, part).text())


def answer(window, spec: ProposeSpec, class_index: int = 1) -> None:
    """The model's process proposes *class_index* everywhere."""
    host = thread("ModelThread")
    size = (48, 64)
    result = WindowResult(Rect(0, 0, 64, 48), np.full(size, class_index, np.uint8), np.full(size, 200, np.uint8))
    image_id = spec.tasks[0].image_id
    host.message_received.emit(protocol.WindowReady(0, image_id, spec.generation, result))
    host.message_received.emit(protocol.ImageDone(0, image_id, spec.generation))
    host.finished_job.emit(None)


def proposals_asked() -> list[ProposeSpec]:
    host = thread("ModelThread")
    return [] if host is None else [spec for spec in host.specs if isinstance(spec, ProposeSpec)]


def loads() -> list[PrefetchSpec]:
    host = thread("ModelThread")
    return [] if host is None else [spec for spec in host.specs if isinstance(spec, PrefetchSpec)]


def prefetched(qtbot) -> None:
    """The model's process has loaded what it was told to."""
    qtbot.waitUntil(lambda: bool(loads()) and thread("ModelThread").specs[-1] is loads()[-1])
    thread("ModelThread").finished_job.emit("learn")


def test_begins_holds_and_ends_by_its_buttons(qtbot, tmp_path: Path) -> None:
    with learning_window(qtbot, tmp_path, starts=False) as (window, panel, _):
        control = window.workspace.jobs.learning
        assert panel.state_text == "Not learning" and not panel.stop_button.isVisible()
        assert "it waits for your first strokes" in panel.details.text()
        qtbot.mouseClick(panel.start_button, Qt.MouseButton.LeftButton)
        fake = thread("LearningThread")
        (spec,) = fake.specs
        assert isinstance(spec, LearnSpec) and spec.plan.project == str(window.session.folder)
        assert not spec.plan.start_from and not spec.plan.is_fresh
        assert control.is_running and "Learning" in window.job_strip.text_of(window.job_strip.job_ids()[0])
        learner = Learner(fake, window.session.folder)
        learner.begin()
        learner.work(window.session.image_id)
        shown(qtbot, panel, "Learning from your corrections")
        assert (panel.bar.value(), panel.bar.maximum()) == (3, 20)
        assert "Round 4 · loss 0.321" in panel.details.text() and "im0.png" in panel.details.text()
        assert "12 places, 3 of them held out" in panel.details.text()
        qtbot.mouseClick(panel.pause_button, Qt.MouseButton.LeftButton)
        assert fake.calls[-1] == "pause" and control.is_paused and panel.state_text == "Paused"
        assert panel.pause_button.text() == "Go on"
        qtbot.mouseClick(panel.pause_button, Qt.MouseButton.LeftButton)
        assert fake.calls[-1] == "go on" and panel.state_text == "Learning from your corrections"
        qtbot.mouseClick(panel.stop_button, Qt.MouseButton.LeftButton)
        assert fake.calls[-1] == "cancel" and control.is_stopping and panel.state_text == "Stopping after this step"
        fake.finished_job.emit(LearningStopped(0, 0, 1, 20, 5.0))
        assert not control.is_running and panel.state_text == "Not learning" and not window.job_strip.job_ids()
        assert panel.start_button.isVisible()


def test_begins_by_its_key_and_shows_the_panel(qtbot, tmp_path: Path) -> None:
    with open_window(qtbot) as window:
        open_project(window, tmp_path, qtbot)
        window.workspace.docks.reveal("classes")
        window.workspace.canvas.setFocus()
        QTest.keyClick(window, Qt.Key.Key_L, Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.AltModifier)
        assert window.workspace.jobs.learning.is_running
        assert window.workspace.docks.panel("learning").isVisible()


def test_what_it_begins_with_is_chosen_and_remembered(qtbot, tmp_path: Path) -> None:
    with learning_window(qtbot, tmp_path, starts=False) as (window, panel, _):
        panel.start_chooser.setFocus()
        QTest.keyClick(panel.start_chooser, Qt.Key.Key_End)
        panel.start_chooser.activated.emit(panel.start_chooser.currentIndex())
        assert window.session.meta("learn.start") == "fresh"
        qtbot.mouseClick(panel.start_button, Qt.MouseButton.LeftButton)
        assert thread("LearningThread").specs[0].plan.is_fresh


def test_a_better_version_is_taken_over_and_proposes_for_what_is_shown(qtbot, tmp_path: Path) -> None:
    with learning_window(qtbot, tmp_path) as (window, panel, learner):
        session, models = window.session, window.workspace.jobs.models
        learner.begin()
        info = learner.accept(0.5, 0.75, (ImageChange(1, 0.5, 0.75, 400),))
        qtbot.waitUntil(lambda: models.current_entry().card.id == info.model_id)
        prefetched(qtbot)
        qtbot.waitUntil(lambda: len(proposals_asked()) == 1)
        (spec,) = proposals_asked()
        assert len(window.job_strip.job_ids()) == 1  # a line that came and went would move the canvas each time
        assert spec.model == "learn/v1" and [task.image_id for task in spec.tasks] == [session.image_id]
        answer(window, spec)
        assert session.proposals.has_proposal and session.history.undo_label.startswith("Propose with learn/v1")
        shown(qtbot, panel, "Version 1 is better", "verdict")
        assert "0.500 → 0.750" in panel.verdict_text
        # Once for each version: what was undone stays undone.
        assert window.trigger("edit.undo") and not session.proposals.has_proposal
        QTest.qWait(40)
        assert len(proposals_asked()) == 1
        # The next image is done when it is opened.
        session.next_image()
        qtbot.waitUntil(lambda: len(proposals_asked()) == 2)
        assert proposals_asked()[1].tasks[0].image_id == session.image_id


def test_a_worse_one_is_refused_in_a_sentence_and_what_lost_is_listed_first(qtbot, tmp_path: Path) -> None:
    with learning_window(qtbot, tmp_path, images=3) as (window, panel, learner):
        ids = [record.id for record in window.session.images]
        learner.begin()
        learner.accept(None, 0.8)
        changes = (
            ImageChange(ids[0], 0.80, 0.84, 400),
            ImageChange(ids[1], 0.80, 0.62, 300),
            ImageChange(ids[2], 0.80, 0.79, 300),
        )
        learner.refuse(0.8, 0.74, changes)
        shown(qtbot, panel, "was refused: mean Dice 0.800 → 0.740", "verdict")
        assert "Version 1 stays in use" in panel.verdict_text
        table = panel.changes
        assert [table.item(row, 0).text() for row in range(table.rowCount())] == ["im1.png", "im2.png", "im0.png"]
        assert [table.item(row, 2).text() for row in range(3)] == ["−0.180", "−0.010", "+0.040"]
        assert table.item(0, 2).foreground().color() != table.item(2, 2).foreground().color()
        assert table.item(0, 1).text() == "0.80 → 0.62"
        assert panel.only_worse.text() == "Only what got worse (2)"
        panel.only_worse.setFocus()
        QTest.keyClick(panel.only_worse, Qt.Key.Key_Space)
        assert table.rowCount() == 2
        assert window.session.image_id == ids[0]
        place = table.visualItemRect(table.item(0, 0)).center()
        qtbot.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, pos=place)
        QTest.mouseDClick(table.viewport(), Qt.MouseButton.LeftButton, pos=place)
        assert window.session.image_id == ids[1]
        table.setCurrentCell(1, 0)
        QTest.keyClick(table, Qt.Key.Key_Return)
        assert window.session.image_id == ids[2]


def test_one_click_goes_back_to_a_version_and_one_more_takes_that_back(qtbot, tmp_path: Path) -> None:
    with learning_window(qtbot, tmp_path) as (window, panel, learner):
        folder, models = window.session.folder, window.workspace.jobs.models
        learner.begin()
        for dice in (0.6, 0.7, 0.8):
            learner.accept(dice - 0.1, dice)
        qtbot.waitUntil(lambda: panel.versions.rowCount() == 3)
        assert panel.versions.item(0, 3).text() == "in use" and set(panel.versions.buttons) == {1, 2}
        panel.parentWidget().parentWidget().ensureWidgetVisible(panel.versions)
        qtbot.mouseClick(panel.versions.buttons[1], Qt.MouseButton.LeftButton)
        assert versions.current(folder).number == 1
        qtbot.waitUntil(lambda: models.current_entry().card.id == "learn/v1")
        qtbot.waitUntil(lambda: set(panel.versions.buttons) == {2, 3})
        (notice,) = [m for m in window.notices.messages if m.key == "learning"]
        assert notice.sentence == "Version 1 is in use again."
        qtbot.mouseClick(notice.buttons[0], Qt.MouseButton.LeftButton)
        assert versions.current(folder).number == 3
        qtbot.waitUntil(lambda: models.current_entry().card.id == "learn/v3")
        window.refresh_actions()
        assert window.trigger("learn.roll_back") and versions.current(folder).number == 2


def test_a_renewal_waits_where_something_would_be_lost_and_is_offered(qtbot, tmp_path: Path) -> None:
    with learning_window(qtbot, tmp_path) as (window, panel, learner):
        session = window.session
        paint(window)
        assert window.trigger("edit.undo") and session.history.can_redo
        learner.begin()
        learner.accept(None, 0.7)
        prefetched(qtbot)
        qtbot.waitUntil(panel.newer.isVisible)
        assert not proposals_asked() and session.history.can_redo
        assert window.trigger("edit.redo")
        qtbot.waitUntil(lambda: len(proposals_asked()) == 1)  # nothing to lose any more: it comes by itself
        assert not panel.newer.isVisible()


def test_what_another_model_proposed_is_replaced_only_when_asked(qtbot, tmp_path: Path) -> None:
    with learning_window(qtbot, tmp_path, starts=False) as (window, panel, _):
        session, models = window.session, window.workspace.jobs.models
        models.choose("nuclei")
        assert models.propose([session.image_id])
        answer(window, proposals_asked()[0])
        qtbot.mouseClick(panel.start_button, Qt.MouseButton.LeftButton)
        learner = Learner(thread("LearningThread"), session.folder)
        learner.begin()
        learner.accept(None, 0.7)
        qtbot.waitUntil(lambda: models.current_entry().card.id == "learn/v1")
        prefetched(qtbot)
        qtbot.waitUntil(panel.newer.isVisible)
        assert len(proposals_asked()) == 1 and session.proposals.has_proposal
        qtbot.mouseClick(panel.newer, Qt.MouseButton.LeftButton)
        assert proposals_asked()[-1].model == "learn/v1" and len(proposals_asked()) == 2


def test_a_stroke_is_never_broken_by_a_renewal(qtbot, tmp_path: Path) -> None:
    with learning_window(qtbot, tmp_path) as (window, _, learner):
        session, canvas = window.session, window.workspace.canvas
        window.workspace.toolbox.select("brush")
        session.select_class(1)
        middle = QPoint(canvas.width() // 2, canvas.height() // 2)
        learner.begin()
        QTest.mousePress(canvas, Qt.MouseButton.LeftButton, pos=middle)
        QTest.mouseMove(canvas, middle + QPoint(20, 0))
        learner.accept(None, 0.7)
        prefetched(qtbot)
        QTest.qWait(40)
        assert not proposals_asked()
        QTest.mouseMove(canvas, middle + QPoint(40, 0))
        QTest.mouseRelease(canvas, Qt.MouseButton.LeftButton, pos=middle + QPoint(40, 0))
        painted = session.labels.pixel_counts()
        assert painted and len(session.history.entries()) == 1
        qtbot.waitUntil(lambda: len(proposals_asked()) == 1)
        answer(window, proposals_asked()[0], 2)
        assert session.labels.pixel_counts() == painted


def test_who_takes_another_model_meanwhile_keeps_it(qtbot, tmp_path: Path) -> None:
    with learning_window(qtbot, tmp_path) as (window, _, learner):
        models = window.workspace.jobs.models
        learner.begin()
        learner.accept(None, 0.7)
        qtbot.waitUntil(lambda: models.current_entry().card.id == "learn/v1")
        models.choose("classic/watershed" if models.presenter.entry("classic/watershed") else "nuclei")
        chosen = models.current_entry().card.id
        learner.accept(0.7, 0.8)
        qtbot.waitUntil(lambda: models.presenter.entry("learn/v2") is not None)
        QTest.qWait(20)
        assert models.current_entry().card.id == chosen
        models.choose("learn/v2")
        learner.accept(0.8, 0.9)
        qtbot.waitUntil(lambda: models.current_entry().card.id == "learn/v3")


def test_a_class_deleted_meanwhile_is_not_brought_back_by_the_model(qtbot, tmp_path: Path) -> None:
    with learning_window(qtbot, tmp_path) as (window, _, learner):
        session = window.session
        learner.begin()
        tree = session.classes.by_name("tree")
        assert session.class_editor.delete(tree.id)
        learner.accept(None, 0.7)
        prefetched(qtbot)
        qtbot.waitUntil(lambda: len(proposals_asked()) == 1)
        assert session.classes.by_name("tree") is None
        answer(window, proposals_asked()[0], 2)
        assert not session.proposals.has_proposal


def test_a_training_run_holds_learning_and_lets_it_go_on(qtbot, tmp_path: Path) -> None:
    with learning_window(qtbot, tmp_path) as (window, panel, learner):
        learner.begin()
        paint(window)
        training, control = window.workspace.jobs.training, window.workspace.jobs.learning
        assert training.start()
        assert control.is_paused and learner.thread.calls[-1] == "pause"
        thread("TrainingThread").cancelled.emit()
        assert not control.is_paused and learner.thread.calls[-1] == "go on"
        control.stop()
        learner.thread.cancelled.emit()
        assert training.start() and not control.start()
        assert any("training run is under way" in m.sentence for m in window.notices.messages)


def test_a_learner_that_dies_says_so_and_goes_on_when_asked(qtbot, tmp_path: Path) -> None:
    with learning_window(qtbot, tmp_path) as (window, panel, learner):
        learner.begin()
        paint(window)
        before = window.session.labels.pixel_counts()
        learner.thread.failed.emit("The learner died (signal 9).", "log")
        control = window.workspace.jobs.learning
        assert not control.is_running and not window.job_strip.job_ids()
        shown(qtbot, panel, "Ended by a failure")
        assert window.session.labels.pixel_counts() == before
        (notice,) = [m for m in window.notices.messages if m.kind == "failure"]
        qtbot.mouseClick(notice.buttons[0], Qt.MouseButton.LeftButton)
        assert control.is_running and len(learner.thread.specs) == 2


def test_it_ends_with_its_project_and_asks_nobody(qtbot, tmp_path: Path) -> None:
    with learning_window(qtbot, tmp_path) as (window, _, learner):
        learner.begin()
        assert window.workspace.jobs.may_stop_all()
        assert window.session.close_project()
        assert learner.thread.calls[-1] == "cancel"


def test_what_a_learner_still_says_of_the_former_project_is_not_told_of_the_next(qtbot, tmp_path: Path) -> None:
    with learning_window(qtbot, tmp_path) as (window, panel, learner):
        learner.begin()
        (tmp_path / "next").mkdir()
        open_project(window, tmp_path / "next", qtbot, 1)
        assert learner.thread.calls[-1] == "cancel" and not panel.stop_button.isEnabled()
        learner.accept(None, 0.7, (ImageChange(1, None, 0.7, 10),))
        assert not window.workspace.jobs.learning.presenter.changes() and panel.versions.rowCount() == 0
        learner.thread.cancelled.emit()
        qtbot.waitUntil(panel.start_button.isVisible)
        assert panel.state_text == "Not learning" and not proposals_asked()


def test_a_learner_killed_in_its_process_is_told_in_a_sentence(qtbot, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(threads, "LearningThread", REAL_THREAD)
    with learning_window(qtbot, tmp_path, starts=False) as (window, panel, _):
        paint(window)
        qtbot.mouseClick(panel.start_button, Qt.MouseButton.LeftButton)
        real = window.workspace.jobs.learning.findChild(REAL_THREAD)
        qtbot.waitUntil(lambda: real._child is not None and real._child.is_alive, timeout=20_000)
        os.kill(real._child.pid, getattr(signal, "SIGKILL", signal.SIGTERM))
        qtbot.waitUntil(lambda: not window.workspace.jobs.learning.is_running, timeout=20_000)
        (notice,) = [m for m in window.notices.messages if m.kind == "failure"]
        assert "learner" in notice.sentence and notice.buttons[0].text() == "Go on learning"
        assert sum(window.session.labels.pixel_counts().values()) == 100  # the stroke


def test_notes_and_the_reason_of_waiting_are_told(qtbot, tmp_path: Path) -> None:
    with learning_window(qtbot, tmp_path) as (_, panel, learner):
        learner.begin()
        learner.say(LearnNote("The disk is full: nothing was kept."))
        learner.say(LearnStageChanged("waiting", None, "Nothing better for 6 rounds."))
        shown(qtbot, panel, "Waiting for new labels")
        assert "The disk is full" in panel.details.text() and "Nothing better for 6 rounds." in panel.details.text()


def test_versions_of_earlier_days_are_there_before_it_begins(qtbot, tmp_path: Path) -> None:
    with open_window(qtbot) as window:
        open_project(window, tmp_path, qtbot)
        make_version(window.session.folder, 0.7)
        make_version(window.session.folder, 0.8)
        window.workspace.jobs.learning.presenter.forget()
        panel = window.workspace.docks.reveal("learning")
        qtbot.waitUntil(lambda: panel.versions.rowCount() == 2 and panel.start_button.isEnabled())
        qtbot.mouseClick(panel.start_button, Qt.MouseButton.LeftButton)
        models = window.workspace.jobs.models
        qtbot.waitUntil(lambda: models.current_entry().card.id == "learn/v2")


def test_a_layout_kept_by_an_older_version_has_room_for_the_panel(qtbot, tmp_path: Path, monkeypatch) -> None:
    with monkeypatch.context() as older:
        older.setattr(docks, "PANELS", tuple(spec for spec in docks.PANELS if spec.id not in ("learning", "progress")))
        with open_window(qtbot) as window:
            (tmp_path / "first").mkdir()
            open_project(window, tmp_path / "first", qtbot, 0)
            text = window.workspace.docks.save()
            window.session.close_project()
    with open_window(qtbot) as window:
        (tmp_path / "second").mkdir()
        open_project(window, tmp_path / "second", qtbot, 0)
        assert window.workspace.docks.restore(text)
        neighbours = window.tabifiedDockWidgets(window.workspace.docks.dock("train"))
        assert window.workspace.docks.dock("learning") in neighbours
        assert window.workspace.docks.reveal("learning").isVisible()


def test_hundreds_of_images_are_listed_between_two_frames(qtbot) -> None:
    table = ChangeTable()
    qtbot.addWidget(table)
    table.show()
    rows = [ChangeRow(number, f"image-{number}.png", 0.5, 0.5 + 0.001 * (number % 9)) for number in range(300)]
    began_s = time.thread_time()
    table.show_changes(rows)
    assert time.thread_time() - began_s < 0.25  # 0.02 s here; columns that follow their contents took 4 s
    assert table.rowCount() == 300 and table.item(0, 1).text() == "0.50 → 0.50"
