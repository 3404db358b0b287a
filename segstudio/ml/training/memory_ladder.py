"""What a run does when memory runs out: fewer patches at a time, smaller windows of them, bfloat16, the CPU.

Each rung makes the same step as before as nearly as it can: all pixels of a batch are learnt, and their gradients add up to one
step of the optimiser. Parts of a batch differ in the statistics of batch norms, windows of a patch besides in what the network
sees beyond them, bfloat16 in digits.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Literal

from segstudio.core.machine_memory import gpu_memory_bytes, memory_bytes
from segstudio.ml.networks.costs import costs_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    import torch

    from segstudio.ml.plan import TrainPlan
    from segstudio.ml.training.engine import Batch

Rung = Literal["batch", "window", "bf16", "cpu", "none"]
SMALLEST_PX = 64
"""Windows are not made smaller than this: a network would see too little."""
CERTAIN = 0.9
"""Only where an estimate is more than this part of all memory is a batch parted before the first step: a run must not depend
on what else the computer does."""
USABLE = 0.75
"""The part of the memory that parts are then made for."""


class MemoryLadder:
    """How far down a run had to go. ``most_patches`` are learnt at a time (0: all), each side of them halved ``halvings`` times."""

    def __init__(self, least_patches: int = 1, stride_px: int = 0) -> None:
        self.least_patches, self.stride_px = least_patches, stride_px
        self.most_patches = self.halvings = 0

    def parts(self, batches: Sequence[Batch]) -> Sequence[Batch]:
        """The batches in parts of at most :attr:`most_patches`, as even as they can be."""
        if not self.most_patches:
            return batches
        parts: list[Batch] = []
        for batch in batches:
            count = math.ceil(len(batch) / self.most_patches)
            edges = [len(batch) * i // count for i in range(count + 1)]
            parts += [batch.part(a, b) for a, b in zip(edges, edges[1:])]
        return parts

    def windows(self, batch: Batch) -> list[Batch]:
        """A batch as the device holds it, cut into windows that together are its patches."""
        cuts = 1 << self.halvings
        if cuts == 1:
            return [batch]
        height, width = batch.images.shape[-2] // cuts, batch.images.shape[-1] // cuts
        return [
            _cut(batch, slice(row * height, (row + 1) * height), slice(column * width, (column + 1) * width))
            for row in range(cuts)
            for column in range(cuts)
        ]

    def down(self, patches: int, shape: Sequence[int], *, may_narrow: bool, is_on_cpu: bool) -> Rung:
        """Take the next rung, since *patches* of *shape* (…, H, W) did not fit; "none" when it is the last."""
        if patches >= 2 * self.least_patches:
            self.most_patches = patches // 2
            return "batch"
        if self._may_halve(shape):
            self.halvings += 1
            return "window"
        if may_narrow:
            return "bf16"
        if not is_on_cpu:
            self.most_patches = self.halvings = 0
            return "cpu"
        return "none"

    def side_px(self, shape: Sequence[int]) -> int:
        """The longer side of the windows of patches of *shape*."""
        return int(max(shape[-2:])) >> self.halvings

    def _may_halve(self, shape: Sequence[int]) -> bool:
        if not self.stride_px or self.least_patches > 1:
            return False
        sides = [int(side) >> self.halvings for side in shape[-2:]]
        # At the coarsest level a normalisation needs more than one value of each feature.
        least = max(SMALLEST_PX, 2 * self.stride_px)
        return all(side % (2 * self.stride_px) == 0 and side // 2 >= least for side in sides)


def _cut(batch: Batch, rows: slice, columns: slice) -> Batch:
    def cut(values: torch.Tensor | None) -> torch.Tensor | None:
        return None if values is None else values[..., rows, columns]

    images, targets = batch.images[..., rows, columns], batch.targets[..., rows, columns]
    return replace(batch, images=images, targets=targets, border=cut(batch.border), weights=cut(batch.weights))


def first_parts(plan: TrainPlan, encoder: str, bands: int, classes: int, device: str, least_patches: int) -> int:
    """So many patches at a time are all that the memory can hold, as far as can be told before the first step; 0: all of them."""
    if plan.patch_depth or plan.refine or plan.processes > 1:
        return 0
    side = plan.patch_px
    costs = costs_of(plan.arch, encoder, bands, max(2, classes), side, side)
    total = gpu_memory_bytes() if device.startswith("cuda") else memory_bytes()
    if costs is None or not costs.training_image_bytes or total <= 0:
        return 0
    if costs.training_bytes(plan.batch) <= CERTAIN * total:
        return 0
    fits = int((USABLE * total - costs.training_fixed_bytes) // costs.training_image_bytes)
    most = max(least_patches, min(fits, plan.batch // 2))
    return most if most < plan.batch else 0
