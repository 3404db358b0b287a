"""PySide6 6.12.0 on Python ≤ 3.11 loses a reference to None at each void call; when this passes there, lift the pin."""

from __future__ import annotations

import sys

from PySide6.QtGui import QColor, QImage, QPainter

CALLS = 1000
MAX_DRIFT = 50


def test_void_calls_keep_the_references_to_none():
    image = QImage(16, 16, QImage.Format.Format_ARGB32_Premultiplied)
    image.fill(0)
    painter = QPainter(image)
    color = QColor(10, 20, 30)
    try:
        before = sys.getrefcount(None)
        for _ in range(CALLS):
            painter.fillRect(1, 1, 4, 4, color)
        drift = sys.getrefcount(None) - before
    finally:
        painter.end()
    assert abs(drift) < MAX_DRIFT, f"{CALLS} void QPainter calls moved the references to None by {drift}"
