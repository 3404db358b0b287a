"""Files and folders that are whole or not there."""

from __future__ import annotations

import errno
import os

import pytest

from segstudio.core.errors import UserError
from segstudio.io.atomic import TEMP_PREFIX, atomic_folder, sweep_leftovers, write_bytes_atomic


def test_bytes_replace_what_was_there(tmp_path):
    path = tmp_path / "a.bin"
    for data in (b"one", b"", os.urandom(3_000_000)):
        write_bytes_atomic(path, data)
        assert path.read_bytes() == data
    assert [item.name for item in tmp_path.iterdir()] == ["a.bin"]


@pytest.mark.parametrize(
    ("number", "said"), [(errno.ENOSPC, "disk is full"), (errno.EROFS, "cannot be written"), (errno.EIO, "check the disk")]
)
def test_a_failed_write_leaves_the_old_file(tmp_path, monkeypatch, number, said):
    path = tmp_path / "a.bin"
    path.write_bytes(b"old")
    written = []

    def short_write(descriptor, data):
        if written:
            raise OSError(number, os.strerror(number))
        written.append(1)
        return len(data) // 2

    monkeypatch.setattr(os, "write", short_write)
    with pytest.raises(UserError, match=f"(?i){said}") as caught:
        write_bytes_atomic(path, b"new content")
    assert caught.value.path == path
    assert path.read_bytes() == b"old" and len(list(tmp_path.iterdir())) == 1


def test_a_short_write_goes_on(tmp_path, monkeypatch):
    real = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: real(descriptor, data[:7]))
    write_bytes_atomic(tmp_path / "a", b"0123456789" * 5)
    assert (tmp_path / "a").read_bytes() == b"0123456789" * 5


def test_a_folder_appears_when_it_is_whole(tmp_path):
    target = tmp_path / "deep" / "out"
    with atomic_folder(target) as folder:
        (folder / "sub").mkdir()
        (folder / "sub" / "a").write_text("x")
        assert not target.exists()
    assert (target / "sub" / "a").read_text() == "x"
    with pytest.raises(UserError, match="not empty"), atomic_folder(target):
        pass


@pytest.mark.parametrize("error", [RuntimeError("bug"), OSError(errno.ENOSPC, "full"), KeyboardInterrupt()])
def test_a_failed_folder_leaves_nothing(tmp_path, error):
    wanted = UserError if isinstance(error, OSError) else type(error)
    with pytest.raises(wanted), atomic_folder(tmp_path / "out") as folder:
        (folder / "a").write_text("x")
        raise error
    assert list(tmp_path.iterdir()) == []


def test_leftovers_of_killed_programs_are_swept(tmp_path):
    (tmp_path / f"{TEMP_PREFIX}1-out").mkdir()
    (tmp_path / f"{TEMP_PREFIX}1-out" / "a").write_text("x")
    (tmp_path / f"{TEMP_PREFIX}2-b.png").write_text("x")
    (tmp_path / "keep").write_text("x")
    assert len(sweep_leftovers(tmp_path)) == 2
    assert [item.name for item in tmp_path.iterdir()] == ["keep"]
