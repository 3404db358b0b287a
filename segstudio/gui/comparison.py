"""Comparing two models on the open image: asks them one after the other, shows both with a line between."""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QEvent, QObject, QTimer
from PySide6.QtGui import QKeyEvent

from segstudio.app.compare_desk import SIDES, CompareDesk
from segstudio.app.compare_figures import figures_of
from segstudio.gui.background import SlotBackground
from segstudio.gui.canvas.swipe import SwipeLayers
from segstudio.gui.canvas.swipe_handle import SideLabel, SwipeHandle
from segstudio.gui.i18n import tr
from segstudio.gui.panels.compare_card import CompareCard
from segstudio.jobs import protocol

if TYPE_CHECKING:
    from collections.abc import Iterator

    from segstudio.app.compare_desk import CompareSide, Side
    from segstudio.app.compare_figures import CompareFigures
    from segstudio.core.geometry import Rect
    from segstudio.gui.job_center import JobCenter

LOOKING_TOOLS = frozenset({"pan", "measure", "picker", "crosshair"})
"""Tools that change nothing; taking up another one ends the comparison."""
COUNT_AFTER_MS = 150
"""So long after the last change the figures are worked out."""
KEEP_BUDGET_S = 0.006
"""So long a piece of keeping may take before the window has its turn."""
MARGIN_PX = 12


class Comparison(QObject):
    """What is on the canvas while two models are compared. Made when it is first asked for."""

    def __init__(self, jobs: JobCenter) -> None:
        super().__init__(jobs)
        self._jobs, self._workspace = jobs, jobs.workspace
        self._session: Any = jobs.workspace.session
        self.canvas = jobs.workspace.canvas
        self.desk = CompareDesk(self._session, jobs.models.presenter)
        self.swipe = SwipeLayers(self._session, self.desk)
        self.handle = SwipeHandle(self.canvas)
        self.labels: dict[Side, SideLabel] = {side: SideLabel(self.canvas, is_left=side == "left") for side in SIDES}
        self.card = CompareCard(self.canvas)
        self.figures: CompareFigures | None = None
        self._background = SlotBackground(self)
        self._count_soon = QTimer(self, singleShot=True, interval=COUNT_AFTER_MS)
        self._keep_timer = QTimer(self, interval=0)
        self._keeping: Iterator[int] | None = None
        self._job_id, self._former_tool, self._is_asking = "", "", False
        self._line_x = 0
        self._connect()

    def _connect(self) -> None:
        session = self._session
        self.desk.changed.connect(self._show)
        self.desk.painted.connect(self._on_painted)
        self.handle.moved.connect(self._on_moved)
        self.handle.swapped.connect(self._on_swapped)
        self.card.keep_requested.connect(self.keep)
        self.card.close_requested.connect(self.close)
        self.card.match_requested.connect(self.match_classes)
        self.card.labels_toggled.connect(self._on_labels)
        self._count_soon.timeout.connect(self._count)
        self._keep_timer.timeout.connect(self._keep_on)
        for signal in (session.image_changed, session.plane_changed, session.project_changed):
            signal.connect(self._on_gone)
        for signal in (session.threshold_changed, session.layer_changed):
            signal.connect(self._on_document)
        for signal in (session.classes_changed, self._jobs.models.presenter.changed):
            signal.connect(self._on_matched)
        self._workspace.toolbox.tool_changed.connect(self._on_tool)
        self.canvas.installEventFilter(self)

    # -- begin and end -------------------------------------------------------------------------------------------

    @property
    def is_on(self) -> bool:
        """Whether two models are being compared."""
        return self.desk.is_open

    @property
    def is_busy(self) -> bool:
        """Whether an answer, a figure or the keeping is awaited."""
        waits = self._is_asking or self._count_soon.isActive() or not self._background.is_idle
        return waits or self._keeping is not None

    def start(self, left_id: str, right_id: str, *, is_whole: bool = False) -> bool:
        """Let two models propose beside each other; False when that can't begin (and why is said)."""
        self.close()
        if self._jobs.models.is_busy:
            self._workspace.window.say(tr("The model is at work already. Stop it first, or wait."))
            return False
        self.figures = None
        self.swipe.clear()
        if not self.desk.open(left_id, right_id, self.canvas.visible_rect(), is_whole=is_whole):
            return False
        self._session.set_meta("compared", [left_id, right_id])
        self._former_tool = self._workspace.toolbox.chosen_id
        self._workspace.toolbox.select("pan")
        self.canvas.set_swipe(self.swipe)
        for part in (*self.labels.values(), self.handle, self.card):
            part.show()
            part.raise_()
        self._place()
        self.canvas.setFocus()
        self._ask()
        return True

    def close(self) -> bool:
        """End it without a trace; False when nothing was compared."""
        if not self.desk.is_open:
            return False
        self._stop_keeping()
        self.desk.close()
        self._background.drop("figures")
        self._count_soon.stop()
        self.handle.release()
        for part in (self.handle, self.card, *self.labels.values()):
            part.hide()
        self.canvas.set_swipe(None)
        self.swipe.clear()
        if self._is_asking:
            self._jobs.models.cancel_guest()
        self._end_job()
        if self._former_tool and self._workspace.toolbox.chosen_id == "pan":
            self._workspace.toolbox.select(self._former_tool)
        self._former_tool = ""
        self.canvas.setFocus()
        return True

    def shut_down(self) -> None:
        """The window closes."""
        self.close()
        self._background.shut_down()

    def _end_job(self) -> None:
        if self._job_id:
            self._jobs.end(self._job_id)
            self._job_id = ""

    # -- asking the models ---------------------------------------------------------------------------------------

    def _ask(self) -> None:
        """Send the next side's request; with none left, work out the figures."""
        request = self.desk.next_request()
        if request is None:
            self._end_job()
            self._count_soon.start()
            return
        side, spec = request
        thread = self._jobs.models.lend(self)
        if thread is None:
            self.desk.fail(side, tr("The model is at work already. Stop it first, or wait."))
            self._ask()
            return
        self._is_asking = True
        if not self._job_id:
            self._job_id = self._jobs.begin(tr("Comparing two models"), self.close)
        thread.submit(spec)

    def _asked(self) -> CompareSide | None:
        sides = (self.desk.side(side) for side in SIDES) if self.desk.is_open else ()
        return next((one for one in sides if one.state == "working"), None)

    def on_message(self, message: object) -> None:
        """The model's process says something about our job."""
        asked = self._asked()
        if asked is None:
            return
        if isinstance(message, protocol.WindowReady) and message.result is not None:
            self.desk.receive(message.generation, message.result, message.z)
        elif isinstance(message, protocol.StageChanged):
            self.desk.progress(asked.generation, 0.0, message.text)
        elif isinstance(message, protocol.Progress) and message.total > 0:
            share = message.done / message.total
            self.desk.progress(asked.generation, share)
            self._jobs.report(self._job_id, (asked.side == "right") + share, 2.0, detail=asked.name)

    def on_ended(self, result: object, sentence: str, details: str) -> None:
        """Our job is over."""
        self._is_asking = False
        asked = self._asked()
        if asked is None:
            return
        if sentence:
            self.desk.fail(asked.side, sentence)
        elif isinstance(result, dict):
            self.desk.finish(asked.generation, result.get("seconds"))
        else:
            self.desk.fail(asked.side, tr("It was stopped."))
        self._ask()

    # -- figures -------------------------------------------------------------------------------------------------

    def _count(self) -> None:
        request = self.desk.figure_request()
        if request is None:
            return
        self._background.run("figures", partial(figures_of, request), self._on_counted, self._on_not_counted)

    def _on_counted(self, figures: CompareFigures) -> None:
        if self.desk.is_open:
            self.figures = figures
            self._show()

    def _on_not_counted(self, sentence: str) -> None:
        self._workspace.window.say(sentence)

    def _on_document(self, *_: object) -> None:
        if self.desk.is_open and self._keeping is None:
            self._count_soon.start()

    def _on_matched(self, *_: object) -> None:
        """Classes, or what the models' classes are in the project, changed: seen and counted at once."""
        if self.desk.is_open:
            self.desk.refresh_classes()
            self.canvas.update()
            self._on_document()

    def match_classes(self) -> None:
        """Say what the classes of a model are in the project: of the one that found what the project does not have."""
        from segstudio.gui.dialogs.class_mapping import ClassMappingDialog

        sides = [one for one in map(self.desk.side, reversed(SIDES)) if one.entry is not None]
        strange = [one for one in sides if not self.desk.is_known(one.side)]
        for one in (strange or sides)[:1]:
            assert one.entry is not None
            window = self._workspace.window
            ClassMappingDialog(window, self._session, self._jobs.models, one.entry.card).open()

    # -- keeping -------------------------------------------------------------------------------------------------

    def keep(self, side: Side) -> None:
        """Make a side's answer the proposal of the image, and end the comparison."""
        if self._keeping is not None:
            return
        self._keeping = self.desk.keep_steps(side)
        if self._keeping is not None:
            self._keep_timer.start()
            self._show()

    def _keep_on(self) -> None:
        until_s = time.perf_counter() + KEEP_BUDGET_S
        while self._keeping is not None and time.perf_counter() < until_s:
            if next(self._keeping, None) is None:
                self._keep_timer.stop()
                self._keeping = None
                self.close()

    def _stop_keeping(self) -> None:
        """What was written so far is taken back: half a proposal is nobody's wish."""
        self._keep_timer.stop()
        if self._keeping is not None:
            self._keeping = None
            self._session.proposals.abandon()

    # -- what is seen --------------------------------------------------------------------------------------------

    def _show(self) -> None:
        if not self.desk.is_open:
            return
        for place, label in self.labels.items():
            one = self.desk.side(place if not self.swipe.is_swapped else SIDES[place == "left"])
            label.show_text(side_text(one), self.canvas.width() // 2 - 2 * MARGIN_PX)
        self.card.show_state(self.desk, self.figures, is_keeping=self._keeping is not None)
        self._place_card()

    def _place(self) -> None:
        self.handle.place()
        self._line_x = self.handle.line_x
        for label in self.labels.values():
            label.place(self.canvas.width() // 2 - 2 * MARGIN_PX)
        self._place_card()

    def _place_card(self) -> None:
        layout = self.card.layout()
        if layout is not None:
            layout.activate()
        self.card.adjustSize()
        x = self.canvas.width() - self.card.width() - MARGIN_PX
        self.card.move(max(0, x), max(0, self.canvas.height() - self.card.height() - MARGIN_PX))

    def _on_painted(self, side: Side, rect: Rect) -> None:
        self.swipe.change(side, rect)
        self.canvas.redraw_part(rect)

    def _on_moved(self, position: float) -> None:
        """Only what lies between the old and the new line is drawn again."""
        before, self._line_x = self._line_x, self.handle.line_x
        self.swipe.position = position
        left, right = min(before, self._line_x), max(before, self._line_x)
        self.canvas.update(left - 2, 0, right - left + 4, self.canvas.height())

    def _on_swapped(self, is_swapped: bool) -> None:
        self.swipe.is_swapped = is_swapped
        self._show()
        self.canvas.update()

    def _on_labels(self, are_shown: bool) -> None:
        self.swipe.shows_labels = are_shown
        self.canvas.update()

    # -- what ends it, and keys ----------------------------------------------------------------------------------

    def _on_gone(self, *_: object) -> None:
        self.close()

    def _on_tool(self, _tool_id: str) -> None:
        if self.desk.is_open and self._workspace.toolbox.chosen_id not in LOOKING_TOOLS:
            self._former_tool = ""
            self.close()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802
        """Stay in place when the canvas is resized; arrow keys over the canvas are the line's."""
        if not self.desk.is_open or watched is not self.canvas:
            return False
        kind = event.type()
        if kind == QEvent.Type.Resize:
            self._place()
        elif kind in (QEvent.Type.KeyPress, QEvent.Type.KeyRelease) and isinstance(event, QKeyEvent):
            return self.handle.take_key(event, is_down=kind == QEvent.Type.KeyPress)
        elif kind == QEvent.Type.FocusOut:
            self.handle.release()
        return False


def side_text(one: CompareSide) -> str:
    """What stands over a side: its name, and how long it took, how far it is, or why there is nothing."""
    if one.state == "failed":
        return one.sentence if one.name in one.sentence else f"{one.name}: {one.sentence}"
    if one.state == "done":
        return one.name if one.seconds is None else f"{one.name} · {seconds_text(one.seconds)}"
    if one.state == "waiting":
        return f"{one.name} · {tr('waiting')}"
    return f"{one.name} · {tr(one.stage) if one.stage else f'{round(one.share * 100)} %'}"


def seconds_text(seconds: float) -> str:
    """0.034 → "0.03 s", 3.21 → "3.2 s", 75 → "75 s"."""
    digits = 2 if seconds < 1 else 1 if seconds < 10 else 0
    return f"{seconds:.{digits}f} s"
