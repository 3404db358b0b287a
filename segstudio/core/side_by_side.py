"""A labelled image beside what a model made of it: image, truth, prediction and overlay, in the colours of the classes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

from segstudio.core.classes import PALETTE

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

IGNORED_GREY = 128
GAP_PX = 4
OVERLAY_SHARE = 0.5
_COLOR = re.compile("#[0-9a-fA-F]{6}")


def known_color(color: str, index: int) -> str:
    """*color* where it is "#rrggbb", else one that class *index* can be told by: data sets without colours have "" for each."""
    return color if _COLOR.fullmatch(color) else PALETTE[index % len(PALETTE)]


def color_table(colors: Sequence[str]) -> npt.NDArray[np.uint8]:
    """(256, 3) uint8: the colour of each class index; what is no class, and 255 = ignored, is grey."""
    table = np.full((256, 3), IGNORED_GREY, np.uint8)
    for index, color in enumerate(colors[:255]):
        table[index] = list(bytes.fromhex(known_color(color, index)[1:]))
    return table


def side_by_side(
    image: npt.NDArray[np.uint8],
    truth: npt.NDArray[np.uint8],
    prediction: npt.NDArray[np.uint8],
    colors: Sequence[str],
) -> npt.NDArray[np.uint8]:
    """(y, 4x + gaps, 3) uint8: image (y, x, 3), truth and prediction (y, x) in class colours, prediction over the image."""
    table = color_table(colors)
    found = table[prediction]
    mixed = (image * (1 - OVERLAY_SHARE) + found * OVERLAY_SHARE).astype(np.uint8)
    gap = np.full((image.shape[0], GAP_PX, 3), 255, np.uint8)
    return np.concatenate([image, gap, table[truth], gap, found, gap, mixed], axis=1)
