"""Where made pyramids are kept between openings: the user's cache folder, within a budget, oldest out first."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING

from segstudio.core.cancel import NEVER, Cancel
from segstudio.io.readers.file_bytes import FileBytes
from segstudio.io.readers.pyramid import Pyramid, PyramidSink, PyramidTiles, build, load_tiles

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    import numpy as np
    import numpy.typing as npt

BUDGET_BYTES = 16 << 30
"""Of all pyramids together."""
SPARE_BYTES = 1 << 30
"""So much of the disk is left to others."""
_SUFFIX, _PART = ".pyramid", ".part"
_SAMPLE_BYTES = 1 << 16
_STALE_S = 24 * 3600.0


def cache_folder() -> Path:
    """The folder of the pyramids; ``SEGSTUDIO_CACHE_DIR`` names another one."""
    named = os.environ.get("SEGSTUDIO_CACHE_DIR")
    if named:
        return Path(named) / "pyramids"
    import platformdirs

    return Path(platformdirs.user_cache_dir("segstudio", appauthor=False)) / "pyramids"


def content_key(path: Path, z: int, sizes: tuple[tuple[int, int], ...]) -> str:
    """A name for the pyramid of plane *z* of a file: its size, time, and samples of its content; not its path."""
    status = path.stat()
    digest = hashlib.sha256(repr((status.st_size, status.st_mtime_ns, z, sizes)).encode())
    with path.open("rb") as stream:
        for offset in (0, status.st_size // 2, max(0, status.st_size - _SAMPLE_BYTES)):
            stream.seek(offset)
            digest.update(stream.read(_SAMPLE_BYTES))
    return digest.hexdigest()[:40]


def find_pyramid(key: str, sizes: tuple[tuple[int, int], ...], bands: int, dtype: str) -> Pyramid | None:
    """The kept pyramid, or None; a damaged one is thrown away."""
    file = cache_folder() / f"{key}{_SUFFIX}"
    try:
        tiles = load_tiles(file)
        if tiles is None or (tiles.sizes, tiles.bands, tiles.dtype) != (sizes, bands, dtype):
            file.unlink(missing_ok=True)
            return None
        with suppress(OSError):
            os.utime(file)
        return _opened(file, tiles)
    except OSError:
        return None
    except Exception:  # noqa: BLE001 - whatever is wrong with a cached file, it can be made anew
        with suppress(OSError):
            file.unlink(missing_ok=True)
        return None


def make_pyramid(
    key: str,
    rows: Iterable[npt.NDArray[np.generic]],
    width: int,
    tiles: PyramidTiles,
    report: Callable[[str], None],
    cancel: Cancel = NEVER,
) -> Pyramid:
    """Build a pyramid from *rows* and keep it; where the disk does not take it, it lives in memory.

    *report* gets a sentence in that case. Raises what *rows* raise, and Cancelled.
    """
    file, problem = _new_file(tiles)
    sink = PyramidSink(tiles, file)
    try:
        build(rows, width, tiles.sizes, sink, cancel)
    except BaseException:
        _discard(file)
        raise
    if sink.file is None:
        _discard(file)
        reason = problem or (sink.error.strerror if sink.error is not None else "") or "it can't be written"
        report(
            f"{cache_folder()}: the reduced picture of a large image is kept in memory only ({reason}). "
            "Make room there, and it opens at once the next time."
        )
        return Pyramid(tiles, lambda number, _: sink.kept[number], sink.kept.clear)
    return _kept(sink.file, key, tiles)


def _new_file(tiles: PyramidTiles) -> tuple[IO[bytes] | None, str]:
    """A file to write to, or None and why."""
    folder = cache_folder()
    width, height = tiles.sizes[0]
    item = {"uint8": 1, "uint16": 2, "int16": 2, "float64": 8}.get(tiles.dtype, 4)
    expected = width * height * tiles.bands * item * 4 // 3
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _shrink(folder, BUDGET_BYTES - expected)
        if shutil.disk_usage(folder).free < expected + SPARE_BYTES:
            return None, "the disk is nearly full"
        # Without a buffer: a full disk is noticed at the tile that does not fit.
        return tempfile.NamedTemporaryFile("w+b", buffering=0, dir=folder, suffix=_PART, delete=False), ""
    except OSError as error:
        return None, error.strerror or type(error).__name__


def _discard(file: IO[bytes] | None) -> None:
    if file is not None:
        with suppress(OSError):
            file.close()
        with suppress(OSError):
            os.unlink(file.name)


def _kept(file: IO[bytes], key: str, tiles: PyramidTiles) -> Pyramid:
    part = Path(file.name)
    place = part.with_name(f"{key}{_SUFFIX}")
    try:
        file.close()
        os.replace(part, place)
    except OSError:
        place = part
    return _opened(place, tiles)


def _opened(file: Path, tiles: PyramidTiles) -> Pyramid:
    source = FileBytes(file, is_watched=False)
    return Pyramid(tiles, lambda offset, count: source.read(offset, count), source.close)


def _shrink(folder: Path, budget_bytes: int) -> None:
    """Throw away the pyramids used longest ago until the rest fits, and what killed programs left."""
    kept = []
    for file in folder.iterdir():
        try:
            status = file.stat()
            if file.suffix == _PART and time.time() - status.st_mtime > _STALE_S:
                file.unlink()
            elif file.suffix == _SUFFIX:
                kept.append((status.st_mtime, status.st_size, file))
        except OSError:
            continue
    total = sum(size for _, size, _ in kept)
    for _, size, file in sorted(kept, key=lambda entry: entry[0]):
        if total <= budget_bytes:
            break
        with suppress(OSError):  # on Windows one that is open stays
            file.unlink()
            total -= size
