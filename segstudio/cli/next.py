"""``segstudio next``: which images are worth labelling next, and which labels are likely wrong."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from segstudio.cli.output import ProgressBar, UsageError, add_json, chosen_images, counted, emit, table, warn
from segstudio.core.looks import MEASURES
from segstudio.core.ordering import BASES

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from segstudio.app.next_desk import NextImage
    from segstudio.core.label_errors import Suspect
    from segstudio.core.looks import Look
    from segstudio.core.progress import ProgressSink
    from segstudio.io.looks import Looked
    from segstudio.io.store.project import ProjectStore
    from segstudio.io.store.records import ImageRecord

WHY = {
    "unsure": "unsure",
    "different": "unlike the others",
    "both": "unsure and unlike the others",
    "": "",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``segstudio next``."""
    parser.add_argument("project", type=Path, metavar="DIR", help="the project's folder")
    parser.add_argument(
        "--model",
        metavar="ID",
        help="let this model look at the images first: a catalog id, a run of the project, or a weights file; "
        "without it the looks that the project keeps are used",
    )
    parser.add_argument(
        "--measure",
        choices=MEASURES,
        default="entropy",
        help="how uncertainty is measured: entropy, margin, disagreement of mirrored views (flips), or of two models",
    )
    parser.add_argument("--other", default="", metavar="ID", help="the second model of --measure models")
    parser.add_argument(
        "--by", choices=BASES, default="both", help="order by uncertainty, diversity, or both (default)"
    )
    parser.add_argument("--images", metavar="GLOB", help="only images whose name matches, such as 'scan_*.png'")
    parser.add_argument("--again", action="store_true", help="look again at images that this model looked at before")
    parser.add_argument("--errors", action="store_true", help="list likely label errors in place of the images")
    parser.add_argument("--limit", type=int, default=20, metavar="N", help="rows printed; 0: all (default 20)")
    parser.add_argument("--device", default="auto", metavar="D", help="auto, cpu, cuda[:N] or mps")
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Look, where a model is given, and print the order or the likely label errors."""
    from segstudio.io.looks import read_suspects
    from segstudio.io.store.project import ProjectStore

    if args.limit < 0:
        raise UsageError(f"--limit is {args.limit}", remedy="give 0 for all rows, or how many")
    if args.measure == "models" and not args.other:
        raise UsageError("--measure models needs a second model", remedy="name it with --other")
    with ProjectStore.open(args.project, read_only=args.model is None) as store, ProgressBar() as bar:
        images = chosen_images(store, args.images)
        failed = _look(store, images, args, bar) if args.model else []
        names = {image.id: image.name for image in images}
        if args.errors:
            found = {i: s for i, s in read_suspects(store.facts).items() if i in names}
            document = _errors(found, names, store)
        else:
            document = _order(store, images, args.by)
    for name, sentence in failed:
        warn(f"{name}: {sentence}")
    emit(args, document, lambda: _text(document, args.limit))
    return 1 if failed else 0


def _look(
    store: ProjectStore, images: Sequence[ImageRecord], args: argparse.Namespace, progress: ProgressSink
) -> list[tuple[str, str]]:
    """Let the model look at what it has not seen; (name, sentence) of the images that could not be read."""
    from segstudio.core.errors import UserError
    from segstudio.io.looks import keep_look, read_looked
    from segstudio.ml.inference.loading import load_segmenter
    from segstudio.ml.inference.looking import check_measure
    from segstudio.ml.registry import Catalog

    if store.is_read_only:
        raise UserError(
            f"the project is read-only ({store.read_only_reason})", path=store.folder, remedy="close the other window"
        )
    catalog = Catalog(store.folder)
    entry = catalog.find(args.model)
    other_id = catalog.find(args.other).card.id if args.measure == "models" else ""
    kind = (entry.card.id, args.measure, other_id)
    known = read_looked(store.facts)
    waiting = [image for image in images if args.again or image.id not in known or known[image.id].kind != kind]
    if not waiting:
        return []
    segmenter = load_segmenter(entry, args.device, progress)
    other = load_segmenter(catalog.find(args.other), args.device, progress) if other_id else None
    check_measure(segmenter, args.measure, other)
    failed = []
    for index, image in enumerate(waiting):

        def sink(done: float, total: float, what: str, at: int = index, name: str = image.name) -> None:
            progress(at + (done / total if total else 0.0), len(waiting), f"Looking at {name}")

        try:
            look = _look_at(store, image, segmenter, other, args.measure, sink)
        except UserError as error:
            failed.append((image.name, str(error)))
            continue
        keep_look(store.facts, image.id, look, measure=args.measure, model_id=kind[0], other_id=other_id)
    return failed


def _look_at(
    store: ProjectStore, image: ImageRecord, segmenter: Any, other: Any, measure: Any, progress: ProgressSink
) -> Look:
    from segstudio.cli.refine import check_size
    from segstudio.io.readers.registry import open_image
    from segstudio.jobs.looking import labels_for
    from segstudio.ml.class_mapping import match_by_name
    from segstudio.ml.inference.looking import look_at

    card = segmenter.card
    pairs = [
        (index, class_id) for index, class_id in match_by_name(card, store.classes).items() if class_id is not None
    ]
    if card.background_index is not None:
        pairs.append((card.background_index, 0))
    file = store.image_file(image)
    with closing(open_image(file)) as reader:
        check_size(reader.info, image, file)
        labelled = labels_for(store, image.id, pairs, len(card.classes))
        return look_at(segmenter, reader, measure=measure, other=other, labelled=labelled, progress=progress)


def _order(store: ProjectStore, images: Sequence[ImageRecord], by: Any) -> dict[str, Any]:
    from segstudio.app.next_desk import found_in

    known = {image.id: image.status == "done" for image in images}
    found = found_in(store.facts, known, by)
    names = {image.id: image.name for image in images}
    return {
        "by": by,
        "looks": _kind(found.order, found.looked),
        "looked_at": len(found.looked),
        "images": [
            {
                "place": one.place + 1,
                "id": one.image_id,
                "image": names[one.image_id],
                "uncertainty": round(one.uncertainty, 4),
                "why": WHY[one.reason],
            }
            for one in found.order
        ],
    }


def _kind(order: Sequence[NextImage], looked: dict[int, Looked]) -> dict[str, str]:
    if not order:
        return {}
    model_id, measure, other_id = looked[order[0].image_id].kind
    return {"model": model_id, "measure": measure, "other": other_id}


def _errors(found: dict[int, list[Suspect]], names: dict[int, str], store: ProjectStore) -> dict[str, Any]:
    def named(class_id: int) -> str:
        one = store.classes.by_id(class_id)
        return "nothing" if one is None else one.name

    rows = [
        {
            "image": names[image_id],
            "id": image_id,
            "labelled": named(suspect.label_class),
            "model_says": named(suspect.model_class),
            "confidence": round(suspect.confidence, 3),
            "pixels": suspect.pixels,
            "z": suspect.z,
            "box": [suspect.rect.x, suspect.rect.y, suspect.rect.width, suspect.rect.height],
        }
        for image_id, suspects in found.items()
        for suspect in suspects
    ]
    rows.sort(key=lambda row: -float(str(row["pixels"])) * (float(str(row["confidence"])) - 0.5))
    return {"errors": rows}


def _text(document: dict[str, Any], limit: int) -> str:
    rows = document.get("errors", document.get("images", []))
    shown = rows[:limit] if limit else rows
    if "errors" in document:
        if not rows:
            return "No label is likely wrong, as far as a model looked at labelled images."
        lines = table(
            [
                (r["image"], r["labelled"], r["model_says"], f"{r['confidence']:.0%}", f"{r['pixels']:,}",
                 "{},{} {}×{}".format(*r["box"]))
                for r in shown
            ],
            ("image", "labelled", "the model says", "sure", "pixels", "where"),
        )  # fmt: skip
    else:
        if not rows:
            return "No model looked at these images yet: name one with --model."
        lines = table(
            [(r["place"], r["image"], f"{r['uncertainty']:.1%}", r["why"]) for r in shown],
            ("next", "image", "uncertainty", "why"),
        )
        looks = document["looks"]
        by = {"uncertainty": "uncertainty", "diversity": "diversity", "both": "uncertainty and diversity"}
        told = looks["measure"] + (f" against {looks['other']}" if looks["other"] else "")
        lines += f"\n{counted(len(rows), 'image')} by {by[document['by']]}, as {looks['model']} sees them ({told})."
    if len(shown) < len(rows):
        lines += f"\n{len(rows) - len(shown):,} more: --limit 0 prints all."
    return lines
