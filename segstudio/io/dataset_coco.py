"""COCO instance files as datasets of index masks: background 0, the categories from 1 on, crowds ignored."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from segstudio.core.errors import UserError
from segstudio.core.polygons import rasterise
from segstudio.core.rle import decode
from segstudio.io.datasets import (
    IGNORE_8BIT,
    SPLIT_FOLDERS,
    DatasetClass,
    DatasetFolder,
    MaskArray,
    Sample,
    existing_folder,
)
from segstudio.io.readers.limits import check_size

_MAX_CLASSES = 254


@dataclass(frozen=True)
class CocoSample(Sample):
    """An image whose mask is drawn from annotations: (value, segmentation) in drawing order; 255 is ignored."""

    width: int = 0
    height: int = 0
    parts: tuple[tuple[int, Any], ...] = field(default=(), repr=False)

    def load_mask(self) -> MaskArray:
        """(y, x) uint8 values; smaller annotations lie over larger ones.

        Raises
        ------
        UserError
            When an annotation cannot be read, or the file gives the image another size than it has.
        """
        values = np.zeros((self.height, self.width), np.uint8)
        for value, segmentation in self.parts:
            values[draw(segmentation, self.height, self.width, self.mask, self.name)] = value
        self.check_size(values)
        return values

    def load_objects(self) -> np.ndarray[Any, np.dtype[np.int32]]:
        """(y, x) int32: the number of the annotation on each pixel, 0 = none or ignored."""
        ids = np.zeros((self.height, self.width), np.int32)
        for number, (value, segmentation) in enumerate(self.parts, start=1):
            inside = draw(segmentation, self.height, self.width, self.mask, self.name)
            ids[inside] = 0 if value == IGNORE_8BIT else number
        self.check_size(ids)
        return ids

    def open_windows(self) -> None:
        """There is no mask to read windows of."""
        return None


def draw(segmentation: Any, height: int, width: int, file: Path, name: str) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """(height, width) boolean mask of a COCO segmentation: polygons, plain or compressed run lengths."""
    try:
        if isinstance(segmentation, list):
            return rasterise(segmentation, height, width)
        if list(segmentation["size"]) != [height, width]:
            raise ValueError(f"its size is {segmentation['size']}")
        return decode(segmentation["counts"], height, width)
    except (ValueError, TypeError, KeyError, OverflowError) as error:
        raise UserError(
            f"An annotation of {name} cannot be read ({error})", path=file, remedy="mend the file"
        ) from error


def read_coco(spec: str, rest: str) -> DatasetFolder:
    """``coco:JSON,IMAGES``; the split is told by the JSON file's name (``instances_train.json``)."""
    parts = rest.rsplit(",", 1)
    if len(parts) != 2:
        raise UserError(f"--data {spec} needs a file and a folder", remedy="write coco:JSON,IMAGES")
    file, images = Path(parts[0]).expanduser(), existing_folder(parts[1])
    document = load_document(file)
    try:
        categories = sorted(document["categories"], key=lambda row: int(row["id"]))
        if len(categories) > _MAX_CLASSES:
            raise UserError(
                f"The file has {len(categories)} categories", path=file, remedy=f"at most {_MAX_CLASSES} can be used"
            )
        value_of = {int(row["id"]): value for value, row in enumerate(categories, start=1)}
        classes = [DatasetClass(0, "background")]
        classes += [
            DatasetClass(value_of[int(row["id"])], str(row["name"]), str(row.get("color", ""))) for row in categories
        ]
        by_image = _parts_by_image(document, value_of, file)
        split = next((s for name, s in SPLIT_FOLDERS.items() if file.stem.endswith(("_" + name, name + "2017"))), None)
        samples = [_sample(row, by_image, images, file, split) for row in document["images"]]
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise UserError(f"This is no COCO file ({error!r})", path=file, remedy="give an instances_….json") from error
    return DatasetFolder(spec, tuple(classes), tuple(samples))


def load_document(file: Path) -> dict[str, Any]:
    """The JSON object in a COCO file; UserError when there is none."""
    try:
        document = json.loads(file.read_text(encoding="utf-8-sig"), parse_constant=_refuse)
    except (OSError, ValueError, RecursionError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UserError(f"The annotations cannot be read ({reason})", path=file, remedy="check the file") from error
    if not isinstance(document, dict) or not all(isinstance(document.get(k), list) for k in ("images", "categories")):
        raise UserError("This is no COCO file", path=file, remedy="give an instances_….json")
    return document


def _refuse(name: str) -> float:
    raise ValueError(f"{name} is no number")


def _parts_by_image(document: dict[str, Any], value_of: dict[int, int], file: Path) -> dict[int, list[tuple[int, Any]]]:
    rows: dict[int, list[tuple[bool, float, int, Any]]] = {}
    for row in document.get("annotations", []):
        if "segmentation" not in row:
            continue
        is_crowd = bool(row.get("iscrowd", 0))
        value = IGNORE_8BIT if is_crowd else value_of[int(row["category_id"])]
        entry = (not is_crowd, -float(row.get("area", 0.0)), value, row["segmentation"])
        rows.setdefault(int(row["image_id"]), []).append(entry)
    parts = {}
    for image_id, entries in rows.items():
        entries.sort(key=lambda entry: entry[:2])
        parts[image_id] = [(value, segmentation) for _, _, value, segmentation in entries]
    for image in document["images"]:
        for ignored in image.get("ignored", []):
            parts.setdefault(int(image["id"]), []).append((IGNORE_8BIT, ignored))
    return parts


def _sample(
    row: dict[str, Any], by_image: dict[int, list[tuple[int, Any]]], images: Path, file: Path, split: str | None
) -> CocoSample:
    name = str(row["file_name"])
    path = image_path(images, name, file)
    width, height = int(row["width"]), int(row["height"])
    check_size(path, width, height)
    parts = tuple(by_image.get(int(row["id"]), ()))
    return CocoSample(name, path, file, split, width=width, height=height, parts=parts)


def image_path(folder: Path, name: str, file: Path) -> Path:
    """Where the image *name* lies; UserError when that would be outside *folder*."""
    parts = PurePosixPath(name.replace("\\", "/")).parts
    is_inside = (
        bool(parts) and ".." not in parts and not parts[0].startswith("/") and ":" not in name and "\0" not in name
    )
    if not is_inside:
        raise UserError(
            f"The file names the image {name!r}, outside its folder", path=file, remedy="mend the file name"
        )
    return folder.joinpath(*parts)
