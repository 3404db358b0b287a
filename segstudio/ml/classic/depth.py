"""Layers from near to far by a depth or disparity map that lies beside the image, or was chosen."""

from __future__ import annotations

import math
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from segstudio.core.cancel import check
from segstudio.core.errors import UserError
from segstudio.core.geometry import Rect
from segstudio.ml.classic.companions import ARRAYS, companion
from segstudio.ml.classic.depth_layers import WORK_PX, find_layers

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

    from segstudio.ml.api import ObjectResult, WindowResult
    from segstudio.ml.classic.picture import Request

ENDINGS = ("_depth", "-depth", ".depth", "_disparity", "-disparity", "_disp", "-disp", ".disp")
FOLDERS = ("depth", "depths", "disparity", "disparities")


def find(request: Request) -> Iterator[WindowResult | ObjectResult]:
    """Class 1 (near) … n (far); 0 where the map is unknown (0, not finite, nodata)."""
    picture, options = request.picture, request.options
    image = Path(picture.reader.info.path)
    path = companion(image, str(options["depth"]), ENDINGS, FOLDERS, "depth map", "depth")
    request.progress(0, 0, "Reading the depth map")
    by = picture.reduction(WORK_PX)
    size = math.ceil(picture.width / by), math.ceil(picture.height / by)
    values = sampled(path, picture.z, (picture.width, picture.height), size, by, request)
    kind = str(options["kind"])
    if kind == "auto":
        named = f"{path.parent.name}/{path.name}".lower() if not options["depth"] else path.name.lower()
        kind = "disparity" if "disp" in named else "depth"
    yield from find_layers(request, values if kind == "disparity" else -values, by)


def sampled(
    path: Path, z: int, of: tuple[int, int], size: tuple[int, int], by: int, request: Request
) -> npt.NDArray[np.float32]:
    """(h, w) float32 of *size* (width, height): the map's value at the middle of each *by* × *by* pixels of the image.

    *of* is the image's (width, height); a map of another size is taken to show the same. Unknown is NaN.
    """
    if path.suffix.lower() in ARRAYS:
        array = _array(path)
        width, height = array.shape[1], array.shape[0]
        rows, columns = _places(size[1], by, of[1], height), _places(size[0], by, of[0], width)
        return _known(array[np.ix_(rows, columns)])
    from segstudio.io.readers.registry import open_image
    from segstudio.ml.classic.picture import Picture

    with closing(open_image(path)) as reader:
        depth = Picture(reader, min(z, reader.info.depth - 1), 1)
        rows = _places(size[1], by, of[1], depth.height)
        columns = _places(size[0], by, of[0], depth.width)
        out = np.full((size[1], size[0]), np.nan, np.float32)
        for strip in depth.strips(request.cancel):
            begin, end = np.searchsorted(rows, [strip.y, strip.bottom])
            if begin < end:
                part = depth.grey(Rect(0, strip.y, depth.width, strip.height))
                out[begin:end] = part[np.ix_(rows[begin:end] - strip.y, columns)]
        check(request.cancel)
    return _known(out)


def _places(count: int, by: int, full: int, of: int) -> npt.NDArray[np.intp]:
    """Which of *of* rows of the map lies under the middle of each *by* rows of the image's *full*."""
    middle = np.minimum((np.arange(count) + 0.5) * by, full - 0.5)
    return np.asarray((middle * of / full).astype(np.intp).clip(0, of - 1))


def _known(values: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
    out = np.array(values, np.float32)
    out[~np.isfinite(out) | (out == 0)] = np.nan
    return out


def _array(path: Path) -> npt.NDArray[Any]:
    """The first 2-D array of numbers in a .npy or .npz file."""
    try:
        with path.open("rb") as stream:
            loaded = np.load(stream, allow_pickle=False)
            found = [loaded] if isinstance(loaded, np.ndarray) else [loaded[name] for name in loaded.files]
    except (OSError, ValueError, EOFError) as error:
        raise UserError(f"the depth map cannot be read ({error})", path=path, remedy="choose another") from error
    except Exception as error:  # a damaged archive raises what zipfile and zlib raise
        raise UserError("the depth map is damaged", path=path, remedy="choose another") from error
    for array in found:
        flat = array.squeeze()
        if flat.ndim == 2 and flat.dtype.kind in "iuf" and flat.size:
            return flat
    raise UserError("the file holds no depth map (rows × columns of numbers)", path=path, remedy="choose another")
