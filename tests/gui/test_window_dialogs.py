"""Dialogs: settings and keys, new project, class mapping, crash report, details."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QCheckBox, QComboBox

from segstudio.app.keymap import Keymap
from segstudio.app.settings import SETTINGS, Settings
from segstudio.gui.crash import CrashLog, left_reports
from segstudio.gui.dialogs.class_mapping import NEW, ClassMappingDialog
from segstudio.gui.dialogs.details import DetailsDialog
from segstudio.gui.dialogs.key_page import KeyPage
from segstudio.gui.dialogs.new_project import NewProjectDialog
from segstudio.gui.dialogs.settings import SettingsDialog
from segstudio.ml.cards import ModelCard
from tests.gui.window_help import open_project, open_window


def test_settings_dialog_has_every_setting_and_acts_at_once(qtbot) -> None:
    settings = Settings()
    dialog = SettingsDialog(None, settings, Keymap())
    assert set(dialog.editors) == {setting.key for setting in SETTINGS if setting.group}
    box = dialog.editors["proposal.keeps_hand"]
    assert isinstance(box, QCheckBox)
    box.click()
    assert settings["proposal.keeps_hand"] is False
    settings.set("brush.shape", "square")
    shape = dialog.editors["brush.shape"]
    assert isinstance(shape, QComboBox) and shape.currentData() == "square"
    settings.reset_all()
    assert box.isChecked()
    dialog.show()
    heights = {dialog._list.visualItemRect(dialog._list.item(row)).height() for row in range(dialog._list.count())}
    assert len(heights) == 1, "rows of the list of pages lie over one another"
    dialog.close()


def test_key_page_refuses_a_taken_key_and_takes_it_over(qtbot) -> None:
    keymap = Keymap()
    page = KeyPage(keymap)
    qtbot.addWidget(page)
    page.choose("tool.fill")
    page.set_key("B")
    page.bind_current()
    assert "Brush" in page.problem and keymap.shortcuts("tool.brush") == ("B",)
    page.bind_current(takes_over=True)
    assert keymap.shortcuts("tool.fill") == ("B",) and keymap.shortcuts("tool.brush") == ()
    page.reset_all()
    assert keymap.shortcuts("tool.brush") == ("B",)


@pytest.mark.parametrize(
    ("name", "classes", "word"),
    [("a/b", "", "name"), ("new", "road, Road", "oad"), ("taken", "", "already"), ("", "", "name")],
)
def test_new_project_says_what_is_wrong(qtbot, tmp_path: Path, name: str, classes: str, word: str) -> None:
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "file").touch()
    dialog = NewProjectDialog(None, tmp_path)
    qtbot.addWidget(dialog)
    dialog.set_values(name, str(tmp_path), classes)
    dialog.accept()
    assert word in dialog.problem and dialog.result() == 0


def test_new_project_takes_lines_and_commas(qtbot, tmp_path: Path) -> None:
    dialog = NewProjectDialog(None, tmp_path)
    qtbot.addWidget(dialog)
    dialog.set_values("mine", str(tmp_path), "road, tree\nwater\n")
    dialog.accept()
    assert [entry.name for entry in dialog.classes] == ["road", "tree", "water"]
    assert dialog.folder == tmp_path / "mine"


def test_class_mapping_is_remembered(qtbot, tmp_path: Path) -> None:
    card = ModelCard("m", "M", architecture="unet", classes=("background", "road", "car"))
    with open_window(qtbot) as window:
        open_project(window, tmp_path, qtbot)
        models = window.workspace.jobs.models
        dialog = ClassMappingDialog(window, window.session, models, card)
        road = window.session.classes.by_name("road")
        assert dialog.boxes[1].currentData() == road.id and dialog.boxes[2].currentData() == NEW
        dialog.boxes[2].setCurrentIndex(dialog.boxes[2].findData(0))
        dialog.accept()
        assert [row.class_id for row in models.presenter.mapping(card)] == [road.id, 0]


def test_details_can_be_copied(qtbot) -> None:
    dialog = DetailsDialog(None, "It failed.", "Traceback …")
    dialog.copy()
    text = QGuiApplication.clipboard().text()
    assert "It failed." in text and "Traceback …" in text and text.startswith("segstudio ")
    dialog.close()


def test_crash_leaves_a_report_and_a_clean_end_none(tmp_path: Path) -> None:
    code = (
        "import sys, os; from pathlib import Path; from segstudio.gui.crash import CrashLog\n"
        "log = CrashLog(Path(sys.argv[1])); log.install()\n"
        "if sys.argv[2] == 'abort': os.abort()\n"
        "if sys.argv[2] == 'raise': raise RuntimeError('lost the thread')\n"
        "log.close()\n"
    )
    for how in ("abort", "raise", "clean"):
        subprocess.run([sys.executable, "-c", code, str(tmp_path), how], capture_output=True, timeout=60, check=False)
    texts = [report.text for report in left_reports(tmp_path)]
    assert len(texts) == 2
    assert any("Fatal Python error: Aborted" in text for text in texts)
    assert any("RuntimeError: lost the thread" in text for text in texts)
    for report in left_reports(tmp_path):
        report.forget()
    assert list(tmp_path.iterdir()) == []


def test_killed_run_is_no_crash(tmp_path: Path) -> None:
    (tmp_path / "running-999999999.log").write_text("segstudio 0\n-- running --\n")
    (tmp_path / f"running-{os.getpid()}.log").write_text("segstudio 0\n-- running --\nboom\n")
    assert left_reports(tmp_path) == []
    assert [path.name for path in tmp_path.iterdir()] == [f"running-{os.getpid()}.log"]


def test_uncaught_exception_is_said_and_logged(qtbot, tmp_path: Path) -> None:
    log = CrashLog(tmp_path)
    heard: list[tuple[str, str]] = []
    log.install()
    log.listen(lambda sentence, details: heard.append((sentence, details)))
    try:
        raise ValueError("odd number")
    except ValueError as error:
        sys.excepthook(ValueError, error, error.__traceback__)
    log.close()
    assert heard[0][0] == "ValueError: odd number" and "Traceback" in heard[0][1]
    assert "ValueError: odd number" in log.path.read_text()


def test_report_is_offered_and_deleted(qtbot, tmp_path: Path) -> None:
    from segstudio.gui.dialogs.crash_report import offer

    (tmp_path / "running-999999999.log").write_text("segstudio 0\n-- running --\nboom\n")
    with open_window(qtbot) as window:
        offer(window, left_reports(tmp_path))
        message = window.notices.messages[0]
        assert message.key == "crash-report" and message.stays
        message.buttons[1].click()
        assert not window.notices.messages and list(tmp_path.iterdir()) == []
