"""The tool bar at the left: groups of buttons in as many columns as its height asks for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import QMainWindow, QSizePolicy, QToolBar, QToolButton, QWidget

from segstudio.gui import theme
from segstudio.gui.i18n import tr

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from PySide6.QtGui import QPaintEvent, QResizeEvent

    from segstudio.gui.action_binding import ActionBinder

ICON_PX = 20
GAP_PX = 2
LINE_PX = 7
"""Height of a line between two groups with the space around it."""
MOST_COLUMNS = 6
TOOL_GROUPS = "tools"
"""Rows of the Label menu whose group begins with this are tools."""
OTHERS: tuple[tuple[str, ...], ...] = (
    ("class.swap", "label.object_mode"),
    ("edit.undo", "edit.redo"),
    ("model.propose_image", "model.accept_all", "model.reject_all"),
)


class ToolBar(QToolBar):
    """The tools, then undo and what a model answers. It is one column if that fits, else two or more: none is hidden."""

    def __init__(self, window: QMainWindow, binder: ActionBinder) -> None:
        super().__init__(tr("Tools"), window)
        self.setObjectName("toolbar")
        self.setMovable(False)
        self.setOrientation(Qt.Orientation.Vertical)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.PreventContextMenu)
        tools = [spec for spec in binder.specs.values() if spec.menu == "Label" and spec.group.startswith(TOOL_GROUPS)]
        named = dict.fromkeys(spec.group for spec in tools)
        groups = [tuple(spec.id for spec in tools if spec.group == name) for name in named]
        groups += [tuple(one for one in group if one in binder.specs) for group in OTHERS]
        self.grid = ToolGrid([[_button(binder, action_id) for action_id in group] for group in groups if group])
        self.addWidget(self.grid)


def _button(binder: ActionBinder, action_id: str) -> QToolButton:
    button = QToolButton()
    action = binder.give_icon(action_id)
    button.setDefaultAction(action)
    button.setObjectName(action_id)
    button.setIconSize(QSize(ICON_PX, ICON_PX))
    button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonIconOnly)
    button.setAccessibleName(action.text())
    button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
    button.setAutoRaise(True)
    return button


class ToolGrid(QWidget):
    """Groups of buttons below one another, parted by thin lines; Tab and the arrow keys go through all."""

    def __init__(self, groups: Sequence[Sequence[QToolButton]]) -> None:
        super().__init__()
        self.groups = [list(group) for group in groups]
        for group in self.groups:
            for button in group:
                button.setParent(self)
        self.columns = 1
        self._line_ys: list[int] = []
        self.spare_px: Callable[[], int] = lambda: 0
        """Height that the window may need for something else at any time: tools must not change place for it."""
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Expanding)

    def sizeHint(self) -> QSize:  # noqa: N802
        """As wide as its columns; the height is what the window has."""
        cell = self._cell()
        return QSize(self.columns * (cell.width() + GAP_PX) - GAP_PX, cell.height())

    minimumSizeHint = sizeHint  # noqa: N815

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        """Take as many columns as it needs to show every button."""
        super().resizeEvent(event)
        height = self.height() - self.spare_px()
        columns = next((n for n in range(1, MOST_COLUMNS) if self.height_of(n) <= height), MOST_COLUMNS)
        if columns != self.columns:
            self.columns = columns
            self.updateGeometry()
        self._place()

    def height_of(self, columns: int) -> int:
        """What so many columns need, in device-independent pixels."""
        rows = sum(-(-len(group) // columns) for group in self.groups)
        return rows * (self._cell().height() + GAP_PX) + (len(self.groups) - 1) * (LINE_PX - GAP_PX) - GAP_PX

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        """The lines between the groups."""
        painter = QPainter(self)
        for y in self._line_ys:
            painter.fillRect(2, y, self.width() - 4, 1, theme.color("border"))
        painter.end()

    def _cell(self) -> QSize:
        size = QSize()
        for group in self.groups:
            for button in group:
                size = size.expandedTo(button.sizeHint())
        return size

    def _place(self) -> None:
        cell = self._cell()
        y, self._line_ys = 0, []
        for group in self.groups:
            if y:
                self._line_ys.append(y - GAP_PX + LINE_PX // 2)
                y += LINE_PX - GAP_PX
            for index, button in enumerate(group):
                row, column = divmod(index, self.columns)
                x = column * (cell.width() + GAP_PX)
                button.setGeometry(x, y + row * (cell.height() + GAP_PX), cell.width(), cell.height())
            y += -(-len(group) // self.columns) * (cell.height() + GAP_PX)
        self.update()
