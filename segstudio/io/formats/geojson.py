"""The ``geojson`` format: what is labelled as polygons with holes, on the map where their images lie."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from segstudio.core.cancel import check
from segstudio.core.errors import UserError
from segstudio.core.geometry import EMPTY, TILE, Rect, tile_rect
from segstudio.core.polygons import Loop, fill_rings, outlines_of_strips, parts_of
from segstudio.io.atomic import disk_error
from segstudio.io.formats.coco import Grouping
from segstudio.io.formats.map_place import MapPlace, needs_rasterio, place_of
from segstudio.io.formats.pixels import label_layers, make_folder, write_classes

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    import numpy.typing as npt

    from segstudio.core.cancel import Cancel
    from segstudio.core.classes import ClassTable
    from segstudio.core.layers import LabelLayer, Segment
    from segstudio.io.formats.base import ExportItem

MAX_OFF_PX = 0.05
"""A corner read back lies so near a pixel's corner at most, or the file is not what was meant."""


@dataclass(frozen=True, eq=False)
class _Group:
    """An object, or the stuff of one class: its id in the lookup table, where it lies and what stands for it."""

    id: int
    segment: Segment
    bounds: Rect


class GeoJsonExporter:
    """Writes a FeatureCollection an image (a folder a split, when split) and ``classes.json``.

    An object is one feature (a Polygon, or a MultiPolygon where it has several parts), of stuff each connected part is
    one. Outlines follow the pixels' edges: filled, they give back the very pixels. Coordinates are those of the image's
    CRS, named in a ``crs`` member as GDAL does; of an image without a place they are pixels, y downwards. Options:
    ``wgs84`` (False) writes longitude and latitude as RFC 7946 wants them.
    """

    def __init__(self, folder: Path, classes: ClassTable, options: Mapping[str, Any]) -> None:
        self._folder = folder
        self._classes = classes
        self._is_wgs84 = bool(options.get("wgs84", False))
        if self._is_wgs84:
            needs_rasterio()
        self._without_place = 0
        self._unprojected = 0

    def _file(self, item: ExportItem) -> Path:
        return self._folder / (item.split or "") / f"{item.stem}.geojson"

    def _place(self, item: ExportItem) -> MapPlace:
        return place_of(item.image_file, is_wgs84=self._is_wgs84)

    def write(self, item: ExportItem, cancel: Cancel) -> None:
        """Write the polygons of one image."""
        place = self._place(item)
        self._without_place += not place.is_on_map
        self._unprojected += place.is_on_map and self._is_wgs84 and not place.is_wgs84
        file = self._file(item)
        make_folder(file.parent)
        head: dict[str, Any] = {"type": "FeatureCollection", "name": item.stem}
        if place.crs_name:
            head["crs"] = {"type": "name", "properties": {"name": place.crs_name}}
        if not place.is_on_map:
            head["coordinates"] = "pixels, y downwards"
        head["image"] = {"name": item.name, "width": item.width, "height": item.height}
        try:
            with file.open("w", encoding="utf-8", newline="\n") as stream:
                stream.write(json.dumps(head, ensure_ascii=False)[:-1] + ', "features": [\n')
                for number, feature in enumerate(self._features(item, place, cancel)):
                    check(cancel)
                    stream.write(",\n" if number else "")
                    stream.write(json.dumps(feature, ensure_ascii=False, allow_nan=False))
                stream.write("\n]}\n")
        except OSError as error:
            raise disk_error(error, file) from error

    def _features(self, item: ExportItem, place: MapPlace, cancel: Cancel) -> Iterator[dict[str, Any]]:
        number = 0
        for layer in label_layers(item):
            grouping = Grouping(layer, self._classes, True)
            for group in _groups(layer, grouping):
                check(cancel)
                loops = outlines_of_strips(
                    _strips(layer, grouping.lut, group.id, group.bounds), group.bounds.x, group.bounds.y
                )
                polygons = [place.polygon(shell, holes) for shell, holes in parts_of(*loops)]
                properties = {**self._properties(group.segment, layer.name), **grouping.origin(group.id)}
                for geometry in _geometries(polygons, is_one=group.segment.is_object):
                    number += 1
                    yield {"type": "Feature", "id": number, "properties": properties, "geometry": geometry}

    def _properties(self, segment: Segment, layer: str) -> dict[str, Any]:
        item = self._classes.by_id(segment.class_id)
        found: dict[str, Any] = {
            "class": "" if item is None else item.name,
            "value": None if item is None else item.mask_value,
            "id": segment.id,
            "is_object": segment.is_object,
            "confidence": segment.confidence,
            "layer": layer,
        }
        return found

    def finish(self, splits: Sequence[str]) -> None:
        """Write the class list, and folders for splits that got no image."""
        for split in splits:
            make_folder(self._folder / split)
        write_classes(self._folder / "classes.json", self._classes)

    def differs(self, item: ExportItem, cancel: Cancel) -> str:
        """Read the polygons back, bring them to pixels, fill them and compare with the layers."""
        file, place = self._file(item), self._place(item)
        try:
            features = json.loads(file.read_text(encoding="utf-8"))["features"]
        except (OSError, ValueError, KeyError) as error:
            raise UserError("The polygons cannot be read back", path=file) from error
        start = 0
        for layer in label_layers(item):
            grouping = Grouping(layer, self._classes, True)
            for group in _groups(layer, grouping):
                rings: list[Loop] = []
                first = start
                while start < len(features) and _is_of(features[start], layer, group, is_first=start == first):
                    rings += _rings(features[start]["geometry"])
                    start += 1
                pixels = [place.pixels(ring) for ring in rings]
                corners: list[Loop] = []
                for ring in pixels:
                    near = np.rint(ring)
                    if len(ring) == 0 or np.abs(near - ring).max() > MAX_OFF_PX:
                        return "a corner of a polygon lies on no corner of a pixel"
                    corners.append([(int(x), int(y)) for x, y in near])
                y = group.bounds.y
                for strip in _strips(layer, grouping.lut, group.id, group.bounds):
                    check(cancel)
                    window = Rect(group.bounds.x, y, group.bounds.width, len(strip))
                    if not np.array_equal(fill_rings(corners, window), strip):
                        return f"the polygons of segment {group.id} are not its pixels from row {y} on"
                    y += len(strip)
        return "" if start == len(features) else "there are more polygons than segments"

    def notes(self) -> list[str]:
        """Say what has no place on a map, and that RFC 7946 would have degrees."""
        notes = []
        if self._without_place:
            count = self._without_place
            have = "1 image has" if count == 1 else f"{count} images have"
            notes.append(f"{have} no place on a map: the polygons are in pixels, y downwards.")
        if self._unprojected:
            count = self._unprojected
            have = "1 image has" if count == 1 else f"{count} images have"
            notes.append(f"{have} a transform but no known CRS: the polygons stayed in its coordinates.")
        return notes


def _groups(layer: LabelLayer, grouping: Grouping) -> list[_Group]:
    """The groups that have pixels in plane 0, in order of their ids."""
    bounds: dict[int, Rect] = {}
    for key in layer.tiles.keys():
        if key[0] != 0:
            continue
        rect = tile_rect(key[1], key[2]).intersected(layer.bounds)
        tile = layer.tiles.get(key)
        ids = [tile] if isinstance(tile, int) else np.unique(tile[: rect.height, : rect.width]).tolist()
        for group in {int(grouping.lut[segment_id]) for segment_id in ids}:
            if group:
                bounds[group] = bounds.get(group, EMPTY).united(rect)
    return [_Group(group, grouping.members[group], bounds[group]) for group in sorted(bounds)]


def _strips(
    layer: LabelLayer, lut: npt.NDArray[np.uint16], group: int, bounds: Rect
) -> Iterator[npt.NDArray[np.bool_]]:
    """Rows of tiles of where the group lies."""
    for y in range(bounds.y, bounds.bottom, TILE):
        rect = Rect(bounds.x, y, bounds.width, min(TILE, bounds.bottom - y))
        yield lut[layer.read(rect)] == group


def _geometries(polygons: list[list[list[list[float]]]], *, is_one: bool) -> Iterator[dict[str, Any]]:
    if is_one and len(polygons) > 1:
        yield {"type": "MultiPolygon", "coordinates": polygons}
        return
    for polygon in polygons:
        yield {"type": "Polygon", "coordinates": polygon}


def _is_of(feature: dict[str, Any], layer: LabelLayer, group: _Group, *, is_first: bool) -> bool:
    """Whether a feature belongs to the group; an object has but one."""
    own, segment = feature["properties"], group.segment
    is_same = (own["layer"], own["id"], own["is_object"]) == (layer.name, segment.id, segment.is_object)
    return is_same and (is_first or not group.segment.is_object)


def _rings(geometry: dict[str, Any]) -> list[Any]:
    if geometry["type"] == "Polygon":
        return list(geometry["coordinates"])
    return [ring for polygon in geometry["coordinates"] for ring in polygon]
