"""Large images in the window: a blurred look that gets better, damage as one notice, openings that can be given up."""

from __future__ import annotations

import threading

import numpy as np
import pytest
import tifffile
from PIL import Image
from window_help import open_window

from segstudio.core.classes import ClassTable
from segstudio.io.readers import streamed, tiff_plan, windowed


@pytest.fixture(autouse=True)
def small_is_large(tmp_path, monkeypatch):
    monkeypatch.setenv("SEGSTUDIO_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr(tiff_plan, "MEMORY_BYTES", 0)
    monkeypatch.setattr(windowed, "_TAIL_PX", 0)
    monkeypatch.setattr(windowed, "_DIRECT_PX", 0)


@pytest.fixture
def window(qtbot):
    with open_window(qtbot) as opened:
        yield opened


def open_images(window, tmp_path, *files):
    session = window.session
    assert session.create_project(tmp_path / "project", ClassTable().added("road"))
    session.add_images(list(files))
    return session


def checkers(height=1500, width=2000):
    """Blocks of two colours."""
    grid = (np.indices((height, width)) // 250).sum(0) % 2
    return np.where(grid[:, :, None] == 1, (250, 30, 30), (30, 30, 250)).astype(np.uint8)


def shown(window):
    image = window.workspace.canvas.grab().toImage().convertToFormat(image_format())
    return np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.width(), 4)[:, :, 2::-1].astype(int)


def image_format():
    from PySide6.QtGui import QImage

    return QImage.Format.Format_RGB32


def has_both_colors(window):
    picture = shown(window)
    red = (np.abs(picture - (250, 30, 30)).max(axis=2) < 25).mean()
    blue = (np.abs(picture - (30, 30, 250)).max(axis=2) < 25).mean()
    return red > 0.1 and blue > 0.1


def test_the_blurred_look_is_replaced_when_the_levels_are_made(window, tmp_path, qtbot, monkeypatch):
    file = tmp_path / "a.tif"
    tifffile.imwrite(file, checkers(), photometric="rgb", tile=(64, 64), compression="zlib")
    go, looks = threading.Event(), []
    make, look = windowed.make_pyramid, windowed.sampled
    monkeypatch.setattr(windowed, "make_pyramid", lambda *a, **m: make(*a, **m) if go.wait(20) else None)

    def blurred(source, z):
        looks.append(z)
        return np.full_like(look(source, z), 128)

    monkeypatch.setattr(windowed, "sampled", blurred)
    session = open_images(window, tmp_path, file)
    qtbot.waitUntil(lambda: session.reader is not None and looks and window.workspace.canvas._image.is_idle, timeout=20_000)
    assert not has_both_colors(window)
    go.set()
    qtbot.waitUntil(lambda: has_both_colors(window), timeout=20_000)


def test_a_damaged_tile_is_one_notice_and_the_rest_is_shown(window, tmp_path, qtbot):
    file = tmp_path / "a.tif"
    tifffile.imwrite(file, checkers(), photometric="rgb", tile=(256, 256), compression="zlib")
    with tifffile.TiffFile(file) as tiff:
        offset, count = tiff.pages[0].dataoffsets[0], tiff.pages[0].databytecounts[0]
    data = bytearray(file.read_bytes())
    data[offset : offset + count] = b"\xff" * count
    file.write_bytes(data)
    heard = []
    window.session.notice.connect(heard.append)
    session = open_images(window, tmp_path, file)
    qtbot.waitUntil(lambda: session.reader is not None and has_both_colors(window), timeout=20_000)
    qtbot.waitUntil(lambda: len(heard) == 1, timeout=5_000)
    assert "a.tif" in heard[0] and "damaged" in heard[0]


def test_another_image_is_not_kept_waiting_by_a_large_one(window, tmp_path, qtbot, monkeypatch):
    pytest.importorskip("pyvips")
    monkeypatch.setattr(streamed, "STREAMED_PIXELS", 1 << 20)
    values = checkers(2000, 1000)
    Image.fromarray(values).save(tmp_path / "large.png")
    Image.fromarray(values[:100, :100]).save(tmp_path / "small.png")
    began, done, rows = threading.Event(), threading.Event(), streamed._rows

    def endless(path, info, orientation):
        if path.name == "large.png":
            first = next(rows(path, info, orientation))
            began.set()
            while not done.wait(0.01):  # its small picture in the list is waited for, too
                yield first
        yield from rows(path, info, orientation)

    monkeypatch.setattr(streamed, "_rows", endless)
    session = open_images(window, tmp_path, tmp_path / "large.png", tmp_path / "small.png")
    large, small = (record.id for record in session.images)
    session.select_image(large)
    qtbot.waitUntil(began.is_set, timeout=10_000)
    session.select_image(small)
    qtbot.waitUntil(lambda: session.reader is not None and session.reader.info.path.name == "small.png", timeout=10_000)
    done.set()
    assert not list((tmp_path / "cache" / "pyramids").iterdir())
