"""The classes of a project: an immutable table, its colours, and the parsing of class lists."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from segstudio.core.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    import numpy.typing as npt

UNLABELLED = 0
"""Segment id and class id of a pixel nobody labelled."""
IGNORE = 65535
"""Segment id and class id of a pixel that training and scoring leave out."""
MAX_ID = 65534
"""Highest segment id, class id and mask value."""

PALETTE: tuple[str, ...] = (
    "#e69f00", "#56b4e9", "#009e73", "#f0e442", "#0072b2", "#d55e00", "#cc79a7",
    "#88ccee", "#ddcc77", "#117733", "#cc6677", "#332288", "#aa4499", "#44aa99",
    "#999933", "#882255", "#ee7733", "#0077bb", "#33bbee", "#ee3377", "#cc3311",
    "#009988", "#bbbbbb", "#ffaabb",
)  # fmt: skip
"""Colours that people with red-green blindness can tell apart (Okabe-Ito first, then Paul Tol's)."""

_COLOR = re.compile(r"#[0-9a-fA-F]{6}")


@dataclass(frozen=True, slots=True)
class ClassDef:
    """One class: ``id`` (1 … 65534) never changes and is never used again; ``mask_value`` is what files hold."""

    id: int
    name: str
    mask_value: int
    color: str = "#e69f00"
    is_visible: bool = True
    is_locked: bool = False

    @property
    def rgb(self) -> tuple[int, int, int]:
        """The colour as three values 0 … 255."""
        return int(self.color[1:3], 16), int(self.color[3:5], 16), int(self.color[5:7], 16)


def clean_name(name: str) -> str:
    """*name* with outer and repeated spaces gone.

    Raises
    ------
    UserError
        When nothing is left, or it holds control characters.
    """
    cleaned = " ".join(name.split())
    if not cleaned:
        raise UserError("A class has no name", remedy="give every class a name")
    if any(not char.isprintable() for char in cleaned):
        raise UserError(f"The class name {cleaned!r} holds characters that cannot be printed", remedy="type it anew")
    if len(cleaned) > 200:
        raise UserError(f"The class name {cleaned[:40]}… is too long", remedy="keep it below 200 characters")
    return cleaned


def parse_class_names(text: str | Iterable[str]) -> list[str]:
    """Class names from a list, or from text that parts them by commas, semicolons or line ends.

    Raises
    ------
    UserError
        For an empty list, an empty name, or a name that occurs twice (upper and lower case are the same).
    """
    if isinstance(text, str):
        lines = [line.strip(" ,;\t") for line in text.splitlines()]
        parts = [part for line in lines if line for part in re.split(r"[,;]", line)]
    else:
        parts = list(text)
    if not parts:
        raise UserError("The class list is empty", remedy="name at least one class, such as nucleus,background")
    names = [clean_name(part) for part in parts]
    _refuse_duplicates(names)
    return names


def _refuse_duplicates(names: Sequence[str]) -> None:
    seen: dict[str, str] = {}
    for name in names:
        key = name.casefold()
        if key in seen:
            raise UserError(f"The class name “{name}” occurs twice in the list", remedy="give each class its own name")
        seen[key] = name


class ClassTable:
    """The classes in the order people see them; the first nine have the keys 1 … 9. Every change makes a new table."""

    def __init__(self, classes: Iterable[ClassDef] = (), next_id: int = 1) -> None:
        self._classes = tuple(classes)
        self.next_id = max([next_id, *(item.id + 1 for item in self._classes)])
        self._check()

    def _check(self) -> None:
        _refuse_duplicates([clean_name(item.name) for item in self._classes])
        values: dict[int, str] = {}
        ids: set[int] = set()
        for item in self._classes:
            if not 1 <= item.id <= MAX_ID or item.id in ids:
                raise UserError(f"There are too many classes, or the class number {item.id} is used twice")
            if not 0 <= item.mask_value <= MAX_ID:
                raise UserError(
                    f"The mask value {item.mask_value} of class “{item.name}” is out of range",
                    remedy=f"choose one from 0 to {MAX_ID}",
                )
            if item.mask_value in values:
                raise UserError(
                    f"The classes “{values[item.mask_value]}” and “{item.name}” have the same mask value "
                    f"{item.mask_value}",
                    remedy="give each class its own value",
                )
            if not _COLOR.fullmatch(item.color):
                raise UserError(f"“{item.color}” is no colour", remedy="write it as #rrggbb")
            values[item.mask_value] = item.name
            ids.add(item.id)

    def __iter__(self) -> Iterator[ClassDef]:
        return iter(self._classes)

    def __len__(self) -> int:
        return len(self._classes)

    def __getitem__(self, index: int) -> ClassDef:
        return self._classes[index]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ClassTable) and (self._classes, self.next_id) == (other._classes, other.next_id)

    def __hash__(self) -> int:
        return hash((self._classes, self.next_id))

    def __repr__(self) -> str:
        return f"ClassTable({list(self._classes)!r}, next_id={self.next_id})"

    @cached_property
    def _by_id(self) -> dict[int, ClassDef]:
        return {item.id: item for item in self._classes}

    @property
    def names(self) -> list[str]:
        """The names in order."""
        return [item.name for item in self._classes]

    def by_id(self, class_id: int) -> ClassDef | None:
        """The class with this id, or None."""
        return self._by_id.get(class_id)

    def by_name(self, name: str) -> ClassDef | None:
        """The class with this name (upper and lower case are the same), or None."""
        key = " ".join(name.split()).casefold()
        return next((item for item in self._classes if item.name.casefold() == key), None)

    def by_mask_value(self, value: int) -> ClassDef | None:
        """The class that files write as *value*, or None."""
        return next((item for item in self._classes if item.mask_value == value), None)

    def index_of(self, class_id: int) -> int:
        """Position of the class; -1 where there is none."""
        return next((index for index, item in enumerate(self._classes) if item.id == class_id), -1)

    @property
    def locked_ids(self) -> frozenset[int]:
        """Ids of the classes whose pixels must stay."""
        return frozenset(item.id for item in self._classes if item.is_locked)

    def _free_mask_value(self) -> int:
        used = {item.mask_value for item in self._classes}
        # 255 means ignore in 8-bit masks; 0 is background unless a class is given it.
        return next(value for value in range(1, MAX_ID + 2) if value not in used and value != 255)

    def _free_color(self) -> str:
        used = [item.color.lower() for item in self._classes]
        return min(PALETTE, key=lambda color: (used.count(color), PALETTE.index(color)))

    def added(self, name: str, *, color: str | None = None, mask_value: int | None = None) -> ClassTable:
        """With a new class at the end; its id is ``result[-1].id``.

        Raises
        ------
        UserError
            For an empty or known name, a used mask value, or more than 65534 classes.
        """
        name = clean_name(name)
        if self.by_name(name) is not None:
            raise UserError(f"There is a class “{name}” already", remedy="choose another name")
        if self.next_id > MAX_ID:
            raise UserError(f"A project cannot hold more than {MAX_ID} classes")
        value = self._free_mask_value() if mask_value is None else mask_value
        item = ClassDef(self.next_id, name, value, (color or self._free_color()).lower())
        return ClassTable((*self._classes, item), self.next_id + 1)

    def replaced(self, item: ClassDef) -> ClassTable:
        """With the class of the same id replaced by *item*; KeyError for an unknown id."""
        if item.id not in self._by_id:
            raise KeyError(item.id)
        item = replace(item, name=clean_name(item.name), color=item.color.lower())
        return ClassTable((item if old.id == item.id else old for old in self._classes), self.next_id)

    def renamed(self, class_id: int, name: str) -> ClassTable:
        """With the class called *name*; UserError when another one is."""
        return self.replaced(replace(self._by_id[class_id], name=name))

    def recoloured(self, class_id: int, color: str) -> ClassTable:
        """With the class drawn in *color* ("#rrggbb")."""
        return self.replaced(replace(self._by_id[class_id], color=color))

    def moved(self, class_id: int, index: int) -> ClassTable:
        """With the class at position *index* (kept inside the table)."""
        item = self._by_id[class_id]
        rest = [old for old in self._classes if old.id != class_id]
        rest.insert(min(max(index, 0), len(rest)), item)
        return ClassTable(rest, self.next_id)

    def removed(self, class_id: int) -> ClassTable:
        """Without the class; its id is never used again. KeyError for an unknown id."""
        if class_id not in self._by_id:
            raise KeyError(class_id)
        return ClassTable((old for old in self._classes if old.id != class_id), self.next_id)

    def rebased(self, before: ClassTable, after: ClassTable) -> ClassTable:
        """With what changed from *before* to *after* applied to this table.

        What others changed meanwhile stays; so a class edit can be undone after a class was renamed. A class that
        comes back and finds its name or mask value taken gets the next free one.
        """
        if self == before:
            return ClassTable(after, max(self.next_id, after.next_id))
        gone = {item.id for item in before if after.by_id(item.id) is None}
        changed = {item.id: item for item in after if before.by_id(item.id) not in (None, item)}
        result = [changed.get(item.id, item) for item in self._classes if item.id not in gone]
        known = {item.id for item in result}
        for index, item in enumerate(after):
            if before.by_id(item.id) is None and item.id not in known:
                result.insert(min(index, len(result)), item)
                changed[item.id] = item
        settled = ClassTable((item for item in result if item.id not in changed), max(self.next_id, after.next_id))
        for item in result:
            if item.id in changed:
                settled = settled._with_fitting(item)
        places = {item.id: place for place, item in enumerate(result)}
        return ClassTable(sorted(settled, key=lambda item: places[item.id]), settled.next_id)

    def _with_fitting(self, item: ClassDef) -> ClassTable:
        """With *item* at the end, its name and mask value changed where another class has them."""
        if self.by_mask_value(item.mask_value) is not None:
            item = replace(item, mask_value=self._free_mask_value())
        name, number = item.name, 2
        while self.by_name(item.name) is not None:
            item = replace(item, name=f"{name} {number}")
            number += 1
        return ClassTable((*self._classes, item), self.next_id)

    def color_lut(self) -> npt.NDArray[np.uint8]:
        """(65536, 3) uint8: colour of each class id; black for ids without a class."""
        lut = np.zeros((65536, 3), np.uint8)
        for item in self._classes:
            lut[item.id] = item.rgb
        return lut

    def mask_value_lut(self, unlabelled: int, ignore: int) -> npt.NDArray[np.uint16]:
        """(65536,) uint16: what a file writes for each class id."""
        lut = np.full(65536, unlabelled, np.uint16)
        lut[IGNORE] = ignore
        for item in self._classes:
            lut[item.id] = item.mask_value
        return lut

    def to_json(self) -> dict[str, Any]:
        """A JSON object that :meth:`from_json` reads."""
        return {
            "next_id": self.next_id,
            "classes": [
                {
                    "id": item.id,
                    "name": item.name,
                    "mask_value": item.mask_value,
                    "color": item.color,
                    "is_visible": item.is_visible,
                    "is_locked": item.is_locked,
                }
                for item in self._classes
            ],
        }

    @classmethod
    def from_json(cls, data: Any) -> ClassTable:
        """The table :meth:`to_json` wrote; UserError for anything else."""
        try:
            classes = [
                ClassDef(
                    int(item["id"]),
                    str(item["name"]),
                    int(item["mask_value"]),
                    str(item.get("color", PALETTE[0])),
                    bool(item.get("is_visible", True)),
                    bool(item.get("is_locked", False)),
                )
                for item in data["classes"]
            ]
            return cls(classes, int(data.get("next_id", 1)))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise UserError("The class list cannot be read", remedy="make it anew") from error

    @classmethod
    def from_names(cls, names: str | Iterable[str]) -> ClassTable:
        """A fresh table of these names (see :func:`parse_class_names`)."""
        table = cls()
        for name in parse_class_names(names):
            table = table.added(name)
        return table
