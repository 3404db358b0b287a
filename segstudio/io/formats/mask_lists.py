"""Class lists as text beside masks: labelmap.txt (CVAT), label_colors.txt (CamVid), and names line by line."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from segstudio.io.formats.base import FoundClass
from segstudio.io.formats.class_lists import ClassList, read_class_list
from segstudio.io.formats.safety import read_text
from segstudio.io.formats.value_map import BACKGROUND_NAMES, IGNORE_NAMES

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from segstudio.io.formats.safety import Limits

NAME_FILES = (
    "class_names.txt",
    "classes.txt",
    "labels.txt",
    "label_names.txt",
    "obj.names",
    "codes.txt",
    "categories.txt",
)
_COLOR_FIRST = re.compile(r"^\s*(\d{1,3})[\s,]+(\d{1,3})[\s,]+(\d{1,3})[\s,]+(.*\S)\s*$")
_LABELMAP = re.compile(r"^([^:#][^:]*):(\d{1,3}),(\d{1,3}),(\d{1,3}):")


class MaskList:
    """A class list; ``is_numbered``: it tells the values itself, else they are guessed from the order of the names."""

    def __init__(self, found: ClassList, *, is_numbered: bool, file: Path | None = None) -> None:
        self.classes = tuple(found.classes)
        self.ignored = frozenset(found.ignored)
        self.problems = found.problems
        self.is_numbered = is_numbered
        self.file = file
        self.void_colors: tuple[int, ...] = ()


def read_mask_list(folders: Iterable[Path], limits: Limits, *, background: bool = False) -> MaskList | None:
    """The first class list in one of *folders*; None where there is none. With *background* a class of that name is kept.

    Raises
    ------
    UserError
        When the file is damaged.
    """
    for folder in folders:
        found = read_class_list(folder, limits)
        if found is not None and found.classes:
            return MaskList(found, is_numbered=True)
        for name, read in (("labelmap.txt", _labelmap), ("label_colors.txt", _label_colors)):
            if (folder / name).is_file():
                rows = read(read_text(folder / name, limits))
                if rows:
                    return _numbered(rows, folder / name, background)
        for name in NAME_FILES:
            if (folder / name).is_file():
                names = [(line.strip(), "") for line in read_text(folder / name, limits).splitlines() if line.strip()]
                if names:
                    return _numbered(names, folder / name, background)
    return None


def _labelmap(text: str) -> list[tuple[str, str]]:
    rows = [match for line in text.splitlines() if (match := _LABELMAP.match(line.strip()))]
    return [(row[1].strip(), _hex(row[2], row[3], row[4])) for row in rows]


def _label_colors(text: str) -> list[tuple[str, str]]:
    rows = [match for line in text.splitlines() if (match := _COLOR_FIRST.match(line))]
    return [(row[4].strip(), _hex(row[1], row[2], row[3])) for row in rows]


def _hex(*parts: str) -> str:
    return "#{:02x}{:02x}{:02x}".format(*(min(255, int(part)) for part in parts))


def _numbered(rows: list[tuple[str, str]], file: Path, background: bool) -> MaskList:
    """Values by place; names such as __ignore__ before the first class stand at no value (labelme writes them)."""
    found, void = ClassList(), []
    value = 0
    for name, color in rows[:65535]:
        plain = " ".join(name.split())
        if plain.casefold() in IGNORE_NAMES:
            if value:
                found.ignored.add(value)
                value += 1
            continue
        if value == 0 and not background and plain.casefold() in BACKGROUND_NAMES:
            value += 1
            continue
        if color and plain.casefold() in BACKGROUND_NAMES:
            void.append(int(color[1:], 16))
            value += 1
            continue
        found.add(FoundClass(plain, color, value), file.name)
        value += 1
    listed = MaskList(found, is_numbered=False, file=file)
    listed.void_colors = tuple(void)
    return listed
