"""Reads the card of a weights file from its safetensors header, and refuses what is not safe to open. No torch here."""

from __future__ import annotations

import json
import math
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

from segstudio.core.errors import UserError
from segstudio.ml.cards import CARD_KEY, ModelCard, WeightsSource
from segstudio.ml.foreign.table import loader_of

MAX_HEADER_BYTES = 100_000_000
"""The limit of the safetensors format itself."""
DTYPE_BYTES = {
    "BOOL": 1, "U8": 1, "I8": 1, "F8_E5M2": 1, "F8_E4M3": 1, "U16": 2, "I16": 2, "F16": 2, "BF16": 2,
    "U32": 4, "I32": 4, "F32": 4, "U64": 8, "I64": 8, "F64": 8,
}  # fmt: skip
_EXPORT = "ask for the model as .safetensors, the format that cannot carry code"


def read_header(path: Path) -> tuple[dict[str, Any], dict[str, str]]:
    """(tensor name → {dtype, shape, data_offsets}, metadata) of a safetensors file, checked against its size.

    Reads the header only.

    Raises
    ------
    UserError
        When the file is missing, empty, truncated, a pickle, TorchScript, ONNX or no weights file at all.
    """
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            start = file.read(16)
            length = int.from_bytes(start[:8], "little")
            # First of all: a header's length may begin like the magic of a pickle (0x80 0x04 is 1152).
            if start[8:9] != b"{" or length > MAX_HEADER_BYTES:
                _refuse_other_formats(path, start, size)
            if not 2 <= length <= MAX_HEADER_BYTES or start[8:9] != b"{":
                raise UserError(
                    "this is not a safetensors weights file", path=path, remedy="choose a .safetensors file"
                )
            if 8 + length > size:
                raise _truncated(path, size, 8 + length)
            file.seek(8)
            raw = file.read(length)
    except (OSError, ValueError) as error:
        raise UserError(
            f"the weights file cannot be read ({error})", path=path, remedy="choose another file"
        ) from error
    try:
        header = json.loads(raw.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise UserError(
            "the weights file's header is damaged", path=path, remedy="copy or download it again"
        ) from error
    if not isinstance(header, dict):
        raise UserError("the weights file's header is damaged", path=path, remedy="copy or download it again")
    metadata = header.pop("__metadata__", {})
    if not isinstance(metadata, dict) or not all(isinstance(v, str) for v in metadata.values()):
        raise UserError("the weights file's metadata is damaged", path=path, remedy="copy or download it again")
    _check_tensors(path, header, size - 8 - length)
    return header, metadata


def read_card(path: Path) -> ModelCard:
    """The card inside a weights file, its ``weights`` pointing at *path* (kind "file").

    Raises
    ------
    UserError
        As :func:`read_header`; and when the file carries no card, or a broken one.
    """
    path = Path(path)
    header, metadata = read_header(path)
    text = metadata.get(CARD_KEY)
    if text is None:
        raise UserError(
            "the weights file carries no segstudio model card, so its network is unknown",
            path=path,
            remedy="choose a file that segstudio wrote",
        )
    try:
        card = ModelCard.loads(text)
    except UserError as error:
        raise UserError(error.message, path=path, remedy="choose a file that segstudio wrote") from error
    if card.parameters is None:
        card = replace(card, parameters=sum(math.prod(t["shape"]) for t in header.values()))
    source = WeightsSource("file", str(path), file_name=path.name, size_bytes=path.stat().st_size)
    return replace(card, weights=source, loader=loader_of(card.architecture))


def _refuse_other_formats(path: Path, start: bytes, size: int) -> None:
    if size == 0:
        raise UserError("the weights file is empty", path=path, remedy="copy or download it again")
    if start[:4] == b"PK\x03\x04":
        kind = "a TorchScript archive" if _is_torchscript(path) else "a pickled PyTorch checkpoint"
        raise UserError(
            f"this is {kind}, which may run code when opened, so segstudio refuses it", path=path, remedy=_EXPORT
        )
    if start[:1] == b"\x80" and start[1:2] in b"\x02\x03\x04\x05":
        raise UserError(
            "this is a pickle, which may run code when opened, so segstudio refuses it", path=path, remedy=_EXPORT
        )
    if start[:8] == b"\x89HDF\r\n\x1a\n":
        raise UserError("this is a Keras (HDF5) file, which segstudio cannot run", path=path, remedy=_EXPORT)
    if path.suffix.lower() == ".onnx":
        raise UserError("an ONNX file can be run, but holds no weights to train on", path=path, remedy=_EXPORT)
    if size < 10:
        raise _truncated(path, size, 10)


def _is_torchscript(path: Path) -> bool:
    try:
        with zipfile.ZipFile(path) as archive:
            # TorchScript keeps source text under code/; a plain checkpoint has only data.pkl and data/.
            return any("/code/" in name or name.endswith("constants.pkl") for name in archive.namelist()[:10_000])
    except (OSError, zipfile.BadZipFile, ValueError, NotImplementedError):
        return False


def _truncated(path: Path, size: int, wanted: int) -> UserError:
    return UserError(
        f"the weights file is cut short: it has {size:,} bytes and should have at least {wanted:,}",
        path=path,
        remedy="copy or download it again",
    )


def _check_tensors(path: Path, header: dict[str, Any], data_bytes: int) -> None:
    """Each tensor's bytes lie inside the file, gap-free, and fit its shape."""
    damaged = UserError("the weights file's list of tensors is damaged", path=path, remedy="copy or download it again")
    spans: list[tuple[int, int]] = []
    for entry in header.values():
        try:
            item = DTYPE_BYTES[entry["dtype"]]
            shape = entry["shape"]
            begin, end = entry["data_offsets"]
            is_sound = all(type(n) is int and n >= 0 for n in [*shape, begin, end])
            if not is_sound or end - begin != math.prod(shape) * item:
                raise damaged
        except (KeyError, TypeError, ValueError) as error:
            raise damaged from error
        spans.append((begin, end))
    at = 0
    for begin, end in sorted(spans):
        if begin != at:
            raise damaged
        at = end
    if at > data_bytes:
        size = path.stat().st_size
        raise _truncated(path, size, size + at - data_bytes)
    if at < data_bytes:
        raise damaged
