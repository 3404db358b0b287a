"""Guards: where painting may go."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np

from segstudio.core.classes import UNLABELLED

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from segstudio.core.geometry import Rect
    from segstudio.core.layers import LabelLayer
    from segstudio.core.tiles import Array

Validity: TypeAlias = "Callable[[int, Rect], npt.NDArray[np.bool_] | None]"
"""(z, rectangle) to (h, w) bool: where the image holds data; None: everywhere."""


@dataclass(frozen=True)
class Guard:
    """Where painting may go: anywhere, over background only, or over one class only; never over locked classes.

    ``protect_hand`` also keeps what a person made, imported or reviewed. With a ``validity`` nothing is painted where
    the image holds no data (erasing goes on there); it is asked for what is painted only.
    """

    mode: Literal["anywhere", "background", "class"] = "anywhere"
    class_id: int = 0
    locked_class_ids: frozenset[int] = field(default_factory=frozenset)
    protect_hand: bool = False
    validity: Validity | None = field(default=None, compare=False, repr=False)

    @property
    def is_open(self) -> bool:
        """Whether it forbids nothing that is labelled (where there is no data, nothing ever is)."""
        return self.mode == "anywhere" and not self.locked_class_ids and not self.protect_hand

    def lut(self, layer: LabelLayer) -> npt.NDArray[np.bool_]:
        """(65536,) bool: which segment ids of the layer may be painted over."""
        classes = layer.class_lut()
        if self.mode == "background":
            allowed: npt.NDArray[np.bool_] = classes == UNLABELLED
        elif self.mode == "class":
            allowed = classes == self.class_id
        else:
            allowed = np.ones(65536, np.bool_)
        for class_id in self.locked_class_ids:
            np.logical_and(allowed, classes != class_id, out=allowed)
        if self.protect_hand:
            kept = [item.id for item in layer.segments.values() if item.is_hand_work and item.class_id != UNLABELLED]
            allowed[kept] = False
        return allowed

    def allowed(self, segment_ids: Array, layer: LabelLayer) -> npt.NDArray[np.bool_]:
        """(h, w) bool: which of these pixels may change."""
        if self.is_open:
            return np.ones(segment_ids.shape, np.bool_)
        return self.lut(layer).take(segment_ids)

    def with_data(
        self, rect: Rect, values: Array | int, where: npt.NDArray[np.bool_] | None, z: int
    ) -> npt.NDArray[np.bool_] | None:
        """*where* without what would be painted on pixels that hold no data; background may be written anywhere."""
        is_erasing = isinstance(values, int) and values == UNLABELLED
        valid = None if self.validity is None or is_erasing else self.validity(z, rect)
        if valid is None:
            return where
        may = valid if isinstance(values, int) else valid | (values == UNLABELLED)
        return may if where is None else where & may


ANYWHERE = Guard()
