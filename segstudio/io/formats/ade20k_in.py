"""Reading ADE20K: the scene parsing challenge, its instances, and the full dataset of 2016 and 2021."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from functools import cached_property, partial
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np

from segstudio.core.errors import UserError
from segstudio.io.datasets import SPLIT_FOLDERS
from segstudio.io.formats.ade20k import ALL_OBJECTS, INSTANCES, SCENE
from segstudio.io.formats.ade20k_labels import CHALLENGE, IGNORE_FULL, INFO_FILE, by_number, read_info, read_labels
from segstudio.io.formats.ade20k_names import names_in_full
from segstudio.io.formats.base import FoundClass, FoundImage
from segstudio.io.formats.class_lists import read_class_list
from segstudio.io.formats.mask_files import look_at_mask
from segstudio.io.formats.mask_pieces import area_pieces, class_and_object_pieces, together
from segstudio.io.formats.mask_places import child, images_by_stem, pairs, split_of
from segstudio.io.formats.problems import ProblemList
from segstudio.io.formats.safety import is_link_out
from segstudio.io.formats.value_map import ValueMap

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    import numpy.typing as npt

    from segstudio.core.cancel import Cancel
    from segstudio.core.layer_builder import Piece
    from segstudio.io.formats.problems import Note
    from segstudio.io.formats.safety import Limits

_SEG = "_seg.png"
_DEEPEST = 8
_LOOKED_AT = 500


@dataclass(frozen=True)
class _Labels:
    """The label files of an image: its mask, and the mask of its objects with how that is read."""

    mask: Path
    image: Path | None
    split: str | None
    group: str
    objects: Path | None = None
    objects_kind: str = ""


class Ade20kImporter:
    """``annotations`` beside ``images`` (with ``annotations_instance``, if it is there), or ``_seg.png`` beside each image.

    Numbers count from 1; 0 is no label and 255 ignored. Parts of objects are not read.
    """

    def __init__(self, source: Path, options: Mapping[str, Any], limits: Limits) -> None:
        self.problems: ProblemList = ProblemList()
        self._limits = limits
        found = _root(source)
        if found is None:
            raise UserError("This is no ADE20K folder", path=source, remedy="it holds annotations, or _seg.png files")
        self._root, self._is_full = found

    @staticmethod
    def looks_like(source: Path) -> int:
        """Folders annotations/training …, objectInfo150.txt, or _seg.png files."""
        if not source.is_dir():
            return 0
        found = _root(source)
        if found is None:
            return 0
        root, is_full = found
        if is_full or (root / INFO_FILE).is_file():
            return 92
        annotations = child(root, (SCENE,))
        return 90 if annotations is not None and child(annotations, ("training", "validation")) is not None else 0

    @cached_property
    def _by_number(self) -> dict[int, FoundClass]:
        found = read_labels(self._root, self._limits)
        if found is None and self._is_full:
            return by_number(names_in_full((one.mask for one in self._walk_full(ProblemList())), self._limits))
        if found is None:
            found = read_info(self._root, self._limits)
        if found is None:
            listed = read_class_list(self._root, self._limits)
            if listed is not None:
                self.problems.extend(listed.problems)
                found = {item.value: item for item in listed.classes if item.value}
        if found is None:
            found = by_number(dict(enumerate(CHALLENGE, start=1)))
        return found

    @property
    def classes(self) -> tuple[FoundClass, ...]:
        """Those of the dataset's list; without one the challenge's 150, or what the full dataset's files name."""
        return tuple(self._by_number.values())

    @cached_property
    def _values(self) -> ValueMap:
        rows = [replace(item, value=number) for number, item in self._by_number.items()]
        own = {IGNORE_FULL} if self._is_full else {255, 65535}
        return ValueMap(rows, own - {*self._by_number})

    def _walk(self, problems: ProblemList) -> Iterator[_Labels]:
        return self._walk_full(problems) if self._is_full else self._walk_scene(problems)

    def _walk_scene(self, problems: ProblemList) -> Iterator[_Labels]:
        masks = child(self._root, (SCENE,))
        assert masks is not None
        for pair in pairs([(child(self._root, ("images",)), masks, None)], self._root, problems):
            below = pair.mask.relative_to(masks)
            objects, kind = None, ""
            for name in (ALL_OBJECTS, INSTANCES):
                file = self._root / name / below
                if objects is None and file.is_file() and not is_link_out(file, self._root):
                    objects, kind = file, name
            yield _Labels(pair.mask, pair.image, pair.split, pair.group, objects, kind)

    def _walk_full(self, problems: ProblemList) -> Iterator[_Labels]:
        for place, folders, files in os.walk(self._root):
            folder = self._root.__class__(place)
            below = folder.relative_to(self._root).parts
            for name in [name for name in folders if is_link_out(folder / name, self._root)]:
                problems.note(name, "The link leads out of the dataset: it is not followed")
                folders.remove(name)
            folders[:] = sorted(folders) if len(below) < _DEEPEST else []
            masks = sorted(name for name in files if name.endswith(_SEG))
            if not masks:
                continue
            by_stem = images_by_stem(folder, self._root, problems)
            first = next((index for index, part in enumerate(below) if part.casefold() in SPLIT_FOLDERS), 0)
            split, group = split_of(below[first:])
            for name in masks:
                if is_link_out(folder / name, self._root):
                    problems.note(name, "The link leads out of the dataset: it is not followed")
                    continue
                stem = name.removesuffix(_SEG)
                image = by_stem.get(stem.casefold())
                numbers = folder / f"{stem}_objects.png"
                has_numbers = numbers.is_file() and not is_link_out(numbers, self._root)
                mask = folder / name
                objects, kind = (numbers, ALL_OBJECTS) if has_numbers else (mask, _SEG)
                yield _Labels(mask, None if image is None else folder / image, split, group, objects, kind)
            if any(name.endswith("_parts_1.png") for name in files):
                problems.note("/".join(below), "Parts of objects are not read, only the objects")

    def images(self) -> Iterator[FoundImage]:
        """Every mask with its image, by split and name."""
        for labels in self._walk(self.problems):
            name = labels.mask.name.replace(_SEG, ".jpg") if labels.image is None else labels.image.name
            reason = "There is no image of the mask's name" if labels.image is None else ""
            try:
                head = look_at_mask(labels.mask)
                width, height = head.width, head.height
            except UserError:
                width = height = 0  # open_labels tells why
            read = partial(self._pieces, labels)
            yield FoundImage(
                name, labels.image, width, height, read, split=labels.split, group=labels.group, reason=reason
            )

    def _pieces(self, labels: _Labels, cancel: Cancel) -> Iterator[Piece]:
        with self.problems.of(labels.mask.name) as note:
            if labels.objects is None:
                yield from area_pieces(self._codes(labels, note, cancel))
                return
            objects = labels.objects
            yield from class_and_object_pieces(
                lambda told: together(self._codes(labels, told, cancel), _numbers(labels, cancel), objects),
                note,
                cancel,
            )

    def _codes(self, labels: _Labels, note: Note, cancel: Cancel) -> Iterator[npt.NDArray[np.uint16]]:
        file = look_at_mask(labels.mask)
        if self._is_full:
            for colors in file.colors(cancel):
                yield self._values.indices(_class_numbers(colors), note)
            return
        if file.is_color:
            note("The mask is saved as a colour picture; its first colour was taken as values")
            for colors in file.colors(cancel):
                yield self._values.indices((colors >> 16).astype(np.uint16), note)
            return
        for values in file.indices(cancel):
            yield self._values.indices(values, note)

    def close(self) -> None:
        """Nothing is kept open."""


def _class_numbers(colors: npt.NDArray[np.uint32]) -> npt.NDArray[np.uint16]:
    """Red / 10 · 256 + green."""
    return np.asarray((colors >> 16) // 10 * 256 + (colors >> 8 & 0xFF), np.uint16)


def _numbers(labels: _Labels, cancel: Cancel) -> Iterator[npt.NDArray[np.int64]]:
    """Numbers of objects: blue of the full layout with the class, green of the challenge's instances with the class."""
    assert labels.objects is not None
    file = look_at_mask(labels.objects)
    if labels.objects_kind == ALL_OBJECTS:
        for strip in file.indices(cancel):
            yield strip.astype(np.int64)
        return
    for colors in file.colors(cancel):
        if labels.objects_kind == _SEG:
            number, of = colors & 0xFF, _class_numbers(colors).astype(np.int64)
        else:
            number, of = colors >> 8 & 0xFF, (colors >> 16).astype(np.int64)
        yield np.where(number != 0, of << 8 | number, 0).astype(np.int64)


def _root(source: Path) -> tuple[Path, bool] | None:
    """(the dataset's folder, whether it is the full layout)."""
    for place in (source, *sorted(path for path in source.glob("ADE*") if path.is_dir())):
        if child(place, (SCENE,)) is not None and child(place, ("images",)) is not None:
            return place, False
        if _has_seg(place, _DEEPEST):
            return place, True
    if source.name == SCENE and source.is_dir() and child(source.parent, ("images",)) is not None:
        return source.parent, False
    return None


def _has_seg(folder: Path, deepest: int) -> bool:
    """Whether a ``_seg.png`` lies in *folder* or below; only the first entries are looked at."""
    try:
        with os.scandir(folder) as entries:
            some = sorted(islice(entries, _LOOKED_AT), key=lambda entry: entry.name)
    except OSError:
        return False
    if any(entry.name.endswith(_SEG) for entry in some):
        return True
    folders = [entry for entry in some if entry.is_dir(follow_symlinks=False)][:3]
    return deepest > 0 and any(_has_seg(folder / entry.name, deepest - 1) for entry in folders)
