"""``segstudio prompt``: the mask of one object of an image from points, lines and a box, or masks of all objects."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from segstudio.cli.output import ProgressBar, UsageError, add_json, emit
from segstudio.ml.interactive.everything import PER_SIDE

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Sequence

    import numpy as np
    import numpy.typing as npt

    from segstudio.app.prompt_views import Mark, SeenPicture
    from segstudio.app.tools.smart import Picture
    from segstudio.core.geometry import Rect
    from segstudio.ml.catalog_entry import CatalogEntry
    from segstudio.ml.interactive.run import Clicks

MOST_NUMBERS = 255
"""Objects that an 8-bit mask can tell apart."""
STRIP_PX = 256
VIEW_PX = 1024
"""Of an image too large to be looked at whole, so much around the prompts is."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``segstudio prompt``."""
    parser.add_argument("image", type=Path, metavar="IMAGE", help="an image file")
    parser.add_argument(
        "--model",
        default="",
        metavar="ID",
        help="a click model of the catalog, or a weights file; else the first one here",
    )
    parser.add_argument("--device", default="auto", metavar="D", help="auto, cpu, cuda[:N] or mps")
    parser.add_argument(
        "--points", nargs="+", default=[], metavar="X,Y,±", help="pixels of the object (x,y,+) and beside it (x,y,-)"
    )
    parser.add_argument(
        "--line",
        action="append",
        default=[],
        nargs="+",
        metavar="X,Y",
        help="a line by hand over the object, from point to point; it may be given several times",
    )
    parser.add_argument(
        "--not-line", action="append", default=[], nargs="+", metavar="X,Y", help="a line over what does not belong"
    )
    parser.add_argument(
        "--start", type=Path, metavar="MASK", help="a mask that the prompts correct: not 0 = the object"
    )
    parser.add_argument(
        "--everything", action="store_true", help="no prompts: all objects that a grid of clicks finds, numbered from 1"
    )
    parser.add_argument(
        "--per-side",
        type=int,
        default=PER_SIDE,
        metavar="N",
        help=f"clicks of that grid along the longer side ({PER_SIDE})",
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

    marks = _marks(args)
    if args.out.suffix.lower() != ".png":
        raise UsageError("the mask is written as PNG", path=args.out, remedy="give --out a name that ends in .png")
    if args.out.resolve() == args.image.resolve():
        raise UserError("the mask would replace the image", path=args.out, remedy="choose another --out")
    entry = _entry(args.model)
    from segstudio.ml.interactive.loading import load_prompter
    from segstudio.ml.interactive.run import Clicks, after, chosen

    with closing(open_image(args.image)) as reader, ProgressBar() as bar:
        if not 0 <= args.plane < max(1, reader.info.depth):
            raise UserError(
                f"the image has {reader.info.depth} planes, there is no plane {args.plane}", path=args.image
            )
        picture = Picture(reader, args.plane, None)
        _check_inside(marks, picture)
        start = None if args.start is None else _start_mask(args.start, picture)
        prompter = load_prompter(entry, args.device, bar)
        part = picture.bounds if args.everything else part_to_see(_around(marks, start), picture.bounds, marks)
        seen = look(picture, part, entry.card.window_px, NEVER)
        if seen.is_flat:
            raise UserError("all of it is of one colour: there is nothing to tell an object by", path=args.image)
        clicks, size = Clicks(prompter), (picture.bounds.width, picture.bounds.height)
        if args.everything:
            return _write_all(args, clicks, seen, size, bar)
        prompts = prompts_of(marks, seen.view)
        if start is not None:
            xs, ys = seen.view.places()
            prompts = after(prompts, clicks.mask_logits(seen.key, seen.view.rgb, start[ys[:, None], xs], bar))
        answer = clicks.answer(seen.key, seen.view.rgb, prompts, bar)
        index = chosen(answer, args.choice)
        mask, rect = full_area((answer.probabilities[index] * 255 + 0.5).astype("uint8"), seen)
    _write(args.out, size, mask.astype("uint8"), rect)
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


def _marks(args: argparse.Namespace) -> list[Mark]:
    if not args.everything:
        return marks_of(args.points, args.box, args.line, args.not_line, has_start=args.start is not None)
    if args.points or args.box or args.line or args.not_line or args.start:
        raise UsageError("--everything takes no prompts", remedy="leave --points, --box, the lines and --start out")
    if not 1 <= args.per_side <= 128:
        raise UsageError(f"{args.per_side} clicks a side is no grid", remedy="give --per-side a number from 1 to 128")
    return []


def _entry(model: str) -> CatalogEntry:
    """The model that was named, else the first click model that is here."""
    from segstudio.core.errors import UserError
    from segstudio.ml.registry import Catalog

    if model:
        return Catalog().find(model)
    for entry in Catalog().entries():
        if entry.card.task == "interactive" and entry.is_available:
            return entry
    raise UserError("no click model is here", remedy="name one with --model; `segstudio models list` shows them")


def _start_mask(path: Path, picture: Picture) -> npt.NDArray[np.bool_]:
    """(y, x) bool of a mask file as large as the image."""
    from segstudio.core.errors import UserError
    from segstudio.core.geometry import Rect
    from segstudio.io.readers.registry import open_image

    with closing(open_image(path)) as reader:
        size = (reader.info.width, reader.info.height)
        bounds = picture.bounds
        if size != (bounds.width, bounds.height):
            raise UserError(
                f"the mask is {size[0]}×{size[1]} pixels, the image {bounds.width}×{bounds.height}",
                path=path,
                remedy="give a mask of the image's size",
            )
        values = reader.read(0, 0, Rect(0, 0, *size))
    mask: npt.NDArray[np.bool_] = (values != 0).any(axis=0)
    return mask


def _write_all(
    args: argparse.Namespace, clicks: Clicks, seen: SeenPicture, size: tuple[int, int], bar: ProgressBar
) -> int:
    """All objects as one mask of numbers."""
    import cv2

    from segstudio.core.geometry import Rect
    from segstudio.ml.interactive.everything import as_index, everything

    found = everything(clicks, seen.key, seen.view.rgb, per_side=args.per_side, progress=bar)[:MOST_NUMBERS]
    index = as_index(found, seen.view.rgb.shape[:2])
    if index.shape[::-1] != size:
        index = cv2.resize(index, size, interpolation=cv2.INTER_NEAREST)
    _write(args.out, size, index.astype("uint8"), Rect(0, 0, *size))
    document = {
        "model": clicks.prompter.card.id,
        "device": clicks.prompter.device,
        "mask": str(args.out),
        "objects": [
            {
                "number": n,
                "pixels": int((index == n).sum()),
                "score": round(one.score, 4),
                "stability": round(one.stability, 4),
            }
            for n, one in enumerate(found, 1)
        ],
    }
    emit(args, document, f"{len(found)} objects in {args.out}")
    return 0


def marks_of(
    points: list[str],
    box: str,
    lines: Sequence[list[str]] = (),
    not_lines: Sequence[list[str]] = (),
    *,
    has_start: bool = False,
) -> list[Mark]:
    """The prompts that the command line names; none are needed where there is a mask to correct.

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
    for texts, is_positive in (*((one, True) for one in lines), *((one, False) for one in not_lines)):
        pairs = [_numbers(text.split(","), text) for text in texts]
        if len(pairs) < 2 or any(len(pair) != 2 for pair in pairs):
            raise UsageError(f"{' '.join(texts)!r} is no line", remedy="write x,y x,y … with two points at least")
        line = tuple((x + 0.5, y + 0.5) for x, y in pairs)
        marks.append(Mark(line[0], is_positive, line=line))
    if box:
        parts = box.split(",")
        if len(parts) != 4:
            raise UsageError(f"{box!r} is no box", remedy="write x0,y0,x1,y1")
        x0, y0, x1, y1 = _numbers(parts, box)
        if x0 >= x1 or y0 >= y1:
            raise UsageError(f"the box {box!r} is empty", remedy="write x0,y0,x1,y1 with x0 < x1 and y0 < y1")
        marks.append(Mark((x0, y0), to_xy=(x1, y1)))
    if not marks and not has_start:
        raise UsageError("there is nothing to go by", remedy="give --points or --box, or --everything")
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


def _around(marks: list[Mark], start: npt.NDArray[np.bool_] | None) -> Rect:
    """What a person would have in view: the marks, the mask they correct, and their surroundings."""
    from segstudio.core.geometry import EMPTY
    from segstudio.core.regions import bounding_rect

    around = EMPTY if start is None else bounding_rect(start)
    for mark in marks:
        around = around.united(mark.rect)
    return around.expanded(max(0, (VIEW_PX - max(around.width, around.height)) // 2))


def _write(path: Path, size: tuple[int, int], mask: npt.NDArray[np.uint8], rect: Rect) -> None:
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
    for number in range(1, 256):
        palette[number] = [int(PALETTE[(number - 1) % len(PALETTE)][i : i + 2], 16) for i in (1, 3, 5)]
    temp = temp_sibling(path)
    try:
        write_index_png(temp, *size, rows(), palette)
        sync_file(temp)
        temp.replace(path)
    except OSError as error:
        raise disk_error(error, path) from error
    finally:
        temp.unlink(missing_ok=True)
