"""Augmented copies of one image as whole pixels of its own kind: a window, scaled, augmented, with the mask that belongs to it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import numpy.typing as npt
import torch

from segstudio.core.errors import UserError
from segstudio.core.geometry import Rect
from segstudio.ml.inference.normalise import to_unit
from segstudio.ml.plan import IGNORE_INDEX
from segstudio.ml.training.augment import augment_seeded, build_augmentation
from segstudio.ml.training.sources import read_valid

if TYPE_CHECKING:
    from collections.abc import Iterator

    from segstudio.io.readers.kept import KeptReaders
    from segstudio.ml.plan import TrainPlan
    from segstudio.ml.training.sources import IndexMask, TrainImage

MAX_WHOLE_PX = 1 << 26
"""A larger image is not augmented whole: it and its changes would not fit into memory."""
MIN_LABELLED = 0.05
"""Part of a patch that is labelled, where such a place is found."""
_TRIES = 8


def augmented_copies(
    image: TrainImage,
    number: int,
    plan: TrainPlan,
    *,
    copies: int,
    size_px: int = 0,
    readers: KeptReaders | None = None,
) -> Iterator[tuple[npt.NDArray[Any], IndexMask]]:
    """((y, x, band) values of the image's own type, (y, x) uint8 class indices) *copies* times.

    A copy is of *size_px* × *size_px*, 0: of the image's own size. Which part at what scale, and what is done to it, is a
    function of the plan's seed, the image's *number* and the copy's alone. What no pixel is known of becomes ignore.

    Raises
    ------
    UserError
        When the image cannot be read, differs from its mask in size, or is too large to be augmented whole.
    """
    target = image.read_target()
    area = image.window or Rect(0, 0, target.shape[1], target.shape[0])
    if not size_px and area.width * area.height > MAX_WHOLE_PX:
        raise UserError(
            f"the image of {area.width} × {area.height} pixels is too large to be augmented whole",
            path=image.file,
            remedy="give --size N for patches of it",
        )
    for copy in range(1, copies + 1):
        draw = np.random.default_rng([plan.seed, copy, number])
        size = (size_px, size_px) if size_px else (area.height, area.width)
        factor = float(np.exp(draw.uniform(*np.log(plan.scale))))
        # Beyond the image its mirror image is seen; farther there would be only repetition.
        seen = tuple(
            max(8, min(round(side / factor), 2 * have))
            for side, have in zip(size, (area.height, area.width), strict=True)
        )
        part = _place(target, area, (seen[0], seen[1]), draw)
        values, valid = read_valid(image.file, part, image.z, readers)
        mask = target[part.slices]
        if values.shape[1:] != mask.shape:
            raise UserError("image and mask differ in size", path=image.file, remedy="replace one of them")
        if valid is not None:
            mask = np.where(valid, mask, IGNORE_INDEX).astype(np.uint8)
        yield _augmented(values, mask, (seen[0], seen[1]), size, plan, draw)


def _place(target: IndexMask, area: Rect, seen: tuple[int, int], draw: np.random.Generator) -> Rect:
    """A random part of *area*, *seen* (y, x) large where there is so much: one with labels, if a few tries find any."""
    height, width = min(seen[0], area.height), min(seen[1], area.width)
    best, part = -1.0, area
    for _ in range(_TRIES):
        y = area.y + int(draw.integers(0, area.height - height + 1))
        x = area.x + int(draw.integers(0, area.width - width + 1))
        known = float(np.mean(target[y : y + height, x : x + width] != IGNORE_INDEX))
        if known > best:
            best, part = known, Rect(x, y, width, height)
        if known >= MIN_LABELLED:
            break
    return part


def _augmented(
    values: npt.NDArray[Any],
    mask: IndexMask,
    seen: tuple[int, int],
    size: tuple[int, int],
    plan: TrainPlan,
    draw: np.random.Generator,
) -> tuple[npt.NDArray[Any], IndexMask]:
    low, high = _range(values)
    bands = values.shape[0]
    unit, target = _scaled(to_unit(values, bands=bands, value_range=(low, high)), mask, seen, size)
    transform = build_augmentation(plan.augment, bands, plan.augment_options)
    seed = int(draw.integers(1 << 62))
    x, y = augment_seeded(transform, torch.from_numpy(unit), torch.from_numpy(target), seed)
    found = x.numpy().transpose(1, 2, 0) * np.float32(high - low) + np.float32(low)
    if np.issubdtype(values.dtype, np.integer):
        kind = np.iinfo(values.dtype)
        found = np.rint(found.astype(np.float64)).clip(kind.min, kind.max)
    return np.ascontiguousarray(found.astype(values.dtype)), y.numpy()


def _range(values: npt.NDArray[Any]) -> tuple[float, float]:
    """The values that become 0 and 1 and back: those of 8 bits, else the least and the greatest that there are."""
    if values.dtype == np.uint8:
        return 0.0, 255.0
    known = values[np.isfinite(values)] if np.issubdtype(values.dtype, np.floating) else values
    low, high = (float(known.min()), float(known.max())) if known.size else (0.0, 1.0)
    return (low, high) if high > low else (low, low + 1.0)


def _scaled(
    unit: npt.NDArray[np.float32], mask: IndexMask, seen: tuple[int, int], size: tuple[int, int]
) -> tuple[npt.NDArray[np.float32], IndexMask]:
    """Image and mask, mirrored at their ends to *seen* (y, x) where they are less, at *size* (y, x)."""
    down, right = (max(0, side - have) for side, have in zip(seen, mask.shape, strict=True))
    if down or right:
        unit = np.pad(unit, ((0, 0), (0, down), (0, right)), mode="symmetric")
        mask = np.pad(mask, ((0, down), (0, right)), mode="symmetric")
    if mask.shape != size:
        how = cv2.INTER_AREA if mask.shape[0] > size[0] else cv2.INTER_LINEAR
        unit = np.stack([cv2.resize(band, size[::-1], interpolation=how) for band in unit])
        mask = cv2.resize(mask, size[::-1], interpolation=cv2.INTER_NEAREST)
    return np.ascontiguousarray(unit), np.ascontiguousarray(mask)
