"""Training from the window."""
from __future__ import annotations
from PySide6.QtCore import QObject
class TrainingControl(QObject):
    is_running = is_paused = False
    def __init__(self, jobs): super().__init__(jobs)
    def on_project_changed(self): pass
    def shut_down(self): pass
    def set_paused(self, on): pass
    def stop_and_keep(self): pass
