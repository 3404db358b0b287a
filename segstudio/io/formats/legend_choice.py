"""Whether a mask is to be read by its indices or its colours, where the two tell different things."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

from segstudio.core.errors import UserError
from segstudio.io.formats.legend import MOST_COLORS

if TYPE_CHECKING:
    from segstudio.core.cancel import Cancel
    from segstudio.io.formats.legend import Legend
    from segstudio.io.formats.mask_files import MaskFile
    from segstudio.io.formats.problems import Note


def choose(legend: Legend, file: MaskFile, note: Note, cancel: Cancel) -> Literal["values", "grey", "colors"]:
    """How to read a mask of colours, or one whose palette is not the class list's.

    Colours that are classes' colours throughout win; else grey is taken as values, and a palette's indices as what they are.

    Raises
    ------
    UserError
        When it is a photograph.
    """
    if not file.is_color:
        used = _used_values(file, cancel)
        colors = {file.palette[value] if value < len(file.palette) else -1 for value in used}
        is_shown = all(color in legend.colors for color in colors) and any(legend.colors[color] for color in colors)
        if is_shown and any(legend.colors[file.palette[value]] != legend.values.get(value) for value in used):
            note(
                "The palette was taken, since all its colours are classes' colours and its indices tell of other classes"
            )
            return "colors"
        return "values"
    counts = _used_colors(file, cancel)
    by_color = sum(count for color, count in counts.items() if color not in legend.colors)
    is_grey = all(color == (color & 0xFF) * 0x010101 for color in counts)
    by_value = sum(count for color, count in counts.items() if not legend.is_known(color & 0xFF))
    if is_grey and (by_value < by_color or (by_value == by_color and len(counts) == 1)):
        note("The mask is saved as a colour picture; its grey was taken as values")
        return "grey"
    return "colors"


def _used_values(file: MaskFile, cancel: Cancel) -> list[int]:
    counts = np.zeros(65536, np.int64)
    for strip in file.indices(cancel):
        counts += np.bincount(strip.ravel(), minlength=65536)
    return [int(value) for value in np.flatnonzero(counts)]


def _used_colors(file: MaskFile, cancel: Cancel) -> dict[int, int]:
    counts: dict[int, int] = {}
    for strip in file.colors(cancel):
        for color, count in zip(*(part.tolist() for part in np.unique(strip, return_counts=True))):
            counts[color] = counts.get(color, 0) + count
        if len(counts) > MOST_COLORS:
            raise UserError(
                f"It has more than {MOST_COLORS} colours: a photograph, no mask",
                path=file.path,
                remedy="save masks as palette or grey PNG",
            )
    return counts
