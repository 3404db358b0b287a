"""Classic methods that find an object from clicks, at numbers that served them well on training images (GrabCut: usual ones).

They are asked as a model is. What all share: a positive click's disc always belongs, a negative one's never does;
and of the answer only what is tied to a positive click is kept. Numbers were chosen by ``bench_clicks.py --learnt --number …`` on
the learnt parts of the sets, so that no method is held back.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt
from skimage.graph import MCP_Geometric

from segstudio.core.random_walker import random_walker
from segstudio.core.reduced import reduced, refined_rim
from segstudio.core.simulated_clicks import Click

Mask = npt.NDArray[np.bool_]
Rgb = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]
Answer = Callable[[Sequence[Click]], Mask]
"""Clicks so far → (h, w) bool; made once for a picture, so that it may keep what clicks share."""

HOLD_PX = 1
"""So far around a click its word holds in the answer, whatever was found; what it tells of colours is its disc's."""
CUT_PX = 256 * 256
"""GrabCut and the random walker work on a picture reduced to this, as the tools of the window do; the rim is refined."""


@dataclass(frozen=True)
class Numbers:
    """What the methods can be set to."""

    disc_px: int = 3
    flood_tolerance: float = 12.0
    flood_blur: float = 1.0
    geodesic_step: float = 0.5
    geodesic_frame: float = 0.8
    grabcut_reach: float = 0.15
    grabcut_rounds: int = 2
    walker_beta: float = 400.0
    walker_frame: int = 2


def discs(
    shape: tuple[int, ...], clicks: Sequence[Click], *, positive: bool, radius: float, share: float = 1.0
) -> Mask:
    """(h, w) bool: the clicks of one kind as discs, at *share* of the picture's size."""
    out = np.zeros(shape[:2], np.uint8)
    for click in clicks:
        if click.is_positive == positive:
            middle = (int((click.x + 0.5) * share), int((click.y + 0.5) * share))
            cv2.circle(out, middle, max(0, round(radius * share)), 1, cv2.FILLED)
    return out.astype(np.bool_)


def settled(found: Mask, clicks: Sequence[Click]) -> Mask:
    """What every method's answer goes through: the clicks hold, and what is tied to no positive click goes."""
    wanted = discs(found.shape, clicks, positive=True, radius=HOLD_PX)
    unwanted = discs(found.shape, clicks, positive=False, radius=HOLD_PX)
    for click in clicks:  # where discs cross, the pixels themselves still hold
        (wanted if click.is_positive else unwanted)[click.y, click.x] = True
        (unwanted if click.is_positive else wanted)[click.y, click.x] = False
    inside = (found | wanted) & ~(unwanted & ~wanted)
    for click in clicks:
        if not click.is_positive:
            inside[click.y, click.x] = False
    _, labels = cv2.connectedComponents(inside.astype(np.uint8), connectivity=4)
    tied = [labels[c.y, c.x] for c in clicks if c.is_positive]
    return np.isin(labels, [label for label in tied if label]) & inside


def _lab(rgb: Rgb, blur: float) -> Floats:
    """(h, w, 3) float32 CIELAB, slightly blurred."""
    smooth = cv2.GaussianBlur(rgb, (0, 0), blur) if blur > 0 else rgb
    return np.asarray(cv2.cvtColor(smooth.astype(np.float32) / 255, cv2.COLOR_RGB2LAB), np.float32)


def flood(rgb: Rgb, numbers: Numbers) -> Answer:
    """Flood fill from each positive click, of colours within a tolerance of the one clicked.

    A fill that would reach a negative click gets the largest tolerance at which it does not.
    """
    lab = _lab(rgb, numbers.flood_blur)
    reach: dict[Click, Floats] = {}

    def answer(clicks: Sequence[Click]) -> Mask:
        out = np.zeros(rgb.shape[:2], np.bool_)
        stops = [(c.x, c.y) for c in clicks if not c.is_positive]
        for click in clicks:
            if not click.is_positive:
                continue
            if click not in reach:
                reach[click] = np.asarray(np.linalg.norm(lab - lab[click.y, click.x], axis=-1), np.float32)
            out |= _filled(reach[click], (click.x, click.y), numbers.flood_tolerance, stops)
        return settled(out, clicks)

    return answer


def _filled(distance: Floats, start: tuple[int, int], tolerance: float, stops: list[tuple[int, int]]) -> Mask:
    low, high = 0.0, tolerance
    found = _tied(distance <= tolerance, start)
    if not any(found[y, x] for x, y in stops):
        return found
    for _ in range(7):
        middle = (low + high) / 2
        tried = _tied(distance <= middle, start)
        if any(tried[y, x] for x, y in stops):
            high = middle
        else:
            low = middle
    return _tied(distance <= low, start)


def _tied(mask: Mask, start: tuple[int, int]) -> Mask:
    _, labels = cv2.connectedComponents(mask.astype(np.uint8), connectivity=4)
    label = labels[start[1], start[0]]
    return np.asarray(labels == label) if label else np.zeros(mask.shape, np.bool_)


def geodesic(rgb: Rgb, numbers: Numbers) -> Answer:
    """The pixels that are nearer to a positive click than to a negative one or to the frame, along paths that shun edges.

    A step costs a little and what the picture's edge there is strong (Bai and Sapiro 2007; Gulshan et al. 2010).
    """
    strength = edges(rgb)
    costs = (numbers.geodesic_step * 0.01 + strength).astype(np.float64)
    frame = np.zeros(costs.shape, np.bool_)
    frame[[0, -1]] = frame[:, [0, -1]] = True
    seen: set[Click] = set()
    to_frame = _distances(costs, [tuple(at) for at in np.argwhere(frame)])

    near = {
        True: np.full(costs.shape, np.inf, np.float32),
        False: to_frame / np.float32(max(1e-6, numbers.geodesic_frame)),
    }

    def answer(clicks: Sequence[Click]) -> Mask:
        for kind in near:
            # Clicks are only ever added: what is near to the earlier ones is known.
            fresh = [click for click in clicks if click.is_positive == kind and click not in seen]
            if fresh:
                near[kind] = np.minimum(near[kind], _distances(costs, [(click.y, click.x) for click in fresh]))
                seen.update(fresh)
        return settled(near[True] < near[False], clicks)

    return answer


def edges(rgb: Rgb) -> Floats:
    """(h, w) float32 0…1: how strong the picture's edges are, of colour and at two scales."""
    total = np.zeros(rgb.shape[:2], np.float32)
    for sigma in (1.0, 2.0):
        lab = _lab(rgb, sigma)
        across, down = cv2.Sobel(lab, cv2.CV_32F, 1, 0), cv2.Sobel(lab, cv2.CV_32F, 0, 1)
        total += np.sqrt((across**2 + down**2).sum(axis=-1)) * np.float32(sigma)
    scale = float(np.percentile(total, 98)) or 1.0
    return np.clip(total / np.float32(scale), 0, 1)


def _distances(costs: npt.NDArray[np.float64], starts: list[tuple[int, ...]]) -> Floats:
    found, _ = MCP_Geometric(costs).find_costs(starts)
    return np.asarray(found, np.float32)


def grabcut(rgb: Rgb, numbers: Numbers) -> Answer:
    """GrabCut (Rother et al. 2004): sure at the clicks' discs, likely around positive ones, unlikely elsewhere.

    From the second click on it begins with its former answer.
    """
    small = reduced(rgb, CUT_PX)
    share = small.shape[1] / rgb.shape[1]
    before: list[npt.NDArray[np.uint8]] = []

    def answer(clicks: Sequence[Click]) -> Mask:
        if before:
            trimap = np.where(before[-1] & 1, cv2.GC_PR_FGD, cv2.GC_PR_BGD).astype(np.uint8)
            last = clicks[-1:]
        else:
            trimap, last = np.full(small.shape[:2], cv2.GC_PR_BGD, np.uint8), clicks
        around = numbers.grabcut_reach * min(rgb.shape[:2]) if not before else 2.0 * numbers.disc_px
        trimap[discs(small.shape, last, positive=True, radius=around, share=share)] = cv2.GC_PR_FGD
        trimap[discs(small.shape, last, positive=False, radius=2.0 * numbers.disc_px, share=share)] = cv2.GC_PR_BGD
        trimap[discs(small.shape, clicks, positive=True, radius=numbers.disc_px, share=share)] = cv2.GC_FGD
        trimap[discs(small.shape, clicks, positive=False, radius=numbers.disc_px, share=share)] = cv2.GC_BGD
        cut = _grabbed(small, trimap, numbers.grabcut_rounds)
        before.append(cut)
        return settled(refined_rim((cut & 1).astype(np.float32), small, rgb), clicks)

    return answer


def _grabbed(small: Rgb, trimap: npt.NDArray[np.uint8], rounds: int) -> npt.NDArray[np.uint8]:
    if min(np.count_nonzero(trimap & 1), np.count_nonzero((trimap & 1) == 0)) < 6:
        return trimap  # OpenCV's colour models have five parts and want as many pixels
    models = np.zeros((1, 65)), np.zeros((1, 65))
    found = trimap.copy()
    cv2.setRNGSeed(1)
    cv2.grabCut(small, found, None, *models, rounds, cv2.GC_INIT_WITH_MASK)
    return found


def walker(rgb: Rgb, numbers: Numbers) -> Answer:
    """The random walker (Grady 2006) from the clicks' discs; the frame counts as background until a click does."""
    small = reduced(rgb, CUT_PX)
    share = small.shape[1] / rgb.shape[1]

    def answer(clicks: Sequence[Click]) -> Mask:
        wanted = discs(small.shape, clicks, positive=True, radius=numbers.disc_px, share=share)
        unwanted = discs(small.shape, clicks, positive=False, radius=numbers.disc_px, share=share) & ~wanted
        if numbers.walker_frame == 2 or not unwanted.any():
            frame = np.zeros(wanted.shape, np.bool_)
            frame[[0, -1]] = frame[:, [0, -1]] = True
            unwanted |= frame & ~wanted
        sure = random_walker(small, wanted, unwanted, beta=numbers.walker_beta, tolerance=1e-4)
        return settled(refined_rim(sure, small, rgb), clicks)

    return answer


METHODS: dict[str, Callable[[Rgb, Numbers], Answer]] = {
    "flood fill": flood,
    "geodesic": geodesic,
    "GrabCut": grabcut,
    "random walker": walker,
}
