"""Reading YOLO segmentation: ``data.yaml`` of Ultralytics, Roboflow and others, or images and text files alone."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from segstudio.core.brush import polygon_mask
from segstudio.core.cancel import check
from segstudio.core.errors import UserError
from segstudio.core.layer_builder import FoundObject
from segstudio.core.regions import tightened
from segstudio.io.datasets import SPLIT_FOLDERS
from segstudio.io.formats.ade20k_labels import by_number
from segstudio.io.formats.base import FoundClass, FoundImage
from segstudio.io.formats.class_lists import read_class_list
from segstudio.io.formats.mask_places import IMAGE_FOLDERS, child, images_by_stem, split_of
from segstudio.io.formats.problems import ProblemList
from segstudio.io.formats.safety import file_name, inside, is_link_out, points, read_text, whole_number
from segstudio.io.formats.yolo_yaml import YoloData, find_data, is_data, read_data

if TYPE_CHECKING:
    from collections.abc import Iterator

    from segstudio.core.cancel import Cancel
    from segstudio.core.layer_builder import Piece
    from segstudio.io.formats.problems import Note
    from segstudio.io.formats.safety import Limits

_NAMES = ("classes.txt", "obj.names", "labels.txt")
_FARTHEST = 1.5
"""Shares a little outside of the image are cut off; farther out they are no shares."""
_DEEPEST = 6


class YoloImporter:
    """Images with a text file of outlines each. An image without one has no object.

    Options: ``images`` is a folder of the images, where they are elsewhere (or file by name); ``boxes``: lines that hold a box
    only come as rectangles.
    """

    def __init__(self, source: Path, options: Mapping[str, Any], limits: Limits) -> None:
        self.problems: ProblemList = ProblemList()
        self._limits = limits
        self._boxes = bool(options.get("boxes", False))
        self._elsewhere = _by_stem(options.get("images") or {})
        data = find_data(source)
        self._root = source if source.is_dir() else source.parent
        self._data = YoloData() if data is None else read_data(data, limits)
        if data is None and _labels_of(self._root) is None:
            raise UserError(
                "This is no YOLO dataset", path=source, remedy="it has a data.yaml, or folders images and labels"
            )

    @staticmethod
    def looks_like(source: Path) -> int:
        """A data.yaml with names, or text files of numbers in a folder called labels."""
        data = find_data(source) if source.exists() else None
        if data is not None:
            return 90 if is_data(data) else 0
        labels = _labels_of(source) if source.is_dir() else None
        return 80 if labels is not None and _holds_outlines(labels) else 0

    @cached_property
    def _by_number(self) -> dict[int, FoundClass]:
        names = self._data.names or self._names_beside()
        if not names:
            numbers = {number for _, label, *_ in self._walk(ProblemList()) for number in self._numbers_in(label)}
            names = {number: f"class {number}" for number in sorted(numbers)}
            if names:
                self.problems.note("labels", "No list names the classes: they are called by their numbers", len(names))
        found = by_number(names)
        try:
            listed = read_class_list(self._root, self._limits) if (self._root / "classes.json").is_file() else None
        except UserError:
            listed = None
        known = {item.name: item for item in listed.classes} if listed is not None else {}
        return {n: known.get(item.name, FoundClass(item.name)) for n, item in found.items()}

    def _names_beside(self) -> dict[int, str]:
        for folder in (self._root, self._root / "labels"):
            for name in _NAMES:
                if (folder / name).is_file():
                    lines = read_text(folder / name, self._limits).splitlines()
                    return {n: line.strip() or f"class {n}" for n, line in enumerate(lines) if line.strip()}
        return {}

    @cached_property
    def _places(self) -> dict[int, int]:
        return {number: place for place, number in enumerate(self._by_number)}

    @property
    def classes(self) -> tuple[FoundClass, ...]:
        """Those of ``data.yaml``, of a list of names, or a class for each number."""
        return tuple(self._by_number.values())

    def _numbers_in(self, label: Path | None) -> set[int]:
        found = set()
        if label is not None:
            try:
                for line in read_text(label, self._limits).splitlines():
                    found.add(whole_number(line.split()[0], 0, 65533))
            except (UserError, ValueError, IndexError):
                pass  # reading the image tells
        return found

    def _walk(self, problems: ProblemList) -> Iterator[tuple[str, Path | None, Path | None, str | None, str]]:
        """(name, label file, image, split, group), each image once."""
        seen: set[Path] = set()
        for split, folder in self._image_folders(problems):
            for place in _folders_below(folder, self._root, problems):
                below = place.relative_to(folder).parts
                own, group = (split, "/".join(below)) if split else split_of(below)
                labels = _beside(place, self._root)
                texts = _texts(labels)
                for stem, name in sorted(images_by_stem(place, self._root, problems).items()):
                    label = texts.pop(stem, None)
                    if place / name in seen:
                        continue
                    seen.add(place / name)
                    yield name, _checked(labels, label, self._root, problems), place / name, own, group
                if labels in seen:
                    continue
                seen.add(labels)
                for stem, label in sorted(texts.items()):
                    if label in _NAMES or label.lower() in ("readme.txt", "train.txt", "val.txt", "test.txt"):
                        continue
                    name = os.path.splitext(label)[0]
                    image = self._elsewhere.get(stem)
                    yield (
                        image.name if image else name,
                        _checked(labels, label, self._root, problems),
                        image,
                        own,
                        group,
                    )

    def _image_folders(self, problems: ProblemList) -> list[tuple[str | None, Path]]:
        """Folders of images by split: as data.yaml has them, else those called so."""
        found: list[tuple[str | None, Path]] = []
        for split, text in self._data.places:
            place = self._inside(text)
            if place is not None and place.is_file():
                lines = read_text(place, self._limits).splitlines()
                folders = {self._inside(os.path.dirname(line.strip().replace("\\", "/"))) for line in lines}
                found += [(split, one) for one in sorted(one for one in folders if one is not None and one.is_dir())]
            elif place is not None and place.is_dir() and (split, place) not in found:
                found.append((split, place))
        wanted = {split for split, _ in self._data.places}
        for split in sorted(wanted - {split for split, _ in found}, key=str):
            problems.note("data.yaml", f"The images of {split} are not in the dataset", 1)
        if found:
            return found
        images = child(self._root, IMAGE_FOLDERS)
        if images is not None:
            return [(None, images)]
        inner = [(split, child(self._root / name, IMAGE_FOLDERS)) for name, split in SPLIT_FOLDERS.items()]
        found = [(split, place) for split, place in inner if place is not None]
        return found or [(None, self._root / "images" if (self._root / "labels").is_dir() else self._root)]

    def _inside(self, text: str) -> Path | None:
        """The place in the dataset that a path means: as it stands, without what leads out, or by its last parts."""
        parts = [part for part in text.replace("\\", "/").split("/") if part not in ("", ".", "..") and ":" not in part]
        if not parts:
            return self._root
        for first in range(len(parts)):
            try:
                place = inside(self._root, "/".join(parts[first:]))
            except UserError:
                return None
            if place.exists():
                return place
        return None

    def images(self) -> Iterator[FoundImage]:
        """Every image, split by split, by folder and name."""
        for name, label, image, split, group in self._walk(self.problems):
            if image is None:
                self.problems.note(
                    name, "The image is missing, so the size of its outlines is not known: they do not come"
                )
                continue
            try:
                width, height = _size(image)
            except UserError as error:
                self.problems.note(name, error.message)
                continue
            read = partial(self._pieces, label, width, height)
            yield FoundImage(name, image, width, height, read, split=split, group=group)

    def _pieces(self, label: Path | None, width: int, height: int, cancel: Cancel) -> Iterator[Piece]:
        if label is None:
            return
        with self.problems.of(label.name) as note:
            seen: set[int] = set()
            for line in read_text(label, self._limits).splitlines():
                check(cancel)
                if line.count(" ") + line.count("\t") > 4 * self._limits.vertices:
                    note(f"A line cannot be read: a polygon of more than {self._limits.vertices:,} points")
                    continue
                plain = " ".join(line.split())
                if not plain:
                    continue
                if hash(plain) in seen:
                    note("A line stands there twice: it comes once")
                    continue
                seen.add(hash(plain))
                piece = self._piece(plain, width, height, note)
                if piece is not None:
                    yield piece

    def _piece(self, line: str, width: int, height: int, note: Note) -> Piece | None:
        cells = line.split(" ")
        try:
            number = whole_number(cells[0], 0, 65533)
            values, confidence = _shares(cells[1:])
            if len(values) == 4:
                if not self._boxes:
                    note("A line holds a box, no outline: boxes are no masks")
                    return None
                values = _corners(values)
            outline = points(values, self._limits)
        except ValueError as error:
            note(f"A line cannot be read: {error}")
            return None
        if number not in self._places:
            note(f"The class {number} is not in the list of names: its objects are left out")
            return None
        if float(outline.min()) < 1 - _FARTHEST or float(outline.max()) > _FARTHEST:
            note("An outline is left out: it is not in shares of the image's size")
            return None
        corners = outline * (width, height)
        mask, rect = polygon_mask([(x, y) for x, y in corners.tolist()], (width, height))
        if rect.is_empty or not mask.any():
            note("An outline covers no pixel")
            return None
        mask, rect = tightened(mask, rect)
        return FoundObject(rect.x, rect.y, mask, self._places[number], confidence=confidence)

    def close(self) -> None:
        """Nothing is kept open."""


def _shares(cells: list[str]) -> tuple[list[float], float | None]:
    """The numbers of a line; an odd one at the end of an outline is a model's confidence."""
    try:
        values = [float(cell) for cell in cells]
    except ValueError as error:
        raise ValueError("it holds what is no number") from error
    if len(values) in (1, 3) or not values:
        raise ValueError("it has too few numbers")
    if len(values) > 4 and len(values) % 2:
        return values[:-1], values[-1] if 0 <= values[-1] <= 1 else None
    return values, None


def _corners(box: list[float]) -> list[float]:
    x, y, width, height = box
    left, top, right, bottom = x - width / 2, y - height / 2, x + width / 2, y + height / 2
    return [left, top, right, top, right, bottom, left, bottom]


def _size(image: Path) -> tuple[int, int]:
    from segstudio.io.readers.registry import probe

    info = probe(image)
    return info.width, info.height


def _by_stem(given: Any) -> dict[str, Path]:
    """Stem (lower case) → file, of a folder or a mapping of names."""
    if isinstance(given, Mapping):
        return {os.path.splitext(file_name(str(name)))[0].casefold(): Path(file) for name, file in given.items()}
    folder = Path(str(given))
    return {stem: folder / name for stem, name in images_by_stem(folder, folder, ProblemList()).items()}


def _labels_of(root: Path) -> Path | None:
    """The folder of text files: labels, or labels of a split."""
    found = child(root, ("labels",))
    if found is not None:
        return found
    inner = (child(root / name, ("labels",)) for name in SPLIT_FOLDERS)
    return next((place for place in inner if place is not None), None)


def _holds_outlines(folder: Path) -> bool:
    for pattern in ("*.txt", "*/*.txt"):
        for path, _ in zip(folder.glob(pattern), range(5)):
            with path.open("rb") as stream:
                cells = stream.readline(4096).removeprefix(b"\xef\xbb\xbf").split()
            if len(cells) >= 5 and cells[0].isdigit() and all(_is_number(cell) for cell in cells[1:5]):
                return True
    return False


def _is_number(cell: bytes) -> bool:
    try:
        return bool(np.isfinite(float(cell)))
    except ValueError:
        return False


def _beside(place: Path, root: Path) -> Path:
    """The folder of labels of a folder of images: the last "images" in its path is "labels", else the same folder."""
    parts = list(place.relative_to(root).parts)
    for index in range(len(parts) - 1, -1, -1):
        if parts[index].casefold() in {name.casefold() for name in IMAGE_FOLDERS}:
            return root.joinpath(*parts[:index], "labels", *parts[index + 1 :])
    return place


def _texts(folder: Path) -> dict[str, str]:
    """Stem (lower case) → name of each text file."""
    try:
        names = sorted(entry.name for entry in os.scandir(folder) if entry.name.lower().endswith(".txt"))
    except OSError:
        return {}
    return {os.path.splitext(name)[0].casefold(): name for name in names}


def _checked(folder: Path, name: str | None, root: Path, problems: ProblemList) -> Path | None:
    if name is None:
        return None
    if is_link_out(folder / name, root):
        problems.note(name, "The link leads out of the dataset: it is not followed")
        return None
    return folder / name


def _folders_below(folder: Path, root: Path, problems: ProblemList) -> Iterator[Path]:
    """*folder* and those below it, and the folders of labels that have no folder of images."""
    for place, folders, _ in os.walk(folder):
        here = Path(place)
        for name in [name for name in folders if is_link_out(here / name, root)]:
            problems.note(name, "The link leads out of the dataset: it is not followed")
            folders.remove(name)
        folders[:] = sorted(folders) if len(here.relative_to(folder).parts) < _DEEPEST else []
        yield here
    if not folder.is_dir():
        labels = _beside(folder, root)
        for place, folders, _ in os.walk(labels):
            folders.sort()
            yield folder.joinpath(*Path(place).relative_to(labels).parts)
