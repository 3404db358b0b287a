"""One large JSON document read element by element: nothing of it is held but the element at hand."""

from __future__ import annotations

import json
import tempfile
from threading import Lock
from typing import TYPE_CHECKING, Any, BinaryIO

from segstudio.core.errors import UserError
from segstudio.io.formats.safety import RESTORE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from segstudio.io.formats.safety import Limits

CHUNK = 1 << 22
_SPACE = " \t\n\r"
_BOM = b"\xef\xbb\xbf"
_LONGEST_TOKEN = 16


def _refuse(name: str) -> Any:
    raise ValueError(f"{name} is no number of JSON")


_DECODER = json.JSONDecoder(parse_constant=_refuse)


class JsonStream:
    """Reads a JSON file whose document is one object (or one array) of long arrays.

    :meth:`elements` gives every element of every array in the top object, with the place of its bytes in the file, so that
    :meth:`element` can read it again later. Scalars and objects directly in the top object come too, as elements of their key.
    One stream may be used from several threads. Close it when it is done with; one that is closed opens the file again when it
    is asked.
    """

    def __init__(self, path: Path, limits: Limits) -> None:
        self.path = path
        self._limits = limits
        self._lock = Lock()
        self._is_copy = False
        self.lists: set[str] = set()
        try:
            if not path.is_file():
                raise UserError("It is no file", path=path, remedy="choose a file")
            size = path.stat().st_size
            if size > limits.index_bytes:
                raise UserError(f"The file is too large ({size:,} bytes)", path=path, remedy="split the dataset")
            self._file: BinaryIO = path.open("rb")
            head = self._file.read(3)
            self._begin = 3 if head == _BOM else 0
            if head[:2] in (b"\xff\xfe", b"\xfe\xff"):
                self._transcode()
        except OSError as error:
            raise UserError(
                f"The file cannot be read ({error.strerror or error})", path=path, remedy="check it"
            ) from error

    def _transcode(self) -> None:
        """UTF-16 has no bytes to point at: read a copy in UTF-8."""
        self._is_copy = True
        self._file.close()
        self._file = tempfile.TemporaryFile(prefix="segstudio-import-")  # noqa: SIM115 - closed in close()
        try:
            with self.path.open(encoding="utf-16") as read:
                while text := read.read(CHUNK):
                    self._file.write(text.encode())
        except UnicodeError as error:
            self._file.close()
            raise self._damaged(error) from error

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            self._file.close()

    def _read(self, offset: int, size: int) -> bytes:
        with self._lock:
            if self._file.closed:
                if self._is_copy:
                    self._transcode()
                else:
                    self._file = self.path.open("rb")
            self._file.seek(offset)
            return self._file.read(size)

    def element(self, offset: int, size: int) -> Any:
        """The element at a place that :meth:`elements` gave, its texts as they are meant.

        Raises
        ------
        UserError
            When the file changed meanwhile.
        """
        try:
            data = self._read(offset, size)
            try:
                return _DECODER.decode(data.decode("utf-8"))
            except UnicodeDecodeError:
                return _DECODER.decode(data.decode("latin-1"))
        except (ValueError, RecursionError, OSError) as error:
            raise self._damaged(error) from error

    def elements(self) -> Iterator[tuple[str, int, int, Any]]:
        """(key, offset, bytes, element) in the order of the file; the key is "" where the document is an array.

        Texts of elements are not decoded here (each character is a byte); :meth:`element` does that. An empty array comes as
        nothing but its name in ``lists``.

        Raises
        ------
        UserError
            When the document is damaged, too deep, or neither an object nor an array.
        """
        scan = _Scan(self._read, self._begin)
        try:
            opening = scan.take()
            if opening == "[":
                yield from self._array(scan, "")
            elif opening == "{":
                yield from self._object(scan)
            else:
                raise ValueError("it is neither an object nor a list")
            if scan.peek():
                raise ValueError("there is more after its end")
        except RecursionError as error:
            raise UserError("The file is nested too deeply", path=self.path, remedy=RESTORE) from error
        except (ValueError, OSError) as error:
            raise self._damaged(error) from error

    def _object(self, scan: _Scan) -> Iterator[tuple[str, int, int, Any]]:
        if scan.peek() == "}":
            scan.take()
            return
        while True:
            key = scan.value()[2]
            if not isinstance(key, str) or scan.take() != ":":
                raise ValueError("a key is no text")
            if scan.peek() == "[":
                scan.take()
                self.lists.add(key)
                yield from self._array(scan, key)
            else:
                yield (key, *scan.value())
            follows = scan.take()
            if follows == "}":
                return
            if follows != ",":
                raise ValueError("a comma is missing")

    @staticmethod
    def _array(scan: _Scan, key: str) -> Iterator[tuple[str, int, int, Any]]:
        if scan.peek() == "]":
            scan.take()
            return
        while True:
            yield (key, *scan.value())
            follows = scan.take()
            if follows == "]":
                return
            if follows != ",":
                raise ValueError("a comma is missing")

    def _damaged(self, error: Exception) -> UserError:
        return UserError(f"The file is no JSON that can be read ({str(error)[:200]})", path=self.path, remedy=RESTORE)


class _Scan:
    """A window of text on a file; a character is a byte, so that places in it are places in the file."""

    def __init__(self, read: Callable[[int, int], bytes], begin: int) -> None:
        self._read = read
        self._text = ""
        self._at = 0
        self._offset = begin  # of the window in the file
        self._is_whole = False

    def _more(self) -> bool:
        """Drop what was read, read on; whether there was more. An element larger than a chunk doubles what is read."""
        if self._is_whole:
            return False
        kept = self._text[self._at :]
        end = self._offset + len(self._text)
        self._offset += self._at
        data = self._read(end, max(CHUNK, len(kept)))
        self._is_whole = not data
        self._text, self._at = kept + data.decode("latin-1"), 0
        return bool(data)

    def peek(self) -> str:
        """The next character that is no space; "" at the end."""
        while True:
            text, at = self._text, self._at
            while at < len(text) and text[at] in _SPACE:
                at += 1
            self._at = at
            if at < len(text):
                return text[at]
            if not self._more():
                return ""

    def take(self) -> str:
        """As :meth:`peek`, and go past it."""
        character = self.peek()
        self._at += 1
        return character

    def value(self) -> tuple[int, int, Any]:
        """(offset, bytes, value) of the value that comes next."""
        self.peek()
        while True:
            try:
                value, end = _DECODER.raw_decode(self._text, self._at)
            except json.JSONDecodeError as error:
                # Cut off by the window's end, or damaged. A text that is cut off is told of at its beginning.
                is_cut = error.pos >= len(self._text) - _LONGEST_TOKEN or error.msg.startswith("Unterminated")
                if is_cut and self._more():
                    continue
                raise
            # A number that touches the end of the window may go on behind it.
            if end == len(self._text) and self._more():
                continue
            begin = self._at
            self._at = end
            return self._offset + begin, end - begin, value
