"""What is drawn above the picture: kept rings look like those drawn line by line."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QRectF
from PySide6.QtGui import QImage, QPainter

from segstudio.app.tools.base import Ring, ToolPreview
from segstudio.gui.canvas import hud
from segstudio.gui.canvas.view_transform import ViewTransform


def canvas() -> tuple[np.ndarray, QImage]:
    pixels = np.full((400, 500), 0xFF808080, np.uint32)
    return pixels, QImage(pixels.data, 500, 400, 2000, QImage.Format.Format_RGB32)


@pytest.mark.parametrize("is_erasing", [False, True])
@pytest.mark.parametrize(("x", "y", "size"), [(250.0, 200.0, 200.0), (230.5, 180.0, 151.0), (100.0, 30.0, 333.0)])
def test_a_kept_ring_is_drawn_where_its_outline_is(
    qapp: object, x: float, y: float, size: float, is_erasing: bool
) -> None:
    ring = Ring(x, y, size, "round", is_erasing)
    view = ViewTransform(500, 400, 500, 400)
    for _ in range(2):  # made, then copied
        kept, image = canvas()
        painter = QPainter(image)
        hud.draw_preview(painter, ToolPreview(ring=ring), view, 1.0)
        painter.end()
    drawn, image = canvas()
    painter = QPainter(image)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
    hud._outline_ring(painter, QRectF(x - size / 2, y - size / 2, size, size), ring, 1.0)
    painter.end()
    assert (drawn != 0xFF808080).sum() > 300
    difference = kept.view(np.uint8).astype(int) - drawn.view(np.uint8)
    assert np.abs(difference).max() <= 2
