"""Patches mixed from two: a box of another one (CutMix), or the pixels of half of its classes (ClassMix).

Done before the augmentation, which then sees one picture: pasted parts are turned and bent with their surroundings, and the
partner costs no more than its crop.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from segstudio.ml.plan import IGNORE_INDEX

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from segstudio.ml.plan import TrainPlan

    Crop = tuple[npt.NDArray[np.float32], npt.NDArray[Any]]

_STREAM = 11
"""Sets the draws of the mixing apart from those of the crop."""


def mixed(
    plan: TrainPlan,
    key: tuple[int, int],
    length: int,
    image: npt.NDArray[np.float32],
    mask: npt.NDArray[Any],
    crop_of: Callable[[int], Crop],
) -> Crop:
    """The patch of *key* = (epoch, index) with a part of another one of the same epoch pasted in, in ``mix_share`` of the cases.

    *image* is (…, H, W) float32, *mask* (H, W) class indices, or (n, H, W) with classes first and object ids in the others.
    ``crop_of(index)`` answers the partner, of the *length* there are. Whether, with whom and where is a function of
    the plan's seed and the key. Ignored pixels travel with their pixels; ClassMix leaves them where they are. What was given
    is not written to.
    """
    epoch, index = key
    if plan.mix == "none" or length < 2:
        return image, mask
    draw = np.random.default_rng([plan.seed, epoch, index, _STREAM])
    if draw.random() >= plan.mix_share:
        return image, mask
    other = int(draw.integers(length - 1))
    partner, partner_mask = crop_of(other + (other >= index))
    if plan.mix == "cutmix":
        is_pasted = cut_box(mask.shape[-2:], draw)
    else:
        classes = partner_mask if partner_mask.ndim == 2 else partner_mask[0]
        is_pasted = chosen_classes(classes & IGNORE_INDEX, draw)  # above the class may stand who made the label
    new_mask = np.where(is_pasted, partner_mask, mask)
    if mask.ndim == 3:
        # Object ids of two pictures are different objects, though equal numbers; none becomes the one that stands for ignored.
        apart = max(int(mask[1:].max(initial=0)), IGNORE_INDEX)
        moved = np.where(partner_mask[1:] > 0, partner_mask[1:] + apart, 0)
        new_mask[1:] = np.where(is_pasted, moved, mask[1:])
    return np.where(is_pasted, partner, image), new_mask.astype(mask.dtype)


def cut_box(shape: tuple[int, ...], draw: np.random.Generator) -> npt.NDArray[np.bool_]:
    """(y, x) bool box of 1 − λ of the area, λ uniform, its middle anywhere, cut off at the sides.

    Yun et al. 2019, CutMix, arXiv:1905.04899, section 3.1 and appendix A.
    """
    height, width = shape
    side = float(np.sqrt(1 - draw.random()))
    box_h, box_w = round(height * side), round(width * side)
    y, x = int(draw.integers(height)), int(draw.integers(width))
    inside = np.zeros((height, width), bool)
    inside[max(0, y - box_h // 2) : y + (box_h + 1) // 2, max(0, x - box_w // 2) : x + (box_w + 1) // 2] = True
    return inside


def chosen_classes(mask: npt.NDArray[Any], draw: np.random.Generator) -> npt.NDArray[np.bool_]:
    """(y, x) bool pixels of half (rounded up) of the classes of a mask; ignored pixels are of none.

    Olsson et al. 2021, ClassMix, arXiv:2007.07936, section 3.2.
    """
    present = np.unique(mask)
    present = present[present != IGNORE_INDEX]
    taken = draw.choice(present, (len(present) + 1) // 2, replace=False)
    return np.isin(mask, taken)
