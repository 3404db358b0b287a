"""All settings of training: sections at the left, fields at the right, a search over all; what is changed counts at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QSize, Qt, QTimer
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import (
    QDialogButtonBox,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QListWidget,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from segstudio.app.presenters.training_choices import default_of
from segstudio.app.presenters.training_field_table import BY_KEY, FIELDS, SECTIONS
from segstudio.app.presenters.training_fields import is_in_use
from segstudio.gui import theme
from segstudio.gui.dialogs.common import PlainDialog, heading, line, muted
from segstudio.gui.i18n import tr
from segstudio.gui.panels.parts import follow_theme, tool_button
from segstudio.gui.panels.train_editors import make_editor
from segstudio.gui.panels.train_texts import costs_text, time_text, warning_text

if TYPE_CHECKING:
    from PySide6.QtGui import QShowEvent

    from segstudio.app.presenters.training import TrainingPresenter
    from segstudio.app.presenters.training_fields import PlanField
    from segstudio.gui.workspace import Workspace

LIST_PX = 212
SEARCH_MS = 120


class FieldRow(QWidget):
    """Title, editor and "back to default"; below, when to change it, and what is wrong with it."""

    def __init__(self, field: PlanField, presenter: TrainingPresenter) -> None:
        super().__init__()
        self.plan_field, self._presenter = field, presenter
        self._refusal = ""
        title = tr(field.title)
        self.title = QLabel(title)
        self.title.setTextFormat(Qt.TextFormat.PlainText)
        self.title.setWordWrap(True)
        self.editor = make_editor(field, self._classes(), presenter.value)
        self.editor.focusProxy().setAccessibleName(title)
        self.title.setBuddy(self.editor.focusProxy())
        self.help = muted(self._help_text(), small=True)
        self.editor.focusProxy().setToolTip(self.help.text())
        self.fault = muted("", small=True)
        self.fault.setProperty("muted", False)
        self.fault.setProperty("danger", True)
        self.fault.hide()
        self.reset_button = tool_button(
            "undo", tr("Back to default: %1").replace("%1", title), tr("Back to default"), self._on_reset
        )
        self.reset_button.setIconSize(QSize(16, 16))
        policy = self.reset_button.sizePolicy()
        policy.setRetainSizeWhenHidden(True)
        self.reset_button.setSizePolicy(policy)
        self.extra = QHBoxLayout()
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 8)
        grid.setHorizontalSpacing(8)
        grid.setVerticalSpacing(2)
        grid.setColumnStretch(0, 1)
        grid.addWidget(self.title, 0, 0)
        grid.addLayout(self.extra, 0, 1)
        grid.addWidget(self.reset_button, 0, 3)
        grid.addWidget(self.help, 1, 0, 1, 4)
        if self.editor.is_wide:
            grid.addWidget(self.editor, 2, 0, 1, 4)
        else:
            grid.addWidget(self.editor, 0, 2)
        grid.addWidget(self.fault, 3, 0, 1, 4)
        self.editor.edited.connect(self._on_edited)
        self.editor.refused.connect(self._on_refused)

    def show_value(self, fault: str, is_used: bool) -> None:
        """Show the presenter's value, and what is wrong with it."""
        key = self.plan_field.key
        value = self._presenter.value(key)
        is_changed = value != default_of(key)
        self.editor.show_value(value)
        self.editor.setEnabled(is_used)
        self.reset_button.setVisible(is_changed)
        self.title.setFont(theme.title_font(self.font(), 1.0) if is_changed else self.font())
        text = self._refusal or fault
        self.fault.setText(text)
        self.fault.setVisible(bool(text))

    def matches(self, text: str) -> bool:
        """Whether a search for *text* finds it."""
        return self.plan_field.matches(text, f"{self.title.text()} {self.help.text()}".casefold())

    def _help_text(self) -> str:
        field, default = self.plan_field, default_of(self.plan_field.key)
        text = tr(field.help)
        if field.for_volumes and not any(record.depth > 1 for record in self._presenter.session.images):
            text = tr("Only for volumes and stacks, of which the project has none.") + " " + text
        if field.key == "class_weights":
            names = ", ".join(self._presenter.class_names())
            text += " " + tr("Order: %1.").replace("%1", names)
        if field.kind in ("loss", "augment_options", "text", "numbers", "fold", "class") or default in ("", (), {}):
            return text
        # A switch, a choice and the word for 0 are texts of the table; a number with its unit is not.
        shown = field.text_of(default)
        if field.unit and not (field.zero and not default):
            shown = shown.replace(field.unit, tr(field.unit))
        return text + " " + tr("Default: %1.").replace("%1", tr(shown))

    def _classes(self) -> tuple[str, ...]:
        return self._presenter.class_names() if self.plan_field.kind == "class" else ()

    def _on_edited(self, value: object) -> None:
        self._presenter.choose(**{self.plan_field.key: value})

    def _on_refused(self, sentence: str) -> None:
        self._refusal = sentence
        self.fault.setText(sentence)
        self.fault.setVisible(bool(sentence))

    def _on_reset(self) -> None:
        self._refusal = ""
        self._presenter.reset(self.plan_field.key)
        self.editor.focusProxy().setFocus()


class TrainSettingsDialog(PlainDialog):
    """Every field of a plan. The panel beside it shows the same values."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace.window, tr("All settings of training"), 820, 640)
        self._workspace = workspace
        self._presenter = workspace.jobs.training.presenter
        self.rows: dict[str, FieldRow] = {}
        self._sections: dict[str, QWidget] = {}
        self.search = QLineEdit()
        self.search.setPlaceholderText(tr("Search all settings"))
        self.search.setAccessibleName(tr("Search all settings"))
        self.search.setClearButtonEnabled(True)
        self.column.addWidget(self.search)
        self.column.addLayout(self._make_middle(), 1)
        self.column.addWidget(line())
        self.costs = muted("", small=True)
        self.column.addWidget(self.costs)
        buttons = self.add_buttons()
        self.reset_button = QPushButton(tr("Reset all"))
        self.reset_button.setToolTip(tr("Put every field of every section back to its default"))
        buttons.addButton(self.reset_button, QDialogButtonBox.ButtonRole.ResetRole)
        self.reset_button.clicked.connect(lambda: self._presenter.reset(*self._presenter.changed_keys()))
        self._delay = QTimer(self)
        self._delay.setSingleShot(True)
        self._delay.setInterval(SEARCH_MS)
        self._delay.timeout.connect(self._show_found)
        self.search.textChanged.connect(lambda _: self._delay.start())
        QShortcut(QKeySequence.StandardKey.Find, self, self._begin_search)
        self._presenter.changed.connect(self.show_values)
        follow_theme(self)
        self.sections.setCurrentRow(0)
        self.show_values()

    def show_field(self, key: str) -> None:
        """Go to a field."""
        section = BY_KEY[key].section
        self.search.clear()
        self._delay.stop()
        self.sections.setCurrentRow([title for title, _ in SECTIONS].index(section))
        self._show_found()
        row = self.rows[key]
        self._area.ensureWidgetVisible(row)
        row.editor.focusProxy().setFocus()

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802
        """Rows were measured before the style sheet was there."""
        super().showEvent(event)
        self.sections.doItemsLayout()
        self.sections.setFocus()

    # -- building --------------------------------------------------------------------------------------------------

    def _make_middle(self) -> QHBoxLayout:
        self.sections = QListWidget()
        self.sections.setFixedWidth(LIST_PX)
        self.sections.setObjectName("settings_pages")
        self.sections.setAccessibleName(tr("Sections"))
        for title, _ in SECTIONS:
            self.sections.addItem(tr(title))
        self.sections.currentRowChanged.connect(self._on_section)
        inner = QWidget()
        inner.setAutoFillBackground(False)
        self._pages = QVBoxLayout(inner)
        self._pages.setContentsMargins(0, 0, 12, 0)
        self._pages.setSpacing(8)
        self.nothing = muted(tr("Nothing of that name. Try another word, such as rate or memory."))
        self.nothing.hide()
        self._pages.addWidget(self.nothing)
        self._pages.addStretch(1)
        self._area = QScrollArea()
        self._area.setWidgetResizable(True)
        self._area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._area.setWidget(inner)
        self._area.viewport().setAutoFillBackground(False)
        row = QHBoxLayout()
        row.setSpacing(16)
        row.addWidget(self.sections)
        row.addWidget(self._area, 1)
        return row

    def _section(self, title: str) -> QWidget:
        """The section's fields, built when they are first seen."""
        if title not in self._sections:
            page = QWidget()
            column = QVBoxLayout(page)
            column.setContentsMargins(0, 0, 0, 0)
            column.setSpacing(4)
            column.addWidget(heading(tr(title)))
            column.addWidget(muted(tr(dict(SECTIONS)[title])))
            column.addSpacing(4)
            for field in FIELDS:
                if field.section == title:
                    row = self.rows[field.key] = FieldRow(field, self._presenter)
                    column.addWidget(row)
                    self._add_button(field.key, row)
            self._sections[title] = page
            before = [name for name, _ in SECTIONS[: [name for name, _ in SECTIONS].index(title)]]
            self._pages.insertWidget(sum(name in self._sections for name in before), page)
            self._show_rows()
        return self._sections[title]

    def _add_button(self, key: str, row: FieldRow) -> None:
        """What leads on from a field: the search for a rate, the preview of patches."""
        texts = {
            "lr": (tr("Find…"), "train.find_rate"),
            "augment": (tr("Preview…"), "train.preview_patches"),
        }
        text, action_id = texts.get(key, ("", ""))
        if action_id not in self._workspace.binder.specs:
            return
        button = QPushButton(text)
        button.setToolTip(self._workspace.binder.tool_tip(action_id))
        button.clicked.connect(lambda: self._workspace.window.trigger(action_id))
        row.extra.addWidget(button)

    # -- showing ---------------------------------------------------------------------------------------------------

    def show_values(self) -> None:
        """Show what is chosen, what is wrong with it, and what the run will cost."""
        self._show_rows()
        presenter = self._presenter
        changed = presenter.changed_keys()
        for place, (title, _) in enumerate(SECTIONS):
            count = sum(BY_KEY[key].section == title for key in changed)
            item = self.sections.item(place)
            item.setText(f"{tr(title)} · {count}" if count else tr(title))
            item.setToolTip(tr("%n changed", count) if count else "")
        self.reset_button.setEnabled(bool(changed))
        costs = presenter.estimate()
        texts = (costs_text(costs), time_text(presenter.time_estimate()), warning_text(costs))
        self.costs.setText(" · ".join(filter(None, texts)))

    def _show_rows(self) -> None:
        faults = self._presenter.faults()
        values = {field.key: self._presenter.value(field.key) for field in FIELDS}
        has_volumes = any(record.depth > 1 for record in self._presenter.session.images)
        for key, row in self.rows.items():
            field = row.plan_field
            is_used = is_in_use(field, values) and (has_volumes or not field.for_volumes)
            # A field that is wrong can be put right even where it changes nothing.
            row.show_value(faults.get(key, ""), is_used or values[key] != default_of(key))

    def _show_found(self) -> None:
        text = self.search.text().strip()
        current = SECTIONS[max(0, self.sections.currentRow())][0]
        found = 0
        for title, _ in SECTIONS:
            page = self._section(title) if text or title == current else self._sections.get(title)
            if page is None:
                continue
            rows = [row for row in self.rows.values() if row.plan_field.section == title]
            hits = [row for row in rows if not text or row.matches(text)]
            for row in rows:
                row.setVisible(row in hits)
            page.setVisible(bool(hits) and (bool(text) or title == current))
            found += len(hits)
        self.nothing.setVisible(bool(text) and not found)

    def _on_section(self, _: int) -> None:
        if self.search.text():
            self.search.clear()
            self._delay.stop()
        self._show_found()
        self._area.verticalScrollBar().setValue(0)

    def _begin_search(self) -> None:
        self.search.setFocus()
        self.search.selectAll()

    # -- the dialog's life -----------------------------------------------------------------------------------------

    def done(self, result: int) -> None:
        """Stop listening."""
        self._presenter.changed.disconnect(self.show_values)
        super().done(result)

    def keyPressEvent(self, event: object) -> None:  # noqa: N802
        """Enter in a field must not close the dialog."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):  # type: ignore[attr-defined]
            return
        super().keyPressEvent(event)  # type: ignore[arg-type]
