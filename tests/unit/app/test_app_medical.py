"""Medical volumes through the session: shown, labelled, saved, opened again, exported with their geometry intact."""

from __future__ import annotations

import json

import numpy as np
import pytest
from medical_files import (
    AFFINES,
    FILLED_FIELDS,
    PATIENT,
    nibabel_file,
    pydicom_file,
    volume,
    voxel_at,
    write_nifti,
    write_series,
)
from PIL import Image
from shared_data import shared_data

from segstudio.app.session import Session
from segstudio.app.settings import Settings
from segstudio.core.classes import IGNORE, ClassTable
from segstudio.core.geometry import Rect
from segstudio.io.formats.base import ExportPlan
from segstudio.io.formats.registry import export_project

nibabel = pytest.importorskip("nibabel")
pytest.importorskip("pydicom")
CLASSES = ClassTable().added("organ").added("lesion", mask_value=9)
ORGAN, LESION = CLASSES[0].id, CLASSES[1].id


@pytest.fixture
def session(tmp_path):
    made = Session(Settings(tmp_path / "config"))
    made.said = []
    made.notice.connect(made.said.append)
    assert made.create_project(tmp_path / "project", CLASSES)
    yield made
    made.close_project()


def paint(session, rect, z, class_id):
    """One edit on a plane, as a tool makes it."""
    session.set_plane(z)
    session.select_class(class_id)
    transaction = session.begin("Test")
    transaction.write(rect, session.paint_segment(transaction), z=session.plane)
    assert session.commit(transaction)


def label(session, path):
    """Add a volume, look at it, paint two boxes, close, open again; (affine as shown, {(x, y, z): class})."""
    session.add_images([path])
    assert session.reader is not None, session.said
    info = session.reader.info
    depth = info.depth
    assert session.reader.read(0, depth - 1, Rect(0, 0, info.width, info.height)).shape[1:] == (info.height, info.width)
    first = Rect(1, 2, max(1, info.width // 3), max(1, info.height // 3))
    paint(session, first, depth - 1, ORGAN)
    paint(session, Rect(info.width - 1, 0, 1, 1), depth // 2, LESION)
    folder = session.folder
    session.close_project()
    assert session.open_project(folder)
    layer = session.labels
    assert layer.read_classes(first, depth - 1).min() == ORGAN
    assert layer.read_classes(Rect(info.width - 1, 0, 1, 1), depth // 2)[0, 0] == LESION
    assert session.undo() and session.redo()
    painted = {(x, y, depth - 1): 1 for x in range(first.x, first.right) for y in range(first.y, first.bottom)}
    painted[info.width - 1, 0, depth // 2] = 9
    return info, painted


def exported(session, tmp_path, **options):
    report = export_project(session.store, ExportPlan("nifti", tmp_path / "out", options=options))
    assert report.images == len(session.images) and not report.skipped
    return tmp_path / "out"


def agrees(image, affine, painted):
    """The label file holds each painted voxel at its place in the patient, and nothing else."""
    values = np.asarray(image.dataobj)
    for xyz, value in painted.items():
        assert values[voxel_at(affine, xyz, image.affine)] == value, xyz
    assert (values != 0).sum() == len(painted)


@pytest.mark.parametrize("name", list(AFFINES))
def test_nifti_keeps_affine_order_and_spacing(session, tmp_path, name):
    source = write_nifti(
        tmp_path / "scan.nii.gz", volume(14, 13, 12).transpose(2, 1, 0), AFFINES[name], descrip=b"Doe, Jane"
    )
    info, painted = label(session, source)
    out = exported(session, tmp_path)
    before, after = nibabel.load(source), nibabel.load(out / "labels" / "scan.nii.gz")
    for field in (
        "pixdim",
        "srow_x",
        "srow_y",
        "srow_z",
        "sform_code",
        "qform_code",
        "quatern_b",
        "qoffset_x",
        "xyzt_units",
    ):
        assert np.array_equal(before.header[field], after.header[field]), field
    assert np.array_equal(before.affine, after.affine) and before.shape == after.shape
    assert after.get_data_dtype() == np.uint8
    agrees(after, info.metadata["affine"], painted)
    assert json.loads((out / "labels" / "scan.json").read_text())["classes"][1]["value"] == 9
    assert json.loads((out / "classes.json").read_text())[0]["name"] == "organ"
    copied = nibabel.load(out / "images" / "scan.nii.gz")
    assert np.array_equal(np.asarray(copied.dataobj), np.asarray(before.dataobj))
    assert np.array_equal(copied.affine, before.affine)
    assert not bytes(copied.header["descrip"]).strip(b"\0") and b"Doe" not in after.header.binaryblock


@pytest.mark.parametrize(
    "name", ["functional.nii", "example_nifti2.nii.gz", "standard.nii.gz", "resampled_anat_moved.nii"]
)
def test_files_of_nibabel(session, tmp_path, name):
    source = nibabel_file(name)
    info, painted = label(session, source)
    out = exported(session, tmp_path)
    stem = name.removesuffix(".gz").removesuffix(".nii")
    before, after = nibabel.load(source), nibabel.load(out / "labels" / f"{stem}.nii.gz")
    assert type(before.header) is type(after.header)
    assert np.array_equal(before.affine, after.affine) and after.shape == before.shape[:3]
    assert np.allclose(after.header.get_zooms(), before.header.get_zooms()[:3])
    agrees(after, info.metadata["affine"], painted)
    copied = nibabel.load(out / "images" / f"{stem}.nii.gz")
    assert np.allclose(np.asarray(copied.dataobj), np.asarray(before.dataobj), equal_nan=True)


def test_dicom_series_becomes_nifti_in_its_place_without_the_patient(session, tmp_path):
    voxels = volume(14, 13, 9)
    write_series(tmp_path / "ct", voxels)
    info, painted = label(session, tmp_path / "ct")
    out = exported(session, tmp_path)
    after = nibabel.load(out / "labels" / "ct.nii.gz")
    assert np.allclose(after.header.get_zooms(), (0.5, 0.7, 3.0)) and after.header.get_xyzt_units()[0] == "mm"
    agrees(after, info.metadata["affine"], painted)
    # The place of the plane's corner in the words of the DICOM header (LPS), turned into RAS.
    assert np.allclose(after.affine @ [0, 0, 8, 1], [20, 30, 124, 1])
    picture = nibabel.load(out / "images" / "ct.nii.gz")
    assert np.array_equal(np.asarray(picture.dataobj), voxels.transpose(2, 1, 0))
    for file in out.rglob("*"):
        if file.is_file():
            content = file.read_bytes() if file.suffix != ".gz" else __import__("gzip").decompress(file.read_bytes())
            for secret in (PATIENT, FILLED_FIELDS["PatientID"]):
                assert secret.encode() not in content


@pytest.mark.parametrize(
    "name", ["CT_small.dcm", "MR_small.dcm", "examples_ybr_color.dcm", "rtdose.dcm", "examples_palette.dcm"]
)
def test_files_of_pydicom(session, tmp_path, name):
    info, painted = label(session, pydicom_file(name, tmp_path / "dicom"))
    out = exported(session, tmp_path)
    after = nibabel.load(out / "labels" / f"{name.removesuffix('.dcm')}.nii.gz")
    assert after.shape == (info.width, info.height, info.depth)
    agrees(after, info.metadata.get("affine", after.affine), painted)


def test_a_packed_file_with_the_wrong_name(session, tmp_path):
    packed = write_nifti(tmp_path / "scan.nii.gz", volume().transpose(2, 1, 0), AFFINES["PIR"])
    expected = np.asarray(nibabel.load(packed).dataobj)
    info, painted = label(session, packed.rename(tmp_path / "wrong.nii"))
    out = exported(session, tmp_path)
    agrees(nibabel.load(out / "labels" / "wrong.nii.gz"), info.metadata["affine"], painted)
    assert np.array_equal(np.asarray(nibabel.load(out / "images" / "wrong.nii.gz").dataobj), expected)


def test_flat_formats_hold_the_labelled_planes(session, tmp_path):
    label(session, write_nifti(tmp_path / "scan.nii", volume().transpose(2, 1, 0), AFFINES["RAS"]))
    session.add_images([pydicom_file("CT_small.dcm", tmp_path / "dicom")])
    report = export_project(
        session.store, ExportPlan("masks", tmp_path / "masks", image_ids=[i.id for i in session.images])
    )
    layer = session.store.labels_layer(1)
    planes = sorted({key[0] for key in layer.tiles.keys()})
    assert planes and report.images == 1 + len(planes) and not report.skipped
    names = [f"scan_z{z:04d}" for z in planes]
    assert sorted(file.stem for file in (tmp_path / "masks" / "masks").iterdir()) == ["CT_small", *names]
    for z, name in zip(planes, names, strict=True):
        mask = np.asarray(Image.open(tmp_path / "masks" / "masks" / f"{name}.png"))
        np.testing.assert_array_equal(mask > 0, layer.read_classes(layer.bounds, z) > 0)
    # The flat one is written anew: its header stays at home.
    picture = tmp_path / "masks" / "images" / "CT_small.tif"
    assert b"CompressedSamples" not in picture.read_bytes()


def test_ignored_voxels(session, tmp_path):
    session.add_images([write_nifti(tmp_path / "scan.nii", volume().transpose(2, 1, 0), AFFINES["RAS"])])
    transaction = session.begin("Test")
    transaction.write(Rect(0, 0, 2, 1), IGNORE, z=3)
    session.commit(transaction)
    out = exported(session, tmp_path, images=False)
    assert not (out / "images").exists()
    assert (np.asarray(nibabel.load(out / "labels" / "scan.nii.gz").dataobj) == 255).sum() == 2


@pytest.mark.shared_data
def test_shared_volumes(session, tmp_path):
    folder = shared_data("hippocampus_nifti", "images")
    for source in (sorted(folder.glob("*.nii.gz"))[0], shared_data("volumes", "mni152_t1.nii.gz")):
        session.close_project()
        assert session.create_project(tmp_path / source.name / "project", CLASSES)
        info, painted = label(session, source)
        out = exported(session, tmp_path / source.name, images=False)
        before = nibabel.load(source)
        after = nibabel.load(out / "labels" / source.name)
        assert np.array_equal(before.affine, after.affine) and before.shape == after.shape
        agrees(after, info.metadata["affine"], painted)
