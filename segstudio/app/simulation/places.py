"""Parts of images: the square that is labelled before there is a model, and the places that the key for uncertain ones shows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from segstudio.core.classes import IGNORE
from segstudio.core.geometry import Rect

if TYPE_CHECKING:
    from collections.abc import Iterator

    from segstudio.app.session import Session
    from segstudio.app.simulation.data import Mask

GRID_PX = 64
MUCH = 0.8
"""Nobody sees which square holds the very most of a class, but whether one holds much of it."""


def only(truth: Mask, rect: Rect) -> Mask:
    """*truth* inside *rect*, ignored elsewhere."""
    part = np.full_like(truth, IGNORE)
    part[rect.slices] = truth[rect.slices]
    return part


def sketch_square(truth: Mask, side_px: int, rng: np.random.Generator) -> Rect:
    """A square that lies on a grid, at a random place of those where most classes are, and much of the rarest of them."""
    side = min(side_px, *truth.shape)
    tops = range(0, max(1, truth.shape[0] - side + 1), GRID_PX)
    lefts = range(0, max(1, truth.shape[1] - side + 1), GRID_PX)
    places = [(top, left) for top in tops for left in lefts]
    ids, pixels = np.unique(truth[truth != IGNORE], return_counts=True)
    rarest = ids[pixels.argmin()] if len(ids) else IGNORE
    parts = [truth[t : t + side, x : x + side] for t, x in places]
    kinds = np.array([len(np.unique(part[part != IGNORE])) for part in parts])
    amount = np.array([np.count_nonzero(part == rarest) for part in parts])
    amount[kinds < kinds.max()] = -1
    best = np.flatnonzero(amount >= MUCH * amount.max())
    top, left = places[int(best[int(rng.integers(len(best)))])]
    return Rect(left, top, side, side)


def uncertain_places(session: Session, most: int) -> Iterator[Rect]:
    """Up to *most* places of the image shown, as the key leads to them, each when it is asked for."""
    places = session.what_next.places
    places.forget()  # the proposal is another one than when they were found
    for _ in range(most):
        places.find(lambda: None)
        step = places.step()
        if step is None:
            return
        yield step.place.rect
