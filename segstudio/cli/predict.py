"""``segstudio predict``: index masks of images, without a project."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from segstudio.cli.output import ProgressBar, UsageError, add_json, emit, table, warn
from segstudio.cli.propose import add_model_arguments, checked_window, with_given_options
from segstudio.cli.refine import given_refinement
from segstudio.io.atomic import write_bytes_atomic
from segstudio.io.csv_text import csv_text

if TYPE_CHECKING:
    import argparse

    from segstudio.ml.catalog_entry import CatalogEntry
    from segstudio.ml.inference.predict import Prediction
    from segstudio.ml.refine.table import Refinement

TABLE_KEYS = ("image", "mask", "class", "pixels", "share")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``segstudio predict``."""
    parser.add_argument("images", type=Path, nargs="+", metavar="IMAGE", help="image files or folders of images")
    add_model_arguments(parser)
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="where the masks go; made when missing")
    parser.add_argument(
        "--probabilities", action="store_true", help="also write STEM.probabilities.npy (class, y, x) float16"
    )
    parser.add_argument(
        "--table", type=Path, metavar="FILE", help="also write what was found as text: a line for each image and class (CSV)"
    )
    parser.add_argument(
        "--engine", default="local", choices=("local", "ray"),
        help="ray: share the images, and bands of large ones, out over a Ray cluster (extra cluster; default %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--processes", type=int, default=2, metavar="N", help="processes of --engine ray (default %(default)s)"
    )
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Write one palette PNG an image (NIfTI for a volume), named as the image; no input is ever replaced."""
    from segstudio.core.errors import UserError
    from segstudio.io.atomic import disk_error
    from segstudio.io.readers.registry import list_images, one_per_image
    from segstudio.ml.api import memory_note
    from segstudio.ml.registry import Catalog

    window_px, overlap_px = checked_window(args)
    if args.processes < 1:
        raise UsageError(f"--processes is {args.processes}", remedy="give 1 or more")
    refinement = given_refinement(args)
    images: list[Path] = []
    for path in args.images:
        if path.is_dir():
            found = list_images(path)
            if not found:
                raise UserError("the folder holds no image", path=path, remedy="choose another folder")
            images += found
        elif path.exists():
            images.append(path)
        else:
            raise UserError("the image is missing", path=path, remedy="check the path")
    images = one_per_image(dict.fromkeys(images))
    entry = with_given_options(Catalog().find(args.model), args)
    # torch from here on: a mistake on the command line is told at once.
    from segstudio.ml.inference.loading import load_segmenter
    from segstudio.ml.inference.predict import output_files, predict_file

    targets = output_files(images, args.out)
    try:
        args.out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise disk_error(error, args.out) from error
    if args.engine == "ray":
        return _predict_on_cluster(args, entry, images, targets, refinement)
    written = []
    with ProgressBar() as bar:
        segmenter = load_segmenter(entry, args.device, bar)
        for index, (image, target) in enumerate(zip(images, targets, strict=True)):

            def sink(done: float, total: float, what: str, at: int = index) -> None:
                bar(at + (done / total if total else 0.0), len(images), what)

            written.append(
                predict_file(
                    segmenter,
                    image,
                    target,
                    has_probabilities=args.probabilities,
                    window_px=window_px,
                    overlap_px=overlap_px,
                    refinement=refinement,
                    progress=sink,
                )
            )
    if note := memory_note(segmenter):
        warn(note)
    return _tell(args, segmenter.card.id, segmenter.device, written)


def _predict_on_cluster(
    args: argparse.Namespace,
    entry: CatalogEntry,
    images: list[Path],
    targets: list[Path],
    refinement: Refinement | None,
) -> int:
    from segstudio.ml.inference.ray_predict import Wish, predict_on_cluster

    wish = Wish(entry, args.device, args.probabilities, args.tile, args.overlap, refinement)
    with ProgressBar() as bar:
        segmenter, written = predict_on_cluster(wish, images, targets, processes=args.processes, progress=bar)
    return _tell(args, segmenter.card.id, f"ray, {args.processes} processes", written)


def _tell(args: argparse.Namespace, model: str, device: str, written: list[Prediction]) -> int:
    document = {"model": model, "device": device, "masks": [asdict(w) for w in written]}
    if args.table is not None:
        write_bytes_atomic(args.table, csv_text(TABLE_KEYS, _lines(written)).encode())
    rows = [(Path(w.mask).name, _size(w), _shares(w.pixels, w.width * w.height * w.depth)) for w in written]
    emit(args, document, lambda: table(rows, ("mask", "size", "classes")) + f"\n\n{len(rows)} masks in {args.out}")
    return 0


def _lines(written: list[Prediction]) -> list[dict[str, Any]]:
    return [
        {"image": w.image, "mask": w.mask, "class": name, "pixels": count, "share": count / (w.width * w.height * w.depth)}
        for w in written
        for name, count in w.pixels.items()
    ]


def _size(written: Prediction) -> str:
    flat = f"{written.width}×{written.height}"
    return flat if written.depth == 1 else f"{flat}×{written.depth}"


def _shares(pixels: dict[str, int], total: int) -> str:
    return ", ".join(f"{name} {count / total:.1%}" for name, count in sorted(pixels.items(), key=lambda p: -p[1])[:4])
