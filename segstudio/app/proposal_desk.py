"""A model's answers: taken in as they come, then accepted or rejected; each is one undoable edit."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from segstudio.app.doubt_maps import DoubtMaps
from segstudio.app.hand_work import touched_of
from segstudio.core.errors import UserError
from segstudio.core.proposals import ProposalWriter, accept, accept_object_at, reject, reject_object_at

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence
    from typing import TypeAlias

    import numpy as np
    import numpy.typing as npt

    from segstudio.app.session import Session
    from segstudio.core.edits import Edit
    from segstudio.core.geometry import Rect
    from segstudio.core.layers import LabelLayer

    Brushed: TypeAlias = tuple[Rect, npt.NDArray[np.bool_]]
    """What a brush went over: (h, w) bool over the rectangle."""

BACKGROUND_TILES = 40
"""A proposal that changed more tiles than this is squeezed in another thread, where there is one."""


@dataclass
class _Request:
    """What is being answered: which class is which, and where writing has begun."""

    class_map: dict[int, int]
    model_id: str
    version: str
    rects: dict[int, tuple[Rect, ...]]
    planes: dict[int, tuple[int, ...]]
    writers: dict[int, ProposalWriter] = field(default_factory=dict)
    begun: set[int] = field(default_factory=set)
    doubt: dict[int, tuple[float, int]] = field(default_factory=dict)


class ProposalDesk:
    """Between the model's process and the document. Hand labels are never touched by a result, nor is what was erased or rejected.

    A request carries a generation; :meth:`begin` gives the next one, and what comes with another is dropped.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._generation = 0
        self._request: _Request | None = None
        self._uncertainty: dict[int, float] | None = None
        self._maps = DoubtMaps(session)
        self._preparing: dict[int, Edit] = {}
        self._stand_in: LabelLayer | None = None
        self.run_in_background: Callable[[Callable[[], None], Callable[[], None]], None] | None = None
        """(work, done): runs *work* in another thread, then *done* in this one. Squeezing the tiles of a big proposal
        takes too long for the thread that draws; without this it is done here."""
        session.project_changed.connect(self._forget_uncertainty)

    @property
    def uncertainty(self) -> dict[int, float]:
        """How unsure the model was of each image it proposed for, by image id: 0 sure … 1."""
        if self._uncertainty is None:
            kept = self._session.meta("uncertainty", {})
            self._uncertainty = {int(k): float(v) for k, v in kept.items()} if isinstance(kept, dict) else {}
        return self._uncertainty

    def _forget_uncertainty(self) -> None:
        self._uncertainty = None

    @property
    def generation(self) -> int:
        """The generation whose results are taken."""
        return self._generation

    @property
    def is_receiving(self) -> bool:
        """Whether a request is under way."""
        return self._request is not None

    def begin(
        self,
        class_map: Mapping[int, int],
        model_id: str,
        version: str = "",
        *,
        rects: Mapping[int, Sequence[Rect]] | None = None,
        planes: Mapping[int, Sequence[int]] | None = None,
    ) -> int:
        """A request starts: model class index → class id (0 drops it). The generation to send with it.

        *rects* and *planes* name, by image id, the parts asked for where it is not the whole image; the rest of the
        image's proposal then stays.
        """
        self.cancel()
        self._generation += 1
        chosen = {image_id: tuple(parts) for image_id, parts in (rects or {}).items() if parts}
        on_planes = {image_id: tuple(zs) for image_id, zs in (planes or {}).items()}
        self._request = _Request(dict(class_map), model_id, version, chosen, on_planes)
        return self._generation

    # -- drawing -------------------------------------------------------------------------------------------------

    @property
    def shown(self) -> LabelLayer | None:
        """The current proposal as it is drawn: what stands in for it where something does."""
        proposal, other = self._session.proposal, self._stand_in
        return other if other is not None and proposal is not None and other.id == proposal.id else proposal

    def show_instead(self, layer: LabelLayer | None) -> None:
        """Draw *layer* (a changed shadow of the current proposal) in place of it; None: the proposal itself again."""
        proposal = self._session.proposal
        if layer is not self._stand_in:
            self._stand_in = layer
            if proposal is not None:
                self._session.painted(proposal.bounds, proposal)

    # -- results -------------------------------------------------------------------------------------------------

    def receive_window(self, image_id: int, generation: int, result: Any, z: int = 0) -> bool:
        """Write a WindowResult or ObjectResult into plane *z* of its image's proposal; False when dropped as stale."""
        writer = self._writer(image_id, generation)
        if writer is None:
            return False
        if hasattr(result, "mask"):
            dirty = writer.write_object(result.rect, result.mask, result.class_index, result.score, z)
        else:
            dirty = writer.write_window(result.rect, result.class_index, result.confidence, z)
            if self._request is not None and result.confidence.size:
                doubt, pixels = self._request.doubt.get(image_id, (0.0, 0))
                doubt += result.confidence.size - float(result.confidence.sum(dtype="int64")) / 255
                self._request.doubt[image_id] = doubt, pixels + result.confidence.size
                self._maps.add(image_id, writer.layer, z, result)
        self._tell(writer.layer, dirty)
        return True

    def finish_proposal(self, image_id: int, generation: int | None = None) -> bool:
        """The image is done: one undoable edit, committed; False when it changed nothing or came too late.

        An image in which the model found nothing is left with an empty proposal.
        """
        writer = self._writer(image_id, self._generation if generation is None else generation)
        if writer is None:
            return False
        return self._finish(image_id)

    def end(self) -> None:
        """The request is over (done, or stopped by the user): what came is kept, as one edit an image."""
        if self._request is not None:
            for image_id in tuple(self._request.writers):
                self._finish(image_id)
            self._end()

    def cancel(self) -> None:
        """Like :meth:`end`, and everything is on disk when it returns: the project closes, or classes go."""
        self.end()
        for image_id in tuple(self._preparing):
            self._record_prepared(image_id)

    def _end(self) -> None:
        if self._request is not None and self._request.doubt:
            self._session.set_meta("uncertainty", {str(k): round(v, 4) for k, v in self.uncertainty.items()})
        self._request = None
        self._maps.clear()

    def abandon(self) -> None:
        """The request failed: unfinished proposals are taken back, finished images keep theirs."""
        if self._request is not None:
            for image_id in tuple(self._request.writers):
                writer = self._request.writers.pop(image_id)
                self._tell(writer.layer, writer.abort())
                self._release(image_id)
            self._end()

    def settle(self, image_id: int | None) -> None:
        """Before another edit of the image: what was written so far becomes an edit; later windows a further one."""
        if self._request is not None and image_id in self._request.writers:
            self._finish(image_id)
        if image_id is not None:
            self._record_prepared(image_id)

    def forget_image(self, image_id: int) -> None:
        """The image leaves the project: its unfinished proposal goes with it."""
        if self._request is not None:
            writer = self._request.writers.pop(image_id, None)
            if writer is not None:
                writer.abort()
            self._release(image_id)
        self._preparing.pop(image_id, None)

    def _writer(self, image_id: int, generation: int) -> ProposalWriter | None:
        session, request = self._session, self._request
        if request is None or generation != self._generation or session.image_record(image_id) is None:
            return None
        writer = request.writers.get(image_id)
        if writer is not None:
            return writer
        self._record_prepared(image_id)
        if session.refuses_edits() or session.documents is None:
            return None
        try:
            layer = session.documents.with_proposal(image_id)
        except UserError as error:
            session.say_once(f"proposal-{generation}", error)
            return None
        # A second writer for an image goes on where settle() parted the edit: it clears nothing.
        rects = () if image_id in request.begun else request.rects.get(image_id)
        writer = ProposalWriter(
            layer,
            request.class_map,
            request.model_id,
            request.version,
            rects=rects,
            planes=request.planes.get(image_id),
            touched=touched_of(session, image_id),
        )
        request.writers[image_id] = writer
        request.begun.add(image_id)
        document = session.documents.at_hand(image_id)
        if document is not None:
            document.is_being_written = True
        self._tell(layer, writer.dirty)
        return writer

    def _finish(self, image_id: int) -> bool:
        assert self._request is not None
        writer = self._request.writers.pop(image_id)
        edit = writer.finish()
        if image_id in self._request.doubt:
            doubt, pixels = self._request.doubt[image_id]
            self.uncertainty[image_id] = doubt / pixels
            self._maps.keep(image_id)
        store = self._session.store
        if edit is None or store is None:
            self._release(image_id)
            return False
        self._preparing[image_id] = edit
        if self.run_in_background is None or edit.tile_count < BACKGROUND_TILES:
            self._record_prepared(image_id)
        else:
            self.run_in_background(lambda: store.prepare(edit), lambda: self._on_prepared(image_id, edit))
        return True

    def _on_prepared(self, image_id: int, edit: Edit) -> None:
        # Something that could not wait may have recorded it already.
        if self._preparing.get(image_id) is edit:
            self._record_prepared(image_id)

    def _record_prepared(self, image_id: int) -> None:
        edit = self._preparing.pop(image_id, None)
        if edit is not None:
            self._session.record(edit)
            self._release(image_id)

    def _release(self, image_id: int) -> None:
        documents = self._session.documents
        document = None if documents is None else documents.at_hand(image_id)
        if document is not None:
            document.is_being_written = False

    def _tell(self, layer: LabelLayer, dirty: Rect) -> None:
        if layer is self._session.proposal:
            self._session.painted(dirty, layer)

    # -- accept and reject ---------------------------------------------------------------------------------------

    @property
    def has_proposal(self) -> bool:
        """Whether the current image has something to accept."""
        proposal = self._session.proposal
        return proposal is not None and not proposal.is_blank

    def accept_all(self) -> bool:
        """All that is shown becomes labels."""
        return self._accept("Accept proposal", self._shown_classes())

    def accept_classes(self, class_ids: Sequence[int]) -> bool:
        """What is shown of these classes becomes labels."""
        return self._accept(f"Accept {self._names(class_ids)}", tuple(class_ids))

    def accept_mask(self, rect: Rect, mask: npt.NDArray[np.bool_]) -> bool:
        """What a brush went over becomes labels; mask is (h, w) over rect."""
        return self._accept("Accept by brush", self._shown_classes(), (rect, mask))

    def accept_at(self, x: float, y: float) -> bool:
        """The object (connected area) under a point becomes a label."""
        layers = self._layers()
        if layers is None or not self._is_shown_at(x, y):
            return False
        session = self._session
        edit = accept_object_at(
            *layers,
            x,
            y,
            min_confidence=session.min_confidence,
            keep_hand=session.settings.flag("proposal.keeps_hand"),
            guard=session.guard,
            z=session.plane,
        )
        return self._settled(edit)

    def reject_all(self) -> bool:
        """Drop what is shown."""
        return self._reject("Reject proposal", self._shown_classes())

    def reject_classes(self, class_ids: Sequence[int]) -> bool:
        """Drop what is shown of these classes."""
        return self._reject(f"Reject {self._names(class_ids)}", tuple(class_ids))

    def reject_mask(self, rect: Rect, mask: npt.NDArray[np.bool_]) -> bool:
        """Drop what a brush went over."""
        return self._reject("Reject by brush", self._shown_classes(), (rect, mask))

    def reject_at(self, x: float, y: float) -> bool:
        """Drop the object under a point."""
        layers = self._layers()
        if layers is None or not self._is_shown_at(x, y):
            return False
        session = self._session
        edit = reject_object_at(layers[1], x, y, min_confidence=session.min_confidence, z=session.plane)
        return self._settled(edit)

    def _accept(self, label: str, class_ids: Collection[int] | None, brushed: Brushed | None = None) -> bool:
        layers = self._layers()
        if layers is None:
            return False
        session, (rect, mask) = self._session, brushed or (None, None)
        keeps_hand = session.settings.flag("proposal.keeps_hand")
        edit = accept(
            *layers,
            class_ids=class_ids,
            min_confidence=session.min_confidence,
            rect=rect,
            mask=mask,
            keep_hand=keeps_hand,
            keep_touched=keeps_hand and brushed is None,
            guard=session.guard,
            z=None if brushed is None else session.plane,
            is_by_hand=brushed is not None,
            label=label,
        )
        return self._settled(edit, says=brushed is None)

    def _reject(self, label: str, class_ids: Collection[int] | None, brushed: Brushed | None = None) -> bool:
        layers = self._layers()
        if layers is None:
            return False
        session, (rect, mask) = self._session, brushed or (None, None)
        floor, z = session.min_confidence, None if brushed is None else session.plane
        chosen: dict[str, Any] = {"class_ids": class_ids, "rect": rect, "mask": mask, "z": z}
        edit = reject(layers[1], min_confidence=floor, is_by_hand=brushed is not None, label=label, **chosen)
        return self._settled(edit, says=brushed is None)

    def _layers(self) -> tuple[LabelLayer, LabelLayer] | None:
        session = self._session
        if session.labels is None or session.refuses_edits():
            return None
        session.work_interrupted.emit()
        self.settle(session.image_id)
        if session.proposal is None or session.proposal.is_blank:
            session.say("This image has no proposal: let a model propose first.")
            return None
        return session.labels, session.proposal

    def _settled(self, edit: Edit | None, *, says: bool = True) -> bool:
        if self._session.record(edit):
            return True
        if says:
            self._session.say("There is nothing of it in the proposal at this confidence.")
        return False

    def _shown_classes(self) -> tuple[int, ...] | None:
        """Ids of the classes whose eye is open; None when that is all of them."""
        classes = self._session.classes
        if all(item.is_visible for item in classes):
            return None
        return tuple(item.id for item in classes if item.is_visible)

    def _is_shown_at(self, x: float, y: float) -> bool:
        from math import floor

        from segstudio.core.geometry import Rect

        proposal = self._session.proposal
        if proposal is None or not proposal.bounds.contains(floor(x), floor(y)):
            return False
        class_id = int(proposal.read_classes(Rect(floor(x), floor(y), 1, 1), self._session.plane)[0, 0])
        shown = self._session.classes.by_id(class_id)
        return shown is not None and shown.is_visible

    def _names(self, class_ids: Sequence[int]) -> str:
        found = [self._session.classes.by_id(class_id) for class_id in class_ids]
        return ", ".join(item.name for item in found if item is not None) or "classes"
