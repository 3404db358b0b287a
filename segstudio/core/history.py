"""The undo stack of one image: deep, with a byte budget, able to fetch old edits again from the store."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from segstudio.core.edits import Edit

MEMORY_BUDGET_BYTES = 16 << 20
"""Room for packed edits of one image: several hundred strokes; older ones are read from the store again."""


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """One line of the history list."""

    seq: int
    label: str
    created_s: float
    is_undone: bool
    is_project_wide: bool = False


@dataclass(slots=True)
class StackItem:
    """An edit of the stack; ``edit`` is None while it is only in the store."""

    seq: int
    label: str
    created_s: float
    is_project_wide: bool = False
    edit: Edit | None = None
    nbytes: int = 0


class UndoStack:
    """Edits in the order they were made; those past ``position`` are undone.

    Over its memory budget it forgets the pixels of the oldest edits and asks *load* (seq → edit; KeyError when it is
    gone) for them when they are needed; without *load* it drops those edits.
    """

    def __init__(self, budget_bytes: int = MEMORY_BUDGET_BYTES, load: Callable[[int], Edit] | None = None) -> None:
        self.budget_bytes = budget_bytes
        self._load = load
        self._items: list[StackItem] = []
        self._position = 0
        self._held_bytes = 0

    @classmethod
    def from_items(
        cls,
        items: Iterable[StackItem],
        position: int,
        *,
        budget_bytes: int = MEMORY_BUDGET_BYTES,
        load: Callable[[int], Edit] | None = None,
    ) -> UndoStack:
        """A stack as the store kept it: *items* by seq, the first *position* of them in force."""
        stack = cls(budget_bytes, load)
        stack._items = list(items)
        stack._position = min(max(position, 0), len(stack._items))
        stack._held_bytes = sum(item.nbytes for item in stack._items if item.edit is not None)
        stack._trim()
        return stack

    @classmethod
    def from_edits(cls, edits: Iterable[Edit], budget_bytes: int = MEMORY_BUDGET_BYTES) -> UndoStack:
        """A stack that holds these edits, all in force."""
        stack = cls(budget_bytes)
        for edit in edits:
            stack.push(edit)
        return stack

    @property
    def position(self) -> int:
        """How many of the entries are in force."""
        return self._position

    @property
    def can_undo(self) -> bool:
        """Whether there is something to take back."""
        return self._position > 0

    @property
    def can_redo(self) -> bool:
        """Whether there is something to do again."""
        return self._position < len(self._items)

    @property
    def undo_label(self) -> str:
        """What undo would take back; "" when nothing."""
        return self._items[self._position - 1].label if self.can_undo else ""

    @property
    def redo_label(self) -> str:
        """What redo would do again; "" when nothing."""
        return self._items[self._position].label if self.can_redo else ""

    @property
    def nbytes(self) -> int:
        """Memory held by edits, in bytes: what they take packed."""
        return self._held_bytes

    def entries(self) -> list[HistoryEntry]:
        """Every entry, oldest first, undone ones at the end."""
        return [
            HistoryEntry(item.seq, item.label, item.created_s, index >= self._position, item.is_project_wide)
            for index, item in enumerate(self._items)
        ]

    def push(self, edit: Edit) -> None:
        """Add an edit that is in force now; what was undone is gone."""
        for item in self._items[self._position :]:
            self._forget(item)
        del self._items[self._position :]
        edit.pack()
        item = StackItem(edit.seq, edit.label, edit.created_s, edit.image_id is None, edit, edit.nbytes)
        self._items.append(item)
        self._held_bytes += item.nbytes
        self._position = len(self._items)
        self._trim()

    def undo(self) -> Edit | None:
        """Step back: the reversed edit to apply, or None when there is nothing more."""
        if not self.can_undo:
            return None
        edit = self._fetch(self._position - 1)
        if edit is None:
            return None
        self._position -= 1
        self._trim()
        return edit.reversed()

    def redo(self) -> Edit | None:
        """Step forward: the edit to apply, or None when there is nothing more."""
        if not self.can_redo:
            return None
        edit = self._fetch(self._position)
        if edit is None:
            return None
        self._position += 1
        self._trim()
        return edit

    def drop_through(self, seq: int) -> None:
        """Forget every entry up to *seq*: the store's budget has no room for them."""
        count = sum(1 for item in self._items if 0 < item.seq <= seq)
        for item in self._items[:count]:
            self._forget(item)
        del self._items[:count]
        self._position = max(0, self._position - count)

    def _fetch(self, index: int) -> Edit | None:
        item = self._items[index]
        if item.edit is None:
            if self._load is None:
                return None
            try:
                item.edit = self._load(item.seq)
            except KeyError:
                # The store pruned it: what lies beyond cannot be reached any more.
                if index < self._position:
                    del self._items[: index + 1]
                    self._position -= index + 1
                else:
                    del self._items[index:]
                return None
            item.edit.pack()
            item.nbytes = item.edit.nbytes
            self._held_bytes += item.nbytes
        return item.edit

    def _forget(self, item: StackItem) -> None:
        if item.edit is not None:
            self._held_bytes -= item.nbytes
            item.edit = None

    def _trim(self) -> None:
        index = 0
        while self._held_bytes > self.budget_bytes and index < len(self._items):
            if abs(index - self._position) <= 1:
                index += 1
                continue
            if self._load is None:
                if index >= self._position:
                    return
                self._forget(self._items[0])
                del self._items[0]
                self._position -= 1
                continue
            self._forget(self._items[index])
            index += 1
