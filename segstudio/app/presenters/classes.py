"""What the classes panel shows and does, without a window."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from segstudio.app.events import Signal
from segstudio.core.classes import PALETTE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from segstudio.app.class_editor import WhereUsed
    from segstudio.app.session import Session


@dataclass(frozen=True, slots=True)
class ClassRow:
    """One line: ``key`` is "1"…"9" or ""."""

    class_id: int
    key: str
    name: str
    color: str
    is_visible: bool
    is_locked: bool
    is_current: bool
    mask_value: int


class ClassesPresenter:
    """Rows in the order of the table; ``changed`` when they must be read again."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.changed: Signal[[]] = Signal()
        self._rows: tuple[ClassRow, ...] = self._read()
        session.classes_changed.connect(self._refresh)
        session.selection_changed.connect(self._refresh)
        session.project_changed.connect(self._refresh)

    @property
    def rows(self) -> tuple[ClassRow, ...]:
        """The lines."""
        return self._rows

    @property
    def can_edit(self) -> bool:
        """Whether classes can be changed."""
        return self.session.is_open and not self.session.is_read_only

    def row_of(self, class_id: int) -> int:
        """Index of a class's line; -1 none."""
        return next((i for i, row in enumerate(self._rows) if row.class_id == class_id), -1)

    @property
    def current_row(self) -> int:
        """Index of the line of the class painted with; -1 none."""
        return self.row_of(self.session.current_class_id)

    def select(self, row: int) -> None:
        """Paint with the class of a line."""
        if 0 <= row < len(self._rows):
            self.session.select_class(self._rows[row].class_id)

    def add(self, name: str = "") -> int:
        """Add a class; its line, -1 when it was refused."""
        class_id = self.session.class_editor.add(name)
        return -1 if class_id is None else self.row_of(class_id)

    def rename(self, row: int, name: str) -> bool:
        """Another name for a line."""
        return self.session.class_editor.rename(self._rows[row].class_id, name)

    def recolour(self, row: int, color: str) -> bool:
        """Another colour for a line."""
        return self.session.class_editor.recolour(self._rows[row].class_id, color)

    def toggle_visible(self, row: int) -> bool:
        """Open or close the eye."""
        line = self._rows[row]
        return self.session.class_editor.set_visible(line.class_id, not line.is_visible)

    def toggle_locked(self, row: int) -> bool:
        """Lock or unlock."""
        line = self._rows[row]
        return self.session.class_editor.set_locked(line.class_id, not line.is_locked)

    def move(self, row: int, to_row: int) -> bool:
        """Put a line elsewhere; *to_row* is its index afterwards."""
        if row == to_row or not (0 <= row < len(self._rows) and 0 <= to_row < len(self._rows)):
            return False
        return self.session.class_editor.move(self._rows[row].class_id, to_row)

    def where_used(self, rows: Sequence[int]) -> WhereUsed:
        """How much of the project these lines own together (images counted for the largest of them)."""
        from segstudio.app.class_editor import WhereUsed

        uses = [self.session.class_editor.where_used(self._rows[row].class_id) for row in rows]
        return WhereUsed(max((use.images for use in uses), default=0), sum(use.pixels for use in uses))

    def delete(self, rows: Sequence[int]) -> bool:
        """Drop classes; what they own becomes background. Ask with :meth:`where_used` first."""
        ids = [self._rows[row].class_id for row in rows if 0 <= row < len(self._rows)]
        # all(list): every one is tried.
        return bool(ids) and all([self.session.class_editor.delete(class_id) for class_id in ids])

    def merge(self, rows: Sequence[int], into_row: int) -> bool:
        """Give what these lines own to another one and drop them."""
        ids = [self._rows[row].class_id for row in rows if row != into_row]
        return self.session.class_editor.merge(ids, self._rows[into_row].class_id)

    def palette(self) -> tuple[str, ...]:
        """Colours to offer, those not taken first."""
        taken = {row.color.lower() for row in self._rows}
        return tuple(sorted(PALETTE, key=lambda color: color.lower() in taken))

    def _read(self) -> tuple[ClassRow, ...]:
        current = self.session.current_class_id
        return tuple(
            ClassRow(
                item.id,
                str(index + 1) if index < 9 else "",
                item.name,
                item.color,
                item.is_visible,
                item.is_locked,
                item.id == current,
                item.mask_value,
            )
            for index, item in enumerate(self.session.classes)
        )

    def _refresh(self) -> None:
        rows = self._read()
        if rows != self._rows:
            self._rows = rows
            self.changed.emit()
