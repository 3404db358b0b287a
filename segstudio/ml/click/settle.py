"""What an answer must keep to, whatever the network says: a mark's word holds, and what no mark is tied to goes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

TIED = -1.1
"""Logit of probability 0.25: pieces that such pixels join belong together, as the parts of a broken line do."""
HELD = 1.0
"""Where a mark lies, the logit is at least so far on its side."""


def settled(
    logits: npt.NDArray[np.float32], marks: Sequence[tuple[float, float, bool]], *, keeps_far: bool = False
) -> npt.NDArray[np.float32]:
    """*logits* (y, x), made to agree with *marks* (x, y, is positive).

    The pixel of each mark gets its side; pieces of the object that are joined to no positive mark, not even by doubtful
    pixels, are dropped. With *keeps_far* they stay (a box without marks, a mask that is only touched up).
    """
    height, width = logits.shape
    out = logits.copy()
    seeds: list[tuple[int, int]] = []
    for x, y, is_positive in marks:
        column, row = int(np.floor(x)), int(np.floor(y))
        if not (0 <= column < width and 0 <= row < height):
            continue
        out[row, column] = max(out[row, column], HELD) if is_positive else min(out[row, column], -HELD)
        if is_positive:
            seeds.append((column, row))
    if keeps_far or not seeds:
        return out
    _, pieces = cv2.connectedComponents((out > TIED).astype(np.uint8), connectivity=8)
    tied = {int(pieces[row, column]) for column, row in seeds} - {0}
    chosen = np.zeros(int(pieces.max(initial=0)) + 1, np.bool_)
    chosen[list(tied)] = True
    dropped = ~chosen[pieces] & (out > TIED)
    out[dropped] = -6.0
    return out
