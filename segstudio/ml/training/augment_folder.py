"""Offline augmentation: a dataset folder in the ``masks`` layout, its training images joined by augmented copies of themselves."""

from __future__ import annotations

import json
import os
import re
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from torch.utils.data import DataLoader, Dataset

from segstudio.core.cancel import NEVER, check
from segstudio.core.errors import UserError
from segstudio.core.geometry import Rect
from segstudio.core.splits import assign_splits
from segstudio.io.atomic import atomic_folder, disk_error
from segstudio.io.datasets import IMAGE_SUFFIXES, SPLITS
from segstudio.io.formats.base import ExportItem
from segstudio.io.formats.index_png import read_index_png, write_index_png
from segstudio.io.formats.pixels import (
    IGNORE_8BIT,
    IGNORE_16BIT,
    IGNORE_COLOR,
    free_stem,
    make_folder,
    place_image,
    safe_stem,
    write_pixels,
    write_text,
)
from segstudio.io.formats.registry import sweep_dead
from segstudio.io.readers.kept import KeptReaders
from segstudio.io.readers.registry import probe
from segstudio.ml.training.augment import build_augmentation
from segstudio.ml.training.augment_copies import augmented_copies
from segstudio.ml.training.loader import begin_worker
from segstudio.ml.training.sources import load_data, read_valid

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from segstudio.core.cancel import Cancel
    from segstudio.core.progress import ProgressSink
    from segstudio.ml.plan import TrainPlan
    from segstudio.ml.training.sources import IndexMask, TrainData, TrainImage

    _Result = tuple[int, UserError | None]
MOST_WORKERS = 8
PICTURES_A_WORKER = 128
"""A process takes seconds to begin: fewer pictures than this do not pay for it."""
_OF_A_COPY = re.compile(r"_aug(\d+)$")


@dataclass(frozen=True)
class AugmentFolderPlan:
    """``train`` says which data and how it is augmented (with ``patch_px`` unused), ``out`` the folder to make.

    ``size_px`` 0 keeps images whole. ``split_fractions`` deals all images anew; None keeps the data's own splits, and holds a
    part out where it has no "val". ``has_originals`` keeps the training images themselves beside their copies.
    ``workers`` -1 takes as many processes as pay.
    """

    train: TrainPlan
    out: Path
    copies: int = 1
    size_px: int = 0
    split_fractions: Mapping[str, float] | None = None
    has_originals: bool = True
    workers: int = -1

    def checked(self) -> AugmentFolderPlan:
        """The plan itself.

        Raises
        ------
        UserError
            When a value cannot be worked with.
        """
        self.train.checked()
        if self.copies < 1:
            raise UserError(f"{self.copies} copies of each image are none", remedy="give --copies 1 or more")
        if self.size_px and self.size_px < 32:
            raise UserError(
                f"patches of {self.size_px} px are too small", remedy="give --size 32 or more, or leave it out"
            )
        other = [name for name in self.split_fractions or () if name not in SPLITS]
        if other:
            raise UserError(f"there is no split {other[0]!r}", remedy=f"name some of {', '.join(SPLITS)}")
        is_same = build_augmentation(self.train.augment, 3, self.train.augment_options) is None
        if is_same and not self.size_px and self.train.scale == (1.0, 1.0):
            raise UserError(
                "nothing would be changed, and the copies would all be alike",
                remedy="choose an --augment other than none, or give --size",
            )
        return self


@dataclass(frozen=True)
class _Code:
    """Class indices to mask values and back; 8 bits with a palette, or 16."""

    values: tuple[int, ...]
    colors: tuple[str, ...]

    @property
    def is_deep(self) -> bool:
        return max(self.values) >= IGNORE_8BIT

    def coded(self, mask: IndexMask) -> npt.NDArray[Any]:
        lut = np.full(256, IGNORE_16BIT if self.is_deep else IGNORE_8BIT, np.uint16 if self.is_deep else np.uint8)
        lut[: len(self.values)] = self.values
        found: npt.NDArray[Any] = lut[mask]
        return found

    def palette(self) -> npt.NDArray[np.uint8] | None:
        if self.is_deep:
            return None
        palette = np.zeros((256, 3), np.uint8)
        palette[IGNORE_8BIT] = IGNORE_COLOR
        for value, color in zip(self.values, self.colors, strict=True):
            palette[value] = [int(color[i : i + 2], 16) for i in (1, 3, 5)]
        return palette


class _Writer(Dataset["_Result"]):
    """Item *i* writes image *i* and its copies; (images written, None) or (0, why not). Runs in the loader's processes."""

    def __init__(
        self, images: tuple[TrainImage, ...], stems: list[str], plan: AugmentFolderPlan, folder: Path, code: _Code
    ) -> None:
        self._images, self._stems, self._plan, self._folder, self._code = images, stems, plan, folder, code
        self._readers = KeptReaders()

    def __len__(self) -> int:
        return len(self._images)

    def __getitem__(self, index: int) -> _Result:
        image, stem = self._images[index], self._stems[index]
        try:
            is_train = image.split == "train"
            count = 0
            if self._plan.has_originals or not is_train:
                self._write_original(image, index, stem)
                count += 1
            if is_train:
                count += self._write_copies(image, index, stem)
        except OSError as error:
            return 0, disk_error(error, self._folder)
        except UserError as error:
            return 0, error
        return count, None

    def close(self) -> None:
        self._readers.close()

    def _write_copies(self, image: TrainImage, index: int, stem: str) -> int:
        plan, folder = self._plan, self._folder / "images" / image.split
        found = augmented_copies(
            image, index, plan.train, copies=plan.copies, size_px=plan.size_px, readers=self._readers
        )
        digits = len(str(plan.copies))
        for number, (values, mask) in enumerate(found, start=1):
            name = f"{stem}_aug{number:0{digits}d}"
            write_pixels(values, folder, name, is_rgb=values.shape[2] == 3)
            self._write_mask(image, name, mask)
        return plan.copies

    def _write_original(self, image: TrainImage, index: int, stem: str) -> None:
        folder, info = self._folder / "images" / image.split, probe(image.file)
        mask = image.read_target()
        if image.window is None and (info.depth > 1 or image.file.suffix.lower() in IMAGE_SUFFIXES):
            plane = image.z if info.depth > 1 else None
            height, width = mask.shape
            item = ExportItem(
                index, stem, image.name, image.file, width, height, image.split, list, plane, info.depth, self._readers
            )
            place_image(item, folder)
        else:
            part = image.window or Rect(0, 0, info.width, info.height)
            values, _ = read_valid(image.file, part, image.z, self._readers)
            pixels = np.ascontiguousarray(values.transpose(1, 2, 0))
            write_pixels(pixels, folder, stem, is_rgb=pixels.shape[2] == 3 and info.is_rgb)
            mask = mask[part.slices]
        self._write_mask(image, stem, mask)

    def _write_mask(self, image: TrainImage, name: str, mask: IndexMask) -> None:
        file = self._folder / "masks" / image.split / f"{name}.png"
        coded = self._code.coded(mask)
        write_index_png(file, mask.shape[1], mask.shape[0], [coded], self._code.palette())
        if not np.array_equal(read_index_png(file), coded):
            raise UserError("The mask on the disk is not what was written", path=file, remedy="check the disk")


def augment_folder(plan: AugmentFolderPlan, progress: ProgressSink, cancel: Cancel = NEVER) -> dict[str, Any]:
    """Write the data set and say what it holds: a JSON object.

    All goes into a folder beside ``out`` that gets this name at the end: what is stopped leaves nothing under it. Images are
    read, changed and written one after the other in each process; the result does not depend on how many there are.

    Raises
    ------
    UserError
        When the plan, the data or the disk does not allow it.
    Cancelled
        When *cancel* was set.
    """
    plan = plan.checked()
    data = _split_anew(load_data(plan.train, is_for_training=plan.split_fractions is None), plan)
    images = tuple(image for image in data.images if image.split in SPLITS)
    code = _Code(_values(plan.train, data), _colors(data))
    counts: Counter[str] = Counter()
    sweep_dead(plan.out.absolute())
    with atomic_folder(plan.out.absolute()) as folder:
        for split in sorted({image.split for image in images}):
            make_folder(folder / "images" / split)
            make_folder(folder / "masks" / split)
        writer = _Writer(images, _stems(images), plan, folder, code)
        workers = _workers(plan, len(images))
        loader = DataLoader(
            writer,
            batch_size=None,
            num_workers=workers,
            multiprocessing_context="spawn" if workers else None,
            worker_init_fn=begin_worker if workers else None,
        )
        with closing(writer):
            for done, (image, (count, problem)) in enumerate(zip(images, _results(loader), strict=True), start=1):
                check(cancel)
                if problem is not None:
                    raise problem
                counts[image.split] += count
                progress(done, len(images), f"Augmenting {image.name}")
        write_text(folder / "classes.json", json.dumps(_class_rows(data, code), indent=1, ensure_ascii=False) + "\n")
    return _report(plan, data, images, counts)


def _workers(plan: AugmentFolderPlan, images: int) -> int:
    if plan.workers >= 0:
        return min(plan.workers, images)
    return min(MOST_WORKERS, os.cpu_count() or 1, images * (plan.copies + 1) // PICTURES_A_WORKER)


def _results(loader: Iterable[_Result]) -> Iterator[_Result]:
    try:
        yield from loader
    except RuntimeError as error:
        if "DataLoader worker" not in str(error):
            raise
        raise UserError(
            "a process that augments was ended, perhaps because memory ran out", remedy="give fewer --workers"
        ) from error


def _split_anew(data: TrainData, plan: AugmentFolderPlan) -> TrainData:
    """*data* with all images dealt out as the plan says; what comes from one file stays together."""
    if plan.split_fractions is None:
        return data
    split_of = assign_splits({str(i.file) for i in data.images}, plan.split_fractions, plan.train.seed)
    images = tuple(replace(image, split=split_of[str(image.file)]) for image in data.images)
    if not any(image.split == "train" for image in images):
        raise UserError("no image is left for training", remedy="give train a larger share")
    return replace(data, images=images)


def _stems(images: tuple[TrainImage, ...]) -> list[str]:
    taken: dict[str, set[str]] = {}
    stems = []
    for image in images:
        info = probe(image.file)
        # An image that is a copy itself must not meet the copies made now.
        base = _OF_A_COPY.sub(r"_aug-\1", safe_stem(image.file.name)) + (f"_z{image.z:04d}" if info.depth > 1 else "")
        stems.append(free_stem(base, taken.setdefault(image.split, set())))
    return stems


def _values(plan: TrainPlan, data: TrainData) -> tuple[int, ...]:
    """The mask value of each class: the data's, the project's own, else its index."""
    if data.values:
        return data.values
    known: dict[str, int] = {}
    if plan.project:
        from segstudio.io.store.project import ProjectStore

        with ProjectStore.open(Path(plan.project), read_only=True) as store:
            known = {item.name: item.mask_value for item in store.classes}
    values = tuple(
        known.get(name, 0 if index == data.background_index else index) for index, name in enumerate(data.classes)
    )
    return values if len(set(values)) == len(values) else tuple(range(len(values)))


def _colors(data: TrainData) -> tuple[str, ...]:
    """A colour for each class; those that have none get one."""
    from segstudio.core.classes import PALETTE

    return tuple(color or PALETTE[index % len(PALETTE)] for index, color in enumerate(data.colors))


def _class_rows(data: TrainData, code: _Code) -> list[dict[str, Any]]:
    rows = zip(code.values, data.classes, code.colors, strict=True)
    return [{"value": value, "name": name, "color": color} for value, name, color in rows]


def _report(
    plan: AugmentFolderPlan, data: TrainData, images: tuple[TrainImage, ...], counts: Counter[str]
) -> dict[str, Any]:
    originals = Counter(image.split for image in images)
    train = originals["train"]
    return {
        "out": str(plan.out),
        "data": f"folder:{plan.out / 'images'},{plan.out / 'masks'}",
        "images": {split: counts[split] for split in SPLITS if originals[split]},
        "augmented": train * plan.copies,
        "originals": train if plan.has_originals else 0,
        "unchanged": sum(count for split, count in originals.items() if split != "train"),
        "copies": plan.copies,
        "size_px": plan.size_px,
        "seed": plan.train.seed,
        "augment": plan.train.augment,
        "augment_options": dict(plan.train.augment_options),
        "classes": list(data.classes),
        "note": data.note,
    }
