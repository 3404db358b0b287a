"""Joining the processes that train together: those that torchrun or Ray started, or helpers of our own; and leaving them."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import torch
from torch import distributed as dist

from segstudio.core.errors import UserError
from segstudio.ml.launched import Launch, launched
from segstudio.ml.training.distributed import ONE, Ranks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_LOST = ("gloo", "connection closed", "connection reset", "broken pipe", "nccl", "timed out", "socket")
"""Words in what torch says when a process it waits for is gone."""


class Lost(UserError):
    """Another process of the run ended, so this one cannot go on."""


class ToldElsewhere(UserError):
    """The run failed, and another process says why."""


@contextmanager
def joined(device: str) -> Iterator[Ranks]:
    """Be one of the processes that torchrun or Ray started (or a lone one) for as long as the block runs; *device* is the plan's.

    Raises
    ------
    UserError
        When a process has no device of its own, when the processes do not find one another, or when one of them ends: of several
        that see it one raises :class:`Lost`, the others :class:`ToldElsewhere`. So it is with any other UserError.
    """
    launch = launched()
    if dist.is_initialized():
        with _translated(dist.get_world_size(), lambda: True):
            yield Ranks(dist.get_rank(), dist.get_world_size(), own_device(device, launch)[0])
        return
    if launch.size == 1:
        yield ONE
        return
    own, backend = own_device(device, launch)
    try:
        store, rank, size = next(dist.rendezvous("env://"))  # type: ignore[attr-defined]
        dist.init_process_group(backend, store=store, rank=rank, world_size=size)
    except (RuntimeError, ValueError) as error:
        raise UserError(
            f"the {launch.size} processes of this run do not find one another ({_first_line(error)})",
            remedy="start them with torchrun, with the same --rdzv-endpoint on every machine",
        ) from error

    def may_tell() -> bool:
        try:
            return bool(store.add("segstudio/told", 1) == 1)
        except RuntimeError:  # the store went with the process that kept it
            return True

    try:
        with _translated(size, may_tell):
            yield Ranks(rank, size, own)
    finally:
        leave()


def leave() -> None:
    """Leave the group; what waits for this process is told at once."""
    with suppress(RuntimeError, ValueError, AssertionError):
        dist.destroy_process_group()


def own_device(device: str, launch: Launch) -> tuple[str, str]:
    """(device of this process, how the processes exchange tensors) where the plan says *device*.

    Raises
    ------
    UserError
        When there are fewer GPUs than processes.
    """
    wanted = device.strip().lower()
    if wanted == "mps":
        raise UserError(
            "several processes cannot share an Apple GPU", remedy="train in one process, or choose the device cpu"
        )
    if wanted not in ("", "auto", "cuda"):
        return wanted, "gloo"  # all of them on the device that was named
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if not count and wanted != "cuda":
        return "cpu", "gloo"
    if launch.local_size > count:
        raise UserError(
            f"{launch.local_size} processes but {count} GPU{'s' if count != 1 else ''} on this machine",
            remedy=f"start {count} processes, or choose the device cpu" if count else "choose the device cpu",
        )
    torch.cuda.set_device(launch.local_rank)
    return f"cuda:{launch.local_rank}", "cpu:gloo,cuda:nccl" if dist.is_nccl_available() else "gloo"


@contextmanager
def _translated(size: int, may_tell: Callable[[], bool]) -> Iterator[None]:
    """Errors of the block as sentences, one for all processes."""
    try:
        yield
    except UserError as error:
        if may_tell():
            raise
        raise ToldElsewhere(error.message, path=error.path, remedy=error.remedy) from error
    except RuntimeError as error:
        if not is_lost(error):
            raise
        kind = Lost if may_tell() else ToldElsewhere
        raise kind(
            f"one of the {size} processes of this run ended; the last checkpoint is kept",
            remedy="go on from it with --resume, with as many processes or fewer",
        ) from error


def is_lost(error: BaseException) -> bool:
    """Whether *error* is torch's of a process that is gone."""
    if isinstance(error, dist.DistError):
        return True
    text = str(error).lower()
    return isinstance(error, RuntimeError) and any(word in text for word in _LOST)


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:200]
