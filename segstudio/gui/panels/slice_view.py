"""One view across the planes of a volume: picture, labels, proposal, cross-hair and letters; a click moves the cross-hair."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QPointF, QRectF, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QImage, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QWheelEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from segstudio.app.sections import SectionFrame, label_section, section_frame
from segstudio.core.display import DisplaySettings, auto_settings, to_rgb8
from segstudio.gui import theme
from segstudio.gui.canvas.overlay_colors import layer_colors
from segstudio.gui.canvas.volume_marks import draw_crosshair, draw_letters, draw_text
from segstudio.gui.i18n import tr
from segstudio.io.readers.planes import CutAxis, cut

if TYPE_CHECKING:
    from collections.abc import Callable

    from segstudio.app.session import Session
    from segstudio.core.cancel import Cancel
    from segstudio.core.layers import LabelLayer
    from segstudio.gui.background import SlotBackground
    from segstudio.io.readers.base import ImageReader

LABEL_DELAY_MS = 60
"""Labels follow once a stroke on the canvas has rested this long, so that they do not slow it down."""
PROPOSAL_SHARE = 0.4
"""Of the labels' opacity, between the hatches of a proposal; as on the canvas."""
HATCH_STEP = 4
_KEYS = {
    Qt.Key.Key_Left: (-1, 0),
    Qt.Key.Key_Right: (1, 0),
    Qt.Key.Key_Up: (0, -1),
    Qt.Key.Key_Down: (0, 1),
}


class SliceView(QWidget):
    """The cut at the cross-hair's x or y. Pictures are made by *background*, labels here."""

    moved = Signal()
    """The person moved the cross-hair here."""

    def __init__(
        self, session: Session, axis: CutAxis, background: SlotBackground, shows_crosshair: Callable[[], bool]
    ) -> None:
        super().__init__()
        self.session = session
        self.axis: CutAxis = axis
        self._background = background
        self._shows_crosshair = shows_crosshair
        self._frame: SectionFrame | None = None
        self._reader: ImageReader | None = None
        self._picture: QImage | None = None
        self._pixels: np.ndarray | None = None
        self._asked: tuple[int, DisplaySettings | None] | None = None
        self._done: tuple[int, DisplaySettings | None] | None = None
        self._overlays: list[tuple[QImage, np.ndarray]] | None = None
        self._failure = ""
        self._wheel = 0
        self._later = QTimer(self, singleShot=True, interval=LABEL_DELAY_MS)
        self._later.timeout.connect(self._on_labels_due)
        self.setMinimumSize(120, 90)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        self.setCursor(Qt.CursorShape.CrossCursor)
        session.image_changed.connect(self._on_image_changed)
        session.reader_changed.connect(self._on_reader_changed)
        session.display_changed.connect(self.refresh)
        session.crosshair.moved.connect(self.refresh)
        session.layer_changed.connect(self._on_layer_changed)
        session.classes_changed.connect(self._on_labels_due)
        session.overlay_changed.connect(self._on_labels_due)
        session.threshold_changed.connect(self._on_labels_due)
        self._on_reader_changed()

    # -- what is shown ---------------------------------------------------------------------------------------------

    @property
    def frame(self) -> SectionFrame | None:
        """How the cut is drawn; None while no volume is open."""
        return self._frame

    @property
    def index(self) -> int:
        """Which cut is shown: the cross-hair's x or y."""
        x, y, _ = self.session.crosshair.position
        return x if self.axis == "x" else y

    @property
    def is_settled(self) -> bool:
        """Whether the picture of the cut wanted is shown."""
        return self._frame is None or bool(self._failure) or (self._picture is not None and self._asked is None)

    def sizeHint(self) -> QSize:  # noqa: N802
        """Room for a look."""
        return QSize(280, 260)

    def picture_rect(self) -> QRectF:
        """Where the cut lies in the widget, its sides as long as in the patient."""
        if self._frame is None:
            return QRectF()
        columns, rows = self._frame.size
        width, height = columns * self._frame.pixel_size[0], rows * self._frame.pixel_size[1]
        scale = min(self.width() / width, self.height() / height)
        return QRectF(
            (self.width() - width * scale) / 2, (self.height() - height * scale) / 2, width * scale, height * scale
        )

    def widget_point(self, x: int, y: int, z: int) -> QPointF:
        """Where the middle of a voxel (of this cut) lies in the widget."""
        assert self._frame is not None
        column, row = self._frame.place_of((y if self.axis == "x" else x) + 0.5, z + 0.5)
        columns, rows = self._frame.size
        area = self.picture_rect()
        return QPointF(area.left() + column / columns * area.width(), area.top() + row / rows * area.height())

    def refresh(self) -> None:
        """Show the cut at the cross-hair."""
        if self._frame is None or not self.isVisible():
            return
        self._request()
        self._overlays = None
        self.update()

    # -- making the picture ------------------------------------------------------------------------------------------

    def _on_image_changed(self) -> None:
        # The former reader is closed next: nothing may read from it any more.
        self._background.drop(self.objectName())
        self._reader, self._frame, self._picture, self._pixels, self._overlays = None, None, None, None, None
        self._asked, self._done, self._failure = None, None, ""
        self.update()

    def _on_reader_changed(self) -> None:
        reader = self.session.reader
        if reader is None or reader.info.depth < 2:
            self._on_image_changed()
            return
        if reader is not self._reader:
            self._on_image_changed()
            self._reader, self._frame = reader, section_frame(reader.info, self.axis)
            self.setAccessibleName(self._title())
        self.refresh()

    def _request(self) -> None:
        reader, index = self._reader, self.index
        if reader is None:
            return
        stated = reader.info.metadata.get("display")
        display = self.session.shown_display or (stated if isinstance(stated, DisplaySettings) else None)
        wanted = (index, display)
        if wanted == self._asked or (self._asked is None and wanted == self._done):
            return
        self._asked = wanted
        axis = self.axis

        def work(cancel: Cancel) -> np.ndarray:
            return section_pixels(reader, axis, index, display, cancel)

        self._background.run(self.objectName(), work, self._on_pixels, self._on_failed)

    def _on_pixels(self, pixels: np.ndarray) -> None:
        if self._frame is None or self._asked is None:
            return
        self._done, self._asked = self._asked, None
        self._pixels = np.ascontiguousarray(self._frame.drawn(pixels))
        height, width = self._pixels.shape[:2]
        self._picture = QImage(self._pixels.data, width, height, 3 * width, QImage.Format.Format_RGB888)
        self._failure = ""
        self.update()

    def _on_failed(self, sentence: str) -> None:
        self._asked, self._failure = None, sentence
        self.update()

    # -- labels ------------------------------------------------------------------------------------------------------

    def _on_layer_changed(self, layer_id: int, _rect: object) -> None:
        if self._frame is not None and self.isVisible():
            self._later.start()  # anew with each change: while the hand moves, the canvas has all the time

    def _on_labels_due(self, *_: object) -> None:
        self._overlays = None
        self.update()

    def _overlay_images(self) -> list[QImage]:
        """The labels of the cut, coloured as on the canvas, and the proposal, hatched as there."""
        if self._overlays is None:
            session, style = self.session, self.session.overlay
            shows = [(session.labels, style.shows_labels), (session.proposals.shown, style.shows_proposal)]
            found = [] if style.is_hidden else [self._overlay_image(layer) for layer, shown in shows if shown]
            self._overlays = [one for one in found if one is not None]
        return [image for image, _ in self._overlays]

    def _overlay_image(self, layer: LabelLayer | None) -> tuple[QImage, np.ndarray] | None:
        session, frame = self.session, self._frame
        if layer is None or frame is None or layer.depth != frame.depth:
            return None
        is_proposal, opacity = layer.kind == "proposal", session.overlay.opacity
        floor = session.min_confidence if is_proposal else 0.0
        ids = frame.drawn(label_section(layer, self.axis, self.index, floor))
        colors = layer_colors(
            layer,
            session.classes,
            opacity=opacity * (PROPOSAL_SHARE if is_proposal else 1.0),
            solid_opacity=opacity,
            active_segment_id=session.active_object,
        )
        argb = np.take(colors.fill, ids)
        if is_proposal:
            rows, columns = np.indices(ids.shape, sparse=True)
            argb = np.where((rows + columns) % HATCH_STEP == 0, np.take(colors.solid, ids), argb)
        argb = np.ascontiguousarray(argb)
        height, width = argb.shape
        return QImage(argb.data, width, height, 4 * width, QImage.Format.Format_ARGB32_Premultiplied), argb

    # -- drawing -----------------------------------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        """Picture, labels, proposal, cross-hair, letters."""
        painter = QPainter(self)
        if self._frame is None:
            painter.fillRect(self.rect(), theme.color("canvas"))
            painter.end()
            return
        painter.fillRect(self.rect(), Qt.GlobalColor.black)  # as the air round the patient is, in both schemes
        area = self.picture_rect()
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, area.width() < self._frame.size[0])
        if self._picture is not None:
            painter.drawImage(area, self._picture)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, False)
        for overlay in self._overlay_images():
            painter.drawImage(area, overlay)
        if self._shows_crosshair():
            draw_crosshair(painter, self.widget_point(*self.session.crosshair.position), area)
        draw_letters(painter, self._frame.marks, QRectF(self.rect()), self.font())
        painter.setFont(theme.small_font(self.font()))
        text = self._failure or self._title()
        draw_text(painter, text, QPointF(8, 8 + painter.fontMetrics().ascent()))
        painter.end()

    def _title(self) -> str:
        assert self._frame is not None
        names = {"axial": tr("Axial"), "coronal": tr("Coronal"), "sagittal": tr("Sagittal")}
        fallback = tr("Across x") if self.axis == "x" else tr("Across y")
        return f"{names.get(self._frame.marks.name, fallback)} {self.index + 1} / {self._frame.count}"

    # -- the person ----------------------------------------------------------------------------------------------------

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Move the cross-hair here."""
        if event.button() == Qt.MouseButton.LeftButton:
            self._go_to(event.position())

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Take the cross-hair along."""
        if event.buttons() & Qt.MouseButton.LeftButton:
            self._go_to(event.position())

    def _go_to(self, at: QPointF) -> None:
        area, frame = self.picture_rect(), self._frame
        if frame is None or area.isEmpty():
            return
        columns, rows = frame.size
        along, z = frame.voxel_at(
            (at.x() - area.left()) / area.width() * columns, (at.y() - area.top()) / area.height() * rows
        )
        x, y, _ = self.session.crosshair.position
        self.session.crosshair.move_to(*((x, along) if self.axis == "x" else (along, y)), z)
        self.moved.emit()

    def step(self, count: int) -> None:
        """Go *count* cuts on (negative: back)."""
        if self._frame is None:
            return
        x, y, z = self.session.crosshair.position
        self.session.crosshair.move_to(*((x + count, y) if self.axis == "x" else (x, y + count)), z)
        self.moved.emit()

    def wheelEvent(self, event: QWheelEvent) -> None:  # noqa: N802
        """Go through the cuts."""
        self._wheel += event.angleDelta().y()
        steps = int(self._wheel / 120)
        self._wheel -= steps * 120
        if steps:
            self.step(steps)
        event.accept()

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        """Arrows move the cross-hair by a voxel."""
        step = _KEYS.get(Qt.Key(event.key()))
        if step is None or self._frame is None:
            super().keyPressEvent(event)
            return
        x, y, z = self.session.crosshair.position
        column, row = self._frame.place_of((y if self.axis == "x" else x) + 0.5, z + 0.5)
        along, z = self._frame.voxel_at(column + step[0], row + step[1])
        self.session.crosshair.move_to(*((x, along) if self.axis == "x" else (along, y)), z)
        self.moved.emit()

    def showEvent(self, event: object) -> None:  # noqa: N802
        """Catch up with what happened while it was hidden."""
        super().showEvent(event)  # type: ignore[arg-type]
        self._overlays = None
        self.refresh()


def section_pixels(
    reader: ImageReader, axis: CutAxis, index: int, display: DisplaySettings | None, cancel: Cancel
) -> np.ndarray:
    """(z, along, 3) uint8 RGB of a cut; made in the worker thread."""
    bands = None if display is None else display.bands
    if bands is not None and len(set(bands)) == 1:
        band = min(max(bands[0], 0), reader.info.bands - 1)
        values = cut(reader, axis, index, slice(band, band + 1), cancel)
    else:
        values = cut(reader, axis, index, cancel=cancel)
    if reader.info.dtype not in ("uint8", "uint16", "int16", "float32", "float64"):
        values = values.astype(np.float32)
    rgb = to_rgb8(values, auto_settings(values) if display is None else display)
    return rgb
