"""Where the voxels of a volume lie in the patient: affines, axis letters, names of planes, display order.

Affines are 4×4 float64 from voxel centres (x, y, z) to millimetres in RAS+, as nibabel has it: +x towards the
patient's right, +y anterior, +z superior.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

Affine = tuple[tuple[float, float, float, float], ...]
PlaneName = Literal["axial", "coronal", "sagittal", ""]

_LETTERS = (("L", "R"), ("P", "A"), ("I", "S"))
"""(towards minus, towards plus) of each axis of RAS+."""
_ENDS_RIGHT = ("L", "P", "I")
_THICK = 2.0
"""Slices this much thicker than their pixels are shown as they were taken, not cut across."""


def as_affine(matrix: npt.ArrayLike) -> Affine:
    """A 4×4 matrix as nested tuples, as it stands in an image's metadata."""
    values = np.asarray(matrix, np.float64)
    return tuple((float(a), float(b), float(c), float(d)) for a, b, c, d in values)


def is_sound(matrix: npt.ArrayLike) -> bool:
    """Whether a 4×4 affine is finite and gives the voxels a volume (no axis is 0 or lies in the plane of others)."""
    values = np.asarray(matrix, np.float64)
    if values.shape != (4, 4) or not np.isfinite(values).all():
        return False
    lengths = np.linalg.norm(values[:3, :3], axis=0)
    if not (lengths > 0).all():
        return False
    return bool(abs(np.linalg.det(values[:3, :3] / lengths)) > 1e-4)


def spacing_of(matrix: npt.ArrayLike) -> tuple[float, float, float]:
    """(x, y, z) distances of voxel centres, in the affine's unit."""
    x, y, z = (float(value) for value in np.linalg.norm(np.asarray(matrix, np.float64)[:3, :3], axis=0))
    return x, y, z


def patient_axes(matrix: npt.ArrayLike) -> tuple[tuple[int, int], ...]:
    """For voxel axes x, y, z: (the patient axis it runs along most nearly, +1 or -1); each patient axis once."""
    directions = np.asarray(matrix, np.float64)[:3, :3]
    lengths = np.linalg.norm(directions, axis=0)
    # The nearest matrix with right angles, so that sheared and oblique volumes have one answer, too.
    u, _, vt = np.linalg.svd(directions / np.where(lengths > 0, lengths, 1.0))
    straight = np.asarray(u @ vt)
    weights = np.abs(straight)
    found: dict[int, tuple[int, int]] = {}
    for _ in range(3):
        row, column = (int(index) for index in np.unravel_index(int(np.argmax(weights)), weights.shape))
        found[column] = (row, 1 if straight[row, column] >= 0 else -1)
        weights[row, :] = -1.0
        weights[:, column] = -1.0
    return tuple(found[axis] for axis in range(3))


def axis_letters(matrix: npt.ArrayLike) -> tuple[tuple[str, str], ...]:
    """For voxel axes x, y, z: the letters (R, L, A, P, S, I) at its low and its high end."""
    letters = []
    for patient, sign in patient_axes(matrix):
        low, high = _LETTERS[patient]
        letters.append((low, high) if sign > 0 else (high, low))
    return tuple(letters)


def plane_name(matrix: npt.ArrayLike, axis: int) -> PlaneName:
    """What a plane is called whose voxels all have the same index along *axis* (0 = x, 1 = y, 2 = z)."""
    names: tuple[PlaneName, ...] = ("sagittal", "coronal", "axial")
    return names[patient_axes(matrix)[axis][0]]


@dataclass(frozen=True)
class DisplayOrder:
    """How the axes of a file become x, y, z as shown: shown axis k is file axis ``axes[k]``, reversed where ``flips[k]``."""

    axes: tuple[int, int, int] = (0, 1, 2)
    flips: tuple[bool, bool, bool] = (False, False, False)

    def shown(self, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """A view of a (file axes …, more axes …) array as (x, y, z, more axes …)."""
        rest = range(3, values.ndim)
        turned = values.transpose(*self.axes, *rest)
        return turned[tuple(slice(None, None, -1) if flip else slice(None) for flip in self.flips)]

    def stored(self, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """A view of an (x, y, z) array as it lies in the file: the reverse of :meth:`shown`."""
        turned = values[tuple(slice(None, None, -1) if flip else slice(None) for flip in self.flips)]
        inverse = [self.axes.index(axis) for axis in range(3)]
        return turned.transpose(*inverse, *range(3, values.ndim))

    def affine(self, matrix: npt.ArrayLike, shape: Sequence[int]) -> npt.NDArray[np.float64]:
        """The affine of shown voxels, of the file's *matrix* and *shape* (file order)."""
        change = np.zeros((4, 4))
        change[3, 3] = 1.0
        for shown, (axis, flip) in enumerate(zip(self.axes, self.flips)):
            change[axis, shown] = -1.0 if flip else 1.0
            if flip:
                change[axis, 3] = shape[axis] - 1
        return np.asarray(np.asarray(matrix, np.float64) @ change)


def display_order(matrix: npt.ArrayLike, shape: Sequence[int]) -> DisplayOrder:
    """How a volume is shown: axial planes, the patient's right at the left, anterior at the top, z upwards.

    That is the radiological convention, and the order DICOM has for axial series. A volume whose slices are more than
    twice as thick as their pixels (or a single slice) keeps the plane it was taken in, turned the same way: superior
    at the top, the patient's right or front at the left; z counts towards anterior or right.
    """
    axes = patient_axes(matrix)
    spacing = spacing_of(matrix)
    thick = max(range(3), key=lambda axis: (shape[axis] == 1, spacing[axis]))
    others = [spacing[axis] for axis in range(3) if axis != thick]
    patient_z = axes[thick][0] if shape[thick] == 1 or spacing[thick] > _THICK * max(others) else 2
    # Patient axes shown as x, y, z: axial (R, A, S), coronal (R, S, A), sagittal (A, S, R).
    wanted = {2: (0, 1, 2), 1: (0, 2, 1), 0: (1, 2, 0)}[patient_z]
    file_axes, flips = [], []
    for shown, patient in enumerate(wanted):
        axis = next(index for index in range(3) if axes[index][0] == patient)
        low, high = _LETTERS[patient]
        end = high if axes[axis][1] > 0 else low
        # x and y end at left, posterior or inferior; z counts towards superior, anterior or right.
        flips.append(end != _ENDS_RIGHT[patient] if shown < 2 else axes[axis][1] < 0)
        file_axes.append(axis)
    return DisplayOrder((file_axes[0], file_axes[1], file_axes[2]), (flips[0], flips[1], flips[2]))
