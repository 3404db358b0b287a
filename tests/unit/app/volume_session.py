"""A project with stacks of planes, read from NumPy files by a reader entered for the test."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from segstudio.app.session import Session
from segstudio.core.classes import ClassTable
from segstudio.core.geometry import Rect
from segstudio.io.readers import registry
from segstudio.io.readers.base import ImageInfo

CLASSES = ClassTable().added("road", color="#ff0000").added("tree", color="#00ff00")


def _info(path: Path, **metadata: Any) -> ImageInfo:
    depth, height, width = np.load(path, mmap_mode="r").shape
    return ImageInfo(path, width, height, depth, 1, "uint8", ((width, height),), metadata=metadata)


class _Reader:
    def __init__(self, path: Path, **metadata: Any) -> None:
        self.info, self._values = _info(path, **metadata), np.load(path)

    def read(self, level: int, z: int, window: Rect) -> np.ndarray:
        return self._values[z][None, ...][(slice(None), *window.clipped(self.info.width, self.info.height).slices)]

    def close(self) -> None:
        pass


def enter_stacks(monkeypatch: pytest.MonkeyPatch, **metadata: Any) -> None:
    """Have ``*.npy`` opened as stacks with this metadata."""
    module = SimpleNamespace(
        probe=lambda path: _info(path, **metadata), open_reader=lambda path: _Reader(path, **metadata)
    )

    class Entry(registry.ReaderEntry):
        def load(self) -> Any:
            return module

    entry = Entry("NumPy stack", "", lambda head: head.startswith(b"\x93NUMPY"))
    monkeypatch.setattr(registry, "READERS", [entry, *registry.READERS])


def open_stacks(session: Session, folder: Path, *shapes: tuple[int, int, int]) -> Session:
    """A project with one stack of each (depth, height, width)."""
    assert session.create_project(folder / "project", CLASSES)
    files = []
    for index, shape in enumerate(shapes):
        files.append(folder / f"stack{index}.npy")
        np.save(files[-1], np.zeros(shape, np.uint8))
    session.add_images(files)
    session.select_class(1)
    return session


def put(session: Session, z: int, mask: np.ndarray, class_id: int = 1, *, is_object: bool = False) -> int:
    """Paint a whole-image mask on a plane; the segment's id."""
    transaction = session.begin("Test")
    assert transaction is not None
    segment_id = transaction.new_object(class_id) if is_object else transaction.ensure_stuff(class_id)
    transaction.paint(mask, 0, 0, segment_id, z)
    session.commit(transaction)
    return segment_id


def classes_on(session: Session, z: int) -> np.ndarray:
    """(h, w) class ids of a plane."""
    layer = session.labels
    assert layer is not None
    return layer.read_classes(layer.bounds, z)
