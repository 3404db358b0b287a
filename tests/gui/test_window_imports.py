"""What is imported while the window stands does not hold it up."""

from __future__ import annotations

import importlib
import subprocess
import sys

from window_help import make_images

FIRST_IMAGE = """
import importlib.machinery as machinery
import sys
import threading
from pathlib import Path

from PySide6.QtWidgets import QApplication

app = QApplication([])
from segstudio.core.classes import ClassTable
from segstudio.gui import theme
from segstudio.gui.main_window import MainWindow

theme.theme_manager().apply("light")
window = MainWindow()
window.show()
session = window.session
session.create_project(Path(sys.argv[2]), ClassTable().added("road"))
session.store.add_images([Path(sys.argv[1])])
session._read_records()
window.workspace.early_imports._thread.join()
for _ in range(50):
    app.processEvents()
imported = []


def noting(kind):
    honest = kind.exec_module

    def exec_module(self, module):
        if threading.current_thread() is threading.main_thread():
            imported.append(module.__name__)
        honest(self, module)

    kind.exec_module = exec_module


noting(machinery.SourceFileLoader)
noting(machinery.ExtensionFileLoader)
session.select_image(session.images[0].id)
while not window.workspace.canvas._image._tiles:
    app.processEvents()
    assert not session.reader_error, session.reader_error
window.workspace.canvas.grab()
print(",".join(["imported", *imported]))
window.shut_down()
"""


def test_the_first_image_imports_no_library_in_the_windows_thread(tmp_path):
    (file,) = make_images(tmp_path, count=1)
    done = subprocess.run(
        [sys.executable, "-c", FIRST_IMAGE, str(file), str(tmp_path / "project")],
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    imported = done.stdout.strip().splitlines()[-1].split(",")[1:]
    assert [name for name in imported if not name.startswith("segstudio")] == []


def test_qt_does_not_read_the_source_of_what_is_imported(qtbot):
    from segstudio.gui.imports import calm_imports

    calm_imports()
    assert importlib.import_module("shibokensupport.feature")._mod_uses_pyside(sys) is False


def test_the_tables_of_label_colours_import_no_masked_arrays():
    code = """
import sys
from segstudio.core.classes import ClassTable
from segstudio.core.layers import LabelLayer
from segstudio.gui.canvas.overlay_colors import layer_colors

layer = LabelLayer(1, 1, "a", "labels", 64, 64)
layer_colors(layer, ClassTable().added("road"), opacity=0.5)
assert "numpy.ma" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
