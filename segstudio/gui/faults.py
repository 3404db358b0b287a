"""Exceptions in what Qt calls back, handed to the crash handler where Qt's bindings would lose them or die of them."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec, TypeVar

P = ParamSpec("P")
S = TypeVar("S")


def told(method: Callable[Concatenate[S, P], None]) -> Callable[Concatenate[S, P], None]:
    """A method whose exceptions go to ``sys.excepthook`` and no further.

    PySide 6.11 crashes when an exception leaves a ``paintEvent`` that was reached through a Python ``event``: the bug would take
    the window with it instead of being said.
    """

    @wraps(method)
    def guarded(self: S, /, *args: P.args, **kwargs: P.kwargs) -> None:
        try:
            method(self, *args, **kwargs)
        except Exception:  # noqa: BLE001 - whatever it is, it is reported and the window lives on
            kind, error, trace = sys.exc_info()
            if kind is not None and error is not None:
                sys.excepthook(kind, error, trace)

    return guarded
