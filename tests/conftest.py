"""Tests leave the settings, models and remembered runs of whoever starts them alone."""

from __future__ import annotations

import os
import tempfile

import pytest

_HOME = tempfile.TemporaryDirectory(prefix="segstudio-tests-", ignore_cleanup_errors=True)
for _what in ("CONFIG", "DATA", "CACHE"):
    # Before anything is imported, and for processes that tests start; a test that wants folders of its own sets them anew.
    os.environ[f"SEGSTUDIO_{_what}_DIR"] = os.path.join(_HOME.name, _what.lower())


def pytest_unconfigure(config: pytest.Config) -> None:
    """Sweep up."""
    _HOME.cleanup()
