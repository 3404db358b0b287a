"""Edit menu."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtWidgets import QApplication, QLineEdit, QPlainTextEdit, QTextEdit

from segstudio.app.piece_desk import PieceDesk
from segstudio.gui.i18n import tr

if TYPE_CHECKING:
    from segstudio.gui.workspace import Workspace


def bind(workspace: Workspace) -> None:
    """Say what the actions do."""
    bind_action = workspace.binder.bind
    session = workspace.session
    bind_action("edit.undo", lambda: undo(workspace), when=lambda: _can_undo(workspace))
    bind_action("edit.redo", lambda: redo(workspace), when=lambda: _can(workspace, "can_redo"))
    bind_action("edit.cancel", lambda: cancel(workspace))
    pieces = PieceDesk(session, workspace.toolbox)
    bind_action("edit.cut", lambda: _tell(workspace, pieces.cut(pointer_xy(workspace))))
    bind_action("edit.copy", lambda: copy(workspace, pieces))
    bind_action("edit.paste", lambda: pieces.paste(pointer_xy(workspace)))
    bind_action("edit.delete_object", session.delete_object)
    bind_action("edit.clear_labels", session.clear_labels)
    bind_action("edit.settings", lambda: show_settings(workspace))
    bind_action("edit.shortcuts", lambda: show_settings(workspace, page="keys"))


def undo(workspace: Workspace) -> None:
    """Take back the last edit; in a text field, its last change."""
    field = QApplication.focusWidget()
    if isinstance(field, (QLineEdit, QPlainTextEdit, QTextEdit)) and _undo_in_field(field, is_undo=True):
        return
    tool = workspace.toolbox.current
    if tool.undo_abandons and tool.is_busy:
        workspace.toolbox.cancel()
        return
    if tool.has_step:
        tool.undo()
        return
    workspace.session.undo()


def _can_undo(workspace: Workspace) -> bool:
    return workspace.toolbox.current.has_step or _can(workspace, "can_undo")


def redo(workspace: Workspace) -> None:
    """Do the edit again; in a text field, its own."""
    field = QApplication.focusWidget()
    if isinstance(field, (QLineEdit, QPlainTextEdit, QTextEdit)) and _undo_in_field(field, is_undo=False):
        return
    workspace.session.redo()


def cancel(workspace: Workspace) -> None:
    """Abandon what the tool has begun; else let go of the object that strokes go to."""
    if not workspace.toolbox.current.is_busy and (workspace.jobs.compare.close() or workspace.jobs.refine.close_card()):
        return
    if workspace.toolbox.cancel():
        return
    if workspace.session.active_object is not None:
        workspace.session.select_object(None)


def copy(workspace: Workspace, pieces: PieceDesk) -> None:
    """The figure that the tool shows as text, else a piece of the labels."""
    text = workspace.toolbox.current.copied_text()
    if text:
        QApplication.clipboard().setText(text)
        _tell(workspace, tr("Copied “{text}”.").format(text=text))
        return
    _tell(workspace, pieces.copy(pointer_xy(workspace)))


def pointer_xy(workspace: Workspace) -> tuple[float, float] | None:
    """The image position under the pointer; None while it is not over the canvas."""
    canvas = workspace.canvas
    at = canvas.cursor_position
    return None if at is None else canvas.view.to_image(at.x() * canvas.ratio, at.y() * canvas.ratio)


def _tell(workspace: Workspace, sentence: str) -> None:
    if sentence:
        workspace.window.status_line.show_message(sentence)


def show_settings(workspace: Workspace, page: str = "") -> None:
    """The settings, or their page of keys."""
    from segstudio.gui.dialogs.settings import SettingsDialog

    dialog = SettingsDialog(workspace.window, workspace.settings, workspace.window.keymap)
    if page:
        dialog.show_page(page)
    dialog.show()


def _undo_in_field(field: QLineEdit | QPlainTextEdit | QTextEdit, *, is_undo: bool) -> bool:
    if isinstance(field, QLineEdit):
        can = field.isUndoAvailable() if is_undo else field.isRedoAvailable()
    else:
        can = field.document().isUndoAvailable() if is_undo else field.document().isRedoAvailable()
    if can:
        (field.undo if is_undo else field.redo)()
    return can


def _can(workspace: Workspace, name: str) -> bool:
    history = workspace.session.history
    if history is None or workspace.session.is_read_only:
        return False
    value = getattr(history, name)
    return bool(value() if callable(value) else value)
