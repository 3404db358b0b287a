"""Moving and enlarging the picture: what menus, keys and tools ask of the canvas."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF
from PySide6.QtWidgets import QWidget

from segstudio.core.geometry import EMPTY, Rect

if TYPE_CHECKING:
    from collections.abc import Callable

    from segstudio.gui.canvas.overlay_stack import OverlayStack
    from segstudio.gui.canvas.swipe import SwipeLayers
    from segstudio.gui.canvas.view_transform import ViewTransform

ZOOM_STEP = 1.25


class ViewMoves(QWidget):
    """The part of the canvas that knows where the image lies; :class:`segstudio.gui.canvas.widget.CanvasWidget` draws."""

    if TYPE_CHECKING:
        _view: ViewTransform
        _shown_image_id: int | None
        cursor_position: QPointF | None
        set_view: Callable[[ViewTransform], None]
        _overlays: OverlayStack
        _update_px: Callable[[Rect], None]

    @property
    def view(self) -> ViewTransform:
        """Where the image lies."""
        return self._view

    @property
    def zoom(self) -> float:
        """Physical screen pixels per image pixel."""
        return self._view.zoom

    @property
    def ratio(self) -> float:
        """Physical pixels per device-independent pixel of this screen."""
        return self.devicePixelRatioF()

    def fit(self) -> None:
        """Show the whole image."""
        if self._shown_image_id is not None:
            self.set_view(self._view.fitted())

    def one_to_one(self) -> None:
        """One image pixel per physical screen pixel, about the pointer or the middle."""
        self._zoom_to(1.0)

    def zoom_in(self) -> None:
        """A step larger."""
        self._zoom_to(self._view.wanted_zoom * ZOOM_STEP)

    def zoom_out(self) -> None:
        """A step smaller."""
        self._zoom_to(self._view.wanted_zoom / ZOOM_STEP)

    def zoom_about(self, factor: float, position: QPointF) -> None:
        """Enlarge *factor* times, keeping the image pixel under *position* (widget coordinates) where it is."""
        if self._shown_image_id is not None:
            anchor = (position.x() * self.ratio, position.y() * self.ratio)
            self.set_view(self._view.zoomed_by(factor, anchor))

    def visible_rect(self) -> Rect:
        """The image pixels that can be seen now; empty with no image."""
        return self._view.visible_rect() if self._shown_image_id is not None else EMPTY

    def pan_by(self, dx_screen: float, dy_screen: float) -> None:
        """Move the picture, in device-independent pixels."""
        if self._shown_image_id is not None:
            self.set_view(self._view.panned(dx_screen * self.ratio, dy_screen * self.ratio))

    def show_rect(self, rect: Rect) -> None:
        """Bring an image rectangle into the middle, as large as it goes (at most 8×)."""
        if self._shown_image_id is None or rect.is_empty:
            return
        view = self._view
        zoom = min(view.view_width_px / (rect.width * 1.3), view.view_height_px / (rect.height * 1.3), 8.0)
        self.set_view(view.centred_at(rect.x + rect.width / 2, rect.y + rect.height / 2, zoom))

    def set_swipe(self, swipe: SwipeLayers | None) -> None:
        """Draw two compared answers in place of the overlays; None ends it."""
        self._overlays.swipe = swipe
        self.update()

    def redraw_part(self, rect: Rect) -> None:
        """Overlays changed in *rect* (image pixels) other than by an edit."""
        self._update_px(self._view.view_rect_of(rect, self._overlays.reach_px(self.ratio)))

    def _zoom_to(self, zoom: float) -> None:
        if self._shown_image_id is None:
            return
        middle = QPointF(self.width() / 2, self.height() / 2)
        at = self.cursor_position if self.cursor_position is not None else middle
        self.set_view(self._view.zoomed_to(zoom, (at.x() * self.ratio, at.y() * self.ratio)))
