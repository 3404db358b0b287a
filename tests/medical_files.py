"""Medical files for tests: pydicom's and nibabel's own, and volumes made here whose every voxel is known."""

from __future__ import annotations

import shutil
import warnings
from pathlib import Path

import numpy as np
import pytest

SERIES = "1.2.826.0.1.3680043.8.498.1"
PATIENT = "Doe^Jane"
FILLED_FIELDS = {"PatientName": PATIENT, "PatientID": "4711-SECRET", "PatientBirthDate": "19700101"}


def pydicom_file(name: str, folder: Path) -> Path:
    """A copy of one of pydicom's test files, alone in *folder*."""
    pydicom = pytest.importorskip("pydicom")
    folder.mkdir(parents=True, exist_ok=True)
    source = Path(pydicom.__file__).parent / "data" / "test_files" / name
    if not source.exists():
        pytest.skip(f"this pydicom brings no {name}")
    return Path(shutil.copy(source, folder / name))


def nibabel_file(name: str) -> Path:
    """One of nibabel's test files."""
    nibabel = pytest.importorskip("nibabel")
    source = Path(nibabel.__file__).parent / "tests" / "data" / name
    if not source.exists():
        pytest.skip(f"this nibabel brings no {name}")
    return source


def volume(width: int = 12, height: int = 10, depth: int = 8) -> np.ndarray:
    """(z, y, x) int16: every voxel has a value of its own."""
    z, y, x = np.mgrid[:depth, :height, :width]
    return (x + 20 * y + 400 * z - 1000).astype(np.int16)


def write_slice(path: Path, values: np.ndarray, z: int, **fields: object) -> Path:
    """One CT slice of (y, x) int16 Hounsfield units, 3 mm above the one before; *fields* are set as they are."""
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = CTImageStorage
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    header = Dataset()
    header.file_meta = meta
    header.SOPClassUID = CTImageStorage
    header.SOPInstanceUID = meta.MediaStorageSOPInstanceUID = f"{SERIES}.{z + 1}"
    header.SeriesInstanceUID = SERIES
    header.Modality, header.SeriesNumber, header.InstanceNumber = "CT", 3, 100 - z
    for keyword, value in FILLED_FIELDS.items():
        setattr(header, keyword, value)
    header.Rows, header.Columns = values.shape
    header.SamplesPerPixel, header.PhotometricInterpretation = 1, "MONOCHROME2"
    header.BitsAllocated, header.BitsStored, header.HighBit, header.PixelRepresentation = 16, 12, 11, 0
    header.RescaleSlope, header.RescaleIntercept = "1", "-1024"
    header.WindowCenter, header.WindowWidth = ["40", "-600"], ["400", "1500"]
    header.WindowCenterWidthExplanation = ["SOFT", "LUNG"]
    header.PixelSpacing = ["0.7", "0.5"]
    header.SliceThickness = "3"
    header.ImageOrientationPatient = ["1", "0", "0", "0", "1", "0"]
    header.ImagePositionPatient = ["-20", "-30", str(100 + 3 * z)]
    header.PixelData = (values.astype(np.int32) + 1024).astype(np.uint16).tobytes()
    for keyword, value in fields.items():
        if value is None:
            delattr(header, keyword)
        else:
            setattr(header, keyword, value)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        header.save_as(path, enforce_file_format=True)
    return path


def write_series(folder: Path, voxels: np.ndarray, **fields: object) -> list[Path]:
    """A CT series; names and instance numbers run against the slices' places."""
    pytest.importorskip("pydicom")
    folder.mkdir(parents=True, exist_ok=True)
    names = [f"IM{len(voxels) - z:04d}" for z in range(len(voxels))]
    return [write_slice(folder / name, plane, z, **fields) for z, (name, plane) in enumerate(zip(names, voxels))]


AFFINES = {
    "RAS": np.array([[2.0, 0, 0, -10], [0, 3, 0, -20], [0, 0, 4, 5], [0, 0, 0, 1]]),
    "LPS": np.array([[-2.0, 0, 0, 50], [0, -3, 0, 40], [0, 0, 4, 5], [0, 0, 0, 1]]),
    "PIR": np.array([[0, 0, 2.0, -7], [-3, 0, 0, 11], [0, -4, 0, 60], [0, 0, 0, 1]]),
    "oblique": np.array([[1.9, 0.4, 0.2, -7], [-0.5, 2.8, 0.6, 11], [-0.1, -0.7, 3.9, 60], [0, 0, 0, 1]]),
}


def write_nifti(path: Path, voxels: np.ndarray, affine: np.ndarray, kind: str = "Nifti1Image", **header: object) -> Path:
    """(i, j, k, …) *voxels* as a NIfTI file; *header* fields are set as they are."""
    nibabel = pytest.importorskip("nibabel")
    image = getattr(nibabel, kind)(voxels, affine)
    for name, value in header.items():
        image.header[name] = value
    nibabel.save(image, path)
    return path


def voxel_at(affine: np.ndarray, xyz: tuple[int, int, int], other: np.ndarray) -> tuple[int, ...]:
    """The index, in a grid of affine *other*, of the place that voxel *xyz* of *affine* lies at."""
    place = np.asarray(affine) @ np.array([*xyz, 1.0])
    return tuple(int(value) for value in np.rint(np.linalg.inv(other) @ place)[:3])
