"""From an image's own values to what a network expects: the same for training and inference."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from segstudio.core.errors import UserError

if TYPE_CHECKING:
    from segstudio.ml.cards import ModelCard

PERCENTILES = (0.5, 99.5)
SAMPLE_SIDE = 512
"""Percentiles come from at most so many rows and columns, evenly spaced: exact enough, and fast on any size."""


def stretch_range(values: npt.NDArray[Any], scaling: str) -> tuple[float, float]:
    """The (low, high) values of an image (band, y, x) that become 0 and 1.

    ``unit8``: 0 and 255 for 8-bit images, else percentiles; ``percentile``: percentiles; ``none``: 0 and 1.
    """
    if scaling == "none":
        return 0.0, 1.0
    if scaling == "unit8" and values.dtype == np.uint8:
        return 0.0, 255.0
    step_y, step_x = (max(1, extent // SAMPLE_SIDE) for extent in values.shape[1:])
    sample = values[:, ::step_y, ::step_x]
    finite = sample[np.isfinite(sample)] if np.issubdtype(sample.dtype, np.floating) else sample
    if finite.size == 0:
        return 0.0, 1.0
    low, high = (float(v) for v in np.percentile(finite, PERCENTILES))
    return (low, high) if high > low else (low, low + 1.0)


def match_bands(values: npt.NDArray[Any], bands: int) -> npt.NDArray[Any]:
    """(bands, y, x) of an image: grey is repeated, alpha and further bands are left out.

    Raises
    ------
    UserError
        When the image has too few bands.
    """
    have = values.shape[0]
    if have == bands:
        return values
    if have in (1, 2) and bands == 3:
        return np.repeat(values[:1], 3, axis=0)
    if have > bands:
        return values[:bands]
    raise UserError(f"the image has {have} bands but the model needs {bands}", remedy="choose a model for such images")


def to_unit(
    values: npt.NDArray[Any], *, bands: int, scaling: str = "unit8", value_range: tuple[float, float] | None = None
) -> npt.NDArray[np.float32]:
    """(bands, y, x) float32, 0…1 (unclipped with ``none``), of (band, y, x) values of any type; NaN becomes 0.

    ``value_range`` is the :func:`stretch_range` of the whole image where *values* is a window of it.
    """
    # Bands first: alpha must not take part in the stretch.
    values = match_bands(values, bands)
    low, high = value_range or stretch_range(values, scaling)
    unit = values.astype(np.float32)
    if (low, high) != (0.0, 1.0):
        unit = (unit - np.float32(low)) / np.float32(high - low)
    if np.issubdtype(values.dtype, np.floating):
        unit = np.nan_to_num(unit, nan=0.0, posinf=1.0, neginf=0.0)
    return unit if scaling == "none" else unit.clip(0.0, 1.0)


def normalise(unit: npt.NDArray[np.float32], card: ModelCard) -> npt.NDArray[np.float32]:
    """(unit − mean) / std per band."""
    mean = np.asarray(card.mean, np.float32)[:, None, None]
    std = np.asarray(card.std, np.float32)[:, None, None]
    return (unit - mean) / std
