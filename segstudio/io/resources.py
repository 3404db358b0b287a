"""Where the files that come with segstudio lie: in the wheel, a checkout or a frozen program."""

from __future__ import annotations

import sys
from functools import cache
from pathlib import Path

from segstudio.core.errors import UserError


@cache
def resources_folder() -> Path:
    """The folder that holds icons/, themes/, i18n/, models/ and docs/.

    Raises
    ------
    UserError
        When the installation is incomplete.
    """
    package = Path(__file__).resolve().parent.parent
    candidates = [package / "_resources", package.parent / "resources"]
    frozen = getattr(sys, "_MEIPASS", None)
    if frozen:
        candidates.insert(0, Path(frozen) / "segstudio" / "_resources")
    for folder in candidates:
        if folder.is_dir():
            return folder
    raise UserError("segstudio's own resources folder is missing", path=candidates[0], remedy="install segstudio again")


def resource_path(name: str) -> Path:
    """The file or folder *name* (``icons/brush.svg``) of the resources; it need not exist."""
    return resources_folder() / name
