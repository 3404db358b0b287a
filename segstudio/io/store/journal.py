"""The history in the file: every edit is one transaction; what could not be written waits in memory, in order."""

from __future__ import annotations

import time
import weakref
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import sqlalchemy as sa

from segstudio.core.edits import apply_segment_change
from segstudio.core.errors import UserError
from segstudio.core.history import StackItem, UndoStack
from segstudio.io.store import schema
from segstudio.io.store.blobs import TileEncoder, decode_edit, encode_edit
from segstudio.io.store.journal_apart import Apart
from segstudio.io.store.layer_rows import read_segments
from segstudio.io.store.records import WritePendingError
from segstudio.io.store.state_rows import read_classes, write_classes, write_edit_state

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from segstudio.core.classes import ClassTable
    from segstudio.core.edits import Edit
    from segstudio.core.layers import Segment
    from segstudio.io.store.database import Database

UNDO_BUDGET_BYTES = 512 << 20
"""Room for the history in the file; a stroke takes about 5 kB of it."""

_edits = schema.edits.c


@dataclass(slots=True)
class _Waiting:
    """One thing to write: a new edit, or one that was undone or redone (``edit`` leads to the new state)."""

    kind: Literal["new", "undone", "redone"]
    edit: Edit
    gained: int = 0
    """By how much the history grew when it was written."""


class Journal:
    """Writes edits and keeps their history. Belongs to the thread that owns the document."""

    def __init__(self, database: Database, budget_bytes: int = UNDO_BUDGET_BYTES) -> None:
        self._database = database
        self.budget_bytes = budget_bytes
        self.encoder = TileEncoder()
        self._waiting: list[_Waiting] = []
        self._apart: Apart | None = None
        self._is_failing = False
        self._classes_are_waiting = False
        self._sizes: dict[int, tuple[int, int]] = {}
        self._stacks: weakref.WeakSet[UndoStack] = weakref.WeakSet()
        with database.transaction() as connection:
            self.classes = read_classes(connection)
            newest, held = connection.execute(
                sa.select(sa.func.coalesce(sa.func.max(_edits.seq), 0), sa.func.coalesce(sa.func.sum(_edits.nbytes), 0))
            ).one()
        self._last_seq = int(newest)
        self._held_bytes = int(held)

    # -- writing -------------------------------------------------------------------------------------------------

    @property
    def waiting_count(self) -> int:
        """How many edits are not on the disk yet."""
        return len(self._waiting) + self._classes_are_waiting

    def commit(self, edit: Edit, *, is_written_apart: bool = False) -> Edit:
        """Write a new edit; it with its number. WritePendingError the first time that this fails.

        One that *is_written_apart* waits for the work that :meth:`write_apart` gives, or for the next change.
        """
        self._last_seq += 1
        edit = replace(edit, seq=self._last_seq, created_s=edit.created_s or time.time())
        self._note_classes(edit)
        self._waiting.append(_Waiting("new", edit))
        if not (is_written_apart and self._database.is_shared):
            self._flush_or_tell(edit)
        return edit

    def withdraw(self, edit: Edit) -> None:
        """Forget a new edit that waits because the disk refused it, where it is better not made than made later."""
        self._settle()
        if any(item.edit.seq == edit.seq for item in self._waiting):
            self._waiting = [item for item in self._waiting if item.edit.seq != edit.seq]
            if edit.classes is not None:
                self.classes = self.classes.rebased(edit.classes[1], edit.classes[0])
            self._is_failing = bool(self._waiting)

    def write_apart(self) -> Callable[[], None] | None:
        """Work for another thread that writes what waits now; :meth:`flush` here ends it. None where there is nothing to do."""
        if self._apart is not None or not self._waiting or not self._database.is_shared:
            return None
        items, sizes = tuple(self._waiting), dict(self._sizes)

        def write(connection: sa.Connection) -> None:
            for item in items:
                self._write(connection, item, sizes)

        self._apart = Apart(self._database.path, len(items), write)
        return self._apart.run

    def _settle(self) -> None:
        """Wait for what is written apart, if anything is."""
        apart, self._apart = self._apart, None
        if apart is not None and apart.settle():
            self._held_bytes += sum(item.gained for item in self._waiting[: apart.count])
            del self._waiting[: apart.count]

    def mark(self, edit: Edit, undone: bool) -> None:
        """Write that an edit was undone or redone, and the state it leaves. WritePendingError as in commit."""
        if edit.is_reversed != undone:
            edit = edit.reversed()
        self._note_classes(edit)
        self._waiting.append(_Waiting("undone" if undone else "redone", edit))
        self._flush_or_tell(edit)

    def set_classes(self, table: ClassTable) -> None:
        """Replace the class table, outside the history. WritePendingError as in commit."""
        self.classes = table
        self._classes_are_waiting = True
        self._flush_or_tell(None)

    def _note_classes(self, edit: Edit) -> None:
        if edit.classes is not None:
            self.classes = self.classes.rebased(*edit.classes)
            self._classes_are_waiting = True

    def _flush_or_tell(self, edit: Edit | None) -> None:
        try:
            self.flush()
        except UserError as error:
            if self._is_failing:
                return
            self._is_failing = True
            message = f"{error.message.rstrip('.')}: the last change is kept in memory and not on the disk yet"
            pending = WritePendingError(message, path=error.path, remedy=error.remedy)
            pending.edit = edit
            raise pending from error
        except Exception:
            # A bug of ours: it is reported, and must not keep what comes later from being written.
            if edit is not None:
                self._waiting.pop()
            raise

    def flush(self) -> None:
        """Write all that waits, in order, in one transaction; UserError when that fails (all of it then waits on)."""
        self._settle()
        if not self.waiting_count:
            return
        held = self._held_bytes
        pruned = 0
        with self._database.transaction() as connection:
            for item in self._waiting:
                self._write(connection, item, self._sizes)
                held += item.gained
            if self._classes_are_waiting:
                write_classes(connection, self.classes)
            if held > self.budget_bytes:
                pruned, freed = self._prune(connection, held - self.budget_bytes)
                held -= freed
        self._held_bytes = held
        self._waiting.clear()
        self._classes_are_waiting = False
        self._is_failing = False
        if pruned:
            for stack in self._stacks:
                stack.drop_through(pruned)

    def _write(self, connection: sa.Connection, item: _Waiting, sizes: dict[int, tuple[int, int]]) -> None:
        edit = item.edit
        item.gained = 0
        if item.kind == "new":
            item.gained -= self._drop_redo(connection, edit)
            data = encode_edit(edit, self.encoder)
            row = {
                "seq": edit.seq,
                "image_id": edit.image_id,
                "label": edit.label,
                "created_s": edit.created_s,
                "is_undone": False,
                "nbytes": len(data),
                "data": data,
            }
            connection.execute(sa.insert(schema.edits), row)
            item.gained += len(data)
        else:
            connection.execute(
                sa.update(schema.edits).where(_edits.seq == edit.seq).values(is_undone=item.kind == "undone")
            )
        write_edit_state(connection, edit, self.encoder, sizes)

    def _drop_redo(self, connection: sa.Connection, edit: Edit) -> int:
        """A new edit makes what was undone unreachable: drop it; the bytes it took."""
        gone: sa.ColumnElement[bool] = _edits.is_undone.is_(True)
        if edit.image_id is not None:
            # Undone edits of other images stay, unless they came after an undone edit of the whole project.
            project_wide = connection.execute(
                sa.select(sa.func.min(_edits.seq)).where(_edits.is_undone, _edits.image_id.is_(None))
            ).scalar()
            mine = sa.or_(_edits.image_id == edit.image_id, _edits.image_id.is_(None))
            gone = sa.and_(gone, mine if project_wide is None else sa.or_(mine, _edits.seq > project_wide))
        freed = connection.execute(sa.select(sa.func.sum(_edits.nbytes)).where(gone)).scalar()
        if freed:
            connection.execute(sa.delete(schema.edits).where(gone))
        return int(freed or 0)

    def _prune(self, connection: sa.Connection, excess: int) -> tuple[int, int]:
        """Drop the oldest edits until *excess* bytes are free, never the newest: (last number dropped, bytes)."""
        last, freed = 0, 0
        rows = connection.execute(sa.select(_edits.seq, _edits.nbytes).order_by(_edits.seq))
        for seq, nbytes in rows:
            if freed >= excess or seq == self._last_seq:
                break
            last, freed = seq, freed + nbytes
        rows.close()
        if last:
            connection.execute(sa.delete(schema.edits).where(_edits.seq <= last))
        return last, freed

    def forget_image(self, image_id: int) -> None:
        """Drop what waits for an image that was removed, and count the history anew."""
        self._settle()
        self._waiting = [item for item in self._waiting if item.edit.image_id != image_id]
        with self._database.transaction() as connection:
            self._held_bytes = int(connection.execute(sa.select(sa.func.sum(_edits.nbytes))).scalar() or 0)

    # -- reading -------------------------------------------------------------------------------------------------

    def waiting_states(self, layer_ids: set[int]) -> Iterator[Edit]:
        """Edits to apply to layers just read from the file, because they did not get there yet."""
        for item in self._waiting:
            if layer_ids.intersection(item.edit.layer_ids):
                yield item.edit

    def waiting_arrivals(self) -> dict[int, bool]:
        """Layer id → whether it is there, of layers whose coming or going did not get into the file yet."""
        return {layer.layer_id: layer.is_there for item in self._waiting for layer in item.edit.layers}

    def load(self, seq: int) -> Edit:
        """The edit with this number; KeyError when it is gone, UserError when it is damaged."""
        for item in self._waiting:
            if item.edit.seq == seq:
                return item.edit.reversed() if item.edit.is_reversed else item.edit
        with self._database.reading() as connection:
            row = connection.execute(sa.select(schema.edits).where(_edits.seq == seq)).first()
        if row is None:
            raise KeyError(seq)
        try:
            return decode_edit(
                row.data, seq=seq, label=row.label, image_id=row.image_id, created_s=float(row.created_s)
            )
        except ValueError as error:
            raise UserError(
                f"The step “{row.label}” of the history is damaged and cannot be undone", path=self._database.path
            ) from error

    def segment_tables(self) -> dict[int, list[Segment]]:
        """The segments of every layer by layer id, those not written yet too."""
        tables: dict[int, dict[int, Segment]] = {}
        with self._database.reading() as connection:
            for layer_id in connection.execute(sa.select(schema.layers.c.id)).scalars().all():
                tables[layer_id] = read_segments(connection, layer_id)
        for item in self._waiting:
            for change in item.edit.changes:
                table = tables.setdefault(change.layer_id, {})
                for before, after in change.segments:
                    if after is not None:
                        kept = apply_segment_change(table.get(after.id), before, after)
                        table[after.id] = kept or after
                    elif before is not None:
                        table.pop(before.id, None)
        return {layer_id: list(table.values()) for layer_id, table in tables.items()}

    def history(self, image_id: int) -> UndoStack:
        """The undo stack of an image, with the edits of the whole project among its own."""
        query = (
            sa.select(_edits.seq, _edits.label, _edits.created_s, _edits.image_id, _edits.is_undone)
            .where(sa.or_(_edits.image_id == image_id, _edits.image_id.is_(None)))
            .order_by(_edits.seq)
        )
        with self._database.reading() as connection:
            rows = connection.execute(query).all()
        items = {row.seq: StackItem(row.seq, row.label, row.created_s, row.image_id is None) for row in rows}
        undone = {row.seq: bool(row.is_undone) for row in rows}
        for waiting in self._waiting:
            edit = waiting.edit
            if edit.image_id not in (image_id, None):
                continue
            if waiting.kind == "new":
                for seq in [seq for seq, is_undone in undone.items() if is_undone]:
                    del items[seq], undone[seq]
                items[edit.seq] = StackItem(edit.seq, edit.label, edit.created_s, edit.image_id is None)
            undone[edit.seq] = waiting.kind == "undone"
        in_force = [seq for seq in items if not undone[seq]]
        newest = max(in_force, default=0)
        # Undone from another image while this one went on: it cannot be redone here any more.
        order = [seq for seq in sorted(items) if not undone[seq] or seq > newest]
        stack = UndoStack.from_items([items[seq] for seq in order], len(in_force), load=self.load)
        self._stacks.add(stack)
        return stack
