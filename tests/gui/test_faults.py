"""A bug in drawing is said and does not take the window with it."""

from __future__ import annotations

import subprocess
import sys

PROGRAM = """
import sys
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication, QWidget
from segstudio.gui.faults import told

said = []
sys.excepthook = lambda kind, error, trace: said.append(str(error))
app = QApplication(["x", "-platform", "offscreen"])

class Canvas(QWidget):
    def event(self, event):
        return super().event(event)

    @told
    def paintEvent(self, event):
        raise KeyError("a bug")

canvas = Canvas()
canvas.show()
QTimer.singleShot(0, canvas.repaint)
QTimer.singleShot(200, app.quit)
app.exec()
print(said[0])
"""


def test_an_exception_in_drawing_is_said_and_the_program_lives_on():
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout.strip()) == (0, "'a bug'"), done.stderr


def test_the_canvas_draws_under_this_guard():
    from segstudio.gui.canvas.widget import CanvasWidget

    assert CanvasWidget.paintEvent.__wrapped__ is not None
