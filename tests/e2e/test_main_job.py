"""The main job through the real ``main()``: open, paint, undo, train, propose, accept, export, quit, reopen."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from window_driver import drag, drive

from segstudio.core.classes import ClassTable
from segstudio.gui.main_window import MainWindow
from segstudio.io.resources import resource_path
from segstudio.io.store.project import ProjectStore
from segstudio.jobs.specs import ExportSpec

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

        def trained() -> list:
            return [entry for entry in jobs.models.entries() if entry.card.weights.kind == "project"]

        yield lambda: bool(trained())  # the list is read anew in a turn of its own
        new = trained()
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


def test_exported_as_it_is_drawn(qapp: object, project: Path, tmp_path: Path) -> None:
    kept: dict[str, np.ndarray] = {}
    out = tmp_path / "dataset"

    def work(window: MainWindow) -> Steps:
        yield lambda: window.workspace.session.is_open
        yield is_shown(window)
        exports = window.workspace.jobs.exports
        paint_disc(window, 0)
        kept["ids"] = class_ids(window)
        exports.start(ExportSpec(str(project), "masks", str(out)))
        yield lambda: not exports.running

    assert drive([str(project)], work, limit_s=120) == 0
    written = np.asarray(Image.open(out / "masks" / "disc_0.png"))  # indices; cv2 would give the palette's colours
    with ProjectStore.open(project) as store:
        values = np.zeros(65536, np.uint8)
        for class_ in store.classes:
            values[class_.id] = class_.mask_value
    wanted = values[kept["ids"]]
    assert len(np.unique(wanted)) == 3
    np.testing.assert_array_equal(written, wanted)


@pytest.mark.slow
def test_nuclei_proposed_accepted_and_undone(qapp: object, tmp_path: Path) -> None:
    if not resource_path("models/nuclei.safetensors").is_file():
        pytest.skip("the built-in model nuclei is not in resources/models")
    data = pytest.importorskip("skimage").__file__
    picture = cv2.imread(str(Path(data).parent / "data" / "ihc.png"))
    if picture is None:
        pytest.skip("this scikit-image comes without ihc.png")
    cv2.imwrite(str(tmp_path / "tissue.png"), picture[-256:, -256:])
    with ProjectStore.create(tmp_path / "project", ClassTable().added("nucleus")) as store:
        store.add_images([tmp_path / "tissue.png"])

    def work(window: MainWindow) -> Steps:
        yield lambda: window.workspace.session.is_open
        yield is_shown(window)
        session, models = window.session, window.workspace.jobs.models
        models.choose("nuclei")
        assert models.propose([session.image_id])
        yield lambda: not models.is_proposing
        assert session.proposals.has_proposal, "nuclei finds nothing on stained tissue"
        assert not class_ids(window).any(), "a proposal is no label before it is accepted"
        assert window.trigger("model.accept_all")
        accepted = class_ids(window)
        assert 200 < (accepted == 1).sum() < accepted.size // 2
        assert not session.proposals.has_proposal
        assert window.trigger("edit.undo")
        assert not class_ids(window).any()
        assert session.proposals.has_proposal, "undo of accept brings the proposal back"
        yield window.binder.action("edit.redo").isEnabled
        assert window.trigger("edit.redo")
        np.testing.assert_array_equal(class_ids(window), accepted)

    assert drive([str(tmp_path / "project")], work, limit_s=180) == 0
