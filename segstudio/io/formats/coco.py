"""The ``coco`` format: objects, and the stuff of each class, as run lengths or as polygons that lose no pixel."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from segstudio.core.cancel import check
from segstudio.core.classes import IGNORE, UNLABELLED
from segstudio.core.geometry import Rect
from segstudio.core.polygons import outlines, rasterise, to_coco
from segstudio.core.rle import Rle, encode_runs, runs_of_layer
from segstudio.io.formats.coco_check import ReadBack, Written
from segstudio.io.formats.coco_parts import Parts
from segstudio.io.formats.pixels import label_layers, make_folder, place_image, write_classes

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import numpy.typing as npt

    from segstudio.core.cancel import Cancel
    from segstudio.core.classes import ClassTable
    from segstudio.core.layers import LabelLayer, Segment
    from segstudio.io.formats.base import ExportItem


class Grouping:
    """Which pixels of a layer become one annotation: an object each, and the stuff of a class together."""

    def __init__(self, layer: LabelLayer, classes: ClassTable, with_stuff: bool) -> None:
        self.lut = np.zeros(65536, np.uint16)
        self.members: dict[int, Segment] = {}
        self._layer = layer
        self._merged: dict[int, list[Segment]] = {}
        self._present: dict[int, int] | None = None
        stuff: dict[int, int] = {}
        for segment in sorted(layer.segments.values(), key=lambda segment: segment.id):
            if segment.class_id == UNLABELLED or classes.by_id(segment.class_id) is None:
                continue
            if not segment.is_object:
                if not with_stuff:
                    continue
                group = stuff.setdefault(segment.class_id, segment.id)
            else:
                group = segment.id
            self.lut[segment.id] = group
            self.members.setdefault(group, segment)
            self._merged.setdefault(group, []).append(segment)

    def origin(self, group: int) -> dict[str, Any]:
        """Who made what the group holds, for the file.

        "source": "hand", "accepted" (from a proposal), "model", "import", or "mixed" for stuff of several; "models": who found it.
        """
        segments = self._merged[group]
        if len(segments) > 1:
            self._present = self._layer.segment_pixels() if self._present is None else self._present
            segments = [segment for segment in segments if segment.id in self._present] or segments[:1]
        sources = {segment.source for segment in segments}
        return {
            "source": sources.pop() if len(sources) == 1 else "mixed",
            "models": sorted({segment.model_id for segment in segments if segment.model_id}),
            "is_reviewed": all(segment.is_hand_work for segment in segments),
            **({"score": segments[0].confidence} if self._is_sure(segments) else {}),
        }

    def written(self, classes: ClassTable) -> Written:
        """What is to be found in the file, for the check."""
        present = self._layer.segment_pixels()
        names = {item.id: item.name for item in classes}
        lut = with_ignore(self.lut)
        groups = {}
        for group, segment in sorted(self.members.items()):
            pixels = sum(present.get(one.id, 0) for one in self._merged[group])
            if pixels:
                groups[group] = (names[segment.class_id], segment.is_object, pixels)
        return Written(lambda rect: lut[self._layer.read(rect)], groups, present.get(IGNORE, 0))

    @staticmethod
    def _is_sure(segments: list[Segment]) -> bool:
        return len(segments) == 1 and segments[0].confidence is not None


class CocoExporter:
    """Writes ``images/`` and ``annotations/instances.json`` (``instances_<split>.json`` when split).

    Options: ``polygons`` (False) writes polygons where they are exact (no holes), ``stuff`` (True) writes what is
    labelled without being an object, too: one annotation a class with ``"is_object": false``. Each labelled plane of a
    volume is an image of its own, ``images/<stem>_z0012.png``, whose ``plane`` is its number, from 0. Each annotation says who
    made it: see :meth:`Grouping.origin`.
    """

    def __init__(self, folder: Path, classes: ClassTable, options: Mapping[str, Any]) -> None:
        self._folder = folder
        self._classes = classes
        self._with_polygons = bool(options.get("polygons", False))
        self._with_stuff = bool(options.get("stuff", True))
        self._category = {item.id: index for index, item in enumerate(classes, start=1)}
        self._with_holes = 0
        self._read_back: ReadBack | None = None
        make_folder(folder / "images")
        make_folder(folder / "annotations")
        self._parts = Parts(folder)

    def write(self, item: ExportItem, cancel: Cancel) -> None:
        """Copy the image, keep its annotations in a part of their own."""
        self.enter(item, self.write_image(item, cancel))

    def write_image(self, item: ExportItem, cancel: Cancel) -> int:
        """As :meth:`write` says; how many masks polygons could not hold."""
        image: dict[str, Any] = {
            "id": item.number,
            "file_name": place_image(item, self._folder / "images"),
            "width": item.width,
            "height": item.height,
        }
        if item.plane is not None:
            image["plane"] = item.plane
        ignored: list[dict[str, Any]] = []
        annotations: list[dict[str, Any]] = []
        for layer in label_layers(item):
            check(cancel)
            grouping = Grouping(layer, self._classes, self._with_stuff)
            masks = encode_runs(runs_of_layer(layer, with_ignore(grouping.lut)), layer.height, layer.width)
            if IGNORE in masks:
                ignored.append(masks.pop(IGNORE).to_json())
            for group, mask in masks.items():
                check(cancel)
                annotations.append(self._annotation(item, layer, grouping, group, mask))
        if ignored:
            image["ignored"] = ignored
        self._parts.write(item.number, image, annotations)
        if not self._with_polygons:
            return 0
        return sum(isinstance(annotation["segmentation"], dict) for annotation in annotations)

    def enter(self, item: ExportItem, written: Any) -> None:
        """The image's part belongs to the dataset."""
        self._with_holes += int(written)
        self._parts.enter(item.number, item.split)

    def _annotation(
        self, item: ExportItem, layer: LabelLayer, grouping: Grouping, group: int, mask: Rle
    ) -> dict[str, Any]:
        segment = grouping.members[group]
        return {
            "image_id": item.number,
            "category_id": self._category[segment.class_id],
            "segmentation": self._segmentation(layer, grouping, group, mask),
            "area": mask.area,
            "bbox": list(mask.box),
            "iscrowd": 0,
            "is_object": segment.is_object,
            **grouping.origin(group),
        }

    def _segmentation(self, layer: LabelLayer, grouping: Grouping, group: int, mask: Rle) -> Any:
        if self._with_polygons:
            rect = Rect(*mask.box)
            pixels = grouping.lut[layer.read(rect)] == group
            outer, holes = outlines(pixels)
            polygons = to_coco(outer)
            if not holes and np.array_equal(rasterise(polygons, rect.height, rect.width), pixels):
                return to_coco([[(x + rect.x, y + rect.y) for x, y in loop] for loop in outer])
        return mask.to_json()

    def _file(self, split: str | None) -> Path:
        return self._folder / "annotations" / (f"instances_{split}.json" if split else "instances.json")

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
                    "color": item.color,
                    "mask_value": item.mask_value,
                }
                for item in self._classes
            ],
        }
        next_id = 1
        for split in list(dict.fromkeys([*splits, *self._parts.splits])) or [None]:
            next_id = self._parts.join(self._file(split), split, head, first_id=next_id)
        self._parts.remove()
        write_classes(self._folder / "classes.json", self._classes)

    def differs(self, item: ExportItem, cancel: Cancel) -> str:
        """Read the image's annotations back by the importer and compare them with the layers, pixel for pixel."""
        if self._read_back is None:
            self._read_back = ReadBack("coco", self._file)
        expected = []
        for layer in label_layers(item):
            check(cancel)
            expected.append(Grouping(layer, self._classes, self._with_stuff).written(self._classes))
        return self._read_back.differs(item, expected, cancel)

    def notes(self) -> list[str]:
        """Say how many masks polygons could not hold."""
        if not self._with_holes:
            return []
        return [f"Polygons cannot hold holes: {self._with_holes} masks were written as run lengths."]


def with_ignore(lut: npt.NDArray[np.uint16]) -> npt.NDArray[np.uint16]:
    """A table of groups that lets ignored pixels through."""
    result = lut.copy()
    result[IGNORE] = IGNORE
    return result
