"""COCO files for tests: one image, the annotations that a test gives, and what the importer makes of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from segstudio.core.cancel import NEVER
from segstudio.io.formats.reading import opened

CATEGORIES = [{"id": 3, "name": "cell"}, {"id": 90, "name": "路面", "isthing": 0}]
SQUARE = [2, 2, 6, 2, 6, 5, 2, 5]


def dataset(folder: Path, annotations: list[Any], *, images: Any = None, categories: Any = None, **more: Any) -> Path:
    """A dataset of one image a.png (12 × 10) unless others are given; the JSON file."""
    (folder / "images").mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.zeros((10, 12, 3), np.uint8)).save(folder / "images" / "a.png")
    document = {
        "images": [{"id": 1, "file_name": "a.png", "width": 12, "height": 10}] if images is None else images,
        "annotations": [
            {"id": n, "image_id": 1, "category_id": 3, "iscrowd": 0, **row} for n, row in enumerate(annotations, 1)
        ],
        "categories": CATEGORIES if categories is None else categories,
        **more,
    }
    path = folder / "annotations" / "instances.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(document, ensure_ascii=False), encoding="utf-8")
    return path


def objects(path: Path, options: dict[str, Any] | None = None) -> tuple[list[np.ndarray], list[str]]:
    """(masks of all objects of the first image, in the order of the file; sentences of the problems)."""
    with opened(path, "coco", options) as importer:
        found = next(iter(importer.images()))
        masks = []
        for piece in found.open_labels(NEVER):
            full = np.zeros((found.height, found.width), bool)
            full[piece.y : piece.y + piece.mask.shape[0], piece.x : piece.x + piece.mask.shape[1]] = piece.mask
            masks.append(full)
        return masks, [problem.sentence for problem in importer.problems]


def square() -> np.ndarray:
    mask = np.zeros((10, 12), bool)
    mask[2:5, 2:6] = True
    return mask
