"""The image's picture tiles: kept within a memory budget, drawn viewport first, coarser ones standing in meanwhile."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QImage, QPainter

from segstudio.core.geometry import Rect
from segstudio.gui.canvas.image_loader import ImageLoader
from segstudio.gui.canvas.image_pixels import ImageSource, TileKey, image_window, overview_level
from segstudio.gui.canvas.tile_drawing import Pace, SeenTiles, draw_ancestor, draw_tile, level_at, tile_range

if TYPE_CHECKING:
    import numpy as np

    from segstudio.core.display import DisplaySettings
    from segstudio.gui.canvas.view_transform import ViewTransform
    from segstudio.io.readers.base import ImageReader

MAX_ANCESTORS = 8


class ImageTiles(QObject):
    """Cache, wishes and drawing of the image layer."""

    changed = Signal(object)
    """A tile arrived: the image Rect it covers."""
    failed = Signal(str)
    """Decoding failed: one sentence."""
    display_found = Signal(object, object)
    """(reader, DisplaySettings) that the source is drawn with; told once a source."""
    sample_ready = Signal(object, object)
    """(reader, (band, n) values that stand for the picture), after :meth:`want_sample`."""
    values_arrived = Signal()
    """:meth:`values_at` can answer now."""

    def __init__(self, parent: QObject | None = None, *, budget_bytes: int = 192 << 20) -> None:
        super().__init__(parent)
        self._budget_bytes = budget_bytes
        self._tiles: OrderedDict[TileKey, tuple[QImage, np.ndarray]] = OrderedDict()
        self._old: dict[TileKey, tuple[QImage, np.ndarray]] = {}
        self._planes: OrderedDict[int, OrderedDict[TileKey, tuple[QImage, np.ndarray]]] = OrderedDict()
        self._nbytes = 0
        self._source: ImageSource | None = None
        self._values: tuple[Rect, np.ndarray] | None = None
        self._asked_values: tuple[int, int] | None = None
        self._seen = SeenTiles()
        self._on_screen = 0
        self._is_recoloring = False
        self._next: ImageSource | None = None
        self._view: ViewTransform | None = None
        self._loader = ImageLoader(self)
        self._loader.tile_ready.connect(self._on_tile_ready)
        self._loader.probe_ready.connect(self._on_probe_ready)
        self._loader.failed.connect(self._on_failed)
        self._loader.display_found.connect(self.display_found)
        self._loader.sample_ready.connect(self.sample_ready)

    # -- what is shown -------------------------------------------------------------------------------------------

    def set_source(self, reader: ImageReader | None, z: int = 0, display: DisplaySettings | None = None) -> None:
        """Show another image, plane or range of values.

        With the same reader the pictures stay in sight until the new ones are there; what is shown already stays as it
        is. Pictures of the planes left are kept as far as the budget goes, so that going back and forth is instant.
        While brightness is being changed each step is drawn whole before the newest one is begun.
        """
        former = self._source
        if former is not None and (former.reader, former.z, former.display) == (reader, z, display):
            self._next = None
            return
        same_image = former is not None and reader is not None and former.reader is reader
        same_plane = same_image and former is not None and former.z == z
        if same_plane and reader is not None and self._is_recoloring and not self._loader.is_idle:
            self._next = ImageSource(reader, z, display)
            return
        self._is_recoloring, self._next = same_plane, None
        self._old = {**self._old, **self._tiles} if same_image else {}
        if same_image and former is not None and former.display == display:
            self._planes[former.z] = self._tiles
            self._tiles = self._planes.pop(z, OrderedDict())
        else:
            self._planes.clear()
            self._tiles = OrderedDict()
            self._nbytes = 0
        if not same_plane:
            self._values = None
        self._asked_values = None
        self._source = None if reader is None else ImageSource(reader, z, display)
        if reader is None:
            self._seen.clear()
        self._loader.set_source(self._source)

    def refresh(self) -> None:
        """Make all tiles anew: the reader has a better picture now. The former ones stay in sight meanwhile."""
        self._old = {**self._old, **self._tiles}
        self._planes.clear()
        self._tiles = OrderedDict()
        self._nbytes = 0
        self._loader.set_source(None)
        self._loader.set_source(self._source)

    @property
    def is_idle(self) -> bool:
        """Whether every wanted tile is there."""
        return self._loader.is_idle and self._next is None

    @property
    def nbytes(self) -> int:
        """Memory of the tiles."""
        return self._nbytes

    def want_sample(self) -> None:
        """Ask for values that stand for the picture, once it is drawn."""
        if self._source is not None:
            self._loader.want_sample()

    def close_reader(self, reader: ImageReader) -> None:
        """Close a reader that is no longer shown, after the worker has let go of it."""
        if self._source is not None and self._source.reader is reader:
            self.set_source(None)
        self._loader.close_reader(reader)

    def shut_down(self) -> None:
        """End the worker thread, waiting for it."""
        self._loader.shut_down()
        self._source = None

    # -- drawing -------------------------------------------------------------------------------------------------

    def draw(self, target: QPainter, view: ViewTransform, clip_px: Rect, pace: Pace = Pace.STILL) -> None:
        """Draw what lies in *clip_px* (physical view pixels); a missing tile is filled from coarser ones."""
        level = level_at(view, view.level, pace)
        if level != view.level and any(
            TileKey(level, ty, tx) not in self._tiles for ty, tx in tile_range(view, level, clip_px)
        ):
            level = view.level
        for ty, tx in tile_range(view, level, clip_px):
            key = TileKey(level, ty, tx)
            entry = self._tiles.get(key)
            if entry is not None:
                self._tiles.move_to_end(key)
            else:
                entry = self._old.get(key)
            if entry is not None:
                if pace == Pace.STILL:
                    self._seen.draw(target, entry[0], entry[0].cacheKey(), view, level, (ty, tx), clip_px)
                else:
                    draw_tile(target, entry[0], view, level, (ty, tx), clip_px)
                continue
            for steps in range(1, MAX_ANCESTORS + 1):
                above = TileKey(level + steps, ty >> steps, tx >> steps)
                coarse = self._tiles.get(above) or self._old.get(above)
                if coarse is not None:
                    draw_ancestor(target, coarse[0], view, level, (ty, tx), level + steps)
                    break

    def request(self, view: ViewTransform) -> None:
        """Ask for what the view lacks: an overview first, then from the middle of the view outwards."""
        source = self._source
        self._view = view
        if source is None:
            return
        level = view.level
        wanted = [TileKey(level, ty, tx) for ty, tx in tile_range(view, level, _whole(view))]
        self._on_screen = len(wanted)
        x, y = view.centre_xy
        side = 512 << level
        wanted.sort(key=lambda key: abs((key.tx + 0.5) * side - x) + abs((key.ty + 0.5) * side - y))
        top = TileKey(overview_level(source.info), 0, 0)
        missing = [key for key in wanted if key not in self._tiles]
        if not missing:
            self._old.clear()
        # While old pictures stand in for all of them, a coarser one can wait.
        is_bare = any(key not in self._old for key in missing)
        if top not in self._tiles and top not in missing and is_bare:
            missing.insert(0, top)
        self._loader.want(missing)

    # -- values --------------------------------------------------------------------------------------------------

    def values_at(self, x: int, y: int) -> tuple[int | float, ...] | None:
        """The image's own values at a pixel; None until they are read (then ``values_arrived``)."""
        source = self._source
        if source is None or not (0 <= x < source.info.width and 0 <= y < source.info.height):
            return ()
        if self._values is not None:
            window, values = self._values
            if window.contains(x, y):
                return tuple(values[:, y - window.y, x - window.x].tolist())
        self._asked_values = (x, y)
        self._loader.want_values(x, y)
        return None

    # -- answers -------------------------------------------------------------------------------------------------

    def _on_tile_ready(self, key: TileKey, pixels: np.ndarray) -> None:
        source = self._source
        if source is None:
            return
        height, width = pixels.shape
        image = QImage(pixels.data, width, height, pixels.strides[0], QImage.Format.Format_RGB32)
        former = self._tiles.pop(key, None)
        self._nbytes += pixels.nbytes - (0 if former is None else former[1].nbytes)
        self._tiles[key] = (image, pixels)
        self._old.pop(key, None)
        self._shrink()
        if self._loader.is_idle and self._next is None:
            self._old.clear()
        self.changed.emit(image_window(source.info, key))
        self._go_on()

    def _go_on(self) -> None:
        """The step of brightness that came last, now that the one before it is drawn."""
        if self._next is not None and self._loader.is_idle:
            step, self._next = self._next, None
            self.set_source(step.reader, step.z, step.display)
            if self._view is not None:
                self.request(self._view)

    def _on_failed(self, sentence: str) -> None:
        self._next = None
        self.failed.emit(sentence)

    def _shrink(self) -> None:
        """Within the budget: planes left long ago go first, then what was not seen for longest."""
        while self._nbytes > self._budget_bytes:
            if self._planes:
                _, plane = self._planes.popitem(last=False)
                self._nbytes -= sum(pixels.nbytes for _, pixels in plane.values())
            elif len(self._tiles) > self._on_screen + 1:
                _, (_, dropped) = self._tiles.popitem(last=False)
                self._nbytes -= dropped.nbytes
            else:
                return

    def _on_probe_ready(self, window: Rect, values: np.ndarray) -> None:
        self._values = (window, values)
        if self._asked_values is not None and window.contains(*self._asked_values):
            self._asked_values = None
            self.values_arrived.emit()
        self._go_on()


def _whole(view: ViewTransform) -> Rect:
    return Rect(0, 0, view.view_width_px, view.view_height_px)
