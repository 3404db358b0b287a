"""Planes of volumes and stacks."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from segstudio.gui.workspace import Workspace

FAR = 10
"""Planes that a long step goes."""


def bind(workspace: Workspace) -> None:
    """Say what the actions do."""
    session, bind_action = workspace.session, workspace.binder.bind

    def is_volume() -> bool:
        return session.is_volume

    for action_id, step in (("next", 1), ("previous", -1), ("ten_on", FAR), ("ten_back", -FAR)):
        bind_action(f"plane.{action_id}", partial(session.step_plane, step), when=is_volume)
    bind_action("plane.first", lambda: session.set_plane(0), when=is_volume)
    bind_action("plane.last", lambda: session.set_plane(session.plane_count - 1), when=is_volume)
