"""Segments of a piece as the channels of a refinement: few of them, although a piece may hold hundreds of objects.

Stuff has a channel for each segment. Objects that are no neighbours share one, as countries on a map share colours; a pixel that
ends up in a shared channel belongs to the object of it that is nearest, and to none that is farther away than the reach.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from segstudio.core.classes import IGNORE

if TYPE_CHECKING:
    import numpy.typing as npt

    Ids = npt.NDArray[np.uint16]

MOST_STUFF = 64
"""Stuff segments of a piece beyond the so many largest stay as they are."""
MOST_COLOURS = 16
"""Channels for objects; where neighbours have to share one, the border between them stays where it is."""
NEARBY_PX = 15
"""Side of the square in which the unknown confidence of background is taken from what is known."""


@dataclass(frozen=True, eq=False)
class Channels:
    """``index`` (h, w) int16: each pixel's channel, -1 where the pixel takes no part.

    ``segments[c]`` (h, w) uint16, or one number: the segment that a pixel belongs to when channel c wins it; 65535 where c must not.
    """

    index: npt.NDArray[np.int16]
    segments: tuple[Ids | int, ...]

    def __len__(self) -> int:
        return len(self.segments)

    def allowed(self, channel: int) -> npt.NDArray[np.bool_] | None:
        """(h, w) bool: where the channel may win; None: everywhere."""
        segments = self.segments[channel]
        return None if isinstance(segments, int) else segments != IGNORE


def channels_of(ids: Ids, object_ids: frozenset[int], reach_px: int) -> Channels:
    """The channels of (h, w) segment ids."""
    counts = np.bincount(ids.ravel(), minlength=1)
    present = [int(i) for i in np.flatnonzero(counts) if i != IGNORE]
    stuff = sorted((i for i in present if i not in object_ids), key=lambda i: (-counts[i], i))[:MOST_STUFF]
    index = np.full(ids.shape, -1, np.int16)
    segments: list[Ids | int] = []
    for segment in stuff:
        index[ids == segment] = len(segments)
        segments.append(segment)
    objects = [i for i in present if i in object_ids]
    if objects:
        colour = _coloured(ids, objects, reach_px)
        lut = np.full(65536, -1, np.int16)
        for segment, number in zip(objects, colour, strict=True):
            lut[segment] = number
        of_pixel = lut[ids]
        for number in sorted(set(colour)):
            mine = of_pixel == number
            index[mine] = len(segments)
            distance, nearest = _nearest(mine, ids)
            segments.append(np.where(distance <= reach_px, nearest, np.uint16(IGNORE)))
    return Channels(index, tuple(segments))


def _nearest(mask: npt.NDArray[np.bool_], ids: Ids) -> tuple[npt.NDArray[np.float32], Ids]:
    """(distance to the nearest pixel of *mask*, that pixel's id)."""
    distance, labels = cv2.distanceTransformWithLabels(
        (~mask).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5, labelType=cv2.DIST_LABEL_PIXEL
    )
    # Each pixel of the mask has a label of its own.
    lut = np.zeros(int(labels.max()) + 1, np.uint16)
    lut[labels[mask]] = ids[mask]
    return np.asarray(distance, np.float32), lut[labels]


def _coloured(ids: Ids, objects: list[int], reach_px: int) -> list[int]:
    """A colour for each object, so that those with less than two reaches between them differ where colours suffice."""
    neighbours: dict[int, set[int]] = {segment: set() for segment in objects}
    distance, cell = _nearest(np.isin(ids, objects), ids)
    for axis in (0, 1):
        a, b = _sides(cell, axis)
        gap = np.add(*_sides(distance, axis))
        touching = (a != b) & (gap <= 2 * reach_px)
        for code in np.unique(a[touching].astype(np.uint32) << 16 | b[touching]):
            one, other = int(code >> 16), int(code & 0xFFFF)
            neighbours[one].add(other)
            neighbours[other].add(one)
    colours: dict[int, int] = {}
    for segment in sorted(objects, key=lambda i: (-len(neighbours[i]), i)):
        taken = [colours[other] for other in neighbours[segment] if other in colours]
        free = [number for number in range(MOST_COLOURS) if number not in taken]
        colours[segment] = free[0] if free else min(range(MOST_COLOURS), key=taken.count)
    return [colours[segment] for segment in objects]


def _sides(values: npt.NDArray[Any], axis: int) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    return (values[:-1], values[1:]) if axis == 0 else (values[:, :-1], values[:, 1:])


def probabilities_of(
    channels: Channels, ids: Ids, confidence: npt.NDArray[np.uint8], certainty: float
) -> npt.NDArray[np.float32]:
    """(channel, h, w) float32: what the proposal says of each pixel.

    Its own channel gets the pixel's confidence, at most *certainty* and at least a little more than an equal share; the others
    share the rest evenly. A proposal keeps no confidence of its background: that is taken from the known ones nearby, beyond as
    *certainty*.
    """
    sure = confidence.astype(np.float32) / np.float32(255)
    known = (ids != 0) & (ids != IGNORE)
    if not known.all() and not confidence[~known].any():
        share = cv2.blur(known.astype(np.float32), (NEARBY_PX, NEARBY_PX))
        total = cv2.blur(np.where(known, sure, 0).astype(np.float32), (NEARBY_PX, NEARBY_PX))
        nearby = np.where(share > 1e-3, total / np.maximum(share, 1e-3), certainty)
        sure = np.where(known, sure, nearby).astype(np.float32)
    count = len(channels)
    own = sure.clip(min(certainty, 1.1 / count), certainty).astype(np.float32)
    rest = (1 - own) / np.float32(max(1, count - 1))
    found: npt.NDArray[np.float32] = np.repeat(rest[None], count, axis=0)
    for channel in range(count):
        np.copyto(found[channel], own, where=channels.index == channel)
    return found


def segments_of(channels: Channels, beliefs: npt.NDArray[np.float32], ids: Ids) -> tuple[Ids, npt.NDArray[np.float32]]:
    """((h, w) uint16 segment ids after the refinement, (h, w) float32 how sure) of (channel, h, w) *beliefs*."""
    allowed = [channels.allowed(channel) for channel in range(len(channels))]
    shown = np.stack([b if a is None else np.where(a, b, -1) for a, b in zip(allowed, beliefs, strict=True)])
    best = shown.argmax(axis=0)
    found = ids.copy()
    takes_part = channels.index >= 0
    for channel, segments in enumerate(channels.segments):
        where = takes_part & (best == channel)
        found[where] = segments if isinstance(segments, int) else segments[where]
    return found, np.take_along_axis(beliefs, best[None], axis=0)[0]
