"""Two proposals on the canvas, parted by an upright line: left of it one is drawn, right of it the other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen

from segstudio.app.compare_desk import SIDES
from segstudio.core.geometry import Rect
from segstudio.gui.canvas.overlay_colors import layer_colors
from segstudio.gui.canvas.overlay_painters import ProposalPainter
from segstudio.gui.canvas.overlay_tiles import OverlayTiles
from segstudio.gui.canvas.tile_drawing import Pace

if TYPE_CHECKING:
    from collections.abc import Iterator

    from segstudio.app.compare_desk import CompareDesk, Side
    from segstudio.app.overlay_style import OverlayStyle
    from segstudio.app.session import Session
    from segstudio.core.layers import LabelLayer
    from segstudio.gui.canvas.overlay_colors import LayerColors
    from segstudio.gui.canvas.view_transform import ViewTransform

BUDGET_BYTES = 64 << 20
_DARK = QColor(0, 0, 0, 150)
_LIGHT = QColor(255, 255, 255, 230)


class SwipeLayers:
    """The overlays of both sides of a :class:`~segstudio.app.compare_desk.CompareDesk`, in the style of proposals.

    ``position`` 0 … 1 is where the line stands across the view; ``is_swapped`` draws each on the other's side;
    ``shows_labels`` lets the labels be seen beneath.
    """

    def __init__(self, session: Session, desk: CompareDesk) -> None:
        self._session, self._desk = session, desk
        self._tiles: dict[Side, OverlayTiles] = {side: OverlayTiles(budget_bytes=BUDGET_BYTES) for side in SIDES}
        self._painted_by: dict[Side, tuple[object, ...]] = {}
        self.position = 0.5
        self.is_swapped = False
        self.shows_labels = False

    @property
    def tiles(self) -> tuple[OverlayTiles, ...]:
        """The pictures of both sides."""
        return tuple(self._tiles.values())

    def clear(self) -> None:
        """Another comparison: forget every picture."""
        self._painted_by.clear()
        for tiles in self.tiles:
            tiles.clear()
            tiles.set_painter(None)

    def change(self, side: Side, rect: Rect) -> None:
        """Pixels of a side came in *rect* (image pixels)."""
        self._tiles[side].change(rect)

    def refresh(self, style: OverlayStyle, outline_width: int, rim_width: int) -> None:
        """Bring both painters in line with session and style; cheap when nothing changed."""
        for side in SIDES:
            tiles = self._tiles[side]
            tiles.is_shown = self._desk.is_open and not style.is_hidden
            if tiles.is_shown:
                self._refresh_side(side, style, outline_width if style.mode == "outline" else rim_width)

    def _refresh_side(self, side: Side, style: OverlayStyle, width: int) -> None:
        layer, classes = self._desk.side(side).layer, self._desk.classes.shown
        threshold, z = self._session.min_confidence, self._session.plane
        looks = (layer, style.mode, style.opacity, width, threshold, z, classes)
        key = (*looks, layer.segments_revision)
        if self._painted_by.get(side) == key:
            return
        # New segments alone change no picture: their pixels are told of when they come.
        keeps = self._painted_by.get(side, ())[: len(looks)] == looks
        solid = min(1.0, 0.2 + 0.8 * style.opacity) if style.opacity else 0.0
        colors = layer_colors(layer, classes, opacity=style.opacity * 0.4, solid_opacity=solid)
        self._join_outlines(layer, colors)
        is_filled = style.mode == "fill"
        painter = ProposalPainter(
            layer, colors, min_confidence=threshold, outline_width=width, is_filled=is_filled, z=z
        )
        self._tiles[side].set_painter(painter, keeps_tiles=keeps)
        self._painted_by[side] = key

    def _join_outlines(self, layer: LabelLayer, colors: LayerColors) -> None:
        """Classes of a model that are one class in the project are one area."""
        first: dict[int, int] = {}
        for segment in layer.segments.values():
            if not segment.is_object and colors.outline_key[segment.id]:
                class_id = self._desk.classes.targets.get(segment.class_id, 0)
                colors.outline_key[segment.id] = first.setdefault(class_id, segment.id)

    # -- drawing -------------------------------------------------------------------------------------------------

    def line_px(self, view_width_px: int) -> int:
        """Where the line stands, in pixels of a view so wide."""
        return min(max(round(self.position * view_width_px), 0), view_width_px)

    def halves(self, view: ViewTransform) -> Iterator[tuple[Side, Rect]]:
        """What each side covers of the view, in physical view pixels."""
        line = self.line_px(view.view_width_px)
        left, right = (SIDES[1], SIDES[0]) if self.is_swapped else SIDES
        yield left, Rect(0, 0, line, view.view_height_px)
        yield right, Rect(line, 0, view.view_width_px - line, view.view_height_px)

    def draw(
        self, painter: QPainter, view: ViewTransform, clip_px: Rect, deadline_s: float, pace: Pace = Pace.STILL
    ) -> bool:
        """Draw both halves within *clip_px*; False when some is still to be made."""
        is_complete = True
        for side, half in self.halves(view):
            part = half.intersected(clip_px)
            if part.is_empty:
                continue
            painter.save()
            painter.setClipRect(part.x, part.y, part.width, part.height)
            is_complete &= self._tiles[side].draw(painter, view, part, deadline_s, pace)
            painter.restore()
        if not self._desk.is_whole:
            draw_frame(painter, self._desk.rect, view)
        return is_complete


def draw_frame(painter: QPainter, rect: Rect, view: ViewTransform) -> None:
    """A dashed frame round the compared part of the image (physical pixels)."""
    left, top = view.to_view(rect.x, rect.y)
    right, bottom = view.to_view(rect.right, rect.bottom)
    shape = QRectF(left, top, right - left, bottom - top)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
    for color, style in ((_DARK, Qt.PenStyle.SolidLine), (_LIGHT, Qt.PenStyle.DashLine)):
        painter.setPen(QPen(color, 1, style))
        painter.drawRect(shape)
