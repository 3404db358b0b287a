"""The most uncertain places inside an image, the worst first, from the map of a model's look at it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from segstudio.core.classes import UNLABELLED
from segstudio.core.geometry import Rect, tile_rect
from segstudio.core.looks import cell_size

if TYPE_CHECKING:
    import numpy.typing as npt

    from segstudio.core.layers import LabelLayer
    from segstudio.core.touched import Touched

MOST_PLACES = 40
SMALLEST_PX, LARGEST_PX = 64, 512
SHARE_OF_SIDE = 8
"""A place is as large as the image's shorter side divided by this."""
LEAST = 0.01
"""Where the model is surer than this on the average, nothing is to be looked at."""
LEAST_OF_WORST = 0.2
REVIEWED_PX = 128
"""Whether a place was reviewed is told from so many pixels in its middle."""


@dataclass(frozen=True)
class Place:
    """A square ``rect`` of plane ``z`` and its mean uncertainty, 0 … 1, in which the middle counts most."""

    rect: Rect
    z: int
    uncertainty: float


def place_side(width: int, height: int) -> int:
    """How large the places of an image are, in pixels."""
    return int(np.clip(min(width, height) // SHARE_OF_SIDE, SMALLEST_PX, LARGEST_PX))


def worst_places(
    cells: npt.NDArray[np.uint8], cell_px: int, width: int, height: int, *, most: int = MOST_PLACES
) -> list[Place]:
    """Places that do not lie on each other, the most uncertain first.

    *cells* is (z, row, column) uint8 as a :class:`segstudio.core.looks.Look` has it. A place in the plane beside another one and at the
    same spot counts as the same.
    """
    side = max(1, round(place_side(width, height) / cell_px))
    means = np.stack([_smoothed(plane, side) for plane in cells])
    top = float(means.max(initial=0.0))
    least = max(LEAST, LEAST_OF_WORST * top)
    kernel = np.ones((side, side), np.uint8)
    peaks = np.stack([plane >= cv2.dilate(plane, kernel) - 1e-6 for plane in means]) & (means >= least)
    at = np.argwhere(peaks)
    order = np.argsort(-means[peaks], kind="stable")
    chosen: list[tuple[int, int, int]] = []
    for z, row, column in at[order].tolist():
        if any(abs(z - a) <= 1 and abs(row - b) < side and abs(column - c) < side for a, b, c in chosen):
            continue
        chosen.append((z, row, column))
        if len(chosen) >= most:
            break
    return [
        Place(_square(row, column, cell_px, width, height), z, float(means[z, row, column]))
        for z, row, column in chosen
    ]


def _smoothed(plane: npt.NDArray[np.uint8], side: int) -> npt.NDArray[np.float32]:
    """(row, column) float32: the mean around each cell; a bell, so that its peak is in the middle of what is uncertain."""
    reach = 2 * (side // 2) + 1
    values = plane.astype(np.float32) / 255
    smooth: npt.NDArray[np.float32] = np.asarray(
        cv2.GaussianBlur(values, (reach, reach), side / 4, borderType=cv2.BORDER_REFLECT), np.float32
    )
    return smooth


def _square(row: int, column: int, cell_px: int, width: int, height: int) -> Rect:
    side = place_side(width, height)
    x = int(np.clip((column + 0.5) * cell_px - side / 2, 0, max(0, width - side)))
    y = int(np.clip((row + 0.5) * cell_px - side / 2, 0, max(0, height - side)))
    return Rect(x, y, side, side).clipped(width, height)


def is_worked_on(place: Place, touched: Touched) -> bool:
    """Whether a person has decided about at least half of the middle of a place."""
    rect = place.rect
    side_x, side_y = min(REVIEWED_PX, rect.width), min(REVIEWED_PX, rect.height)
    middle = Rect(rect.x + (rect.width - side_x) // 2, rect.y + (rect.height - side_y) // 2, side_x, side_y)
    return bool(touched(middle, place.z).mean() >= 0.5)


def cells_of_proposal(proposal: LabelLayer) -> tuple[npt.NDArray[np.uint8], int]:
    """((z, row, column) uint8, cell side in pixels): how unsure a proposal is, where nobody has looked with a model.

    What is proposed counts as unsure as its confidence is short of 1, what is not proposed as sure.
    """
    side = cell_size(proposal.width, proposal.height, proposal.depth)
    shape = proposal.depth, -(-proposal.height // side), -(-proposal.width // side)
    sums = np.zeros(shape, np.float32)
    for z in range(proposal.depth):
        for key in proposal.tiles.keys_in(proposal.bounds, z):
            rect = tile_rect(key[1], key[2]).intersected(proposal.bounds)
            doubt = 255.0 - proposal.read_confidence(rect, z).astype(np.float32)
            doubt[proposal.read_classes(rect, z) == UNLABELLED] = 0
            # Cells are powers of two: whole ones lie in a tile, or whole tiles in a cell.
            rows, columns = np.arange(0, rect.height, min(side, 256)), np.arange(0, rect.width, min(side, 256))
            part = np.add.reduceat(np.add.reduceat(doubt, rows, axis=0), columns, axis=1)
            row, column = rect.y // side, rect.x // side
            sums[z, row : row + part.shape[0], column : column + part.shape[1]] += part
    heights = np.minimum(side, proposal.height - np.arange(shape[1]) * side)
    widths = np.minimum(side, proposal.width - np.arange(shape[2]) * side)
    return np.rint(sums / np.outer(heights, widths)).clip(0, 255).astype(np.uint8), side
