"""Fetches weights: resumed, checked, and named only when whole. No torch here."""

from __future__ import annotations

import hashlib
import http.client
import json
import os
import urllib.error
import urllib.request
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from segstudio.core.cancel import NEVER, check
from segstudio.core.errors import UserError
from segstudio.core.progress import no_progress
from segstudio.io.atomic import disk_error, write_bytes_atomic
from segstudio.ml.folders import cache_folder

if TYPE_CHECKING:
    from segstudio.core.cancel import Cancel
    from segstudio.core.progress import ProgressSink
    from segstudio.ml.cards import ModelCard

CHUNK_BYTES = 1 << 18
TIMEOUT_S = 20.0
MAX_BYTES = 8 << 30
"""No weights file is bigger; a server that sends more is cut off."""


def cached_file(card: ModelCard) -> Path:
    """Where the weights of *card* lie once they are here."""
    return cache_folder() / _plain_name(card)


def is_cached(card: ModelCard) -> bool:
    """Whether the file is here; its digest is checked when it is loaded."""
    return cached_file(card).is_file()


def download(card: ModelCard, progress: ProgressSink = no_progress, cancel: Cancel = NEVER) -> Path:
    """The weights file of *card*: the one already here, or fetched to :func:`cached_file`.

    A fetch that broke off goes on where it stopped, if the server can. The file gets its name only when it is whole and
    its SHA-256 begins with the card's.

    Raises
    ------
    UserError
        Without a network, for an answer other than the file, a wrong digest, a full disk.
    Cancelled
        When *cancel* is set; what has come stays for the next time.
    """
    target = cached_file(card)
    if target.is_file():
        return verified(card, target, progress, cancel)
    url = card.weights.url
    if not url.startswith(("https://", "http://")):
        raise UserError(f"the model {card.id} names no web address of its weights", remedy="choose another model")
    if not card.weights.sha256:
        raise UserError(f"the model {card.id} names no SHA-256 of its weights", remedy="choose another model")
    part = target.with_name(target.name + ".part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        _fetch(card, part, progress, cancel)
        digest = _sha256(part, cancel)
        if not digest.startswith(card.weights.sha256.lower()):
            part.unlink()
            raise UserError(
                f"what came from {url} is not the expected file (SHA-256 {digest[:16]}…, expected "
                f"{card.weights.sha256[:16]}…)",
                path=target,
                remedy="try again, or fetch the file another way and put it there",
            )
        os.replace(part, target)
        _remember(target, digest)
    except (urllib.error.URLError, TimeoutError, ConnectionError, http.client.HTTPException) as error:
        raise _no_network(card, target, error) from error
    except OSError as error:
        raise disk_error(error, target) from error
    return target


def verified(card: ModelCard, path: Path, progress: ProgressSink = no_progress, cancel: Cancel = NEVER) -> Path:
    """*path*, once its SHA-256 was found right; remembered by size and time, so that it is computed once.

    Raises
    ------
    UserError
        When the file is not the one the card means.
    """
    known = _remembered(path)
    try:
        if known is None:
            progress(0, 0, f"Checking {path.name}")
            known = _sha256(path, cancel)
    except OSError as error:
        raise UserError(f"the weights file cannot be read ({error.strerror})", path=path) from error
    if not known.startswith(card.weights.sha256.lower()):
        raise UserError(
            f"not the weights of {card.name}: the SHA-256 begins {known[:8]}, not {card.weights.sha256[:8]}",
            path=path,
            remedy=f"delete it, then run `segstudio models download {card.id}`",
        )
    _remember(path, known)
    return path


def _plain_name(card: ModelCard) -> str:
    name = card.weights.file_name or card.weights.url.rsplit("/", 1)[-1]
    if not name or name != Path(name).name or name.startswith(".") or "\\" in name or "\0" in name or ":" in name:
        raise UserError(f"the model {card.id} names no usable weights file ({name!r})", remedy="choose another model")
    return name


def _fetch(card: ModelCard, part: Path, progress: ProgressSink, cancel: Cancel) -> None:
    have = part.stat().st_size if part.is_file() else 0
    note = part.with_name(part.name + ".json")
    headers = {"User-Agent": "segstudio", "Accept-Encoding": "identity"}
    if have:
        headers["Range"] = f"bytes={have}-"
        # If-Range: a server whose file changed since sends the whole of it instead of a tail that does not fit.
        if tag := _note(note).get("tag"):
            headers["If-Range"] = tag
    check(cancel)
    what = f"Downloading {card.name}"
    progress(have, card.weights.size_bytes, what)
    try:
        answer = urllib.request.urlopen(urllib.request.Request(card.weights.url, headers=headers), timeout=TIMEOUT_S)
    except urllib.error.HTTPError as error:
        error.close()
        if error.code == 416 and have:
            # Already whole, or longer than the file: the digest tells; else it starts anew next time.
            if _sha256(part, cancel).startswith(card.weights.sha256.lower()):
                return
            part.unlink()
            return _fetch(card, part, progress, cancel)
        raise UserError(
            f"the server answered {error.code} ({error.reason}) for {card.weights.url}",
            remedy=f"try again later, or put {part.name.removesuffix('.part')} into {part.parent}",
        ) from error
    with answer:
        is_tail = answer.status == 206 and _range_start(answer) == have
        if answer.status == 206 and not is_tail:
            raise http.client.HTTPException("the server sent another part of the file than was asked for")
        done = have if is_tail else 0
        length = int(answer.headers.get("Content-Length") or 0)
        total = done + length if length else card.weights.size_bytes
        with suppress(OSError):
            tag = answer.headers.get("ETag") or ""
            note.write_text(json.dumps({"tag": "" if tag.startswith("W/") else tag}), encoding="utf-8")
        with part.open("ab" if is_tail else "wb") as file:
            while chunk := answer.read(CHUNK_BYTES):
                check(cancel)
                if done + len(chunk) > MAX_BYTES:
                    raise UserError(
                        f"{card.weights.url} sends more than {MAX_BYTES >> 30} GB", remedy="choose another model"
                    )
                if file.write(chunk) != len(chunk):
                    raise OSError(28, os.strerror(28))
                done += len(chunk)
                progress(done, total, what)
            file.flush()
            os.fsync(file.fileno())
        if length and done < total:
            raise ConnectionError(f"the connection broke off after {done:,} of {total:,} bytes")
    note.unlink(missing_ok=True)


def _range_start(answer: Any) -> int:
    value = str(answer.headers.get("Content-Range") or "")
    start = value.removeprefix("bytes ").split("-", 1)[0]
    return int(start) if start.isdigit() else -1


def _note(path: Path) -> dict[str, str]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return {k: v for k, v in found.items() if isinstance(v, str)} if isinstance(found, dict) else {}


def _no_network(card: ModelCard, target: Path, error: Exception) -> UserError:
    reason = getattr(error, "reason", None) or error
    return UserError(
        f"the weights of {card.name} cannot be fetched from {card.weights.url} ({reason})",
        remedy=f"connect to the internet and try again, or put the file {target.name} into {target.parent}",
    )


def _sha256(path: Path, cancel: Cancel) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            check(cancel)
            digest.update(chunk)
    return digest.hexdigest()


def _hash_note(path: Path) -> Path:
    return path.with_name(path.name + ".sha256.json")


def _remember(path: Path, digest: str) -> None:
    stat = path.stat()
    note = {"sha256": digest, "size": stat.st_size, "mtime_ns": stat.st_mtime_ns}
    # A folder we may not write to only costs the check again.
    with suppress(UserError, OSError):
        write_bytes_atomic(_hash_note(path), json.dumps(note).encode())


def _remembered(path: Path) -> str | None:
    try:
        note, stat = json.loads(_hash_note(path).read_text(encoding="utf-8")), path.stat()
        is_same = note["size"] == stat.st_size and note["mtime_ns"] == stat.st_mtime_ns
        return str(note["sha256"]) if is_same else None
    except (OSError, ValueError, KeyError, TypeError):
        return None
