"""ADE20K (scene parsing) and Cityscapes folders as datasets."""

from __future__ import annotations

from typing import TYPE_CHECKING

from segstudio.core.errors import UserError
from segstudio.io.datasets import (
    IGNORE_8BIT,
    SPLIT_FOLDERS,
    DatasetClass,
    DatasetFolder,
    Sample,
    existing_folder,
    mask_pairs,
)

if TYPE_CHECKING:
    from pathlib import Path

_ADE_CLASSES = 150
_CITYSCAPES_FIRST_OBJECT = 1000
"""Ids of objects are 1000 · class + number; smaller ones are classes."""

# Ids and colours of the 19 classes that Cityscapes scores (cityscapesScripts, helpers/labels.py).
_CITYSCAPES = (
    (7, "road", "#804080"), (8, "sidewalk", "#f423e8"), (11, "building", "#464646"), (12, "wall", "#66669c"),
    (13, "fence", "#be9999"), (17, "pole", "#999999"), (19, "traffic light", "#faaa1e"),
    (20, "traffic sign", "#dcdc00"), (21, "vegetation", "#6b8e23"), (22, "terrain", "#98fb98"), (23, "sky", "#4682b4"),
    (24, "person", "#dc143c"), (25, "rider", "#ff0000"), (26, "car", "#00008e"), (27, "truck", "#000046"),
    (28, "bus", "#003c64"), (31, "train", "#005064"), (32, "motorcycle", "#0000e6"), (33, "bicycle", "#770b20"),
)  # fmt: skip


def read_ade20k(spec: str, rest: str) -> DatasetFolder:
    """``images/`` and ``annotations/`` with ``training`` and ``validation`` below; 0 is ignored, classes are 1 … 150.

    Names come from ``objectInfo150.txt`` where it is there.
    """
    root = existing_folder(rest)
    images, masks = root / "images", root / "annotations"
    if not images.is_dir() or not masks.is_dir():
        raise UserError("This is no ADE20K folder", path=root, remedy="it holds images and annotations")
    samples: list[Sample] = []
    for name, split in SPLIT_FOLDERS.items():
        if (images / name).is_dir() and (masks / name).is_dir():
            samples += mask_pairs(images / name, masks / name, split, frozenset({0, IGNORE_8BIT}))
    names = _ade_names(root / "objectInfo150.txt")
    classes = tuple(DatasetClass(value, names.get(value, f"class {value}")) for value in range(1, _ADE_CLASSES + 1))
    return DatasetFolder(spec, classes, tuple(samples))


def _ade_names(file: Path) -> dict[int, str]:
    if not file.is_file():
        return {}
    names: dict[int, str] = {}
    for line in file.read_text(encoding="utf-8", errors="replace").splitlines():
        cells = line.split("\t")
        if len(cells) >= 2 and cells[0].strip().isdecimal():
            names[int(cells[0])] = cells[-1].split(",")[0].strip()
    return names


def read_cityscapes(spec: str, rest: str) -> DatasetFolder:
    """``leftImg8bit/<split>/<city>`` with ``gtFine/<split>/<city>/…_labelIds.png`` (or ``…_labelTrainIds.png``)."""
    root = existing_folder(rest)
    images, masks = root / "leftImg8bit", root / "gtFine"
    if not images.is_dir() or not masks.is_dir():
        raise UserError("This is no Cityscapes folder", path=root, remedy="it holds leftImg8bit and gtFine")
    is_train_ids = next(masks.glob("*/*/*_labelIds.png"), None) is None
    kind = "labelTrainIds" if is_train_ids else "labelIds"
    values = range(len(_CITYSCAPES)) if is_train_ids else [row[0] for row in _CITYSCAPES]
    ignored = frozenset(range(256)) - frozenset(values)
    samples = []
    for split in ("train", "val", "test"):
        for image in sorted((images / split).glob("*/*_leftImg8bit.png")):
            stem = image.name.removesuffix("_leftImg8bit.png")
            mask = masks / split / image.parent.name / f"{stem}_gtFine_{kind}.png"
            if mask.is_file():
                ids = mask.with_name(f"{stem}_gtFine_instanceIds.png")
                objects = ids if ids.is_file() else None
                name = f"{split}/{image.name}"
                samples.append(Sample(name, image, mask, split, ignored, objects, _CITYSCAPES_FIRST_OBJECT))
    classes = tuple(DatasetClass(value, name, color) for value, (_, name, color) in zip(values, _CITYSCAPES))
    return DatasetFolder(spec, classes, tuple(samples))
