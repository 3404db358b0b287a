"""Writes a refined proposal back into its layer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from segstudio.core.edits import Edit, Transaction

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from segstudio.core.geometry import Rect
    from segstudio.core.layers import LabelLayer
    from segstudio.core.touched import Touched


def write_refined(
    transaction: Transaction,
    rect: Rect,
    segment_ids: npt.NDArray[np.uint16],
    confidence: npt.NDArray[np.uint8],
    z: int = 0,
    where: npt.NDArray[np.bool_] | None = None,
) -> Rect:
    """Write (h, w) segment ids of the transaction's layer, and how sure they are, *where* that is allowed. The dirty rectangle."""
    dirty = transaction.write(rect, segment_ids, where, z)
    if transaction.layer.confidence is not None:
        dirty = dirty.united(transaction.write_confidence(rect, confidence, where, z))
    return dirty


class RefinedWriter:
    """Writes a refined proposal piece by piece; all of it is one undoable edit. Where *touched*, it stays as it is."""

    def __init__(self, layer: LabelLayer, label: str = "Refine proposal", touched: Touched | None = None) -> None:
        self.layer = layer
        self._touched = touched
        self._transaction = Transaction(layer, label)

    @property
    def is_open(self) -> bool:
        """Whether it was neither finished nor aborted."""
        return self._transaction.is_open

    def write(
        self, rect: Rect, segment_ids: npt.NDArray[np.uint16], confidence: npt.NDArray[np.uint8], z: int = 0
    ) -> Rect:
        """Write (h, w) segment ids of the layer, and how sure they are. The dirty rectangle."""
        where = None if self._touched is None else ~self._touched(rect, z)
        return write_refined(self._transaction, rect, segment_ids, confidence, z, where)

    def finish(self) -> Edit | None:
        """The edit of all that was written, without objects that lost their last pixel; None when the layer is as it was."""
        gone = [segment.id for segment in self.layer.segments.values() if segment.is_object]
        if gone:
            have = self.layer.segment_pixels()
            for segment_id in gone:
                if segment_id not in have:
                    self._transaction.remove_segment(segment_id)
        return self._transaction.commit()

    def abort(self) -> Rect:
        """Put back what was there before; the rectangle to draw anew."""
        return self._transaction.abort()
