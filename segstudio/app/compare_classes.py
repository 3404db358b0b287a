"""What the classes of two compared models are in the project; asked anew whenever the matching changes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from segstudio.app.presenters.models import DROP
from segstudio.core.classes import PALETTE, UNLABELLED, ClassDef

if TYPE_CHECKING:
    from collections.abc import Collection

    from segstudio.app.presenters.models import ModelsPresenter
    from segstudio.app.session import Session
    from segstudio.ml.cards import ModelCard

FIRST_OWN_ID = 50_001
"""Ids from here stand for one class of one model, in the layers that are compared."""
FIRST_EXTRA_ID = 60_001
"""Ids from here stand for classes that the project does not have; models with a class of that name share it."""


@dataclass(frozen=True)
class _Own:
    """A class of a model."""

    card: ModelCard
    index: int
    name: str


class CompareClasses:
    """Each class of each model has an id of its own; what it is in the project is looked up when it matters.

    So a change of *Match classes* is seen at once, with no new answer of the models.
    """

    def __init__(self, session: Session, models: ModelsPresenter) -> None:
        self._session, self._models = session, models
        self._own: dict[int, _Own] = {}
        self._targets: dict[int, int] = {}
        self._extras: tuple[ClassDef, ...] = ()
        self._shown: tuple[ClassDef, ...] = ()

    def clear(self) -> None:
        """Another comparison."""
        self._own = {}
        self.refresh()

    def add(self, card: ModelCard) -> dict[int, int]:
        """Model class index → own id, for every class that *card* can propose."""
        found: dict[int, int] = {}
        for index, name in card.foreground:
            found[index] = FIRST_OWN_ID + len(self._own)
            self._own[found[index]] = _Own(card, index, name)
        self.refresh()
        return found

    def refresh(self) -> bool:
        """Look up again what each is in the project; whether that, or how it looks, is another than before."""
        before = (self._targets, self._shown)
        wanted = {
            (card_id, row.index): row.class_id
            for card_id, card in {own.card.id: own.card for own in self._own.values()}.items()
            for row in self._models.mapping(card)
        }
        self._extras = ()
        self._targets = {}
        for own_id, own in self._own.items():
            class_id = wanted.get((own.card.id, own.index), DROP)
            self._targets[own_id] = self._extra(own).id if class_id is None else class_id
        looks = {item.id: item for item in self.known}
        self._shown = tuple(
            replace(looks[class_id], id=own_id) for own_id, class_id in self._targets.items() if class_id in looks
        )
        return before != (self._targets, self._shown)

    def _extra(self, own: _Own) -> ClassDef:
        key = own.name.casefold()
        known = next((extra for extra in self._extras if extra.name.casefold() == key), None)
        if known is None:
            used = {item.color.lower() for item in self.known}
            colors = own.card.colors
            color = colors[own.index].lower() if own.index < len(colors) else ""
            if len(color) != 7 or not color.startswith("#") or color in used:
                color = next((c for c in PALETTE if c.lower() not in used), PALETTE[own.index % len(PALETTE)])
            class_id = FIRST_EXTRA_ID + len(self._extras)
            known = ClassDef(class_id, own.name, class_id, color)
            self._extras = (*self._extras, known)
        return known

    @property
    def known(self) -> tuple[ClassDef, ...]:
        """The project's classes, then those that only the models have."""
        return (*self._session.classes, *self._extras)

    @property
    def shown(self) -> tuple[ClassDef, ...]:
        """How each own id looks; those left out are missing."""
        return self._shown

    @property
    def targets(self) -> dict[int, int]:
        """Own id → id of a :attr:`known` class; 0 where the class is left out."""
        return self._targets

    def by_id(self, class_id: int) -> ClassDef | None:
        """The known class with this id."""
        return next((item for item in self.known if item.id == class_id), None)

    def kept(self, own_ids: Collection[int], model_name: str) -> dict[int, int] | None:
        """Own id → class id in the project; what the project lacks is added, as one edit. None when that is refused."""
        table = self._session.classes
        class_map: dict[int, int] = {}
        for own_id in sorted(own_ids):
            item = self.by_id(self._targets.get(own_id, UNLABELLED))
            if item is None:
                continue  # left out
            found = table.by_id(item.id) or table.by_name(item.name)
            if found is None:
                table = table.added(item.name, color=item.color)
                found = table[len(table) - 1]
            class_map[own_id] = found.id
        if table != self._session.classes:
            if not self._session.class_editor.put_table(f"Add classes of {model_name}", table):
                return None
        return class_map
