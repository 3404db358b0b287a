"""A reader of images too large to hold: windows from the file's own levels, and from a pyramid made in the background."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from segstudio.core.cancel import CancelToken
from segstudio.core.errors import Cancelled, UserError
from segstudio.core.geometry import Rect
from segstudio.core.threads import yield_cores
from segstudio.io.readers.limits import sentences
from segstudio.io.readers.memory import oriented, resized
from segstudio.io.readers.pyramid import Pyramid, PyramidTiles, halved
from segstudio.io.readers.pyramid_cache import content_key, find_pyramid, make_pyramid
from segstudio.io.readers.quick_look import enlarged, sampled
from segstudio.io.readers.valid import ValidPixels, stored_window

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import numpy.typing as npt

    from segstudio.io.readers.base import ImageInfo
    from segstudio.io.readers.chunk_cache import ChunkCache

_STRIP_ROWS = 512
_STRIP_PX = 1 << 26
_DIRECT_PX = 1 << 24
"""A window of a level that is not made yet is reduced from so many pixels at most while one waits."""
_TAIL_PX = 1 << 24
"""Levels below a stored one of at most this size are reduced from it in memory."""
_KEPT_TAILS = 4


class StoredLevel(Protocol):
    """One resolution that can be read in windows at once."""

    width: int
    height: int

    def read(self, z: int, rect: Rect) -> npt.NDArray[Any]:
        """(y, x, band) values of *rect* inside the level, as stored (not turned)."""
        ...


class WindowedReader:
    """Serves windows of *stored* levels (finest first) and of halved ones below them.

    Small coarser levels are reduced from the coarsest stored one when they are first asked for; for a large image
    without any they are made once in the background and kept on disk. Until they are there a listening window gets a
    blurred look (and is told to draw again), and everybody else waits.
    """

    def __init__(
        self,
        info: ImageInfo,
        stored: Sequence[StoredLevel],
        cache: ChunkCache,
        *,
        orientation: int = 1,
        release: Callable[[], None] = lambda: None,
    ) -> None:
        self.info = info
        self._stored = tuple(stored)
        self._cache, self._orientation, self._release = cache, orientation, release
        self._listener: Callable[[str], None] | None = None
        self._notices: list[str] = []
        self._lock = threading.Lock()
        self._tails: dict[int, list[npt.NDArray[Any]]] = {}
        self._pyramids: dict[int, _Made] = {}
        self._looks: dict[int, npt.NDArray[Any]] = {}
        self._is_closed = False
        self._is_large = self._stored[-1].width * self._stored[-1].height > _TAIL_PX
        self._valid = ValidPixels(self)

    # -- news ----------------------------------------------------------------------------------------------------

    @property
    def notices(self) -> tuple[str, ...]:
        """Sentences for the user: what of the image could not be read, and the like."""
        return tuple(self._notices)

    def watch(self, listener: Callable[[str], None] | None) -> None:
        """Call *listener* (from any thread) with each further sentence, and with "" when a better picture is there."""
        self._listener = listener

    def report(self, sentence: str) -> None:
        """Keep a sentence and tell it; "" only tells that pictures got better."""
        if sentence:
            if sentence in self._notices:
                return
            self._notices.append(sentence)
        listener = self._listener
        if listener is not None and not self._is_closed:
            listener(sentence)

    # -- values --------------------------------------------------------------------------------------------------

    def read(self, level: int, z: int, window: Rect) -> npt.NDArray[Any]:
        """(band, y, x) read-only values of *window*, clipped to the level; IndexError for an unknown level or plane."""
        part = self._clipped(level, z, window)
        with sentences(self.info.path):
            values = oriented(self._values(level, z, self._turned(level, part)), self._orientation)
        values.flags.writeable = False
        return np.moveaxis(values, -1, 0)

    def valid_mask(self, level: int, z: int, window: Rect) -> npt.NDArray[np.bool_] | None:
        """(y, x) bool of *window*: False where there is no picture (nodata, alpha 0, mask, damage); None: all is valid."""
        part = self._clipped(level, z, window)
        with sentences(self.info.path):
            return self._valid.of(level, z, part)

    def stored_mask(self, level: int, z: int, part: Rect) -> npt.NDArray[np.bool_] | None:
        """What the file itself marks in *part* of a level (already clipped): its mask page, and tiles that are damaged."""
        index = min(level, len(self._stored) - 1)
        source = self._stored[index]
        found = getattr(source, "mask_window", None)
        if found is None:
            return None
        width, height = self.info.levels[level]
        step = self._turned(level, part)
        if index != level:
            step = _scaled(step, (width, height) if self._orientation < 5 else (height, width), source)
        mask = found(z, step)
        if mask is None:
            return None
        turned = oriented(mask[:, :, None].view(np.uint8), self._orientation)[:, :, 0]
        if turned.shape != (part.height, part.width):
            turned = resized(turned[:, :, None] * np.uint8(255), part.width, part.height)[:, :, 0]
        return np.asarray(turned > 0)

    def quick_picture(self, side_px: int) -> npt.NDArray[Any]:
        """(band, y, x) of the whole first plane at about *side_px*, at once: blurred where levels are missing."""
        sizes = self.info.levels
        level = max(i for i, size in enumerate(sizes) if i == 0 or max(size) >= side_px)
        whole = Rect(0, 0, *sizes[level])
        if not self._is_made(level) or self._pyramid_is_ready(0):
            return self.read(level, 0, whole)
        with sentences(self.info.path):
            values = self._look(0, level)
        return np.moveaxis(oriented(values, self._orientation), -1, 0)

    def close(self) -> None:
        """Let go of memory and files; what is being made is given up."""
        self._is_closed = True
        with self._lock:
            made = list(self._pyramids.values())
            self._pyramids.clear()
            self._tails.clear()
            self._looks.clear()
        for job in made:
            job.close()
        self._cache.clear()
        self._release()

    # -- levels --------------------------------------------------------------------------------------------------

    def _clipped(self, level: int, z: int, window: Rect) -> Rect:
        if self._is_closed:
            raise ValueError("the reader is closed")
        if not 0 <= level < len(self.info.levels) or not 0 <= z < self.info.depth:
            raise IndexError(f"level {level}, z {z}")
        return window.clipped(*self.info.levels[level])

    def _turned(self, level: int, part: Rect) -> Rect:
        return stored_window(part, *self.info.levels[level], self._orientation)

    def _stored_size(self, level: int) -> tuple[int, int]:
        width, height = self.info.levels[level]
        return (width, height) if self._orientation < 5 else (height, width)

    def _is_made(self, level: int) -> bool:
        return level >= len(self._stored)

    def _values(self, level: int, z: int, rect: Rect) -> npt.NDArray[Any]:
        if not self._is_made(level):
            return self._stored[level].read(z, rect)
        if rect.is_empty:
            return np.zeros((0, 0, self.info.bands), self.info.dtype)
        below = level - len(self._stored)
        if not self._is_large:
            return self._tail(z, below)[rect.slices]
        source = self._stored[-1]
        grown = Rect(rect.x << below + 1, rect.y << below + 1, rect.width << below + 1, rect.height << below + 1)
        grown = grown.clipped(source.width, source.height)
        made = self._pyramid(z)
        if not made.is_ready:
            is_direct = grown.width * grown.height <= _DIRECT_PX
            # Before the pyramid is begun, which would take the processors away.
            look = None if is_direct or self._listener is None else self._look(z, level)
            made.start()
            if is_direct:
                values = source.read(z, grown)
                for _ in range(below + 1):
                    values = halved(values)
                return values
            if look is not None:
                return look[rect.slices]
        return made.wait().read(below, rect)

    def _look(self, z: int, level: int) -> npt.NDArray[Any]:
        """A blurred picture of a whole plane, as stored."""
        small = self._looks.get(z)
        if small is None:
            small = self._looks[z] = sampled(self._stored[-1], z)
        return enlarged(small, *self._stored_size(level))

    def _tail(self, z: int, below: int) -> npt.NDArray[Any]:
        with self._lock:
            tail = self._tails.pop(z, None)
            if tail is None:
                source = self._stored[-1]
                tail = [source.read(z, Rect(0, 0, source.width, source.height))]
                for _ in self.info.levels[len(self._stored) :]:
                    tail.append(halved(tail[-1]))
                del tail[0]
            self._tails[z] = tail
            while len(self._tails) > _KEPT_TAILS:
                del self._tails[next(iter(self._tails))]
        return tail[below]

    # -- the pyramid ---------------------------------------------------------------------------------------------

    def _pyramid_is_ready(self, z: int) -> bool:
        return not self._is_large or self._pyramid(z).is_ready

    def _pyramid(self, z: int) -> _Made:
        with self._lock:
            made = self._pyramids.get(z)
            if made is None:
                made = _Made(self, z, self._stored[-1], self._made_sizes())
                self._pyramids[z] = made
            return made

    def _made_sizes(self) -> tuple[tuple[int, int], ...]:
        return tuple(self._stored_size(level) for level in range(len(self._stored), len(self.info.levels)))


class _Made:
    """The pyramid of one plane: found in the cache, else made by a thread of its own."""

    def __init__(
        self, reader: WindowedReader, z: int, source: StoredLevel, sizes: tuple[tuple[int, int], ...]
    ) -> None:
        self._reader, self._z, self._source = reader, z, source
        info = reader.info
        self._tiles = PyramidTiles(sizes, info.bands, info.dtype)
        self._key = content_key(info.path, z, sizes)
        self._pyramid = find_pyramid(self._key, sizes, info.bands, info.dtype)
        self._error: UserError | None = None
        self._cancel = CancelToken()
        self._thread: threading.Thread | None = None
        self._done = threading.Event()
        if self._pyramid is not None:
            self._done.set()

    @property
    def is_ready(self) -> bool:
        return self._done.is_set()

    def start(self) -> None:
        if self._thread is None and not self._done.is_set():
            self._thread = threading.Thread(target=self._run, name="image-pyramid", daemon=True)
            self._thread.start()

    def wait(self) -> Pyramid:
        """The pyramid; the error that came instead of it."""
        self._done.wait()
        if self._pyramid is None:
            raise self._error or Cancelled
        return self._pyramid

    def close(self) -> None:
        self._cancel.set()
        if self._thread is not None:
            self._thread.join()
        if self._pyramid is not None:
            self._pyramid.close()

    def _run(self) -> None:
        reader, width = self._reader, self._source.width
        yield_cores()
        try:
            with sentences(reader.info.path):
                self._pyramid = make_pyramid(
                    self._key, strips_of(self._source, self._z), width, self._tiles, reader.report, self._cancel
                )
        except UserError as error:
            self._error = error
        except Cancelled:
            pass
        finally:
            self._done.set()
        if not self._cancel.is_set():
            reader.report("" if self._error is None else str(self._error))


def strips_of(source: StoredLevel, z: int = 0) -> Iterator[npt.NDArray[Any]]:
    """(y, x, band) values of a plane from top to bottom, so that no tile is decoded twice."""
    chunk_rows = min(source.height, int(getattr(source, "chunk_rows", 1)))
    step = max(1, _STRIP_ROWS // chunk_rows) * chunk_rows
    if step * source.width > _STRIP_PX:
        step = min(step, _STRIP_ROWS)  # a strip that is the whole image stays decoded meanwhile
    for top in range(0, source.height, step):
        yield source.read(z, Rect(0, top, source.width, min(step, source.height - top)))


def _scaled(rect: Rect, size: tuple[int, int], source: StoredLevel) -> Rect:
    """*rect* of a level of *size* in pixels of *source*."""
    across, down = source.width / size[0], source.height / size[1]
    left, top = int(rect.x * across), int(rect.y * down)
    right, bottom = -int(-rect.right * across // 1), -int(-rect.bottom * down // 1)
    return Rect(left, top, max(1, right - left), max(1, bottom - top)).clipped(source.width, source.height)
