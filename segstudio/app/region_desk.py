"""What the window does with regions: the target, previews, and one undo step for each operation."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from segstudio.app.events import Signal
from segstudio.app.region_requests import OPS, PLANES, AreaChoice, RegionOutcome, RegionRequest, perform
from segstudio.app.session_edits import NO_CLASS
from segstudio.app.tools.background import ImmediateBackground
from segstudio.core.classes import UNLABELLED
from segstudio.core.edits import Guard

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from segstudio.app.session import Session
    from segstudio.app.tools.background import ToolBackground
    from segstudio.core.cancel import CancelToken
    from segstudio.core.geometry import Rect
    from segstudio.core.layers import LabelLayer

PREVIEW, APPLY = "regions.preview", "regions.apply"
"""Slots of the background."""
CHANGED_MEANWHILE = "The labels changed meanwhile, so nothing was done: try again."


@dataclass(frozen=True, slots=True)
class RegionTarget:
    """What an operation works on: the selected objects, or everything of the current class."""

    segment_ids: frozenset[int]
    class_id: int
    object_ids: tuple[int, ...] = ()
    """The objects selected, the active one first; () when it is the class."""


class RegionDesk:
    """Builds requests from the session's state, runs them in the background, applies what came of them.

    ``changed``: outcome, progress or busyness are others. Progress is written by the worker: ask :attr:`progress`.
    """

    def __init__(self, session: Session, background: ToolBackground | None = None) -> None:
        self.session = session
        self.background: ToolBackground = ImmediateBackground() if background is None else background
        self.changed: Signal[[]] = Signal()
        self.applied: Signal[[RegionOutcome]] = Signal()
        """An operation is in force (or found nothing to do): its outcome."""
        self.outcome: RegionOutcome | None = None
        """What the last preview came to."""
        self._running: dict[str, RegionRequest] = {}
        self._progress = (0.0, 0.0)
        session.image_changed.connect(self.forget)
        session.project_changed.connect(self.forget)

    # -- asking --------------------------------------------------------------------------------------------------

    def target(self) -> RegionTarget | None:
        """The selected objects when one is active, else everything of the current class; None without either."""
        layer, session = self.session.labels, self.session
        if layer is None:
            return None
        if session.selected_objects:
            ids = session.selected_objects
            return RegionTarget(frozenset(ids), layer.segments[ids[0]].class_id, ids)
        chosen = session.current_class
        if chosen is None:
            return None
        of_class = frozenset(s.id for s in layer.segments.values() if s.class_id == chosen.id)
        return RegionTarget(of_class, chosen.id)

    @property
    def is_busy(self) -> bool:
        """Whether something is being worked out."""
        return bool(self._running)

    @property
    def is_applying(self) -> bool:
        """Whether an operation itself is under way, not only a preview."""
        return APPLY in self._running

    @property
    def progress(self) -> tuple[float, float]:
        """(done, total) of what runs; total 0 = unknown."""
        return self._progress

    # -- doing ---------------------------------------------------------------------------------------------------

    def preview(
        self, op_id: str, *, within: Rect | None = None, class_id: int = 0, areas: Sequence[AreaChoice] = ()
    ) -> None:
        """Work out what an operation would do; nothing is changed. *within*: what is seen, for operations that are local."""
        request = self.request(op_id, class_id=class_id, areas=areas, is_quiet=True)
        if request is None:
            self.forget()
            return
        if OPS[op_id].is_local:
            request = replace(request, within=within)
        if self.outcome is not None and self.outcome.request == request:
            return
        self._run(PREVIEW, request, self._previewed)

    def apply(self, op_id: str, *, class_id: int = 0, areas: Sequence[AreaChoice] = ()) -> bool:
        """Do it, as one edit: at once when the preview has worked all of it out, else when it is done.

        False (and a sentence) when it cannot be done.
        """
        request = self.request(op_id, class_id=class_id, areas=areas)
        if request is None:
            return False
        self._drop(PREVIEW)
        if self.outcome is not None and self.outcome.request == request:
            self._put(self.outcome)
        else:
            self._run(APPLY, request, self._put)
        return True

    def cancel(self) -> None:
        """Abandon what is being worked out."""
        self._drop(PREVIEW)
        self._drop(APPLY)
        self.changed.emit()

    def forget(self) -> None:
        """Drop previews and work: another image, or nobody looks any more."""
        self.outcome = None
        self.cancel()

    # -- requests ------------------------------------------------------------------------------------------------

    def request(
        self, op_id: str, *, class_id: int = 0, areas: Sequence[AreaChoice] = (), is_quiet: bool = False
    ) -> RegionRequest | None:
        """The request as things stand; None (and a sentence, unless *is_quiet*) when it cannot be carried out."""
        session, layer = self.session, self.session.labels
        say: Callable[[object], None] = (lambda _: None) if is_quiet else session.say
        if layer is None or not session.can_edit:
            if not is_quiet:
                session.refuses_edits()
            return None
        target = self.target()
        if target is None:
            say(NO_CLASS)
            return None
        if not self._may_change(target, op_id, class_id, say):
            return None
        op = OPS[op_id]
        planes: tuple[int, ...] = (session.plane,)
        if session.settings.text(PLANES) == "whole volume" or op_id == "merge":
            planes = tuple(range(layer.depth))
        read = {layer.id, *(area.layer_id for area in areas)}
        revisions = tuple(sorted((i, found.revision) for i, found in self._layers().items() if i in read))
        locked = session.classes.locked_ids
        return RegionRequest(
            op_id,
            f"{op.verb} {self._name(target)}",
            layer.id,
            revisions,
            target.segment_ids,
            planes,
            tuple((key, session.settings[key]) for key in op.settings),
            session.guard,
            Guard(locked_class_ids=locked),
            class_id or target.class_id,
            target.object_ids[0] if target.object_ids else 0,
            tuple(areas),
        )

    def _may_change(self, target: RegionTarget, op_id: str, class_id: int, say: Callable[[object], None]) -> bool:
        classes, layer = self.session.classes, self.session.labels
        assert layer is not None
        ids = {layer.segments[i].class_id for i in target.segment_ids} | {target.class_id}
        if op_id == "convert":
            ids.add(class_id)
            if class_id == UNLABELLED or classes.by_id(class_id) is None:
                say("Choose the class to change to.")
                return False
        for item in classes:
            if item.id in ids and item.is_locked:
                say(f"The class “{item.name}” is locked: unlock it in the Classes panel to change its regions.")
                return False
        if op_id == "merge" and len(target.object_ids) < 2:
            say("Select two or more objects in the Objects panel to merge them.")
            return False
        if not target.segment_ids and op_id != "boolean":
            say(f"There is nothing of {self._name(target)} in this image.")
            return False
        return True

    def _name(self, target: RegionTarget) -> str:
        item = self.session.classes.by_id(target.class_id)
        name = "" if item is None else item.name
        if not target.object_ids:
            return name
        return f"{name} {target.object_ids[0]}" if len(target.object_ids) == 1 else f"{len(target.object_ids)} objects"

    def label_layers(self) -> list[LabelLayer]:
        """The label layers of the current image, proposals left out."""
        return [layer for layer in self._layers().values() if layer.kind == "labels"]

    def _layers(self) -> dict[int, LabelLayer]:
        documents, image_id = self.session.documents, self.session.image_id
        document = None if documents is None or image_id is None else documents.at_hand(image_id)
        return {} if document is None else document.layers

    # -- work ----------------------------------------------------------------------------------------------------

    def _run(self, slot: str, request: RegionRequest, done: Callable[[RegionOutcome], None]) -> None:
        layers = {
            layer_id: layer.shadow()
            for layer_id, layer in self._layers().items()
            if layer_id in dict(request.revisions)
        }

        def work(cancel: CancelToken) -> RegionOutcome:
            return perform(request, layers, cancel, self._on_progress)

        def finished(outcome: RegionOutcome) -> None:
            self._running.pop(slot, None)
            self._progress = (0.0, 0.0)
            done(outcome)
            self.changed.emit()

        def failed(sentence: str) -> None:
            self._running.pop(slot, None)
            self.session.say(sentence)
            self.changed.emit()

        self._progress = (0.0, 0.0)
        self._running[slot] = request
        self.background.run(slot, work, finished, failed)
        self.changed.emit()

    def _drop(self, slot: str) -> None:
        if self._running.pop(slot, None) is not None:
            self.background.drop(slot)

    def _on_progress(self, done: float, total: float, _: str) -> None:
        self._progress = (done, total)

    def _previewed(self, outcome: RegionOutcome) -> None:
        self.outcome = outcome if self._is_current(outcome) else None

    def _is_current(self, outcome: RegionOutcome) -> bool:
        layers = self._layers()
        return all(i in layers and layers[i].revision == revision for i, revision in outcome.request.revisions)

    def _put(self, outcome: RegionOutcome) -> None:
        self.outcome = None
        if not self._is_current(outcome):
            self.session.say(CHANGED_MEANWHILE)
            return
        if outcome.edit is None:
            self.session.say(f"{OPS[outcome.request.op_id].title}: there was nothing to change.")
        else:
            self.session.apply(outcome.edit)
        self.applied.emit(outcome)
