"""Patches for training: cropped where there are labels, scaled, augmented; the same for the same seed, epoch and index."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

import cv2
import numpy as np
import numpy.typing as npt
import torch
from torch.utils.data import Dataset, Sampler

from segstudio.core.border_weights import border_weights, component_ids
from segstudio.core.errors import UserError
from segstudio.io.readers.kept import KeptReaders
from segstudio.ml.inference.normalise import to_unit
from segstudio.ml.plan import IGNORE_INDEX
from segstudio.ml.training.augment import augment, build_augmentation
from segstudio.ml.training.sources import IndexMask, TrainImage, read_valid

if TYPE_CHECKING:
    from collections.abc import Iterator

    from segstudio.ml.plan import TrainPlan

CACHE_BYTES = 1 << 30
"""Decoded images kept in each loader process."""
MAX_AUTO_PATCHES = 4


def load_pair(
    image: TrainImage, *, bands: int, scaling: str, long_side_px: int, readers: KeptReaders | None = None
) -> tuple[npt.NDArray[np.float16], IndexMask]:
    """((B, y, x) float16 in 0…1, (y, x) uint8 class indices) of one training image, at the working scale.

    Raises
    ------
    UserError
        When a file cannot be read, or mask and image differ in size.
    """
    whole, valid = read_valid(image.file, z=image.z, readers=readers)
    target = image.read_target()
    if target.shape != whole.shape[1:]:
        raise UserError(
            f"the mask is {target.shape[1]}×{target.shape[0]} pixels but the image {whole.shape[2]}×{whole.shape[1]}",
            path=image.file,
            remedy="replace one of them",
        )
    if valid is not None:
        target = np.where(valid, target, IGNORE_INDEX).astype(np.uint8)
    values = to_unit(whole, bands=bands, scaling=scaling)
    if image.window is not None:
        rows, columns = image.window.slices
        values, target = values[:, rows, columns], target[rows, columns]
    if long_side_px and max(target.shape) != long_side_px:
        factor = long_side_px / max(target.shape)
        size = (max(1, round(target.shape[1] * factor)), max(1, round(target.shape[0] * factor)))
        how = cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR
        values = np.stack([cv2.resize(band, size, interpolation=how) for band in values])
        target = cv2.resize(target, size, interpolation=cv2.INTER_NEAREST)
    return values.astype(np.float16), np.ascontiguousarray(target)


class PairCache:
    """Decoded pairs of a process, the least recently used dropped beyond a byte budget."""

    def __init__(
        self,
        images: tuple[TrainImage, ...],
        plan: TrainPlan,
        bands: int,
        scaling: str,
        ignored_index: int = IGNORE_INDEX,
    ) -> None:
        self._ignored_index = ignored_index
        self._images, self._plan, self._bands, self._scaling = images, plan, bands, scaling
        self._pairs: OrderedDict[int, tuple[npt.NDArray[np.float16], IndexMask]] = OrderedDict()
        self._bytes = 0
        self._readers = KeptReaders()

    def __getitem__(self, index: int) -> tuple[npt.NDArray[np.float16], IndexMask]:
        """The pair of image *index*."""
        if index in self._pairs:
            self._pairs.move_to_end(index)
            return self._pairs[index]
        pair = load_pair(
            self._images[index],
            bands=self._bands,
            scaling=self._scaling,
            long_side_px=self._plan.working_long_side_px,
            readers=self._readers,
        )
        if self._ignored_index != IGNORE_INDEX:
            pair[1][pair[1] == IGNORE_INDEX] = self._ignored_index
        self._pairs[index] = pair
        if len(self._pairs) == len(self._images):
            self._readers.close()
        self._bytes += pair[0].nbytes + pair[1].nbytes
        while self._bytes > CACHE_BYTES and len(self._pairs) > 1:
            _, old = self._pairs.popitem(last=False)
            self._bytes -= old[0].nbytes + old[1].nbytes
        return pair


class PatchDataset(Dataset[tuple[torch.Tensor, ...]]):
    """(image (B, P, P) float32 in 0…1, target (P, P) int64) patches; asked for by (epoch, index).

    With the plan's ``border_weight`` a third part: (P, P) float32 weights between neighbouring objects, which are the connected
    pieces of the classes but *background_index*.
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
        self._cache = PairCache(images, plan, bands, scaling, ignored_index)
        self._transform = build_augmentation(plan.augment, bands)
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
        draw = np.random.default_rng([self.plan.seed, epoch, index])
        values, target = self._cache[self._index[index]]
        image, mask = crop(
            values, target, self.plan.patch_px, self.plan.scale if self.plan.augment != "none" else (1, 1), draw
        )
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(int(draw.integers(1 << 62)))
            x, y = augment(self._transform, torch.from_numpy(image), torch.from_numpy(mask))
        if not self.plan.border_weight:
            return x, y.long()
        # Of the patch as the network sees it: places, scales and turns differ from epoch to epoch, and so do distances.
        w0, sigma_px = self.plan.border_weight
        ids = component_ids(y.numpy(), self._background_index, IGNORE_INDEX)
        return x, y.long(), torch.from_numpy(border_weights(ids, w0, sigma_px))


def crop(
    values: npt.NDArray[np.float16],
    target: IndexMask,
    side_px: int,
    scale: tuple[float, float],
    draw: np.random.Generator,
) -> tuple[npt.NDArray[np.float32], IndexMask]:
    """A square patch at a random place and scale; of eight places the first whose middle or area holds labels is taken."""
    height, width = target.shape
    factor = float(np.exp(draw.uniform(np.log(scale[0]), np.log(scale[1]))))
    # Beyond the image its mirror image is seen, labels and all; farther there would be only repetition to learn from.
    side = max(8, min(round(side_px / factor), 2 * max(height, width)))
    for attempt in range(8):
        y, x = (int(draw.integers(0, max(1, extent - side + 1))) for extent in (height, width))
        mask = target[y : y + side, x : x + side]
        labelled = np.count_nonzero(mask != IGNORE_INDEX)
        if labelled * 20 >= mask.size or (attempt == 7 and labelled):
            break
    else:
        ys, xs = np.nonzero(target != IGNORE_INDEX)
        if len(ys):
            pick = int(draw.integers(len(ys)))
            y = int(np.clip(ys[pick] - side // 2, 0, max(0, height - side)))
            x = int(np.clip(xs[pick] - side // 2, 0, max(0, width - side)))
            mask = target[y : y + side, x : x + side]
    part = values[:, y : y + side, x : x + side].astype(np.float32)
    bottom, right = side - mask.shape[0], side - mask.shape[1]
    if bottom or right:
        part = np.pad(part, ((0, 0), (0, bottom), (0, right)), mode="symmetric")
        mask = np.pad(mask, ((0, bottom), (0, right)), mode="symmetric")
    if side != side_px:
        how_px = cv2.INTER_AREA if side > side_px else cv2.INTER_LINEAR
        part = np.stack([cv2.resize(band, (side_px, side_px), interpolation=how_px) for band in part])
        mask = cv2.resize(mask, (side_px, side_px), interpolation=cv2.INTER_NEAREST)
    return np.ascontiguousarray(part), np.ascontiguousarray(mask)


class EpochSampler(Sampler[tuple[int, int]]):
    """(epoch, index) keys in an order that is a function of seed and epoch alone, so that a resumed run repeats it."""

    def __init__(self, length: int, seed: int) -> None:
        self.length, self.seed, self.epoch = length, seed, 1

    def __len__(self) -> int:
        """Patches an epoch."""
        return self.length

    def __iter__(self) -> Iterator[tuple[int, int]]:
        """The keys of ``epoch``."""
        for index in np.random.default_rng([self.seed, self.epoch, 7]).permutation(self.length).tolist():
            yield self.epoch, index
