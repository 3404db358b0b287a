"""A folder of many images comes in without the window halting."""

from __future__ import annotations

import sys
import threading
import time

import numpy as np
import pytest
import tifffile
from medical_files import volume, write_series
from PySide6.QtCore import QTimer
from window_help import make_images, open_project, open_window

from segstudio.core.classes import ClassTable
from segstudio.gui import image_adding
from segstudio.io.readers import dicom_series
from segstudio.io.store import image_rows


def test_many_images_are_added_a_few_at_a_turn(qtbot, tmp_path):
    with open_window(qtbot) as window:
        open_project(window, tmp_path, qtbot)
        session = window.workspace.session
        (tmp_path / "many").mkdir()
        files = make_images(tmp_path / "many", count=60)
        files[7].write_bytes(b"no image")
        said: list[str] = []
        session.notice.connect(said.append)
        turns = []
        timer = QTimer()
        timer.timeout.connect(lambda: turns.append(time.perf_counter()))
        timer.start(0)
        before = len(session.images)
        assert session.open_paths([tmp_path / "many"])
        assert session.is_adding and len(session.images) == before
        qtbot.waitUntil(lambda: not session.is_adding, timeout=20_000)
        timer.stop()
        assert len(session.images) == before + 59
        # Added in one go there would be none between.
        assert len(turns) >= 2
        assert any(files[7].name in sentence for sentence in said)
        assert not window.workspace.jobs.running_titles()


def test_adding_stops_when_told_and_keeps_what_came(qtbot, tmp_path):
    with open_window(qtbot) as window:
        open_project(window, tmp_path, qtbot)
        session = window.workspace.session
        (tmp_path / "many").mkdir()
        make_images(tmp_path / "many", count=60)
        before = len(session.images)
        assert session.add_images([tmp_path / "many"]) is None and session.is_adding
        window.workspace.adder.cancel()
        assert not session.is_adding and before <= len(session.images) < before + 60


def test_few_images_are_there_at_once(qtbot, tmp_path):
    with open_window(qtbot) as window:
        open_project(window, tmp_path, qtbot)
        session = window.workspace.session
        (tmp_path / "few").mkdir()
        files = make_images(tmp_path / "few", count=3)
        before = len(session.images)
        assert session.add_images(files) is not None
        assert len(session.images) == before + 3


@pytest.mark.parametrize("drops_files", [False, True])
def test_a_dicom_study_is_looked_through_in_the_background(qtbot, tmp_path, monkeypatch, drops_files):
    paths = write_series(tmp_path / "ct", volume(12, 10, 20))
    readers = set()
    honest = dicom_series._slice_header
    monkeypatch.setattr(
        dicom_series, "_slice_header", lambda path: (readers.add(threading.current_thread()), honest(path))[1]
    )
    with open_window(qtbot) as window:
        session = window.session
        assert session.create_project(tmp_path / "project", ClassTable().added("organ"))
        session.add_images(paths if drops_files else [tmp_path / "ct"])
        assert session.is_adding and not session.images
        qtbot.waitUntil(lambda: not session.is_adding, timeout=10_000)
        (record,) = session.images
        assert (record.name, record.depth) == ("ct.dcm", 20)
        assert readers and threading.main_thread() not in readers
        qtbot.waitUntil(lambda: session.reader is not None, timeout=10_000)


def test_a_large_file_is_looked_at_in_the_background_and_shown_when_opened(qtbot, tmp_path, monkeypatch):
    hashers = set()
    honest = image_rows.file_sha256
    monkeypatch.setattr(image_rows, "file_sha256", lambda *a: (hashers.add(threading.current_thread()), honest(*a))[1])
    with open_window(qtbot) as window:
        open_project(window, tmp_path, qtbot)
        session = window.session
        hashers.clear()
        (large,) = make_images(tmp_path / "large", count=1)
        with large.open("ab") as file:
            file.write(bytes(image_adding.FEW_BYTES))
        assert session.open_paths([large])
        assert session.is_adding
        qtbot.waitUntil(lambda: not session.is_adding, timeout=10_000)
        assert session.image is not None and session.image.path == str(large) and session.image.sha256
        assert hashers and threading.main_thread() not in hashers
        # What is only added is not shown in place of what one is working on.
        (other,) = make_images(tmp_path / "other", count=1)
        with other.open("ab") as file:
            file.write(bytes(image_adding.FEW_BYTES + 1))
        session.add_images([other])
        qtbot.waitUntil(lambda: not session.is_adding, timeout=10_000)
        assert len(session.images) == 4 and session.image.path == str(large)


def test_a_map_whose_library_is_not_imported_yet_is_left_to_the_worker(tmp_path, monkeypatch):
    place = [(33550, 12, 3, (2.0, 2.0, 0.0), True), (33922, 12, 6, (0, 0, 0, 100.0, 200.0, 0), True)]
    for name, tags in (("map.tif", place), ("plain.tif", [])):
        tifffile.imwrite(tmp_path / name, np.zeros((20, 30), np.uint8), extratags=tags, metadata=None)
    monkeypatch.delitem(sys.modules, "rasterio", raising=False)
    assert image_adding._are_slow([tmp_path / "map.tif"])
    assert not image_adding._are_slow([tmp_path / "plain.tif"])
    monkeypatch.setitem(sys.modules, "rasterio", sys)
    assert not image_adding._are_slow([tmp_path / "map.tif"])
