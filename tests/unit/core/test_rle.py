"""Run lengths against pycocotools, byte for byte."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from pycocotools import mask as coco_mask

from segstudio.core import rle
from segstudio.core.edits import Transaction
from segstudio.core.layers import LabelLayer

label_maps = hnp.arrays(np.uint16, hnp.array_shapes(min_dims=2, max_dims=2, max_side=24), elements=st.integers(0, 4))


def reference(mask):
    return coco_mask.encode(np.asfortranarray(mask.astype(np.uint8)))


@settings(max_examples=200, deadline=None)
@given(label_maps)
def test_every_value_is_encoded_as_pycocotools_does(values):
    height, width = values.shape
    found = rle.encode_runs(rle.runs_of_array(values), height, width)
    assert set(found) == set(np.unique(values).tolist()) - {0}
    for value, mask in found.items():
        expected = reference(values == value)
        assert mask.counts.encode() == expected["counts"]
        assert list(mask.box) == coco_mask.toBbox(expected).tolist()
        assert mask.area == int((values == value).sum())
        assert np.array_equal(rle.decode(mask.counts, height, width), values == value)


@given(hnp.arrays(np.bool_, hnp.array_shapes(min_dims=2, max_dims=2, max_side=24)))
def test_one_mask_empty_ones_too(mask):
    assert rle.encode_mask(mask).counts.encode() == reference(mask)["counts"]


def test_plain_counts_are_read():
    assert np.array_equal(rle.decode([1, 2, 1], 2, 2), [[False, True], [True, False]])


@pytest.mark.parametrize("counts", [[1, 2], [5], [-1, 5], "0", "\x7f", "o"])
def test_counts_that_do_not_fit_are_refused_before_anything_is_allocated(counts):
    with pytest.raises(ValueError):
        rle.decode(counts, 2, 2)
    with pytest.raises(ValueError):
        rle.decode(counts, 10**6, 10**6)


def layer_of(values):
    height, width = values.shape
    layer = LabelLayer(1, 1, "labels", "labels", width, height)
    transaction = Transaction(layer, "test")
    for _ in range(int(values.max())):
        transaction.new_object(1)
    for value in np.unique(values[values > 0]).tolist():
        transaction.paint(values == value, 0, 0, int(value))
    transaction.commit()
    return layer


def test_a_layer_of_many_tiles_equals_its_pixels():
    rng = np.random.default_rng(3)
    values = np.kron(rng.integers(0, 4, (9, 11)), np.ones((67, 61))).astype(np.uint16)
    values[:, 256:512] = 2  # a whole column of tiles
    values[300:310] = 0
    layer = layer_of(values)
    found = rle.encode_layer(layer)
    for value in (1, 2, 3):
        assert found[value].counts.encode() == reference(values == value)["counts"]


def test_a_lut_joins_segments():
    values = np.zeros((300, 520), np.uint16)
    values[10:200, 250:260], values[10:200, 260:300] = 1, 2
    lut = np.zeros(65536, np.uint16)
    lut[[1, 2]] = 7
    (mask,) = rle.encode_layer(layer_of(values), lut).values()
    assert mask.counts.encode() == reference(values > 0)["counts"]


def test_a_blank_layer_has_no_masks():
    assert rle.encode_layer(LabelLayer(1, 1, "labels", "labels", 700, 300)) == {}
