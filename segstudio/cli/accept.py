"""``segstudio accept``: proposals become labels."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from segstudio.cli.output import ProgressBar, UsageError, add_json, chosen_images, counted, emit

if TYPE_CHECKING:
    import argparse

    from segstudio.io.validity import ValidTiles


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``segstudio accept``."""
    parser.add_argument("project", type=Path, metavar="DIR", help="the project's folder")
    parser.add_argument("--images", metavar="GLOB", help="only images whose name matches, such as 'scan_*.png'")
    parser.add_argument("--classes", metavar="a,b", help="only these classes")
    parser.add_argument(
        "--min-confidence", type=float, default=0.0, metavar="X", help="only pixels at least this sure, 0 to 1"
    )
    parser.add_argument(
        "--everywhere", action="store_true", help="also where a person has erased or rejected something"
    )
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Accept and say how many pixels became labels; hand work is never painted over."""
    from segstudio.core import proposals
    from segstudio.core.edits import Guard
    from segstudio.core.errors import UserError
    from segstudio.io.store.project import ProjectStore

    if not 0.0 <= args.min_confidence <= 1.0:
        raise UsageError(f"--min-confidence is {args.min_confidence}", remedy="give a number from 0 to 1")
    wanted = None if args.classes is None else [n.strip() for n in args.classes.split(",") if n.strip()]
    if wanted == []:
        raise UsageError("--classes names no class", remedy="give names separated by commas, or leave it out for all")
    with ProjectStore.open(args.project) as store, ProgressBar() as bar:
        if store.is_read_only:
            raise UserError(
                f"the project is read-only ({store.read_only_reason})",
                path=store.folder,
                remedy="close the other window",
            )
        class_ids = None
        if wanted is not None:
            class_ids = set()
            for name in wanted:
                found = store.classes.by_name(name)
                if found is None:
                    known = ", ".join(c.name for c in store.classes)
                    raise UserError(
                        f"the project has no class {name!r}", path=store.folder, remedy=f"its classes are {known}"
                    )
                class_ids.add(found.id)
        images = chosen_images(store, args.images)
        accepted: list[dict[str, object]] = []
        for done, image in enumerate(images):
            bar(done, len(images), f"Accepting {image.name}")
            proposal = store.proposal_layer(image.id)
            if proposal is None:
                continue
            labels = store.labels_layer(image.id)
            before = sum(labels.pixel_counts().values())
            locked = frozenset(c.id for c in store.classes if c.is_locked)
            with ExitStack() as stack:
                validity = _validity(stack, store.image_file(image))
                edit = proposals.accept(
                    labels,
                    proposal,
                    class_ids=class_ids,
                    min_confidence=args.min_confidence,
                    locked_class_ids=locked,
                    keep_touched=not args.everywhere,
                    guard=Guard(validity=validity),
                )
            if edit is None:
                continue
            store.commit(edit)
            accepted.append({"image": image.name, "pixels": sum(labels.pixel_counts().values()) - before})
    total = sum(int(str(a["pixels"])) for a in accepted)
    emit(
        args,
        {"accepted": accepted, "pixels": total},
        f"Accepted {total:,} pixels in {len(accepted)} of {counted(len(images), 'image')}.",
    )
    return 0


def _validity(stack: ExitStack, file: Path) -> ValidTiles | None:
    """Where the image holds data, open until *stack* ends; None for a file that is missing or damaged, too."""
    from segstudio.core.errors import UserError
    from segstudio.io.validity import file_validity

    try:
        return stack.enter_context(file_validity(file))
    except UserError:
        return None
