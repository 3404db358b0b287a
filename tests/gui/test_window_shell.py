"""The window itself: start page, actions, palette, sheets, notices, opening, settings that last."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent
from PySide6.QtTest import QTest

from segstudio.app.actions import ACTIONS, MENUS
from segstudio.gui.action_binding import ActionBinder, Situation
from segstudio.gui.fuzzy import fuzzy_match
from segstudio.gui.job_strip import JobView, time_left_text
from segstudio.gui.notice_bar import MOST, Offer
from segstudio.gui.start_page import age_text
from segstudio.io.store.project import ProjectStore
from tests.gui.window_help import make_images, open_project, open_window


def test_first_frame_needs_nothing_heavy(tmp_path: Path) -> None:
    code = (
        "import sys\nfrom segstudio.gui import main\n"
        "app = main.make_application()\nwindow = main.open_window([], is_deferred=True)\n"
        "window.filled.connect(lambda: (print([m for m in ('numpy', 'cv2', 'sqlalchemy', 'pyqtgraph', 'torch', "
        "'skimage', 'tifffile', 'PIL') if m in sys.modules], len(window.start_page.cards)), window.close()))\n"
        "app.exec()\n"
    )
    environment = {**os.environ, "SEGSTUDIO_CONFIG_DIR": str(tmp_path), "QT_QPA_PLATFORM": "offscreen"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, timeout=60)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split("]")[0] == "[", done.stdout


def test_every_action_is_bound_and_in_its_menu(qtbot) -> None:
    with open_window(qtbot) as window:
        _ = window.workspace
        assert set(window.binder.bound_ids()) == {spec.id for spec in ACTIONS}
        for name in MENUS:
            shown = []
            for entry in window.menus[name].actions():
                inside = entry.menu()
                shown += [a.objectName() for a in ([entry] if inside is None else inside.actions()) if a.objectName()]
            assert sorted(shown) == sorted(spec.id for spec in ACTIONS if spec.menu == name)
            top = [a.objectName() for a in window.menus[name].actions() if a.objectName()]
            assert top == [spec.id for spec in ACTIONS if spec.menu == name and not spec.submenu]


def test_actions_follow_the_situation(qtbot, tmp_path: Path) -> None:
    with open_window(qtbot) as window:
        assert not window.trigger("view.fit")
        assert not window.trigger("file.export")
        open_project(window, tmp_path, qtbot)
        assert window.trigger("view.fit")
        assert window.trigger("tool.eraser")
        assert window.workspace.toolbox.chosen_id == "eraser"
        assert window.binder.action("tool.eraser").isChecked() and not window.binder.action("tool.brush").isChecked()
        window.trigger("file.close_project")
        assert window.pages.currentWidget() is window.start_page
        with pytest.raises(KeyError):
            window.trigger("no.such")


def test_binder_without_handler_stays_off(qtbot) -> None:
    from PySide6.QtWidgets import QWidget

    widget = QWidget()
    qtbot.addWidget(widget)
    binder = ActionBinder(widget)
    binder.refresh(Situation(True, True, True, True, True))
    assert not binder.is_enabled("edit.undo")
    calls: list[str] = []
    binder.bind("edit.undo", lambda: calls.append("undo"), when=lambda: len(calls) < 1)
    assert binder.trigger("edit.undo") and calls == ["undo"]
    binder.refresh()
    assert not binder.trigger("edit.undo")


def test_keys_of_lists_and_fields_work_only_on_the_canvas(qtbot, tmp_path: Path) -> None:
    with open_window(qtbot) as window:
        open_project(window, tmp_path, qtbot)
        for action_id in ("view.panels", "model.accept_all", "edit.cancel", "edit.delete_object"):
            action = window.binder.action(action_id)
            assert action.shortcutContext() == Qt.ShortcutContext.WidgetWithChildrenShortcut, action_id
            assert action in window.workspace.canvas.actions()


def test_rebound_key_counts_at_once(qtbot, tmp_path: Path) -> None:
    with open_window(qtbot) as window:
        open_project(window, tmp_path, qtbot)
        window.keymap.set("tool.fill", ["Ctrl+Alt+F"])
        assert [key.toString() for key in window.binder.action("tool.fill").shortcuts()] == ["Ctrl+Alt+F"]
        assert "Ctrl+Alt+F" in window.binder.action("tool.fill").toolTip()


def test_palette_finds_and_runs(qtbot, tmp_path: Path) -> None:
    with open_window(qtbot) as window:
        open_project(window, tmp_path, qtbot)
        window.trigger("help.palette")
        palette = window.palette_popup
        assert palette is not None
        QTest.keyClicks(palette.field, "erasr")
        assert palette.shown_ids()[0] == "tool.eraser"
        QTest.keyClick(palette.field, Qt.Key.Key_Return)
        assert window.workspace.toolbox.chosen_id == "eraser" and not palette.isVisible()
        palette.open()
        QTest.keyClicks(palette.field, "qqqqzz")
        assert palette.shown_ids() == [] and not palette.run_current()
        palette.hide()


@pytest.mark.parametrize(
    ("query", "better", "worse"),
    [
        ("exp", "Export…", "Next unlabelled image"),
        ("nu", "Next unlabelled image", "Undo"),
        ("zo", "Zoom in", "Size of zone"),
    ],
)
def test_fuzzy_prefers_starts_of_words(query: str, better: str, worse: str) -> None:
    first, second = fuzzy_match(query, better), fuzzy_match(query, worse)
    assert first is not None and (second is None or first[0] > second[0])
    assert fuzzy_match("xyz", better) is None
    assert fuzzy_match("", better) == (0.0, ())


def test_keyboard_sheet_narrows(qtbot) -> None:
    from segstudio.gui.keyboard_sheet import KeyboardSheet

    with open_window(qtbot) as window:
        sheet = KeyboardSheet(window, window.binder)
        whole = sheet.shown_rows()
        assert whole > 50
        sheet._field.setText("undo")
        assert 1 <= sheet.shown_rows() < whole / 8
        sheet.close()


def test_notices_replace_and_offer(qtbot) -> None:
    with open_window(qtbot) as window:
        bar = window.notices
        answers: list[int] = []
        bar.say("One.", "failure", (Offer("Again", lambda: answers.append(1)),))
        bar.say("One.", "failure", (Offer("Again", lambda: answers.append(2)),))
        assert len(bar.messages) == 1
        for text in ("Two.", "Three.", "Four."):
            bar.say(text)
        assert len(bar.messages) == MOST and bar.messages[0].sentence == "One."
        bar.messages[0].buttons[0].click()
        assert answers == [2] and all(message.sentence != "One." for message in bar.messages)
        bar.clear()
        assert not bar.isVisible()


def test_job_strip_shows_time_left_and_cancels(qtbot) -> None:
    with open_window(qtbot) as window:
        strip = window.job_strip
        strip.show_job(JobView("a", "Proposing 3 of 12", 3, 12, 41.2))
        assert strip.text_of("a") == "Proposing 3 of 12 41 s left" and strip.isVisible()
        with qtbot.waitSignal(strip.cancel_requested) as caught:
            strip._rows["a"]._cancel.click()
        assert caught.args == ["a"]
        strip.drop_job("a")
        assert not strip.isVisible() and strip.job_ids() == []
    assert time_left_text(200) == "3 min left" and time_left_text(6000) == "1 h 40 min left"


def test_jobs_stand_beside_each_other_so_that_a_second_one_moves_nothing(qtbot) -> None:
    with open_window(qtbot) as window:
        strip = window.job_strip
        strip.show_job(JobView("a", "Learning", 3, 12))
        window.repaint()
        height = strip.sizeHint().height()
        strip.show_job(JobView("b", "Looking at the images", detail="a model with a name that has no room at all " * 3))
        strip.show_job(JobView("c", "Exporting", 3, 12, 600.0))
        qtbot.waitUntil(lambda: strip._rows["c"].x() > strip._rows["b"].x() > strip._rows["a"].x())
        assert strip.sizeHint().height() == height and strip.minimumSizeHint().width() <= 900
        assert len({row.y() for row in strip._rows.values()}) == 1 and strip.height() == height
        strip.show_job(JobView("d", "Importing", 1, 2))
        qtbot.waitUntil(lambda: strip.sizeHint().height() > height)
        strip.drop_job("a")
        qtbot.waitUntil(lambda: strip.height() == height)
        assert strip.job_ids() == ["b", "c", "d"]


def test_images_make_a_project_and_say_where(qtbot, tmp_path: Path) -> None:
    with open_window(qtbot) as window:
        files = make_images(tmp_path / "loose")
        window.open_paths(files)
        folder = window.session.folder
        assert folder is not None and str(tmp_path / "data") in str(folder)
        assert any(str(folder) in message.sentence for message in window.notices.messages)
        assert [record.name for record in window.session.images] == ["im0.png", "im1.png"]
        assert window.windowTitle() == f"im0.png – {folder.name} – segstudio"
        assert next(iter(window.recent)).folder == str(folder)
        assert window.start_page.cards[0].project.images == 2


def test_drop_opens(qtbot, tmp_path: Path) -> None:
    with open_window(qtbot) as window:
        data = QMimeData()
        data.setUrls([QUrl.fromLocalFile(str(make_images(tmp_path / "loose")[0].parent))])
        event = QDropEvent(
            QPointF(QPoint(50, 50)),
            Qt.DropAction.CopyAction,
            data,
            Qt.MouseButton.LeftButton,
            Qt.KeyboardModifier.NoModifier,
        )
        window.dropEvent(event)
        # It is looked into first: a dataset of labels would be imported.
        qtbot.waitUntil(lambda: len(window.session.images) == 2, timeout=30_000)


def test_missing_and_corrupt_paths_are_one_sentence(qtbot, tmp_path: Path) -> None:
    with open_window(qtbot) as window:
        gone = tmp_path / "gone"
        window.open_paths([gone])
        assert [message.kind for message in window.notices.messages] == ["failure"]
        assert str(gone) in window.notices.messages[0].sentence
        window.notices.clear()
        open_project(window, tmp_path, qtbot)
        broken = tmp_path / "broken.png"
        broken.write_bytes(b"\x89PNG\r\n\x1a\n nothing")
        before = [record.id for record in window.session.images]
        window.open_paths([broken])
        assert [record.id for record in window.session.images] == before
        assert any("broken.png" in message.sentence for message in window.notices.messages)


def test_second_window_is_read_only_with_a_banner(qtbot, tmp_path: Path) -> None:
    ProjectStore.create(tmp_path / "shared").close()
    with ProjectStore.open(tmp_path / "shared"), open_window(qtbot) as window:
        window.open_paths([tmp_path / "shared"])
        assert window.session.is_read_only
        assert [message.key for message in window.banners.messages] == ["read-only"]
        assert not window.trigger("file.add_images") and not window.binder.is_enabled("class.add")
    with open_window(qtbot) as window:
        window.open_paths([tmp_path / "shared"])
        assert not window.session.is_read_only and not window.banners.messages


def test_geometry_and_panels_last(qtbot, tmp_path: Path) -> None:
    with open_window(qtbot) as window:
        open_project(window, tmp_path, qtbot)
        window.resize(1000, 651)
        window.workspace.docks.reveal("model")
    kept = json.loads((tmp_path / "config" / "settings.json").read_text())
    assert kept["window.geometry"] and kept["window.state"]
    from segstudio.gui.main_window import MainWindow

    again = MainWindow()
    qtbot.addWidget(again)
    assert again.height() == 651  # the width is cut to the small screen that offscreen tests have


@pytest.mark.parametrize("panel_id", ["model", "train", "overlay"])
def test_a_panel_is_never_cut_at_its_right(qtbot, tmp_path: Path, panel_id: str) -> None:
    with open_window(qtbot) as window:
        open_project(window, tmp_path, qtbot)
        panel = window.workspace.docks.reveal(panel_id)
        qtbot.waitUntil(panel.isVisible)
        window.resizeDocks([window.workspace.docks.dock(panel_id)], [100], Qt.Orientation.Horizontal)
        viewport = panel.parentWidget()
        qtbot.waitUntil(lambda: viewport.width() >= min(290, panel.minimumSizeHint().width()))
        assert panel.width() <= viewport.width()


def test_tab_hides_the_panels(qtbot, tmp_path: Path) -> None:
    with open_window(qtbot) as window:
        open_project(window, tmp_path, qtbot)
        docks = window.workspace.docks
        assert docks.is_shown
        window.trigger("view.panels")
        assert not docks.is_shown
        window.trigger("view.panels")
        assert docks.is_shown and window.binder.action("view.panels").isChecked()


def test_held_key_hides_labels_while_down(qtbot, tmp_path: Path) -> None:
    with open_window(qtbot) as window:
        open_project(window, tmp_path, qtbot)
        QTest.keyPress(window, Qt.Key.Key_Q)
        assert window.session.overlay.is_hidden
        QTest.keyRelease(window, Qt.Key.Key_Q)
        assert not window.session.overlay.is_hidden


def test_status_line_shows_image_and_zoom(qtbot, tmp_path: Path) -> None:
    with open_window(qtbot) as window:
        open_project(window, tmp_path, qtbot)
        line = window.status_line
        assert line.texts()["image"].startswith("64 × 48")
        line.show_cursor(12, 4, (93.0, 12.0, 7.5), "road")
        assert (line.texts()["position"], line.texts()["value"], line.texts()["class"]) == (
            "x 12  y 4",
            "value 93 12 7.5",
            "class road",
        )
        line.show_zoom(1.5)
        assert line.texts()["zoom"] == "zoom 150 %"


def test_age_text() -> None:
    day = 86_400.0
    assert [age_text(moment, 100 * day) for moment in (0, 100 * day, 98.9 * day, 95 * day)] == [
        "",
        "today",
        "yesterday",
        "5 days ago",
    ]
