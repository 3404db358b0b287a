"""On what a run was made: versions, device, threads, and a digest of the images; it stands in ``config.json``."""

from __future__ import annotations

import hashlib
import os
import platform
from typing import TYPE_CHECKING, Any

import torch

import segstudio
from segstudio.ml.plan import RUN_FORMAT

if TYPE_CHECKING:
    from pathlib import Path

    from segstudio.ml.training.sources import TrainData

_WHOLE_BYTES, _PART_BYTES = 1 << 18, 1 << 16


def about_run(data: TrainData, device: torch.device) -> dict[str, Any]:
    """``{"format", "segstudio", "torch", "python", "machine", "device", "device_name", "threads", "cpus", "data"}``."""
    return {
        "format": RUN_FORMAT,
        **about_machine(device),
        "data": {
            "images": len(data.images),
            "train": len(data.of_split("train")),
            "val": len(data.of_split("val")),
            "digest": data_digest(data),
        },
    }


def about_machine(device: torch.device) -> dict[str, Any]:
    """The part of :func:`about_run` that a run that goes on may have otherwise."""
    return {
        "segstudio": segstudio.__version__,
        "torch": str(torch.__version__),
        "python": platform.python_version(),
        "machine": platform.platform(),
        "device": str(device),
        "device_name": device_name(device),
        "threads": torch.get_num_threads(),
        "cpus": os.cpu_count() or 0,
    }


def device_name(device: torch.device) -> str:
    """What a person calls the device: the graphics card's or the processor's name."""
    if device.type == "cuda":
        return str(torch.cuda.get_device_name(device))
    if device.type != "cpu":
        return device.type
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            names = (line.partition(":")[2].strip() for line in file if line.startswith("model name"))
            return next(names, "") or platform.machine()
    except OSError:
        return platform.processor() or platform.machine()


def data_digest(data: TrainData) -> str:
    """SHA-256 (its first 16 digits) of the sorted names, splits and contents of all images; "" when one cannot be read.

    Of files over 256 KiB the size, the first and the last 64 KiB count: a data set of gigabytes must not hold up a run.
    """
    whole = hashlib.sha256()
    try:
        files = {image.file: _file_digest(image.file) for image in data.images}
    except OSError:
        return ""
    for name, split, z, digest in sorted((i.name, i.split, i.z, files[i.file]) for i in data.images):
        whole.update(f"{name}\0{split}\0{z}\0{digest}\n".encode())
    return whole.hexdigest()[:16]


def _file_digest(file: Path) -> str:
    size = file.stat().st_size
    digest = hashlib.sha256(str(size).encode())
    with file.open("rb") as opened:
        if size <= _WHOLE_BYTES:
            digest.update(opened.read())
        else:
            digest.update(opened.read(_PART_BYTES))
            opened.seek(size - _PART_BYTES)
            digest.update(opened.read(_PART_BYTES))
    return digest.hexdigest()
