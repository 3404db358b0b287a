"""Tiles, layers, transactions, guards and the undo stack, without a store."""

from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segstudio.core.brush import stroke_mask
from segstudio.core.classes import IGNORE
from segstudio.core.edits import Guard, Segment, Transaction, UndoStack, apply_edit, apply_segment_change
from segstudio.core.errors import UserError
from segstudio.core.geometry import Rect
from segstudio.core.layers import LabelLayer
from segstudio.core.tiles import TileMap


def new_layer(width=700, height=600, kind="labels") -> LabelLayer:
    return LabelLayer(1, 1, kind, kind, width, height)


def painted(layer, class_id, rect, guard=None):
    transaction = Transaction(layer, "Paint", guard or Guard())
    transaction.write(rect, transaction.ensure_stuff(class_id))
    return transaction.commit()


rects = st.tuples(st.integers(-50, 690), st.integers(-50, 590), st.integers(1, 400), st.integers(1, 400))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(rects, st.integers(0, 3)), max_size=8))
def test_writing_is_what_numpy_does(steps):
    layer, plain = new_layer(), np.zeros((600, 700), np.uint16)
    stack = UndoStack()
    states = [plain.copy()]
    for (x, y, width, height), class_id in steps:
        rect = Rect(x, y, width, height)
        transaction = Transaction(layer, "step")
        transaction.write(rect, transaction.ensure_stuff(class_id) if class_id else 0)
        edit = transaction.commit()
        inside = rect.clipped(700, 600)
        plain[inside.slices] = class_id
        if edit is not None:
            stack.push(edit)
            states.append(plain.copy())
        assert np.array_equal(layer.read_classes(layer.bounds), plain)
    for state in reversed(states[:-1]):
        apply_edit(stack.undo(), {1: layer})
        assert np.array_equal(layer.read_classes(layer.bounds), state)
    assert stack.undo() is None and not layer.tiles.keys() and not layer.segments
    for state in states[1:]:
        apply_edit(stack.redo(), {1: layer})
        assert np.array_equal(layer.read_classes(layer.bounds), state)
    counts = {value: int((plain == value).sum()) for value in (1, 2, 3) if (plain == value).any()}
    assert layer.pixel_counts() == counts


def test_tiles_are_never_changed_in_place():
    layer = new_layer()
    painted(layer, 1, Rect(10, 10, 50, 50))
    held = layer.tiles.get((0, 0, 0))
    copy, shot = held.copy(), layer.tiles.snapshot()
    painted(layer, 2, Rect(20, 20, 300, 300))
    assert np.array_equal(held, copy) and np.array_equal(shot.get((0, 0, 0)), copy)
    with pytest.raises(ValueError):
        held[0, 0] = 9


def test_a_tile_of_one_value_is_the_value():
    layer = new_layer()
    painted(layer, 1, Rect(0, 0, 512, 512))
    assert layer.tiles.get((0, 0, 0)) == layer.tiles.get((0, 1, 1)) == 1
    assert layer.tiles.nbytes < 1000
    transaction = Transaction(layer, "by halves")
    for x in (256, 400):
        transaction.erase(np.ones((256, 200), bool), x, 256)
    edit = transaction.commit()
    assert layer.tiles.get((0, 1, 1)) == 0 and edit.changes[0].tiles[0].after == 0
    assert (0, 1, 1) not in layer.tiles.keys()


def test_tiles_are_loaded_when_looked_at():
    loaded = []

    class Source:
        def keys(self):
            return [(0, 0, 0), (0, 3, 3)]

        def load(self, key):
            loaded.append(key)
            return 5

    plane = TileMap(np.uint16, Source())
    assert plane.keys() == [(0, 0, 0), (0, 3, 3)] and loaded == []
    assert plane.read(Rect(250, 250, 20, 20))[0, 0] == 5 and loaded == [(0, 0, 0)]
    plane.set((0, 3, 3), 0)
    assert plane.keys() == [(0, 0, 0)] and loaded == [(0, 0, 0)]


def test_a_transaction_that_changes_nothing_is_no_edit():
    layer = new_layer()
    painted(layer, 1, Rect(0, 0, 100, 100))
    assert painted(layer, 1, Rect(10, 10, 20, 20)) is None
    transaction = Transaction(layer, "there and back")
    transaction.write(Rect(0, 0, 50, 50), 0)
    transaction.write(Rect(0, 0, 50, 50), 1)
    assert transaction.commit() is None
    with pytest.raises(RuntimeError):
        transaction.write(Rect(0, 0, 5, 5), 0)


def test_abort_restores_pixels_and_segments():
    layer = new_layer()
    painted(layer, 1, Rect(0, 0, 100, 100))
    before, segments = layer.read(layer.bounds), dict(layer.segments)
    transaction = Transaction(layer, "abandoned")
    transaction.write(Rect(50, 50, 400, 300), transaction.new_object(2))
    assert transaction.abort() == Rect(0, 0, 512, 512)
    assert np.array_equal(layer.read(layer.bounds), before) and layer.segments == segments


def test_guards():
    layer = new_layer()
    painted(layer, 1, Rect(0, 0, 100, 100))
    painted(layer, 2, Rect(100, 0, 100, 100))
    everywhere = Rect(0, 0, 300, 100)
    painted(layer, 3, everywhere, Guard("background"))
    assert layer.pixel_counts() == {1: 10000, 2: 10000, 3: 10000}
    painted(layer, 3, everywhere, Guard("class", 2))
    assert layer.pixel_counts() == {1: 10000, 3: 20000}
    painted(layer, 2, everywhere, Guard(locked_class_ids=frozenset({1})))
    assert layer.pixel_counts() == {1: 10000, 2: 20000}
    assert painted(layer, 3, everywhere, Guard(protect_hand=True)) is None
    erased = Transaction(layer, "erase", Guard(locked_class_ids=frozenset({1, 2})))
    assert erased.erase(np.ones((100, 300), bool), 0, 0).is_empty


def test_ignore_is_a_class_of_its_own():
    layer = new_layer()
    transaction = Transaction(layer, "ignore")
    transaction.write(Rect(0, 0, 10, 10), IGNORE)
    transaction.commit()
    assert layer.read_classes(Rect(0, 0, 1, 1))[0, 0] == IGNORE and layer.pixel_counts() == {}
    assert painted(layer, 1, Rect(0, 0, 10, 10), Guard(locked_class_ids=frozenset({IGNORE}))) is None


def test_segment_ids_run_out_with_a_sentence(monkeypatch):
    layer = new_layer()
    layer.segments = {number: Segment(number, 1, True) for number in range(1, 65535)}
    del layer.segments[77]
    assert layer.next_segment_id() == 77
    layer.segments[77] = Segment(77, 1)
    with pytest.raises(UserError, match="more than 65534"):
        layer.next_segment_id()


def test_rows_changed_since_are_only_changed_where_the_edit_was():
    one, two = Segment(1, 1), Segment(1, 2)
    now = Segment(1, 2, is_reviewed=True)
    assert apply_segment_change(now, two, one) == Segment(1, 1, is_reviewed=True)
    assert apply_segment_change(None, None, one) == one
    assert apply_segment_change(now, two, None) is None


def edits(count, layer=None):
    layer = layer or new_layer()
    return [painted(layer, 1 + n % 3, Rect(5 * n, 5 * n, 60, 60)) for n in range(count)]


def test_the_stack_stays_within_its_budget():
    stack = UndoStack.from_edits(edits(20), budget_bytes=60_000)
    assert stack.nbytes <= 60_000 and 2 < len(stack.entries()) < 20
    while stack.undo() is not None:
        pass
    assert stack.can_redo


def test_a_stack_with_a_store_forgets_pixels_but_no_entry():
    from dataclasses import replace

    kept = {}
    stack = UndoStack(30_000, kept.__getitem__)
    layer = new_layer()
    for seq, edit in enumerate(edits(20, layer), 1):
        kept[seq] = replace(edit, seq=seq)
        stack.push(kept[seq])
    assert stack.nbytes <= 30_000 and len(stack.entries()) == 20
    for _ in range(20):
        apply_edit(stack.undo(), {1: layer})
        assert stack.nbytes <= 50_000
    assert not layer.read(layer.bounds).any() and stack.undo() is None
    for _ in range(20):
        apply_edit(stack.redo(), {1: layer})
    stack.drop_through(15)
    assert [entry.seq for entry in stack.entries()] == [16, 17, 18, 19, 20] and stack.position == 5
    kept.clear()
    while stack.undo() is not None:
        pass
    assert not stack.can_undo


def test_pushing_ends_redo():
    made = edits(3)
    stack = UndoStack.from_edits(made)
    stack.undo()
    assert stack.redo_label == "Paint"
    stack.push(made[0])
    assert not stack.can_redo and len(stack.entries()) == 3


def test_a_brush_step_costs_the_same_on_any_size():
    times = {}
    for side in (1024, 20000):
        layer = new_layer(side, side)
        transaction = Transaction(layer, "Brush", Guard(locked_class_ids=frozenset({2})))
        segment_id = transaction.ensure_stuff(1)
        steps = []
        for n in range(60):
            start = time.perf_counter()
            mask, rect = stroke_mask([(200 + 8 * n, 300), (208 + 8 * n, 303)], 100)
            transaction.paint(mask, rect.x, rect.y, segment_id)
            steps.append(time.perf_counter() - start)
        times[side] = sorted(steps)[30]
    assert max(times.values()) < 1e-3
