"""What a run is to be: network, encoder, what it starts from, what stays frozen, loss and steps; and what that will cost."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import (
    QComboBox,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSpinBox,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from segstudio.app.presenters.training import LOSSES
from segstudio.app.presenters.training_choices import FREEZE_STEP
from segstudio.gui.dialogs.common import muted
from segstudio.gui.i18n import tr
from segstudio.gui.panels.encoder_chooser import EncoderChooser
from segstudio.gui.panels.number_box import NumberBox
from segstudio.gui.panels.option_form import OptionForm
from segstudio.gui.panels.parts import ValueSlider, follow_theme, percent, tool_button, wrapped
from segstudio.gui.panels.train_texts import about_text, advice_of, costs_text, time_text, warning_text, weights_text

if TYPE_CHECKING:
    from segstudio.app.presenters.training import TrainingPresenter
    from segstudio.gui.model_control import ModelControl

LOSS_TITLES = {
    "ce+dice": "cross-entropy + Dice",
    "ce": "cross-entropy",
    "dice": "Dice",
    "ce+lovasz": "cross-entropy + Lovász",
    "focal": "focal",
    "tversky": "Tversky",
    "lovasz": "Lovász",
    "dice+boundary": "Dice + boundary",
    "ohem": "hard pixels (OHEM)",
    "bce": "binary cross-entropy",
}
LOSS_TIPS = {
    "ce+dice": "Good for most pictures",
    "ce": "Every pixel counts alike, so large classes count most",
    "dice": "Overlap: small classes count as much as large ones",
    "ce+lovasz": "Learns for the IoU: good when small regions are lost",
    "focal": "Pixels that are right already count little: for rare classes",
    "tversky": "Rather marks too much than misses something: for small lesions and defects",
    "lovasz": "The IoU alone: for training a model further",
    "dice+boundary": "Pixels far from the true border cost more: for clean outlines",
    "ohem": "Learns from the pixels that are wrong or unsure only",
    "bce": "Asks yes or no for each class by itself",
}
"""When to choose a loss; as tool tips."""
LABELS_PX = 84
"""Fields stand below each other, whichever grid they are in."""
SCRATCH = "\0scratch"
"""In place of a model's id in the list of what to start from."""


class TrainChoices(QWidget):
    """Shows the presenter's choices and changes them; ``asked(action id)`` for what leads on."""

    asked = Signal(str)

    def __init__(self, presenter: TrainingPresenter, models: ModelControl) -> None:
        super().__init__()
        self._presenter, self._models = presenter, models
        self._is_filling = False
        self._refusal = ""
        self.arch = self._combo(tr("Network"), "arch")
        self.encoder = EncoderChooser()
        self.start_from = self._combo(tr("Start from"), "start_from")
        self.loss = self._combo(tr("Loss"), "loss")
        self._about = muted("", small=True)
        self._weights = muted("", small=True)
        self._costs = muted("", small=True)
        self._warning = muted("", small=True)
        self._warning.setProperty("muted", False)
        self._warning.setProperty("danger", True)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addLayout(self._make_network())
        column.addWidget(self._make_more())
        column.addLayout(self._make_steps())
        column.addWidget(self._costs)
        column.addWidget(self._warning)
        for key, spec in presenter.architectures().items():
            self.arch.addItem(spec.title, key)
            self.arch.setItemData(self.arch.count() - 1, wrapped(advice_of(key)), Qt.ItemDataRole.ToolTipRole)
        self.arch.setMaxVisibleItems(24)
        self.encoder.chosen.connect(lambda name: self._choose("encoder", name))
        self.encoder.refused.connect(self._on_refused)

    # -- building --------------------------------------------------------------------------------------------------

    def _make_network(self) -> QGridLayout:
        grid = _grid()
        rows: tuple[tuple[str, QWidget, QLabel | None], ...] = (
            (tr("Network"), self.arch, self._about),
            (tr("Encoder"), self.encoder, self._weights),
            (tr("Start from"), self.start_from, None),
        )
        for title, field, note in rows:
            row = grid.rowCount()
            _label(grid, title, row, field)
            grid.addWidget(field, row, 1)
            if note is not None:
                grid.addWidget(note, row + 1, 0, 1, 2)
        return grid

    def _make_more(self) -> QWidget:
        self.more_button = QToolButton()
        self.more_button.setText(tr("More"))
        self.more_button.setCheckable(True)
        self.more_button.setAutoRaise(True)
        self.more_button.setToolTip(tr("What stays frozen, and options of the network"))
        self.more_button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.more_button.toggled.connect(self._show_more)
        self.freeze = ValueSlider(tr("Frozen"), 0.0, 1.0, FREEZE_STEP, percent)
        self.freeze.slider.setToolTip(
            tr("Layers of the encoder that learn nothing, from the input on: needs less memory, and fewer labels")
        )
        self.freeze.moved.connect(lambda value: self._choose("freeze", round(value, 2)))
        self.refine = self._combo(tr("Refinement"), "refine")
        self.refine.setToolTip(
            tr("Layers after the network that move borders onto the edges of the image and learn with it")
        )
        self.options = OptionForm(labels_px=LABELS_PX)
        self.options.changed.connect(self._on_option)
        self._more = QWidget()
        column = QVBoxLayout(self._more)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        grid = _grid()
        fields = ((tr("Frozen"), self.freeze), (tr("Refinement"), self.refine), (tr("Loss"), self.loss))
        for row, (title, field) in enumerate(fields):
            _label(grid, title, row, field)
            grid.addWidget(field, row, 1)
        column.addWidget(self.options)
        column.addLayout(grid)
        box = QWidget()
        whole = QVBoxLayout(box)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(4)
        self.all_button = QPushButton()
        self.all_button.setToolTip(
            tr("Splits, augmentation, loss, optimiser, precision and checkpoints, each with when to change it")
        )
        self.all_button.clicked.connect(lambda: self.asked.emit("train.all_settings"))
        row = QHBoxLayout()
        row.addWidget(self.more_button)
        row.addStretch(1)
        row.addWidget(self.all_button)
        whole.addLayout(row)
        whole.addWidget(self._more)
        self._show_more(False)
        return box

    def _make_steps(self) -> QGridLayout:
        self.epochs = self._spin(tr("Epochs"), "epochs", 1, 10_000, 1)
        self.batch = self._spin(tr("Batch"), "batch", 1, 256, 1)
        self.patch = self._spin(tr("Patch"), "patch_px", 32, 2048, 32, " px")
        self.rate = NumberBox()
        self.rate.setRange(1e-7, 10.0)
        self.rate.setKeyboardTracking(False)
        self.rate.setAccessibleName(tr("Learning rate"))
        self.rate.valueChanged.connect(lambda value: self._choose("lr", value))
        self.find_button = tool_button(
            "search", tr("Find a learning rate"), tr("Find a learning rate"), lambda: self.asked.emit("train.find_rate")
        )
        self.find_button.setIconSize(QSize(16, 16))
        grid = QGridLayout()
        grid.setHorizontalSpacing(8)
        grid.setVerticalSpacing(4)
        pairs = (
            (tr("Epochs"), self.epochs, tr("Batch"), self.batch),
            (tr("Patch"), self.patch, tr("Rate"), self.rate),
        )
        for row, (left, left_field, right, right_field) in enumerate(pairs):
            for place, title, field in ((0, left, left_field), (2, right, right_field)):
                _label(grid, title, row, field, place)
                grid.addWidget(field, row, place + 1)
                field.setMinimumWidth(72)
        follow_theme(self)
        grid.addWidget(self.find_button, 1, 4)
        grid.setColumnStretch(1, 1)
        grid.setColumnStretch(3, 1)
        return grid

    def _combo(self, name: str, key: str) -> QComboBox:
        box = QComboBox()
        box.setAccessibleName(name)
        box.setMinimumContentsLength(8)
        box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        box.activated.connect(lambda row: self._choose(key, box.itemData(row)))
        return box

    def _spin(self, name: str, key: str, low: int, high: int, step: int, suffix: str = "") -> QSpinBox:
        box = QSpinBox()
        box.setRange(low, high)
        box.setSingleStep(step)
        box.setSuffix(suffix)
        box.setKeyboardTracking(False)
        box.setAccessibleName(name)
        box.valueChanged.connect(lambda value: self._choose(key, value))
        return box

    # -- showing ---------------------------------------------------------------------------------------------------

    def show_choices(self) -> None:
        """Fill the fields from what is chosen."""
        self._is_filling = True
        presenter, choices = self._presenter, self._presenter.choices
        self.arch.setCurrentIndex(max(0, self.arch.findData(choices.arch)))
        self.arch.setToolTip(wrapped(advice_of(choices.arch)))
        self.encoder.show_choice(choices.arch, choices.encoder)
        _fill(self.start_from, self._starts(), choices.start_from or ("" if choices.start == "imagenet" else SCRATCH))
        losses = LOSSES if choices.loss in LOSSES else (*LOSSES, choices.loss)
        _fill(self.loss, [(key, tr(LOSS_TITLES.get(key, key))) for key in losses], choices.loss)
        for row, key in enumerate(losses):
            self.loss.setItemData(row, wrapped(tr(LOSS_TIPS.get(key, ""))), Qt.ItemDataRole.ToolTipRole)
        self.loss.setToolTip(wrapped(tr(LOSS_TIPS.get(choices.loss, ""))))
        _fill(self.refine, [("", tr("none")), *presenter.refinements()], choices.refine)
        self.freeze.set_value(choices.freeze)
        self.freeze.setEnabled(choices.can_freeze)
        self.options.show_options(choices.options, choices.option_values)
        self.options.setVisible(bool(choices.options))
        self.epochs.setValue(choices.epochs)
        self.batch.setValue(choices.batch)
        self.patch.setValue(choices.patch_px)
        self.rate.setValue(choices.lr)
        self._is_filling = False
        self._show_texts()

    @property
    def texts(self) -> str:
        """The lines under the fields, as shown."""
        return "\n".join(label.text() for label in (self._about, self._weights, self._costs, self._warning))

    def _show_texts(self) -> None:
        choices, found = self._presenter.choices, self._presenter.estimate()
        shown_here = ("epochs", "batch", "patch_px", "lr", "loss")
        count = sum(key not in shown_here for key in self._presenter.changed_keys())
        self.all_button.setText(
            tr("All settings… (%1 changed)").replace("%1", str(count)) if count else tr("All settings…")
        )
        self._about.setText(about_text(choices.arch))
        self._weights.setText(self._refusal or weights_text(choices))
        for name, is_so in (("danger", bool(self._refusal)), ("muted", not self._refusal)):
            self._weights.setProperty(name, is_so)
        self._weights.style().polish(self._weights)
        time = time_text(self._presenter.time_estimate())
        self._costs.setText(costs_text(found) + (f"\n{time[0].upper()}{time[1:]}" if time else ""))
        faults = self._presenter.faults()
        warning = " ".join([*faults.values(), warning_text(found)]).strip()
        self._warning.setText(warning)
        self._warning.setVisible(bool(warning))

    def _show_more(self, is_shown: bool) -> None:
        self._more.setVisible(is_shown)
        self.more_button.setArrowType(Qt.ArrowType.DownArrow if is_shown else Qt.ArrowType.RightArrow)

    def _starts(self) -> list[tuple[str, str]]:
        arches, choices = self._presenter.architectures(), self._presenter.choices
        known = [
            (entry.card.id, entry.card.name or entry.card.id)
            for entry in self._models.entries()
            if entry.is_available and entry.card.architecture in arches
        ]
        imagenet = [("", tr("ImageNet encoder"))] if choices.has_imagenet else []
        return [*imagenet, (SCRATCH, tr("from scratch")), *known]

    # -- choosing --------------------------------------------------------------------------------------------------

    def _on_option(self, key: str, value: object) -> None:
        self._choose("arch_options", {**self._presenter.choices.arch_options, key: value})

    def _on_refused(self, sentence: str) -> None:
        self._refusal = sentence
        self._show_texts()

    def _choose(self, key: str, value: object) -> None:
        if self._is_filling:
            return
        self._refusal = ""
        if key == "start_from":
            self._start_from(str(value))
        elif key in ("arch", "encoder"):
            self._presenter.choose(**{key: value, "start_from": ""})
        else:
            self._presenter.choose(**{key: value})
        # Also where nothing changed: what was refused before is not shown any more.
        self._show_texts()

    def _start_from(self, wanted: str) -> None:
        entry = next((one for one in self._models.entries() if one.card.id == wanted), None)
        if entry is None:
            self._presenter.choose(start_from="", is_pretrained=wanted != SCRATCH)
        else:
            self._presenter.choose_model(entry.card)


def _grid() -> QGridLayout:
    grid = QGridLayout()
    grid.setHorizontalSpacing(12)
    grid.setVerticalSpacing(4)
    grid.setColumnStretch(1, 1)
    grid.setColumnMinimumWidth(0, LABELS_PX)
    return grid


def _label(grid: QGridLayout, title: str, row: int, field: QWidget, column: int = 0) -> None:
    label = QLabel(title)
    label.setBuddy(field)
    grid.addWidget(label, row, column)


def _fill(box: QComboBox, rows: list[tuple[str, str]], current: str) -> None:
    box.clear()
    for key, title in rows:
        box.addItem(title, key)
    box.setCurrentIndex(max(0, box.findData(current)))
