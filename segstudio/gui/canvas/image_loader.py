"""The canvas's one worker thread: reads, reduces and colours picture tiles, most wanted first."""

from __future__ import annotations

import sys
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from segstudio.core.cancel import CancelToken
from segstudio.core.errors import Cancelled, UserError
from segstudio.gui.canvas.image_pixels import (
    ImageSource,
    TileKey,
    TileStock,
    display_of,
    display_sample,
    probe_values,
    tile_colors,
    tile_pixels,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy as np

    from segstudio.core.display import DisplaySettings
    from segstudio.core.geometry import Rect
    from segstudio.io.readers.base import ImageReader

SAMPLE_VALUES = 1 << 16
"""About so many values a band stand for a picture in its histogram."""
IN_FLIGHT = 2
"""One at work and one behind it; more would be stale when the view moves."""

SAMPLE = "sample"


class _Work:
    """What the worker keeps for one source: its display settings once they are found."""

    def __init__(self, source: ImageSource) -> None:
        self.source = source
        self.cancel = CancelToken()
        self.display: DisplaySettings | None = None
        self.is_display_told = False
        self.stock: TileStock | None = None

    def looks_like(self, other: _Work) -> bool:
        """Whether both show one image in one way, only other planes of it."""
        mine, others = self.source, other.source
        return mine.reader is others.reader and mine.display == others.display

    def recolors(self, other: _Work) -> bool:
        """Whether both show one plane, only in another way."""
        mine, others = self.source, other.source
        return mine.reader is others.reader and mine.z == others.z

    def tile(self, key: TileKey) -> np.ndarray:
        """One tile (worker thread)."""
        if self.cancel.is_set():
            raise Cancelled
        if self.display is None:
            display = display_of(self.source, self.cancel)
            if self.cancel.is_set():
                raise Cancelled  # made of half the values; another plane's work would take it over
            self.display = display
        if self.stock is None:
            return tile_pixels(self.source, self.display, key, self.cancel)
        return tile_colors(self.stock.values(self.source, self.display.bands, key, self.cancel), self.display)

    def sample(self) -> np.ndarray:
        """(band, n) values spread over the picture, those without data left out (worker thread)."""
        values, valid = display_sample(self.source, self.cancel)
        if self.cancel.is_set():
            raise Cancelled
        flat = values.reshape(len(values), -1) if valid is None else values[:, valid]
        return flat[:, :: max(1, flat.shape[1] // SAMPLE_VALUES)].copy()

    def probe(self, x: int, y: int) -> tuple[Rect, np.ndarray]:
        """Values round a position (worker thread)."""
        if self.cancel.is_set():
            raise Cancelled
        return probe_values(self.source, x, y)


class ImageLoader(QObject):
    """Makes tiles of one image source on a thread of its own.

    All methods belong to the GUI thread, all signals are emitted there. The thread starts with the first wish and
    ends in :meth:`shut_down`, which waits for it.
    """

    tile_ready = Signal(object, object)
    """(TileKey, (h, w) uint32 pixels)."""
    probe_ready = Signal(object, object)
    """(Rect, (band, h, w) values)."""
    sample_ready = Signal(object, object)
    """(reader, (band, n) values that stand for the picture), after :meth:`want_sample`."""
    display_found = Signal(object, object)
    """(reader, DisplaySettings) that its tiles are made with; once a source."""
    failed = Signal(str)
    """The image can't be decoded: one sentence. Nothing more comes of this source."""

    _finished = Signal(object, object, object, object)  # pool, _Work, what was asked, Future; from the worker thread

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._pool: ThreadPoolExecutor | None = None
        self._work: _Work | None = None
        self._queue: list[TileKey] = []
        self._probe: tuple[int, int] | None = None
        self._wants_sample = False
        self._running: set[object] = set()
        self._in_flight = 0
        self._has_failed = False
        self._finished.connect(self._on_finished)

    def set_source(self, source: ImageSource | None) -> None:
        """Make tiles of *source* from now on; what is under way for the former one is dropped."""
        former = self._work
        if former is not None:
            former.cancel.set()
        self._work = None if source is None else _Work(source)
        if self._work is not None and former is not None and self._work.looks_like(former):
            # Another plane of a volume: the same brightness, or the picture would flicker on the way through.
            self._work.display, self._work.is_display_told = former.display, former.is_display_told
        elif self._work is not None and former is not None and self._work.recolors(former):
            # Brightness is being changed: from now on values are kept, and only coloured anew.
            self._work.stock = former.stock or TileStock()
        self._queue.clear()
        self._running.clear()
        self._probe = None
        self._wants_sample = False
        self._has_failed = False

    def want_sample(self) -> None:
        """The values of a histogram, once everything else is done."""
        self._wants_sample = True
        self._submit()

    def want(self, keys: Iterable[TileKey]) -> None:
        """These tiles, in this order, in place of what was wanted before and is not begun."""
        self._queue = [key for key in keys if key not in self._running]
        self._submit()

    def want_values(self, x: int, y: int) -> None:
        """The values round an image pixel, before any further tile; only the last wish counts."""
        self._probe = (x, y)
        self._submit()

    def close_reader(self, reader: ImageReader) -> None:
        """Close a reader once nothing under way reads from it any more."""
        if self._pool is None:
            reader.close()
        else:
            self._pool.submit(reader.close)

    @property
    def is_idle(self) -> bool:
        """Whether nothing is wanted or under way."""
        return not (self._in_flight or self._queue or self._probe)

    def shut_down(self) -> None:
        """Stop and wait for the thread; safe to call twice, and the loader may be used again after."""
        self.set_source(None)
        if self._pool is not None:
            # What is queued are tiles (their cancel flag is set: they end at once) and readers to close.
            self._pool.shutdown(wait=True)
            self._pool = None
        self._in_flight = 0

    def _submit(self) -> None:
        work = self._work
        if work is None or self._has_failed:
            return
        if self._pool is None:
            self._pool = ThreadPoolExecutor(1, thread_name_prefix="canvas-image")
        while self._in_flight < IN_FLIGHT and (self._probe is not None or self._queue):
            asked: object
            if self._probe is not None:
                asked, (x, y) = self._probe, self._probe
                self._probe = None
                future: Future[object] = self._pool.submit(work.probe, x, y)
            else:
                key = self._queue.pop(0)
                asked = key
                self._running.add(key)
                future = self._pool.submit(work.tile, key)
            self._send(work, asked, future)
        if self._wants_sample and not self._in_flight:
            self._wants_sample = False
            self._send(work, SAMPLE, self._pool.submit(work.sample))

    def _send(self, work: _Work, asked: object, future: Future[object]) -> None:
        self._in_flight += 1
        future.add_done_callback(partial(self._finished.emit, self._pool, work, asked))

    def _on_finished(self, pool: object, work: _Work, asked: object, future: Future[object]) -> None:
        if pool is not self._pool:  # late news of a thread that was shut down
            return
        self._in_flight -= 1
        if work is self._work and not future.cancelled():
            self._running.discard(asked)
            error = future.exception()
            if error is not None:
                self._fail(error)
            elif isinstance(asked, TileKey):
                if not work.is_display_told:
                    work.is_display_told = True
                    self.display_found.emit(work.source.reader, work.display)
                self.tile_ready.emit(asked, future.result())
            elif asked == SAMPLE:
                self.sample_ready.emit(work.source.reader, future.result())
            else:
                self.probe_ready.emit(*future.result())  # type: ignore[misc]
        self._submit()

    def _fail(self, error: BaseException) -> None:
        self._has_failed = True
        self._queue.clear()
        if isinstance(error, UserError):
            self.failed.emit(str(error))
        elif isinstance(error, (OSError, ValueError, MemoryError, RuntimeError)):
            reason = str(error) or type(error).__name__
            self.failed.emit(f"This image can't be read any further: {reason}")
        else:  # a bug of ours: to the crash handler, with its traceback
            sys.excepthook(type(error), error, error.__traceback__)
