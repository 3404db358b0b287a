"""Splits: which images are for training, validation and testing, the same on every machine for a seed."""

from __future__ import annotations

import math
import random
import re
from typing import TYPE_CHECKING

from segstudio.core.errors import UserError
from segstudio.core.geometry import Rect

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,31}")
_REMEDY = "write it as train=.7,val=.15,test=.15"
BY_FOLDER = "folder"
MIN_BLOCK_PX, MAX_BLOCK_PX = 256, 4096
_BLOCKS_ACROSS = 8
"""Blocks that a large image is divided into along its longer side, where their size is not given."""


def parse_split(text: str) -> dict[str, float]:
    """Fractions by split name from text such as ``train=.7,val=.15,test=.15``.

    Raises
    ------
    UserError
        When the text cannot be read, a name comes twice, or the fractions do not add up to 1.
    """
    fractions: dict[str, float] = {}
    for part in text.split(","):
        name, equals, value = (piece.strip() for piece in part.partition("="))
        try:
            fraction = float(value)
        except ValueError:
            fraction = math.nan
        if not equals or not _NAME.fullmatch(name) or not 0.0 <= fraction <= 1.0:
            raise UserError(f"The split “{text}” cannot be read", remedy=_REMEDY)
        if name in fractions:
            raise UserError(f"The split “{text}” names {name} twice", remedy=_REMEDY)
        fractions[name] = fraction
    total = sum(fractions.values())
    if abs(total - 1.0) > 1e-6:
        raise UserError(f"The fractions of the split “{text}” add up to {total:g}, not to 1", remedy=_REMEDY)
    return fractions


def assign_splits(names: Iterable[str], fractions: Mapping[str, float], seed: int = 0) -> dict[str, str]:
    """The split of each name: shuffled by *seed*, sizes by largest remainder.

    It does not matter in which order the names come. Every split with a fraction above 0 gets an image where there
    are enough.
    """
    ordered = sorted(set(names))
    random.Random(seed).shuffle(ordered)
    sizes = _sizes(len(ordered), fractions)
    result: dict[str, str] = {}
    start = 0
    for split, size in sizes.items():
        for name in ordered[start : start + size]:
            result[name] = split
        start += size
    return result


def _sizes(count: int, fractions: Mapping[str, float]) -> dict[str, int]:
    exact = {split: count * fraction for split, fraction in fractions.items()}
    sizes = {split: int(value) for split, value in exact.items()}
    left = count - sum(sizes.values())
    for split in sorted(exact, key=lambda name: sizes[name] - exact[name])[:left]:
        sizes[split] += 1
    for split, fraction in fractions.items():
        biggest = max(sizes, key=lambda name: sizes[name])
        if fraction > 0 and sizes[split] == 0 and sizes[biggest] > 1:
            sizes[biggest] -= 1
            sizes[split] += 1
    return sizes


def group_pattern(text: str) -> re.Pattern[str]:
    """The regular expression that tells groups by their images' names.

    Raises
    ------
    UserError
        When it is none.
    """
    try:
        return re.compile(text)
    except re.error as error:
        raise UserError(
            f"the rule for groups {text!r} is no regular expression ({error})",
            remedy="write folder, or an expression such as ^(patient[0-9]+)_",
        ) from error


def group_of(name: str, folder: str, rule: str) -> str:
    """The group (patient, scene) of an image: its *folder* with the rule "folder", else what *rule* finds in its *name*.

    *rule* is a regular expression; its first group counts, or all that it matches where it has none.

    Raises
    ------
    UserError
        When *rule* is no expression, or finds nothing in the name.
    """
    if rule == BY_FOLDER:
        return folder
    found = group_pattern(rule).search(name)
    if found is None:
        raise UserError(
            f"the rule for groups {rule!r} finds nothing in the name {name}",
            remedy="write one that finds the patient or scene in every name",
        )
    first: str | None = found.group(1) if found.re.groups else None
    return found.group(0) if first is None else first


def held_out(sizes: Mapping[str, int], fraction: float, seed: int) -> set[str]:
    """Some of the groups, never all, that have together about *fraction* of all members; *sizes* are members by group.

    At least one where there are two or more; the same for the same seed, in whatever order the groups come.
    """
    names = sorted(sizes)
    random.Random(seed).shuffle(names)
    count = sum(sizes.values())
    missing = min(count - 1, max(1, round(count * fraction)))
    held: list[str] = []
    for name in names:
        # As long as it gets nearer to the share.
        if abs(missing - sizes[name]) < missing and len(held) < len(names) - 1:
            held.append(name)
            missing -= sizes[name]
    return set(held) or {min(names, key=lambda name: sizes[name])}


def fold_of_each(sizes: Mapping[str, int], count: int, seed: int) -> dict[str, int]:
    """Fold, from 1 to *count*, of each group: parts of about equal size of which each group is in exactly one.

    The largest groups are dealt out first, each to the part that has fewest members; groups of one size in an order drawn by *seed*.

    Raises
    ------
    UserError
        When there are fewer groups than folds.
    """
    if len(sizes) < count:
        have = "1 part" if len(sizes) == 1 else f"{len(sizes)} parts"
        raise UserError(
            f"the data falls into {have} that stay together, which are too few for {count} folds",
            remedy="give fewer folds, label more images, or split large images by blocks",
        )
    names, numbers = sorted(sizes), list(range(1, count + 1))
    chance = random.Random(seed)
    chance.shuffle(names)
    chance.shuffle(numbers)
    names.sort(key=lambda name: -sizes[name])
    filled, fold_of = [0] * count, {}
    for name in names:
        part = min(range(count), key=lambda k: filled[k])
        filled[part] += max(1, sizes[name])
        fold_of[name] = numbers[part]
    return fold_of


def chosen_block_px(width: int, height: int, patch_px: int) -> int:
    """The side of blocks of an image where it is not given: an eighth of its longer side, no less than two patches."""
    side = max(width, height) / _BLOCKS_ACROSS
    return round(min(MAX_BLOCK_PX, max(MIN_BLOCK_PX, 2 * patch_px, side)))


def grid_of_blocks(area: Rect, block_px: int) -> list[list[Rect]]:
    """Rows of blocks that cover *area* without overlap, each side as near to *block_px* as evenly possible."""
    rows, columns = (max(1, round(extent / block_px)) for extent in (area.height, area.width))
    ys = [area.y + area.height * i // rows for i in range(rows + 1)]
    xs = [area.x + area.width * i // columns for i in range(columns + 1)]
    return [
        [Rect(x, y, right - x, bottom - y) for x, right in zip(xs, xs[1:], strict=False)]
        for y, bottom in zip(ys, ys[1:], strict=False)
    ]


def joined_blocks(grid: list[list[Rect]], chosen: set[Rect]) -> list[Rect]:
    """*chosen* blocks of *grid* as few rectangles that cover just them: runs of a row, and runs that lie on each other."""
    open_runs: list[Rect] = []
    done: list[Rect] = []
    for row in grid:
        runs: list[Rect] = []
        for block in row:
            if block not in chosen:
                continue
            if runs and runs[-1].right == block.x:
                runs[-1] = runs[-1].united(block)
            else:
                runs.append(block)
        grown = []
        for run in runs:
            above = next((o for o in open_runs if (o.x, o.width, o.bottom) == (run.x, run.width, run.y)), None)
            grown.append(run if above is None else above.united(run))
            if above is not None:
                open_runs.remove(above)
        done += open_runs
        open_runs = grown
    return sorted(done + open_runs, key=lambda rect: (rect.y, rect.x))
