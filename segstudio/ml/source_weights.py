"""How much labels count in training by who made them: a hand, a person who accepted, or a model alone. No torch."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from segstudio.core.errors import UserError
from segstudio.core.touched import is_touched

if TYPE_CHECKING:
    import numpy.typing as npt

    from segstudio.core.geometry import Rect
    from segstudio.core.layers import LabelLayer

HAND, ACCEPTED, MODEL = 0, 1, 2
"""Codes of sources, and their places in ``TrainPlan.source_weights``."""
CODE_SHIFT = 8
"""Codes travel above the class index (0 … 255) of a patch's mask."""


def are_weighed(weights: tuple[float, ...]) -> bool:
    """Whether *weights* make a difference: some source counts more than another."""
    return len(set(weights)) > 1


def check_source_weights(weights: tuple[float, ...]) -> None:
    """Raise UserError unless *weights* are () or three numbers from 0 on, the first above 0."""
    if not weights:
        return
    is_right = len(weights) == 3 and all(0 <= weight < float("inf") for weight in weights) and weights[HAND] > 0
    if not is_right:
        raise UserError(
            f"the weights of sources are {', '.join(f'{weight:g}' for weight in weights)}",
            remedy="give three numbers: by hand (above 0), accepted, by a model alone, such as 1,0.5,0.2",
        )


def source_codes(layer: LabelLayer, rect: Rect, z: int = 0, *, is_checked: bool = False) -> npt.NDArray[np.uint8]:
    """(h, w) uint8: who vouches for each pixel of *layer*.

    HAND: made, imported or checked by a person, and what is unlabelled. ACCEPTED: a person accepted a proposal at this very
    place, or went on to change it, or the whole image *is_checked* (marked done). MODEL: it came with all of a proposal and
    nobody decided about the place since.
    """
    lut = np.zeros(65536, np.uint8)
    lut[[item.id for item in layer.segments.values() if item.class_id and not item.is_hand_work]] = MODEL
    codes: npt.NDArray[np.uint8] = lut.take(layer.tiles.read(rect, z))
    vouched = codes == MODEL
    if vouched.any():
        codes[vouched if is_checked else vouched & is_touched(layer, rect, z)] = ACCEPTED
    return codes


def ignored_codes(weights: tuple[float, ...]) -> tuple[int, ...]:
    """Codes whose labels count nothing: they are left out as if they were not labelled."""
    return tuple(code for code, weight in enumerate(weights) if not weight) if are_weighed(weights) else ()


def with_codes(mask: npt.NDArray[np.uint8], codes: npt.NDArray[np.uint8] | None, ignored: int) -> npt.NDArray[np.int32]:
    """(y, x) int32 class indices with the codes of their sources above them; pixels of class *ignored* have none."""
    coded = mask.astype(np.int32)
    if codes is not None:
        coded |= np.where(mask == ignored, 0, codes).astype(np.int32) << CODE_SHIFT
    return coded
