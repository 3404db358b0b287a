"""Objects in several parts stay whole, whatever lies where their later parts come."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segstudio.core.classes import IGNORE
from segstudio.core.geometry import Rect
from segstudio.core.layer_builder import ClassPixels, FoundObject, LayerBuilder


def volumes_of(builder: LayerBuilder) -> list[tuple[int, bytes]]:
    """(class, voxels) of each object."""
    whole = Rect(0, 0, builder.width, builder.height)
    found = []
    for layer in builder.layers:
        voxels = np.stack([layer.read(whole, z) for z in range(builder.depth)])
        for segment in layer.segments.values():
            if segment.is_object:
                found.append((segment.class_id, (voxels == segment.id).tobytes()))
    return sorted(found)


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**32 - 1), st.booleans())
def test_objects_that_overlap_in_some_planes_only_are_whole(seed, by_plane):
    rng = np.random.default_rng(seed)
    shape = (3, 9, 11)
    masks = [(rng.random(shape) < 0.2) & (rng.random((3, 1, 1)) < 0.7) for _ in range(5)]
    pieces = [
        FoundObject(0, 0, mask[z], number % 2, z, key=number) for number, mask in enumerate(masks) for z in range(3)
    ]
    if by_plane:
        pieces.sort(key=lambda piece: piece.z)
    builder = LayerBuilder(11, 9, [5, 6], depth=3).add_all(pieces)
    assert volumes_of(builder) == sorted((5 + n % 2, mask.tobytes()) for n, mask in enumerate(masks) if mask.any())
    assert builder.counts.objects == {
        k: n for k in (0, 1) if (n := sum(bool(mask.any()) for number, mask in enumerate(masks) if number % 2 == k))
    }


def test_a_part_over_the_objects_own_pixels_moves_nothing():
    mask = np.ones((2, 2), bool)
    builder = LayerBuilder(4, 4, [1]).add_all(
        [FoundObject(0, 0, mask, 0, key="a"), FoundObject(1, 1, mask, 0, key="a")]
    )
    assert len(builder.layers) == 1 and len(builder.layers[0].segments) == 1
    assert builder.layers[0].segment_pixels() == {1: 7}


def test_what_an_object_leaves_behind_is_free_again():
    wide = np.ones((1, 4), bool)
    pieces = [
        ClassPixels(0, 1, np.array([[0, 0, 1, IGNORE]], np.uint16)),
        FoundObject(0, 0, wide, 0, key="moves"),
        FoundObject(0, 1, wide, 0, key="moves"),
        FoundObject(0, 0, wide, 0, key="stays"),
    ]
    builder = LayerBuilder(4, 2, [1]).add_all(pieces)
    assert [layer.segment_pixels() for layer in builder.layers] == [{1: 1, IGNORE: 1, 3: 4}, {1: 8}]


@pytest.mark.parametrize("by", [-1, 3])
def test_a_plane_that_is_not_there_is_counted(by):
    builder = LayerBuilder(4, 2, [1], depth=3).add_all([FoundObject(0, 0, np.ones((2, 2), bool), 0, z=by)])
    assert builder.counts.outside == 4 and not builder.layers
