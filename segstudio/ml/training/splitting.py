"""Which images, or parts of large ones, are held out for validation where the data does not say so itself."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from segstudio.core.errors import UserError
from segstudio.core.geometry import Rect
from segstudio.core.splits import chosen_block_px, fold_of_each, grid_of_blocks, group_of, held_out, joined_blocks
from segstudio.ml.plan import IGNORE_INDEX

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from segstudio.ml.plan import SplitBy, TrainPlan
    from segstudio.ml.training.sources import TrainImage

HELD_PLANES_SHARE = 0.25
"""Part of the only volume that is held out."""


@dataclass(frozen=True)
class SplitRule:
    """What is held out; fields as in :class:`segstudio.ml.plan.TrainPlan`."""

    val_fraction: float = 0.2
    seed: int = 0
    split_by: SplitBy = "image"
    group_by: str = ""
    block_px: int = 0
    fold: tuple[int, ...] = ()
    patch_px: int = 256

    @classmethod
    def of(cls, plan: TrainPlan) -> SplitRule:
        """The rule of *plan*."""
        return cls(plan.val_fraction, plan.seed, plan.split_by, plan.group_by, plan.block_px, plan.fold, plan.patch_px)

    @property
    def is_plain(self) -> bool:
        """Whether a share of the images is held out, and no more is asked for."""
        return self.split_by == "image" and not self.fold


def split_images(images: Sequence[TrainImage], rule: SplitRule) -> tuple[tuple[TrainImage, ...], str]:
    """*images* with a part of "train" moved to "val" as *rule* says, and a sentence about it ("" for nothing to say).

    Own splits hold: where there is a "val" already, nothing is moved, but for folds, which divide "train" and "val" anew. "test" is never
    touched. What comes from one file (the planes of a volume) stays together, but for blocks.

    Raises
    ------
    UserError
        When there are too few groups, blocks or parts to hold one out, or an image's group cannot be told.
    """
    images, note = tuple(images), ""
    if any(image.split == "val" for image in images):
        if not rule.fold:
            kept = "" if rule.is_plain else "The data's own validation images are kept."
            return images, kept
        note = "The data's own training and validation images are divided anew."
        images = tuple(replace(image, split="train") if image.split == "val" else image for image in images)
    if rule.split_by == "blocks":
        return _by_blocks(images, rule), note
    groups = _groups(images, rule)
    if rule.split_by == "group" and len(groups) < 2 and not rule.fold:
        raise UserError(
            f"all training images belong to one group ({next(iter(groups), 'none')}), so none can be held out",
            remedy="change --group-by, or split by image",
        )
    if len(groups) < 2 and not rule.fold:
        return images, note
    held = _held({name: len(places) for name, places in groups.items()}, rule)
    places = {place for name in held for place in groups[name]}
    return tuple(replace(image, split="val") if i in places else image for i, image in enumerate(images)), note


def _held(sizes: Mapping[str, int], rule: SplitRule) -> set[str]:
    if not rule.fold:
        return held_out(sizes, rule.val_fraction, rule.seed)
    wanted, count = rule.fold
    return {name for name, fold in fold_of_each(sizes, count, rule.seed).items() if fold == wanted}


def _groups(images: Sequence[TrainImage], rule: SplitRule) -> dict[str, list[int]]:
    """Name of each part that stays together → places of its training images."""
    train = [(place, image) for place, image in enumerate(images) if image.split == "train"]
    if rule.split_by == "group":
        found: dict[str, list[int]] = {}
        for place, image in train:
            found.setdefault(group_name(image, rule), []).append(place)
        return found
    # By file, not by name: two folders may hold an image of one name, and the planes of a volume stay together.
    files: dict[object, list[tuple[str, int]]] = {}
    for place, image in train:
        files.setdefault(image.file, []).append((image.name, place))
    return {f"{number:09d}": [place for _, place in members] for number, members in enumerate(sorted(files.values()))}


def group_name(image: TrainImage, rule: SplitRule) -> str:
    """The group of an image. UserError when it cannot be told."""
    return group_of(image.name, str(image.file.parent), rule.group_by)


# -- blocks ----------------------------------------------------------------------------------------------------------


def _by_blocks(images: Sequence[TrainImage], rule: SplitRule) -> tuple[TrainImage, ...]:
    grids: dict[Path, list[list[Rect]]] = {}
    sizes: dict[str, int] = {}
    order = {image.file: number for number, image in enumerate(sorted(images, key=lambda image: (image.name, image.z)))}
    for image in images:
        if image.split != "train":
            continue
        grid = grids.setdefault(image.file, _grid(image, rule))
        # Planes of a volume are alike, so a block is the same in all of them.
        for block, pixels in _labelled(image, grid).items():
            name = _block_name(order[image.file], block)
            sizes[name] = sizes.get(name, 0) + pixels
    sizes = {name: pixels for name, pixels in sizes.items() if pixels}
    if len(sizes) < 2 and not rule.fold:
        raise UserError(
            f"{len(sizes)} blocks of the images hold labels, so none can be held out",
            remedy="give a smaller --block-px, or label more",
        )
    held = _held(sizes, rule)
    result: list[TrainImage] = []
    for image in images:
        if image.split != "train":
            result.append(image)
            continue
        grid = grids[image.file]
        labelled = {b for row in grid for b in row if _block_name(order[image.file], b) in sizes}
        val = {block for block in labelled if _block_name(order[image.file], block) in held}
        for split, chosen in (("train", labelled - val), ("val", val)):
            result += [_part(image, rect, split, grid) for rect in joined_blocks(grid, chosen)]
    return tuple(result)


def _block_name(number: int, block: Rect) -> str:
    return f"{number:09d} {block.y:09d} {block.x:09d}"


def _part(image: TrainImage, rect: Rect, split: str, grid: list[list[Rect]]) -> TrainImage:
    if rect == grid[0][0].united(grid[-1][-1]):
        return replace(image, split=split)
    name = f"{image.name} ({rect.width} × {rect.height} px at {rect.x}, {rect.y})"
    return replace(image, name=name, split=split, window=rect)


def _grid(image: TrainImage, rule: SplitRule) -> list[list[Rect]]:
    from segstudio.io.readers.registry import probe

    info = probe(image.file)
    area = image.window or Rect(0, 0, info.width, info.height)
    return grid_of_blocks(area, rule.block_px or chosen_block_px(area.width, area.height, rule.patch_px))


def _labelled(image: TrainImage, grid: list[list[Rect]]) -> dict[Rect, int]:
    """Labelled pixels of each block."""
    from segstudio.ml.training.big_pairs import is_big_file
    from segstudio.ml.training.label_index import label_index
    from segstudio.ml.training.sources import known_target

    blocks = [block for row in grid for block in row]
    if is_big_file(image):
        index = label_index(image)
        return {block: index.pixels_in(block) for block in blocks}
    is_labelled = known_target(image) != IGNORE_INDEX
    return {block: int(np.count_nonzero(is_labelled[block.slices])) for block in blocks}


# -- planes of the only volume ---------------------------------------------------------------------------------------


def hold_planes_out(
    planes: Sequence[TrainImage], classes: Mapping[int, set[int]]
) -> tuple[tuple[TrainImage, ...], str]:
    """The only volume's *planes* with a run of neighbours at one end held out, and the words for it.

    ``classes`` says what is labelled on each plane: that end is chosen which leaves both sides more classes.
    """
    count = min(len(planes) - 1, max(1, round(len(planes) * HELD_PLANES_SHARE)))
    options = []
    for first in (len(planes) - count, 0):
        held = range(first, first + count)
        sides = [
            {c for place, plane in enumerate(planes) if (place in held) == is_held for c in classes[plane.z]}
            for is_held in (True, False)
        ]
        options.append((len(sides[0] & sides[1]), held))
    held = max(options, key=lambda option: option[0])[1]
    low, high = planes[held[0]].z + 1, planes[held[-1]].z + 1
    said = f"the plane {low}" if count == 1 else f"a run of {count} neighbouring planes ({low} to {high})"
    parts = (replace(plane, split="val") if place in held else plane for place, plane in enumerate(planes))
    return tuple(parts), f"Only one volume is labelled: {said}"
