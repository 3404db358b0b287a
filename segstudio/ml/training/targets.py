"""Labels of an image in windows: where they are tiles they are read as tiles, and no large mask is held as a whole."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, cast

import numpy as np
import numpy.typing as npt

from segstudio.core.geometry import TILE, Rect
from segstudio.io.datasets import open_grey_tiff
from segstudio.ml.plan import IGNORE_INDEX
from segstudio.ml.source_weights import source_codes

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from segstudio.core.layers import LabelLayer
    from segstudio.io.datasets import Sample
    from segstudio.io.readers.base import ImageReader

IndexMask = npt.NDArray[np.uint8]
ObjectIds = npt.NDArray[np.int32]
BIG_PX = 1 << 24
"""Images of more pixels are never read as a whole."""


class Target(Protocol):
    """The labels of one plane of an image, in its own pixels. :meth:`close` it when done."""

    @property
    def shape(self) -> tuple[int, int]:
        """(height, width)."""
        ...

    def window(self, rect: Rect) -> IndexMask:
        """(rect.height, rect.width) class indices of a *rect* inside the image; 255 = ignored."""
        ...

    def uniform(self, ty: int, tx: int) -> int | None:
        """The class index that fills a 256-tile, where that is known without reading it; None where it is not."""
        ...

    def objects(self, rect: Rect) -> ObjectIds | None:
        """(rect.height, rect.width) ids of known objects, 0 = none; None where the data tells of no objects."""
        ...

    def sources(self, rect: Rect) -> IndexMask | None:
        """(rect.height, rect.width) codes of who made the labels (:mod:`segstudio.ml.source_weights`); None where nothing tells."""
        ...

    def close(self) -> None:
        """Let go of files."""
        ...


@dataclass
class ArrayTarget:
    """Labels that are in memory, or in a file mapped into it."""

    values: IndexMask
    read_objects: Callable[[], ObjectIds | None] | None = None
    _ids: ObjectIds | None = None

    @property
    def shape(self) -> tuple[int, int]:
        """(height, width)."""
        return self.values.shape[0], self.values.shape[1]

    def window(self, rect: Rect) -> IndexMask:
        """Class indices of *rect*."""
        return np.asarray(self.values[rect.slices])

    def uniform(self, ty: int, tx: int) -> int | None:
        """Not known."""
        return None

    def objects(self, rect: Rect) -> ObjectIds | None:
        """Ids of objects in *rect*."""
        if self.read_objects is None:
            return None
        if self._ids is None:
            self._ids = self.read_objects()
        return None if self._ids is None else self._ids[rect.slices]

    def sources(self, rect: Rect) -> IndexMask | None:
        """Not known."""
        return None

    def close(self) -> None:
        """Nothing is open."""


class LayerTarget:
    """Labels of one plane of a project's layer: the tiles that hold any are in memory, packed.

    Labels whose source has one of the *ignored* codes are ignored; *is_checked*: the image is marked done.
    """

    def __init__(
        self, layer: LabelLayer, index_of_class: IndexMask, *, is_checked: bool = False, ignored: tuple[int, ...] = ()
    ) -> None:
        self._layer, self._is_checked, self._ignored = layer, is_checked, ignored
        self._classes: IndexMask = index_of_class[layer.class_lut()]
        self._is_object = np.zeros(65536, np.bool_)
        self._is_object[[s.id for s in layer.segments.values() if s.is_object]] = True

    @property
    def shape(self) -> tuple[int, int]:
        """(height, width)."""
        return self._layer.height, self._layer.width

    def window(self, rect: Rect) -> IndexMask:
        """Class indices of *rect*."""
        found: IndexMask = self._classes.take(self._layer.tiles.read(rect))
        if self._ignored:
            found[np.isin(self.sources(rect), self._ignored)] = IGNORE_INDEX
        return found

    def sources(self, rect: Rect) -> IndexMask:
        """Who vouches for each pixel of *rect*."""
        return source_codes(self._layer, rect, is_checked=self._is_checked)

    def uniform(self, ty: int, tx: int) -> int | None:
        """The class index of a tile that one segment fills, or none."""
        if self._ignored:
            return None
        tile = self._layer.tiles.get((0, ty, tx))
        return int(self._classes[tile]) if isinstance(tile, int) else None

    def objects(self, rect: Rect) -> ObjectIds | None:
        """Ids of the segments that are objects in *rect*; what is stuff of a class is 0."""
        if not self._is_object.any():
            return None
        ids = self._layer.read(rect)
        return np.where(self._is_object.take(ids), ids, 0).astype(np.int32)

    def close(self) -> None:
        """Nothing is open."""


class FileTarget:
    """Labels of a tiled or striped TIFF mask, read window by window."""

    def __init__(self, reader: ImageReader, lut: IndexMask, ids: ImageReader | None = None) -> None:
        self._reader, self._lut, self._ids = reader, lut, ids

    @property
    def shape(self) -> tuple[int, int]:
        """(height, width)."""
        return self._reader.info.height, self._reader.info.width

    def window(self, rect: Rect) -> IndexMask:
        """Class indices of *rect*."""
        found: IndexMask = self._lut[self._reader.read(0, 0, rect)[0]]
        return found

    def uniform(self, ty: int, tx: int) -> int | None:
        """Not known."""
        return None

    def objects(self, rect: Rect) -> ObjectIds | None:
        """Ids of objects in *rect*."""
        if self._ids is None:
            return None
        ids = self._ids.read(0, 0, rect)[0]
        return np.where(ids == np.iinfo(ids.dtype).max, 0, ids).astype(np.int32)

    def sources(self, rect: Rect) -> IndexMask | None:
        """Not known."""
        return None

    def close(self) -> None:
        """Close the files."""
        self._reader.close()
        if self._ids is not None:
            self._ids.close()


def mask_target(
    sample: Sample, values: tuple[int, ...], whole: Callable[[], IndexMask], scratch: Path | None
) -> Target:
    """The labels of a dataset's image: windows of its mask where the mask is large and has any, else all of it.

    A large mask that must be decoded as a whole is decoded once and kept in *scratch*; in memory where that is None.

    Raises
    ------
    UserError
        When the mask cannot be read, or is of another size than the image.
    """
    from segstudio.io.readers.registry import probe

    info = probe(sample.image)
    if info.width * info.height <= BIG_PX:
        return ArrayTarget(whole(), sample.load_objects)
    reader = sample.open_windows()
    if reader is not None:
        _check_size(sample, reader)
        lut = class_lut(values, reader.info.dtype)
        lut[[value for value in sample.ignore_values if value != IGNORE_INDEX]] = IGNORE_INDEX
        return FileTarget(reader, lut, None if sample.objects is None else open_grey_tiff(sample.objects))
    if scratch is None:
        return ArrayTarget(whole(), sample.load_objects)
    about = sample.mask.stat()
    name = f"{sample.mask.absolute()} {sample.name} {about.st_size} {about.st_mtime_ns} {values}"
    return ArrayTarget(mapped(whole, name, scratch), sample.load_objects)


def _check_size(sample: Sample, reader: ImageReader) -> None:
    try:
        sample.check_size(np.broadcast_to(np.uint8(0), (reader.info.height, reader.info.width)))
    except BaseException:
        reader.close()
        raise


def mapped(values: Callable[[], IndexMask], name: str, scratch: Path) -> IndexMask:
    """What *values* gives, kept in a file of *scratch* and mapped into memory; made once, whichever process asks.

    *name* says what it is: another name is another file.
    """
    from segstudio.io.atomic import temp_sibling

    file = scratch / f"{hashlib.sha256(name.encode()).hexdigest()[:32]}.npy"
    if not file.is_file():
        scratch.mkdir(parents=True, exist_ok=True)
        temp = temp_sibling(file)
        try:
            with temp.open("wb") as stream:
                np.save(stream, values())
            temp.replace(file)
        finally:
            temp.unlink(missing_ok=True)
    return cast("IndexMask", np.load(file, mmap_mode="r"))


def tiles_in(rect: Rect) -> list[list[tuple[int, int]]]:
    """Rows of (ty, tx) of the 256-tiles that *rect* touches."""
    rows = range(rect.y // TILE, -(-rect.bottom // TILE))
    columns = range(rect.x // TILE, -(-rect.right // TILE))
    return [[(ty, tx) for tx in columns] for ty in rows]


def class_lut(values: tuple[int, ...], dtype: Any) -> IndexMask:
    """Mask value → class index of (value of each class); other values are ignored."""
    lut = np.full(65536 if np.dtype(dtype) == np.uint16 else 256, IGNORE_INDEX, np.uint8)
    for index, value in enumerate(values):
        if value < lut.size:
            lut[value] = index
    return lut
