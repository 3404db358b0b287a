"""The ``coco-panoptic`` format: a segment map an image, ids in the colours of a PNG, and a list of the segments."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np

from segstudio.core.cancel import check
from segstudio.core.classes import IGNORE
from segstudio.core.errors import UserError
from segstudio.core.geometry import TILE, Rect
from segstudio.core.rle import encode_runs, runs_of_array
from segstudio.io.formats.coco import Grouping
from segstudio.io.formats.coco_check import ReadBack, Written
from segstudio.io.formats.coco_parts import Parts, dump
from segstudio.io.formats.index_png import write_index_png
from segstudio.io.formats.panoptic_map import SegmentBoxes, free_color_id
from segstudio.io.formats.pixels import label_layers, make_folder, place_image, write_classes
from segstudio.io.readers.limits import MAX_PIXELS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    import numpy.typing as npt

    from segstudio.core.cancel import Cancel
    from segstudio.core.classes import ClassTable
    from segstudio.core.layers import LabelLayer, Segment
    from segstudio.io.formats.base import ExportItem

_VOID, _IGNORED = 0, 1
"""In a :class:`Flat`: no segment; ignored. Segments are numbered from 2."""


class Flat:
    """The layers of an image as one map: of layers that overlap, the upper one counts. Stuff of a class is one segment."""

    def __init__(self, layers: Sequence[LabelLayer], classes: ClassTable) -> None:
        self._layers = layers
        self._luts: list[npt.NDArray[np.uint32]] = []
        self.members: list[tuple[Segment, dict[str, Any]]] = []
        stuff: dict[int, int] = {}
        for layer in layers:
            grouping = Grouping(layer, classes, with_stuff=True)
            numbers = np.zeros(65536, np.uint32)
            for group, segment in sorted(grouping.members.items()):
                if segment.is_object:
                    numbers[group] = self._new(segment, grouping.origin(group))
                    continue
                if segment.class_id not in stuff:
                    stuff[segment.class_id] = self._new(segment, grouping.origin(group))
                numbers[group] = stuff[segment.class_id]
            lut = numbers[grouping.lut]
            lut[IGNORE] = _IGNORED
            self._luts.append(lut)

    def _new(self, segment: Segment, origin: dict[str, Any]) -> int:
        self.members.append((segment, origin))
        return len(self.members) + 1

    def read(self, rect: Rect) -> npt.NDArray[np.uint32]:
        """(h, w) uint32: 0 none, 1 ignored, k + 2 the segment at place k of ``members``."""
        out = np.zeros((rect.height, rect.width), np.uint32)
        for layer, lut in zip(self._layers, self._luts, strict=True):
            part = lut[layer.read(rect)]
            np.copyto(out, part, where=part != _VOID)
        return out

    def strips(self, width: int, height: int, cancel: Cancel) -> Iterator[npt.NDArray[np.uint32]]:
        """All rows, a row of tiles at a time."""
        for y in range(0, height, TILE):
            check(cancel)
            yield self.read(Rect(0, y, width, min(TILE, height - y)))


class PanopticExporter:
    """Writes ``images/``, ``annotations/panoptic.json`` and ``annotations/panoptic/`` (``panoptic_<split>`` when split).

    A class is a thing when the dataset has objects of it; what is labelled as such a class without being an object is a crowd,
    as the format wants it. Ids are colours near the class's. Ignored pixels are void for other programs; ours finds them under
    ``ignored``.
    """

    def __init__(self, folder: Path, classes: ClassTable, _options: Mapping[str, Any]) -> None:
        self._folder = folder
        self._classes = classes
        self._category = {item.id: index for index, item in enumerate(classes, start=1)}
        self._things: set[int] = set()
        self._read_back: ReadBack | None = None
        make_folder(folder / "images")
        make_folder(folder / "annotations")
        self._parts = Parts(folder)

    def _file(self, split: str | None) -> Path:
        return self._folder / "annotations" / (f"panoptic_{split}.json" if split else "panoptic.json")

    def write(self, item: ExportItem, cancel: Cancel) -> None:
        """Copy the image, write its map, keep its list of segments in a part of their own."""
        self.enter(item, self.write_image(item, cancel))

    def write_image(self, item: ExportItem, cancel: Cancel) -> list[int]:
        """As :meth:`write` says; the ids of classes that the image has objects of."""
        if item.width * item.height > MAX_PIXELS:
            raise UserError(
                f"A map of {item.width} × {item.height} pixels is larger than programs read",
                path=item.image_file,
                remedy="cut the image into tiles, or choose another format",
            )
        image: dict[str, Any] = {
            "id": item.number,
            "file_name": place_image(item, self._folder / "images"),
            "width": item.width,
            "height": item.height,
        }
        if item.plane is not None:
            image["plane"] = item.plane
        flat = Flat(label_layers(item), self._classes)
        ids = self._ids(flat)
        colors = np.stack([ids & 255, ids >> 8 & 255, ids >> 16], axis=1).astype(np.uint8)
        boxes = SegmentBoxes(ids.size)

        def rows() -> Iterator[npt.NDArray[np.uint8]]:
            for y, strip in enumerate(flat.strips(item.width, item.height, cancel)):
                boxes.add(strip, y * TILE)
                yield colors[strip]

        map_file = make_folder(self._file(item.split).with_suffix("")) / f"{item.stem}.png"
        write_index_png(map_file, item.width, item.height, rows(), is_rgb=True)
        segments = [
            {
                "id": int(ids[number]),
                "category_id": self._category[segment.class_id],
                "area": boxes.area(number),
                "bbox": list(boxes.box(number)),
                "iscrowd": 0,
                "is_object": segment.is_object,
                **origin,
            }
            for number, (segment, origin) in enumerate(flat.members, start=2)
            if boxes.area(number)
        ]
        annotation: dict[str, Any] = {
            "image_id": item.number,
            "file_name": map_file.name,
            "segments_info": segments,
        }
        if boxes.area(_IGNORED):
            annotation["ignored"] = _ignored(flat, Rect(*boxes.box(_IGNORED)), item)
        self._parts.write(item.number, image, [annotation])
        return sorted({segment.class_id for segment, _ in flat.members if segment.is_object})

    def _ids(self, flat: Flat) -> npt.NDArray[np.int64]:
        """The id of each number of *flat*; void and ignored have 0."""
        taken = {0}
        colors = {item.id: item.rgb for item in self._classes}
        counts: dict[int, int] = {}
        ids = [0, 0]
        for segment, _ in flat.members:
            count = counts[segment.class_id] = counts.get(segment.class_id, -1) + 1
            ids.append(free_color_id(colors[segment.class_id], count, taken))
        return np.asarray(ids, np.int64)

    def enter(self, item: ExportItem, written: Any) -> None:
        """The image's part belongs to the dataset."""
        self._things.update(int(class_id) for class_id in written)
        self._parts.enter(item.number, item.split)

    def finish(self, splits: Sequence[str]) -> None:
        """Join the parts into the annotation files."""
        head = {
            "info": {"description": "Exported by segstudio", "version": "1.0"},
            "licenses": [],
            "categories": [
                {
                    "id": self._category[item.id],
                    "name": item.name,
                    "supercategory": "",
                    "isthing": int(item.id in self._things),
                    "color": list(item.rgb),
                    "mask_value": item.mask_value,
                }
                for item in self._classes
            ],
        }
        for split in list(dict.fromkeys([*splits, *self._parts.splits])) or [None]:
            make_folder(self._file(split).with_suffix(""))
            self._parts.join(self._file(split), split, head, first_id=None, change=self._with_crowds)
        self._parts.remove()
        write_classes(self._folder / "classes.json", self._classes)

    def _with_crowds(self, line: str) -> str:
        """Areas of things are crowds; which classes are things is known when all images are written."""
        things = {self._category[class_id] for class_id in self._things}
        row = json.loads(line)
        crowds = [s for s in row["segments_info"] if not s["is_object"] and s["category_id"] in things]
        for segment in crowds:
            segment["iscrowd"] = 1
        return dump(row) if crowds else line

    def differs(self, item: ExportItem, cancel: Cancel) -> str:
        """Read the map back by the importer and compare it with the layers, pixel for pixel."""
        if self._read_back is None:
            self._read_back = ReadBack("coco-panoptic", self._file)
        flat = Flat(label_layers(item), self._classes)
        counts = np.zeros(len(flat.members) + 2, np.int64)
        for strip in flat.strips(item.width, item.height, cancel):
            counts += np.bincount(strip.ravel(), minlength=counts.size)
        names = {one.id: one.name for one in self._classes}
        groups = {
            number: (names[segment.class_id], segment.is_object, int(counts[number]))
            for number, (segment, _) in enumerate(flat.members, start=2)
            if counts[number]
        }
        written = Written(flat.read, groups, int(counts[_IGNORED]), _IGNORED)
        return self._read_back.differs(item, [written], cancel)

    def notes(self) -> list[str]:
        """Nothing to say: what it cannot hold is told before."""
        return []


def _ignored(flat: Flat, box: Rect, item: ExportItem) -> list[dict[str, Any]]:
    runs = runs_of_array((flat.read(box) == _IGNORED).astype(np.uint8), box.x, box.y, item.height)
    return [encode_runs(runs, item.height, item.width)[1].to_json()]
