"""The window that shows training patches: opened, changed and kept with real keys and clicks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest

from segstudio.gui.dialogs.augment_folder import AugmentFolderDialog
from segstudio.gui.dialogs.augment_preview import AugmentPreviewDialog
from segstudio.gui.panels.patch_grid import PatchGrid
from segstudio.jobs.specs import AugmentSpec, PreviewSpec
from segstudio.ml.train_events import PatchPicture, PatchPreview
from tests.gui.fake_threads import fake_threads
from tests.gui.window_help import open_project, open_window

LEFT = Qt.MouseButton.LeftButton


def preview_of(count: int = 12, value: int = 100) -> PatchPreview:
    """Grey patches: background at the left, road at the right, ignored at the top."""
    target = np.zeros((32, 32), np.uint8)
    target[:, 16:] = 1
    target[:4] = 255
    pictures = [PatchPicture(f"im{i}.png", np.full((32, 32, 3), value, np.uint8), target) for i in range(count)]
    return PatchPreview(tuple(pictures), ("background", "road"), ("#000000", "#ff0000"), 40)


@contextmanager
def panel_of(qtbot, tmp_path: Path, *, is_labelled: bool = True) -> Iterator[tuple]:
    """(window, train panel) of a project of two images."""
    with open_window(qtbot) as window:
        open_project(window, tmp_path, qtbot)
        for record in window.session.images if is_labelled else ():
            window.session.select_image(record.id)
            transaction = window.session.begin("test")
            transaction.paint(np.ones((20, 20), bool), 10, 10, window.session.paint_segment(transaction))
            window.session.commit(transaction)
        panel = window.workspace.docks.reveal("train")
        qtbot.waitUntil(panel.isVisible, timeout=5000)
        yield window, panel


def opened(qtbot, window, panel) -> AugmentPreviewDialog:
    QTest.mouseClick(panel.links["train.preview_patches"], LEFT)
    dialog = window.findChild(AugmentPreviewDialog)
    qtbot.waitUntil(lambda: dialog.isVisible() and dialog.isActiveWindow(), timeout=5000)
    return dialog


def test_changes_are_seen_at_once_and_kept_only_by_the_button(qtbot, tmp_path: Path, monkeypatch) -> None:
    made = fake_threads(monkeypatch)
    with panel_of(qtbot, tmp_path) as (window, panel):
        dialog = opened(qtbot, window, panel)
        thread = made[-1]
        first = thread.specs[0]
        assert isinstance(first, PreviewSpec) and first.plan.augment == "standard" and first.batch == 0
        assert dialog.bar.isVisible() and not dialog.more_button.isEnabled() and "Making" in dialog.state.text()
        thread.finished_job.emit(preview_of())
        assert dialog.grid.count == 12 and not dialog.bar.isVisible()
        assert "12 of 40 patches" in dialog.state.text()
        assert (
            "road" in dialog.legend.text()
            and "ignored" in dialog.legend.text()
            and "background" not in dialog.legend.text()
        )
        # Another preset by the keyboard, and one of its steps typed: one question for both.
        dialog.preset_box.setFocus()
        QTest.keyClick(dialog.preset_box, Qt.Key.Key_Down)
        assert dialog.preset == "overhead" and "air" in dialog.about.text()
        noise = dialog.form.fields["noise"]
        noise.setFocus()
        noise.selectAll()
        QTest.keyClicks(noise, "0.5")
        QTest.keyClick(noise, Qt.Key.Key_Tab)
        qtbot.waitUntil(lambda: len(thread.specs) == 2, timeout=5000)
        assert thread.specs[1].plan.augment == "overhead"
        assert dict(thread.specs[1].plan.augment_options) == {"noise": 0.5}
        # A switch, and pasting.
        thread.finished_job.emit(preview_of())
        QTest.mouseClick(dialog.form.fields["quarter_turns"], LEFT, pos=QPoint(8, 8))
        assert not dialog.share.isEnabled()
        dialog.mix_box.setFocus()
        QTest.keyClick(dialog.mix_box, Qt.Key.Key_Down)
        assert dialog.share.isEnabled()
        qtbot.waitUntil(lambda: len(thread.specs) == 3, timeout=5000)
        assert thread.specs[2].plan.mix == "cutmix"
        assert dict(thread.specs[2].plan.augment_options) == {"noise": 0.5, "quarter_turns": False}
        presenter = panel._presenter
        assert presenter.value("augment") == "standard" and presenter.value("mix") == "none"
        QTest.mouseClick(dialog.use_button, LEFT)
        assert presenter.value("augment") == "overhead" and presenter.value("mix") == "cutmix"
        assert dict(presenter.value("augment_options")) == {"noise": 0.5, "quarter_turns": False}
        plan = presenter.plan()
        assert plan is not None and plan.augment == "overhead" and dict(plan.augment_options)["noise"] == 0.5
        assert thread.calls == ["retire"]


def test_another_batch_and_the_presets_own_steps(qtbot, tmp_path: Path, monkeypatch) -> None:
    made = fake_threads(monkeypatch)
    with panel_of(qtbot, tmp_path) as (window, panel):
        panel._presenter.choose(augment_options={"flip": 0.1})
        dialog = opened(qtbot, window, panel)
        thread = made[-1]
        assert dict(thread.specs[0].plan.augment_options) == {"flip": 0.1} and dialog.reset_button.isEnabled()
        thread.finished_job.emit(preview_of())
        QTest.mouseClick(dialog.more_button, LEFT)
        assert thread.specs[-1].batch == 1 and dialog.is_busy
        thread.finished_job.emit(preview_of())
        QTest.mouseClick(dialog.reset_button, LEFT)
        assert dialog.form.fields["flip"].value() == 0.5 and not dialog.reset_button.isEnabled()
        qtbot.waitUntil(lambda: len(thread.specs) == 3, timeout=5000)
        assert dict(thread.specs[-1].plan.augment_options) == {} and thread.specs[-1].batch == 1
        QTest.keyClick(dialog, Qt.Key.Key_Escape)
        assert not dialog.isVisible() and dict(panel._presenter.value("augment_options")) == {"flip": 0.1}
        assert thread.calls == ["retire"]


def test_what_goes_wrong_is_one_sentence_and_the_next_try_works(qtbot, tmp_path: Path, monkeypatch) -> None:
    made = fake_threads(monkeypatch)
    with panel_of(qtbot, tmp_path) as (window, panel):
        dialog = opened(qtbot, window, panel)
        made[-1].failed.emit("the disk is gone. Plug it in", "a traceback")
        assert dialog.state.text().startswith("The disk is gone") and dialog.state.property("danger")
        assert dialog.grid.count == 0 and not dialog.bar.isVisible() and dialog.more_button.isEnabled()
        QTest.mouseClick(dialog.more_button, LEFT)
        made[-1].finished_job.emit(preview_of())
        assert dialog.grid.count == 12 and not dialog.state.property("danger")
        dialog.reject()


def test_without_labels_it_says_so_and_starts_nothing(qtbot, tmp_path: Path, monkeypatch) -> None:
    made = fake_threads(monkeypatch)
    with panel_of(qtbot, tmp_path, is_labelled=False) as (window, panel):
        before = len(made)
        dialog = opened(qtbot, window, panel)
        assert "No pixel is labelled yet" in dialog.state.text() and len(made) == before
        assert not dialog.more_button.isEnabled()
        dialog.reject()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_labels_lie_over_the_patches_and_go_while_the_mouse_is_pressed(qtbot, scheme: str) -> None:
    from segstudio.gui import theme

    theme.theme_manager().apply(scheme)
    grid = PatchGrid()
    qtbot.addWidget(grid)
    grid.resize(640, 480)
    grid.show()
    grid.show_preview(preview_of(12))
    cells = grid.cells()
    assert len(cells) == 12 and len({cell.top() for cell in cells}) == 3 and cells[0].width() > 150
    cell = cells[5]

    def color(dx: float, dy: float):
        image = grid.grab().toImage()
        ratio = image.devicePixelRatio()
        place = cell.topLeft() + QPoint(round(cell.width() * dx), round(cell.height() * dy))
        return image.pixelColor(round(place.x() * ratio), round(place.y() * ratio)).getRgb()[:3]

    assert color(0.25, 0.6) == (100, 100, 100)  # background: nothing over it
    red, green, _ = color(0.75, 0.6)
    assert red > 160 and green < 60
    assert color(0.25, 0.05) != (100, 100, 100)  # ignored: stripes
    QTest.mousePress(grid, LEFT, pos=cell.center())
    assert color(0.75, 0.6) == (100, 100, 100)
    QTest.mouseRelease(grid, LEFT, pos=cell.center())
    assert color(0.75, 0.6)[0] > 160
    grid.show_labels(False)
    assert color(0.75, 0.6) == (100, 100, 100)


@pytest.mark.parametrize("size", [(900, 200), (300, 700), (280, 220)])
def test_patches_are_as_large_as_fit(qtbot, size: tuple[int, int]) -> None:
    grid = PatchGrid()
    qtbot.addWidget(grid)
    grid.resize(*size)
    grid.show_preview(preview_of(12))
    cells = grid.cells()
    assert all(grid.rect().contains(cell) for cell in cells)
    assert not any(a.intersects(b) for i, a in enumerate(cells) for b in cells[:i])
    assert sum(cell.width() * cell.height() for cell in cells) > 0.45 * size[0] * size[1]


def test_real_patches_come_from_a_process_of_their_own(qtbot, tmp_path: Path) -> None:
    with panel_of(qtbot, tmp_path) as (window, panel):
        panel._presenter.choose(patch_px=32)
        dialog = opened(qtbot, window, panel)
        qtbot.waitUntil(lambda: not dialog.is_busy, timeout=120_000)
        assert dialog.grid.count == 12, dialog.state.text()
        before = dialog.grid.grab().toImage()
        QTest.mouseClick(dialog.more_button, LEFT)
        qtbot.waitUntil(lambda: not dialog.is_busy, timeout=60_000)
        assert dialog.grid.grab().toImage() != before
        QTest.keyClick(dialog, Qt.Key.Key_Escape)


def test_copies_are_written_to_a_folder_with_what_is_seen(qtbot, tmp_path: Path, monkeypatch) -> None:
    made = fake_threads(monkeypatch)
    with panel_of(qtbot, tmp_path) as (window, panel):
        dialog = opened(qtbot, window, panel)
        dialog.preset_box.setFocus()
        QTest.keyClick(dialog.preset_box, Qt.Key.Key_Up)
        QTest.mouseClick(dialog.write_button, LEFT)
        writer = dialog.findChild(AugmentFolderDialog)
        qtbot.waitUntil(lambda: writer.isVisible() and writer.isActiveWindow(), timeout=5000)
        assert Path(writer.folder.text()) == tmp_path / "project-augmented"
        writer.folder.setFocus()
        writer.folder.selectAll()
        QTest.keyClicks(writer.folder, str(tmp_path / "pictures"))
        QTest.keyClick(writer.folder, Qt.Key.Key_Return)
        assert writer.isVisible() and "something in that folder already" in writer.problem.text()
        writer.folder.selectAll()
        QTest.keyClicks(writer.folder, str(tmp_path / "copies"))
        writer.copies.setFocus()
        writer.copies.selectAll()
        QTest.keyClicks(writer.copies, "7")
        QTest.keyClick(writer.copies, Qt.Key.Key_Return)
        assert not writer.isVisible()
        spec = made[-1].specs[-1]
        assert isinstance(spec, AugmentSpec)
        assert (spec.out, spec.copies, spec.size_px, spec.plan.augment) == (str(tmp_path / "copies"), 7, 0, "light")
        assert spec.plan.project == str(tmp_path / "project")
        dialog.reject()
