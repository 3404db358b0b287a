"""One resolution of a TIFF: windows of it, read tile by tile or strip by strip, through a cache."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from segstudio.core.errors import UserError
from segstudio.core.geometry import Rect
from segstudio.io.readers.chunk_cache import decoders
from segstudio.io.readers.tiff_pages import UNCOMPRESSED, colors

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from segstudio.io.readers.chunk_cache import ChunkCache
    from segstudio.io.readers.file_bytes import FileBytes
    from segstudio.io.readers.tiff_plan import TiffLevel, TiffPlan

_JPEG = (6, 7, 34892, 33007)
_ROWS_BYTES = 1 << 20
"""Uncompressed strips are read in pieces of about this size."""
_ALONE = 2
"""So few tiles are decoded in the caller's thread."""


@dataclass(frozen=True)
class _Grid:
    """Where tiles or strips lie: their size, how many across and down, and how many sample planes there are."""

    width: int
    height: int
    across: int
    down: int
    planes: int
    is_raw: bool


class LevelWindows:
    """Reads windows of (y, x, band) values, in stored orientation; may be asked from several threads.

    A tile that can't be decoded is left at *fill* and told to *report* once; so are planes that the file does not have.
    """

    def __init__(
        self,
        plan: TiffPlan,
        level: TiffLevel,
        file: FileBytes,
        cache: ChunkCache,
        report: Callable[[str], None],
        *,
        fill: float = 0.0,
    ) -> None:
        self.width, self.height = level.width, level.height
        self._plan, self._level, self._file, self._cache, self._report = plan, level, file, cache, report
        page = level.keyframe
        self._page = page
        self._samples = int(page.samplesperpixel)
        self._decode = page.decode
        self._dtype = np.dtype(page.dtype).newbyteorder("=")
        self._fill = _fill_value(fill, self._dtype)
        self._grid = _grid_of(page)
        self._raw_dtype = np.dtype(page.parent.byteorder + np.dtype(page.dtype).char)
        self._jpegheader = page.jpegheader if page.compression in _JPEG else None
        self._mask = None if level.mask is None else LevelWindows(*_mask_of(plan, level), file, cache, report)
        self.bad: set[tuple[int, int, int]] = set()
        """(z, row, column) of tiles that could not be read."""

    @property
    def chunk_rows(self) -> int:
        """Rows of a tile or strip: reading whole multiples of it decodes nothing twice."""
        return self._grid.height

    @property
    def chunk_columns(self) -> int:
        """Columns of a tile or strip."""
        return self._grid.width

    def read(self, z: int, rect: Rect) -> npt.NDArray[Any]:
        """(y, x, band) values of *rect*, which lies inside the level; UserError where the file is gone or changed."""
        pages = self._level.pages[z]
        parts = [self._samples_of(z, band, page, rect) for band, page in enumerate(pages)]
        plan = self._plan
        shown = [colors(part, plan.photometric, plan.bits, plan.palette, plan.info.dtype) for part in parts]
        return shown[0] if len(shown) == 1 else np.concatenate(shown, axis=2)

    def mask_window(self, z: int, rect: Rect) -> npt.NDArray[np.bool_] | None:
        """(y, x) False where the file's mask, or tiles known to be damaged, leave no picture; None: all is there."""
        mask = None if self._mask is None else np.asarray(self._mask.read(0, rect)[:, :, 0] > 0)
        width, height = self._grid.width, self._grid.height
        for row, column in sorted({at[1:] for at in self.bad if at[0] == z}):
            part = Rect(column * width, row * height, width, height).intersected(rect)
            if not part.is_empty:
                mask = np.ones((rect.height, rect.width), np.bool_) if mask is None else mask
                mask[part.moved(-rect.x, -rect.y).slices] = False
        return mask

    def _samples_of(self, z: int, band: int, page: Any, rect: Rect) -> npt.NDArray[Any]:
        grid = self._grid
        out = np.full((rect.height, rect.width, self._samples), self._fill, self._dtype)
        if page is None or rect.is_empty:
            return out
        wanted = [
            (plane, row, column)
            for row in range(rect.y // grid.height, -(-rect.bottom // grid.height))
            for column in range(rect.x // grid.width, -(-rect.right // grid.width))
            for plane in range(grid.planes)
        ]

        def chunk(at: tuple[int, int, int]) -> npt.NDArray[Any] | None:
            return self._chunk(z, band, page, *at)

        arrays = map(chunk, wanted) if len(wanted) <= _ALONE else decoders().map(chunk, wanted)
        for (plane, row, column), values in zip(wanted, arrays):
            if values is not None:
                self._place(out, rect, plane, row, column, values)
        return out

    def _place(
        self, out: npt.NDArray[Any], rect: Rect, plane: int, row: int, column: int, values: npt.NDArray[Any]
    ) -> None:
        grid = self._grid
        place = Rect(column * grid.width, row * grid.height, values.shape[1], values.shape[0])
        part = place.intersected(rect)
        if part.is_empty:
            return
        target = out[part.moved(-rect.x, -rect.y).slices]
        source = values[part.moved(-place.x, -place.y).slices]
        if grid.planes > 1:
            target[:, :, plane] = source[:, :, 0]
        else:
            target[:] = source

    def _chunk(self, z: int, band: int, page: Any, plane: int, row: int, column: int) -> npt.NDArray[Any] | None:
        key = (id(self), z, band, plane, row, column)
        found = self._cache.get(key)
        if found is None and (z, row, column) not in self.bad:
            try:
                read = self._raw_rows if self._grid.is_raw else self._decoded
                found = read(page, plane, row, column)
            except (UserError, MemoryError):
                raise
            except Exception:  # noqa: BLE001 - decoders raise anything for damaged tiles
                self._tell_bad(z, row, column)
                return None
            if found is not None:
                self._cache.put(key, found)
        return found

    def _tell_bad(self, z: int, row: int, column: int) -> None:
        is_first = not self.bad
        self.bad.add((z, row, column))
        if is_first:
            at = f"at {column * self._grid.width}, {row * self._grid.height}"
            sentence = f"Part of the image is damaged or missing ({at}) and is left empty; the rest is shown"
            self._report(str(UserError(sentence, path=self._file.path, remedy="get the file again")))

    def _decoded(self, page: Any, plane: int, row: int, column: int) -> npt.NDArray[Any] | None:
        grid = self._grid
        index = (plane * grid.down + row) * grid.across + column
        offset, count = int(page.dataoffsets[index]), int(page.databytecounts[index])
        if count == 0 or offset == 0:
            return None
        if count > 4 * grid.width * grid.height * self._samples * self._dtype.itemsize + 65536:
            raise ValueError("the tile is larger than it can be")
        data = self._file.read(offset, count)
        if len(data) < count:
            raise ValueError("the file ends in this tile")
        more: dict[str, Any] = {"_fullsize": bool(self._page.is_tiled)}
        if self._page.compression in _JPEG:
            more |= {"jpegtables": page.jpegtables, "jpegheader": self._jpegheader}
        values = self._decode(data, index, **more)[0]
        if values is None:
            return None
        array: npt.NDArray[Any] = np.asarray(values)[0]
        return array if array.dtype == self._dtype else array.astype(self._dtype)

    def _raw_rows(self, page: Any, plane: int, row: int, column: int) -> npt.NDArray[Any] | None:
        """Rows of an uncompressed image whose strips follow each other."""
        grid = self._grid
        samples = self._samples if grid.planes == 1 else 1
        row_bytes = grid.width * samples * self._dtype.itemsize
        count = min(grid.height, self.height - row * grid.height)
        strip_rows = int(self._page.rowsperstrip)
        strips = math.ceil(self.height / strip_rows)
        parts, y = [], row * grid.height
        while count > 0:
            strip, inside = divmod(y, strip_rows)
            rows = min(count, strip_rows - inside)
            offset = int(page.dataoffsets[plane * strips + strip])
            data = self._file.read(offset + inside * row_bytes, rows * row_bytes) if offset else bytes(rows * row_bytes)
            if len(data) < rows * row_bytes:
                raise ValueError("the file ends in this strip")
            parts.append(data)
            y, count = y + rows, count - rows
        values = np.frombuffer(b"".join(parts), self._raw_dtype).reshape(-1, grid.width, samples)
        return values.astype(self._dtype, copy=False)


def _mask_of(plan: TiffPlan, level: TiffLevel) -> tuple[TiffPlan, TiffLevel]:
    """The level's mask page as if it were a picture of 0 and 255."""
    kind = "uint8" if int(level.mask.bitspersample) <= 8 else str(np.dtype(level.mask.dtype))
    info = replace(plan.info, dtype=kind)
    shown = replace(plan, info=info, photometric=1, bits=int(level.mask.bitspersample), palette=None)
    return shown, replace(level, keyframe=level.mask, pages=((level.mask,),), mask=None)


def _grid_of(page: Any) -> _Grid:
    width, height = int(page.imagewidth), int(page.imagelength)
    planes = int(page.samplesperpixel) if int(page.planarconfig) == 2 else 1
    if page.is_tiled:
        across, down = math.ceil(width / page.tilewidth), math.ceil(height / page.tilelength)
        return _Grid(int(page.tilewidth), int(page.tilelength), across, down, planes, False)
    item = np.dtype(page.dtype).itemsize
    is_raw = (
        page.compression == UNCOMPRESSED
        and page.predictor == 1
        and page.fillorder == 1
        and int(page.bitspersample) == 8 * item
        and int(page.photometric) != 6
    )
    strip_rows = max(1, min(int(page.rowsperstrip), height))
    if is_raw:
        row_bytes = width * item * (int(page.samplesperpixel) if planes == 1 else 1)
        strip_rows = max(1, min(height, _ROWS_BYTES // row_bytes))
    return _Grid(width, strip_rows, 1, math.ceil(height / strip_rows), planes, is_raw)


def _fill_value(fill: float, dtype: np.dtype[Any]) -> Any:
    if dtype.kind == "f":
        return fill
    if dtype.kind in "iu" and math.isfinite(fill) and np.iinfo(dtype).min <= fill <= np.iinfo(dtype).max:
        return int(fill)
    return 0
