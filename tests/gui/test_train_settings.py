"""All settings of training: found, changed, refused and put back with real keys and clicks; the search for a rate."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLineEdit, QWidget

from segstudio.app.presenters.training_field_table import BY_KEY, FIELDS, SECTIONS
from segstudio.gui import theme
from segstudio.gui.dialogs.find_rate import FindRateDialog
from segstudio.gui.dialogs.train_settings import TrainSettingsDialog
from segstudio.gui.panels.train_curves import seen_color
from segstudio.jobs import protocol
from segstudio.jobs.specs import FindRateSpec
from segstudio.ml.train_events import LrFound, LrPoint
from tests.gui.fake_threads import fake_threads
from tests.gui.window_help import open_project, open_window

LEFT = Qt.MouseButton.LeftButton


@contextmanager
def train_panel(qtbot, tmp_path: Path) -> Iterator[tuple]:
    """(window, train panel) of a project with two labelled images."""
    with open_window(qtbot) as window:
        open_project(window, tmp_path, qtbot)
        for record in window.session.images:
            window.session.select_image(record.id)
            transaction = window.session.begin("test")
            transaction.paint(np.ones((20, 20), bool), 10, 10, window.session.paint_segment(transaction))
            window.session.commit(transaction)
        panel = window.workspace.docks.reveal("train")
        qtbot.waitUntil(panel.isVisible, timeout=5000)
        yield window, panel


@contextmanager
def settings_dialog(qtbot, tmp_path: Path) -> Iterator[tuple]:
    """(window, panel, dialog), the dialog opened by a click in the panel."""
    with train_panel(qtbot, tmp_path) as (window, panel):
        QTest.mouseClick(panel.choices_box.all_button, LEFT)
        dialog = window.findChild(TrainSettingsDialog)
        qtbot.waitUntil(lambda: dialog.isVisible() and dialog.isActiveWindow(), timeout=5000)
        yield window, panel, dialog
        dialog.reject()


def field_of(dialog: TrainSettingsDialog, key: str) -> QWidget:
    """The editor of a field, with its section in front."""
    dialog.show_field(key)
    return dialog.rows[key].editor.focusProxy()


def type_into(field: QWidget, text: str) -> None:
    """Type over what is there, and Return."""
    field.setFocus()
    field.selectAll()
    QTest.keyClicks(field, text)
    QTest.keyClick(field, Qt.Key.Key_Return)


def test_every_field_has_a_row_with_title_help_and_name(qtbot, tmp_path: Path) -> None:
    with settings_dialog(qtbot, tmp_path) as (_, _, dialog):
        seen = 0
        for place, (title, about) in enumerate(SECTIONS):
            QTest.keyClick(dialog.sections, Qt.Key.Key_Home)
            for _ in range(place):
                QTest.keyClick(dialog.sections, Qt.Key.Key_Down)
            page = dialog._sections[title]
            assert page.isVisible() and about
            shown = [row for row in dialog.rows.values() if row.isVisibleTo(dialog)]
            assert {row.plan_field.section for row in shown} == {title}
            seen += len(shown)
        assert seen == len(FIELDS) == len(dialog.rows)
        for key, row in dialog.rows.items():
            assert row.editor.focusProxy().accessibleName() == BY_KEY[key].title
            assert BY_KEY[key].help.split(".")[0][:30] in row.help.text()
            assert row.title.buddy() is row.editor.focusProxy()
        assert "Order: background, road." in dialog.rows["class_weights"].help.text()
        assert not dialog.rows["slices"].editor.isEnabled()  # no volume in the project


def test_a_number_typed_is_kept_marked_counted_and_put_back(qtbot, tmp_path: Path) -> None:
    with settings_dialog(qtbot, tmp_path) as (_, panel, dialog):
        presenter = panel._presenter
        row = dialog.show_field("weight_decay") or dialog.rows["weight_decay"]
        assert row.editor.focusProxy().hasFocus() and row.reset_button.isHidden()
        type_into(row.editor.focusProxy(), "0.05")
        assert dialog.isVisible()  # Return is for the field
        assert presenter.plan().weight_decay == 0.05 and row.title.font().bold()
        assert dialog.sections.currentItem().text() == "Optimisation · 1"
        assert panel.choices_box.all_button.text() == "All settings… (1 changed)"
        QTest.mouseClick(row.reset_button, LEFT)
        assert presenter.plan().weight_decay == 1e-4 and row.reset_button.isHidden()
        assert panel.choices_box.all_button.text() == "All settings…"
        # What both show is the same, whoever changes it.
        type_into(field_of(dialog, "epochs"), "7")
        assert panel.choices_box.epochs.value() == 7
        presenter.choose(patience=0)
        assert field_of(dialog, "patience").text() == "never"
        QTest.mouseClick(dialog.reset_button, LEFT)
        assert presenter.changed_keys() == [] and panel.choices_box.epochs.value() == 30


def test_a_small_rate_is_shown_whole(qtbot, tmp_path: Path) -> None:
    with train_panel(qtbot, tmp_path) as (_, panel):
        rate = panel.choices_box.rate
        type_into(rate, "0.00001")
        assert rate.text() == "0.00001" and panel._presenter.plan().lr == 1e-5
        rate.stepUp()
        assert rate.text() == "0.000011"


def test_what_cannot_be_is_said_beside_the_field_and_holds_the_start(qtbot, tmp_path: Path) -> None:
    with settings_dialog(qtbot, tmp_path) as (window, panel, dialog):
        presenter, row = panel._presenter, dialog.show_field("fold") or dialog.rows["fold"]
        type_into(row.editor.focusProxy(), "six of five")
        assert "1/5" in row.fault.text() and row.fault.isVisible() and presenter.value("fold") == ()
        type_into(row.editor.focusProxy(), "6/5")
        assert "fold is" in row.fault.text() and presenter.value("fold") == (6, 5)
        assert row.fault.text() in panel.choices_box.texts
        dialog.reject()
        assert presenter.plan() is None and not window.workspace.jobs.training.is_running
        assert "K/N" in window.notices.messages[-1].sentence
        presenter.reset("fold")
        assert presenter.plan() is not None and "fold" not in panel.choices_box.texts


def test_losses_are_summed_by_ticking(qtbot, tmp_path: Path) -> None:
    with settings_dialog(qtbot, tmp_path) as (_, panel, dialog):
        dialog.show_field("loss")
        editor = dialog.rows["loss"].editor
        assert [key for key, box in editor.checks.items() if box.isChecked()] == ["ce", "dice"]
        for key in ("dice", "lovasz"):
            QTest.mouseClick(editor.checks[key], LEFT, pos=QPoint(8, editor.checks[key].height() // 2))
        type_into(editor.factors["lovasz"], "0.5")
        assert panel._presenter.plan().loss == "ce+0.5*lovasz" and not editor.factors["dice"].isEnabled()
        assert panel.choices_box.loss.currentText() == "ce+0.5*lovasz"
        for key in ("ce", "lovasz"):
            QTest.mouseClick(editor.checks[key], LEFT, pos=QPoint(8, editor.checks[key].height() // 2))
        assert "at least one" in dialog.rows["loss"].fault.text() and panel._presenter.plan() is not None


def test_what_changes_nothing_is_grey_until_it_does(qtbot, tmp_path: Path) -> None:
    with settings_dialog(qtbot, tmp_path) as (_, panel, dialog):
        assert not field_of(dialog, "momentum").isEnabled()
        box = field_of(dialog, "optimiser")
        box.setFocus()
        QTest.keyClick(box, Qt.Key.Key_End)
        QTest.keyClick(box, Qt.Key.Key_Return)
        box.activated.emit(box.currentIndex())
        assert panel._presenter.plan().optimiser == "sgd" and dialog.rows["momentum"].editor.isEnabled()


def test_search_shows_what_is_meant_from_all_sections(qtbot, tmp_path: Path) -> None:
    with settings_dialog(qtbot, tmp_path) as (_, _, dialog):

        def shown() -> set[str]:
            return {key for key, row in dialog.rows.items() if row.isVisibleTo(dialog)}

        QTest.keyClick(dialog, Qt.Key.Key_F, Qt.KeyboardModifier.ControlModifier)
        assert dialog.search.hasFocus()
        QTest.keyClicks(dialog.search, "checkpoint")
        qtbot.waitUntil(lambda: shown() == {"checkpoint_minutes"}, timeout=2000)
        dialog.search.selectAll()
        QTest.keyClicks(dialog.search, "class weights")
        qtbot.waitUntil(lambda: "class_weights" in shown() and "checkpoint_minutes" not in shown(), timeout=2000)
        dialog.search.selectAll()
        QTest.keyClicks(dialog.search, "qqq")
        qtbot.waitUntil(dialog.nothing.isVisible, timeout=2000)
        place = dialog.sections.visualItemRect(dialog.sections.item(4)).center()
        QTest.mouseClick(dialog.sections.viewport(), LEFT, pos=place)
        assert dialog.search.text() == "" and "precision" in shown() and "checkpoint_minutes" not in shown()


def test_steps_of_the_augmentation_keep_what_differs(qtbot, tmp_path: Path) -> None:
    with settings_dialog(qtbot, tmp_path) as (_, panel, dialog):
        dialog.show_field("augment_options")
        editor = dialog.rows["augment_options"].editor
        QTest.mouseClick(editor.button, LEFT)
        flip = editor.form.fields["flip"]
        assert flip.isVisible() and flip.value() == 0.5
        type_into(flip, "0.25")
        assert panel._presenter.plan().augment_options == {"flip": 0.25}
        type_into(flip, "0.5")
        assert panel._presenter.plan().augment_options == {}


def test_dialog_stays_within_a_small_screen_and_answers_escape(qtbot, tmp_path: Path) -> None:
    with settings_dialog(qtbot, tmp_path) as (_, _, dialog):
        assert dialog.width() <= 820 and dialog.height() <= 700
        for place in range(len(SECTIONS)):
            dialog.sections.setCurrentRow(place)
            page = dialog._sections[SECTIONS[place][0]]
            assert page.minimumSizeHint().width() <= dialog._area.viewport().width() - 12, SECTIONS[place]
        lines = [
            row.editor.field for row in dialog.rows.values() if isinstance(getattr(row.editor, "field", 0), QLineEdit)
        ]
        assert lines
        QTest.keyClick(dialog, Qt.Key.Key_Escape)
        qtbot.waitUntil(lambda: not dialog.isVisible(), timeout=2000)


def test_a_rate_is_searched_drawn_and_used(qtbot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = fake_threads(monkeypatch)
    with train_panel(qtbot, tmp_path) as (window, panel):
        QTest.mouseClick(panel.choices_box.find_button, LEFT)
        dialog = window.findChild(FindRateDialog)
        qtbot.waitUntil(dialog.isVisible, timeout=5000)
        (thread,) = made
        (spec,) = thread.specs
        assert isinstance(spec, FindRateSpec) and spec.plan.lr == 1e-3 and not dialog.use_button.isEnabled()
        for step in range(1, 41):
            lr = 10 ** (-6 + step / 8)
            loss = 1.0 - 0.5 * (step / 30) if step < 34 else 9.0 * (step - 33)
            thread.message_received.emit(protocol.TrainEvent(0, LrPoint(step, 40, lr, loss)))
        assert "40" in dialog.state.text() and len(dialog.curve.points) == 40
        before = dialog.curve.grab().toImage()
        thread.finished_job.emit(LrFound(0.0042, "The loss fell fastest there."))
        assert (
            dialog.use_button.isEnabled() and "0.0042" in dialog.state.text() and "fell fastest" in dialog.state.text()
        )
        assert dialog.curve.grab().toImage() != before  # the mark
        QTest.mouseClick(dialog.use_button, LEFT)
        assert panel._presenter.choices.lr == 0.0042 and panel.choices_box.rate.value() == 0.0042
        assert "retire" in thread.calls


def test_a_search_that_fails_or_is_left_changes_nothing(qtbot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = fake_threads(monkeypatch)
    with train_panel(qtbot, tmp_path) as (window, panel):
        assert window.trigger("train.find_rate")
        dialog = window.findChild(FindRateDialog)
        qtbot.waitUntil(lambda: dialog.isVisible() and dialog.isActiveWindow(), timeout=5000)
        made[-1].failed.emit("There is no device cuda. Give --device cpu.", "")
        assert (
            dialog.state.text() == "There is no device cuda. Give “Device” cpu." and not dialog.use_button.isEnabled()
        )
        QTest.keyClick(dialog, Qt.Key.Key_Escape)
        assert panel._presenter.choices.lr == 1e-3 and "retire" in made[-1].calls


@pytest.mark.parametrize(("look", "color", "is_kept"), [("dark", "#000000", False), ("light", "#000000", True),
                                                        ("light", "#fffff0", False), ("dark", "#00e676", True)])  # fmt: skip
def test_the_line_of_a_class_can_be_told_from_the_ground(qtbot, look: str, color: str, is_kept: bool) -> None:
    theme.theme_manager().apply(look)
    try:
        assert (seen_color(color).name() == color) == is_kept
        assert theme.contrast(seen_color(color).name(), theme.color("panel").name()) >= 1.6
    finally:
        theme.theme_manager().apply("light")
