"""The curves of a run: loss, mean IoU and that of each class, learning rate."""

from __future__ import annotations

import html
import importlib
import threading
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QLabel, QVBoxLayout, QWidget

from segstudio.gui import theme
from segstudio.gui.i18n import tr
from segstudio.gui.panels.plots import dress

if TYPE_CHECKING:
    from segstudio.app.presenters.training import RunProgress

PLOT_PX = 132
RATE_PX = 84
IMPORT_POLL_MS = 50
LEAST_CONTRAST = 1.6
"""WCAG's ratio that a thin line needs at least to be seen."""
MOST_CLASSES = 12
"""More lines than this nobody can tell apart; the report of the run has them all."""


def seen_color(color: str) -> QColor:
    """A class's colour as a line that can be told from the ground; the colour of quiet text for one that can't."""
    is_seen = theme.contrast(QColor(color).name(), theme.color("panel").name()) >= LEAST_CONTRAST
    return QColor(color) if is_seen else theme.color("muted")


class ClassLegend(QLabel):
    """The classes in their colours with their latest IoU, wrapped over as many lines as it takes."""

    def __init__(self) -> None:
        super().__init__()
        self.setTextFormat(Qt.TextFormat.RichText)
        self.setWordWrap(True)
        self.setFont(theme.small_font(self.font()))
        self.setAccessibleName(tr("IoU by class"))
        self.hide()

    def show_classes(
        self, classes: Sequence[tuple[str, str]], latest: Sequence[float | None], left_out: int = 0
    ) -> None:
        """*classes* are (name, "#rrggbb"), *latest* their IoU; *left_out* more have no line."""
        parts = []
        for (name, color), value in zip(classes, latest, strict=True):
            shown = "–" if value is None else f"{value:.2f}"
            mark = f'<span style="color:{seen_color(color).name()}">■</span>'
            parts.append(f'<span style="white-space:nowrap">{mark}\u00a0{html.escape(name)}\u00a0{shown}</span>')
        if left_out > 0:
            parts.append(tr("and %n more", left_out))
        self.setText(" &nbsp; ".join(parts))
        self.setVisible(bool(parts))

    def clear(self) -> None:
        """Nothing to show."""
        super().clear()
        self.hide()


class Curves(QWidget):
    """Loss, mean IoU with each class's own, and learning rate over the run.

    pyqtgraph takes 0.4 s to import and the plots up to 100 ms to build: the import goes to a thread when a run begins, the
    plots are built a part at each turn of the event loop, and until both stand the numbers wait.
    """

    def __init__(self) -> None:
        super().__init__()
        self._plots: list[Any] = []
        self._lines: dict[str, Any] = {}
        self._progress: RunProgress | None = None
        self._building: Iterator[None] | None = None
        self._is_built = False
        self._import: threading.Thread | None = None
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._advance)
        self._classes: tuple[tuple[str, str], ...] = ()
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(4)
        self.legend = ClassLegend()
        self._column.addWidget(self.legend)
        self.setAccessibleName(tr("Curves of loss and mean IoU"))

    def show_progress(self, progress: RunProgress) -> None:
        """Draw what the run has said so far."""
        if progress.step_losses or progress.epochs:
            self._progress = progress
            self._advance()

    def _advance(self) -> None:
        """Take the next step towards curves that show the latest numbers."""
        progress = self._progress
        if progress is None:
            return
        if not self._is_imported():
            self._timer.start(IMPORT_POLL_MS)
        elif not self._is_built:
            self._building = self._build() if self._building is None else self._building
            self._is_built = next(self._building, self) is self
            self._timer.start(0)
        else:
            self._draw(progress)

    def _is_imported(self) -> bool:
        if self._import is None:
            self._import = threading.Thread(
                target=importlib.import_module, args=("pyqtgraph",), name="import pyqtgraph"
            )
            self._import.start()
        return not self._import.is_alive()

    def _draw(self, progress: RunProgress) -> None:
        steps_per_epoch = progress.started.steps_per_epoch if progress.started is not None else 0
        if steps_per_epoch and progress.step_losses:
            x = [step / steps_per_epoch for step, _ in progress.step_losses]
            self._lines["step"].setData(x, [loss for _, loss in progress.step_losses])
        epochs = [event.epoch for event in progress.epochs]
        self._lines["train"].setData(epochs, [event.train_loss for event in progress.epochs])
        for name, values in (
            ("val", [(event.epoch, event.val_loss) for event in progress.epochs]),
            ("iou", [(event.epoch, event.mean_iou) for event in progress.epochs]),
            ("lr", [(event.epoch, event.lr) for event in progress.epochs]),
        ):
            self._show_line(name, values)
        self._draw_classes(progress)
        self.setAccessibleDescription(_last_numbers(progress))

    def _show_line(self, name: str, values: list[tuple[int, float | None]]) -> None:
        known = [(x, y) for x, y in values if y is not None]
        self._lines[name].setData([x for x, _ in known], [y for _, y in known])

    def _draw_classes(self, progress: RunProgress) -> None:
        """A thin line for each class in its colour, and the last value of each below."""
        import pyqtgraph as pg

        if progress.started is None or len(progress.started.classes) < 2:
            return
        classes = tuple(zip(progress.started.classes, progress.started.colors, strict=False))[:MOST_CLASSES]
        if classes != self._classes:
            self._forget_classes()
            self._classes = classes
            score = self._plots[1]
            for name, color in classes:
                self._lines[f"class {name}"] = score.plot(pen=pg.mkPen(seen_color(color), width=1))
                # Below the mean, which is what counts.
                self._lines[f"class {name}"].setZValue(-1)
        latest: list[float | None] = [None] * len(classes)
        for index, (name, _) in enumerate(classes):
            values = [(e.epoch, e.per_class_iou[index]) for e in progress.epochs if index < len(e.per_class_iou)]
            self._show_line(f"class {name}", values)
            latest[index] = next((y for _, y in reversed(values) if y is not None), None)
        self.legend.show_classes(classes, latest, len(progress.started.classes) - len(classes))

    def _forget_classes(self) -> None:
        for name, _ in self._classes:
            line = self._lines.pop(f"class {name}", None)
            if line is not None and len(self._plots) > 1:
                self._plots[1].removeItem(line)
        self._classes = ()

    def clear(self) -> None:
        """A new run begins."""
        self._progress = None
        self._is_imported()
        self._forget_classes()
        self.legend.clear()
        for line in self._lines.values():
            line.setData([], [])

    def restyle(self) -> None:
        """Take on the theme's colours: built anew."""
        for plot in self._plots:
            self._column.removeWidget(plot)
            plot.close()
            plot.deleteLater()
        self._plots, self._lines, self._classes = [], {}, ()
        self._building, self._is_built = None, False
        self._advance()

    def _build(self) -> Iterator[None]:
        """Build both plots, a part at a time."""
        import pyqtgraph as pg

        item = pg.PlotItem()  # a step of its own: item and view together are the longest piece of all
        yield
        loss = pg.PlotWidget(self, background=theme.color("panel"), plotItem=item)
        yield from self._furnish(loss, tr("loss"))
        faint = QColor(theme.color("muted"))
        faint.setAlpha(90)
        self._lines["step"] = loss.plot(pen=pg.mkPen(faint, width=1))
        yield
        self._lines["train"] = loss.plot(pen=pg.mkPen(theme.color("accent"), width=2), name=tr("training"))
        yield
        self._lines["val"] = loss.plot(pen=pg.mkPen(theme.color("warning"), width=2), name=tr("validation"))
        yield
        item = pg.PlotItem()
        yield
        score = pg.PlotWidget(self, background=theme.color("panel"), plotItem=item)
        yield from self._furnish(score, "mIoU")
        score.setYRange(0, 1)
        good = theme.color("good")
        self._lines["iou"] = score.plot(
            pen=pg.mkPen(good, width=2), symbol="o", symbolSize=4, symbolBrush=good, symbolPen=None
        )
        yield
        item = pg.PlotItem()
        yield
        rate = pg.PlotWidget(self, background=theme.color("panel"), plotItem=item)
        yield from self._furnish(rate, tr("rate"), RATE_PX)
        axis = item.getAxis("left")
        axis.setStyle(maxTickLevel=0)
        axis.tickStrings = lambda values, scale, spacing: [
            f"{v:.0e}".replace("e-0", "e-") if v else "0" for v in values
        ]
        self._lines["lr"] = rate.plot(pen=pg.mkPen(theme.color("muted"), width=2))

    def _furnish(self, plot: Any, title: str, height_px: int = PLOT_PX) -> Iterator[None]:
        self._plots.append(plot)
        yield
        plot.setFixedHeight(height_px)
        item = plot.getPlotItem()
        dress(item, title, self)
        yield
        if title == tr("loss"):
            item.addLegend(offset=(-4, 4), labelTextColor=theme.color("text"), labelTextSize="8pt")
            yield
        # What the classes' lines mean stands between the plot that has them and the next.
        self._column.insertWidget(self._column.count() if title == tr("rate") else self._column.count() - 1, plot)
        yield


def _last_numbers(progress: RunProgress) -> str:
    if not progress.epochs:
        return ""
    last = progress.epochs[-1]
    return f"{tr('epoch')} {last.epoch}, {tr('loss')} {last.train_loss:.3f}, mIoU {last.mean_iou or 0:.3f}"
