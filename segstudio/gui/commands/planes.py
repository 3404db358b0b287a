"""Planes of volumes and stacks."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from segstudio.app.plane_labels import PlaneLabels

if TYPE_CHECKING:
    from segstudio.gui.workspace import Workspace

VIEWS = {"view.slice_views": "views.shown", "view.crosshair": "views.crosshair"}
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
    labels = PlaneLabels(session, workspace.tool_work)
    for name, do in (
        ("interpolate", labels.interpolate),
        ("interpolate_gaps", partial(labels.interpolate, everywhere=True)),
        ("interpolate_all", partial(labels.interpolate, everywhere=True, is_all=True)),
        ("copy_next", partial(labels.copy, 1)),
        ("copy_previous", partial(labels.copy, -1)),
        ("copy_all_next", partial(labels.copy, 1, is_all=True)),
        ("copy_all_previous", partial(labels.copy, -1, is_all=True)),
    ):
        bind_action(f"plane.{name}", do, when=is_volume)
    for action_id, key in VIEWS.items():
        workspace.binder.bind_check(action_id, partial(workspace.settings.set, key), when=is_volume)
    workspace.binder.bind_check(
        "plane.only_background", lambda is_on: workspace.settings.set("planes.only_background", is_on)
    )
    bind_action("plane.last", lambda: session.set_plane(session.plane_count - 1), when=is_volume)


def refresh_checks(workspace: Workspace) -> None:
    """Check what is on."""
    workspace.binder.set_checked("plane.only_background", workspace.settings.flag("planes.only_background"))
    for action_id, key in VIEWS.items():
        workspace.binder.set_checked(action_id, workspace.settings.flag(key))
