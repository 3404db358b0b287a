"""The pictures of one overlay, kept in tiles a level and patched in place where its layer changed.

Cost follows the change: a stroke recolours its own pixels and nothing else. A change of style marks tiles as old; they
stay on screen until their turn comes, so that a moved slider never blanks the picture nor holds the window up.
"""

from __future__ import annotations

import itertools
import time
from collections import OrderedDict
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QRect
from PySide6.QtGui import QColor, QImage, QPainter

from segstudio.core.geometry import Rect
from segstudio.gui.canvas.level_sampling import level_rect_of
from segstudio.gui.canvas.tile_drawing import (
    TILE_PX,
    Pace,
    SeenTiles,
    draw_ancestor,
    draw_tile,
    level_at,
    tile_range,
    tile_rect_px,
)

if TYPE_CHECKING:
    from segstudio.gui.canvas.overlay_painters import OverlayPainter
    from segstudio.gui.canvas.view_transform import ViewTransform

MAX_PATCHES = 48
"""More pending rectangles than this are joined to one."""
_versions = itertools.count(1)
STAND_IN_LEVELS = 3
"""Pictures of so many levels coarser may stand in for a missing one."""


class _Tile:
    """One picture: an array with a QImage on its memory, or one colour for all pixels."""

    __slots__ = ("array", "color", "image", "stamp", "version")

    def __init__(self, stamp: int) -> None:
        self.array: np.ndarray | None = None
        self.image: QImage | None = None
        self.color = 0
        self.stamp = stamp
        self.version = 0

    def put(self, pixels: np.ndarray | int, x: int, y: int, width: int, height: int) -> None:
        """Write pixels at (x, y) of the tile; the QImage shows them at once, for it looks at the same memory."""
        self.version = next(_versions)
        is_whole = width == TILE_PX and height == TILE_PX
        if isinstance(pixels, int):
            if is_whole:
                self.array, self.image, self.color = None, None, pixels
                return
            if self.array is None and self.color == pixels:
                return
        if self.array is None:
            self.array = np.full((TILE_PX, TILE_PX), self.color, np.uint32)
            self.image = QImage(
                self.array.data, TILE_PX, TILE_PX, TILE_PX * 4, QImage.Format.Format_ARGB32_Premultiplied
            )
        self.array[y : y + height, x : x + width] = pixels

    @property
    def nbytes(self) -> int:
        """Memory of the pixels."""
        return 64 if self.array is None else self.array.nbytes


class OverlayTiles:
    """One overlay: its painter, its tiles, and what of them is out of date."""

    def __init__(self, painter: OverlayPainter | None = None, *, budget_bytes: int = 96 << 20) -> None:
        self._painter = painter
        self._budget_bytes = budget_bytes
        self._levels: dict[int, OrderedDict[tuple[int, int], _Tile]] = {}
        self._patches: list[Rect] = []
        self._stamp = 0
        self._nbytes = 0
        self._seen = SeenTiles()
        self.is_shown = True
        """A hidden overlay keeps its pictures, and catches up with its layer when it is shown again."""

    @property
    def painter(self) -> OverlayPainter | None:
        """What makes the pixels; None draws nothing."""
        return self._painter

    @property
    def nbytes(self) -> int:
        """Memory of all tiles."""
        return self._nbytes

    def set_painter(self, painter: OverlayPainter | None, *, keeps_tiles: bool = False) -> None:
        """Draw with another painter. Old tiles stay in sight until repainted; with *keeps_tiles* they hold good."""
        self._painter = painter
        if not keeps_tiles:
            self._stamp += 1
            self._patches.clear()

    def clear(self) -> None:
        """Forget every tile (another image)."""
        self._seen.clear()
        self._levels.clear()
        self._patches.clear()
        self._nbytes = 0

    def change(self, rect: Rect) -> None:
        """The layer changed in *rect* (image pixels); cheap, the pixels are made when they are drawn."""
        if rect.is_empty or not self._levels:
            return
        self._patches.append(rect)
        if len(self._patches) > MAX_PATCHES:
            joined = self._patches[0]
            for other in self._patches[1:]:
                joined = joined.united(other)
            self._patches = [joined]

    # -- drawing -------------------------------------------------------------------------------------------------

    def level_for(self, view: ViewTransform) -> int:
        """The level that is drawn at this zoom."""
        is_fine = self._painter is not None and self._painter.is_fine
        return view.fine_level if is_fine else view.level

    def draw(
        self, target: QPainter, view: ViewTransform, clip_px: Rect, deadline_s: float, pace: Pace = Pace.STILL
    ) -> bool:
        """Draw what lies in *clip_px* (physical view pixels); False when time ran out and some is still old or missing.

        ``deadline_s`` is a ``time.perf_counter()`` time; changes of the layer are shown whatever it says. Pictures of
        other levels stand in for missing ones.
        """
        painter = self._painter
        if painter is None or not self.is_shown:
            return True
        level = level_at(view, self.level_for(view), pace)
        # Label pixels stay square when magnified; what is drawn at screen scale is always reduced a little.
        is_smooth = (view.zoom < 1 or painter.is_fine) and pace != Pace.HURRIED
        target.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, is_smooth)
        self._patch(painter, level)
        tiles = self._levels.setdefault(level, OrderedDict())
        is_complete = True
        for key in tile_range(view, level, clip_px):
            tile = tiles.get(key)
            if tile is None or tile.stamp != self._stamp:
                # One that is seen in part only is left to prepare(), which has all of it drawn.
                if time.perf_counter() < deadline_s and _is_drawn_whole(view, level, key, clip_px):
                    tile = self._build(painter, tiles, level, key)
                else:
                    is_complete = False
            if tile is None:
                self._draw_stand_in(target, view, level, key, clip_px)
                continue
            tiles.move_to_end(key)
            if pace == Pace.STILL and tile.image is not None:
                self._seen.draw(target, tile.image, tile.version, view, level, key, clip_px)
            else:
                _draw(target, tile, view, level, key, clip_px)
        self._trim(level, view)
        return is_complete

    def _draw_stand_in(
        self, target: QPainter, view: ViewTransform, level: int, key: tuple[int, int], clip_px: Rect
    ) -> None:
        """Fill a missing tile's place from the nearest coarser level that has it, or from the next finer one."""
        ty, tx = key
        for steps in range(1, STAND_IN_LEVELS + 1):
            above = self._levels.get(level + steps, {}).get((ty >> steps, tx >> steps))
            if above is not None and above.image is not None:
                draw_ancestor(target, above.image, view, level, key, level + steps)
            elif above is not None and above.color:
                _fill_tile(target, above.color, view, level, key, clip_px)
            if above is not None:
                return
        finer: dict[tuple[int, int], _Tile] = self._levels.get(level - 1, OrderedDict())
        for part in ((2 * ty, 2 * tx), (2 * ty, 2 * tx + 1), (2 * ty + 1, 2 * tx), (2 * ty + 1, 2 * tx + 1)):
            tile = finer.get(part)
            if tile is not None:
                _draw(target, tile, view, level - 1, part, clip_px)

    def prepare(self, view: ViewTransform, deadline_s: float, pace: Pace = Pace.STILL) -> tuple[list[Rect], bool]:
        """Make what the whole view lacks until time runs out, at least one tile.

        Answers the physical view rectangles to draw again, and whether all is there now. While the zoom is moving
        pictures that are only old can wait.
        """
        painter = self._painter
        if painter is None or not self.is_shown:
            return [], True
        level = level_at(view, self.level_for(view), pace)
        tiles = self._levels.setdefault(level, OrderedDict())
        made: list[Rect] = []
        for key in tile_range(view, level, _whole(view)):
            tile = tiles.get(key)
            if tile is not None and (pace != Pace.STILL or tile.stamp == self._stamp):
                continue
            if made and time.perf_counter() >= deadline_s:
                return made, False
            self._build(painter, tiles, level, key)
            made.append(tile_rect_px(view, level, key))
        return made, True

    def _build(
        self, painter: OverlayPainter, tiles: OrderedDict[tuple[int, int], _Tile], level: int, key: tuple[int, int]
    ) -> _Tile:
        ty, tx = key
        tile = tiles.get(key)
        if tile is None:
            tile = tiles[key] = _Tile(self._stamp)
        else:
            self._nbytes -= tile.nbytes
        tile.put(painter.paint(Rect(tx * TILE_PX, ty * TILE_PX, TILE_PX, TILE_PX), level), 0, 0, TILE_PX, TILE_PX)
        tile.stamp = self._stamp
        self._nbytes += tile.nbytes
        return tile

    def _patch(self, painter: OverlayPainter, level: int) -> None:
        """Bring the tiles of *level* up to date with what changed; those of other levels are dropped there."""
        patches, self._patches = self._patches, []
        for changed in patches:
            for other, tiles in self._levels.items():
                rect = level_rect_of(changed, other).expanded(painter.margin)
                for ty in range(rect.y // TILE_PX, (rect.bottom - 1) // TILE_PX + 1):
                    for tx in range(rect.x // TILE_PX, (rect.right - 1) // TILE_PX + 1):
                        tile = tiles.get((ty, tx))
                        if tile is None:
                            continue
                        if other != level:
                            self._nbytes -= tile.nbytes
                            del tiles[ty, tx]
                        elif tile.stamp == self._stamp:
                            self._patch_tile(painter, tile, level, ty, tx, rect)

    def _patch_tile(self, painter: OverlayPainter, tile: _Tile, level: int, ty: int, tx: int, rect: Rect) -> None:
        whole = Rect(tx * TILE_PX, ty * TILE_PX, TILE_PX, TILE_PX)
        part = rect.intersected(whole)
        if part == whole:  # as dear as making it anew: when its turn comes
            tile.stamp = -1
            return
        self._nbytes -= tile.nbytes
        tile.put(painter.paint(part, level), part.x - whole.x, part.y - whole.y, part.width, part.height)
        self._nbytes += tile.nbytes

    def _trim(self, level: int, view: ViewTransform) -> None:
        """Drop what was not drawn for longest, other levels first, but never what one screen needs."""
        if self._nbytes <= self._budget_bytes:
            return
        on_screen = sum(1 for _ in tile_range(view, level, _whole(view)))
        for other in sorted(self._levels, key=lambda one: -abs(one - level)):
            tiles = self._levels[other]
            keep = on_screen if other == level else 0
            while len(tiles) > keep and self._nbytes > self._budget_bytes:
                _, tile = tiles.popitem(last=False)
                self._nbytes -= tile.nbytes


def _is_drawn_whole(view: ViewTransform, level: int, key: tuple[int, int], clip_px: Rect) -> bool:
    seen = tile_rect_px(view, level, key).clipped(view.view_width_px, view.view_height_px)
    seen = seen.intersected(view.image_rect_px())
    return seen.intersected(clip_px) == seen


def _draw(target: QPainter, tile: _Tile, view: ViewTransform, level: int, key: tuple[int, int], clip_px: Rect) -> None:
    if tile.image is not None:
        draw_tile(target, tile.image, view, level, key, clip_px)
    elif tile.color:
        _fill_tile(target, tile.color, view, level, key, clip_px)


def _fill_tile(
    target: QPainter, color: int, view: ViewTransform, level: int, key: tuple[int, int], clip_px: Rect
) -> None:
    """One premultiplied colour over the whole tile."""
    alpha = color >> 24
    red, green, blue = (min(255, ((color >> shift) & 255) * 255 // alpha) for shift in (16, 8, 0))
    rect = tile_rect_px(view, level, key).intersected(clip_px)
    target.fillRect(QRect(rect.x, rect.y, rect.width, rect.height), QColor(red, green, blue, alpha))


def _whole(view: ViewTransform) -> Rect:
    return Rect(0, 0, view.view_width_px, view.view_height_px)
