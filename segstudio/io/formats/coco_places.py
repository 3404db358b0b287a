"""Where COCO datasets keep their files: which JSON files to read, where the images lie, which split it is."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from segstudio.core.errors import UserError
from segstudio.io.formats.safety import is_link_out

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

_HEAD_BYTES = 1 << 14
_FOLDERS_WITH_FILES = ("annotations", "labels")
_MOST_FILES = 2000
_SPLITS = {"train": "train", "training": "train", "val": "val", "valid": "val", "validation": "val", "test": "test"}
_WORD = re.compile(r"[a-z]+")


def split_of(file: Path) -> str | None:
    """The split that a file's name tells, or its folder's (Roboflow: ``valid/_annotations.coco.json``)."""
    for name in (file.stem, file.parent.name):
        for word in reversed(_WORD.findall(name.lower())):
            if word in _SPLITS:
                return _SPLITS[word]
    return None


def image_folders(file: Path) -> list[Path]:
    """Folders where the images of an annotation file may lie, the likeliest first; all in its dataset."""
    root = file.parent.parent if file.parent.name.lower() in _FOLDERS_WITH_FILES else file.parent
    tail = file.stem.partition("_")[2]
    words = [word for word in (tail, split_of(file) or "") if word]
    names = [f"images/{word}" for word in words] + ["images", *words, *(f"{word}/images" for word in words)]
    names += ["JPEGImages", "data", "imgs", "img"]
    folders = [root.joinpath(*name.split("/")) for name in names]
    folders += [root, file.parent, file.parent / "images"]
    return [folder for folder in dict.fromkeys(folders) if folder.is_dir() and not is_link_out(folder, root)]


def map_folders(file: Path) -> list[Path]:
    """Folders where the segment maps of a panoptic file may lie, the likeliest first; all in its dataset."""
    root = file.parent.parent if file.parent.name.lower() in _FOLDERS_WITH_FILES else file.parent
    names = [file.stem, f"{file.stem}_pngs", "panoptic", "panoptic_maps", "masks"]
    folders = [place / name for place in (file.parent, root) for name in names] + [file.parent, root]
    return [folder for folder in dict.fromkeys(folders) if folder.is_dir() and not is_link_out(folder, root)]


def find_files(source: Path, *, is_panoptic: bool, note: Callable[[str, str], None]) -> list[Path]:
    """The annotation files of a dataset: *source* itself, or those in the folder.

    Raises
    ------
    UserError
        When there is none.
    """
    if source.is_file():
        return [source]
    found = [path for path in candidates(source) if is_coco_head(_head(path)) and is_panoptic_file(path) == is_panoptic]
    named = [path for path in found if path.name.startswith("panoptic" if is_panoptic else "instances")]
    for path in found if named else ():
        if path not in named:
            note(path.name, "The file was not read, for there are others; give it alone to import it")
    if not found:
        kind = "panoptic" if is_panoptic else "COCO annotation"
        raise UserError(f"There is no {kind} file", path=source, remedy="choose the folder or the .json file")
    return named or found


def candidates(folder: Path) -> list[Path]:
    """JSON files where datasets have them, in order; links that lead out are left alone."""
    return sorted(path for path in _json_files(folder) if not is_link_out(path, folder))


def _json_files(folder: Path) -> Iterator[Path]:
    count = 0
    places = [folder, *(sub for sub in sorted(folder.iterdir()) if sub.is_dir() and not is_link_out(sub, folder))]
    for place in places:
        for path in sorted(place.iterdir()):
            if path.suffix.lower() == ".json" and path.is_file():
                count += 1
                if count > _MOST_FILES:
                    return
                yield path


def is_panoptic_file(path: Path) -> bool:
    """Whether a file is named as a panoptic one, or has its folder of segment maps beside it."""
    return "panoptic" in path.name.lower() or (path.with_suffix("").is_dir() and b"segments_info" in _head(path))


def is_coco_head(head: bytes) -> bool:
    """Whether a file that begins so is an object with some of COCO's lists."""
    text = head.removeprefix(b"\xef\xbb\xbf")
    if text[:2] in (b"\xff\xfe", b"\xfe\xff"):
        text = text.replace(b"\0", b"")[2:]
    keys = sum(key in text for key in (b'"images"', b'"annotations"', b'"categories"', b'"licenses"', b'"info"'))
    is_shape_file = b'"shapes"' in text or b'"FeatureCollection"' in text
    return text.lstrip()[:1] == b"{" and keys >= 2 and not is_shape_file


def _head(path: Path) -> bytes:
    try:
        with path.open("rb") as stream:
            return stream.read(_HEAD_BYTES)
    except OSError:
        return b""


def likeness(source: Path, *, is_panoptic: bool) -> int:
    """How sure it is, 0 … 100, that *source* is of the one kind or the other."""
    try:
        files = [source] if source.is_file() and source.suffix.lower() == ".json" else []
        if source.is_dir():
            files = candidates(source)[:200]
    except OSError:
        return 0
    best = 0
    for path in files:
        if not is_coco_head(_head(path)) or is_panoptic_file(path) != is_panoptic:
            continue
        is_named = path.name.lower().startswith(("instances", "panoptic")) or path.name.endswith(".coco.json")
        best = max(best, 95 if is_named else 80)
    return best
