"""The panels at the right: which there are, where they stand, when they are built."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from PySide6.QtCore import QByteArray, QObject, QSize, Qt, QTimer
from PySide6.QtWidgets import QDockWidget, QFrame, QMainWindow, QScrollArea, QTabBar, QTabWidget, QWidget

from segstudio.gui.i18n import tr_table

LAYOUT_VERSION = 1
WIDTH_PX = 324


@dataclass(frozen=True)
class PanelSpec:
    """One panel: its id, English title, class as "module:Class", group of tabs, and whether it scrolls by itself.

    ``for_volumes``: it stands alone beside the canvas, at the left, and only while a volume is shown.
    """

    id: str
    title: str
    target: str
    group: int
    scrolls: bool = True
    for_volumes: bool = False


PANELS: tuple[PanelSpec, ...] = (
    PanelSpec("images", "Images", "segstudio.gui.panels.images:ImagesPanel", 0),
    PanelSpec("objects", "Objects", "segstudio.gui.panels.objects:ObjectsPanel", 0),
    PanelSpec("layers", "Layers", "segstudio.gui.panels.layers:LayersPanel", 0),
    PanelSpec("history", "History", "segstudio.gui.panels.history:HistoryPanel", 0),
    PanelSpec("progress", "Progress", "segstudio.gui.panels.progress:ProgressPanel", 0, scrolls=False),
    PanelSpec("classes", "Classes", "segstudio.gui.panels.classes:ClassesPanel", 1),
    PanelSpec("overlay", "Overlay", "segstudio.gui.panels.overlay:OverlayPanel", 1, scrolls=False),
    PanelSpec("model", "Model", "segstudio.gui.panels.model:ModelPanel", 1, scrolls=False),
    PanelSpec("train", "Train", "segstudio.gui.panels.train:TrainPanel", 1, scrolls=False),
    PanelSpec("learning", "Learning", "segstudio.gui.panels.learning:LearningPanel", 1, scrolls=False),
    PanelSpec("next", "Next", "segstudio.gui.panels.next_:NextPanel", 1),
    PanelSpec("views", "Views", "segstudio.gui.panels.views:ViewsPanel", 2, for_volumes=True),
)


class Docks(QObject):
    """Dock widgets in two groups of tabs, one above the other. A panel is built when it is first seen."""

    def __init__(self, window: QMainWindow, make: Callable[[type[QWidget]], QWidget]) -> None:
        super().__init__(window)
        self._window = window
        self._make = make
        self._docks: dict[str, QDockWidget] = {}
        self._panels: dict[str, QWidget] = {}
        self._has_volume = False
        self._is_shown = False
        self._heights: list[int] = []
        window.setTabPosition(Qt.DockWidgetArea.AllDockWidgetAreas, QTabWidget.TabPosition.North)
        window.setDockOptions(
            QMainWindow.DockOption.AllowTabbedDocks
            | QMainWindow.DockOption.AllowNestedDocks
            | QMainWindow.DockOption.AnimatedDocks
        )
        for spec in PANELS:
            self._add(spec)
        self.arrange()

    # -- asking ----------------------------------------------------------------------------------------------------

    def dock(self, panel_id: str) -> QDockWidget:
        """The dock widget of a panel."""
        return self._docks[panel_id]

    def panel(self, panel_id: str) -> QWidget:
        """The panel itself, built if it is not yet."""
        if panel_id not in self._panels:
            self._build(panel_id)
        return self._panels[panel_id]

    def built_panels(self) -> dict[str, QWidget]:
        """The panels that were built so far."""
        return dict(self._panels)

    @property
    def is_shown(self) -> bool:
        """Whether any panel is on screen."""
        return any(not self._docks[spec.id].isHidden() for spec in PANELS if not spec.for_volumes)

    # -- doing -----------------------------------------------------------------------------------------------------

    def arrange(self) -> None:
        """The layout as delivered."""
        first: dict[int, QDockWidget] = {}
        for spec in PANELS:
            dock = self._docks[spec.id]
            dock.setFloating(False)
            if spec.for_volumes:
                self._window.addDockWidget(Qt.DockWidgetArea.LeftDockWidgetArea, dock)
                dock.setVisible(self._has_volume)
                continue
            dock.show()
            if spec.group in first:
                self._window.tabifyDockWidget(first[spec.group], dock)
            else:
                self._window.addDockWidget(Qt.DockWidgetArea.RightDockWidgetArea, dock)
                first[spec.group] = dock
        for dock in first.values():
            dock.raise_()
        columns = list(first.values())
        self._window.resizeDocks(columns, [WIDTH_PX] * len(columns), Qt.Orientation.Horizontal)
        self._window.resizeDocks(columns, [42, 58], Qt.Orientation.Vertical)
        self._size_views()

    def set_shown(self, is_shown: bool) -> None:
        """Show or hide all panels."""
        self._is_shown = is_shown
        for spec in PANELS:
            self._docks[spec.id].setVisible(is_shown and (self._has_volume or not spec.for_volumes))

    def set_volume(self, has_volume: bool) -> None:
        """Show the panels of volumes, or take them away."""
        self._has_volume = has_volume
        for spec in PANELS:
            if spec.for_volumes:
                self._docks[spec.id].setVisible(has_volume and self._is_shown)

    def _size_views(self) -> None:
        docks = [self._docks[spec.id] for spec in PANELS if spec.for_volumes]
        self._window.resizeDocks(docks, [WIDTH_PX] * len(docks), Qt.Orientation.Horizontal)

    def reveal(self, panel_id: str) -> QWidget:
        """Bring a panel to the front and give its contents."""
        dock = self._docks[panel_id]
        if not self.is_shown:
            self.set_shown(True)
        dock.show()
        dock.raise_()
        return self.panel(panel_id)

    def save(self) -> str:
        """Places and sizes, as text."""
        state = bytes(self._window.saveState(LAYOUT_VERSION).toBase64().data()).decode("ascii")
        heights = [dock.height() for dock in self._seen_of_groups()]
        return f"{state}|{','.join(map(str, heights))}" if len(heights) == 2 else state

    def restore(self, text: str) -> bool:
        """Places and sizes as :meth:`save` gave them; False (and nothing changed) when they don't fit."""
        state, _, heights = text.partition("|")
        if not state or not self._window.restoreState(QByteArray.fromBase64(state.encode("ascii")), LAYOUT_VERSION):
            return False
        # Qt gives the docks heights before the window has its own, so that the lower ones would shrink each time.
        self._heights = [int(part) for part in heights.split(",") if part.isdecimal()]
        QTimer.singleShot(0, self, self._put_heights)
        return True

    def _put_heights(self) -> None:
        docks, heights = self._seen_of_groups(), self._heights
        if len(docks) == len(heights) == 2:
            # Qt counts the tabs above a dock as part of it.
            tabs = max((bar.height() for bar in self._window.findChildren(QTabBar) if bar.isVisible()), default=0)
            self._window.resizeDocks(docks, [height + tabs for height in heights], Qt.Orientation.Vertical)

    def _seen_of_groups(self) -> list[QDockWidget]:
        """Of each group at the right the dock whose tab is in front, from the top on."""
        seen: dict[int, QDockWidget] = {}
        for spec in PANELS:
            dock = self._docks[spec.id]
            if not spec.for_volumes and not dock.isFloating() and not dock.visibleRegion().isEmpty():
                seen.setdefault(spec.group, dock)
        return [seen[group] for group in sorted(seen)]

    def build_visible(self) -> None:
        """Build what is on screen now."""
        for panel_id, dock in self._docks.items():
            if dock.isVisible() and not dock.visibleRegion().isEmpty():
                self.panel(panel_id)

    # -- inside ----------------------------------------------------------------------------------------------------

    def _add(self, spec: PanelSpec) -> None:
        title = tr_table("app", spec.title)
        dock = QDockWidget(title, self._window)
        dock.setObjectName(f"dock.{spec.id}")
        dock.setAccessibleName(title)
        dock.setFeatures(
            QDockWidget.DockWidgetFeature.DockWidgetMovable | QDockWidget.DockWidgetFeature.DockWidgetFloatable
        )
        dock.setMinimumWidth(240)
        # The tab says the name already: a title bar below it would only take room.
        dock.setTitleBarWidget(QWidget(dock))
        dock.topLevelChanged.connect(partial(self._on_floated, spec.id))
        dock.visibilityChanged.connect(partial(self._on_visibility_changed, spec.id))
        self._docks[spec.id] = dock

    def _on_floated(self, panel_id: str, is_floating: bool) -> None:
        dock = self._docks[panel_id]
        dock.setTitleBarWidget(None if is_floating else QWidget(dock))  # type: ignore[arg-type]

    def _on_visibility_changed(self, panel_id: str, is_visible: bool) -> None:
        if is_visible:
            self.panel(panel_id)

    def _build(self, panel_id: str) -> None:
        spec = next(spec for spec in PANELS if spec.id == panel_id)
        module, _, name = spec.target.partition(":")
        panel = self._make(getattr(importlib.import_module(module), name))
        panel.setObjectName(f"panel.{panel_id}")
        self._panels[panel_id] = panel
        if spec.scrolls:
            self._docks[panel_id].setWidget(panel)
            return
        self._docks[panel_id].setWidget(_PanelArea(panel))


class _PanelArea(QScrollArea):
    """A panel that scrolls up and down and is never cut at its right."""

    def __init__(self, panel: QWidget) -> None:
        super().__init__()
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setWidget(panel)
        self.viewport().setAutoFillBackground(False)
        panel.setAutoFillBackground(False)

    def minimumSizeHint(self) -> QSize:  # noqa: N802
        """As wide as the panel wants at least, up to the width that panels have at first."""
        hint = super().minimumSizeHint()
        wanted = self.widget().minimumSizeHint().width() + self.verticalScrollBar().sizeHint().width()
        return QSize(max(hint.width(), min(WIDTH_PX, wanted)), hint.height())
