"""The trainer's whole state, to go on exactly where a killed run was: at the end of an epoch or after any step in it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch

from segstudio.core.errors import UserError
from segstudio.io.atomic import write_bytes_atomic
from segstudio.ml.weights import state_bytes

if TYPE_CHECKING:
    from pathlib import Path

FORMAT = 2
"""1: at the ends of epochs only; still read. 2: also in mid-epoch, and the names of the classes."""


@dataclass
class Progress:
    """What the loop knows besides parameters: counters and the best so far.

    ``epoch`` is the last whole one, ``step`` counts optimiser steps over the run. In mid-epoch ``batches`` of the next epoch are
    learnt, in ``epoch_steps`` steps whose losses make ``loss_sum``.
    """

    epoch: int = 0
    step: int = 0
    best_epoch: int = 0
    best_score: float = -1.0
    best_metrics: dict[str, Any] = field(default_factory=dict)
    batches: int = 0
    epoch_steps: int = 0
    loss_sum: float = 0.0
    classes: tuple[str, ...] = ()

    def count(self, batches: int, loss: float) -> None:
        """One more step, on so many batches."""
        self.step += 1
        self.epoch_steps += 1
        self.batches += batches
        self.loss_sum += loss

    def train_loss(self) -> float:
        """The mean loss of the epoch's steps."""
        return self.loss_sum / max(1, self.epoch_steps)

    def end_epoch(self, epoch: int) -> None:
        """*epoch* is done."""
        self.epoch, self.batches, self.epoch_steps, self.loss_sum = epoch, 0, 0, 0.0


def save_state(path: Path, progress: Progress, parts: dict[str, Any]) -> None:
    """Write progress, the state dicts in *parts* and torch's generators, atomically.

    Raises
    ------
    UserError
        When the disk is full or read-only.
    """
    counters = {**vars(progress), "classes": list(progress.classes)}
    document = {"format": FORMAT, "progress": counters, "rng": torch.get_rng_state(), **parts}
    if torch.cuda.is_available():
        document["cuda_rng"] = torch.cuda.get_rng_state_all()
    write_bytes_atomic(path, state_bytes(document))


@dataclass(frozen=True)
class State:
    """A checkpoint as it was read: ``parts`` are state dicts on the CPU."""

    progress: Progress
    parts: dict[str, Any]
    rng: torch.Tensor
    cuda_rng: list[torch.Tensor] | None

    def set_generators(self) -> None:
        """Go on drawing random numbers where the checkpoint was."""
        torch.set_rng_state(self.rng)
        if self.cuda_rng is not None and torch.cuda.is_available() and len(self.cuda_rng) == torch.cuda.device_count():
            torch.cuda.set_rng_state_all(self.cuda_rng)


def load_state(path: Path) -> State:
    """A checkpoint.

    Raises
    ------
    UserError
        When there is none, it is damaged, or of a later version.
    """
    try:
        document = torch.load(path, map_location="cpu", weights_only=True)
        written = int(document.pop("format"))
        if written > FORMAT:
            raise UserError(
                f"the checkpoint is of a later version of segstudio (format {written}; this one reads up to {FORMAT})",
                path=path,
                remedy="go on with the version that wrote it, or start a new run with --from its last.safetensors",
            )
        counters = document.pop("progress")
        progress = Progress(**{**counters, "classes": tuple(counters.get("classes", ()))})
        return State(progress, document, document.pop("rng"), document.pop("cuda_rng", None))
    except FileNotFoundError as error:
        raise UserError(
            "there is no checkpoint to go on from", path=path, remedy="start the run without --resume"
        ) from error
    except UserError:
        raise
    except Exception as error:  # noqa: BLE001 - a damaged checkpoint raises whatever its bytes lead to
        raise UserError(
            f"the checkpoint is damaged ({type(error).__name__})",
            path=path,
            remedy="start anew from the run's last.safetensors",
        ) from error
