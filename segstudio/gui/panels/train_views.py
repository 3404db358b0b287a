"""What the train panel draws: data by class, curves, validation pictures."""

from __future__ import annotations

import importlib
import threading
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QRect, QSize, Qt, QTimer
from PySide6.QtGui import QColor, QImage, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QVBoxLayout, QWidget

from segstudio.gui import theme
from segstudio.gui.i18n import tr

if TYPE_CHECKING:
    from segstudio.app.presenters.training import ClassAmount, RunProgress
    from segstudio.ml.train_events import ValidationPicture

ROW_PX = 18
PLOT_PX = 132
IMPORT_POLL_MS = 50
PICTURE_GAP_PX = 4
IGNORED = 255


class ClassBars(QWidget):
    """A line a class: its colour, name, share of the labelled pixels."""

    def __init__(self) -> None:
        super().__init__()
        self._amounts: tuple[ClassAmount, ...] = ()
        self.setAccessibleName(tr("Labelled pixels by class"))
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def show_amounts(self, amounts: Sequence[ClassAmount]) -> None:
        """Show these."""
        self._amounts = tuple(amounts)
        self.setFixedHeight(ROW_PX * len(self._amounts))
        self.setAccessibleDescription(", ".join(f"{one.name} {one.share:.0%}" for one in self._amounts))
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        """Draw the lines."""
        painter = QPainter(self)
        painter.setFont(theme.small_font(self.font()))
        metrics = painter.fontMetrics()
        percent_px = metrics.horizontalAdvance("100.0 %") + 4
        name_px = max(60, (self.width() - percent_px) // 2)
        for row, amount in enumerate(self._amounts):
            top = row * ROW_PX
            painter.fillRect(QRect(0, top + 4, 10, 10), QColor(amount.color))
            name = metrics.elidedText(amount.name, Qt.TextElideMode.ElideRight, name_px - 20)
            painter.setPen(theme.color("text"))
            painter.drawText(QRect(16, top, name_px - 16, ROW_PX), Qt.AlignmentFlag.AlignVCenter, name)
            room = QRect(name_px, top + 6, self.width() - name_px - percent_px - 4, 6)
            painter.fillRect(room, theme.color("border"))
            filled = QRect(room)
            filled.setWidth(max(1 if amount.pixels else 0, round(room.width() * amount.share)))
            painter.fillRect(filled, theme.color("accent"))
            painter.setPen(theme.color("muted"))
            where = QRect(self.width() - percent_px, top, percent_px, ROW_PX)
            align = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
            painter.drawText(where, align, f"{100 * amount.share:.1f} %")
        painter.end()


class Curves(QWidget):
    """Loss and mean IoU over the run.

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
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(4)
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
        ):
            known = [(x, y) for x, y in values if y is not None]
            self._lines[name].setData([x for x, _ in known], [y for _, y in known])
        self.setAccessibleDescription(_last_numbers(progress))

    def clear(self) -> None:
        """A new run begins."""
        self._progress = None
        self._is_imported()
        for line in self._lines.values():
            line.setData([], [])

    def restyle(self) -> None:
        """Take on the theme's colours: built anew."""
        for plot in self._plots:
            self._column.removeWidget(plot)
            plot.close()
            plot.deleteLater()
        self._plots, self._lines = [], {}
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

    def _furnish(self, plot: Any, title: str) -> Iterator[None]:
        self._plots.append(plot)
        yield
        plot.setFixedHeight(PLOT_PX)
        item = plot.getPlotItem()
        item.setLabel("left", title)
        item.setMenuEnabled(False)
        item.hideButtons()
        item.showGrid(x=True, y=True, alpha=0.15)
        item.setMouseEnabled(x=False, y=False)
        for axis in ("left", "bottom"):
            item.getAxis(axis).setPen(theme.color("border_strong"))
            item.getAxis(axis).setTextPen(theme.color("muted"))
            item.getAxis(axis).setStyle(tickFont=theme.small_font(self.font()))
        item.getAxis("left").setWidth(52)
        item.getAxis("left").enableAutoSIPrefix(False)  # else a small loss reads "loss (x0.001)"
        yield
        if title != "mIoU":
            item.addLegend(offset=(-4, 4), labelTextColor=theme.color("text"), labelTextSize="8pt")
            yield
        self._column.addWidget(plot)
        yield


class Pictures(QWidget):
    """Validation images: the image, the truth beside it, the prediction beside that."""

    def __init__(self) -> None:
        super().__init__()
        self._rows: list[tuple[str, tuple[QImage, QImage, QImage]]] = []
        self._shown: object = None
        self.setAccessibleName(tr("Validation images: image, truth, prediction"))
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def show_pictures(self, pictures: Sequence[ValidationPicture], colors: Sequence[str]) -> None:
        """Show these; *colors* are "#rrggbb" by class index."""
        if pictures is self._shown:
            return
        self._shown = pictures
        lut = _colors_lut(colors)
        self._rows = [
            (one.name, (_rgb_image(one.image), _rgb_image(lut[one.truth]), _rgb_image(lut[one.prediction])))
            for one in pictures
        ]
        self.setToolTip("\n".join(name for name, _ in self._rows))
        self.updateGeometry()
        self.setFixedHeight(self.sizeHint().height())
        self.update()

    def sizeHint(self) -> QSize:  # noqa: N802
        """Three pictures across, rows of their own heights."""
        return QSize(
            240, self._head_px() + sum(self._height_of(images[0]) + PICTURE_GAP_PX for _, images in self._rows)
        )

    def resizeEvent(self, event: object) -> None:  # noqa: N802
        """The height follows the width."""
        super().resizeEvent(event)  # type: ignore[arg-type]
        self.setFixedHeight(self.sizeHint().height())

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        """Draw the rows."""
        if not self._rows:
            return
        painter = QPainter(self)
        painter.setFont(theme.small_font(self.font()))
        painter.setPen(theme.color("muted"))
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        cell_px = self._cell_px()
        for column, title in enumerate((tr("image"), tr("truth"), tr("prediction"))):
            x = column * (cell_px + PICTURE_GAP_PX)
            painter.drawText(QRect(x, 0, cell_px, self._head_px()), Qt.AlignmentFlag.AlignVCenter, title)
        y = self._head_px()
        for _, images in self._rows:
            height = self._height_of(images[0])
            for column, image in enumerate(images):
                painter.drawImage(QRect(column * (cell_px + PICTURE_GAP_PX), y, cell_px, height), image)
            y += height + PICTURE_GAP_PX
        painter.end()

    def _head_px(self) -> int:
        return 18 if self._rows else 0

    def _cell_px(self) -> int:
        return max(16, (self.width() - 2 * PICTURE_GAP_PX) // 3)

    def _height_of(self, image: QImage) -> int:
        return max(8, round(self._cell_px() * image.height() / max(1, image.width())))


def _rgb_image(array: Any) -> QImage:
    height, width = array.shape[:2]
    return QImage(array.tobytes(), width, height, 3 * width, QImage.Format.Format_RGB888).copy()


def _colors_lut(colors: Sequence[str]) -> Any:
    import numpy as np

    lut = np.zeros((256, 3), np.uint8)
    for index, text in enumerate(colors[:256]):
        one = QColor(text)
        lut[index] = (one.red(), one.green(), one.blue())
    lut[IGNORED] = 128
    return lut


def _last_numbers(progress: RunProgress) -> str:
    if not progress.epochs:
        return ""
    last = progress.epochs[-1]
    return f"{tr('epoch')} {last.epoch}, {tr('loss')} {last.train_loss:.3f}, mIoU {last.mean_iou or 0:.3f}"
