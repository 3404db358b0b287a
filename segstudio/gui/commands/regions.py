"""Label menu, Regions: operations on whole regions; those with parameters open a card over the canvas."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QTimer

from segstudio.app.region_desk import RegionDesk
from segstudio.app.region_requests import OPS
from segstudio.gui.i18n import tr

if TYPE_CHECKING:
    from segstudio.gui.panels.region_popover import RegionPopover
    from segstudio.gui.workspace import Workspace

AT_ONCE = ("split_pieces", "merge", "clear_class")
"""Operations without parameters: done as soon as they are chosen."""
TICK_MS = 300


def bind(workspace: Workspace) -> None:
    """Say what the actions do."""
    session, bind_action = workspace.session, workspace.binder.bind
    regions = Regions(workspace)
    for op_id in OPS:
        act = partial(regions.apply if op_id in AT_ONCE else regions.open_card, op_id)
        if op_id == "merge":
            bind_action(f"region.{op_id}", act, when=lambda: len(session.selected_objects) > 1)
        else:
            bind_action(f"region.{op_id}", act)


class Regions:
    """The desk and its card; the card is made when it is first asked for."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self.desk = RegionDesk(workspace.session, workspace.tool_work)
        self._card: RegionPopover | None = None
        workspace.regions = self
        self._job_id = ""
        self._tick = QTimer(workspace, interval=TICK_MS)
        self._tick.timeout.connect(self._show_progress)
        self.desk.changed.connect(self._on_changed)

    @property
    def card(self) -> RegionPopover:
        """The card with the parameters."""
        if self._card is None:
            from segstudio.gui.panels.region_popover import RegionPopover

            self._card = RegionPopover(self.desk, self._workspace.canvas)
        return self._card

    def open_card(self, op_id: str) -> None:
        """Show the parameters of an operation."""
        self._workspace.jobs.refine.close_card()
        self.card.open_card(op_id)

    def close_card(self) -> None:
        """Leave the card, if it is open, without changing anything."""
        if self._card is not None:
            self._card.close_card()

    def apply(self, op_id: str) -> None:
        """Do an operation that needs no parameter."""
        if self._card is not None:
            self._card.close_card()
        self.desk.apply(op_id)

    def _on_changed(self) -> None:
        if self.desk.is_applying:
            if not self._tick.isActive():
                self._tick.start()
            return
        self._tick.stop()
        if self._job_id:
            self._workspace.jobs.end(self._job_id)
            self._job_id = ""

    def _show_progress(self) -> None:
        """What takes longer than a moment stands in the job strip, unless the card shows it."""
        if self._card is not None and not self._card.isHidden():
            return
        jobs = self._workspace.jobs
        if not self._job_id:
            self._job_id = jobs.begin(tr("Changing regions"), self.desk.cancel)
        jobs.report(self._job_id, *self.desk.progress)
