"""Imports in the session: what was staged in another process comes in as one step, and what undo and redo make of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from segstudio.core.errors import UserError

if TYPE_CHECKING:
    from segstudio.app.document import Document
    from segstudio.app.session import Session
    from segstudio.core.edits import Edit
    from segstudio.io.importing.plan import ImportReport, StagedImport


class ImportDesk:
    """Takes staged imports in. Nothing raises: a refusal is one sentence on ``notice``."""

    def __init__(self, session: Session) -> None:
        self._session = session
        session.edit_recorded.connect(self._on_edit_recorded)

    def take(self, staged: StagedImport) -> ImportReport | None:
        """Bring a staged import in, written and undoable as one step; None where it was refused (then nothing is left of it)."""
        from segstudio.io.importing.finishing import import_edit, report_of
        from segstudio.io.store.arrivals import keep_added

        session = self._session
        store = session.store
        if store is None or session.refuses_edits():
            return None
        try:
            edit = import_edit(store, staged)
            if edit is None:
                keep_added(store._database)
        except UserError as error:
            self.drop()
            session.say(error)
            return None
        if staged.added_ids:
            session.images_were_added()
        if edit is None:
            return report_of(staged, 0)
        session.work_interrupted.emit()
        session.apply(edit)
        history = session.history
        return report_of(staged, history.entries()[-1].seq if history is not None else 0)

    def drop(self) -> None:
        """Take away what an import staged that was cancelled, or whose process died."""
        from segstudio.io.importing.finishing import discard_staged

        store = self._session.store
        if store is not None and not store.is_read_only:
            discard_staged(store)

    def _on_edit_recorded(self, edit: Edit, _is_from_history: bool) -> None:
        """Layers came or went: documents in memory look for theirs anew."""
        if not edit.layers:
            return
        session = self._session
        changed = {item.image_id for item in edit.layers}
        for document in session.documents or ():
            if document.image_id in changed:
                self._reload(document)
        session.refresh_records(changed)
        if session.image_id in changed:
            session.select_object(None)
            session.layers_changed.emit()
            session.selection_changed.emit()

    def _reload(self, document: Document) -> None:
        from segstudio.io.store.layer_stack import state_of

        store = self._session.store
        if store is None:
            return
        document.label_layers = [layer for layer in store.layers(document.image_id) if layer.kind == "labels"]
        document.stack = state_of(store, document.image_id)
        present = document.present_layers
        if not any(layer is document.labels for layer in present):
            document.labels = next(
                (layer for layer in document.label_layers if layer in present), document.label_layers[0]
            )
