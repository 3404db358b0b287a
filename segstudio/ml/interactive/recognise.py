"""Which click model a weights file holds, told by the names of its tensors: nothing is unpickled. No torch here."""

from __future__ import annotations

import json
import pickletools
import re
import zipfile
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

MOST_BYTES = 64 << 20
"""Longer lists of tensors are not read."""


@dataclass(frozen=True)
class Found:
    """A family ("sam", "mobile_sam", "sam2"), its encoder by name ("" = a size nobody published), whose names it uses."""

    architecture: str
    encoder: str
    is_renamed: bool = False
    """Whether the tensors have the names that transformers gives them, not the authors'."""


SAM_ENCODERS = {12: "vit_b", 24: "vit_l", 32: "vit_h"}
"""By the number of blocks."""
HIERA_ENCODERS = {12: "hiera_tiny", 16: "hiera_small", 24: "hiera_base_plus", 48: "hiera_large"}
_DECODER = "mask_decoder.iou_token.weight"
_BLOCK = re.compile(r"(?:image_encoder\.blocks|vision_encoder\.layers|trunk\.blocks|backbone\.blocks)\.(\d+)\.")


def recognised(path: Path) -> Found | None:
    """The click model that *path* holds; None for any other file, a damaged one included."""
    try:
        status = Path(path).stat()
    except OSError:
        return None
    return _recognised(str(path), status.st_size, status.st_mtime_ns)


@lru_cache(maxsize=64)
def _recognised(path: str, _size: int, _time_ns: int) -> Found | None:
    return family_of(tensor_names(Path(path)))


def family_of(names: frozenset[str]) -> Found | None:
    """The family that tensors of these names make; None for none of them."""
    blocks = len({match[1] for match in map(_BLOCK.search, names) if match})
    if "image_encoder.patch_embed.seq.0.c.weight" in names and _DECODER in names:
        return Found("mobile_sam", "tiny_vit")
    if "image_encoder.pos_embed" in names and _DECODER in names:
        return Found("sam", SAM_ENCODERS.get(blocks, ""))
    if "vision_encoder.patch_embed.projection.weight" in names and _DECODER in names:
        return Found("sam", SAM_ENCODERS.get(blocks, ""), is_renamed=True)
    if "image_encoder.trunk.pos_embed_window" in names and f"sam_{_DECODER}" in names:
        return Found("sam2", HIERA_ENCODERS.get(blocks, ""))
    if "vision_encoder.backbone.pos_embed_window" in names and _DECODER in names:
        return Found("sam2", HIERA_ENCODERS.get(blocks, ""), is_renamed=True)
    return None


def tensor_names(path: Path) -> frozenset[str]:
    """Every text that may name a tensor in a PyTorch zip checkpoint or a safetensors file; empty for any other."""
    try:
        with path.open("rb") as file:
            start = file.read(9)
        if start[:4] == b"PK\x03\x04":
            return _pickled_texts(path)
        return _header_names(path) if start[8:9] == b"{" else frozenset()
    except (OSError, ValueError, zipfile.BadZipFile, KeyError, NotImplementedError, RuntimeError, IndexError):
        return frozenset()


def _pickled_texts(path: Path) -> frozenset[str]:
    """The strings in a checkpoint's pickle, read as opcodes: none is carried out."""
    with zipfile.ZipFile(path) as archive:
        inside = next((i for i in archive.infolist() if i.filename.rsplit("/", 1)[-1] == "data.pkl"), None)
        if inside is None or inside.file_size > MOST_BYTES:
            return frozenset()
        code = archive.read(inside)
    return frozenset(value for _, value, _ in pickletools.genops(code) if isinstance(value, str))


def _header_names(path: Path) -> frozenset[str]:
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if length > MOST_BYTES:
            return frozenset()
        header = json.loads(file.read(length))
    return frozenset(header) if isinstance(header, dict) else frozenset()
