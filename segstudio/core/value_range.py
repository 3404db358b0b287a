"""Intensity ranges: which pixels lie within one, and the range of what was pointed at."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

TRIM = 0.02
"""This share of the values is left out at each end of a range: a few odd pixels must not widen it."""


def in_range(values: npt.NDArray[Any], low: float, high: float) -> npt.NDArray[np.bool_]:
    """(y, x) bool: where *values* (y, x) of any number type lie within *low* … *high*, both included; NaN does not.

    The bounds may stand in either order.
    """
    low, high = min(low, high), max(low, high)
    if values.dtype.kind == "f":
        # In the values' own type: 0.1 is to be within a range that ends at 0.1.
        kind = values.dtype.type
        found = (values >= kind(low)) & (values <= kind(high))
    else:
        found = (values >= low) & (values <= high)
    return np.asarray(found, np.bool_)


def range_of(
    values: npt.NDArray[Any], where: npt.NDArray[np.bool_] | None = None, trim: float = TRIM
) -> tuple[float, float] | None:
    """(low, high) of *values* (y, x) where *where* says, without the *trim* share at each end.

    Values that are no finite numbers do not count; None when none is left.
    """
    picked = values.ravel() if where is None else values[where]
    if picked.dtype.kind == "f":
        picked = picked[np.isfinite(picked)]
    if picked.size == 0:
        return None
    ordered = np.sort(picked)
    skipped = int(trim * ordered.size)
    return float(ordered[skipped]), float(ordered[-1 - skipped])
