"""What the window shows while a project is open: canvas, tool options, panels; and the session behind them."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, QTimer
from PySide6.QtWidgets import QVBoxLayout, QWidget

from segstudio.app.map_position import position_text
from segstudio.app.session import Session
from segstudio.app.session_edits import NO_CLASS
from segstudio.app.tools.base import ToolContext
from segstudio.app.tools.toolbox import ToolBox
from segstudio.gui.action_binding import Situation
from segstudio.gui.background import Background, SlotBackground
from segstudio.gui.canvas.widget import CanvasWidget
from segstudio.gui.commands import edit, file, help_, label, learning, model, next_, planes, regions, train, view
from segstudio.gui.docks import Docks
from segstudio.gui.effort_control import EffortControl
from segstudio.gui.i18n import tr
from segstudio.gui.image_adding import ImageAdder
from segstudio.gui.image_files import ImageFilesControl
from segstudio.gui.importing import Importing
from segstudio.gui.imports import EarlyImports, calm_imports
from segstudio.gui.job_center import JobCenter
from segstudio.gui.look_control import LookControl
from segstudio.gui.notice_bar import HINT, Offer
from segstudio.gui.opening import Opening
from segstudio.gui.panels.plane_bar import PlaneBar
from segstudio.gui.panels.tool_options import ToolOptions
from segstudio.gui.reader_opening import ReaderOpener

if TYPE_CHECKING:
    from segstudio.gui.commands.regions import Regions
    from segstudio.gui.main_window import MainWindow


RETRY_MS = 5000


class Workspace(QObject):
    """Owns the session and everything that shows it. Made once a window, after its first frame."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self.window = window
        self.settings = window.settings
        self.settings.schedule = lambda flush: QTimer.singleShot(400, self, flush)
        self.binder = window.binder
        self.session = Session(self.settings)
        calm_imports()
        self.early_imports = EarlyImports()
        self.early_imports.start()
        self.reader_opener = ReaderOpener(self.session, self)
        self.background = Background(self)
        self.session.proposals.run_in_background = self.background.run
        self.session.open_reader = self.reader_opener.request
        self.tool_work = SlotBackground(self)
        self.toolbox = ToolBox(ToolContext(self.session, self.settings, background=self.tool_work))
        self.canvas = CanvasWidget(self.session, self.toolbox)
        self.effort = EffortControl(self)
        self.looks = LookControl(self)
        self.jobs = JobCenter(self)
        self.toolbox.context.prompts = self.jobs.prompts.desk
        self.opening = Opening(self)
        self.adder = ImageAdder(self)
        self.image_files = ImageFilesControl(self)
        self.importing = Importing(self)
        self.regions: Regions | None = None
        """Operations on whole regions, once their actions are bound."""
        self._docks: Docks | None = None
        self._held: str | None = None
        # Edits that a full disk refused are tried again until it takes them.
        self._retry_timer = QTimer(self)
        self._retry_timer.setInterval(RETRY_MS)
        self._retry_timer.timeout.connect(self._on_retry)
        self.page = QWidget()
        self.page.setObjectName("workspace")
        column = QVBoxLayout(self.page)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.canvas, 1)
        self.plane_bar = self.make_panel(PlaneBar)
        column.addWidget(self.plane_bar)
        self.tool_options = self.make_panel(ToolOptions)
        column.addWidget(self.tool_options)
        self._connect()
        self.binder.set_canvas(self.canvas)
        for part in (file, edit, view, label, regions, model, next_, planes, train, learning, help_):
            part.bind(self)

    # -- panels ----------------------------------------------------------------------------------------------------

    @property
    def has_docks(self) -> bool:
        """Whether the panels' docks stand already."""
        return self._docks is not None

    @property
    def docks(self) -> Docks:
        """The panels; made when a project is first opened."""
        if self._docks is None:
            self._docks = Docks(self.window, self.make_panel)
            self._docks.restore(self.settings.text("window.state"))
        return self._docks

    def docks_shown(self, is_shown: bool) -> None:
        """Show or hide all panels; the canvas takes the room."""
        self.docks.set_shown(is_shown)
        self.window.schedule_refresh()

    def make_panel(self, kind: type[QWidget]) -> QWidget:
        """Build a panel with what its constructor asks for by name: session, settings, toolbox, binder, workspace …"""
        have: dict[str, Any] = {
            "session": self.session,
            "settings": self.settings,
            "toolbox": self.toolbox,
            "binder": self.binder,
            "trigger": self.window.trigger,
            "workspace": self,
            "window": self.window,
            "jobs": self.jobs,
        }
        wanted = inspect.signature(kind.__init__).parameters
        panel = kind(**{name: value for name, value in have.items() if name in wanted})
        reveal = getattr(panel, "reveal_requested", None)
        if reveal is not None:
            reveal.connect(self.canvas.show_rect)
        return panel

    # -- state -----------------------------------------------------------------------------------------------------

    def situation(self) -> Situation:
        """What is there, as far as actions ask."""
        session = self.session
        return Situation(
            has_project=session.is_open,
            has_image=session.image is not None,
            can_edit=session.can_edit,
            has_proposal=session.image is not None and session.proposals.has_proposal,
            has_object=session.active_object is not None,
        )

    def refresh_checks(self) -> None:
        """Check the checkable actions as the session stands."""
        for part in (view, label, planes, train, learning):
            part.refresh_checks(self)

    def set_held(self, action_id: str, is_held: bool) -> None:
        """A key that acts while held went down or up."""
        self._held = action_id if is_held else None
        if action_id == "view.hide_labels":
            view.hide_labels(self, is_held)

    def release_held(self) -> None:
        """Whatever is held ends."""
        if self._held is not None:
            self.set_held(self._held, False)

    def may_close(self) -> bool:
        """Whether the window may close now: asks when a job would be stopped."""
        return self.jobs.may_stop_all() and self.opening.may_drop_unsaved()

    def shut_down(self) -> None:
        """Stop jobs and workers, close the project. Safe to call twice."""
        self._retry_timer.stop()
        self.looks.shut_down()
        self.early_imports.shut_down()
        self.importing.shut_down()
        self.jobs.shut_down()
        self.adder.shut_down()
        self.image_files.shut_down()
        self.session.close_project(discard=True)
        self.background.shut_down()
        self.tool_work.shut_down()
        self.settings.schedule = None
        self.settings.flush()
        self.reader_opener.shut_down()
        self.canvas.shut_down()
        if self._docks is not None:
            for panel in self._docks.built_panels().values():
                end = getattr(panel, "shut_down", None)
                if end is not None:
                    end()

    # -- what the session tells --------------------------------------------------------------------------------------

    def _connect(self) -> None:
        session = self.session
        session.notice.connect(self._on_notice)
        session.project_changed.connect(self._on_project_changed)
        session.image_changed.connect(self._on_image_changed)
        session.reader_changed.connect(self._on_reader_changed)
        self.reader_opener.refined.connect(self.canvas.refresh_picture)
        session.plane_changed.connect(self._on_plane_changed)
        session.images_changed.connect(self._on_images_changed)
        for signal in (
            session.history_changed,
            session.selection_changed,
            session.overlay_changed,
            session.classes_changed,
            session.display_changed,
        ):
            signal.connect(self.window.schedule_refresh)
        session.classes_changed.connect(self._on_classes_changed)
        session.image_record_changed.connect(self._on_record_changed)
        session.layer_changed.connect(self._on_layer_changed)
        self.toolbox.tool_changed.connect(self._on_tool_changed)
        self.toolbox.context.steps_changed.connect(self.window.schedule_refresh)
        self.settings.changed.connect(self._on_setting_changed)
        self.canvas.cursor_moved.connect(self.window.status_line.show_cursor)
        self.canvas.cursor_left.connect(self.window.status_line.clear_cursor)
        self.canvas.zoom_changed.connect(self.window.status_line.show_zoom)
        self.canvas.files_dropped.connect(self.importing.drop)
        self.canvas.pressed.connect(lambda: self.window.notices.dismiss_key(HINT))

    def _on_retry(self) -> None:
        if self.session.has_unsaved:
            self.session.retry_writing()
        else:
            self._retry_timer.stop()

    def _on_classes_changed(self) -> None:
        for message in self.window.notices.messages:
            if message.sentence == tr(NO_CLASS):
                message.dismiss()

    def _on_notice(self, sentence: str) -> None:
        # What a tool says to a press has had its time with the next one: hints never pile up.
        self.window.notices.say(tr(sentence), key=HINT if self.canvas.is_in_hand else "")
        if self.session.is_open and self.session.has_unsaved:
            self._retry_timer.start()

    def _on_project_changed(self) -> None:
        session, window = self.session, self.window
        window.banners.dismiss_key("read-only")
        self.jobs.on_project_changed()
        if session.is_open:
            docks = self.docks
            window.show_project(True)
            self._show_views()
            docks.set_shown(True)
            docks.build_visible()
            self.opening.remember()
            if session.is_read_only:
                reason = getattr(session.store, "read_only_reason", "") or tr("The project can't be written.")
                offer = Offer(tr("Try again"), self.opening.reopen)
                window.banners.say(
                    tr("Read-only: %1 Looking and exporting work; edits don't.").replace("%1", reason.rstrip() + " "),
                    "warning",
                    (offer,),
                    key="read-only",
                    stays=True,
                )
            self.canvas.setFocus()
        else:
            if self._docks is not None:
                self._docks.set_shown(False)
            window.show_project(False)
        self._on_image_changed()

    def _show_views(self) -> None:
        """The panel of a volume's other planes comes and goes with volumes."""
        if self._docks is not None:
            self._docks.set_volume(self.session.is_volume and self.settings.flag("views.shown"))

    def _on_images_changed(self) -> None:
        self.window.schedule_refresh()
        self.opening.remember()
        self._show_title()

    def _on_image_changed(self) -> None:
        self._show_title()
        self.window.status_line.clear_cursor()
        self._on_plane_changed(self.session.plane)
        self._show_views()
        self.window.schedule_refresh()
        self._on_reader_changed()

    def _on_plane_changed(self, z: int) -> None:
        self.window.status_line.show_plane(z, self.session.plane_count)

    def _on_reader_changed(self) -> None:
        session = self.session
        record = session.image
        hint = ""
        if session.is_open and not session.images:
            hint = tr("Drop images here, or press Ctrl+I to add some.")
        self.canvas.set_hint(hint)
        text = ""
        if record is not None:
            text = f"{record.width} × {record.height}"
            if getattr(record, "depth", 1) > 1:
                text += f" × {record.depth}"
            text += f"  {record.bands} × {record.dtype}" if record.bands else ""
        self.window.status_line.show_image(text)
        self._show_place()
        self.window.schedule_refresh()

    def _show_place(self) -> None:
        """Positions in the world, where the image has some."""
        session, reader = self.session, self.session.reader
        if reader is None:
            self.window.status_line.set_place(None)
            return
        info = reader.info

        def place(x: int, y: int) -> str:
            return position_text(info.metadata, x, y, session.plane)

        self.window.status_line.set_place(place, info.width, info.height)

    def _on_record_changed(self, image_id: int) -> None:
        self.window.schedule_refresh()

    def _on_layer_changed(self, layer_id: int, rect: object) -> None:
        proposal = self.session.proposal
        if proposal is not None and proposal.id == layer_id:
            self.window.schedule_refresh()

    def _on_tool_changed(self, tool_id: str) -> None:
        self.window.schedule_refresh()

    def _on_setting_changed(self, key: str, value: object) -> None:
        if key == "look.theme":
            from segstudio.gui.theme import theme_manager

            theme_manager().apply(str(value))
        elif key == "look.language":
            self.opening.offer_restart(tr("The language changes when segstudio opens again."))
        elif key == "views.shown":
            self._show_views()
        elif key == "model.device":
            self.jobs.show_device()
        self.window.schedule_refresh()

    def _show_title(self) -> None:
        session = self.session
        parts = []
        if session.image is not None:
            parts.append(session.image.name)
        if session.folder is not None:
            parts.append(session.folder.name)
        self.window.setWindowTitle(" – ".join([*parts, "segstudio"]))
