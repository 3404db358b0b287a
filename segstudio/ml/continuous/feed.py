"""Training patches from labelled planes: any labelled pixel will do, those corrected last come more often."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from segstudio.ml.continuous.planes import TRAIN
from segstudio.ml.plan import IGNORE_INDEX
from segstudio.ml.training.augment import augment_seeded, augmentation_of
from segstudio.ml.training.engine import Batch
from segstudio.ml.training.patches import drawn_side, fitted, fitted_mask, place_around

if TYPE_CHECKING:
    from collections.abc import Collection

    from segstudio.ml.continuous.cells import Cell, CellKey
    from segstudio.ml.continuous.corrections import Corrections
    from segstudio.ml.plan import TrainPlan

RECENT_SHARE = 0.5
"""Part of the patches that are taken where something was corrected lately."""
BALANCED_SHARE = 0.5
"""Part of the patches for which a class is drawn first, each as often as any other."""


@dataclass(frozen=True)
class _Cells:
    """Squares to draw from: ``counts`` (N, K) float64."""

    cells: list[Cell]
    counts: np.ndarray[tuple[int, int], np.dtype[np.float64]]

    @classmethod
    def of(cls, cells: list[Cell]) -> _Cells:
        return cls(cells, np.array([cell.counts for cell in cells], np.float64, ndmin=2))

    def classes(self) -> np.ndarray[tuple[int], np.dtype[np.intp]]:
        """Indices of the classes that are in any of the squares."""
        return np.flatnonzero(self.counts.sum(axis=0))

    def holds(self, wanted: int | None) -> bool:
        """Whether there is a square with that class; any will do for None."""
        return bool(self.cells) and (wanted is None or bool(self.counts[:, wanted].any()))

    def draw(self, draw: np.random.Generator, wanted: int | None) -> Cell:
        """A square, of those that hold the class *wanted*; None: any."""
        weights = np.minimum(1.0, self.counts.sum(axis=1)) if wanted is None else np.sqrt(self.counts[:, wanted])
        return self.cells[int(draw.choice(len(self.cells), p=weights / weights.sum()))]


class PatchFeed:
    """Batches of augmented patches; the same for the same labels, seed and step."""

    def __init__(self, corrections: Corrections, plan: TrainPlan) -> None:
        self.plan, self._corrections = plan, corrections
        self._transform = augmentation_of(plan, corrections.reading.bands)
        self._all = self._recent = _Cells.of([])
        self.renew(frozenset())

    def renew(self, recent: Collection[CellKey]) -> None:
        """The labels changed, lately in the squares *recent*."""
        cells = self._corrections.cells(TRAIN)
        self._all = _Cells.of(list(cells.values()))
        self._recent = _Cells.of([cell for key, cell in cells.items() if key in recent])

    def batch(self, step: int) -> Batch:
        """The patches of step *step*.

        Raises
        ------
        UserError
            When an image cannot be read any more.
        """
        pairs = [self._patch(step, index) for index in range(self.plan.batch)]
        images, targets = (torch.stack([pair[i] for pair in pairs]) for i in (0, 1))
        return Batch(images, targets.long(), keys=tuple((step, index) for index in range(self.plan.batch)))

    def chosen(self, draw: np.random.Generator) -> tuple[Cell, int | None]:
        """A square for a patch, and the class that it was drawn for; None: for any."""
        is_recent = bool(self._recent.cells) and draw.random() < RECENT_SHARE
        wanted = None
        if draw.random() < BALANCED_SHARE:
            # Of all labels, not of the latest: after an hour of empty places confirmed a rare class is still learnt.
            known = self._all.classes()
            wanted = int(known[int(draw.integers(len(known)))])
        cells = self._recent if is_recent and self._recent.holds(wanted) else self._all
        return cells.draw(draw, wanted), wanted

    def _patch(self, step: int, index: int) -> tuple[torch.Tensor, torch.Tensor]:
        draw = np.random.default_rng([self.plan.seed, step, index])
        cell, wanted = self.chosen(draw)
        plane = self._corrections.pictures(self._corrections.planes[cell.key[:2]])
        rect = cell.rect(plane.shape)
        mask = plane.target(rect, TRAIN)
        found = np.flatnonzero(mask == wanted if wanted is not None else mask != IGNORE_INDEX)
        at = int(found[int(draw.integers(len(found)))]) if len(found) else mask.size // 2
        y, x = divmod(at, rect.width)
        scale = self.plan.scale if self.plan.augment != "none" else (1.0, 1.0)
        side = drawn_side(plane.shape, self.plan.patch_px, scale, draw)
        place = place_around((rect.y + y, rect.x + x), plane.shape, side, draw)
        inside = place.clipped(plane.shape[1], plane.shape[0])
        values = fitted(plane.pixels().values(inside), side, self.plan.patch_px)
        target = fitted_mask(plane.target(inside, TRAIN), side, self.plan.patch_px)
        return augment_seeded(
            self._transform, torch.from_numpy(values), torch.from_numpy(target), int(draw.integers(1 << 62))
        )
