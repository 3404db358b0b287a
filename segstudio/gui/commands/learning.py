"""Learning while labelling: its part of the Train menu."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from segstudio.gui.workspace import Workspace


def bind(workspace: Workspace) -> None:
    """Say what the actions do."""
    binder, session, learning = workspace.binder, workspace.session, workspace.jobs.learning
    binder.bind(
        "learn.start",
        lambda: start(workspace),
        when=lambda: not learning.is_running and not session.is_read_only,
    )
    binder.bind_check("learn.pause", learning.set_paused, when=lambda: learning.is_running)
    binder.bind("learn.stop", learning.stop, when=lambda: learning.is_running)
    binder.bind("learn.renew", learning.renewal.now, when=lambda: learning.presenter.current is not None)
    binder.bind(
        "learn.roll_back",
        learning.roll_back_one,
        when=lambda: not session.is_read_only and learning.presenter.former is not None,
    )


def refresh_checks(workspace: Workspace) -> None:
    """Show whether learning is held."""
    workspace.binder.set_checked("learn.pause", workspace.jobs.learning.is_paused)


def start(workspace: Workspace) -> None:
    """Begin, and show what comes of it."""
    workspace.docks.reveal("learning")
    workspace.jobs.learning.start()
