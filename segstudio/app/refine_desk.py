"""Refining the current proposal: a preview of what is seen, and the whole of it as one undoable edit."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from segstudio.app.events import Signal
from segstudio.app.refine_choice import RefineChoice
from segstudio.app.refine_job import Preview, RefineJob
from segstudio.app.refine_pieces import Part, changed_in, draw, preview_parts, proposal_data, put_reduced, share
from segstudio.app.tools.background import ImmediateBackground
from segstudio.core.edits import apply_edit

if TYPE_CHECKING:
    from segstudio.app.document import Document
    from segstudio.app.refine_job import RefineHost
    from segstudio.app.session import Session
    from segstudio.app.tools.background import ToolBackground
    from segstudio.core.cancel import CancelToken
    from segstudio.core.edits import Edit
    from segstudio.core.geometry import Rect
    from segstudio.core.layers import LabelLayer
    from segstudio.ml.refine.proposal import ProposalData, RefinedPiece

COLLECT, MERGE, FINISH = "refine.collect", "refine.merge", "refine.finish"
"""Slots of the background."""
CHANGED_MEANWHILE = "The proposal changed while it was being refined, so the refinement was dropped: apply it again."
NO_PROPOSAL = "This image has no proposal: let a model propose first."
READ_ONLY = "The project is open read-only: refining would change it."
PROPOSING = "A model is proposing for this image: wait until it is done, or stop it."
APPLYING = "The proposal is being refined: wait until it is done, or stop it."
NO_FILE = "The image's file is not there: find it again in the list of images."
NOTHING = "The refinement found nothing to change."


class RefineDesk:
    """Between the card over the canvas, the document and the process that refines. Labels are never touched.

    A job carries the revision of the proposal and a generation: an answer of another generation is dropped, and with the
    proposal changed the whole job is. ``changed``: preview, progress, busyness or what stands in the way are others.
    ``ended``: an application is over, and whether it is in force.
    """

    def __init__(self, session: Session, background: ToolBackground | None = None) -> None:
        self.session = session
        self.choice = RefineChoice(session)
        self.background: ToolBackground = ImmediateBackground() if background is None else background
        self.host: RefineHost | None = None
        self.changed: Signal[[]] = Signal()
        self.ended: Signal[[bool]] = Signal()
        self.preview: Preview | None = None
        self.is_too_wide = False
        """Whether so much of the image is seen that there is no preview."""
        self.stage = ""
        """What the work is about while there is no number for it yet."""
        self.progress = (0.0, 0.0)
        self._job: RefineJob | None = None
        self._done: RefineJob | None = None
        self._generations = itertools.count(1)
        session.layer_changed.connect(self._on_layer_changed)
        session.image_changed.connect(self._on_image_changed)
        session.images_changed.connect(self._on_images_changed)
        session.plane_changed.connect(lambda _: self._forget_preview())
        session.project_changed.connect(self.drop)

    # -- asking ----------------------------------------------------------------------------------------------------

    @property
    def is_applying(self) -> bool:
        """Whether the whole proposal is being refined."""
        return self._job is not None and self._job.writer is not None

    @property
    def is_previewing(self) -> bool:
        """Whether a preview is being worked out."""
        return self._job is not None and self._job.writer is None

    @property
    def obstacle(self) -> str:
        """Why the current proposal cannot be refined now; "" where it can."""
        session = self.session
        if session.is_open and session.is_read_only:
            return READ_ONLY
        if session.proposal is None or session.proposal.is_blank:
            return NO_PROPOSAL
        if self.is_applying:
            return APPLYING
        document = self._document()
        if document is None or document.is_being_written:
            return PROPOSING
        return NO_FILE if session.image is None or session.image.is_missing else ""

    @property
    def is_busy(self) -> bool:
        """Whether anything is under way."""
        return self._job is not None

    # -- preview ---------------------------------------------------------------------------------------------------

    def look(self, seen: Rect) -> None:
        """Preview what is *seen* of the current plane; nothing where that is there or on its way."""
        if self.is_applying:
            return
        job = None if self.obstacle else self._new_job((self.session.plane,))
        if job is None:
            self.is_too_wide = False
            self._forget_preview()
            return
        parts = preview_parts(seen, job.layer.bounds)
        self.is_too_wide = not parts and not seen.is_empty
        if not parts:
            self._forget_preview()
            return
        job.parts = parts
        wanted = seen.intersected(job.layer.bounds)
        known = self._job or self._done
        if known is not None and known.serves(job, wanted):
            return
        self._cancel()
        self._done = None
        self._job = job
        self._send(job)

    def forget(self) -> None:
        """Nobody looks any more: the preview goes, an application goes on."""
        self.is_too_wide = False
        self._forget_preview()

    def _forget_preview(self) -> None:
        if self.is_previewing:
            self._cancel()
        self._done = None
        if not self.is_applying or self._job is None or self._job.stand_in is None:
            self._show_proposal()
        self.changed.emit()

    # -- the whole -------------------------------------------------------------------------------------------------

    def apply(self, *, is_whole_volume: bool = False) -> bool:
        """Refine all of the plane shown, or of every plane; False (and it is said why) when that cannot be begun."""
        obstacle = self.obstacle
        if obstacle:
            self.session.say(obstacle)
            return False
        depth = max(1, self.session.plane_count)
        job = self._new_job(tuple(range(depth)) if is_whole_volume else (self.session.plane,))
        if job is None:
            return False
        known, self._done = self._done, None
        self._cancel()
        self._job = job
        job.writer = job.new_writer(self.session)
        job.parts = (Part(job.layer.bounds),)
        job.document.is_being_refined = True
        if known is not None:
            job.stand_in = known.stand_in
        if known is not None and known.serves(job, job.layer.bounds):
            for piece in known.pieces:
                job.writer.write(piece.rect, piece.segment_ids, piece.confidence, job.planes[0])
            self._finish(job)
        else:
            self._send(job)
        return True

    def stop(self) -> None:
        """Abandon an application; the proposal is as before."""
        if self.is_applying:
            self._abandon()

    def drop(self) -> None:
        """Abandon everything: the project closes."""
        if self.is_applying:
            self._abandon()
        self.forget()

    # -- what the host says ----------------------------------------------------------------------------------------

    def on_stage(self, text: str) -> None:
        """What it is about."""
        self.stage = text
        self.changed.emit()

    def on_progress(self, done: float, total: float) -> None:
        """How far it is."""
        self.stage, self.progress = "", (done, total)
        self.changed.emit()

    def on_piece(self, generation: int, piece: RefinedPiece, z: int) -> bool:
        """A piece is finished; False when it was dropped as stale."""
        job = self._job
        if job is None or generation != job.generation or self._drop_if_stale():
            return False
        if job.writer is None:
            self._preview_piece(job, piece, z)
            return True
        job.writer.write(piece.rect, piece.segment_ids, piece.confidence, z)
        if self.session.image_id == job.document.image_id:
            if job.stand_in is None:
                self._show(job, job.writer.layer.shadow())
            assert job.stand_in is not None
            share(job.writer.layer, job.stand_in, piece.rect, z)
            self.session.painted(piece.rect, job.layer)
        return True

    def on_ended(self, generation: int) -> None:
        """The job of this generation is done."""
        job = self._job
        if job is None or generation != job.generation or self._drop_if_stale():
            return
        self.stage, self.progress = "", (0.0, 0.0)
        if job.writer is not None:
            self._finish(job)
        elif job.parts[0].level:
            self._merge(job)
        else:
            self._complete(job)

    def on_failed(self, generation: int) -> None:
        """The job of this generation failed; the host says why."""
        if self._job is None or generation != self._job.generation:
            return
        if self.is_applying:
            self._abandon()
        else:
            self._forget_preview()

    # -- inside: sending -------------------------------------------------------------------------------------------

    def _document(self) -> Document | None:
        documents, image_id = self.session.documents, self.session.image_id
        return None if documents is None or image_id is None else documents.at_hand(image_id)

    def _new_job(self, planes: tuple[int, ...]) -> RefineJob | None:
        document = self._document()
        if document is None or document.proposal is None:
            return None
        layer = document.proposal
        return RefineJob(document, layer, layer.revision, self.choice.card, planes)

    def _send(self, job: RefineJob) -> None:
        """Collect what the first part needs, in the background, then hand it to the host."""
        job.generation, job.pieces, job.changed_px = next(self._generations), [], 0
        part, shadow = job.parts[0], job.layer.shadow()

        def work(_: CancelToken) -> ProposalData:
            return proposal_data(shadow, part, job.planes)

        def collected(data: ProposalData) -> None:
            if self._job is job and not self._drop_if_stale():
                job.sent = data
                self._submit(job, data)

        self.progress = (0.0, 0.0)
        self.background.run(COLLECT, work, collected, self._on_work_failed)
        self.changed.emit()

    def _submit(self, job: RefineJob, data: ProposalData) -> None:
        spec = job.spec(self.session, self.choice.options_of(job.card), data)
        if spec is not None and self.host is not None:
            self.host.submit(spec)

    def _cancel(self) -> None:
        """Nothing more is awaited."""
        if self._job is None:
            return
        self._job = None
        for slot in (COLLECT, MERGE, FINISH):
            self.background.drop(slot)
        self.stage, self.progress = "", (0.0, 0.0)
        if self.host is not None:
            self.host.cancel()

    def _on_work_failed(self, sentence: str) -> None:
        if self._job is not None:
            self.on_failed(self._job.generation)
        self.session.say(sentence)

    # -- inside: showing -------------------------------------------------------------------------------------------

    def _preview_piece(self, job: RefineJob, piece: RefinedPiece, z: int) -> None:
        assert job.sent is not None
        job.pieces.append(piece)
        part = job.parts[0]
        job.changed_px += changed_in(piece, job.sent, z) * 4**part.level
        if not part.level:
            if job.stand_in is None:
                self._show(job, job.layer.shadow())
            assert job.stand_in is not None
            draw(job.stand_in, piece, z)
            self.session.painted(piece.rect, job.layer)

    def _merge(self, job: RefineJob) -> None:
        """Reduced pieces become a layer to look at, in the background; the next part follows."""
        part, sent, pieces, layer = job.parts[0], job.sent, tuple(job.pieces), job.layer.shadow()
        assert sent is not None

        def work(_: CancelToken) -> LabelLayer:
            put_reduced(layer, pieces, part, sent, job.planes[0])
            return layer

        def merged(found: LabelLayer) -> None:
            if self._job is job and not self._drop_if_stale():
                self._show(job, found)
                self._complete(job)

        self.background.run(MERGE, work, merged, self._on_work_failed)

    def _complete(self, job: RefineJob) -> None:
        """A part of the preview is there: on with the next one."""
        is_last = len(job.parts) == 1
        self.preview = Preview(job.parts[0], job.planes[0], job.changed_px, is_last)
        if is_last:
            self._job, self._done = None, job
            self.changed.emit()
        else:
            job.parts = job.parts[1:]
            self._send(job)

    def _show(self, job: RefineJob, layer: LabelLayer) -> None:
        """Draw *layer* in place of the proposal."""
        job.stand_in = layer
        self.session.proposals.show_instead(layer)

    def _show_proposal(self) -> None:
        self.preview = None
        self.session.proposals.show_instead(None)

    # -- inside: the end of an application -------------------------------------------------------------------------

    def _finish(self, job: RefineJob) -> None:
        writer, store = job.writer, self.session.store
        assert writer is not None and store is not None

        def work(_: CancelToken) -> Edit | None:
            edit = writer.finish()
            if edit is not None:
                store.prepare(edit)
            return edit

        def prepared(edit: Edit | None) -> None:
            if self._job is job and not self._drop_if_stale():
                self._put(job, edit)

        self.background.run(FINISH, work, prepared, self._on_work_failed)
        self.changed.emit()

    def _put(self, job: RefineJob, edit: Edit | None) -> None:
        self._job = None
        job.document.is_being_refined = False
        if edit is not None:
            apply_edit(edit, {job.layer.id: job.layer})
        self._show_proposal()
        if edit is None:
            self.session.say(NOTHING)
        else:
            self.session.record_apart(edit, self.background)
        self.changed.emit()
        self.ended.emit(edit is not None)

    def _abandon(self) -> None:
        """The application under way comes to nothing."""
        job = self._job
        self._cancel()
        if job is not None:
            job.document.is_being_refined = False
        self._show_proposal()
        self.changed.emit()
        self.ended.emit(False)

    # -- inside: staleness -----------------------------------------------------------------------------------------

    def _drop_if_stale(self) -> bool:
        """Whether what is under way, or drawn, is of a proposal that is no longer so: then it goes."""
        job = self._job or self._done
        if job is None or not job.is_stale(self.session):
            return False
        if self.is_applying:
            self._abandon()
            if self.session.is_open:
                self.session.say(CHANGED_MEANWHILE)
        else:
            self._forget_preview()
        return True

    def _on_layer_changed(self, layer_id: int, _: Rect) -> None:
        job = self._job or self._done
        if job is not None and job.layer.id == layer_id:
            self._drop_if_stale()

    def _on_images_changed(self) -> None:
        self._drop_if_stale()

    def _on_image_changed(self) -> None:
        job = self._job
        if self.is_applying and job is not None:
            job.stand_in = None  # it goes on in the background; what is drawn is another image's
        self._forget_preview()
