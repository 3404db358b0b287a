"""What is drawn above image and overlays: the brush ring, a tool's path and handles, the pixel grid, hints.

Everything here is in physical view pixels; ``ratio`` scales widths so that they look the same on every screen.
"""

from __future__ import annotations

import math
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QLine, QPointF, QRect, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QFontMetrics, QImage, QPainter, QPen, QPolygonF

from segstudio.app.tools.base import Ring
from segstudio.core.geometry import EMPTY, Rect

if TYPE_CHECKING:
    from segstudio.app.tools.base import PreviewArea, PreviewLine, ToolPreview
    from segstudio.gui.canvas.view_transform import ViewTransform

GRID_FROM_ZOOM = 8.0
HANDLE_PX = 7
SMOOTH_POINTS = 150
_DARK = QColor(0, 0, 0, 175)
_LIGHT = QColor(255, 255, 255, 240)
_SMALL_RING_PX = 7
KEPT_RINGS_PX = (128, 1024)
"""Rings of these diameters are drawn once and copied; an outline with smooth edges takes as long as all else."""


def draw_grid(painter: QPainter, view: ViewTransform, clip_px: Rect) -> None:
    """Thin lines between the image's pixels, drawn from 8× up; they fade in with the zoom."""
    if view.zoom < GRID_FROM_ZOOM:
        return
    seen = view.visible_rect(clip_px)
    if seen.is_empty:
        return
    left, top = (round(value) for value in view.to_view(seen.x, seen.y))
    right, bottom = (round(value) for value in view.to_view(seen.right, seen.bottom))
    lines = []
    for column in range(seen.x, seen.right + 1):
        x = round(view.to_view(column, 0)[0])
        lines.append(QLine(x, top, x, bottom))
    for row in range(seen.y, seen.bottom + 1):
        y = round(view.to_view(0, row)[1])
        lines.append(QLine(left, y, right, y))
    strength = min(1.0, 0.45 + (view.zoom - GRID_FROM_ZOOM) / 24)
    painter.setPen(QPen(QColor(128, 128, 128, round(120 * strength)), 1))
    painter.drawLines(lines)


def draw_preview(painter: QPainter, preview: ToolPreview, view: ViewTransform, ratio: float) -> None:
    """The current tool's ring, path and handles."""
    if not preview.areas:
        _area_picture.cache_clear()  # what a tool has shown is not needed after it
    for area in preview.areas:
        _draw_area(painter, area, area.color or preview.color, view)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
    for line in preview.lines:
        _draw_line(painter, line, line.color or preview.color, view, ratio)
    if preview.path_xy:
        _draw_path(painter, preview, view, ratio)
    _draw_handles(painter, preview, view, ratio)
    if preview.ring is not None:
        _draw_ring(painter, preview.ring, view, ratio)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)


def _draw_ring(painter: QPainter, ring: Ring, view: ViewTransform, ratio: float) -> None:
    """A dark and a light line side by side, so that it is seen on everything; dashed when it erases."""
    x, y = view.to_view(ring.x, ring.y)
    size = max(1.0, ring.size_px * view.zoom)
    shape = QRectF(x - size / 2, y - size / 2, size, size)
    if ring.shape == "round" and KEPT_RINGS_PX[0] <= size <= KEPT_RINGS_PX[1]:
        left, top = (round(2 * (value - size / 2)) for value in (x, y))
        picture = _ring_picture(size, left % 2, top % 2, ring.is_erasing, ratio)
        painter.drawImage(left // 2 - _ring_margin(ratio), top // 2 - _ring_margin(ratio), picture)
        return
    _outline_ring(painter, shape, ring, ratio)


def _outline_ring(painter: QPainter, shape: QRectF, ring: Ring, ratio: float) -> None:
    style = Qt.PenStyle.DashLine if ring.is_erasing else Qt.PenStyle.SolidLine
    painter.setBrush(Qt.BrushStyle.NoBrush)
    for color, width, line in ((_DARK, 3.0, Qt.PenStyle.SolidLine), (_LIGHT, 1.2, style)):
        painter.setPen(QPen(color, width * ratio, line, Qt.PenCapStyle.FlatCap))
        if shape.width() < _SMALL_RING_PX * ratio:
            _draw_cross(painter, shape.center().x(), shape.center().y(), shape.width(), ratio)
        if ring.shape == "square":
            painter.drawRect(shape)
        else:
            painter.drawEllipse(shape)


def _ring_margin(ratio: float) -> int:
    return math.ceil(2 * ratio) + 1


@lru_cache(maxsize=4)
def _ring_picture(size: float, half_x: int, half_y: int, is_erasing: bool, ratio: float) -> QImage:
    """A round ring that begins so many half pixels right of and below the margin."""
    margin = _ring_margin(ratio)
    side = math.ceil(size) + 2 * margin + 1
    picture = QImage(side, side, QImage.Format.Format_ARGB32_Premultiplied)
    picture.fill(0)
    painter = QPainter(picture)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
    shape = QRectF(margin + half_x / 2, margin + half_y / 2, size, size)
    _outline_ring(painter, shape, Ring(0.0, 0.0, size, "round", is_erasing), ratio)
    painter.end()
    return picture


def _draw_cross(painter: QPainter, x: float, y: float, size: float, ratio: float) -> None:
    """Arms round a ring too small to be found."""
    near, far = size / 2 + 3 * ratio, size / 2 + 9 * ratio
    for dx, dy in ((1, 0), (-1, 0), (0, 1), (0, -1)):
        painter.drawLine(QPointF(x + dx * near, y + dy * near), QPointF(x + dx * far, y + dy * far))


def _draw_path(painter: QPainter, preview: ToolPreview, view: ViewTransform, ratio: float) -> None:
    points = [QPointF(*view.to_view(x, y)) for x, y in preview.path_xy]
    color = QColor(preview.color)
    # Smooth edges of a long freehand line would take longer than a frame.
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, len(points) <= SMOOTH_POINTS)
    if len(points) > 2:
        inside = QColor(color)
        inside.setAlpha(64)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(Qt.BrushStyle.NoBrush if preview.is_erasing else inside)
        painter.drawPolygon(QPolygonF(points))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    style = Qt.PenStyle.DashLine if preview.is_erasing else Qt.PenStyle.SolidLine
    front = _LIGHT if preview.is_erasing else color
    for pen_color, width, line in ((_DARK, 3.5, Qt.PenStyle.SolidLine), (front, 1.8, style)):
        painter.setPen(QPen(pen_color, width * ratio, line, Qt.PenCapStyle.RoundCap, Qt.PenJoinStyle.RoundJoin))
        if preview.is_closed:
            painter.drawPolygon(QPolygonF(points))
        else:
            painter.drawPolyline(QPolygonF(points))
    if not preview.is_closed and len(points) > 2:
        painter.setPen(QPen(_LIGHT, ratio, Qt.PenStyle.DotLine))
        painter.drawLine(points[-1], points[0])
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)


def _draw_area(painter: QPainter, area: PreviewArea, color: str, view: ViewTransform) -> None:
    """Half of the colour over an area, pixel by pixel; only what is seen is turned into a picture."""
    seen = view.visible_rect().intersected(area.rect)
    if seen.is_empty:
        return
    height, width = area.mask.shape
    across, down = area.rect.width / width, area.rect.height / height
    left, top = int((seen.x - area.rect.x) / across), int((seen.y - area.rect.y) / down)
    right = min(width, math.ceil((seen.right - area.rect.x) / across))
    bottom = min(height, math.ceil((seen.bottom - area.rect.y) / down))
    step = max(1, int(1 / (view.zoom * max(across, down))))
    picture = _area_picture(area, Rect(left, top, right - left, bottom - top), step, color)
    x, y = view.to_view(area.rect.x + left * across, area.rect.y + top * down)
    wide, high = picture.width() * step * across * view.zoom, picture.height() * step * down * view.zoom
    painter.drawImage(QRectF(x, y, wide, high), picture)


@lru_cache(maxsize=4)
def _area_picture(area: PreviewArea, part: Rect, step: int, color: str) -> QImage:
    """Every *step*-th pixel of a part of an area's mask; kept while the same area is drawn again and again."""
    mask = area.mask[part.y : part.bottom : step, part.x : part.right : step]
    tint = QColor(color)
    alpha = 140
    value = (alpha << 24) | sum((channel * alpha // 255) << shift for channel, shift in _channels(tint))
    pixels = np.where(mask, np.uint32(value), np.uint32(0))
    height, width = pixels.shape
    return QImage(pixels.data, width, height, width * 4, QImage.Format.Format_ARGB32_Premultiplied).copy()


def _channels(color: QColor) -> tuple[tuple[int, int], ...]:
    return ((color.red(), 16), (color.green(), 8), (color.blue(), 0))


def _draw_line(painter: QPainter, line: PreviewLine, color: str, view: ViewTransform, ratio: float) -> None:
    points = QPolygonF([QPointF(*view.to_view(x, y)) for x, y in line.points_xy])
    painter.setBrush(Qt.BrushStyle.NoBrush)
    style = Qt.PenStyle.DashLine if line.is_dashed else Qt.PenStyle.SolidLine
    for pen_color, width, kind in ((_DARK, 3.5, Qt.PenStyle.SolidLine), (QColor(color), 1.8, style)):
        painter.setPen(QPen(pen_color, width * ratio, kind, Qt.PenCapStyle.RoundCap, Qt.PenJoinStyle.RoundJoin))
        if line.is_closed:
            painter.drawPolygon(points)
        else:
            painter.drawPolyline(points)
    if line.text and line.points_xy:
        rect = _text_rect(line, view, ratio)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(20, 22, 26, 225))
        painter.drawRoundedRect(rect, 3 * ratio, 3 * ratio)
        painter.setFont(_text_font(ratio))
        painter.setPen(QColor(245, 247, 250))
        painter.drawText(rect, Qt.AlignmentFlag.AlignCenter, line.text)


def _text_font(ratio: float) -> QFont:
    font = QFont()
    font.setPixelSize(round(12 * ratio))
    return font


def _text_rect(line: PreviewLine, view: ViewTransform, ratio: float) -> QRectF:
    metrics = QFontMetrics(_text_font(ratio))
    x, y = view.to_view(*line.points_xy[-1])
    return QRectF(
        x + 10 * ratio, y + 10 * ratio, metrics.horizontalAdvance(line.text) + 12 * ratio, metrics.height() + 4 * ratio
    )


def _draw_handles(painter: QPainter, preview: ToolPreview, view: ViewTransform, ratio: float) -> None:
    for index, (x, y) in enumerate(preview.handles_xy):
        at = QPointF(*view.to_view(x, y))
        _draw_handle(painter, at, QColor(preview.color), ratio, is_hot=index == preview.hot_handle)


def _draw_handle(painter: QPainter, at: QPointF, color: QColor, ratio: float, *, is_hot: bool) -> None:
    side = (HANDLE_PX + 3 if is_hot else HANDLE_PX) * ratio
    painter.setPen(QPen(_DARK, 1.2 * ratio))
    painter.setBrush(color if is_hot else QColor(255, 255, 255))
    painter.drawRect(QRectF(at.x() - side / 2, at.y() - side / 2, side, side))


def preview_rect_px(preview: ToolPreview, view: ViewTransform, ratio: float) -> Rect:
    """The physical view pixels that :func:`draw_preview` touches."""
    rect = EMPTY
    if preview.ring is not None:
        x, y = view.to_view(preview.ring.x, preview.ring.y)
        rect = _around(x, y, max(preview.ring.size_px * view.zoom / 2, _SMALL_RING_PX * ratio + 6 * ratio) + 3 * ratio)
    for area in preview.areas:
        left, top = view.to_view(area.rect.x, area.rect.y)
        right, bottom = view.to_view(area.rect.right, area.rect.bottom)
        x, y = math.floor(left) - 2, math.floor(top) - 2
        rect = rect.united(Rect(x, y, math.ceil(right) + 2 - x, math.ceil(bottom) + 2 - y))
    for line in preview.lines:
        if line.text and line.points_xy:
            box = _text_rect(line, view, ratio).toAlignedRect().adjusted(-2, -2, 2, 2)
            rect = rect.united(Rect(box.x(), box.y(), box.width(), box.height()))
    points = (*preview.path_xy, *preview.handles_xy, *(point for line in preview.lines for point in line.points_xy))
    if points:
        placed = [view.to_view(x, y) for x, y in points]
        margin = math.ceil((HANDLE_PX + 4) * ratio)
        left, right = min(x for x, _ in placed), max(x for x, _ in placed)
        top, bottom = min(y for _, y in placed), max(y for _, y in placed)
        x, y = math.floor(left) - margin, math.floor(top) - margin
        rect = rect.united(Rect(x, y, math.ceil(right) + margin - x, math.ceil(bottom) + margin - y))
    return rect.clipped(view.view_width_px, view.view_height_px)


def changed_parts(before: ToolPreview, after: ToolPreview) -> tuple[ToolPreview, ToolPreview]:
    """Two previews less what stands unchanged in both: what was drawn only before, and what only after."""
    if (before.color, before.is_erasing) != (after.color, after.is_erasing):
        return before, after

    def path_of(one: ToolPreview) -> tuple[object, ...]:
        return one.path_xy, one.is_closed, one.handles_xy, one.hot_handle

    same_areas = {id(area) for area in before.areas} & {id(area) for area in after.areas}
    same_lines = set(before.lines) & set(after.lines)
    parts = []
    for one in (before, after):
        areas = tuple(area for area in one.areas if id(area) not in same_areas)
        lines = tuple(line for line in one.lines if line not in same_lines)
        part = replace(one, areas=areas, lines=lines)
        parts.append(replace(part, path_xy=(), handles_xy=()) if path_of(before) == path_of(after) else part)
    return parts[0], parts[1]


def _around(x: float, y: float, reach: float) -> Rect:
    left, top = math.floor(x - reach), math.floor(y - reach)
    return Rect(left, top, math.ceil(x + reach) - left, math.ceil(y + reach) - top)


def bubble_rect(text: str, at: QPointF, font: QFont, bounds: QRect) -> QRect:
    """Where a hint beside the cursor goes, in logical pixels: below right of *at*, kept inside *bounds*."""
    metrics = QFontMetrics(font)
    width = metrics.horizontalAdvance(text) + 16
    height = metrics.height() + 8
    x = min(round(at.x()) + 18, bounds.right() - width - 4)
    y = round(at.y()) + 18
    if y + height > bounds.bottom() - 4:
        y = round(at.y()) - 12 - height
    return QRect(max(bounds.left() + 4, x), max(bounds.top() + 4, y), width, height)


def draw_bubble(painter: QPainter, text: str, rect: QRect) -> None:
    """A hint on a dark ground (logical pixels)."""
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QColor(20, 22, 26, 225))
    painter.drawRoundedRect(rect, 4, 4)
    painter.setPen(QColor(245, 247, 250))
    painter.drawText(rect, Qt.AlignmentFlag.AlignCenter, text)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)


def draw_message(painter: QPainter, title: str, body: str, bounds: QRect, title_color: QColor, color: QColor) -> None:
    """A sentence in the middle of the canvas, with a heading where there is one (logical pixels)."""
    width = min(520, bounds.width() - 48)
    if width <= 0:
        return
    flags = Qt.AlignmentFlag.AlignHCenter | Qt.TextFlag.TextWordWrap
    font = QFont(painter.font())
    heading = QFont(font)
    heading.setPixelSize(max(17, round(QFontMetrics(font).height() * 1.15)))
    heading.setWeight(QFont.Weight.DemiBold)
    area = QRect(0, 0, width, 10_000)
    title_rect = QFontMetrics(heading).boundingRect(area, flags, title) if title else QRect()
    body_rect = QFontMetrics(font).boundingRect(area, flags, body) if body else QRect()
    gap = 8 if title and body else 0
    top = bounds.center().y() - (title_rect.height() + gap + body_rect.height()) // 2
    left = bounds.center().x() - width // 2
    if title:
        painter.setFont(heading)
        painter.setPen(title_color)
        painter.drawText(QRect(left, top, width, title_rect.height() + 4), flags, title)
    if body:
        painter.setFont(font)
        painter.setPen(color)
        below = top + title_rect.height() + gap
        painter.drawText(QRect(left, below, width, body_rect.height() + 4), flags, body)
