"""The window: menus, tool bar, canvas, panels, notices and the strip of jobs, put together.

It is built in three steps, each with its own imports, so that it stands at once: the bare window; the menus and the start
page (:meth:`MainWindow.fill`, after the first frame); the session, the canvas and the panels
(:attr:`MainWindow.workspace`, in the first idle moment or when something is opened).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QByteArray, QTimer, Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QMainWindow, QWidget

from segstudio.app.settings import Settings

if TYPE_CHECKING:
    from PySide6.QtGui import QAction, QCloseEvent, QDragEnterEvent, QDropEvent, QKeyEvent, QPaintEvent

    from segstudio.app.keymap import Keymap
    from segstudio.app.recent import RecentProjects
    from segstudio.gui.command_palette import CommandPalette
    from segstudio.gui.crash import CrashLog
    from segstudio.gui.tool_bar import ToolBar
    from segstudio.gui.workspace import Workspace

SMALLEST_PX = (960, 600)


class MainWindow(QMainWindow):
    """One window, one project. ``trigger(action_id)`` does whatever a menu, a key or the palette can do."""

    first_frame = Signal()
    """The window was painted for the first time."""
    workspace_ready = Signal()
    """The session, the canvas and the panels stand."""

    filled = Signal()
    """Menus and start page stand."""

    def __init__(
        self,
        settings: Settings | None = None,
        keymap: Keymap | None = None,
        recent: RecentProjects | None = None,
        crash_log: CrashLog | None = None,
        *,
        is_deferred: bool = False,
    ) -> None:
        super().__init__()
        self.settings = Settings() if settings is None else settings
        self.crash_log = crash_log
        self.setObjectName("main_window")
        self.setWindowTitle("segstudio")
        self.setMinimumSize(*SMALLEST_PX)
        self.tool_bar: ToolBar | None = None
        self._workspace: Workspace | None = None
        self._palette: CommandPalette | None = None
        self._is_filled = False
        self._is_dirty = False
        self._has_painted = False
        self._held_key: int | None = None
        self._restore_geometry()
        if is_deferred:
            self.first_frame.connect(partial(self.fill, keymap, recent))
        else:
            self.fill(keymap, recent)

    def fill(self, keymap: Keymap | None = None, recent: RecentProjects | None = None) -> None:
        """Build menus, start page and bars; once."""
        if self._is_filled:
            return
        self._is_filled = True
        from PySide6.QtWidgets import QStackedWidget

        from segstudio.app.keymap import Keymap
        from segstudio.app.recent import RecentProjects
        from segstudio.gui import theme
        from segstudio.gui.action_binding import ActionBinder
        from segstudio.gui.job_strip import JobStrip
        from segstudio.gui.menus import build_menus
        from segstudio.gui.notice_bar import NoticeBar
        from segstudio.gui.start_page import StartPage
        from segstudio.gui.status_bar import StatusLine

        theme.theme_manager().apply(self.settings.text("look.theme"))
        self.keymap = Keymap() if keymap is None else keymap
        self.recent = RecentProjects() if recent is None else recent
        self.binder = ActionBinder(self)
        self.binder.set_keys({action_id: self.keymap.shortcuts(action_id) for action_id in self.binder.specs})
        self.menus = build_menus(self, self.binder)
        self.notices = NoticeBar()
        self.banners = NoticeBar()
        self.start_page = StartPage(self.binder)
        self.pages = QStackedWidget()
        self.pages.addWidget(self.start_page)
        self.job_strip = JobStrip()
        self.status_line = StatusLine()
        self._refresh_timer = QTimer(self)
        self._refresh_timer.setSingleShot(True)
        self._refresh_timer.timeout.connect(self.refresh_actions)
        self._lay_out()
        self._bind_first_actions()
        self.setAcceptDrops(True)
        for menu in self.menus.values():
            menu.hovered.connect(self._on_menu_hovered)
        self.start_page.set_projects(self.recent)
        self.start_page.project_chosen.connect(self._on_project_chosen)
        self.start_page.project_forgotten.connect(self._on_project_forgotten)
        self.recent.changed.connect(self._on_recent_changed)
        self.keymap.changed.connect(self._on_keys_changed)
        theme.theme_manager().changed.connect(self._on_theme_changed)
        app = QGuiApplication.instance()
        if isinstance(app, QGuiApplication):
            app.focusWindowChanged.connect(self._on_focus_window_changed)
        self.refresh_actions()
        self.filled.emit()

    # -- parts -----------------------------------------------------------------------------------------------------

    @property
    def workspace(self) -> Workspace:
        """Session, canvas, tool options, panels and jobs; built at the first call."""
        if self._workspace is None:
            self.fill()
            from segstudio.gui.workspace import Workspace

            self._workspace = Workspace(self)
            self.pages.addWidget(self._workspace.page)
            self.refresh_actions()
            self.workspace_ready.emit()
        return self._workspace

    @property
    def has_workspace(self) -> bool:
        """Whether the workspace stands already."""
        return self._workspace is not None

    @property
    def session(self) -> Any:
        """The session (:class:`segstudio.app.session.Session`)."""
        return self.workspace.session

    # -- doing -----------------------------------------------------------------------------------------------------

    def trigger(self, action_id: str) -> bool:
        """Do what the action does; False when it is not enabled now. KeyError for an unknown id."""
        if action_id not in self.binder.specs:
            raise KeyError(action_id)
        if action_id not in self.binder.bound_ids():
            _ = self.workspace  # Most actions are bound with the workspace.
        if self._is_dirty:
            self.refresh_actions()
        return self.binder.trigger(action_id)

    def open_paths(self, paths: Sequence[Path]) -> None:
        """Open a project folder, images or folders of images."""
        self.workspace.opening.open_paths(paths)

    def show_palette(self) -> None:
        """Ctrl+K."""
        _ = self.workspace
        if self._palette is None:
            from segstudio.gui.command_palette import CommandPalette

            self._palette = CommandPalette(self, self.binder)
        self.refresh_actions()
        self._palette.open()

    @property
    def palette_popup(self) -> CommandPalette | None:
        """The palette, once it was shown."""
        return self._palette

    def show_keyboard_sheet(self) -> None:
        """The `?` key."""
        from segstudio.gui.keyboard_sheet import KeyboardSheet

        _ = self.workspace
        KeyboardSheet(self, self.binder).show()

    def schedule_refresh(self) -> None:
        """Bring actions up to date soon; many calls make one refresh."""
        self._is_dirty = True
        if not self._refresh_timer.isActive():
            self._refresh_timer.start(0)

    def refresh_actions(self) -> None:
        """Enable and check actions as the session stands."""
        self._is_dirty = False
        self._refresh_timer.stop()
        from segstudio.gui.action_binding import Situation

        situation = Situation() if self._workspace is None else self._workspace.situation()
        self.binder.refresh(situation)
        if self._workspace is not None:
            self._workspace.refresh_checks()

    def show_project(self, is_open: bool) -> None:
        """The workspace while a project is open, else the start page."""
        if is_open:
            if self.tool_bar is None:
                from PySide6.QtCore import Qt

                from segstudio.gui.tool_bar import ToolBar

                self.tool_bar = ToolBar(self, self.binder)
                self.tool_bar.grid.spare_px = self.job_strip.room_px
                self.addToolBar(Qt.ToolBarArea.LeftToolBarArea, self.tool_bar)
            self.pages.setCurrentWidget(self.workspace.page)
        else:
            self.pages.setCurrentWidget(self.start_page)
            self.setWindowTitle("segstudio")
            self.start_page.load_thumbnails()
        if self.tool_bar is not None:
            self.tool_bar.setVisible(is_open)
        self.status_line.setVisible(is_open)
        self._show_bottom()

    # -- Qt's own --------------------------------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        """Tell when the first frame stands."""
        super().paintEvent(event)
        if not self._has_painted:
            self._has_painted = True
            QTimer.singleShot(0, self, self._on_first_frame)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        """Keys that act while held."""
        action_id = None if event.isAutoRepeat() else self._held_action(event)
        if action_id is not None and self.binder.is_enabled(action_id):
            self._held_key = event.key()
            self.workspace.set_held(action_id, True)
            return
        super().keyPressEvent(event)

    def keyReleaseEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        """The end of a held key."""
        if self._held_key is not None and event.key() == self._held_key and not event.isAutoRepeat():
            self._release_held()
            return
        super().keyReleaseEvent(event)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:  # noqa: N802
        """Files are welcome anywhere."""
        if dropped_paths(event):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:  # noqa: N802
        """Open what was dropped; a dataset's labels are imported."""
        paths = dropped_paths(event)
        if paths:
            event.acceptProposedAction()
            self.workspace.importing.drop(paths)

    def closeEvent(self, event: QCloseEvent) -> None:  # noqa: N802
        """Leave: nothing needs saving; running jobs are stopped once the user agrees."""
        if self._workspace is not None and not self._workspace.may_close():
            event.ignore()
            return
        self._save_geometry()
        if self._workspace is not None:
            self._workspace.shut_down()
        # Last: closing the project shows the start page, which asks for its pictures.
        if self._is_filled:
            self.start_page.shut_down()
        event.accept()

    def shut_down(self) -> None:
        """Stop jobs and workers and close the project, without asking. Safe to call twice."""
        if self._is_filled:
            self.start_page.shut_down()
        if self._workspace is not None:
            self._workspace.shut_down()

    # -- inside ----------------------------------------------------------------------------------------------------

    def _lay_out(self) -> None:
        from PySide6.QtCore import Qt
        from PySide6.QtWidgets import QSizePolicy, QToolBar, QVBoxLayout

        from segstudio.gui.i18n import tr

        centre = QWidget()
        column = QVBoxLayout(centre)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.banners)
        column.addWidget(self.pages, 1)
        self.notices.lie_over(self.pages)
        self.setCentralWidget(centre)
        bottom = QWidget()
        lines = QVBoxLayout(bottom)
        lines.setContentsMargins(0, 0, 0, 0)
        lines.setSpacing(0)
        lines.addWidget(self.status_line)
        lines.addWidget(self.job_strip)
        bottom.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        # A tool bar, since only those span the panels too and take a widget's own height.
        self.bottom_bar = QToolBar(tr("Status and jobs"))
        self.bottom_bar.setObjectName("bottom_bar")
        self.bottom_bar.setMovable(False)
        self.bottom_bar.setContextMenuPolicy(Qt.ContextMenuPolicy.PreventContextMenu)
        self.bottom_bar.toggleViewAction().setVisible(False)
        self.bottom_bar.addWidget(bottom)
        self.addToolBar(Qt.ToolBarArea.BottomToolBarArea, self.bottom_bar)
        self.status_line.hide()
        self.job_strip.shown_changed.connect(self._show_bottom)
        self._show_bottom()

    def _show_bottom(self) -> None:
        """An empty bottom bar is a stray line."""
        self.bottom_bar.setVisible(not self.status_line.isHidden() or not self.job_strip.isHidden())

    def _bind_first_actions(self) -> None:
        """What the start page offers works before the workspace stands."""
        bind = self.binder.bind
        for action_id in ("file.new_project", "file.open_project", "file.open_images", "file.open_sample"):
            bind(action_id, partial(self._open_way, action_id))
        bind("file.quit", self.close)
        bind("help.palette", self.show_palette)
        bind("help.keys", self.show_keyboard_sheet)

    def _open_way(self, action_id: str) -> None:
        self.workspace.opening.run(action_id)

    def _restore_geometry(self) -> None:
        text = self.settings.text("window.geometry")
        if text and self.restoreGeometry(QByteArray.fromBase64(text.encode("ascii", "ignore"))):
            return
        screen = QGuiApplication.primaryScreen()
        room = screen.availableGeometry() if screen is not None else None
        if room is not None:
            self.resize(min(1600, round(room.width() * 0.9)), min(1000, round(room.height() * 0.9)))

    def _save_geometry(self) -> None:
        self.settings.set("window.geometry", bytes(self.saveGeometry().toBase64().data()).decode("ascii"))
        if self._workspace is not None and self._workspace.has_docks:
            self.settings.set("window.state", self._workspace.docks.save())

    def _held_action(self, event: QKeyEvent) -> str | None:
        from PySide6.QtGui import QKeySequence

        text = QKeySequence(event.keyCombination()).toString(QKeySequence.SequenceFormat.PortableText)
        return self.binder.held_action(text)

    def _release_held(self) -> None:
        if self._held_key is not None:
            self._held_key = None
            if self._workspace is not None:
                self._workspace.release_held()

    def _on_first_frame(self) -> None:
        self.first_frame.emit()
        self.start_page.load_thumbnails()

    def _on_focus_window_changed(self, focus_window: object) -> None:
        """A window that loses the focus hears no key release."""
        if not self.isActiveWindow():
            self._release_held()

    def _on_menu_hovered(self, action: QAction) -> None:
        self.status_line.show_message(action.statusTip())

    def _on_project_chosen(self, folder: str) -> None:
        self.open_paths([Path(folder)])

    def _on_project_forgotten(self, folder: str) -> None:
        self.recent.remove(folder)

    def _on_recent_changed(self) -> None:
        self.start_page.set_projects(self.recent)

    def _on_keys_changed(self, action_id: str) -> None:
        self.binder.set_keys({action_id: self.keymap.shortcuts(action_id)})

    def _on_theme_changed(self) -> None:
        self.binder.refresh_icons()

    def say(self, sentence: str) -> None:
        """Show one sentence above the canvas."""
        self.notices.say(sentence)


def dropped_paths(event: QDropEvent) -> list[Path]:
    """The local files and folders that a drop carries."""
    return [Path(url.toLocalFile()) for url in event.mimeData().urls() if url.isLocalFile()]
