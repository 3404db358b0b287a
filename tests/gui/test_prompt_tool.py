"""Click to segment with the real window, the real mouse and a click model from a plug-in in a process of its own."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton

from segstudio.gui.panels.prompt_model import PromptModelField
from tests.gui.prompt_help import (
    ALT,
    BEFORE,
    BLUE,
    LEFT,
    NONE,
    RED,
    RIGHT,
    STAIN,
    Hand,
    hand_at_work,
    shown_notices,
    take,
)


@pytest.fixture
def hand(qtbot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hand]:
    with hand_at_work(qtbot, tmp_path, monkeypatch) as made:
        yield made


def test_picking_the_tool_looks_at_the_picture_and_a_click_shows_then_paints_the_object(hand: Hand) -> None:
    take(hand)
    hand.until(lambda: hand.log() == ["embed 240x160"] and hand.desk.is_idle)  # before any click
    hand.click(50.5, 80.5)
    assert hand.tool.marks and not hand.labels().any()
    hand.until(lambda: bool(hand.shown().any()))
    np.testing.assert_array_equal(hand.shown(), RED)
    assert hand.tool.preview().text.startswith("90% sure – Enter")
    assert hand.history() == ["Click road"]  # on disk already, and undoable
    hand.key(Qt.Key.Key_Return)
    np.testing.assert_array_equal(hand.labels() == 1, RED)
    assert not hand.shown().any()
    assert hand.history() == ["Click road", "Accept click road"] and not hand.tool.is_busy
    hand.click(180.5, 80.5)
    hand.until(lambda: bool(hand.shown().any()))
    np.testing.assert_array_equal(hand.shown(), BLUE)
    hand.key(Qt.Key.Key_Escape)
    assert not hand.shown().any() and hand.history() == ["Click road", "Accept click road"]
    # One look for both clicks; the second object is no correction of the first.
    assert hand.log() == ["embed 240x160", "predict 1 False", "predict 1 False"]
    assert {"torch", "transformers"} & set(sys.modules) <= BEFORE
    hand.session.undo()
    assert not hand.labels().any()
    np.testing.assert_array_equal(hand.shown(), RED)  # a proposal again


@pytest.mark.parametrize(("button", "modifiers"), [(RIGHT, NONE), (LEFT, ALT)])
def test_a_right_or_alt_click_takes_away_and_undo_and_backspace_give_back(
    hand: Hand, button: Qt.MouseButton, modifiers: Qt.KeyboardModifier
) -> None:
    take(hand)
    hand.click(50.5, 80.5)
    hand.until(lambda: bool(hand.shown().any()))
    hand.click(98.5, 80.5, button, modifiers)
    hand.until(lambda: hand.shown().sum() < RED.sum())
    np.testing.assert_array_equal(hand.shown(), RED & ~STAIN)
    assert [mark.is_positive for mark in hand.tool.marks] == [True, False]
    assert hand.log()[-1] == "predict 2 True"  # as a correction of the first answer
    hand.window.trigger("edit.undo")
    assert len(hand.tool.marks) == 1
    np.testing.assert_array_equal(hand.shown(), RED)  # at once: the former answer is kept
    hand.click(98.5, 80.5, button, modifiers)
    hand.until(lambda: hand.shown().sum() < RED.sum())
    hand.key(Qt.Key.Key_Backspace)
    np.testing.assert_array_equal(hand.shown(), RED)
    hand.key(Qt.Key.Key_Backspace)
    assert not hand.tool.is_busy and not hand.shown().any() and not hand.labels().any()
    hand.window.trigger("edit.undo")  # nothing in the hand: it is the history's, which is empty
    assert hand.history() == []


def test_a_box_finds_what_is_in_it_and_objects_are_counted(hand: Hand) -> None:
    take(hand)
    hand.session.set_object_mode(True)
    hand.drag((140, 40), (220, 120))
    assert hand.tool.marks[0].to_xy is not None
    hand.until(lambda: bool(hand.shown().any()))
    np.testing.assert_array_equal(hand.shown(), BLUE)
    hand.key(Qt.Key.Key_Return)
    hand.click(50.5, 80.5)
    hand.key(Qt.Key.Key_Return)  # before the answer is there
    hand.until(lambda: len(hand.session.objects()) == 2)
    assert hand.history() == ["Click road", "Accept click road"] * 2
    assert [row.source for row in hand.session.objects()] == ["accepted"] * 2
    np.testing.assert_array_equal(hand.labels() == 1, RED | BLUE)


def test_what_was_accepted_is_protected_shift_click_takes_it_up_and_shift_enter_erases(hand: Hand) -> None:
    take(hand)
    hand.click(50.5, 80.5)
    hand.until(lambda: bool(hand.shown().any()))
    hand.key(Qt.Key.Key_Return)
    hand.session.select_class(hand.session.classes[1].id)
    hand.click(50.5, 80.5)
    assert not hand.tool.is_busy and "protected" in hand.notices[-1] and "Shift+click" in hand.notices[-1]
    hand.drag((10, 20), (230, 140))  # both discs in one box: the accepted one is left out
    hand.until(lambda: bool(hand.shown().any()))
    np.testing.assert_array_equal(hand.shown(), BLUE)
    hand.key(Qt.Key.Key_Return)
    np.testing.assert_array_equal(hand.labels() == 1, RED)
    np.testing.assert_array_equal(hand.labels() == 2, BLUE)
    hand.click(50.5, 80.5, modifiers=Qt.KeyboardModifier.ShiftModifier)
    np.testing.assert_array_equal(hand.shown(), RED)  # taken up, the labels stay until it is accepted
    np.testing.assert_array_equal(hand.labels() == 1, RED)
    hand.click(98.5, 80.5, RIGHT)
    hand.until(lambda: hand.shown().sum() < RED.sum())
    assert hand.log()[-1] == "predict 1 True"  # what was taken up is what the model corrects
    hand.key(Qt.Key.Key_Return)
    assert not (hand.labels() == 1)[STAIN].any() and not hand.shown().any()
    hand.click(50.5, 80.5, modifiers=Qt.KeyboardModifier.ShiftModifier)
    hand.key(Qt.Key.Key_Return, Qt.KeyboardModifier.ShiftModifier)
    left = hand.labels() == 1
    assert not left[:, :90].any() and not left[STAIN].any()  # the piece under the pointer, not what the stain cut off
    assert (hand.labels() == 2).sum() == BLUE.sum()


def test_what_several_masks_are_taken_for_can_be_chosen(hand: Hand) -> None:
    take(hand)
    hand.click(50.5, 80.5)
    hand.until(lambda: bool(hand.shown().any()))
    hand.window.settings.set("prompt.choice", "largest")
    hand.until(lambda: bool(hand.shown().all()))
    hand.window.settings.set("prompt.choice", "smallest")
    hand.until(lambda: bool((hand.shown() == RED).all()))


def test_without_a_model_a_click_says_so_and_offers_the_download(hand: Hand, monkeypatch: pytest.MonkeyPatch) -> None:
    fetched: list[str] = []
    monkeypatch.setattr(hand.window.workspace.jobs.models, "download", lambda entry: fetched.append(entry.card.id))
    take(hand)
    hand.until(lambda: hand.desk.is_idle)
    hand.window.settings.set("prompt.model", "sam/mobile-sam")
    hand.click(50.5, 80.5)
    assert not hand.tool.is_busy
    if importlib.util.find_spec("transformers") is None:
        assert len(hand.notices) == 1 and "segstudio[sam]" in hand.notices[0]
        return
    assert any("MobileSAM is not downloaded yet" in text for text in shown_notices(hand.window))
    buttons = [b for b in hand.window.notices.findChildren(QAbstractButton) if b.text() == "Download MobileSAM"]
    assert len(buttons) == 1
    QTest.mouseClick(buttons[0], LEFT)
    assert fetched == ["sam/mobile-sam"] and not any(line.startswith("predict") for line in hand.log())


def test_the_models_field_lists_all_and_offers_a_download(hand: Hand) -> None:
    take(hand)
    field = hand.window.workspace.tool_options.findChild(PromptModelField)
    assert field is not None and field.isVisibleTo(hand.window)
    box = field.field
    assert box.currentText() == "Toy clicks"
    texts = [box.itemText(index) for index in range(box.count())]
    assert any(text.startswith("SAM 2.1 tiny") for text in texts)
    usable = {
        box.itemData(i): bool(box.model().flags(box.model().index(i, 0)) & Qt.ItemFlag.ItemIsEnabled)
        for i in range(box.count())
    }
    assert usable["toy-clicks"] and not usable["sam/efficient-sam"]
    if usable["sam/sam2.1-tiny"]:  # else the extra is missing, and it says so
        box.activated.emit(box.findData("sam/sam2.1-tiny"))
        assert hand.window.settings.text("prompt.model") == "sam/sam2.1-tiny"
        assert any("downloaded first" in notice for notice in shown_notices(hand.window))


def test_the_canvas_paints_on_while_the_model_looks_and_a_click_waits_for_it(
    hand: Hand, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOY_CLICKS_S", "1.0")
    take(hand)
    hand.until(lambda: hand.desk.status.startswith("Looking"))
    assert hand.tool.preview().text == "Looking at the picture …"
    hand.click(50.5, 80.5)  # while it looks
    assert len(hand.tool.marks) == 1 and not hand.shown().any()
    hand.key(Qt.Key.Key_B)  # another tool: nobody waits any more
    assert not hand.tool.is_busy
    take(hand)
    hand.click(180.5, 80.5)
    hand.until(lambda: bool(hand.shown().any()))
    np.testing.assert_array_equal(hand.shown(), BLUE)
    assert hand.log().count("embed 240x160") == 1


def test_a_model_that_fails_says_so_once_and_the_tool_is_free_again(hand: Hand, tmp_path: Path) -> None:
    file = tmp_path / "dark.png"
    Image.fromarray(np.tile(np.array([3, 13], np.uint8)[:, None], (40, 25, 3))).save(file)
    hand.session.add_images([file])
    take(hand)
    hand.session.select_image(hand.session.images[-1].id)
    hand.until(lambda: hand.session.reader is not None and hand.session.reader.info.width == 50)
    hand.until(lambda: any("does not like" in notice for notice in hand.notices))
    hand.until(lambda: hand.desk.is_idle)
    for _ in range(5):
        QTest.mouseMove(hand.canvas, hand.at(20, 20))
        hand.window.repaint()
    assert hand.desk.is_idle and len([n for n in hand.notices if "does not like" in n]) == 1
    hand.click(20.5, 20.5)
    hand.until(lambda: len([n for n in hand.notices if "does not like" in n]) == 2)
    assert not hand.tool.is_busy


def test_everything_in_view_is_proposed_while_clicks_are_served_and_each_is_accepted_by_a_click(hand: Hand) -> None:
    take(hand)
    hand.window.settings.set("prompt.per_side", 12)
    hand.session.set_object_mode(True)
    field = hand.window.workspace.tool_options.findChild(PromptModelField)
    assert field is not None
    QTest.mouseClick(field.everything, LEFT)
    strip = hand.window.job_strip
    assert [strip.text_of(job) for job in strip.job_ids()][0].startswith("Segmenting everything in view")
    everything = hand.window.workspace.jobs.prompts.everything
    hand.until(lambda: not everything.is_running)
    assert not strip.job_ids() and "objects are proposed" in hand.notices[-1]
    assert hand.shown()[RED].mean() > 0.9 and hand.shown()[BLUE].all() and not hand.shown()[0].any()
    assert hand.history() == ["Segment everything"]
    hand.click(180.5, 80.5)
    hand.key(Qt.Key.Key_Return)
    np.testing.assert_array_equal(hand.labels() == 1, BLUE)
    assert hand.shown()[RED].any() and not hand.shown()[BLUE].any()
    hand.key(Qt.Key.Key_Return)  # nothing in hand: all that is left
    assert not hand.shown().any() and (hand.labels() == 1)[RED].mean() > 0.9
