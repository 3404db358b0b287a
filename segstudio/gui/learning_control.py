"""Learning while labelling, from the window: begin, hold, end; each better version goes to the model host at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Signal

from segstudio.app.presenters.learning import START_MODEL, LearningPresenter
from segstudio.gui.i18n import tr
from segstudio.gui.notice_bar import Offer
from segstudio.gui.proposal_renewal import ProposalRenewal
from segstudio.gui.turns import in_turns

if TYPE_CHECKING:
    from segstudio.gui.job_center import JobCenter
    from segstudio.gui.threads import LearningThread
    from segstudio.ml.continuous.events import VersionInfo
    from segstudio.ml.continuous.plan import LearnPlan


class LearningControl(QObject):
    """One learner at a time, in a process of its own under :class:`LearningThread`."""

    state_changed = Signal()
    """Began, was held, went on or ended."""

    def __init__(self, jobs: JobCenter) -> None:
        super().__init__(jobs)
        self._jobs = jobs
        self.presenter = LearningPresenter(jobs.workspace.session)
        self.renewal = ProposalRenewal(jobs, self.presenter)
        self._thread: LearningThread | None = None
        self._job_id = ""
        self._plan: LearnPlan | None = None
        self._is_paused = self._is_stopping = False
        self._waits_for_run = False
        self._held_state = ""
        self._first_model = ""
        self._has_left = False
        self._is_choosing = False
        self.presenter.version_made.connect(self._on_version)
        jobs.models.changed.connect(self._on_model_chosen)
        jobs.training.state_changed.connect(self._on_run)

    # -- how it stands -----------------------------------------------------------------------------------------------

    @property
    def is_running(self) -> bool:
        """Whether learning is under way (held, or waiting for labels, counts)."""
        return bool(self._job_id)

    @property
    def is_paused(self) -> bool:
        """Whether it is held."""
        return self._is_paused

    @property
    def is_stopping(self) -> bool:
        """Whether it was asked to end."""
        return self._is_stopping

    # -- doing -------------------------------------------------------------------------------------------------------

    def start(self, plan: LearnPlan | None = None) -> bool:
        """Begin with *plan* (what the panel chose when none is given); False when it can't, and that is said."""
        from segstudio.jobs.specs import LearnSpec

        if self.is_running:
            return False
        if self._jobs.training.is_running:
            self._jobs.workspace.window.say(tr("A training run is under way: learning can begin when it has ended."))
            return False
        wanted = self.presenter.plan(self._model_to_start_from(), self._device()) if plan is None else plan
        if wanted is None:
            return False
        self._plan = wanted
        self._is_paused = self._is_stopping = self._waits_for_run = self._has_left = False
        entry = self._jobs.models.current_entry()
        self._first_model = "" if entry is None else entry.card.id
        self._job_id = self._jobs.begin(tr("Learning"), self.stop, loses_nothing=True)
        self._jobs.workspace.window.notices.dismiss_key("learning")
        self.presenter.begin()
        self._show_job()
        self._ensure_thread().submit(LearnSpec(wanted))
        self._tell_state()
        if self.presenter.current is not None and not wanted.is_fresh and not wanted.start_from:
            self._take(self.presenter.current)
        return True

    def set_paused(self, is_paused: bool) -> None:
        """Hold it after its present step, or go on."""
        if self._thread is None or not self.is_running or is_paused == self._is_paused:
            return
        self._waits_for_run = False
        self._hold(is_paused)

    def stop(self) -> None:
        """End it after its present step; every version that passed stays."""
        if self._thread is None or not self.is_running or self._is_stopping:
            return
        if self._is_paused:
            self._hold(False)
        self._is_stopping = True
        self.renewal.stop()
        self._thread.cancel()
        self.presenter.set_state("stopping")
        self._jobs.report(self._job_id, is_ending=True)
        self._tell_state()

    def roll_back(self, number: int) -> bool:
        """Use a version again; learning under way goes on from it. False when that can't be, and it is said."""
        before = self.presenter.current
        info = self.presenter.roll_back(number)
        if info is None:
            return False
        self._has_left = False
        self._take(info)
        offers = []
        if before is not None and before.number != number:
            back = tr("Back to version %1").replace("%1", str(before.number))
            offers.append(Offer(back, lambda: self.roll_back(before.number)))
        self._jobs.workspace.window.notices.say(
            tr("Version %1 is in use again.").replace("%1", str(number)), "info", tuple(offers), key="learning"
        )
        return True

    def roll_back_one(self) -> bool:
        """Use the version before the one in use."""
        former = self.presenter.former
        return former is not None and self.roll_back(former.number)

    def on_project_changed(self) -> None:
        """Learning belongs to its project: it ends with it."""
        if self.is_running:
            self.stop()
        self.renewal.stop()

    def shut_down(self) -> None:
        """End the learner's process and wait for it."""
        self.renewal.stop()
        if self._thread is not None:
            self._thread.shut_down()
            self._thread = None
        self._job_id = ""

    def _hold(self, is_paused: bool) -> None:
        assert self._thread is not None
        self._is_paused = is_paused
        self._thread.set_paused(is_paused)
        state = self.presenter.progress.state
        if is_paused:
            self._held_state = state
            self.presenter.set_state("paused")
        elif state == "paused":
            self.presenter.set_state(self._held_state)
        self._tell_state()

    def _tell_state(self) -> None:
        self._show_job()
        self.state_changed.emit()
        self._jobs.workspace.window.schedule_refresh()

    def _model_to_start_from(self) -> str:
        entry = self._jobs.models.current_entry()
        return entry.card.id if entry is not None and self.presenter.start == START_MODEL else ""

    def _device(self) -> str:
        return str(self._jobs.workspace.settings.text("model.device"))

    def _on_run(self) -> None:
        """A training run and learning would halve each other's pace: learning waits, and goes on by itself."""
        is_training = self._jobs.training.is_running
        if not self.is_running or self._is_stopping or self._thread is None:
            return
        if is_training and not self._is_paused:
            self._waits_for_run = True
            self._hold(True)
        elif not is_training and self._waits_for_run:
            self._waits_for_run = False
            self._hold(False)

    # -- a new version -----------------------------------------------------------------------------------------------

    def _on_version(self, info: VersionInfo) -> None:
        if not self._is_stopping:
            self._take(info)

    def _take(self, info: VersionInfo) -> None:
        """Propose with this version from now on, unless another model was chosen meanwhile; each part in its turn."""
        steps = (self._jobs.models.refresh_catalog,) if self._has_left else (lambda: self._choose(info.model_id),)
        in_turns(self, *steps, lambda: self._want(info.model_id))

    def _choose(self, model_id: str) -> None:
        self._is_choosing = True
        try:
            self._jobs.models.presenter.select_new(model_id)
        finally:
            self._is_choosing = False

    def _want(self, model_id: str) -> None:
        if self._has_left or not self._jobs.workspace.session.is_open:
            return
        current = self.presenter.current
        if current is None or current.model_id != model_id:
            return  # a still newer one came
        self._jobs.models.prefetch(model_id, replaces=True)
        if not self._is_stopping:
            self.renewal.want(model_id, only_this=not self.is_running)

    def _on_model_chosen(self) -> None:
        """Somebody who takes another model while learning is on keeps it."""
        if not self.is_running or self._is_choosing:
            return
        entry = self._jobs.models.current_entry()
        chosen = "" if entry is None else entry.card.id
        was_left = self._has_left
        self._has_left = not self.presenter.is_learned(chosen) and chosen != self._first_model
        if self._has_left:
            self.renewal.stop()
        elif was_left and self.presenter.is_learned(chosen):
            self.renewal.want(chosen)

    # -- what the learner says ---------------------------------------------------------------------------------------

    def _ensure_thread(self) -> LearningThread:
        if self._thread is None:
            from segstudio.gui.threads import LearningThread

            self._thread = LearningThread(self)
            self._thread.message_received.connect(self._on_message)
            self._thread.finished_job.connect(self._on_finished)
            self._thread.failed.connect(self._on_failed)
            self._thread.cancelled.connect(lambda: self._on_finished(None))
        return self._thread

    def _on_message(self, message: object) -> None:
        from segstudio.jobs import protocol

        if self.is_running and isinstance(message, protocol.LearnEvent) and self._is_of_this_project():
            self.presenter.receive(message.event)
            if self._is_paused and self.presenter.progress.state not in ("paused", "stopping"):
                self._held_state = self.presenter.progress.state
                self.presenter.progress.state = "paused"
            self._show_job()

    def _is_of_this_project(self) -> bool:
        """Whether what the learner says is about the project that is open: it may still be ending for the former one."""
        folder = self._jobs.workspace.session.folder
        return self._plan is not None and folder is not None and str(folder) == self._plan.project

    def _show_job(self) -> None:
        progress = self.presenter.progress
        step = progress.step if progress.state == "fitting" else None
        is_idle = progress.state in ("waiting", "paused")
        detail = stage_text(progress.state)
        if progress.state == "fitting":
            detail = "" if step is None else tr("Round %1").replace("%1", str(step.round))
        self._jobs.report(
            self._job_id,
            0.0 if step is None else step.step,
            1.0 if is_idle else 0.0 if step is None else step.steps,
            detail=detail,
            is_ending=self._is_stopping,
        )

    def _on_finished(self, result: object) -> None:
        if result is not None and self._is_of_this_project():
            self.presenter.receive(result)
        if self._end("off"):
            in_turns(self, self._jobs.models.refresh_catalog)

    def _on_failed(self, sentence: str, details: str) -> None:
        if not self._end("failed"):
            return
        self._jobs.models.refresh_catalog()
        offers = [Offer(tr("Go on learning"), self.start)] if self._jobs.workspace.session.is_open else []
        self._jobs.fail(sentence, details, offers)

    def _end(self, state: str) -> bool:
        if not self._job_id:
            return False
        job_id, self._job_id = self._job_id, ""
        self._is_paused = self._is_stopping = self._waits_for_run = False
        self.renewal.stop()
        self._jobs.end(job_id)
        self.presenter.end(state)
        self.state_changed.emit()
        return True


def stage_text(state: str) -> str:
    """What learning does, in words; "" for a state without."""
    texts: dict[str, Any] = {
        "off": lambda: tr("Not learning"),
        "starting": lambda: tr("Starting"),
        "reading": lambda: tr("Reading the labels"),
        "fitting": lambda: tr("Learning from your corrections"),
        "checking": lambda: tr("Checking on labels that were held out"),
        "handing over": lambda: tr("Handing over a better version"),
        "waiting": lambda: tr("Waiting for new labels"),
        "paused": lambda: tr("Paused"),
        "stopping": lambda: tr("Stopping after this step"),
        "failed": lambda: tr("Ended by a failure"),
    }
    return texts[state]() if state in texts else ""
