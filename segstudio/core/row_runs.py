"""Runs of pixels row by row: each segment of a layer as runs, and runs as masks, in strips where they are large."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from segstudio.core.geometry import EMPTY, TILE, Rect

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy.typing as npt

    from segstudio.core.layers import LabelLayer


@dataclass(frozen=True, eq=False, slots=True)
class RowRuns:
    """Pixels as runs: (n,) int64 ``ys``, first x ``starts`` and the x after the last ``ends``, sorted by y, then x.

    Runs of a row neither overlap nor touch, so that equal pixels have equal runs.
    """

    ys: npt.NDArray[np.int64]
    starts: npt.NDArray[np.int64]
    ends: npt.NDArray[np.int64]

    @property
    def rect(self) -> Rect:
        """The box around them."""
        if self.ys.size == 0:
            return EMPTY
        x, y = int(self.starts.min()), int(self.ys[0])
        return Rect(x, y, int(self.ends.max()) - x, int(self.ys[-1]) + 1 - y)

    @property
    def area(self) -> int:
        """How many pixels."""
        return int((self.ends - self.starts).sum())

    def same(self, other: RowRuns) -> bool:
        """Whether both are the same pixels."""
        return (
            np.array_equal(self.ys, other.ys)
            and np.array_equal(self.starts, other.starts)
            and np.array_equal(self.ends, other.ends)
        )

    def strips(self, rect: Rect, rows: int = TILE) -> Iterator[npt.NDArray[np.bool_]]:
        """(≤ *rows*, rect.width) bool from the top of *rect* downwards; the runs must lie inside it."""
        for top in range(rect.y, rect.bottom, rows):
            height = min(rows, rect.bottom - top)
            first, last = np.searchsorted(self.ys, (top, top + height))
            lines = (self.ys[first:last] - top) * (rect.width + 1)
            turns = np.zeros(height * (rect.width + 1), np.int8)
            turns[lines + self.starts[first:last] - rect.x] = 1
            turns[lines + self.ends[first:last] - rect.x] = -1
            np.cumsum(turns, dtype=np.int8, out=turns)
            yield turns.view(np.bool_).reshape(height, rect.width + 1)[:, :-1]

    def mask(self, rect: Rect) -> npt.NDArray[np.bool_]:
        """(rect.height, rect.width) bool; the runs must lie inside *rect*."""
        return next(self.strips(rect, max(rect.height, 1)), np.zeros((0, rect.width), np.bool_))

    def flat(self, width: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """(starts, ends) in an image of *width* read row after row; runs that follow on from one row to the next are one."""
        starts, ends = self.ys * width + self.starts, self.ys * width + self.ends
        is_new = np.ones(starts.size, np.bool_)
        is_new[1:] = starts[1:] != ends[:-1]
        return starts[is_new], ends[np.roll(is_new, -1)] if ends.size else ends


def runs_of_layer(layer: LabelLayer, z: int = 0) -> dict[int, RowRuns]:
    """The runs of each segment id in a plane of a layer, ignored pixels (65535) included, read a row of tiles at a time."""
    rows: dict[int, list[int]] = {}
    for key in layer.tiles.keys():
        if key[0] == z:
            rows.setdefault(key[1], []).append(key[2])
    parts = []
    for ty in sorted(rows):
        left, right = min(rows[ty]) * TILE, (max(rows[ty]) + 1) * TILE
        rect = Rect(left, ty * TILE, right - left, TILE).clipped(layer.width, layer.height)
        if not rect.is_empty:
            parts.append(_runs_of_values(layer.read(rect, z), rect.x, rect.y))
    if not parts:
        return {}
    values, ys, starts, ends = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    order = np.argsort(values, kind="stable")
    ids, first = np.unique(values[order], return_index=True)
    bounds = [*first.tolist(), values.size]
    return {
        number: RowRuns(ys[part], starts[part], ends[part])
        for number, low, high in zip(ids.tolist(), bounds[:-1], bounds[1:], strict=True)
        if (part := order[low:high]).size
    }


def _runs_of_values(values: npt.NDArray[Any], x: int, y: int) -> tuple[npt.NDArray[Any], ...]:
    """(values, ys, starts, ends) of the runs of a (h, w) array that are not 0."""
    height, width = values.shape
    is_start = np.ones((height, width), np.bool_)
    np.not_equal(values[:, 1:], values[:, :-1], out=is_start[:, 1:])
    places = np.flatnonzero(is_start)
    found = values.ravel()[places]
    ends = np.append(places[1:], values.size)
    keep = found != 0
    places, ends, found = places[keep].astype(np.int64), ends[keep].astype(np.int64), found[keep]
    lines = places // width
    return found, lines + y, places - lines * width + x, ends - lines * width + x


def runs_of_mask(mask: npt.NDArray[Any], x: int = 0, y: int = 0) -> RowRuns:
    """The runs of a (h, w) mask whose corner lies at (*x*, *y*)."""
    if mask.size == 0:
        return united([])
    return RowRuns(*_runs_of_values(np.asarray(mask) != 0, x, y)[1:])


def united(parts: Sequence[RowRuns]) -> RowRuns:
    """The pixels of any of *parts*."""
    if not parts:
        none = np.zeros(0, np.int64)
        return RowRuns(none, none, none)
    if len(parts) == 1:
        return parts[0]
    ys, starts, ends = (np.concatenate([getattr(part, name) for part in parts]) for name in ("ys", "starts", "ends"))
    if ys.size == 0:
        return parts[0]
    order = np.lexsort((starts, ys))
    ys, starts, ends = ys[order], starts[order], ends[order]
    # Rows are put far apart on one line, so that the furthest end so far never reaches into the next row.
    span = int(ends.max()) + 2
    far = np.maximum.accumulate(ends + ys * span)
    is_first = np.ones(ys.size, np.bool_)
    is_first[1:] = starts[1:] + ys[1:] * span > far[:-1]
    last = np.append(np.flatnonzero(is_first)[1:] - 1, ys.size - 1)
    return RowRuns(ys[is_first], starts[is_first], far[last] - ys[last] * span)
