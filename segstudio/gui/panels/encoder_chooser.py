"""The list of encoders: those that fit the network, by family; typing filters them, and names any network of timm."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QStringListModel, Qt, Signal
from PySide6.QtGui import QStandardItem, QStandardItemModel
from PySide6.QtWidgets import QComboBox, QCompleter, QSizePolicy, QWidget

from segstudio.app.presenters.training_choices import encoder_groups, encoder_named, encoder_title, takes_any_timm
from segstudio.core.errors import UserError
from segstudio.gui.i18n import tr
from segstudio.gui.panels.parts import wrapped
from segstudio.ml.networks.table import NO_ENCODER, TIMM_PREFIX

if TYPE_CHECKING:
    from PySide6.QtGui import QFocusEvent

SHOWN_NAMES = 12
FAMILY_TITLES = ("Its own", "Others")
"""Titles of groups that are words, not names."""


class EncoderChooser(QComboBox):
    """``chosen(encoder id)`` for a choice of the user; ``refused(sentence)`` for a name that is none or doesn't fit."""

    chosen = Signal(str)
    refused = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(tr("Encoder"))
        self.setEditable(True)
        self.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setMinimumContentsLength(8)
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.setMaxVisibleItems(24)
        self._arch, self._current = "", ""
        self._names_for = ""
        line = self.lineEdit()
        assert line is not None
        self._line = line
        self._names = QStringListModel(self)
        self._completer = QCompleter(self._names, self)
        self._completer.setCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
        self._completer.setFilterMode(Qt.MatchFlag.MatchContains)
        self._completer.setMaxVisibleItems(SHOWN_NAMES)
        self._completer.activated[str].connect(self._on_typed)
        line.setCompleter(self._completer)
        line.setAccessibleName(tr("Encoder"))
        line.textEdited.connect(self._fill_names)
        line.editingFinished.connect(self._on_editing_finished)
        self.activated.connect(self._on_activated)

    def show_choice(self, arch: str, current: str) -> None:
        """List the encoders of a network and show the one chosen, telling nobody."""
        self.blockSignals(True)
        if arch != self._arch:
            self._arch, self._names_for = arch, ""
            self.setModel(self._make_model())
            self._completer.setModel(self._names)  # the list has put its own in
        self._current = current
        self.setCurrentIndex(self.findData(current))
        self._show_text()
        self.blockSignals(False)
        self.setEnabled(len(self.ids()) > 1)

    def ids(self) -> list[str]:
        """The encoders that can be chosen from the list."""
        found = [self.itemData(row) for row in range(self.count())]
        return [name for name in found if name and name != TIMM_PREFIX]

    def focusOutEvent(self, event: QFocusEvent) -> None:  # noqa: N802
        """What was typed half is put back."""
        super().focusOutEvent(event)
        if not self._completer.popup().isVisible():
            self._show_text()

    def _make_model(self) -> QStandardItemModel:
        from segstudio.ml.advice import ENCODERS as ADVICE

        model = QStandardItemModel(self)
        for title, rows in encoder_groups(self._arch):
            model.appendRow(_header(tr(title) if title in FAMILY_TITLES else title))
            for name, text in rows:
                item = QStandardItem(tr("its own") if name == NO_ENCODER else text)
                item.setData(name, Qt.ItemDataRole.UserRole)
                item.setToolTip(
                    wrapped(
                        tr(ADVICE[name]) if name in ADVICE else tr("The encoder of the network's paper, from scratch")
                    )
                )
                model.appendRow(item)
        if takes_any_timm(self._arch):
            model.appendRow(_header("timm"))
            item = QStandardItem(tr("Any timm network…"))
            item.setData(TIMM_PREFIX, Qt.ItemDataRole.UserRole)
            item.setToolTip(tr("Type the name of any convolutional network of the library timm"))
            model.appendRow(item)
        return model

    def _fill_names(self, _: str = "") -> None:
        if self._names_for == self._arch:
            return
        self._names_for = self._arch
        names = [title for _, rows in encoder_groups(self._arch) for name, title in rows if name != NO_ENCODER]
        if takes_any_timm(self._arch):
            from segstudio.ml.encoders.timm_names import timm_names

            names += [TIMM_PREFIX + name for name in timm_names()]
        self._names.setStringList(names)

    def _show_text(self) -> None:
        self._line.setText(tr("its own") if self._current == NO_ENCODER else encoder_title(self._current))
        self._line.setCursorPosition(0)

    def _on_activated(self, row: int) -> None:
        name = self.itemData(row)
        if name != TIMM_PREFIX:
            self._choose(str(name))
            return
        self._fill_names()
        self._line.setText(TIMM_PREFIX)
        self._line.setFocus(Qt.FocusReason.OtherFocusReason)
        self._completer.setCompletionPrefix(TIMM_PREFIX)
        self._completer.complete()

    def _on_editing_finished(self) -> None:
        if self._line.isModified() and not self._completer.popup().isVisible():
            self._on_typed(self._line.text())

    def _on_typed(self, text: str) -> None:
        self._line.setModified(False)
        shown = tr("its own") if self._current == NO_ENCODER else encoder_title(self._current)
        if text.strip() in ("", shown):
            self._show_text()
            return
        try:
            self._choose(encoder_named(self._arch, text))
        except UserError as error:
            self.refused.emit(_sentence(error))

    def _choose(self, name: str) -> None:
        self._current = name
        self._show_text()
        self.chosen.emit(name)


def _sentence(error: UserError) -> str:
    text = str(error)
    return text[:1].upper() + text[1:]


def _header(title: str) -> QStandardItem:
    item = QStandardItem(title)
    item.setFlags(Qt.ItemFlag.NoItemFlags)
    font = item.font()
    font.setBold(True)
    item.setFont(font)
    return item
