"""An image's layers and history in memory, and the few of them that are kept at hand."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from segstudio.core.edits import UndoStack
    from segstudio.core.layers import LabelLayer
    from segstudio.io.store.project import ProjectStore

KEPT = 3
"""Documents kept beside the current one, so that going back and forth costs nothing."""


@dataclass
class Document:
    """Labels, proposal and undo stack of one image. ``is_unsaved``: the store could not write its last edits yet."""

    image_id: int
    labels: LabelLayer
    proposal: LabelLayer | None
    history: UndoStack
    is_unsaved: bool = False
    is_being_written: bool = False

    @property
    def layers(self) -> dict[int, LabelLayer]:
        """Its layers by id."""
        layers = {self.labels.id: self.labels}
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
            document = Document(
                image_id, self._store.labels_layer(image_id), self._store.proposal_layer(image_id), history
            )
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
            if image_id != but and not document.is_unsaved and not document.is_being_written:
                del self._open[image_id]

    def drop(self, image_id: int) -> None:
        """Let go of one whose image is gone."""
        self._open.pop(image_id, None)

    def mark_saved(self) -> None:
        """The store has caught up: everything is on disk."""
        for document in self._open.values():
            document.is_unsaved = False

    def _shrink(self, current: int) -> None:
        clean = [
            i for i, d in self._open.items() if i != current and not d.is_unsaved and not d.is_being_written
        ]  # fmt: skip
        for image_id in clean[: max(0, len(clean) - KEPT)]:
            del self._open[image_id]
