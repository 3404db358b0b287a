"""Values of masks as places in a dataset's class list; what stands for no class is counted and told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from segstudio.core.classes import IGNORE
from segstudio.io.formats.base import FoundClass

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import numpy.typing as npt

    from segstudio.io.formats.problems import Note

MOST_TOLD = 5
BACKGROUND_NAMES = frozenset(
    {"background", "bg", "_background_", "unlabelled", "unlabeled", "clear label", "none", "void"}
)
"""What 0 is called in class lists of other programs where it stands for no class."""
IGNORE_NAMES = frozenset({"ignore", "ignored", "__ignore__", "ignore_label"})


class ValueMap:
    """Turns values of any number type into class indices as :class:`~segstudio.core.layer_builder.ClassPixels` has them."""

    def __init__(self, classes: Sequence[FoundClass], ignore: Iterable[int] = ()) -> None:
        self._lut = np.zeros(65536, np.uint16)
        self._known = np.zeros(65536, np.bool_)
        self._known[0] = True
        for value in ignore:
            self._lut[value], self._known[value] = IGNORE, True
        for index, item in enumerate(classes):
            if item.value is not None and 0 <= item.value <= 65535:
                self._lut[item.value], self._known[item.value] = index + 1, True

    def indices(self, values: npt.NDArray[Any], note: Note) -> npt.NDArray[np.uint16]:
        """(…) uint16 like *values*: 0 none, k class k − 1, 65535 ignore; what is no class's is left out and noted."""
        whole, odd = whole_values(values)
        if odd:
            note("Values that are no whole numbers from 0 to 65535 are left out (pixels)", odd)
        counts = np.bincount(whole.ravel(), minlength=1)
        strange = [int(value) for value in np.flatnonzero(counts) if not self._known[value]]
        for value in strange[:MOST_TOLD]:
            note(f"The value {value} stands for no class: its pixels are left out", int(counts[value]))
        if strange[MOST_TOLD:]:
            rest = int(sum(counts[value] for value in strange[MOST_TOLD:]))
            note("Further values stand for no class: their pixels are left out", rest)
        return np.asarray(self._lut[whole])


def whole_values(values: npt.NDArray[Any]) -> tuple[npt.NDArray[np.uint16], int]:
    """*values* as uint16, and how many are no whole numbers from 0 to 65535 (those become 0)."""
    if values.dtype in (np.uint8, np.uint16, np.bool_):
        return values.astype(np.uint16, copy=False), 0
    with np.errstate(invalid="ignore"):
        good = (values >= 0) & (values <= 65535)
        if values.dtype.kind == "f":
            good &= values == np.rint(values)
    return np.where(good, values, 0).astype(np.uint16), int(good.size - np.count_nonzero(good))


def classes_of_values(values: Iterable[int], ignore: Iterable[int] = ()) -> list[FoundClass]:
    """A class for each value but 0 and ignored ones, for datasets that name none."""
    none = {0, *ignore}
    return [FoundClass(f"class {value}", "", value) for value in sorted({*values} - none)]


def classes_of_names(names: Mapping[int, str]) -> tuple[list[FoundClass], set[int]]:
    """(classes, ignored values) of another program's list: 0 called background is none, a value called ignore is ignored."""
    found, ignored = [], set()
    for value, name in sorted(names.items()):
        plain = " ".join(str(name).split())
        if value == 0 and plain.casefold() in BACKGROUND_NAMES:
            continue
        if plain.casefold() in IGNORE_NAMES:
            ignored.add(value)
        else:
            found.append(FoundClass(plain or f"class {value}", "", value))
    return found, ignored
