"""Tells the recorder of effort when somebody is at work in the window."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt
from PySide6.QtGui import QGuiApplication

from segstudio.app.effort_recorder import EffortRecorder

if TYPE_CHECKING:
    from segstudio.gui.workspace import Workspace


class EffortControl(QObject):
    """The pointer over the picture, zooming, painting and keys that change something are work; a window in the background is none."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace)
        self.recorder = EffortRecorder(workspace.session)
        self.recorder.run_in_background = workspace.background.run
        workspace.canvas.cursor_moved.connect(self._on_moved)
        workspace.canvas.zoom_changed.connect(self._on_moved)
        workspace.session.selection_changed.connect(self.recorder.touch)
        app = QGuiApplication.instance()
        if isinstance(app, QGuiApplication):
            app.applicationStateChanged.connect(self._on_state_changed)

    def _on_moved(self, *_: object) -> None:
        self.recorder.touch()

    def _on_state_changed(self, state: Qt.ApplicationState) -> None:
        if state != Qt.ApplicationState.ApplicationActive:
            self.recorder.pause()
