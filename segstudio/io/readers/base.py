"""What a reader of images is: pixels by level, plane and window, in their own values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from segstudio.core.geometry import Rect


@dataclass(frozen=True)
class ImageInfo:
    """What is known of an image without its pixels.

    ``levels`` are (width, height) of each resolution, finest first, each about half of the one before. ``dtype`` is numpy's name of the
    values. ``is_rgb`` says that the first three bands are red, green and blue. ``metadata`` holds what a format adds (spacing, CRS).
    """

    path: Path
    width: int
    height: int
    depth: int
    bands: int
    dtype: str
    levels: tuple[tuple[int, int], ...]
    is_rgb: bool
    metadata: Mapping[str, Any] = field(default_factory=dict)


class ImageReader(Protocol):
    """An open image. One thread uses it at a time."""

    @property
    def info(self) -> ImageInfo:
        """What is known of the image."""
        ...

    def read(self, level: int, z: int, window: Rect) -> npt.NDArray[np.generic]:
        """(band, y, x) values of *window* (in pixels of *level*, inside the image) of plane *z*; may be a view."""
        ...

    def close(self) -> None:
        """Free what it holds."""
        ...


def level_sizes(width: int, height: int, smallest_px: int = 512) -> tuple[tuple[int, int], ...]:
    """Sizes of a pyramid that halves until the longer side is at most *smallest_px*."""
    sizes = [(width, height)]
    while max(sizes[-1]) > smallest_px:
        w, h = sizes[-1]
        sizes.append((max(1, (w + 1) // 2), max(1, (h + 1) // 2)))
    return tuple(sizes)
