"""Projects for the store's tests, without image files."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from segstudio.core.brush import stroke_mask
from segstudio.core.edits import Transaction
from segstudio.io.store.image_rows import insert_image

if TYPE_CHECKING:
    from segstudio.core.edits import Edit
    from segstudio.core.layers import LabelLayer
    from segstudio.io.store.project import ProjectStore


def blank_image(store: ProjectStore, name: str = "a.png", width: int = 600, height: int = 500, depth: int = 1) -> int:
    """An image's row; there is no file."""
    values = {
        "path": name,
        "path_hint": "",
        "name": name,
        "width": width,
        "height": height,
        "depth": depth,
        "bands": 3,
        "dtype": "uint8",
        "status": "unlabelled",
        "split": None,
        "sha256": "",
        "added_s": 1.0,
    }
    return insert_image(store._database, values)


def stroke(layer: LabelLayer, class_id: int, x: float, y: float, size_px: float = 40, z: int = 0) -> Edit:
    """A painted dab, applied but not committed to a store."""
    transaction = Transaction(layer, "Brush")
    segment_id = transaction.ensure_stuff(class_id)
    mask, rect = stroke_mask([(x, y), (x + 30, y + 10)], size_px)
    transaction.paint(mask, rect.x, rect.y, segment_id, z)
    edit = transaction.commit()
    assert edit is not None
    return edit


def pixels(layer: LabelLayer, z: int = 0) -> np.ndarray:
    """All class ids of a plane."""
    return layer.read_classes(layer.bounds, z)
