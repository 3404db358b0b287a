"""Integer rectangles in image pixels, and the tiles they touch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

TILE = 256
"""Side of a store tile, in pixels."""


@dataclass(frozen=True, slots=True)
class Rect:
    """A half-open pixel rectangle: columns x … x+width-1, rows y … y+height-1."""

    x: int
    y: int
    width: int
    height: int

    @property
    def right(self) -> int:
        """First column beyond."""
        return self.x + self.width

    @property
    def bottom(self) -> int:
        """First row beyond."""
        return self.y + self.height

    @property
    def is_empty(self) -> bool:
        """True where it holds no pixel."""
        return self.width <= 0 or self.height <= 0

    @property
    def slices(self) -> tuple[slice, slice]:
        """(rows, columns) to index a (y, x) array with."""
        return slice(self.y, self.bottom), slice(self.x, self.right)

    def intersected(self, other: Rect) -> Rect:
        """The common part; empty (0×0) where there is none."""
        x, y = max(self.x, other.x), max(self.y, other.y)
        width = min(self.right, other.right) - x
        height = min(self.bottom, other.bottom) - y
        return Rect(x, y, width, height) if width > 0 and height > 0 else EMPTY

    def united(self, other: Rect) -> Rect:
        """The smallest rectangle that holds both; an empty one adds nothing."""
        if self.is_empty:
            return other
        if other.is_empty:
            return self
        x, y = min(self.x, other.x), min(self.y, other.y)
        return Rect(x, y, max(self.right, other.right) - x, max(self.bottom, other.bottom) - y)

    def expanded(self, margin_px: int) -> Rect:
        """Grown by *margin_px* on each side."""
        return Rect(self.x - margin_px, self.y - margin_px, self.width + 2 * margin_px, self.height + 2 * margin_px)

    def moved(self, dx: int, dy: int) -> Rect:
        """Shifted by (dx, dy)."""
        return Rect(self.x + dx, self.y + dy, self.width, self.height)

    def clipped(self, width: int, height: int) -> Rect:
        """The part inside an image of *width* × *height*."""
        return self.intersected(Rect(0, 0, width, height))

    def contains(self, x: float, y: float) -> bool:
        """Whether the pixel position lies inside."""
        return self.x <= x < self.right and self.y <= y < self.bottom


EMPTY = Rect(0, 0, 0, 0)


def tiles_of(rect: Rect, tile: int = TILE) -> Iterator[tuple[int, int]]:
    """(ty, tx) of every tile that *rect* touches, row by row."""
    if rect.is_empty:
        return
    for ty in range(rect.y // tile, (rect.bottom - 1) // tile + 1):
        for tx in range(rect.x // tile, (rect.right - 1) // tile + 1):
            yield ty, tx


def tile_rect(ty: int, tx: int, tile: int = TILE) -> Rect:
    """The pixels of tile (ty, tx), not clipped to an image."""
    return Rect(tx * tile, ty * tile, tile, tile)
