"""Class lists that lie beside masks: classes.json, dataset.json of nnU-Net and the decathlon, id2label.json, ITK-SNAP's."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from segstudio.core.errors import UserError
from segstudio.io.formats.base import FoundClass, Problem
from segstudio.io.formats.safety import read_json, read_text, whole_number
from segstudio.io.formats.value_map import classes_of_names

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from segstudio.io.formats.safety import Limits

_COLOR = re.compile(r"#[0-9a-fA-F]{6}")
_SNAP = re.compile(r'^\s*(\d{1,5})\s+(\d{1,3})\s+(\d{1,3})\s+(\d{1,3})\s+[\d.]+\s+\d\s+\d\s+"(.*)"\s*$')
MOST_CLASSES = 65535


class ClassList:
    """``classes`` and the values that are ``ignored``, as a file tells them; ``problems`` are rows that were of no use."""

    def __init__(self, classes: Iterable[FoundClass] = (), ignored: Iterable[int] = ()) -> None:
        self.classes: list[FoundClass] = []
        self.ignored = set(ignored)
        self.problems: list[Problem] = []
        self._values: set[int | None] = {None}
        self._names: set[str] = set()
        for item in classes:
            self.add(item, "")

    def add(self, item: FoundClass, where: str) -> None:
        """Take a class; one whose name or value another has is a problem."""
        name = " ".join(item.name.split())
        name = "".join(char for char in name if char.isprintable())[:200] or f"class {item.value}"
        if item.value is not None and item.value in self._values:
            self.problems.append(
                Problem(where, f"The class “{name}” has a value that another class has: it is left out")
            )
            return
        if name.casefold() in self._names:
            self.problems.append(
                Problem(where, f"Two classes are called “{name}”: the second is “{name} {item.value}”")
            )
            name = f"{name} {item.value}"
        self._values.add(item.value)
        self._names.add(name.casefold())
        color = item.color.lower() if _COLOR.fullmatch(item.color or "") else ""
        self.classes.append(FoundClass(name, color, item.value))


def read_class_list(folder: Path, limits: Limits) -> ClassList | None:
    """The first class list that *folder* holds; None where there is none.

    Raises
    ------
    UserError
        When the file is damaged.
    """
    for name, read in (("classes.json", _rows), ("dataset.json", _nnunet), ("id2label.json", _id2label)):
        path = folder / name
        if path.is_file():
            found = read(path, read_json(path, limits))
            if found is not None:
                return found
    for path in sorted([*folder.glob("*.label"), *folder.glob("*label*.txt")])[:3]:
        found = _snap(path, limits)
        if found is not None:
            return found
    return None


def rows_of(document: Any, where: str) -> ClassList:
    """Classes of ``[{"value", "name", "color"}]``; rows that are none are problems."""
    found = ClassList()
    rows = document.get("classes", []) if isinstance(document, dict) else document
    for row in rows[:MOST_CLASSES] if isinstance(rows, list) else []:
        try:
            value = None if row.get("value") is None else whole_number(row["value"], 0, 65535)
            found.add(FoundClass(str(row["name"]), str(row.get("color") or ""), value), where)
        except (AttributeError, KeyError, ValueError):
            found.problems.append(Problem(where, f"A class of the list cannot be read ({str(row)[:60]})"))
    if isinstance(document, dict) and document.get("ignore") is not None:
        try:
            found.ignored.add(whole_number(document["ignore"], 0, 65535))
        except ValueError as error:
            found.problems.append(Problem(where, f"The ignored value cannot be read: {error}"))
    return found


def _rows(path: Path, document: Any) -> ClassList | None:
    if not isinstance(document, (list, dict)):
        raise UserError("It is no list of classes", path=path, remedy="make it anew, or take it away")
    return rows_of(document, path.name)


def _nnunet(path: Path, document: Any) -> ClassList | None:
    """``labels`` of nnU-Net version 2 (name → value, or values of a region) and of the decathlon ("value" → name)."""
    labels = document.get("labels") if isinstance(document, dict) else None
    if not isinstance(labels, dict):
        return None
    names: dict[int, str] = {}
    problems = []
    for key, item in list(labels.items())[:MOST_CLASSES]:
        try:
            if isinstance(item, list):
                raise ValueError("it is a region of several values")
            value, name = (
                (whole_number(key, 0, 65535), item) if _is_number(key) else (whole_number(item, 0, 65535), key)
            )
        except ValueError as error:
            problems.append(Problem(path.name, f"The class “{str(key)[:60]}” is left out: {error}"))
            continue
        names[value] = str(name)
    classes, ignored = classes_of_names(names)
    found = ClassList(classes, ignored)
    found.problems += problems
    return found


def _id2label(path: Path, document: Any) -> ClassList | None:
    if not isinstance(document, dict):
        return None
    rows = document.get("id2label", document)
    names = {int(key): str(name) for key, name in rows.items() if _is_number(key)} if isinstance(rows, dict) else {}
    classes, ignored = classes_of_names({value: name for value, name in names.items() if value <= 65535})
    return ClassList(classes, ignored) if names else None


def _is_number(text: Any) -> bool:
    plain = str(text).strip()
    return plain.isascii() and plain.isdecimal() and len(plain) <= 5


def _snap(path: Path, limits: Limits) -> ClassList | None:
    """ITK-SNAP's label descriptions: index, red, green, blue, three more numbers, and the name in quotes."""
    rows = [match for line in read_text(path, limits).splitlines() if (match := _SNAP.match(line))]
    if not rows:
        return None
    found = ClassList()
    for match in rows:
        value, color = int(match[1]), [min(255, int(match[part])) for part in (2, 3, 4)]
        if value and value <= 65535:
            found.add(FoundClass(match[5], "#{:02x}{:02x}{:02x}".format(*color), value), path.name)
    return found
