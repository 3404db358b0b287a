"""The main job through the real ``main()``: open, paint, undo, train, propose, accept, export, quit, reopen."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from window_driver import drag, drive

from segstudio.core.classes import ClassTable
from segstudio.gui.main_window import MainWindow
from segstudio.io.store.project import ProjectStore

Steps = Iterator[Callable[[], object]]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project of three grey pictures with a bright disc each, and two classes."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    y, x = np.mgrid[:256, :256]
    noise = np.random.default_rng(5).integers(0, 30, (3, 256, 256))
    for index in range(3):
        disc = (x - 90 - 30 * index) ** 2 + (y - 128) ** 2 < 40**2
        cv2.imwrite(str(folder / f"disc_{index}.png"), (40 + 150 * disc + noise[index]).astype(np.uint8))
    with ProjectStore.create(tmp_path / "project", ClassTable().added("disc").added("ground")) as store:
        store.add_images([folder])
    return tmp_path / "project"


def is_shown(window: MainWindow) -> Callable[[], object]:
    """Whether an image is decoded and drawn."""
    workspace = window.workspace
    return lambda: workspace.session.reader is not None and workspace.canvas.is_settled


def class_ids(window: MainWindow) -> np.ndarray:
    """(h, w) class ids of the labels on screen."""
    layer = window.session.labels
    return layer.read_classes(layer.bounds)


def paint_disc(window: MainWindow, index: int) -> None:
    """Label the disc of picture *index*, and ground above and below it, with the mouse."""
    canvas, session = window.workspace.canvas, window.session
    window.settings.set("brush.size_px", 40.0)
    middle = 90 + 30 * index
    session.select_class_number(1)
    drag(canvas, [(middle - 15, 128), (middle + 15, 128)])
    session.select_class_number(2)
    drag(canvas, [(20, 40), (120, 40), (230, 40)])
    drag(canvas, [(20, 220), (120, 220), (230, 220)])


def test_painted_undone_kept_and_found_again(qapp: object, project: Path) -> None:
    kept: dict[str, np.ndarray] = {}

    def work(window: MainWindow) -> Steps:
        yield lambda: window.workspace.session.is_open
        yield is_shown(window)
        canvas = window.workspace.canvas
        canvas.setFocus()
        paint_disc(window, 0)
        ids = class_ids(window)
        assert ids[128, 90] == 1 and ids[40, 120] == 2 and ids[90, 20] == 0
        QTest.keyClick(canvas, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
        assert class_ids(window)[220, 120] == 0
        yield window.binder.action("edit.redo").isEnabled
        QTest.keyClick(canvas, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier)
        assert class_ids(window)[220, 120] == 2
        kept["ids"] = class_ids(window)

    def look(window: MainWindow) -> Steps:
        yield lambda: window.workspace.session.is_open
        yield is_shown(window)
        np.testing.assert_array_equal(class_ids(window), kept["ids"])
        assert window.trigger("edit.undo")  # reaches back through the former session
        assert class_ids(window)[220, 120] == 0

    assert drive([str(project)], work) == 0
    assert drive([str(project)], look) == 0


@pytest.mark.slow
def test_trained_proposed_and_accepted(qapp: object, project: Path) -> None:
    had_torch = "torch" in sys.modules

    def work(window: MainWindow) -> Steps:
        yield lambda: window.workspace.session.is_open
        yield is_shown(window)
        session, jobs = window.session, window.workspace.jobs
        for index in range(3):
            session.select_image(session.images[index].id)
            yield is_shown(window)
            paint_disc(window, index)

        plan = jobs.training.presenter.plan()
        assert plan is not None
        quick = replace(
            plan,
            arch="unet",
            epochs=1,
            batch=2,
            patch_px=64,
            patches_per_image=2,
            device="cpu",
            threads=2,
            has_tensorboard=False,
            is_pretrained=False,
            start_from="",
        )
        assert jobs.training.start(quick)
        drag(window.workspace.canvas, [(30, 120), (40, 120)])  # labelling goes on meanwhile
        assert class_ids(window)[120, 35] == 2
        yield lambda: not jobs.training.is_running
        ended = jobs.training.presenter.progress.finished
        assert ended is not None, "training failed"

        new = [entry for entry in jobs.models.entries() if entry.card.weights.kind == "project"]
        assert new, "the trained model is not in the list"
        jobs.models.choose(new[0].card.id)
        assert jobs.models.propose([session.image_id])
        yield lambda: not jobs.models.is_proposing
        if session.proposals.has_proposal:  # two steps of training may have learnt nothing
            before = class_ids(window)
            assert window.trigger("model.accept_all")
            after = class_ids(window)
            assert (after[before != 0] == before[before != 0]).all(), "hand labels were painted over"
            assert window.trigger("edit.undo")
            np.testing.assert_array_equal(class_ids(window), before)

    assert drive([str(project)], work, limit_s=240) == 0
    assert had_torch or "torch" not in sys.modules, "the window imported torch"
