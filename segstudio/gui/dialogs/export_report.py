"""What an export wrote, what the format could not hold, and how it was checked."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialogButtonBox, QLabel, QPlainTextEdit, QPushButton, QWidget

from segstudio.gui.dialogs import format_texts
from segstudio.gui.dialogs.common import PlainDialog, form_grid, heading, muted
from segstudio.gui.i18n import tr
from segstudio.io.formats.base import REPORT_NAME
from segstudio.io.formats.table import formats

if TYPE_CHECKING:
    from segstudio.io.formats.base import ExportReport

MOST_LINES = 500


class ExportReportDialog(PlainDialog):
    """The same stands in a file beside the dataset."""

    def __init__(self, parent: QWidget | None, report: ExportReport) -> None:
        super().__init__(parent, tr("Export report"), 640, 440)
        entry = formats().get(report.format)
        title = report.format if entry is None else format_texts.title_of(entry)
        self.column.addWidget(heading(tr("%n image(s) as %1", report.images).replace("%1", title)))
        folder = QLabel(str(report.out))
        folder.setTextFormat(Qt.TextFormat.PlainText)
        folder.setWordWrap(True)
        folder.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        rows: list[tuple[str, QWidget]] = [(tr("Folder"), folder)]
        if report.splits:
            text = ", ".join(f"{name} {count:,}" for name, count in report.splits.items())
            rows.append((tr("Splits"), _line(text)))
        rows.append((tr("Checked"), _line(checked_text(report))))
        self.column.addLayout(form_grid(rows, spacing_px=6))
        lines = report_lines(report)
        self.text = QPlainTextEdit("\n".join(lines[:MOST_LINES]))
        self.text.setReadOnly(True)
        self.text.setAccessibleName(tr("Losses and remarks"))
        if lines:
            self.column.addWidget(self.text, 1)
        else:
            self.text.setParent(None)
            self.column.addWidget(_line(tr("Nothing was lost.")))
            self.column.addStretch(1)
        self.column.addWidget(
            muted(tr("This report lies beside the data as %1.").replace("%1", REPORT_NAME), small=True)
        )
        buttons = self.add_buttons()
        self.open_button = QPushButton(tr("Open the folder"))
        buttons.addButton(self.open_button, QDialogButtonBox.ButtonRole.ActionRole)
        from segstudio.gui.export_control import open_folder

        self.open_button.clicked.connect(partial(open_folder, str(report.out)))


def checked_text(report: ExportReport) -> str:
    """One line about what was compared."""
    checks = report.checks
    if not checks.images:
        return tr("Each image was read back and compared with the labels.")
    text = tr("%1 images read back: %2 pixels and %3 objects compared, all as they should be")
    for mark, number in (("%1", checks.images), ("%2", checks.pixels), ("%3", checks.objects)):
        text = text.replace(mark, f"{number:,}")
    return text


def report_lines(report: ExportReport) -> list[str]:
    """Losses, remarks and images left out, a line each."""
    lines = [loss.sentence for loss in report.losses]
    lines += [note for note in report.notes if note not in lines]
    lines += [f"{name}: {sentence}" for name, sentence in report.skipped]
    if report.resumed:
        lines.append(tr("%n image(s) were there already from an export that was stopped.", report.resumed))
    return lines


def _line(text: str) -> QLabel:
    label = QLabel(text)
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setWordWrap(True)
    return label
