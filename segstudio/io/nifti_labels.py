"""Label maps as NIfTI files that lie on their image voxel by voxel: its own affine, spacing and order of axes."""

from __future__ import annotations

import gzip
import os
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO, cast

import numpy as np

from segstudio.core.volumes import DisplayOrder, display_order
from segstudio.io.atomic import disk_error, temp_sibling
from segstudio.io.readers.extras import needs
from segstudio.io.readers.limits import sentences

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    import numpy.typing as npt

    from segstudio.io.readers.base import ImageInfo

_LABEL_INTENT = 1002
_UNIT_CODES = {"m": "meter", "mm": "mm", "µm": "micron"}
_NAMES = ("descrip", "aux_file", "intent_name", "db_name", "data_type")
_CHUNK_BYTES = 1 << 20


@dataclass(frozen=True)
class LabelGrid:
    """The voxels of a label file: ``shape`` in file order, how planes are shown, and the header that places them."""

    shape: tuple[int, int, int]
    order: DisplayOrder
    header: Any
    kind: Any

    @property
    def depth(self) -> int:
        """How many planes are shown."""
        return self.shape[self.order.axes[2]]


def grid_of(path: Path, info: ImageInfo) -> LabelGrid:
    """The grid of an image that was opened as *info*: a NIfTI file's own, else one made of affine or spacing.

    Raises
    ------
    UserError
        When nibabel is missing or the file cannot be read.
    """
    nibabel = needs("nibabel", "NIfTI files", "medical", path)
    if info.metadata.get("format") == "NIfTI":
        from segstudio.io.readers.nifti import layout_of, load_nifti

        with sentences(path):
            image = load_nifti(path)
            layout = layout_of(path, image)
        return LabelGrid(layout.shape, layout.order, _as_labels(image.header.copy()), type(image))
    shape = (info.width, info.height, info.depth)
    # NIfTI-1 counts voxels of a side in 16 bits.
    kind = nibabel.Nifti1Image if max(shape) < 1 << 15 else nibabel.Nifti2Image
    header = kind.header_class()
    header.set_data_shape(shape)
    affine = info.metadata.get("affine")
    header.set_xyzt_units(_UNIT_CODES.get(str(info.metadata.get("spacing_unit", "")), "unknown"))
    if affine is not None:
        header.set_sform(np.asarray(affine), code="scanner")
        header.set_qform(np.asarray(affine), code="scanner", strip_shears=True)
    else:
        _place_as_shown(
            header, shape, (*(float(value) for value in info.metadata.get("spacing", ())), 1.0, 1.0, 1.0)[:3]
        )
    return LabelGrid(shape, DisplayOrder(), _as_labels(header), kind)


def _place_as_shown(header: Any, shape: tuple[int, int, int], spacing: tuple[float, ...]) -> None:
    """Give a picture without an affine one by which programs show it as it is: x to the right, y down."""
    affine = np.diag([-spacing[0], -spacing[1], spacing[2], 1.0])
    if display_order(affine, shape) != DisplayOrder():
        affine = np.diag([-1.0, -1.0, 1.0, 1.0])
    header.set_zooms(np.abs(np.diag(affine))[:3])
    header.set_sform(affine, code="aligned")


def _as_labels(header: Any) -> Any:
    """*header* for a label map: where voxels lie is kept, what says something of the picture or its maker is not."""
    header.set_slope_inter(1, 0)
    header["cal_min"] = header["cal_max"] = 0
    for name in _NAMES:
        if name in header:
            header[name] = b""
    header["intent_code"] = _LABEL_INTENT
    header.extensions.clear()
    return header


def write_labels(file: Path, grid: LabelGrid, planes: Iterable[npt.NDArray[Any]], dtype: npt.DTypeLike) -> None:
    """Write (y, x) *planes*, from the first shown to the last, as whole numbers of *dtype*; replaces *file* at once.

    Raises
    ------
    UserError
        When the disk refuses.
    """
    voxels = np.zeros(grid.shape, dtype, order="F")
    shown = grid.order.shown(voxels)
    count = 0
    for z, plane in enumerate(planes):
        shown[:, :, z] = plane.T
        count += 1
    if count != grid.depth:
        raise ValueError(f"{count} planes for a volume of {grid.depth}")
    header = grid.header.copy()
    header.set_data_shape(grid.shape)
    header.set_data_dtype(np.dtype(dtype))
    _save(grid.kind(voxels, None, header=header), file)


def _save(image: Any, file: Path) -> None:
    temp = temp_sibling(file)
    # nibabel goes by the name's end.
    temp = temp.with_name(temp.name + (".nii.gz" if file.name.lower().endswith(".gz") else ".nii"))
    try:
        image.to_filename(str(temp))
        with temp.open("rb") as stream:
            os.fsync(stream.fileno())
        temp.replace(file)
    except OSError as error:
        raise disk_error(error, file) from error
    finally:
        temp.unlink(missing_ok=True)


def read_labels(file: Path, grid: LabelGrid) -> npt.NDArray[Any]:
    """(z, y, x) values of a label file as its image is shown."""
    nibabel = needs("nibabel", "NIfTI files", "medical", file)
    with sentences(file):
        voxels = np.asarray(nibabel.load(file).dataobj)
        return grid.order.shown(voxels.reshape(grid.shape)).transpose(2, 1, 0)


def _unpacked(path: Path) -> BinaryIO:
    """The content of a file that may be packed, whatever it is called."""
    with path.open("rb") as stream:
        is_packed = stream.read(2) == b"\x1f\x8b"
    return cast("BinaryIO", gzip.open(path, "rb")) if is_packed else path.open("rb")


def copy_without_names(source: Path, file: Path) -> None:
    """Copy a NIfTI file, every voxel as it is, leaving out the header's texts and extensions, which may name a patient.

    Raises
    ------
    UserError
        When the source cannot be read or the disk refuses.
    """
    nibabel = needs("nibabel", "NIfTI files", "medical", source)
    with sentences(source), _unpacked(source) as stream:
        first = stream.read(348)
        is_second = first[:4] in (b"\x1c\x02\0\0", b"\0\0\x02\x1c")
        stream.seek(0)
        header = (nibabel.Nifti2Header if is_second else nibabel.Nifti1Header).from_fileobj(stream, check=False)
        start = int(header["vox_offset"])
        for name in _NAMES:
            if name in header:
                header[name] = b""
        header["vox_offset"] = header.single_vox_offset
        stream.seek(max(start, header.single_vox_offset))
        lead = header.binaryblock
        lead += bytes(header.single_vox_offset - len(lead))
        temp = temp_sibling(file)
        packer = zlib.compressobj(1, zlib.DEFLATED, 31) if file.name.lower().endswith(".gz") else None
        try:
            with temp.open("wb") as out:
                out.write(packer.compress(lead) if packer else lead)
                while chunk := stream.read(_CHUNK_BYTES):
                    out.write(packer.compress(chunk) if packer else chunk)
                if packer:
                    out.write(packer.flush())
                out.flush()
                os.fsync(out.fileno())
            temp.replace(file)
        except OSError as error:
            raise disk_error(error, file) from error
        finally:
            temp.unlink(missing_ok=True)


def write_values(file: Path, grid: LabelGrid, planes: Iterable[npt.NDArray[Any]], info: ImageInfo) -> None:
    """Write (band, y, x) *planes* of an image of another format as NIfTI; RGB as such, other bands as a fourth axis."""
    kind = np.dtype(info.dtype)
    voxels = np.zeros((*grid.shape, info.bands), kind, order="F")
    for z, plane in enumerate(planes):
        voxels[:, :, z] = plane.transpose(2, 1, 0)
    header = grid.header.copy()
    header["intent_code"] = 0
    if info.is_rgb and kind == np.uint8 and info.bands >= 3:
        colors = np.zeros(grid.shape, [("R", "u1"), ("G", "u1"), ("B", "u1")])
        for band, name in enumerate("RGB"):
            colors[name] = voxels[..., band]
        voxels = colors
    elif info.bands == 1:
        voxels = voxels[..., 0]
    header.set_data_shape(voxels.shape)
    header.set_data_dtype(voxels.dtype)
    _save(grid.kind(voxels, None, header=header), file)
