"""Affines, letters and the order in which volumes are shown."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from segstudio.core.volumes import axis_letters, display_order, is_sound, patient_axes, plane_name, spacing_of


def turned(permutation, signs, spacing=(1.0, 1.0, 1.0)):
    matrix = np.zeros((4, 4))
    matrix[3, 3] = 1
    for axis in range(3):
        matrix[permutation[axis], axis] = signs[axis] * spacing[axis]
    return matrix


@pytest.mark.parametrize("permutation", list(itertools.permutations(range(3))))
@pytest.mark.parametrize("signs", list(itertools.product((1, -1), repeat=3)))
def test_every_way_the_axes_can_run(permutation, signs):
    matrix = turned(permutation, signs)
    assert patient_axes(matrix) == tuple(zip(permutation, signs))
    shape = (3, 4, 5)
    order = display_order(matrix, shape)
    values = np.arange(60).reshape(shape)
    shown = order.shown(values)
    assert np.array_equal(order.stored(shown), values)
    affine = order.affine(matrix, shape)
    assert axis_letters(affine) == (("R", "L"), ("A", "P"), ("I", "S"))
    for index in np.ndindex(*shown.shape):
        file_index = np.rint(np.linalg.inv(matrix) @ affine @ [*index, 1])[:3].astype(int)
        assert shown[index] == values[tuple(file_index)]


def test_sheared_and_oblique_axes_have_one_patient_axis_each():
    matrix = np.eye(4)
    matrix[:3, :3] = [[1, 0.72, 0], [0, 0.69, 0.3], [0, 0, 1]]  # the second axis runs more along x than along y
    assert sorted(axis for axis, _ in patient_axes(matrix)) == [0, 1, 2]


def test_singular_affines_are_told():
    assert is_sound(np.eye(4)) and is_sound(turned((2, 0, 1), (1, -1, 1), (0.001, 5, 300)))
    for change in ((0, 0, 0.0), (1, 1, np.nan), (2, 2, np.inf)):
        matrix = np.eye(4)
        matrix[change[0], change[1]] = change[2]
        assert not is_sound(matrix)
    flat = np.eye(4)
    flat[:3, 2] = [1, 1, 0]
    assert not is_sound(flat)


def test_thick_slices_decide_the_plane():
    for axis, name in enumerate(("sagittal", "coronal", "axial")):
        spacing = [1.0, 1.0, 1.0]
        spacing[axis] = 3.0
        matrix = turned((0, 1, 2), (1, 1, 1), spacing)
        affine = display_order(matrix, (4, 5, 6)).affine(matrix, (4, 5, 6))
        assert plane_name(affine, 2) == name and spacing_of(affine)[2] == 3.0
