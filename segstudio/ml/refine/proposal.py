"""A proposal as a refinement reads it, in one piece to send to another process, and what it answers. No torch here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from segstudio.core.classes import UNLABELLED
from segstudio.core.geometry import tiles_of
from segstudio.core.tile_cells import unpack
from segstudio.core.tiles import TileMap

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from segstudio.core.geometry import Rect
    from segstudio.core.layers import LabelLayer
    from segstudio.core.tiles import Array, TileKey

MOST_MARGIN_PX = 96
"""No method looks further beyond the border of what it refines."""


@dataclass(frozen=True, eq=False)
class RefinedPiece:
    """A finished piece of a refined proposal. Pieces of one call never overlap and together cover what was asked.

    ``segment_ids`` (h, w) uint16 are segments that the proposal had nearby (0 background, 65535 where it ignored);
    ``confidence`` (h, w) uint8 is 0 where the background is.
    """

    rect: Rect
    segment_ids: npt.NDArray[np.uint16]
    confidence: npt.NDArray[np.uint8]


class Proposal(Protocol):
    """What is refined."""

    @property
    def object_ids(self) -> frozenset[int]:
        """Segments that are objects of their own; the others are stuff."""
        ...

    def read(self, rect: Rect, z: int = 0) -> npt.NDArray[np.uint16]:
        """(h, w) uint16 segment ids."""
        ...

    def read_confidence(self, rect: Rect, z: int = 0) -> npt.NDArray[np.uint8]:
        """(h, w) uint8 confidences."""
        ...


class LayerProposal:
    """The proposal in a layer, as it is now: later edits do not show."""

    def __init__(self, layer: LabelLayer) -> None:
        self._layer = layer.shadow()
        self.object_ids = _objects(layer)

    def read(self, rect: Rect, z: int = 0) -> npt.NDArray[np.uint16]:
        """(h, w) uint16 segment ids."""
        return self._layer.read(rect, z)

    def read_confidence(self, rect: Rect, z: int = 0) -> npt.NDArray[np.uint8]:
        """(h, w) uint8 confidences."""
        return self._layer.read_confidence(rect, z)


class ProposalData:
    """A proposal, or the part of it that is needed, free of the document; it is sent to another process packed."""

    def __init__(
        self,
        tiles: TileMap,
        confidence: TileMap | None,
        object_ids: frozenset[int] = frozenset(),
        dead_ids: frozenset[int] = frozenset(),
    ) -> None:
        self.object_ids, self._dead_ids = object_ids, dead_ids
        self._tiles, self._confidence = tiles, confidence

    @classmethod
    def of(
        cls, layer: LabelLayer, rects: Sequence[Rect] | None = None, planes: Sequence[int] | None = None
    ) -> ProposalData:
        """What refining *rects* (None: the whole image) on *planes* (None: all) looks at. Tiles are shared: quick."""
        wanted: set[TileKey] = set()
        for z in range(layer.depth) if planes is None else planes:
            for rect in (layer.bounds,) if rects is None else rects:
                near = rect.expanded(MOST_MARGIN_PX).intersected(layer.bounds)
                wanted.update((z, ty, tx) for ty, tx in tiles_of(near))
        dead = frozenset(segment.id for segment in layer.segments.values() if segment.class_id == UNLABELLED)
        confidence = None if layer.confidence is None else _some(layer.confidence, wanted)
        return cls(_some(layer.tiles, wanted), confidence, _objects(layer), dead)

    def read(self, rect: Rect, z: int = 0) -> npt.NDArray[np.uint16]:
        """(h, w) uint16 segment ids; 0 where the segment's class was deleted."""
        ids = self._tiles.read(rect, z)
        if self._dead_ids:
            ids[np.isin(ids, list(self._dead_ids))] = UNLABELLED
        return ids

    def read_confidence(self, rect: Rect, z: int = 0) -> npt.NDArray[np.uint8]:
        """(h, w) uint8 confidences; 255 of a layer that keeps none."""
        if self._confidence is None:
            return np.full((rect.height, rect.width), 255, np.uint8)
        return self._confidence.read(rect, z)

    def __getstate__(self) -> dict[str, Any]:
        return {
            "objects": self.object_ids,
            "dead": self._dead_ids,
            "tiles": _packed(self._tiles),
            "confidence": None if self._confidence is None else _packed(self._confidence),
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        confidence = state["confidence"]
        self.object_ids, self._dead_ids = state["objects"], state["dead"]
        self._tiles = _unpacked(state["tiles"], np.uint16)
        self._confidence = None if confidence is None else _unpacked(confidence, np.uint8)


def _some(tiles: TileMap, wanted: set[TileKey]) -> TileMap:
    copy = TileMap(tiles.dtype)
    for key in wanted.intersection(tiles.keys()):
        copy.set(key, tiles.held(key))
    return copy


def _packed(tiles: TileMap) -> list[tuple[TileKey, int | bytes | Array]]:
    found: list[tuple[TileKey, int | bytes | Array]] = []
    for key in tiles.keys():  # noqa: SIM118 - it is no dict
        cell = tiles.held(key)
        found.append((key, cell if isinstance(cell, int) else cell.packed() or cell.array))
    return found


def _unpacked(given: list[tuple[TileKey, int | bytes | Array]], dtype: npt.DTypeLike) -> TileMap:
    tiles = TileMap(dtype)
    for key, tile in given:
        tiles.set(key, unpack(tile, np.dtype(dtype)) if isinstance(tile, bytes) else tile)
    return tiles


def _objects(layer: LabelLayer) -> frozenset[int]:
    return frozenset(segment.id for segment in layer.segments.values() if segment.is_object)
