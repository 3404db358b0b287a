"""The project's own images, which the engine hands to importers whose labels lie in space: found by name, whatever its suffix."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from segstudio.io.dataset_volumes import NIFTI_ENDS
from segstudio.io.formats.pixels import safe_stem

KNOWN_ENDS = (*NIFTI_ENDS, ".dcm", ".dicom", ".ima", ".tif", ".tiff", ".png", ".jpg", ".jpeg", ".bmp", ".webp", ".npz")


def bare_stem(name: str) -> str:
    """A file's name without its suffix, of which only known ones are taken off (UIDs have dots)."""
    end = next((end for end in KNOWN_ENDS if name.lower().endswith(end)), "")
    return name[: -len(end)] if end else name


class ProjectImages:
    """Option ``images``: "" for none, or a mapping of the project's image names to files."""

    def __init__(self, given: Any) -> None:
        self._found: dict[str, tuple[str, Path]] = {}
        for name, file in given.items() if isinstance(given, Mapping) else ():
            for stem in (bare_stem(str(name)), safe_stem(str(name))):
                self._found.setdefault(stem.casefold(), (str(name), Path(file)))

    def find(self, *stems: str) -> tuple[str, Path] | None:
        """(name, file) of the image that is called as one of *stems*; None where there is none."""
        return next((self._found[stem.casefold()] for stem in stems if stem.casefold() in self._found), None)

    def __iter__(self) -> Any:
        return iter(dict.fromkeys(self._found.values()))
