"""What is labelled as polygons on the map, for exporters, and the check that they are the labels."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from segstudio.core.cancel import check
from segstudio.core.classes import IGNORE
from segstudio.core.geometry import EMPTY, TILE, Rect, tile_rect
from segstudio.core.polygon_fill import fill_area
from segstudio.core.polygons import outlines_of_strips, parts_of
from segstudio.io.formats.coco import Grouping
from segstudio.io.formats.pixels import IGNORE_COLOR, MaskCode, label_layers

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    import numpy.typing as npt

    from segstudio.core.cancel import Cancel
    from segstudio.core.classes import ClassTable
    from segstudio.core.layers import LabelLayer, Segment
    from segstudio.io.formats.base import ExportItem
    from segstudio.io.formats.map_place import MapPlace

IGNORE_NAME = "ignore"
MAX_OFF_PX = 0.05
"""A corner read back lies so near a pixel's corner at most, or the file is not what was meant."""

Polygon = list[list[list[float]]]
"""Closed rings of [x, y], the outer one first."""


@dataclass(frozen=True, eq=False)
class MapFeature:
    """One object, or one connected part of a class's stuff or of what is ignored."""

    properties: dict[str, Any]
    polygons: list[Polygon]


@dataclass(frozen=True, eq=False)
class MapShape:
    """A feature as it was read: its attributes, and of each polygon the rings, (n, 2) float64 in the file's coordinates.

    ``fault``: why it holds no area, as the end of a sentence ("points and lines hold no area"); "" when it does.
    """

    properties: Mapping[str, Any]
    polygons: Sequence[Sequence[npt.NDArray[np.float64]]] = field(default=())
    fault: str = ""


@dataclass(frozen=True, eq=False)
class _Group:
    """An object, the stuff of one class, or what is ignored: its number in the lookup table, and where it lies."""

    id: int
    segment: Segment | None
    bounds: Rect


class LayerGroups:
    """The groups of a layer that become features, in the order of their ids."""

    def __init__(self, layer: LabelLayer, classes: ClassTable) -> None:
        self._layer, self._classes = layer, classes
        self._grouping = Grouping(layer, classes, True)
        self._lut = self._grouping.lut.copy()
        self._lut[IGNORE] = IGNORE
        self._ignore_value = MaskCode.of(classes).ignore

    def found(self, *, ignored: bool) -> Iterator[_Group]:
        """Those that have pixels in plane 0: what is *ignored*, or all others."""
        bounds: dict[int, Rect] = {}
        layer = self._layer
        for key in layer.tiles.keys():
            if key[0] != 0:
                continue
            rect = tile_rect(key[1], key[2]).intersected(layer.bounds)
            tile = layer.tiles.get(key)
            ids = [tile] if isinstance(tile, int) else np.unique(tile[: rect.height, : rect.width]).tolist()
            for group in {int(self._lut[segment_id]) for segment_id in ids}:
                if group and (group == IGNORE) == ignored:
                    bounds[group] = bounds.get(group, EMPTY).united(rect)
        members = self._grouping.members
        for group in sorted(bounds):
            yield _Group(group, members.get(group), bounds[group])

    def strips(self, group: _Group) -> Iterator[npt.NDArray[np.bool_]]:
        """Rows of tiles of where the group lies."""
        bounds = group.bounds
        for y in range(bounds.y, bounds.bottom, TILE):
            rect = Rect(bounds.x, y, bounds.width, min(TILE, bounds.bottom - y))
            yield self._lut[self._layer.read(rect)] == group.id

    def properties(self, group: _Group) -> dict[str, Any]:
        """The attributes of the group's features."""
        segment = group.segment
        if segment is None:
            red, green, blue = IGNORE_COLOR
            return {
                "class": IGNORE_NAME,
                "value": self._ignore_value,
                "color": f"#{red:02x}{green:02x}{blue:02x}",
                "id": IGNORE,
                "is_object": False,
                "is_ignore": True,
                "layer": self._layer.name,
            }
        item = self._classes.by_id(segment.class_id)
        return {
            "class": "" if item is None else item.name,
            "value": None if item is None else item.mask_value,
            "color": None if item is None else item.color,
            "id": segment.id,
            "is_object": segment.is_object,
            "confidence": segment.confidence,
            "layer": self._layer.name,
            **self._grouping.origin(group.id),
        }


def map_features(item: ExportItem, classes: ClassTable, place: MapPlace, cancel: Cancel) -> Iterator[MapFeature]:
    """The features of one image. Outlines follow the pixels' edges: filled, they give back the very pixels."""
    for groups, group in _in_order(item, classes):
        check(cancel)
        loops = outlines_of_strips(groups.strips(group), group.bounds.x, group.bounds.y)
        polygons = [place.polygon(shell, holes) for shell, holes in parts_of(*loops)]
        properties = groups.properties(group)
        if properties["is_object"]:
            yield MapFeature(properties, polygons)
            continue
        for polygon in polygons:
            yield MapFeature(properties, [polygon])


def _in_order(item: ExportItem, classes: ClassTable) -> Iterator[tuple[LayerGroups, _Group]]:
    """What is ignored in any layer comes first, since readers lay it below all others."""
    layers = [LayerGroups(layer, classes) for layer in label_layers(item)]
    for ignored in (True, False):
        for groups in layers:
            for group in groups.found(ignored=ignored):
                yield groups, group


def difference_of(
    shapes: Iterable[MapShape], item: ExportItem, classes: ClassTable, place: MapPlace, cancel: Cancel
) -> str:
    """Bring shapes that were read back to pixels, fill them and compare with the layers; "" when they are the same."""
    rest = iter(shapes)
    shape = next(rest, None)
    for groups, group in _in_order(item, classes):
        found: list[MapShape] = []
        meant = groups.properties(group)
        while shape is not None and _is_of(shape, meant, is_first=not found):
            found.append(shape)
            shape = next(rest, None)
        rings = [place.pixels(ring) for one in found for polygon in one.polygons for ring in polygon]
        near = [np.rint(ring) for ring in rings]
        if any(len(ring) == 0 or np.abs(ring - to).max() > MAX_OFF_PX for ring, to in zip(rings, near)):
            return "a corner of a polygon lies on no corner of a pixel"
        y = group.bounds.y
        for strip in groups.strips(group):
            check(cancel)
            if not np.array_equal(fill_area(near, Rect(group.bounds.x, y, group.bounds.width, len(strip))), strip):
                return f"the polygons of segment {group.id} are not its pixels from row {y} on"
            y += len(strip)
    return "" if shape is None else "there are more polygons than segments"


def _is_of(shape: MapShape, meant: Mapping[str, Any], *, is_first: bool) -> bool:
    """Whether a shape is the group's; an object has but one."""
    own = shape.properties
    is_same = all(own.get(key) == meant[key] for key in ("class", "id", "is_object", "layer"))
    return is_same and not shape.fault and (is_first or not meant["is_object"])
