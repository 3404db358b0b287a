"""Superpixels by SLIC as objects (R. Achanta et al., 2012); the superpixel brush uses the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

from segstudio.core.superpixels import superpixels
from segstudio.ml.classic.pieces import fitting_size, objects_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from segstudio.ml.api import ObjectResult
    from segstudio.ml.classic.picture import Request


def find(request: Request) -> Iterator[ObjectResult]:
    """Even areas about ``size_px`` wide."""
    size = fitting_size(float(request.options["size_px"]), request.picture.width, request.picture.height)
    compactness = float(request.options["compactness"])
    return objects_of(request, lambda rgb: superpixels(rgb, size, compactness))
