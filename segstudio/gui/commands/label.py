"""Label menu: tools, classes, objects, status."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from segstudio.gui.i18n import tr

if TYPE_CHECKING:
    from segstudio.gui.workspace import Workspace


def bind(workspace: Workspace) -> None:
    """Say what the actions do."""
    binder, session, toolbox = workspace.binder, workspace.session, workspace.toolbox
    for tool_id in toolbox.ids():
        action_id = f"tool.{tool_id}"
        if action_id in binder.specs:
            binder.bind_check(action_id, partial(_on_tool, workspace, tool_id))
    binder.bind("tool.smaller", lambda: toolbox.step_size(-1))
    binder.bind("tool.larger", lambda: toolbox.step_size(1))
    binder.bind("tool.toggle_shape", toolbox.toggle_shape)
    binder.bind("class.swap", session.swap_classes)
    binder.bind("class.add", lambda: add_class(workspace), when=lambda: not session.is_read_only)
    for number in range(1, 10):
        binder.bind(f"class.select_{number}", partial(session.select_class_number, number))
    binder.bind_check("label.object_mode", session.set_object_mode)
    binder.bind("label.new_object", session.new_object)
    binder.bind("label.end_object", lambda: session.select_object(None))
    binder.bind_check("image.toggle_done", lambda _on: session.toggle_done())


def refresh_checks(workspace: Workspace) -> None:
    """Check the current tool and what is on."""
    check = workspace.binder.set_checked
    for tool_id in workspace.toolbox.ids():
        if f"tool.{tool_id}" in workspace.binder.specs:
            check(f"tool.{tool_id}", workspace.toolbox.chosen_id == tool_id)
    check("label.object_mode", workspace.session.is_object_mode)
    record = workspace.session.image
    check("image.toggle_done", record is not None and record.status == "done")


def choose_tool(workspace: Workspace, tool_id: str) -> None:
    """Make a tool the current one; choosing it again keeps it."""
    workspace.toolbox.select(tool_id)
    refresh_checks(workspace)


def _on_tool(workspace: Workspace, tool_id: str, is_on: bool) -> None:
    choose_tool(workspace, tool_id)


def add_class(workspace: Workspace) -> None:
    """Add a class with a free name and let its name be typed in the panel."""
    class_id = workspace.session.class_editor.add()
    if class_id is None:
        return
    panel = workspace.docks.reveal("classes")
    edit = getattr(panel, "edit_name", None)
    if edit is not None:
        edit(class_id)
    else:
        workspace.window.status_line.show_message(tr("Double-click the new class to name it."))
