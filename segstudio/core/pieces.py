"""Pieces of a label layer, lifted out, moved, scaled, rotated and put down again."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import cv2
import numpy as np

from segstudio.core.geometry import EMPTY, Rect, tile_rect
from segstudio.core.regions import flood_fill, tightened

if TYPE_CHECKING:
    import numpy.typing as npt

    from segstudio.core.layers import LabelLayer

SMALLEST_SIDE_PX = 0.5
"""A piece is never scaled to less than this."""


@dataclass(frozen=True, slots=True)
class Placement:
    """Where a piece lies: its middle in image pixels, its scales (negative: mirrored), its turn (clockwise on screen)."""

    x: float
    y: float
    scale_x: float = 1.0
    scale_y: float = 1.0
    angle_deg: float = 0.0

    @classmethod
    def resting(cls, rect: Rect) -> Placement:
        """Unchanged, over *rect*."""
        return cls(rect.x + rect.width / 2, rect.y + rect.height / 2)

    def moved(self, dx: float, dy: float) -> Placement:
        """Shifted by (dx, dy)."""
        return replace(self, x=self.x + dx, y=self.y + dy)

    @property
    def matrix(self) -> npt.NDArray[np.float64]:
        """(2, 2): what turns offsets from the piece's own middle into offsets from (x, y) in the image."""
        angle = math.radians(self.angle_deg)
        cos, sin = math.cos(angle), math.sin(angle)
        return np.array([[cos * self.scale_x, -sin * self.scale_y], [sin * self.scale_x, cos * self.scale_y]])

    def to_image(self, u: float, v: float) -> tuple[float, float]:
        """Where an offset (u, v) from the piece's own middle lies in the image."""
        matrix = self.matrix
        return (
            self.x + float(matrix[0, 0] * u + matrix[0, 1] * v),
            self.y + float(matrix[1, 0] * u + matrix[1, 1] * v),
        )

    def corners_xy(self, width: int, height: int) -> tuple[tuple[float, float], ...]:
        """The corners of a piece of this size, in the image: top left, top right, bottom right, bottom left."""
        u, v = width / 2, height / 2
        return tuple(self.to_image(a, b) for a, b in ((-u, -v), (u, -v), (u, v), (-u, v)))

    def contains(self, x: float, y: float, width: int, height: int) -> bool:
        """Whether a point of the image lies in the box of a piece of this size."""
        u, v = np.linalg.solve(self.matrix, (x - self.x, y - self.y))
        return bool(abs(u) <= width / 2 and abs(v) <= height / 2)


def placed(mask: npt.NDArray[np.bool_], placement: Placement, bounds: Rect) -> tuple[npt.NDArray[np.bool_], Rect]:
    """(h, w) *mask* where *placement* puts it: ((h, w) bool, its rectangle), clipped to *bounds*; empty when outside.

    Nearest neighbour, always from the mask given: moves and quarter turns are exact. A pixel belongs when its centre
    falls into a pixel of the mask.
    """
    turned = _turned(mask, placement)
    if turned is not None:
        height, width = turned.shape
        rect = Rect(round(placement.x - width / 2 + 1e-6), round(placement.y - height / 2 + 1e-6), width, height)
        inside = rect.intersected(bounds)
        if inside == rect:
            return turned, rect
        return tightened(turned[inside.moved(-rect.x, -rect.y).slices], inside)
    return _warped(mask, placement, bounds)


def _turned(mask: npt.NDArray[np.bool_], placement: Placement) -> npt.NDArray[np.bool_] | None:
    """The mask mirrored and turned by quarters; None when it takes more than that."""
    quarters = placement.angle_deg / 90
    if abs(placement.scale_x) != 1 or abs(placement.scale_y) != 1 or quarters != round(quarters):
        return None
    result = mask[:: int(placement.scale_y), :: int(placement.scale_x)]
    return result if round(quarters) % 4 == 0 else np.ascontiguousarray(np.rot90(result, -round(quarters)))


def _warped(mask: npt.NDArray[np.bool_], placement: Placement, bounds: Rect) -> tuple[npt.NDArray[np.bool_], Rect]:
    height, width = mask.shape
    corners = np.array(placement.corners_xy(width, height))
    left, top = (math.floor(value) for value in corners.min(axis=0))
    right, bottom = (math.ceil(value) for value in corners.max(axis=0))
    rect = Rect(left, top, right - left, bottom - top).intersected(bounds)
    if rect.is_empty:
        return np.zeros((0, 0), np.bool_), EMPTY
    inverse = np.linalg.inv(placement.matrix)
    # From the index of a pixel of the picture to that of the mask's; centres lie half a pixel from their corners.
    offset = inverse @ (rect.x + 0.5 - placement.x, rect.y + 0.5 - placement.y)
    affine = np.column_stack([inverse, offset + (width / 2 - 0.5, height / 2 - 0.5)])
    flags = cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP
    warped = cv2.warpAffine(
        mask.astype(np.uint8), affine, (rect.width, rect.height), flags=flags, borderMode=cv2.BORDER_CONSTANT
    )
    return tightened(warped > 0, rect)


def scaled_by_handle(
    start: Placement,
    size_px: tuple[int, int],
    handle: tuple[int, int],
    to_xy: tuple[float, float],
    *,
    keeps_ratio: bool = False,
) -> Placement:
    """The placement after a handle of the box was dragged to a point of the image; the opposite side stays.

    ``size_px`` is (width, height) of the piece; ``handle`` says which side, (-1, 0 or 1, -1, 0 or 1): (1, 1) is the
    bottom right corner, (0, -1) the top. ``keeps_ratio`` scales both sides alike.
    """
    width, height = size_px
    fixed = (-handle[0] * width / 2, -handle[1] * height / 2)
    anchor = start.to_image(*fixed)
    angle = math.radians(start.angle_deg)
    dx, dy = to_xy[0] - anchor[0], to_xy[1] - anchor[1]
    along = math.cos(angle) * dx + math.sin(angle) * dy
    across = -math.sin(angle) * dx + math.cos(angle) * dy
    scale_x = along / (handle[0] * width) if handle[0] else start.scale_x
    scale_y = across / (handle[1] * height) if handle[1] else start.scale_y
    if keeps_ratio:
        factors = [
            value
            for value, moves in ((scale_x / start.scale_x, handle[0]), (scale_y / start.scale_y, handle[1]))
            if moves
        ]
        factor = max(factors, key=abs)
        scale_x, scale_y = start.scale_x * factor, start.scale_y * factor
    scale_x, scale_y = _at_least(scale_x, SMALLEST_SIDE_PX / width), _at_least(scale_y, SMALLEST_SIDE_PX / height)
    scaled = replace(start, scale_x=scale_x, scale_y=scale_y)
    x, y = scaled.to_image(*fixed)
    return scaled.moved(anchor[0] - x, anchor[1] - y)


def _at_least(scale: float, least: float) -> float:
    return math.copysign(max(abs(scale), least), scale)


def rotated_to(
    start: Placement, from_xy: tuple[float, float], to_xy: tuple[float, float], *, step_deg: float = 0.0
) -> Placement:
    """The placement after a point was dragged round its middle; ``step_deg`` snaps the angle to its multiples."""
    before = math.atan2(from_xy[1] - start.y, from_xy[0] - start.x)
    after = math.atan2(to_xy[1] - start.y, to_xy[0] - start.x)
    angle = start.angle_deg + math.degrees(after - before)
    if step_deg:
        angle = round(angle / step_deg) * step_deg
    return replace(start, angle_deg=(angle + 180) % 360 - 180)


# -- out of a layer -----------------------------------------------------------------------------------------------


def segment_mask(layer: LabelLayer, segment_ids: frozenset[int], z: int = 0) -> tuple[npt.NDArray[np.bool_], Rect]:
    """All pixels of these segments on one plane: ((h, w) bool, its rectangle); empty when there are none."""
    wanted = np.zeros(65536, np.bool_)
    wanted[list(segment_ids)] = True
    found: list[tuple[npt.NDArray[np.bool_], Rect]] = []
    total = EMPTY
    for key in layer.tiles.keys_in(layer.bounds, z):
        tile = layer.tiles.get(key)
        if isinstance(tile, int) and not wanted[tile]:
            continue
        rect = tile_rect(key[1], key[2]).intersected(layer.bounds)
        hits, part = tightened(wanted.take(layer.read(rect, z)), rect)
        if not part.is_empty:
            found.append((hits, part))
            total = total.united(part)
    out = np.zeros((total.height, total.width), np.bool_)
    for hits, part in found:
        out[part.moved(-total.x, -total.y).slices] = hits
    return out, total


def piece_at(layer: LabelLayer, x: float, y: float, z: int = 0) -> tuple[npt.NDArray[np.bool_], Rect, int]:
    """What lies under a point: all of an object, or the connected area of a class's stuff; with its segment id (0: none)."""
    column, row = math.floor(x), math.floor(y)
    if not layer.bounds.contains(column, row):
        return np.zeros((0, 0), np.bool_), EMPTY, 0
    segment = layer.segments.get(int(layer.read(Rect(column, row, 1, 1), z)[0, 0]))
    if segment is None or segment.class_id == 0:
        return np.zeros((0, 0), np.bool_), EMPTY, 0
    if segment.is_object:
        return *segment_mask(layer, frozenset((segment.id,)), z), segment.id
    return *flood_fill(layer, (column, row), z, by="segment", connectivity=8), segment.id
