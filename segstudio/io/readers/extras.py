"""Packages of the optional extras: imported when a file needs them, with one sentence where they are missing."""

from __future__ import annotations

import importlib
import threading
from typing import TYPE_CHECKING, Any

from segstudio.core.errors import UserError

if TYPE_CHECKING:
    from pathlib import Path

_lock = threading.RLock()


def imported(package: str) -> Any:
    """The *package*, imported by one thread at a time.

    rasterio's modules import each other: where two threads begin at different ones, an import fails, or PROJ is asked before it
    knows where its tables lie ("Cannot find proj.db").

    Raises
    ------
    ImportError
        When it is not installed.
    """
    with _lock:
        return importlib.import_module(package)


def needs(package: str, what: str, extra: str, path: Path | None = None) -> Any:
    """The imported *package*; UserError saying that *what* need it and which extra brings it."""
    try:
        return imported(package)
    except ImportError as error:
        raise UserError(
            f"{what} need the package {package}, which is not installed",
            path=path,
            remedy=f"install it: pip install segstudio[{extra}]",
        ) from error
