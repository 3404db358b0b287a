"""Rows of Parquet files, read one after the other: of a row group only a few rows are in memory at a time."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from segstudio.core.errors import UserError
from segstudio.io.readers.extras import needs
from segstudio.io.readers.limits import RESTORE

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

BATCH_ROWS = 4
_GROUP_BYTES = 16 << 30
_STRING_BYTES, _CONTAINER = 256 << 20, 10_000_000


@contextmanager
def said(path: Path) -> Iterator[None]:
    """What pyarrow raises, as sentences."""
    try:
        yield
    except UserError:
        raise
    except MemoryError as error:
        raise UserError("There is not enough memory to read the file", path=path, remedy="cut it up") from error
    except Exception as error:  # noqa: BLE001 - pyarrow raises its own and built-in errors of many kinds
        raise UserError("The Parquet file is damaged or incomplete", path=path, remedy=RESTORE) from error


@dataclass(frozen=True)
class RowPlace:
    """Where a row is: the file's row group, and its number in it."""

    group: int
    row: int


class RowReader:
    """Reads rows of some columns; going on to the next row costs that row only, going back its row group anew.

    Raises
    ------
    UserError
        From every method, when the file is missing or damaged.
    """

    def __init__(self, path: Path) -> None:
        parquet = needs("pyarrow.parquet", "Parquet files", "parquet", path)
        self.path = path
        with said(path):
            self._file = parquet.ParquetFile(
                path,
                pre_buffer=False,
                thrift_string_size_limit=_STRING_BYTES,
                thrift_container_size_limit=_CONTAINER,
            )
            self.schema: Any = self._file.schema_arrow
            self._counts = [self._file.metadata.row_group(group).num_rows for group in range(self._file.num_row_groups)]
        self._cursors: dict[tuple[str, ...], _Cursor] = {}

    def __len__(self) -> int:
        return sum(self._counts)

    def places(self) -> Iterator[RowPlace]:
        """All rows."""
        for group, count in enumerate(self._counts):
            for row in range(count):
                yield RowPlace(group, row)

    def may_be_null(self, group: int, column: str) -> bool:
        """Whether a row group may lack a value of a column ("image.bytes"): False only where its statistics say so."""
        with said(self.path):
            row_group = self._file.metadata.row_group(group)
            for index in range(row_group.num_columns):
                chunk = row_group.column(index)
                if chunk.path_in_schema == column:
                    told = chunk.statistics
                    return told is None or not told.has_null_count or told.null_count > 0
        return True

    def row(self, place: RowPlace, columns: Sequence[str]) -> dict[str, Any]:
        """The values of *columns* ("image.path" of a part of one) in a row, nested as in Python."""
        key = tuple(columns)
        with said(self.path):
            cursor = self._cursors.get(key)
            if cursor is None or cursor.group != place.group or cursor.next_row > place.row:
                cursor = self._cursors[key] = _Cursor(self._file, place.group, list(key))
            return cursor.take(place.row)

    def close(self) -> None:
        """Let go of the file."""
        self._cursors.clear()
        self._file.close()


class _Cursor:
    """Goes through the rows of one row group."""

    def __init__(self, file: Any, group: int, columns: list[str]) -> None:
        if file.metadata.row_group(group).total_byte_size > _GROUP_BYTES:
            raise ValueError("a row group that no memory holds")
        self.group = group
        self.next_row = 0
        self._batches = file.iter_batches(BATCH_ROWS, row_groups=[group], columns=columns, use_threads=False)
        self._held: Any = None
        self._first = 0

    def take(self, row: int) -> dict[str, Any]:
        """The row; rows before it are passed over."""
        while self._held is None or row >= self._first + self._held.num_rows:
            if self._held is not None:
                self._first += self._held.num_rows
            self._held = next(self._batches)
        self.next_row = self._first
        found: dict[str, Any] = self._held.slice(row - self._first, 1).to_pylist()[0]
        return found
