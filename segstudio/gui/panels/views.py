"""The views of a volume across its planes, linked to the canvas by a cross-hair."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtWidgets import QVBoxLayout, QWidget

from segstudio.gui.background import SlotBackground
from segstudio.gui.i18n import tr
from segstudio.gui.panels.parts import GAP_PX
from segstudio.gui.panels.slice_view import SliceView

if TYPE_CHECKING:
    from segstudio.app.session import Session
    from segstudio.app.settings import Settings


class ViewsPanel(QWidget):
    """Two cuts, one above the other: for axial planes the coronal and the sagittal one."""

    def __init__(self, session: Session, settings: Settings) -> None:
        super().__init__()
        self.session = session
        self._settings = settings
        self._background = SlotBackground(self)
        self.views = [SliceView(session, axis, self._background, self._shows_crosshair) for axis in ("y", "x")]
        for number, view in enumerate(self.views):
            view.setObjectName(f"slice-view-{number}")
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(GAP_PX)
        for view in self.views:
            column.addWidget(view, 1)
        self.setToolTip(
            tr("Click or drag to move the cross-hair, scroll to go through the slices.\n"
               "The patient's right is at the left (radiological convention).")
        )  # fmt: skip
        settings.changed.connect(self._on_setting_changed)

    @property
    def is_settled(self) -> bool:
        """Whether both pictures are shown as they shall be."""
        return all(view.is_settled for view in self.views)

    def _shows_crosshair(self) -> bool:
        return self._settings.flag("views.crosshair")

    def _on_setting_changed(self, key: str, _value: object) -> None:
        if key == "views.crosshair":
            for view in self.views:
                view.update()

    def shut_down(self) -> None:
        """End the worker thread, waiting for it."""
        self._background.shut_down()
