"""Images that take GDAL to read (JPEG 2000, ERDAS Imagine) through rasterio (extra ``geo``)."""

from __future__ import annotations

import threading
import warnings
from contextlib import closing
from typing import TYPE_CHECKING, Any

import numpy as np

from segstudio.core.errors import UserError
from segstudio.io.readers.base import ImageInfo
from segstudio.io.readers.chunk_cache import ChunkCache
from segstudio.io.readers.extras import needs
from segstudio.io.readers.limits import MAX_TILED_PIXELS, check_size, damaged
from segstudio.io.readers.thumbnails import reduced_rgb
from segstudio.io.readers.tiff_plan import full_sizes
from segstudio.io.readers.windowed import WindowedReader

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

    from segstudio.core.geometry import Rect

_IMAGINE = b"EHFA_HEADER_TAG"
_KINDS = {"int8": "int16", "float64": "float32", "int64": "float64", "uint64": "float64"}
_MAX_BANDS = 4096


class _GdalLevel:
    """One overview of a data set; GDAL is asked by one thread at a time."""

    def __init__(self, dataset: Any, size: tuple[int, int], kind: str, lock: threading.Lock) -> None:
        self.width, self.height = size
        self._dataset, self._kind, self._lock = dataset, kind, lock
        self._across, self._down = dataset.width / size[0], dataset.height / size[1]

    chunk_rows, chunk_columns = 512, 512

    def read(self, z: int, rect: Rect) -> npt.NDArray[Any]:
        """(y, x, band) values of *rect* inside the level."""
        from rasterio.windows import Window

        window = Window(
            rect.x * self._across, rect.y * self._down, rect.width * self._across, rect.height * self._down
        )
        with self._lock:
            values = self._dataset.read(window=window, out_shape=(self._dataset.count, rect.height, rect.width))
        return np.ascontiguousarray(np.moveaxis(values, 0, -1)).astype(self._kind, copy=False)

    def mask_window(self, z: int, rect: Rect) -> npt.NDArray[np.bool_] | None:
        """(y, x) False where the file has a mask and it leaves nothing."""
        from rasterio.enums import MaskFlags
        from rasterio.windows import Window

        if self._dataset.mask_flag_enums[0] != [MaskFlags.per_dataset]:
            return None
        window = Window(
            rect.x * self._across, rect.y * self._down, rect.width * self._across, rect.height * self._down
        )
        with self._lock:
            mask = self._dataset.read_masks(1, window=window, out_shape=(rect.height, rect.width))
        return np.asarray(mask > 0)


def _open(path: Path) -> Any:
    rasterio = needs("rasterio", "JPEG 2000 and ERDAS Imagine files", "geo", path)
    with path.open("rb") as stream:
        driver = "HFA" if stream.read(len(_IMAGINE)) == _IMAGINE else "JP2OpenJPEG"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return rasterio.open(path, driver=driver)
    except rasterio.errors.RasterioIOError as error:
        raise damaged(path, " ".join(str(error).split())[:120]) from error


def _info(path: Path, dataset: Any) -> ImageInfo:
    if not 1 <= dataset.count <= _MAX_BANDS:
        raise damaged(path, f"it claims {dataset.count} bands")
    check_size(path, dataset.width, dataset.height, max_pixels=MAX_TILED_PIXELS)
    kind = np.result_type(*dataset.dtypes)
    if kind.kind == "c":
        raise UserError("The image holds complex numbers", path=path, remedy="save its magnitude as a TIFF of floats")
    sizes = [(int(dataset.width), int(dataset.height))]
    for factor in sorted(dataset.overviews(1)):
        sizes.append((-(-sizes[0][0] // factor), -(-sizes[0][1] // factor)))
    names = [str(color.name) for color in dataset.colorinterp]
    metadata: dict[str, Any] = {"format": str(dataset.driver), "bits": 8 * kind.itemsize}
    if dataset.crs:
        metadata["crs"] = str(dataset.crs.to_wkt())
    if not dataset.transform.is_identity:
        metadata["transform"] = tuple(float(value) for value in tuple(dataset.transform)[:6])
    elif dataset.gcps[0]:
        points = dataset.gcps[0]
        metadata["gcps"] = tuple((p.col, p.row, p.x, p.y, p.z or 0.0) for p in points)
    if dataset.nodata is not None:
        metadata["nodata"] = float(dataset.nodata)
    if "alpha" in names:
        metadata["alpha_band"] = names.index("alpha")
    if any(dataset.descriptions):
        metadata["band_names"] = tuple(
            text or f"band {index + 1}" for index, text in enumerate(dataset.descriptions)
        )
    is_rgb = names[:3] == ["red", "green", "blue"]
    shown = _KINDS.get(kind.name, kind.name)
    return ImageInfo(path, *sizes[0], 1, int(dataset.count), shown, full_sizes(sizes), is_rgb, metadata)


def probe(path: Path) -> ImageInfo:
    """The description, from the header."""
    with _open(path) as dataset:
        return _info(path, dataset)


def open_reader(path: Path) -> WindowedReader:
    """A reader of the file and its overviews."""
    dataset = _open(path)
    try:
        info = _info(path, dataset)
        lock = threading.Lock()
        count = 1 + len(dataset.overviews(1))
        levels = [_GdalLevel(dataset, size, info.dtype, lock) for size in info.levels[:count]]
    except BaseException:
        dataset.close()
        raise
    return WindowedReader(info, levels, ChunkCache(), release=dataset.close)


def thumbnail(path: Path, side_px: int) -> npt.NDArray[np.uint8]:
    """A small RGB picture from the coarsest overview that is fine enough."""
    with closing(open_reader(path)) as reader:
        return reduced_rgb(reader, side_px)
