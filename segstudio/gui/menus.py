"""The menu bar, built from the action table."""

from __future__ import annotations

from functools import partial

from PySide6.QtWidgets import QMainWindow, QMenu

from segstudio.app.actions import MENUS, ActionSpec
from segstudio.gui.action_binding import ActionBinder
from segstudio.gui.i18n import tr_table


def build_menus(window: QMainWindow, binder: ActionBinder) -> dict[str, QMenu]:
    """Fill the menu bar; the menus by their English names."""
    menus: dict[str, QMenu] = {}
    for name in MENUS:
        menu = window.menuBar().addMenu(tr_table("actions", name))
        menu.setObjectName(f"menu.{name}")
        menu.setToolTipsVisible(False)
        menus[name] = menu
        _fill(menu, binder, [spec for spec in binder.specs.values() if spec.menu == name])
    return menus


def _fill(menu: QMenu, binder: ActionBinder, specs: list[ActionSpec]) -> None:
    """Actions in the table's order, a line between groups; a sub-menu stands where its first action would."""
    submenus: dict[str, QMenu] = {}
    last_group: dict[QMenu, str] = {}
    for spec in specs:
        target = menu
        if spec.submenu and spec.submenu not in submenus:
            _separate(menu, spec.group, last_group)
            submenus[spec.submenu] = menu.addMenu(tr_table("actions", spec.submenu))
            submenus[spec.submenu].setObjectName(f"{menu.objectName()}.{spec.submenu}")
        if spec.submenu:
            target = submenus[spec.submenu]
        _separate(target, spec.group, last_group)
        target.addAction(binder.action(spec.id))
    for each in (menu, *submenus.values()):
        each.aboutToShow.connect(partial(_give_icons, each, binder))


def _separate(menu: QMenu, group: str, last_group: dict[QMenu, str]) -> None:
    if menu in last_group and last_group[menu] != group:
        menu.addSeparator()
    last_group[menu] = group


def _give_icons(menu: QMenu, binder: ActionBinder) -> None:
    """Draw a menu's icons; done when it is first shown, not at start."""
    for action in menu.actions():
        if action.objectName() in binder.specs:
            binder.give_icon(action.objectName())
