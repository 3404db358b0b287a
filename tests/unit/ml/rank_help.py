"""Several processes on gloo that the tests of shared training start."""

from __future__ import annotations

import multiprocessing
import pickle
import traceback
from datetime import timedelta

import torch
from torch import distributed as dist


def in_ranks(function, size, folder):
    """What *function*(ranks) returns in each of *size* processes; an AssertionError with the traceback where one fails."""
    context = multiprocessing.get_context("spawn")
    pipes, processes = [], []
    for rank in range(size):
        mine, other = context.Pipe()
        process = context.Process(target=_serve, args=(function, rank, size, str(folder / "store"), other))
        process.start()
        other.close()
        pipes.append(mine)
        processes.append(process)
    answers = []
    try:
        for pipe in pipes:
            is_good, answer = (
                pickle.loads(pipe.recv_bytes()) if pipe.poll(180) else (False, "no answer within three minutes")
            )
            assert is_good, answer
            answers.append(answer)
    finally:
        for process in processes:
            process.join(0 if len(answers) < size else 20)
            if process.is_alive():
                process.kill()
                process.join()
            process.close()
        for pipe in pipes:
            pipe.close()
    return answers


def _serve(function, rank, size, store, pipe):
    from segstudio.ml.training.distributed import Ranks

    torch.set_num_threads(1)
    dist.init_process_group(
        "gloo", init_method=f"file://{store}", rank=rank, world_size=size, timeout=timedelta(seconds=170)
    )
    try:
        # Plain pickle: torch's own way over a pipe needs the sender to live on.
        pipe.send_bytes(pickle.dumps((True, function(Ranks(rank, size)))))
    except BaseException:  # noqa: BLE001 - whatever it is, the test shows it
        pipe.send_bytes(pickle.dumps((False, traceback.format_exc())))
    finally:
        dist.destroy_process_group()
