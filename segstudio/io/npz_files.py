"""NumPy's npz archives: written array by array in parts, read in parts, never with Python objects in them.

Specification: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
"""

from __future__ import annotations

import zipfile
import zlib
from contextlib import contextmanager
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.lib import format as npy

from segstudio.core.errors import UserError
from segstudio.io.atomic import disk_error, temp_sibling
from segstudio.io.readers.limits import MAX_DECODED_BYTES, RESTORE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    import numpy.typing as npt

_LEVEL = 1
_RATIO = 1100
_SUSPICIOUS_BYTES = 256 << 20
_MOST_ARRAYS = 4096
_BLOCK_BYTES = 16 << 20
_TEXT_BYTES = 256 << 20
_DATE = (1980, 1, 1, 0, 0, 0)


class NpzWriter:
    """Puts arrays into an archive one after the other; the same arrays give the same bytes."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive

    def array(self, name: str, dtype: npt.DTypeLike, shape: Sequence[int], parts: Iterable[npt.NDArray[Any]]) -> None:
        """Write an array of *shape* that comes in *parts*, in C order, one behind the other."""
        entry = zipfile.ZipInfo(f"{name}.npy", _DATE)
        entry.compress_type = zipfile.ZIP_DEFLATED
        entry.external_attr = 0o644 << 16
        entry._compresslevel = _LEVEL  # type: ignore[attr-defined]
        kind = np.dtype(dtype)
        head = {"descr": npy.dtype_to_descr(kind), "fortran_order": False, "shape": tuple(int(side) for side in shape)}
        written = 0
        with self._archive.open(entry, "w", force_zip64=True) as stream:
            npy.write_array_header_1_0(cast("Any", stream), head)
            for part in parts:
                values = np.ascontiguousarray(part, kind)
                written += values.size
                stream.write(values.reshape(-1).view(np.uint8).data)
        if written != prod(shape):
            raise ValueError(f"{written} values for an array of {shape}")

    def value(self, name: str, value: Any) -> None:
        """Write a small array, number or text."""
        array = np.asarray(value)
        self.array(name, array.dtype, array.shape, [np.atleast_1d(array)])


@contextmanager
def writing(file: Path) -> Iterator[NpzWriter]:
    """A writer of *file*, which is whole or not there; UserError when the disk refuses."""
    temp = temp_sibling(file)
    try:
        with zipfile.ZipFile(temp, "w", allowZip64=True) as archive:
            yield NpzWriter(archive)
        temp.replace(file)
    except OSError as error:
        raise disk_error(error, file) from error
    finally:
        temp.unlink(missing_ok=True)


@dataclass(frozen=True)
class ArrayHead:
    """What an array's header says."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    is_fortran: bool

    @property
    def nbytes(self) -> int:
        """Bytes of its values."""
        return prod(self.shape) * self.dtype.itemsize


class NpzReader:
    """An open archive; ``heads`` are the arrays that can be read, ``refused`` the names of those that cannot.

    Raises
    ------
    UserError
        From every method, when the file is missing, no archive, damaged or a bomb.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.heads: dict[str, ArrayHead] = {}
        self.refused: list[str] = []
        self._streams: dict[str, tuple[Any, int]] = {}
        self._turned: tuple[str, npt.NDArray[Any]] | None = None
        with self._said():
            self._size = path.stat().st_size
            self._archive = zipfile.ZipFile(path)
            try:
                for entry in self._archive.infolist()[:_MOST_ARRAYS]:
                    if entry.filename.endswith(".npy"):
                        self._look(entry)
            except BaseException:
                self._archive.close()
                raise

    @contextmanager
    def _said(self) -> Iterator[None]:
        """Errors as sentences."""
        try:
            yield
        except zipfile.BadZipFile as error:
            raise UserError("It is no npz archive, or is cut off", path=self.path, remedy=RESTORE) from error
        except (NotImplementedError, RuntimeError) as error:
            raise UserError("The archive is packed in an unknown way", path=self.path, remedy="save it anew") from error
        except OSError as error:
            why = error.strerror or str(error)
            raise UserError(f"The file cannot be read ({why})", path=self.path, remedy="check it") from error
        except (ValueError, EOFError, zlib.error, SyntaxError, TypeError, OverflowError) as error:
            raise UserError("An array in it does not hold together", path=self.path, remedy=RESTORE) from error

    def _look(self, entry: zipfile.ZipInfo) -> None:
        name = entry.filename.removesuffix(".npy")
        with self._archive.open(entry) as stream:
            try:
                head = _read_head(stream)
                start = stream.tell()
            except (ValueError, EOFError, zlib.error, SyntaxError, TypeError, OverflowError, RecursionError):
                self.refused.append(name)
                return
        is_bomb = entry.file_size > _SUSPICIOUS_BYTES and entry.file_size > _RATIO * self._size
        if head.dtype.hasobject or head.dtype.names or any(side < 0 for side in head.shape) or is_bomb:
            self.refused.append(name)
        elif start + head.nbytes > entry.file_size:
            self.refused.append(name)
        else:
            self.heads[name] = head

    def read(self, name: str, start: int, count: int) -> npt.NDArray[Any]:
        """(*count*,) values in C order from the *start*-th on; going on from the last ones read costs no more than they do."""
        head = self.heads[name]
        if head.is_fortran and len(head.shape) > 1:
            return self._in_order(name)[start : start + count]
        with self._said():
            if name not in self._streams:
                stream = self._archive.open(f"{name}.npy")
                _read_head(stream)
                self._streams[name] = (stream, stream.tell())
            stream, begin = self._streams[name]
            stream.seek(begin + start * head.dtype.itemsize)
            return np.frombuffer(_exactly(stream, count * head.dtype.itemsize), head.dtype)

    def _in_order(self, name: str) -> npt.NDArray[Any]:
        if self._turned is None or self._turned[0] != name:
            self._turned = (name, self.whole(name).reshape(-1))
        return self._turned[1]

    def close(self) -> None:
        """Let go of the file."""
        for stream, _ in self._streams.values():
            stream.close()
        self._streams.clear()
        self._turned = None
        self._archive.close()

    def __enter__(self) -> NpzReader:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def whole(self, name: str) -> npt.NDArray[Any]:
        """The array itself."""
        head = self.heads[name]
        if head.nbytes > MAX_DECODED_BYTES:
            raise UserError(
                f"The array {name[:60]} is too large for memory", path=self.path, remedy="cut it into several files"
            )
        with self._said(), self._archive.open(f"{name}.npy") as stream:
            _read_head(stream)
            values = np.frombuffer(_exactly(stream, head.nbytes), head.dtype)
            return values.reshape(head.shape, order="F" if head.is_fortran else "C")

    def text(self, name: str) -> str:
        """The text of an array that holds one; "" where there is none."""
        head = self.heads.get(name)
        if head is None or head.dtype.kind not in "US" or prod(head.shape) != 1 or head.nbytes > _TEXT_BYTES:
            return ""
        value = self.whole(name).reshape(-1)[0]
        return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)

    def texts(self, name: str) -> list[str]:
        """The texts of an array of texts; [] where there is none."""
        head = self.heads.get(name)
        if head is None or head.dtype.kind not in "US" or head.nbytes > _TEXT_BYTES:
            return []
        return [str(np.asarray(value).astype(str)) for value in self.whole(name).reshape(-1)]


def _read_head(stream: Any) -> ArrayHead:
    version = npy.read_magic(stream)
    read: Callable[[Any], Any] | None = {
        (1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0,
    }.get(version)  # fmt: skip
    if read is None:
        raise ValueError("an unknown version")
    shape, is_fortran, dtype = read(stream)
    return ArrayHead(tuple(int(side) for side in shape), dtype, bool(is_fortran))


def _exactly(stream: Any, count: int) -> bytes:
    parts = []
    while count > 0:
        part = stream.read(min(count, _BLOCK_BYTES))
        if not part:
            raise EOFError
        parts.append(part)
        count -= len(part)
    return b"".join(parts)
