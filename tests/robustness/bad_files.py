"""Every kind of bad image and weights file that the tests of bad input use, and small or read-only disks."""

from __future__ import annotations

import os
import pickle
import struct
import subprocess
import zlib
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from PIL import Image


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png_claiming(width: int, height: int, data: bytes = b"") -> bytes:
    """A PNG of a few bytes that claims any size."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", zlib.compress(data)) + _chunk(b"IEND", b"")


def good_picture(path: Path) -> bytes:
    values = np.random.default_rng(1).integers(0, 256, (64, 64, 3)).astype(np.uint8)
    Image.fromarray(values).save(path)
    return path.read_bytes()


def _truncated(path: Path) -> None:
    whole = good_picture(path)
    path.write_bytes(whole[: len(whole) // 2])


BAD_IMAGES = {
    "missing.png": lambda path: None,
    "empty.png": lambda path: path.touch(),
    "header-cut.png": lambda path: path.write_bytes(png_claiming(64, 64)[:20]),
    "nought.png": lambda path: path.write_bytes(png_claiming(0, 0)),
    "bomb.png": lambda path: path.write_bytes(png_claiming(60_000, 60_000, bytes(10_000))),
    "letter.png": lambda path: path.write_text("Dear reader, this is no image. " * 20),
    "program.jpg": lambda path: path.write_bytes(b"\x7fELF" + bytes(4000)),
}
"""Name → how to make it; a header tells that each is bad."""
CUT_IMAGES = {"cut.png": _truncated, "cut.jpg": _truncated, "cut.tif": _truncated, "cut.bmp": _truncated}
"""The header is good, the pixels are not all there."""


class Evil:
    """Its pickle makes a folder where it is loaded."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self):
        return (os.mkdir, (str(self.target),))


def pickle_with_code(path: Path, target: Path) -> Path:
    path.write_bytes(pickle.dumps(Evil(target)))
    return path


@contextmanager
def small_disk(folder: Path, megabytes: int):
    """A file system of a few megabytes at *folder*; skips where none can be mounted."""
    if os.name == "nt" or os.geteuid() != 0:
        pytest.skip("mounting a small disk needs root")
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(folder)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("a small disk cannot be mounted here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


@contextmanager
def read_only(folder: Path):
    """The file system at *folder* made read-only for a while."""
    done = subprocess.run(["mount", "-o", "remount,ro", str(folder)], capture_output=True, check=False)
    if done.returncode:
        pytest.skip("the disk cannot be made read-only here")
    try:
        yield
    finally:
        subprocess.run(["mount", "-o", "remount,rw", str(folder)], check=True)


@contextmanager
def filled(folder: Path, *, left_bytes: int = 0):
    """The disk at *folder* filled up to *left_bytes*, freed afterwards."""
    filler = folder / "filler"
    with filler.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError:
            pass
    if left_bytes:
        os.truncate(filler, filler.stat().st_size - left_bytes)
    try:
        yield
    finally:
        filler.unlink()
