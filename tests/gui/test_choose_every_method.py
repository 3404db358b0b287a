"""Every row of the literature's lists is chosen in the window, by keys and mouse, and what the window then asks for can be built."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QComboBox

from segstudio.app.presenters import training_costs
from segstudio.core.geometry import Rect
from segstudio.gui.dialogs.catalog import CatalogDialog
from segstudio.gui.panels.parts import wrapped
from segstudio.gui.panels.refine_popover import RefinePopover
from segstudio.gui.panels.train_choices import LOSS_TIPS, LOSS_TITLES
from segstudio.ml.api import WindowResult
from segstudio.ml.classic.table import METHODS, PREFIX
from segstudio.ml.loss_table import LOSS_IDS, parse_loss
from segstudio.ml.networks.costs import NetworkCosts
from segstudio.ml.networks.options import options_of
from segstudio.ml.networks.table import ARCHITECTURES, ENCODERS, NO_ENCODER, TIMM_PREFIX
from segstudio.ml.plan import TrainPlan
from segstudio.ml.refine.table import METHODS as REFINEMENTS
from segstudio.ml.refine.table import PREFIX as REFINE
from segstudio.ml.train_events import RunFinished
from tests.gui.window_help import open_project, open_window

NETWORKS = ("fcn32s fcn16s fcn8s unet unetplusplus unet3plus segnet deconvnet deeplabv1 deeplabv2 deeplabv3 deeplabv3plus pspnet "
            "refinenet hrnet ocrnet enet bisenet upernet pixelnet fastfcn vnet").split()  # fmt: skip
BUILD = """
import json, sys, torch
from segstudio.ml.networks.build import build_network
for arch, encoder, options in json.load(sys.stdin):
    with torch.device("meta"):
        network = build_network(arch, encoder, bands=3, classes=3, options=options)
    print(arch, encoder, sum(p.numel() for p in network.parameters()), flush=True)
"""


@contextmanager
def training_window(qtbot, tmp_path: Path) -> Iterator[tuple]:
    """A project with two labelled images and the train panel in front."""
    with open_window(qtbot) as window:
        open_project(window, tmp_path, qtbot)
        for record in window.session.images:
            window.session.select_image(record.id)
            transaction = window.session.begin("test")
            transaction.paint(np.ones((20, 20), bool), 10, 10, window.session.paint_segment(transaction))
            window.session.commit(transaction)
        panel = window.workspace.docks.reveal("train")
        qtbot.waitUntil(panel.isVisible, timeout=5000)
        yield window, panel


def pick(qtbot, box: QComboBox, data: object) -> None:
    """Open the list by a key and click the row that holds *data*."""
    row = box.findData(data)
    assert row >= 0, f"{data} is not offered"
    QTest.keyClick(box, Qt.Key.Key_F4)
    view = box.view()
    qtbot.waitUntil(view.isVisible, timeout=5000)
    index = box.model().index(row, box.modelColumn())
    view.scrollTo(index)
    assert index.flags() & Qt.ItemFlag.ItemIsEnabled
    QTest.mouseMove(view.viewport(), view.visualRect(index).center())
    QTest.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=view.visualRect(index).center())
    qtbot.waitUntil(lambda: not view.isVisible(), timeout=5000)


def test_every_network_with_its_encoders(qtbot, tmp_path: Path) -> None:
    wanted: list[tuple[str, str, dict]] = []
    with training_window(qtbot, tmp_path) as (_, panel):
        choices, presenter = panel.choices_box, panel._presenter
        assert [choices.arch.itemData(row) for row in range(choices.arch.count())] == list(ARCHITECTURES)
        assert set(NETWORKS) == set(ARCHITECTURES)
        for name in NETWORKS:
            pick(qtbot, choices.arch, name)
            assert presenter.choices.arch == name and choices.texts.startswith(ARCHITECTURES[name].description[:20])
            assert sorted(choices.encoder.ids()) == sorted(ARCHITECTURES[name].encoders)
            assert (choices.encoder.findData(TIMM_PREFIX) >= 0) == ARCHITECTURES[name].takes_any_timm
            offered = choices.encoder.ids()
            for encoder in dict.fromkeys((offered[0], offered[-1])):
                if len(offered) > 1:
                    pick(qtbot, choices.encoder, encoder)
                plan = presenter.plan()
                assert plan is not None and plan.checked() is plan
                assert (plan.arch, plan.encoder, plan.start_from) == (name, encoder, "")
                assert choices.options.fields.keys() == {option.key for option in options_of(name, encoder)}
                assert choices.freeze.isEnabled() == (encoder != NO_ENCODER)
                wanted.append((name, encoder, dict(presenter.choices.option_values)))
    child = subprocess.run(
        [sys.executable, "-c", BUILD],
        input=json.dumps(wanted),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    built = [line.split() for line in child.stdout.splitlines()]
    assert child.returncode == 0, child.stderr[-2000:]
    assert [(arch, encoder) for arch, encoder, _ in built] == [(arch, encoder) for arch, encoder, _ in wanted]


def test_every_encoder_of_a_network_and_any_of_timm(qtbot, tmp_path: Path) -> None:
    with training_window(qtbot, tmp_path) as (_, panel):
        choices, presenter = panel.choices_box, panel._presenter
        for name in (NO_ENCODER, *ENCODERS):
            pick(qtbot, choices.encoder, name)
            assert presenter.choices.encoder == name
        pick(qtbot, choices.encoder, TIMM_PREFIX)
        line = choices.encoder.lineEdit()
        assert line.text() == TIMM_PREFIX and line.hasFocus()
        popup = line.completer().popup()
        for letter in "regnety_00":
            QTest.keyClicks(popup if popup.isVisible() else line, letter)
        names = [popup.model().index(row, 0).data() for row in range(popup.model().rowCount())]
        assert popup.isVisible() and "timm:regnety_002" in names and all("regnety_00" in name for name in names)
        place = popup.visualRect(popup.model().index(names.index("timm:regnety_002"), 0)).center()
        QTest.mouseClick(popup.viewport(), Qt.MouseButton.LeftButton, pos=place)
        assert presenter.plan().encoder == "timm:regnety_002" and "fetched" in choices.texts
        # The name alone does too; what is none, or does not fit, is said and changes nothing.
        type_encoder(choices, "resnext50_32x4d")
        assert presenter.choices.encoder == "timm:resnext50_32x4d"
        type_encoder(choices, "resnet999")
        assert presenter.choices.encoder == "timm:resnext50_32x4d" and "Did you mean resnet" in choices.texts
        pick(qtbot, choices.arch, "segnet")
        assert presenter.choices.encoder == "vgg16_bn" and "Did you mean" not in choices.texts
        type_encoder(choices, "convnext_tiny")
        assert presenter.choices.encoder == "vgg16_bn" and "Choose one of vgg16_bn, vgg16" in choices.texts


def type_encoder(choices, text: str) -> None:
    """Type a name over the one shown and press Return."""
    line = choices.encoder.lineEdit()
    line.setFocus()
    QTest.keyClick(line, Qt.Key.Key_A, Qt.KeyboardModifier.ControlModifier)
    QTest.keyClicks(line, text)
    if line.completer().popup().isVisible():
        QTest.keyClick(line.completer().popup(), Qt.Key.Key_Escape)
    QTest.keyClick(line, Qt.Key.Key_Return)


def test_every_loss_reaches_the_plan_and_says_when_to_choose_it(qtbot, tmp_path: Path) -> None:
    with training_window(qtbot, tmp_path) as (_, panel):
        choices, presenter = panel.choices_box, panel._presenter
        QTest.mouseClick(choices.more_button, Qt.MouseButton.LeftButton)
        box = choices.loss
        offered = [box.itemData(row) for row in range(box.count())]
        assert offered[0] == presenter.choices.loss == "ce+dice" and offered == list(LOSS_TITLES) == list(LOSS_TIPS)
        parts = {part.id for kind in offered for part in parse_loss(kind)}
        assert parts == set(LOSS_IDS), "a loss of the command line that no row of the list holds"
        for kind in reversed(offered):
            pick(qtbot, box, kind)
            plan = presenter.plan()
            assert plan is not None and plan.loss == kind and box.currentText() == LOSS_TITLES[kind]
            row = box.currentIndex()
            assert box.toolTip() == box.itemData(row, Qt.ItemDataRole.ToolTipRole) == wrapped(LOSS_TIPS[kind])


def test_options_start_and_frozen_share_reach_the_plan(qtbot, tmp_path: Path) -> None:
    with training_window(qtbot, tmp_path) as (_, panel):
        choices, presenter = panel.choices_box, panel._presenter
        QTest.mouseClick(choices.more_button, Qt.MouseButton.LeftButton)
        assert choices.freeze.isVisible()
        pick(qtbot, choices.arch, "deeplabv3")
        fields = choices.options.fields
        pick(qtbot, fields["output_stride"], "8")
        QTest.mouseClick(fields["cascade"], Qt.MouseButton.LeftButton, pos=QPoint(8, fields["cascade"].height() // 2))
        for _ in range(10):
            QTest.keyClick(choices.freeze.slider, Qt.Key.Key_Right)
        plan = presenter.plan()
        assert plan.arch_options == {"output_stride": "8", "cascade": True} and plan.freeze == pytest.approx(0.5)
        assert plan.is_pretrained
        # Started from scratch there is nothing to keep; another network has other options.
        pick(qtbot, choices.start_from, "\0scratch")
        assert not choices.freeze.isEnabled() and (presenter.plan().freeze, presenter.plan().is_pretrained) == (
            0.0,
            False,
        )
        pick(qtbot, choices.arch, "unetplusplus")
        assert presenter.plan().arch_options == {} and list(choices.options.fields) == ["depth"]
        depth = choices.options.fields["depth"]
        depth.setFocus()
        QTest.keyClick(depth, Qt.Key.Key_Down)
        assert presenter.plan().arch_options == {"depth": 3}
        # A network without a choice of encoders does not take the choice away from the next one.
        pick(qtbot, choices.arch, "enet")
        assert not choices.encoder.isEnabled() and choices.encoder.currentText() == "its own"
        pick(qtbot, choices.arch, "unet")
        assert presenter.choices.encoder == ARCHITECTURES["unet"].default_encoder
        for name in ("crfrnn", "mrf", ""):
            pick(qtbot, choices.refine, name)
            assert presenter.plan().refine == name
        # All of it is remembered with the project.
        kept = presenter.choices
        presenter._load()
        assert presenter.choices == kept


def test_a_run_too_large_for_this_computer_is_warned_of(qtbot, tmp_path: Path, monkeypatch) -> None:
    costs = NetworkCosts(256, 256, 5_400_000, 12_340_000_000, 10**9, 10**9, 5 * 10**8)
    monkeypatch.setattr(training_costs, "costs_of", lambda *_: costs)
    monkeypatch.setattr(training_costs, "memory_bytes", lambda: 16 * 10**9)
    monkeypatch.setattr(training_costs, "gpu_memory_bytes", lambda: 0)
    with training_window(qtbot, tmp_path) as (_, panel):
        choices = panel.choices_box
        choices.show_choices()
        assert "5.4 M parameters · 12.3 G multiply-adds a patch · about 5.0 GB to train" in choices.texts
        assert "too little" not in choices.texts
        choices.batch.setFocus()
        choices.batch.selectAll()
        QTest.keyClicks(choices.batch, "32")
        QTest.keyClick(choices.batch, Qt.Key.Key_Return)
        assert (
            "about 17.0 GB to train" in choices.texts and "has 16.0 GB of memory, which is too little" in choices.texts
        )


def test_every_method_without_a_network(qtbot, tmp_path: Path) -> None:
    with open_window(qtbot) as window:
        open_project(window, tmp_path, qtbot)
        panel = window.workspace.docks.reveal("model")
        for method in METHODS:
            pick(qtbot, panel.chooser, PREFIX + method.id)
            assert window.workspace.jobs.models.current_entry().card.id == PREFIX + method.id
            assert panel.options.fields.keys() == {option.key for option in method.options if not option.is_minor}


def test_every_refinement(qtbot, tmp_path: Path) -> None:
    with open_window(qtbot) as window:
        open_project(window, tmp_path, qtbot, images=1)
        session = window.session
        session.settings.set("refine.preview", False)
        mask = np.zeros((48, 64), np.uint8)
        mask[10:30, 10:30] = 1
        generation = session.proposals.begin({1: 1}, "model")
        result = WindowResult(Rect(0, 0, 64, 48), mask, mask * 200)
        assert session.proposals.receive_window(session.image_id, generation, result)
        session.proposals.finish_proposal(session.image_id, generation)
        session.proposals.end()
        window.refresh_actions()
        assert window.trigger("model.refine")
        card = window.workspace.canvas.findChild(RefinePopover)
        assert card.isVisible()
        for method in REFINEMENTS:
            pick(qtbot, card.method, REFINE + method.id)
            assert card.desk.choice.card.id == REFINE + method.id
            assert card.form.fields.keys() == {option.key for option in method.options if not option.is_minor}


def test_every_row_of_the_catalog(qtbot, tmp_path: Path) -> None:
    wanted = [*NETWORKS, *(f"encoder/{name}" for name in ENCODERS),
              *(PREFIX + method.id for method in METHODS), *(REFINE + method.id for method in REFINEMENTS)]  # fmt: skip
    with open_window(qtbot) as window:
        open_project(window, tmp_path, qtbot, images=1)
        assert window.trigger("model.catalog")
        dialog = window.findChild(CatalogDialog)
        qtbot.waitUntil(dialog.isVisible, timeout=5000)
        view = dialog.view
        for name in wanted:
            index = dialog.list_model.index_of(name)
            assert index.isValid(), f"{name} is not in the catalog"
            view.scrollTo(index)
            QTest.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=view.visualRect(index).center())
            assert dialog.entry.card.id == name
        dialog.reject()


def test_a_run_chosen_in_the_window_with_another_network_and_half_its_encoder_frozen(qtbot, tmp_path: Path) -> None:
    with training_window(qtbot, tmp_path) as (window, panel):
        choices, control = panel.choices_box, window.workspace.jobs.training
        pick(qtbot, choices.arch, "deeplabv3plus")
        QTest.mouseClick(choices.more_button, Qt.MouseButton.LeftButton)
        for _ in range(10):
            QTest.keyClick(choices.freeze.slider, Qt.Key.Key_Right)
        for field, value in ((choices.epochs, 2), (choices.batch, 2), (choices.patch, 64)):
            field.setFocus()
            field.selectAll()
            QTest.keyClicks(field, str(value))
            QTest.keyClick(field, Qt.Key.Key_Return)
        panel.show_data()
        QTest.mouseClick(panel.start_button, Qt.MouseButton.LeftButton)
        assert control.is_running
        qtbot.waitUntil(lambda: not control.is_running, timeout=120_000)
        progress = control.presenter.progress
        assert isinstance(progress.finished, RunFinished), [message.text for message in window.notices.messages]
        assert len(progress.epochs) == 2 and 0 < progress.started.frozen < progress.started.parameters
        panel.show_progress()
        assert "of them frozen · cpu" in panel.network_text
        plan = TrainPlan.load(Path(progress.finished.run))
        assert (plan.arch, plan.encoder, plan.freeze) == ("deeplabv3plus", "efficientnet_lite0", 0.5)
        # The catalog is read again in a later turn of the event loop.
        models = window.workspace.jobs.models.presenter
        qtbot.waitUntil(lambda: models.entry("runs/run-1") is not None, timeout=10_000)
        card = models.entry("runs/run-1").card
        assert card.architecture == "deeplabv3plus" and card.options["output_stride"] == "16"
