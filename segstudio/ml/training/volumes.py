"""Patches of volumes for training: cut where there are labels, scaled and augmented alike in all their planes."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np
import numpy.typing as npt
import torch
from torch.utils.data import Dataset

from segstudio.core.border_weights import border_weights, component_ids
from segstudio.core.errors import UserError
from segstudio.core.geometry import Rect
from segstudio.io.readers.kept import KeptReaders
from segstudio.io.validity import valid_mask
from segstudio.ml.inference.normalise import to_unit
from segstudio.ml.inference.slices import SlicedReader, read_plane, volume_range
from segstudio.ml.plan import IGNORE_INDEX
from segstudio.ml.training.augment import augment_seeded, build_augmentation
from segstudio.ml.training.augment_table import has_no_up
from segstudio.ml.training.sources import check_plane

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from segstudio.io.readers.base import ImageReader
    from segstudio.ml.plan import TrainPlan
    from segstudio.ml.training.sources import IndexMask, TrainImage

CACHE_BYTES = 1 << 30
"""Decoded planes kept in each loader process."""
MAX_AUTO_PATCHES = 8
TRIES = 8
"""Places of a patch that are looked at before one with few labels is taken."""
LEAST_LABELLED = 0.05

Block = tuple[npt.NDArray[np.float32], "IndexMask"]


@dataclass(frozen=True)
class TrainVolume:
    """The labelled planes of one volume; the others are looked at, but nothing is learnt from them.

    ``planes`` are sorted by their z; ``window`` limits all of them to a part.
    """

    file: Path
    name: str
    depth: int
    window: Rect
    planes: tuple[TrainImage, ...]

    def patches(self, plan: TrainPlan) -> int:
        """Patches an epoch, unless the plan says it: by the voxels that can be learnt from."""
        voxels = len(self.planes) * self.window.width * self.window.height
        auto = round(voxels / (plan.patch_px**2 * plan.patch_depth))
        return plan.patches_per_image or min(MAX_AUTO_PATCHES, max(1, auto))


def volumes_of(images: tuple[TrainImage, ...]) -> tuple[TrainVolume, ...]:
    """The volumes that *images*, which are planes, belong to, in the order of their first ones.

    Raises
    ------
    UserError
        When a file cannot be read.
    """
    from segstudio.io.readers.registry import probe

    groups: dict[tuple[Path, Rect | None], list[TrainImage]] = {}
    for image in images:
        groups.setdefault((image.file, image.window), []).append(image)
    found = []
    for (file, window), planes in groups.items():
        info = probe(file)
        area = window or Rect(0, 0, info.width, info.height)
        name = planes[0].name.rsplit(", plane ", 1)[0]
        found.append(TrainVolume(file, name, info.depth, area, tuple(sorted(planes, key=lambda p: p.z))))
    return tuple(found)


class VolumeCache:
    """Decoded planes of a process, the least recently used dropped beyond a byte budget; volumes are never read whole.

    Values are 0…1 by the range of the whole volume; ignored voxels become *ignored_index*.
    """

    def __init__(
        self,
        volumes: tuple[TrainVolume, ...],
        bands: int,
        scaling: str,
        ignored_index: int = IGNORE_INDEX,
        budget_bytes: int = CACHE_BYTES,
    ) -> None:
        self.volumes, self.bands, self.scaling = volumes, bands, scaling
        self._ignored_index, self._budget = ignored_index, budget_bytes
        self._labelled = [{plane.z: plane for plane in volume.planes} for volume in volumes]
        self._planes: OrderedDict[tuple[int, int], tuple[npt.NDArray[np.float16], IndexMask | None]] = OrderedDict()
        self._ranges: dict[int, tuple[float, float]] = {}
        self._counts: dict[int, npt.NDArray[np.int64]] = {}
        self._bytes = 0
        self._readers = KeptReaders()

    def plane(self, index: int, z: int) -> tuple[npt.NDArray[np.float16], IndexMask | None]:
        """((B, y, x) float16 values, (y, x) uint8 classes or None where nothing is labelled) of plane *z* of a volume.

        Raises
        ------
        UserError
            When a file cannot be read, or mask and plane differ in size.
        """
        key = (index, z)
        if key not in self._planes:
            pair = self._read(index, z)
            self._planes[key] = pair
            self._bytes += sum(part.nbytes for part in pair if part is not None)
            while self._bytes > self._budget and len(self._planes) > 1:
                _, old = self._planes.popitem(last=False)
                self._bytes -= sum(part.nbytes for part in old if part is not None)
        self._planes.move_to_end(key)
        return self._planes[key]

    def block(self, index: int, first: int, depth: int, area: Rect) -> Block:
        """((d, B, y, x) float32, (d, y, x) uint8) of *area* in up to *depth* planes from *first* on; less at the volume's end."""
        values, targets = [], []
        for z in range(first, min(first + depth, self.volumes[index].depth)):
            plane, target = self.plane(index, z)
            part = plane[(slice(None), *area.slices)]
            values.append(part.astype(np.float32))
            size = part.shape[1:]
            targets.append(np.full(size, self._ignored_index, np.uint8) if target is None else target[area.slices])
        return np.stack(values), np.stack(targets)

    def class_counts(self, index: int) -> npt.NDArray[np.int64]:
        """(labelled planes, 256) int64 voxels of each class; reads every labelled plane, once."""
        if index not in self._counts:
            rows = []
            for image in self.volumes[index].planes:
                target = self.plane(index, image.z)[1]
                assert target is not None
                rows.append(np.bincount(target.ravel(), minlength=256))
            self._counts[index] = np.stack(rows)
        return self._counts[index]

    def _read(self, index: int, z: int) -> tuple[npt.NDArray[np.float16], IndexMask | None]:
        volume = self.volumes[index]
        image = self._labelled[index].get(z)
        whole = None
        with self._readers.opened(volume.file) as reader:
            check_plane(reader.info, z)
            whole = Rect(0, 0, reader.info.width, reader.info.height)
            if index not in self._ranges:
                self._ranges[index] = volume_range(reader, self.scaling, self.bands)
            raw = read_plane(reader, z, whole, self.bands)
            target = None if image is None else self._target(image, reader, whole)
        unit = to_unit(raw, bands=self.bands, scaling=self.scaling, value_range=self._ranges[index])
        rows, columns = volume.window.slices
        values = np.ascontiguousarray(unit[:, rows, columns].astype(np.float16))
        return values, None if target is None else np.ascontiguousarray(target[rows, columns])

    def _target(self, image: TrainImage, reader: ImageReader, whole: Rect) -> IndexMask:
        target = image.read_target()
        if target.shape != (whole.height, whole.width):
            raise UserError(
                f"the mask is {target.shape[1]}×{target.shape[0]} pixels but the image {whole.width}×{whole.height}",
                path=image.file,
                remedy="replace one of them",
            )
        valid = valid_mask(reader, 0, image.z, whole)
        if valid is not None:
            target = np.where(valid, target, IGNORE_INDEX).astype(np.uint8)
        if self._ignored_index != IGNORE_INDEX:
            target = np.where(target == IGNORE_INDEX, self._ignored_index, target).astype(np.uint8)
        return target


class VolumePatchDataset(Dataset[tuple[torch.Tensor, ...]]):
    """(values (B, D, P, P) float32 in 0…1, target (D, P, P) int64) patches of volumes; asked for by (epoch, index).

    Voxels are kept as they are across the planes; within them patches are scaled as flat ones are. With the plan's
    ``border_weight`` a third part: (D, P, P) float32 weights between neighbouring objects, each plane by itself.
    """

    is_augmented_on_device = False

    def __init__(
        self,
        volumes: tuple[TrainVolume, ...],
        plan: TrainPlan,
        bands: int,
        scaling: str,
        ignored_index: int = IGNORE_INDEX,
        background_index: int | None = None,
    ) -> None:
        self.plan, self.bands, self._background_index = plan, bands, background_index
        self._cache = VolumeCache(volumes, bands, scaling, ignored_index)
        # Bands of a volume are no colours to shift, and all planes of a patch must be turned alike.
        self._transform = build_augmentation(plan.augment, 0, plan.augment_options)
        self._index = [i for i, volume in enumerate(volumes) for _ in range(volume.patches(plan))]

    def __len__(self) -> int:
        """Patches an epoch."""
        return len(self._index)

    def __getitem__(self, key: tuple[int, int]) -> tuple[torch.Tensor, ...]:
        """The patch of *key* = (epoch, index); a function of the seed and the key alone, whichever process asks."""
        epoch, index = key
        draw = np.random.default_rng([self.plan.seed, epoch, index])
        values, target = self._cropped(self._index[index], draw)
        if has_no_up(self.plan.augment) and draw.random() < 0.5:
            values, target = values[::-1], target[::-1]
        depth, bands = values.shape[:2]
        x = torch.from_numpy(values.reshape(depth * bands, *values.shape[2:]).copy())
        x, y = augment_seeded(self._transform, x, torch.from_numpy(target.copy()), int(draw.integers(1 << 62)))
        x = x.reshape(depth, bands, *x.shape[1:]).movedim(1, 0).contiguous()
        if not self.plan.border_weight:
            return x, y.long()
        w0, sigma_px = self.plan.border_weight
        ids = [component_ids(plane, self._background_index, IGNORE_INDEX) for plane in y.numpy()]
        return x, y.long(), torch.from_numpy(np.stack([border_weights(plane, w0, sigma_px) for plane in ids]))

    def image_names(self, keys: Iterable[tuple[int, int]]) -> list[str]:
        """The names of the volumes that patches are of, each once."""
        return list(dict.fromkeys(self._cache.volumes[self._index[index]].name for _, index in keys))

    def _cropped(self, index: int, draw: np.random.Generator) -> Block:
        plan, volume = self.plan, self._cache.volumes[index]
        low, high = plan.scale if plan.augment != "none" else (1.0, 1.0)
        factor = float(np.exp(draw.uniform(np.log(low), np.log(high))))
        area = volume.window
        side = max(8, min(round(plan.patch_px / factor), 2 * max(area.width, area.height)))
        if plan.sampling == "balanced":
            first, place = self._place_of_class(index, side, draw)
        else:
            first, place = self._place_of_labels(index, side, draw)
        values, target = self._cache.block(index, first, plan.patch_depth, place)
        return fitted_block(values, target, plan.patch_depth, side, plan.patch_px)

    def _place_of_labels(self, index: int, side: int, draw: np.random.Generator) -> tuple[int, Rect]:
        """(first plane, area) round a labelled plane: of eight places the first where a part of that plane is labelled."""
        volume = self._cache.volumes[index]
        for attempt in range(TRIES):
            z = volume.planes[int(draw.integers(len(volume.planes)))].z
            first = self._first_plane(volume, z, draw)
            y, x = (int(draw.integers(0, max(1, n - side + 1))) for n in (volume.window.height, volume.window.width))
            target = self._cache.plane(index, z)[1]
            assert target is not None
            part = target[y : y + side, x : x + side]
            labelled = np.count_nonzero(part != IGNORE_INDEX)
            if labelled >= LEAST_LABELLED * part.size or (attempt == TRIES - 1 and labelled):
                return first, Rect(x, y, side, side)
        return self._place_of_class(index, side, draw, is_any=True)

    def _place_of_class(
        self, index: int, side: int, draw: np.random.Generator, *, is_any: bool = False
    ) -> tuple[int, Rect]:
        """(first plane, area) round a voxel of a class drawn among those that the volume has; *is_any*: of any labelled voxel."""
        volume = self._cache.volumes[index]
        counts = self._cache.class_counts(index)[:, :IGNORE_INDEX]
        present = np.flatnonzero(counts.sum(0))
        if not len(present):  # nothing is labelled here: any place is as good
            return self._first_plane(volume, volume.planes[0].z, draw), Rect(0, 0, side, side)
        wanted = present if is_any else present[[int(draw.integers(len(present)))]]
        weights = counts[:, wanted].sum(1)
        image = volume.planes[int(draw.choice(len(weights), p=weights / weights.sum()))]
        target = self._cache.plane(index, image.z)[1]
        assert target is not None
        ys, xs = np.nonzero(np.isin(target, wanted))
        pick = int(draw.integers(len(ys)))
        corner = []
        for at, extent in ((int(ys[pick]), volume.window.height), (int(xs[pick]), volume.window.width)):
            start = at - int(draw.integers(side))
            corner.append(int(np.clip(start, 0, max(0, extent - side))))
        return self._first_plane(volume, image.z, draw), Rect(corner[1], corner[0], side, side)

    def _first_plane(self, volume: TrainVolume, z: int, draw: np.random.Generator) -> int:
        depth = self.plan.patch_depth
        return int(np.clip(z - int(draw.integers(depth)), 0, max(0, volume.depth - depth)))


def fitted_block(
    values: npt.NDArray[np.float32], target: IndexMask, depth: int, side: int, side_px: int
) -> tuple[npt.NDArray[np.float32], IndexMask]:
    """What of a patch lies in the volume, mirrored beyond its ends, its planes of *side* brought to *side_px*.

    *values* (d, B, y, x) float32 and *target* (d, y, x) uint8 become (depth, B, side_px, side_px) and (depth, side_px, side_px).
    """
    deeper, bottom, right = depth - len(target), side - target.shape[1], side - target.shape[2]
    if deeper or bottom or right:
        beyond = ((0, deeper), (0, bottom), (0, right))
        values = np.pad(values, (beyond[0], (0, 0), *beyond[1:]), mode="symmetric")
        target = np.pad(target, beyond, mode="symmetric")
    if side != side_px:
        how_px = cv2.INTER_AREA if side > side_px else cv2.INTER_LINEAR
        size = (side_px, side_px)
        values = np.stack([[cv2.resize(band, size, interpolation=how_px) for band in plane] for plane in values])
        target = np.stack([cv2.resize(plane, size, interpolation=cv2.INTER_NEAREST) for plane in target])
    return values, target


def read_sliced(
    image: TrainImage, slices: int, bands: int, scaling: str, readers: KeptReaders | None = None
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.bool_] | None]:
    """((bands, y, x) float32 in 0…1 of a plane with its neighbours, (y, x) bool of where the plane itself holds data or None).

    Raises
    ------
    UserError
        When the file cannot be read, is flat, or has other bands.
    """
    kept = KeptReaders() if readers is None else readers
    try:
        with kept.opened(image.file) as reader:
            check_plane(reader.info, image.z)
            whole = Rect(0, 0, reader.info.width, reader.info.height)
            sliced = SlicedReader(reader, slices, bands // slices)
            values = sliced.read(0, image.z, whole)
            limits, valid = sliced.value_range(scaling), sliced.valid_mask(0, image.z, whole)
    finally:
        if readers is None:
            kept.close()
    return to_unit(values, bands=bands, scaling=scaling, value_range=limits), valid
