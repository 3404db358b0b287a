"""Training from the window: start, pause, stop and keep; what it reports; the new model in the catalog at once."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Signal

from segstudio.app.presenters.training import TrainingPresenter
from segstudio.gui.i18n import tr
from segstudio.gui.notice_bar import Offer
from segstudio.gui.training_verdict import TrainingJudge
from segstudio.gui.turns import in_turns

WARM_S = 20.0
"""So long before its end the process that will propose with the new model is started: torch alone takes seconds to load."""

if TYPE_CHECKING:
    from segstudio.gui.job_center import JobCenter
    from segstudio.gui.threads import TrainingThread
    from segstudio.ml.plan import TrainPlan


class TrainingControl(QObject):
    """One run at a time, in a process of its own under :class:`TrainingThread`."""

    state_changed = Signal()
    """Began, paused, went on or ended."""
    stage_changed = Signal(str)
    """What it does while there is no number yet ("Reading the labels")."""

    def __init__(self, jobs: JobCenter) -> None:
        super().__init__(jobs)
        self._jobs = jobs
        self.presenter = TrainingPresenter(jobs.workspace.session)
        self._thread: TrainingThread | None = None
        self._job_id = ""
        self._plan: TrainPlan | None = None
        self._is_paused = False
        self._is_stopping = False
        self._lent: TrainingThread | None = None
        self._retired: list[TrainingThread] = []
        self.judge = TrainingJudge(jobs, self.presenter)

    def lend(self) -> TrainingThread:
        """A trainer's process for a search that is no run; one at a time, until :meth:`take_back`."""
        from segstudio.gui.threads import TrainingThread

        self.take_back()
        self._lent = TrainingThread(self)
        return self._lent

    def take_back(self) -> None:
        """End the process that was lent."""
        thread, self._lent = self._lent, None
        if thread is not None:
            self._retired.append(thread)
            thread.finished.connect(lambda: self._retired.remove(thread))
            thread.retire()

    @property
    def is_running(self) -> bool:
        """Whether a run is under way (paused counts)."""
        return bool(self._job_id)

    @property
    def run_folder(self) -> str:
        """The folder of the run that is under way, or was the last; "" before the first."""
        return "" if self._plan is None else self._plan.out

    @property
    def is_paused(self) -> bool:
        """Whether the run is held."""
        return self._is_paused

    @property
    def is_stopping(self) -> bool:
        """Whether the run was asked to end."""
        return self._is_stopping

    def start(self, plan: TrainPlan | None = None) -> bool:
        """Begin a run of *plan* (what the panel chose when none is given); False when it can't, and that is said."""
        from segstudio.jobs.specs import TrainSpec

        if self.is_running:
            return False
        wanted = self.presenter.plan() if plan is None else plan
        if wanted is None:
            return False
        self._plan = wanted
        self._is_paused = self._is_stopping = False
        self._job_id = self._jobs.begin(tr("Training"), self.stop_and_keep)
        self.judge.stop()
        self.presenter.begin()
        self._ensure_thread().submit(TrainSpec(wanted))
        self.state_changed.emit()
        return True

    def set_paused(self, is_paused: bool) -> None:
        """Hold the run after its present step, or go on."""
        if self._thread is None or not self.is_running:
            return
        self._is_paused = is_paused
        self._thread.set_paused(is_paused)
        self._jobs.report(self._job_id, title=tr("Training (paused)") if is_paused else tr("Training"))
        self.state_changed.emit()
        self._jobs.workspace.window.schedule_refresh()

    def stop_and_keep(self) -> None:
        """End the run after its present step; its best model stays."""
        if self._thread is None or not self.is_running:
            return
        if self._is_paused:
            self.set_paused(False)
        self._is_stopping = True
        self._thread.cancel()
        self._warm_up()
        self._jobs.report(self._job_id, is_ending=True)
        self.state_changed.emit()

    def on_project_changed(self) -> None:
        """A run belongs to its project: it ends with it."""
        self.judge.stop()
        if self.is_running:
            self.stop_and_keep()

    def shut_down(self) -> None:
        """End the trainer's process and wait for it."""
        self.judge.stop()
        for thread in filter(None, (self._lent, *self._retired)):
            thread.shut_down()
        self._lent = None
        if self._thread is not None:
            self._thread.shut_down()
            self._thread = None
        self._job_id = ""

    # -- what the trainer says ---------------------------------------------------------------------------------------

    def _ensure_thread(self) -> TrainingThread:
        if self._thread is None:
            from segstudio.gui.threads import TrainingThread

            self._thread = TrainingThread(self)
            self._thread.message_received.connect(self._on_message)
            self._thread.finished_job.connect(self._on_finished)
            self._thread.failed.connect(self._on_failed)
            self._thread.cancelled.connect(self._on_cancelled)
        return self._thread

    def _on_message(self, message: object) -> None:
        from segstudio.jobs import protocol

        if not self.is_running:
            return
        if isinstance(message, protocol.TrainEvent):
            self._on_event(message.event)
        elif isinstance(message, protocol.StageChanged):
            self._jobs.report(self._job_id, detail=tr(message.text))
            self.stage_changed.emit(tr(message.text))

    def _on_event(self, event: Any) -> None:
        from segstudio.ml import train_events

        if isinstance(event, train_events.StepDone) and not self._is_paused:
            self._jobs.report(
                self._job_id,
                event.step,
                event.steps,
                seconds_left=event.seconds_left,
                is_ending=self._is_stopping,
            )
        self.presenter.receive(event)
        is_last = isinstance(event, train_events.StepDone) and (event.seconds_left or WARM_S) < WARM_S
        if is_last and self.presenter.progress.best is not None:
            self._warm_up()

    def _warm_up(self) -> None:
        """Load the run's best model so far where no model is loaded: the first proposal after the end need not wait for torch."""
        if self._plan is not None and (Path(self._plan.out) / "best.safetensors").is_file():
            self._jobs.models.prefetch(self._plan.model_id or str(Path(self._plan.out) / "best.safetensors"))

    def _on_finished(self, result: object) -> None:
        if not self._end():
            return
        if self.presenter.progress.finished is None:
            self.presenter.end("cancelled")
        # Each in a turn of the event loop of its own: all at once they would hold up whoever is painting.
        in_turns(self, self._jobs.models.refresh_catalog, self._keep_time, lambda: self._offer(result))

    def _offer(self, result: object) -> None:
        """Say that the new model is there, and what can be done with it."""
        model_id = self._new_model(result)
        if not model_id:
            return
        self._jobs.models.prefetch(model_id)
        offers = [
            Offer(tr("Use it for this image"), lambda: self._use(model_id, propose=True)),
            Offer(tr("Make it the current model"), lambda: self._use(model_id, propose=False)),
        ]
        plan, finished = self._plan, self.presenter.progress.finished
        if plan is not None and finished is not None and finished.stopped_by in ("user", "time"):
            offers.append(Offer(tr("Train on"), lambda: self.start(replace(plan, is_resumed=True, max_minutes=0.0))))
        if plan is not None and plan.start_from:
            self.judge.begin(plan.start_from, model_id, plan.device)
        self._jobs.workspace.window.notices.say(
            tr("Training has ended. The new model “%1” is in the list.").replace("%1", model_id),
            "info",
            tuple(offers),
            key="trained",
        )

    def _keep_time(self) -> None:
        """What the run took tells how long the next will take."""
        from segstudio.ml.step_times import remember

        plan, times = self._plan, self.presenter.times
        if plan is None:
            times.forget()
            return

        def keep(run: Path = Path(plan.out)) -> None:
            remember(run)

        # It is written through to the disk, which may take a tenth of a second.
        self._jobs.workspace.background.run(keep, times.forget)

    def _new_model(self, result: object) -> str:
        """The id under which the run's model stands in the catalog; "" when it kept none."""
        wanted = str(getattr(result, "model_id", "") or "")
        out = str(self._plan.out) if self._plan is not None else ""
        for entry in self._jobs.models.entries():
            source = entry.card.weights
            if entry.is_available and (entry.card.id == wanted or (out and source.path.startswith(out))):
                return str(entry.card.id)
        return ""

    def _use(self, model_id: str, *, propose: bool) -> None:
        models, session = self._jobs.models, self._jobs.workspace.session
        models.choose(model_id)
        if propose and session.image_id is not None:
            models.propose([session.image_id])

    def _on_cancelled(self) -> None:
        self._on_finished(None)

    def _on_failed(self, sentence: str, details: str) -> None:
        if not self._end():
            return
        self.presenter.end("failed")
        self._jobs.models.refresh_catalog()
        offers = []
        plan = self._plan
        lowered = (sentence + details).casefold()
        if plan is not None and ("memory" in lowered or "signal 9" in lowered or "killed" in lowered):
            if plan.batch > 1:
                smaller = replace(plan, batch=max(1, plan.batch // 2))
                offers.append(Offer(tr("Try half the batch"), lambda: self.start(smaller)))
            if plan.device != "cpu":
                offers.append(Offer(tr("Try on the CPU"), lambda: self.start(replace(plan, device="cpu"))))
        elif plan is not None:
            offers.append(Offer(tr("Try again"), lambda: self.start(plan)))
        self._jobs.fail(sentence, details, offers)

    def _end(self) -> bool:
        if not self._job_id:
            return False
        job_id, self._job_id = self._job_id, ""
        self._is_paused = self._is_stopping = False
        self._jobs.end(job_id)
        self.state_changed.emit()
        return True
