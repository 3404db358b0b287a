"""View menu: zoom, what of the overlay is drawn, panels, going from image to image."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from segstudio.app.overlay_style import OverlayStyle
    from segstudio.gui.workspace import Workspace

OPACITY_STEP = 0.1


def bind(workspace: Workspace) -> None:
    """Say what the actions do."""
    bind_action, bind_check = workspace.binder.bind, workspace.binder.bind_check
    canvas, session = workspace.canvas, workspace.session
    bind_action("view.zoom_in", canvas.zoom_in)
    bind_action("view.zoom_out", canvas.zoom_out)
    bind_action("view.fit", canvas.fit)
    bind_action("view.one_to_one", canvas.one_to_one)
    bind_action("view.hide_labels", lambda: hide_labels(workspace, not session.overlay.is_hidden))
    bind_check("view.show_labels", lambda on: _style(workspace, lambda s: replace(s, shows_labels=on)))
    bind_check("view.show_proposal", lambda on: _style(workspace, lambda s: replace(s, shows_proposal=on)))
    bind_check("view.show_difference", lambda on: _style(workspace, lambda s: replace(s, shows_difference=on)))
    bind_check("view.outline", lambda on: _style(workspace, lambda s: replace(s, mode="outline" if on else "fill")))
    bind_check(
        "view.show_confidence", lambda on: _style(workspace, lambda s: replace(s, heat="confidence" if on else "none"))
    )
    bind_check("view.show_unseen", lambda on: _style(workspace, lambda s: replace(s, shows_unseen=on)))
    bind_action("view.next_unseen", workspace.looks.show_next)
    bind_action("view.forget_unseen", session.looking.forget, when=lambda: session.can_edit)
    bind_check("view.grid", lambda on: _style(workspace, lambda s: replace(s, shows_grid=on)))
    bind_action("view.opacity_up", lambda: _more_opaque(workspace, OPACITY_STEP))
    bind_action("view.opacity_down", lambda: _more_opaque(workspace, -OPACITY_STEP))
    bind_action("view.window_level", lambda: _show_window_level(workspace))
    bind_action("view.auto_level", lambda: session.set_display(None))
    bind_check("view.panels", workspace.docks_shown, when=lambda: session.is_open)
    bind_check("view.full_screen", lambda on: _full_screen(workspace, on))
    bind_action("view.next_image", session.next_image)
    bind_action("view.previous_image", session.previous_image)
    bind_action("view.next_unlabelled", lambda: session.next_image(unlabelled=True))
    bind_action("view.focus_canvas", canvas.setFocus, when=lambda: session.is_open)


def refresh_checks(workspace: Workspace) -> None:
    """Check what is on."""
    style = workspace.session.overlay
    check = workspace.binder.set_checked
    check("view.show_labels", style.shows_labels)
    check("view.show_proposal", style.shows_proposal)
    check("view.show_difference", style.shows_difference)
    check("view.outline", style.mode == "outline")
    check("view.show_confidence", style.heat != "none")
    check("view.show_unseen", style.shows_unseen)
    check("view.grid", style.shows_grid)
    check("view.panels", workspace.has_docks and workspace.docks.is_shown)
    check("view.full_screen", workspace.window.isFullScreen())


def hide_labels(workspace: Workspace, is_hidden: bool) -> None:
    """Show the bare image, or the overlay again."""
    _style(workspace, lambda style: replace(style, is_hidden=is_hidden))


def _style(workspace: Workspace, change: Callable[[OverlayStyle], OverlayStyle]) -> None:
    workspace.session.set_overlay(change(workspace.session.overlay))


def _more_opaque(workspace: Workspace, step: float) -> None:
    def change(style: OverlayStyle) -> OverlayStyle:
        return replace(style, opacity=round(min(1.0, max(0.0, style.opacity + step)), 3))

    _style(workspace, change)


def _show_window_level(workspace: Workspace) -> None:
    panel = workspace.docks.reveal("overlay")
    focus = getattr(panel, "focus_display", None)
    if focus is not None:
        focus()
    else:
        panel.setFocus()


def _full_screen(workspace: Workspace, is_on: bool) -> None:
    if is_on:
        workspace.window.showFullScreen()
    else:
        workspace.window.showNormal()
