"""Reading Parquet datasets of the Hugging Face hub: a column of pictures and one of masks, ours with objects besides."""

from __future__ import annotations

import json
import os
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from segstudio.core.cancel import Cancel, check
from segstudio.core.errors import UserError
from segstudio.core.layer_builder import ClassPixels, FoundObject
from segstudio.io.atomic import write_bytes_atomic
from segstudio.io.datasets import SPLIT_FOLDERS
from segstudio.io.formats.base import FoundClass, FoundImage
from segstudio.io.formats.class_lists import ClassList, read_class_list, rows_of
from segstudio.io.formats.id_planes import parts_of
from segstudio.io.formats.legend import Legend
from segstudio.io.formats.parquet import KEY
from segstudio.io.formats.parquet_columns import Columns, category_names, find_columns
from segstudio.io.formats.parquet_pictures import MaskPicture, mask_of, suffix_of
from segstudio.io.formats.parquet_rows import RowPlace, RowReader
from segstudio.io.formats.pixels import free_stem
from segstudio.io.formats.problems import ProblemList
from segstudio.io.formats.safety import Limits, file_name, find_image, is_link_out
from segstudio.io.formats.value_map import classes_of_values

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import numpy.typing as npt

    from segstudio.core.layer_builder import Piece
    from segstudio.io.formats.problems import Note

_NO_IMAGE = "There is no picture in its row"


class ParquetImporter:
    """Reads a folder of shards or one file. Names of files tell the splits, lists beside them or in them the classes."""

    def __init__(self, source: Path, options: Mapping[str, Any], limits: Limits) -> None:
        self.problems: ProblemList = ProblemList()
        self._source = source
        self._root = source if source.is_dir() else source.parent
        self._limits = limits
        self._open: tuple[Path, RowReader] | None = None

    @staticmethod
    def looks_like(source: Path) -> int:
        """Whether the first file has a column of masks."""
        file = next(iter(_files(source)), None)
        if file is None:
            return 0
        reader = RowReader(file)
        try:
            found = find_columns(reader.schema)
        finally:
            reader.close()
        return 0 if found is None else 90 if found.image else 60

    def _reader(self, file: Path) -> RowReader:
        """The file's reader; the one before it is closed."""
        if self._open is None or self._open[0] != file:
            self.close()
            self._open = (file, RowReader(file))
        return self._open[1]

    def _tables(self) -> Iterator[tuple[Path, Columns]]:
        """The files that hold masks; the others are problems."""
        for file in _files(self._source):
            if is_link_out(file, self._root):
                self.problems.once(file.name, "The link leads out of the dataset: it is not followed")
                continue
            try:
                columns = find_columns(self._reader(file).schema)
            except UserError as error:
                self.problems.once(file.name, error.message)
                continue
            if columns is None:
                self.problems.once(file.name, "No column of it holds masks")
                continue
            yield file, columns

    @cached_property
    def _list(self) -> ClassList:
        found = self._own_list() or read_class_list(self._root, self._limits) or self._of_values()
        for problem in found.problems:
            self.problems.once(problem.where, problem.sentence, problem.count)
        return found

    def _own_list(self) -> ClassList | None:
        for file, _ in self._tables():
            told = (self._reader(file).schema.metadata or {}).get(KEY)
            try:
                return rows_of(json.loads(told), file.name) if told else None
            except (ValueError, RecursionError):
                return None
        return None

    def _of_values(self) -> ClassList:
        values: set[int] = set()
        for file, columns in self._tables():
            reader = self._reader(file)
            for place in reader.places():
                try:
                    mask = self._mask(file, columns, place)
                    if not mask.is_color:
                        for strip in mask.indices():
                            values |= set(np.flatnonzero(np.bincount(strip.ravel())).tolist())
                except (UserError, LookupError):
                    continue
        ignored = {255 if max(values, default=0) <= 255 else 65535}
        return ClassList(classes_of_values(values, ignored), ignored)

    @property
    def classes(self) -> Sequence[FoundClass]:
        """Those the files or the folder tell, or one for each value (that reads all the masks)."""
        return self._list.classes

    @cached_property
    def _legend(self) -> Legend:
        owned = {item.value for item in self.classes}
        ignored = self._list.ignored or {255, 65535}
        return Legend(tuple(self.classes), frozenset(ignored - owned), frozenset({0}))

    def images(self) -> Iterator[FoundImage]:
        """Each row that has a mask."""
        self._list  # noqa: B018 - its problems come first
        taken: set[str] = set()
        for file, columns in self._tables():
            split = _split_of(file, self._root)
            without = 0
            for number, place in enumerate(self._reader(file).places()):
                try:
                    found = self._found(file, columns, place, number, split, taken)
                except UserError as error:
                    self.problems.once(file.name, error.message)
                    break
                without += found is None
                if found is not None:
                    yield found
            if without:
                self.problems.once(file.name, "Rows without a mask do not come", without)

    def _found(
        self, file: Path, columns: Columns, place: RowPlace, number: int, split: str | None, taken: set[str]
    ) -> FoundImage | None:
        width = height = 0
        try:
            mask = self._mask(file, columns, place)
            width, height = mask.width, mask.height
        except LookupError:
            return None
        except UserError as error:
            self.problems.once(f"{file.name} row {number + 1}", error.message)
        name, image, is_inside = self._image(file, columns, place, number, taken)
        save = partial(self._save, file, columns, place) if is_inside else None
        pieces = partial(self._pieces, file, columns, place, number)
        reason = "" if image or is_inside else _NO_IMAGE
        return FoundImage(name, image, width, height, pieces, 1, split, save_image=save, reason=reason)

    def _image(
        self, file: Path, columns: Columns, place: RowPlace, number: int, taken: set[str]
    ) -> tuple[str, Path | None, bool]:
        """(name, file outside the table, whether the picture is in the table)."""
        reader = self._reader(file)
        named, outside = "", None
        is_inside = bool(columns.image)
        if columns.name:
            named = str(reader.row(place, (columns.name,))[columns.name] or "")
        elif columns.image and columns.image_is_picture and "path" in _parts(reader, columns.image):
            part = reader.row(place, (f"{columns.image}.path",))[columns.image]
            named = str((part or {}).get("path") or "")
        known = "." + named.rsplit(".", 1)[-1].lower() if "." in named else ""
        if known not in (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".webp", ".gif") or (
            is_inside and self._may_be_empty(file, columns, place)
        ):
            data = self._bytes(file, columns.image, place) if is_inside else b""
            is_inside = bool(data)
            known = suffix_of(data) or known
        if named and columns.image and columns.image_is_picture and not is_inside:
            outside = find_image(named, (self._root, file.parent))
        bare = file_name(named)
        stem = (bare.rsplit(".", 1)[0] if "." in bare else bare) or f"{file.stem}_{number:05d}"
        return free_stem(stem, taken) + (known or ".png"), outside, is_inside

    def _may_be_empty(self, file: Path, columns: Columns, place: RowPlace) -> bool:
        """Whether a row may have no picture, so that it must be looked at; ours always have one."""
        reader = self._reader(file)
        path = f"{columns.image}.bytes" if columns.image_is_picture else columns.image
        return KEY not in (reader.schema.metadata or {}) and reader.may_be_null(place.group, path)

    def _bytes(self, file: Path, column: str, place: RowPlace) -> bytes:
        value = self._reader(file).row(place, (column,))[column]
        if isinstance(value, dict):
            value = value.get("bytes")
        return value if isinstance(value, bytes) else b""

    def _save(self, file: Path, columns: Columns, place: RowPlace, path: Path) -> None:
        """Write the picture as it is."""
        data = self._bytes(file, columns.image, place)
        if not data:
            raise UserError(_NO_IMAGE, path=file, remedy="get the file again from where it came from")
        write_bytes_atomic(path, data)

    def _mask(self, file: Path, columns: Columns, place: RowPlace, column: str = "") -> MaskPicture:
        """The mask of a row; LookupError where the row has none, UserError where it is damaged."""
        column = column or columns.mask
        value = self._reader(file).row(place, (column,))[column]
        if isinstance(value, dict) and not value.get("bytes") and value.get("path"):
            outside = find_image(str(value["path"]), (self._root, file.parent))
            if outside is None:
                raise UserError(
                    f"The mask {file_name(str(value['path']))!r} is missing", path=file, remedy="put it back"
                )
            value = outside.read_bytes()
        return mask_of(file, value)

    def _pieces(self, file: Path, columns: Columns, place: RowPlace, number: int, cancel: Cancel) -> Iterator[Piece]:
        try:
            mask = self._mask(file, columns, place)
        except LookupError:
            return
        with self.problems.of(f"{file.name} row {number + 1}") as note:
            values = np.concatenate([*self._legend.codes(mask, note, cancel)])
            check(cancel)
            objects: list[FoundObject] = []
            if columns.instances:
                values, objects = self._objects(file, columns, place, values, note)
            yield ClassPixels(0, 0, values)
            yield from objects

    def _objects(
        self, file: Path, columns: Columns, place: RowPlace, values: npt.NDArray[np.uint16], note: Note
    ) -> tuple[npt.NDArray[np.uint16], list[FoundObject]]:
        """(what of the mask is no object, the objects of a row)."""
        try:
            picture = self._mask(file, columns, place, columns.instances)
        except LookupError:
            return values, []
        if picture.is_color or (picture.height, picture.width) != values.shape:
            note("The picture of its objects is of another size or kind than its mask: the objects are left out")
            return values, []
        ids = np.concatenate([*picture.indices()])
        classes = self._object_classes(file, columns, place)
        found, rest = [], values.copy()
        for number, x, y, mask in parts_of(ids):
            part = values[y : y + mask.shape[0], x : x + mask.shape[1]]
            index = classes.get(number, -1)
            if index < 0:
                counts = np.bincount(part[mask & (part > 0) & (part <= len(self.classes))], minlength=1)
                index = int(np.argmax(counts)) - 1
            if index < 0:
                note("An object of no class is left out")
                continue
            rest[y : y + mask.shape[0], x : x + mask.shape[1]][mask] = 0
            found.append(FoundObject(x, y, mask, index))
        return rest, found

    def _object_classes(self, file: Path, columns: Columns, place: RowPlace) -> dict[int, int]:
        """Object number → index of its class, as far as the row tells."""
        if not columns.objects:
            return {}
        reader = self._reader(file)
        index_of = {item.name: index for index, item in enumerate(self.classes)}
        names = [index_of.get(name, -1) for name in category_names(reader.schema)]
        rows = reader.row(place, (columns.objects,))[columns.objects] or []
        found: dict[int, int] = {}
        for row in rows:
            number, category = (row or {}).get("id"), (row or {}).get("category")
            if isinstance(number, int) and isinstance(category, int) and 0 <= category < len(names):
                found[number] = names[category]
        return found

    def close(self) -> None:
        """Close the file that is open."""
        if self._open is not None:
            self._open[1].close()
            self._open = None


def _parts(reader: RowReader, column: str) -> set[str]:
    kind = reader.schema.field(column).type
    return {kind.field(index).name for index in range(kind.num_fields)}


def _files(source: Path) -> Iterator[Path]:
    if source.is_file():
        if source.suffix.lower() == ".parquet":
            yield source
        return
    for place, folders, names in os.walk(source):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            if name.lower().endswith(".parquet") and not name.startswith("."):
                yield Path(place) / name


def _split_of(file: Path, root: Path) -> str | None:
    """The split by the file's name ("train-00000-of-00001") or its folder's."""
    word = file.stem.replace("_", "-").split("-")[0].lower()
    if word in SPLIT_FOLDERS:
        return SPLIT_FOLDERS[word]
    return SPLIT_FOLDERS.get(file.parent.name.lower()) if file.parent != root else None
