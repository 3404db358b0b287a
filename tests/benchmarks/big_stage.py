"""A canvas on an image of any size whose pixels are made as they are looked at, so that memory stays that of the labels."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "gui"))
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "unit" / "io"))

import numpy as np
from canvas_stage import CLASSES, Stage
from store_help import blank_image

from segstudio.app.session import Session
from segstudio.app.settings import Settings
from segstudio.app.tools.base import ToolContext
from segstudio.app.tools.toolbox import ToolBox
from segstudio.core.geometry import Rect
from segstudio.gui.canvas.widget import CanvasWidget
from segstudio.io.readers.base import ImageInfo, level_sizes


class PatternReader:
    """(3, y, x) uint8 of a pattern, computed for the window that is asked for."""

    def __init__(self, path: Path, width: int, height: int) -> None:
        sizes = level_sizes(width, height)
        self.info = ImageInfo(path, width, height, bands=3, levels=sizes, is_rgb=True)

    def read(self, level: int, z: int, window: Rect) -> np.ndarray:
        """Values of *window* at *level*."""
        part = window.clipped(*self.info.levels[level])
        y, x = np.mgrid[part.y : part.bottom, part.x : part.right].astype(np.uint32)
        return np.stack([(x << level) >> 6, (y << level) >> 6, x ^ y]).astype(np.uint8)

    def close(self) -> None:
        """Nothing to let go of."""


class BigStage(Stage):
    """A :class:`Stage` of one image of *side* × *side* pixels without a file."""

    def __init__(self, folder: Path, side: int, size: tuple[int, int] = (1920, 1080)) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.side = side
        self.settings = Settings(folder / "config")
        self.session = Session(self.settings)
        self.notices: list[str] = []
        self.session.notice.connect(self.notices.append)
        self.session.open_reader = self._open
        assert self.session.create_project(folder / "project", CLASSES), self.notices
        assert self.session.store is not None
        image_id = blank_image(self.session.store, "big.tif", side, side)
        self.session.images_were_added()
        self.toolbox = ToolBox(ToolContext(self.session, self.settings))
        self.canvas = CanvasWidget(self.session, self.toolbox)
        self.canvas.resize(*size)
        self.canvas.show()
        self.session.select_image(image_id)
        self.session.select_class(CLASSES[0].id)

    def _open(self, record: Any, file: Path) -> None:
        self.session.set_reader(record.id, PatternReader(file, record.width, record.height))


def figures(times_ms: list[float]) -> dict[str, float]:
    """Median, 99th percentile and worst of times."""
    median, p99 = np.percentile(times_ms, [50, 99])
    return {"median": float(median), "p99": float(p99), "worst": max(times_ms)}


def line(what: str, value: float, bound: float, unit: str = "ms") -> bool:
    """Print a figure with its ratio to the bound; whether it is held."""
    is_held = value <= bound
    print(f"{what:<58} {value:9.2f} {unit:<4} ≤ {bound:g}  ratio {value / bound:.2f}  {'' if is_held else 'MISSED'}")
    return is_held
