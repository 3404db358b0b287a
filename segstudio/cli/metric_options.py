"""What ``score`` and ``evaluate`` share: the tolerance of boundaries, and the table per image."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from segstudio.cli.output import UsageError, table

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from segstudio.core.boundary_metrics import Tolerance
    from segstudio.io.object_scoring import Pieces

_SHOWN_IMAGES = 20


def add_metric_options(parser: argparse.ArgumentParser) -> None:
    """Declare ``--boundary-tolerance`` and ``--per-image``."""
    parser.add_argument(
        "--boundary-tolerance",
        metavar="PX",
        help="score boundaries too: how far apart they may lie, in pixels, or of the diagonal: 0.75%%",
    )
    parser.add_argument("--per-image", action="store_true", help="list the images too, the worst first")


def tolerance_of_options(args: argparse.Namespace) -> Tolerance | None:
    """What ``--boundary-tolerance`` says; None without it.

    Raises
    ------
    UsageError
        When it is no number, or out of bounds.
    """
    from segstudio.core.boundary_metrics import DiagonalShare

    text = args.boundary_tolerance
    if text is None:
        return None
    is_share = text.endswith("%")
    try:
        value = float(text.removesuffix("%"))
    except ValueError:
        value = float("nan")
    if not 0.0 <= value <= (10.0 if is_share else 100.0):
        raise UsageError(
            f"--boundary-tolerance is {text}",
            remedy="give pixels from 0 to 100, or a share of the diagonal from 0% to 10%",
        )
    return DiagonalShare(value / 100) if is_share else value


def add_pieces_options(parser: argparse.ArgumentParser, text: str = "") -> None:
    """Declare ``--pieces`` (with *text* as its help; "" = it goes without saying), ``--split-touching`` and ``--least-px``."""
    if text:
        parser.add_argument("--pieces", action="store_true", help=text)
    parser.add_argument(
        "--split-touching",
        type=float,
        metavar="PX",
        help="cut pieces apart where a neck is by PX narrower than what it joins (0.75 does well for nuclei)",
    )
    parser.add_argument("--least-px", type=int, metavar="N", help="leave out objects of fewer pixels")


def pieces_of_options(args: argparse.Namespace) -> Pieces | None:
    """What ``--pieces``, ``--split-touching`` and ``--least-px`` say; None without any of them.

    Raises
    ------
    UsageError
        When one is out of bounds.
    """
    from segstudio.io.object_scoring import Pieces

    neck, least = args.split_touching, args.least_px
    if neck is not None and not 0.0 < neck <= 1000.0:
        raise UsageError(f"--split-touching is {neck:g}", remedy="give more than 0 and at most 1000 pixels")
    if least is not None and least < 0:
        raise UsageError(f"--least-px is {least}", remedy="give a number of pixels")
    if not getattr(args, "pieces", False) and neck is None and least is None:
        return None
    return Pieces(neck, least or 0)


def cells_text(cells: dict[str, Any]) -> str:
    """Rand and pixel error for people."""
    rand = " / ".join(percent(cells[f"rand_{kind}"]) for kind in ("f1", "split", "merge"))
    return f"cells between borders: Rand {rand} % (F1 / split / merge), pixel error {percent(cells['pixel_error'])} %"


def objects_line(scores: dict[str, Any]) -> str:
    """F1, precision and recall of objects for people."""
    found = [percent(scores[f"object_{kind}"]) for kind in ("f1", "precision", "recall")]
    return f"object F1 at IoU 0.5 {found[0]} %, precision {found[1]} %, recall {found[2]} %"


def percent(value: float | None) -> str:
    """A share with two decimals; what is not known is a dash."""
    return "–" if value is None else f"{100 * value:.2f}"


def per_image_text(rows: Sequence[dict[str, Any]]) -> str:
    """The worst images of ``per_image`` as a table for people; all of them are in ``--json``."""
    keys = ("mean_iou", "mean_dice", "pixel_accuracy", "boundary_f1")
    return image_table(rows, ("mean IoU", "Dice", "pixel accuracy", "boundary F1"), keys)


def image_table(rows: Sequence[dict[str, Any]], header: Sequence[str], keys: Sequence[str]) -> str:
    """Images with the shares named by *keys* under *header*."""
    shown = [(row["image"], *(percent(row[key]) for key in keys)) for row in rows[:_SHOWN_IMAGES]]
    text = table(shown, ("image", *header))
    left = len(rows) - len(shown)
    return text if left <= 0 else f"{text}\nand {left:,} better ones (--json lists all)"
