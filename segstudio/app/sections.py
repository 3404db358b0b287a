"""Cuts across the planes of a volume: how they are turned and stretched, and their labels."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from segstudio.core.geometry import TILE, Rect
from segstudio.core.proposals import confidence_floor
from segstudio.core.volumes import axis_letters, patient_axes, plane_name

if TYPE_CHECKING:
    import numpy.typing as npt

    from segstudio.core.layers import LabelLayer
    from segstudio.core.volumes import Affine
    from segstudio.io.readers.base import ImageInfo
    from segstudio.io.readers.planes import CutAxis

_LEFT_OR_TOP = frozenset("RAS")
"""The ends that lie at the left or at the top: the radiological convention, superior and anterior above."""


@dataclass(frozen=True)
class PlaneMarks:
    """What stands at the edges of the plane shown: its name ("axial", …) and letters; all "" where they are not known."""

    name: str = ""
    left: str = ""
    right: str = ""
    top: str = ""
    bottom: str = ""


@dataclass(frozen=True)
class SectionFrame:
    """A cut with the same x or y everywhere (``axis``), as it is drawn.

    The cut's own array is (z, along): along is y where ``axis`` is "x", else x. ``is_transposed`` swaps the two,
    then ``flips`` (horizontally, vertically) turn it. ``pixel_size`` is (width, height) of a drawn pixel; ``count``
    how many such cuts there are.
    """

    axis: CutAxis
    along: int
    depth: int
    count: int
    is_transposed: bool = False
    flips: tuple[bool, bool] = (False, False)
    pixel_size: tuple[float, float] = (1.0, 1.0)
    marks: PlaneMarks = PlaneMarks()

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) of the drawn picture in pixels."""
        return (self.depth, self.along) if self.is_transposed else (self.along, self.depth)

    def drawn(self, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """A view of a (z, along, …) array as it is drawn."""
        turned = values.swapaxes(0, 1) if self.is_transposed else values
        columns = slice(None, None, -1) if self.flips[0] else slice(None)
        rows = slice(None, None, -1) if self.flips[1] else slice(None)
        return turned[rows, columns]

    def place_of(self, along: float, z: float) -> tuple[float, float]:
        """(column, row) in the drawn picture of a position in the cut; pixel centres lie at .5."""
        column, row = (z, along) if self.is_transposed else (along, z)
        width, height = self.size
        return (width - column if self.flips[0] else column, height - row if self.flips[1] else row)

    def voxel_at(self, column: float, row: float) -> tuple[int, int]:
        """(along, z) of the pixel at a place of the drawn picture, the nearest there is."""
        width, height = self.size
        column = width - column if self.flips[0] else column
        row = height - row if self.flips[1] else row
        along, z = (row, column) if self.is_transposed else (column, row)
        return min(max(int(along // 1), 0), self.along - 1), min(max(int(z // 1), 0), self.depth - 1)


def section_frame(info: ImageInfo, axis: CutAxis) -> SectionFrame:
    """How the cuts of a volume along *axis* are drawn; without an affine as they lie, planes downwards."""
    index = 0 if axis == "y" else 1
    along, count = (info.width, info.height) if axis == "y" else (info.height, info.width)
    spacing = tuple(float(value) for value in info.metadata.get("spacing", (1.0, 1.0, 1.0)))
    step, rise = (spacing[index], spacing[2]) if len(spacing) == 3 else (1.0, 1.0)
    affine = info.metadata.get("affine")
    if affine is None:
        return SectionFrame(axis, along, info.depth, count, pixel_size=(step, rise))
    patient = patient_axes(affine)
    letters = axis_letters(affine)
    # What runs up and down in the patient does so on the screen; else what runs from front to back.
    is_transposed = patient[index][0] > patient[2][0]
    horizontal, vertical = (2, index) if is_transposed else (index, 2)
    flips = letters[horizontal][0] not in _LEFT_OR_TOP, letters[vertical][0] not in _LEFT_OR_TOP
    (left, right), (top, bottom) = letters[horizontal], letters[vertical]
    marks = PlaneMarks(
        plane_name(affine, 1 if axis == "y" else 0),
        *((right, left) if flips[0] else (left, right)),
        *((bottom, top) if flips[1] else (top, bottom)),
    )
    size = (rise, step) if is_transposed else (step, rise)
    return SectionFrame(axis, along, info.depth, count, is_transposed, flips, size, marks)


def plane_marks(info: ImageInfo) -> PlaneMarks:
    """Name and letters of the planes themselves, as the canvas shows them."""
    affine = info.metadata.get("affine")
    return PlaneMarks() if affine is None else _marks(affine)


@lru_cache(maxsize=8)
def _marks(affine: Affine) -> PlaneMarks:
    # Asked at every frame.
    letters = axis_letters(affine)
    return PlaneMarks(plane_name(affine, 2), *letters[0], *letters[1])


def label_section(layer: LabelLayer, axis: CutAxis, index: int, min_confidence: float = 0.0) -> npt.NDArray[np.uint16]:
    """(z, along) uint16 segment ids of a cut; only tiles that hold something cost anything.

    Of a proposal only what reaches *min_confidence* (0 … 1).
    """
    floor = confidence_floor(min_confidence)
    along = layer.width if axis == "y" else layer.height
    out = np.zeros((layer.depth, along), np.uint16)
    which = 1 if axis == "y" else 2
    rect = Rect(0, index, along, 1) if axis == "y" else Rect(index, 0, 1, along)
    for z in {key[0] for key in layer.tiles.keys() if key[which] == index // TILE}:
        if z < layer.depth:
            ids = layer.read(rect, z)
            if floor and layer.confidence is not None:
                ids = np.where(layer.read_confidence(rect, z) >= floor, ids, np.uint16(0))
            out[z] = ids.ravel()
    return out
