"""NIfTI: every voxel lies where its affine says, however the file's axes run."""

from __future__ import annotations

import gzip

import numpy as np
import pytest
from medical_files import AFFINES, nibabel_file, volume, write_nifti
from shared_data import shared_data

from segstudio.core.errors import UserError
from segstudio.core.geometry import Rect
from segstudio.core.volumes import axis_letters, plane_name
from segstudio.io.readers.registry import list_images, open_image, probe, thumbnail

nibabel = pytest.importorskip("nibabel")


def shown(reader, z=0):
    return reader.read(0, z, Rect(0, 0, reader.info.width, reader.info.height))


def agrees_everywhere(path):
    """All voxels, found through the two affines alone, are those that nibabel reads."""
    image = nibabel.load(path)
    expected = np.asanyarray(image.dataobj)
    reader = open_image(path)
    info = reader.info
    affine = np.array(info.metadata["affine"])
    step = np.linalg.inv(image.affine) @ affine
    seen = set()
    for z in range(info.depth):
        values = shown(reader, z)
        y, x = np.mgrid[: info.height, : info.width]
        index = np.rint(np.einsum("ij,jyx->iyx", step, np.stack([x, y, x * 0 + z, x * 0 + 1])))[:3].astype(int)
        there = expected[tuple(index)].reshape(info.height, info.width, -1)
        assert np.allclose(np.moveaxis(values, 0, -1), there, rtol=1e-6, equal_nan=True)
        seen.update(map(tuple, index.reshape(3, -1).T))
    assert len(seen) == np.prod(image.shape[:3])
    reader.close()
    return info


@pytest.mark.parametrize("name", list(AFFINES))
@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
def test_voxels_lie_where_the_affine_says(tmp_path, name, suffix):
    path = write_nifti(tmp_path / f"v{suffix}", volume().transpose(2, 1, 0), AFFINES[name])
    info = agrees_everywhere(path)
    # Radiological: right at the left, front at the top, planes go up.
    assert axis_letters(info.metadata["affine"]) == (("R", "L"), ("A", "P"), ("I", "S"))
    assert plane_name(info.metadata["affine"], 2) == "axial"
    assert info.dtype == "int16" and info.metadata["is_volume"]
    described = probe(path)
    assert (described.width, described.height, described.depth) == (info.width, info.height, info.depth)


def test_file_orientation_and_spacing_are_told(tmp_path):
    path = write_nifti(tmp_path / "v.nii", volume().transpose(2, 1, 0), AFFINES["PIR"])
    info = probe(path)
    assert info.metadata["file_orientation"] == "PIR"
    assert info.metadata["spacing"] == (2.0, 3.0, 4.0) and info.metadata["spacing_unit"] == "mm"
    assert (info.width, info.height, info.depth) == (8, 12, 10)


@pytest.mark.parametrize(("axis", "name"), [(0, "sagittal"), (1, "coronal"), (2, "axial")])
def test_thick_slices_are_shown_as_they_were_taken(tmp_path, axis, name):
    affine = np.diag([1.0, 1.0, 1.0, 1.0])
    affine[axis, axis] = 5.0
    path = write_nifti(tmp_path / "v.nii", volume(9, 8, 7).transpose(2, 1, 0), affine)
    info = agrees_everywhere(path)
    assert plane_name(info.metadata["affine"], 2) == name and info.metadata["spacing"][2] == 5.0
    if name != "axial":
        assert axis_letters(info.metadata["affine"])[1] == ("S", "I")


def test_single_slice_is_a_flat_picture(tmp_path):
    plane = volume(9, 8, 1)[0].T
    for affine in AFFINES.values():  # whichever way its two axes run in the patient
        path = write_nifti(tmp_path / "v.nii", plane, affine)
        info = probe(path)
        assert info.depth == 1 and {info.width, info.height} == {9, 8}


@pytest.mark.parametrize(
    "name", ["standard.nii.gz", "reoriented_anat_moved.nii", "resampled_anat_moved.nii", "anatomical.nii"]
)
def test_files_of_nibabel(name):
    agrees_everywhere(nibabel_file(name))


def test_scaled_values_and_times_as_bands():
    info = agrees_everywhere(nibabel_file("functional.nii"))
    assert (info.bands, info.dtype) == (20, "float32")
    assert info.metadata["default_bands"] == (0, 0, 0)
    assert agrees_everywhere(nibabel_file("example_nifti2.nii.gz")).bands == 2


def test_colours(tmp_path):
    colors = np.zeros((4, 3, 2), [("R", "u1"), ("G", "u1"), ("B", "u1")])
    colors["G"][1, 2, 0] = 200
    path = write_nifti(tmp_path / "c.nii", colors, AFFINES["LPS"])
    reader = open_image(path)
    assert reader.info.is_rgb and reader.info.bands == 3
    assert shown(reader)[:, 2, 1].tolist() == [0, 200, 0]


def test_fifth_dimension_is_bands_when_there_is_one_time(tmp_path):
    values = np.random.default_rng(1).normal(size=(4, 3, 2, 1, 3)).astype(np.float32)
    info = probe(write_nifti(tmp_path / "v.nii", values, AFFINES["RAS"]))
    assert info.bands == 3 and info.depth == 2


def test_more_dimensions_are_one_sentence(tmp_path):
    path = write_nifti(tmp_path / "v.nii", np.zeros((4, 3, 2, 2, 3), np.float32), AFFINES["RAS"])
    with pytest.raises(UserError, match=r"5 dimensions \(4 × 3 × 2 × 2 × 3\)"):
        open_image(path)


def test_complex_values_are_one_sentence(tmp_path):
    path = write_nifti(tmp_path / "v.nii", np.zeros((4, 3, 2), np.complex64), AFFINES["RAS"])
    with pytest.raises(UserError, match="complex"):
        probe(path)


def test_singular_affine_is_noted_and_shown_as_it_lies(tmp_path):
    voxels = volume().transpose(2, 1, 0)
    path = write_nifti(tmp_path / "v.nii", voxels, AFFINES["RAS"])
    content = bytearray(path.read_bytes())
    content[280:296] = bytes(16)  # srow_x
    path.write_bytes(bytes(content))
    reader = open_image(path)
    assert "affine" not in reader.info.metadata
    (note,) = reader.info.metadata["notes"]
    assert "singular" in note and note.endswith(".")
    assert np.array_equal(shown(reader, 3)[0], voxels[:, :, 3].T)


def test_cut_off_files_are_one_sentence(tmp_path):
    path = write_nifti(tmp_path / "v.nii", volume(40, 40, 40).transpose(2, 1, 0), AFFINES["RAS"])
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(UserError, match="cut off"):
        open_image(path)
    packed = gzip.compress(content)
    (tmp_path / "v.nii.gz").write_bytes(packed[: len(packed) // 2])
    with pytest.raises(UserError, match="damaged or incomplete"):
        open_image(tmp_path / "v.nii.gz")


def test_a_lie_about_the_size_takes_no_memory(tmp_path):
    path = write_nifti(tmp_path / "v.nii.gz", np.zeros((4, 3, 2), np.int16), AFFINES["RAS"])
    content = bytearray(gzip.decompress(path.read_bytes()))
    content[42:48] = np.array([30000, 30000, 500], "<i2").tobytes()
    path.write_bytes(gzip.compress(bytes(content)))
    with pytest.raises(UserError):
        open_image(path)


def test_missing_package_is_one_sentence_with_the_way_out(tmp_path, monkeypatch):
    path = write_nifti(tmp_path / "v.nii", volume().transpose(2, 1, 0), AFFINES["RAS"])
    monkeypatch.setitem(__import__("sys").modules, "nibabel", None)
    with pytest.raises(UserError, match=r"pip install segstudio\[medical\]"):
        open_image(path)


def test_one_range_of_brightness_for_all_planes(tmp_path):
    reader = open_image(write_nifti(tmp_path / "v.nii", volume(40, 40, 40).transpose(2, 1, 0), AFFINES["RAS"]))
    display = reader.info.metadata["display"]
    middle = shown(reader, 20)
    assert display.low < middle.min() and display.high > middle.max()


def test_folders_find_packed_volumes(tmp_path):
    for name in ("a.nii.gz", "b.nii", "c.gz", "d.txt"):
        write_nifti(tmp_path / "x.nii", np.zeros((2, 2, 2), np.uint8), AFFINES["RAS"]).replace(tmp_path / name)
    assert [path.name for path in list_images(tmp_path)] == ["a.nii.gz", "b.nii"]


@pytest.mark.shared_data
def test_shared_volumes():
    brain = shared_data("volumes", "mni152_t1.nii.gz")
    assert agrees_everywhere(brain).depth == 189
    picture = thumbnail(brain, 64)
    assert picture.shape == (64, 54, 3) and picture.max() > 150
    for path in list_images(shared_data("hippocampus_nifti", "images"))[:4]:
        agrees_everywhere(path)


@pytest.mark.parametrize("name", ["packed.nii", "plain.nii.gz", "scan", "scan.gz"])
def test_the_content_counts_not_the_name(tmp_path, name):
    path = write_nifti(tmp_path / "a.nii", volume().transpose(2, 1, 0), AFFINES["LPS"])
    content = path.read_bytes()
    target = tmp_path / name
    target.write_bytes(gzip.compress(content) if name in ("packed.nii", "scan.gz") else content)
    first, second = open_image(path), open_image(target)
    assert np.array_equal(shown(first, 3), shown(second, 3))
    assert second.info.metadata["affine"] == first.info.metadata["affine"]
