"""Tiles packed and unpacked: what comes back, what it costs in bytes, and that nobody notices."""

from __future__ import annotations

import gc
import threading
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segstudio.core import tile_cells
from segstudio.core.edits import Edit, LayerChange, Transaction, UndoStack, apply_edit
from segstudio.core.geometry import TILE, Rect
from segstudio.core.layers import LabelLayer
from segstudio.core.tile_cells import HOT, HotTiles, TileCell, pack, runs_of, same_held, uniform_value, unpack
from segstudio.core.tiles import TileChange, TileMap

KINDS = ("constant", "rows", "columns", "blocks", "disc", "noise", "last pixel")
WHOLE = Rect(0, 0, 3 * TILE, 2 * TILE)


def made(kind: str, seed: int, dtype) -> np.ndarray:
    dice = np.random.default_rng(seed)
    high = np.iinfo(dtype).max + 1
    y, x = np.mgrid[:TILE, :TILE]
    if kind == "constant":
        return np.full((TILE, TILE), dice.integers(high), dtype)
    if kind in ("rows", "columns"):
        line = dice.integers(0, high, TILE).astype(dtype)
        return np.ascontiguousarray(np.broadcast_to(line[:, None] if kind == "rows" else line, (TILE, TILE)))
    if kind == "blocks":
        size = 2 ** int(dice.integers(1, 7))
        return dice.integers(0, high, (TILE // size,) * 2).astype(dtype).repeat(size, 0).repeat(size, 1)
    if kind == "disc":
        cy, cx = dice.integers(0, TILE, 2)
        return (((y - cy) ** 2 + (x - cx) ** 2 < 5000) * dice.integers(1, high)).astype(dtype)
    if kind == "noise":
        return dice.integers(0, high, (TILE, TILE)).astype(dtype)
    tile = np.zeros((TILE, TILE), dtype)
    tile[-1, -1] = high - 1
    return tile


@pytest.fixture
def tight():
    """Room for the pixels of three segment tiles only."""
    budget = HOT.budget_bytes
    HOT.budget_bytes = 3 * TILE * TILE * 2
    yield HOT
    HOT.budget_bytes = budget


@settings(max_examples=120, deadline=None)
@given(st.sampled_from(KINDS), st.integers(0, 9999), st.sampled_from([np.uint16, np.uint8]))
def test_tiles_come_back_from_runs(kind, seed, dtype):
    tile = made(kind, seed, dtype)
    packed = pack(tile)
    if packed is None:
        runs = 1 + np.count_nonzero(np.diff(tile.reshape(-1).astype(int)))
        assert runs * (2 + tile.itemsize) >= tile.nbytes
        return
    assert len(packed) < tile.nbytes
    starts, values = runs_of(packed, tile.dtype)
    assert starts[0] == 0 and (np.diff(starts.astype(int)) > 0).all() and (values[1:] != values[:-1]).all()
    again = unpack(packed, tile.dtype)
    assert again.dtype == dtype and np.array_equal(again, tile)
    with pytest.raises(ValueError):
        again[0, 0] = 1


def test_runs_take_four_bytes_and_noise_stays():
    tile = made("rows", 3, np.uint16)
    assert len(pack(tile)) == 4 * (1 + np.count_nonzero(np.diff(tile[:, 0].astype(int))))
    assert len(pack(tile.astype(np.uint8))) <= 3 * TILE
    assert pack(made("noise", 1, np.uint16)) is None and pack(made("noise", 1, np.uint8)) is None
    noise = TileCell(made("noise", 1, np.uint8))
    noise.cool()
    assert noise.is_hot and np.array_equal(noise.array, made("noise", 1, np.uint8))
    assert noise.kept_bytes == noise.nbytes == tile_cells.CELL_BYTES + TILE * TILE


def test_packing_is_quick():
    tile, times = made("disc", 0, np.uint16), []
    for _ in range(60):
        start = time.perf_counter()
        unpack(pack(tile), tile.dtype)
        times.append(time.perf_counter() - start)
    assert sorted(times)[15] < 2e-4


def test_the_least_used_pixels_are_let_go():
    hot = HotTiles(3 * TILE * TILE * 2)
    cells = [TileCell(made("disc", seed, np.uint16)) for seed in range(4)]
    for cell in cells[:3]:
        hot.admit(cell)
    hot.touch(cells[0])
    hot.admit(cells[3])
    assert [cell.is_hot for cell in cells] == [True, False, True, True]
    assert hot.nbytes == hot.budget_bytes
    assert np.array_equal(cells[1].array, made("disc", 1, np.uint16))
    del cell, cells
    gc.collect()
    assert hot.nbytes == 0


def test_a_confidence_counts_half_a_segment_tile():
    hot = HotTiles(3 * TILE * TILE * 2)
    cells = [TileCell(made("disc", seed, np.uint8)) for seed in range(7)]
    for cell in cells:
        hot.admit(cell)
    assert [cell.is_hot for cell in cells] == [False] + [True] * 6


writes = st.tuples(
    st.integers(-40, 700), st.integers(-40, 480), st.integers(1, 500), st.integers(1, 400), st.sampled_from(KINDS)
)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(writes, st.integers(0, 9999)), max_size=8), st.sampled_from([np.uint16, np.uint8]))
def test_a_map_short_of_room_is_a_dict_of_arrays(steps, dtype):
    budget, HOT.budget_bytes = HOT.budget_bytes, TILE * TILE * 4
    try:
        tiles, plain = TileMap(dtype), np.zeros((WHOLE.height, WHOLE.width), dtype)
        copies, changes = [], []
        for (x, y, width, height, kind), seed in steps:
            rect = Rect(x, y, width, height).intersected(WHOLE)
            if rect.is_empty:
                continue
            values = np.tile(made(kind, seed, dtype), (2, 2))[: rect.height, : rect.width]
            where = np.random.default_rng(seed).random((rect.height, 1)) < 0.8
            where = np.broadcast_to(where, values.shape).copy()
            copies.append((tiles.snapshot(), tiles.shadow(), plain.copy()))
            changes.append(tiles.write(rect, values, where))
            plain[rect.slices][where] = values[where]
            assert np.array_equal(tiles.read(WHOLE), plain)
        for snapshot, shadow, was in copies:
            assert np.array_equal(snapshot.read(WHOLE), was) and np.array_equal(shadow.read(WHOLE), was)
        for made_by, (_, _, was) in zip(reversed(changes), reversed(copies), strict=True):
            for change in made_by:
                tiles.set(change.key, change.held_before)
            assert np.array_equal(tiles.read(WHOLE), was)
    finally:
        HOT.budget_bytes = budget


def test_copies_and_the_history_share_cells(tight):
    layer = LabelLayer(1, 1, "labels", "labels", 4096, 4096)
    edit = striped(layer, 8)
    apply_edit(edit.reversed(), {1: layer})
    apply_edit(edit, {1: layer})
    copy = layer.tiles.snapshot()
    for change in edit.changes[0].tiles:
        cell = layer.tiles.held(change.key)
        assert isinstance(cell, TileCell) and cell is change.held_after and cell is copy.held(change.key)
        assert layer.tiles.get(change.key) is layer.tiles.get(change.key)
        assert not change.after.flags.writeable


def striped(layer: LabelLayer, tiles: int, class_id: int = 1) -> Edit:
    """An edit that paints a square in each of *tiles* × *tiles* tiles."""
    transaction = Transaction(layer, "Stripes")
    segment = transaction.ensure_stuff(class_id)
    for ty in range(tiles):
        for tx in range(tiles):
            transaction.write(Rect(tx * TILE + 30, ty * TILE + 40, 128, 128), segment)
    edit = transaction.commit()
    assert edit is not None
    return edit


def test_memory_is_that_of_runs(tight):
    gc.collect()
    layer, stack = LabelLayer(1, 1, "labels", "labels", 4096, 4096), UndoStack()
    stack.push(striped(layer, 16))
    dense = 16 * 16 * TILE * TILE * 2
    packed = 16 * 16 * (tile_cells.CELL_BYTES + 4 * (2 * 128 + 1))
    assert layer.tiles.nbytes <= packed + tight.budget_bytes < dense / 40
    assert stack.nbytes <= packed + 16 * 16 * 200 + 2000
    cells = [layer.tiles.held(key) for key in layer.tiles.keys()]
    assert sum(cell.is_hot for cell in cells) <= 3 and tight.nbytes <= tight.budget_bytes
    for _ in range(3):  # looking at all of it keeps the bound
        assert np.count_nonzero(layer.read(layer.bounds)) == 16 * 16 * 128 * 128
        assert layer.tiles.nbytes <= packed + tight.budget_bytes
    edit = stack.undo()
    apply_edit(edit, {1: layer})
    assert layer.tiles.nbytes == 0 and not layer.read(layer.bounds).any()
    apply_edit(stack.redo(), {1: layer})
    assert np.count_nonzero(layer.read(layer.bounds)) == 16 * 16 * 128 * 128


def test_a_long_transaction_holds_no_pixels_either(tight):
    layer = LabelLayer(1, 1, "labels", "labels", 4096, 4096)
    striped(layer, 16)
    transaction = Transaction(layer, "Over it")
    segment = transaction.ensure_stuff(2)
    for ty in range(16):
        for tx in range(16):
            transaction.write(Rect(tx * TILE + 100, ty * TILE + 100, 90, 90), segment)
    gc.collect()
    first = transaction._before["segments"].values()
    assert sum(cell.is_hot for cell in first) + sum(layer.tiles.held(key).is_hot for key in layer.tiles.keys()) <= 3
    transaction.abort()
    assert np.count_nonzero(layer.read(layer.bounds)) == 16 * 16 * 128 * 128


def test_an_edit_counts_its_noise():
    noise = made("noise", 2, np.uint16)
    edit = Edit("x", 1, (LayerChange(1, "segments", (TileChange((0, 0, 0), 0, noise),)),))
    edit.pack()
    assert noise.nbytes < edit.nbytes < noise.nbytes + 2000


def test_threads_may_read_while_tiles_come_and_go(tight):
    layer = LabelLayer(1, 1, "labels", "labels", 4096, 4096)
    striped(layer, 6)
    expected, shadow, faults = layer.read(Rect(0, 0, 1536, 1536)), layer.shadow(), []

    def look():
        for _ in range(30):
            if not np.array_equal(shadow.read(Rect(0, 0, 1536, 1536)), expected):
                faults.append("other pixels")

    threads = [threading.Thread(target=look) for _ in range(3)]
    for thread in threads:
        thread.start()
    for n in range(200):
        layer.tiles.write(Rect(7 * n % 1200, 5 * n % 1200, 200, 200), n)
    for thread in threads:
        thread.join()
    assert not faults and tight.nbytes <= tight.budget_bytes


@pytest.mark.parametrize("kind", ["discs", "noise", "plain"])
def test_cells_are_compared_without_waking_them(kind):
    dice = np.random.default_rng(0)
    tile = np.zeros((256, 256), np.uint16)
    if kind == "discs":
        tile[40:90, 30:200] = 7
    elif kind == "noise":
        tile[:] = dice.integers(0, 60_000, tile.shape)
    a, b = TileCell(tile.copy()), TileCell(tile.copy())
    other = tile.copy()
    other[255, 255] += 1
    c = TileCell(other)
    for cell in (a, b, c):
        cell.cool()
    before = [cell.is_hot for cell in (a, b, c)]
    assert same_held(a, b) and not same_held(a, c) and not same_held(a, 5)
    assert [cell.is_hot for cell in (a, b, c)] == before
    assert uniform_value(a) == (0 if kind == "plain" else None) and uniform_value(c) is None
    assert same_held(a, 0) == (kind == "plain") and same_held(3, 3) and not same_held(3, 4)
