"""Colour maps for one band: 256 colours from dark to bright."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

GREY = "grey"
_OF_CV2 = {
    "viridis": cv2.COLORMAP_VIRIDIS,
    "magma": cv2.COLORMAP_MAGMA,
    "inferno": cv2.COLORMAP_INFERNO,
    "cividis": cv2.COLORMAP_CIVIDIS,
    "turbo": cv2.COLORMAP_TURBO,
}
_TERRAIN = (
    (0.0, (44, 62, 110)),
    (0.2, (66, 140, 168)),
    (0.25, (58, 120, 72)),
    (0.45, (142, 172, 92)),
    (0.6, (214, 196, 128)),
    (0.8, (140, 100, 72)),
    (1.0, (250, 250, 250)),
)
"""(place, colour): water, shore, lowland, hills, rock, snow."""
COLOR_MAPS = (GREY, *_OF_CV2, "terrain")
"""Names of all maps."""


@lru_cache(maxsize=len(COLOR_MAPS))
def color_lut(name: str) -> npt.NDArray[np.uint8]:
    """(256, 1, 3) uint8 RGB, read-only, as cv2.applyColorMap takes it.

    Raises
    ------
    KeyError
        For a name that is not in :data:`COLOR_MAPS`.
    """
    ramp = np.arange(256, dtype=np.uint8)[:, None]
    lut: npt.NDArray[Any]
    if name == GREY:
        lut = np.repeat(ramp[..., None], 3, axis=2)
    elif name == "terrain":
        places, colors = [place for place, _ in _TERRAIN], np.array([color for _, color in _TERRAIN], np.float64)
        unit = np.arange(256) / 255
        lut = np.stack([np.interp(unit, places, colors[:, c]) for c in range(3)], axis=-1).round()[:, None]
    else:
        lut = cv2.cvtColor(cv2.applyColorMap(ramp, _OF_CV2[name]), cv2.COLOR_BGR2RGB)
    table = np.ascontiguousarray(lut, np.uint8)
    table.flags.writeable = False
    return table
