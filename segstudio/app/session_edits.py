"""The part of the session that changes labels: transactions, ready-made edits, undo and redo."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

from segstudio.app.session_images import ImagesPart
from segstudio.core.classes import IGNORE, UNLABELLED
from segstudio.core.edits import Guard, Transaction, UndoStack, apply_edit
from segstudio.core.errors import UserError
from segstudio.core.geometry import Rect

if TYPE_CHECKING:
    from collections.abc import Sequence

    from segstudio.app.tools.background import ToolBackground
    from segstudio.core.edits import Edit, Validity
    from segstudio.core.layers import LabelLayer, Segment


NO_CLASS = "There is no class to paint with: add one in the Classes panel."


class EditsPart(ImagesPart):
    """Every change is one edit: applied, written, undoable."""

    # -- what is there -------------------------------------------------------------------------------------------

    def segment_at(self, x: float, y: float) -> Segment | None:
        """The label segment under a point; None outside, on background and on ignore."""
        layer = self.labels
        column, row = math.floor(x), math.floor(y)
        if layer is None or not layer.bounds.contains(column, row):
            return None
        segment = layer.segments.get(int(layer.read(Rect(column, row, 1, 1), self._plane)[0, 0]))
        return None if segment is None or segment.class_id in (UNLABELLED, IGNORE) else segment

    def objects(self) -> list[Segment]:
        """Segments of the labels that are objects, by id."""
        if self.labels is None:
            return []
        found = [s for s in self.labels.segments.values() if s.is_object and s.class_id != UNLABELLED]
        return sorted(found, key=lambda segment: segment.id)

    @property
    def guard(self) -> Guard:
        """Where painting may go now: the setting, and never over locked classes."""
        mode = self.settings.text("paint.guard")
        locked = self._classes.locked_ids
        if mode == "background":
            return Guard("background", locked_class_ids=locked, validity=self.validity)
        if mode == "class" and self.guard_class_id:
            return Guard("class", self.guard_class_id, locked, validity=self.validity)
        return Guard(locked_class_ids=locked, validity=self.validity)

    @property
    def validity(self) -> Validity | None:
        """Where the current image holds data; None where that is everywhere, or not known yet."""
        reader = self._reader
        if self._validity is None or self._validity[0] is not reader:
            from segstudio.io.validity import validity_of

            self._validity = (reader, validity_of(reader, is_strict=False))
        return self._validity[1]

    @property
    def erase_guard(self) -> Guard:
        """Where erasing may go: "only background" would forbid all of it, so it does not count here."""
        locked = self._classes.locked_ids
        if self.settings.text("paint.guard") == "class" and self.guard_class_id:
            return Guard("class", self.guard_class_id, locked)
        return Guard(locked_class_ids=locked)

    @property
    def guard_class_id(self) -> int:
        """The class that the guard "class" lets painting go over; 0 = none chosen yet."""
        chosen = self.meta("guard_class", 0)
        return chosen if isinstance(chosen, int) and self._classes.by_id(chosen) is not None else 0

    def set_guard_class(self, class_id: int) -> None:
        """Choose the class that the guard "class" lets painting go over; remembered in the project."""
        self.set_meta("guard_class", class_id)
        self.selection_changed.emit()

    # -- strokes -------------------------------------------------------------------------------------------------

    def begin(self, label: str, *, guard: Guard | None = None) -> Transaction | None:
        """Begin an edit of the labels; None (and a notice, once) when edits are refused."""
        if self._document is None or self.refuses_edits():
            return None
        if self._open_transaction is not None and self._open_transaction.is_open:
            self.abort(self._open_transaction)
        guard = self.guard if guard is None else guard
        if guard.validity is None:
            guard = replace(guard, validity=self.validity)
        self._open_transaction = Transaction(self._document.labels, label, guard, is_by_hand=True)
        return self._open_transaction

    def can_paint(self) -> bool:
        """Whether there is a class to paint with; else it is said what to do, or that the class is locked."""
        chosen = self.current_class
        if chosen is None:
            self.say(NO_CLASS)
        elif chosen.is_locked:
            self.say(f"The class “{chosen.name}” is locked: unlock it in the Classes panel to paint with it.")
        return chosen is not None and not chosen.is_locked

    def paint_segment(self, transaction: Transaction) -> int:
        """The segment id that painting the current class writes: the active object, a new one, or the class's stuff."""
        active = transaction.layer.segments.get(self._active_object or 0)
        if active is not None and active.class_id == self._current_class:
            return active.id
        if self._is_object_mode or self._wants_new_object:
            segment_id = transaction.new_object(self._current_class)
            if self._wants_new_object:
                self._active_object, self._wants_new_object = segment_id, False
            return segment_id
        return transaction.ensure_stuff(self._current_class)

    def painted(self, rect: Rect, layer: LabelLayer | None = None) -> None:
        """Tell the views that a transaction painted *rect*, before it is committed."""
        layer = self.labels if layer is None else layer
        if layer is not None and not rect.is_empty:
            self.layer_changed.emit(layer.id, rect)

    def commit(self, transaction: Transaction) -> bool:
        """Finish an edit: written to disk and undoable; False when it changed nothing."""
        if transaction is self._open_transaction:
            self._open_transaction = None
        edit = transaction.commit()
        if edit is None:
            return False
        self._record(edit)
        self.selection_changed.emit()
        return True

    def abort(self, transaction: Transaction) -> None:
        """Abandon an edit; the layer is as before."""
        if transaction is self._open_transaction:
            self._open_transaction = None
        if not transaction.is_open:
            return
        dirty = transaction.abort()
        self.painted(dirty, transaction.layer)
        if self._drop_dead_object():
            self._wants_new_object = True  # the stroke that would have begun the object is gone, the wish is not
            self.selection_changed.emit()

    # -- ready-made edits ----------------------------------------------------------------------------------------

    def apply(self, edit: Edit | None) -> bool:
        """Apply a ready-made edit, write it, make it undoable; False when there is nothing to do or it is refused."""
        if edit is None or edit.is_empty or self.refuses_edits():
            return False
        if edit.changes:
            self.work_interrupted.emit()
        self._before_step()
        self._put(edit)
        self._record(edit)
        return True

    def record(self, edit: Edit | None) -> bool:
        """Like :meth:`apply` for an edit that is in the layers already (accepted proposals, finished results)."""
        if edit is None or edit.is_empty:
            return False
        self._show(edit)
        self._record(edit)
        return True

    def record_apart(self, edit: Edit, background: ToolBackground) -> None:
        """Like :meth:`record` for a large result of a model: it is written in the *background*, since that takes a while."""
        self._show(edit)
        self._record(edit, is_written_apart=True)
        write = None if self._store is None else self._store.write_apart()
        if write is not None:
            background.run("session.write", lambda _: write(), lambda _: self._settle_writing(edit), self.say)

    def _settle_writing(self, edit: Edit) -> None:
        try:
            if self._store is not None:
                self._store.retry()
                self._written()
        except UserError as error:
            self._not_written(edit, error)

    def _before_step(self) -> None:
        """A finished edit or a step of the history is next."""

    def _put(self, edit: Edit) -> None:
        """Apply to the layers in memory and to the classes, and tell the views."""
        if self._documents is not None:
            layers = {layer_id: layer for d in self._documents for layer_id, layer in d.layers.items()}
            apply_edit(edit, layers)
        if edit.classes is not None:
            self._classes = self._classes.rebased(*edit.classes)
            self._keep_choice_valid()
            self.classes_changed.emit()
        self._show(edit)

    def _show(self, edit: Edit) -> None:
        for layer in () if self._document is None else self._document.layers.values():
            if layer.id in edit.layer_ids:
                whole = edit.touches_segments(layer.id)
                rect = layer.bounds if whole else edit.dirty_rect(layer.id).intersected(layer.bounds)
                self.layer_changed.emit(layer.id, rect)
        if self._drop_dead_object():
            self.selection_changed.emit()

    def _record(self, edit: Edit, *, is_written_apart: bool = False) -> None:
        """Write an edit that is in force, and put it on the undo stack."""
        assert self._store is not None and self._documents is not None
        try:
            edit = self._store.commit(edit, is_written_apart=is_written_apart)
            self._written()
        except UserError as error:
            edit = getattr(error, "edit", None) or edit
            self._not_written(edit, error)
        stacks = []
        if edit.image_id is None:
            stacks.append(self._projects_stack())
            # Other images' histories list edits of the project too: they are read anew from the store.
            self._documents.forget(but=self.image_id)
            stacks.extend(document.history for document in self._documents)
        elif (document := self._documents.at_hand(edit.image_id)) is not None:
            stacks.append(document.history)
        for stack in stacks:
            stack.push(edit)
        self._update_record(edit)
        self.edit_recorded.emit(edit, False)
        self.history_changed.emit()

    def _update_record(self, edit: Edit, *, is_undo: bool = False) -> None:
        if edit.image_id is None or self._documents is None:
            return
        document = self._documents.at_hand(edit.image_id)
        record = self._records.get(edit.image_id)
        if document is None or record is None:
            return
        if document.proposal is not None and document.proposal.id in edit.layer_ids:
            self._change_record(edit.image_id, has_proposal=not document.proposal.is_blank)
        if not any(layer.id in edit.layer_ids for layer in (document.labels, *document.label_layers)):
            return
        if record.status == "unlabelled" and not is_undo:
            self.set_status([edit.image_id], "in_progress")
        elif record.status == "in_progress" and is_undo and all(layer.is_blank for layer in document.present_layers):
            self.set_status([edit.image_id], "unlabelled")

    def _written(self) -> None:
        if self._store is None or self._store.pending_count:
            return  # the store says a failure once and goes on collecting
        if self._documents is not None:
            self._documents.mark_saved()
        if self._is_failing_to_write:
            self._is_failing_to_write = False
            self.say("The project is on disk again; nothing was lost.")

    def _not_written(self, edit: Edit, error: UserError) -> None:
        for document in self._documents or ():
            if edit.image_id in (None, document.image_id):
                document.is_unsaved = True
        if not self._is_failing_to_write:
            self._is_failing_to_write = True
            self.say(error)

    @property
    def has_unsaved(self) -> bool:
        """Whether edits wait in memory because the disk refused them."""
        return self._store is not None and bool(self._store.pending_count)

    def retry_writing(self) -> bool:
        """Try again to write what waits (a timer of the window calls this); True when nothing waits any more."""
        if self._store is None or not self._store.pending_count:
            return True
        try:
            self._store.retry()
        except UserError:
            return False
        self._written()
        return True

    # -- undo ----------------------------------------------------------------------------------------------------

    @property
    def history(self) -> UndoStack | None:
        """The current image's undo stack; without an image, the project's (its classes)."""
        if self._store is None:
            return None
        return self._projects_stack() if self._document is None else self._document.history

    def _projects_stack(self) -> UndoStack:
        if self._project_history is None:
            self._project_history = UndoStack()
        return self._project_history

    def undo(self) -> bool:
        """Take back the last edit of this image (or of the project's classes)."""
        return self._step_history(is_undo=True)

    def redo(self) -> bool:
        """Do it again."""
        return self._step_history(is_undo=False)

    def _step_history(self, *, is_undo: bool) -> bool:
        stack = self.history
        if stack is None or self._store is None or self._documents is None or self.refuses_edits():
            return False
        self.work_interrupted.emit()
        self._before_step()
        try:
            edit = stack.undo() if is_undo else stack.redo()
        except UserError as error:
            self.say(error)
            return False
        if edit is None:
            self.history_changed.emit()
            return False
        obstacle = self._store.undo_obstacle(edit)
        if obstacle:
            # The stack has stepped already: put it back.
            stack.redo() if is_undo else stack.undo()
            self.say(UserError(obstacle, remedy=self._store.undo_remedy(edit)))
            return False
        self._put(edit)
        self._show_plane_of(edit)
        try:
            self._store.mark_undone(edit, is_undo)
            self._written()
        except UserError as error:
            self._not_written(edit, error)
        if edit.image_id is None:
            self._documents.forget(but=self.image_id)
            if stack is not self._project_history:
                self._project_history = None
        self._update_record(edit, is_undo=is_undo)
        self.edit_recorded.emit(edit, True)
        self.history_changed.emit()
        return True

    def go_to_history(self, position: int) -> None:
        """Undo or redo until *position* edits are in force."""
        stack = self.history
        while stack is not None and stack.position != position:
            if not (self.undo() if stack.position > position else self.redo()):
                return

    # -- whole edits ---------------------------------------------------------------------------------------------

    def clear_labels(self) -> bool:
        """Erase every label of the current image, as one edit; locked classes stay. Models may then propose everywhere."""
        guard = Guard(locked_class_ids=self._classes.locked_ids)
        transaction = self.begin("Clear labels", guard=guard)
        if transaction is None:
            return False
        transaction.is_starting_over = True
        dirty = Rect(0, 0, 0, 0)
        layer = transaction.layer
        for z in range(layer.depth):
            for key in layer.tiles.keys_in(layer.bounds, z):
                tile = Rect(key[2] * 256, key[1] * 256, 256, 256)
                dirty = dirty.united(transaction.write(tile, UNLABELLED, z=z))
        self.painted(dirty)
        return self.commit(transaction)

    def delete_object(self, segment_id: int | None = None) -> bool:
        """Delete an object (else all that are selected) of the labels, as one edit; the pixels become background."""
        chosen = self.selected_objects if segment_id is None else (segment_id,)
        segments = {} if self.labels is None else self.labels.segments
        found = [segments[i] for i in chosen if i in segments]
        label = "Delete object" if len(found) == 1 else f"Delete {len(found)} objects"
        # Reviewed: somebody decided that nothing is there, so no model proposes there again.
        changes = [(s, replace(s, class_id=UNLABELLED, is_reviewed=True)) for s in found]
        return bool(found) and self._replace_segments(changes, label)

    def set_object_class(self, segment_id: int, class_id: int) -> bool:
        """Give an object another class, as one edit; it then counts as looked at by a person."""
        segment = None if self.labels is None else self.labels.segments.get(segment_id)
        if segment is None or segment.class_id == class_id or self._classes.by_id(class_id) is None:
            return False
        changed = replace(segment, class_id=class_id, is_reviewed=True)
        return self._replace_segments([(segment, changed)], "Change class of object")

    def _replace_segments(self, changes: Sequence[tuple[Segment, Segment]], label: str) -> bool:
        held = next((old for old, _ in changes if old.class_id in self._classes.locked_ids), None)
        if held is not None:
            locked = self._classes.by_id(held.class_id)
            self.say(f"The class “{locked.name if locked else ''}” is locked: unlock it to change its objects.")
            return False
        transaction = self.begin(label)
        if transaction is None:
            return False
        for _, new in changes:
            transaction.set_segment(new)
        is_done = self.commit(transaction)
        self._drop_dead_object()
        self.painted(transaction.layer.bounds)
        self.selection_changed.emit()
        return is_done
