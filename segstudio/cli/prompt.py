"""``segstudio prompt``: the mask of one object of an image, from points and a box."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from segstudio.cli.output import ProgressBar, UsageError, add_json, emit

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    import numpy as np
    import numpy.typing as npt

    from segstudio.app.prompt_views import Mark
    from segstudio.app.tools.smart import Picture
    from segstudio.core.geometry import Rect

STRIP_PX = 256
VIEW_PX = 1024
"""Of an image too large to be looked at whole, so much around the prompts is."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``segstudio prompt``."""
    parser.add_argument("image", type=Path, metavar="IMAGE", help="an image file")
    parser.add_argument("--model", required=True, metavar="ID", help="a click model of the catalog, or a weights file")
    parser.add_argument("--device", default="auto", metavar="D", help="auto, cpu, cuda[:N] or mps")
    parser.add_argument(
        "--points", nargs="+", default=[], metavar="X,Y,±", help="pixels of the object (x,y,+) and beside it (x,y,-)"
    )
    parser.add_argument("--box", default="", metavar="X0,Y0,X1,Y1", help="a box around the object")
    parser.add_argument(
        "--choice",
        choices=("best", "smallest", "largest"),
        default="best",
        help="which mask to take where a single point may mean several",
    )
    parser.add_argument("--plane", type=int, default=0, metavar="Z", help="plane of a volume, from 0")
    parser.add_argument("--out", type=Path, required=True, metavar="MASK.png", help="0 = background, 1 = the object")
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Write the mask; the image is looked at as the window shows it."""
    from segstudio.app.prompt_views import full_area, look, part_to_see, prompts_of
    from segstudio.app.tools.smart import Picture
    from segstudio.core.cancel import NEVER
    from segstudio.core.errors import UserError
    from segstudio.io.readers.registry import open_image
    from segstudio.ml.registry import Catalog

    marks = marks_of(args.points, args.box)
    if args.out.suffix.lower() != ".png":
        raise UsageError("the mask is written as PNG", path=args.out, remedy="give --out a name that ends in .png")
    if args.out.resolve() == args.image.resolve():
        raise UserError("the mask would replace the image", path=args.out, remedy="choose another --out")
    entry = Catalog().find(args.model)
    from segstudio.ml.interactive.loading import load_prompter
    from segstudio.ml.interactive.run import Clicks, chosen

    with closing(open_image(args.image)) as reader, ProgressBar() as bar:
        if not 0 <= args.plane < max(1, reader.info.depth):
            raise UserError(
                f"the image has {reader.info.depth} planes, there is no plane {args.plane}", path=args.image
            )
        picture = Picture(reader, args.plane, None)
        _check_inside(marks, picture)
        prompter = load_prompter(entry, args.device, bar)
        part = part_to_see(_around(marks), picture.bounds, marks)
        seen = look(picture, part, entry.card.window_px, NEVER)
        answer = Clicks(prompter).answer(seen.key, seen.view.rgb, prompts_of(marks, seen.view), bar)
        index = chosen(answer, args.choice)
        mask, rect = full_area((answer.probabilities[index] * 255 + 0.5).astype("uint8"), seen)
        size = (picture.bounds.width, picture.bounds.height)
    _write(args.out, size, mask, rect)
    document = {
        "model": entry.card.id,
        "device": prompter.device,
        "mask": str(args.out),
        "pixels": int(mask.sum()),
        "score": round(float(answer.scores[index]), 4),
        "box": None if rect.is_empty else [rect.x, rect.y, rect.right, rect.bottom],
    }
    emit(args, document, f"{document['pixels']:,} pixels in {args.out}, score {document['score']}")
    return 0


def marks_of(points: list[str], box: str) -> list[Mark]:
    """The prompts that the command line names.

    Raises
    ------
    UsageError
        When one cannot be read, or there is none.
    """
    from segstudio.app.prompt_views import Mark

    marks = []
    for text in points:
        parts = text.split(",")
        if len(parts) != 3 or parts[2] not in ("+", "-"):
            raise UsageError(f"{text!r} is no point", remedy="write x,y,+ for the object and x,y,- for what is not")
        x, y = _numbers(parts[:2], text)
        marks.append(Mark((x + 0.5, y + 0.5), parts[2] == "+"))
    if box:
        parts = box.split(",")
        if len(parts) != 4:
            raise UsageError(f"{box!r} is no box", remedy="write x0,y0,x1,y1")
        x0, y0, x1, y1 = _numbers(parts, box)
        if x0 >= x1 or y0 >= y1:
            raise UsageError(f"the box {box!r} is empty", remedy="write x0,y0,x1,y1 with x0 < x1 and y0 < y1")
        marks.append(Mark((x0, y0), to_xy=(x1, y1)))
    if not marks:
        raise UsageError("there is nothing to go by", remedy="give --points or --box")
    return marks


def _numbers(parts: list[str], text: str) -> list[float]:
    try:
        return [float(part) for part in parts]
    except ValueError as error:
        raise UsageError(f"{text!r} holds something that is no number", remedy="write pixels such as 120,80") from error


def _check_inside(marks: list[Mark], picture: Picture) -> None:
    from segstudio.core.errors import UserError

    bounds = picture.bounds
    for mark in marks:
        if mark.rect.intersected(bounds).is_empty:
            raise UserError(
                f"{int(mark.xy[0])},{int(mark.xy[1])} lies outside the image of {bounds.width}×{bounds.height} pixels",
                remedy="count pixels from 0 at the top left",
            )


def _around(marks: list[Mark]) -> Rect:
    """What a person would have in view: the marks and their surroundings."""
    around = marks[0].rect
    for mark in marks:
        around = around.united(mark.rect)
    return around.expanded(max(0, (VIEW_PX - max(around.width, around.height)) // 2))


def _write(path: Path, size: tuple[int, int], mask: npt.NDArray[np.bool_], rect: Rect) -> None:
    """An 8-bit palette PNG, there as a whole or not at all."""
    import numpy as np

    from segstudio.core.classes import PALETTE
    from segstudio.io.atomic import disk_error, sync_file, temp_sibling
    from segstudio.io.formats.index_png import write_index_png

    def rows() -> Iterator[npt.NDArray[np.uint8]]:
        width, height = size
        for top in range(0, height, STRIP_PX):
            strip = np.zeros((min(STRIP_PX, height - top), width), np.uint8)
            low, high = max(top, rect.y), min(top + len(strip), rect.bottom)
            if low < high:
                strip[low - top : high - top, rect.x : rect.right] = mask[low - rect.y : high - rect.y]
            yield strip

    palette = np.zeros((256, 3), np.uint8)
    palette[1] = [int(PALETTE[0][i : i + 2], 16) for i in (1, 3, 5)]
    temp = temp_sibling(path)
    try:
        write_index_png(temp, *size, rows(), palette)
        sync_file(temp)
        temp.replace(path)
    except OSError as error:
        raise disk_error(error, path) from error
    finally:
        temp.unlink(missing_ok=True)
