"""The label layers of the current image: adding, naming, ordering, deleting, and which one is worked on."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from segstudio.core.edits import Transaction
from segstudio.core.errors import UserError
from segstudio.io.store.layer_stack import StackState, add_labels, rename, stack_key

if TYPE_CHECKING:
    from segstudio.app.document import Document
    from segstudio.app.session import Session
    from segstudio.core.layers import LabelLayer


@dataclass(frozen=True, slots=True)
class LayerRow:
    """One line of the Layers panel."""

    id: int
    name: str
    is_active: bool
    is_visible: bool


class LayerEditor:
    """False, and a sentence, when something cannot be done. Deleting is an undoable edit, the rest is done at once."""

    def __init__(self, session: Session) -> None:
        self._session = session
        session.history_changed.connect(self._on_history_changed)

    @property
    def _document(self) -> Document | None:
        documents, image_id = self._session.documents, self._session.image_id
        return None if documents is None or image_id is None else documents.at_hand(image_id)

    def rows(self) -> tuple[LayerRow, ...]:
        """The layers, the highest first."""
        document = self._document
        if document is None:
            return ()
        return tuple(
            LayerRow(layer.id, layer.name, layer is document.labels, layer.id not in document.hidden_ids)
            for layer in reversed(document.present_layers)
        )

    def others(self) -> tuple[list[LabelLayer], list[LabelLayer]]:
        """The visible layers below and above the one that is worked on, the lowest first."""
        document = self._document
        if document is None or len(document.label_layers) < 2:
            return [], []
        layers = document.present_layers
        at = next((index for index, layer in enumerate(layers) if layer is document.labels), 0)
        seen = [layer.id not in document.hidden_ids for layer in layers]
        below = [layer for layer, is_seen in zip(layers[:at], seen[:at], strict=True) if is_seen]
        return below, [layer for layer, is_seen in zip(layers[at + 1 :], seen[at + 1 :], strict=True) if is_seen]

    @property
    def is_active_visible(self) -> bool:
        """Whether the layer that is worked on is drawn."""
        document = self._document
        return document is None or document.labels.id not in document.hidden_ids

    # -- changing ------------------------------------------------------------------------------------------------

    def choose(self, layer_id: int) -> bool:
        """Work on another layer: tools paint on it, proposals are accepted into it."""
        document = self._document
        layer = self._find(layer_id)
        if document is None or layer is None or layer is document.labels:
            return False
        session = self._session
        session.work_interrupted.emit()
        session.proposals.settle(document.image_id)
        session.select_object(None)
        document.labels = layer
        document.hidden_ids -= {layer_id}
        session.set_meta(f"layer:{document.image_id}", layer_id)
        self._tell()
        return True

    def add(self, name: str = "") -> int | None:
        """Add an empty layer on top (with a free name when none is given) and work on it; its id."""
        session, document = self._session, self._document
        if document is None or session.store is None or session.refuses_edits():
            return None
        used = {layer.name for layer in document.layers.values()}
        name = name.strip()
        if not name:
            name = next(f"layer {n}" for n in range(2, len(used) + 3) if f"layer {n}" not in used)
        if name in used:
            session.say(f"There is a layer “{name}” already: choose another name.")
            return None
        try:
            layer = add_labels(session.store, document.image_id, name)
        except UserError as error:
            session.say(error)
            return None
        document.label_layers.append(layer)
        self._keep(replace(document.stack, order=tuple(item.id for item in document.label_layers)))
        self.choose(layer.id)
        return layer.id

    def rename(self, layer_id: int, name: str) -> bool:
        """Another name."""
        session, document, layer = self._session, self._document, self._find(layer_id)
        name = name.strip()
        if document is None or layer is None or not name or name == layer.name or session.refuses_edits():
            return False
        if any(other.name == name for other in document.layers.values()):
            session.say(f"There is a layer “{name}” already: choose another name.")
            return False
        assert session.store is not None
        try:
            rename(session.store, layer, name)
        except UserError as error:
            session.say(error)
            return False
        self._tell()
        return True

    def move(self, layer_id: int, steps_up: int) -> bool:
        """Up (positive) or down in the stack."""
        document, layer = self._document, self._find(layer_id)
        if document is None or layer is None or self._session.refuses_edits():
            return False
        present = document.present_layers
        at = present.index(layer)
        target = min(max(at + steps_up, 0), len(present) - 1)
        if target == at:
            return False
        present.insert(target, present.pop(at))
        gone = [item for item in document.label_layers if item not in present]
        document.label_layers = [*present, *gone]
        self._keep(replace(document.stack, order=tuple(item.id for item in document.label_layers)))
        self._tell()
        return True

    def delete(self, layer_id: int) -> bool:
        """Delete a layer with all it holds, as one undoable edit; the last layer stays."""
        session, document, layer = self._session, self._document, self._find(layer_id)
        if document is None or layer is None or session.refuses_edits():
            return False
        if len(document.present_layers) < 2:
            session.say("This is the only layer: clear its labels instead of deleting it.")
            return False
        held = {segment.class_id for segment in layer.segments.values()}
        for item in session.classes:
            if item.is_locked and item.id in held:
                session.say(f"The class “{item.name}” is locked: unlock it to delete a layer that holds it.")
                return False
        session.work_interrupted.emit()
        transaction = Transaction(layer, f"Delete layer {layer.name}")
        transaction.clear()
        edit = transaction.commit()
        self._keep(replace(document.stack, removed=document.stack.removed | {layer_id}))
        if layer is document.labels:
            self.choose(document.present_layers[0].id)
        session.record(edit)
        self._tell()
        return True

    def set_visible(self, layer_id: int, is_visible: bool) -> None:
        """The eye; kept while the image is open."""
        document = self._document
        if document is not None:
            hidden = document.hidden_ids
            document.hidden_ids = hidden - {layer_id} if is_visible else hidden | {layer_id}
            self._tell()

    # -- inside --------------------------------------------------------------------------------------------------

    def _find(self, layer_id: int) -> LabelLayer | None:
        document = self._document
        layers = [] if document is None else document.present_layers
        return next((layer for layer in layers if layer.id == layer_id), None)

    def _keep(self, stack: StackState) -> None:
        document = self._document
        assert document is not None
        document.stack = stack
        self._session.set_meta(stack_key(document.image_id), stack.as_json())

    def _tell(self) -> None:
        session = self._session
        session.layers_changed.emit()
        session.selection_changed.emit()

    def _on_history_changed(self) -> None:
        """Undo may bring a deleted layer back, redo may delete the one that is worked on."""
        document = self._document
        if document is None or len(document.label_layers) < 2:
            return
        present = document.present_layers
        if document.labels not in present:
            self.choose(present[0].id)
        else:
            self._session.layers_changed.emit()
