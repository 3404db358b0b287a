"""Modules imported while the window stands: cheaply, and those that are wanted soon in a worker, before they are."""

from __future__ import annotations

import importlib
import threading
from contextlib import suppress

SOON = ("numpy.ma", "PIL.Image", "segstudio.io.readers.png", "segstudio.io.readers.tiff", "tifffile", "imagecodecs")
"""What the first images take; the first sorting of label ids imports ``numpy.ma``."""


def calm_imports() -> None:
    """Take Qt's look at the source text of every imported module away: it makes imports up to five times as slow.

    Shiboken reads and searches it for ``from __feature__ import``, which no module here has. Where a later Qt does this
    otherwise, nothing happens.
    """
    with suppress(ImportError):
        feature = importlib.import_module("shibokensupport.feature")
        if callable(getattr(feature, "_mod_uses_pyside", None)):
            feature._mod_uses_pyside = _has_no_feature


def _has_no_feature(module: object) -> bool:
    return False


class EarlyImports:
    """Imports :data:`SOON` in a thread; a module that can't be imported says so when it is used."""

    def __init__(self) -> None:
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="early-imports", daemon=True)

    def start(self) -> None:
        """Begin; only once."""
        self._thread.start()

    def shut_down(self) -> None:
        """Import nothing more, and wait for what is under way."""
        self._is_over.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        from segstudio.core.threads import yield_cores

        yield_cores()
        for name in SOON:
            if self._is_over.is_set():
                return
            with suppress(Exception):
                importlib.import_module(name)
