"""The most uncertain places inside the current image, one after the other, and which of them were reviewed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from segstudio.app.events import Signal
from segstudio.app.tools.background import ImmediateBackground
from segstudio.core.confirming import confirm_place
from segstudio.core.errors import UserError
from segstudio.core.touched import touched_in
from segstudio.core.worst_places import Place, cells_of_proposal, is_worked_on, worst_places
from segstudio.io.looks import keep_visited, read_cells, visited_of

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    import numpy.typing as npt

    from segstudio.app.session import Session
    from segstudio.app.tools.background import ToolBackground
    from segstudio.core.geometry import Rect

SLOT = "next.places"


@dataclass(frozen=True)
class Step:
    """Where a press of the key leads: the place, its number among ``total``, and how many are ``left`` after it."""

    place: Place
    number: int
    total: int
    left: int


class PlaceDesk:
    """A place is reviewed once it was shown, or when a person has worked on half of its middle."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self.changed: Signal[[]] = Signal()
        """Another place is shown, or none."""
        self.background: ToolBackground = ImmediateBackground()
        """Where a proposal is gone through."""
        self._image_id: int | None = None
        self._places: list[Place] = []
        self._visited: list[tuple[int, int, int]] = []
        self._shown: Step | None = None
        session.image_changed.connect(self.forget)

    @property
    def current(self) -> Place | None:
        """The place that was shown last, while its image is open."""
        return None if self._shown is None else self._shown.place

    @property
    def total(self) -> int:
        """How many places the image has, reviewed or not."""
        return len(self._places)

    @property
    def shown(self) -> Step | None:
        """The step that led to :attr:`current`."""
        return self._shown

    def forget(self) -> None:
        """The map is another one, or the image."""
        self.background.drop(SLOT)
        self._image_id, self._places, self._visited = None, [], []
        self.leave()

    def renew(self) -> None:
        """The map is another one; the place that is looked at stays, and is reviewed."""
        self.background.drop(SLOT)
        self._image_id, self._places = None, []

    def leave(self) -> None:
        """No place is pointed at any more; what was reviewed stays so."""
        if self._shown is not None:
            self._shown = None
            self.changed.emit()

    @property
    def has_map(self) -> bool:
        """Whether it is known where the image is uncertain."""
        return self._image_id is not None

    def find(self, then: Callable[[], None]) -> None:
        """Find out where the image is uncertain, from the newest look or proposal, and go on with *then*."""
        session = self._session
        image, store = session.image, session.store
        if image is None or store is None or self._image_id == image.id:
            then()
            return
        found, proposal = read_cells(store.facts, image.id), session.proposal
        if found is not None or proposal is None or proposal.is_blank:
            self._take(found)
            then()
            return
        copy = proposal.shadow()

        def done(cells: tuple[npt.NDArray[np.uint8], int]) -> None:
            self._take(cells)
            then()

        self.background.run(SLOT, lambda _: cells_of_proposal(copy), done, session.say)

    def step(self) -> Step | None:
        """Go to the most uncertain place that was not reviewed; None when there is none left. First :meth:`find` them."""
        session = self._session
        waiting = [place for place in self._places if not self._is_reviewed(place)]
        if not waiting or session.image_id is None:
            self.leave()
            return None
        place = waiting[0]
        self._visited.append(_middle(place))
        store = session.store
        if store is not None and not session.is_read_only:
            try:
                keep_visited(store.facts, session.image_id, self._visited)
            except UserError as error:
                session.say_once("next", error)
        session.set_plane(place.z)
        total = len(self._places)
        self._shown = Step(place, total - len(waiting) + 1, total, len(waiting) - 1)
        self.changed.emit()
        return self._shown

    def confirm(self, rect: Rect | None = None) -> bool:
        """What is shown in *rect* (None: at :attr:`current`) is right: see :func:`segstudio.core.confirming.confirm_place`.

        One edit, which undo takes back. False when there is nothing to confirm; what stands in the way is said.
        """
        session = self._session
        if rect is None and self._shown is not None:
            rect = self._shown.place.rect
        if rect is None or session.labels is None or session.refuses_edits():
            return False
        session.work_interrupted.emit()
        session.proposals.settle(session.image_id)
        edit = confirm_place(
            session.labels,
            session.proposal,
            rect,
            z=session.plane,
            guard=session.guard,
            min_confidence=session.min_confidence,
            keep_hand=session.settings.flag("proposal.keeps_hand"),
        )
        if not session.record(edit):
            session.say("This place is confirmed already.")
            return False
        return True

    def start_over(self) -> None:
        """All places of the image shall be gone through again."""
        store, image_id = self._session.store, self._session.image_id
        if store is None or image_id is None or self._session.refuses_edits():
            return
        self._visited = []
        try:
            keep_visited(store.facts, image_id, [])
        except UserError as error:
            self._session.say(error)
        self.leave()

    def _take(self, found: tuple[npt.NDArray[np.uint8], int] | None) -> None:
        image, store = self._session.image, self._session.store
        if found is None or image is None or store is None:
            return
        self._places = worst_places(*found, image.width, image.height)
        self._visited = visited_of(store.facts, image.id)
        self._image_id = image.id

    def _is_reviewed(self, place: Place) -> bool:
        if any(z == place.z and place.rect.contains(x, y) for z, x, y in self._visited):
            return True
        return is_worked_on(place, touched_in([self._session.labels]))


def _middle(place: Place) -> tuple[int, int, int]:
    rect = place.rect
    return place.z, rect.x + rect.width // 2, rect.y + rect.height // 2
