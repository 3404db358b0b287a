"""Large PNG and JPEG files: unpacked once from top to bottom (libvips), never whole in memory, into a kept pyramid."""

from __future__ import annotations

import threading
from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from segstudio.core.cancel import NEVER, Cancel, CancelToken
from segstudio.io.readers.chunk_cache import ChunkCache
from segstudio.io.readers.libraries import load_beside
from segstudio.io.readers.limits import MAX_PIXELS, MAX_STREAMED_PIXELS, check_size, damaged
from segstudio.io.readers.pyramid import Pyramid, PyramidTiles
from segstudio.io.readers.pyramid_cache import content_key, find_pyramid, make_pyramid
from segstudio.io.readers.windowed import WindowedReader

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    import numpy.typing as npt

    from segstudio.core.geometry import Rect
    from segstudio.io.readers.base import ImageInfo

STREAMED_PIXELS = 1 << 26
"""Images from this size on (67 megapixels) are streamed; smaller ones are decoded whole."""
Rows: TypeAlias = "Callable[[], Iterable[npt.NDArray[Any]]]"
ROWS = 128
"""Unpacked at a time: few, so that packing begins soon and little is left to do after the last."""
_ASK_S = 0.05
_FORMATS = {"uint8": "uchar", "uint16": "ushort"}


def is_streamed(info: ImageInfo) -> bool:
    """Whether an image of this description is read by :func:`open_streamed`."""
    return info.width * info.height >= STREAMED_PIXELS and _vips() is not None


def check_streamed_size(path: Path, width: int, height: int, bytes_per_pixel: int) -> None:
    """As ``check_size``, with the limit of streamed images where libvips is there to stream them."""
    is_large = width * height > MAX_PIXELS and _vips() is not None
    check_size(path, width, height, bytes_per_pixel, max_pixels=MAX_STREAMED_PIXELS if is_large else None)


def _vips() -> Any:
    """The pyvips module; None where it or its library is missing."""
    load_beside("pyvips")
    try:
        import pyvips
    except Exception:  # noqa: BLE001 - a missing library raises OSError, a broken one anything
        return None
    return pyvips


class _Turns:
    """Nobody goes through a file for a small picture while it is being opened: the pyramid will have that picture."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._opening: Counter[str] = Counter()
        self._looking: dict[str, CancelToken] = {}

    @contextmanager
    def opening(self, key: str) -> Iterator[None]:
        """A pyramid is made meanwhile; who looks at the file for less gives up."""
        with self._changed:
            self._opening[key] += 1
            if key in self._looking:
                self._looking.pop(key).set()
        try:
            yield
        finally:
            with self._changed:
                self._opening[key] -= 1
                self._changed.notify_all()

    def looking(self, key: str) -> CancelToken:
        """Wait until nobody makes the pyramid; the token says when somebody begins to."""
        with self._changed:
            self._changed.wait_for(lambda: not self._opening[key])
            return self._looking.setdefault(key, CancelToken())


_turns = _Turns()


class PyramidLevel:
    """One level of a pyramid as a stored level of a reader."""

    def __init__(self, pyramid: Pyramid, level: int) -> None:
        self.width, self.height = pyramid.sizes[level]
        self._pyramid, self._level = pyramid, level

    def read(self, z: int, rect: Rect) -> npt.NDArray[Any]:
        """(y, x, band) values of *rect* inside the level."""
        return self._pyramid.read(self._level, rect)


def open_streamed(path: Path, info: ImageInfo, orientation: int = 1, cancel: Cancel = NEVER) -> WindowedReader:
    """The reader of a large file: over its kept pyramid, which is made here where there is none yet.

    Raises
    ------
    UserError
        When the file is damaged.
    Cancelled
        When *cancel* is set meanwhile.
    """
    return open_rows(path, info, orientation, lambda: _rows(path, info, orientation), cancel)


def open_rows(path: Path, info: ImageInfo, orientation: int, rows: Rows, cancel: Cancel = NEVER) -> WindowedReader:
    """The reader over the kept pyramid of an image whose stored rows *rows* () gives, top to bottom."""
    sizes = stored_sizes(info, orientation)
    pyramid, notices = open_pyramid(path, sizes, info, rows, cancel)
    levels = [PyramidLevel(pyramid, level) for level in range(len(sizes))]
    reader = WindowedReader(info, levels, ChunkCache(), orientation=orientation, release=pyramid.close)
    for sentence in notices:
        reader.report(sentence)
    return reader


def open_pyramid(
    path: Path, sizes: tuple[tuple[int, int], ...], info: ImageInfo, rows: Rows, cancel: Cancel
) -> tuple[Pyramid, list[str]]:
    """The kept pyramid, or a new one; sentences for the user."""
    notices: list[str] = []
    key = content_key(path, 0, sizes)
    with _turns.opening(key):
        pyramid = find_pyramid(key, sizes, info.bands, info.dtype)
        if pyramid is None:
            tiles = PyramidTiles(sizes, info.bands, info.dtype)
            pyramid = make_pyramid(key, rows(), sizes[0][0], tiles, notices.append, cancel)
    return pyramid, notices


def stored_sizes(info: ImageInfo, orientation: int) -> tuple[tuple[int, int], ...]:
    """(width, height) of the levels as they are stored, not turned."""
    return tuple((height, width) for width, height in info.levels) if orientation > 4 else info.levels


def streamed_picture(path: Path, info: ImageInfo, side_px: int, orientation: int = 1) -> npt.NDArray[Any]:
    """(band, y, x) values of the whole image, as stored, its longer side between *side_px* and twice that.

    From the kept pyramid where there is one; else the file is gone through once, and nothing is kept.
    """
    from segstudio.core.geometry import Rect

    sizes = stored_sizes(info, orientation)
    level = max(i for i, size in enumerate(sizes) if i == 0 or max(size) >= side_px)
    width, height = sizes[level]
    key = content_key(path, 0, sizes)
    while True:
        given_up = _turns.looking(key)
        kept = find_pyramid(key, sizes, info.bands, info.dtype)
        if kept is not None:
            try:
                return np.moveaxis(kept.read(level, Rect(0, 0, width, height)), -1, 0)
            finally:
                kept.close()
        small = _reduced(path, info, orientation, level, given_up)
        if small is not None:
            return np.moveaxis(small.reshape(height, width, info.bands), -1, 0)


def _image(path: Path, info: ImageInfo, orientation: int) -> Any:
    """The file as a pyvips image that is unpacked from top to bottom; pyvips.Error and UserError where it is damaged."""
    vips = _vips()
    load = vips.Image.pngload if info.metadata.get("format") == "PNG" else vips.Image.jpegload
    image = load(str(path), access="sequential", fail_on="error")
    size = stored_sizes(info, orientation)[0]
    if (image.width, image.height) != size or image.format != _FORMATS.get(info.dtype):
        raise damaged(path, "it holds another picture than it claims")
    if image.bands < info.bands:
        raise damaged(path, f"it holds {image.bands} bands where it claims {info.bands}")
    return image.extract_band(0, n=info.bands) if image.bands > info.bands else image


@contextmanager
def _killed_when(given_up: Cancel, image: Any) -> Iterator[None]:
    """What is unpacked from *image* in the block fails soon after *given_up* is set.

    libvips tells of its progress once a row of the small picture's tiles, which may be all of it: too seldom to ask then.
    """
    is_over = threading.Event()

    def watch() -> None:
        while not is_over.wait(_ASK_S):
            if given_up.is_set():
                image.set_kill(True)

    watcher = threading.Thread(target=watch, name="image-given-up", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        is_over.set()
        watcher.join()


def _reduced(
    path: Path, info: ImageInfo, orientation: int, level: int, given_up: Cancel
) -> npt.NDArray[Any] | None:
    """The image at a level, libvips reducing it while it unpacks; None when *given_up* is set meanwhile."""
    vips = _vips()
    if given_up.is_set():
        return None
    try:
        image = _image(path, info, orientation)
        with _killed_when(given_up, image):
            return np.asarray(image.shrink(1 << level, 1 << level, ceil=True).numpy())
    except vips.Error as error:
        if given_up.is_set():
            return None
        raise damaged(path, "its pixels cannot be unpacked") from error


def _rows(path: Path, info: ImageInfo, orientation: int) -> Iterator[npt.NDArray[Any]]:
    """(y, x, band) rows as libvips unpacks them; UserError where the file does not hold what it claims."""
    vips = _vips()
    width, height = stored_sizes(info, orientation)[0]
    try:
        image = _image(path, info, orientation)
        region = vips.Region.new(image)
        for top in range(0, height, ROWS):
            count = min(ROWS, height - top)
            data = region.fetch(0, top, width, count)
            yield np.frombuffer(data, info.dtype).reshape(count, width, info.bands)
    except vips.Error as error:
        raise damaged(path, "its pixels cannot be unpacked") from error
