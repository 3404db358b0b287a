"""The model at hand."""
from __future__ import annotations
from PySide6.QtCore import QObject
class ModelControl(QObject):
    is_proposing = False
    def __init__(self, jobs): super().__init__(jobs)
    def on_project_changed(self): pass
    def shut_down(self): pass
    def propose(self, ids): pass
    def cancel_propose(self): pass
    def current_entry(self): return None
