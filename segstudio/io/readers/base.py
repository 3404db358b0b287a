"""What every image reader answers: a description, and windows of raw values at a level."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

    from segstudio.core.geometry import Rect


@dataclass(frozen=True)
class ImageInfo:
    """What is known of an image without its pixels.

    ``width`` and ``height`` are those of the picture as it is meant to be seen (EXIF orientation applied); ``dtype``
    is that of the values :meth:`ImageReader.read` gives. ``levels`` holds (width, height) of every resolution, the full
    one first. ``is_rgb``: the first three bands are red, green and blue (an alpha may follow).

    ``metadata`` may hold ``crs`` (WKT, or ``EPSG:n`` where rasterio is missing), ``transform`` (a, b, c, d, e, f of
    pixel corners), ``gcps`` ((column, row, x, y, z), …), ``nodata``, ``alpha_band``, ``spacing`` (x, y, z) in
    ``spacing_unit``, ``affine``, ``modality``, ``window_presets``, ``band_names``.
    """

    path: Path
    width: int
    height: int
    depth: int = 1
    bands: int = 1
    dtype: str = "uint8"
    levels: tuple[tuple[int, int], ...] = ()
    is_rgb: bool = False
    metadata: dict[str, Any] = field(default_factory=dict)


class ImageReader(Protocol):
    """An open image; close it when done.

    ``read`` may be called from several threads at once (the canvas's worker, a tool, a job): a reader over a file
    handle locks itself, and holds the lock no longer than one tile takes.

    A reader may have more, which is asked for with ``getattr``: ``valid_mask(level, z, window)``, a (y, x) bool array
    (False: nodata, transparent, masked or damaged) or None where all is valid; ``notices``, sentences for the user;
    ``watch(listener)``, which is called from any thread with each further sentence, and with "" when a better
    picture can be read than before.
    """

    @property
    def info(self) -> ImageInfo:
        """Size, bands and type."""
        ...

    def read(self, level: int, z: int, window: Rect) -> npt.NDArray[Any]:
        """(band, y, x) raw values, read-only, of *window* (in that level's pixels; clipped to it).

        Raises
        ------
        UserError
            When the file cannot be read any more.
        """
        ...

    def close(self) -> None:
        """Let go of memory and files."""
        ...


def level_sizes(width: int, height: int, smallest_px: int = 256) -> tuple[tuple[int, int], ...]:
    """Sizes of a pyramid that halves (rounding up) until the longer side is *smallest_px* or less."""
    sizes = [(width, height)]
    while max(sizes[-1]) > smallest_px:
        sizes.append(((sizes[-1][0] + 1) // 2, (sizes[-1][1] + 1) // 2))
    return tuple(sizes)
