"""A part of the long sweep (tests/benchmarks/sweep_networks.py), in every run: light networks learn four crops and come back from their file."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from network_trial import as_batch, bands_of, crop_with_most_classes, trial


@pytest.fixture(scope="module")
def crops():
    """Four crops of photographs; the classes are steps of brightness, which each network can see."""
    from skimage import data

    found = []
    for picture in (data.coffee(), data.chelsea(), data.astronaut(), data.rocket()):
        grey = cv2.GaussianBlur(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), (0, 0), 4)
        steps = np.digitize(grey, np.quantile(grey, [0.2, 0.4, 0.6, 0.8])).astype(np.uint8)
        found.append(crop_with_most_classes(picture, steps, 65, 81))
    return found


@pytest.mark.parametrize(("bands", "classes"), [(1, 2), (8, 21)])
@pytest.mark.parametrize("name", ["unet", "enet", "bisenet", "deeplabv3plus"])
def test_a_network_halves_its_loss_on_four_crops_and_comes_back_bit_by_bit(crops, name, bands, classes):
    pairs = [(image, mask if classes > 2 else (mask > 1).astype(np.uint8)) for image, mask in crops]
    images, targets = as_batch(pairs, bands)
    row = trial(name, images, targets, classes, odd_sizes=((65, 97),))
    assert row.reason == "" and row.is_identical and row.ratio < 0.5


def test_derived_bands_are_eight_and_bounded(crops):
    found = bands_of(np.ascontiguousarray(crops[0][0]), 8)
    assert found.shape == (8, 65, 81) and found.dtype == np.float32
    assert float(found.min()) >= 0 and float(found.max()) <= 1.5
    assert len({float(band.mean()) for band in found}) == 8
