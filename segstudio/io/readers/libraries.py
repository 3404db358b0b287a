"""Loading big compiled libraries without holding up other threads."""

from __future__ import annotations

import ctypes
import importlib.util
import os
import sys
import threading
from contextlib import suppress
from pathlib import Path

_FILES = {
    "rasterio": ("rasterio/_base.*", "rasterio.libs"),
    "pyvips": ("_libvips.*", "pyvips_binary.libs"),
}
"""Package → (compiled module that brings its libraries, folder of those), both from the folder of packages."""
_BLOCK_BYTES = 1 << 20
_lock = threading.Lock()
_loaded: set[str] = set()


def load_beside(package: str) -> None:
    """Load the libraries of *package* (``rasterio``, ``pyvips``) while other threads go on; its import is quick then.

    An import holds Python's lock while the system loads and links the library (GDAL: 0.1 s in which a window stands
    still); a foreign call does not. Where anything fails, the import itself says what.
    """
    if package in sys.modules or package in _loaded or os.name == "nt":
        return
    with _lock:
        if package in _loaded:
            return
        _loaded.add(package)
        for file in _compiled(package):
            _load(file)


def _compiled(package: str) -> list[Path]:
    with suppress(ImportError, ValueError):
        spec = importlib.util.find_spec(package)
        if spec is not None and spec.origin is not None:
            packages = Path(spec.origin).parent.parent
            pattern, folder = _FILES[package]
            _read_through(packages / folder)
            return [file for file in sorted(packages.glob(pattern)) if file.suffix in (".so", ".dylib")]
    return []


def _read_through(folder: Path) -> None:
    """Bring libraries from the disk: what runs in an import would else wait for it page by page, with Python's lock."""
    with suppress(OSError):
        for file in folder.iterdir():
            with file.open("rb", buffering=0) as stream:
                while stream.read(_BLOCK_BYTES):
                    pass


def _load(file: Path) -> None:
    with suppress(OSError, AttributeError):
        load = ctypes.CDLL(None).dlopen
        load.argtypes, load.restype = (ctypes.c_char_p, ctypes.c_int), ctypes.c_void_p
        load(os.fsencode(file), os.RTLD_NOW | os.RTLD_LOCAL)
