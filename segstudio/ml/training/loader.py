"""The processes that load patches: how they begin, and what a run says when one of them is ended."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Any

from segstudio.core import parent_watch
from segstudio.core.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from torch.utils.data import DataLoader

PREFETCHED = 4
"""Batches that each process has ready."""


def loader_options(workers: int, *, is_pinned: bool) -> dict[str, Any]:
    """Arguments of a DataLoader with *workers* processes: spawned, and kept from epoch to epoch."""
    return {
        "num_workers": workers,
        "multiprocessing_context": "spawn" if workers else None,
        "persistent_workers": workers > 0,
        "prefetch_factor": PREFETCHED if workers else None,
        "worker_init_fn": begin_worker,
        "pin_memory": is_pinned,
    }


def begin_worker(_: int) -> None:
    """Ctrl-C reaches the loader's processes too; the trainer decides what to do about it, and they go when it goes."""
    import cv2

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent_watch.start()
    cv2.setNumThreads(1)  # as torch does: the processes are the threads


def is_worker_fault(error: BaseException) -> bool:
    """Whether *error* says that a process of the loader is gone; torch raises it wherever the main thread is just then."""
    return isinstance(error, RuntimeError) and "DataLoader worker" in str(error)


def worker_error(run: Path) -> UserError:
    """The sentence for it; *run* is where checkpoints lie."""
    has_checkpoint = (run / "state.pt").is_file()
    return UserError(
        "a process that loads patches was ended, perhaps because memory ran out",
        path=run,
        remedy="go on from the last checkpoint with --resume and fewer --workers"
        if has_checkpoint
        else "start again with fewer --workers",
    )


def batches(loader: DataLoader[Any], run: Path) -> Iterator[Any]:
    """What *loader* gives for an epoch.

    Raises
    ------
    UserError
        When one of its processes was ended; *run* is where the last checkpoint lies. Other errors of the processes as they are.
    """
    iterator = iter(loader)
    while True:
        try:
            batch = next(iterator)
        except StopIteration:
            return
        except RuntimeError as error:
            if not is_worker_fault(error):
                raise
            raise worker_error(run) from error
        yield batch
