"""Downloads from a server on loopback."""

import errno
import hashlib

import pytest
from ml_help import download_card, serving

from segstudio.core.cancel import CancelToken
from segstudio.core.errors import Cancelled, UserError
from segstudio.ml import download as downloads

CONTENT = bytes(range(256)) * 6000
DIGEST = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("SEGSTUDIO_CACHE_DIR", str(tmp_path / "cache"))
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path / "cache" / "models"


@pytest.fixture
def server():
    with serving(CONTENT) as state:
        yield state


def names(folder):
    return sorted(p.name for p in folder.iterdir())


def test_fetches_checks_and_names_the_file(server, cache):
    reports = []
    path = downloads.download(download_card(server.url, DIGEST[:8]), lambda d, t, w: reports.append((d, t)))
    assert path == cache / "weights-deadbeef.pth" and path.read_bytes() == CONTENT
    assert reports[-1] == (len(CONTENT), len(CONTENT))
    assert names(cache) == ["weights-deadbeef.pth", "weights-deadbeef.pth.sha256.json"]
    assert DIGEST in (cache / "weights-deadbeef.pth.sha256.json").read_text(), "the whole digest is recorded"


def test_a_file_already_there_is_used_without_a_network(cache):
    cache.mkdir(parents=True)
    (cache / "weights-deadbeef.pth").write_bytes(CONTENT)
    dead = download_card("http://127.0.0.1:1/weights-deadbeef.pth", DIGEST[:8])
    assert downloads.download(dead).read_bytes() == CONTENT


def test_a_wrong_file_put_there_is_refused_and_kept(cache):
    cache.mkdir(parents=True)
    file = cache / "weights-deadbeef.pth"
    file.write_bytes(b"something else")
    with pytest.raises(UserError, match="not the weights of Remote") as caught:
        downloads.download(download_card("http://127.0.0.1:1/x", DIGEST[:8]))
    assert str(file) in str(caught.value) and file.read_bytes() == b"something else"


def test_a_file_changed_after_its_check_is_checked_again(server, cache):
    card = download_card(server.url, DIGEST)
    path = downloads.download(card)
    path.write_bytes(CONTENT[:-1] + b"!")
    with pytest.raises(UserError, match="not the weights"):
        downloads.download(card)


def test_goes_on_where_it_broke_off(server, cache):
    card = download_card(server.url, DIGEST)
    server.break_after = 700_000
    with pytest.raises(UserError, match="broke off") as caught:
        downloads.download(card)
    assert "weights-deadbeef.pth" in str(caught.value)
    assert (cache / "weights-deadbeef.pth.part").stat().st_size == 700_000
    server.break_after = None
    assert downloads.download(card).read_bytes() == CONTENT
    assert server.requests[-1]["Range"] == "bytes=700000-"
    assert names(cache) == ["weights-deadbeef.pth", "weights-deadbeef.pth.sha256.json"]


def test_starts_anew_where_the_server_knows_no_ranges(server, cache):
    card = download_card(server.url, DIGEST)
    server.break_after = 700_000
    with pytest.raises(UserError):
        downloads.download(card)
    server.break_after, server.has_ranges = None, False
    assert downloads.download(card).read_bytes() == CONTENT


def test_starts_anew_where_the_file_changed_on_the_server(server, cache):
    server.content = b"old" * 500_000
    card = download_card(server.url, DIGEST)
    server.break_after = 700_000
    with pytest.raises(UserError):
        downloads.download(card)
    server.content, server.etag, server.break_after = CONTENT, '"two"', None
    assert downloads.download(card).read_bytes() == CONTENT


@pytest.mark.parametrize("left", [CONTENT, CONTENT + b"too long", b"x" * len(CONTENT)])
def test_a_part_as_long_as_the_file_is_settled_by_its_digest(server, cache, left):
    cache.mkdir(parents=True)
    (cache / "weights-deadbeef.pth.part").write_bytes(left)
    assert downloads.download(download_card(server.url, DIGEST)).read_bytes() == CONTENT


def test_wrong_bytes_get_no_name(server, cache):
    with pytest.raises(UserError, match="not the expected file"):
        downloads.download(download_card(server.url, "0" * 8))
    assert not (cache / "weights-deadbeef.pth").exists() and not (cache / "weights-deadbeef.pth.part").exists()


def test_cancel_keeps_what_came_for_the_next_time(server, cache):
    card = download_card(server.url, DIGEST)
    token = CancelToken()
    with pytest.raises(Cancelled):
        downloads.download(card, lambda done, t, w: token.set() if done > 500_000 else None, token)
    assert 500_000 < (cache / "weights-deadbeef.pth.part").stat().st_size < len(CONTENT)
    assert not (cache / "weights-deadbeef.pth").exists()
    assert downloads.download(card).read_bytes() == CONTENT
    assert "Range" in server.requests[-1]


@pytest.mark.parametrize("status", [404, 403, 500])
def test_a_refusal_is_one_sentence(server, cache, status):
    server.status = status
    with pytest.raises(UserError, match=f"the server answered {status}") as caught:
        downloads.download(download_card(server.url, DIGEST))
    assert "weights-deadbeef.pth" in str(caught.value) and str(cache) in str(caught.value)


def test_without_a_network_it_names_the_file_and_the_folder(cache):
    with pytest.raises(UserError, match="connect to the internet|Connect to the internet") as caught:
        downloads.download(download_card("http://127.0.0.1:1/weights-deadbeef.pth", DIGEST))
    text = str(caught.value)
    assert f"put the file weights-deadbeef.pth into {cache}" in text and "\n" not in text


def test_a_full_disk_is_said_and_the_part_stays(server, cache, monkeypatch):
    from pathlib import Path

    plain = Path.open

    class Full:
        def __init__(self, file):
            self.file, self.written = file, 0

        def __enter__(self):
            return self

        def __exit__(self, *_):
            self.file.close()

        def write(self, data):
            self.written += len(data)
            if self.written > 600_000:
                raise OSError(errno.ENOSPC, "No space left on device")
            return self.file.write(data)

    monkeypatch.setattr(
        Path,
        "open",
        lambda self, mode="r", *a, **k: Full(plain(self, mode)) if mode in {"ab", "wb"} else plain(self, mode, *a, **k),
    )
    card = download_card(server.url, DIGEST)
    with pytest.raises(UserError, match="The disk is full"):
        downloads.download(card)
    monkeypatch.undo()
    monkeypatch.setenv("SEGSTUDIO_CACHE_DIR", str(cache.parent))
    assert downloads.download(card).read_bytes() == CONTENT


@pytest.mark.parametrize("name", ["../evil.pth", "/etc/passwd", "a\\b.pth", ".hidden", "c:evil", "a\0b"])
def test_a_file_name_stays_in_the_folder(name):
    with pytest.raises(UserError, match="no usable weights file"):
        downloads.cached_file(download_card("http://127.0.0.1:1/x", DIGEST, name=name))


@pytest.mark.parametrize(
    ("url", "digest"), [("file:///etc/passwd", DIGEST), ("ftp://x/y", DIGEST), ("https://x/y", "")]
)
def test_only_web_addresses_with_a_digest(url, digest):
    with pytest.raises(UserError, match="names no"):
        downloads.download(download_card(url, digest))
