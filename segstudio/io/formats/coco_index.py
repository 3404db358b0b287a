"""A COCO file as an index: which bytes hold which image's annotations, so that the file is never held whole."""

from __future__ import annotations

import re
from array import array
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from segstudio.core.errors import UserError
from segstudio.io.formats.base import FoundClass
from segstudio.io.formats.json_stream import JsonStream
from segstudio.io.formats.safety import RESTORE, whole_number

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from segstudio.io.formats.problems import Note, ProblemList
    from segstudio.io.formats.safety import Limits

_COLOR = re.compile(r"#[0-9a-fA-F]{6}")
_MOST_CATEGORIES = 65534
_HIGHEST_VALUE = 65534


@dataclass(frozen=True)
class Category:
    """One row of the file's categories, or an id that annotations use and no row has."""

    found: FoundClass
    is_thing: bool = True


def id_of(value: Any) -> int | str | None:
    """An id as files hold it (7, "7", 7.0, "a7"); None where there is none."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    if isinstance(value, str):
        text = value.strip()
        return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else text or None
    return int(value) if isinstance(value, int) or value.is_integer() else None


class CocoIndex:
    """The categories, images and annotations of one file; instances and panoptic files alike.

    ``categories`` is by the file's category id. Images are those listed, in the order of the file; one listed twice, under one
    id or two, is one.

    Raises
    ------
    UserError
        When the file is damaged, or no COCO file.
    """

    def __init__(self, path: Path, limits: Limits, problems: ProblemList) -> None:
        self.path = path
        self.categories: dict[int | str, Category] = {}
        self.is_panoptic = False
        self._stream = JsonStream(path, limits)
        self._problems = problems
        self._numbers: dict[int | str, int] = {}
        self._count = 0
        self._names: dict[str, int] = {}
        self._listed: dict[int, str] = {}
        self._same: dict[int, int] = {}
        self._used: set[int | str] = set()
        self._images = (array("q"), array("q"), array("q"))
        self._rows = (array("q"), array("q"), array("q"))
        try:
            self._read()
        except BaseException:
            self._stream.close()
            raise

    def close(self) -> None:
        """Let go of the file."""
        self._stream.close()

    def _read(self) -> None:
        takers = {"images": self._take_image, "annotations": self._take_annotation, "categories": self._take_category}
        for key, offset, size, element in self._stream.elements():
            take = takers.get(key)
            if take is None:
                continue
            if isinstance(element, dict):
                take(offset, size, element)
            else:
                self._problems.note(self.path.name, f"An entry of the list “{key}” is none and was left out")
        if "images" not in self._stream.lists:
            raise UserError(
                "The file lists no images, so it is no COCO file", path=self.path, remedy="give an instances_….json"
            )
        self._name_unlisted()
        self._sort_rows()

    def _number(self, value: Any) -> int:
        """A number for an image id, the same for the same id; a fresh one where there is none."""
        key = id_of(value)
        if key is None or key not in self._numbers:
            self._count += 1
            if key is None:
                return self._count - 1
            self._numbers[key] = self._count - 1
        return self._numbers[key]

    def _take_image(self, offset: int, size: int, row: dict[str, Any]) -> None:
        name = str(row.get("file_name", "")).replace("\\", "/")
        number = self._number(row.get("id"))
        if number in self._listed:
            if self._listed[number] == name:
                self._problems.note(self.path.name, "An image is listed twice; it came once")
                return
            self._problems.note(
                self.path.name, "An id stands for two images; the annotations were given to the first of them"
            )
            number = self._number(None)
        if name and name in self._names:
            self._problems.note(
                self.path.name, "An image is listed under two ids; all its annotations came to one image"
            )
            self._same[number] = self._names[name]
            self._listed[number] = name
            return
        self._listed[number] = name
        if name:
            self._names[name] = number
        for column, value in zip(self._images, (number, offset, size), strict=True):
            column.append(value)

    def _take_annotation(self, offset: int, size: int, row: dict[str, Any]) -> None:
        if "segments_info" in row:
            self.is_panoptic = True
            for segment in row["segments_info"] if isinstance(row["segments_info"], list) else ():
                self._use(segment)
        else:
            self._use(row)
        for column, value in zip(self._rows, (self._number(row.get("image_id")), offset, size), strict=True):
            column.append(value)

    def _use(self, row: Any) -> None:
        key = id_of(row.get("category_id")) if isinstance(row, dict) else None
        if key is not None:
            self._used.add(key)

    def _take_category(self, offset: int, size: int, _row: dict[str, Any]) -> None:
        row = self._stream.element(offset, size)
        key = id_of(row.get("id"))
        if key is None:
            self._problems.note(self.path.name, "A category has no id and was left out")
            return
        if key in self.categories:
            self._problems.note(self.path.name, f"The category id {key} is listed twice; the first was taken")
            return
        name = row.get("name")
        name = str(name).strip() if isinstance(name, str | int | float) else ""
        found = FoundClass(name or f"category {key}", _color(row.get("color")), _value(row.get("mask_value")))
        self.categories[key] = Category(found, bool(row.get("isthing", 1)))
        if len(self.categories) > _MOST_CATEGORIES:
            raise UserError("The file has too many categories", path=self.path, remedy=RESTORE)

    def _name_unlisted(self) -> None:
        for key in sorted(self._used - self.categories.keys(), key=str)[:_MOST_CATEGORIES]:
            self.categories[key] = Category(FoundClass(f"category {key}"))
            self._problems.note(
                self.path.name, f"Annotations have the category {key}, which has no name; it came as “category {key}”"
            )
        self._used.clear()

    def _sort_rows(self) -> None:
        """Put the annotations of an image together, in the order of the file."""
        numbers = np.frombuffer(self._rows[0], np.int64) if self._rows[0] else np.zeros(0, np.int64)
        if self._same:
            table = np.arange(self._count)
            table[list(self._same)] = list(self._same.values())
            numbers = table[numbers]
        order = np.argsort(numbers, kind="stable")
        self._row_numbers = numbers[order]
        self._row_places = np.stack([np.asarray(column, np.int64)[order] for column in self._rows[1:]])
        self._rows = (array("q"), array("q"), array("q"))
        is_listed = np.zeros(self._count + 1, np.bool_)
        is_listed[list(self._listed)] = True
        lost = int(np.count_nonzero(~is_listed[self._row_numbers]))
        if lost:
            self._problems.note(self.path.name, "An annotation belongs to no image of the list and was left out", lost)
        self._names.clear()
        self._numbers.clear()
        self._listed.clear()

    @property
    def annotations(self) -> int:
        """How many there are."""
        return int(self._row_numbers.size)

    def images(self) -> Iterator[tuple[int, dict[str, Any]]]:
        """(number, row) of each image."""
        for number, offset, size in zip(*self._images, strict=True):
            yield number, self._stream.element(offset, size)

    def annotations_of(self, number: int, note: Note) -> Iterator[dict[str, Any]]:
        """The annotations of an image, in the order of the file; the very same one twice comes once."""
        begin, end = np.searchsorted(self._row_numbers, (number, number + 1)).tolist()
        seen: set[tuple[int | str | None, int]] = set()
        for offset, size in self._row_places[:, begin:end].T.tolist():
            row = self._stream.element(offset, size)
            key = id_of(row.get("id")), hash(repr(row.get("segmentation"))) if end - begin > 1 else 0
            if key[0] is not None and key in seen:
                note("An annotation is in the file twice; it came once")
                continue
            seen.add(key)
            yield row


def _color(value: Any) -> str:
    """The colour as #rrggbb, from that or from a list of three numbers; nothing for anything else."""
    if isinstance(value, str) and _COLOR.fullmatch(value):
        return value.lower()
    try:
        red, green, blue = (whole_number(part, 0, 255) for part in value)
    except (TypeError, ValueError):
        return ""
    return f"#{red:02x}{green:02x}{blue:02x}"


def _value(value: Any) -> int | None:
    try:
        return None if value is None else whole_number(value, 0, _HIGHEST_VALUE)
    except ValueError:
        return None
