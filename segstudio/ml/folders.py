"""Where models lie on this machine."""

from __future__ import annotations

import os
from pathlib import Path

from segstudio.io.resources import resource_path


def cache_folder() -> Path:
    """Downloaded weights; ``SEGSTUDIO_CACHE_DIR`` moves it."""
    return Path(os.environ.get("SEGSTUDIO_CACHE_DIR") or _platform("user_cache_dir")) / "models"


def installed_folder() -> Path:
    """Weights files that the user installed; ``SEGSTUDIO_DATA_DIR`` moves it."""
    return Path(os.environ.get("SEGSTUDIO_DATA_DIR") or _platform("user_data_dir")) / "models"


def built_in_folder() -> Path:
    """The weights that come with the program."""
    return resource_path("models")


def _platform(name: str) -> str:
    import platformdirs

    return str(getattr(platformdirs, name)("segstudio", appauthor=False))
