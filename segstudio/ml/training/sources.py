"""Where a run's images and class indices come from: a dataset folder or a project."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from segstudio.core.errors import UserError
from segstudio.core.geometry import Rect
from segstudio.io.readers.kept import KeptReaders
from segstudio.io.validity import file_validity, valid_mask
from segstudio.ml.plan import IGNORE_INDEX, MAX_TRAIN_CLASSES
from segstudio.ml.training.targets import ArrayTarget, class_lut, mask_target

if TYPE_CHECKING:
    from collections.abc import Callable

    from segstudio.io.datasets import DatasetFolder, Sample
    from segstudio.io.readers.base import ImageInfo
    from segstudio.ml.plan import TrainPlan
    from segstudio.ml.training.targets import Target

IndexMask = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class TrainImage:
    """An image to learn from. Frozen and picklable, so that loader workers can be spawned with it.

    ``read_target`` answers (y, x) uint8 class indices, 255 = ignored. ``window`` limits the image to a part of it
    (one labelled image alone is cut into a training and a validation part). ``z`` is the plane of a volume, from 0.
    """

    name: str
    file: Path
    read_target: Callable[[], IndexMask]
    split: str
    window: Rect | None = None
    z: int = 0


@dataclass(frozen=True)
class TrainData:
    """What a run learns from. ``background_index`` is None where every pixel belongs to a class."""

    classes: tuple[str, ...]
    colors: tuple[str, ...]
    background_index: int | None
    images: tuple[TrainImage, ...]
    values: tuple[int, ...] = ()
    note: str = ""

    def of_split(self, split: str) -> tuple[TrainImage, ...]:
        """The images of "train", "val" or "test"."""
        return tuple(i for i in self.images if i.split == split)


@dataclass(frozen=True)
class MaskLookup:
    """Reads a mask file and turns its values into class indices."""

    sample: Sample
    values: tuple[int, ...]

    def __call__(self) -> IndexMask:
        """(y, x) uint8 class indices; values that are no class are ignored."""
        values = self.sample.load_mask()
        indices: IndexMask = class_lut(self.values, values.dtype)[values]
        return indices

    def opened(self, scratch: Path | None) -> Target:
        """The labels in windows; a large mask that has none is unpacked into *scratch* once."""
        return mask_target(self.sample, self.values, self, scratch)


def open_target(image: TrainImage, scratch: Path | None = None) -> Target:
    """The labels of *image* in windows; see :class:`MaskLookup`."""
    opened: Callable[[Path | None], Target] | None = getattr(image.read_target, "opened", None)
    return ArrayTarget(image.read_target()) if opened is None else opened(scratch)


def read_image(file: Path, window: Rect | None = None, z: int = 0) -> npt.NDArray[Any]:
    """(band, y, x) values of an image file, or of plane *z* of a volume, alpha left out.

    Raises
    ------
    UserError
        When the file cannot be read.
    """
    return read_valid(file, window, z)[0]


def read_valid(
    file: Path, window: Rect | None = None, z: int = 0, readers: KeptReaders | None = None
) -> tuple[npt.NDArray[Any], npt.NDArray[np.bool_] | None]:
    """As :func:`read_image`, and (y, x) bool of where the image holds data; None: everywhere.

    *readers* keeps volumes open from plane to plane.
    """
    kept = KeptReaders() if readers is None else readers
    try:
        with kept.opened(file) as reader:
            info = reader.info
            check_plane(info, z)
            part = window or Rect(0, 0, info.width, info.height)
            values: npt.NDArray[Any] = reader.read(0, z, part)
            valid = valid_mask(reader, 0, z, part)
    finally:
        if readers is None:
            kept.close()
    return bands_of(values, info), valid


def bands_of(values: npt.NDArray[Any], info: ImageInfo) -> npt.NDArray[Any]:
    """*values* (band, y, x) of an image without its alpha."""
    if values.shape[0] == 4 and info.is_rgb:
        return values[:3]
    return values[:1] if values.shape[0] == 2 else values


def check_plane(info: ImageInfo, z: int) -> None:
    """Raise UserError when the image does not have plane *z*, which was labelled."""
    if z >= info.depth:
        raise UserError(
            f"plane {z + 1} is labelled but the image has {info.depth}",
            path=info.path,
            remedy="put the image back that was labelled",
        )


def known_target(image: TrainImage) -> IndexMask:
    """The image's class indices, ignored where it holds no data."""
    target = image.read_target()
    with file_validity(image.file) as validity:
        valid = None if validity is None else validity(image.z, Rect(0, 0, target.shape[1], target.shape[0]))
    if valid is not None:
        target = np.where(valid, target, IGNORE_INDEX).astype(np.uint8)
    return target


def load_data(plan: TrainPlan, *, is_for_training: bool = True) -> TrainData:
    """The images and classes that *plan* names, each image in a split.

    Raises
    ------
    UserError
        When there is nothing to learn from; unless *is_for_training*, one split and one class are enough.
    """
    if plan.project:
        from segstudio.ml.training.project_source import project_data

        data = project_data(Path(plan.project), val_fraction=plan.val_fraction, seed=plan.seed, may_cut=is_for_training)
    else:
        from segstudio.io.datasets import parse_data_spec

        data = folder_data(parse_data_spec(plan.data), val_fraction=plan.val_fraction, seed=plan.seed)
    if plan.class_names:
        if len(plan.class_names) != len(data.classes):
            raise UserError(
                f"{len(plan.class_names)} class names for {len(data.classes)} classes",
                remedy=f"the labels hold {', '.join(data.classes)}",
            )
        is_background = plan.class_names[0].lower() == "background"
        data = replace(data, classes=plan.class_names, background_index=0 if is_background else None)
    if len(data.classes) > MAX_TRAIN_CLASSES:
        raise UserError(
            f"{len(data.classes)} classes are more than a run can learn", remedy=f"merge them to {MAX_TRAIN_CLASSES}"
        )
    if not is_for_training:
        return data
    if len(data.classes) < 2:
        raise UserError("the labels hold fewer than two classes", remedy="label a second class, or background, too")
    for split, what in (("train", "training"), ("val", "validation")):
        if not data.of_split(split):
            raise UserError(f"no image is left for {what}", remedy="label more images or change the splits")
    return data


def folder_data(folder: DatasetFolder, *, val_fraction: float, seed: int) -> TrainData:
    """A dataset folder; without a "val" split a seeded part of "train" (or of everything) becomes one."""
    classes = folder.classes or _classes_of_values(folder)
    values = tuple(c.value for c in classes)
    images = tuple(TrainImage(s.name, s.image, MaskLookup(s, values), s.split or "train", z=s.z) for s in folder.samples)
    names = tuple(c.name for c in classes)
    background = 0 if names[0].lower() == "background" else None
    images = with_validation(images, val_fraction, seed)
    return TrainData(names, tuple(c.color for c in classes), background, images, values)


def with_validation(images: tuple[TrainImage, ...], fraction: float, seed: int) -> tuple[TrainImage, ...]:
    """*images* with a part of "train" moved to "val" where there is none; at least one stays on each side.

    What comes from one file (the planes of a volume) goes to one side.
    """
    if any(i.split == "val" for i in images):
        return images
    # By file, not by name: two folders may hold an image of one name, and the planes of a volume stay together.
    groups: dict[Path, list[tuple[str, int]]] = {}
    for place, image in enumerate(images):
        if image.split == "train":
            groups.setdefault(image.file, []).append((image.name, place))
    if len(groups) < 2:
        return images
    held = {place for group in _held_out(sorted(groups.values()), fraction, seed) for _, place in group}
    return tuple(replace(image, split="val") if place in held else image for place, image in enumerate(images))


def _held_out(groups: list[list[tuple[str, int]]], fraction: float, seed: int) -> list[list[tuple[str, int]]]:
    """Some of the groups, not all, that have together about *fraction* of all members."""
    random.Random(seed).shuffle(groups)
    count = sum(len(group) for group in groups)
    missing = min(count - 1, max(1, round(count * fraction)))
    held: list[list[tuple[str, int]]] = []
    for group in groups:
        # As long as it gets nearer to the share.
        if abs(missing - len(group)) < missing and len(held) < len(groups) - 1:
            held.append(group)
            missing -= len(group)
    return held or [min(groups, key=len)]


def _classes_of_values(folder: DatasetFolder) -> tuple[Any, ...]:
    from segstudio.io.dataset_volumes import volume_values
    from segstudio.io.datasets import DatasetClass

    seen: set[int] = set()
    for file in list(dict.fromkeys(s.mask for s in folder.samples if s.depth > 1))[:16]:
        seen |= volume_values(file) - {255, 65535}
    for sample in [s for s in folder.samples if s.depth == 1][:64]:
        mask = sample.load_mask()
        seen |= set(np.unique(mask).tolist()) - {255 if mask.dtype == np.uint8 else 65535}
    return tuple(DatasetClass(v, "background" if v == 0 else f"class {v}") for v in sorted(seen))
