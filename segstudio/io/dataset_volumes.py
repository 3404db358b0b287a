"""Volumes in dataset folders: NIfTI files and TIFFs of several pages, with masks of either kind; each plane is a sample."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from segstudio.core.errors import UserError
from segstudio.core.geometry import Rect

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

    from segstudio.io.datasets import MaskArray, Sample

NIFTI_ENDS = (".nii.gz", ".nii")
VOLUME_ENDS = (*NIFTI_ENDS, ".tif", ".tiff")
KEPT_MASKS = 2
"""Masks of volumes kept in memory: planes are asked for one after the other."""


def is_nifti_name(path: Path) -> bool:
    """Whether a file is called as NIfTI files are."""
    return path.name.lower().endswith(NIFTI_ENDS)


def stem_of(path: Path) -> str:
    """The name without its suffix, which may have two parts."""
    end = next((end for end in NIFTI_ENDS if path.name.lower().endswith(end)), "")
    return path.name[: -len(end)] if end else path.stem


def plane_samples(sample: Sample) -> list[Sample]:
    """The planes of a volume whose mask is one, too, each a sample; *sample* itself for any other.

    Raises
    ------
    UserError
        When image and mask have not the same number of planes.
    """
    if not all(path.name.lower().endswith(VOLUME_ENDS) for path in (sample.image, sample.mask)):
        return [sample]
    depth, of_mask = _depth(sample.image), _depth(sample.mask)
    if depth == 1 or of_mask == 0:
        return [sample]
    if of_mask != depth:
        raise UserError(
            f"the mask has {of_mask} planes but its image {sample.image.name} has {depth}",
            path=sample.mask,
            remedy="make the mask anew for all planes, or leave both out",
        )
    return [replace(sample, name=f"{sample.name}, plane {z + 1}", z=z, depth=depth) for z in range(depth)]


def _depth(path: Path) -> int:
    """How many planes a file has; 0 where it cannot be read, which is said when its pixels are wanted."""
    from segstudio.io.readers.registry import probe

    try:
        return probe(path).depth
    except UserError:
        return 0


def mask_plane(path: Path, z: int) -> MaskArray:
    """(y, x) uint8 or uint16 values of plane *z* of a mask.

    Raises
    ------
    UserError
        When the file cannot be read, lacks the plane, or holds anything but whole numbers from 0 to 65535.
    """
    volume = _volume(path)
    if z >= len(volume):
        raise UserError(
            f"the mask has {len(volume)} planes, and plane {z + 1} is wanted", path=path, remedy="make the mask anew"
        )
    plane: MaskArray = volume[z]
    return plane


def volume_values(path: Path) -> frozenset[int]:
    """All values that a mask of a volume holds. Errors as :func:`mask_plane`."""
    volume = _volume(path)
    return frozenset(np.flatnonzero(np.bincount(volume.ravel())).tolist())


def _volume(path: Path) -> npt.NDArray[Any]:
    try:
        state = path.stat()
    except OSError as error:
        raise UserError(f"the mask cannot be read ({error.strerror})", path=path, remedy="put it back") from error
    return _read(path, state.st_mtime_ns, state.st_size)


@lru_cache(maxsize=KEPT_MASKS)
def _read(path: Path, _time_ns: int, _size_bytes: int) -> npt.NDArray[Any]:
    """(z, y, x) uint8 or uint16, read-only."""
    from segstudio.io.readers.registry import open_image

    with closing(open_image(path)) as reader:
        info = reader.info
        if info.bands != 1:
            raise UserError(
                f"The mask has {info.bands} bands, not one class index a voxel", path=path, remedy="save one band of it"
            )
        whole = Rect(0, 0, info.width, info.height)
        kind = np.dtype(info.dtype)
        if kind not in (np.uint8, np.uint16):
            highest = max(_checked(reader.read(0, z, whole)[0], path) for z in range(info.depth))
            kind = np.dtype(np.uint8 if highest <= 255 else np.uint16)
        volume = np.empty((info.depth, info.height, info.width), kind)
        for z in range(info.depth):
            volume[z] = reader.read(0, z, whole)[0]
    volume.flags.writeable = False
    return volume


def _checked(plane: npt.NDArray[Any], path: Path) -> int:
    """The highest value of a plane of floats, or of other whole numbers."""
    is_whole = plane.dtype.kind in "iub" or bool((np.isfinite(plane) & (plane == np.round(plane))).all())
    if not is_whole or plane.min() < 0 or plane.max() > 65535:
        raise UserError(
            "The mask holds values that no class has", path=path, remedy="keep them whole numbers from 0 to 65535"
        )
    return int(plane.max())
