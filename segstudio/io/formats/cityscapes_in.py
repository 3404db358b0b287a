"""Reading Cityscapes: gtFine and gtCoarse with labelIds, train ids, instanceIds, or polygons alone."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

import numpy as np

from segstudio.core.classes import IGNORE
from segstudio.core.errors import UserError
from segstudio.io.datasets import SPLIT_FOLDERS
from segstudio.io.formats.base import FoundClass, FoundImage
from segstudio.io.formats.cityscapes import OBJECT_IDS
from segstudio.io.formats.cityscapes_labels import (
    FIRST_INSTANCE,
    OFFICIAL,
    PLATE,
    VOID_NAMES,
    CityLabel,
    read_labels,
)
from segstudio.io.formats.cityscapes_polygons import MOST_PIXELS, labels_in, painted
from segstudio.io.formats.mask_files import look_at_mask
from segstudio.io.formats.mask_pieces import area_pieces, class_and_object_pieces, together
from segstudio.io.formats.problems import ProblemList
from segstudio.io.formats.safety import is_link_out, read_json, whole_number
from segstudio.io.formats.value_map import ValueMap

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    import numpy.typing as npt

    from segstudio.core.cancel import Cancel
    from segstudio.core.layer_builder import Piece
    from segstudio.io.formats.problems import Note
    from segstudio.io.formats.safety import Limits

_KINDS = ("labelIds.png", "labelTrainIds.png", "instanceIds.png", "polygons.json", f"{OBJECT_IDS}.png")
_SPLITS = {**SPLIT_FOLDERS, "train_extra": "train"}
_IGNORED = (1, 2, 3, 255)


@dataclass(frozen=True)
class _Found:
    """The label files of an image: kind → file; ``begin`` is what its name begins with."""

    begin: str
    folder: Path
    below: tuple[str, ...]
    kinds: dict[str, Path]


class CityscapesImporter:
    """``gtFine`` (or ``gtCoarse``) with ``leftImg8bit`` beside. Masks come before polygons, which are read where no mask is.

    Ids 1 … 3 (ego vehicle, rectification border, out of roi) are ignored, 0 is no label. Objects of one class that nobody told
    apart ("cargroup") come as areas. With the option ``polygons`` these are read even where there are masks.
    """

    def __init__(self, source: Path, options: Mapping[str, Any], limits: Limits) -> None:
        self.problems: ProblemList = ProblemList()
        self._limits = limits
        self._polygons_first = bool(options.get("polygons", False))
        found = _root(source)
        if found is None:
            raise UserError("This is no Cityscapes folder", path=source, remedy="it holds gtFine and leftImg8bit")
        self._root, self._mode = found

    @staticmethod
    def looks_like(source: Path) -> int:
        """A folder gtFine or gtCoarse."""
        return 95 if source.is_dir() and _root(source) is not None else 0

    @cached_property
    def _own(self) -> tuple[CityLabel, ...] | None:
        return read_labels(self._root, self._limits)

    @cached_property
    def _labels(self) -> tuple[CityLabel, ...]:
        if self._own is not None:
            return self._own
        known = {*VOID_NAMES, *(label.name for label in OFFICIAL)}
        more: dict[str, None] = {}
        for found in self._walk(ProblemList()):
            if self._is_by_polygons(found):
                try:
                    more.update(dict.fromkeys(labels_in(read_json(found.kinds[_KINDS[3]], self._limits))))
                except UserError:
                    continue  # reading the image tells
        strange = [name for name in more if _base(name, known) not in known and name.strip()]
        strange = [*dict.fromkeys(_base(name, {*known, *strange}) for name in strange)]
        return (*OFFICIAL, *(CityLabel(-1, name, "#00008e" if name == PLATE else "") for name in strange))

    @property
    def classes(self) -> tuple[FoundClass, ...]:
        """The dataset's own list, else Cityscapes' labels and what polygons name besides."""
        return tuple(FoundClass(label.name, label.color, label.value) for label in self._labels)

    def _is_by_polygons(self, found: _Found) -> bool:
        has_mask = any(kind in found.kinds for kind in _KINDS[:3])
        return _KINDS[3] in found.kinds and (self._polygons_first or not has_mask)

    def _walk(self, problems: ProblemList) -> Iterator[_Found]:
        for place, folders, files in os.walk(self._root / self._mode):
            folder = self._root.__class__(place)
            folders.sort()
            for name in [name for name in folders if is_link_out(folder / name, self._root)]:
                problems.note(name, "The link leads out of the dataset: it is not followed")
                folders.remove(name)
            grouped: dict[str, dict[str, Path]] = {}
            for name in sorted(files):
                begin, _, kind = name.rpartition("_")
                if kind not in _KINDS or not begin:
                    continue
                if is_link_out(folder / name, self._root):
                    problems.note(name, "The link leads out of the dataset: it is not followed")
                    continue
                grouped.setdefault(begin, {})[kind] = folder / name
            below = folder.relative_to(self._root / self._mode).parts
            for begin, kinds in grouped.items():
                yield _Found(begin, folder, below, kinds)
            if grouped:
                self._count_bare(below, grouped, problems)

    def _count_bare(self, below: tuple[str, ...], grouped: dict[str, Any], problems: ProblemList) -> None:
        images = (self._root / "leftImg8bit").joinpath(*below)
        stems = {begin.removesuffix(f"_{self._mode}") for begin in grouped}
        bare = sum(_image_stem(path) not in stems for path in images.glob("*_leftImg8bit.*")) if images.is_dir() else 0
        if bare:
            problems.note("/".join(("leftImg8bit", *below)), "Images that have no labels do not come", bare)

    def images(self) -> Iterator[FoundImage]:
        """Every image that has a file of labels, by split and city."""
        for found in self._walk(self.problems):
            stem = found.begin.removesuffix(f"_{self._mode}")
            image = self._image(found, stem)
            name = (
                f"{stem}.png" if self._own is not None else f"{stem}_leftImg8bit.png" if image is None else image.name
            )
            split = _SPLITS.get(found.below[0].casefold()) if found.below else None
            group = "/".join(found.below[1:] if split else found.below)
            width, height = self._size(found)
            reason = "" if image is not None else "There is no image of the labels' name in leftImg8bit"
            read = partial(self._pieces, found)
            yield FoundImage(name, image, width, height, read, split=split, group=group, reason=reason)

    def _image(self, found: _Found, stem: str) -> Path | None:
        folder = (self._root / "leftImg8bit").joinpath(*found.below)
        for end in ("_leftImg8bit.png", "_leftImg8bit.jpg", ".png", ".jpg"):
            path = folder / f"{stem}{end}"
            if path.is_file() and not is_link_out(path, self._root):
                return path
        return None

    def _size(self, found: _Found) -> tuple[int, int]:
        """The size by a mask's header, or by what the polygons say; 0 where the labels must be read."""
        for kind in _KINDS[:3]:
            if kind in found.kinds and not self._is_by_polygons(found):
                try:
                    head = look_at_mask(found.kinds[kind])
                    return head.width, head.height
                except UserError:
                    return 0, 0  # open_labels tells why
        try:
            return _document_size(read_json(found.kinds[_KINDS[3]], self._limits), found.kinds[_KINDS[3]])
        except (UserError, KeyError):
            return 0, 0

    def _pieces(self, found: _Found, cancel: Cancel) -> Iterator[Piece]:
        with self.problems.of(found.begin) as note:
            if self._is_by_polygons(found):
                yield from self._of_polygons(found.kinds[_KINDS[3]], note, cancel)
            else:
                yield from self._of_masks(found, note, cancel)

    def _of_masks(self, found: _Found, note: Note, cancel: Cancel) -> Iterator[Piece]:
        kinds = found.kinds
        ids = next((kind for kind in _KINDS[:3] if kind in kinds), None)
        if ids is None:
            raise UserError("The image has no mask of labels", path=found.folder, remedy="add its labelIds.png")
        labels, instances = look_at_mask(kinds[ids]), kinds.get("instanceIds.png")
        values = self._train_values if ids == "labelTrainIds.png" else self._values

        def codes(told: Note) -> Iterator[npt.NDArray[np.uint16]]:
            for strip in labels.indices(cancel):
                plain = strip // FIRST_INSTANCE if ids == "instanceIds.png" else strip
                yield values.indices(np.where(strip >= FIRST_INSTANCE, plain, strip), told)

        objects = kinds.get(f"{OBJECT_IDS}.png") if self._own is not None else None
        numbers = objects or instances
        if numbers is None:
            yield from area_pieces(codes(note))
            return
        file = look_at_mask(numbers)

        def ours() -> Iterator[npt.NDArray[np.int64]]:
            for strip in file.indices(cancel):
                first = FIRST_INSTANCE if objects is None else 1
                yield np.where((strip >= first) & (strip != IGNORE), strip, 0).astype(np.int64)

        yield from class_and_object_pieces(lambda told: together(codes(told), ours(), numbers), note, cancel)

    @cached_property
    def _values(self) -> ValueMap:
        rows = [FoundClass(label.name, "", label.id if label.id >= 0 else None) for label in self._labels]
        return ValueMap(rows, _IGNORED)

    @cached_property
    def _train_values(self) -> ValueMap:
        rows = [FoundClass(label.name, "", None if label.train_id == 255 else label.train_id) for label in self._labels]
        return ValueMap(rows, (255,))

    def _of_polygons(self, path: Path, note: Note, cancel: Cancel) -> Iterator[Piece]:
        document = read_json(path, self._limits)
        size = _document_size(document, path)
        codes, numbers = painted(document, size, self._codes_by_name, self._limits, note, cancel)
        yield from class_and_object_pieces(lambda _: iter([(codes, numbers)]), note, cancel)

    @cached_property
    def _codes_by_name(self) -> dict[str, tuple[int, bool]]:
        found = {name: (IGNORE if index else 0, False) for index, name in enumerate(VOID_NAMES)}
        for index, label in enumerate(self._labels, start=1):
            found.setdefault(f"{label.name}group", (index, False))
        for index, label in enumerate(self._labels, start=1):
            found[label.name] = (index, label.has_instances or label.id < 0)
        return found

    def close(self) -> None:
        """Nothing is kept open."""


def _root(source: Path) -> tuple[Path, str] | None:
    """(the folder that holds the labels' folder, its name)."""
    for mode in ("gtFine", "gtCoarse"):
        if source.name == mode and source.is_dir():
            return source.parent, mode
        if (source / mode).is_dir():
            return source, mode
    return None


def _base(name: str, known: set[str]) -> str:
    """The label that a group of it ("cargroup") is of."""
    base = name.removesuffix("group").rstrip()
    return base if name not in known and base in known else name


def _image_stem(path: Path) -> str:
    return path.stem.removesuffix("_leftImg8bit")


def _document_size(document: Any, path: Path) -> tuple[int, int]:
    try:
        width, height = (whole_number(document[key], 1, 1 << 20) for key in ("imgWidth", "imgHeight"))
    except (KeyError, TypeError, ValueError) as error:
        raise UserError("The polygons do not tell the image's size", path=path, remedy="make the file anew") from error
    if width * height > MOST_PIXELS:
        raise UserError(f"Polygons of {width} × {height} pixels are too large", path=path, remedy="bring the masks")
    return width, height
