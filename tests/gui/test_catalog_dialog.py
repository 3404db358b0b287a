"""The catalog's window: searched by typing, starred, used and trained from, with real keys and clicks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from window_help import open_project, open_window

from segstudio.app.presenters.favourites import favourites
from segstudio.gui.dialogs.catalog import CatalogDialog
from segstudio.gui.dialogs.catalog_list import star_rect
from segstudio.gui.main_window import MainWindow

LEFT = Qt.MouseButton.LeftButton
KEY = Qt.Key
CTRL_SHIFT = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier


@pytest.fixture
def window(qtbot, tmp_path: Path) -> Iterator[MainWindow]:  # type: ignore[no-untyped-def]
    with open_window(qtbot) as made:
        open_project(made, tmp_path, qtbot)
        yield made


def opened(window: MainWindow) -> CatalogDialog:
    """The catalog, opened by its key."""
    window.activateWindow()
    QTest.keyClick(window, KEY.Key_M, CTRL_SHIFT)
    dialog = QApplication.activeModalWidget()
    assert isinstance(dialog, CatalogDialog)
    return dialog


def shown_id(dialog: CatalogDialog) -> str:
    return dialog.entry.card.id if dialog.entry is not None else ""


def click_star(dialog: CatalogDialog, model_id: str) -> None:
    index = dialog.list_model.index_of(model_id)
    dialog.view.scrollTo(index)
    spot: QPoint = star_rect(dialog.view.visualRect(index)).center()
    QTest.mouseClick(dialog.view.viewport(), LEFT, pos=spot)


def test_typing_finds_arrows_move_and_enter_uses(window: MainWindow) -> None:
    models = window.workspace.jobs.models
    dialog = opened(window)
    assert shown_id(dialog) == models.current_entry().card.id == "nuclei" and dialog.focusWidget() is dialog.search
    QTest.keyClicks(dialog.search, "retinal")
    assert shown_id(dialog) == "vessels" and dialog.use_button.property("primary")
    assert "retina" in dialog.details.advice.text() and dialog.details.adds.value.text().endswith(" G")
    QTest.keyClick(dialog.search, KEY.Key_Return)
    assert not dialog.isVisible() and models.current_entry().card.id == "vessels"
    dialog = opened(window)
    first = shown_id(dialog)
    QTest.keyClick(dialog.search, KEY.Key_Up)
    above = shown_id(dialog)
    QTest.keyClick(dialog.search, KEY.Key_Down)
    assert first == shown_id(dialog) == "vessels" != above
    QTest.mouseClick(dialog.close_button, LEFT)
    assert not dialog.isVisible() and models.current_entry().card.id == "vessels"


def test_search_reaches_ids_uses_and_classes_and_says_when_nothing_matches(window: MainWindow) -> None:
    dialog = opened(window)
    for text, wanted in (
        ("deeplabv3p", "deeplabv3plus"),
        ("encoder/resnet50", "encoder/resnet50"),
        ("teddy bear", "torchvision/maskrcnn_resnet50_fpn"),
    ):
        dialog.search.clear()
        QTest.keyClicks(dialog.search, text)
        assert wanted in dialog.list_model.ids()[:2], text
    dialog.search.clear()
    QTest.keyClicks(dialog.search, "qqqq")
    assert dialog.list_model.ids() == [] and dialog.entry is None and not dialog.use_button.isVisible()
    QTest.keyClick(dialog.search, KEY.Key_Return)
    assert dialog.isVisible(), "Enter on nothing does nothing"
    dialog.reject()


def test_a_star_makes_a_favourite_that_comes_first_in_the_chooser(window: MainWindow, qtbot) -> None:
    panel = window.workspace.docks.reveal("model")
    dialog = opened(window)
    click_star(dialog, "street")
    assert favourites(window.settings) == ["street"]
    chooser = panel.chooser
    assert chooser.itemText(0) == "Favourites" and chooser.itemData(1) == "street"
    assert [chooser.itemData(row) for row in range(chooser.count())].count("street") == 1
    dialog.select("hrnet")
    QTest.mouseClick(dialog.details.star, LEFT)
    assert favourites(window.settings) == ["street", "hrnet"] and shown_id(dialog) == "hrnet"
    dialog.states.setCurrentIndex(dialog.states.findData("favourite"))
    dialog.states.activated.emit(dialog.states.currentIndex())
    assert dialog.list_model.ids() == ["street", "hrnet"]
    click_star(dialog, "street")
    assert favourites(window.settings) == ["hrnet"] and chooser.itemText(0) != "Favourites"
    dialog.reject()


def test_train_this_network_sets_network_and_encoder_and_shows_the_panel(window: MainWindow) -> None:
    training = window.workspace.jobs.training.presenter
    dialog = opened(window)
    QTest.keyClicks(dialog.search, "hrnet")
    assert shown_id(dialog) == "hrnet" and not dialog.use_button.isVisible() and dialog.train_button.property("primary")
    before = dialog.details.parameters.value.text()
    dialog.details.encoders.setFocus()
    QTest.keyClick(dialog.details.encoders, KEY.Key_Down)
    assert dialog.details.encoder == "hrnet_w32" and dialog.details.parameters.value.text() != before
    QTest.mouseClick(dialog.train_button, LEFT)
    assert not dialog.isVisible()
    assert (training.choices.arch, training.choices.encoder, training.choices.start_from) == ("hrnet", "hrnet_w32", "")
    assert window.workspace.docks.panel("train").isVisible()
    dialog = opened(window)
    QTest.keyClicks(dialog.search, "encoder/hrnet_w48")
    QTest.keyClick(dialog.search, KEY.Key_Return)
    assert (training.choices.arch, training.choices.encoder) == ("hrnet", "hrnet_w48")


def test_filters_list_networks_encoders_and_refinements(window: MainWindow) -> None:
    dialog = opened(window)

    def ids(kind: str) -> list[str]:
        dialog.kinds.setCurrentIndex(dialog.kinds.findData(kind))
        dialog.kinds.activated.emit(dialog.kinds.currentIndex())
        return dialog.list_model.ids()

    assert len(ids("network")) == 22 and "enet" in ids("network")
    assert len(ids("encoder")) >= 30 and all(name.startswith("encoder/") for name in ids("encoder"))
    assert "refine/crf" in ids("refine")
    assert not set(ids("semantic")) & set(ids("network"))
    dialog.reject()


def test_compare_is_asked_with_the_current_model_and_the_chosen_one(window: MainWindow, monkeypatch) -> None:
    asked = []
    monkeypatch.setattr(window.workspace.jobs.compare, "ask", lambda *ids: asked.append(ids))
    dialog = opened(window)
    dialog.select("classic/otsu")
    QTest.mouseClick(dialog.compare_button, LEFT)
    assert asked == [("nuclei", "classic/otsu")] and not dialog.isVisible()


def test_without_a_project_it_shows_all_and_uses_nothing(qtbot) -> None:
    with open_window(qtbot) as window:
        assert window.trigger("model.catalog")
        dialog = QApplication.activeModalWidget()
        assert isinstance(dialog, CatalogDialog) and len(dialog.list_model.ids()) > 80
        assert not dialog.use_button.isEnabled() and "project" in dialog.use_button.toolTip()
        dialog.reject()


def test_the_catalog_stays_unread_until_it_is_opened(window: MainWindow, monkeypatch) -> None:
    from segstudio.app.presenters import catalog

    read = []
    real = catalog.CatalogPresenter.rows
    monkeypatch.setattr(catalog.CatalogPresenter, "rows", lambda self, *given: read.append(1) or real(self, *given))
    window.workspace.docks.reveal("model")
    window.workspace.jobs.models.refresh_catalog()
    assert read == []
    opened(window).reject()
    assert read
