"""What a run keeps on the disk: its weights and its checkpoint, at the ends of epochs, in between, and when something fails."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from segstudio.core.errors import UserError
from segstudio.io.atomic import sweep_leftovers, write_bytes_atomic
from segstudio.ml.training.checkpoint import Progress, load_state, save_state
from segstudio.ml.training.distributed import ONE
from segstudio.ml.weights import save_weights

if TYPE_CHECKING:
    from collections.abc import Mapping

    import torch

    from segstudio.ml.plan import TrainPlan
    from segstudio.ml.train_events import EpochDone
    from segstudio.ml.training.distributed import Ranks
    from segstudio.ml.training.run_folder import RunFolder
    from segstudio.ml.training.setup import RunSetup


class Keeper:
    """Writes the run's ``state.pt``, ``last.safetensors`` and ``best.safetensors``; ``progress`` is what it goes on from.

    Of several processes the first writes; all of them read.
    """

    def __init__(self, plan: TrainPlan, setup: RunSetup, folder: RunFolder, ranks: Ranks = ONE) -> None:
        self.plan, self.setup, self.folder, self.ranks = plan, setup, folder, ranks
        self.progress = Progress(classes=setup.data.classes)
        self.notes: list[str] = []
        self._saved_s, self._has_saved = time.monotonic(), False
        if ranks.is_first:
            sweep_leftovers(folder.folder)

    def resume(self) -> None:
        """Set parameters, counters and generators to those of the checkpoint, and drop what was written after it.

        Raises
        ------
        UserError
            When there is none, it is damaged or of a later version, or the classes or the network are others now.
        """
        state = self.ranks.from_first(lambda: load_state(self.folder.state))
        now, then = self.setup.data.classes, state.progress.classes
        if then and now != then:
            raise UserError(
                f"the classes are {', '.join(now)} now, and were {', '.join(then)} when this run was begun",
                path=self.folder.state,
                remedy="start a new run, with --from this one",
            )
        try:
            self.setup.engine.load_parts(state.parts)
        except (RuntimeError, ValueError, KeyError) as error:
            raise UserError(
                f"the checkpoint does not fit what is trained now, which has the classes {', '.join(now)}",
                path=self.folder.state,
                remedy="were classes added or removed since? Start a new run, with --from this one",
            ) from error
        vars(self.progress).update({**vars(state.progress), "classes": now})
        if self.ranks.is_first:
            self.folder.rewrite_metrics(self.folder.read_metrics(self.progress.epoch))
        state.set_generators()

    def save(self) -> None:
        """Write the checkpoint.

        Raises
        ------
        UserError
            When the disk is full or read-only; the one before is as it was.
        """
        if self.ranks.is_first:
            save_state(self.folder.state, self.progress, self.setup.engine.parts())
        self._saved_s, self._has_saved = time.monotonic(), True

    def has_checkpoint(self) -> bool:
        """Whether the run can go on after a kill."""
        return self._has_saved or self.plan.is_resumed

    def append_metrics(self, done: EpochDone) -> None:
        """One more line in ``metrics.jsonl``; UserError when the disk is full."""
        if self.ranks.is_first:
            self.folder.append_metrics(done)

    def save_if_due(self) -> None:
        """Write the checkpoint in mid-epoch when the last one is old; where that fails the run goes on, and a note says so."""
        minutes = self.plan.checkpoint_minutes
        if not minutes or time.monotonic() - self._saved_s < minutes * 60 or not self.setup.engine.is_sound():
            return
        try:
            self.save()
        except UserError as error:
            self._saved_s = time.monotonic()
            note = f"{error} The run goes on from memory; its checkpoint is as old as before."
            if note not in self.notes:
                self.notes.append(note)

    def keep_weights(self, epoch: int, scores: Mapping[str, Any] | None, *, is_best: bool) -> None:
        """Write the weights as they are now, with a card that says how good they are.

        Raises
        ------
        UserError
            When the disk is full or read-only, or a parameter is not finite.
        """
        self._write(self.setup.engine.weights(), epoch, scores, is_best=is_best)

    def _write(
        self, weights: dict[str, torch.Tensor], epoch: int, scores: Mapping[str, Any] | None, *, is_best: bool = False
    ) -> None:
        if not self.ranks.is_first:
            return
        metrics = {k: v for k, v in (scores or {}).items() if k != "confusion"}
        card = self.setup.card(self.plan, {**metrics, "split": "val", "epoch": epoch} if metrics else {"epoch": epoch})
        for file in (self.folder.best, self.folder.last) if is_best else (self.folder.last,):
            save_weights(file, weights, card)

    def ensure_best(self) -> None:
        """Never validated, or with no labelled pixel to validate on: what there is, is the best, and the catalog lists it."""
        if self.ranks.is_first and not self.folder.best.is_file():
            write_bytes_atomic(self.folder.best, self.folder.last.read_bytes())

    def after_nan(self, where: str) -> str:
        """Keep the last good weights; the sentence about it.

        Raises
        ------
        UserError
            When there are none.
        """
        if not self.folder.last.is_file() and self.progress.step:
            self._keep_from_memory()
        what = f"the loss is no number {where}"
        if self.ranks.is_first and not self.folder.last.is_file():
            raise UserError(
                what, path=self.folder.folder, remedy="try a smaller learning rate, or look at these images' labels"
            )
        return f"{what[0].upper()}{what[1:]}; the last good weights are kept. Try a smaller learning rate."

    def lost(self, fault: str) -> UserError:
        """Keep the last good weights after the device failed; the error to raise."""
        if not self.folder.last.is_file() and self.folder.state.is_file():
            self._keep_from_checkpoint()
        has_checkpoint = self.folder.state.is_file()
        kept = "what was learnt until the last checkpoint is kept" if has_checkpoint else "nothing was learnt yet"
        how = "go on with --resume" if has_checkpoint else "start again with the same command"
        return UserError(
            f"{fault} in epoch {self.progress.epoch + 1}; {kept}",
            path=self.folder.folder,
            remedy=f"{how}, if need be on the CPU with --device cpu",
        )

    def _keep_from_memory(self) -> None:
        try:
            self._write(self.setup.engine.weights(), self.progress.epoch, None)
        except UserError:
            # Statistics of batch norms may be spoilt though no step was made; a checkpoint is older, but whole.
            if self.folder.state.is_file():
                self._keep_from_checkpoint()

    def _keep_from_checkpoint(self) -> None:
        parts = load_state(self.folder.state).parts
        prefix = "module."
        averaged = {k.removeprefix(prefix): v for k, v in parts.get("average", {}).items() if k.startswith(prefix)}
        self._write(averaged or parts["network"], self.progress.epoch, None)
