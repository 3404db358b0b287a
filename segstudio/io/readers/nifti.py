"""NIfTI-1 and -2 volumes (.nii, .nii.gz) through nibabel: shown turned the radiological way, stored as in the file."""

from __future__ import annotations

import io
import logging
import zlib
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from segstudio.core.errors import UserError
from segstudio.core.volumes import DisplayOrder, as_affine, axis_letters, display_order, is_sound, spacing_of
from segstudio.io.readers.base import ImageInfo, level_sizes
from segstudio.io.readers.extras import needs
from segstudio.io.readers.limits import MAX_DECODED_BYTES, RESTORE, check_size, damaged
from segstudio.io.readers.planes import PlaneReader, volume_display

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

SUFFIXES = (".nii", ".nii.gz")
_MAX_BANDS = 4096
_GZIP_RATIO = 1100
"""No gzip file unpacks to more than about 1030 times its size."""
_HEADER_BYTES = 540
_UNITS = {"meter": "m", "mm": "mm", "micron": "µm"}


def is_nifti(head: bytes) -> bool:
    """Whether a file that begins with *head* is a NIfTI file, packed by gzip or not."""
    if head[:2] == b"\x1f\x8b":
        try:
            head = zlib.decompressobj(31).decompress(head, _HEADER_BYTES)
        except zlib.error:
            return False
    return head[344:348] == b"n+1\0" or head[4:12] == b"n+2\0\r\n\x1a\n"


@dataclass(frozen=True)
class NiftiLayout:
    """How the voxels of a file lie: its header, 3-D shape in file order, bands, and how it is shown.

    ``affine`` is the file's own, None where it is none that voxels can be placed by.
    """

    header: Any
    shape: tuple[int, int, int]
    bands: int
    order: DisplayOrder
    affine: npt.NDArray[np.float64] | None
    is_rgb: bool
    dtype: str
    scale: tuple[float, float]
    notes: tuple[str, ...]


def load_nifti(path: Path) -> Any:
    """The nibabel image, its voxels not read yet; UserError where nibabel is missing."""
    nibabel = needs("nibabel", "NIfTI files", "medical", path)
    logging.getLogger("nibabel.global").setLevel(logging.CRITICAL)  # it tells what it mends in odd headers
    # By content, since the name says nothing sure.
    with path.open("rb") as stream:
        head = stream.read(4096)
    is_packed = head[:2] == b"\x1f\x8b"
    if is_packed:
        head = zlib.decompressobj(31).decompress(head, _HEADER_BYTES)
    kind = nibabel.Nifti2Image if head[4:8] == b"n+2\0" else nibabel.Nifti1Image
    if path.name.lower().endswith(".nii.gz" if is_packed else ".nii"):
        return kind.from_filename(str(path))
    # nibabel goes by the name's end, which says something else here.
    content = path.read_bytes()
    if is_packed:
        unpack = zlib.decompressobj(31)
        content = unpack.decompress(content, MAX_DECODED_BYTES)
        if not unpack.eof:
            raise damaged(path, "it is cut off in the middle")
    return kind.from_file_map({"image": nibabel.FileHolder(fileobj=io.BytesIO(content))})


def layout_of(path: Path, image: Any) -> NiftiLayout:
    """What the header says; UserError for more dimensions or other values than can be shown."""
    header = image.header
    shape = tuple(int(side) for side in image.shape)
    kind = image.get_data_dtype()
    shape, bands, is_rgb = _bands(path, shape, kind)
    # nibabel moves slope and intercept from the header to the voxels' proxy.
    scale = (float(image.dataobj.slope), float(image.dataobj.inter))
    if not np.isfinite(scale).all() or scale[0] == 0.0:
        scale = (1.0, 0.0)
    dtype = "uint8" if is_rgb else _handed_out(path, kind, scale)
    affine = np.asarray(image.affine, np.float64)
    if is_sound(affine):
        return NiftiLayout(header, shape, bands, display_order(affine, shape), affine, is_rgb, dtype, scale, ())
    note = (
        f"{path.name}: the affine places no voxel in the patient (it is singular), so the planes are shown as they lie "
        "in the file, without orientation."
    )
    return NiftiLayout(header, shape, bands, DisplayOrder(), None, is_rgb, dtype, scale, (note,))


def _bands(path: Path, shape: tuple[int, ...], kind: Any) -> tuple[tuple[int, int, int], int, bool]:
    """(3-D shape, bands, whether they are colours); times or channels of 4-D and 5-D files are bands."""
    if not shape or any(side <= 0 for side in shape):
        raise UserError("The volume has no voxels", path=path, remedy=RESTORE)
    space = (*shape, 1, 1)[:3]
    more = [side for side in shape[3:] if side > 1]
    is_color = kind.names is not None
    if len(more) > 1 or (more and is_color):
        sides = " × ".join(str(side) for side in shape)
        raise UserError(
            f"The volume has {len(shape)} dimensions ({sides}), more than space and one other can be shown",
            path=path,
            remedy="save one time or channel of it as a file of its own",
        )
    bands = len(kind.names) if is_color else (more[0] if more else 1)
    if bands > _MAX_BANDS:
        raise UserError(f"The volume has {bands} times or channels", path=path, remedy="cut it into parts")
    return (space[0], space[1], space[2]), bands, is_color


def _handed_out(path: Path, kind: Any, scale: tuple[float, float]) -> str:
    kind = np.dtype(kind)
    if kind.kind == "c":
        raise UserError("The volume holds complex numbers", path=path, remedy="save its magnitude")
    if kind.kind not in "iufb":
        raise UserError(f"The volume's values are of a kind that is not known ({kind})", path=path, remedy=RESTORE)
    if scale != (1.0, 0.0) or kind.kind == "f":
        return "float32"
    if kind == np.int8:
        return "int16"
    if kind.itemsize == 8:
        return "float64"
    return "uint8" if kind.kind == "b" else str(kind.newbyteorder("="))


def _info(path: Path, layout: NiftiLayout) -> ImageInfo:
    width, height, depth = (layout.shape[axis] for axis in layout.order.axes)
    raw = layout.header.get_data_dtype().itemsize
    voxels = layout.shape[0] * layout.shape[1] * layout.shape[2]
    check_size(path, width, height, raw)
    if voxels * raw * (1 if layout.is_rgb else layout.bands) > MAX_DECODED_BYTES * 4:
        raise damaged(path, f"it claims {voxels:,} voxels")
    unit = _UNITS.get(layout.header.get_xyzt_units()[0], "mm")
    metadata: dict[str, Any] = {"format": "NIfTI", "spacing_unit": unit, "notes": layout.notes}
    if layout.affine is None:
        zooms = (*(float(value) for value in layout.header.get_zooms()), 1.0, 1.0, 1.0)
        if all(np.isfinite(value) and value > 0 for value in zooms[:3]):
            metadata["spacing"] = zooms[:3]
    else:
        shown = layout.order.affine(layout.affine, layout.shape)
        metadata["affine"] = as_affine(shown)
        metadata["spacing"] = spacing_of(shown)
        metadata["file_orientation"] = "".join(high for _, high in axis_letters(layout.affine))
    if depth > 1:
        metadata["is_volume"] = True
    if layout.bands > 1 and not layout.is_rgb:
        metadata["default_bands"] = (0, 0, 0)
    presets = _presets(layout.header)
    if presets:
        metadata["window_presets"] = presets
    levels = level_sizes(width, height)
    return ImageInfo(path, width, height, depth, layout.bands, layout.dtype, levels, layout.is_rgb, metadata)


def _presets(header: Any) -> tuple[tuple[str, float, float], ...]:
    low, high = float(header["cal_min"]), float(header["cal_max"])
    return (("file", high - low, (high + low) / 2),) if np.isfinite([low, high]).all() and high > low else ()


class NiftiVoxels:
    """The voxels of a file as (x, y, z, band) in shown order; mapped from the file where it is not packed."""

    def __init__(self, path: Path, image: Any, layout: NiftiLayout) -> None:
        self._layout = layout
        raw = _raw_voxels(path, image, layout)
        if raw.dtype.names is not None:
            names = raw.dtype.names
            raw = np.stack([raw[name] for name in names], axis=-1)
        raw = raw.reshape(*layout.shape, layout.bands, order="F" if raw.flags.f_contiguous else "A")
        self._shown = layout.order.shown(raw)

    def plane(self, z: int) -> npt.NDArray[Any]:
        """(y, x, band) values of a plane as handed out."""
        values = self._shown[:, :, z].swapaxes(0, 1)
        kind = np.dtype(self._layout.dtype)
        slope, intercept = self._layout.scale
        if (slope, intercept) == (1.0, 0.0):
            return np.ascontiguousarray(values).astype(kind, copy=False)
        return (values.astype(np.float64) * slope + intercept).astype(kind)


def _raw_voxels(path: Path, image: Any, layout: NiftiLayout) -> npt.NDArray[Any]:
    """The unscaled voxels; a packed file is unpacked, when it is as long as its header says."""
    proxy = image.dataobj
    kind = layout.header.get_data_dtype()
    expected = int(np.prod([int(side) for side in image.shape], dtype=object)) * kind.itemsize
    with path.open("rb") as stream:
        is_packed = stream.read(2) == b"\x1f\x8b"
    file_bytes = path.stat().st_size
    if is_packed:
        width, height = layout.shape[0] * layout.shape[1], layout.shape[2] * layout.bands
        if expected > MAX_DECODED_BYTES:
            check_size(path, width, height, kind.itemsize)
            raise UserError("The unpacked volume is too large for memory", path=path, remedy="cut it into parts")
        check_size(path, width, height, kind.itemsize, file_bytes)
        if expected > file_bytes * _GZIP_RATIO:
            raise damaged(path, f"{file_bytes:,} bytes cannot hold the {expected:,} it claims")
    elif int(proxy.offset) + expected > file_bytes:
        raise damaged(path, "it is cut off in the middle")
    return np.asanyarray(proxy.get_unscaled())


def probe(path: Path) -> ImageInfo:
    """The description, from the header alone."""
    return _info(path, layout_of(path, load_nifti(path)))


def open_reader(path: Path) -> PlaneReader:
    """Map an unpacked file, or unpack all of a packed one; planes are turned and scaled when they are wanted."""
    image = load_nifti(path)
    layout = layout_of(path, image)
    info = _info(path, layout)
    voxels = NiftiVoxels(path, image, layout)
    reader = PlaneReader(info, voxels.plane)
    if not layout.is_rgb:
        bands = (0, 0, 0)
        info.metadata["display"] = volume_display(reader, bands)
    return reader


def thumbnail(path: Path, side_px: int) -> npt.NDArray[np.uint8]:
    """A small RGB picture of the middle plane."""
    from segstudio.io.readers.planes import plane_thumbnail

    with closing(open_reader(path)) as reader:
        return plane_thumbnail(reader, side_px)
