"""A new version proposes anew for the image that is shown, when the hand rests and nothing of a person's would be lost."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Qt, QTimer, Signal
from PySide6.QtGui import QGuiApplication

if TYPE_CHECKING:
    from segstudio.app.presenters.learning import LearningPresenter
    from segstudio.core.geometry import Rect
    from segstudio.gui.job_center import JobCenter

REST_S = 2.0
"""So long after the last edit the hand counts as resting."""
LOOK_MS = 400
WHOLE_PX = 6_000_000
"""Larger images are renewed where they are seen: the whole would take longer than the next version."""
FEW_TILES = 256
"""In proposals of more tiles it is not counted whose pixels they are; the segment table decides."""


class ProposalRenewal(QObject):
    """Waits for its moment; ``held_back`` says that a newer proposal is to be had, but only if a person asks for it.

    Renewing is an edit like any proposal: it would end what can be done again after undo, and replace what another model
    or a click left to be settled. In these cases it is only offered.
    """

    changed = Signal()

    def __init__(self, jobs: JobCenter, presenter: LearningPresenter) -> None:
        super().__init__(jobs)
        self._jobs, self._presenter = jobs, presenter
        self._session: Any = jobs.workspace.session
        self._wanted = ""
        self._only: tuple[int, int] | None = None
        self._renewed: dict[tuple[int, int], str] = {}
        self._edited_s = 0.0
        self.held_back = False
        """Whether the shown image waits for a person's word."""
        self._timer = QTimer(self, interval=LOOK_MS)
        self._timer.timeout.connect(self._look)
        self._session.edit_recorded.connect(self._on_edit)
        self._session.image_changed.connect(self._on_shown)
        self._session.plane_changed.connect(self._on_shown)
        self._session.history_changed.connect(self._on_shown)

    @property
    def is_waiting(self) -> bool:
        """Whether a renewal is to come by itself."""
        return self._timer.isActive()

    def want(self, model_id: str, *, only_this: bool = False) -> None:
        """Let this version propose for what is shown from now on, or (*only_this*) for the image and plane shown now."""
        self._wanted = model_id
        self._only = (self._session.image_id, self._session.plane) if only_this else None
        self._on_shown()

    def stop(self) -> None:
        """Nothing is renewed any more by itself."""
        self._wanted = ""
        self._renewed.clear()
        self._timer.stop()
        self._hold(False)

    def now(self) -> bool:
        """Renew at once, as asked by a person; False when it can't begin (and why is said)."""
        return self._renew(self._presenter.current.model_id if self._presenter.current is not None else "")

    # -- the moment --------------------------------------------------------------------------------------------------

    def _on_edit(self, *_: object) -> None:
        self._edited_s = time.monotonic()

    def _on_shown(self, *_: object) -> None:
        if self._is_due():
            self._timer.start()
        else:
            self._timer.stop()
            self._hold(False)

    def _is_due(self) -> bool:
        """Whether the shown image has no proposal of the wanted version yet, and wants one."""
        session = self._session
        record = session.image
        if not self._wanted or record is None or not session.can_edit or record.status == "done" or record.is_missing:
            return False
        place = (record.id, session.plane)
        is_wanted = session.settings.flag("learn.renews_proposal") and self._only in (None, place)
        return is_wanted and self._renewed.get(place) != self._wanted

    def _look(self) -> None:
        if not self._is_due():
            self._on_shown()
            return
        if self._is_at_work():
            return
        is_held = self._would_lose_something()
        self._hold(is_held)
        if not is_held:
            with self._jobs.quietly():
                self._renew(self._wanted)

    def _is_at_work(self) -> bool:
        """Whether somebody is in the middle of something: it ends by itself."""
        jobs, session = self._jobs, self._session
        tool = jobs.workspace.toolbox.current
        if QGuiApplication.mouseButtons() != Qt.MouseButton.NoButton or tool.is_dragging or tool.is_busy:
            return True
        if time.monotonic() - self._edited_s < REST_S:
            return True
        return bool(jobs.models.is_busy or session.proposals.is_receiving or jobs.compare.is_on or jobs.refine.is_on)

    def _would_lose_something(self) -> bool:
        """Whether there is something to redo, or a proposal of somebody else's is not settled yet."""
        session = self._session
        if session.history is not None and session.history.can_redo:
            return True
        layer = session.proposal
        if layer is None or layer.is_blank:
            return False
        table = layer.segments.values()
        others = {s.id for s in table if s.class_id and not self._presenter.is_learned(s.model_id)}
        if not others or len(layer.tiles.keys()) > FEW_TILES:
            return bool(others)
        return not others.isdisjoint(layer.segment_pixels())

    def _hold(self, is_held: bool) -> None:
        if is_held != self.held_back:
            self.held_back = is_held
            self.changed.emit()

    # -- renewing ----------------------------------------------------------------------------------------------------

    def _renew(self, model_id: str) -> bool:
        models, session = self._jobs.models, self._session
        record, entry = session.image, models.current_entry()
        if not model_id or record is None:
            return False
        if entry is None or not self._presenter.is_learned(entry.card.id):
            models.choose(model_id)
            entry = models.current_entry()
        if entry is None or entry.card.id != model_id:
            return False
        # Once for each version, whatever comes of it: what was undone is not brought back.
        self._renewed[record.id, session.plane] = model_id
        self._hold(False)
        self._timer.stop()
        return self._drop_unknown_classes(entry.card) and bool(
            models.propose([record.id], only_shown_plane=True, rects=self._part(record))
        )

    def _part(self, record: Any) -> tuple[Rect, ...]:
        if record.width * record.height <= WHOLE_PX:
            return ()
        seen = self._jobs.workspace.canvas.visible_rect()
        return () if seen.is_empty else (seen,)

    def _drop_unknown_classes(self, card: Any) -> bool:
        """A class that was deleted while it was learnt is not brought back by the model that knew it; whether any is left."""
        presenter = self._jobs.models.presenter
        rows = presenter.mapping(card)
        if any(row.class_id is None for row in rows):
            presenter.set_mapping(card, {row.index: row.class_id or 0 for row in rows})
        return any(row.class_id for row in rows)
