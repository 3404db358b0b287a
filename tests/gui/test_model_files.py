"""Weights files of other makers and ONNX export from the window: real processes, real files, real menus."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from onnx_files import write_onnx
from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtWidgets import QAbstractButton, QDialogButtonBox, QFileDialog, QPlainTextEdit

from segstudio.gui import threads
from segstudio.gui.dialogs.details import DetailsDialog
from segstudio.gui.dialogs.model_card import ModelCardDialog
from segstudio.jobs import protocol
from segstudio.jobs.specs import OnnxSpec
from segstudio.ml.foreign.onnx_export import OnnxExport
from segstudio.ml.networks.build import build_network
from tests.gui.window_help import open_project, open_window


@pytest.fixture(autouse=True)
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("onnxruntime", reason="needs the extra [onnx]")
    monkeypatch.setenv("SEGSTUDIO_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("SEGSTUDIO_DATA_DIR", str(tmp_path / "data"))


def choose_file(monkeypatch: pytest.MonkeyPatch, file: Path) -> None:
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(file), ""))
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(file), ""))


def wait_idle(qtbot, window) -> None:
    files = window.workspace.jobs.model_files
    qtbot.waitUntil(lambda: not files.is_busy, timeout=120_000)


def said(window) -> str:
    return " ".join(message.sentence for message in window.notices.messages)


def test_an_onnx_file_is_added_chosen_and_proposes(qtbot, tmp_path, monkeypatch):
    file = write_onnx(tmp_path / "brightness.onnx", weight=np.array([[-9.0] * 3, [9.0] * 3]) / 3)
    with open_window(qtbot) as window:
        open_project(window, tmp_path, qtbot, images=1)
        choose_file(monkeypatch, file)
        window.binder.trigger("model.install")
        wait_idle(qtbot, window)
        entry = window.workspace.jobs.models.current_entry()
        assert entry.card.id == "brightness" and entry.is_available
        assert "does not name its classes" in said(window)
        assert window.workspace.jobs.models.propose([window.session.image_id])
        qtbot.waitUntil(lambda: not window.workspace.jobs.models.is_proposing, timeout=120_000)
        assert window.session.proposal is not None
        assert {"class 0", "class 1"} <= {c.name for c in window.session.classes}


def test_a_strangers_checkpoint_is_refused_with_its_tensors_behind_the_link(qtbot, tmp_path, monkeypatch):
    file = tmp_path / "theirs.pth"
    torch.save({"state_dict": {"stem.weight": torch.ones(8, 3, 3, 3), "stem.bias": torch.ones(8)}}, file)
    with open_window(qtbot) as window:
        open_project(window, tmp_path, qtbot, images=0)
        choose_file(monkeypatch, file)
        window.binder.trigger("model.install")
        wait_idle(qtbot, window)
        assert "none of the networks" in said(window) and "stem.weight, 8×3×3×3" in said(window)
        button = next(b for b in window.notices.findChildren(QAbstractButton) if b.text() == "Details")
        qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
        dialog = window.findChild(DetailsDialog)
        assert "stem.bias    8  float32" in dialog.findChild(QPlainTextEdit).toPlainText()
        dialog.close()


def test_a_checkpoint_of_a_known_network_becomes_a_model_and_lists_its_tensors(qtbot, tmp_path, monkeypatch):
    torch.manual_seed(0)
    file = tmp_path / "theirs.pth"
    torch.save(build_network("enet", "", bands=3, classes=2).state_dict(), file)
    with open_window(qtbot) as window:
        open_project(window, tmp_path, qtbot, images=0)
        choose_file(monkeypatch, file)
        window.binder.trigger("model.install")
        wait_idle(qtbot, window)
        entry = window.workspace.jobs.models.current_entry()
        assert (entry.card.id, entry.card.architecture) == ("theirs", "enet")

        window.binder.trigger("model.card")
        card = window.findChild(ModelCardDialog)
        box = card.findChild(QDialogButtonBox)
        button = next(b for b in box.buttons() if b.text().replace("&", "") == "Tensors…")
        qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
        listed = card.findChild(DetailsDialog)
        assert "initial.conv" in listed.findChild(QPlainTextEdit).toPlainText()
        listed.close()
        card.close()


class FakeThread(QObject):
    """Answers as a task's thread does, but only when told to; what it does is tested by itself."""

    message_received = Signal(object)
    finished_job = Signal(object)
    failed = Signal(str, str)
    cancelled = Signal()
    made: list[FakeThread] = []

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        FakeThread.made.append(self)

    def submit(self, spec: object) -> None:
        self.spec = spec

    def cancel(self) -> None:
        self.cancelled.emit()

    def shut_down(self) -> None:
        pass


def test_the_chosen_model_is_written_where_the_person_says(qtbot, tmp_path, monkeypatch):
    FakeThread.made = []
    monkeypatch.setattr(threads, "TaskThread", FakeThread)
    with open_window(qtbot) as window:
        open_project(window, tmp_path, qtbot, images=0)
        window.workspace.jobs.models.choose("nuclei")
        window.refresh_actions()
        choose_file(monkeypatch, tmp_path / "out")
        assert window.binder.trigger("model.export_onnx")
        (thread,) = FakeThread.made
        assert thread.spec == OnnxSpec("nuclei", str(window.session.folder), str(tmp_path / "out.onnx"))
        thread.message_received.emit(protocol.Progress(done=1, total=4, what="Tracing the network"))
        assert window.workspace.jobs.running_titles() == ["Writing out.onnx"]
        thread.finished_job.emit(OnnxExport(str(tmp_path / "out.onnx"), 256, 32, 0.0, 10))
        assert str(tmp_path / "out.onnx") in said(window) and "windows of 256 px only" in said(window)
        assert not window.workspace.jobs.running_titles()

        window.binder.trigger("model.export_onnx")
        FakeThread.made[1].failed.emit("The disk is full.", "")
        assert "The disk is full." in said(window)
        again = next(b for b in window.notices.findChildren(QAbstractButton) if b.text() == "Try again")
        qtbot.mouseClick(again, Qt.MouseButton.LeftButton)
        assert FakeThread.made[2].spec == thread.spec
        FakeThread.made[2].cancel()
        assert not window.workspace.jobs.model_files.is_busy


def test_a_method_without_a_network_cannot_be_exported(qtbot, tmp_path):
    with open_window(qtbot) as window:
        open_project(window, tmp_path, qtbot, images=0)
        window.workspace.jobs.models.choose("classic/otsu")
        window.refresh_actions()
        assert not window.binder.is_enabled("model.export_onnx")
