"""Pixels without data: found tile by tile, never painted, ignored in training and in every export."""

from __future__ import annotations

import numpy as np
import pytest
import tifffile

from segstudio.core.edits import Guard, Transaction
from segstudio.core.errors import UserError
from segstudio.core.geometry import Rect
from segstudio.core.layers import LabelLayer
from segstudio.core.proposals import ProposalWriter, accept
from segstudio.io.readers.base import ImageInfo
from segstudio.io.validity import ValidTiles, file_validity, holds_data, valid_mask, validity_of


class Fake:
    """A reader that knows where it holds data, and counts what it is asked."""

    def __init__(self, valid, values=None, **metadata):
        height, width = valid.shape
        self.valid, self.values, self.asked = valid, values, []
        self.info = ImageInfo("fake", width, height, levels=((width, height),), metadata=metadata)

    def valid_mask(self, level, z, window):
        self.asked.append(window)
        return self.valid[window.slices]


class Bare:
    """A reader of before masks: it knows a nodata value at most."""

    def __init__(self, values, **metadata):
        self.values = values
        self.info = ImageInfo("bare", values.shape[2], values.shape[1], bands=len(values), metadata=metadata)

    def read(self, level, z, window):
        return self.values[(slice(None), *window.slices)]


def half(height=600, width=700):
    valid = np.ones((height, width), bool)
    valid[:, 300:] = False
    valid[100:120, 10:40] = False
    return valid


@pytest.mark.parametrize("nodata", [0.0, np.nan, -9999.0, 0.5])
def test_nodata_is_where_all_bands_hold_it(nodata):
    values = np.random.default_rng(0).integers(1, 5, (3, 6, 7)).astype(np.float32)
    values[:, 2, 3] = nodata
    values[0, 4, 4] = nodata
    expected = np.ones((6, 7), bool)
    expected[2, 3] = False
    assert np.array_equal(holds_data(values, nodata), expected)


def test_a_value_that_the_type_cannot_hold_is_nowhere():
    values = np.zeros((1, 2, 2), np.uint8)
    for nodata in (np.nan, -1.0, 256.0, 0.5):
        assert holds_data(values, nodata).all()
    assert not holds_data(values, 0.0).any()


def test_a_reader_with_a_nodata_value_alone_is_understood():
    values = np.arange(12, dtype=np.int16).reshape(1, 3, 4)
    assert valid_mask(Bare(values), 0, 0, Rect(0, 0, 4, 3)) is None
    mask = valid_mask(Bare(values, nodata=5), 0, 0, Rect(1, 1, 2, 1))
    assert mask.tolist() == [[False, True]]
    assert validity_of(Bare(values)) is None and validity_of(None) is None


def test_tiles_give_the_mask_of_any_rectangle_and_ask_for_each_tile_once():
    reader = Fake(half())
    tiles = ValidTiles(reader)
    padded = np.ones((900, 1000), bool)
    padded[100:700, 100:800] = reader.valid
    for rect in (Rect(-30, -20, 90, 200), Rect(250, 200, 100, 100), Rect(0, 0, 700, 600), Rect(650, 590, 80, 80)):
        mask = tiles(0, rect)
        whole = padded[rect.moved(100, 100).slices]
        assert mask is None and whole.all() or np.array_equal(mask, whole)
    assert len(reader.asked) == len({(w.x, w.y) for w in reader.asked}) <= 9
    assert tiles(0, Rect(0, 300, 50, 50)) is None


def test_a_file_that_cannot_be_read_stops_no_hand_but_stops_an_export():
    class Gone(Fake):
        def valid_mask(self, level, z, window):
            raise UserError("The file is gone")

    reader = Gone(half())
    assert ValidTiles(reader, is_strict=False)(0, Rect(0, 0, 10, 10)) is None
    with pytest.raises(UserError):
        ValidTiles(reader)(0, Rect(0, 0, 10, 10))


def test_nothing_is_painted_without_data_and_erasing_goes_on():
    reader = Fake(half())
    layer = LabelLayer(1, 1, "labels", "labels", 700, 600)
    before = Transaction(layer, "import")
    stuff = before.ensure_stuff(1)
    before.paint(np.ones((10, 10), bool), 400, 10, stuff)
    before.commit()
    stroke = Transaction(layer, "Brush", Guard(validity=ValidTiles(reader)))
    stroke.paint(np.ones((300, 200), bool), 200, 50, stuff)
    ids = np.full((20, 60), stuff, np.uint16)
    ids[:, 30:] = 0
    stroke.write(Rect(380, 5, 60, 20), ids)
    stroke.commit()
    painted = layer.read_classes(layer.bounds) == 1
    expected = np.zeros((600, 700), bool)
    expected[50:350, 200:300] = True
    expected[10:20, 400:410] = True
    assert np.array_equal(painted, expected)
    wipe = Transaction(layer, "Erase", Guard(validity=ValidTiles(reader)))
    wipe.erase(np.ones((50, 100), bool), 350, 0)
    wipe.commit()
    assert not (layer.read_classes(layer.bounds)[:, 300:] == 1).any()


def test_a_stroke_asks_for_what_it_touches_only():
    reader = Fake(half(5000, 5000))
    layer = LabelLayer(1, 1, "labels", "labels", 5000, 5000)
    stroke = Transaction(layer, "Brush", Guard(validity=ValidTiles(reader)))
    stuff = stroke.ensure_stuff(1)
    for x in range(10, 250, 10):
        stroke.paint(np.ones((30, 30), bool), x, 300, stuff)
    assert len(reader.asked) == 2


def test_a_stroke_on_nothing_but_nodata_leaves_no_edit():
    layer = LabelLayer(1, 1, "labels", "labels", 700, 600)
    stroke = Transaction(layer, "Brush", Guard(validity=ValidTiles(Fake(half()))))
    stroke.paint(np.ones((30, 30), bool), 500, 300, stroke.ensure_stuff(1))
    assert stroke.commit() is None and not layer.segments


def test_a_proposal_is_accepted_where_there_is_data():
    reader = Fake(half())
    labels = LabelLayer(1, 1, "labels", "labels", 700, 600)
    proposal = LabelLayer(2, 1, "proposal", "proposal", 700, 600)
    writer = ProposalWriter(proposal, {1: 1}, "m")
    writer.write_window(Rect(0, 0, 700, 600), np.ones((600, 700), np.uint8), np.full((600, 700), 200, np.uint8))
    writer.finish()
    edit = accept(labels, proposal, guard=Guard(validity=ValidTiles(reader)))
    assert edit is not None and proposal.is_blank
    assert np.array_equal(labels.read_classes(labels.bounds) == 1, reader.valid)


def nodata_tif(path, width=300, height=280):
    values = np.random.default_rng(1).integers(1, 200, (height, width)).astype(np.uint16)
    values[:90, 200:] = 0
    tifffile.imwrite(path, values, photometric="minisblack", extratags=[(42113, 2, 2, "0", True)])
    return values != 0


def test_a_files_validity(tmp_path):
    valid = nodata_tif(tmp_path / "a.tif")
    with file_validity(tmp_path / "a.tif") as validity:
        assert np.array_equal(validity(0, Rect(0, 0, 300, 280)), valid)
