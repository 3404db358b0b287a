"""Train menu."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QUrl
from PySide6.QtGui import QDesktopServices

if TYPE_CHECKING:
    from segstudio.gui.workspace import Workspace


def bind(workspace: Workspace) -> None:
    """Say what the actions do."""
    binder, session, training = workspace.binder, workspace.session, workspace.jobs.training
    binder.bind(
        "train.start",
        lambda: start(workspace),
        when=lambda: not training.is_running and not session.is_read_only and bool(session.images),
    )
    binder.bind_check("train.pause", training.set_paused, when=lambda: training.is_running)
    binder.bind("train.stop", training.stop_and_keep, when=lambda: training.is_running)
    binder.bind("train.all_settings", lambda: open_settings(workspace))
    binder.bind("train.preview_patches", lambda: preview_patches(workspace))
    binder.bind("train.find_rate", lambda: find_rate(workspace), when=lambda: not training.is_running)
    binder.bind("train.runs", lambda: show_runs(workspace))
    binder.bind("train.report", lambda: report(workspace))
    binder.bind("train.progress", lambda: workspace.docks.reveal("progress"))
    binder.bind("train.open_runs", lambda: open_runs(workspace))


def refresh_checks(workspace: Workspace) -> None:
    """Show whether training is held."""
    workspace.binder.set_checked("train.pause", workspace.jobs.training.is_paused)


def start(workspace: Workspace) -> None:
    """Bring the panel up and start with what it says."""
    panel = workspace.docks.reveal("train")
    panel.start()  # type: ignore[attr-defined]


def open_settings(workspace: Workspace, key: str = "") -> None:
    """Every field of a run, beginning with *key* where one is named."""
    from segstudio.gui.dialogs.train_settings import TrainSettingsDialog

    dialog = TrainSettingsDialog(workspace)
    dialog.open()
    if key:
        dialog.show_field(key)


def preview_patches(workspace: Workspace) -> None:
    """What the network would see of the labels, and the steps of the augmentation to change."""
    from segstudio.gui.dialogs.augment_preview import AugmentPreviewDialog

    AugmentPreviewDialog(workspace).open()


def find_rate(workspace: Workspace) -> None:
    """Search a learning rate for the run that is chosen."""
    from segstudio.gui.dialogs.find_rate import FindRateDialog

    plan = workspace.jobs.training.presenter.plan()
    if plan is not None:
        FindRateDialog(workspace, plan).open()


def show_runs(workspace: Workspace) -> None:
    """The runs of the project, to compare."""
    from segstudio.gui.dialogs.runs import RunsDialog

    if workspace.session.folder is not None:
        RunsDialog(workspace, workspace.session.folder).open()


def report(workspace: Workspace) -> None:
    """Write the report of a run and open it."""
    from segstudio.gui.dialogs.run_report import ask_and_report

    ask_and_report(workspace)


def open_runs(workspace: Workspace) -> None:
    """Show the folder of runs in the file manager."""
    folder = workspace.session.folder
    if folder is not None:
        runs = folder / "runs"
        target = runs if runs.is_dir() else folder
        QDesktopServices.openUrl(QUrl.fromLocalFile(str(target)))
