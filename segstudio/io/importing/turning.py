"""Labels that were drawn on a picture as it is stored, brought to the picture as it is meant to be seen (EXIF)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from segstudio.core.layer_builder import ClassPixels
from segstudio.io.readers.memory import oriented

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from segstudio.core.layer_builder import Piece

SWAPPED = (5, 6, 7, 8)
"""Orientations under which width and height change places."""


def turned(pieces: Iterable[Piece], orientation: int, width: int, height: int) -> Iterator[Piece]:
    """*pieces* of a stored picture of (*width*, *height*), turned as EXIF *orientation* (1 … 8) says."""
    for piece in pieces:
        pixels = piece.values if isinstance(piece, ClassPixels) else piece.mask
        rows, columns = pixels.shape
        x, y = turned_corner(piece.x, piece.y, columns, rows, orientation, width, height)
        if isinstance(piece, ClassPixels):
            yield replace(piece, x=x, y=y, values=oriented(piece.values, orientation))
        else:
            yield replace(piece, x=x, y=y, mask=oriented(piece.mask, orientation))


def turned_corner(
    x: int, y: int, columns: int, rows: int, orientation: int, width: int, height: int
) -> tuple[int, int]:
    """Where the corner of a rectangle of (*columns*, *rows*) pixels at (x, y) comes to lie."""
    if orientation in SWAPPED:
        x, y, columns, rows, width, height = y, x, rows, columns, height, width
    if orientation in (3, 4, 7, 8):
        y = height - y - rows
    if orientation in (2, 3, 6, 7):
        x = width - x - columns
    return x, y
