"""Which pixels of a proposal are meant: by class, confidence, place, and by what a person has decided."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from segstudio.core.classes import IGNORE, UNLABELLED
from segstudio.core.geometry import Rect, tile_rect
from segstudio.core.touched import is_touched

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    import numpy.typing as npt

    from segstudio.core.layers import LabelLayer, Segment
    from segstudio.core.tiles import Array


def confidence_floor(min_confidence: float) -> int:
    """The lowest stored confidence (0 … 255) that counts as at least *min_confidence* (0 … 1)."""
    return min(max(math.ceil(min_confidence * 255 - 1e-9), 0), 255)


class Selection:
    """Which pixels of a proposal are meant: by class, confidence, rectangle and mask."""

    def __init__(
        self,
        proposal: LabelLayer,
        class_ids: Collection[int] | None,
        segment_ids: Collection[int] | None,
        min_confidence: float,
        rect: Rect | None,
        mask: npt.NDArray[np.bool_] | None,
        z: int | None,
    ) -> None:
        if mask is not None and rect is None:
            raise ValueError("a mask needs the rectangle it lies over")
        self.proposal = proposal
        self.floor = confidence_floor(min_confidence)
        self.rect = proposal.bounds if rect is None else rect.intersected(proposal.bounds)
        self.mask, self.mask_rect = mask, rect
        self.z = z
        classes = proposal.class_lut()
        self.lut = (classes != UNLABELLED) & (classes != IGNORE)
        if class_ids is not None:
            self.lut &= np.isin(classes, np.asarray(list(class_ids), np.uint16))
        if segment_ids is not None:
            chosen = np.zeros(65536, np.bool_)
            chosen[list(segment_ids)] = True
            self.lut &= chosen

    def segments(self) -> list[Segment]:
        """Segments that can be meant."""
        return [segment for segment in self.proposal.segments.values() if self.lut[segment.id]]

    def parts(self) -> Iterator[tuple[int, Rect, Array | int, npt.NDArray[np.bool_] | None]]:
        """(z, rectangle inside one tile, segment ids, which of them are meant; None = all) wherever any is meant."""
        planes = range(self.proposal.depth) if self.z is None else (self.z,)
        for z in planes:
            for key in self.proposal.tiles.keys_in(self.rect, z):
                part = tile_rect(key[1], key[2]).intersected(self.rect)
                tile = self.proposal.tiles.get(key)
                inside = part.moved(-key[2] * 256, -key[1] * 256).slices
                ids: Array | int = tile if isinstance(tile, int) else tile[inside]
                meant = self._meant(ids, part, key, inside)
                if meant is None or meant.any():
                    if not (meant is None and isinstance(ids, int) and not self.lut[ids]):
                        yield z, part, ids, meant

    def _meant(
        self, ids: Array | int, part: Rect, key: tuple[int, int, int], inside: tuple[slice, slice]
    ) -> npt.NDArray[np.bool_] | None:
        meant: npt.NDArray[np.bool_] | None = None
        if isinstance(ids, int):
            if not self.lut[ids]:
                return None
        else:
            meant = self.lut.take(ids)
        if self.floor > 0 and self.proposal.confidence is not None:
            tile = self.proposal.confidence.get(key)
            sure = (
                np.full((part.height, part.width), tile >= self.floor)
                if isinstance(tile, int)
                else (tile[inside] >= self.floor)
            )
            meant = sure if meant is None else meant & sure
        if self.mask is not None and self.mask_rect is not None:
            cut = self.mask[part.moved(-self.mask_rect.x, -self.mask_rect.y).slices]
            meant = cut if meant is None else meant & cut
        return meant


def untouched(
    labels: LabelLayer,
    proposal: LabelLayer,
    part: Rect,
    ids: Array | int,
    where: npt.NDArray[np.bool_] | None,
    z: int,
) -> npt.NDArray[np.bool_] | None:
    """*where* without what a person erased or rejected, unless he asked for the proposal's segment himself."""
    touched = is_touched(labels, part, z) | is_touched(proposal, part, z)
    if not touched.any():
        return where
    may = ~touched
    asked = [segment.id for segment in proposal.segments.values() if segment.is_reviewed]
    if asked:
        may |= np.isin(ids, asked)
    return may if where is None else where & may
