"""Export: a format, which images, what it looks like and what the format cannot hold; then it runs in the background."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QLabel, QTableWidget, QTableWidgetItem

from segstudio.core.errors import UserError
from segstudio.core.progress import Eta
from segstudio.gui import theme
from segstudio.gui.dialogs import format_texts
from segstudio.gui.dialogs.common import muted
from segstudio.gui.dialogs.export_pages import FormatPage, ImagesPage
from segstudio.gui.dialogs.import_pages import thin_bar
from segstudio.gui.dialogs.wizard import Wizard
from segstudio.gui.i18n import tr
from segstudio.gui.panels.parts import wrapped
from segstudio.gui.panels.picture_row import PictureRow
from segstudio.gui.panels.train_texts import span_text
from segstudio.io.formats.base import Loss
from segstudio.jobs.exchange_looks import ExportLook, ExportPicturesSpec
from segstudio.jobs.protocol import Progress
from segstudio.jobs.specs import ExportSpec, LossesSpec

if TYPE_CHECKING:
    from PySide6.QtWidgets import QWidget

    from segstudio.app.session import Session
    from segstudio.gui.job_center import JobCenter

FORMAT, IMAGES, WRITTEN = range(3)
LOSS_ROWS = 5


class ExportDialog(Wizard):
    """Nothing is written before the last button, and that is pressed knowing what is lost. Remembers the choices with the project."""

    def __init__(self, parent: QWidget | None, session: Session, jobs: JobCenter) -> None:
        pages = (tr("Format"), tr("Images"), tr("What is written"))
        super().__init__(parent, tr("Export"), 920, 640, acts=tr("Export"), pages=pages)
        self._session, self._jobs = session, jobs
        self.losses: tuple[Loss, ...] | None = None
        """None: not counted yet."""
        kept = session.meta("export", {})
        kept = kept if isinstance(kept, dict) else {}
        self._counting, self._looks = jobs.questions.asker(), jobs.questions.asker()
        self._counting.answered.connect(self._on_losses)
        self._counting.failed.connect(self._on_failed)
        self._counting.progressed.connect(self._on_progressed)
        self._looks.answered.connect(self._on_look)
        self._looks.failed.connect(self._on_look_failed)
        self._eta = Eta()
        self.first = FormatPage(str(kept.get("format", "masks")), suggested_folder(session))
        self.second = ImagesPage(session, str(kept.get("split", "")))
        for page in (self.first, self.second):
            self.pages.addWidget(page)
            page.changed.connect(lambda: self.say(""))
        self._make_last_page()
        self.show_page(FORMAT)
        QTimer.singleShot(0, self.first.formats, self.first.formats.setFocus)

    def _make_last_page(self) -> None:
        column = self.add_page()
        self.summary = QLabel()
        self.summary.setWordWrap(True)
        self.row = PictureRow()
        self.state = muted("")
        self.bar = thin_bar()
        self.table = QTableWidget(0, 3)
        self.table.setAccessibleName(tr("What the format cannot hold"))
        self.table.setHorizontalHeaderLabels([tr("What the format cannot hold"), tr("Images"), tr("How many")])
        self.table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.setShowGrid(False)
        self.table.setTabKeyNavigation(False)
        self.table.verticalHeader().hide()
        head = self.table.horizontalHeader()
        head.setHighlightSections(False)
        head.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        head.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        for place in (1, 2):
            head.setSectionResizeMode(place, QHeaderView.ResizeMode.Fixed)
            head.resizeSection(place, 96)
        self.table.setMaximumHeight(28 * (LOSS_ROWS + 1) + 4)
        column.addWidget(self.summary)
        column.addWidget(self.row, 1)
        column.addWidget(self.state)
        column.addWidget(self.bar)
        column.addWidget(self.table)

    # -- what was chosen -------------------------------------------------------------------------------------------

    def spec(self) -> ExportSpec:
        """What is to be done.

        Raises
        ------
        UserError
            When the folder can't be used, the shares of the split don't add up, or a pattern can't be read.
        """
        return ExportSpec(
            str(self._session.folder),
            self.first.entry.id,
            str(self.first.checked_folder()),
            self.second.split_text(),
            self.second.seed.value(),
            self.second.image_ids(),
            tuple(sorted(self.first.options.values().items())),
            select=self.second.selection(),
            split_by=self.second.split_by(),
            tiles=self.second.tiles(),
        )

    # -- the pages -------------------------------------------------------------------------------------------------

    def may_leave(self, index: int) -> bool:
        """What stands in the way is said, and the page stays."""
        try:
            if index == FORMAT:
                self.first.checked_folder()
            else:
                self.spec()
        except UserError as error:
            self.say(str(error))
            return False
        return index != WRITTEN or self.losses is not None

    def can_go_on(self, index: int) -> bool:
        """At the end only once what is lost was counted."""
        return index != WRITTEN or self.losses is not None

    def entered(self, index: int) -> None:
        """Count and look, or stop that."""
        self._counting.drop()
        self._looks.drop()
        if index != WRITTEN:
            return
        try:
            spec = self.spec()
        except UserError as error:
            self.say(str(error))
            return
        self.losses, self._eta = None, Eta()
        self.table.hide()
        self.summary.setText("")
        self.row.show_text(tr("Writing a few images to look at…"))
        self._say(tr("Counting what the format cannot hold…"))
        self.bar.setRange(0, 0)
        self.bar.show()
        self._counting.ask(LossesSpec(spec))
        self._looks.ask(ExportPicturesSpec(spec))

    def accept(self) -> None:
        """Begin; the strip at the bottom tells how far it is."""
        try:
            spec = self.spec()
        except UserError as error:
            self.say(str(error))
            return
        kept = {"format": spec.format, "folder": "", "split": spec.split, "parent": str(Path(spec.out).parent)}
        self._session.set_meta("export", kept)
        self._jobs.exports.start(spec)
        super().accept()

    def done(self, result: int) -> None:
        """End the processes that looked."""
        self._counting.close()
        self._looks.close()
        super().done(result)

    # -- answers ---------------------------------------------------------------------------------------------------

    def _on_progressed(self, message: object) -> None:
        if isinstance(message, Progress) and message.total:
            self.bar.setRange(0, 1000)
            self.bar.setValue(round(1000 * message.done / message.total))
            left = self._eta.seconds_left(message.done, message.total)
            if left is not None and left >= 2:
                text = tr("Counting what the format cannot hold… %1 left").replace("%1", span_text(left))
                self._say(text)

    def _on_losses(self, answer: object) -> None:
        losses = tuple(one for one in answer if isinstance(one, Loss)) if isinstance(answer, tuple) else ()
        self.losses = losses
        self.bar.hide()
        if losses:
            self._say(tr("Not everything fits. The labels in the project stay as they are."))
            self.next_button.setText(tr("Export all the same"))
        else:
            self._say(tr("Nothing is lost: the format holds all of these labels."))
        self._show_losses(losses)
        self.refresh_next()

    def _show_losses(self, losses: tuple[Loss, ...]) -> None:
        self.table.setRowCount(len(losses))
        for place, loss in enumerate(losses):
            for column, text in enumerate((loss.sentence, f"{loss.images:,}", f"{loss.count:,}")):
                item = QTableWidgetItem(text)
                item.setToolTip(wrapped(loss.sentence))
                if column == 0:
                    item.setForeground(theme.color("warning"))
                self.table.setItem(place, column, item)
        self.table.setVisible(bool(losses))

    def _on_failed(self, sentence: str) -> None:
        self.bar.hide()
        self._say("")
        self.say(sentence)
        self._looks.stop()
        self.row.show_text("")
        self.refresh_next()

    def _on_look(self, answer: object) -> None:
        if not isinstance(answer, ExportLook):
            return
        title = format_texts.title_of(self.first.entry)
        text = tr("%1 of %2 images as %3").replace("%1", f"{answer.images:,}").replace("%2", f"{answer.of:,}")
        self.summary.setText(text.replace("%3", title))
        if answer.pictures.pictures:
            self.row.show_pictures(answer.pictures)
        else:
            self.row.show_text(answer.note or tr("There is no image to show."))

    def _on_look_failed(self, sentence: str) -> None:
        self.row.show_text(sentence)

    def _say(self, text: str) -> None:
        self.state.setText(text)


def suggested_folder(session: Session) -> str:
    """A folder beside the project, or where the last export went, that is not there yet."""
    folder = session.folder
    kept = session.meta("export", {})
    parent = Path(str(kept.get("parent", ""))) if isinstance(kept, dict) and kept.get("parent") else None
    if folder is None:
        return ""
    base = (parent if parent is not None and parent.is_dir() else folder.parent) / f"{folder.name}-export"
    candidate, number = base, 2
    while candidate.exists():
        candidate, number = base.with_name(f"{base.name}-{number}"), number + 1
    return str(candidate)
