"""Where a run's images and class indices come from: a dataset folder or a project."""

from __future__ import annotations

from collections import Counter
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from segstudio.core.errors import UserError
from segstudio.core.geometry import TILE, Rect
from segstudio.io.readers.kept import KeptReaders
from segstudio.io.readers.registry import probe
from segstudio.io.validity import file_validity, valid_mask
from segstudio.ml.plan import IGNORE_INDEX, MAX_TRAIN_CLASSES
from segstudio.ml.training.splitting import SplitRule, hold_planes_out, split_images
from segstudio.ml.training.targets import BIG_PX, ArrayTarget, class_lut, mask_target

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from segstudio.io.datasets import DatasetFolder, Sample
    from segstudio.io.readers.base import ImageInfo
    from segstudio.ml.plan import TrainPlan
    from segstudio.ml.training.targets import Target

IndexMask = npt.NDArray[np.uint8]


class HasName(Protocol):
    """Something with a name for people."""

    @property
    def name(self) -> str:
        """Its name."""
        ...


Named = TypeVar("Named", bound=HasName)


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
        When there is nothing to learn from, or training on it would mislead (:mod:`segstudio.ml.training.data_checks`); unless
        *is_for_training*, one split and one class are enough.
    """
    rule = SplitRule.of(plan)
    if plan.project:
        from segstudio.ml.training.project_source import project_data

        data = project_data(
            Path(plan.project),
            val_fraction=plan.val_fraction,
            seed=plan.seed,
            may_cut=is_for_training,
            rule=rule,
            source_weights=plan.source_weights,
        )
    else:
        from segstudio.io.datasets import parse_data_spec

        data = folder_data(parse_data_spec(plan.data), val_fraction=plan.val_fraction, seed=plan.seed, rule=rule)
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
    from segstudio.ml.training.data_checks import check_data

    check_data(data, plan)
    return data


def folder_data(folder: DatasetFolder, *, val_fraction: float, seed: int, rule: SplitRule | None = None) -> TrainData:
    """A dataset folder; without a "val" split a seeded part of "train" (or of everything) becomes one, as *rule* says.

    Images that have another number of bands than most are left out, and the note says so.
    """
    classes = folder.classes or _classes_of_values(folder)
    values = tuple(c.value for c in classes)
    images = tuple(
        TrainImage(s.name, s.image, MaskLookup(s, values), s.split or "train", z=s.z) for s in folder.samples
    )
    kinds = {file: band_kind(probe(file)) for file in dict.fromkeys(image.file for image in images)}
    kept, of_another_kind = of_one_kind(images, [kinds[image.file] for image in images])
    names = tuple(c.name for c in classes)
    background = 0 if names[0].lower() == "background" else None
    split, about_split = _split_folder(tuple(kept), rule or SplitRule(val_fraction, seed))
    note = f"{of_another_kind} {about_split}".strip()
    return TrainData(names, tuple(c.color for c in classes), background, split, values, note)


def _split_folder(images: tuple[TrainImage, ...], rule: SplitRule) -> tuple[tuple[TrainImage, ...], str]:
    train = [image for image in images if image.split == "train"]
    is_one_volume = len(train) > 1 and len({image.file for image in train}) == 1
    if not (is_one_volume and rule.is_plain) or any(image.split == "val" for image in images):
        return split_images(images, rule)
    classes = {image.z: set(np.unique(image.read_target()).tolist()) - {IGNORE_INDEX} for image in train}
    parts, said = hold_planes_out(train, classes)
    return (*parts, *(image for image in images if image.split != "train")), f"{said} is held out for validation."


def with_validation(images: tuple[TrainImage, ...], fraction: float, seed: int) -> tuple[TrainImage, ...]:
    """*images* with a part of "train" moved to "val" where there is none; at least one stays on each side.

    What comes from one file (the planes of a volume) goes to one side.
    """
    return split_images(images, SplitRule(fraction, seed))[0]


def band_kind(info: ImageInfo) -> int:
    """Bands of an image as a network sees it: grey, RGB and RGBA count as three, since it takes them all alike."""
    return 3 if info.bands <= 3 or (info.is_rgb and info.bands == 4) else info.bands


def of_one_kind(items: Sequence[Named], kinds: Sequence[int]) -> tuple[list[Named], str]:
    """Those of *items*, of which each has a number of bands, that have as many as most, and one sentence about the others."""
    counts = Counter(kinds)
    if len(counts) < 2:
        return list(items), ""
    wanted = min(counts, key=lambda count: (-counts[count], count))
    kept = [item for item, kind in zip(items, kinds, strict=True) if kind == wanted]
    first, other = next((item, kind) for item, kind in zip(items, kinds, strict=True) if kind != wanted)
    return kept, (
        f"{len(items) - len(kept)} labelled images are left out, since they have another number of bands than the other "
        f"{len(kept)} ({wanted}): {first.name} has {other}."
    )


def _classes_of_values(folder: DatasetFolder) -> tuple[Any, ...]:
    from segstudio.io.dataset_volumes import volume_values
    from segstudio.io.datasets import DatasetClass

    seen: set[int] = set()
    for file in list(dict.fromkeys(s.mask for s in folder.samples if s.depth > 1))[:16]:
        seen |= volume_values(file) - {255, 65535}
    for sample in [s for s in folder.samples if s.depth == 1][:64]:
        for mask in _mask_parts(sample):
            seen |= set(np.unique(mask).tolist()) - {255 if mask.dtype == np.uint8 else 65535}
    return tuple(DatasetClass(v, "background" if v == 0 else f"class {v}") for v in sorted(seen))


def _mask_parts(sample: Sample) -> Iterator[npt.NDArray[Any]]:
    """The values of a mask, those of a large one strip by strip where it can be read so."""
    info = probe(sample.image)
    reader = sample.open_windows() if info.width * info.height > BIG_PX else None
    if reader is None:
        yield sample.load_mask()
        return
    with closing(reader):
        for top in range(0, reader.info.height, TILE):
            yield reader.read(0, 0, Rect(0, top, reader.info.width, TILE))[0]
