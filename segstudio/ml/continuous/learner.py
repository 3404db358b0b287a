"""The trainer beside the hand: looks for corrections, learns a round, is judged, hands better weights over, and so on."""

from __future__ import annotations

import math
import time
from pathlib import Path
from typing import TYPE_CHECKING

from segstudio.core.errors import UserError
from segstudio.io.atomic import sweep_leftovers
from segstudio.io.store.locks import FolderLock
from segstudio.ml.continuous import versions
from segstudio.ml.continuous.cells import HeldOut
from segstudio.ml.continuous.corrections import Corrections, first_reading
from segstudio.ml.continuous.events import (
    Checked,
    CorrectionsTaken,
    LearningStarted,
    LearningStopped,
    LearnNote,
    LearnStageChanged,
    RoundProgress,
    VersionInfo,
)
from segstudio.ml.continuous.feed import PatchFeed
from segstudio.ml.continuous.gate import verdict
from segstudio.ml.continuous.judge import Judge, lut_between
from segstudio.ml.continuous.origin import origin_of, patch_side
from segstudio.ml.continuous.planes import TRAIN, VAL
from segstudio.ml.continuous.student import Student, predictor_of, train_plan

if TYPE_CHECKING:
    from segstudio.ml.continuous.cells import CellKey
    from segstudio.ml.continuous.events import LearnSink, LearnStage, StoppedBy
    from segstudio.ml.continuous.gate import Verdict
    from segstudio.ml.continuous.plan import LearnPlan
    from segstudio.ml.continuous.student import Predictor
    from segstudio.ml.train_events import TrainControl

HELD_OUT = "held_out.json"
PROGRESS_S = 0.2
PAUSE_POLL_S = 0.05
LEAST_STEPS = 16
"""A round has so many at least, however slow the computer is just now: fewer cannot be told from none."""
RECENT_ROUNDS = 3
"""So many rounds a correction counts as recent."""
MOST_NANS = 3
"""Steps in a row whose loss may be no number before the last good weights are taken again."""


class Learner:
    """Learns from a project's labels while they are made.

    :meth:`run` is all of it; a benchmark calls :meth:`look` and :meth:`round` in its own order instead, and :meth:`close` at the
    end. With ``plan.round_steps``, one thread and the CPU the same labels give the same weights.

    Raises
    ------
    UserError
        When the plan cannot be worked with, or the project is learnt from already.
    """

    def __init__(self, plan: LearnPlan, sink: LearnSink, control: TrainControl | None = None) -> None:
        self.plan, self._sink, self._control = plan.checked(), sink, control
        project = Path(plan.project)
        versions.prepare_folder(project)
        folder = versions.versions_folder(project)
        self._lock = FolderLock(folder)
        if not self._lock.acquire():
            raise UserError(
                f"This project is learnt from already, by {self._lock.holder()}",
                path=project,
                remedy="stop the other one first",
            )
        sweep_leftovers(folder)
        self._origin = origin_of(plan)
        self._current: VersionInfo | None = None if plan.is_fresh else versions.current(project)
        self._serial = versions.choice_serial(project)
        side = self._origin.card.working_long_side_px if self._origin.card else plan.working_long_side_px
        self._held_out_file = folder / HELD_OUT
        self.corrections = Corrections(
            project,
            HeldOut.load(self._held_out_file, plan.held_out, plan.seed),
            first_reading(project, plan.image_ids, side),
            plan.image_ids,
        )
        self._judge = Judge(self.corrections)
        self._student: Student | None = None
        self._feed: PatchFeed | None = None
        self._old: tuple[int, Predictor] | None = None
        self._recent: dict[CellKey, int] = {}
        self._told: list[str] = []
        self._has_looked = False
        self._waited = self._rounds = self._steps = self._nans = 0
        self._step_s = 0.0
        self._stage: LearnStage | None = None
        self._began_s = time.monotonic()
        self.is_waiting = False
        """Whether nothing more is to be gained before labels change."""

    def __enter__(self) -> Learner:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of files and of the lock; safe to call twice."""
        self.corrections.close()
        self._lock.release()

    # -- the whole of it -----------------------------------------------------------------------------------------

    def run(self) -> LearningStopped:
        """Go on until stopped; what came of it.

        Raises
        ------
        UserError
            When the project cannot be read, the network cannot be had or memory is too small for it.
        """
        try:
            reason: StoppedBy | None = None
            while reason is None:
                reason = self._go_on()
            return self._finish(reason)
        finally:
            self.close()

    def _go_on(self) -> StoppedBy | None:
        """One turn; why it ends, None for it does not."""
        if self._must_stop():
            return "user"
        if self.plan.max_rounds and self._rounds >= self.plan.max_rounds:
            return "rounds"
        if self.plan.max_minutes and time.monotonic() - self._began_s >= self.plan.max_minutes * 60:
            return "time"
        if not self._has_looked or self.corrections.may_have_changed():
            self.look()
        self._heed_choice()
        if self.is_waiting:
            if not self.plan.is_watching:
                return "patience"
            self._tell_stage("waiting", text=self._why_waiting())
            self._sleep(self.plan.poll_seconds)
            return None
        self.round()
        return None

    def _finish(self, reason: StoppedBy) -> LearningStopped:
        current = versions.current(self.plan.project)
        stopped = LearningStopped(
            versions=len(versions.list_versions(self.plan.project)),
            current=0 if current is None else current.number,
            rounds=self._rounds,
            steps=self._steps,
            seconds=time.monotonic() - self._began_s,
            stopped_by=reason,
            reason=self._why_waiting() if reason == "patience" else "",
        )
        self._sink(stopped)
        return stopped

    # -- labels --------------------------------------------------------------------------------------------------

    def look(self) -> bool:
        """Read what was labelled since the last time; whether anything was.

        Raises
        ------
        UserError
            When the project cannot be read.
        """
        if not self._has_looked:
            self._tell_stage("reading")
        promoted, classes = len(self.corrections.held_out.promoted), self.corrections.classes
        change = self.corrections.look()
        is_first, self._has_looked = not self._has_looked, True
        if len(self.corrections.held_out.promoted) != promoted:
            self._save_held_out()
        self._tell_notes()
        if not change.keys and self.corrections.classes == classes:
            return False
        if self.corrections.classes != classes:
            self._student = self._feed = None  # built anew, for the classes that there are now
        if not is_first:
            self._recent.update(dict.fromkeys(change.keys, RECENT_ROUNDS))
            self._tell_taken(change.image_ids, change.pixels)
        if self._feed is not None:
            self._feed.renew(self._recent)
        self._wake(change.image_ids)
        return True

    def _tell_taken(self, image_ids: tuple[int, ...], pixels: int) -> None:
        counts = [len(self.corrections.cells(role)) for role in (TRAIN, VAL)]
        self._sink(CorrectionsTaken(image_ids, pixels, time.time(), *counts))

    def _wake(self, image_ids: tuple[int, ...]) -> None:
        if self.is_waiting and self._waited and self._current is not None and self._student is not None:
            # It went on past the weights in use without a gain: what is new is learnt from those.
            self._student.go_on_from(Path(self._current.path))
        self._waited, self.is_waiting = 0, not self.corrections.is_enough
        if not self.is_waiting and self._stage == "waiting":
            self._tell_stage("fitting", image_ids[0] if image_ids else None)

    def _why_waiting(self) -> str:
        if not self.corrections.is_enough:
            return self.corrections.what_is_missing()
        return f"{self.plan.patience} rounds brought nothing better. It goes on when labels change."

    def _heed_choice(self) -> None:
        """Go on from another version when a person chose it meanwhile."""
        serial = versions.choice_serial(self.plan.project)
        if serial == self._serial:
            return
        self._serial, chosen = serial, versions.current(self.plan.project)
        if chosen is None or (self._current is not None and chosen.number == self._current.number):
            return
        self._current, self._waited = chosen, 0
        if self._student is not None:
            if self._fits(chosen):
                self._student.go_on_from(Path(chosen.path))
            else:
                self._student = self._feed = None
        self.is_waiting = not self.corrections.is_enough
        self._tell_stage("fitting", text=f"Going on from version {chosen.number}.")

    def _fits(self, version: VersionInfo) -> bool:
        """Whether a version is of the network and the classes that learn now."""
        return version.class_ids == self.corrections.classes.ids

    # -- a round -------------------------------------------------------------------------------------------------

    def round(self) -> Checked | None:
        """Learn for a round, and be judged; None where there is nothing to learn from yet, or it was stopped.

        Raises
        ------
        UserError
            When memory is too small, or the network cannot be had.
        """
        if not self._has_looked:
            self.look()
        if not self.corrections.is_enough:
            self.is_waiting = True
            return None
        self._ready()
        self._rounds += 1
        self._tell_stage("fitting")
        if not self._learn():
            return None
        self._tell_stage("checking")
        found = self._check()
        if found is None:
            return None
        self._recent = {key: left - 1 for key, left in self._recent.items() if left > 1}
        if self._feed is not None:
            self._feed.renew(self._recent)
        return self._told_verdict(found)

    def _ready(self) -> None:
        """Build the network where there is none for these classes."""
        if self._student is not None:
            return
        corrections, origin = self.corrections, self._origin
        start, card = origin.ref, origin.card
        if self._current is not None and (not self.plan.start_from or self._current.made_from or self._rounds):
            start, card = self._current.model_id, origin_of(self.plan, self._current.model_id).card
        side = self.plan.patch_px or patch_side([plane.shape for plane in corrections.planes.values()])
        plan = train_plan(self.plan, start, card, side)
        self._student = Student(plan, corrections.classes, corrections.reading)
        self._feed = PatchFeed(corrections, plan)
        self._feed.renew(self._recent)
        if self.plan.threads:
            import torch

            torch.set_num_threads(self.plan.threads)
        self._sink(
            LearningStarted(
                model_id=start,
                version=0 if self._current is None else self._current.number,
                device=str(self._student.device),
                classes=corrections.classes.names,
                colors=corrections.classes.colors,
                parameters=self._student.parameters,
                images=len({place[0] for place in corrections.planes}),
                regions_train=len(corrections.cells(TRAIN)),
                regions_val=len(corrections.cells(VAL)),
                note=self._student.built.note,
            )
        )

    def _learn(self) -> bool:
        """The steps of a round; False when it was stopped, or the ground changed under it."""
        began = reported = looked = time.monotonic()
        steps = self.plan.round_steps or max(LEAST_STEPS, int(self.plan.round_seconds / (self._step_s or math.inf)))
        step = 0
        while step < steps:
            if self._must_stop():
                return False
            now = time.monotonic()
            if now - looked >= self.plan.poll_seconds:
                looked = now
                if not self._is_still_good():
                    return False
            loss = self._step()
            if loss is None:
                return False
            step += 1
            now = time.monotonic()
            if not self.plan.round_steps:
                # A round lasts so many seconds, whatever else the computer has to do.
                self._step_s = (now - began) / step
                steps = max(step, LEAST_STEPS, round(self.plan.round_seconds / self._step_s))
            if now - reported >= PROGRESS_S or step == steps:
                reported = now
                left = (now - began) / step * (steps - step)
                self._sink(RoundProgress(self._rounds, step, steps, loss, left))
        return True

    def _step(self) -> float | None:
        """One step's loss; None when there is nothing left to learn from."""
        assert self._student is not None and self._feed is not None
        try:
            batch = self._feed.batch(self._steps)
        except UserError as error:
            self._note(f"{error} What could be read before is learnt from no more until it is back.")
            self.corrections.drop_unreadable()
            self._feed.renew(self._recent)
            self.is_waiting = not self.corrections.is_enough
            return None if self.is_waiting else 0.0
        loss = self._student.learn(batch)
        self._steps += 1
        self._tell_notes()
        self._nans = 0 if math.isfinite(loss) else self._nans + 1
        if self._nans >= MOST_NANS:
            self._nans = 0
            self._note("The loss is no number: learning goes on from the last good weights.")
            self._student = self._feed = None
            return None
        return loss if math.isfinite(loss) else 0.0

    def _is_still_good(self) -> bool:
        """Take up corrections in the middle of a round; whether the round can go on."""
        number = 0 if self._current is None else self._current.number
        if self.corrections.may_have_changed():
            self.look()
        self._heed_choice()
        now = 0 if self._current is None else self._current.number
        return self._student is not None and not self.is_waiting and now == number

    # -- the gate ------------------------------------------------------------------------------------------------

    def _check(self) -> Verdict | None:
        assert self._student is not None
        corrections = self.corrections
        stop = self._is_set
        after = self._judge.judged(self._student.predictor(), is_stopped=stop)
        before = None
        if self._current is not None and after is not None:
            lut = lut_between(self._current, corrections.classes)
            before = self._judge.judged(self._in_use(), lut, version=self._current.number, is_stopped=stop)
            self._judge.keep_only(self._current.number)
            if before is None:
                return None
        if after is None:
            return None
        names = {place: plane.image.name for place, plane in corrections.planes.items()}
        return verdict(before, after, corrections.classes.names, names, self.plan.gain)

    def _in_use(self) -> Predictor:
        """The network of the weights in use, loaded when it is first asked for."""
        assert self._current is not None and self._student is not None
        if self._old is None or self._old[0] != self._current.number:
            self._old = (self._current.number, predictor_of(Path(self._current.path), self._student.device))
        return self._old[1]

    def _told_verdict(self, found: Verdict) -> Checked:
        version, reason = None, found.reason
        if found.is_accepted:
            self._tell_stage("handing over")
            version, reason = self._hand_over(found)
        self._waited = 0 if version is not None else self._waited + 1
        checked = Checked(
            round=self._rounds,
            is_accepted=version is not None,
            before=found.before,
            after=found.after,
            images=found.images,
            reason=reason,
            version=version,
            per_class=found.per_class,
            waited=self._waited,
            patience=self.plan.patience,
        )
        self.is_waiting = self._waited >= self.plan.patience
        self._sink(checked)
        return checked

    def _hand_over(self, found: Verdict) -> tuple[VersionInfo | None, str]:
        """Write the weights as the version in use; (it, "") or (None, why not)."""
        assert self._student is not None
        project, classes = self.plan.project, self.corrections.classes
        number = versions.next_number(project)
        about = {"version": number, "mean_dice": found.after, "mean_iou": found.iou, "split": "held-out regions"}
        info = VersionInfo(
            number=number,
            model_id=versions.model_id_of(number),
            path="",
            at_s=time.time(),
            mean_dice=found.after,
            mean_iou=found.iou,
            images=found.images,
            made_from=0 if self._current is None else self._current.number,
            seconds=time.monotonic() - self._began_s,
            rounds=self._rounds,
            steps=self._steps,
            labelled_pixels=sum(cell.pixels for cell in self.corrections.cells(TRAIN).values()),
            classes=classes.names,
            class_ids=classes.ids,
        )
        try:
            packed = self._student.packed(f"learnt v{number}", about)
            info = versions.add_version(project, packed, info)
            versions.prune(project, self.plan.kept_versions, spared=(info.made_from,))
        except UserError as error:
            reason = f"The better weights could not be kept: {error}"
            self._note(reason)
            return None, reason
        self._current = info
        return info, ""

    # -- telling and heeding -------------------------------------------------------------------------------------

    def _is_set(self) -> bool:
        return self._control is not None and self._control.is_set()

    def _must_stop(self) -> bool:
        """Whether it was told to end; waits while it is paused."""
        if self._control is None:
            return False
        before = self._stage
        while self._control.is_paused() and not self._control.is_set():
            self._tell_stage("paused")
            time.sleep(PAUSE_POLL_S)
        if self._stage == "paused" and before is not None and before != "paused":
            self._tell_stage(before)
        return self._control.is_set()

    def _sleep(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end and not self._is_set():
            time.sleep(min(PAUSE_POLL_S, max(0.0, end - time.monotonic())))

    def _tell_stage(self, stage: LearnStage, image_id: int | None = None, text: str = "") -> None:
        if stage != self._stage or image_id is not None or (text and stage != "waiting"):
            self._stage = stage
            self._sink(LearnStageChanged(stage, image_id, text))

    def _tell_notes(self) -> None:
        notes = [*self.corrections.notes, *([] if self._student is None else self._student.engine.notes)]
        for note in notes:
            self._note(note)

    def _note(self, text: str) -> None:
        if text not in self._told:
            self._told.append(text)
            self._sink(LearnNote(text))

    def _save_held_out(self) -> None:
        try:
            self.corrections.held_out.save(self._held_out_file)
        except UserError as error:
            # It is decided alike after a restart, but for what chance left out; learning goes on.
            self._note(f"What is held out could not be noted down: {error}")
