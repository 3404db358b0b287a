"""Labels carried between planes of a volume: interpolated, or copied to a neighbour; each is one undo step."""

from __future__ import annotations

from typing import TYPE_CHECKING

from segstudio.core.classes import UNLABELLED
from segstudio.core.edits import Guard, Transaction
from segstudio.core.errors import UserError
from segstudio.core.interpolation import copy_plane, interpolate_planes

if TYPE_CHECKING:
    from collections.abc import Callable

    from segstudio.app.session import Session
    from segstudio.app.tools.background import ToolBackground
    from segstudio.core.cancel import CancelToken
    from segstudio.core.edits import Edit
    from segstudio.core.layers import LabelLayer

SLOT = "planes"
STALE = "The labels were changed meanwhile: do it once more."


class PlaneLabels:
    """Works on the active object, else on the current class, or on all labels."""

    def __init__(self, session: Session, background: ToolBackground) -> None:
        self._session = session
        self._background = background
        session.image_changed.connect(lambda: background.drop(SLOT))

    def interpolate(self, *, is_all: bool = False, everywhere: bool = False) -> bool:
        """Fill the planes between labelled ones round the plane shown, or *everywhere*; False when it can't begin."""
        chosen = self._chosen(is_all)
        if chosen is None:
            return False
        ids, what = chosen
        around = None if everywhere else self._session.plane

        def work(transaction: Transaction, cancel: CancelToken) -> object:
            return interpolate_planes(transaction, ids, around=around, cancel=cancel)

        nothing = (
            f"There is no gap to fill: label {what} on a plane before and on one after this."
            if not everywhere
            else f"There is no gap to fill between planes with {what}."
        )
        return self._begin(f"Interpolate {what}", work, nothing)

    def copy(self, step: int, *, is_all: bool = False) -> bool:
        """Copy from the plane shown to the one *step* planes on, and show that one; False when it can't begin."""
        session = self._session
        chosen = self._chosen(is_all)
        source, target = session.plane, session.plane + step
        if chosen is None:
            return False
        if not 0 <= target < session.plane_count:
            session.say("There is no plane beyond this one.")
            return False
        ids, what = chosen

        def work(transaction: Transaction, cancel: CancelToken) -> object:
            return copy_plane(transaction, source, target, None if is_all else ids, cancel=cancel)

        nothing = f"Nothing was copied: plane {source + 1} has nothing of {what} that may go to plane {target + 1}."
        return self._begin(f"Copy {what} to plane {target + 1}", work, nothing, shows=target)

    # -- inside --------------------------------------------------------------------------------------------------

    def _chosen(self, is_all: bool) -> tuple[frozenset[int], str] | None:
        """(segment ids, their name for the user); None when refused, and it was said why."""
        session, layer = self._session, self._session.labels
        if layer is None or session.refuses_edits():
            return None
        if not session.is_volume:
            session.say("This image has only one plane.")
            return None
        if is_all:
            return frozenset(s.id for s in layer.segments.values() if s.class_id != UNLABELLED), "all labels"
        active = layer.segments.get(session.active_object or 0)
        item = session.classes.by_id(session.current_class_id if active is None else active.class_id)
        if item is None or item.is_locked:
            session.can_paint()
            return None
        if active is not None:
            return frozenset((active.id,)), f"{item.name}, object {active.id}"
        return frozenset(s.id for s in layer.segments.values() if s.class_id == item.id), item.name

    def _guard(self) -> Guard:
        session = self._session
        if session.settings.flag("planes.only_background"):
            return Guard("background", locked_class_ids=session.classes.locked_ids, validity=session.validity)
        return session.guard

    def _begin(
        self,
        label: str,
        work: Callable[[Transaction, CancelToken], object],
        nothing: str,
        *,
        shows: int | None = None,
    ) -> bool:
        session, layer = self._session, self._session.labels
        assert layer is not None
        session.work_interrupted.emit()
        session.proposals.settle(session.image_id)
        revision, shadow, guard = layer.revision, layer.shadow(), self._guard()

        def made(cancel: CancelToken) -> Edit | None:
            transaction = Transaction(shadow, label, guard, is_by_hand=True)
            work(transaction, cancel)
            return transaction.commit()

        def done(edit: Edit | None) -> None:
            self._finish(layer, revision, edit, nothing, shows)

        self._background.run(SLOT, made, done, session.say)
        return True

    def _finish(self, layer: LabelLayer, revision: int, edit: Edit | None, nothing: str, shows: int | None) -> None:
        session = self._session
        if session.labels is not layer:
            return
        if layer.revision != revision:
            session.say(STALE)
            return
        if edit is None:
            session.say(nothing)
            return
        try:
            session.apply(edit)
        except UserError as error:
            session.say(error)
            return
        if shows is not None:
            session.set_plane(shows)
