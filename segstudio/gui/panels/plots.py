"""How every plot of the panels looks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from segstudio.gui import theme

if TYPE_CHECKING:
    from PySide6.QtWidgets import QWidget

AXIS_PX = 52


def dress(item: Any, title: str, owner: QWidget) -> None:
    """Give pyqtgraph's plot *item* the theme's colours and *owner*'s small font; it can be looked at, not dragged."""
    item.setLabel("left", title)
    item.setMenuEnabled(False)
    item.hideButtons()
    item.showGrid(x=True, y=True, alpha=0.15)
    item.setMouseEnabled(x=False, y=False)
    for axis in ("left", "bottom"):
        item.getAxis(axis).setPen(theme.color("border_strong"))
        item.getAxis(axis).setTextPen(theme.color("muted"))
        item.getAxis(axis).setStyle(tickFont=theme.small_font(owner.font()))
    item.getAxis("left").setWidth(AXIS_PX)
    item.getAxis("left").enableAutoSIPrefix(False)  # else a small loss reads "loss (x0.001)"
