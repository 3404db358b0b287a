"""The ``coco`` format: objects, and the stuff of each class, as run lengths or as polygons that lose no pixel."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np

from segstudio.core.cancel import check
from segstudio.core.classes import IGNORE, UNLABELLED
from segstudio.core.errors import UserError
from segstudio.core.geometry import Rect
from segstudio.core.polygons import outlines, rasterise, to_coco
from segstudio.core.rle import Rle, Runs, decode_runs, encode_runs, runs_of_layer
from segstudio.io.atomic import disk_error
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
        }


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
        self._images: dict[str | None, list[dict[str, Any]]] = {}
        self._annotations: dict[str | None, list[dict[str, Any]]] = {}
        self._next_id = 1
        self._read_back: dict[int, list[dict[str, Any]]] | None = None
        self._with_holes = 0
        make_folder(folder / "images")
        make_folder(folder / "annotations")

    def write(self, item: ExportItem, cancel: Cancel) -> None:
        """Copy the image, collect its annotations."""
        file_name = place_image(item, self._folder / "images")
        image: dict[str, Any] = {
            "id": item.number,
            "file_name": file_name,
            "width": item.width,
            "height": item.height,
        }
        if item.plane is not None:
            image["plane"] = item.plane
        annotations = self._annotations.setdefault(item.split, [])
        for layer in label_layers(item):
            check(cancel)
            grouping = Grouping(layer, self._classes, self._with_stuff)
            masks = encode_runs(runs_of_layer(layer, _with_ignore(grouping.lut)), layer.height, layer.width)
            ignored = masks.pop(IGNORE, None)
            if ignored is not None:
                image.setdefault("ignored", []).append(ignored.to_json())
            for group, mask in masks.items():
                check(cancel)
                annotations.append(self._annotation(item, layer, grouping, group, mask))
        self._images.setdefault(item.split, []).append(image)

    def _annotation(
        self, item: ExportItem, layer: LabelLayer, grouping: Grouping, group: int, mask: Rle
    ) -> dict[str, Any]:
        segment = grouping.members[group]
        annotation = {
            "id": self._next_id,
            "image_id": item.number,
            "category_id": self._category[segment.class_id],
            "segmentation": self._segmentation(layer, grouping, group, mask),
            "area": mask.area,
            "bbox": list(mask.box),
            "iscrowd": 0,
            "is_object": segment.is_object,
            **grouping.origin(group),
        }
        self._next_id += 1
        return annotation

    def _segmentation(self, layer: LabelLayer, grouping: Grouping, group: int, mask: Rle) -> Any:
        if self._with_polygons:
            rect = Rect(*mask.box)
            pixels = grouping.lut[layer.read(rect)] == group
            outer, holes = outlines(pixels)
            polygons = to_coco(outer)
            if not holes and np.array_equal(rasterise(polygons, rect.height, rect.width), pixels):
                return to_coco([[(x + rect.x, y + rect.y) for x, y in loop] for loop in outer])
            self._with_holes += 1
        return mask.to_json()

    def _file(self, split: str | None) -> Path:
        return self._folder / "annotations" / (f"instances_{split}.json" if split else "instances.json")

    def finish(self, splits: Sequence[str]) -> None:
        """Write the annotation files."""
        categories = [
            {"id": self._category[item.id], "name": item.name, "supercategory": "", "color": item.color}
            for item in self._classes
        ]
        for split in {*splits, *self._images} or {None}:
            document = {
                "info": {"description": "Exported by segstudio", "version": "1.0"},
                "licenses": [],
                "categories": categories,
                "images": self._images.get(split, []),
                "annotations": self._annotations.get(split, []),
            }
            try:
                with self._file(split).open("w", encoding="utf-8", newline="\n") as stream:
                    for part in json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).iterencode(document):
                        stream.write(part)
            except OSError as error:
                raise disk_error(error, self._file(split)) from error
        write_classes(self._folder / "classes.json", self._classes)
        self._annotations.clear()

    def differs(self, item: ExportItem, cancel: Cancel) -> str:
        """Read the annotation file back and compare every annotation's runs with the layers'."""
        if self._read_back is None:
            self._read_back = self._load()
        annotations = iter(self._read_back.get(item.number, []))
        for layer in label_layers(item):
            check(cancel)
            grouping = Grouping(layer, self._classes, self._with_stuff)
            expected = runs_of_layer(layer, grouping.lut)
            groups = np.unique(expected.values).tolist()
            found = [(group, annotation) for group, annotation in zip(groups, annotations)]
            if len(found) != len(groups):
                return f"{len(groups)} segments were written, {len(found)} read back"
            for group, annotation in found:
                if annotation["category_id"] != self._category[grouping.members[group].class_id]:
                    return f"annotation {annotation['id']} has another class"
            if not _same_runs(expected, _runs_of(found, item)):
                return "the masks read back are not the layer's"
        return "there are more annotations than segments" if next(annotations, None) is not None else ""

    def _load(self) -> dict[int, list[dict[str, Any]]]:
        found: dict[int, list[dict[str, Any]]] = {}
        for split in self._images:
            try:
                document = json.loads(self._file(split).read_text(encoding="utf-8"))
            except (OSError, ValueError) as error:
                raise UserError("The annotations cannot be read back", path=self._file(split)) from error
            for annotation in document["annotations"]:
                found.setdefault(annotation["image_id"], []).append(annotation)
        return found

    def notes(self) -> list[str]:
        """Say how many masks polygons could not hold."""
        if not self._with_holes:
            return []
        return [f"Polygons cannot hold holes: {self._with_holes} masks were written as run lengths."]


def _with_ignore(lut: npt.NDArray[np.uint16]) -> npt.NDArray[np.uint16]:
    result = lut.copy()
    result[IGNORE] = IGNORE
    return result


def _runs_of(found: Sequence[tuple[int, dict[str, Any]]], item: ExportItem) -> Runs:
    starts, lengths, values = [], [], []
    for group, annotation in found:
        begin, end = _decoded(annotation, item)
        starts.append(begin)
        lengths.append(end - begin)
        values.append(np.full(begin.size, group, np.int64))
    if not starts:
        empty = np.zeros(0, np.int64)
        return Runs(empty, empty, empty)
    order = np.argsort(np.concatenate(starts), kind="stable")
    return Runs(np.concatenate(starts)[order], np.concatenate(lengths)[order], np.concatenate(values)[order])


def _decoded(annotation: dict[str, Any], item: ExportItem) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    segmentation = annotation["segmentation"]
    if isinstance(segmentation, list):
        x, y, width, height = annotation["bbox"]
        moved = [np.asarray(polygon, np.float64).reshape(-1, 2) - (x, y) for polygon in segmentation]
        inside = rasterise([points.ravel().tolist() for points in moved], height, width)
        from segstudio.core.rle import runs_of_array

        runs = runs_of_array(inside.astype(np.uint8))
        columns, rows = runs.starts // height, runs.starts % height
        # Within the box a run may go on over the foot of a column; in the image it must not.
        return _split_columns(columns, rows, runs.lengths, height, (x, y), item.height)
    begin, end = decode_runs(segmentation["counts"], item.height, item.width)
    is_there = end > begin
    return begin[is_there], end[is_there]


def _split_columns(
    columns: npt.NDArray[np.int64],
    rows: npt.NDArray[np.int64],
    lengths: npt.NDArray[np.int64],
    height: int,
    corner: tuple[int, int],
    image_height: int,
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    starts: list[int] = []
    ends: list[int] = []
    for column, row, length in zip(columns.tolist(), rows.tolist(), lengths.tolist()):
        while length > 0:
            now = min(length, height - row)
            begin = (corner[0] + column) * image_height + corner[1] + row
            if ends and ends[-1] == begin:
                ends[-1] = begin + now
            else:
                starts.append(begin)
                ends.append(begin + now)
            length -= now
            column, row = column + 1, 0
    return np.asarray(starts, np.int64), np.asarray(ends, np.int64)


def _same_runs(a: Runs, b: Runs) -> bool:
    return (
        np.array_equal(a.starts, b.starts)
        and np.array_equal(a.lengths, b.lengths)
        and np.array_equal(a.values, b.values)
    )
