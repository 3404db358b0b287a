"""The ``cityscapes`` format: leftImg8bit and gtFine with labelIds, instanceIds and polygons, by split and city."""

from __future__ import annotations

import re
import shutil
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from segstudio.core.classes import IGNORE
from segstudio.core.display import auto_settings, to_rgb8
from segstudio.io.atomic import disk_error
from segstudio.io.formats.cityscapes_labels import (
    FIRST_INSTANCE,
    HIGHEST_WITH_OBJECTS,
    LABELS_FILE,
    MOST_OBJECTS,
    OUT_OF_ROI,
    UNLABELED,
    labels_of,
    labels_text,
)
from segstudio.io.formats.cityscapes_polygons import MOST_PIXELS, polygons_text
from segstudio.io.formats.index_png import read_index_strips, write_index_png
from segstudio.io.formats.pixels import (
    class_strips,
    first_difference_of_strips,
    label_layers,
    make_folder,
    read_pixels,
    write_text,
)
from segstudio.io.formats.voc import object_numbers, object_strips

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    import numpy.typing as npt

    from segstudio.core.cancel import Cancel
    from segstudio.core.classes import ClassTable
    from segstudio.core.layers import LabelLayer
    from segstudio.io.formats.base import ExportItem

_FRAME = re.compile(r"([^_]+)_\d{6}_\d{6}")
OBJECT_IDS = "objectIds"
"""Our own mask of numbers of objects, where instanceIds cannot hold them all."""


def city_of(stem: str) -> str:
    """The folder of an image: its city where it is named so, else "images"."""
    match = _FRAME.match(stem)
    return match[1] if match else "images"


class CityscapesExporter:
    """Writes images as PNG, and of each image labelIds, instanceIds and polygons; ``labels.json`` tells which id is which class.

    instanceIds hold 1000 objects of a class, and those of classes up to the id 64; where that is not enough a mask of all
    objects, ``…_objectIds.png``, lies beside, which segstudio reads. Images that are in no split go to "train".
    """

    def __init__(self, folder: Path, classes: ClassTable, options: Mapping[str, Any]) -> None:
        self._folder = folder
        self._labels = labels_of(classes)
        self._lut = np.full(65536, UNLABELED, np.uint16)
        self._lut[IGNORE] = OUT_OF_ROI
        for class_id, label in self._labels.items():
            self._lut[class_id] = label.id
        self._crowded = self._recoded = self._large = 0
        for name in ("leftImg8bit", "gtFine"):
            make_folder(folder / name)

    def _files(self, item: ExportItem) -> tuple[Path, Path]:
        """(image, how the label files' names begin)."""
        place = f"{item.split or 'train'}/{city_of(item.stem)}/{item.stem}"
        return self._folder / "leftImg8bit" / f"{place}_leftImg8bit.png", self._folder / "gtFine" / f"{place}_gtFine_"

    def write(self, item: ExportItem, cancel: Cancel) -> None:
        """Write the image and its labels."""
        self.enter(item, self.write_image(item, cancel))

    def write_image(self, item: ExportItem, cancel: Cancel) -> list[bool]:
        """Write the image and its labels: whether it had to be recoded, and what could not be written of the labels."""
        image, labels = self._files(item)
        make_folder(image.parent)
        make_folder(labels.parent)
        is_recoded = _write_picture(item, image)
        layers = label_layers(item)
        size = (item.width, item.height)
        write_index_png(_end(labels, "labelIds.png"), *size, self._label_strips(item, layers, cancel), is_grey8=True)
        numbers, is_crowded = self._numbers(layers)
        write_index_png(_end(labels, "instanceIds.png"), *size, self._instance_strips(item, layers, numbers, cancel))
        if is_crowded:
            objects = object_numbers(layers)
            write_index_png(
                _end(labels, f"{OBJECT_IDS}.png"), *size, object_strips(item, layers, objects, True, cancel)
            )
        is_large = item.width * item.height > MOST_PIXELS
        if not is_large:
            names = {class_id: label for class_id, label in self._labels.items()}
            write_text(_end(labels, "polygons.json"), polygons_text(item, layers, names, cancel))
        return [is_recoded, is_crowded, is_large]

    def enter(self, item: ExportItem, written: Any) -> None:
        """Count what is told in the end."""
        is_recoded, is_crowded, is_large = written
        self._recoded += is_recoded
        self._crowded += is_crowded
        self._large += is_large

    def _numbers(self, layers: Sequence[LabelLayer]) -> tuple[dict[tuple[int, int], int], bool]:
        """((layer id, segment id) → instance id, whether some object got none)."""
        counts: dict[int, int] = {}
        found: dict[tuple[int, int], int] = {}
        objects = object_numbers(layers)
        by_id = {layer.id: layer for layer in layers}
        for layer_id, segment_id in objects:
            label = self._labels.get(by_id[layer_id].segments[segment_id].class_id)
            number = counts.get(label.id, 0) if label is not None else MOST_OBJECTS
            if label is None or label.id > HIGHEST_WITH_OBJECTS or number >= MOST_OBJECTS:
                continue
            counts[label.id] = number + 1
            found[layer_id, segment_id] = label.id * FIRST_INSTANCE + number
        return found, len(found) < len(objects)

    def _label_strips(
        self, item: ExportItem, layers: Sequence[LabelLayer], cancel: Cancel
    ) -> Iterator[npt.NDArray[Any]]:
        for strip in class_strips(layers, item.width, item.height, cancel):
            yield self._lut[strip].astype(np.uint8)

    def _instance_strips(
        self, item: ExportItem, layers: Sequence[LabelLayer], numbers: Mapping[tuple[int, int], int], cancel: Cancel
    ) -> Iterator[npt.NDArray[Any]]:
        """The object's number where there is one, else the label id."""
        objects = object_numbers(layers)
        lut = np.zeros(65536, np.uint16)
        for key, number in objects.items():
            lut[number] = numbers.get(key, 0)
        for labels, ids in zip(
            self._label_strips(item, layers, cancel), object_strips(item, layers, objects, True, cancel)
        ):
            found = lut[ids]
            yield np.where(found, found, labels).astype(np.uint16)

    def finish(self, splits: Sequence[str]) -> None:
        """Write the list of labels, and folders of splits that got no image."""
        for split in splits or ("train",):
            make_folder(self._folder / "leftImg8bit" / split)
            make_folder(self._folder / "gtFine" / split)
        write_text(self._folder / LABELS_FILE, labels_text(self._labels.values()))

    def differs(self, item: ExportItem, cancel: Cancel) -> str:
        """Compare both masks with the layers."""
        _, labels = self._files(item)
        layers = label_layers(item)
        for name, strips in (
            ("labelIds.png", self._label_strips(item, layers, cancel)),
            ("instanceIds.png", self._instance_strips(item, layers, self._numbers(layers)[0], cancel)),
        ):
            found = read_index_strips(_end(labels, name))
            difference = first_difference_of_strips(found, strips, item.width, item.height)
            if difference:
                return f"{name}: {difference}"
        return ""

    def notes(self) -> list[str]:
        """What other programs will not find."""
        notes = []
        if self._crowded:
            notes.append(
                f"In {_images(self._crowded)} instanceIds cannot hold all objects: they are in objectIds, which segstudio reads."
            )
        if self._large:
            notes.append(f"Of {_images(self._large)} no polygons were written: too large.")
        if self._recoded:
            notes.append(f"Cityscapes holds PNG of 8 bits a colour: {_images(self._recoded)} brightened to that.")
        return notes


def _images(count: int) -> str:
    return "1 image" if count == 1 else f"{count} images"


def _end(begin: Path, name: str) -> Path:
    return begin.with_name(begin.name + name)


def _write_picture(item: ExportItem, target: Path) -> bool:
    """Write the image as an 8-bit RGB PNG; whether its values had to change."""
    from segstudio.io.readers.registry import probe

    info = probe(item.image_file)
    try:
        is_plain = info.metadata.get("format") == "PNG" and info.dtype == "uint8" and info.bands == 3
        if item.plane is None and is_plain and "orientation" not in info.metadata:
            shutil.copyfile(item.image_file, target)
            return False
        values = np.moveaxis(read_pixels(item), -1, 0)
        if values.dtype == np.uint8 and len(values) in (1, 3) and info.is_rgb == (len(values) == 3):
            rgb = np.ascontiguousarray(np.moveaxis(values if len(values) == 3 else values.repeat(3, 0), 0, -1))
            Image.fromarray(rgb).save(target, "PNG", compress_level=1)
            return False
        Image.fromarray(to_rgb8(values, auto_settings(values))).save(target, "PNG", compress_level=1)
        return True
    except OSError as error:
        raise disk_error(error, target) from error
