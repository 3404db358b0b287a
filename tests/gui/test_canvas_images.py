"""Image tiles: made on a worker, viewport first, within a budget; failures are a sentence; no thread is left."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from canvas_stage import Stage, gradient
from PySide6.QtGui import QImage, QPainter

from segstudio.core.cancel import NEVER, CancelToken
from segstudio.core.display import DisplaySettings
from segstudio.core.errors import UserError
from segstudio.core.geometry import Rect
from segstudio.gui.canvas.image_pixels import ImageSource, TileKey, overview_level, reduced_values, tile_pixels
from segstudio.gui.canvas.image_tiles import ImageTiles
from segstudio.gui.canvas.view_transform import ViewTransform
from segstudio.io.readers.base import ImageInfo, level_sizes


class FakeReader:
    """A reader over an array that notes what is read, on which thread, and may fail."""

    def __init__(self, values: np.ndarray, *, has_levels: bool = False, error: Exception | None = None) -> None:
        self.values, self.error = values, error
        bands, height, width = values.shape
        levels = level_sizes(width, height) if has_levels else ((width, height),)
        self.info = ImageInfo(Path("fake"), width, height, 1, bands, str(values.dtype), levels, bands == 3)
        self.reads: list[tuple[int, Rect]] = []
        self.threads: set[str] = set()
        self.is_closed = False

    def read(self, level: int, z: int, window: Rect) -> np.ndarray:
        self.reads.append((level, window))
        self.threads.add(threading.current_thread().name)
        if self.error is not None:
            raise self.error
        assert not self.is_closed
        step = 1 << level
        return self.values[:, ::step, ::step][:, window.y : window.bottom, window.x : window.right]

    def close(self) -> None:
        self.is_closed = True


@pytest.fixture
def tiles(qapp: object) -> Iterator[ImageTiles]:
    made = ImageTiles()
    yield made
    made.shut_down()


def draw(tiles: ImageTiles, view: ViewTransform) -> np.ndarray:
    width, height = view.view_width_px, view.view_height_px
    out = np.zeros((height, width), np.uint32)
    image = QImage(out.data, width, height, width * 4, QImage.Format.Format_RGB32)
    painter = QPainter(image)
    tiles.draw(painter, view, Rect(0, 0, width, height).intersected(view.image_rect_px()))
    painter.end()
    return out


def canvas_threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("canvas-image")]


def test_tiles_are_read_on_the_worker_and_only_where_one_looks(tiles: ImageTiles, qtbot: Any) -> None:
    reader = FakeReader(np.zeros((3, 6000, 6000), np.uint8), has_levels=True)
    view = ViewTransform(6000, 6000, 600, 400).centred_at(3000, 3000, 1.0)
    tiles.set_source(reader)
    tiles.request(view)
    qtbot.waitUntil(lambda: tiles.is_idle, timeout=10_000)
    assert reader.threads and all(name.startswith("canvas-image") for name in reader.threads)
    assert sum(window.width * window.height for level, window in reader.reads if level == 0) <= 6 * 512 * 512


def test_a_coarser_tile_stands_in_until_the_right_one_is_there(tiles: ImageTiles, qtbot: Any) -> None:
    values = np.full((3, 4000, 4000), 200, np.uint8)
    tiles.set_source(FakeReader(values))
    fitted = ViewTransform(4000, 4000, 500, 500).fitted()
    tiles.request(fitted)
    qtbot.waitUntil(lambda: tiles.is_idle, timeout=10_000)
    close = fitted.centred_at(2000, 2000, 1.0)
    np.testing.assert_array_equal(draw(tiles, close), np.uint32(0xFFC8C8C8))


def test_memory_stays_within_its_budget(qapp: object, qtbot: Any) -> None:
    tiles = ImageTiles(budget_bytes=6 << 20)
    tiles.set_source(FakeReader(np.zeros((1, 5000, 5000), np.uint8)))
    for x in range(300, 4800, 500):
        tiles.request(ViewTransform(5000, 5000, 500, 500).centred_at(x, x, 1.0))
        qtbot.waitUntil(lambda: tiles.is_idle, timeout=10_000)
    assert tiles.nbytes <= 7 << 20
    tiles.shut_down()


@pytest.mark.parametrize("has_levels", [False, True])
def test_reduced_values_are_means(has_levels: bool) -> None:
    values = np.random.default_rng(1).integers(0, 4000, (2, 1024, 2048)).astype(np.uint16)
    reader = FakeReader(values)
    reduced = reduced_values(ImageSource(reader), Rect(512, 0, 1024, 1024), 3, NEVER)
    expected = values[:, :, 512:1536].reshape(2, 128, 8, 128, 8).mean(axis=(2, 4))
    assert reduced.shape == (2, 128, 128) and reduced.dtype == np.uint16
    np.testing.assert_allclose(reduced, expected, atol=1)


def test_large_areas_are_read_in_strips_and_stop_when_cancelled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("segstudio.gui.canvas.image_pixels.STRIP_PX", 200_000)
    values = np.arange(2000 * 1000, dtype=np.float32).reshape(1, 1000, 2000)
    reader = FakeReader(values)
    whole = reduced_values(ImageSource(reader), Rect(0, 0, 2000, 1000), 2, NEVER)
    assert max(window.width * window.height for _, window in reader.reads) <= 200_000
    np.testing.assert_allclose(whole[0], values[0].reshape(250, 4, 500, 4).mean(axis=(1, 3)), rtol=1e-5)
    token = CancelToken()
    token.set()
    reader.reads.clear()
    reduced_values(ImageSource(reader), Rect(0, 0, 2000, 1000), 2, token)
    assert reader.reads == []


def test_odd_sizes_keep_their_border_tiles() -> None:
    values = np.full((3, 777, 1111), 90, np.uint8)
    reader = FakeReader(values)
    pixels = tile_pixels(ImageSource(reader), DisplaySettings(), TileKey(1, 0, 1), NEVER)
    assert pixels.shape == (389, 44)
    assert (pixels == 0xFF5A5A5A).all()
    assert overview_level(reader.info) == 2


def test_sixteen_bit_is_stretched_and_the_range_can_be_changed(tiles: ImageTiles, qtbot: Any) -> None:
    values = np.linspace(1000, 1400, 300 * 300).reshape(1, 300, 300).astype(np.uint16)
    reader = FakeReader(values)
    view = ViewTransform(300, 300, 300, 300).fitted()
    tiles.set_source(reader)
    tiles.request(view)
    qtbot.waitUntil(lambda: tiles.is_idle, timeout=10_000)
    shown = draw(tiles, view) & 0xFF
    assert shown.min() < 10 and shown.max() > 245
    tiles.set_source(reader, 0, DisplaySettings(0, 65535, bands=(0, 0, 0)))
    np.testing.assert_array_equal(draw(tiles, view) & 0xFF, shown)  # in sight until the new ones are there
    tiles.request(view)
    qtbot.waitUntil(lambda: tiles.is_idle, timeout=10_000)
    assert (draw(tiles, view) & 0xFF).max() < 10


@pytest.mark.parametrize(
    "error", [UserError("The file ends too soon", path="x.png"), OSError("gone"), ValueError("bad")]
)
def test_a_failure_is_one_sentence(tiles: ImageTiles, qtbot: Any, error: Exception) -> None:
    said: list[str] = []
    tiles.failed.connect(said.append)
    tiles.set_source(FakeReader(np.zeros((1, 3000, 3000), np.uint8), error=error))
    tiles.request(ViewTransform(3000, 3000, 900, 900).fitted())
    qtbot.waitUntil(lambda: tiles.is_idle, timeout=10_000)
    assert len(said) == 1 and said[0].endswith((".", "gone", "bad"))


def test_a_reader_is_closed_after_its_last_read_and_no_thread_is_left(qapp: object, qtbot: Any) -> None:
    tiles = ImageTiles()
    reader = FakeReader(np.zeros((3, 3000, 3000), np.uint8))
    tiles.set_source(reader)
    tiles.request(ViewTransform(3000, 3000, 900, 900).centred_at(1500, 1500, 1.0))
    tiles.close_reader(reader)
    tiles.shut_down()
    assert reader.is_closed
    assert not canvas_threads()


def test_closing_the_canvas_ends_its_thread(qapp: object, tmp_path: Path) -> None:
    stage = Stage(tmp_path, gradient(400, 300))
    stage.settled()
    assert canvas_threads()
    stage.close()
    assert not canvas_threads()


def test_automatic_display_is_told_and_draws_nothing_anew(qapp: object, tmp_path: Path, qtbot: Any) -> None:
    stage = Stage(tmp_path, np.linspace(1000, 1400, 300 * 400).reshape(300, 400).astype(np.uint16))
    try:
        stage.settled()
        found = stage.session.auto_display
        assert found is not None and 990 < found.low < 1100 and 1300 < found.high < 1410
        assert stage.session.display is None
        before = dict(stage.canvas._image._tiles)
        stage.session.display_changed.emit()
        assert before and stage.canvas._image._tiles == before
    finally:
        stage.close()


def test_what_can_not_be_decoded_is_said_on_the_canvas(qapp: object, tmp_path: Path) -> None:
    stage = Stage(tmp_path, gradient(400, 300))
    try:
        empty = stage.picture()
        image_id = stage.session.image_id
        assert image_id is not None
        stage.session.reader_failed(image_id, "image.png ends too soon. Copy it again.")
        assert stage.canvas._message()[1:] == ("image.png ends too soon. Copy it again.", True)
        assert (stage.picture() != empty).any()
        stage.stroke([(100.0, 100.0)])
        assert not stage.labels().any()
    finally:
        stage.close()


def test_an_empty_canvas_says_what_to_do(qapp: object, tmp_path: Path) -> None:
    stage = Stage(tmp_path, gradient(40, 30))
    try:
        stage.session.select_image(None)
        title, body, is_bad = stage.canvas._message()
        assert title and body and not is_bad
        stage.canvas.set_hint("Add images first.")
        assert stage.canvas._message()[1] == "Add images first."
        assert len(np.unique(stage.picture().reshape(-1, 3), axis=0)) > 2
    finally:
        stage.close()
