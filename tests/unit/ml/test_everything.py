"""The grid of clicks: where it asks, what counts as found, and what of it stays."""

from __future__ import annotations

import numpy as np
import pytest

from segstudio.core.cancel import CancelToken
from segstudio.core.errors import Cancelled
from segstudio.core.geometry import Rect
from segstudio.ml.interactive.everything import (
    FoundObject,
    as_index,
    distinct,
    everything,
    found_object,
    grid_points,
    stability_of,
)


def test_the_grid_covers_the_picture_evenly_and_coarse_points_come_first():
    points = grid_points(100, 200, 16)
    assert points.shape == (128, 2) and len({tuple(p) for p in points.tolist()}) == 128
    np.testing.assert_allclose(sorted(set(points[:, 0].tolist())), (np.arange(16) + 0.5) * 12.5)
    first = points[:8]
    gaps = [np.hypot(*(a - b)) for i, a in enumerate(first) for b in first[:i]]
    assert min(gaps) >= 25  # two cells: not the neighbours in a row
    assert grid_points(5, 5, 1).tolist() == [[2.5, 2.5]]


def test_stability_is_the_iou_of_the_strict_and_the_generous_mask():
    soft = np.zeros((20, 20), np.float32)
    soft[5:15, 5:15] = 0.6
    soft[8:12, 8:12] = 0.95
    assert stability_of(soft) == pytest.approx(16 / 100)
    assert found_object(soft, 0.9) is None  # moving the threshold changes it
    sharp = np.where(soft > 0.5, 0.99, 0.01).astype(np.float32)
    found = found_object(sharp, 0.9)
    assert found is not None and found.rect == Rect(5, 5, 10, 10) and found.stability == 1
    assert found_object(sharp, 0.3) is None  # the model is not sure
    assert found_object(np.full((20, 20), 0.99, np.float32), 0.9) is None  # the ground
    assert found_object(np.zeros((20, 20), np.float32), 0.9) is None


def square(x, y, side, score):
    return FoundObject(np.ones((side, side), bool), Rect(x, y, side, side), score, 1.0)


def test_of_objects_that_cover_the_same_the_best_stays_and_none_overlap():
    best, again, beside, within = (
        square(0, 0, 20, 0.9),
        square(1, 1, 20, 0.8),
        square(15, 0, 20, 0.7),
        square(5, 5, 5, 0.6),
    )
    kept = distinct([again, within, beside, best])
    assert [one.rect for one in kept] == [Rect(0, 0, 20, 20), Rect(20, 0, 15, 20)]
    index = as_index(kept, (40, 40))
    assert np.count_nonzero(index == 1) == 400 and np.count_nonzero(index == 2) == 300
    sure_part = square(5, 5, 8, 0.95)  # worth more than what it lies in
    kept = distinct([best, sure_part])
    assert kept[0] is sure_part or kept[0].rect == sure_part.rect
    assert sum(one.area_px for one in kept) == 400 and not (kept[0].mask.sum() == 400)


class Discs:
    """Finds the disc under a point, else nothing; counts what it is asked."""

    def __init__(self, shape, discs):
        rows, columns = np.mgrid[: shape[0], : shape[1]]
        self.masks = [np.hypot(columns + 0.5 - x, rows + 0.5 - y) <= r for x, y, r in discs]
        self.shape, self.asked = shape, 0

    def answers_to_points(self, key, image, points_xy, say=None):
        for x, y in points_xy:
            self.asked += 1
            hit = next((m for m in self.masks if m[int(y), int(x)]), np.zeros(self.shape, bool))
            probability = np.where(hit, 0.98, 0.02).astype(np.float32)
            yield np.stack([probability, np.ones(self.shape, np.float32)]), np.array([0.9, 0.99], np.float32)


def test_all_objects_are_found_and_what_is_found_is_not_asked_again():
    discs = [(50, 50, 30), (150, 60, 25), (110, 130, 20)]
    model = Discs((180, 220), discs)
    image, told = np.zeros((180, 220, 3), np.uint8), []
    found = everything(model, "k", image, per_side=16, progress=lambda done, total, what: told.append((done, total)))
    assert len(found) == 3 and {one.area_px for one in found} == {int(mask.sum()) for mask in model.masks}
    assert model.asked < 16 * 13 and told[-1] == (16 * 13, 16 * 13)
    token = CancelToken()
    token.set()
    with pytest.raises(Cancelled):
        everything(model, "k", image, cancel=token)
