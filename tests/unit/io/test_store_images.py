"""Adding images: referenced or copied, folders, bad files, cancelling."""

from __future__ import annotations

import hashlib
import shutil

import numpy as np
import pytest
from PIL import Image

from segstudio.core.cancel import CancelToken
from segstudio.core.classes import ClassTable
from segstudio.core.errors import Cancelled
from segstudio.io.readers.registry import probe
from segstudio.io.store.project import ProjectStore


@pytest.fixture
def store(tmp_path):
    with ProjectStore.create(tmp_path / "project") as made:
        yield made


@pytest.fixture
def pictures(tmp_path):
    folder = tmp_path / "pictures"
    folder.mkdir()
    for number in range(3):
        values = np.random.default_rng(number).integers(0, 255, (40, 60 + number, 3), dtype=np.uint8)
        Image.fromarray(values).save(folder / f"p{number}.png")
    return folder


def test_files_and_folders_are_referenced(store, pictures):
    seen = []
    report = store.add_images([pictures], progress=lambda done, total, what: seen.append((done, total)))
    assert [record.name for record in report.added] == ["p0.png", "p1.png", "p2.png"] and report.failed == []
    assert seen[0] == (0, 3) and seen[-1] == (3, 3)
    record = store.images()[1]
    assert (record.width, record.height, record.depth, record.dtype) == (61, 40, 1, "uint8")
    assert store.image_file(record) == pictures / "p1.png" and not record.is_missing
    assert record.sha256 == hashlib.sha256((pictures / "p1.png").read_bytes()).hexdigest()
    assert store.labels_layer(record.id).width == 61
    again = store.add_images([pictures / "p1.png", pictures])
    assert again.added == [] and again.already == 4
    (pictures / "p1.png").unlink()
    assert store.images()[1].is_missing


def test_copies_lie_in_the_project_and_move_with_it(store, pictures, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    shutil.copy(pictures / "p1.png", other / "p0.png")
    report = store.add_images([pictures / "p0.png", other / "p0.png", pictures / "p1.png"], copy=True)
    assert [record.path for record in report.added] == ["images/p0.png", "images/p0-2.png"]
    assert report.already == 1, "the same content under another name"
    shutil.rmtree(pictures)
    store.close()
    moved = store.folder.rename(tmp_path / "moved")
    with ProjectStore.open(moved) as again:
        assert not any(record.is_missing for record in again.images())


def test_bad_files_stop_nothing(store, pictures, tmp_path):
    (pictures / "p1.png").write_bytes(b"")
    (pictures / "text.png").write_text("no image")
    report = store.add_images([pictures / name for name in ("p0.png", "p1.png", "text.png", "gone.png", "p2.png")])
    assert [record.name for record in report.added] == ["p0.png", "p2.png"]
    assert [path.name for path, _ in report.failed] == ["p1.png", "text.png", "gone.png"]
    assert all(str(path) in sentence for path, sentence in report.failed)
    empty = tmp_path / "empty"
    empty.mkdir()
    assert len(store.add_images([empty]).failed) == 1


def test_cancelling_keeps_what_was_added(store, pictures):
    token = CancelToken()

    def stop(done, total, what):
        if done == 2:
            token.set()

    with pytest.raises(Cancelled):
        store.add_images([pictures], progress=stop, cancel=token)
    assert len(store.images()) == 2


def test_a_dicom_series_is_one_image(tmp_path):
    from medical_files import volume, write_series

    paths = write_series(tmp_path / "ct", volume())
    with ProjectStore.create(tmp_path / "p", ClassTable()) as store:
        report = store.add_images([tmp_path / "ct"])
        (record,) = report.added
        assert (record.name, record.depth, record.width) == ("ct.dcm", 8, 12) and not report.failed
        assert store.add_images(paths).already == 1  # all files, dropped one by one
    with ProjectStore.create(tmp_path / "copied", ClassTable()) as store:
        (record,) = store.add_images(paths[2:5], copy=True).added
        copied = store.image_file(record)
        assert copied.is_relative_to(tmp_path / "copied") and record.depth == 8
        assert sorted(path.name for path in copied.parent.iterdir()) == sorted(path.name for path in paths)
        for path in paths:
            path.unlink()
        assert probe(copied).depth == 8
