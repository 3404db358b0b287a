"""What the values or colours of masks stand for: class lists of many programs, and masks saved the wrong way."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from segstudio.core.classes import IGNORE
from segstudio.io.formats.pixels import IGNORE_8BIT, IGNORE_16BIT, IGNORE_COLOR
from segstudio.io.formats.value_map import MOST_TOLD

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import numpy.typing as npt

    from segstudio.core.cancel import Cancel
    from segstudio.io.formats.base import FoundClass
    from segstudio.io.formats.mask_files import MaskFile
    from segstudio.io.formats.problems import Note

MOST_COLORS = 4096
"""A picture of more is a photograph."""
_BLACK = 0
_STRANGE = 65534
"""Stands for values that no class has; where a class has this code, both are told apart."""


def rgb_number(color: str) -> int:
    """0xRRGGBB of "#rrggbb"."""
    return int(color[1:], 16)


def voc_colors() -> tuple[int, ...]:
    """0xRRGGBB of the 256 indices in the VOC devkit's palette."""
    from segstudio.io.formats.voc import object_palette

    return tuple(int(r) << 16 | int(g) << 8 | int(b) for r, g, b in object_palette())


@dataclass
class Legend:
    """Mask values and colours → what they are: class index + 1, 0 (no label) or IGNORE.

    ``shift`` is taken off the values first (1: the masks number the classes one too high). ``ignored`` values besides 255
    (65535 in masks of 16 bits); of ``unlabelled`` values nothing is said, they hold no label.
    """

    classes: tuple[FoundClass, ...]
    ignored: frozenset[int] = frozenset({IGNORE_8BIT, IGNORE_16BIT})
    unlabelled: frozenset[int] = frozenset({0})
    shift: int = 0
    more_colors: dict[int, int] = field(default_factory=dict)
    values: dict[int, int] = field(init=False)
    colors: dict[int, int] = field(init=False)

    def __post_init__(self) -> None:
        self.values = dict.fromkeys(self.unlabelled, 0) | dict.fromkeys(self.ignored, IGNORE)
        self.colors = {rgb_number("#{:02x}{:02x}{:02x}".format(*IGNORE_COLOR)): IGNORE, _BLACK: 0, **self.more_colors}
        own: dict[int, int] = {}
        for index, item in enumerate(self.classes, start=1):
            if item.value is not None:
                self.values[item.value + self.shift] = index
            if item.color:
                own.setdefault(rgb_number(item.color), index)
        if not own:
            palette = voc_colors()
            own = {palette[value]: code for value, code in self.values.items() if value < 256 and code != 0}
        self.colors.update(own)

    def is_known(self, value: int) -> bool:
        """Whether a mask may hold *value*."""
        return value in self.values

    def codes(self, file: MaskFile, note: Note, cancel: Cancel) -> Iterator[npt.NDArray[np.uint16]]:
        """(h, width) uint16 strips of the mask: 0 no label, k class k − 1, 65535 ignore. What has no class is noted.

        Raises
        ------
        UserError
            When the file is damaged, or a photograph.
        """
        if not (file.is_color or self._palette_differs(file)):
            yield from self.codes_of_values(file.indices(cancel), note)
            return
        from segstudio.io.formats.legend_choice import choose

        kind = choose(self, file, note, cancel)
        if kind == "values":
            yield from self.codes_of_values(file.indices(cancel), note)
        elif kind == "grey":
            grey = ((strip & 0xFF).astype(np.uint16) for strip in file.colors(cancel))
            yield from self.codes_of_values(grey, note)
        else:
            for strip in file.colors(cancel):
                yield self._of_colors(strip, note)

    def _palette_differs(self, file: MaskFile) -> bool:
        """Whether the palette shows classes of ours in other colours than theirs."""
        if not file.palette:
            return False
        return any(
            item.value is not None
            and item.color
            and item.value + self.shift < len(file.palette)
            and file.palette[item.value + self.shift] != rgb_number(item.color)
            for item in self.classes
        )

    def codes_of_values(self, strips: Iterable[npt.NDArray[np.uint16]], note: Note) -> Iterator[npt.NDArray[np.uint16]]:
        """As :meth:`codes`, of (h, w) strips of values."""
        lut = np.full(65536, _STRANGE, np.uint16)
        known = np.zeros(65536, np.bool_)
        for value, code in self.values.items():
            lut[value], known[value] = code, True
        for strip in strips:
            codes = lut.take(strip)
            # Only where it may be needed: a mask's every value is looked up once.
            if (codes == _STRANGE).any():
                is_strange = ~known[strip]
                codes[is_strange] = 0
                counts = np.bincount(strip[is_strange], minlength=1)
                strange = np.flatnonzero(counts).tolist()
                _tell(note, [f"value {value}" for value in strange], [int(counts[value]) for value in strange])
            yield codes

    def _of_colors(self, strip: npt.NDArray[np.uint32], note: Note) -> npt.NDArray[np.uint16]:
        found, places, counts = np.unique(strip, return_inverse=True, return_counts=True)
        codes = np.array([self.colors.get(int(color), 0) for color in found], np.uint16)
        strange = [index for index, color in enumerate(found) if int(color) not in self.colors]
        _tell(note, [f"colour #{int(found[i]):06x}" for i in strange], [int(counts[i]) for i in strange])
        return codes[places.reshape(strip.shape)]


def _tell(note: Note, names: list[str], counts: list[int]) -> None:
    for name, count in zip(names[:MOST_TOLD], counts):
        note(f"The {name} stands for no class: its pixels are left out", count)
    if names[MOST_TOLD:]:
        note("Further values stand for no class: their pixels are left out", sum(counts[MOST_TOLD:]))
