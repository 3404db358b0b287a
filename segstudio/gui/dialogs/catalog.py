"""The model catalog: everything that proposes, can be trained or refines; search, favourites, what each costs and when to choose it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QModelIndex, QObject, Qt
from PySide6.QtGui import QKeyEvent, QShowEvent
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QPushButton, QVBoxLayout

from segstudio.app.presenters.catalog import KINDS, STATES, CatalogPresenter
from segstudio.gui import icons, theme
from segstudio.gui.dialogs.catalog_details import CatalogDetails
from segstudio.gui.dialogs.catalog_list import CatalogModel, make_list
from segstudio.gui.dialogs.common import PlainDialog, muted
from segstudio.gui.i18n import tr
from segstudio.gui.panels.parts import combo

if TYPE_CHECKING:
    from segstudio.gui.workspace import Workspace
    from segstudio.ml.catalog_entry import CatalogEntry

PAGE_ROWS = 8


class CatalogDialog(PlainDialog):
    """A list to search at the left, the chosen model at the right, what can be done with it below."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace.window, tr("Model catalog"), 1080, 680)
        self._workspace = workspace
        self._models = workspace.jobs.models
        self.presenter = CatalogPresenter(self._models.presenter)
        self.list_model = CatalogModel(self.presenter, self)
        self.details = CatalogDetails(self.presenter)
        body = QHBoxLayout()
        body.setSpacing(16)
        body.addLayout(self._make_left(), 5)
        body.addWidget(self.details, 7)
        self.column.addLayout(body, 1)
        self.column.addLayout(self._make_buttons())
        self.details.star_clicked.connect(self._on_star)
        self.details.encoder_chosen.connect(self._show_buttons)
        self._models.changed.connect(self._on_models_changed)
        self._models.activity_changed.connect(self._show_buttons)
        self._models.download_progressed.connect(self._on_progressed)
        theme.theme_manager().changed.connect(self._restyle)
        current = self._models.current_entry()
        self._refill("" if current is None else current.card.id)

    # -- building --------------------------------------------------------------------------------------------------

    def _make_left(self) -> QVBoxLayout:
        self.search = QLineEdit()
        self.search.setPlaceholderText(tr("Search: name, class, use …"))
        self.search.setAccessibleName(tr("Search the catalog"))
        self.search.setClearButtonEnabled(True)
        self._search_action = self.search.addAction(
            icons.icon("search", "muted"), QLineEdit.ActionPosition.LeadingPosition
        )
        self.search.textChanged.connect(self._on_filter)
        self.search.installEventFilter(self)
        self.kinds = combo(tr("Show"), [(tr("Everything"), ""), *((tr(title), key) for key, title in KINDS)])
        self.states = combo(tr("State"), [(tr("In any state"), ""), *((tr(title), key) for key, title in STATES)])
        for box in (self.kinds, self.states):
            box.activated.connect(self._on_filter)
        self.view, painter = make_list(self.list_model, self.presenter)
        painter.star_clicked.connect(self._toggle_star)
        self.view.selectionModel().currentChanged.connect(self._on_current)
        self.view.doubleClicked.connect(lambda _: self.act())
        self.view.installEventFilter(self)
        self._nothing = muted(tr("Nothing matches. Fewer letters, or another filter, find more."))
        filters = QHBoxLayout()
        filters.setSpacing(8)
        filters.addWidget(self.kinds, 1)
        filters.addWidget(self.states, 1)
        column = QVBoxLayout()
        column.setSpacing(8)
        column.addWidget(self.search)
        column.addLayout(filters)
        column.addWidget(self._nothing)
        column.addWidget(self.view, 1)
        return column

    def _make_buttons(self) -> QHBoxLayout:
        self.install_button = self._button(tr("Install from file…"), self._on_install)
        self.compare_button = self._button(tr("Compare…"), self._on_compare)
        self.download_button = self._button(tr("Download"), self._on_download)
        self.train_button = self._button(tr("Train this network…"), self._on_train)
        self.use_button = self._button(tr("Use for proposals"), self._on_use)
        self.close_button = self._button(tr("Close"), self.reject)
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(self.install_button)
        row.addStretch(1)
        for button in (
            self.compare_button,
            self.download_button,
            self.train_button,
            self.use_button,
            self.close_button,
        ):
            row.addWidget(button)
        return row

    def _button(self, text: str, on_click: object) -> QPushButton:
        button = QPushButton(text)
        button.setAutoDefault(False)
        button.clicked.connect(on_click)
        return button

    # -- showing ---------------------------------------------------------------------------------------------------

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802
        """Typing searches at once."""
        super().showEvent(event)
        self.search.setFocus()
        self.view.doItemsLayout()
        self.view.scrollTo(self.view.currentIndex())

    @property
    def entry(self) -> CatalogEntry | None:
        """The model that is shown."""
        return self.details.entry

    def select(self, model_id: str) -> bool:
        """Go to a model; False when the filters leave it out."""
        index = self.list_model.index_of(model_id)
        self.view.setCurrentIndex(index)
        return index.isValid()

    def _refill(self, wanted: str) -> None:
        """List again and go to *wanted* where it is listed, else to the first."""
        self.list_model.query = self.search.text()
        self.list_model.kind = str(self.kinds.currentData())
        self.list_model.state = str(self.states.currentData())
        self.list_model.refill()
        ids = self.list_model.ids()
        self._nothing.setVisible(not ids)
        self.view.setVisible(bool(ids))
        chosen = wanted if wanted in ids else ids[0] if ids else ""
        if not chosen or not self.select(chosen):
            self._show(None)
        self.view.scrollTo(self.view.currentIndex())

    def _show(self, entry: CatalogEntry | None) -> None:
        self.details.show_entry(entry)
        self._show_buttons()

    def _show_buttons(self) -> None:
        entry, is_open = self.entry, self._workspace.session.is_open
        kind = "" if entry is None else entry.card.task
        is_trained = entry is not None and entry.card.weights.kind != "untrained"
        is_coming = entry is not None and self._models.is_downloading(entry)
        can_use = entry is not None and self._can_use(entry)
        can_train = entry is not None and self.presenter.can_train(entry)
        self.use_button.setVisible(can_use)
        self.use_button.setText(self._use_text(kind))
        self.train_button.setVisible(can_train)
        self.train_button.setText(
            tr("Train with this encoder…")
            if kind == "encoder"
            else tr("Train on…")
            if is_trained
            else tr("Train this network…")
        )
        self.download_button.setVisible(entry is not None and entry.needs_download)
        self.download_button.setEnabled(not is_coming)
        self.compare_button.setVisible(entry is not None and self.presenter.can_propose(entry))
        self.compare_button.setEnabled(self._workspace.session.image is not None)
        for button in (self.use_button, self.train_button):
            button.setEnabled(is_open)
            button.setToolTip("" if is_open else tr("Open a project first."))
        self.details.progress.setVisible(is_coming)
        primary = self._primary()
        for button in (self.use_button, self.train_button, self.download_button):
            if button.property("primary") != (button is primary):
                button.setProperty("primary", button is primary)
                button.style().polish(button)

    def _use_text(self, task: str) -> str:
        return {"interactive": tr("Use for clicks"), "refine": tr("Use for refining")}.get(
            task, tr("Use for proposals")
        )

    def _can_use(self, entry: CatalogEntry) -> bool:
        is_other = entry.card.task in ("interactive", "refine") and entry.is_available
        return is_other or self.presenter.can_propose(entry)

    def _primary(self) -> QPushButton | None:
        buttons = (self.use_button, self.download_button, self.train_button)
        return next((button for button in buttons if not button.isHidden()), None)

    def _restyle(self) -> None:
        self._search_action.setIcon(icons.icon("search", "muted"))
        self.details.show_star()
        self.view.viewport().update()

    # -- what the person does --------------------------------------------------------------------------------------

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802
        """Arrows move in the list while the search field keeps the focus; Enter does what the first button does."""
        if event.type() == QEvent.Type.KeyPress and isinstance(event, QKeyEvent):
            key = Qt.Key(event.key())
            if key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
                self.act()
                return True
            steps = {
                Qt.Key.Key_Down: 1,
                Qt.Key.Key_Up: -1,
                Qt.Key.Key_PageDown: PAGE_ROWS,
                Qt.Key.Key_PageUp: -PAGE_ROWS,
            }
            if watched is self.search and key in steps:
                self._move(steps[key])
                return True
            if (
                watched is self.view
                and event.text().strip()
                and not event.modifiers() & Qt.KeyboardModifier.ControlModifier
            ):
                self.search.setFocus()
                self.search.insert(event.text())
                return True
        return super().eventFilter(watched, event)

    def act(self) -> None:
        """Do what the first button offers."""
        primary = self._primary()
        if primary is not None and primary.isEnabled():
            primary.click()

    def _move(self, step: int) -> None:
        ids = self.list_model.ids()
        if not ids or self.entry is None:
            return
        at = ids.index(self.entry.card.id) if self.entry.card.id in ids else 0
        self.select(ids[min(max(at + step, 0), len(ids) - 1)])

    def _on_current(self, current: QModelIndex, _: QModelIndex) -> None:
        row = self.list_model.row_at(current)
        self._show(None if row is None else row.entry)

    def _on_filter(self) -> None:
        is_search = self.sender() is self.search
        # A search goes to its best match; a filter stays with what is shown.
        self._refill("" if is_search and self.search.text() or self.entry is None else self.entry.card.id)

    def _on_star(self) -> None:
        if self.entry is not None:
            self._toggle_star(self.entry.card.id)

    def _toggle_star(self, model_id: str) -> None:
        self.presenter.toggle_favourite(model_id)
        self._refill(model_id if self.entry is None else self.entry.card.id)
        self.details.show_star()

    def _on_models_changed(self) -> None:
        self.presenter.refresh()
        self._refill("" if self.entry is None else self.entry.card.id)

    def _on_progressed(self, model_id: str, done: float, total: float) -> None:
        if self.entry is not None and self.entry.card.id == model_id and total > 0:
            self.details.progress.setValue(round(1000 * done / total))

    def _on_use(self) -> None:
        entry, workspace = self.entry, self._workspace
        if entry is None:
            return
        self.accept()
        if entry.card.task == "interactive":
            workspace.settings.set("prompt.model", entry.card.id)
            workspace.window.trigger("tool.prompt")
        elif entry.card.task == "refine":
            workspace.settings.set("refine.method", entry.card.id)
            workspace.window.trigger("model.refine")
        else:
            self._models.choose(entry.card.id)
            workspace.docks.reveal("model")

    def _on_train(self) -> None:
        entry, training = self.entry, self._workspace.jobs.training.presenter
        if entry is None:
            return
        if entry.card.weights.kind != "untrained" and entry.card.task != "encoder":
            training.choose_model(entry.card)
        else:
            training.choose(**self.presenter.training_choices(entry, self.details.encoder, training.choices.arch))
        self.accept()
        self._workspace.docks.reveal("train")

    def _on_download(self) -> None:
        if self.entry is not None:
            self.details.progress.setValue(0)
            self._models.download(self.entry)

    def _on_compare(self) -> None:
        if self.entry is None:
            return
        current = self._models.current_entry()
        chosen = self.entry.card.id
        other = "" if current is None or current.card.id == chosen else current.card.id
        self.accept()
        # The one in use stays at the left; without one the dialog suggests a second.
        self._workspace.jobs.compare.ask(*((other, chosen) if other else (chosen, "")))

    def _on_install(self) -> None:
        self._workspace.window.trigger("model.install")
