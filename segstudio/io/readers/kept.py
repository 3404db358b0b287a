"""Volumes that stay open while their planes are read one by one: a packed file is not unpacked anew for each."""

from __future__ import annotations

from collections import OrderedDict
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from segstudio.io.readers.base import ImageReader

KEPT_VOLUMES = 2


class KeptReaders:
    """Opens images; the volumes used last stay open until :meth:`close`. A copy for another process has none open.

    Several threads may use it: each has a reader of its own while it reads. With *keeps_all* flat images stay open, too.
    """

    def __init__(self, *, keeps_all: bool = False) -> None:
        self._readers: OrderedDict[Path, ImageReader] = OrderedDict()
        self._keeps_all = keeps_all

    def __reduce__(self) -> tuple[Any, ...]:
        """Files are not handed to another process."""
        return (KeptReaders, ())

    @contextmanager
    def opened(self, file: Path) -> Iterator[ImageReader]:
        """A reader of *file*, for as long as the block lasts; UserError when it cannot be opened."""
        from segstudio.io.readers.registry import open_image

        reader = self._readers.pop(file, None) or open_image(file)
        is_kept = False
        try:
            yield reader
            is_kept = reader.info.depth > 1 or self._keeps_all
        finally:
            other = self._readers.pop(file, None) if is_kept else reader
            if other is not None:
                other.close()
            if is_kept:
                self._readers[file] = reader
                while len(self._readers) > KEPT_VOLUMES:
                    with suppress(KeyError):
                        self._readers.popitem(last=False)[1].close()

    def close(self) -> None:
        """Close what is open; it may be used again."""
        while self._readers:
            self._readers.popitem()[1].close()
