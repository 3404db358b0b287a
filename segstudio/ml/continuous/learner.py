"""The trainer beside the hand: looks for corrections, learns a round, is judged, hands better weights over, and so on."""

from __future__ import annotations

import math
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from segstudio.core.errors import UserError
from segstudio.ml.continuous import versions
from segstudio.ml.continuous.cells import HeldOut
from segstudio.ml.continuous.corrections import Corrections, first_reading
from segstudio.ml.continuous.events import (
    Checked,
    CorrectionsTaken,
    LearningStarted,
    LearningStopped,
    RoundProgress,
)
from segstudio.ml.continuous.feed import PatchFeed
from segstudio.ml.continuous.gatekeeper import Gatekeeper, Spent
from segstudio.ml.continuous.origin import origin_of, patch_side
from segstudio.ml.continuous.planes import TRAIN, VAL
from segstudio.ml.continuous.student import Student, train_plan
from segstudio.ml.continuous.telling import Teller
from segstudio.ml.inference.devices import choose_device

if TYPE_CHECKING:
    from segstudio.ml.continuous.cells import CellKey
    from segstudio.ml.continuous.events import LearnSink, StoppedBy, VersionInfo
    from segstudio.ml.continuous.gate import Verdict
    from segstudio.ml.continuous.plan import LearnPlan
    from segstudio.ml.train_events import TrainControl

HELD_OUT = "held_out.json"
PROGRESS_S = 0.2
LEAST_STEPS = 16
"""A round has so many at least, however slow the computer is just now: fewer cannot be told from none."""
RECENT_ROUNDS = 3
"""So many rounds a correction counts as recent."""
MOST_NANS = 3
"""Steps in a row whose loss may be no number before the last good weights are taken again, at a lower rate."""
NAN_RATE, LEAST_RATE = 0.3, 0.02
FIRST_PATIENCE = 3
"""Before there is any version it waits so many times as long: at first each round is far from what it could be."""


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
        self.plan, self._teller = plan.checked(), Teller(sink, control)
        project = Path(plan.project)
        self._lock = versions.locked(project)
        try:
            self._origin = origin_of(plan)
            side = self._origin.card.working_long_side_px if self._origin.card else plan.working_long_side_px
            self._held_out_file = versions.versions_folder(project) / HELD_OUT
            held_out = HeldOut.load(self._held_out_file, plan.held_out, plan.seed)
            reading = first_reading(project, plan.image_ids, side)
        except BaseException:
            self._lock.release()
            raise
        self.corrections = Corrections(project, held_out, reading, plan.image_ids)
        self._gate = Gatekeeper(plan, self.corrections)
        self._student: Student | None = None
        self._feed: PatchFeed | None = None
        self._recent: dict[CellKey, int] = {}
        self._has_looked = False
        self._waited = self._rounds = self._steps = self._nans = 0
        self._step_s, self._rate = 0.0, 1.0
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
        if self._teller.must_stop():
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
            self._teller.enter("waiting", text=self._why_waiting())
            self._teller.sleep(self.plan.poll_seconds)
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
        self._teller.say(stopped)
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
            self._teller.enter("reading")
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
        self._teller.say(CorrectionsTaken(image_ids, pixels, time.time(), *counts))

    def _wake(self, image_ids: tuple[int, ...]) -> None:
        current = self._gate.current
        if self.is_waiting and self._waited and current is not None and self._student is not None:
            # It went on past the weights in use without a gain: what is new is learnt from those.
            self._student.go_on_from(Path(current.path))
        if self._student is not None:
            self._student.slow_down(0)
        self._waited, self.is_waiting = 0, not self.corrections.is_enough
        if not self.is_waiting and self._teller.stage == "waiting":
            self._teller.enter("fitting", image_ids[0] if image_ids else None)

    def _why_waiting(self) -> str:
        if not self.corrections.is_enough:
            return self.corrections.what_is_missing()
        return f"{self._waited} rounds brought nothing better. It goes on when labels change."

    def _heed_choice(self) -> None:
        """Go on from another version when a person chose it meanwhile."""
        chosen = self._gate.chosen()
        if chosen is None:
            return
        self._waited = 0
        if self._student is not None:
            if chosen.class_ids == self.corrections.classes.ids:
                self._student.go_on_from(Path(chosen.path))
            else:
                self._student = self._feed = None
        self.is_waiting = not self.corrections.is_enough
        self._teller.enter("fitting", text=f"Going on from version {chosen.number}.")

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
        self._ready().weigh(self.corrections.labelled_pixels())
        self._rounds += 1
        self._teller.enter("fitting")
        if not self._learn():
            return None
        self._teller.enter("checking")
        assert self._student is not None
        found = self._gate.check(self._student, self._teller.is_set)
        if found is None:
            return None
        self._recent = {key: left - 1 for key, left in self._recent.items() if left > 1}
        if self._feed is not None:
            self._feed.renew(self._recent)
        return self._told_verdict(found)

    def _ready(self) -> Student:
        """The network; built where there is none for these classes."""
        if self._student is not None:
            return self._student
        corrections, origin = self.corrections, self._origin
        start, card = origin.ref, origin.card
        current = self._gate.current
        if current is not None and (not self.plan.start_from or self._rounds):
            start, card = current.model_id, origin_of(self.plan, current.model_id).card
        shapes = [plane.shape for plane in corrections.planes.values()]
        side = self.plan.patch_px or patch_side(shapes, choose_device(self.plan.device))
        plan = train_plan(replace(self.plan, lr=self.plan.lr * self._rate), start, card, side)
        self._student = Student(plan, corrections.classes, corrections.reading)
        self._feed = PatchFeed(corrections, plan)
        self._feed.renew(self._recent)
        if self.plan.threads:
            import torch

            torch.set_num_threads(self.plan.threads)
        self._teller.say(
            LearningStarted(
                model_id=start,
                version=self._gate.number,
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
        return self._student

    def _learn(self) -> bool:
        """The steps of a round; False when it was stopped, or the ground changed under it."""
        began = reported = looked = time.monotonic()
        steps = self.plan.round_steps or max(LEAST_STEPS, int(self.plan.round_seconds / (self._step_s or math.inf)))
        step = 0
        while step < steps:
            if self._teller.must_stop():
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
                self._teller.say(RoundProgress(self._rounds, step, steps, loss, left))
        return True

    def _step(self) -> float | None:
        """One step's loss; None when there is nothing left to learn from."""
        assert self._student is not None and self._feed is not None
        try:
            batch = self._feed.batch(self._steps)
        except UserError as error:
            self._teller.note(f"{error} What could be read before is learnt from no more until it is back.")
            self.corrections.drop_unreadable()
            self._feed.renew(self._recent)
            self.is_waiting = not self.corrections.is_enough
            return None if self.is_waiting else 0.0
        loss = self._student.learn(batch)
        self._steps += 1
        self._tell_notes()
        self._nans = 0 if math.isfinite(loss) else self._nans + 1
        if self._nans >= MOST_NANS:
            self._start_again()
            return None
        return loss if math.isfinite(loss) else 0.0

    def _start_again(self) -> None:
        """Go back to the last good weights, at a lower rate, after the loss was no number."""
        self._nans, self._rate = 0, self._rate * NAN_RATE
        if self._rate < LEAST_RATE:
            raise UserError(
                "The loss is no number at any rate",
                path=self.corrections.project,
                remedy="look for images with odd values, or begin with another network",
            )
        self._teller.note("The loss was no number: learning goes on from the last good weights, at a lower rate.")
        self._student = self._feed = None

    def _is_still_good(self) -> bool:
        """Take up corrections in the middle of a round; whether the round can go on."""
        number = self._gate.number
        if self.corrections.may_have_changed():
            self.look()
        self._heed_choice()
        return self._student is not None and not self.is_waiting and self._gate.number == number

    # -- the gate ------------------------------------------------------------------------------------------------------

    def _told_verdict(self, found: Verdict) -> Checked:
        version, reason = None, found.reason
        if found.is_accepted:
            version, reason = self._hand_over(found)
        self._waited = 0 if version is not None else self._waited + 1
        patience = self.plan.patience * (1 if self._gate.current is not None else FIRST_PATIENCE)
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
            patience=patience,
        )
        self.is_waiting = self._waited >= patience
        if self._student is not None:
            self._student.slow_down(0 if self._gate.current is None else self._waited)
        self._teller.say(checked)
        return checked

    def _hand_over(self, found: Verdict) -> tuple[VersionInfo | None, str]:
        """Write the weights as the version in use; (it, "") or (None, why not)."""
        assert self._student is not None
        self._teller.enter("handing over")
        spent = Spent(self._rounds, self._steps, time.monotonic() - self._began_s)
        try:
            return self._gate.hand_over(self._student, found, spent), ""
        except UserError as error:
            reason = f"The better weights could not be kept: {error}"
            self._teller.note(reason)
            return None, reason

    def _tell_notes(self) -> None:
        self._teller.notes([*self.corrections.notes, *([] if self._student is None else self._student.engine.notes)])

    def _save_held_out(self) -> None:
        try:
            self.corrections.held_out.save(self._held_out_file)
        except UserError as error:
            # It is decided alike after a restart, but for what chance left out; learning goes on.
            self._teller.note(f"What is held out could not be noted down: {error}")
