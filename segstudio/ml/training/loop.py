"""The loop over epochs and steps: what is counted, told, written and when it ends."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, Any

import torch

from segstudio.core.errors import UserError
from segstudio.io.atomic import write_bytes_atomic
from segstudio.ml.encoders.freezing import keep_frozen
from segstudio.ml.train_events import EpochDone, RunFinished, StepDone, ValidationPictures
from segstudio.ml.training.checkpoint import Progress, load_state, save_state
from segstudio.ml.training.engine import Batch
from segstudio.ml.training.feed import build_loader
from segstudio.ml.training.loader import batches
from segstudio.ml.training.sampler import EpochSampler
from segstudio.ml.weights import save_weights

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from segstudio.ml.cards import ModelCard
    from segstudio.ml.plan import TrainPlan
    from segstudio.ml.train_events import TrainControl, TrainSink
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
    ) -> None:
        self.plan, self.setup, self.folder, self.sink, self.control, self.hooks = (
            plan, setup, folder, sink, control, hooks,
        )  # fmt: skip
        self.progress = Progress()
        self.started_s = time.monotonic()
        self.reported_s = 0.0
        self.first_step = 0
        self.stopped_by = ""
        self.sampler = EpochSampler(len(setup.feed.patches), plan.seed)
        self.loader = build_loader(plan, setup.feed.patches, self.sampler, setup.device)

    def run(self) -> RunFinished:
        """Go on until done or stopped; what came of it."""
        torch.manual_seed(self.plan.seed)
        if self.plan.is_resumed:
            self.progress, parts = load_state(self.folder.state)
            try:
                self.setup.engine.load_parts(parts)
            except (RuntimeError, ValueError, KeyError) as error:
                raise UserError(
                    f"the checkpoint does not fit what is trained now, which has the classes {', '.join(self.setup.data.classes)}",
                    path=self.folder.state,
                    remedy="were classes added or removed since? Start a new run, with --from this one",
                ) from error
            self.folder.rewrite_metrics(self.folder.read_metrics(self.progress.epoch))
        self.first_step = self.progress.step
        started = self.setup.started(self.plan, self.progress.epoch + 1)
        self.sink(started)
        for hook in self.hooks:
            hook.started(self.setup, started)
        for epoch in range(self.progress.epoch + 1, self.plan.epochs + 1):
            self._epoch(epoch)
            if self.stopped_by:
                break
            if (
                self.plan.patience
                and epoch - self.progress.best_epoch >= self.plan.patience
                and epoch < self.plan.epochs
            ):
                self.stopped_by = "patience"
                break
        return self._finish()

    def _epoch(self, epoch: int) -> None:
        began = time.monotonic()
        total, count = 0.0, 0
        engine = self.setup.engine
        engine.network.train()
        keep_frozen(engine.module)
        for batch in self._batches(epoch):
            if self._must_stop():
                break
            value = engine.step([batch])
            if not math.isfinite(value):
                self.stopped_by = "nan"
                break
            self.progress.step += 1
            total, count = total + value, count + 1
            self._report_step(epoch, value)
        if self.stopped_by == "nan" or (self.stopped_by and count == 0):
            return
        self._end_epoch(epoch, total / max(1, count), time.monotonic() - began)

    def _batches(self, epoch: int) -> Iterator[Batch]:
        self.sampler.epoch = epoch
        keys = self.sampler.keys()
        # The loader once drew a number here for its processes' seeds; what dropout draws afterwards stays as it was.
        torch.empty((), dtype=torch.int64).random_()
        done = 0
        for images, targets, *more in batches(self.loader, self.folder.folder):
            count = len(images)
            border = next((part for part in more if part.is_floating_point()), None)
            seeds = next((part for part in more if not part.is_floating_point()), None)
            yield Batch(images, targets, border, tuple(keys[done : done + count]), seeds)
            done += count

    def _must_stop(self) -> bool:
        while self.control.is_paused() and not self.control.is_set():
            time.sleep(PAUSE_POLL_S)
        if self.control.is_set():
            self.stopped_by = "user"
        elif self.plan.max_minutes and time.monotonic() - self.started_s > self.plan.max_minutes * 60:
            self.stopped_by = "time"
        return bool(self.stopped_by)

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

    def _end_epoch(self, epoch: int, train_loss: float, seconds: float) -> None:
        is_due = epoch % self.plan.validate_every == 0 or epoch == self.plan.epochs or self.stopped_by == "time"
        result: Validation | None = None
        if is_due and self.stopped_by != "user":
            result = self.setup.validate(self.control.is_set)
        if result is not None and self.control.is_set():
            # It may have seen a part of the images only, and what an unbroken run would write here is not known.
            self.stopped_by, result = "user", None
        # A partial epoch is not the epoch of an unbroken run: it is not counted, only its weights are kept.
        self.progress.epoch = epoch if self.stopped_by == "" else self.progress.epoch
        scores = None if result is None else result.scores
        score = -1.0 if scores is None or scores["mean_iou"] is None else float(scores["mean_iou"])
        is_best = score > self.progress.best_score
        done = EpochDone(
            epoch=epoch,
            epochs=self.plan.epochs,
            train_loss=train_loss,
            val_loss=None if result is None or math.isnan(result.loss) else result.loss,
            mean_iou=None if scores is None else scores["mean_iou"],
            mean_dice=None if scores is None else scores["mean_dice"],
            pixel_accuracy=None if scores is None else scores["pixel_accuracy"],
            per_class_iou=() if scores is None else tuple(c["iou"] for c in scores["per_class"]),
            lr=self.setup.engine.current_lr(),
            seconds=seconds,
            is_best=is_best,
        )
        if is_best:
            self.progress.best_epoch, self.progress.best_score = epoch, score
            self.progress.best_metrics = {k: v for k, v in (scores or {}).items() if k != "confusion"}
        card = self._card(epoch, scores)
        for file in (self.folder.best, self.folder.last) if is_best else (self.folder.last,):
            save_weights(file, self.setup.engine.weights(), card)
        if not self.stopped_by:
            self.folder.append_metrics(done)
            save_state(self.folder.state, self.progress, self.setup.engine.parts())
        pictures = () if result is None else result.pictures
        for hook in self.hooks:
            hook.epoch_done(self.setup, done, result)
        self.sink(done)
        if pictures:
            self.sink(ValidationPictures(epoch, pictures))

    def _card(self, epoch: int, scores: dict[str, Any] | None) -> ModelCard:
        metrics = {k: v for k, v in (scores or {}).items() if k != "confusion"}
        return self.setup.card(self.plan, {**metrics, "split": "val", "epoch": epoch} if metrics else {"epoch": epoch})

    def _finish(self) -> RunFinished:
        if not self.folder.last.is_file():
            if self.stopped_by == "nan":
                raise UserError(
                    f"the loss is no number at step {self.progress.step + 1}",
                    path=self.folder.folder,
                    remedy="try a smaller learning rate",
                )
            raise UserError(
                "the run was stopped before its first step",
                path=self.folder.folder,
                remedy="start it again with the same command",
            )
        note = ""
        if self.stopped_by == "nan":
            note = f"The loss is no number at step {self.progress.step + 1}; the last good weights are kept. Try a smaller learning rate."
        if not self.folder.best.is_file():
            # Never validated, or with no labelled pixel to validate on: what there is, is the best, and the catalog lists it.
            write_bytes_atomic(self.folder.best, self.folder.last.read_bytes())
        finished = RunFinished(
            run=str(self.folder.folder),
            best=str(self.folder.best),
            last=str(self.folder.last),
            epochs=self.progress.epoch,
            best_epoch=self.progress.best_epoch,
            metrics=self.progress.best_metrics,
            stopped_by=self.stopped_by or "epochs",
            note=note,
        )
        for hook in self.hooks:
            hook.finished(self.setup, finished)
        self.sink(finished)
        return finished
