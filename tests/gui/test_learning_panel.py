"""The learning panel while it is watched: nothing moves under the pointer, and what it counts is what there is."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, Qt

from segstudio.gui import proposal_renewal, threads
from segstudio.ml.continuous.events import ImageChange, LearnStageChanged
from tests.gui.fake_threads import FakeThread
from tests.gui.learning_help import Learner
from tests.gui.window_help import open_project, open_window


@pytest.fixture
def watched(qtbot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple]:
    """(window, panel, learner), learning begun by the panel's button."""
    FakeThread.made = []
    for name in ("ModelThread", "TrainingThread", "TaskThread", "LearningThread"):
        monkeypatch.setattr(threads, name, type(name, (FakeThread,), {}))
    monkeypatch.setattr(proposal_renewal, "REST_S", 1000.0)
    with open_window(qtbot) as window:
        open_project(window, tmp_path, qtbot, 2)
        panel = window.workspace.docks.reveal("learning")
        qtbot.waitUntil(panel.start_button.isEnabled)
        qtbot.mouseClick(panel.start_button, Qt.MouseButton.LeftButton)
        fake = next(one for one in FakeThread.made if type(one).__name__ == "LearningThread")
        yield window, panel, Learner(fake, window.session.folder)


def test_go_back_stays_where_the_pointer_is_while_sentences_above_it_change(qtbot, watched) -> None:
    window, panel, learner = watched
    first, second = (record.id for record in window.session.images)
    learner.begin()
    learner.work()
    learner.accept(None, 0.6, (ImageChange(first, None, 0.6, 400), ImageChange(second, None, 0.6, 400)))
    learner.accept(0.6, 0.7, (ImageChange(first, 0.6, 0.7, 400), ImageChange(second, 0.6, 0.7, 400)))
    learner.say(LearnStageChanged("fitting"))
    learner.refuse(0.7, 0.64, (ImageChange(first, 0.7, 0.64, 400), ImageChange(second, 0.7, 0.7, 400)))
    learner.work()
    qtbot.waitUntil(lambda: "was refused" in panel.verdict_text and "Round 4" in panel.details.text())

    def place() -> int:
        # The area that it scrolls in makes it higher in a later turn.
        qtbot.waitUntil(lambda: panel.height() >= panel.minimumSizeHint().height())
        panel.layout().activate()
        return panel.versions.mapTo(panel, QPoint(0, 0)).y()

    qtbot.waitUntil(lambda: panel.changes.rowCount() == 2 and panel.versions.rowCount() == 2)  # filled in turns
    before = place()
    assert panel.verdict.minimumHeight() <= 5 * panel.verdict.fontMetrics().lineSpacing()
    lines = panel.details.text().count("\n")
    learner.accept(0.7, 0.8, (ImageChange(first, 0.7, 0.8, 400), ImageChange(second, 0.7, 0.8, 400)))
    learner.say(LearnStageChanged("checking"))
    qtbot.waitUntil(lambda: "Version 3 is better" in panel.verdict_text)
    qtbot.waitUntil(lambda: panel.details.text().count("\n") < lines)
    qtbot.waitUntil(lambda: panel.versions.rowCount() == 3)
    assert place() == before and panel.only_worse.isVisible() and not panel.only_worse.isEnabled()
    qtbot.mouseClick(panel.stop_button, Qt.MouseButton.LeftButton)
    learner.thread.cancelled.emit()
    qtbot.waitUntil(lambda: panel.start_button.isVisible())
    assert panel.verdict.minimumHeight() == 0  # no hole stays when it is over


def test_images_labelled_meanwhile_are_counted(qtbot, watched) -> None:
    window, panel, learner = watched
    learner.begin(images=1)
    qtbot.waitUntil(lambda: "1 image with labels" in panel.details.text())
    for record in window.session.images:
        window.session.set_status([record.id], "done")
    learner.work(window.session.images[-1].id)
    qtbot.waitUntil(lambda: "2 images with labels" in panel.details.text())
