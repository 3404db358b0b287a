"""Which image of the project an image of a dataset is: the same file, the same content, or the same name and picture."""

from __future__ import annotations

import re
from collections import defaultdict
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import TYPE_CHECKING

import numpy as np

from segstudio.core.errors import UserError
from segstudio.core.geometry import Rect
from segstudio.io.formats.pixels import safe_stem
from segstudio.io.formats.safety import file_name
from segstudio.io.store.image_rows import file_sha256, kept_path, resolve

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from segstudio.io.formats.base import FoundImage
    from segstudio.io.store.records import ImageRecord

_SMALL_PX = 64
_ALIKE = 6.0
"""Grey levels by which reduced pictures of one image may differ on average: it was saved anew with loss."""
_MIDDLE_PX = 512
_NUMBERED = re.compile(r"-\d+$")
"""How exports tell images of one name apart."""


@dataclass(frozen=True)
class Match:
    """The project's image (None: it has none), or a ``sentence`` that says why that cannot be told."""

    record: ImageRecord | None = None
    sentence: str = ""


class ProjectImages:
    """The images of a project, to be asked for by what a dataset says of its own."""

    def __init__(self, records: Iterable[ImageRecord], folder: Path) -> None:
        self._folder = folder
        self._by_path: dict[str, ImageRecord] = {}
        self._by_name: dict[str, list[ImageRecord]] = defaultdict(list)
        self._by_stem: dict[str, list[ImageRecord]] = defaultdict(list)
        self._by_written: dict[str, list[ImageRecord]] = defaultdict(list)
        for record in records:
            self._by_path[record.path] = record
            self._by_name[record.name.casefold()].append(record)
            self._by_stem[_stem(record.name)].append(record)
            self._by_written[safe_stem(record.name).casefold()].append(record)

    def file_of(self, record: ImageRecord) -> Path:
        """Where the image's file is, or should be."""
        return resolve(self._folder, record.path, record.path_hint)

    def match(self, found: FoundImage) -> Match:
        """The image that *found* is."""
        if found.image is not None:
            same = self._by_path.get(kept_path(found.image, self._folder)[0])
            if same is not None:
                return Match(same)
        name = file_name(found.name)
        named = self._by_name.get(name.casefold(), []) or self._by_stem.get(_stem(name), [])
        candidates = named or self._written_as(name, has_file=found.image is not None)
        if not candidates:
            return Match()
        if found.image is not None:
            return self._by_content(found.image, candidates)
        return self._without_file(found, candidates)

    def _written_as(self, name: str, *, has_file: bool) -> list[ImageRecord]:
        """Those that an export would call so; by a numbered name only where the pictures can be compared."""
        written = safe_stem(name).casefold()
        found = self._by_written.get(written, [])
        return found or (self._by_written.get(_NUMBERED.sub("", written), []) if has_file else [])

    def _by_content(self, file: Path, candidates: Sequence[ImageRecord]) -> Match:
        alike = []
        for record in candidates:
            other = self.file_of(record)
            if _same_bytes(file, other):
                return Match(record)
            if not other.is_file() or _is_same_picture(file, other):
                alike.append(record)
        if len(alike) > 1:
            return Match(None, f"{len(alike)} images of the project may be this one")
        return Match(alike[0] if alike else None)

    def _without_file(self, found: FoundImage, candidates: Sequence[ImageRecord]) -> Match:
        if len(candidates) > 1 and found.width:
            fitting = [one for one in candidates if (one.width, one.height) == (found.width, found.height)]
            candidates = fitting or candidates
        if len(candidates) > 1:
            return Match(None, f"{len(candidates)} images of the project have this name, and its own file is missing")
        return Match(candidates[0])


def _stem(name: str) -> str:
    """Without the suffix, which is two words long for ``.nii.gz``."""
    return PurePath(name[:-3] if name.lower().endswith(".nii.gz") else name).stem.casefold()


def _same_bytes(file: Path, other: Path) -> bool:
    try:
        if file.stat().st_size != other.stat().st_size:
            return False
        return file_sha256(file) == file_sha256(other)
    except OSError:
        return False


def _same_values(file: Path, other: Path, width: int, height: int, z: int) -> bool:
    """Whether the middle of plane *z* is the same in both, value by value, and says anything."""
    from segstudio.io.readers.registry import open_image

    side = (min(width, _MIDDLE_PX), min(height, _MIDDLE_PX))
    rect = Rect((width - side[0]) // 2, (height - side[1]) // 2, *side)
    with closing(open_image(file)) as first, closing(open_image(other)) as second:
        one, two = first.read(0, z, rect), second.read(0, z, rect)
    return bool(np.array_equal(one, two) and one.min() < one.max())


def _is_same_picture(file: Path, other: Path) -> bool:
    from segstudio.io.readers.registry import probe, thumbnail

    try:
        first, second = probe(file), probe(other)
        if (first.width, first.height, first.depth) != (second.width, second.height, second.depth):
            return False
        one, two = thumbnail(file, _SMALL_PX), thumbnail(other, _SMALL_PX)
        if one.shape != two.shape:
            return False
        if _same_values(file, other, first.width, first.height, first.depth // 2):
            return True  # a medical volume may be shown brighter than an array of its values
    except UserError:
        return False
    return float(np.abs(one.astype(np.float32) - two.astype(np.float32)).mean()) <= _ALIKE
