"""Index masks as GeoTIFF: tiled, deflated, with the geo-reference of their image; written and read a row of tiles at a time."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

import numpy as np

from segstudio.core.geometry import TILE
from segstudio.io.geo_tags import NODATA, GeoTags

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    import numpy.typing as npt

BIG_BYTES = 1 << 31
"""Masks of more than so many bytes become BigTIFF, however well they may deflate."""
_ASCII = 2


def write_geotiff(
    path: Path,
    width: int,
    height: int,
    strips: Iterable[npt.NDArray[Any]],
    dtype: npt.DTypeLike,
    tags: GeoTags = (),
    *,
    nodata: int | None = None,
    palette: npt.NDArray[np.uint8] | None = None,
) -> None:
    """Write a mask given in (256, width) strips (the last may be lower) of uint8 or uint16.

    ``tags`` is the geo-reference, ``nodata`` the value that GIS programs shall draw as nothing, ``palette`` the (256, 3)
    colours of an 8-bit mask.

    Raises
    ------
    OSError
        When the disk refuses.
    """
    import tifffile

    kind = np.dtype(dtype)
    extra = list(tags)
    if nodata is not None:
        text = str(nodata)
        extra.append((NODATA, _ASCII, len(text) + 1, text, True))
    has_palette = palette is not None and kind == np.uint8
    tifffile.imwrite(
        path,
        _tiles(strips, width, kind),
        shape=(height, width),
        dtype=kind,
        photometric="palette" if has_palette else "minisblack",
        colormap=palette.T.astype(np.uint16) * 257 if has_palette and palette is not None else None,
        compression="zlib",
        predictor=False,
        tile=(TILE, TILE),
        metadata=None,
        extratags=extra,
        software="segstudio",
        bigtiff=width * height * kind.itemsize > BIG_BYTES,
        maxworkers=1,
    )


def drop_nodata(path: Path) -> None:
    """Take the nodata value out of a file of :func:`write_geotiff`: only at the end it is known that none was needed.

    Raises
    ------
    OSError
        When the disk refuses.
    """
    import tifffile

    with tifffile.TiffFile(path) as tiff:
        form, page = tiff.tiff, tiff.pages.first
        directory, entry = page.offset, page.tags[NODATA].offset
    with path.open("r+b") as stream:
        stream.seek(directory)
        (count,) = struct.unpack(form.tagnoformat, stream.read(form.tagnosize))
        after = entry + form.tagsize
        # The entries after it, and where the next directory lies, move up by one.
        stream.seek(after)
        rest = stream.read(directory + form.tagnosize + count * form.tagsize + form.offsetsize - after)
        stream.seek(entry)
        stream.write(rest)
        stream.seek(directory)
        stream.write(struct.pack(form.tagnoformat, count - 1))


def strips_of(mask: npt.NDArray[Any]) -> Iterator[npt.NDArray[Any]]:
    """The rows of tiles of a whole (y, x) mask."""
    for y in range(0, len(mask), TILE):
        yield mask[y : y + TILE]


def _tiles(strips: Iterable[npt.NDArray[Any]], width: int, kind: np.dtype[Any]) -> Iterator[npt.NDArray[Any]]:
    for strip in strips:
        for x in range(0, width, TILE):
            part = strip[:, x : x + TILE]
            if part.shape == (TILE, TILE):
                yield np.ascontiguousarray(part, kind)
            else:
                tile = np.zeros((TILE, TILE), kind)
                tile[: part.shape[0], : part.shape[1]] = part
                yield tile


def read_strips(path: Path) -> Iterator[npt.NDArray[Any]]:
    """The (256, width) strips of a mask of :func:`write_geotiff`, from the file."""
    import tifffile

    with tifffile.TiffFile(path) as tiff:
        page = tiff.pages[0]
        height, width = page.shape
        strip = np.zeros((TILE, width), page.dtype)
        across = -(-width // TILE)
        for number, (data, _, _) in enumerate(page.segments()):
            x = number % across * TILE
            if data is None:
                strip[:, x : x + TILE] = 0
            else:
                strip[:, x : x + TILE] = data.reshape(data.shape[-3], data.shape[-2])[:TILE, : width - x]
            if number % across == across - 1:
                yield strip[: height - number // across * TILE]
