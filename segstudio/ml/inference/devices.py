"""Which processor a model runs on."""

from __future__ import annotations

import os

import torch

from segstudio.core.errors import UserError

BATCHES = {"cuda": 8, "mps": 4}
"""Windows in the first batch by kind of device; 1 elsewhere, so that a CPU looks up often."""


def choose_device(name: str = "auto") -> str:
    """Return "cuda:N", "mps" or "cpu" for "auto", "cpu", "cuda", "cuda:N" or "mps".

    Raises
    ------
    UserError
        For a device that is not there.
    """
    wanted = name.strip().lower()
    if wanted in {"", "auto"}:
        if torch.cuda.is_available():
            return "cuda:0"
        return "mps" if torch.backends.mps.is_available() else "cpu"
    kind, _, number = wanted.partition(":")
    if kind == "cpu" and not number:
        return "cpu"
    if kind == "mps" and not number:
        if not torch.backends.mps.is_available():
            raise UserError("this machine has no Apple GPU that torch can use", remedy="choose the device auto or cpu")
        return "mps"
    if kind == "cuda" and (not number or number.isdigit()):
        count = torch.cuda.device_count() if torch.cuda.is_available() else 0
        index = int(number or 0)
        if index >= count:
            have = f"{count} CUDA devices" if count else "no CUDA device that torch can use"
            raise UserError(f"the device {name} is not here: this machine has {have}", remedy="choose auto or cpu")
        return f"cuda:{index}"
    raise UserError(f"there is no device {name!r}", remedy="choose auto, cpu, cuda, cuda:N or mps")


def use_threads(count: int) -> None:
    """Let torch use so many threads of this process's CPU cores."""
    torch.set_num_threads(count)


def describe_devices() -> list[str]:
    """One line for each device, the one that "auto" takes first."""
    lines = []
    if torch.cuda.is_available():
        for index in range(torch.cuda.device_count()):
            properties = torch.cuda.get_device_properties(index)
            lines.append(f"cuda:{index}: {properties.name}, {properties.total_memory / 2**30:.0f} GB")
    if torch.backends.mps.is_available():
        lines.append("mps: Apple GPU")
    lines.append(f"cpu: {os.cpu_count() or 1} cores, torch uses {torch.get_num_threads()} threads")
    return lines


def first_batch(device: str) -> int:
    """How many windows to try at once on *device*."""
    return BATCHES.get(device.split(":")[0], 1)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether *error* is a device or the system running out of memory."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    text = str(error).lower()
    # The CPU allocator and cuDNN say it in words only.
    words = ("out of memory", "can't allocate memory", "not enough memory", "cudnn_status_alloc_failed")
    # oneDNN, when it cannot have its scratch memory; «primitive descriptor» would be an operation that it lacks.
    scratch = ("could not create a primitive", "could not create a memory object", "could not execute a primitive")
    return isinstance(error, RuntimeError) and (any(w in text for w in words) or text.strip() in scratch)


def free_cached(device: str) -> None:
    """Give back what torch holds in reserve on *device*."""
    if device.startswith("cuda"):
        torch.cuda.empty_cache()
    elif device == "mps":
        torch.mps.empty_cache()
