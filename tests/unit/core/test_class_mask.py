"""Where a layer has a class, tile by tile, against the ids read whole."""

from __future__ import annotations

import numpy as np
import pytest

from segstudio.core.edits import Transaction
from segstudio.core.geometry import Rect
from segstudio.core.layers import LabelLayer
from segstudio.core.regions import class_mask


@pytest.mark.parametrize("class_id", [0, 1, 2, 5])
def test_it_agrees_with_the_ids(class_id):
    layer = LabelLayer(1, 1, "labels", "labels", 700, 600)
    transaction = Transaction(layer, "Brush")
    first, second = transaction.ensure_stuff(1), transaction.ensure_stuff(2)
    transaction.paint(np.ones((300, 600), bool), 0, 0, first)  # whole tiles of one value among them
    transaction.paint(np.random.default_rng(0).random((200, 200)) > 0.5, 200, 200, second)
    transaction.commit()
    for rect in (layer.bounds, Rect(100, 90, 333, 410), Rect(256, 0, 256, 256), Rect(690, 590, 10, 10)):
        assert np.array_equal(class_mask(layer, rect, class_id), layer.read_classes(rect) == class_id)
