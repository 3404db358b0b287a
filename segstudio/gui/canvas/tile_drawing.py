"""Placing level tiles on the view: which are seen, and where each one goes."""

from __future__ import annotations

import math
from enum import IntEnum
from typing import TYPE_CHECKING

from PySide6.QtCore import QRect
from PySide6.QtGui import QImage, QPainter

from segstudio.core.geometry import Rect
from segstudio.gui.canvas.view_transform import WHOLE_FROM

if TYPE_CHECKING:
    from collections.abc import Iterator

    from segstudio.gui.canvas.view_transform import ViewTransform

TILE_PX = 512
"""Side of a picture tile in level pixels; larger than a store tile, for smooth drawing costs per tile."""


class Pace(IntEnum):
    """How much care a frame can take."""

    STILL = 0
    """Everything at its best."""
    ZOOMING = 1
    """The zoom is moving: what is at hand will do, and coarser pictures where that saves much."""
    HURRIED = 2
    """Besides, frames come late: edges need not be smooth."""


def level_at(view: ViewTransform, level: int, pace: Pace) -> int:
    """The level to draw instead of *level*: the next coarser one where it is enlarged by less than half meanwhile.

    It has a quarter of the pixels, and reading them is what a frame's time goes into.
    """
    is_small = tile_side(view, level) * 4 < TILE_PX * 3
    return level + 1 if pace != Pace.STILL and is_small else level


def tile_side(view: ViewTransform, level: int) -> int:
    """The side of a tile of *level* on the view in physical pixels: whole, by the rounding of the zoom."""
    return round(TILE_PX * view.zoom * 2.0**level)


def tile_rect_px(view: ViewTransform, level: int, key: tuple[int, int]) -> Rect:
    """Where tile (ty, tx) lies, in physical view pixels."""
    left, top = view.origin
    side = tile_side(view, level)
    ty, tx = key
    return Rect(left + tx * side, top + ty * side, side, side)


def tile_range(view: ViewTransform, level: int, clip_px: Rect) -> Iterator[tuple[int, int]]:
    """(ty, tx) of the tiles of *level* that are seen in *clip_px* (physical view pixels), row by row."""
    seen = clip_px.intersected(view.image_rect_px())
    if seen.is_empty:
        return
    left, top = view.origin
    side = tile_side(view, level)
    for ty in range((seen.y - top) // side, (seen.bottom - 1 - top) // side + 1):
        for tx in range((seen.x - left) // side, (seen.right - 1 - left) // side + 1):
            yield ty, tx


def draw_tile(
    target: QPainter, image: QImage, view: ViewTransform, level: int, key: tuple[int, int], clip_px: Rect
) -> None:
    """Draw a tile's picture at its place; the painter works in physical pixels and clips to the image.

    The picture may be smaller than a tile (at the image's right and lower edge).
    """
    ty, tx = key
    left, top = view.origin
    side = tile_side(view, level)
    x, y = left + tx * side, top + ty * side
    width, height = image.width(), image.height()
    if side == TILE_PX:
        target.drawImage(x, y, image)
    elif view.zoom >= WHOLE_FROM and side > TILE_PX:
        # A whole tile would be tens of thousands of pixels wide: draw the pixels in the clip only.
        scale = side // TILE_PX
        first, first_row = max(0, (clip_px.x - x) // scale), max(0, (clip_px.y - y) // scale)
        last = min(width, -((x - clip_px.right) // scale))
        last_row = min(height, -((y - clip_px.bottom) // scale))
        if first < last and first_row < last_row:
            target.drawImage(
                QRect(x + first * scale, y + first_row * scale, (last - first) * scale, (last_row - first_row) * scale),
                image,
                QRect(first, first_row, last - first, last_row - first_row),
            )
    elif width == TILE_PX and height == TILE_PX:
        target.drawImage(QRect(x, y, side, side), image)
    else:
        # A cut tile need not end on a whole pixel: the painter clips to the image, so a bit more does no harm.
        scale_exact = side / TILE_PX
        target.save()
        target.translate(x, y)
        target.scale(scale_exact, scale_exact)
        target.drawImage(0, 0, image)
        target.restore()


def draw_ancestor(
    target: QPainter,
    image: QImage,
    view: ViewTransform,
    level: int,
    key: tuple[int, int],
    ancestor_level: int,
) -> None:
    """Fill the place of a missing tile with its part of a coarser tile's picture."""
    ty, tx = key
    steps = ancestor_level - level
    part = TILE_PX >> steps
    if part < 1:
        return
    left, top = view.origin
    side = tile_side(view, level)
    source = QRect((tx % (1 << steps)) * part, (ty % (1 << steps)) * part, part, part)
    seen = source.intersected(image.rect())
    if seen.isEmpty():
        return
    width = math.ceil(side * seen.width() / part)
    height = math.ceil(side * seen.height() / part)
    target.drawImage(QRect(left + tx * side, top + ty * side, width, height), image, seen)


class SeenTiles:
    """Tiles at the size they are seen at, kept while the zoom stays: moving the picture then only copies pixels.

    Made where a whole tile is drawn reduced; what is drawn is the same to the bit.
    """

    def __init__(self) -> None:
        self._scale = (0, 0)
        self._pictures: dict[tuple[int, int], tuple[int, QImage]] = {}

    def clear(self) -> None:
        """Let go of all pictures."""
        self._pictures.clear()

    def draw(
        self,
        target: QPainter,
        image: QImage,
        version: int,
        view: ViewTransform,
        level: int,
        key: tuple[int, int],
        clip_px: Rect,
    ) -> None:
        """As :func:`draw_tile`; *version* is another number whenever the tile's pixels are others."""
        side = tile_side(view, level)
        is_smooth = bool(target.renderHints() & QPainter.RenderHint.SmoothPixmapTransform)
        if side >= TILE_PX or image.width() != TILE_PX or image.height() != TILE_PX or not is_smooth:
            draw_tile(target, image, view, level, key, clip_px)
            return
        if self._scale != (level, side):
            self._pictures.clear()
            self._scale = (level, side)
        at = tile_rect_px(view, level, key)
        kept = self._pictures.pop(key, None)
        if kept is None or kept[0] != version:
            seen = at.clipped(view.view_width_px, view.view_height_px).intersected(view.image_rect_px())
            if seen.intersected(clip_px) != seen:  # a part that changed: scaling that alone is cheaper
                draw_tile(target, image, view, level, key, clip_px)
                return
            kept = (version, _scaled(image, side))
        self._pictures[key] = kept
        if len(self._pictures) > (view.view_width_px // side + 3) * (view.view_height_px // side + 3):
            self._pictures.pop(next(iter(self._pictures)))
        target.drawImage(at.x, at.y, kept[1])


def _scaled(image: QImage, side: int) -> QImage:
    scaled = QImage(side, side, image.format())
    painter = QPainter(scaled)
    painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, True)
    painter.setCompositionMode(QPainter.CompositionMode.CompositionMode_Source)
    painter.drawImage(QRect(0, 0, side, side), image)
    painter.end()
    return scaled
