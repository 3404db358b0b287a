"""Refining a finished mask of class indices, which knows nothing of probabilities and objects."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from segstudio.ml.refine.run import refine

if TYPE_CHECKING:
    import numpy.typing as npt

    from segstudio.core.cancel import Cancel
    from segstudio.core.geometry import Rect
    from segstudio.core.progress import ProgressSink
    from segstudio.ml.inference.sources import Reader
    from segstudio.ml.refine.table import Refinement


class MaskProposal:
    """A mask (y, x) of class indices as a proposal: each class is stuff, all of it equally sure."""

    object_ids: frozenset[int] = frozenset()

    def __init__(self, mask: npt.NDArray[Any]) -> None:
        self._mask = mask

    def read(self, rect: Rect, z: int = 0) -> npt.NDArray[np.uint16]:
        """(h, w) uint16 class indices."""
        return np.asarray(self._mask[rect.slices], np.uint16)

    def read_confidence(self, rect: Rect, z: int = 0) -> npt.NDArray[np.uint8]:
        """(h, w) uint8, 255 throughout."""
        return np.full((rect.height, rect.width), 255, np.uint8)


def refine_mask(
    reader: Reader,
    found: npt.NDArray[Any],
    into: npt.NDArray[Any],
    refinement: Refinement,
    z: int,
    device: str,
    progress: ProgressSink,
    cancel: Cancel,
) -> None:
    """Write the refined mask *found* (y, x) of plane *z* *into* another array."""
    for piece in refine(reader, MaskProposal(found), refinement, z=z, device=device, progress=progress, cancel=cancel):
        into[piece.rect.slices] = piece.segment_ids
