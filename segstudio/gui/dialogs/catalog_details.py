"""What is known of one model of the catalog: figures for the open image, when to choose it, facts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import (
    QComboBox,
    QFormLayout,
    QFrame,
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QScrollArea,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from segstudio.app.presenters.catalog import KINDS, kind_of
from segstudio.gui import icons
from segstudio.gui.dialogs.catalog_list import state_text
from segstudio.gui.dialogs.common import heading, muted
from segstudio.gui.i18n import tr
from segstudio.gui.panels.model_chooser import size_text

if TYPE_CHECKING:
    from segstudio.app.presenters.catalog import CatalogPresenter
    from segstudio.ml.catalog_entry import CatalogEntry


class Figure(QWidget):
    """A number, large, and below it what it is of."""

    def __init__(self) -> None:
        super().__init__()
        self.value = heading("", 1.25)
        self.value.setWordWrap(False)
        self.caption = muted("", small=True)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.value)
        column.addWidget(self.caption)
        column.addStretch(1)

    def show_figure(self, value: str, caption: str) -> None:
        """Show it; nothing without a value."""
        self.value.setText(value)
        self.caption.setText(caption)
        self.setAccessibleName(f"{value} {caption}")
        self.setVisible(bool(value))


class CatalogDetails(QWidget):
    """The right half of the catalog. ``encoder_chosen`` when another encoder was picked, ``star_clicked`` for the star."""

    encoder_chosen = Signal(str)
    star_clicked = Signal()

    def __init__(self, presenter: CatalogPresenter) -> None:
        super().__init__()
        self._presenter = presenter
        self.entry: CatalogEntry | None = None
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addLayout(self._make_head())
        column.addWidget(self._make_figures())
        self._area = QScrollArea()
        self._area.setWidgetResizable(True)
        self._area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._area.viewport().setAutoFillBackground(False)
        column.addWidget(self._area, 1)
        self.progress = QProgressBar()
        self.progress.setRange(0, 1000)
        self.progress.hide()
        column.addWidget(self.progress)

    @property
    def encoder(self) -> str:
        """The encoder picked for an untrained network; "" where there is no choice."""
        return str(self.encoders.currentData() or "") if self.encoders.count() else ""

    def _make_head(self) -> QVBoxLayout:
        self.title = heading("", 1.35)
        self.star = QToolButton()
        self.star.setCheckable(True)
        self.star.setIconSize(QSize(20, 20))
        self.star.setShortcut("Ctrl+D")
        self.star.clicked.connect(self.star_clicked)
        self.subtitle = muted("", small=True)
        self.encoders = QComboBox()
        self.encoders.setAccessibleName(tr("Encoder"))
        self.encoders.activated.connect(self._on_encoder)
        top = QHBoxLayout()
        top.addWidget(self.title, 1)
        top.addWidget(self.star, 0, Qt.AlignmentFlag.AlignTop)
        self._encoder_label = QLabel(tr("Encoder"))
        self._encoder_label.setBuddy(self.encoders)
        choice = QHBoxLayout()
        choice.setSpacing(12)
        choice.addWidget(self._encoder_label)
        choice.addWidget(self.encoders, 1)
        column = QVBoxLayout()
        column.setSpacing(4)
        column.addLayout(top)
        column.addWidget(self.subtitle)
        column.addLayout(choice)
        return column

    def _make_figures(self) -> QFrame:
        self._card = QFrame()
        self._card.setProperty("card", True)
        row = QHBoxLayout(self._card)
        row.setContentsMargins(12, 8, 12, 8)
        row.setSpacing(16)
        self.parameters, self.adds, self.memory, self.image = (Figure() for _ in range(4))
        for figure in (self.parameters, self.adds, self.memory, self.image):
            row.addWidget(figure, 1)
        return self._card

    # -- showing ---------------------------------------------------------------------------------------------------

    def show_entry(self, entry: CatalogEntry | None) -> None:
        """Show a model; with none an empty half."""
        is_other = self.entry is None or entry is None or self.entry.card.id != entry.card.id
        self.entry = entry
        self.setVisible(entry is not None)
        if entry is None:
            return
        card = entry.card
        self.title.setText(card.name or card.id)
        title = dict(KINDS).get(kind_of(entry), "")
        self.subtitle.setText(" · ".join(part for part in (tr(title) if title else "", state_text(entry)) if part))
        self.show_star()
        if is_other:
            self._fill_encoders(entry)
        self._show_costs()
        self._show_facts()

    def show_star(self) -> None:
        """Draw the star as the settings have it."""
        if self.entry is None:
            return
        is_on = self._presenter.is_favourite(self.entry.card.id)
        self.star.setChecked(is_on)
        self.star.setIcon(icons.icon("star-filled" if is_on else "star", "accent" if is_on else "muted"))
        name = tr("No favourite any more") if is_on else tr("Make it a favourite")
        self.star.setToolTip(f"{name} (Ctrl+D)")
        self.star.setAccessibleName(name)

    def _fill_encoders(self, entry: CatalogEntry) -> None:
        choices = self._presenter.encoders(entry)
        self.encoders.clear()
        if len(choices) > 1:
            for name in choices:
                costs = entry.costs(encoder=name)
                title = self._presenter.encoder_title(name) or tr("its own")
                self.encoders.addItem(f"{title} · {costs.parameters / 1e6:.1f} M" if costs else title, name)
            self.encoders.setCurrentIndex(max(0, self.encoders.findData(entry.card.encoder)))
        for part in (self._encoder_label, self.encoders):
            part.setVisible(len(choices) > 1)

    def _show_costs(self) -> None:
        entry = self.entry
        assert entry is not None
        costs, image = self._presenter.costs(entry, self.encoder), self._presenter.image_costs(entry, self.encoder)
        number = costs.parameters if costs is not None else entry.card.parameters or 0
        self.parameters.show_figure(f"{number / 1e6:.1f} M" if number else "", tr("parameters"))
        tile = f"{costs.width} × {costs.height}" if costs else ""
        self.adds.show_figure(
            giga_text(costs.multiply_adds) if costs else "", tr("multiply-adds for a tile of %1").replace("%1", tile)
        )
        self.memory.show_figure(size_text(costs.memory_bytes) if costs else "", tr("of memory, about, for such a tile"))
        text = tr("multiply-adds for this image, in %n tile(s)", image.windows) if image else ""
        self.image.show_figure(giga_text(image.multiply_adds) if image else "", text)
        self._card.setVisible(bool(number))

    def _show_facts(self) -> None:
        inner = QWidget()
        column = QVBoxLayout(inner)
        column.setContentsMargins(0, 0, 8, 0)
        column.setSpacing(8)
        entry = self.entry
        assert entry is not None
        is_said = entry.needs_download or kind_of(entry) in ("network", "encoder")
        if entry.reason and not is_said:
            column.addWidget(muted(entry.reason))
        if entry.advice:
            column.addWidget(muted(tr("When to choose it"), small=True))
            self.advice = QLabel(tr(entry.advice))
            self.advice.setTextFormat(Qt.TextFormat.PlainText)
            self.advice.setWordWrap(True)
            self.advice.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            column.addWidget(self.advice)
        form = QFormLayout()
        form.setSpacing(6)
        form.setHorizontalSpacing(16)
        for title, text in facts_of(entry, self._presenter, self.encoder):
            value = QLabel(text)
            value.setTextFormat(Qt.TextFormat.PlainText)
            value.setWordWrap(True)
            value.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            name = muted(title)
            name.setWordWrap(False)
            name.setAlignment(Qt.AlignmentFlag.AlignTop)
            form.addRow(name, value)
        column.addLayout(form)
        column.addStretch(1)
        inner.setAutoFillBackground(False)
        self._area.setWidget(inner)
        inner.setAutoFillBackground(False)

    def _on_encoder(self, _: int) -> None:
        self._show_costs()
        self._show_facts()
        self.encoder_chosen.emit(self.encoder)


def giga_text(number: int) -> str:
    """Operations in the unit a person reads: "9.1 G", "2.2 T"."""
    return f"{number / 1e12:.1f} T" if number >= 1e12 else f"{number / 1e9:.1f} G"


def facts_of(entry: CatalogEntry, presenter: CatalogPresenter, encoder: str) -> list[tuple[str, str]]:
    """(title, text) of each fact that is known, with this encoder in place of the card's."""
    card, network = entry.card, presenter.network(entry)
    is_encoder = card.task == "encoder"
    scores = ", ".join(
        f"{name} {value:.3g}" for name, value in card.metrics.items() if isinstance(value, (int, float)) and value <= 1
    )
    own = "" if network is None else tr("its own")
    shown_encoder = presenter.encoder_title(encoder or card.encoder) or own
    use = tr("research use: its data is not free for every purpose") if card.is_research_only else ""
    rows = [
        (
            tr("Network"),
            "" if is_encoder else network.title if network else card.architecture if card.parameters else "",
        ),
        (tr("Encoder"), "" if is_encoder else shown_encoder),
        (tr("Classes"), ", ".join(name for _, name in card.foreground)),
        *(_encoder_rows(entry, presenter) if is_encoder else []),
        (tr("Training"), _training_text(entry, presenter, encoder)),
        (tr("Paper"), network.paper if network else ""),
        (tr("Data"), " · ".join(part for part in (card.data, card.data_licence, card.split) if part)),
        (tr("Licence"), " · ".join(part for part in (card.licence, use) if part)),
        (tr("Held-out score"), scores),
        (tr("Source"), "" if kind_of(entry) == "network" else entry.source),
        (tr("Id"), card.id),
    ]
    return [(title, text) for title, text in rows if text]


def _encoder_rows(entry: CatalogEntry, presenter: CatalogPresenter) -> list[tuple[str, str]]:
    from segstudio.ml.networks.costs import encoder_facts
    from segstudio.ml.networks.table import ENCODERS

    name = entry.card.encoder
    strides = ", ".join(map(str, encoder_facts(name).strides))
    if strides and ENCODERS[name].has_atrous:
        strides += "; " + tr("dilated at stride 8 or 16 as well")
    weights = (
        tr("are on this computer") if entry.is_available else tr("are fetched by the first training that wants them")
    )
    networks = ", ".join(presenter.networks_for(name))
    return [(tr("Strides"), strides), (tr("ImageNet weights"), weights), (tr("For networks"), networks)]


def _training_text(entry: CatalogEntry, presenter: CatalogPresenter, encoder: str) -> str:
    from segstudio.ml.networks.costs import REFERENCE_PX

    costs = entry.costs(
        REFERENCE_PX // 2, REFERENCE_PX // 2, encoder=encoder, classes=len(presenter.session.classes) + 1
    )
    if costs is None or not costs.training_image_bytes:
        return ""
    text = tr("about %1 of memory, and %2 for each patch of %3 px in a batch")
    values = (size_text(costs.training_fixed_bytes), size_text(costs.training_image_bytes), str(costs.width))
    for number, value in enumerate(values, start=1):
        text = text.replace(f"%{number}", value)
    return text
