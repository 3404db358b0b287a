"""Signals without Qt: how the document tells the views what changed."""

from __future__ import annotations

import weakref
from contextlib import contextmanager
from types import MethodType
from typing import TYPE_CHECKING, Generic, ParamSpec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

P = ParamSpec("P")


class Signal(Generic[P]):
    """A list of listeners, called in the order in which they connected.

    Bound methods are held weakly, so that a closed panel drops out by itself; functions and lambdas are
    held until :meth:`disconnect`. Belongs to one thread (the window's), like the document.
    """

    def __init__(self) -> None:
        self._slots: list[Callable[[], Callable[P, object] | None]] = []
        self._blocked = 0

    def connect(self, slot: Callable[P, object]) -> Callable[[], None]:
        """Call *slot* at each :meth:`emit`; the returned function disconnects it again."""
        reference: Callable[[], Callable[P, object] | None]
        if isinstance(slot, MethodType):
            reference = weakref.WeakMethod(slot)
        else:
            kept = slot

            def reference() -> Callable[P, object] | None:
                return kept

        self._slots.append(reference)

        def forget() -> None:
            if reference in self._slots:
                self._slots.remove(reference)

        return forget

    def disconnect(self, slot: Callable[P, object]) -> None:
        """Stop calling *slot*; no error when it was never connected."""
        self._slots = [reference for reference in self._slots if reference() != slot]

    def emit(self, *args: P.args, **kwargs: P.kwargs) -> None:
        """Call every listener; an exception of one goes up to the emitter."""
        if self._blocked:
            return
        has_dead = False
        for reference in tuple(self._slots):
            slot = reference()
            if slot is None:
                has_dead = True
            else:
                slot(*args, **kwargs)
        if has_dead:
            self._slots = [reference for reference in self._slots if reference() is not None]

    @contextmanager
    def blocked(self) -> Iterator[None]:
        """Swallow what is emitted inside the ``with``."""
        self._blocked += 1
        try:
            yield
        finally:
            self._blocked -= 1

    def __len__(self) -> int:
        return sum(reference() is not None for reference in self._slots)
