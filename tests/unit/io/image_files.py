"""Small image files of every kind that tests need, and projects with labels on them."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
from PIL import Image

from segstudio.core.classes import ClassTable
from segstudio.core.edits import Transaction
from segstudio.core.geometry import Rect
from segstudio.io.store.project import ProjectStore


def picture(height=40, width=60, bands=3, seed=0):
    """(y, x, band) or (y, x) uint8."""
    shape = (height, width) if bands == 1 else (height, width, bands)
    return np.random.default_rng(seed).integers(0, 256, shape).astype(np.uint8)


def save(path: Path, values, **options) -> Path:
    Image.fromarray(values).save(path, **options)
    return path


def png_chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png_bytes(width, height, bits=8, color=0, data=b"", extra=b"") -> bytes:
    header = struct.pack(">IIBBBBB", width, height, bits, color, 0, 0, 0)
    body = png_chunk(b"IHDR", header) + extra + png_chunk(b"IDAT", zlib.compress(data)) + png_chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def whole(reader):
    """(y, x, band) values of a reader's whole image."""
    return np.moveaxis(reader.read(0, 0, Rect(0, 0, reader.info.width, reader.info.height)), 0, -1)


def labelled_project(
    folder: Path, *, images=3, size=(300, 420), mask_values=(1, 2, 300)[:2], with_ignore=True, suffix=".png"
) -> ProjectStore:
    """A project of real image files whose labels hold stuff of two classes, objects, a ring and ignored pixels."""
    height, width = size
    source = folder / "source"
    source.mkdir(parents=True)
    table = ClassTable()
    for name, value in zip(("cell", "tissue"), mask_values):
        table = table.added(name, mask_value=value)
    store = ProjectStore.create(folder / "project", table)
    files = [save(source / f"im {index}{suffix}", picture(height, width, seed=index)) for index in range(images)]
    report = store.add_images(files)
    assert not report.failed
    for index, record in enumerate(report.added):
        layer = store.labels_layer(record.id)
        transaction = Transaction(layer, "test")
        cell, tissue = (item.id for item in table)
        stuff = transaction.ensure_stuff(tissue)
        transaction.paint(np.ones((120, 300), bool), 60, 20 + index, stuff)
        ring = np.ones((50, 70), bool)
        ring[20:30, 20:40] = False
        for number in range(4):
            transaction.paint(ring, 5 + 90 * number, 160 + index, transaction.new_object(cell))
        transaction.paint(np.eye(40, dtype=bool), 250, 240, transaction.new_object(tissue))
        transaction.paint(np.ones((30, 12), bool), 320, 90, transaction.ensure_stuff(cell))
        if with_ignore:
            transaction.write(Rect(0, 280, 60, 10), np.full((10, 60), 65535, np.uint16), np.ones((10, 60), bool))
        edit = transaction.commit()
        assert edit is not None
        store.commit(edit)
    return store
