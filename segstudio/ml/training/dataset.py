"""The one dataset that training draws from: every kind of data folder, projects and planes of volumes, as augmented patches."""

from __future__ import annotations

import copy
import shutil
import weakref
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch.utils.data import Dataset

from segstudio.core.border_weights import border_weights, component_ids
from segstudio.ml.plan import IGNORE_INDEX
from segstudio.ml.source_weights import CODE_SHIFT, are_weighed, with_codes
from segstudio.ml.training.augment import augment_seeded, augmentation_of
from segstudio.ml.training.label_index import ClassPlaces, LabelIndex
from segstudio.ml.training.mix import mixed
from segstudio.ml.training.patches import (
    PairCache,
    PairSource,
    drawn_side,
    fitted,
    fitted_mask,
    labelled_place,
    place_around,
)

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    import numpy.typing as npt

    from segstudio.core.geometry import Rect
    from segstudio.ml.plan import TrainPlan
    from segstudio.ml.training.sources import TrainImage

    Cropped = tuple[npt.NDArray[np.float32], npt.NDArray[Any], np.random.Generator]

MAX_AUTO_PATCHES = 4
MAX_BIG_PATCHES = 64
"""Of an image too large to be held, by its labelled pixels, where the plan does not say how many."""
_NO_DATA_ID = IGNORE_INDEX
"""What the augmentation fills masks with beyond the picture; so no object may have this id meanwhile."""


class SegmentationDataset(Dataset[tuple[torch.Tensor, ...]]):
    """(image (B, P, P) float32 in 0…1, target (P, P) int64) patches; asked for by (epoch, index).

    Patches lie where there are labels; with the plan's ``sampling`` "balanced" each class is in the middle of things as often as any
    other, wherever it is labelled. Images too large to be held are read in windows, and only where they are labelled.

    With the plan's ``source_weights`` a last part: (P, P) float32 weights of the pixels by who made their labels. With its
    ``border_weight`` a third part: (P, P) float32 weights between neighbouring objects: those the data tells of, and
    of classes that it tells none of (but *background_index*) the connected pieces. Where ``is_augmented_on_device`` was set,
    patches come as they were cropped, with the int64 seed of their augmentation (:mod:`segstudio.ml.training.augment_device`)
    as third part. *scratch* is a folder for large masks that cannot be read in windows; it goes when the dataset does.
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
        scratch: Path | None = None,
    ) -> None:
        self.plan, self.bands, self._background_index = plan, bands, background_index
        self._pairs = PairCache(images, plan, bands, scaling, ignored_index, scratch)
        if scratch is not None:
            weakref.finalize(self, shutil.rmtree, scratch, ignore_errors=True)
        self._transform = augmentation_of(plan, bands)
        self.is_augmented_on_device = False
        self._indices: dict[int, LabelIndex] = {}
        self._places: ClassPlaces | None = None
        if plan.sampling == "balanced":
            self._indices = {i: self._pairs.label_index(i) for i in range(len(images))}
            self._places = ClassPlaces(list(self._indices.values()))
        area = plan.patch_px**2
        self._index: list[int] = []
        for i, (width, height) in enumerate(sizes):
            auto = min(MAX_AUTO_PATCHES, max(1, round(width * height / area)))
            if self._pairs.is_big(i):
                if i not in self._indices:
                    self._indices[i] = self._pairs.label_index(i)
                auto = min(MAX_BIG_PATCHES, max(1, round(int(self._indices[i].pixels.sum()) / area)))
            self._index += [i] * (plan.patches_per_image or auto)

    def __len__(self) -> int:
        """Patches an epoch."""
        return len(self._index)

    def with_plan(self, plan: TrainPlan) -> SegmentationDataset:
        """The same pictures and places with the augmentation, mixing and scale of *plan*."""
        other = copy.copy(self)
        other.plan, other._transform = plan, augmentation_of(plan, self.bands)
        return other

    def image_names(self, keys: Iterable[tuple[int, int]]) -> list[str]:
        """The images that patches are taken from, each once, in the order of their (epoch, index) *keys*."""
        return list(dict.fromkeys(self._pairs.name(self._image_of(key)) for key in keys))

    def _image_of(self, key: tuple[int, int]) -> int:
        if self._places is None:
            return self._index[key[1]]
        return self._places.draw(np.random.default_rng([self.plan.seed, *key]))[1]

    def __getitem__(self, key: tuple[int, int]) -> tuple[torch.Tensor, ...]:
        """The patch of *key* = (epoch, index); a function of the seed and the key alone, whichever process asks."""
        epoch, index = key
        image, mask, draw = self._cropped(epoch, index)
        image, mask = mixed(self.plan, key, len(self), image, mask, lambda other: self._cropped(epoch, other)[:2])
        x, y, seed = torch.from_numpy(image), torch.from_numpy(mask), int(draw.integers(1 << 62))
        if self.is_augmented_on_device:
            return x, y.long(), torch.tensor(seed)
        x, y = augment_seeded(self._transform, x, y, seed)
        more: tuple[torch.Tensor, ...] = ()
        if self.plan.border_weight:
            # Of the patch as the network sees it: places, scales and turns differ from epoch to epoch, and so do distances.
            ids = object_ids(y[0].numpy().astype(np.uint8), y[1].numpy(), self._background_index)
            more, y = (torch.from_numpy(border_weights(ids, *self.plan.border_weight)),), y[0]
        if are_weighed(self.plan.source_weights):
            weights = torch.tensor(self.plan.source_weights, dtype=torch.float32)
            more, y = (*more, weights[(y >> CODE_SHIFT).long()]), y & IGNORE_INDEX
        return x, y.long(), *more

    def _cropped(self, epoch: int, index: int) -> Cropped:
        """The patch before augmentation, and the generator that goes on from there; with a border weight object ids below the classes."""
        draw = np.random.default_rng([self.plan.seed, epoch, index])
        side_px = self.plan.patch_px
        source, place = self._place(index, draw)
        inside = place.clipped(source.shape[1], source.shape[0])
        part = fitted(source.values(inside), place.width, side_px)
        mask = fitted_mask(source.target(inside), place.width, side_px)
        if are_weighed(self.plan.source_weights):
            codes = source.sources(inside)
            codes = None if codes is None else fitted_mask(codes, place.width, side_px)
            mask = with_codes(mask, codes, IGNORE_INDEX)
        if self.plan.border_weight:
            ids = source.objects(inside)
            ids = np.zeros_like(mask, np.int32) if ids is None else fitted_mask(ids, place.width, side_px)
            mask = np.stack([mask.astype(np.int32), ids + (ids >= _NO_DATA_ID)])
        return part, mask, draw

    def _place(self, index: int, draw: np.random.Generator) -> tuple[PairSource, Rect]:
        """Where the patch is taken: the image, and a square in it that may end beyond it."""
        scale = self.plan.scale if self.plan.augment != "none" else (1.0, 1.0)
        i, wanted = self._index[index], None
        if self._places is not None:
            wanted, i, tile = self._places.draw(draw)
        elif self._pairs.is_big(i):
            tile = self._indices[i].draw(draw)
        else:
            pair = self._pairs.source(i)
            return pair, labelled_place(pair.whole_target, self.plan.patch_px, scale, draw)
        source = self._pairs.source(i)
        rect = source.frame.tile(*tile)
        mask = source.target(rect)
        found = np.flatnonzero(mask == wanted if wanted is not None else mask != IGNORE_INDEX)
        # A class that is a speck may be lost at a coarse working scale: then its tile's middle.
        at = int(found[int(draw.integers(len(found)))]) if len(found) else mask.size // 2
        y, x = divmod(at, rect.width)
        side = drawn_side(source.shape, self.plan.patch_px, scale, draw)
        return source, place_around((rect.y + y, rect.x + x), source.shape, side, draw)


def object_ids(
    mask: npt.NDArray[np.uint8], known: npt.NDArray[np.int32], background: int | None
) -> npt.NDArray[np.int32]:
    """(y, x) int32 objects of a patch: *known* ones, and the connected pieces of what is of a class but of no known object."""
    none = (mask == IGNORE_INDEX) | (known == _NO_DATA_ID)
    if background is not None:
        none |= mask == background
    ids = np.where(none, 0, known)
    rest = component_ids(np.where(ids > 0, IGNORE_INDEX, mask).astype(np.uint8), background, IGNORE_INDEX)
    return np.where(rest > 0, rest + ids.max(initial=0), ids).astype(np.int32)
