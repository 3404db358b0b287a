"""What a click cannot do: outside, where no data is, on what is protected, with its process killed, before the last answer."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest

from segstudio.core.geometry import Rect
from tests.gui.prompt_help import BLUE, LEFT, NONE, RED, RIGHT, SHAPE, STAIN, Hand, hand_at_work, shown_notices, take


@pytest.fixture
def hand(qtbot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hand]:
    with hand_at_work(qtbot, tmp_path, monkeypatch) as made:
        yield made


def test_a_process_that_is_killed_in_mid_click_costs_one_sentence_and_nothing_else(
    hand: Hand, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    killer = tmp_path / "kill"
    monkeypatch.setenv("TOY_CLICKS_KILL", str(killer))
    take(hand)
    hand.click(50.5, 80.5)
    hand.until(lambda: bool(hand.shown().any()))
    killer.touch()
    hand.click(180.5, 80.5)
    hand.until(lambda: any("click model" in text for text in shown_notices(hand.window)))
    hand.until(lambda: hand.desk.is_idle)
    assert len([text for text in shown_notices(hand.window) if "click model" in text]) == 1
    assert len(hand.tool.marks) == 1
    np.testing.assert_array_equal(hand.shown(), RED)
    killer.unlink()
    hand.click(98.5, 80.5, RIGHT)  # a new process answers, and knows what it corrects
    hand.until(lambda: hand.shown().sum() < RED.sum())
    hand.key(Qt.Key.Key_Return)
    np.testing.assert_array_equal(hand.labels() == 1, RED & ~STAIN)


def test_sentences_about_where_one_clicked_take_turns_and_go_with_a_good_click(hand: Hand) -> None:
    take(hand)
    hand.click(50.5, 80.5)
    hand.until(lambda: bool(hand.shown().any()))
    hand.key(Qt.Key.Key_Return)
    hand.click(50.5, 80.5)
    (said,) = hand.window.notices.messages
    assert "protected" in said.sentence
    QTest.mouseClick(hand.canvas, LEFT, NONE, QPoint(2, hand.canvas.height() - 2))
    (said,) = hand.window.notices.messages
    assert said.sentence.startswith("That is outside the image")
    np.testing.assert_array_equal(hand.labels() == 1, RED)
    hand.click(180.5, 80.5)
    assert hand.window.notices.messages == []
    hand.until(lambda: bool(hand.shown().any()))
    np.testing.assert_array_equal(hand.shown(), BLUE)


def test_shift_click_turns_to_an_accepted_object_and_leaves_the_one_in_hand_in_the_proposal(hand: Hand) -> None:
    take(hand)
    hand.click(50.5, 80.5)
    hand.until(lambda: bool(hand.shown().any()))
    hand.key(Qt.Key.Key_Return)
    hand.click(180.5, 80.5)
    hand.until(lambda: bool(hand.shown().any()))
    hand.click(50.5, 80.5, modifiers=Qt.KeyboardModifier.ShiftModifier)
    assert hand.window.notices.messages == [] and hand.tool.marks == ()
    np.testing.assert_array_equal(hand.shown(), RED | BLUE)  # taken up beside what was in hand
    hand.click(98.5, 80.5, RIGHT)
    hand.until(lambda: hand.shown().sum() < (RED | BLUE).sum())
    hand.key(Qt.Key.Key_Return)
    np.testing.assert_array_equal(hand.labels() == 1, RED & ~STAIN)
    np.testing.assert_array_equal(hand.shown(), BLUE)


def test_clicks_on_no_data_and_on_one_colour_say_so_and_take_no_stroke(
    hand: Hand, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "plain.png"
    Image.fromarray(np.full(SHAPE, 90, np.uint8)).save(file)
    hand.session.add_images([file])
    take(hand)
    hand.click(50.5, 80.5)
    hand.until(lambda: bool(hand.shown().any()))

    def valid(_: int, rect: Rect) -> np.ndarray:
        return np.tile(np.arange(rect.x, rect.right) < 120, (rect.height, 1))

    monkeypatch.setattr(type(hand.session), "validity", property(lambda _: valid))
    hand.click(180.5, 80.5)
    (said,) = hand.window.notices.messages
    assert "no data there" in said.sentence and len(hand.tool.marks) == 1
    np.testing.assert_array_equal(hand.shown(), RED)
    hand.key(Qt.Key.Key_Return)
    np.testing.assert_array_equal(hand.labels() == 1, RED)
    hand.session.select_image(hand.session.images[-1].id)
    hand.until(lambda: hand.session.image_id == hand.session.images[-1].id and hand.session.reader is not None)
    hand.until(lambda: hand.desk.is_idle)
    hand.click(50.5, 80.5)
    hand.until(lambda: any("of one colour" in message.sentence for message in hand.window.notices.messages))
    assert len(hand.window.notices.messages) == 1 and not hand.tool.is_busy and not hand.shown().any()


def test_of_two_quick_clicks_the_older_answer_is_dropped_and_both_count(hand: Hand) -> None:
    take(hand)
    hand.until(lambda: hand.desk.is_idle)
    hand.click(50.5, 80.5)
    hand.click(98.5, 80.5, RIGHT)  # before the first is answered
    assert len(hand.tool.marks) == 2
    hand.until(lambda: bool(hand.shown().any()))
    np.testing.assert_array_equal(hand.shown(), RED & ~STAIN)
    hand.until(lambda: hand.desk.is_idle)
    assert hand.history() == ["Click road"] and hand.window.notices.messages == []
