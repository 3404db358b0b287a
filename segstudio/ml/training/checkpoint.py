"""The trainer's whole state, to go on exactly where a killed run was."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch

from segstudio.core.errors import UserError
from segstudio.io.atomic import write_bytes_atomic
from segstudio.ml.weights import state_bytes

if TYPE_CHECKING:
    from pathlib import Path

FORMAT = 1


@dataclass
class Progress:
    """What the loop knows besides parameters: counters and the best so far."""

    epoch: int = 0
    step: int = 0
    best_epoch: int = 0
    best_score: float = -1.0
    best_metrics: dict[str, Any] = field(default_factory=dict)


def save_state(path: Path, progress: Progress, parts: dict[str, Any]) -> None:
    """Write progress, the state dicts in *parts* and torch's generator, atomically.

    Raises
    ------
    UserError
        When the disk is full or read-only.
    """
    document = {"format": FORMAT, "progress": vars(progress), "rng": torch.get_rng_state(), **parts}
    if torch.cuda.is_available():
        document["cuda_rng"] = torch.cuda.get_rng_state_all()
    write_bytes_atomic(path, state_bytes(document))


def load_state(path: Path) -> tuple[Progress, dict[str, Any]]:
    """(progress, state dicts) of a checkpoint; sets torch's generator.

    Raises
    ------
    UserError
        When there is none or it is damaged.
    """
    try:
        document = torch.load(path, map_location="cpu", weights_only=True)
        progress = Progress(**document.pop("progress"))
        torch.set_rng_state(document.pop("rng"))
    except FileNotFoundError as error:
        raise UserError(
            "there is no checkpoint to go on from", path=path, remedy="start the run without --resume"
        ) from error
    except Exception as error:  # noqa: BLE001 - a damaged checkpoint raises whatever its bytes lead to
        raise UserError(
            f"the checkpoint is damaged ({type(error).__name__})",
            path=path,
            remedy="start anew from the run's last.safetensors",
        ) from error
    cuda = document.pop("cuda_rng", None)
    if cuda is not None and torch.cuda.is_available():
        torch.cuda.set_rng_state_all(cuda)
    return progress, document
