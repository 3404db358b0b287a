"""What may fail in mid-run: a loss that is no number, and a device that is lost; each said in a few words."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from segstudio.ml.training.dataset import SegmentationDataset
    from segstudio.ml.training.engine import Batch
    from segstudio.ml.training.volumes import VolumePatchDataset

_DEVICE_WORDS = re.compile(
    r"CUDA error|cuDNN error|cuBLAS|CUBLAS_STATUS|CUDNN_STATUS|HIP error|MPS backend|NVML|device-side assert|driver shutting down"
)
NAMED_IMAGES = 6


def device_fault(error: BaseException, device: torch.device) -> str:
    """What befell *device*, in words; "" when *error* is about something else."""
    text = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return f"{device} ran out of memory"
    if isinstance(error, torch.AcceleratorError) or _DEVICE_WORDS.search(str(error)):
        return f"{device} was lost ({text.rstrip('.')})"
    return ""


def where_it_failed(
    patches: SegmentationDataset | VolumePatchDataset, batches: Sequence[Batch], epoch: int, step: int
) -> str:
    """Which step learnt which images: "in epoch 2, step 31, on patches of a.png and b.png"."""
    names = patches.image_names([key for batch in batches for key in batch.keys])
    shown = names[:NAMED_IMAGES]
    if len(names) > len(shown):
        listed = f"{', '.join(shown)} and {len(names) - len(shown)} more"
    else:
        listed = " and ".join(filter(None, (", ".join(shown[:-1]), shown[-1]))) if shown else "no image"
    return f"in epoch {epoch}, step {step}, on patches of {listed}"
