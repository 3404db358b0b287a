"""Confirming a place: what is shown there is right, so the proposal becomes labels and what is empty stays empty."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from segstudio.core.edits import Edit, LayerChange, combined
from segstudio.core.proposals import accept

if TYPE_CHECKING:
    from segstudio.core.geometry import Rect
    from segstudio.core.guards import Guard
    from segstudio.core.layers import LabelLayer

LABEL = "Confirm place"


def confirm_place(
    labels: LabelLayer,
    proposal: LabelLayer | None,
    rect: Rect,
    *,
    z: int,
    guard: Guard,
    min_confidence: float = 0.0,
    keep_hand: bool = True,
) -> Edit | None:
    """Take over what is shown in *rect* of plane *z* as a person's own decision; one edit, already applied.

    The shown part of the proposal becomes labels, as by an accepting brush. All of *rect* is touched from then on (see
    :mod:`segstudio.core.touched`): models fill nothing in there, and what is unlabelled is learnt as background. None when
    nothing changes.
    """
    inside = rect.intersected(labels.bounds)
    if inside.is_empty:
        return None
    taken: Edit | None = None
    if proposal is not None and not proposal.is_blank:
        taken = accept(
            labels,
            proposal,
            min_confidence=min_confidence,
            rect=inside,
            keep_hand=keep_hand,
            guard=guard,
            z=z,
            is_by_hand=True,
            label=LABEL,
        )
    tiles = tuple(labels.touched.write(inside, 1, z=z))
    if not tiles:
        return taken
    labels.revision += 1
    checked = Edit(LABEL, labels.image_id, (LayerChange(labels.id, "touched", tiles),), created_s=time.time())
    return combined(LABEL, taken, checked)
