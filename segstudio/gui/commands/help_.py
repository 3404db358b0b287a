"""Help menu."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from segstudio.gui.workspace import Workspace


def bind(workspace: Workspace) -> None:
    """Say what the actions do (palette and key sheet are bound by the window)."""
    bind_action = workspace.binder.bind
    bind_action("help.guide", lambda: show_guide(workspace))
    bind_action("help.doctor", lambda: show_doctor(workspace))
    bind_action("help.about", lambda: show_about(workspace))


def show_guide(workspace: Workspace) -> None:
    """The user guide, in a window of its own."""
    from segstudio.gui.dialogs.guide import GuideDialog

    GuideDialog(workspace.window).show()


def show_doctor(workspace: Workspace) -> None:
    """Versions, devices and folders."""
    from segstudio.gui.dialogs.doctor import DoctorDialog

    DoctorDialog(workspace.window, workspace.jobs).show()


def show_about(workspace: Workspace) -> None:
    """Version and licences."""
    from segstudio.gui.dialogs.about import AboutDialog

    AboutDialog(workspace.window).open()
