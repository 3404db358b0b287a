"""Patches of a run that has not begun, as its network would see them: for a look at what the augmentation does."""

from __future__ import annotations

from dataclasses import replace
from itertools import count as numbers
from itertools import islice
from typing import TYPE_CHECKING

import cv2
import numpy as np
import numpy.typing as npt

from segstudio.core.cancel import NEVER, check
from segstudio.ml.train_events import PatchPicture, PatchPreview
from segstudio.ml.training.augment_table import checked_options
from segstudio.ml.training.dataset import SegmentationDataset
from segstudio.ml.training.feed import build_feed
from segstudio.ml.training.sampler import EpochSampler
from segstudio.ml.training.sources import load_data
from segstudio.ml.training.volume_setup import fitting_data

if TYPE_CHECKING:
    from collections.abc import Iterator

    import torch

    from segstudio.core.cancel import Cancel
    from segstudio.ml.plan import TrainPlan
    from segstudio.ml.training.sampler import Key
    from segstudio.ml.training.sources import TrainData
    from segstudio.ml.training.volumes import VolumePatchDataset

MAX_SIDE_PX = 384
"""Larger patches are reduced: a preview shows many side by side."""

_kept: tuple[TrainPlan, TrainData, SegmentationDataset | VolumePatchDataset] | None = None
"""What the last preview was made of; the process that makes previews ends with the window that shows them."""


def preview_patches(plan: TrainPlan, batch: int = 0, count: int = 12, cancel: Cancel = NEVER) -> PatchPreview:
    """The *batch*-th (from 0) *count* patches of a run of *plan*, in the order that it would learn them.

    Where an epoch has fewer, those of the next follow. Nothing is written.

    Raises
    ------
    UserError
        When the data or the augmentation cannot be worked with.
    Cancelled
        When *cancel* was set.
    """
    checked_options(plan.augment, plan.augment_options)
    # Weights between objects are not shown, and pictures in two splits harm no preview: looking for either costs much.
    plan = replace(plan, out="", border_weight=(), is_leak_allowed=True)
    data, source = _source(plan, cancel)
    patches: list[PatchPicture] = []
    for key in islice(_keys(len(source), plan.seed), batch * count, (batch + 1) * count):
        check(cancel)
        image, target, *_ = source[key]
        name = next(iter(source.image_names([key])), "")
        patches.append(_picture(name, image, target, plan.slices))
    return PatchPreview(tuple(patches), data.classes, data.colors, len(source), data.note)


def _source(plan: TrainPlan, cancel: Cancel) -> tuple[TrainData, SegmentationDataset | VolumePatchDataset]:
    """The data and patches of *plan*; pictures read for a preview before are kept while only the augmentation changes."""
    global _kept
    plain = replace(plan, augment="none", augment_options={}, mix="none", mix_share=0.0, scale=(1.0, 1.0))
    if _kept is None or _kept[0] != plain:
        _kept = None
        data = fitting_data(plan, load_data(plan))
        check(cancel)
        _kept = (plain, data, build_feed(plan, data).patches)
    _, data, patches = _kept
    if isinstance(patches, SegmentationDataset):
        return data, patches.with_plan(plan)
    return data, build_feed(plan, data).patches


def _keys(length: int, seed: int) -> Iterator[Key]:
    sampler = EpochSampler(length, seed)
    for epoch in numbers(1):
        sampler.epoch = epoch
        yield from sampler.keys()


def _picture(name: str, image: torch.Tensor, target: torch.Tensor, slices: int) -> PatchPicture:
    """Of a volume the middle plane; of several bands the first three, of neighbouring planes those of the middle one."""
    values, mask = image.numpy(), target.numpy().astype(np.uint8)
    if values.ndim == 4:
        values, mask = values[:, values.shape[1] // 2], mask[mask.shape[0] // 2]
    bands = values.shape[0] // slices
    values = values[slices // 2 * bands :][:bands]
    values = values[:3] if len(values) >= 3 else values[:1].repeat(3, axis=0)
    shown = np.rint(values.transpose(1, 2, 0) * 255).clip(0, 255).astype(np.uint8)
    return PatchPicture(name, *_reduced(np.ascontiguousarray(shown), np.ascontiguousarray(mask)))


def _reduced(
    image: npt.NDArray[np.uint8], mask: npt.NDArray[np.uint8]
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]:
    factor = MAX_SIDE_PX / max(mask.shape)
    if factor >= 1:
        return image, mask
    size = (max(1, round(mask.shape[1] * factor)), max(1, round(mask.shape[0] * factor)))
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.uint8), np.asarray(cv2.resize(mask, size, interpolation=cv2.INTER_NEAREST), np.uint8)
