"""An image's layers and history in memory, and the few of them that are kept at hand."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from segstudio.io.store.layer_stack import StackState, state_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from segstudio.core.edits import UndoStack
    from segstudio.core.layers import LabelLayer
    from segstudio.io.store.project import ProjectStore

KEPT = 3
"""Documents kept beside the current one, so that going back and forth costs nothing."""


@dataclass
class Document:
    """Labels, proposal and undo stack of one image. ``is_unsaved``: the store could not write its last edits yet.

    ``labels`` is the layer that is worked on, ``label_layers`` are all of them, the lowest first, deleted ones too
    (undo may fill them again); ``stack`` says which are there, ``hidden_ids`` which are not drawn.
    """

    image_id: int
    labels: LabelLayer
    proposal: LabelLayer | None
    history: UndoStack
    is_unsaved: bool = False
    is_being_written: bool = False
    is_being_refined: bool = False
    label_layers: list[LabelLayer] = field(default_factory=list)
    stack: StackState = field(default_factory=StackState)
    hidden_ids: frozenset[int] = frozenset()

    @property
    def is_held(self) -> bool:
        """Whether somebody works with it, so that it must stay in memory."""
        return self.is_unsaved or self.is_being_written or self.is_being_refined

    @property
    def present_layers(self) -> list[LabelLayer]:
        """The label layers that are there, the lowest first."""
        return [layer for layer in self.label_layers if self.stack.is_there(layer)] or [self.labels]

    @property
    def layers(self) -> dict[int, LabelLayer]:
        """Its layers by id."""
        layers = {layer.id: layer for layer in (self.labels, *self.label_layers)}
        if self.proposal is not None:
            layers[self.proposal.id] = self.proposal
        return layers


class Documents:
    """Opens documents from the store; the least used ones are let go, never one with work that is not on disk."""

    def __init__(self, store: ProjectStore) -> None:
        self._store = store
        self._open: OrderedDict[int, Document] = OrderedDict()

    def __iter__(self) -> Iterator[Document]:
        return iter(tuple(self._open.values()))

    def at_hand(self, image_id: int) -> Document | None:
        """The document if it is in memory."""
        return self._open.get(image_id)

    def open(self, image_id: int, budget_bytes: int | None = None) -> Document:
        """The document of an image; its tiles are fetched as they are needed."""
        document = self._open.get(image_id)
        if document is None:
            history = self._store.history(image_id)
            if budget_bytes is not None:
                history.budget_bytes = budget_bytes
            layers = [layer for layer in self._store.layers(image_id) if layer.kind == "labels"]
            chosen = self._store.get_meta(f"layer:{image_id}")
            stack = state_of(self._store, image_id)
            active = next((layer for layer in layers if layer.id == chosen and stack.is_there(layer)), layers[0])
            proposal = self._store.proposal_layer(image_id)
            document = Document(image_id, active, proposal, history, label_layers=layers, stack=stack)
            self._open[image_id] = document
        self._open.move_to_end(image_id)
        self._shrink(image_id)
        return document

    def with_proposal(self, image_id: int) -> LabelLayer:
        """The proposal layer of an image, made where there is none."""
        document = self.open(image_id)
        if document.proposal is None:
            document.proposal = self._store.proposal_layer(image_id, create=True)
        assert document.proposal is not None
        return document.proposal

    def forget(self, *, but: int | None) -> None:
        """Let go of all that is safely on disk: an edit of the whole project changed what they would show."""
        for image_id, document in tuple(self._open.items()):
            if image_id != but and not document.is_held:
                del self._open[image_id]

    def drop(self, image_id: int) -> None:
        """Let go of one whose image is gone."""
        self._open.pop(image_id, None)

    def mark_saved(self) -> None:
        """The store has caught up: everything is on disk."""
        for document in self._open.values():
            document.is_unsaved = False

    def _shrink(self, current: int) -> None:
        clean = [i for i, d in self._open.items() if i != current and not d.is_held]
        for image_id in clean[: max(0, len(clean) - KEPT)]:
            del self._open[image_id]
