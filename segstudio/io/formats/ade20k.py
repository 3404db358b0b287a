"""The ``ade20k`` format: the scene parsing challenge's folders, or the full dataset's ``_seg.png`` (option ``layout``)."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import numpy as np

from segstudio.core.classes import IGNORE, UNLABELLED
from segstudio.core.errors import UserError
from segstudio.core.polygons import outlines
from segstudio.io.formats.ade20k_labels import (
    IGNORE_FULL,
    INFO_FILE,
    LABELS_FILE,
    MOST_FULL,
    labels_text,
    numbers_of,
)
from segstudio.io.formats.id_planes import parts_of
from segstudio.io.formats.index_png import read_index_strips, write_index_png
from segstudio.io.formats.pixels import (
    IGNORE_8BIT,
    IGNORE_16BIT,
    class_strips,
    first_difference_of_strips,
    label_layers,
    make_folder,
    place_image,
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
    from segstudio.core.polygons import Loop
    from segstudio.io.formats.base import ExportItem

FOLDERS = {"train": "training", "val": "validation", "test": "testing"}
SCENE, INSTANCES, ALL_OBJECTS = "annotations", "annotations_instance", "annotations_objects"
MOST_OBJECTS = 255
"""Instances have 8 bits; an image with more gets a mask of all objects beside, of 16 bits."""
_TAKEN = re.compile(r".*_(seg|objects|parts_\d+)$")


class Ade20kExporter:
    """Writes ``images/`` and ``annotations/`` by split, ``annotations_instance/`` where there are objects, ``objectInfo150.txt``.

    With ``layout`` "full": ``images/ADE/<split>/`` with ``<stem>_seg.png`` and ``<stem>.json`` beside each image.
    ``labels.json`` tells names, colours and mask values exactly. Images that are in no split go to "training".
    """

    def __init__(self, folder: Path, classes: ClassTable, options: Mapping[str, Any]) -> None:
        layout = str(options.get("layout", "scene"))
        if layout not in ("scene", "full"):
            raise UserError(f"ADE20K has no layout “{layout}”", remedy="choose scene or full")
        self._folder, self._classes = folder, classes
        self._is_full = layout == "full"
        most = MOST_FULL if self._is_full else IGNORE_8BIT - 1 if len(classes) < IGNORE_8BIT else IGNORE_16BIT - 1
        self._numbers = numbers_of(classes, most)
        self._is_deep = not self._is_full and max(self._numbers.values(), default=0) >= IGNORE_8BIT
        self._lut = np.zeros(65536, np.uint16)
        self._lut[IGNORE] = IGNORE_FULL if self._is_full else IGNORE_16BIT if self._is_deep else IGNORE_8BIT
        for class_id, number in self._numbers.items():
            self._lut[class_id] = number
        self._lut[UNLABELLED] = 0
        self._crowded = 0
        self._pixels = np.zeros(65536, np.int64)
        self._images: dict[str, np.ndarray[Any, np.dtype[np.int64]]] = {}
        self._things: set[int] = set()
        make_folder(folder / "images")

    def _place(self, item: ExportItem, kind: str, end: str) -> Path:
        split = FOLDERS.get(item.split or "train", item.split or "train")
        if self._is_full:
            return self._folder / "images" / "ADE" / split / f"{item.stem}{end}"
        return self._folder / kind / split / f"{item.stem}.png"

    def _number_strips(
        self, item: ExportItem, layers: Sequence[LabelLayer], cancel: Cancel
    ) -> Iterator[npt.NDArray[np.uint16]]:
        for strip in class_strips(layers, item.width, item.height, cancel):
            yield self._lut[strip]

    def _object_strips(
        self, item: ExportItem, layers: Sequence[LabelLayer], cancel: Cancel
    ) -> Iterator[npt.NDArray[np.uint16]]:
        for strip in object_strips(item, layers, object_numbers(layers), True, cancel):
            yield np.where(strip == IGNORE_16BIT, 0, strip).astype(np.uint16)

    def _color_strips(
        self, item: ExportItem, layers: Sequence[LabelLayer], cancel: Cancel
    ) -> Iterator[npt.NDArray[np.uint8]]:
        """The full layout's red / 10 · 256 + green and the number in blue; the challenge's red class and green number."""
        for numbers, ids in zip(self._number_strips(item, layers, cancel), self._object_strips(item, layers, cancel)):
            objects = np.where(ids <= MOST_OBJECTS, ids, 0)
            if self._is_full:
                planes = [numbers // 256 * 10, numbers % 256, objects]
            else:
                planes = [np.where(objects, np.minimum(numbers, 255), 0), objects, np.zeros_like(objects)]
            yield np.stack(planes, axis=-1).astype(np.uint8)

    def write(self, item: ExportItem, cancel: Cancel) -> None:
        """Copy the image, write its labels."""
        self.enter(item, self.write_image(item, cancel))

    def write_image(self, item: ExportItem, cancel: Cancel) -> dict[str, Any]:
        """Copy the image, write its labels; pixels by class number, and the numbers that objects are of."""
        if self._is_full and _TAKEN.fullmatch(item.stem):
            raise UserError(
                "ADE20K would take the image for a mask, by its name", path=item.image_file, remedy="rename it"
            )
        image = self._place(item, "images", "")
        place_image(item, make_folder(image.parent))
        layers = label_layers(item)
        objects = object_numbers(layers)
        size = (item.width, item.height)
        if self._is_full:
            write_index_png(
                self._place(item, "", "_seg.png"), *size, self._color_strips(item, layers, cancel), is_rgb=True
            )
            write_text(self._place(item, "", ".json"), self._document(item, layers, cancel))
        else:
            self._write_scene(item, layers, bool(objects), cancel)
        is_crowded = len(objects) > MOST_OBJECTS or (bool(objects) and self._is_deep)
        if is_crowded:
            file = self._place(item, ALL_OBJECTS, "_objects.png")
            make_folder(file.parent)
            write_index_png(file, *size, self._object_strips(item, layers, cancel))
        counts = np.zeros(65536, np.int64)
        for strip in self._number_strips(item, layers, cancel):
            counts += np.bincount(strip.ravel(), minlength=65536)
        by_id = {layer.id: layer for layer in layers}
        things = {self._numbers.get(by_id[key].segments[number].class_id, 0) for key, number in objects}
        pixels = {str(number): int(counts[number]) for number in np.flatnonzero(counts).tolist()}
        return {"pixels": pixels, "things": sorted(things), "is_crowded": is_crowded}

    def _write_scene(self, item: ExportItem, layers: Sequence[LabelLayer], has_objects: bool, cancel: Cancel) -> None:
        file = self._place(item, SCENE, "")
        make_folder(file.parent)
        strips = self._number_strips(item, layers, cancel)
        write_index_png(file, item.width, item.height, strips, is_grey8=not self._is_deep)
        if has_objects:
            file = self._place(item, INSTANCES, "")
            make_folder(file.parent)
            write_index_png(file, item.width, item.height, self._color_strips(item, layers, cancel), is_rgb=True)

    def _document(self, item: ExportItem, layers: Sequence[LabelLayer], cancel: Cancel) -> str:
        """What the full dataset tells of each object; the polygon is the largest of its outlines."""
        names = {self._numbers[one.id]: one.name for one in self._classes}
        rows = []
        pairs = zip(self._number_strips(item, layers, cancel), self._object_strips(item, layers, cancel))
        both = np.vstack([np.where(ids, ids.astype(np.int64) << 16 | numbers, 0) for numbers, ids in pairs])
        for key, x, y, mask in parts_of(both):
            outline = max(outlines(mask, x, y)[0], key=_doubled)
            rows.append(_row((key >> 16) - 1, names.get(key & 0xFFFF, ""), key & 0xFFFF, outline))
        size = [item.height, item.width, 3]
        annotation = {"filename": item.stem, "folder": "ADE", "imsize": size, "scene": [], "object": rows}
        return json.dumps({"annotation": annotation}, separators=(",", ":"), ensure_ascii=False) + "\n"

    def enter(self, item: ExportItem, written: Any) -> None:
        """Add up what ``objectInfo150.txt`` tells."""
        split = item.split or "train"
        images = self._images.setdefault(split, np.zeros(65536, np.int64))
        for number, count in written["pixels"].items():
            self._pixels[int(number)] += count
            images[int(number)] += 1
        self._things.update(written["things"])
        self._crowded += bool(written["is_crowded"])

    def finish(self, splits: Sequence[str]) -> None:
        """Write the lists of classes, and folders of splits that got no image."""
        for split in splits:
            for kind in ("images/ADE",) if self._is_full else ("images", SCENE):
                make_folder(self._folder / kind / FOLDERS.get(split, split))
        write_text(self._folder / LABELS_FILE, labels_text(self._classes, self._numbers))
        if not self._is_full:
            write_text(self._folder / INFO_FILE, self._info())

    def _info(self) -> str:
        numbers = {self._numbers[item.id]: item.name for item in self._classes}
        total = max(1, int(sum(self._pixels[number] for number in numbers)))
        none = np.zeros(65536, np.int64)
        train, val = self._images.get("train", none), self._images.get("val", none)
        lines = ["Idx\tRatio\tTrain\tVal\tStuff\tName"]
        for number, name in sorted(numbers.items()):
            share, is_stuff = self._pixels[number] / total, int(number not in self._things)
            lines.append(f"{number}\t{share:.4f}\t{train[number]}\t{val[number]}\t{is_stuff}\t{name}")
        return "".join(f"{line}\n" for line in lines)

    def differs(self, item: ExportItem, cancel: Cancel) -> str:
        """Compare the masks with the layers."""
        layers = label_layers(item)
        size = (item.width, item.height)
        if not self._is_full:
            found = read_index_strips(self._place(item, SCENE, ""))
            return first_difference_of_strips(found, self._number_strips(item, layers, cancel), *size)
        from segstudio.io.formats.mask_files import look_at_mask

        parts = look_at_mask(self._place(item, "", "_seg.png")).colors(cancel)
        values = np.vstack([np.asarray((strip >> 16) // 10 * 256 + (strip >> 8 & 0xFF), np.uint16) for strip in parts])
        strips = np.vstack(list(self._number_strips(item, layers, cancel)))
        return first_difference_of_strips([values], [strips], *size)

    def notes(self) -> list[str]:
        """What other programs will not find."""
        notes = []
        if self._crowded:
            where = "1 image has" if self._crowded == 1 else f"{self._crowded} images have"
            notes.append(
                f"{where} more objects than ADE20K's 8 bits hold: all are in a mask beside, which segstudio reads."
            )
        if self._is_deep:
            notes.append("The annotations are 16-bit grey, since there are more than 254 classes.")
        return notes


def _doubled(loop: Loop) -> int:
    ends = loop[1:] + loop[:1]
    return abs(sum(x * other_y - other_x * y for (x, y), (other_x, other_y) in zip(loop, ends)))


def _row(index: int, name: str, number: int, outline: Loop) -> dict[str, Any]:
    return {
        "id": index,
        "name": name,
        "name_ndx": number,
        "raw_name": name,
        "attributes": "",
        "occluded": "no",
        "crop": "0",
        "parts": {"hasparts": [], "ispartof": [], "part_level": 0},
        "polygon": {"x": [x for x, _ in outline], "y": [y for _, y in outline]},
    }
