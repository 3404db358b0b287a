"""How this process was started: alone, or as one of several by torchrun. No torch here."""

from __future__ import annotations

import os
from dataclasses import dataclass

from segstudio.core.errors import UserError


@dataclass(frozen=True)
class Launch:
    """A process among those of a run: ``rank`` of ``size``; ``local_rank`` of ``local_size`` on its machine."""

    rank: int = 0
    size: int = 1
    local_rank: int = 0
    local_size: int = 1


def launched() -> Launch:
    """What torchrun says in the environment (RANK, WORLD_SIZE, LOCAL_RANK, LOCAL_WORLD_SIZE); a lone process without it.

    Raises
    ------
    UserError
        When a variable is no number, or they contradict one another.
    """
    if "RANK" not in os.environ or "WORLD_SIZE" not in os.environ:
        return Launch()
    try:
        rank, size = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
        local_rank = int(os.environ.get("LOCAL_RANK", rank))
        local_size = int(os.environ.get("LOCAL_WORLD_SIZE", size))
    except ValueError as error:
        raise UserError(
            f"RANK and WORLD_SIZE in the environment are no numbers ({error})",
            remedy="start the processes with torchrun",
        ) from error
    if not 0 <= rank < size:
        raise UserError(f"RANK is {rank} of WORLD_SIZE {size}", remedy="start the processes with torchrun")
    return Launch(rank, size, local_rank, local_size)
