"""Embeddings of pictures, kept while there is room for them. No torch here."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

BUDGET_BYTES = 512 << 20
"""A picture takes SAM 4 MB and SAM 2 16 MB: one has a hundred views or thirty."""


class EmbeddingCache:
    """Values by key, the longest unused dropped when they take more than a budget; the newest always stays."""

    def __init__(self, budget_bytes: int = BUDGET_BYTES) -> None:
        self.budget_bytes = budget_bytes
        self._kept: OrderedDict[Hashable, tuple[object, int]] = OrderedDict()
        self.held_bytes = 0

    def __len__(self) -> int:
        return len(self._kept)

    def __contains__(self, key: object) -> bool:
        return key in self._kept

    def get(self, key: Hashable, make: Callable[[], object]) -> object:
        """The value of *key*; made, and kept, when it is not there."""
        kept = self._kept.get(key)
        if kept is not None:
            self._kept.move_to_end(key)
            return kept[0]
        value = make()
        size = bytes_of(value)
        self._kept[key] = (value, size)
        self.held_bytes += size
        while self.held_bytes > self.budget_bytes and len(self._kept) > 1:
            _, (_, freed) = self._kept.popitem(last=False)
            self.held_bytes -= freed
        return value

    def clear(self) -> None:
        """Drop all: the model is another one, or moved to another device."""
        self._kept.clear()
        self.held_bytes = 0


def bytes_of(value: object) -> int:
    """What arrays and tensors inside *value* take; 0 for what has none."""
    size: Any = getattr(value, "nbytes", None)
    if isinstance(size, int):
        return size
    if isinstance(value, dict):
        return sum(bytes_of(one) for one in value.values())
    if isinstance(value, list | tuple | set | frozenset):
        return sum(bytes_of(one) for one in value)
    inside = getattr(value, "__dict__", None)
    return sum(bytes_of(one) for one in inside.values()) if isinstance(inside, dict) else 0
