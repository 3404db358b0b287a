"""Which class of the project a dataset's class is: the same name, the same name written otherwise, or one that is like it."""

from __future__ import annotations

import re
import unicodedata
from difflib import SequenceMatcher
from typing import TYPE_CHECKING

from segstudio.core.classes import MAX_ID, ClassTable, clean_name
from segstudio.core.errors import UserError
from segstudio.io.importing.plan import LEFT_OUT, PlannedClass

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from segstudio.io.formats.base import FoundClass

LIKE = 0.75
"""From this likeness on (0 … 1) a name is suggested."""
MOST_SUGGESTIONS = 3
_PARTS = re.compile(r"[\s_\-./,:;]+")
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")
_COLOR = re.compile(r"#[0-9a-fA-F]{6}")
_IGNORE_VALUES = (255, 65535)


def plain_form(name: str) -> str:
    """*name* without case, underscores, hyphens, spaces and accents: “Traffic_Light” is “trafficlight”."""
    text = unicodedata.normalize("NFKD", _CAMEL.sub(" ", name)).casefold()
    text = "".join(char for char in text if not unicodedata.combining(char))
    return "".join(_PARTS.split(text))


def _plurals(form: str) -> set[str]:
    return {form + "s", form + "es", form[:-1] + "ies" if form.endswith("y") else form + "s"}


def is_same(first: str, second: str) -> bool:
    """Whether two plain forms are one word, or one is the other's plural."""
    return bool(first and second) and (first == second or first in _plurals(second) or second in _plurals(first))


def same_written_otherwise(name: str, known: Iterable[str]) -> str:
    """The one of *known* that is *name* but for case, underscores and plural; "" where there is none, or several."""
    form = plain_form(name)
    found = [other for other in known if is_same(form, plain_form(other))]
    return found[0] if len(found) == 1 else ""


def suggestions(name: str, known: Iterable[str]) -> tuple[str, ...]:
    """Names of *known* that are like *name*, the likest first."""
    form = plain_form(name)
    rated = []
    for other in known:
        other_form = plain_form(other)
        likeness = 1.0 if is_same(form, other_form) else SequenceMatcher(None, form, other_form, autojunk=False).ratio()
        is_part = min(len(form), len(other_form)) >= 3 and (form in other_form or other_form in form)
        if likeness >= LIKE or is_part:
            rated.append((-max(likeness, LIKE if is_part else 0.0), other))
    return tuple(other for _, other in sorted(rated)[:MOST_SUGGESTIONS])


def usable_name(name: str, index: int) -> str:
    """A class name made of what a file gave: without what cannot be printed, of sensible length, never empty."""
    printable = "".join(char if char.isprintable() else " " for char in str(name))
    text = " ".join(printable.split())[:199].strip()
    try:
        return clean_name(text)
    except UserError:
        return f"class {index + 1}"


def plan_classes(found: Sequence[FoundClass], table: ClassTable, mapping: Mapping[str, str]) -> list[PlannedClass]:
    """Where each class goes: as *mapping* says, else to the same name (however it is written), else to a new class.

    Raises
    ------
    UserError
        When *mapping* names a class that the dataset has not, or a target that is no class name.
    """
    names = [usable_name(item.name, index) for index, item in enumerate(found)]
    chosen = _chosen(mapping, names)
    planned: list[PlannedClass] = []
    made: dict[str, str] = {}
    for item, name in zip(found, names, strict=True):
        target = chosen.get(name.casefold())
        near = suggestions(name, table.names)
        if target is None:
            known = table.by_name(name)
            target = known.name if known is not None else same_written_otherwise(name, table.names) or name
        elif target != LEFT_OUT:
            target = clean_name(target)
        known = table.by_name(target) if target != LEFT_OUT else None
        if known is not None:
            target = known.name
        elif target != LEFT_OUT:
            target = made.setdefault(target.casefold(), target)
        is_new = known is None and target != LEFT_OUT
        color = item.color if _COLOR.fullmatch(item.color or "") else ""
        planned.append(PlannedClass(name, color, item.value, target, is_new, near))
    return planned


def _chosen(mapping: Mapping[str, str], names: Sequence[str]) -> dict[str, str]:
    known = {name.casefold() for name in names}
    chosen = {}
    for name, target in mapping.items():
        key = usable_name(name, -1).casefold()
        if key not in known:
            shown = ", ".join(names[:20])
            raise UserError(f"The dataset has no class “{name}”", remedy=f"its classes are {shown or 'none'}")
        chosen[key] = target
    return chosen


def extended_table(planned: Sequence[PlannedClass], table: ClassTable) -> tuple[ClassTable, list[int]]:
    """The table with the classes that are new, and the class id of each planned class (0: left out).

    A new class keeps its colour and mask value where no other has the value.
    """
    ids = []
    for item in planned:
        if item.target == LEFT_OUT:
            ids.append(0)
            continue
        known = table.by_name(item.target)
        if known is None:
            table = table.added(item.target, color=item.color or None, mask_value=_free_value(item.value, table))
            known = table[-1]
        ids.append(known.id)
    return table, ids


def _free_value(value: int | None, table: ClassTable) -> int | None:
    if value is None or value in _IGNORE_VALUES or not 0 <= value <= MAX_ID:
        return None
    return value if table.by_mask_value(value) is None else None
