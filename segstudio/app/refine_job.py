"""One job of refining: a preview of a view, or an application to whole planes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from segstudio.app.hand_work import touched_of
from segstudio.app.refine_pieces import reduced_options
from segstudio.core.refined_proposals import RefinedWriter

if TYPE_CHECKING:
    from collections.abc import Sequence

    from segstudio.app.document import Document
    from segstudio.app.refine_pieces import Part
    from segstudio.app.session import Session
    from segstudio.core.geometry import Rect
    from segstudio.core.layers import LabelLayer
    from segstudio.jobs.specs import RefineSpec
    from segstudio.ml.cards import ModelCard
    from segstudio.ml.classic.options import Option
    from segstudio.ml.refine.proposal import ProposalData, RefinedPiece


class RefineHost(Protocol):
    """Works on one job at a time; what comes of it is told to the desk, see :meth:`RefineDesk.on_piece`."""

    def submit(self, spec: RefineSpec) -> None:
        """Begin a job in place of the one under way."""
        ...

    def cancel(self) -> None:
        """End the job under way; the desk hears no more of it."""
        ...


@dataclass(frozen=True, slots=True)
class Preview:
    """What is drawn in place of the proposal: the part it is of, how much of it changed, whether no finer one follows."""

    part: Part
    z: int
    changed_px: int = 0
    is_complete: bool = False


@dataclass(eq=False)
class RefineJob:
    """What is under way. A preview works through its ``parts``, the present one first; an application has a writer.

    ``stand_in`` is what of it is drawn in place of the proposal.
    """

    document: Document
    layer: LabelLayer
    revision: int
    card: ModelCard
    planes: tuple[int, ...]
    parts: tuple[Part, ...] = ()
    writer: RefinedWriter | None = None
    stand_in: LabelLayer | None = None
    generation: int = 0
    sent: ProposalData | None = None
    pieces: list[RefinedPiece] = field(default_factory=list)
    changed_px: int = 0

    def serves(self, other: RefineJob, wanted: Rect) -> bool:
        """Whether its last part answers for *wanted* as that of *other* would: same proposal and method, as fine."""
        mine, asked = self.parts[-1], other.parts[-1]
        is_same = (self.layer, self.revision, self.planes) == (other.layer, other.revision, other.planes)
        is_same = is_same and self.card == other.card and self.card.options == other.card.options
        return is_same and mine.level <= asked.level and mine.rect.intersected(wanted) == wanted

    def new_writer(self, session: Session) -> RefinedWriter:
        """Writes into a shadow of the proposal, and leaves what a person decided as it is."""
        touched = touched_of(session, self.document.image_id)
        return RefinedWriter(self.layer.shadow(), f"Refine with {self.card.name}", touched)

    def is_stale(self, session: Session) -> bool:
        """Whether the proposal is no longer as it was when the job began."""
        documents, image_id = session.documents, self.document.image_id
        is_here = documents is not None and documents.at_hand(image_id) is self.document
        return not is_here or self.layer.revision != self.revision or session.image_record(image_id) is None

    def spec(self, session: Session, options: Sequence[Option], data: ProposalData) -> RefineSpec | None:
        """What to send for the present part; None where the image is gone."""
        from segstudio.jobs.specs import ImageTask, RefineSpec

        record, part = session.image_record(self.document.image_id), self.parts[0]
        if record is None or session.store is None:
            return None
        rects = None if part.rect == self.layer.bounds else (part.reduced,)
        size_px = (record.width, record.height)
        return RefineSpec(
            method=self.card.id,
            task=ImageTask(record.id, str(session.store.image_file(record)), self.planes, rects, size_px),
            proposal=data,
            device=session.settings.text("model.device"),
            options=reduced_options(options, self.card.options, part.level),
            generation=self.generation,
            level=part.level,
        )
