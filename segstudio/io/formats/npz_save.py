"""Images that lie as arrays in npz archives, saved as files: PNG where it holds them, TIFF, or NIfTI where they have an affine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from segstudio.core.errors import UserError
from segstudio.core.volumes import DisplayOrder, display_order, is_sound
from segstudio.io.atomic import disk_error
from segstudio.io.dataset_volumes import is_nifti_name
from segstudio.io.readers.limits import MAX_DECODED_BYTES

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

    from segstudio.io.formats.npz_arrays import Labelled
    from segstudio.io.npz_files import NpzReader


def image_suffix(archive: NpzReader, one: Labelled) -> str:
    """What the image's file is called at its end."""
    if one.depth > 1:
        return ".tif" if _affine(archive, one) is None else ".nii.gz"
    kind = archive.heads[one.image].dtype if one.image else np.dtype(np.uint8)
    return ".png" if kind in (np.uint8, np.uint16, np.bool_) and one.bands in (1, 3, 4) else ".tif"


def _affine(archive: NpzReader, one: Labelled) -> npt.NDArray[np.float64] | None:
    """The affine by which a NIfTI file would be shown as the array lies; None where there is none."""
    head = archive.heads.get("affine")
    if one.bands != 1 or head is None or head.shape != (4, 4) or head.dtype.kind not in "iuf":
        return None
    affine = archive.whole("affine").astype(np.float64)
    shape = (one.width, one.height, one.depth)
    return affine if is_sound(affine) and display_order(affine, shape) == DisplayOrder() else None


def save_array(archive: NpzReader, one: Labelled, index: int, path: Path) -> None:
    """Write image *index* of an archive to *path*, as its suffix says (png, nii.gz, else TIFF).

    Raises
    ------
    UserError
        When the array is damaged or too large, or the disk refuses.
    """
    values = _values(archive, one, index)
    try:
        if is_nifti_name(path):
            _save_nifti(archive, one, values, path)
        elif path.suffix.lower() == ".png" and one.depth == 1 and one.bands in (1, 3, 4):
            _save_png(values[0], path)
        else:
            _save_tiff(values, path)
    except OSError as error:
        raise disk_error(error, path) from error


def _values(archive: NpzReader, one: Labelled, index: int) -> npt.NDArray[Any]:
    """(z, y, x, band)."""
    count = one.size * one.bands
    if count * archive.heads[one.image].dtype.itemsize > MAX_DECODED_BYTES:
        raise UserError("The image is too large for memory", path=archive.path, remedy="cut it into parts")
    values = archive.read(one.image, index * count, count)
    if values.dtype == np.bool_:
        values = values.astype(np.uint8) * 255
    if values.dtype in (np.float16, np.float64):
        values = values.astype(np.float32)
    if one.is_band_first:
        return np.moveaxis(values.reshape(one.depth, one.bands, one.height, one.width), 1, -1)
    return values.reshape(one.depth, one.height, one.width, one.bands)


def _save_png(values: npt.NDArray[Any], path: Path) -> None:
    import cv2

    colors = {1: None, 3: cv2.COLOR_RGB2BGR, 4: cv2.COLOR_RGBA2BGRA}[values.shape[2]]
    values = np.ascontiguousarray(values)
    is_done, data = cv2.imencode(".png", values if colors is None else cv2.cvtColor(values, colors))
    if not is_done:
        raise UserError("The picture could not be written as PNG", path=path, remedy="check the disk")
    path.write_bytes(data.tobytes())


def _save_tiff(values: npt.NDArray[Any], path: Path) -> None:
    import tifffile

    depth, _, _, bands = values.shape
    is_rgb = bands in (3, 4) and values.dtype in (np.uint8, np.uint16)
    if bands > 1 and not is_rgb:
        pages = np.moveaxis(values, -1, 1)
        axes = "ZCYX"
    else:
        pages, axes = (values, "ZYXS") if is_rgb else (values[..., 0], "ZYX")
    if depth == 1:
        pages, axes = pages[0], axes[1:]
    tifffile.imwrite(
        path,
        pages,
        photometric="rgb" if is_rgb else "minisblack",
        planarconfig="separate" if axes.endswith("CYX") else None,
        compression="zlib",
        metadata={"axes": axes},
    )


def _save_nifti(archive: NpzReader, one: Labelled, values: npt.NDArray[Any], path: Path) -> None:
    from segstudio.io.readers.extras import needs

    nibabel = needs("nibabel", "NIfTI files", "medical", path)
    voxels = values[..., 0].transpose(2, 1, 0)
    if voxels.dtype.kind in "iu" and voxels.dtype.itemsize == 8:
        voxels = voxels.astype(np.float64)
    affine = _affine(archive, one)
    if affine is None:
        affine = np.diag([-1.0, -1.0, 1.0, 1.0])
    nibabel.save(nibabel.Nifti1Image(np.asfortranarray(voxels), affine), str(path))
