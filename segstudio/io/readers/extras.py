"""Packages of the optional extras: imported when a file needs them, with one sentence where they are missing."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from segstudio.core.errors import UserError

if TYPE_CHECKING:
    from pathlib import Path


def needs(package: str, what: str, extra: str, path: Path | None = None) -> Any:
    """The imported *package*; UserError saying that *what* need it and which extra brings it."""
    try:
        return importlib.import_module(package)
    except ImportError as error:
        raise UserError(
            f"{what} need the package {package}, which is not installed",
            path=path,
            remedy=f"install it: pip install segstudio[{extra}]",
        ) from error
