"""From a map of nearness to layers of the image: thresholds, small pieces merged, or objects by density."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from segstudio.core.cancel import check
from segstudio.ml.api import ObjectResult
from segstudio.ml.classic.dbscan import NOISE, dbscan
from segstudio.ml.classic.enlarge import class_pieces
from segstudio.ml.classic.otsu import thresholds
from segstudio.ml.classic.pieces import objects_in

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

    from segstudio.ml.api import WindowResult
    from segstudio.ml.classic.picture import Request

    Floats = npt.NDArray[np.float32]
    Classes = npt.NDArray[np.uint8]

WORK_PX = 1 << 20
"""Layers are found on so many pixels at most, and brought to full size with smooth rims."""
CELLS = 128
"""Points of the clustering along the longer side."""
_ROUNDS = 50


def find_layers(request: Request, near: Floats, by: int) -> Iterator[WindowResult | ObjectResult]:
    """Layers of (h, w) *near* (larger is nearer, NaN is unknown), the image reduced by *by*."""
    options = request.options
    check(request.cancel)
    layers = layered(near, int(options["layers"]), str(options["split"]))
    least = float(options["least_share"]) * layers.size
    if options["group"] == "merge":
        yield from class_pieces(request, merged_pieces(layers, least), by)
        return
    check(request.cancel)
    labels, classes = clustered(near, layers, float(options["eps_cells"]), int(options["min_points"]), least)
    yield from _full_objects(request, labels, classes, by)


def layered(near: Floats, count: int, split: str) -> Classes:
    """(h, w) uint8: 1 (nearest) … *count* (farthest), 0 where (h, w) float32 *near* is NaN."""
    known = np.isfinite(near)
    values = near[known].astype(np.float64)
    out = np.zeros(near.shape, np.uint8)
    if not values.size:
        return out
    low, high = float(values.min()), float(values.max())
    if split == "quantile":
        levels = np.unique(np.quantile(values, np.arange(1, count) / count))
    elif split == "even":
        levels = low + (high - low) * np.arange(1, count) / count
    else:
        bins = np.rint((values - low) / max(high - low, 1e-30) * 511).astype(np.int64)
        counts = np.bincount(bins, minlength=512).astype(np.float64)
        used = np.flatnonzero(counts)
        levels = thresholds(counts[used], low + used / 511 * (high - low), count)[0]
    rank = np.searchsorted(levels, values, side="left")
    if high == low:
        rank = np.full(len(values), len(levels))
    # Fewer levels than asked for: the nearest layers are kept.
    out[known] = (len(levels) - rank + 1).astype(np.uint8)
    return out


def merged_pieces(layers: Classes, least_px: float) -> Classes:
    """*layers* with each connected piece below *least_px* pixels given to the neighbour of its longest border.

    Only a larger neighbour takes one in. Unknown pixels (0) are such pieces too; large ones stay.
    """
    out = layers.copy()
    for _ in range(_ROUNDS):
        ids, owner, areas = _numbered(out)
        first, second, border = _borders(ids)
        order = np.argsort(border, kind="stable")
        first, second = first[order], second[order]
        # Larger first; of equal areas the earlier number counts as larger, so that no two wait for each other.
        takes = (areas[first] < areas[second]) | ((areas[first] == areas[second]) & (first > second))
        takes &= (areas[first] < least_px) & ((owner[second] != 0) | (owner[first] == 0))
        if not takes.any():
            return out
        target = np.arange(len(areas))
        # Sorted by border: the longest is written last.
        target[first[takes]] = second[takes]
        while (target[target] != target).any():
            target = target[target]
        out = owner[target][ids]
    return out


def _numbered(layers: Classes) -> tuple[npt.NDArray[np.int64], Classes, npt.NDArray[np.int64]]:
    """((h, w) piece of each pixel from 0, class of each piece, pixels of each piece), 4-connected."""
    ids = np.zeros(layers.shape, np.int64)
    owner: list[int] = []
    for value in np.unique(layers):
        count, found = cv2.connectedComponents((layers == value).astype(np.uint8), connectivity=4)
        ids[found > 0] = found[found > 0] - 1 + len(owner)
        owner += [int(value)] * (count - 1)
    return ids, np.array(owner, np.uint8), np.bincount(ids.ravel(), minlength=len(owner))


def _borders(ids: npt.NDArray[np.int64]) -> tuple[npt.NDArray[Any], npt.NDArray[Any], npt.NDArray[Any]]:
    """(piece, neighbour, length of their border in pixels) for each pair, both ways round."""
    pairs = [(ids[:, :-1], ids[:, 1:]), (ids[:-1], ids[1:])]
    one = np.concatenate([a[a != b] for a, b in pairs])
    other = np.concatenate([b[a != b] for a, b in pairs])
    count = int(ids.max()) + 1
    keys, lengths = np.unique(np.concatenate([one * count + other, other * count + one]), return_counts=True)
    return keys // count, keys % count, lengths


def clustered(
    near: Floats, layers: Classes, eps_cells: float, min_points: int, least_px: float
) -> tuple[npt.NDArray[np.int32], Classes]:
    """((h, w) int32 object of each pixel or -1, the layer of each object).

    Points are the middles of a grid of cells, with their layer as a third coordinate too far off to reach another:
    what lies together in the image and in one layer is an object.
    """
    height, width = near.shape
    cell = max(1, -(-max(height, width) // CELLS))
    rows, columns = np.arange(cell // 2, height, cell), np.arange(cell // 2, width, cell)
    grid = layers[np.ix_(rows, columns)]
    y, x = np.nonzero(grid)
    of_layer = grid[y, x].astype(np.float64)
    points = np.column_stack([x.astype(np.float64), y.astype(np.float64), of_layer * (2 * eps_cells + 1)])
    clusters = dbscan(points, eps_cells, min_points)
    on_grid = np.full(grid.shape, NOISE, np.int32)
    on_grid[y, x] = clusters
    # A pixel belongs to its cell's object where both are of one layer.
    row_of = (np.arange(height) // cell).clip(max=len(rows) - 1)
    column_of = (np.arange(width) // cell).clip(max=len(columns) - 1)
    labels = on_grid[np.ix_(row_of, column_of)]
    labels = np.where(layers == grid[np.ix_(row_of, column_of)], labels, NOISE).astype(np.int32)
    count = int(clusters.max(initial=NOISE)) + 1
    classes = np.zeros(max(1, count), np.uint8)
    is_in = clusters != NOISE
    classes[clusters[is_in]] = grid[y, x][is_in]
    areas = np.bincount(labels[labels >= 0], minlength=max(1, count))
    stays = np.append(areas >= least_px, False)
    return np.where(stays[labels], labels, NOISE).astype(np.int32), classes


def _full_objects(
    request: Request, labels: npt.NDArray[np.int32], classes: Classes, by: int
) -> Iterator[ObjectResult]:
    from segstudio.core.geometry import Rect

    height, width = labels.shape
    whole = Rect(0, 0, width, height)
    for found in objects_in(labels, whole, classes):
        check(request.cancel)
        box = Rect(found.rect.x * by, found.rect.y * by, found.rect.width * by, found.rect.height * by)
        for part in request.within(box.clipped(request.picture.width, request.picture.height)):
            rows = np.arange(part.y, part.bottom) // by - found.rect.y
            columns = np.arange(part.x, part.right) // by - found.rect.x
            mask = found.mask[np.ix_(rows, columns)]
            if mask.any():
                yield ObjectResult(part, mask, found.class_index, found.score)
