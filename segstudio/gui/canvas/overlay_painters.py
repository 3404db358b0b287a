"""What an overlay looks like: label ids in, premultiplied ARGB pixels out, for any rectangle of any level."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING, Protocol

import cv2
import numpy as np

from segstudio.core.geometry import Rect
from segstudio.gui.canvas.level_sampling import at_level, averaged, bordered, constant_value, image_rect_of, sampled

if TYPE_CHECKING:
    from segstudio.core.layers import LabelLayer
    from segstudio.gui.canvas.overlay_colors import LayerColors

Pixels = np.ndarray | int
"""(h, w) uint32 premultiplied ARGB, or the one value that all pixels have."""

HATCH_PERIOD = 8


class OverlayPainter(Protocol):
    """Makes the pixels of one overlay."""

    @property
    def is_fine(self) -> bool:
        """Whether it is drawn at screen scale when magnified (outlines, hatches) rather than at image pixels."""
        ...

    @property
    def margin(self) -> int:
        """By how many level pixels a change of the layer reaches beyond itself."""
        ...

    def paint(self, rect: Rect, level: int) -> Pixels:
        """The pixels of *rect* (level pixels)."""
        ...


def edges(keys: np.ndarray, width: int) -> np.ndarray:
    """(h, w) bool: pixels within *width* of one with another key, from (h, w) uint16 keys."""
    kernel = np.ones((2 * width + 1, 2 * width + 1), np.uint8)
    border = cv2.BORDER_REPLICATE
    least = cv2.erode(keys, kernel, borderType=border)
    most = cv2.dilate(keys, kernel, borderType=border)
    found: np.ndarray = least != most
    return found


def colored_where(mask: np.ndarray, table: np.ndarray, ids: np.ndarray) -> np.ndarray:
    """(h, w) uint32: colours of (h, w) ids where the mask is set, else 0; cheap where little is."""
    pixels = np.zeros(ids.shape, np.uint32)
    places = np.flatnonzero(mask)
    pixels.reshape(-1)[places] = table[ids.reshape(-1)[places]]
    return pixels


def hatch(rect: Rect, share: int = 3) -> np.ndarray:
    """(h, w) bool: diagonal stripes, *share* of HATCH_PERIOD pixels wide, running on across tiles."""
    phase = (rect.x + rect.y) % HATCH_PERIOD
    return _stripes(rect.width, rect.height, phase, share)


@lru_cache(maxsize=64)
def _stripes(width: int, height: int, phase: int, share: int) -> np.ndarray:
    first_row = (np.arange(width + HATCH_PERIOD) + phase) % HATCH_PERIOD < share
    block = np.stack([first_row[row : row + width] for row in range(HATCH_PERIOD)])
    stripes = np.tile(block, (-(-height // HATCH_PERIOD), 1))[:height]
    stripes.flags.writeable = False
    return stripes


def confidence_floor(min_confidence: float) -> int:
    """The least confidence byte (0…255) that reaches the threshold 0…1."""
    return math.ceil(min_confidence * 255 - 1e-6)


class LabelsPainter:
    """A label layer: filled areas, or outlines only."""

    def __init__(self, layer: LabelLayer, colors: LayerColors, *, outline_width: int | None = None, z: int = 0) -> None:
        self.layer, self.colors, self.z = layer, colors, z
        self.outline_width = outline_width

    @property
    def is_fine(self) -> bool:
        """Outlines are drawn at screen scale, areas at image pixels."""
        return self.outline_width is not None

    @property
    def margin(self) -> int:
        """Outlines move beside the changed pixels too."""
        return self.outline_width or 0

    def paint(self, rect: Rect, level: int) -> Pixels:
        """The pixels of *rect* (level pixels)."""
        if self.outline_width is not None:
            return self._outlines(rect, level, self.outline_width)
        source = image_rect_of(rect, level)
        value = constant_value(self.layer.tiles, source, self.z)
        if value is not None:
            return int(self.colors.fill[value])
        if level <= 0:
            return np.take(self.colors.fill, at_level(self.layer.tiles, rect, level, self.z))
        # Four samples a level pixel, averaged: thin structures fade when reduced, they don't flicker.
        ids = sampled(self.layer.tiles, source, 1 << (level - 1), self.z)
        return averaged(np.take(self.colors.fill, ids), rect.width, rect.height)

    def _outlines(self, rect: Rect, level: int, width: int) -> Pixels:
        wide = rect.expanded(width)
        value = constant_value(self.layer.tiles, image_rect_of(wide, level), self.z)
        if value is not None:
            return 0
        ids = bordered(self.layer.tiles, wide, level, (self.layer.width, self.layer.height), self.z)
        found = edges(np.take(self.colors.outline_key, ids), width)
        inner = (slice(width, -width), slice(width, -width))
        return colored_where(found, self.colors.solid, ids)[inner]


class ProposalPainter:
    """A proposal above a confidence threshold: hatched with a solid rim, or dashed outlines; never like labels."""

    is_fine = True

    def __init__(
        self,
        layer: LabelLayer,
        colors: LayerColors,
        *,
        min_confidence: float = 0.0,
        outline_width: int = 2,
        is_filled: bool = True,
        z: int = 0,
    ) -> None:
        self.layer, self.colors, self.z = layer, colors, z
        self.floor = confidence_floor(min_confidence)
        self.width, self.is_filled = max(1, outline_width), is_filled

    @property
    def margin(self) -> int:
        """The rim moves beside the changed pixels too."""
        return self.width

    def paint(self, rect: Rect, level: int) -> Pixels:
        """The pixels of *rect* (level pixels)."""
        width = self.width
        wide = rect.expanded(width)
        source = image_rect_of(wide, level)
        if constant_value(self.layer.tiles, source, self.z) == 0:
            return 0
        ids = shown_ids(self.layer, wide, level, self.floor, self.z)
        found = edges(np.take(self.colors.outline_key, ids), width)
        if self.is_filled:
            inner = (slice(width, -width), slice(width, -width))
            ids = ids[inner]
            solid = found[inner] | hatch(rect)
            return np.where(solid, np.take(self.colors.solid, ids), np.take(self.colors.fill, ids))
        found &= hatch(wide, share=5)
        return colored_where(found, self.colors.solid, ids)[width:-width, width:-width]


class DifferencePainter:
    """Where labels and proposal differ: what accepting would add, remove and change."""

    is_fine = False
    margin = 0

    def __init__(
        self, labels: LabelLayer, proposal: LabelLayer, lut: np.ndarray, *, min_confidence: float = 0.0, z: int = 0
    ) -> None:
        self.labels, self.proposal, self.lut, self.z = labels, proposal, lut, z
        self.floor = confidence_floor(min_confidence)

    def paint(self, rect: Rect, level: int) -> Pixels:
        """The pixels of *rect* (level pixels)."""
        said = confidences(self.proposal, rect, level, self.z) >= max(1, self.floor)
        new = np.take(self.proposal.class_lut(), at_level(self.proposal.tiles, rect, level, self.z))
        if self.proposal.confidence is None:
            said = new != 0
        old = np.take(self.labels.class_lut(), at_level(self.labels.tiles, rect, level, self.z))
        # 1 added, 2 removed, 3 changed; background that the model was sure of counts, silence does not.
        codes = np.where(old == 0, 1, np.where(new == 0, 2, 3)).astype(np.uint8)
        codes *= said & (old != new)
        return np.take(self.lut, codes)


class HeatPainter:
    """How sure (or unsure) the model is, as a colour scale."""

    is_fine = False
    margin = 0

    def __init__(self, layer: LabelLayer, lut: np.ndarray, *, z: int = 0) -> None:
        self.layer, self.lut, self.z = layer, lut, z

    def paint(self, rect: Rect, level: int) -> Pixels:
        """The pixels of *rect* (level pixels)."""
        return np.take(self.lut, confidences(self.layer, rect, level, self.z))


def confidences(layer: LabelLayer, rect: Rect, level: int, z: int) -> np.ndarray:
    """(h, w) uint8 confidences of a proposal at a level; 255 everywhere for a layer that keeps none."""
    if layer.confidence is None:
        return np.full((rect.height, rect.width), 255, np.uint8)
    return at_level(layer.confidence, rect, level, z)


def shown_ids(layer: LabelLayer, rect: Rect, level: int, floor: int, z: int) -> np.ndarray:
    """(h, w) uint16 segment ids of a proposal at a level, 0 where its confidence is below *floor* (0…255)."""
    size = (layer.width, layer.height)
    ids = bordered(layer.tiles, rect, level, size, z)
    if floor <= 0 or layer.confidence is None:
        return ids
    return np.where(bordered(layer.confidence, rect, level, size, z) >= floor, ids, np.uint16(0))
