"""From segment ids to colours: look-up tables of premultiplied ARGB, one entry a segment id.

A table has 65 536 entries, so that ``np.take(table, ids)`` colours a tile in one pass with no branch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from segstudio.core.classes import IGNORE, UNLABELLED

if TYPE_CHECKING:
    from collections.abc import Mapping

    from segstudio.core.classes import ClassTable
    from segstudio.core.layers import LabelLayer, Segment

IDS = 65_536
IGNORE_COLOR = "#8c8c8c"
UNKNOWN_COLOR = "#8c8c8c"

DIFFERENCE_COLORS: dict[str, str] = {"added": "#00c389", "removed": "#e8590c", "changed": "#b15bd6"}
"""Colours of the difference view: what accepting the proposal would add, take away, and give another class.

Told apart with the usual colour-vision deficiencies too (they differ in lightness).
"""

_OBJECT_SHADES = (0.0, -0.22, 0.24, -0.11, 0.12, -0.30, 0.34)
"""Neighbouring objects of one class get another lightness each: towards black below 0, towards white above."""


def rgb_of(color: str) -> tuple[int, int, int]:
    """(red, green, blue) of "#rrggbb"."""
    return int(color[1:3], 16), int(color[3:5], 16), int(color[5:7], 16)


def premultiplied(rgb: np.ndarray, alpha: np.ndarray | float) -> np.ndarray:
    """(…,) uint32 premultiplied ARGB of (…, 3) uint8 colours and (…,) alphas 0…1."""
    level = np.round(np.clip(np.asarray(alpha, np.float32), 0, 1) * 255).astype(np.uint32)
    level = np.broadcast_to(level, rgb.shape[:-1])
    channels = (rgb.astype(np.uint32) * level[..., None] + 127) // 255
    packed: np.ndarray = (level << 24) | (channels[..., 0] << 16) | (channels[..., 1] << 8) | channels[..., 2]
    return packed.astype(np.uint32)


def shaded(rgb: np.ndarray, shade: np.ndarray) -> np.ndarray:
    """(n, 3) uint8 colours moved towards black (shade < 0) or white (> 0) by |shade| (n,)."""
    target = np.where(shade > 0, 255.0, 0.0)[:, None]
    share = np.abs(shade)[:, None]
    return np.round(rgb * (1 - share) + target * share).astype(np.uint8)


class LayerColors:
    """The tables of one layer for one state of its segments, the classes and the style."""

    def __init__(self, fill: np.ndarray, solid: np.ndarray, outline_key: np.ndarray) -> None:
        self.fill = fill
        """(65536,) uint32: the colour inside an area; 0 where nothing is shown."""
        self.solid = solid
        """(65536,) uint32: the colour of outlines and hatches, stronger than ``fill``."""
        self.outline_key = outline_key
        """(65536,) uint16: pixels with another key are parted by an outline; 0 for what is not shown."""


def class_of_segments(segments: Mapping[int, Segment]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(ids, class ids, is_object) of a segment table, each (n,)."""
    count = len(segments)
    ids = np.fromiter(segments.keys(), np.int64, count)
    classes = np.fromiter((segment.class_id for segment in segments.values()), np.int64, count)
    objects = np.fromiter((segment.is_object for segment in segments.values()), bool, count)
    return ids, classes, objects


def layer_colors(
    layer: LabelLayer,
    classes: ClassTable,
    *,
    opacity: float,
    solid_opacity: float | None = None,
    highlight_class_id: int = UNLABELLED,
    active_segment_id: int | None = None,
) -> LayerColors:
    """The tables for *layer*: hidden classes see-through, objects of a class in shades of its colour.

    A highlighted class stands out from the others; the active object is stronger than its neighbours.
    """
    ids, class_ids, are_objects = class_of_segments(layer.segments)
    size = max([one.id for one in classes], default=0) + 2  # the last entry stands for classes that are not there
    class_rgb = np.full((size, 3), rgb_of(UNKNOWN_COLOR), np.uint8)
    strength = np.ones(size, np.float32)
    for one in classes:
        class_rgb[one.id] = rgb_of(one.color)
        strength[one.id] = 1.0 if one.is_visible else 0.0
    strength[UNLABELLED] = 0.0  # the class of a segment was deleted
    has_highlight = 0 < highlight_class_id < size - 1
    if has_highlight:
        dimmed = strength * 0.45
        dimmed[highlight_class_id] = strength[highlight_class_id] * 1.5
        strength = dimmed

    known = np.minimum(class_ids, size - 1)
    rgb = shaded(class_rgb[known], np.take(np.asarray(_OBJECT_SHADES), ids % len(_OBJECT_SHADES)) * are_objects)
    alpha = strength[known]
    # Stuff of one class from several sources is one area: its first segment id stands for all of them.
    first = np.zeros(class_ids.max(initial=0) + 1, np.intp)
    first[class_ids[::-1]] = np.arange(len(ids))[::-1]
    keys = np.where(are_objects, ids, ids[first[class_ids]]) if ids.size else ids
    if active_segment_id is not None:
        alpha = np.where(ids == active_segment_id, alpha * 1.5, alpha)

    ids = np.append(ids, IGNORE)
    rgb = np.append(rgb, np.array([rgb_of(IGNORE_COLOR)], np.uint8), axis=0)
    alpha = np.append(alpha, 0.45 if has_highlight else 1.0)
    keys = np.append(keys, IGNORE)
    is_shown = (alpha > 0) & (ids != UNLABELLED)
    strong = opacity if solid_opacity is None else solid_opacity
    fill, solid, outline_key = np.zeros(IDS, np.uint32), np.zeros(IDS, np.uint32), np.zeros(IDS, np.uint16)
    fill[ids] = np.where(is_shown, premultiplied(rgb, alpha * opacity), 0)
    solid[ids] = np.where(is_shown, premultiplied(rgb, alpha * strong), 0)
    outline_key[ids] = np.where(is_shown, keys, 0)
    return LayerColors(fill, solid, outline_key)


def difference_lut(opacity: float) -> np.ndarray:
    """(4,) uint32: same, added, removed, changed."""
    rgb = np.array([(0, 0, 0), *(rgb_of(color) for color in DIFFERENCE_COLORS.values())], np.uint8)
    table = premultiplied(rgb, opacity)
    table[0] = 0
    return table


def heat_lut(opacity: float, *, is_uncertainty: bool) -> np.ndarray:
    """(256,) uint32 for confidences 0…255; 0 = the model said nothing, see-through.

    Confidence runs along viridis; uncertainty along inferno with the sure pixels see-through, so that the eye
    goes to what needs it.
    """
    levels = np.arange(256, dtype=np.uint8)
    scale, values = (cv2.COLORMAP_INFERNO, 255 - levels) if is_uncertainty else (cv2.COLORMAP_VIRIDIS, levels)
    rgb = cv2.applyColorMap(values[:, None], scale)[:, 0, ::-1]
    alpha = np.full(256, opacity, np.float32)
    if is_uncertainty:
        # A confidence of one half or less is as unsure as it gets for two classes.
        unsure = np.clip((255 - levels.astype(np.float32)) / 128, 0, 1)
        rgb = cv2.applyColorMap((unsure * 255).astype(np.uint8)[:, None], scale)[:, 0, ::-1]
        alpha = opacity * np.sqrt(unsure)
    table = premultiplied(rgb, alpha)
    table[0] = 0
    return table
