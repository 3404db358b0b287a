"""What kind of weights file a file is, by its first bytes. Nothing is unpickled. No torch here."""

from __future__ import annotations

import zipfile
from typing import TYPE_CHECKING, Literal

from segstudio.core.errors import UserError

if TYPE_CHECKING:
    from pathlib import Path

Kind = Literal["onnx", "checkpoint", "safetensors"]
PICKLED_SUFFIXES = frozenset({".pth", ".pt", ".ckpt", ".bin", ".pkl", ".pickle", ".tar"})
FOREIGN_SUFFIXES = frozenset({".onnx", ".h5", ".hdf5", ".keras", ".pb", ".tflite", *PICKLED_SUFFIXES})
_WEIGHTS = "ask for the weights alone: torch.save(model.state_dict(), …), a .safetensors or an .onnx file"
_OTHERS = {".h5": "Keras", ".hdf5": "Keras", ".keras": "Keras", ".pb": "TensorFlow", ".tflite": "TensorFlow Lite"}
_ZIP, _HDF5 = b"PK\x03\x04", b"\x89HDF\r\n\x1a\n"


def is_foreign(path: Path) -> bool:
    """Whether the file's name says that it is no weights file of ours."""
    return path.suffix.lower() in FOREIGN_SUFFIXES


def kind_of(path: Path) -> Kind:
    """The kind of a weights file that segstudio can read something from.

    Raises
    ------
    UserError
        For TorchScript, Keras, TensorFlow, an empty or half file, and anything else; says which.
    """
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            start = file.read(16)
    except OSError as error:
        raise UserError(
            f"the weights file cannot be read ({error})", path=path, remedy="choose another file"
        ) from error
    suffix = path.suffix.lower()
    if size == 0:
        raise UserError("the weights file is empty", path=path, remedy="copy or download it again")
    if start[:8] == _HDF5 or suffix in _OTHERS:
        maker = _OTHERS.get(suffix, "Keras")
        raise UserError(
            f"this is a file of {maker}, whose networks segstudio cannot run",
            path=path,
            remedy="ask for the model as .onnx",
        )
    if suffix == ".onnx":
        return "onnx"
    if start[:4] == _ZIP:
        _check_archive(path, size)
        return "checkpoint"
    if start[8:9] == b"{" and suffix not in PICKLED_SUFFIXES:
        return "safetensors"
    if start[:1] == b"\x80":
        return "checkpoint"
    if start.lstrip()[:1] == b"<":
        raise UserError(
            "this is a web page, not a weights file (a download link often leads to a page first)",
            path=path,
            remedy="download the file itself",
        )
    raise UserError(
        "this is no weights file that segstudio knows", path=path, remedy="choose a .safetensors, .onnx or .pth file"
    )


def _check_archive(path: Path, size: int) -> None:
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()[:100_000]
    except (OSError, zipfile.BadZipFile, ValueError, NotImplementedError) as error:
        raise UserError(
            f"the checkpoint is cut short or damaged: the end of its {size:,} bytes is no archive's",
            path=path,
            remedy="download it again to its end",
        ) from error
    # TorchScript keeps source text under code/; a plain checkpoint has only data.pkl and data/.
    if any("/code/" in name or name.endswith("constants.pkl") for name in names):
        raise UserError(
            "this is a TorchScript archive: a program that runs when it is opened, so segstudio refuses it",
            path=path,
            remedy=_WEIGHTS,
        )
    if not any(name == "data.pkl" or name.endswith("/data.pkl") for name in names):
        raise UserError(
            "this is an archive without a checkpoint in it", path=path, remedy="unpack it, or choose another file"
        )
