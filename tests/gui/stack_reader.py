"""Stacks for tests: a reader of (plane, y, x) NumPy files, entered beside the real ones, and a canvas on such a file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from canvas_stage import CLASSES, Stage
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtWidgets import QApplication

from segstudio.app.session import Session
from segstudio.app.settings import Settings
from segstudio.app.tools.base import ToolContext
from segstudio.app.tools.toolbox import ToolBox
from segstudio.core.geometry import Rect
from segstudio.gui.canvas.widget import CanvasWidget
from segstudio.io.readers import registry
from segstudio.io.readers.base import ImageInfo, level_sizes


class StackReader:
    """Planes of an array; ``metadata`` as a medical or geo reader gives it."""

    metadata: dict[str, Any] = {}

    def __init__(self, path: Path) -> None:
        self._values = np.load(path)
        self.info = _info(path, self._values)

    def read(self, level: int, z: int, window: Rect) -> np.ndarray:
        """(1, y, x) of one plane."""
        plane = self._values[z, :: 1 << level, :: 1 << level]
        width, height = self.info.levels[level]
        return plane[None, ...][(slice(None), *window.clipped(width, height).slices)]

    def close(self) -> None:
        """Nothing is open."""


def _info(path: Path, values: np.ndarray) -> ImageInfo:
    depth, height, width = values.shape
    return ImageInfo(
        path,
        width,
        height,
        depth,
        1,
        str(values.dtype),
        level_sizes(width, height),
        metadata=dict(StackReader.metadata),
    )


def probe(path: Path) -> ImageInfo:
    """The description."""
    return _info(path, np.load(path, mmap_mode="r"))


def open_reader(path: Path) -> StackReader:
    """A reader."""
    return StackReader(path)


def thumbnail(path: Path, side_px: int) -> np.ndarray:
    """A grey picture."""
    return np.full((side_px, side_px, 3), 128, np.uint8)


ENTRY = registry.ReaderEntry("NumPy stack", "stack_reader", lambda head: head.startswith(b"\x93NUMPY"))


def enter(monkeypatch: Any, metadata: dict[str, Any] | None = None) -> None:
    """Have ``*.npy`` opened as stacks for one test."""
    monkeypatch.setattr(registry, "READERS", [ENTRY, *registry.READERS])
    monkeypatch.setattr(StackReader, "metadata", metadata or {})


class StackStage(Stage):
    """A shown canvas on a project with the given stacks."""

    def __init__(self, folder: Path, *stacks: np.ndarray, size: tuple[int, int] = (600, 400)) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.settings = Settings(folder / "config")
        self.session = Session(self.settings)
        self.notices: list[str] = []
        self.session.notice.connect(self.notices.append)
        assert self.session.create_project(folder / "project", CLASSES), self.notices
        files = []
        for index, stack in enumerate(stacks):
            files.append(folder / f"stack{index}.npy")
            np.save(files[-1], stack)
        if files:
            self.session.add_images(files)
        self.toolbox = ToolBox(ToolContext(self.session, self.settings))
        self.canvas = CanvasWidget(self.session, self.toolbox)
        self.canvas.resize(*size)
        self.canvas.show()
        self.session.select_class(CLASSES[0].id)

    def plane(self, z: int) -> np.ndarray:
        """(h, w) uint16 class ids of one plane of the labels."""
        layer = self.session.labels
        assert layer is not None
        return layer.read_classes(layer.bounds, z)

    def wheel(self, notches: float, modifiers: Qt.KeyboardModifier) -> None:
        """Turn the wheel in the middle of the canvas."""
        at = QPointF(self.canvas.rect().center())
        delta = QPoint(0, round(120 * notches))
        event = QWheelEvent(
            at, at, QPoint(), delta, Qt.MouseButton.NoButton, modifiers, Qt.ScrollPhase.NoScrollPhase, False
        )
        QApplication.sendEvent(self.canvas, event)
