"""Files that moved: known by length and content, hashed only where they could be the one, never given twice."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
from PIL import Image

from segstudio.core.cancel import CancelToken
from segstudio.core.errors import Cancelled
from segstudio.io.store import image_files
from segstudio.io.store.image_files import likely_folders
from segstudio.io.store.image_rows import set_places
from segstudio.io.store.project import ProjectStore


@pytest.fixture
def store(tmp_path):
    folder = tmp_path / "pictures"
    folder.mkdir()
    for number in range(4):
        values = np.random.default_rng(number).integers(0, 255, (20, 30 + number, 3), dtype=np.uint8)
        Image.fromarray(values).save(folder / f"p{number}.bmp")
    with ProjectStore.create(tmp_path / "project") as made:
        made.add_images([folder])
        yield made


@pytest.fixture
def hashed(monkeypatch):
    names = []
    real = image_files.file_sha256

    def note(file, cancel):
        names.append(file.name)
        return real(file, cancel)

    monkeypatch.setattr(image_files, "file_sha256", note)
    return names


def test_a_renamed_file_is_found_by_length_and_content(store, tmp_path, hashed):
    target = tmp_path / "new" / "deep"
    target.mkdir(parents=True)
    shutil.move(tmp_path / "pictures" / "p2.bmp", target / "renamed.bmp")
    (target / "p2.bmp").write_bytes(b"another length")
    size = (target / "renamed.bmp").stat().st_size
    (target / "same length.bmp").write_bytes(b"\0" * size)
    (missing,) = [record for record in store.images() if record.is_missing]
    report = store.files.search([missing], [tmp_path / "new"])
    assert [(found.image_id, found.file.name) for found in report.found] == [(missing.id, "renamed.bmp")]
    assert report.missing == () and "p2.bmp" not in hashed, "a file of another length is not read"
    store.files.place(report.found)
    assert not any(record.is_missing for record in store.images())
    assert store.image_file(store.image(missing.id)) == target / "renamed.bmp"


def test_a_file_that_is_another_image_is_not_taken(store, tmp_path):
    shutil.copy(tmp_path / "pictures" / "p0.bmp", tmp_path / "pictures" / "twin.bmp")
    store.add_images([tmp_path / "pictures" / "twin.bmp"])
    (tmp_path / "pictures" / "p0.bmp").unlink()
    (missing,) = [record for record in store.images() if record.is_missing]
    report = store.files.search([missing], likely_folders(store.folder, store.images()))
    assert report.found == () and report.missing == (missing.id,) and report.looked_at >= 4


def test_images_of_older_projects_are_known_by_name_and_content(store, tmp_path, hashed):
    first = store.images()[0]
    blank = {"k_id": first.id, "v_path": first.path, "v_path_hint": "", "v_sha256": first.sha256, "v_file_bytes": 0}
    set_places(store._database, [blank])
    (tmp_path / "away").mkdir()
    shutil.move(tmp_path / "pictures" / "p0.bmp", tmp_path / "away" / "p0.bmp")
    report = store.files.search([store.image(first.id)], [tmp_path])
    assert [found.file.parent.name for found in report.found] == ["away"] and hashed == ["p0.bmp"]


def test_what_was_not_hashed_is_hashed_later(store, tmp_path, hashed):
    record = store.images()[1]
    blank = {"k_id": record.id, "v_path": record.path, "v_path_hint": "", "v_sha256": "", "v_file_bytes": 0}
    set_places(store._database, [blank])
    found = list(store.files.hashes(store.images()))
    assert [item.image_id for item in found] == [record.id] and hashed == ["p1.bmp"]
    store.files.remember(found)
    again = store.image(record.id)
    assert again.sha256 == record.sha256 and again.file_bytes == record.file_bytes > 0
    assert again.path == record.path and list(store.files.hashes(store.images())) == []


def test_a_search_can_be_cancelled(store, tmp_path):
    token = CancelToken()
    token.set()
    with pytest.raises(Cancelled):
        store.files.search(store.images(), [tmp_path], cancel=token)
