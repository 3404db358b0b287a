"""Check this computer: what ``segstudio doctor`` finds, run beside the window."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import (
    QAbstractItemView,
    QDialogButtonBox,
    QHeaderView,
    QProgressBar,
    QTreeWidget,
    QTreeWidgetItem,
    QWidget,
)

from segstudio.gui import icons
from segstudio.gui.dialogs.common import PlainDialog, muted
from segstudio.gui.i18n import tr

if TYPE_CHECKING:
    from segstudio.gui.job_center import JobCenter


class DoctorDialog(PlainDialog):
    """A list of findings, wrong ones first, each with its remedy."""

    def __init__(self, parent: QWidget | None, jobs: JobCenter) -> None:
        super().__init__(parent, tr("Check this computer"), 720, 520)
        self._out = ""
        self._summary = muted(tr("Looking at versions, devices and folders…"))
        self._busy = QProgressBar()
        self._busy.setRange(0, 0)
        self._list = QTreeWidget()
        self._list.setRootIsDecorated(False)
        self._list.setHeaderLabels([tr("What"), tr("Found"), tr("Remedy")])
        self._list.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
        self._list.header().setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        self.column.addWidget(self._summary)
        self.column.addWidget(self._busy)
        self.column.addWidget(self._list, 1)
        buttons = self.add_buttons()
        copy = buttons.addButton(tr("Copy"), QDialogButtonBox.ButtonRole.ActionRole)
        copy.clicked.connect(self._copy)
        self._is_gone = False
        self.destroyed.connect(self._on_destroyed)
        self._process = jobs.run_command(["doctor", "--json"], tr("Checking this computer"), self.show_report)

    def show_report(self, code: int, out: str, err: str) -> None:
        """Fill the list with the command's JSON."""
        if self._is_gone:
            return
        self._busy.hide()
        self._out = out
        try:
            document = json.loads(out)
            findings = list(document["findings"])
        except (ValueError, KeyError, TypeError):
            self._summary.setText(tr("The check itself failed.") + " " + err.strip()[-300:])
            return
        wrong = sum(not finding["is_good"] for finding in findings)
        self._summary.setText(
            tr("%n thing(s) need mending.", wrong) if wrong else tr("Everything is as it should be.")
        )
        for finding in sorted(findings, key=lambda found: bool(found["is_good"])):
            row = QTreeWidgetItem([str(finding["name"]), str(finding["value"]), str(finding["remedy"])])
            is_good = bool(finding["is_good"])
            row.setIcon(0, icons.icon("accept" if is_good else "warning", "good" if is_good else "warning"))
            row.setToolTip(1, str(finding["value"]))
            row.setToolTip(2, str(finding["remedy"]))
            row.setFlags(Qt.ItemFlag.ItemIsEnabled)
            self._list.addTopLevelItem(row)

    def _copy(self) -> None:
        QGuiApplication.clipboard().setText(self._out)

    def _on_destroyed(self) -> None:
        self._is_gone = True
