"""Decoded tiles and strips of image files, kept within a budget, and the threads that decode them."""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import TYPE_CHECKING, Any

from segstudio.core.threads import yield_cores

if TYPE_CHECKING:
    from collections.abc import Hashable

    import numpy.typing as npt

CACHE_BYTES = 128 << 20
"""Of one open image."""


class ChunkCache:
    """Least recently used arrays out first; may be asked from any thread."""

    def __init__(self, budget_bytes: int | None = None) -> None:
        self._budget = CACHE_BYTES if budget_bytes is None else budget_bytes
        self._kept: OrderedDict[Hashable, npt.NDArray[Any]] = OrderedDict()
        self._lock = threading.Lock()
        self.nbytes = 0

    def get(self, key: Hashable) -> npt.NDArray[Any] | None:
        """The array, or None."""
        with self._lock:
            found = self._kept.get(key)
            if found is not None:
                self._kept.move_to_end(key)
            return found

    def put(self, key: Hashable, array: npt.NDArray[Any]) -> None:
        """Keep *array*; the newest one is kept even where it alone is over the budget."""
        with self._lock:
            former = self._kept.pop(key, None)
            self.nbytes += array.nbytes - (0 if former is None else former.nbytes)
            self._kept[key] = array
            while self.nbytes > self._budget and len(self._kept) > 1:
                self.nbytes -= self._kept.popitem(last=False)[1].nbytes

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._kept.clear()
            self.nbytes = 0


@cache
def decoders() -> ThreadPoolExecutor:
    """The threads that decode tiles for all readers. What runs in them must not wait for another of them."""
    count = max(2, min(4, os.cpu_count() or 2))
    return ThreadPoolExecutor(count, thread_name_prefix="image-decoder", initializer=yield_cores)
