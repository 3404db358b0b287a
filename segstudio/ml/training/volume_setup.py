"""What a run on volumes is made of: which images it takes, its patches, its validation, and what its model's card says of planes."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch

from segstudio.core.errors import UserError
from segstudio.io.readers.kept import KeptReaders
from segstudio.ml.cards import ModelCard
from segstudio.ml.inference.slices import plane_bands
from segstudio.ml.inference.volumes import HeldVolume
from segstudio.ml.plan import IGNORE_INDEX
from segstudio.ml.training.volumes import VolumeCache, VolumePatchDataset, volumes_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import nn

    from segstudio.io.readers.base import ImageInfo
    from segstudio.ml.plan import TrainPlan
    from segstudio.ml.training.sources import IndexMask, TrainData, TrainImage

SCALING = "percentile"
"""Of volumes, also of 8-bit ones: scanners hardly ever fill the range."""
WINDOW_SHARE = 4
"""Windows of planes overlap by this part of their side, and by half of their depth: patches are thin."""
SPACING_DIFFERENCE = 1.2
"""Voxels of volumes that differ by more than this factor are told of."""


def fitting_data(plan: TrainPlan, data: TrainData) -> TrainData:
    """*data* without flat images where *plan* wants volumes; its note says what was left out, and of voxels of unlike sizes.

    Raises
    ------
    UserError
        When nothing is left of a split, volumes have unlike bands, or one cannot be read.
    """
    if not plan.patch_depth and plan.slices == 1:
        return data
    infos = _infos(data.images)
    least = 1 if plan.patch_depth == 1 else 2
    kept = tuple(image for image in data.images if infos[image.file].depth >= least)
    asked = f"patches of {plan.patch_depth} planes" if plan.patch_depth else f"{plan.slices} neighbouring planes"
    for split in ("train", "val"):
        if not any(image.split == split for image in kept):
            raise UserError(
                f"{asked} need volumes, and no image {'to learn from' if split == 'train' else 'for validation'} is one",
                remedy="leave out --patch-depth and --slices, or label volumes",
            )
    notes = [data.note]
    left_out = len(data.images) - len(kept)
    if left_out:
        notes.append("1 flat image is left out." if left_out == 1 else f"{left_out} flat images are left out.")
    volumes = [infos[file] for file in dict.fromkeys(image.file for image in kept)]
    notes.append(_about_voxels(volumes) if plan.patch_depth > 1 else "")
    return replace(data, images=kept, note=" ".join(filter(None, notes)))


def _infos(images: tuple[TrainImage, ...]) -> dict[Any, ImageInfo]:
    from segstudio.io.readers.registry import probe

    return {file: probe(file) for file in dict.fromkeys(image.file for image in images)}


def _about_voxels(volumes: list[ImageInfo]) -> str:
    """One sentence where voxels are not cubes or not alike: they are learnt from as they are."""
    spacings = [tuple(info.metadata["spacing"]) for info in volumes if len(info.metadata.get("spacing", ())) == 3]
    if not spacings:
        return ""
    sides = np.array(spacings, np.float64)
    low, high = sides.min(0), sides.max(0)
    unit = str(volumes[0].metadata.get("spacing_unit", "mm"))
    if (high > SPACING_DIFFERENCE * low).any():
        return (
            f"Voxels are learnt from as they are, though their sides differ between volumes ({_sides(low)} to {_sides(high)} "
            f"{unit}); bring them to one size first if what is to be found has one."
        )
    if high.max() > SPACING_DIFFERENCE * low.min():
        return f"Voxels are learnt from as they are, {_sides(low)} {unit}; the network must look at such volumes only."
    return ""


def _sides(values: npt.NDArray[np.float64]) -> str:
    return " × ".join(f"{value:.3g}" for value in values)


def bands_of_planes(images: tuple[TrainImage, ...]) -> int:
    """How many bands each plane of the volumes of *images* has: those of most colour; grey among them is repeated.

    Raises
    ------
    UserError
        When they cannot go together.
    """
    found: dict[int, Any] = {}
    for file, info in _infos(images).items():
        found.setdefault(plane_bands(info.bands, info.is_rgb), file)
    most = max(found)
    if not set(found) <= {most, *([1] if most == 3 else [])}:
        odd = next(bands for bands in found if bands != most)
        raise UserError(
            f"its planes have {odd} bands and those of other volumes {most}",
            path=found[odd],
            remedy="train on volumes of one kind",
        )
    return most


def window_fields(plan: TrainPlan) -> dict[str, Any]:
    """What the card says of windows and planes."""
    if not plan.patch_depth:
        return {"window_px": 512, "overlap_px": 96, "slices": plan.slices}
    return {
        "window_px": plan.patch_px,
        "overlap_px": plan.patch_px // WINDOW_SHARE,
        "window_depth": plan.patch_depth,
        "overlap_depth": plan.patch_depth // 2,
    }


def volume_patches(
    plan: TrainPlan, data: TrainData, bands: int, ignored_index: int = IGNORE_INDEX
) -> VolumePatchDataset:
    """The training patches of a run on volumes."""
    volumes = volumes_of(data.of_split("train"))
    return VolumePatchDataset(volumes, plan, bands, SCALING, ignored_index, data.background_index)


class VolumePairs:
    """Validation planes of volumes, in the order of *images*; their logits come from windows of planes, blended.

    A volume is predicted whole when the first of its planes is asked for; its logits are held until another one is.
    """

    def __init__(self, images: tuple[TrainImage, ...], plan: TrainPlan, bands: int, classes: tuple[str, ...]) -> None:
        volumes = volumes_of(images)
        self._cache = VolumeCache(volumes, bands, SCALING)
        where = {id(plane): (index, plane.z) for index, volume in enumerate(volumes) for plane in volume.planes}
        self._places = [where[id(image)] for image in images]
        plain = {"bands": bands, "mean": (0.0,) * bands, "std": (1.0,) * bands, "scaling": SCALING}
        self._card = ModelCard(id="in training", name="", classes=classes, stride_px=16, **plain, **window_fields(plan))  # type: ignore[arg-type]
        self._readers = KeptReaders()
        self._held: tuple[int, HeldVolume] | None = None
        self._last = -1

    def __len__(self) -> int:
        """Planes."""
        return len(self._places)

    def __getitem__(self, index: int) -> tuple[npt.NDArray[np.float16], IndexMask]:
        """((B, y, x) float16 in 0…1, (y, x) uint8 classes) of plane *index*."""
        values, target = self._cache.plane(*self._places[index])
        assert target is not None
        return values, target

    def logits(
        self,
        index: int,
        network: nn.Module,
        normalise: Callable[[torch.Tensor], torch.Tensor],
        device: torch.device,
        amp_dtype: torch.dtype | None,
    ) -> torch.Tensor:
        """(K, y, x) float32 logits on the CPU of plane *index*; planes are asked for in rising order."""
        volume, z = self._places[index]
        if self._held is None or self._held[0] != volume or index <= self._last:
            self._held = None  # before as much memory is asked for again
            segmenter = _InTraining(self._card, network, normalise, device, amp_dtype)
            found = self._cache.volumes[volume]
            with self._readers.opened(found.file) as reader:
                planes = [plane.z for plane in found.planes]
                self._held = (volume, HeldVolume(segmenter, reader, planes, found.window))
        self._last = index
        return self._held[1].plane(z)


class _InTraining:
    """The network that learns, as a segmenter."""

    def __init__(
        self,
        card: ModelCard,
        network: nn.Module,
        normalise: Callable[[torch.Tensor], torch.Tensor],
        device: torch.device,
        amp_dtype: torch.dtype | None,
    ) -> None:
        self.card, self.device = card, str(device)
        self._network, self._normalise, self._amp_dtype = network, normalise, amp_dtype

    def predict(self, batch: torch.Tensor) -> torch.Tensor:
        """(N, K, D, H, W) float32 logits of (N, B, D, H, W) float32 in 0…1."""
        device = torch.device(self.device)
        with (
            torch.inference_mode(),
            torch.autocast(device.type, self._amp_dtype or torch.float32, enabled=self._amp_dtype is not None),
        ):
            logits: torch.Tensor = self._network(self._normalise(batch.to(device))).logits
        return logits.float()

    def to(self, device: str) -> None:
        """The network stays where it learns."""
        raise UserError(
            f"{self.device} has too little memory to validate on windows of planes",
            remedy="give a smaller --size or --patch-depth",
        )
