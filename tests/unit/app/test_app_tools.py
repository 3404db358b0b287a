"""The tools: pointer events in, edits out."""

from __future__ import annotations

import numpy as np
import pytest
from conftest import Said, classes_of, drag, paint

from segstudio.app.session import Session
from segstudio.app.tools.base import PointerEvent
from segstudio.app.tools.toolbox import ToolBox
from segstudio.core.brush import stroke_mask
from segstudio.core.geometry import Rect


def labels_in_history(session: Session) -> list[str]:
    assert session.history is not None
    return [entry.label for entry in session.history.entries() if not entry.is_undone]


def test_a_fast_stroke_has_no_gaps_and_is_one_edit(session: Session, toolbox: ToolBox) -> None:
    toolbox.select("brush")
    session.settings.set("brush.size_px", 6)
    drag(toolbox, (20.5, 20.5), (300.5, 150.5), (310.5, 20.5))
    wanted = np.zeros((300, 400), bool)
    mask, rect = stroke_mask([(20.5, 20.5), (300.5, 150.5), (310.5, 20.5)], 6)
    wanted[rect.slices] = mask
    assert np.array_equal(classes_of(session) == 1, wanted)
    assert labels_in_history(session) == ["Paint road"]
    session.undo()
    assert not classes_of(session).any()


@pytest.mark.parametrize("shape", ["round", "square"])
def test_a_click_paints_the_shape(session: Session, toolbox: ToolBox, shape: str) -> None:
    session.settings.set("brush.shape", shape)
    session.settings.set("brush.size_px", 21)
    drag(toolbox, (100.5, 100.5))
    count = np.count_nonzero(classes_of(session))
    assert count == 441 if shape == "square" else 300 < count < 360


def test_strokes_outside_the_image_are_safe(session: Session, toolbox: ToolBox) -> None:
    drag(toolbox, (-500, -500), (-90, 900), (5000, 900))
    assert not classes_of(session).any() and labels_in_history(session) == []
    drag(toolbox, (-500, 100), (900, 100))
    assert classes_of(session)[100].all()


def test_escape_abandons_the_stroke(session: Session, toolbox: ToolBox) -> None:
    toolbox.press(PointerEvent(50, 50))
    toolbox.move(PointerEvent(90, 90, button=""))
    assert classes_of(session).any() and toolbox.cancel()
    assert not classes_of(session).any() and labels_in_history(session) == []
    toolbox.move(PointerEvent(120, 90, button=""))
    toolbox.release(PointerEvent(120, 90))
    assert not classes_of(session).any()


@pytest.mark.parametrize("interruption", ["undo", "next_image", "close_project"])
def test_interruptions_abandon_the_stroke(session: Session, toolbox: ToolBox, interruption: str) -> None:
    paint(session, Rect(0, 0, 5, 5))
    toolbox.press(PointerEvent(50, 50))
    folder = session.folder
    getattr(session, interruption)()
    toolbox.move(PointerEvent(90, 90, button=""))
    toolbox.release(PointerEvent(90, 90))
    if not session.is_open:
        assert folder is not None and session.open_project(folder)
    session.select_image(1)
    assert np.count_nonzero(classes_of(session)) == (0 if interruption == "undo" else 25)


def test_shift_paints_a_straight_line_from_the_last_point(session: Session, toolbox: ToolBox) -> None:
    session.settings.set("brush.size_px", 3)
    drag(toolbox, (20.5, 20.5))
    drag(toolbox, (120.5, 20.5), modifiers="shift")
    assert classes_of(session)[20, 20:121].all()
    session.select_image(2)
    drag(toolbox, (50.5, 50.5), modifiers="shift")
    assert np.count_nonzero(classes_of(session)) < 12  # not from a point of another image


def test_ctrl_erases_and_the_eraser_has_its_own_size(session: Session, toolbox: ToolBox) -> None:
    paint(session, Rect(0, 0, 200, 200))
    session.settings.set("brush.size_px", 11)
    session.settings.set("brush.shape", "square")
    drag(toolbox, (100.5, 100.5), modifiers="ctrl")
    assert np.count_nonzero(classes_of(session)) == 200 * 200 - 121
    toolbox.select("eraser")
    session.settings.set("eraser.size_px", 21)
    session.settings.set("eraser.shape", "square")
    drag(toolbox, (100.5, 100.5))
    assert np.count_nonzero(classes_of(session)) == 200 * 200 - 441
    assert labels_in_history(session)[-2:] == ["Erase", "Erase"]


def test_guards(session: Session, toolbox: ToolBox) -> None:
    paint(session, Rect(0, 0, 100, 300), 2)
    session.select_class(1)
    session.settings.set("brush.size_px", 40)
    session.settings.set("paint.guard", "background")
    drag(toolbox, (50, 50), (150, 50))
    assert (classes_of(session)[50, :100] == 2).all() and classes_of(session)[50, 150] == 1
    session.settings.set("paint.guard", "class")
    session.set_guard_class(2)
    drag(toolbox, (50, 150), (150, 150))
    assert classes_of(session)[150, 50] == 1 and classes_of(session)[150, 150] == 0
    session.settings.set("paint.guard", "anywhere")
    session.class_editor.set_locked(2, True)
    drag(toolbox, (50, 250), (150, 250))
    assert classes_of(session)[250, 50] == 2 and classes_of(session)[250, 150] == 1
    toolbox.select("eraser")
    drag(toolbox, (50, 250), (150, 250))
    assert classes_of(session)[250, 50] == 2 and classes_of(session)[250, 150] == 0


def test_painting_with_a_locked_class_or_none_says_so(session: Session, toolbox: ToolBox, said: Said) -> None:
    session.class_editor.set_locked(1, True)
    drag(toolbox, (50, 50))
    assert "locked" in said[-1] and not classes_of(session).any()
    session.class_editor.delete(1)
    session.class_editor.delete(2)
    drag(toolbox, (50, 50))
    assert "no class" in said[-1]


def test_pen_pressure_changes_the_size(session: Session, toolbox: ToolBox) -> None:
    session.settings.set("brush.size_px", 40)
    session.settings.set("brush.shape", "square")
    drag(toolbox, (100, 100), kind="pen", pressure=0.5)
    assert np.count_nonzero(classes_of(session)) == 400
    drag(toolbox, (100, 100), kind="eraser", pressure=1.0)
    assert not classes_of(session).any()


def test_sizing_by_keys_and_right_drag(session: Session, toolbox: ToolBox) -> None:
    session.settings.set("brush.size_px", 20)
    toolbox.step_size(1)
    assert session.settings.number("brush.size_px") > 20
    for _ in range(40):
        toolbox.step_size(-1)
    assert session.settings.number("brush.size_px") == 1
    right = {"button": "right", "buttons": frozenset({"right"}), "px_per_screen": 2.0}
    toolbox.press(PointerEvent(50, 50, screen_xy=(25, 25), **right))  # type: ignore[arg-type]
    toolbox.move(PointerEvent(70, 50, screen_xy=(35, 25), **right))  # type: ignore[arg-type]
    ring = toolbox.preview().ring
    assert ring is not None and (ring.x, ring.size_px) == (50, 41)
    assert toolbox.cancel() and session.settings.number("brush.size_px") == 1
    toolbox.press(PointerEvent(50, 50, screen_xy=(25, 25), **right))  # type: ignore[arg-type]
    toolbox.move(PointerEvent(70, 50, screen_xy=(35, 25), **right))  # type: ignore[arg-type]
    toolbox.release(PointerEvent(70, 50, screen_xy=(35, 25), **right))  # type: ignore[arg-type]
    assert session.settings.number("brush.size_px") == 41 and not classes_of(session).any()


def test_polygon_by_enter(session: Session, toolbox: ToolBox) -> None:
    toolbox.select("polygon")
    for point in [(10, 10), (110, 10), (110, 60), (10, 60), (60, 200)]:
        drag(toolbox, point)
    assert toolbox.key("backspace") and toolbox.key("enter")
    assert np.count_nonzero(classes_of(session)) == 100 * 50
    assert labels_in_history(session) == ["Polygon road"] and not toolbox.current.is_busy


def test_polygon_vertex_drag_close_and_shift_erases(session: Session, toolbox: ToolBox) -> None:
    paint(session, Rect(0, 0, 400, 300))
    toolbox.select("polygon")
    for point in [(10, 10), (110, 10), (150, 90), (10, 60)]:
        drag(toolbox, point)
    drag(toolbox, (149, 91), (130, 80), (110, 60))
    assert toolbox.current.nodes_xy[2] == (110, 60)  # type: ignore[attr-defined]
    drag(toolbox, (11, 11), modifiers="shift")  # a click on the first vertex
    assert np.count_nonzero(classes_of(session) == 0) == 100 * 50
    assert labels_in_history(session)[-1] == "Erase polygon"


def test_polygon_by_double_click(session: Session, toolbox: ToolBox) -> None:
    toolbox.select("polygon")
    for point in [(10, 10), (110, 10), (110, 60)]:
        drag(toolbox, point)
    assert toolbox.double_click(PointerEvent(110, 60))
    toolbox.release(PointerEvent(110, 60))
    assert 2400 < np.count_nonzero(classes_of(session)) < 2600 and not toolbox.current.is_busy
    assert not toolbox.double_click(PointerEvent(110, 60))  # nothing begun: the canvas may fit


def test_polygon_escape_and_outside(session: Session, toolbox: ToolBox, said: Said) -> None:
    toolbox.select("polygon")
    for point in [(-50, -50), (1000, -50), (1000, 1000), (-50, 1000)]:
        drag(toolbox, point)
    assert toolbox.cancel() and not toolbox.current.is_busy and not classes_of(session).any()
    for point in [(-50, -50), (1000, -50), (1000, 1000), (-50, 1000)]:
        drag(toolbox, point)
    toolbox.key("enter")
    assert classes_of(session).all()
    drag(toolbox, (5, 5))
    toolbox.key("enter")
    assert "three points" in said[-1]


def test_polygon_outlives_undo_and_panning_but_not_another_image(session: Session, toolbox: ToolBox) -> None:
    paint(session, Rect(0, 0, 5, 5))
    toolbox.select("polygon")
    drag(toolbox, (10, 10))
    session.undo()
    toolbox.hold("pan")
    drag(toolbox, (50, 50), (60, 60))
    assert toolbox.preview().path_xy[:1] == ((10, 10),)
    toolbox.release_hold()
    assert toolbox.current.is_busy
    session.select_image(2)
    assert not toolbox.current.is_busy


def test_fill_takes_the_contiguous_area(session: Session, toolbox: ToolBox, said: Said) -> None:
    paint(session, Rect(0, 100, 400, 10), 2)
    session.select_class(1)
    toolbox.select("fill")
    drag(toolbox, (10, 10))
    assert (classes_of(session)[:100] == 1).all() and not classes_of(session)[110:].any()
    drag(toolbox, (10, 10), modifiers="ctrl")
    assert not classes_of(session)[:100].any()
    drag(toolbox, (-10, 10))
    session.settings.set("fill.max_px", 1000)
    before = classes_of(session).copy()
    drag(toolbox, (10, 10))
    assert "1,000" in said[-1] and np.array_equal(classes_of(session), before)
    assert labels_in_history(session)[-2:] == ["Fill road", "Erase area"]


def test_picker_and_alt(session: Session, toolbox: ToolBox) -> None:
    paint(session, Rect(0, 0, 50, 50), 2)
    session.select_class(1)
    toolbox.hold("picker")
    drag(toolbox, (10, 10))
    toolbox.release_hold()
    assert session.current_class_id == 2 and toolbox.current.id == toolbox.chosen_id == "brush"
    toolbox.press(PointerEvent(100, 100))
    toolbox.hold("picker")  # a stroke is under way: no
    assert toolbox.current.id == "brush"
    toolbox.release(PointerEvent(100, 100))


def test_picker_takes_objects(session: Session, toolbox: ToolBox) -> None:
    session.new_object()
    paint(session, Rect(0, 0, 50, 50), 2)
    chosen = session.active_object
    session.select_object(None)
    toolbox.select("picker")
    drag(toolbox, (10, 10))
    assert session.active_object == chosen
    assert toolbox.cancel() and session.active_object is None  # Esc lets go of it


def test_pan_moves_the_view(session: Session, toolbox: ToolBox) -> None:
    class View:
        moved: list[tuple[float, float]] = []

        def pan_by(self, dx: float, dy: float) -> None:
            self.moved.append((dx, dy))

        def fit(self) -> None: ...

    toolbox.context.view = view = View()
    toolbox.select("pan")
    drag(toolbox, (10, 10), (15, 12), (20, 12))
    assert view.moved == [(5, 2), (5, 0)] and toolbox.current.cursor == "open_hand"


def test_tool_is_remembered_with_the_project(session: Session, toolbox: ToolBox) -> None:
    folder = session.folder
    toolbox.select("fill")
    session.close_project()
    toolbox.select("brush")
    assert folder is not None and session.open_project(folder)
    assert toolbox.chosen_id == "fill"


def test_two_quick_clicks_are_two_dabs(session: Session, toolbox: ToolBox) -> None:
    session.settings.set("brush.size_px", 5)
    drag(toolbox, (50, 50))
    assert toolbox.double_click(PointerEvent(80, 50))
    toolbox.release(PointerEvent(80, 50))
    assert classes_of(session)[50, 80] == 1 and labels_in_history(session) == ["Paint road", "Paint road"]


def test_preview_follows(session: Session, toolbox: ToolBox) -> None:
    redraws: list[int] = []
    toolbox.context.preview_changed.connect(lambda: redraws.append(1))
    toolbox.move(PointerEvent(50, 60, button="", buttons=frozenset(), modifiers=frozenset({"ctrl"})))
    preview = toolbox.preview()
    assert preview.ring is not None and (preview.ring.x, preview.ring.y) == (50, 60) and preview.is_erasing and redraws
    toolbox.leave()
    assert toolbox.preview().ring is None


def test_read_only_tools_do_nothing(session: Session, tmp_path, make_session, said: Said) -> None:  # type: ignore[no-untyped-def]
    from segstudio.app.tools.base import ToolContext

    other = make_session()
    other.open_project(tmp_path / "project")
    box = ToolBox(ToolContext(other, other.settings))
    for tool_id in box.ids():
        box.select(tool_id)
        drag(box, (10, 10), (50, 50))
        box.key("enter")
    assert not classes_of(other).any() and len(said) == 1
