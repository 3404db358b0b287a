"""The training loop: one function that the trainer process, the command line and the tests call."""

from __future__ import annotations

import math
import signal
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch.utils.data import DataLoader

from segstudio.core import parent_watch
from segstudio.core.errors import UserError
from segstudio.io.atomic import write_bytes_atomic
from segstudio.ml.encoders.freezing import keep_frozen
from segstudio.ml.networks.table import architecture
from segstudio.ml.train_events import EpochDone, RunFinished, StepDone, ValidationPictures
from segstudio.ml.training.checkpoint import Progress, load_state, save_state
from segstudio.ml.training.patches import EpochSampler
from segstudio.ml.training.run_folder import RunFolder
from segstudio.ml.training.setup import RunSetup, build_setup
from segstudio.ml.weights import save_weights

if TYPE_CHECKING:
    from segstudio.ml.cards import ModelCard
    from segstudio.ml.plan import TrainPlan
    from segstudio.ml.train_events import TrainControl, TrainSink
    from segstudio.ml.training.validate import Validation

PAUSE_POLL_S = 0.05
STEP_EVENT_S = 0.2
"""Steps are reported at most so often: a sink may sit behind a pipe."""


class _GoOn:
    """A control that never stops a run."""

    def is_set(self) -> bool:
        return False

    def is_paused(self) -> bool:
        return False


class Trainer:
    """Trains one network on one plan. :meth:`run` is the whole of its interface."""

    @staticmethod
    def run(plan: TrainPlan, sink: TrainSink, control: TrainControl | None = None) -> RunFinished:
        """Train as *plan* says, telling *sink* what happens, until done or until *control* says stop.

        Stopping keeps what was learnt. The same plan on the same device writes the same ``metrics.jsonl``; a run resumed from
        its checkpoint writes the lines that an unbroken one would have.

        Raises
        ------
        UserError
            When the data, the plan or the disk does not allow it.
        """
        if plan.is_resumed:
            plan = plan.as_begun()
        plan = plan.checked()
        if plan.threads:
            torch.set_num_threads(plan.threads)
        folder = RunFolder(Path(plan.out))
        folder.prepare(plan)
        setup = build_setup(plan)
        if setup.class_weights != plan.class_weights:
            # Computed just now: what goes on later must not compute them anew from labels that were changed since.
            plan = replace(plan, class_weights=setup.class_weights)
            folder.write_json(folder.config, plan.to_json())
        _check_batch(plan, len(setup.patches))
        folder.open_board(plan.has_tensorboard)
        try:
            return _Loop(plan, setup, folder, sink, control or _GoOn()).run()
        finally:
            folder.close()


def _check_batch(plan: TrainPlan, patches: int) -> None:
    """Normalisation over a batch needs more than one value of each feature at the network's coarsest level."""
    stride_px = architecture(plan.arch).stride_px
    if min(plan.batch, patches) * max(1, plan.patch_px // stride_px) ** 2 < 2:
        raise UserError(
            f"one patch of {plan.patch_px} px a step is too little to learn from",
            remedy=f"give --size {2 * stride_px} or more, or a larger --batch and more labelled images",
        )


def _leave_interrupts(_: int) -> None:
    """Ctrl-C reaches the loader's processes too; the trainer decides what to do about it, and they go when it goes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent_watch.start()


class _Loop:
    def __init__(
        self, plan: TrainPlan, setup: RunSetup, folder: RunFolder, sink: TrainSink, control: TrainControl
    ) -> None:
        self.plan, self.setup, self.folder, self.sink, self.control = plan, setup, folder, sink, control
        self.progress = Progress()
        self.started_s = time.monotonic()
        self.reported_s = 0.0
        self.first_step = 0
        self.stopped_by = ""
        self.sampler = EpochSampler(len(setup.patches), plan.seed)
        self.loader = DataLoader(
            setup.patches,
            batch_size=plan.batch,
            sampler=self.sampler,
            drop_last=len(setup.patches) >= plan.batch,
            num_workers=plan.workers,
            multiprocessing_context="spawn" if plan.workers else None,
            persistent_workers=plan.workers > 0,
            worker_init_fn=_leave_interrupts,
            pin_memory=setup.device.type == "cuda",
        )

    def run(self) -> RunFinished:
        torch.manual_seed(self.plan.seed)
        if self.plan.is_resumed:
            self.progress, parts = load_state(self.folder.state)
            try:
                self.setup.load_parts(parts)
            except (RuntimeError, ValueError, KeyError) as error:
                raise UserError(
                    f"the checkpoint does not fit what is trained now, which has the classes {', '.join(self.setup.data.classes)}",
                    path=self.folder.state,
                    remedy="were classes added or removed since? Start a new run, with --from this one",
                ) from error
            self.folder.rewrite_metrics(self.folder.read_metrics(self.progress.epoch))
        self.first_step = self.progress.step
        self.sink(self.setup.started(self.plan, self.progress.epoch + 1))
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
        setup = self.setup
        self.sampler.epoch = epoch
        setup.network.train()
        keep_frozen(setup.network)
        for batch in self.loader:
            if self._must_stop():
                break
            value = setup.step(*batch)
            if not math.isfinite(value):
                self.stopped_by = "nan"
                break
            self.progress.step += 1
            total, count = total + value, count + 1
            self._report_step(epoch, value)
        if self.stopped_by == "nan" or (self.stopped_by and count == 0):
            return
        self._end_epoch(epoch, total / max(1, count), time.monotonic() - began)

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
            lr=self.setup.current_lr(),
            seconds=seconds,
            is_best=is_best,
        )
        if is_best:
            self.progress.best_epoch, self.progress.best_score = epoch, score
            self.progress.best_metrics = {k: v for k, v in (scores or {}).items() if k != "confusion"}
        card = self._card(epoch, scores)
        for file in (self.folder.best, self.folder.last) if is_best else (self.folder.last,):
            save_weights(file, self.setup.weights(), card)
        if not self.stopped_by:
            self.folder.append_metrics(done)
            save_state(self.folder.state, self.progress, self.setup.parts())
        pictures = () if result is None else result.pictures
        self.folder.log_epoch(done, pictures)
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
        self.sink(finished)
        return finished
