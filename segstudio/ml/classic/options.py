"""What can be set of a classic method: name, kind, bounds, default."""

from __future__ import annotations

import difflib
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from segstudio.core.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

OptionKind = Literal["integer", "number", "choice", "file", "switch"]
Value = int | float | str  # a switch is a bool, which is an int

_ON, _OFF = ("yes", "true", "on", "1"), ("no", "false", "off", "0")


@dataclass(frozen=True)
class Option:
    """One option of a method; ``key`` carries its unit, ``title`` and ``help`` are for people.

    A minor one is left to the command line: the window does not show it.
    """

    key: str
    title: str
    default: Value
    kind: OptionKind = "number"
    low: float = 0.0
    high: float = math.inf
    step: float = 1.0
    choices: tuple[str, ...] = ()
    help: str = ""
    is_minor: bool = False

    def checked(self, value: object) -> Value:
        """*value*, which may be text from a command line, in the option's own type.

        Raises
        ------
        UserError
            When it is of another kind or out of bounds.
        """
        text = str(value).strip()
        if self.kind == "file":
            return text
        if self.kind == "switch":
            return self._switched(text)
        if self.kind == "choice":
            if text not in self.choices:
                raise UserError(f"the option {self.key} is {text!r}", remedy=f"give one of {', '.join(self.choices)}")
            return text
        try:
            number = float(text)
        except ValueError:
            number = math.nan
        whole = self.kind == "integer"
        if not self.low <= number <= self.high or (whole and not number.is_integer()):
            what = "a whole number" if whole else "a number"
            raise UserError(
                f"the option {self.key} is {text!r}", remedy=f"give {what} from {self.low:g} to {self.high:g}"
            )
        return int(number) if whole else number

    def _switched(self, text: str) -> bool:
        word = text.casefold()
        if word not in (*_ON, *_OFF):
            raise UserError(f"the option {self.key} is {text!r}", remedy="give yes or no")
        return word in _ON


def merged(specs: Sequence[Option], given: Mapping[str, object]) -> dict[str, Value]:
    """The defaults of *specs*, with what is *given* in place of them.

    Raises
    ------
    UserError
        When a name or a value does not fit.
    """
    known = {spec.key: spec for spec in specs}
    values: dict[str, Value] = {spec.key: spec.default for spec in specs}
    for key, value in given.items():
        if key not in known:
            near = difflib.get_close_matches(key, list(known), n=1, cutoff=0.4)
            hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(known)}"
            raise UserError(f"the model has no option {key!r}", remedy=hint)
        values[key] = known[key].checked(value)
    return values
