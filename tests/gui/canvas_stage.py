"""A canvas on a real session with one image, driven by real mouse events."""

from __future__ import annotations

import time
from pathlib import Path

import cv2
import numpy as np
from PySide6.QtCore import QEventLoop, QPoint, QPointF, Qt
from PySide6.QtGui import QImage, QMouseEvent
from PySide6.QtWidgets import QApplication

from segstudio.app.session import Session
from segstudio.app.settings import Settings
from segstudio.app.tools.base import ToolContext
from segstudio.app.tools.toolbox import ToolBox
from segstudio.core.classes import ClassTable
from segstudio.gui.canvas.widget import CanvasWidget

CLASSES = ClassTable().added("road", color="#ff0000").added("tree", color="#00ff00")


def gradient(width: int, height: int) -> np.ndarray:
    """(h, w, 3) uint8 BGR: smooth, every pixel another than its neighbours."""
    y, x = np.mgrid[:height, :width]
    return np.stack([x * 255 // max(1, width), y * 255 // max(1, height), (x + y) % 256], axis=-1).astype(np.uint8)


class Stage:
    """Session, toolbox and a shown canvas."""

    def __init__(self, folder: Path, pixels: np.ndarray, size: tuple[int, int] = (600, 400)) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.settings = Settings(folder / "config")
        self.session = Session(self.settings)
        self.notices: list[str] = []
        self.session.notice.connect(self.notices.append)
        self.file = folder / "image.png"
        cv2.imwrite(str(self.file), pixels)
        assert self.session.create_project(folder / "project", CLASSES), self.notices
        self.session.add_images([self.file])
        self.toolbox = ToolBox(ToolContext(self.session, self.settings))
        self.canvas = CanvasWidget(self.session, self.toolbox)
        self.canvas.resize(*size)
        self.canvas.show()
        if self.session.image_id is None:
            self.session.select_image(self.session.images[0].id)
        self.session.select_class(CLASSES[0].id)

    def close(self) -> None:
        """End threads and close the project."""
        self.canvas.close()
        self.session.close_project()

    # -- looking -------------------------------------------------------------------------------------------------

    def settled(self) -> CanvasWidget:
        """The canvas once every tile it needs is drawn."""
        self.canvas.repaint()
        app = QApplication.instance()
        assert app is not None
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            app.processEvents(QEventLoop.ProcessEventsFlag.AllEvents, 20)
            if self.canvas.is_settled:
                return self.canvas
        raise AssertionError("the canvas does not come to rest")

    def picture(self) -> np.ndarray:
        """(h, w, 3) uint8 RGB of the canvas in physical pixels."""
        image = self.settled().grab().toImage().convertToFormat(QImage.Format.Format_RGB888)
        rows = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.bytesPerLine())
        return rows[:, : image.width() * 3].reshape(image.height(), image.width(), 3).copy()

    def at(self, x: float, y: float) -> QPointF:
        """Where an image position lies in the widget."""
        left, top = self.canvas.view.to_view(x, y)
        return QPointF(left / self.canvas.ratio, top / self.canvas.ratio)

    # -- the hand ------------------------------------------------------------------------------------------------

    def mouse(
        self,
        kind: str,
        x: float,
        y: float,
        button: Qt.MouseButton = Qt.MouseButton.LeftButton,
        modifiers: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier,
        held: Qt.MouseButton = Qt.MouseButton.NoButton,
    ) -> None:
        """One mouse event at an image position, through Qt: "press", "move", "release" or "double"."""
        types = {
            "press": QMouseEvent.Type.MouseButtonPress,
            "move": QMouseEvent.Type.MouseMove,
            "release": QMouseEvent.Type.MouseButtonRelease,
            "double": QMouseEvent.Type.MouseButtonDblClick,
        }
        at = self.at(x, y)
        whole = QPointF(self.canvas.mapToGlobal(QPoint(0, 0))) + at
        down = kind in ("press", "double")
        own = Qt.MouseButton.NoButton if kind == "move" else button
        event = QMouseEvent(types[kind], at, whole, own, button if down else held, modifiers)
        QApplication.sendEvent(self.canvas, event)

    def stroke(
        self,
        points_xy: list[tuple[float, float]],
        modifiers: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier,
        *,
        releases: bool = True,
    ) -> None:
        """Press at the first point, move through the others, release at the last."""
        left = Qt.MouseButton.LeftButton
        self.mouse("move", *points_xy[0], modifiers=modifiers)
        self.mouse("press", *points_xy[0], modifiers=modifiers)
        for point in points_xy[1:]:
            self.mouse("move", *point, modifiers=modifiers, held=left)
        if releases:
            self.mouse("release", *points_xy[-1], modifiers=modifiers)

    def labels(self) -> np.ndarray:
        """(h, w) uint16 class ids of the label layer."""
        layer = self.session.labels
        assert layer is not None
        return layer.read_classes(layer.bounds)
