"""Where an image holds no data its labels are "ignore", in every format."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from segstudio.core.classes import IGNORE, UNLABELLED
from segstudio.core.geometry import TILE, Rect, tiles_of
from segstudio.core.tiles import compact
from segstudio.io.validity import file_validity

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import numpy.typing as npt

    from segstudio.core.layers import LabelLayer
    from segstudio.core.tiles import TileKey

    Masks = dict[TileKey, npt.NDArray[np.bool_] | bool]


class LayersOfData:
    """Label layers of one image, ignored where its file holds no data; the file is read for that once.

    With *plane* the layers are of that one plane of a volume.
    """

    def __init__(self, layers: Callable[[], list[LabelLayer]], file: Path, plane: int | None = None) -> None:
        self._layers = layers
        self._file = file
        self._plane = plane
        self._invalid: Masks | None = None

    def __call__(self) -> list[LabelLayer]:
        """The layers, fresh ones each time.

        Raises
        ------
        UserError
            When the image file cannot be read.
        """
        layers = self._layers()
        is_lowest = True
        for layer in layers:
            if layer.kind != "labels":
                continue
            if self._invalid is None:
                self._invalid = invalid_tiles(self._file, layer.width, layer.height, self._planes(layer))
            if self._invalid:
                _put(layer, self._invalid, IGNORE if is_lowest else UNLABELLED)
            is_lowest = False
        return layers

    def _planes(self, layer: LabelLayer) -> range:
        return range(layer.depth) if self._plane is None else range(self._plane, self._plane + 1)


def invalid_tiles(file: Path, width: int, height: int, planes: range = range(1)) -> Masks:
    """Tile → (256, 256) bool of pixels without data, or True for all; tiles full of data are left out.

    z counts from the first of *planes*.
    """
    found: Masks = {}
    with file_validity(file) as validity:
        if validity is None:
            return found
        for z in planes:
            for ty, tx in tiles_of(Rect(0, 0, width, height)):
                part = Rect(tx * TILE, ty * TILE, TILE, TILE).clipped(width, height)
                valid = validity(z, part)
                if valid is None:
                    continue
                tile = np.zeros((TILE, TILE), np.bool_)
                tile[: part.height, : part.width] = ~valid
                found[z - planes.start, ty, tx] = True if tile.all() else tile
    return found


def _put(layer: LabelLayer, invalid: Masks, value: int) -> None:
    for key, mask in invalid.items():
        if isinstance(mask, bool):
            layer.tiles.set(key, value)
            continue
        now = layer.tiles.get(key)
        tile = np.full((TILE, TILE), now, np.uint16) if isinstance(now, int) else now.copy()
        tile[mask] = value
        layer.tiles.set(key, compact(tile))
    layer.revision += 1
