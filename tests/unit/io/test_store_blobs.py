"""Tiles and edits as bytes: what is written is read back; anything else is refused."""

from __future__ import annotations

import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segstudio.core.classes import ClassTable
from segstudio.core.edits import Edit, LayerChange, TileChange
from segstudio.core.layers import Segment
from segstudio.io.store.blobs import TileEncoder, decode_edit, decode_tile, encode_edit, encode_tile


def made_tile(seed: int, values: int, block: int, dtype) -> np.ndarray:
    small = np.random.default_rng(seed).integers(0, values, (256 // block, 256 // block))
    tile = np.kron(small, np.ones((block, block), int)).astype(dtype)
    tile.flags.writeable = False
    return tile


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 9999), st.sampled_from([2, 200, 65536]), st.sampled_from([1, 2, 8, 64]))
def test_tiles_come_back(seed, values, block):
    for plane, dtype in (("segments", np.uint16), ("confidence", np.uint8)):
        tile = made_tile(seed, min(values, np.iinfo(dtype).max + 1), block, dtype)
        again = decode_tile(encode_tile(tile), plane)
        assert again.dtype == dtype and not again.flags.writeable
        assert np.array_equal(again, tile)


@pytest.mark.parametrize("value", [0, 1, 255, 65535])
def test_a_one_value_tile_is_the_value(value):
    assert decode_tile(encode_tile(value)) == value
    assert len(encode_tile(value)) == 3


def test_labels_are_small():
    rows, columns = np.mgrid[:256, :256]
    tile = ((rows - 100) ** 2 + (columns - 120) ** 2 < 2500).astype(np.uint16) * 7
    assert len(encode_tile(tile)) < 400


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200))
def test_damaged_tiles_are_refused(data):
    try:
        tile = decode_tile(data)
    except ValueError:
        return
    assert isinstance(tile, int) or tile.shape == (256, 256)


def test_a_bomb_is_not_unpacked():
    bomb = bytes([1]) + zlib.compress(bytes(50_000_000), 9)
    with pytest.raises(ValueError):
        decode_tile(bomb)


def test_edits_come_back():
    old, new = made_tile(1, 3, 8, np.uint16), made_tile(2, 3, 8, np.uint16)
    sure = made_tile(3, 256, 1, np.uint8)
    rows = ((None, Segment(1, 2, True, "accepted", "m@1", 0.25)), (Segment(2, 1), None))
    table = ClassTable.from_names("a,b")
    edit = Edit(
        "Accept",
        4,
        (
            LayerChange(7, "segments", (TileChange((0, 1, 2), old, new), TileChange((1, 0, 0), 0, 5)), rows),
            LayerChange(8, "confidence", (TileChange((0, 1, 2), 0, sure),)),
        ),
        (table, table.added("c")),
        3,
        1.5,
    )
    data = encode_edit(edit, TileEncoder())
    again = decode_edit(data, seq=3, label="Accept", image_id=4, created_s=1.5)
    assert again.classes == edit.classes and again.seq == 3
    assert [(c.layer_id, c.plane, c.segments) for c in again.changes] == [
        (c.layer_id, c.plane, c.segments) for c in edit.changes
    ]
    for mine, theirs in zip(edit.changes, again.changes, strict=True):
        for first, second in zip(mine.tiles, theirs.tiles, strict=True):
            assert first.key == second.key
            assert np.array_equal(first.before, second.before) and np.array_equal(first.after, second.after)
    for cut in (0, 3, 40, len(data) - 1):
        with pytest.raises(ValueError):
            decode_edit(data[:cut], seq=3, label="", image_id=4, created_s=0)


def test_the_encoder_forgets_tiles_that_are_gone():
    encoder = TileEncoder()
    tile = made_tile(5, 4, 8, np.uint16)
    assert encoder.encode(tile) is encoder.encode(tile)
    del tile
    assert not encoder._known
