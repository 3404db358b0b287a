"""What to label next: which images, in which order and why, from what models' looks at them found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from segstudio.app.events import Signal
from segstudio.app.place_desk import PlaceDesk
from segstudio.app.suspect_desk import SuspectDesk
from segstudio.app.tools.background import ImmediateBackground
from segstudio.core.errors import UserError
from segstudio.core.looks import order_looks
from segstudio.io.looks import keep_look, looks_without_maps, read_looked, read_suspects

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from segstudio.app.session import Session
    from segstudio.app.tools.background import ToolBackground
    from segstudio.core.cancel import CancelToken
    from segstudio.core.label_errors import Suspect
    from segstudio.core.looks import Look
    from segstudio.core.ordering import Basis, Reason
    from segstudio.io.looks import Looked
    from segstudio.io.store.facts import ImageFacts


@dataclass(frozen=True)
class NextImage:
    """An image's place among those to label, 0 first, and why it is there."""

    image_id: int
    place: int
    uncertainty: float
    reason: Reason


@dataclass(frozen=True)
class Found:
    """What is known of a project: its looks, the order that follows, and suspect labels by image id."""

    looked: dict[int, Looked]
    order: tuple[NextImage, ...]
    suspects: dict[int, list[Suspect]]


class NextDesk:
    """Keeps what models' looks found, and the order that follows. ``places`` and ``suspects`` are about places within images."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self.changed: Signal[[]] = Signal()
        """Looks came or went, or the order is another one."""
        self.places = PlaceDesk(session)
        self.suspects = SuspectDesk(session)
        self._background: ToolBackground = ImmediateBackground()
        self._looked: dict[int, Looked] = {}
        self._order: tuple[NextImage, ...] = ()
        self._by_id: dict[int, NextImage] = {}
        session.project_changed.connect(self._on_project_changed)
        session.images_changed.connect(self.refresh)
        session.image_records_changed.connect(self._on_records_changed)
        session.image_record_changed.connect(lambda image_id: self._on_records_changed([image_id]))
        session.settings.changed.connect(self._on_setting_changed)
        self._statuses: dict[int, bool] = {}

    def use_background(self, background: ToolBackground) -> None:
        """Where looks are read, images ordered and proposals gone through; a window puts a thread here."""
        self._background = self.places.background = background

    # -- asking --------------------------------------------------------------------------------------------------

    @property
    def looked(self) -> Mapping[int, Looked]:
        """The figures of the last look at each image, by image id; images that no model looked at are missing."""
        return self._looked

    @property
    def order(self) -> tuple[NextImage, ...]:
        """The images that are not done and were looked at as the newest was, the most worthwhile first."""
        return self._order

    def of_image(self, image_id: int) -> NextImage | None:
        """An image's place in :attr:`order`."""
        return self._by_id.get(image_id)

    @property
    def newest(self) -> Looked | None:
        """The look that came last."""
        return max(self._looked.values(), key=lambda one: one.at_s, default=None)

    @property
    def basis(self) -> Basis:
        """What images are ordered by."""
        return cast("Basis", self._session.settings.text("next.basis"))

    def wanting(self, kind: tuple[str, str, str]) -> list[int]:
        """Ids of the images that nobody looked at in this way (model, measure, other model) and whose file is there."""
        return [
            record.id
            for record in self._session.images
            if not record.is_missing and (record.id not in self._looked or self._looked[record.id].kind != kind)
        ]

    # -- what comes ----------------------------------------------------------------------------------------------

    def receive(self, image_id: int, look: Look, kind: tuple[str, str, str]) -> bool:
        """Keep a look at an image; False, and said once, where the project cannot be written to."""
        store = self._session.store
        if store is None or self._session.refuses_edits():
            return False
        model_id, measure, other_id = kind
        try:
            keep_look(store.facts, image_id, look, measure=measure, model_id=model_id, other_id=other_id)
        except UserError as error:
            self._session.say_once("next", error)
            return False
        if image_id == self._session.image_id:
            self.places.forget()
        return True

    def refresh(self) -> None:
        """Read what is known and order the images anew, in the background."""
        store = self._session.store
        if store is None:
            self._put(Found({}, (), {}))
            return
        facts, basis = store.facts, self.basis
        known = {record.id: record.status == "done" for record in self._session.images}
        self._statuses = known

        def work(_: CancelToken) -> Found:
            return found_in(facts, known, basis)

        self._background.run("next.order", work, self._put, self._session.say)

    def _put(self, found: Found) -> None:
        if not found.looked and not self._looked:
            return
        self._looked, self._order = found.looked, found.order
        self._by_id = {one.image_id: one for one in found.order}
        self.suspects.put(found.suspects)
        self.changed.emit()

    # -- listeners -----------------------------------------------------------------------------------------------

    def _on_project_changed(self) -> None:
        self._background.drop("next.order")
        self._put(Found({}, (), {}))
        self.places.forget()
        if self._session.store is not None:
            self.refresh()

    def _on_records_changed(self, image_ids: Sequence[int]) -> None:
        """A stroke makes an image one in progress, which changes nothing here; «done» does."""
        if not self._looked:
            return
        for image_id in image_ids:
            record = self._session.image_record(image_id)
            if record is not None and self._statuses.get(image_id) != (record.status == "done"):
                self.refresh()
                return

    def _on_setting_changed(self, key: str, _: object) -> None:
        if key == "next.basis":
            self.refresh()


def found_in(facts: ImageFacts, known: Mapping[int, bool], basis: Basis) -> Found:
    """What *facts* tell of the *known* images (image id, whether it is done)."""
    looked = {image_id: one for image_id, one in read_looked(facts).items() if image_id in known}
    if not looked:
        return Found({}, (), {})
    kind = max(looked.values(), key=lambda one: one.at_s).kind
    alike = {image_id: one for image_id, one in looked.items() if one.kind == kind}
    looks = looks_without_maps(alike, facts)
    order = order_of(looks, [i for i in alike if known[i]], basis)
    return Found(looked, order, read_suspects(facts))


def order_of(looks: Mapping[int, Look], done: Collection[int], basis: Basis) -> tuple[NextImage, ...]:
    """The images of *looks* (by id) that are not *done*, the most worthwhile first."""
    pool: Sequence[int] = [image_id for image_id in looks if image_id not in set(done)]
    picks = order_looks([looks[i] for i in pool], by=basis, labelled=[looks[i] for i in done])
    return tuple(
        NextImage(pool[pick.index], place, looks[pool[pick.index]].uncertainty, pick.reason)
        for place, pick in enumerate(picks)
    )
