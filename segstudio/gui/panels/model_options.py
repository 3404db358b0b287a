"""The options of a classic method or a pruned network, as a small form in the model panel."""

from __future__ import annotations

from typing import TYPE_CHECKING

from segstudio.gui.panels.option_form import OptionForm
from segstudio.ml.model_options import values_of

if TYPE_CHECKING:
    from segstudio.app.presenters.models import ModelsPresenter
    from segstudio.ml.cards import ModelCard


class ModelOptions(OptionForm):
    """A field for each option of the current model; hidden for a model that has none."""

    def __init__(self, presenter: ModelsPresenter) -> None:
        super().__init__()
        self._presenter = presenter
        self._card: ModelCard | None = None
        self.changed.connect(self._on_changed)
        self.hide()

    def show_card(self, card: ModelCard | None) -> None:
        """Show the options of a model."""
        options = () if card is None else tuple(o for o in self._presenter.options_of(card) if not o.is_minor)
        self._card = card
        self.show_options(options, {} if card is None else values_of(card))
        self.setVisible(bool(options))

    def _on_changed(self, key: str, value: object) -> None:
        if self._card is not None:
            self._presenter.set_option(self._card, key, value)
