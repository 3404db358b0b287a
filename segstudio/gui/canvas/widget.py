"""The canvas: one widget that draws image, overlays and tool previews, and sends the pointer to the tools."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QRect, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from segstudio.app.tools.base import NO_PREVIEW, ToolPreview
from segstudio.core.geometry import EMPTY, Rect
from segstudio.gui import theme
from segstudio.gui.canvas import hud
from segstudio.gui.canvas.image_tiles import ImageTiles
from segstudio.gui.canvas.input_events import InputEvents
from segstudio.gui.canvas.overlay_stack import OverlayStack
from segstudio.gui.canvas.tile_drawing import Pace
from segstudio.gui.canvas.view_moves import ViewMoves
from segstudio.gui.canvas.view_transform import ViewTransform
from segstudio.gui.canvas.volume_marks import draw_volume_marks
from segstudio.gui.faults import told
from segstudio.gui.i18n import tr

if TYPE_CHECKING:
    from PySide6.QtGui import QHideEvent

    from segstudio.app.session import Session
    from segstudio.app.tools.toolbox import ToolBox

OVERLAY_BUDGET_S = 0.008
"""So long a frame may spend on overlay tiles that are not there yet; the rest is made between the next frames."""
ZOOMING_BUDGET_S = 0.005
"""At most that between two frames while the zoom is moving; meanwhile pictures of other levels stand in."""
LATE_S = 0.011
"""A frame of a zoom that took longer makes the following ones go for speed: unsmoothed, next to nothing made anew."""
REST_MS = 80
"""So long after the last step of zooming the picture is drawn at its best."""
OPENING_DELAY_MS = 250
"""After this long without a picture the canvas says that it is opening the image."""


class CanvasWidget(ViewMoves, InputEvents):
    """Shows the session's current image and lets the toolbox's tools work on it.

    It fulfils :class:`segstudio.app.tools.base.CanvasView` and enters itself as the tools' view. :meth:`shut_down`
    ends its worker thread; closing the widget does so too.
    """

    cursor_moved = Signal(int, int, object, str)
    """Image pixel under the pointer: x, y, tuple of its values (empty while they are read), name of its class."""
    cursor_left = Signal()
    """The pointer is no longer over the image."""
    zoom_changed = Signal(float)
    """Physical screen pixels per image pixel; 1 = 1:1."""
    files_dropped = Signal(object)
    """Files or folders were dropped: a list of Path."""

    def __init__(self, session: Session, toolbox: ToolBox, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.session = session
        self.toolbox = toolbox
        self._view = ViewTransform()
        self._shown_image_id: int | None = None
        self._image = ImageTiles(self)
        self._overlays = OverlayStack(session)
        self._active_object = session.active_object
        self._failure = ""
        self._hint = ""
        self._says_opening = False
        self._preview: ToolPreview = NO_PREVIEW
        self._bubble = QRect()
        self._placed_in = QSize()
        self._is_behind = False
        self._later = QTimer(self, singleShot=True, interval=0)
        self._later.timeout.connect(self._draw_unfinished)
        self._zooming = QTimer(self, singleShot=True, interval=REST_MS)
        self._zooming.timeout.connect(self._on_rest)
        self._is_hurried, self._is_patchy, self._frame_s = False, False, 0.0
        self._opening = QTimer(self, singleShot=True, interval=OPENING_DELAY_MS)
        self._opening.timeout.connect(self._on_still_opening)
        self._image.changed.connect(self._on_image_tile)
        self._image.failed.connect(self._on_image_failed)
        self._image.values_arrived.connect(self._tell_cursor)

        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setAttribute(Qt.WidgetAttribute.WA_NoSystemBackground)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(160, 120)
        self.setObjectName("canvas")
        self.setAccessibleName(tr("Canvas"))
        self.setAccessibleDescription(tr("The image with its labels; paint with the current tool"))
        self.setAcceptDrops(True)
        self._init_input()

        toolbox.context.view = self
        toolbox.context.preview_changed.connect(self._on_preview_changed)
        toolbox.tool_changed.connect(self._on_tool_changed)
        session.close_reader = self._image.close_reader
        session.image_changed.connect(self._on_image_changed)
        session.plane_changed.connect(self._on_plane_changed)
        session.crosshair.moved.connect(self._redraw)
        session.reader_changed.connect(self._on_reader_changed)
        session.layer_changed.connect(self._on_layer_changed)
        session.classes_changed.connect(self._redraw)
        session.layers_changed.connect(self._redraw)
        session.overlay_changed.connect(self._redraw)
        session.selection_changed.connect(self._on_selection_changed)
        session.threshold_changed.connect(self._redraw)
        session.display_changed.connect(self._on_display_changed)
        self._image.display_found.connect(session.found_display)
        self._image.sample_ready.connect(session.found_sample)
        session.sample_wanted.connect(self._image.want_sample)
        self._on_image_changed()

    @property
    def is_settled(self) -> bool:
        """Whether everything seen is drawn as it shall be: no tile is missing or under way."""
        return self._image.is_idle and not self._is_behind and not self._zooming.isActive()

    def set_view(self, view: ViewTransform) -> None:
        """Look at the image another way."""
        if view == self._view:
            return
        old, self._view = self._view, view
        if self._shown_image_id is not None:
            x, y = view.centre_xy
            self.session.remember_view(
                self._shown_image_id, {"x": x, "y": y, "zoom": view.zoom, "is_fitted": float(view.is_fitted)}
            )
        self._image.request(view)
        self._redraw()
        if old.zoom != view.zoom:
            self._zooming.start()
            self.zoom_changed.emit(view.zoom)

    # -- what the window sets ------------------------------------------------------------------------------------

    def set_hint(self, text: str) -> None:
        """What an empty canvas says, in place of its own words."""
        self._hint = text
        self._redraw()

    def set_highlight_class(self, class_id: int) -> None:
        """Let one class stand out (0: none), as when the pointer rests on it in a list."""
        if class_id != self._overlays.highlight_class_id:
            self._overlays.highlight_class_id = class_id
            self._redraw()

    def shut_down(self) -> None:
        """End the worker thread, waiting for it. The canvas works again when an image is opened anew."""
        self._later.stop()
        self._zooming.stop()
        self._opening.stop()
        self._image.shut_down()

    # -- the session speaks --------------------------------------------------------------------------------------

    def _on_image_changed(self) -> None:
        record = self.session.image
        self._shown_image_id = None if record is None else record.id
        self._failure, self._says_opening = "", False
        self._overlays.clear()
        self._image.set_source(None)
        width, height = (0, 0) if record is None else (record.width, record.height)
        self._place(width, height)
        if record is not None and self.session.reader is None:
            self._opening.start()
        self._on_reader_changed()

    def _place(self, width: int, height: int) -> None:
        """Begin with an image of this size, as it was left."""
        view = ViewTransform(width, height, *self._size_px()).fitted()
        left_at = None if self._shown_image_id is None else self.session.view_of(self._shown_image_id)
        if left_at and not left_at.get("is_fitted", 0.0) and {"x", "y", "zoom"} <= left_at.keys():
            view = view.centred_at(left_at["x"], left_at["y"], left_at["zoom"])
        self._view = view
        self.zoom_changed.emit(view.zoom)

    def _on_reader_changed(self) -> None:
        reader = self.session.reader
        self._failure = self.session.reader_error
        if reader is not None or self._failure:
            self._opening.stop()
            self._says_opening = False
        if reader is not None and (reader.info.width, reader.info.height) != (
            self._view.image_width,
            self._view.image_height,
        ):
            self._place(reader.info.width, reader.info.height)
        self._on_display_changed()

    def _on_display_changed(self) -> None:
        self._image.set_source(self.session.reader, self.session.plane, self.session.display)
        self._image.request(self._view)
        if self.session.needs_sample:
            self._image.want_sample()
        self._redraw()

    def refresh_picture(self) -> None:
        """The reader has a better picture of the image now: draw that."""
        self._image.refresh()
        self._image.request(self._view)
        if self.session.needs_sample:
            self._image.want_sample()
        self._redraw()

    def _on_plane_changed(self, _z: int) -> None:
        self._failure = self.session.reader_error
        self._on_display_changed()
        self._tell_cursor()

    def _on_layer_changed(self, layer_id: int, rect: Rect) -> None:
        if self._overlays.change(layer_id, rect):
            self._update_px(self._view.view_rect_of(rect, self._overlays.reach_px(self.ratio)))

    def _on_selection_changed(self) -> None:
        if self.session.active_object != self._active_object:
            self._active_object = self.session.active_object  # it is drawn stronger than others
            self._redraw()

    def _on_image_failed(self, sentence: str) -> None:
        self._failure = sentence
        self._redraw()

    def _on_image_tile(self, rect: Rect) -> None:
        self._update_px(self._view.view_rect_of(rect, 1))

    def _on_still_opening(self) -> None:
        self._says_opening = True
        self._redraw()

    # -- drawing -------------------------------------------------------------------------------------------------

    @told
    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        """Draw what is asked for, and no more."""
        start_s = time.perf_counter()
        ratio = self.ratio
        clip_px = self._to_px(event.rect())
        self._is_patchy = event.region().rectCount() > 1  # less is drawn than the rectangle
        painter = QPainter(self)
        painter.scale(1 / ratio, 1 / ratio)  # from here on in physical pixels
        self._draw_ground(painter, clip_px)
        if self._shown_image_id is not None and not self._failure:
            self._draw_layers(painter, clip_px, ratio)
            draw_volume_marks(painter, self.session, self._view, self.font(), ratio)
            hud.draw_preview(painter, self._preview, self._view, ratio)
        painter.resetTransform()
        self._draw_words(painter)
        painter.end()
        self._frame_s = time.perf_counter() - start_s
        self._is_hurried |= self._zooming.isActive() and self._frame_s > LATE_S

    def _draw_ground(self, painter: QPainter, clip_px: Rect) -> None:
        image = self._view.image_rect_px() if not self._failure else EMPTY
        if image.intersected(clip_px) != clip_px:
            painter.fillRect(_qrect(clip_px), theme.color("canvas"))
        if not image.is_empty:
            painter.fillRect(_qrect(image.intersected(clip_px)), QColor(128, 128, 128))

    def _draw_layers(self, painter: QPainter, clip_px: Rect, ratio: float) -> None:
        view = self._view
        inside = clip_px.intersected(view.image_rect_px())
        if inside.is_empty:
            return
        painter.setClipRect(_qrect(inside))
        pace = self._pace
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, view.zoom < 1 and pace != Pace.HURRIED)
        self._image.draw(painter, view, inside, pace)
        self._overlays.refresh(view, ratio, pace)
        deadline_s = time.perf_counter() + (OVERLAY_BUDGET_S if pace == Pace.STILL and not self._is_patchy else 0.0)
        if not self._overlays.draw(painter, view, inside, deadline_s, pace):
            self._is_behind = True
            self._later.start()
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, False)
        if self.session.overlay.shows_grid:
            hud.draw_grid(painter, view, inside)
        painter.setClipping(False)

    def _draw_words(self, painter: QPainter) -> None:
        title, body, is_bad = self._message()
        if title or body:
            first = theme.color("danger" if is_bad else "text")
            second = theme.color("text" if is_bad else "muted")
            hud.draw_message(painter, title, body, self.rect(), first, second)
        elif self._preview.text and not self._bubble.isEmpty():
            hud.draw_bubble(painter, self._preview.text, self._bubble)

    def _message(self) -> tuple[str, str, bool]:
        """(title, sentence, whether it tells of a failure) to show in place of a picture."""
        if self._failure:
            return tr("This image can't be shown"), self._failure, True
        if self._shown_image_id is None:
            body = self._hint or tr("Drop image files, a folder or a project here, or add images from the File menu.")
            return tr("No image is open"), body, False
        if self._says_opening and self.session.image is not None:
            return "", tr("Opening {name} …").format(name=self.session.image.name), False
        return "", "", False

    def _draw_unfinished(self) -> None:
        """Make missing overlay tiles between two frames, and draw just those."""
        pace = self._pace
        budget_s = OVERLAY_BUDGET_S if pace == Pace.STILL else min(ZOOMING_BUDGET_S, LATE_S - self._frame_s)
        made, is_complete = self._overlays.prepare(self._view, time.perf_counter() + budget_s, pace)
        if pace == Pace.STILL:  # while zooming the whole is drawn soon anyhow
            for rect_px in made:
                self._update_px(rect_px.clipped(*self._size_px()))
        self._is_behind = not is_complete
        if self._is_behind:
            self._later.start()

    @property
    def _pace(self) -> Pace:
        if not self._zooming.isActive():
            return Pace.STILL
        return Pace.HURRIED if self._is_hurried else Pace.ZOOMING

    def _on_rest(self) -> None:
        """The zoom has come to rest."""
        self._is_hurried, self._is_behind = False, True
        self._later.start()
        self._redraw()

    def _redraw(self, *_: object) -> None:
        self.update()

    def _update_px(self, rect_px: Rect) -> None:
        if not rect_px.is_empty:
            self.update(self._to_widget(rect_px))

    def _to_widget(self, rect_px: Rect) -> QRect:
        """The device-independent pixels that touch a physical rectangle."""
        ratio = self.ratio
        x, y = int(rect_px.x // ratio), int(rect_px.y // ratio)
        return QRect(x, y, int(-(-rect_px.right // ratio)) - x, int(-(-rect_px.bottom // ratio)) - y)

    def _to_px(self, rect: QRect) -> Rect:
        """The physical pixels that touch a rectangle of device-independent ones."""
        ratio = self.ratio
        x, y = int(rect.x() * ratio // 1), int(rect.y() * ratio // 1)
        right, bottom = -int(-(rect.x() + rect.width()) * ratio // 1), -int(-(rect.y() + rect.height()) * ratio // 1)
        return Rect(x, y, right - x, bottom - y).clipped(*self._size_px())

    def _size_px(self) -> tuple[int, int]:
        ratio = self.ratio
        return max(1, round(self.width() * ratio)), max(1, round(self.height() * ratio))

    # -- the tool's preview --------------------------------------------------------------------------------------

    def _on_preview_changed(self) -> None:
        before = self._preview
        self._preview = self._levels.preview() or self.toolbox.preview()
        for part in hud.changed_parts(before, self._preview):
            self._update_px(hud.preview_rect_px(part, self._view, self.ratio))
        bubble = QRect()
        if self._preview.text and self.cursor_position is not None:
            bubble = hud.bubble_rect(self._preview.text, self.cursor_position, self.font(), self.rect())
        if bubble != self._bubble or self._preview.text:
            self.update(self._bubble.united(bubble).adjusted(-1, -1, 1, 1))
            self._bubble = bubble

    # -- Qt events that are no input -----------------------------------------------------------------------------

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        """Keep the middle in the middle, or the image fitted."""
        super().resizeEvent(event)
        self._fit_to_size()

    def changeEvent(self, event: QEvent) -> None:  # noqa: N802
        """Another colour scheme."""
        super().changeEvent(event)
        if event.type() in (QEvent.Type.PaletteChange, QEvent.Type.StyleChange, QEvent.Type.LanguageChange):
            self.update()

    def hideEvent(self, event: QHideEvent) -> None:  # noqa: N802
        """What a tool has begun is abandoned with the canvas gone."""
        super().hideEvent(event)
        self.toolbox.let_go()

    def closeEvent(self, event: QEvent) -> None:  # noqa: N802
        """End the worker thread."""
        self.shut_down()
        super().closeEvent(event)  # type: ignore[arg-type]

    def _fit_to_size(self) -> None:
        """Fit or centre anew, unless a tool is at work, or only a bar came or went below what is being looked at."""
        width, height = self._size_px()
        window_size = self.window().size()
        is_same = self._shown_image_id is not None and window_size == self._placed_in and not self.isWindow()
        is_bar = is_same and width == self._view.view_width_px
        self._placed_in = window_size
        keeps_place = is_bar or self.toolbox.current.is_busy
        self.set_view(self._view.resized(width, height, keeps_place=keeps_place))
        self._redraw()


def _qrect(rect: Rect) -> QRect:
    return QRect(rect.x, rect.y, rect.width, rect.height)
