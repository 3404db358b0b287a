"""Which run to write the report of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from segstudio.app.presenters.runs import RunsPresenter
from segstudio.gui.dialogs.common import PlainDialog, form_grid, muted
from segstudio.gui.dialogs.runs import write_and_open
from segstudio.gui.i18n import tr
from segstudio.gui.panels.parts import combo

if TYPE_CHECKING:
    from segstudio.gui.workspace import Workspace


class RunReportDialog(PlainDialog):
    """A chooser, the latest run first."""

    def __init__(self, workspace: Workspace, presenter: RunsPresenter) -> None:
        super().__init__(workspace.window, tr("Report of a run"), 440)
        self._workspace, self._presenter = workspace, presenter
        self.runs = combo(tr("Run"), [(record.name, record.name) for record in presenter.records])
        self.column.addLayout(form_grid([(tr("Run"), self.runs)], 8))
        self.column.addWidget(
            muted(
                tr("A page with curves, metrics and pictures. It is one file, opens in a browser, and prints as PDF.")
            )
        )
        self.add_buttons(tr("Write and open"))

    def accept(self) -> None:
        """Write it."""
        record = self._presenter.record(str(self.runs.currentData()))
        super().accept()
        if record is not None:
            write_and_open(self._workspace, self._presenter, [record])


def ask_and_report(workspace: Workspace) -> None:
    """Ask which run; without any, say so."""
    folder = workspace.session.folder
    if folder is None:
        return
    presenter = RunsPresenter(folder)

    def show() -> None:
        if presenter.records:
            RunReportDialog(workspace, presenter).open()
        else:
            workspace.window.notices.say(tr("No runs yet. Start training, and each run is listed here."), "info")

    workspace.background.run(presenter.refresh, show)
