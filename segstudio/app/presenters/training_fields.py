"""The fields of a training plan as a person sets them: what a row of the table says, and its text. No window, no torch."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from segstudio.core.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Mapping

FieldKind = Literal[
    "integer", "number", "switch", "choice", "text", "numbers", "fold", "loss", "class", "augment_options"
]
TEXT_KINDS = ("text", "numbers", "fold")
"""Kinds that are typed as a line of text."""


@dataclass(frozen=True, slots=True)
class PlanField:
    """One field of :class:`~segstudio.ml.plan.TrainPlan` in the window. Texts are English; the window translates them.

    ``help`` says in one sentence when to change it; ``zero`` is what 0 means ("never"), "" where it is a number like any other;
    ``choices`` are (value, title); ``count`` is how many numbers the kind "numbers" takes (0 = any); ``example`` is shown in an
    empty line of text. ``only_with`` names another field and its values without which this one changes nothing, and
    ``for_volumes`` is so without a volume or stack in the project.
    """

    key: str
    title: str
    section: str
    kind: FieldKind
    help: str
    unit: str = ""
    low: float = 0.0
    high: float = 1e6
    step: float = 1.0
    zero: str = ""
    choices: tuple[tuple[str, str], ...] = ()
    count: int = 0
    example: str = ""
    only_with: tuple[str, tuple[str, ...]] = ("", ())
    for_volumes: bool = False

    def matches(self, text: str, translated: str = "") -> bool:
        """Whether all words of *text* occur in its title, help, key or choices, or in *translated*."""
        whole = f"{self.title} {self.help} {self.key} {self.unit} {translated} {' '.join(t for _, t in self.choices)}"
        return all(word in whole.casefold() for word in text.casefold().split())

    def text_of(self, value: Any) -> str:
        """*value* as the line of text that :meth:`read` takes, or as shown beside "default"."""
        if self.kind == "fold":
            return "/".join(str(part) for part in value)
        if self.kind == "numbers":
            return ", ".join(f"{part:g}" for part in value)
        if self.kind == "choice":
            return dict(self.choices).get(value, str(value))
        if self.kind == "switch":
            return "on" if value else "off"
        if self.kind in ("integer", "number"):
            return self.zero if self.zero and not value else f"{value:g}{' ' if self.unit else ''}{self.unit}"
        return ", ".join(f"{k}={v}" for k, v in value.items()) if isinstance(value, dict) else str(value)

    def read(self, text: str) -> Any:
        """The value that a line of text means.

        Raises
        ------
        UserError
            When it means none.
        """
        text = text.strip()
        if self.kind == "text":
            return text
        if not text:
            return ()
        try:
            if self.kind == "fold":
                return tuple(int(part) for part in text.split("/"))
            values = tuple(float(part) for part in text.replace(";", ",").split(",") if part.strip())
        except ValueError as error:
            raise UserError(f"{text!r} can't be read here", remedy=f"write it as {self.example}") from error
        if self.count and len(values) != self.count:
            raise UserError(f"{len(values)} numbers where {self.count} are needed", remedy=f"write {self.example}")
        return values


def clean(field: PlanField, value: object, default: object) -> Any:
    """*value*, which may come from a file, in the type of *default*; *default* where it has another."""
    if isinstance(value, list):
        value = tuple(value)
    if isinstance(default, tuple):
        is_fitting = isinstance(value, tuple) and all(
            isinstance(part, (int, float)) and not isinstance(part, bool) for part in value
        )
        return value if is_fitting else default
    if isinstance(default, bool) or isinstance(value, bool):
        return value if isinstance(default, bool) and isinstance(value, bool) else default
    if isinstance(default, float):
        return float(value) if isinstance(value, (int, float)) else default
    if isinstance(default, dict):
        return dict(value) if isinstance(value, dict) else default
    if field.kind == "choice" and value not in dict(field.choices):
        return default
    return value if isinstance(value, type(default)) else default


def is_in_use(field: PlanField, value_of: Mapping[str, Any]) -> bool:
    """Whether the field changes anything beside the other values."""
    other, values = field.only_with
    if not other:
        return True
    now = value_of[other]
    return str(now) in values if values else bool(now)


def plain_dict(value: Any) -> Any:
    """*value* as JSON has it: tuples as lists, mappings as dicts."""
    if isinstance(value, tuple):
        return [plain_dict(part) for part in value]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: plain_dict(getattr(value, f.name)) for f in dataclasses.fields(value)}
    return {k: plain_dict(v) for k, v in value.items()} if hasattr(value, "items") else value
