"""The planes of a volume's labels, one by one: which hold labels, and a plane as a layer of its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from segstudio.core.cancel import NEVER, Cancel, check
from segstudio.core.classes import UNLABELLED
from segstudio.core.layers import LabelLayer
from segstudio.core.tiles import Tile, TileMap

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


def plane_classes(layer: LabelLayer, cancel: Cancel = NEVER) -> dict[int, set[int]]:
    """Plane → class ids on it (IGNORE, too), for planes that hold any; reads every tile once and keeps none."""
    lut = layer.class_lut()
    tiles = layer.shadow().tiles
    found: dict[int, set[int]] = {}
    for key in tiles.keys():
        check(cancel)
        classes = {int(lut[segment_id]) for segment_id in _ids(tiles.get(key))} - {UNLABELLED}
        if classes:
            found.setdefault(key[0], set()).update(classes)
    return found


def labelled_planes(layers: Iterable[LabelLayer], cancel: Cancel = NEVER) -> list[int]:
    """The planes, from 0, on which any of *layers* holds labels or ignored pixels."""
    return sorted({z for layer in layers for z in plane_classes(layer, cancel)})


def plane_layer(layer: LabelLayer, z: int) -> LabelLayer:
    """Plane *z* as a layer of one plane, with the segments that have pixels there; tiles are shared."""
    tiles = TileMap(layer.tiles.dtype)
    present: set[int] = set()
    for key in layer.tiles.keys():
        if key[0] == z:
            tile = layer.tiles.get(key)
            tiles.set((0, key[1], key[2]), tile)
            present.update(_ids(tile))
    touched = TileMap(layer.touched.dtype)
    for key in layer.touched.keys():
        if key[0] == z:
            touched.set((0, key[1], key[2]), layer.touched.get(key))
    segments = {id_: segment for id_, segment in layer.segments.items() if id_ in present}
    return LabelLayer(
        layer.id,
        layer.image_id,
        layer.name,
        layer.kind,
        layer.width,
        layer.height,
        tiles=tiles,
        touched=touched,
        segments=segments,
    )


@dataclass(frozen=True)
class LayersOfPlane:
    """The label layers of an image, each cut down to plane ``z``."""

    layers: Callable[[], list[LabelLayer]]
    z: int

    def __call__(self) -> list[LabelLayer]:
        """Layers of one plane, the lowest first."""
        return [plane_layer(layer, self.z) for layer in self.layers() if layer.kind == "labels"]


def _ids(tile: Tile) -> list[int]:
    ids: list[int] = [tile] if isinstance(tile, int) else np.flatnonzero(np.bincount(tile.ravel())).tolist()
    return ids
