"""Augmentation of whole batches on the GPU, where the loader would starve it: the same transforms, each patch by its own seed."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

import torch

from segstudio.ml.source_weights import are_weighed
from segstudio.ml.training.augment import augment_seeded, augmentation_of

if TYPE_CHECKING:
    from torchvision.transforms import v2

    from segstudio.ml.plan import TrainPlan
    from segstudio.ml.training.engine import Batch

FEW_CORES = 8
"""With fewer CPU cores than this for each GPU the loader's processes cannot keep a GPU busy."""


class DeviceAugmentation:
    """Augments batches where they are. What a patch becomes is a function of it and its seed, whatever else is in the batch."""

    def __init__(self, transform: v2.Transform | None) -> None:
        self.transform = transform

    def __call__(self, batch: Batch) -> Batch:
        """*batch* augmented by its ``seeds``, where it has any; ``images`` (N, B, H, W) float32 in 0…1, ``targets`` (N, H, W) int64."""
        if batch.seeds is None:
            return batch
        done = [
            augment_seeded(self.transform, image, target.to(torch.uint8), seed)
            for image, target, seed in zip(batch.images, batch.targets, batch.seeds.tolist(), strict=True)
        ]
        images, targets = torch.stack([image for image, _ in done]), torch.stack([mask for _, mask in done]).long()
        return replace(batch, images=images, targets=targets, seeds=None)


def place_of(plan: TrainPlan, device: torch.device) -> tuple[bool, str]:
    """Whether the training device augments, and a sentence where that is not what the plan asks for, else "".

    ``auto`` takes the GPU where it has few CPU cores to itself; a run on the CPU, weights between objects (which are computed
    from the augmented mask) and patches of volumes leave it to the loader.
    """
    if plan.augment_on == "cpu" or augmentation_of(plan, 3) is None:
        return False, ""
    obstacle = ""
    if device.type == "cpu":
        obstacle = "the run is on the CPU"
    elif plan.border_weight:
        obstacle = "border weights are computed there"
    elif are_weighed(plan.source_weights):
        obstacle = "the weights of sources are turned with the labels there"
    elif plan.patch_depth:
        obstacle = "patches of volumes are made there"
    if obstacle:
        is_asked = plan.augment_on == "gpu"
        return False, f"The loader augments, not the GPU: {obstacle}." if is_asked else ""
    return plan.augment_on == "gpu" or (device.type == "cuda" and _cores_per_gpu() < FEW_CORES), ""


def device_augmentation(plan: TrainPlan, bands: int) -> DeviceAugmentation:
    """The augmentation of *plan* for batches on the device."""
    return DeviceAugmentation(augmentation_of(plan, bands))


def _cores_per_gpu() -> int:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return cores // max(1, torch.cuda.device_count())
