"""What next: its part of the Model menu."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from segstudio.gui.workspace import Workspace


def bind(workspace: Workspace) -> None:
    """Say what the actions do."""
    binder, session, what_next = workspace.binder, workspace.session, workspace.jobs.what_next
    binder.bind("next.place", what_next.step)
    binder.bind("next.confirm", what_next.confirm, when=lambda: session.can_edit)
    binder.bind("next.start_over", session.what_next.places.start_over, when=lambda: session.can_edit)
    binder.bind("next.image", what_next.open_next, when=lambda: bool(session.what_next.order))
    binder.bind(
        "next.look",
        lambda: look(workspace),
        when=lambda: bool(session.images) and not session.is_read_only and not what_next.is_looking,
    )


def look(workspace: Workspace) -> None:
    """Look at what no model has seen this way, and show what comes of it."""
    workspace.docks.reveal("next")
    workspace.jobs.what_next.look()
