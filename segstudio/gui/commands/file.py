"""File menu."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from segstudio.gui.workspace import Workspace


def bind(workspace: Workspace) -> None:
    """Say what the actions do (opening and quitting are bound by the window itself)."""
    bind_action = workspace.binder.bind
    session = workspace.session
    bind_action("file.add_images", workspace.opening.add_images, when=lambda: not session.is_read_only)
    bind_action("file.add_folder", workspace.opening.add_folder, when=lambda: not session.is_read_only)
    bind_action("file.find_moved", workspace.image_files.ask_and_find, when=lambda: not session.is_read_only)
    bind_action(
        "file.import",
        workspace.importing.ask,
        when=lambda: not session.is_read_only and not workspace.jobs.imports.is_running,
    )
    bind_action("file.close_project", workspace.opening.close)
    bind_action("file.export", lambda: export(workspace))


def export(workspace: Workspace) -> None:
    """Ask for a format and a folder, then export in the background."""
    from segstudio.gui.dialogs.export import ExportDialog

    dialog = ExportDialog(workspace.window, workspace.session, workspace.jobs)
    dialog.open()
