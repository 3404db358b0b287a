"""Which refinement is chosen, and its options as they were set in this project."""

from __future__ import annotations

from typing import TYPE_CHECKING

from segstudio.app.events import Signal
from segstudio.core.errors import UserError
from segstudio.ml.refine.table import REFINE_CARDS, method_of, with_options

if TYPE_CHECKING:
    from segstudio.app.session import Session
    from segstudio.ml.cards import ModelCard
    from segstudio.ml.classic.options import Option

METHOD = "refine.method"


class RefineChoice:
    """``changed``: another method is chosen, or an option of it has another value."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.changed: Signal[[]] = Signal()

    @property
    def cards(self) -> tuple[ModelCard, ...]:
        """Every way to refine, with its options as they are set."""
        return tuple(map(self._as_set, REFINE_CARDS))

    @property
    def card(self) -> ModelCard:
        """The chosen one; the first where what was chosen is gone."""
        wanted = self.session.settings.text(METHOD)
        found = next((card for card in REFINE_CARDS if card.id == wanted), REFINE_CARDS[0])
        return self._as_set(found)

    def choose(self, method_id: str) -> None:
        """Choose a method; remembered for other projects too."""
        if method_id != self.card.id and any(card.id == method_id for card in REFINE_CARDS):
            self.session.settings.set(METHOD, method_id)
            self.changed.emit()

    def options_of(self, card: ModelCard) -> tuple[Option, ...]:
        """What can be set of a method."""
        return method_of(card).options

    def set_option(self, card: ModelCard, key: str, value: object) -> None:
        """Set an option; remembered in the project. What does not fit is said, and not set."""
        present = self._as_set(card)
        try:
            changed = with_options(present, {key: value})
        except UserError as error:
            self.session.say(error)
            return
        if changed.options != present.options:
            self.session.set_meta(_key(card), dict(changed.options))
            self.changed.emit()

    def reset(self) -> None:
        """All options of the chosen method as they are at first."""
        self.session.set_meta(_key(self.card), {})
        self.changed.emit()

    def _as_set(self, card: ModelCard) -> ModelCard:
        kept = self.session.meta(_key(card), {})
        try:
            return with_options(card, kept) if isinstance(kept, dict) and kept else card
        except UserError:
            return card  # kept by a version with other options


def _key(card: ModelCard) -> str:
    return f"options:{card.id}"
