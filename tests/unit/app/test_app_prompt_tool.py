"""The click tool without a window: which part is looked at, when it is looked at anew, and what is asked of it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from segstudio.app.session import Session
from segstudio.app.tools.base import PointerEvent, ToolContext
from segstudio.app.tools.prompt import PromptTool
from segstudio.core.geometry import Rect
from segstudio.jobs.specs import PromptReply


class Service:
    """Answers at once with a square around the last point of each question, or keeps the question."""

    problem = status = ""
    window_px = 512
    model_id = "toy"

    def __init__(self) -> None:
        self.prepared: list[object] = []
        self.asked: list[tuple[object, object, int]] = []
        self.held: list[Callable[[], None]] | None = None
        self.failure = ""
        self.masks: list[object] = []
        self.drops = 0

    def explain(self, say: Callable[[str], None]) -> None:
        say(self.problem)

    def prepare(self, seen: object) -> None:
        self.prepared.append(seen)

    def drop(self) -> None:
        self.drops += 1

    def ask(self, seen, prompts, after, done, failed, mask=None) -> None:  # type: ignore[no-untyped-def]
        self.asked.append((seen, prompts, after))
        self.masks.append(mask)
        number = len(self.asked)
        probability = np.zeros(seen.view.rgb.shape[:2], np.uint8)
        if len(prompts.points_xy):
            x, y = (round(v) for v in prompts.points_xy[-1])
            probability[max(0, y - 5) : y + 5, max(0, x - 5) : x + 5] = 255

        def answer() -> None:
            if self.failure:
                failed(self.failure)
            else:
                done(PromptReply(seen.key, number, probability, 0.9))

        if self.held is None:
            answer()
        else:
            self.held.append(answer)


class View:
    """What is in view of the image."""

    def __init__(self, rect: Rect) -> None:
        self.rect = rect

    def visible_rect(self) -> Rect:
        return self.rect


class Large:
    """An image of 6000 × 4000 in place of the file's."""

    def __init__(self) -> None:
        from pathlib import Path

        from segstudio.io.readers.base import ImageInfo, level_sizes

        self.info = ImageInfo(Path("large"), 6000, 4000, 3, 1, "uint8", level_sizes(6000, 4000))

    def read(self, level: int, z: int, window: Rect) -> np.ndarray:
        window = window.clipped(*self.info.levels[level])
        picture = np.full((3, window.height, window.width), level * 7 + window.x % 200, np.uint8)
        picture[:, ::9] += 20  # of one colour it would be refused
        return picture

    def close(self) -> None:
        pass


@pytest.fixture
def service() -> Service:
    return Service()


@pytest.fixture
def tool(session: Session, service: Service) -> PromptTool:
    return PromptTool(ToolContext(session, session.settings, prompts=service))


def click(tool: PromptTool, x: float, y: float, button: str = "left", modifiers: frozenset[str] = frozenset()) -> None:
    event = PointerEvent(x, y, button, frozenset({button}), modifiers)
    tool.press(event)
    tool.release(event)


def proposed(tool: PromptTool) -> np.ndarray:
    """(300, 400) bool: what the proposal holds."""
    layer = tool.session.proposal
    return np.zeros((300, 400), bool) if layer is None else layer.read_classes(layer.bounds) > 0


def test_a_click_outside_what_was_looked_at_has_all_marks_looked_at(
    session: Session, tool: PromptTool, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    large = Large()
    monkeypatch.setattr(type(session), "reader", property(lambda _: large))
    view = tool.context.view = View(Rect(1000, 1000, 600, 400))  # type: ignore[assignment]
    tool.activate()
    assert len(service.prepared) == 1
    click(tool, 1200, 1100)
    assert len(service.asked) == 1 and service.asked[0][2] == 0
    view.rect = Rect(3000, 1000, 600, 400)  # type: ignore[attr-defined]
    click(tool, 3200, 1100, "right")
    assert len(service.prepared) == 2
    seen, prompts, after = service.asked[1]
    assert after == 0  # logits of another part correct nothing
    assert prompts.is_positive.tolist() == [True, False]
    for (x, y), wanted in zip(prompts.points_xy, [(1200, 1100), (3200, 1100)], strict=True):
        assert seen.view.to_image((x, y)) == pytest.approx(wanted, abs=0.5)
    tool.cancel()
    view.rect = Rect(3050, 1020, 560, 360)  # type: ignore[attr-defined]
    tool.move(PointerEvent(3100, 1100, ""))
    assert len(service.prepared) == 3  # what was made for both marks is far larger than the view
    tool.move(PointerEvent(3110, 1100, ""))
    assert len(service.prepared) == 3


def test_a_correction_names_the_answer_it_corrects_and_a_box_replaces_a_box(tool: PromptTool, service: Service) -> None:
    click(tool, 50, 50)
    click(tool, 80, 50)
    assert [after for *_, after in service.asked] == [0, 1]
    for corner in ((150, 150), (200, 200)):
        tool.press(PointerEvent(100, 100))
        tool.move(PointerEvent(120, 120))
        tool.release(PointerEvent(*corner))
    assert [mark.to_xy for mark in tool.marks] == [None, None, (200, 200)]
    assert service.asked[-1][1].box_xyxy == pytest.approx((100, 100, 200, 200))
    assert service.asked[-1][2] == 0


def test_enter_before_the_answer_paints_when_it_comes(session: Session, tool: PromptTool, service: Service) -> None:
    service.held = []
    click(tool, 100, 100)
    assert "…" in tool.preview().text and not tool.preview().areas
    assert tool.key("enter") and session.labels is not None
    assert not session.labels.read(Rect(0, 0, 400, 300)).any()
    service.held.pop()()
    assert (session.labels.read_classes(session.labels.bounds) == 1).sum() == 100 and not tool.is_busy
    assert not proposed(tool).any()


def test_a_late_answer_to_a_click_that_was_taken_back_is_dropped(tool: PromptTool, service: Service) -> None:
    click(tool, 100, 100)
    service.held = []
    click(tool, 200, 100)
    late = service.held.pop()
    tool.undo()
    before = proposed(tool)
    assert before.sum() == 100
    late()
    assert (proposed(tool) == before).all() and len(tool.marks) == 1
    tool.undo()
    late()
    assert not tool.is_busy and not proposed(tool).any() and not tool.has_step


def test_what_fails_leaves_the_tool_free_and_is_said(tool: PromptTool, service: Service, said: list[str]) -> None:
    service.failure = "The model broke."
    click(tool, 100, 100)
    assert said == ["The model broke."] and not tool.is_busy
    service.failure = ""
    click(tool, 100, 100)
    assert proposed(tool).sum() == 100
    service.failure = "The model broke again."
    click(tool, 200, 200)  # what was answered before stays, as a hint and as a proposal
    assert said[-1] == "The model broke again." and len(tool.marks) == 1 and proposed(tool).sum() == 100


def test_another_choice_asks_anew_and_another_plane_or_tool_forgets(
    session: Session, tool: PromptTool, service: Service
) -> None:
    click(tool, 100, 100)
    session.settings.set("prompt.choice", "largest")
    assert len(service.asked) == 2
    tool.plane_changed()
    assert not tool.is_busy and service.drops and proposed(tool).sum() == 100  # what was found stays
    click(tool, 200, 100)
    tool.deactivate()
    assert not tool.is_busy and proposed(tool).sum() == 200


def test_no_class_no_image_and_nothing_found_are_said(
    session: Session, tool: PromptTool, service: Service, said: list[str]
) -> None:
    click(tool, 500, 500)  # outside
    assert not tool.is_busy and not service.asked
    tool.press(PointerEvent(100, 100))
    tool.release(PointerEvent(160, 160))  # a box, which this service finds nothing in
    tool.key("enter")
    assert any("found nothing" in sentence for sentence in said) and tool.is_busy
    assert tool.key("escape") and not tool.is_busy
    assert not tool.key("enter") and not tool.key("backspace")


# -- bad input -----------------------------------------------------------------------------------------------------------


def test_outside_without_data_and_of_one_colour_is_one_sentence_each(
    session: Session, tool: PromptTool, service: Service, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    click(tool, 500, 500)
    assert said == ["That is outside the image: click on an object in it."]

    def valid(_: int, rect: Rect) -> np.ndarray:
        return np.tile(np.arange(rect.x, rect.right) >= 200, (rect.height, 1))

    monkeypatch.setattr(type(session), "validity", property(lambda _: valid))
    click(tool, 100, 100)
    assert len(said) == 2 and "no data" in said[1] and not service.asked
    click(tool, 200, 100)  # the answer reaches to where there is none: that part is left out
    assert proposed(tool).sum() == 50 and proposed(tool)[:, :200].sum() == 0
    tool.cancel()
    large = Large()
    large.read = lambda level, z, window: np.full((3, window.height, window.width), 9, np.uint8)  # type: ignore[method-assign]
    monkeypatch.setattr(type(session), "reader", property(lambda _: large))
    click(tool, 300, 100)
    assert len(said) == 3 and "one colour" in said[2] and not tool.is_busy and len(service.asked) == 1


def test_what_is_protected_says_so_and_shift_or_the_right_button_takes_it_up(
    session: Session, tool: PromptTool, service: Service, said: list[str]
) -> None:
    click(tool, 100, 100)
    tool.key("enter")
    session.select_class(2)
    click(tool, 100, 100)
    assert len(said) == 1 and "“road”" in said[0] and "protected" in said[0] and not tool.is_busy
    click(tool, 103, 103, modifiers=frozenset({"shift"}))
    assert tool.is_busy and not tool.marks and len(service.asked) == 1 and proposed(tool).sum() == 100
    click(tool, 200, 200)
    assert service.asked[-1][2] == 0 and service.masks[-1] is not None
    np.testing.assert_array_equal(service.masks[-1], proposed_before(100, 100))
    assert tool.key("escape") and not proposed(tool).any()
    click(tool, 98, 98, "right")
    assert [mark.is_positive for mark in tool.marks] == [False] and service.masks[-1] is not None
    tool.cancel()
    click(tool, 300, 250, "right")
    assert "No proposal and no object" in said[-1] and not tool.is_busy
    assert session.labels is not None
    assert (session.labels.read_classes(session.labels.bounds) == 1).sum() == 100  # nothing of it was lost


def proposed_before(x: int, y: int) -> np.ndarray:
    out = np.zeros((300, 400), bool)
    out[y - 5 : y + 5, x - 5 : x + 5] = True
    return out


def test_a_click_on_what_clicks_proposed_takes_it_up_and_enter_accepts_that_one(
    session: Session, tool: PromptTool, service: Service
) -> None:
    for x in (100, 200, 300):
        click(tool, x, 100)
        tool.let_go()
    assert proposed(tool).sum() == 300
    click(tool, 201, 101)
    assert tool.is_busy and not tool.marks and "Enter" in tool.preview().text and len(service.asked) == 3
    tool.key("enter")
    assert session.labels is not None
    np.testing.assert_array_equal(session.labels.read_classes(session.labels.bounds) == 1, proposed_before(200, 100))
    assert proposed(tool).sum() == 200
    click(tool, 101, 101)
    assert tool.key("escape") and proposed(tool).sum() == 200  # it was there before: it stays


def test_dragging_draws_a_box_or_a_line_and_the_other_one_with_ctrl(
    session: Session, tool: PromptTool, service: Service
) -> None:
    def drag(button: str = "left", modifiers: frozenset[str] = frozenset()) -> None:
        tool.press(PointerEvent(100, 100, button, frozenset({button}), modifiers))
        for x in range(104, 164, 4):
            tool.move(PointerEvent(x, 100 + x % 8, "", frozenset({button}), modifiers))
        assert tool.preview().lines
        tool.release(PointerEvent(160, 130, button, frozenset(), modifiers))

    drag()
    assert tool.marks[-1].to_xy == (160, 130)
    drag(modifiers=frozenset({"ctrl"}))
    assert len(tool.marks[-1].line) > 10 and tool.marks[-1].is_positive
    drag("right")
    assert len(tool.marks[-1].line) > 10 and not tool.marks[-1].is_positive
    session.settings.set("prompt.drag", "line")
    drag(modifiers=frozenset({"alt"}))
    drag()
    prompts = service.asked[-1][1]
    assert [one.is_positive for one in prompts.scribbles] == [True, False, False, True]  # type: ignore[attr-defined]
    assert prompts.box_xyxy is not None and len(prompts.points_xy) == 0  # type: ignore[attr-defined]
    first = prompts.scribbles[0].points_xy  # type: ignore[attr-defined]
    np.testing.assert_allclose(first[0], (100, 100), atol=0.01)
    np.testing.assert_allclose(first[-1], (160, 130), atol=0.01)


def test_where_the_proposal_is_not_drawn_the_tool_draws_what_it_found(tool: PromptTool, service: Service) -> None:
    from dataclasses import replace

    click(tool, 100, 100)
    assert not tool.preview().areas  # the overlay shows it
    tool.session.set_overlay(replace(tool.session.overlay, shows_proposal=False))
    assert tool.preview().areas[0].mask.sum() == 100
    tool.session.set_overlay(replace(tool.session.overlay, shows_proposal=True))
    tool.session.set_min_confidence(0.95)  # the answer is 90 % sure
    assert tool.preview().areas[0].mask.sum() == 100
    assert tool.key("enter") and tool.session.labels is not None
    assert tool.session.labels.read_classes(tool.session.labels.bounds).sum() == 100  # it is accepted all the same


def test_two_questions_at_once_the_older_answer_is_dropped(tool: PromptTool, service: Service) -> None:
    service.held = []
    click(tool, 100, 100)
    click(tool, 200, 200)
    first, second = service.held
    second()
    first()
    np.testing.assert_array_equal(proposed(tool), proposed_before(200, 200))
    assert len(tool.marks) == 2
