"""The tool bar: every tool in sight and in reach on any screen."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QMenu

from segstudio.gui.job_strip import JobView
from tests.gui.window_help import open_project, open_window

SIZES = [((1366, 700), {2}), ((1920, 1000), {1, 2}), ((1200, 1800), {1}), ((1366, 400), {3, 4})]
"""Sizes of the window, and how many columns of tools it may have then."""


@pytest.mark.parametrize(("size", "columns"), SIZES)
def test_no_button_is_hidden_at_any_height(qtbot, tmp_path: Path, size: tuple[int, int], columns: set[int]) -> None:
    with open_window(qtbot) as window:
        open_project(window, tmp_path, qtbot, images=0)
        window.resize(*size)
        QApplication.processEvents()
        assert window.tool_bar is not None
        grid = window.tool_bar.grid
        buttons = [button for group in grid.groups for button in group]
        shown = {button.objectName() for button in buttons}
        assert {f"tool.{tool}" for tool in window.workspace.toolbox.ids()} <= shown
        assert all(button.isVisible() and grid.rect().contains(button.geometry()) for button in buttons)
        places = [button.geometry() for button in buttons]
        assert not any(a.intersects(b) for i, a in enumerate(places) for b in places[:i])
        assert grid.columns in columns
        window.job_strip.show_job(JobView("a", "Learning", 1, 2))
        QApplication.processEvents()
        assert grid.columns in columns and all(grid.rect().contains(button.geometry()) for button in buttons)
        if size[1] >= 700:  # tools stay where they are, whether something runs or not
            assert [button.geometry() for button in buttons] == places


def test_buttons_are_reached_by_keys_and_say_their_own(qtbot, tmp_path: Path) -> None:
    with open_window(qtbot) as window:
        open_project(window, tmp_path, qtbot, images=1)
        assert window.tool_bar is not None
        buttons = {b.objectName(): b for group in window.tool_bar.grid.groups for b in group}
        lasso = buttons["tool.lasso"]
        assert "L" in lasso.toolTip() and lasso.accessibleName() == "Lasso"
        assert "Shift+U" in buttons["tool.ellipse"].toolTip()
        lasso.setFocus(Qt.FocusReason.TabFocusReason)
        QTest.keyClick(lasso, Qt.Key.Key_Tab)
        assert QApplication.focusWidget() is buttons["tool.polygon"]
        QTest.keyClick(buttons["tool.polygon"], Qt.Key.Key_Space)
        assert window.workspace.toolbox.chosen_id == "polygon" and buttons["tool.polygon"].isChecked()


def test_no_menu_is_higher_than_a_small_screen(qtbot, tmp_path: Path) -> None:
    with open_window(qtbot) as window:
        open_project(window, tmp_path, qtbot, images=0)
        menus = [menu for menu in window.menuBar().findChildren(QMenu) if menu.objectName().startswith("menu.")]
        assert any(menu.objectName() == "menu.Label.Tools" for menu in menus)
        assert max(menu.sizeHint().height() for menu in menus) <= 680
