"""Reading npz archives: ours with every segment, and those of other programs with an array of masks."""

from __future__ import annotations

import json
import os
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from segstudio.core.cancel import Cancel, check
from segstudio.core.classes import IGNORE
from segstudio.core.errors import UserError
from segstudio.core.geometry import TILE
from segstudio.core.layer_builder import ClassPixels, FoundObject
from segstudio.io.datasets import SPLIT_FOLDERS
from segstudio.io.formats.base import FoundClass, FoundImage
from segstudio.io.formats.class_lists import ClassList, read_class_list, rows_of
from segstudio.io.formats.id_planes import parts_of
from segstudio.io.formats.npz_arrays import Labelled, find_arrays
from segstudio.io.formats.npz_save import image_suffix, save_array
from segstudio.io.formats.npz_segments import SegmentRow, read_table, segment_pieces
from segstudio.io.formats.pixels import safe_stem
from segstudio.io.formats.problems import ProblemList
from segstudio.io.formats.project_images import bare_stem
from segstudio.io.formats.safety import Limits, file_name, is_link_out
from segstudio.io.formats.value_map import ValueMap, classes_of_names, classes_of_values, whole_values
from segstudio.io.npz_files import NpzReader

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import numpy.typing as npt

    from segstudio.core.layer_builder import Piece

_OBJECT = "object"
STACKS = ("", "volume", "images")


class NpzImporter:
    """Reads a folder of archives or one of them: the arrays of a mask and of an image (see :mod:`.npz_arrays`).

    An array of three axes is a volume, or a stack of images where the image's is called images or x; option ``stack`` ("volume",
    "images") says it otherwise. Archives with pickled Python objects are refused.
    """

    def __init__(self, source: Path, options: Mapping[str, Any], limits: Limits) -> None:
        self.problems: ProblemList = ProblemList()
        self._root = source if source.is_dir() else source.parent
        self._source = source
        self._limits = limits
        self._stack = str(options.get("stack", ""))
        if self._stack not in STACKS:
            raise UserError(f"“{self._stack}” is no kind of stack", remedy=f"choose one of {', '.join(STACKS[1:])}")
        self._open: dict[Path, NpzReader] = {}

    @staticmethod
    def looks_like(source: Path) -> int:
        """Whether the first archive has an array that is called a mask."""
        file = next(iter(_files(source)), None)
        if file is None:
            return 0
        with NpzReader(file) as archive:
            found, refused = find_arrays(archive)
            return 90 if "segments" in archive.heads else 70 if found else 20 if refused else 0

    def _archive(self, file: Path) -> NpzReader:
        """An open archive; the one before it is closed."""
        if file not in self._open:
            self.close()
            self._open[file] = NpzReader(file)
        return self._open[file]

    def _archives(self) -> Iterator[tuple[Path, list[Labelled]]]:
        """Files with what is labelled in them; a damaged one is a problem."""
        for file in _files(self._source):
            if is_link_out(file, self._root):
                self.problems.once(file.name, "The link leads out of the dataset: it is not followed")
                continue
            try:
                archive = self._archive(file)
            except UserError as error:
                self.problems.once(file.name, error.message)
                continue
            found, refused = find_arrays(archive, self._stack)
            if not found and not refused:
                refused = ["There is no array of a mask in it"]
                if archive.refused:
                    refused = [
                        f"The array “{archive.refused[0][:60]}” cannot be read: Python objects are not, for safety"
                    ]
            for sentence in refused:
                self.problems.once(file.name, sentence)
            yield file, found

    @cached_property
    def _list(self) -> ClassList:
        found = read_class_list(self._root, self._limits) or self._own_list()
        if found is None:
            found = self._of_values()
        for problem in found.problems:
            self.problems.once(problem.where, problem.sentence, problem.count)
        return found

    def _own_list(self) -> ClassList | None:
        """As the first archive that can be read says: our rows, or names by their values."""
        for file in _files(self._source):
            try:
                archive = self._archive(file)
            except UserError:
                continue
            text = archive.text("classes")
            if text.lstrip().startswith("["):
                try:
                    return rows_of(json.loads(text), file.name)
                except (ValueError, RecursionError):
                    return None
            names = archive.texts("class_names") or archive.texts("classes")
            return ClassList(*classes_of_names(dict(enumerate(names)))) if names else None
        return None

    def _of_values(self) -> ClassList:
        values: set[int] = set()
        has_ids = False
        for file in _files(self._source):
            try:
                archive = self._archive(file)
                for one in find_arrays(archive, self._stack)[0]:
                    has_ids |= one.has_ids
                    for start in range(0, 0 if one.has_ids else one.count * one.size, 1 << 24):
                        count = min(1 << 24, one.count * one.size - start)
                        whole = whole_values(archive.read(one.mask, start, count))[0]
                        values |= set(np.flatnonzero(np.bincount(whole)).tolist())
            except UserError:
                continue
        ignored = {255 if max(values, default=0) <= 255 else 65535}
        names = [*([FoundClass(_OBJECT)] if has_ids else []), *classes_of_values(values, ignored)]
        return ClassList(names, ignored)

    @property
    def classes(self) -> Sequence[FoundClass]:
        """Those of classes.json, of the archives, or one for each value (that reads all the masks)."""
        return self._list.classes

    def images(self) -> Iterator[FoundImage]:
        """Each image of each archive."""
        self._list  # noqa: B018 - its problems come first
        for file, found in self._archives():
            split = SPLIT_FOLDERS.get(file.parent.name.lower()) if file.parent != self._root else None
            for one in found:
                for index in range(one.count):
                    yield self._found(file, one, index, split)

    def _found(self, file: Path, one: Labelled, index: int, split: str | None) -> FoundImage:
        archive = self._archive(file)
        named = bare_stem(file_name(archive.text("name")))
        # The archive of an image is called as it is on any disk, and numbered where two have one name.
        stem = named if named and not file.stem.startswith(safe_stem(named)) else file.stem
        if one.split:
            stem = f"{stem}_{one.split}"
        if one.count > 1:
            stem = f"{stem}_{index:0{max(4, len(str(one.count - 1)))}d}"
        name = stem + image_suffix(archive, one)
        save = partial(self._save, file, one, index) if one.image else None
        return FoundImage(
            name,
            None,
            one.width,
            one.height,
            partial(self._pieces, file, one, index),
            one.depth,
            one.split or split,
            save_image=save,
            reason="" if one.image else "There is no array of an image in the archive",
        )

    def _save(self, file: Path, one: Labelled, index: int, path: Path) -> None:
        save_array(self._archive(file), one, index, path)

    def _pieces(self, file: Path, one: Labelled, index: int, cancel: Cancel) -> Iterator[Piece]:
        archive = self._archive(file)
        table = self._table(file, archive, one)
        with self.problems.of(f"{file.name} {index}" if one.count > 1 else file.name) as note:
            if table is not None:
                yield from segment_pieces(archive, table, one, note, cancel)
                return
            ignored = self._list.ignored | self._own_ignored(archive)
            values = ValueMap(self.classes, ignored)
            for z, y, ids in _strips(archive, one, index):
                check(cancel)
                if one.has_ids:
                    yield from _objects(ids, y, z)
                else:
                    yield ClassPixels(0, y, values.indices(ids, note), z)

    def _own_ignored(self, archive: NpzReader) -> set[int]:
        head = archive.heads.get("ignore")
        owned = {item.value for item in self.classes}
        if head is not None and head.dtype.kind in "iu" and head.shape == ():
            return {int(value) for value in archive.whole("ignore").reshape(-1) if 0 <= value <= IGNORE} - owned
        return {value for value in (255, 65535) if value not in owned}

    def _table(self, file: Path, archive: NpzReader, one: Labelled) -> list[dict[int, SegmentRow]] | None:
        """The segments of each layer, where the archive is one of ours that has them."""
        head = archive.heads.get("segments")
        if head is None or one.mask != "mask" or head.dtype != np.uint16 or np.prod(head.shape[1:]) != one.size:
            return None
        if len(head.shape) not in (3, 4) or head.is_fortran or head.shape[0] > 4096:
            return None
        names = {item.name: index for index, item in enumerate(self.classes)}
        tables, problems = read_table(archive.text("segment_table"), head.shape[0], names)
        for sentence in problems:
            self.problems.once(file.name, sentence)
        return tables

    def close(self) -> None:
        """Close the archive that is open."""
        while self._open:
            self._open.popitem()[1].close()


def _files(source: Path) -> Iterator[Path]:
    """The archives in a folder and below, in a fixed order; a file itself."""
    if source.is_file():
        if source.suffix.lower() == ".npz":
            yield source
        return
    for place, folders, names in os.walk(source):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            if name.lower().endswith(".npz") and not name.startswith("."):
                yield Path(place) / name


def _strips(archive: NpzReader, one: Labelled, index: int) -> Iterator[tuple[int, int, npt.NDArray[Any]]]:
    """(z, y, (h, w) values) of one image's mask."""
    for z in range(one.depth):
        for y in range(0, one.height, TILE):
            rows = min(TILE, one.height - y)
            start = index * one.size + (z * one.height + y) * one.width
            yield z, y, archive.read(one.mask, start, rows * one.width).reshape(rows, one.width)


def _objects(ids: npt.NDArray[Any], y: int, z: int) -> Iterator[Piece]:
    """The objects of a strip of ids."""
    if ids.dtype.kind == "f":
        ids = np.where(np.isfinite(ids) & (np.abs(ids) < 2**53), ids, 0).astype(np.int64)
    for number, x, top, mask in parts_of(ids):
        yield FoundObject(x, y + top, mask, 0, z, key=number)
