"""The loop over epochs and steps: what is counted and told, and when it ends."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, Any

import torch

from segstudio.core.errors import UserError
from segstudio.ml.encoders.freezing import keep_frozen
from segstudio.ml.train_events import EpochDone, RunFinished, StepDone, TrainNote, ValidationPictures
from segstudio.ml.training.distributed import ONE
from segstudio.ml.training.engine import Batch
from segstudio.ml.training.faults import device_fault, where_it_failed
from segstudio.ml.training.feed import build_loader, parts_of
from segstudio.ml.training.keeper import Keeper
from segstudio.ml.training.loader import batches, is_worker_fault, worker_error
from segstudio.ml.training.sampler import EpochSampler

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from segstudio.ml.plan import TrainPlan
    from segstudio.ml.train_events import TrainControl, TrainSink
    from segstudio.ml.training.distributed import Ranks
    from segstudio.ml.training.hooks import RunHook
    from segstudio.ml.training.run_folder import RunFolder
    from segstudio.ml.training.setup import RunSetup
    from segstudio.ml.training.validate import Validation

PAUSE_POLL_S = 0.05
STEP_EVENT_S = 0.2
"""Steps are reported at most so often: a sink may sit behind a pipe."""


class Loop:
    """A run that is set up: :meth:`run` goes through its epochs."""

    def __init__(
        self,
        plan: TrainPlan,
        setup: RunSetup,
        folder: RunFolder,
        sink: TrainSink,
        control: TrainControl,
        hooks: Sequence[RunHook] = (),
        ranks: Ranks = ONE,
    ) -> None:
        self.plan, self.setup, self.folder, self.sink, self.control, self.hooks = (
            plan, setup, folder, sink, control, hooks,
        )  # fmt: skip
        self.ranks = ranks
        self.keeper = Keeper(plan, setup, folder, ranks)
        self.progress = self.keeper.progress
        self.started_s = time.monotonic()
        self.reported_s = 0.0
        self.first_step = 0
        self.stopped_by = ""
        self.failed_at = ""
        self.told: list[str] = []
        self.sampler = EpochSampler(len(setup.feed.patches), plan.seed)
        self.loader = build_loader(plan, setup.feed.patches, self.sampler, setup.device, ranks)

    def run(self) -> RunFinished:
        """Go on until done or stopped; what came of it.

        Raises
        ------
        UserError
            When the checkpoint does not fit, nothing was learnt, the disk is full, or the device failed.
        """
        torch.manual_seed(self.plan.seed)
        if self.plan.is_resumed:
            self.keeper.resume()
        self.first_step = self.progress.step
        started = self.setup.started(self.plan, self.progress.epoch + 1)
        self.sink(started)
        for hook in self.hooks:
            hook.started(self.setup, started)
        self._tell_notes()
        try:
            self._epochs()
        except (RuntimeError, MemoryError) as error:
            if is_worker_fault(error):
                raise worker_error(self.folder.folder) from error
            fault = device_fault(error, self.setup.device)
            if not fault:
                raise
            raise self.keeper.lost(fault) from error
        return self._finish()

    def _epochs(self) -> None:
        for epoch in range(self.progress.epoch + 1, self.plan.epochs + 1):
            self._epoch(epoch)
            if self.stopped_by:
                return
            waited = epoch - self.progress.best_epoch
            if self.plan.patience and waited >= self.plan.patience and epoch < self.plan.epochs:
                self.stopped_by = "patience"
                return

    def _epoch(self, epoch: int) -> None:
        began, first = time.monotonic(), self.progress.step
        engine = self.setup.engine
        engine.network.train()
        keep_frozen(engine.module)
        for group in self._groups(epoch):
            if self._must_stop():
                break
            self.ranks.seed_step(self.plan.seed, self.progress.step)
            value = engine.step(group)
            self._tell_notes()
            if not math.isfinite(value):
                self.stopped_by = "nan"
                self.failed_at = where_it_failed(self.setup.feed.patches, group, epoch, self.progress.step + 1)
                return
            self.progress.count(len(group), value)
            self._report_step(epoch, value)
            self.keeper.save_if_due()
        if self.stopped_by and self.progress.step == first:
            return
        self._end_epoch(epoch, time.monotonic() - began)

    def _groups(self, epoch: int) -> Iterator[list[Batch]]:
        """The batches of each step of the optimiser, from the first that is not learnt yet."""
        group: list[Batch] = []
        for batch in self._batches(epoch):
            group.append(batch)
            if len(group) == self.plan.accumulate:
                yield group
                group = []
        if group:
            yield group

    def _batches(self, epoch: int) -> Iterator[Batch]:
        if not self.progress.batches:
            # The loader once drew a number here for its processes' seeds; what dropout draws afterwards stays as it was.
            torch.empty((), dtype=torch.int64).random_()
        self.sampler.epoch = epoch
        self.sampler.skipped = min(self.progress.batches * self.plan.batch, self.sampler.length)
        keys, done = list(self.loader.sampler), 0  # of several processes those that this one learns
        for images, targets, *more in batches(self.loader, self.folder.folder):
            count = len(images)
            extras = parts_of(self.plan, more)
            yield Batch(images, targets, extras.border, tuple(keys[done : done + count]), extras.seeds, extras.weights)
            done += count

    def _must_stop(self) -> bool:
        while True:
            is_late = bool(self.plan.max_minutes) and time.monotonic() - self.started_s > self.plan.max_minutes * 60
            # What one process is told, all do.
            is_set, is_paused, is_late = self.ranks.any(self.control.is_set(), self.control.is_paused(), is_late)
            if is_set or not is_paused:
                break
            time.sleep(PAUSE_POLL_S)
        self.stopped_by = "user" if is_set else "time" if is_late else ""
        return bool(self.stopped_by)

    def _tell_notes(self) -> None:
        notes = [*self.setup.engine.notes, *self.keeper.notes]
        for note in notes[len(self.told) :]:
            self.sink(TrainNote(note))
        self.told = notes

    def _report_step(self, epoch: int, loss: float) -> None:
        now = time.monotonic()
        step, steps = self.progress.step, self.setup.steps_per_epoch * self.plan.epochs
        for hook in self.hooks:
            hook.step_done(self.setup, StepDone(step, steps, epoch, loss))
        if now - self.reported_s < STEP_EVENT_S and step < steps:
            return
        self.reported_s = now
        done = step - self.first_step
        left = (now - self.started_s) * (steps - step) / done if done else None
        self.sink(StepDone(step, steps, epoch, loss, left))

    def _end_epoch(self, epoch: int, seconds: float) -> None:
        if self.stopped_by or not self.keeper.has_checkpoint():
            # From here on the run can go on whatever happens.
            self.keeper.save()
        is_due = epoch % self.plan.validate_every == 0 or epoch == self.plan.epochs or self.stopped_by == "time"
        result: Validation | None = None
        if is_due and self.stopped_by != "user":
            result = self.setup.validate(self.control.is_set)
        if result is not None and self.ranks.any(self.control.is_set())[0]:
            # It may have seen a part of the images only, and what an unbroken run would write here is not known.
            if not self.stopped_by:
                self.keeper.save()
            self.stopped_by, result = "user", None
        scores = None if result is None else result.scores
        done = self._epoch_done(epoch, seconds, result, scores)
        if done.is_best:
            self.progress.best_epoch, self.progress.best_score = epoch, float(done.mean_iou or 0.0)
            self.progress.best_metrics = {k: v for k, v in (scores or {}).items() if k != "confusion"}
        self.keeper.keep_weights(epoch, scores, is_best=done.is_best)
        if not self.stopped_by:
            # A partial epoch is not the epoch of an unbroken run: it is not counted, only its weights are kept.
            self.progress.end_epoch(epoch)
            self.keeper.append_metrics(done)
            self.keeper.save()
        for hook in self.hooks:
            hook.epoch_done(self.setup, done, result)
        self.sink(done)
        if result is not None and result.pictures:
            self.sink(ValidationPictures(epoch, result.pictures))

    def _epoch_done(
        self, epoch: int, seconds: float, result: Validation | None, scores: dict[str, Any] | None
    ) -> EpochDone:
        score = -1.0 if scores is None or scores["mean_iou"] is None else float(scores["mean_iou"])
        return EpochDone(
            epoch=epoch,
            epochs=self.plan.epochs,
            train_loss=self.progress.train_loss(),
            val_loss=None if result is None or math.isnan(result.loss) else result.loss,
            mean_iou=None if scores is None else scores["mean_iou"],
            mean_dice=None if scores is None else scores["mean_dice"],
            pixel_accuracy=None if scores is None else scores["pixel_accuracy"],
            per_class_iou=() if scores is None else tuple(c["iou"] for c in scores["per_class"]),
            lr=self.setup.engine.current_lr(),
            seconds=seconds,
            is_best=score > self.progress.best_score,
        )

    def _finish(self) -> RunFinished:
        notes = list(self.told)
        if self.stopped_by == "nan":
            notes.append(self.keeper.after_nan(self.failed_at))
        if self.ranks.is_first and not self.folder.last.is_file():
            raise UserError(
                "the run was stopped before its first step",
                path=self.folder.folder,
                remedy="start it again with the same command",
            )
        self.keeper.ensure_best()
        finished = RunFinished(
            run=str(self.folder.folder),
            best=str(self.folder.best),
            last=str(self.folder.last),
            epochs=self.progress.epoch,
            best_epoch=self.progress.best_epoch,
            metrics=self.progress.best_metrics,
            stopped_by=self.stopped_by or "epochs",
            note=" ".join(notes),
        )
        for hook in self.hooks:
            hook.finished(self.setup, finished)
        self.sink(finished)
        return finished
