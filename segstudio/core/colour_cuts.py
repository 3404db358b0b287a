"""Cuts by colour: GrabCut in a box, and graph cut or random walker from strokes, on any size of picture."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import cv2
import numpy as np

from segstudio.core.cancel import NEVER
from segstudio.core.random_walker import random_walker
from segstudio.core.reduced import marked, solved_reduced, without_specks

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from segstudio.core.cancel import Cancel
    from segstudio.core.geometry import Rect
    from segstudio.core.reduced import Stroke

Method = Literal["random walker", "graph cut"]

CUT_PX = 256 * 256
"""Pixels of the reduced picture that a cut is found on."""
_MODEL_VALUES = 65
_REFINEMENTS = 2
_SPECK_SHARE = 0.02
_LEAST_SHARE = 0.02
"""An area smaller than this share of its box is nothing found."""
_LEAST_SAMPLES = 5
"""OpenCV's colour models have five parts and want as many pixels."""


def box_cut(
    rgb: npt.NDArray[np.uint8],
    box: Rect,
    foreground: Sequence[Stroke] = (),
    background: Sequence[Stroke] = (),
    *,
    most_px: int = CUT_PX,
    iterations: int = 2,
    cancel: Cancel = NEVER,
) -> npt.NDArray[np.bool_]:
    """(h, w) bool: the object in a box, by GrabCut on a reduced picture (Rother et al., SIGGRAPH 2004).

    Nothing outside *box* belongs, but where a foreground stroke goes. Small loose parts and holes go, unless a stroke
    asked for them.

    Parameters
    ----------
    rgb
        (h, w, 3) uint8: the box and some of its surroundings.
    box
        In pixels of *rgb*. Where it leaves nothing around it, the outermost pixels count as background.
    foreground, background
        Strokes in pixels of *rgb*; where they cross the background holds.
    most_px
        Pixels of the reduced picture.
    """
    full = rgb.shape[:2]

    def solve(small: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        shape = (small.shape[0], small.shape[1])
        share_x, share_y = shape[1] / full[1], shape[0] / full[0]
        wanted, unwanted = marked(foreground, shape, full), marked(background, shape, full)
        trimap = np.full(shape, cv2.GC_BGD, np.uint8)
        left, top = round(box.x * share_x), round(box.y * share_y)
        right, bottom = max(left + 1, round(box.right * share_x)), max(top + 1, round(box.bottom * share_y))
        trimap[max(0, top) : bottom, max(0, left) : right] = cv2.GC_PR_FGD
        if not (trimap == cv2.GC_BGD).any():
            trimap[:1] = trimap[-1:] = trimap[:, :1] = trimap[:, -1:] = cv2.GC_BGD
        trimap[wanted] = cv2.GC_FGD
        trimap[unwanted] = cv2.GC_BGD
        if min(np.count_nonzero(trimap & 1), np.count_nonzero((trimap & 1) == 0)) < _LEAST_SAMPLES:
            return (trimap & 1).astype(np.float32)
        inside = _grabbed(small, trimap, iterations)
        if np.count_nonzero(inside) < _LEAST_SHARE * (right - left) * (bottom - top):
            # The box looks like its surroundings: what is in its middle is meant.
            middle = ((left + right) // 2, (top + bottom) // 2)
            axes = (max(1, (right - left) // 5), max(1, (bottom - top) // 5))
            cv2.ellipse(trimap, middle, axes, 0, 0, 360, cv2.GC_FGD, cv2.FILLED)
            trimap[unwanted] = cv2.GC_BGD
            inside = _grabbed(small, trimap, iterations)
        return without_specks(inside, _SPECK_SHARE, wanted, unwanted).astype(np.float32)

    return solved_reduced(rgb, most_px, solve, cancel=cancel)


def _grabbed(small: npt.NDArray[np.uint8], trimap: npt.NDArray[np.uint8], iterations: int) -> npt.NDArray[np.bool_]:
    """GrabCut from a trimap that stays as it is."""
    found = trimap.copy()
    models = np.zeros((1, _MODEL_VALUES)), np.zeros((1, _MODEL_VALUES))
    cv2.setRNGSeed(1)  # the same strokes give the same area
    cv2.grabCut(small, found, None, *models, iterations, cv2.GC_INIT_WITH_MASK)
    return np.asarray((found & 1).astype(np.bool_))


def stroke_cut(
    rgb: npt.NDArray[np.uint8],
    foreground: Sequence[Stroke],
    background: Sequence[Stroke],
    *,
    method: Method = "random walker",
    frame: tuple[bool, bool, bool, bool] = (False, False, False, False),
    most_px: int = CUT_PX,
    cancel: Cancel = NEVER,
) -> npt.NDArray[np.bool_]:
    """(h, w) bool: what belongs to the foreground strokes rather than to the background ones.

    Nothing does where there is no foreground stroke, and all where neither stroke nor frame is background.

    Parameters
    ----------
    rgb
        (h, w, 3) uint8.
    foreground, background
        Strokes in pixels of *rgb*; where they cross the background holds.
    method
        "random walker" (Grady 2006), or "graph cut" with colour models learnt from the strokes (Boykov and Jolly 2001).
    frame
        Whether the left, top, right and bottom edge count as background where no foreground stroke touches them.
    most_px
        Pixels of the reduced picture.
    """
    full = rgb.shape[:2]

    def solve(small: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        shape = (small.shape[0], small.shape[1])
        unwanted = marked(background, shape, full)
        wanted = marked(foreground, shape, full) & ~unwanted
        edges = _framed(shape, frame) & ~wanted
        if not wanted.any() or not (unwanted | edges).any():
            return np.full(shape, float(wanted.any()), np.float32)
        if method == "random walker":
            return random_walker(small, wanted, unwanted | edges, cancel=cancel)
        return _graph_cut(small, wanted, unwanted, edges)

    return solved_reduced(rgb, most_px, solve, cancel=cancel)


def _framed(shape: tuple[int, int], frame: tuple[bool, bool, bool, bool]) -> npt.NDArray[np.bool_]:
    out = np.zeros(shape, np.bool_)
    left, top, right, bottom = frame
    out[:, :1], out[:, -1:] = left, right
    if top:
        out[:1] = True
    if bottom:
        out[-1:] = True
    return out


def _graph_cut(
    small: npt.NDArray[np.uint8],
    wanted: npt.NDArray[np.bool_],
    unwanted: npt.NDArray[np.bool_],
    edges: npt.NDArray[np.bool_],
) -> npt.NDArray[np.float32]:
    """The cheapest cut between strokes, with colour models that begin with the strokes; what no stroke is tied to goes."""
    outside = unwanted | edges
    # The picture's border shows what the rest of the background looks like, though it need not all belong to it.
    border = _framed((wanted.shape[0], wanted.shape[1]), (True, True, True, True)) & ~wanted
    models = _models(small, outside | border, wanted)
    trimap = np.full(wanted.shape, cv2.GC_PR_BGD, np.uint8)
    trimap[wanted], trimap[outside] = cv2.GC_FGD, cv2.GC_BGD
    cv2.grabCut(small, trimap, None, *models, 1, cv2.GC_EVAL_FREEZE_MODEL)
    # Strokes are few pixels: the first answer says more of the colours (0.54 to 0.64 IoU on nuclei from one stroke).
    cv2.grabCut(small, trimap, None, *models, _REFINEMENTS, cv2.GC_EVAL)
    inside = (trimap & 1).astype(np.bool_)
    _, labels = cv2.connectedComponents(inside.astype(np.uint8), connectivity=4)
    tied = np.isin(labels, np.unique(labels[wanted])) & inside
    return without_specks(tied, _SPECK_SHARE, wanted, outside).astype(np.float32)


def _models(
    small: npt.NDArray[np.uint8], outside: npt.NDArray[np.bool_], wanted: npt.NDArray[np.bool_]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Colour models of background and foreground, learnt from their marks alone."""
    colours = [_enough(small[marks]) for marks in (outside, wanted)]
    row = np.concatenate(colours)[None]
    kinds = np.full(row.shape[:2], cv2.GC_FGD, np.uint8)
    kinds[0, : len(colours[0])] = cv2.GC_BGD
    models = np.zeros((1, _MODEL_VALUES)), np.zeros((1, _MODEL_VALUES))
    cv2.setRNGSeed(1)
    # No iteration: only the models are made, of the two kinds of pixels in this one row.
    cv2.grabCut(np.ascontiguousarray(row), kinds, None, *models, 0, cv2.GC_INIT_WITH_MASK)
    return models


def _enough(colours: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """(n, 3) colours, repeated where there are too few for a model."""
    return np.concatenate([colours] * max(1, -(-_LEAST_SAMPLES // len(colours))))
