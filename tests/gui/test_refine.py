"""Refining in the real window: the card, its preview on the canvas, Apply in the job strip, and the process that does it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import QEvent, QObject, QPoint, Qt, Signal
from PySide6.QtGui import QHelpEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from window_help import open_project, open_window

from segstudio.core.classes import ClassTable
from segstudio.core.geometry import Rect
from segstudio.gui import threads
from segstudio.gui.main_window import MainWindow
from segstudio.gui.panels.refine_popover import RefinePopover
from segstudio.jobs import protocol
from segstudio.jobs.specs import RefineSpec
from segstudio.ml.api import WindowResult
from segstudio.ml.refine.proposal import RefinedPiece

LEFT = Qt.MouseButton.LeftButton
CTRL = Qt.KeyboardModifier.ControlModifier
PROPOSED = Rect(12, 12, 20, 17)


class WaitingThread(QObject):
    """Answers as a model's thread does, but only when told to; a job that is superseded or cancelled says so."""

    message_received = Signal(object)
    finished_job = Signal(object)
    failed = Signal(str, str)
    cancelled = Signal()
    made: list[WaitingThread] = []

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.specs: list[RefineSpec] = []
        self.is_busy = False
        WaitingThread.made.append(self)

    def submit(self, spec: RefineSpec) -> None:
        self.cancel()
        self.specs.append(spec)
        self.is_busy = True

    def cancel(self) -> None:
        if self.is_busy:
            self.is_busy = False
            self.cancelled.emit()

    def shut_down(self) -> None:
        self.is_busy = False

    def send_pieces(self) -> None:
        """The proposal grown by two pixels to the right, in the parts asked for."""
        spec = self.specs[-1]
        for z in spec.task.planes:
            for rect in spec.task.rects or (Rect(0, 0, *spec.task.size_px),):
                ids = spec.proposal.read(rect, z).copy()
                ids[:, 2:] = np.where(ids[:, 2:] == 0, ids[:, :-2], ids[:, 2:])
                piece = RefinedPiece(rect, ids, np.where(ids, 190, 0).astype(np.uint8))
                self.message_received.emit(protocol.WindowReady(0, spec.task.image_id, spec.generation, piece, z))

    def answer(self) -> None:
        self.message_received.emit(protocol.StageChanged(text="Refining"))
        self.message_received.emit(protocol.Progress(0, 0.5, 1))
        self.send_pieces()
        self.is_busy = False
        self.finished_job.emit(None)

    def fail(self, sentence: str) -> None:
        self.is_busy = False
        self.failed.emit(sentence, "trace")


@pytest.fixture
def waiting(monkeypatch: pytest.MonkeyPatch) -> list[WaitingThread]:
    WaitingThread.made = []
    monkeypatch.setattr(threads, "ModelThread", WaitingThread)
    return WaitingThread.made


@pytest.fixture
def window(qtbot, tmp_path: Path) -> Iterator[MainWindow]:  # type: ignore[no-untyped-def]
    """A project of one picture, a bright square on grey; a smaller square of road is proposed."""
    with open_window(qtbot) as made:
        open_project(made, tmp_path, qtbot, images=1)
        propose(made, PROPOSED)
        qtbot.waitUntil(lambda: made.workspace.canvas.is_settled, timeout=20_000)
        yield made


def propose(window: MainWindow, rect: Rect) -> None:
    session = window.session
    bounds = session.labels.bounds
    mask = np.zeros((bounds.height, bounds.width), np.uint8)
    mask[rect.slices] = 1
    generation = session.proposals.begin({1: 1}, "model")
    result = WindowResult(bounds, mask, np.where(mask, 200, 0).astype(np.uint8))
    assert session.proposals.receive_window(session.image_id, generation, result)
    session.proposals.finish_proposal(session.image_id, generation)
    session.proposals.end()
    window.refresh_actions()


def proposed(window: MainWindow) -> np.ndarray:
    return window.session.proposal.read_classes(window.session.proposal.bounds)


def drawn(window: MainWindow) -> np.ndarray:
    return window.session.proposals.shown.read_classes(window.session.proposal.bounds)


def opened(window: MainWindow, qtbot) -> RefinePopover:  # type: ignore[no-untyped-def]
    QTest.keyClick(window, Qt.Key.Key_R, CTRL)
    card = window.workspace.jobs.refine.card
    assert card.isVisible()
    return card


def asked(waiting: list[WaitingThread], qtbot, count: int) -> RefineSpec:  # type: ignore[no-untyped-def]
    """The last of so many jobs, once the process has it."""
    qtbot.waitUntil(lambda: bool(waiting) and len(waiting[0].specs) == count and waiting[0].is_busy, timeout=10_000)
    return waiting[0].specs[-1]


def pixels(window: MainWindow, qtbot) -> np.ndarray:  # type: ignore[no-untyped-def]
    """(h, w, 3) what the canvas shows beside the card."""
    canvas = window.workspace.canvas
    qtbot.waitUntil(lambda: canvas.is_settled, timeout=20_000)
    image = canvas.grab().toImage().convertToFormat(canvas.grab().toImage().Format.Format_RGB888)
    rows = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.bytesPerLine())
    return rows[:, : image.width() * 3].reshape(image.height(), image.width(), 3).copy()


def color_at(window: MainWindow, shown: np.ndarray, x: int, y: int) -> np.ndarray:
    """Mean colour over an image pixel of what is shown (the proposal is hatched)."""
    canvas = window.workspace.canvas
    left, top = canvas.view.to_view(x, y)
    side = max(1, int(canvas.zoom))
    return shown[int(top) : int(top) + side, int(left) : int(left) + side].reshape(-1, 3).mean(axis=0)


# -- with the real process -----------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_real_crf_is_previewed_applied_and_undone(window: MainWindow, qtbot) -> None:  # type: ignore[no-untyped-def]
    had_torch = "torch" in sys.modules
    before, plain = proposed(window), pixels(window, qtbot)
    steps = len(window.session.history.entries())
    card = opened(window, qtbot)
    desk = window.workspace.jobs.refine.desk
    qtbot.waitUntil(lambda: desk.preview is not None and desk.preview.is_complete, timeout=120_000)
    assert drawn(window)[10:30, 10:30].all() and (drawn(window) != 0).sum() == 400, "it follows the bright square"
    assert (proposed(window) == before).all()
    seen = pixels(window, qtbot)
    assert np.abs(color_at(window, seen, 11, 20) - color_at(window, plain, 11, 20)).max() > 20
    assert np.abs(color_at(window, seen, 5, 40) - color_at(window, plain, 5, 40)).max() < 2
    QTest.mouseClick(card.apply_button, LEFT)
    qtbot.waitUntil(lambda: not desk.is_applying, timeout=60_000)
    assert card.isHidden() and len(window.session.history.entries()) == steps + 1
    assert (proposed(window) != 0).sum() == 400 and window.job_strip.job_ids() == []
    assert window.trigger("edit.undo") and (proposed(window) == before).all()
    assert ("torch" in sys.modules) == had_torch, "the window never imports torch"


# -- the card ------------------------------------------------------------------------------------------------------


def test_disabled_with_its_reason(qtbot, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    with open_window(qtbot) as window:
        open_project(window, tmp_path, qtbot, images=1)
        panel = window.workspace.docks.reveal("model")
        assert not panel.refine.isEnabled() and not window.trigger("model.refine")
        at = panel.refine.rect().center()
        QApplication.sendEvent(panel.refine, QHelpEvent(QEvent.Type.ToolTip, at, panel.refine.mapToGlobal(at)))
        assert "no proposal" in panel.refine.toolTip()
        propose(window, PROPOSED)
        assert panel.refine.isEnabled()
        QApplication.sendEvent(panel.refine, QHelpEvent(QEvent.Type.ToolTip, at, panel.refine.mapToGlobal(at)))
        assert "follow the edges" in panel.refine.toolTip()


def test_button_opens_the_card_and_escape_drops_the_preview(window: MainWindow, qtbot, waiting) -> None:  # type: ignore[no-untyped-def]
    before, steps = proposed(window), len(window.session.history.entries())
    panel = window.workspace.docks.reveal("model")
    QTest.mouseClick(panel.refine, LEFT)
    card = window.workspace.jobs.refine.card
    assert card.isVisible() and card.bar.isVisible() and card.form.fields["theta_beta"].value() == 11
    asked(waiting, qtbot, 1)
    waiting[0].answer()
    assert not (drawn(window) == before).all() and "34 px" in card.result.text() and not card.bar.isVisible()
    QTest.keyClick(card.method, Qt.Key.Key_Escape)
    assert card.isHidden() and (drawn(window) == before).all() and (proposed(window) == before).all()
    assert len(window.session.history.entries()) == steps


def test_escape_on_the_canvas_closes_the_card_too(window: MainWindow, qtbot, waiting) -> None:  # type: ignore[no-untyped-def]
    card = opened(window, qtbot)
    asked(waiting, qtbot, 1)
    window.workspace.canvas.setFocus()
    QTest.keyClick(window.workspace.canvas, Qt.Key.Key_Escape)
    assert card.isHidden() and not waiting[0].is_busy


def test_an_option_typed_makes_one_new_preview(window: MainWindow, qtbot, waiting) -> None:  # type: ignore[no-untyped-def]
    card = opened(window, qtbot)
    asked(waiting, qtbot, 1)
    waiting[0].answer()
    field = card.form.fields["theta_beta"]
    for _ in range(3):
        QTest.keyClick(field, Qt.Key.Key_Up)
    assert dict(asked(waiting, qtbot, 2).options)["theta_beta"] == 14.0
    row = card.method.findData("refine/mrf")
    QTest.keyClick(card.method, Qt.Key.Key_End)
    assert card.method.currentIndex() == row and "theta_alpha_px" not in card.form.fields
    assert asked(waiting, qtbot, 3).method == "refine/mrf"


def test_without_preview_nothing_runs_until_apply(window: MainWindow, qtbot, waiting) -> None:  # type: ignore[no-untyped-def]
    card = opened(window, qtbot)
    asked(waiting, qtbot, 1)
    waiting[0].answer()
    QTest.mouseClick(card.preview.field, LEFT, pos=QPoint(8, card.preview.field.height() // 2))
    assert not window.settings.flag("refine.preview")
    qtbot.waitUntil(lambda: (drawn(window) == proposed(window)).all(), timeout=5000)
    assert "Apply" in card.result.text() and len(waiting[0].specs) == 1
    QTest.mouseClick(card.apply_button, LEFT)
    assert card.isHidden() and asked(waiting, qtbot, 2).task.rects is None


def test_preview_follows_the_view(qtbot, tmp_path: Path, waiting) -> None:  # type: ignore[no-untyped-def]
    with open_window(qtbot) as window:
        session = window.session
        assert session.create_project(tmp_path / "project", ClassTable().added("road"))
        file = tmp_path / "wide.png"
        Image.fromarray(np.full((2000, 2000, 3), 90, np.uint8)).save(file)
        session.add_images([file])
        qtbot.waitUntil(lambda: session.reader is not None, timeout=20_000)
        propose(window, Rect(0, 0, 1000, 2000))
        canvas = window.workspace.canvas
        canvas.set_view(canvas.view.centred_at(1000, 500, 8.0))
        card = opened(window, qtbot)
        asked(waiting, qtbot, 1)
        first = waiting[0].specs[-1].task.rects[0]
        seen = canvas.visible_rect()
        assert first.intersected(seen) == seen and first.width <= seen.width + 128, "no more than is seen, and a margin"
        waiting[0].answer()
        changed = np.argwhere(drawn(window) != proposed(window))
        assert len(changed) and changed[:, 0].max() < first.bottom
        start = QPoint(canvas.width() // 2, canvas.height() - 40)
        window.trigger("tool.pan")
        QTest.mousePress(canvas, LEFT, pos=start)
        for step in range(1, 11):
            QTest.mouseMove(canvas, start - QPoint(0, 60 * step))
        QTest.mouseRelease(canvas, LEFT, pos=start - QPoint(0, 600))
        second = asked(waiting, qtbot, 2).task.rects[0]
        assert second.y > first.y and second.intersected(canvas.visible_rect()) == canvas.visible_rect()
        waiting[0].answer()
        changed = np.argwhere(drawn(window) != proposed(window))
        assert changed[:, 0].min() >= second.y
        canvas.fit()
        assert asked(waiting, qtbot, 3).level > 0
        waiting[0].answer()
        qtbot.waitUntil(lambda: not window.workspace.jobs.refine.desk.is_busy, timeout=20_000)
        assert "1/4" in card.result.text() and not (drawn(window) == proposed(window)).all()


def test_a_failed_preview_is_said_in_the_card(window: MainWindow, qtbot, waiting) -> None:  # type: ignore[no-untyped-def]
    card = opened(window, qtbot)
    asked(waiting, qtbot, 1)
    waiting[0].fail("The file is gone.")
    assert card.result.text() == "The file is gone." and card.apply_button.isEnabled()
    assert len(waiting[0].specs) == 1
    QTest.keyClick(card.form.fields["iterations"], Qt.Key.Key_Up)
    asked(waiting, qtbot, 2)


def test_accepting_below_the_card_makes_the_preview_anew(window: MainWindow, qtbot, waiting) -> None:  # type: ignore[no-untyped-def]
    card = opened(window, qtbot)
    asked(waiting, qtbot, 1)
    waiting[0].answer()
    window.session.proposals.accept_mask(Rect(13, 13, 5, 5), np.ones((5, 5), bool))
    assert (drawn(window) == proposed(window)).all()
    asked(waiting, qtbot, 2)
    assert window.trigger("model.accept_all")
    assert not card.apply_button.isEnabled() and "no proposal" in card.result.text()


def test_the_card_is_dragged_and_folded_out_of_the_way(window: MainWindow, qtbot, waiting) -> None:  # type: ignore[no-untyped-def]
    card = opened(window, qtbot)
    place, height = card.pos(), card.height()
    canvas = window.workspace.canvas
    view = canvas.view
    QTest.mousePress(card, LEFT, pos=QPoint(20, 20))
    QTest.mouseMove(card, QPoint(-180, 70))
    QTest.mouseRelease(card, LEFT, pos=QPoint(20, 20))
    assert card.pos() == place + QPoint(-200, 50) and canvas.view == view
    QTest.mouseClick(card.fold_button, LEFT)
    assert card.form.isHidden() and card.height() < height / 2 and card.apply_button.isVisible()
    window.resize(1000, 500)
    assert canvas.rect().contains(card.geometry())
    QTest.mouseClick(card.fold_button, LEFT)
    assert card.form.isVisible() and card.height() == height


# -- apply ---------------------------------------------------------------------------------------------------------


def test_apply_shows_in_the_strip_and_is_one_step(window: MainWindow, qtbot, waiting) -> None:  # type: ignore[no-untyped-def]
    before, steps = proposed(window), len(window.session.history.entries())
    card = opened(window, qtbot)
    field = card.form.fields["iterations"]
    field.selectAll()
    QTest.keyClicks(field, "3")
    QTest.keyClick(field, Qt.Key.Key_Return)  # applies what was just typed
    assert card.isHidden()
    (job_id,) = window.job_strip.job_ids()
    assert "Refining" in window.job_strip.text_of(job_id)
    qtbot.waitUntil(lambda: bool(waiting) and waiting[0].specs[-1].task.rects is None, timeout=5000)
    qtbot.waitUntil(lambda: waiting[0].is_busy, timeout=5000)
    assert dict(waiting[0].specs[-1].options)["iterations"] == 3
    waiting[0].answer()
    qtbot.waitUntil(lambda: window.job_strip.job_ids() == [], timeout=20_000)
    assert (proposed(window) != before).sum() == 34 and len(window.session.history.entries()) == steps + 1
    assert window.trigger("edit.undo") and (proposed(window) == before).all()


def test_stop_in_the_strip(window: MainWindow, qtbot, waiting) -> None:  # type: ignore[no-untyped-def]
    before = proposed(window)
    window.settings.set("refine.preview", False)
    card = opened(window, qtbot)
    QTest.mouseClick(card.apply_button, LEFT)
    qtbot.waitUntil(lambda: bool(waiting) and waiting[0].is_busy, timeout=5000)
    waiting[0].send_pieces()
    assert not (drawn(window) == before).all()
    window.job_strip.cancel_requested.emit(window.job_strip.job_ids()[0])
    assert not waiting[0].is_busy and window.job_strip.job_ids() == []
    assert (drawn(window) == before).all() and (proposed(window) == before).all()


def test_a_new_proposal_meanwhile_is_said_in_one_sentence(window: MainWindow, qtbot, waiting) -> None:  # type: ignore[no-untyped-def]
    window.settings.set("refine.preview", False)
    card = opened(window, qtbot)
    QTest.mouseClick(card.apply_button, LEFT)
    qtbot.waitUntil(lambda: bool(waiting) and waiting[0].is_busy, timeout=5000)
    propose(window, Rect(30, 30, 5, 5))
    now = proposed(window)
    assert window.job_strip.job_ids() == [] and not waiting[0].is_busy
    said = [message.sentence for message in window.notices.messages if "changed while" in message.sentence]
    assert len(said) == 1 and (proposed(window) == now).all()


def test_a_failed_application_offers_another_try(window: MainWindow, qtbot, waiting) -> None:  # type: ignore[no-untyped-def]
    before = proposed(window)
    window.settings.set("refine.preview", False)
    card = opened(window, qtbot)
    QTest.mouseClick(card.apply_button, LEFT)
    qtbot.waitUntil(lambda: bool(waiting) and waiting[0].is_busy, timeout=5000)
    waiting[0].fail("There is not enough memory.")
    message = window.notices.messages[-1]
    assert "not enough memory" in message.sentence and (proposed(window) == before).all()
    assert window.job_strip.job_ids() == []
    QTest.mouseClick(next(b for b in message.buttons if b.text() == "Try again"), LEFT)
    assert card.isVisible()


def test_the_cards_of_regions_and_of_refining_give_way_to_each_other(window: MainWindow, qtbot, waiting) -> None:  # type: ignore[no-untyped-def]
    window.session.select_class(1)
    assert window.trigger("region.grow")
    regions = window.workspace.regions.card
    card = opened(window, qtbot)
    assert regions.isHidden()
    assert window.trigger("region.grow") and card.isHidden() and regions.isVisible()


class EndingChild:
    """A process whose job ends in the very look that follows its cancelling."""

    made: list[EndingChild] = []

    def __init__(self, *_: object, **__: object) -> None:
        self.given: list[object] = []
        self.is_busy = self.is_cancelled = False
        self.wait_handles: list[object] = []
        EndingChild.made.append(self)

    def submit(self, spec: object) -> None:
        self.given.append(spec)
        self.is_busy, self.is_cancelled = True, False

    def cancel(self) -> None:
        self.is_cancelled = True

    def poll(self, *_: object) -> list[protocol.Message]:
        if not (self.is_busy and self.is_cancelled):
            return []
        self.is_busy = False
        return [protocol.WasCancelled()]

    def shut_down(self) -> None:
        self.is_busy = False


def test_a_superseding_job_begins_although_the_former_ends_in_the_same_moment(qtbot, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setattr(threads, "ChildProcess", EndingChild)
    EndingChild.made = []
    thread = threads.ModelThread()
    try:
        thread.submit("first")
        qtbot.waitUntil(lambda: bool(EndingChild.made) and EndingChild.made[0].given == ["first"], timeout=5000)
        thread.submit("second")
        qtbot.waitUntil(lambda: EndingChild.made[0].given == ["first", "second"], timeout=5000)
    finally:
        thread.shut_down()
