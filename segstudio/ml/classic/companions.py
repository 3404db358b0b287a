"""Files that belong to an image: its depth map, the other image of a stereo pair."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from segstudio.core.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

ARRAYS = (".npy", ".npz")
_LEFT_ENDS = ("_left", "-left", "_l", "_L", ".left")


def companion(
    image: Path, chosen: str, endings: Sequence[str], folders: Sequence[str], what: str, key: str
) -> Path:
    """The file that goes with *image*: *chosen* (a file, or a folder of files named alike), else one near it.

    Near are STEM + one of *endings* beside the image, and STEM in a folder of one of the names *folders* below or
    beside its own.

    Raises
    ------
    UserError
        When there is none.
    """
    stems = stems_of(image)
    if chosen:
        path = Path(chosen).expanduser()
        path = path if path.is_absolute() else image.parent / path
        if path.is_file():
            return path
        found = _first(path, (s + e for s in stems for e in ("", *endings)), image) if path.is_dir() else None
        if found is None:
            raise UserError(f"there is no {what} of {image.name} there", path=path, remedy=f"choose another {key}")
        return found
    found = _first(image.parent, (stem + ending for stem in stems for ending in endings), image)
    for name in folders:
        for parent in (image.parent, image.parent.parent):
            found = found or _first(parent / name, stems, image)
    if found is None:
        raise UserError(
            f"there is no {what} of the image",
            path=image,
            remedy=f"put it beside the image as {stems[-1]}{endings[0]}, or choose it (option {key})",
        )
    return found


def stems_of(image: Path) -> list[str]:
    """The image's stem, and that without what marks it as the left one of a pair."""
    stem = image.stem
    return [stem, *(stem[: -len(end)] for end in _LEFT_ENDS if stem.endswith(end) and len(stem) > len(end))]


def _first(folder: Path, stems: Iterable[str], image: Path) -> Path | None:
    from segstudio.io.readers.registry import list_images

    try:
        arrays = [path for path in folder.iterdir() if path.suffix.lower() in ARRAYS]
    except OSError:
        return None
    by_stem = {path.stem: path for path in [*arrays, *reversed(list_images(folder))] if path.resolve() != image.resolve()}
    return next((by_stem[stem] for stem in stems if stem in by_stem), None)
