"""What a run is fed: its training patches, its validation pairs, and the loader that brings the patches."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch.utils.data import DataLoader

from segstudio.core.errors import UserError
from segstudio.core.geometry import Rect
from segstudio.ml.plan import IGNORE_INDEX
from segstudio.ml.source_weights import are_weighed
from segstudio.ml.training.dataset import SegmentationDataset
from segstudio.ml.training.distributed import ONE
from segstudio.ml.training.loader import loader_options
from segstudio.ml.training.patches import PairCache
from segstudio.ml.training.sampler import RankSampler
from segstudio.ml.training.sources import TrainData, read_image
from segstudio.ml.training.volume_setup import SCALING, VolumePairs, bands_of_planes, volume_patches

if TYPE_CHECKING:
    from collections.abc import Sequence

    from segstudio.ml.plan import TrainPlan
    from segstudio.ml.training.distributed import Ranks
    from segstudio.ml.training.sampler import EpochSampler
    from segstudio.ml.training.volumes import VolumePatchDataset


MOST_PROCESSES = 8
"""Loader processes that a GPU gets by itself."""


@dataclass(frozen=True)
class Feed:
    """``patches`` are asked for by (epoch, index); ``bands`` and ``scaling`` go into the model's card."""

    patches: SegmentationDataset | VolumePatchDataset
    val_pairs: PairCache | VolumePairs
    bands: int
    scaling: str
    ignored_index: int


def build_feed(plan: TrainPlan, data: TrainData) -> Feed:
    """The patches and pairs of *data* that *plan* asks for.

    Raises
    ------
    UserError
        When an image cannot be read, or ignored pixels are to be learnt as a class that is not there.
    """
    ignored_index = _ignored_index(plan, data)
    if plan.patch_depth:
        return _volume_feed(plan, data, ignored_index)
    bands, scaling, sizes = _survey(plan, data)
    scratch = Path(plan.out) / "masks" if plan.out else None
    patches = SegmentationDataset(
        data.of_split("train"), sizes, plan, bands, scaling, ignored_index, data.background_index, scratch
    )
    val_pairs = PairCache(data.of_split("val"), plan, bands, scaling, scratch=scratch)
    return Feed(patches, val_pairs, bands, scaling, ignored_index)


def _volume_feed(plan: TrainPlan, data: TrainData, ignored_index: int) -> Feed:
    bands = bands_of_planes(data.images)
    patches = volume_patches(plan, data, bands, ignored_index)
    return Feed(patches, VolumePairs(data.of_split("val"), plan, bands, data.classes), bands, SCALING, ignored_index)


class Extras(NamedTuple):
    """What patches may bring beside picture and labels; see :class:`segstudio.ml.training.engine.Batch`."""

    border: torch.Tensor | None = None
    weights: torch.Tensor | None = None
    seeds: torch.Tensor | None = None


def parts_of(plan: TrainPlan, more: Sequence[torch.Tensor]) -> Extras:
    """Which is which of the parts that follow picture and labels in a batch of *plan*."""
    seeds = next((part for part in more if not part.is_floating_point()), None)
    floats = [part for part in more if part.is_floating_point()]
    weights = floats.pop() if floats and are_weighed(plan.source_weights) else None
    return Extras(floats[0] if floats else None, weights, seeds)


def steps_per_epoch(plan: TrainPlan, patches: int) -> int:
    """Steps of the optimiser in an epoch: one for every ``plan.accumulate`` batches, of which those left over make one, too.

    A batch that is not whole is left out, unless it is the only one.
    """
    batches = max(1, patches // plan.batch)
    return math.ceil(batches / plan.accumulate)


def build_loader(
    plan: TrainPlan,
    patches: SegmentationDataset | VolumePatchDataset,
    sampler: EpochSampler,
    device: torch.device,
    ranks: Ranks = ONE,
) -> DataLoader[tuple[torch.Tensor, ...]]:
    """Batches of the patches that *sampler* names; with several *ranks* this process's share of each.

    It has a generator of its own: the global one, which dropout draws from, goes on alike with and without processes.
    """
    return DataLoader(
        patches,
        batch_size=len(ranks.share(range(min(plan.batch, len(patches))))),
        sampler=sampler if ranks.size == 1 else RankSampler(sampler, plan.batch, ranks),
        drop_last=len(patches) >= plan.batch,
        generator=torch.Generator(),
        **loader_options(plan.workers or _free_cores(device, ranks.size), is_pinned=device.type == "cuda"),
    )


def _free_cores(device: torch.device, processes: int) -> int:
    """Loader processes for a plan that leaves them open: a GPU is fed by several, a CPU has enough to do with learning."""
    if device.type != "cuda":
        return 0
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(MOST_PROCESSES, cores // processes - 1))


def _ignored_index(plan: TrainPlan, data: TrainData) -> int:
    """What ignored pixels are learnt as."""
    if not plan.ignored_as:
        return IGNORE_INDEX
    if plan.ignored_as not in data.classes:
        raise UserError(
            f"there is no class {plan.ignored_as!r} to learn ignored pixels as",
            remedy=f"the labels hold {', '.join(data.classes)}",
        )
    return data.classes.index(plan.ignored_as)


def _survey(plan: TrainPlan, data: TrainData) -> tuple[int, str, list[tuple[int, int]]]:
    """(bands, scaling, sizes of the training images), from the first image's values and each one's header."""
    from segstudio.io.readers.registry import probe

    train = data.of_split("train")
    infos = {file: probe(file) for file in dict.fromkeys(image.file for image in train)}
    sizes = []
    for image in train:
        info = infos[image.file]
        sizes.append((image.window.width, image.window.height) if image.window else (info.width, info.height))
    if plan.slices > 1:
        return plan.slices * bands_of_planes(data.images), SCALING, sizes
    firsts = list({image.file: image for image in reversed(train)}.values())[::-1]  # of a volume one plane tells
    bands = max(read_image(image.file, Rect(0, 0, 1, 1), image.z).shape[0] for image in firsts[:8])
    return (3 if bands <= 3 else bands), "unit8", sizes
