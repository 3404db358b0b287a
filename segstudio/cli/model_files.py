"""``segstudio models install`` and ``export``: files of other makers in, ONNX out."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from segstudio.cli.output import ProgressBar, emit

if TYPE_CHECKING:
    import argparse

    from segstudio.ml.foreign.outline import FileOutline


def add_install(actions: Any, shared: argparse.ArgumentParser) -> None:
    """Declare ``models install``."""
    install = actions.add_parser(
        "install",
        parents=[shared],
        help="keep a weights file among your models",
        description="A .safetensors that segstudio wrote needs nothing more. Of another program's .onnx or .pth say what its "
        "file does not: classes, scaling.",
    )
    install.add_argument("file", type=Path, metavar="FILE", help="a .safetensors, .onnx or .pth file")
    install.add_argument("--name", default="", metavar="ID", help="the id to keep it under (else the file's name)")
    install.add_argument(
        "--classes", default="", metavar="A,B", help="names of its classes in order; a first “background” is none"
    )
    install.add_argument(
        "--mean", default="", metavar="X,Y,Z", help="means of the training, of values 0 … 1 (else ImageNet's)"
    )
    install.add_argument("--std", default="", metavar="X,Y,Z", help="deviations of the training")
    install.add_argument(
        "--scale", default="unit8", choices=("unit8", "percentile", "none"),
        help="how values become 0 … 1: 8-bit by 255, stretched between percentiles, or not at all",
    )  # fmt: skip
    install.add_argument(
        "--output", default="", choices=("logits", "probabilities"), help="what it answers (else found out)"
    )
    install.add_argument(
        "--fit", default="", choices=("windows", "whole"),
        help="an image larger than a fixed input: cut into windows (default), or resampled as a whole",
    )  # fmt: skip


def add_export(actions: Any, shared: argparse.ArgumentParser) -> None:
    """Declare ``models export``."""
    export = actions.add_parser("export", parents=[shared], help="write a model as an ONNX file, for other programs")
    export.add_argument("model", metavar="ID", help="a catalog id, a run, or a weights file")
    export.add_argument("--onnx", type=Path, required=True, metavar="FILE", help="the file to write")
    export.add_argument("--size", dest="window", type=int, default=0, metavar="N", help="for windows of exactly N×N px")
    export.add_argument("--opset", type=int, default=0, metavar="N", help="operator set (default 18)")


def run_install(args: argparse.Namespace) -> None:
    """Install a weights file."""
    from segstudio.ml import registry
    from segstudio.ml.foreign.files import names_of, numbers_of
    from segstudio.ml.foreign.wishes import Wishes

    wishes = Wishes(
        classes=names_of(args.classes),
        mean=numbers_of("--mean", args.mean),
        std=numbers_of("--std", args.std),
        scaling=args.scale,
        output=args.output,
        fit=args.fit,
        model_id=args.name,
    )
    entry = registry.install(args.file, wishes)
    path = entry.card.weights.path
    said = [f"Installed as {Path(path).stem}: {path}"]
    if entry.card.architecture:
        said.append(f"Classes: {', '.join(entry.card.classes)}")
    if not entry.is_available:
        said.append(f"It cannot be used yet: {entry.reason}")
    emit(args, {"id": Path(path).stem, "path": path, "classes": list(entry.card.classes)}, "\n".join(said))


def run_export(args: argparse.Namespace) -> None:
    """Export a model as ONNX."""
    from segstudio.core.errors import UserError
    from segstudio.ml import registry

    if args.onnx.suffix.lower() != ".onnx":
        raise UserError("an ONNX file's name ends in .onnx", path=args.onnx, remedy=f"write {args.onnx.name}.onnx")
    entry = registry.Catalog(args.project).find(args.model)
    from segstudio.ml.foreign.onnx_export import OPSET, export_onnx

    with ProgressBar() as bar:
        done = export_onnx(entry, args.onnx, size_px=args.window, opset=args.opset or OPSET, progress=bar)
    size = (
        f"windows of {done.size_px}×{done.size_px} px"
        if done.size_px
        else f"any size (multiples of {done.multiple_px} px)"
    )
    said = [f"Written to {done.path} ({done.size_bytes / 1e6:.1f} MB), for {size}."]
    if done.note:
        said.append(f"Note: {done.note}.")
    said.append(f"onnxruntime gives the same logits to {done.max_difference:.1g}.")
    emit(args, asdict(done), "\n".join(said))


def show_file(args: argparse.Namespace, held: FileOutline) -> None:
    """Print what a file of another maker holds, and the card it would get where its network is known."""
    from segstudio.cli.model_text import info_text
    from segstudio.ml import registry

    if held.problem:
        emit(args, {"file": held.to_json()}, held.to_text())
        return
    entry = registry.Catalog(args.project).find(held.path)
    document = {**entry.to_json(args.size), "card": entry.card.to_json(), "file": held.to_json()}
    emit(args, document, lambda: f"{info_text(entry, args.size)}\n\n{held.to_text()}")


def file_outline(ref: str) -> FileOutline | None:
    """What a weights file of another maker holds, where *ref* is one; else None.

    Raises
    ------
    UserError
        When it is damaged, or may run code.
    """
    from segstudio.ml.foreign.files import outline
    from segstudio.ml.foreign.sniff import is_foreign
    from segstudio.ml.interactive.cards import file_entry

    path = Path(ref).expanduser()
    # A click model is told by its entry.
    return outline(path) if path.is_file() and is_foreign(path) and file_entry(path) is None else None
