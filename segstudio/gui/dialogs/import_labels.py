"""Import labels: which dataset, which class becomes which, what comes; then it runs in the background as one step of undo."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QTimer
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QHBoxLayout, QPushButton

from segstudio.gui.dialogs.common import muted
from segstudio.gui.dialogs.import_pages import LastPage, SourcePage, found_text
from segstudio.gui.dialogs.import_tables import ClassRows, ClassView
from segstudio.gui.dialogs.wizard import Wizard
from segstudio.gui.i18n import tr
from segstudio.io.formats.preview import Pictures
from segstudio.io.importing.plan import ImportPlan, ImportRequest
from segstudio.jobs.exchange_looks import ImportPicturesSpec
from segstudio.jobs.protocol import Progress
from segstudio.jobs.specs import PlanImportSpec

if TYPE_CHECKING:
    from segstudio.gui.workspace import Workspace

SOURCE, CLASSES, COMES = range(3)
WAIT_MS = 250
"""Changes that follow each other so quickly are one."""


def in_the_window(sentence: str) -> str:
    """A sentence of the importers, as the window says it: there is no command line."""
    return sentence.replace("Say which it is with --format.", tr("Choose the format."))


class ImportDialog(Wizard):
    """Nothing is changed before the last button; what it then does is one step of undo."""

    def __init__(self, workspace: Workspace, source: Path | None = None) -> None:
        pages = (tr("Dataset"), tr("Classes"), tr("What comes"))
        super().__init__(workspace.window, tr("Import labels"), 920, 620, acts=tr("Import"), pages=pages)
        self._workspace, self._session = workspace, workspace.session
        self.plan: ImportPlan | None = None
        self.only_images: list[Path] = []
        """What the user wants to add without its labels: left to the caller."""
        self._plans, self._looks = workspace.jobs.questions.asker(), workspace.jobs.questions.asker()
        self._plans.answered.connect(self._on_plan)
        self._plans.failed.connect(self._on_plan_failed)
        self._plans.progressed.connect(self._on_progressed)
        self._looks.answered.connect(self._on_pictures)
        self._looks.failed.connect(self._on_look_failed)
        self._wait = QTimer(self)
        self._wait.setSingleShot(True)
        self._wait.setInterval(WAIT_MS)
        self._wait.timeout.connect(self._ask)
        kept = str(self._session.meta("import_folder", ""))
        self.first = SourcePage(Path(kept).parent if kept else self._session.folder or Path.home())
        self.first.source_changed.connect(self._on_source)
        self.first.options_changed.connect(self._wait.start)
        self.pages.addWidget(self.first)
        self._make_class_page()
        self.last = LastPage()
        self.last.choices_changed.connect(self._wait.start)
        self.pages.addWidget(self.last)
        self.images_button = QPushButton(tr("Only add the images"))
        self.images_button.setAutoDefault(False)
        self.images_button.setToolTip(tr("Leave the labels where they are"))
        self.images_button.clicked.connect(self._on_only_images)
        self.foot.insertWidget(0, self.images_button)
        self.setAcceptDrops(True)
        self.show_page(SOURCE)
        self.first.source.setFocus()
        if source is not None:
            self.first.set_source(source)

    def _make_class_page(self) -> None:
        column = self.add_page()
        column.addWidget(
            muted(tr("Each class of the dataset becomes one of the project. Like names are matched already."))
        )
        self.classes = ClassRows([(item.name, item.color) for item in self._session.classes], self)
        self.class_view = ClassView(self.classes)
        self.classes.modelReset.connect(self._show_class_state)
        self.classes.dataChanged.connect(lambda *_: self._show_class_state())
        column.addWidget(self.class_view, 1)
        row = QHBoxLayout()
        row.setSpacing(8)
        self.class_state = muted("")
        row.addWidget(self.class_state, 1)
        self.class_buttons = []
        for text, act in (
            (tr("As suggested"), self.classes.forget_choices),
            (tr("All as new"), self.classes.make_all_new),
            (tr("Leave all out"), self.classes.leave_all_out),
        ):
            button = QPushButton(text)
            button.setAutoDefault(False)
            button.clicked.connect(act)
            row.addWidget(button)
            self.class_buttons.append(button)
        column.addLayout(row)

    # -- looking ---------------------------------------------------------------------------------------------------

    def request(self) -> ImportRequest:
        """What is to be done, as chosen so far."""
        is_own = self.last.own_layer.isChecked()
        return ImportRequest(
            self.first.path,
            self.first.format_id,
            self.first.chosen_options(),
            () if self.page == SOURCE else self.classes.mapping(),
            self.last.adds_images.isChecked(),
            self.last.copies_images.isChecked(),
            is_own,
            self.last.name.text().strip() if is_own else "",
        )

    def _on_source(self) -> None:
        self.plan = None
        self.classes.forget_choices()
        self._ask()

    def _ask(self) -> None:
        """Look at the dataset as it is to be read now; its labels are read on the last page only."""
        self._wait.stop()
        folder = self._session.folder
        if folder is None or not self.first.has_path:
            return
        if self.page == SOURCE:
            self.plan = None
            self._looks.drop()
            self.first.row.show_text("")
            self.first.say(tr("Looking at the dataset…"))
        self.say("")
        bar = self.last.bar if self.page == COMES else self.first.bar
        bar.setRange(0, 0)
        bar.show()
        expected = 0 if self.plan is None else len(self.plan.rows)
        self._plans.ask(PlanImportSpec(str(folder), self.request(), self.page == COMES, expected))
        self._refresh()

    def _on_progressed(self, message: object) -> None:
        if isinstance(message, Progress) and message.total:
            bar = self.last.bar if self.page == COMES else self.first.bar
            bar.setRange(0, 1000)
            bar.setValue(round(1000 * message.done / message.total))

    def _on_plan(self, answer: object) -> None:
        if not isinstance(answer, ImportPlan):
            return
        is_first, self.plan = self.plan is None, answer
        self._hide_bars()
        if is_first:
            self.first.take_format(answer)
            self.last.name.setText(self.first.title(answer.format))
            self.first.row.show_text(tr("Reading the first images…"))
            request = replace(self.request(), format=answer.format)
            self._looks.ask(ImportPicturesSpec(str(self._session.folder), request))
        self.first.say(found_text(answer))
        self.classes.show_classes(answer.classes)
        self.last.show_plan(answer)
        self._refresh()

    def _on_plan_failed(self, sentence: str) -> None:
        self._hide_bars()
        if self.page == SOURCE:
            self.first.say(in_the_window(sentence), is_failure=True)
        else:
            self.say(in_the_window(sentence))
        self._refresh()

    def _on_pictures(self, found: object) -> None:
        if isinstance(found, Pictures) and found.pictures:
            self.first.row.show_pictures(found)
        else:
            self.first.row.show_text(tr("There is no image to show."))

    def _on_look_failed(self, sentence: str) -> None:
        self.first.row.show_text(sentence)

    def _hide_bars(self) -> None:
        self.first.bar.hide()
        self.last.bar.hide()

    # -- the pages -------------------------------------------------------------------------------------------------

    def entered(self, index: int) -> None:
        """Begin what the page waits for."""
        if index == COMES:
            self._ask()
        elif index == CLASSES:
            self._plans.drop()
            self._hide_bars()
            self.class_view.setFocus()
        self._refresh()

    def can_go_on(self, index: int) -> bool:
        """Only with a dataset, and at the end only where something comes."""
        return self.plan is not None and (index != COMES or self.plan.changes_something)

    def may_leave(self, index: int) -> bool:
        """What was chosen on a page is always right; reading all labels for the table is not waited for."""
        return self.can_go_on(index)

    def _refresh(self) -> None:
        if hasattr(self, "images_button"):
            self.images_button.setVisible(self.page == SOURCE and self.first.has_path and self.first.path.is_dir())
        self.refresh_next()

    def accept(self) -> None:
        """Begin; the dialog closes and the strip at the bottom tells how far it is."""
        if self.plan is None:
            return
        request = replace(self.request(), format=self.first.format_id or self.plan.format)
        self._session.set_meta("import_folder", str(request.source))
        self._stop()
        self._workspace.jobs.imports.start(request, len(self.plan.rows))
        super().accept()

    def done(self, result: int) -> None:
        """End the processes that looked."""
        self._wait.stop()
        self._plans.close()
        self._looks.close()
        super().done(result)

    def _stop(self) -> None:
        self._wait.stop()
        self._plans.stop()
        self._looks.stop()

    def _on_only_images(self) -> None:
        self.only_images = [self.first.path]
        self.reject()

    def _show_class_state(self) -> None:
        known, new, out = self.classes.counts()
        parts = [tr("%n matched", known)] if known else []
        parts += [tr("%n new", new)] if new else []
        parts += [tr("%n left out", out)] if out else []
        self.class_state.setText(", ".join(parts))

    # -- dropping --------------------------------------------------------------------------------------------------

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:  # noqa: N802
        """One folder or file."""
        if self.page == SOURCE and any(url.isLocalFile() for url in event.mimeData().urls()):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:  # noqa: N802
        """Look at it."""
        paths = [Path(url.toLocalFile()) for url in event.mimeData().urls() if url.isLocalFile()]
        if paths:
            event.acceptProposedAction()
            self.first.set_source(paths[0])
