"""What a click model learns from: one object of one picture, cut out, changed a little, with a first hint.

A picture comes with a map of object ids; any of them may be meant. The cut is around the object as the prompter's second
look (zoom-in) would be, or wide as its first one is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

SMALLEST_PX = 30
"""Objects of fewer pixels in the cut are not asked for."""
WIDE_SHARE = 0.35
"""Part of the cuts that are wide."""


@dataclass(frozen=True, eq=False)
class Scene:
    """A picture (y, x, 3) uint8 with object ids (y, x), 0 for none, and where nothing is known (None: nowhere)."""

    rgb: npt.NDArray[np.uint8]
    ids: npt.NDArray[np.int32]
    ignore: npt.NDArray[np.bool_] | None = None


@dataclass(frozen=True, eq=False)
class Episode:
    """A square cut: ``rgb`` (s, s, 3) uint8, ``truth`` and ``valid`` (s, s) bool."""

    rgb: npt.NDArray[np.uint8]
    truth: npt.NDArray[np.bool_]
    valid: npt.NDArray[np.bool_]


def episode(scene: Scene, side_px: int, rng: np.random.Generator) -> Episode | None:
    """A cut of *scene* around one of its objects, of *side_px*; None when the object is too small in it."""
    ids = np.unique(scene.ids)
    ids = ids[ids > 0]
    if not len(ids):
        return None
    wanted = scene.ids == ids[rng.integers(len(ids))]
    if np.count_nonzero(wanted) < 12:
        return None
    matrix = _cut(wanted, side_px, rng)
    size = (side_px, side_px)
    border = cv2.BORDER_CONSTANT
    shrink = 1 / max(1e-6, float(np.sqrt(abs(np.linalg.det(matrix[:, :2])))))
    source, cover = scene.rgb, wanted.astype(np.float32)
    if shrink > 1.6:
        # A large step between samples would alias.
        kernel = (int(shrink), int(shrink))
        source, cover = cv2.blur(source, kernel), cv2.blur(cover, kernel)
    truth = cv2.warpAffine(cover, matrix, size, flags=cv2.INTER_LINEAR, borderMode=border) > 0.5
    if np.count_nonzero(truth) < SMALLEST_PX:
        return None
    # No mirrored border: the object's twin in it would count as wrong.
    grey = (127.0, 127.0, 127.0)
    rgb = cv2.warpAffine(source, matrix, size, flags=cv2.INTER_LINEAR, borderMode=border, borderValue=grey)
    known = np.ones(scene.ids.shape, np.uint8) if scene.ignore is None else (~scene.ignore).astype(np.uint8)
    valid = cv2.warpAffine(known, matrix, size, flags=cv2.INTER_NEAREST, borderMode=border) > 0
    return Episode(recoloured(np.asarray(rgb, np.uint8), rng), np.asarray(truth & valid), np.asarray(valid))


def _cut(wanted: npt.NDArray[np.bool_], side_px: int, rng: np.random.Generator) -> npt.NDArray[np.float64]:
    """The affine map (2, 3) from the picture into the cut."""
    height, width = wanted.shape
    rows, columns = np.flatnonzero(wanted.any(1)), np.flatnonzero(wanted.any(0))
    top, bottom, left, right = rows[0], rows[-1] + 1, columns[0], columns[-1] + 1
    extent = max(bottom - top, right - left, 8)
    whole = max(height, width)
    if rng.random() < WIDE_SHARE:
        side = rng.uniform(0.5, 1.0) * whole
    else:
        side = extent * rng.uniform(1.1, 2.6)
    # A vessel tree or a road net is as large as its picture: a piece of it teaches as much.
    if extent > 0.6 * whole and rng.random() < 0.6:
        side = whole * rng.uniform(0.15, 0.6)
        inside = np.flatnonzero(wanted)
        y, x = np.unravel_index(int(inside[rng.integers(len(inside))]), wanted.shape)
        cx, cy = x + rng.uniform(-0.3, 0.3) * side, y + rng.uniform(-0.3, 0.3) * side
    else:
        slack = max(0.0, side - extent) / 2
        cx = (left + right) / 2 + rng.uniform(-0.9, 0.9) * slack
        cy = (top + bottom) / 2 + rng.uniform(-0.9, 0.9) * slack
    side = float(np.clip(side, 24, 1.2 * whole))
    scale = side_px / side
    stretch = np.exp(rng.uniform(-0.15, 0.15))
    angle = rng.uniform(-0.3, 0.3) if rng.random() < 0.3 else 0.0
    turn = int(rng.integers(4)) * np.pi / 2 + angle
    flip = -1.0 if rng.random() < 0.5 else 1.0
    c, s = np.cos(turn), np.sin(turn)
    linear = np.array([[c, -s], [s, c]]) @ np.diag([scale * stretch * flip, scale / stretch])
    shift = np.array([side_px / 2, side_px / 2]) - linear @ np.array([cx, cy])
    return np.concatenate([linear, shift[:, None]], 1)


def recoloured(rgb: npt.NDArray[np.uint8], rng: np.random.Generator) -> npt.NDArray[np.uint8]:
    """Another brightness, contrast, tint; now and then grey, inverted, blurred or noisy."""
    x = rgb.astype(np.float32) / 255
    if rng.random() < 0.2:
        x = np.repeat(x @ np.array([[0.299], [0.587], [0.114]], np.float32), 3, 2)
    if rng.random() < 0.1:
        x = 1 - x
    if rng.random() < 0.1:
        x = x[..., rng.permutation(3)]
    if rng.random() < 0.7:
        gain = rng.uniform(0.7, 1.4) * (1 + rng.uniform(-0.15, 0.15, 3) * (rng.random() < 0.5))
        x = np.clip((x - 0.5) * gain.astype(np.float32) + 0.5 + np.float32(rng.uniform(-0.2, 0.2)), 0, 1)
        x = x ** np.float32(np.exp(rng.uniform(-0.4, 0.4)))
    if rng.random() < 0.15:
        x = cv2.GaussianBlur(x, (0, 0), float(rng.uniform(0.5, 1.5)))
    if rng.random() < 0.15:
        x = x + rng.normal(0, rng.uniform(0.01, 0.06), x.shape).astype(np.float32)
    return np.asarray(np.clip(x * 255 + 0.5, 0, 255).astype(np.uint8))


def textures(pictures: Sequence[npt.NDArray[np.uint8]], side_px: int, rng: np.random.Generator) -> Scene:
    """A made-up scene: blobs cut from other pictures, or from elsewhere in the same one, laid on a picture.

    Their outlines are known exactly, and need no labels: it teaches where one texture ends from pictures that nobody
    labelled (cut-and-paste, Dwibedi et al. 2017, arXiv:1708.01642).
    """
    canvas = _piece(pictures, side_px, rng)
    ids = np.zeros((side_px, side_px), np.int32)
    for number in range(1, int(rng.integers(2, 8))):
        blob = _blob(side_px, rng)
        patch = recoloured(_piece(pictures, side_px, rng), rng)
        soft = cv2.GaussianBlur(blob.astype(np.float32), (0, 0), float(rng.uniform(0.4, 1.2)))[..., None]
        canvas = np.asarray(np.round(canvas * (1 - soft) + patch * soft), np.uint8)
        ids[blob] = number
    return Scene(canvas, ids)


def _piece(pictures: Sequence[npt.NDArray[np.uint8]], side_px: int, rng: np.random.Generator) -> npt.NDArray[np.uint8]:
    picture = pictures[int(rng.integers(len(pictures)))]
    height, width = picture.shape[:2]
    side = int(rng.uniform(0.25, 1.0) * min(height, width))
    y, x = int(rng.integers(height - side + 1)), int(rng.integers(width - side + 1))
    cut = picture[y : y + side, x : x + side]
    way = cv2.INTER_AREA if side > side_px else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(cut, (side_px, side_px), interpolation=way), np.uint8)


def _blob(side_px: int, rng: np.random.Generator) -> npt.NDArray[np.bool_]:
    """A smooth, a ragged or an angular shape."""
    angles = (
        np.sort(rng.uniform(0, 2 * np.pi, int(rng.integers(3, 9))))
        if rng.random() < 0.3
        else np.linspace(0, 2 * np.pi, 72)
    )
    radius = np.ones(len(angles))
    for order in range(2, 7):
        radius += rng.normal(0, 0.35 / order) * np.cos(order * angles + rng.uniform(0, 6.3))
    size = side_px * rng.uniform(0.05, 0.35)
    stretch, turn = np.exp(rng.uniform(-0.7, 0.7)), rng.uniform(0, np.pi)
    x, y = np.cos(angles) * radius * size * stretch, np.sin(angles) * radius * size / stretch
    at = rng.uniform(0.1, 0.9, 2) * side_px
    points = np.stack([x * np.cos(turn) - y * np.sin(turn), x * np.sin(turn) + y * np.cos(turn)], 1) + at
    filled = cv2.fillPoly(np.zeros((side_px, side_px), np.uint8), [np.round(points).astype(np.int32)], 1)
    return np.asarray(filled > 0)
