"""Reading Pascal VOC: SegmentationClass, SegmentationObject, the lists in ImageSets; also as CVAT and labelme write it."""

from __future__ import annotations

import os
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

from segstudio.core.errors import UserError
from segstudio.io.datasets import IMAGE_SUFFIXES, SPLIT_FOLDERS, VOC_CLASSES
from segstudio.io.formats.base import FoundClass, FoundImage
from segstudio.io.formats.legend import Legend, voc_colors
from segstudio.io.formats.mask_files import look_at_mask
from segstudio.io.formats.mask_lists import read_mask_list
from segstudio.io.formats.mask_pieces import area_pieces, class_and_object_pieces, together
from segstudio.io.formats.mask_places import MaskPair
from segstudio.io.formats.mask_scan import listed_legend
from segstudio.io.formats.problems import ProblemList
from segstudio.io.formats.safety import file_name, inside, is_link_out, read_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from segstudio.core.cancel import Cancel
    from segstudio.core.layer_builder import Piece
    from segstudio.io.formats.safety import Limits

_CLASSES, _OBJECTS = "SegmentationClass", "SegmentationObject"
_ENDS = (".png", ".bmp", ".tif", ".tiff")


class VocImporter:
    """``SegmentationClass`` with its images, each once, in the split whose list names it.

    With the option ``background`` the value 0 of a list's "background" is a class; else those pixels have no label. Boxes in
    ``Annotations`` are no masks: images that have nothing else are counted and left out.
    """

    def __init__(self, source: Path, options: Mapping[str, Any], limits: Limits) -> None:
        self.problems: ProblemList = ProblemList()
        self._source = source
        self._limits = limits
        self._background = bool(options.get("background", False))
        self._roots = _roots(source)
        if not self._roots:
            raise UserError("This is no VOC dataset", path=source, remedy=f"it holds a folder {_CLASSES}")

    @staticmethod
    def looks_like(source: Path) -> int:
        """A folder called SegmentationClass."""
        return 95 if source.is_dir() and _roots(source) else 0

    @cached_property
    def _legend(self) -> Legend:
        places = [place for root in self._roots for place in (root, root.parent)]
        listed = read_mask_list([*places, self._source], self._limits, background=self._background)
        if listed is not None:
            self.problems.extend(listed.problems)
            return listed_legend(listed, self._pairs, 255, self.problems)
        colors = voc_colors()
        first = 0 if self._background else 1
        return Legend(
            tuple(FoundClass(VOC_CLASSES[value], f"#{colors[value]:06x}", value) for value in range(first, 21))
        )

    @property
    def classes(self) -> tuple[FoundClass, ...]:
        """Those of the class list beside; without one the 20 of Pascal VOC."""
        return self._legend.classes

    def images(self) -> Iterator[FoundImage]:
        """Every mask: those that lists name, list by list, then the rest by name."""
        for pair in self._walk(self.problems):
            yield self._found(pair)

    def _pairs(self) -> Iterator[MaskPair]:
        return self._walk(ProblemList())

    def _walk(self, problems: ProblemList) -> Iterator[MaskPair]:
        for root in self._roots:
            group = root.name if len(self._roots) > 1 else ""
            seen: dict[str, str] = {}
            bare = 0
            for name, split in _listed(root, self._limits, problems):
                key = name.casefold()
                if key in seen:
                    if seen[key] != (split or ""):
                        problems.note(name, "The name stands in two lists: the first counts")
                    continue
                seen[key] = split or ""
                mask = _file(root / _CLASSES, name, _ENDS, problems)
                if mask is None:
                    bare += 1
                else:
                    yield MaskPair(mask, _file(root / "JPEGImages", name, _IMAGES, problems), split, group)
            if bare:
                problems.note("ImageSets", "Images that have no mask do not come", bare)
            yield from self._unlisted(root, group, seen, problems)

    def _unlisted(self, root: Path, group: str, seen: dict[str, str], problems: ProblemList) -> Iterator[MaskPair]:
        names = sorted(e.name for e in os.scandir(root / _CLASSES) if os.path.splitext(e.name)[1].lower() in _ENDS)
        stems = {os.path.splitext(name)[0].casefold() for name in names}
        for name in names:
            stem = os.path.splitext(name)[0]
            if stem.casefold() in seen:
                continue
            seen[stem.casefold()] = ""
            mask = _file(root / _CLASSES, stem, _ENDS, problems)
            if mask is not None:
                yield MaskPair(mask, _file(root / "JPEGImages", stem, _IMAGES, problems), None, group)
        boxes = [path for path in (root / "Annotations").glob("*.xml") if path.stem.casefold() not in stems]
        if boxes:
            problems.note("Annotations", "Images that have boxes only do not come: boxes are no masks", len(boxes))

    def _found(self, pair: MaskPair) -> FoundImage:
        name = pair.mask.name if pair.image is None else pair.image.name
        reason = "There is no image of the mask's name" if pair.image is None else ""
        try:
            head = look_at_mask(pair.mask)
            width, height = head.width, head.height
        except UserError:
            width = height = 0  # open_labels tells why
        read = partial(self._pieces, pair.mask)
        return FoundImage(name, pair.image, width, height, read, split=pair.split, group=pair.group, reason=reason)

    def _pieces(self, mask: Path, cancel: Cancel) -> Iterator[Piece]:
        file = look_at_mask(mask)
        folder = mask.parent
        while folder.name != _CLASSES:
            folder = folder.parent
        beside = folder.parent / _OBJECTS / mask.relative_to(folder)
        with self.problems.of(mask.name) as note:
            if not beside.is_file() or is_link_out(beside, folder.parent):
                yield from area_pieces(self._legend.codes(file, note, cancel))
                return
            numbers = look_at_mask(beside)
            yield from class_and_object_pieces(
                lambda told: together(self._legend.codes(file, told, cancel), numbers.object_numbers(cancel), beside),
                note,
                cancel,
            )

    def close(self) -> None:
        """Nothing is kept open."""


_IMAGES = (".jpg", ".jpeg", *sorted(IMAGE_SUFFIXES - {".jpg", ".jpeg"}))


def _roots(source: Path) -> list[Path]:
    """The folders that hold masks: the source, or those of years in it or in its VOCdevkit."""
    if (source / _CLASSES).is_dir():
        return [source]
    return sorted(path.parent for pattern in ("*", "VOCdevkit/*") for path in source.glob(f"{pattern}/{_CLASSES}"))


def _listed(root: Path, limits: Limits, problems: ProblemList) -> Iterator[tuple[str, str | None]]:
    """(name, split) as the lists have them: those of splits first, ``trainval`` and others only for names still unknown."""
    folder = root / "ImageSets" / "Segmentation"
    lists = sorted(folder.glob("*.txt")) if folder.is_dir() else []
    order = {"train": 0, "val": 1, "test": 2}
    lists.sort(key=lambda path: (order.get(SPLIT_FOLDERS.get(path.stem.casefold(), ""), 3), path.name))
    known: set[str] = set()
    for path in lists:
        split = SPLIT_FOLDERS.get(path.stem.casefold())
        if is_link_out(path, root):
            problems.note(path.name, "The link leads out of the dataset: it is not followed")
            continue
        for line in read_text(path, limits).splitlines():
            # "2007_000032", "2007_000032 1", "folder/name", or a path with its suffix.
            name = line.strip().replace("\\", "/")
            if name.endswith((" 1", " -1", " 0")):
                name = name.rsplit(" ", 1)[0].rstrip()
            if name.lower().endswith(_IMAGES):
                name = os.path.splitext(name)[0].rsplit("JPEGImages/", 1)[-1]
            if name.startswith("/") or ":" in name or ".." in name:
                name = file_name(name)
            if name and (split is not None or name.casefold() not in known):
                known.add(name.casefold())
                yield name, split


def _file(folder: Path, name: str, ends: tuple[str, ...], problems: ProblemList) -> Path | None:
    for end in ends:
        try:
            path = inside(folder, name + end)
        except UserError as error:
            problems.note(name[:200], error.message)
            return None
        try:
            if path.is_file():
                return path
        except OSError:
            return None
    return None
