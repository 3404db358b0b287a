"""The image's own values for tools and region operations. Readers may be asked from any thread."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from segstudio.core.display import auto_settings, to_rgb8

if TYPE_CHECKING:
    import numpy.typing as npt

    from segstudio.app.session import Session
    from segstudio.core.display import DisplaySettings
    from segstudio.core.geometry import Rect
    from segstudio.io.readers.base import ImageReader


def shown_settings(session: Session) -> DisplaySettings | None:
    """How the current image is drawn now; None while that is not known."""
    return session.shown_display


def values_of(session: Session, rect: Rect) -> npt.NDArray[Any] | None:
    """(band, y, x) values of *rect* on the plane shown, clipped to the image; None while the image is not decoded.

    Raises
    ------
    UserError
        When the file can no longer be read.
    """
    reader = session.reader
    return None if reader is None else reader.read(0, session.plane, rect)


def rgb_of(
    reader: ImageReader, z: int, rect: Rect, display: DisplaySettings | None, level: int = 0
) -> npt.NDArray[np.uint8]:
    """(y, x, 3) uint8 RGB of *rect* (in pixels of *level*) as it is seen: what the smart tools look at."""
    values = reader.read(level, z, rect)
    return to_rgb8(values, auto_settings(values) if display is None else display)


def band_of(values: npt.NDArray[Any], band: int) -> npt.NDArray[np.float32]:
    """(y, x) float32 of one band, the last one where there are fewer; -1 is the mean of all bands."""
    if band < 0:
        return np.asarray(values.mean(axis=0, dtype=np.float32))
    return np.asarray(values[min(band, values.shape[0] - 1)], np.float32)
