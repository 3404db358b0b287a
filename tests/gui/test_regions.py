"""The Regions menu in the real window: actions, the card with its fields and real clicks, what lands in the layer."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QDoubleSpinBox, QSpinBox
from window_help import open_project, open_window

from segstudio.core.geometry import Rect
from segstudio.gui.commands.regions import Regions
from segstudio.gui.main_window import MainWindow
from segstudio.gui.panels.region_popover import RegionPopover

LEFT = Qt.MouseButton.LeftButton


@pytest.fixture
def window(qtbot, tmp_path: Path) -> Iterator[MainWindow]:  # type: ignore[no-untyped-def]
    with open_window(qtbot) as made:
        open_project(made, tmp_path, qtbot, images=1)
        made.session.select_class(1)
        yield made


def regions(window: MainWindow) -> Regions:
    assert window.workspace.regions is not None
    return window.workspace.regions


def paint(window: MainWindow, *rects: Rect, class_id: int = 1, is_object: bool = False) -> int:
    session = window.session
    transaction = session.begin("paint")
    assert transaction is not None
    segment_id = transaction.new_object(class_id) if is_object else transaction.ensure_stuff(class_id)
    for rect in rects:
        transaction.write(rect, segment_id)
    session.painted(session.labels.bounds)
    assert session.commit(transaction)
    return segment_id


def classes(window: MainWindow) -> np.ndarray:
    layer = window.session.labels
    assert layer is not None
    return layer.read_classes(layer.bounds)


def ring(window: MainWindow) -> None:
    """A square with a hole of 4 × 4 (the picture is 64 × 48)."""
    paint(window, Rect(10, 10, 20, 20))
    transaction = window.session.begin("hole")
    assert transaction is not None
    transaction.write(Rect(18, 18, 4, 4), 0)
    window.session.commit(transaction)


def opened(window: MainWindow, qtbot, op_id: str) -> RegionPopover:  # type: ignore[no-untyped-def]
    """The card of an operation, its preview worked out."""
    assert window.trigger(f"region.{op_id}")
    card = regions(window).card
    assert card.isVisible()
    settled(window, qtbot)
    return card


def settled(window: MainWindow, qtbot) -> None:  # type: ignore[no-untyped-def]
    desk = regions(window).desk
    qtbot.waitUntil(lambda: desk.outcome is not None and not desk.is_busy, timeout=20_000)


def click_apply(window: MainWindow, card: RegionPopover, qtbot) -> None:  # type: ignore[no-untyped-def]
    assert card.apply_button.isEnabled()
    QTest.mouseClick(card.apply_button, LEFT)
    qtbot.waitUntil(lambda: card.isHidden(), timeout=20_000)


def tinted(window: MainWindow) -> dict[str, int]:
    """Pixels tinted on the canvas, by colour."""
    found: dict[str, int] = {}
    for area in window.workspace.toolbox.preview().areas:
        found[area.color] = found.get(area.color, 0) + int(area.mask.sum())
    return found


def test_fill_holes_previews_applies_and_undoes(window: MainWindow, qtbot) -> None:  # type: ignore[no-untyped-def]
    ring(window)
    before = classes(window)
    card = opened(window, qtbot, "fill_holes")
    assert "1" in card.result.text() and "+16" in card.result.text()
    assert tinted(window) == {"#22c55e": 16}
    assert (classes(window) == before).all(), "a preview changes nothing"
    click_apply(window, card, qtbot)
    assert (classes(window)[10:30, 10:30] == 1).all()
    assert tinted(window) == {}
    window.trigger("edit.undo")
    assert (classes(window) == before).all()


def test_changing_the_field_changes_the_preview(window: MainWindow, qtbot) -> None:  # type: ignore[no-untyped-def]
    paint(window, Rect(20, 20, 10, 10))
    window.settings.set("regions.grow_px", 1)
    card = opened(window, qtbot, "grow")
    assert tinted(window) == {"#22c55e": 40}
    field = card.findChild(QSpinBox)
    assert field is not None
    QTest.keyClick(field, Qt.Key.Key_Up)
    qtbot.waitUntil(lambda: tinted(window) == {"#22c55e": 84}, timeout=20_000)
    assert window.settings.integer("regions.grow_px") == 2
    click_apply(window, card, qtbot)
    qtbot.waitUntil(lambda: int((classes(window) == 1).sum()) == 184, timeout=20_000)


def test_painting_goes_on_below_the_card_and_the_preview_follows(window: MainWindow, qtbot) -> None:  # type: ignore[no-untyped-def]
    paint(window, Rect(4, 30, 2, 2))
    window.settings.set("regions.small_px", 50)
    opened(window, qtbot, "remove_small")
    assert tinted(window) == {"#ef4444": 4}
    window.trigger("tool.brush")
    window.settings.set("brush.size_px", 3.0)
    canvas = window.workspace.canvas
    at = QPoint(*(round(value / canvas.ratio) for value in canvas.view.to_view(12.5, 40.5)))
    QTest.mouseClick(canvas, LEFT, Qt.KeyboardModifier.NoModifier, at)
    painted = int((classes(window) == 1).sum()) - 4
    assert painted > 4
    qtbot.waitUntil(lambda: tinted(window) == {"#ef4444": 4 + painted}, timeout=20_000)


def test_enter_applies_the_value_just_typed(window: MainWindow, qtbot) -> None:  # type: ignore[no-untyped-def]
    paint(window, Rect(20, 20, 10, 10))
    card = opened(window, qtbot, "grow")
    field = card.findChild(QSpinBox)
    assert field is not None
    field.selectAll()
    QTest.keyClicks(field, "1")
    QTest.keyClick(field, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: int((classes(window) == 1).sum()) == 140, timeout=20_000)
    assert card.isHidden()


def test_escape_and_close_leave_everything(window: MainWindow, qtbot) -> None:  # type: ignore[no-untyped-def]
    ring(window)
    before = classes(window)
    card = opened(window, qtbot, "smooth")
    field = card.findChild(QDoubleSpinBox)
    assert field is not None
    QTest.keyClick(field, Qt.Key.Key_Tab)
    assert window.workspace.docks.is_shown, "Tab goes on to the next field and leaves the panels alone"
    QTest.keyClick(field, Qt.Key.Key_Escape)
    assert card.isHidden() and tinted(window) == {}
    card = opened(window, qtbot, "keep_largest")
    QTest.mouseClick(card.close_button, LEFT)
    assert card.isHidden()
    assert (classes(window) == before).all()


def test_apply_is_off_where_nothing_would_change(window: MainWindow, qtbot) -> None:  # type: ignore[no-untyped-def]
    paint(window, Rect(10, 10, 20, 20))
    card = opened(window, qtbot, "fill_holes")
    assert card.result.text() == "Nothing would change." and not card.apply_button.isEnabled()


def test_split_select_with_real_clicks_and_merge(window: MainWindow, qtbot) -> None:  # type: ignore[no-untyped-def]
    paint(window, Rect(5, 5, 10, 10), Rect(40, 20, 12, 12))
    before = classes(window)
    assert window.trigger("region.split_pieces")
    qtbot.waitUntil(lambda: len(window.session.objects()) == 2, timeout=20_000)
    assert (classes(window) == before).all()
    window.refresh_actions()
    assert not window.workspace.binder.is_enabled("region.merge")
    panel = window.workspace.docks.reveal("objects")
    view = panel.view
    rows = [view.visualRect(panel.model.index(row)).center() for row in (0, 1)]
    QTest.mouseClick(view.viewport(), LEFT, Qt.KeyboardModifier.NoModifier, rows[0])
    first = window.session.active_object
    assert window.session.selected_objects == (first,)
    QTest.mouseClick(view.viewport(), LEFT, Qt.KeyboardModifier.ControlModifier, rows[1])
    assert len(window.session.selected_objects) == 2
    assert len(view.selectionModel().selectedIndexes()) == 2
    kept = window.session.selected_objects[0]
    window.refresh_actions()
    QTest.mouseClick(panel.merge_button, LEFT)
    qtbot.waitUntil(lambda: len(window.session.objects()) == 1, timeout=20_000)
    assert window.session.objects()[0].id == kept
    assert (classes(window) == before).all()
    window.trigger("edit.undo")
    assert len(window.session.objects()) == 2


def test_split_touching_shows_parts_and_makes_objects(window: MainWindow, qtbot) -> None:  # type: ignore[no-untyped-def]
    paint(window, Rect(5, 10, 16, 16), Rect(21, 17, 3, 2), Rect(24, 10, 16, 16))
    card = opened(window, qtbot, "split_touching")
    assert card.result.text().startswith("2 objects")
    assert len(tinted(window)) == 2
    click_apply(window, card, qtbot)
    assert len(window.session.objects()) == 2


def test_change_class_of_everything(window: MainWindow, qtbot) -> None:  # type: ignore[no-untyped-def]
    paint(window, Rect(5, 5, 10, 10))
    paint(window, Rect(30, 5, 10, 10), is_object=True)
    card = opened(window, qtbot, "convert")
    assert card.classes.isVisible() and card.classes.currentText() == "tree"
    click_apply(window, card, qtbot)
    found = classes(window)
    assert (found[5:15, 5:15] == 2).all() and (found[5:15, 30:40] == 2).all() and not (found == 1).any()


def test_combine_two_classes(window: MainWindow, qtbot) -> None:  # type: ignore[no-untyped-def]
    paint(window, Rect(5, 5, 20, 20), class_id=1)
    paint(window, Rect(25, 5, 20, 20), class_id=2)
    window.settings.set("regions.over_labels", True)
    card = opened(window, qtbot, "boolean")
    assert [box.isVisible() for box in card.sides] == [True, True]
    card.sides[0].setCurrentIndex(card.sides[0].findText("road"))
    card.sides[1].setCurrentIndex(card.sides[1].findText("tree"))
    qtbot.waitUntil(lambda: tinted(window) == {"#22c55e": 400}, timeout=20_000)
    click_apply(window, card, qtbot)
    qtbot.waitUntil(lambda: (classes(window)[5:25, 5:45] == 1).all(), timeout=20_000)


def test_clear_class_here(window: MainWindow, qtbot) -> None:  # type: ignore[no-untyped-def]
    paint(window, Rect(5, 5, 10, 10), class_id=1)
    paint(window, Rect(30, 5, 10, 10), class_id=2)
    assert window.trigger("region.clear_class")
    qtbot.waitUntil(lambda: not (classes(window) == 1).any(), timeout=20_000)
    assert (classes(window)[5:15, 30:40] == 2).all()
    window.trigger("edit.undo")
    assert (classes(window)[5:15, 5:15] == 1).all()


def test_leaving_the_image_closes_the_card(window: MainWindow, qtbot) -> None:  # type: ignore[no-untyped-def]
    ring(window)
    card = opened(window, qtbot, "fill_holes")
    window.session.close_project()
    assert card.isHidden() and tinted(window) == {}
