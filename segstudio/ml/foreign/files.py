"""Files of other makers: opened where they lie, or installed. No torch here: what reads checkpoints is named, not imported."""

from __future__ import annotations

import hashlib
import importlib
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from segstudio.core.errors import UserError
from segstudio.ml.catalog_entry import CatalogEntry
from segstudio.ml.foreign.cards import U2NETP, onnx_entry
from segstudio.ml.foreign.onnx_card import read_onnx_card, sidecar_of
from segstudio.ml.foreign.onnx_header import read_onnx_header
from segstudio.ml.foreign.outline import FileOutline, TensorLine
from segstudio.ml.foreign.sniff import kind_of
from segstudio.ml.foreign.wishes import Wishes
from segstudio.ml.weights_header import read_card, read_header

if TYPE_CHECKING:
    from collections.abc import Sequence

    from segstudio.ml.cards import ModelCard

_CHECKPOINT = "segstudio.ml.foreign.checkpoint"


def foreign_entry(path: Path, wishes: Wishes | None = None) -> CatalogEntry:
    """A file of another maker as a model to use where it lies.

    Raises
    ------
    UserError
        When it is damaged, may run code, or is no network that segstudio can run.
    """
    if kind_of(path) == "onnx":
        return onnx_entry(path, _onnx_card(path, wishes))
    entry: CatalogEntry = _checkpoints().read_entry(path, wishes)
    return entry


def _onnx_card(path: Path, wishes: Wishes | None) -> ModelCard:
    """The card of an ONNX file; one that the catalog offers for download is known by its digest."""
    card = read_onnx_card(path, wishes)
    known = U2NETP
    if (wishes is not None and not wishes.is_unsaid) or path.stat().st_size != known.weights.size_bytes:
        return card
    is_same = hashlib.sha256(path.read_bytes()).hexdigest() == known.weights.sha256
    return replace(known, weights=card.weights, loader=card.loader) if is_same else card


def install_foreign(path: Path, folder: Path, wishes: Wishes | None = None) -> CatalogEntry:
    """Keep a file of another maker among the user's models in *folder*; checked first, its card beside it or inside.

    Raises
    ------
    UserError
        As :func:`foreign_entry`; and when another model has its name, or the disk refuses.
    """
    from segstudio.io.atomic import copy_file_atomic, write_bytes_atomic

    wishes = wishes or Wishes()
    kind = kind_of(path)
    name = wishes.model_id or path.stem
    if not name or name != Path(name).name or name.startswith("."):
        raise UserError(f"a model cannot be called {name!r}", remedy="choose a name without slashes")
    taken = [folder / f"{name}{suffix}" for suffix in (".onnx", ".safetensors")]
    for other in taken:
        if other.exists():
            raise UserError(
                "a model of this name is installed already", path=other, remedy="give the new one another name"
            )
    if kind == "onnx":
        card = replace(_onnx_card(path, wishes), id=name)
        target = taken[0]
        # The card first: without its file it means nothing, while the file without it would be listed with a guess.
        document = replace(card, weights=replace(card.weights, path=""), loader="")
        _make(folder)
        write_bytes_atomic(sidecar_of(target), document.dumps().encode())
        try:
            copy_file_atomic(path, target)
        except UserError:
            sidecar_of(target).unlink(missing_ok=True)
            raise
        return onnx_entry(target)
    target = taken[1]
    checkpoints = _checkpoints()
    _make(folder)
    checkpoints.convert(path, target, wishes)
    return CatalogEntry(replace(read_card(target), id=name))


def outline(path: Path) -> FileOutline:
    """What a weights file of any kind holds, tensor by tensor.

    Raises
    ------
    UserError
        When it is damaged, or may run code.
    """
    kind = kind_of(path)
    if kind == "checkpoint":
        found: FileOutline = _checkpoints().outline(path)
        return found
    if kind == "onnx":
        return _onnx_outline(path)
    header, _ = read_header(path)
    lines = tuple(TensorLine(name, tuple(t["shape"]), str(t["dtype"])) for name, t in header.items())
    return FileOutline(str(path), "safetensors", lines, network=read_card(path).architecture)


def _onnx_outline(path: Path) -> FileOutline:
    header = read_onnx_header(path)
    lines = [TensorLine(f"input {i.name}", i.shape or (), i.element) for i in header.inputs]
    lines += [TensorLine(f"output {o.name}", o.shape or (), o.element) for o in header.outputs]
    try:
        card: ModelCard | None = read_onnx_card(path)
        problem = ""
    except UserError as error:
        card, problem = None, error.message
    kind = f"ONNX, opset {header.opset}" + (f", by {header.producer}" if header.producer else "")
    return FileOutline(str(path), kind, tuple(lines), "", card.architecture if card else "", problem, header.parameters)


def _make(folder: Path) -> None:
    from segstudio.io.atomic import disk_error

    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise disk_error(error, folder) from error


def _checkpoints() -> Any:
    # Named, not imported: this module is read by the window, which never loads torch.
    return importlib.import_module(_CHECKPOINT)


def names_of(text: str) -> tuple[str, ...]:
    """Class names out of "a,b,c"."""
    return tuple(name.strip() for name in text.split(",") if name.strip())


def numbers_of(option: str, text: str) -> tuple[float, ...]:
    """Numbers out of "0.5,0.5,0.5".

    Raises
    ------
    UserError
        When one is no number.
    """
    try:
        return tuple(float(part) for part in names_of(text))
    except ValueError as error:
        raise UserError(f"{option} holds {text!r}", remedy="give numbers with commas between them") from error


def known_suffixes() -> Sequence[str]:
    """Suffixes of files that can be installed."""
    return (".safetensors", ".onnx", ".pth", ".pt", ".ckpt", ".bin")
