"""Where tests find the shared sample data; they skip, with the reason, where it is missing.

``../shared/data`` beside the checkout, or what SEGSTUDIO_SHARED_DATA names. Nothing of it is part of segstudio.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


def _base() -> Path:
    named = os.environ.get("SEGSTUDIO_SHARED_DATA")
    return Path(named) if named else ROOT.parent / "shared" / "data"


def find_shared(*parts: str) -> Path | None:
    """A folder or file of the shared data, None where it is missing."""
    path = _base().joinpath(*parts)
    return path if path.exists() else None


def shared_data(*parts: str) -> Path:
    """As :func:`find_shared`, but skips the test where it is missing."""
    path = find_shared(*parts)
    if path is None:
        pytest.skip(f"needs the shared sample data {'/'.join(parts)} (../shared/data or SEGSTUDIO_SHARED_DATA)")
    return path


def shared_corpus() -> Path:
    """The folder of odd and malformed images beside the data; skips where it is missing."""
    path = _base().parent / "corpus" / "images"
    if not path.is_dir():
        pytest.skip("needs the corpus of malformed images beside the shared sample data")
    return path
