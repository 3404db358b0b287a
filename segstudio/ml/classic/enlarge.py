"""What was found on a reduced picture, brought to full size piece by piece: its rim follows the picture's own edges."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from segstudio.core.geometry import Rect
from segstudio.core.reduced import refined_rim
from segstudio.ml.api import WindowResult

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

    from segstudio.ml.classic.picture import Request

    Floats = npt.NDArray[np.float32]

PIECE_PX = 1024
MARGIN = 16
"""Reduced pixels around a piece that the rim's refinement looks at."""
MOST_REFINED = 16
"""Of pictures reduced by more, the rim is drawn smooth: to look at all of their pixels again would cost too much."""


def salient_pieces(
    request: Request, sure: Floats, small: npt.NDArray[np.uint8], by: int
) -> Iterator[WindowResult]:
    """Class 1 where (h, w) *sure* (0 … 1, found on *small*, the picture reduced by *by*) is above a half."""
    for piece in request.pieces(_side(by)):
        seen = _seen(piece, by, sure.shape)
        part = np.ascontiguousarray(sure[seen.slices])
        is_in, confidence = _enlarged(request, part, np.ascontiguousarray(small[seen.slices]), seen, by)
        for asked in request.within(piece):
            cut = asked.moved(-seen.x * by, -seen.y * by).slices
            yield WindowResult(asked, is_in[cut].astype(np.uint8), confidence[cut])


def class_pieces(request: Request, classes: npt.NDArray[np.uint8], by: int) -> Iterator[WindowResult]:
    """(h, w) *classes* of the picture reduced by *by*: each class enlarged smoothly, the largest share wins."""
    for piece in request.pieces(_side(by)):
        seen = _seen(piece, by, classes.shape)
        part = classes[seen.slices]
        best = np.full((seen.height * by, seen.width * by), -1.0, np.float32)
        index = np.zeros(best.shape, np.uint8)
        for value in np.unique(part):
            share = _resized((part == value).astype(np.float32), by)
            wins = share > best
            best[wins], index[wins] = share[wins], value
        confidence = np.asarray(best * 255, np.uint8)
        for asked in request.within(piece):
            cut = asked.moved(-seen.x * by, -seen.y * by).slices
            yield WindowResult(asked, index[cut], np.where(index[cut] == 0, 0, confidence[cut]).astype(np.uint8))


def area_answer(mask: npt.NDArray[np.bool_]) -> Floats:
    """(h, w) float32 above a half inside *mask*, below outside, rising over four pixels from its rim."""
    inside = cv2.distanceTransform(np.pad(mask, 1).astype(np.uint8), cv2.DIST_L2, 3)[1:-1, 1:-1]
    outside = cv2.distanceTransform((~np.pad(mask, 1)).astype(np.uint8), cv2.DIST_L2, 3)[1:-1, 1:-1]
    return np.asarray(0.5 + ((inside - outside) / 8).clip(-0.5, 0.5), np.float32)


def _side(by: int) -> int:
    """A multiple of *by* near :data:`PIECE_PX`, so that pieces end where reduced pixels do."""
    return max(1, round(PIECE_PX / by)) * by


def _seen(piece: Rect, by: int, shape: tuple[int, ...]) -> Rect:
    """The reduced pixels under *piece* and around it."""
    left, top = piece.x // by, piece.y // by
    under = Rect(left, top, -(-piece.right // by) - left, -(-piece.bottom // by) - top)
    return under.expanded(MARGIN if by > 1 else 0).clipped(shape[1], shape[0])


def _resized(part: Floats, by: int) -> Floats:
    if by == 1:
        return part
    size = part.shape[1] * by, part.shape[0] * by
    return np.asarray(cv2.resize(part, size, interpolation=cv2.INTER_LINEAR), np.float32)


def _enlarged(
    request: Request, sure: Floats, small: npt.NDArray[np.uint8], seen: Rect, by: int
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.uint8]]:
    full = _resized(sure, by)
    is_in = full > 0.5
    is_plain = bool((sure > 0.5).all() or (sure <= 0.5).all())
    if 1 < by <= MOST_REFINED and not is_plain:
        picture = request.picture
        area = Rect(seen.x * by, seen.y * by, seen.width * by, seen.height * by)
        rgb, _ = picture.rgb(area.clipped(picture.width, picture.height))
        down, right = area.height - rgb.shape[0], area.width - rgb.shape[1]
        if down or right:
            rgb = np.pad(rgb, ((0, down), (0, right), (0, 0)), mode="edge")
        is_in = refined_rim(sure, small, rgb)
    confidence = np.asarray(255 * (0.5 + np.abs(full - 0.5)).clip(0.5, 1), np.uint8)
    return is_in, confidence
