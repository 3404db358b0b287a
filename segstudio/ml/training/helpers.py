"""Processes of our own that train together on this machine: this one is the first and starts the others."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import torch
from torch import distributed as dist

from segstudio.core import parent_watch
from segstudio.core.errors import UserError
from segstudio.ml.launched import Launch
from segstudio.ml.training.distributed import Ranks
from segstudio.ml.training.process_group import Lost, is_lost, leave, own_device

if TYPE_CHECKING:
    from collections.abc import Iterator
    from multiprocessing.connection import Connection
    from multiprocessing.context import SpawnProcess

    from segstudio.ml.plan import TrainPlan

HOST = "127.0.0.1"
LAST_WORD_S = 5.0
"""How long a helper that failed may take to say why, and one that is done to end."""


@contextmanager
def with_helpers(plan: TrainPlan) -> Iterator[Ranks]:
    """``plan.processes`` processes for as long as the block runs: this is the first, each other does the same as the block.

    Raises
    ------
    UserError
        What a helper could not do; :class:`~segstudio.ml.training.process_group.Lost` when one ended without a word.
    """
    size = plan.processes
    device, backend = own_device(plan.device, Launch(0, size, 0, size))
    threads = plan.threads or max(1, (os.cpu_count() or 1) // size)
    if device == "cpu":
        torch.set_num_threads(threads)
    store = dist.TCPStore(HOST, 0, size, is_master=True, wait_for_workers=False)  # type: ignore[attr-defined]
    helpers = [_start(plan, rank, store.port, threads) for rank in range(1, size)]
    is_done = False
    try:
        dist.init_process_group(backend, store=store, rank=0, world_size=size)
        yield Ranks(0, size, device)
        is_done = True
    except RuntimeError as error:
        if not is_lost(error):
            raise
        raise _last_word([pipe for _, pipe in helpers], size) from error
    finally:
        leave()
        _end(helpers, LAST_WORD_S if is_done else 0.0)


def _start(plan: TrainPlan, rank: int, port: int, threads: int) -> tuple[SpawnProcess, Connection]:
    context = multiprocessing.get_context("spawn")
    mine, other = context.Pipe(duplex=False)
    process = context.Process(target=_help, args=(plan, rank, port, threads, other), name=f"rank {rank}")
    process.start()
    other.close()
    return process, mine


def _help(plan: TrainPlan, rank: int, port: int, threads: int, pipe: Connection) -> None:
    """What a helper does: join, train, and say what went wrong if it was something a person can mend."""
    # Ctrl-C reaches this process too; the first one decides, and this one goes when it goes.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    parent_watch.start()
    torch.set_num_threads(threads)
    size = plan.processes
    os.environ.update(LOCAL_RANK=str(rank), LOCAL_WORLD_SIZE=str(size), RANK=str(rank), WORLD_SIZE=str(size))
    from segstudio.ml.training.trainer import Trainer

    try:
        device, backend = own_device(plan.device, Launch(rank, size, rank, size))
        store = dist.TCPStore(HOST, port, size, is_master=False)  # type: ignore[attr-defined]
        dist.init_process_group(backend, store=store, rank=rank, world_size=size)
        Trainer.run(replace(plan, device=device), lambda _: None)
    except Lost:
        pass  # the first process says it
    except UserError as error:
        pipe.send(error)
    finally:
        leave()
        pipe.close()


def _last_word(pipes: list[Connection], size: int) -> UserError:
    """What a helper said before it ended, else that one ended."""
    until = time.monotonic() + LAST_WORD_S
    waiting = list(pipes)
    while waiting and time.monotonic() < until:
        for pipe in multiprocessing.connection.wait(waiting, timeout=max(0.0, until - time.monotonic())):
            assert isinstance(pipe, multiprocessing.connection.Connection)
            try:
                error = pipe.recv()
            except EOFError:
                waiting.remove(pipe)
                continue
            if isinstance(error, UserError):
                return error
    return Lost(
        f"one of the {size} processes of this run ended, perhaps because memory ran out; the last checkpoint is kept",
        remedy="go on from it with --resume, with as many processes or fewer",
    )


def _end(helpers: list[tuple[SpawnProcess, Connection]], patience_s: float) -> None:
    for process, pipe in helpers:
        process.join(patience_s)
        if process.is_alive():
            process.kill()
            process.join()
        process.close()
        pipe.close()
