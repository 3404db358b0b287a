"""The one dataset that training draws from: every kind of data folder, projects and planes of volumes, as augmented patches."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch.utils.data import Dataset

from segstudio.core.border_weights import border_weights, component_ids
from segstudio.ml.plan import IGNORE_INDEX
from segstudio.ml.training.augment import augment_seeded, augmentation_of
from segstudio.ml.training.mix import mixed
from segstudio.ml.training.patches import PairCache, crop

if TYPE_CHECKING:
    import numpy.typing as npt

    from segstudio.ml.plan import TrainPlan
    from segstudio.ml.training.sources import IndexMask, TrainImage

MAX_AUTO_PATCHES = 4


class SegmentationDataset(Dataset[tuple[torch.Tensor, ...]]):
    """(image (B, P, P) float32 in 0…1, target (P, P) int64) patches; asked for by (epoch, index).

    With the plan's ``border_weight`` a third part: (P, P) float32 weights between neighbouring objects, which are the connected
    pieces of the classes but *background_index*. Where ``is_augmented_on_device`` was set, patches come as they were cropped, with
    the int64 seed of their augmentation (:mod:`segstudio.ml.training.augment_device`) as third part.
    """

    def __init__(
        self,
        images: tuple[TrainImage, ...],
        sizes: list[tuple[int, int]],
        plan: TrainPlan,
        bands: int,
        scaling: str,
        ignored_index: int = IGNORE_INDEX,
        background_index: int | None = None,
    ) -> None:
        self.plan, self.bands, self._background_index = plan, bands, background_index
        self._pairs = PairCache(images, plan, bands, scaling, ignored_index)
        self._transform = augmentation_of(plan, bands)
        self.is_augmented_on_device = False
        area = plan.patch_px**2
        self._index: list[int] = []
        for i, (width, height) in enumerate(sizes):
            auto = min(MAX_AUTO_PATCHES, max(1, round(width * height / area)))
            self._index += [i] * (plan.patches_per_image or auto)

    def __len__(self) -> int:
        """Patches an epoch."""
        return len(self._index)

    def __getitem__(self, key: tuple[int, int]) -> tuple[torch.Tensor, ...]:
        """The patch of *key* = (epoch, index); a function of the seed and the key alone, whichever process asks."""
        epoch, index = key
        image, mask, draw = self._cropped(epoch, index)
        image, mask = mixed(self.plan, key, len(self), image, mask, lambda other: self._cropped(epoch, other)[:2])
        x, y, seed = torch.from_numpy(image), torch.from_numpy(mask), int(draw.integers(1 << 62))
        if self.is_augmented_on_device:
            return x, y.long(), torch.tensor(seed)
        x, y = augment_seeded(self._transform, x, y, seed)
        if not self.plan.border_weight:
            return x, y.long()
        # Of the patch as the network sees it: places, scales and turns differ from epoch to epoch, and so do distances.
        w0, sigma_px = self.plan.border_weight
        ids = component_ids(y.numpy(), self._background_index, IGNORE_INDEX)
        return x, y.long(), torch.from_numpy(border_weights(ids, w0, sigma_px))

    def _cropped(self, epoch: int, index: int) -> tuple[npt.NDArray[np.float32], IndexMask, np.random.Generator]:
        """The patch before augmentation, and the generator that goes on from there."""
        draw = np.random.default_rng([self.plan.seed, epoch, index])
        values, target = self._pairs[self._index[index]]
        scale = self.plan.scale if self.plan.augment != "none" else (1.0, 1.0)
        return *crop(values, target, self.plan.patch_px, scale, draw), draw
