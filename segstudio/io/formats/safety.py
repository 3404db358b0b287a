"""What keeps a hostile or broken dataset from leaving its folder, taking all memory, or bringing numbers that are none."""

from __future__ import annotations

import json
import math
import os
import re
import stat
import tempfile
import zipfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import numpy as np

from segstudio.core.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import numpy.typing as npt

RESTORE = "get the file again from where it came from"
_STRING = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"')
_DRIVE = re.compile(r"^[A-Za-z]:")


@dataclass(frozen=True)
class Limits:
    """What a dataset may be: bytes of one index file, files and bytes of an archive, nesting, vertices, images."""

    index_bytes: int = 4 << 30
    archive_files: int = 2_000_000
    archive_bytes: int = 1 << 40
    archive_ratio: int = 1000
    depth: int = 100
    vertices: int = 2_000_000
    """Of one polygon; more is no outline a program made."""


def file_name(text: str) -> str:
    """The last part of a path as any system writes it (either slash, a drive letter); "" where there is none."""
    name = str(text).replace("\\", "/").rstrip("/").rsplit("/", 1)[-1]
    return "" if name in (".", "..") else _DRIVE.sub("", name).replace("\0", "")


def inside(folder: Path, relative: str) -> Path:
    """The file that a dataset names, in *folder*.

    Raises
    ------
    UserError
        When the name is absolute, has a drive, climbs out by ``..``, or a link leads out.
    """
    text = str(relative).replace("\\", "/")
    parts = PurePosixPath(text).parts
    if not parts or text.startswith("/") or _DRIVE.match(text) or ".." in parts or "\0" in text:
        raise UserError(f"The file name {str(relative)[:200]!r} leads out of the dataset", path=folder, remedy=RESTORE)
    path = folder.joinpath(*parts)
    root = folder.resolve()
    if not path.resolve().is_relative_to(root):
        raise UserError(f"The link {str(relative)[:200]!r} leads out of the dataset", path=folder, remedy=RESTORE)
    return path


def find_image(named: str, folders: Iterable[Path]) -> Path | None:
    """The image that a dataset names: at its relative place in one of *folders*, else by its bare name there; None = missing.

    Absolute and Windows paths of another machine are looked for by their bare name only, and nothing outside is opened.
    """
    bare = file_name(named)
    for folder in folders:
        for candidate in (named, bare):
            try:
                path = inside(folder, candidate)
            except UserError:
                continue
            if bare and path.is_file():
                return path
    return None


def read_text(path: Path, limits: Limits) -> str:
    """A text file of any usual encoding (UTF-8 with or without BOM, UTF-16 with one, else Latin-1), with plain newlines."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise UserError("It is no file", path=path, remedy="choose a file")
        size = path.stat().st_size
        if size > limits.index_bytes:
            raise UserError(f"The file is too large ({size:,} bytes)", path=path, remedy="split the dataset")
        data = path.read_bytes()
    except OSError as error:
        raise UserError(f"The file cannot be read ({error.strerror or error})", path=path, remedy="check it") from error
    for encoding in ("utf-16",) if data[:2] in (b"\xff\xfe", b"\xfe\xff") else ("utf-8-sig", "latin-1"):
        try:
            return data.decode(encoding).replace("\r\n", "\n").replace("\r", "\n")
        except UnicodeDecodeError:
            continue
    raise UserError("The text has no encoding that is known", path=path, remedy="save it as UTF-8")


def read_json(path: Path, limits: Limits) -> Any:
    """A JSON document whose numbers are all finite and whose nesting is sane.

    Raises
    ------
    UserError
        When it is damaged, too large, too deep, or holds NaN or Infinity.
    """
    text = read_text(path, limits)
    try:
        document = json.loads(text, parse_constant=_refuse_constant)
    except RecursionError as error:
        raise UserError("The file is nested too deeply", path=path, remedy=RESTORE) from error
    except ValueError as error:
        raise UserError(f"The file is no JSON that can be read ({error})", path=path, remedy=RESTORE) from error
    if _depth_over(text, limits.depth):
        raise UserError("The file is nested too deeply", path=path, remedy=RESTORE)
    return document


def _refuse_constant(text: str) -> Any:
    raise ValueError(f"{text} is no number of JSON")


def _depth_over(text: str, most: int) -> bool:
    """Whether the brackets of a JSON text that was read without an error go deeper."""
    bare = _STRING.sub("", text)
    level = 0
    for start in range(0, len(bare), 1 << 20):
        codes = np.frombuffer(bare[start : start + (1 << 20)].encode("latin-1", "replace"), np.uint8)
        opens, closes = (codes == 0x5B) | (codes == 0x7B), (codes == 0x5D) | (codes == 0x7D)
        levels = level + np.cumsum(opens.astype(np.int8) - closes.astype(np.int8), dtype=np.int64)
        if int(levels.max()) > most:
            return True
        level = int(levels[-1])
    return False


def read_xml(path: Path, limits: Limits) -> Any:
    """The root element of an XML file, read by defusedxml: no entities, no external files.

    Raises
    ------
    UserError
        When it is damaged, too large, or uses what could read other files or fill the memory.
    """
    from xml.etree.ElementTree import ParseError

    import defusedxml.ElementTree as Tree
    from defusedxml.common import DefusedXmlException

    try:
        if path.stat().st_size > limits.index_bytes:
            raise UserError("The file is too large", path=path, remedy="split the dataset")
        return Tree.parse(path, forbid_dtd=True).getroot()
    except DefusedXmlException as error:
        raise UserError("The XML file holds entities, which are not read", path=path, remedy=RESTORE) from error
    except (ParseError, LookupError, ValueError) as error:
        raise UserError(f"The file is no XML that can be read ({error})", path=path, remedy=RESTORE) from error
    except OSError as error:
        raise UserError(f"The file cannot be read ({error.strerror or error})", path=path, remedy="check it") from error


def points(values: Any, limits: Limits | None = None) -> npt.NDArray[np.float64]:
    """(n, 2) x, y from a flat list, or a list of pairs.

    Raises
    ------
    ValueError
        For fewer than three points, an odd count, too many, or what is no place in an image; the text says which.
    """
    limits = limits or Limits()
    try:
        if len(values) > 2 * limits.vertices:
            raise ValueError(f"a polygon of more than {limits.vertices:,} points")
        array = np.asarray(values, np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        raise ValueError(str(error) if "polygon" in str(error) else "a polygon that is no list of numbers") from error
    if array.ndim == 2 and array.shape[1] == 2:
        array = array.ravel()
    if array.ndim != 1 or array.size % 2:
        raise ValueError("a polygon with an x that has no y")
    if array.size < 6:
        raise ValueError("a polygon of fewer than three points")
    if array.size > 2 * limits.vertices:
        raise ValueError(f"a polygon of more than {limits.vertices:,} points")
    if not np.isfinite(array).all() or float(np.abs(array).max()) > 1e7:
        raise ValueError("a polygon with a point that is no place in an image")
    return array.reshape(-1, 2)


def whole_number(value: Any, low: int = 0, high: int = 2**31 - 1) -> int:
    """An integer in [low, high] from what a file holds (1, 1.0, "1").

    Raises
    ------
    ValueError
        For anything else; the text says what it was.
    """
    try:
        number = float(value)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{str(value)[:40]!r} is no number") from error
    if not math.isfinite(number) or number != int(number) or not low <= number <= high:
        raise ValueError(f"{str(value)[:40]!r} is not a whole number from {low} to {high}")
    return int(number)


@contextmanager
def unpacked(source: Path, limits: Limits) -> Iterator[Path]:
    """*source* itself; of a .zip, a folder with what it holds, removed afterwards.

    Raises
    ------
    UserError
        When the archive is damaged, names files outside of it or links, or is a bomb.
    """
    if not (source.is_file() and source.suffix.lower() == ".zip"):
        yield source
        return
    with tempfile.TemporaryDirectory(prefix="segstudio-import-", ignore_cleanup_errors=True) as scratch:
        folder = Path(scratch)
        try:
            with zipfile.ZipFile(source) as archive:
                _check_archive(archive, source, limits)
                for entry in archive.infolist():
                    target = inside(folder, entry.filename)
                    if entry.is_dir():
                        target.mkdir(parents=True, exist_ok=True)
                        continue
                    target.parent.mkdir(parents=True, exist_ok=True)
                    with archive.open(entry) as read, target.open("wb") as write:
                        _copy(read, write, entry.file_size, source)
        except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError) as error:
            raise UserError(f"The archive cannot be unpacked ({error})", path=source, remedy=RESTORE) from error
        except OSError as error:
            why = error.strerror or str(error)
            raise UserError(f"The archive cannot be unpacked ({why})", path=source, remedy="free some space") from error
        found = [path for path in folder.iterdir() if path.name != "__MACOSX"]
        yield found[0] if len(found) == 1 and found[0].is_dir() else folder


def _check_archive(archive: zipfile.ZipFile, source: Path, limits: Limits) -> None:
    entries = archive.infolist()
    size = sum(entry.file_size for entry in entries)
    packed = max(1, source.stat().st_size)
    is_bomb = size > 256 << 20 and size > limits.archive_ratio * packed
    if len(entries) > limits.archive_files or size > limits.archive_bytes or is_bomb:
        raise UserError(f"The archive claims {len(entries):,} files of {size:,} bytes", path=source, remedy=RESTORE)
    for entry in entries:
        if stat.S_ISLNK(entry.external_attr >> 16):
            raise UserError(f"The archive holds a link ({entry.filename[:200]})", path=source, remedy=RESTORE)


def _copy(read: Any, write: Any, size: int, source: Path) -> None:
    left = size
    while chunk := read.read(1 << 20):
        left -= len(chunk)
        if left < 0:
            raise UserError("The archive holds more than it says", path=source, remedy=RESTORE)
        write.write(chunk)


def is_link_out(path: Path, folder: Path) -> bool:
    """Whether *path*, found by listing *folder*, really lies elsewhere."""
    return os.path.islink(path) and not path.resolve().is_relative_to(folder.resolve())
