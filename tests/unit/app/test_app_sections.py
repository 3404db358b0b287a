"""Cuts across a volume: turned as the patient stands, found again by their labels."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest

from segstudio.app.sections import PlaneMarks, label_section, plane_marks, section_frame
from segstudio.core.edits import Transaction
from segstudio.core.geometry import Rect
from segstudio.core.layers import LabelLayer
from segstudio.core.volumes import as_affine
from segstudio.io.readers.base import ImageInfo


def info_of(matrix, spacing=(1.0, 2.0, 3.0), size=(7, 6, 5)):
    metadata = {"spacing": spacing} if matrix is None else {"spacing": spacing, "affine": as_affine(matrix)}
    return ImageInfo(Path("v"), *size, metadata=metadata)


@pytest.mark.parametrize("permutation", list(itertools.permutations(range(3))))
@pytest.mark.parametrize("signs", [(1, 1, 1), (-1, 1, -1), (-1, -1, 1)])
@pytest.mark.parametrize("axis", ["x", "y"])
def test_up_is_up_and_right_is_left(permutation, signs, axis):
    matrix = np.zeros((4, 4))
    matrix[3, 3] = 1
    for index in range(3):
        matrix[permutation[index], index] = signs[index]
    frame = section_frame(info_of(matrix), axis)
    fixed = 0 if axis == "x" else 1
    along = 1 - fixed

    def place(a, z):
        voxel = np.zeros(4)
        voxel[[fixed, along, 2, 3]] = 3, a, z, 1
        return matrix @ voxel

    # Walk one pixel right and one down in the drawn picture and see where in the patient (RAS) that leads.
    start = frame.voxel_at(2.5, 2.5)
    right = place(*frame.voxel_at(3.5, 2.5)) - place(*start)
    down = place(*frame.voxel_at(2.5, 3.5)) - place(*start)
    letters = {0: "RL", 1: "AP", 2: "SI"}
    across, upright = int(np.argmax(abs(right[:3]))), int(np.argmax(abs(down[:3])))
    assert upright > across and right[across] == -1 and down[upright] == -1
    assert frame.marks.left + frame.marks.right == letters[across]
    assert frame.marks.top + frame.marks.bottom == letters[upright]
    assert frame.marks.name == ("sagittal", "coronal", "axial")[3 - across - upright]
    assert frame.pixel_size in ((3.0, (1.0, 2.0)[along]), ((1.0, 2.0)[along], 3.0))
    for a, z in itertools.product(range(frame.along), range(frame.depth)):
        column, row = frame.place_of(a + 0.5, z + 0.5)
        assert frame.voxel_at(column, row) == (a, z)
        values = np.zeros((frame.depth, frame.along))
        values[z, a] = 1
        assert frame.drawn(values)[int(row), int(column)] == 1


def test_volumes_without_a_patient_lie_as_they_are():
    frame = section_frame(info_of(None), "x")
    assert frame.size == (6, 5) and frame.flips == (False, False) and frame.marks == PlaneMarks()
    assert frame.pixel_size == (2.0, 3.0) and plane_marks(info_of(None)) == PlaneMarks()


@pytest.mark.parametrize("axis", ["x", "y"])
def test_labels_of_a_cut(axis):
    layer = LabelLayer(1, 1, "labels", "labels", 300, 280, 6)
    transaction = Transaction(layer, "Test")
    segment = transaction.ensure_stuff(1)
    for z in (0, 3, 5):
        transaction.write(Rect(250, 240, 20, 30), segment, z=z)
    transaction.commit()
    whole = np.stack([layer.read(layer.bounds, z) for z in range(6)])
    for index in (0, 245, 255, 257, 268, 275):
        expected = whole[:, :, index] if axis == "x" else whole[:, index, :]
        assert np.array_equal(label_section(layer, axis, index), expected)
