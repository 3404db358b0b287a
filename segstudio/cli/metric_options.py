"""What ``score`` and ``evaluate`` share: the tolerance of boundaries, and the table per image."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from segstudio.cli.output import UsageError, table

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from segstudio.core.boundary_metrics import Tolerance

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
