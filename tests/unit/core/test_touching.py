"""Objects of a mask: pieces, and touching ones cut apart."""

from __future__ import annotations

import numpy as np

from segstudio.core.touching import objects_of_mask


def disks(*places, shape=(60, 120)):
    y, x = np.mgrid[: shape[0], : shape[1]]
    mask = np.zeros(shape, bool)
    for cy, cx, r in places:
        mask |= (y - cy) ** 2 + (x - cx) ** 2 <= r * r
    return mask


def test_touching_disks_are_two_objects_only_when_split():
    mask = disks((30, 25, 14), (30, 49, 14), (30, 95, 12))
    whole, split = objects_of_mask(mask), objects_of_mask(mask, 2.0)
    assert whole.max() == 2 and split.max() == 3
    for ids in (whole, split):
        assert np.array_equal(ids > 0, mask) and set(np.unique(ids)) == set(range(ids.max() + 1))
    assert len({split[30, 25], split[30, 49], split[30, 95]}) == 3
    sizes = np.bincount(split.ravel())[1:]
    assert sizes.min() > 400


def test_a_piece_within_the_box_of_another_keeps_its_own():
    ring = disks((30, 60, 25)) & ~disks((30, 60, 20))
    ids = objects_of_mask(ring | disks((30, 60, 10)))
    assert ids.max() == 2 and ids[30, 60] != ids[30, 37] and ids[30, 60] > 0


def test_small_ones_are_left_out_and_nothing_is_nothing():
    mask = disks((30, 25, 14), (10, 100, 1))
    assert objects_of_mask(mask).max() == 2
    ids = objects_of_mask(mask, least_px=20)
    assert ids.max() == 1 and ids[10, 100] == 0 and ids[30, 25] == 1
    assert not objects_of_mask(np.zeros((5, 5), bool), 3.0).any()
