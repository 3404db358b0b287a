"""Crop, reduce, solve, refine the rim: how costly methods answer for large areas in the time of small ones."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import cv2
import numpy as np

from segstudio.core.brush import stroke_mask
from segstudio.core.cancel import NEVER, check
from segstudio.core.geometry import Rect

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy.typing as npt

    from segstudio.core.cancel import Cancel

Stroke = tuple[tuple[tuple[float, float], ...], float]
"""A mark made by hand: its points (x, y) and the full width of the brush, in pixels of the picture it is for."""

RIM_PX = 3
"""So far (in pixels of the reduced picture) the rim may move when it is refined."""
_SMOOTHING = 1e-3
"""Variance of colour (0…1) below which the guided filter blurs in place of following the picture."""


def reduced_size(width: int, height: int, most_px: int) -> tuple[int, int]:
    """(width, height) of the same shape with about *most_px* pixels or fewer; never larger than the picture."""
    share = min(1.0, math.sqrt(most_px / max(1, width * height)))
    return max(1, round(width * share)), max(1, round(height * share))


def reduced(rgb: npt.NDArray[np.uint8], most_px: int) -> npt.NDArray[np.uint8]:
    """(h, w, 3) *rgb* reduced by averaging to about *most_px* pixels; itself where it has no more."""
    height, width = rgb.shape[:2]
    size = reduced_size(width, height, most_px)
    if size == (width, height):
        return np.ascontiguousarray(rgb)
    return np.asarray(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA), np.uint8)


def marked(strokes: Sequence[Stroke], shape: tuple[int, int], full: tuple[int, int]) -> npt.NDArray[np.bool_]:
    """(h, w) bool of *shape*: what *strokes* on a picture of shape *full* cover of it, each at least a pixel wide."""
    out = np.zeros(shape, np.bool_)
    share_x, share_y = shape[1] / full[1], shape[0] / full[0]
    for points, size_px in strokes:
        mask, rect = stroke_mask([(x * share_x, y * share_y) for x, y in points], max(1.0, size_px * share_x))
        inside = rect.clipped(shape[1], shape[0])
        if not inside.is_empty:
            out[inside.slices] |= mask[inside.moved(-rect.x, -rect.y).slices]
    return out


def solved_reduced(
    rgb: npt.NDArray[np.uint8],
    most_px: int,
    solve: Callable[[npt.NDArray[np.uint8]], npt.NDArray[np.float32]],
    *,
    cancel: Cancel = NEVER,
) -> npt.NDArray[np.bool_]:
    """(H, W) bool of (H, W, 3) *rgb*: *solve* answers for the reduced picture, then the rim is refined at full size.

    *solve* gets (h, w, 3) uint8 and gives (h, w) float32, how surely a pixel belongs (0…1, half is the rim).
    """
    small = reduced(rgb, most_px)
    check(cancel)
    sure = solve(small)
    check(cancel)
    return refined_rim(sure, small, rgb)


def refined_rim(
    sure: npt.NDArray[np.float32], small: npt.NDArray[np.uint8], rgb: npt.NDArray[np.uint8]
) -> npt.NDArray[np.bool_]:
    """(H, W) bool: a reduced answer at full size, its rim drawn along the picture's own edges.

    Within :data:`RIM_PX` reduced pixels of the rim a pixel's colour decides, by the fast guided filter: locally the
    answer is a linear function of the colour, found on the reduced picture (He and Sun, "Fast Guided Filter", 2015).
    Farther away the reduced answer holds, so that no far pixel changes sides.

    Parameters
    ----------
    sure
        (h, w) float32 in 0…1, half is the rim.
    small
        (h, w, 3) uint8, the picture it was found on.
    rgb
        (H, W, 3) uint8, the same at full size.
    """
    if small.shape == rgb.shape:
        return np.asarray(sure > 0.5)
    height, width = rgb.shape[:2]
    size = (width, height)
    inside = (sure > 0.5).astype(np.uint8)
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * RIM_PX + 1, 2 * RIM_PX + 1))
    is_rim = cv2.morphologyEx(inside, cv2.MORPH_GRADIENT, kernel)
    out = np.asarray(cv2.resize(sure, size, interpolation=cv2.INTER_LINEAR) > 0.5)
    if not is_rim.any():
        return out
    box = _box_of(is_rim)
    slope, offset = _guided(small.astype(np.float32) / 255.0, inside.astype(np.float32), RIM_PX + 1)
    full = _scaled(box, width / small.shape[1], height / small.shape[0]).clipped(width, height)
    maps = np.dstack([slope, offset[..., None], is_rim.astype(np.float32)])
    up = _cut_resized(maps, full, size)
    colour = rgb[full.slices].astype(np.float32) / 255.0
    answer = (up[..., :3] * colour).sum(axis=-1) + up[..., 3] > 0.5
    # One odd pixel is noise, not rim.
    answer = cv2.medianBlur(answer.astype(np.uint8), 5 if min(answer.shape) > 8 else 1) > 0
    decides = up[..., 4] > 0.5
    part = out[full.slices]
    part[decides] = answer[decides]
    return out


def _box_of(mask: npt.NDArray[np.uint8]) -> Rect:
    x, y, width, height = cv2.boundingRect(mask)
    return Rect(int(x), int(y), int(width), int(height)).expanded(1).clipped(mask.shape[1], mask.shape[0])


def _scaled(rect: Rect, by_x: float, by_y: float) -> Rect:
    left, top = math.floor(rect.x * by_x), math.floor(rect.y * by_y)
    return Rect(left, top, math.ceil(rect.right * by_x) - left, math.ceil(rect.bottom * by_y) - top)


def _cut_resized(maps: npt.NDArray[np.float32], full: Rect, size: tuple[int, int]) -> npt.NDArray[np.float32]:
    """The part *full* of (h, w, c) *maps* enlarged to *size*, without making the rest."""
    share_x, share_y = maps.shape[1] / size[0], maps.shape[0] / size[1]
    # Centres of pixels stay where they are, as cv2.resize has it.
    move = np.array(
        [
            [share_x, 0, (full.x + 0.5) * share_x - 0.5],
            [0, share_y, (full.y + 0.5) * share_y - 0.5],
        ],
        np.float64,
    )
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    layers = [
        cv2.warpAffine(np.ascontiguousarray(part), move, (full.width, full.height), flags=flags,
                       borderMode=cv2.BORDER_REPLICATE)
        for part in (maps[..., :4], maps[..., 4])
    ]  # fmt: skip
    return np.dstack(layers).astype(np.float32, copy=False)


def _guided(
    guide: npt.NDArray[np.float32], target: npt.NDArray[np.float32], radius: int
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Slope (h, w, 3) and offset (h, w) by which *target* is locally a linear function of the colours of *guide*."""

    def mean(values: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        side = (2 * radius + 1, 2 * radius + 1)
        return np.asarray(cv2.boxFilter(values, -1, side, borderType=cv2.BORDER_REFLECT), np.float32)

    means = mean(guide)
    target_mean = mean(target)
    together = mean(guide * target[..., None]) - means * target_mean[..., None]
    pairs = ((0, 0), (0, 1), (0, 2), (1, 1), (1, 2), (2, 2))
    squares = mean(np.stack([guide[..., i] * guide[..., j] for i, j in pairs[:3]], axis=-1))
    others = mean(np.stack([guide[..., i] * guide[..., j] for i, j in pairs[3:]], axis=-1))
    moments = np.concatenate([squares, others], axis=-1)
    matrix = np.empty((*target.shape, 3, 3), np.float32)
    for place, (i, j) in enumerate(pairs):
        value = moments[..., place] - means[..., i] * means[..., j]
        matrix[..., i, j] = matrix[..., j, i] = value
    matrix[..., (0, 1, 2), (0, 1, 2)] += np.float32(_SMOOTHING)
    slope = np.linalg.solve(matrix, together[..., None])[..., 0].astype(np.float32, copy=False)
    offset = target_mean - (slope * means).sum(axis=-1)
    return mean(slope), mean(offset)


def without_specks(
    mask: npt.NDArray[np.bool_], least_share: float, keeps: npt.NDArray[np.bool_], keeps_out: npt.NDArray[np.bool_]
) -> npt.NDArray[np.bool_]:
    """(h, w) *mask* less its parts, and with its holes filled, below *least_share* of its largest part.

    Parts that touch *keeps* stay; holes that touch *keeps_out* stay holes.
    """
    parts, labels, stats = _parts(mask)
    if parts <= 1:
        return mask
    areas = stats[1:, cv2.CC_STAT_AREA]
    least = areas.max() * least_share
    stays = np.concatenate([[False], areas >= least])
    stays[labels[keeps & mask]] = True
    out: npt.NDArray[np.bool_] = stays[labels]
    parts, labels, stats = _parts(~out)
    left, top = stats[:, cv2.CC_STAT_LEFT], stats[:, cv2.CC_STAT_TOP]
    right, bottom = left + stats[:, cv2.CC_STAT_WIDTH], top + stats[:, cv2.CC_STAT_HEIGHT]
    is_hole = (left > 0) & (top > 0) & (right < mask.shape[1]) & (bottom < mask.shape[0])
    fills = is_hole & (stats[:, cv2.CC_STAT_AREA] < least)
    fills[0] = False
    fills[labels[keeps_out & ~out]] = False
    return np.asarray(out | fills[labels])


def _parts(mask: npt.NDArray[np.bool_]) -> tuple[int, npt.NDArray[np.int32], npt.NDArray[np.int32]]:
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=4)
    return int(count), np.asarray(labels, np.int32), np.asarray(stats, np.int32)
