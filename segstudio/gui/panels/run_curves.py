"""Curves of several runs over each other: mean IoU and loss by epoch."""

from __future__ import annotations

import importlib
import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import QVBoxLayout, QWidget

from segstudio.gui import theme
from segstudio.gui.dialogs.common import muted
from segstudio.gui.i18n import tr
from segstudio.gui.panels.plots import dress
from segstudio.ml.runs.curves import LINE_COLORS

if TYPE_CHECKING:
    from segstudio.ml.runs.record import RunRecord

IMPORT_POLL_MS = 50
PLOT_PX = 150


def run_color(place: int) -> str:
    """The colour of the run in this place among those that are drawn."""
    return LINE_COLORS[place % len(LINE_COLORS)]


class RunCurves(QWidget):
    """Two plots; pyqtgraph, slow to import, comes in a thread while the list can be used already."""

    def __init__(self) -> None:
        super().__init__()
        self._runs: tuple[RunRecord, ...] = ()
        self._plots: list[Any] = []
        self._import: threading.Thread | None = None
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._advance)
        self._note = muted("")
        self._note.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(4)
        self._column.addWidget(self._note)
        self.setMinimumHeight(2 * PLOT_PX)
        self.setAccessibleName(tr("Curves of mean IoU and loss"))
        theme.theme_manager().changed.connect(self._restyle)

    @property
    def drawn(self) -> dict[str, list[float]]:
        """Run → the mean IoUs that stand in the plot."""
        items = self._plots[0].getPlotItem().listDataItems() if self._plots else []
        return {item.name(): [float(y) for y in item.getData()[1]] for item in items}

    def show_runs(self, runs: Sequence[RunRecord]) -> None:
        """Draw these over each other."""
        self._runs = tuple(runs)
        self.setAccessibleDescription(", ".join(run.name for run in runs))
        self._advance()

    def _advance(self) -> None:
        has_points = any(run.epochs for run in self._runs)
        self._note.setText("" if has_points else tr("No epoch to draw yet. Choose a run, or tick several to compare."))
        self._note.setVisible(not has_points)
        for plot in self._plots:
            plot.setVisible(has_points)
        if not has_points:
            return
        if self._import is None:
            self._import = threading.Thread(target=importlib.import_module, args=("pyqtgraph",), name="import pyqtgraph")  # fmt: skip
            self._import.start()
        if self._import.is_alive():
            self._timer.start(IMPORT_POLL_MS)
        elif len(self._plots) < 2:
            self._plots.append(self._built("mIoU" if not self._plots else tr("loss")))
            self._timer.start(0)
        else:
            self._draw()

    def _draw(self) -> None:
        import pyqtgraph as pg

        for plot in self._plots:
            plot.clear()
        for place, run in enumerate(self._runs):
            color = run_color(place)
            for plot, key, style in (
                (self._plots[0], "mean_iou", Qt.PenStyle.SolidLine),
                (self._plots[1], "train_loss", Qt.PenStyle.SolidLine),
                (self._plots[1], "val_loss", Qt.PenStyle.DashLine),
            ):
                points = run.curve(key)
                if points:
                    xs, ys = [x for x, _ in points], [y for _, y in points]
                    symbol = "o" if len(points) == 1 else None
                    pen = pg.mkPen(color, width=2, style=style)
                    plot.plot(xs, ys, pen=pen, name=run.name, symbol=symbol, symbolBrush=color, symbolSize=5)

        longest = max((run.epochs[-1]["epoch"] for run in self._runs if run.epochs), default=1)
        for plot in self._plots:
            major = float(next((step for step in (1, 2, 5, 10, 20, 50, 100, 200, 500) if longest / step <= 10), 1000))
            plot.getPlotItem().getAxis("bottom").setTickSpacing(major, major)  # there is no half epoch

    def _built(self, title: str) -> Any:
        import pyqtgraph as pg

        plot = pg.PlotWidget(self, background=theme.color("panel"))
        plot.setMinimumHeight(PLOT_PX)
        item = plot.getPlotItem()
        dress(item, title, self)
        if not self._plots:
            plot.setYRange(0, 1)
        else:
            item.setLabel("bottom", tr("epoch; dashed: validation"))
        self._column.addWidget(plot, 1)
        return plot

    def _restyle(self) -> None:
        for plot in self._plots:
            self._column.removeWidget(plot)
            plot.close()
            plot.deleteLater()
        self._plots = []
        self._advance()
