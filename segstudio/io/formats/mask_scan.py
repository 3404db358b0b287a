"""What a whole folder of masks holds: classes where no list names them, lists that number from 1, masks of 0 and 255."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

import numpy as np

from segstudio.core.cancel import NEVER
from segstudio.core.errors import UserError
from segstudio.io.formats.base import FoundClass
from segstudio.io.formats.legend import MOST_COLORS, Legend
from segstudio.io.formats.mask_files import look_at_mask

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    import numpy.typing as npt

    from segstudio.core.cancel import Cancel
    from segstudio.io.formats.mask_files import MaskFile
    from segstudio.io.formats.mask_lists import MaskList
    from segstudio.io.formats.mask_places import MaskPair
    from segstudio.io.formats.problems import ProblemList

    Pairs = Callable[[], Iterable[MaskPair]]

SAMPLE = 24
"""Masks that are looked at for a first guess; all are only where that guess is odd."""
_WHITE = 255


class Seen:
    """Values and colours that occur in masks. Damaged files are passed over: reading them tells."""

    def __init__(self) -> None:
        self.values: set[int] = set()
        self.colors: set[int] = set()
        self.palette: dict[int, int] = {}
        self.is_deep = False

    def look(self, masks: Iterable[Path]) -> Seen:
        """Look at some masks; self."""
        for path in masks:
            try:
                self._look(look_at_mask(path))
            except UserError:
                continue
        return self

    def _look(self, file: MaskFile) -> None:
        if file.is_color and not file.is_lossy:
            for colors in file.colors():
                self.colors.update(np.unique(colors).tolist())
            if len(self.colors) > MOST_COLORS:
                raise UserError("More colours than classes can be", path=file.path, remedy="save masks as palette PNG")
            return
        strips = split_at_half(file, NEVER) if file.is_lossy else file.indices()
        for strip in strips:
            self.values.update(np.flatnonzero(np.bincount(strip.ravel(), minlength=1)).tolist())
        self.is_deep = self.is_deep or file.is_deep
        self.palette.update({value: file.palette[value] for value in self.values if value < len(file.palette)})


def split_at_half(file: MaskFile, cancel: Cancel) -> Iterator[npt.NDArray[np.uint16]]:
    """0 and 255 of a mask whose values are only near the true ones."""
    for colors in file.colors(cancel):
        yield np.where((colors & 0xFF) >= 128, _WHITE, 0).astype(np.uint16)


def guessed_legend(pairs: Pairs, ignore: int, problems: ProblemList) -> Legend:
    """A class for each value that occurs, called "class 7"; for each colour, called as it is, where masks have colours."""
    seen = Seen().look(pair.mask for pair in pairs())
    if seen.colors and all(color == (color & 0xFF) * 0x010101 for color in seen.colors):
        seen.values |= {color & 0xFF for color in seen.colors}
        seen.colors = set()
    ignored = frozenset({ignore, *({65535} if ignore == _WHITE else ())} if ignore >= 0 else ())
    if seen.is_deep and ignore == _WHITE:
        ignored = frozenset({65535})
    found = seen.values - {0}
    if found == {_WHITE}:
        problems.note("masks", "The masks hold 0 and 255 only: 255 is the class “foreground”")
        return Legend((FoundClass("foreground", "", _WHITE),), frozenset({65535}))
    classes = [
        FoundClass(f"class {value}", _shown(seen.palette.get(value)), value) for value in sorted(found - ignored)
    ]
    known = {int(item.color[1:], 16) for item in classes if item.color}
    colors = sorted(seen.colors - known - {0, 0xE0E0C0})
    classes += [FoundClass(f"#{color:06x}", f"#{color:06x}") for color in colors]
    if classes:
        problems.note("masks", "No list names the classes: they are called by what the masks hold", len(classes))
    return Legend(tuple(classes), ignored)


def _shown(color: int | None) -> str:
    return "" if not color else f"#{color:06x}"


def listed_legend(listed: MaskList, pairs: Pairs, ignore: int, problems: ProblemList) -> Legend:
    """The list's classes; looked at are some masks, for whether they count from 1, or hold a single class as 255."""
    ignored = listed.ignored | frozenset({ignore, 65535} if ignore >= 0 else ())
    legend = Legend(listed.classes, ignored, more_colors=dict.fromkeys(listed.void_colors, 0))
    values = sorted(item.value for item in listed.classes if item.value is not None)
    if not values:
        return legend
    some = Seen().look(pair.mask for pair in _spread(pairs))
    if not some.colors and _WHITE in some.values and some.values <= {0, _WHITE} and len(values) == 1:
        if listed.is_numbered or Seen().look(pair.mask for pair in pairs()).values - {0, _WHITE}:
            return legend
        problems.note("masks", f"The masks hold 0 and 255 only: 255 is the class “{listed.classes[0].name}”")
        only = FoundClass(listed.classes[0].name, listed.classes[0].color, _WHITE)
        return Legend((only,), frozenset({65535}))
    if _counts_from_one(some.values, values, listed, ignored):
        everything = Seen().look(pair.mask for pair in pairs())
        if _counts_from_one(everything.values, values, listed, ignored):
            problems.note("masks", "The masks number the classes from 1, their list from 0: they were put right")
            return Legend(legend.classes, ignored, legend.unlabelled, 1, legend.more_colors)
    return legend


def _spread(pairs: Pairs) -> list[MaskPair]:
    """Some masks from all over the dataset."""
    count = sum(1 for _ in pairs())
    return list(islice(pairs(), 0, None, max(1, -(-count // SAMPLE))))


def _counts_from_one(seen: set[int], values: list[int], listed: MaskList, ignored: frozenset[int]) -> bool:
    """Whether classes 0 … n − 1 stand as 1 … n in the masks. A list that gives no values may have unlabelled pixels as 0."""
    found = seen - ignored
    is_from_zero = values == list(range(len(values)))
    if not found or not is_from_zero or max(found) != len(values):
        return False
    return 0 not in found or not listed.is_numbered
