"""Areas and objects from masks: one of classes, and one that numbers the objects."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np

from segstudio.core.cancel import NEVER, Cancel, check
from segstudio.core.classes import IGNORE
from segstudio.core.errors import UserError
from segstudio.core.layer_builder import ClassPixels, FoundObject

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    import numpy.typing as npt

    from segstudio.core.layer_builder import Piece
    from segstudio.io.formats.problems import Note

    Codes = Iterable[npt.NDArray[np.uint16]]
    Both = Iterator[tuple[npt.NDArray[np.uint16], npt.NDArray[np.int64]]]

_FEW_NUMBERS = 1 << 20
"""Numbers below it are looked up in tables, not sorted."""


def area_pieces(codes: Codes) -> Iterator[Piece]:
    """Strips of codes (0 none, k class k − 1, 65535 ignore), from the top, as areas."""
    y = 0
    for strip in codes:
        if strip.any():
            yield ClassPixels(0, y, strip)
        y += strip.shape[0]


def class_and_object_pieces(both: Callable[[Note], Both], note: Note, cancel: Cancel = NEVER) -> Iterator[Piece]:
    """Areas and objects of (codes, object numbers) strips, both (h, w); number 0 is no object.

    An object is of the class that most of its pixels have; pixels of it that have another class stay as areas of that class,
    so that the classes come as they are. *both* is called with what takes its notes; where it gives one strip, once only.
    """
    told: list[tuple[str, int]] = []
    kept = list(islice(both(lambda sentence, count=1: told.append((sentence, count))), 2))
    is_small = len(kept) < 2
    for sentence, count in told if is_small else ():
        note(sentence, count)

    def strips() -> Both:
        return iter(kept) if is_small else both(_silent)

    class_of = _classes_of_objects(strips(), note, cancel)
    y = 0
    for codes, numbers in iter(kept) if is_small else both(note):
        check(cancel)
        areas = np.where(_is_own(class_of, codes, numbers), 0, codes).astype(np.uint16, copy=False)
        if areas.any():
            yield ClassPixels(0, y, areas)
        y += codes.shape[0]
    y = 0
    for codes, numbers in strips():
        check(cancel)
        yield from object_pieces(np.where(_is_own(class_of, codes, numbers), numbers, 0), class_of, y)
        y += codes.shape[0]


def _silent(sentence: str, count: int = 1) -> None:
    """For strips that are read once more."""


def object_pieces(numbers: npt.NDArray[np.int64], code_of: dict[int, int], y: int = 0) -> Iterator[Piece]:
    """A piece for each number but 0 in a strip that begins at row *y*; ``code_of`` gives its class index + 1."""
    from scipy.ndimage import find_objects

    if numbers.size and numbers.min() >= 0 and int(numbers.max()) < _FEW_NUMBERS >> 8:
        found, small = np.arange(1, int(numbers.max()) + 1), numbers
    else:
        found, places = ranked(numbers)
        small = places + 1
    boxes = find_objects(small, max_label=found.size) if found.size else []
    for index, number in enumerate(found.tolist()):
        box = boxes[index]
        if number == 0 or box is None:
            continue
        mask = small[box] == index + 1
        yield FoundObject(box[1].start, y + box[0].start, mask, code_of[number] - 1, key=number)


def _is_own(
    class_of: dict[int, int], codes: npt.NDArray[np.uint16], numbers: npt.NDArray[np.int64]
) -> npt.NDArray[np.bool_]:
    """(h, w) whether a pixel is of an object and has the object's class."""
    if numbers.size and numbers.min() >= 0 and int(numbers.max()) < _FEW_NUMBERS:
        # No object's class is 0, so that 0 stands for none.
        own = np.zeros(int(numbers.max()) + 1, np.uint16)
        for number, code in class_of.items():
            if 0 < number < own.size:
                own[number] = code
        found = own.take(numbers)
        return np.asarray((codes == found) & (found != 0), np.bool_)
    kinds, places = ranked(numbers)
    classes = np.array([class_of.get(int(number), -1) for number in kinds], np.int64)
    return np.asarray((numbers != 0) & (codes == classes[places]), np.bool_)


def ranked(numbers: npt.NDArray[Any]) -> tuple[npt.NDArray[Any], npt.NDArray[np.int64]]:
    """As ``np.unique`` with the inverse, in the array's shape; numbers from 0 to about a million without sorting."""
    if numbers.size and (numbers.dtype.kind == "u" or numbers.min() >= 0) and int(numbers.max()) < _FEW_NUMBERS:
        found = np.flatnonzero(np.bincount(numbers.ravel()))
        place_of = np.zeros(int(found[-1]) + 1, np.int64)
        place_of[found] = np.arange(found.size)
        return found, place_of[numbers]
    found, places = np.unique(numbers, return_inverse=True)
    return found, places.reshape(numbers.shape)


def _classes_of_objects(both: Both, note: Note, cancel: Cancel) -> dict[int, int]:
    counts: dict[tuple[int, int], int] = {}
    for strip_codes, strip_numbers in both:
        check(cancel)
        is_object = strip_numbers != 0
        found, places = ranked(strip_numbers[is_object])
        kinds, which = ranked(strip_codes[is_object].astype(np.int64))
        joint = places * max(kinds.size, 1) + which
        pairs, index = ranked(joint)
        for pair, count in zip(pairs.tolist(), np.bincount(index, minlength=pairs.size).tolist()):
            key = (int(found[pair // kinds.size]), int(kinds[pair % kinds.size]))
            counts[key] = counts.get(key, 0) + count
    best: dict[int, tuple[int, int]] = {}
    for (number, code), count in sorted(counts.items()):
        best.setdefault(number, (0, 0))
        if code not in (0, IGNORE) and count > best[number][0]:
            best[number] = (count, code)
    bare = [number for number, (count, _) in best.items() if not count]
    if bare:
        note("Objects that have no class in the mask of classes are left out", len(bare))
    mixed = sum(
        count for (number, code), count in counts.items() if code not in (0, IGNORE) and code != best[number][1]
    )
    if mixed:
        note("Pixels of objects have another class than most of the object: they come as areas", mixed)
    return {number: code for number, (count, code) in best.items() if count}


def together(codes: Codes, numbers: Iterable[npt.NDArray[np.int64]], path: Path) -> Both:
    """Both strips side by side, cut where either is cut; UserError when their sizes differ."""
    ours, theirs = iter(codes), iter(numbers)
    a = b = None
    while True:
        a = next(ours, None) if a is None or not len(a) else a
        b = next(theirs, None) if b is None or not len(b) else b
        if a is None and b is None:
            return
        if a is None or b is None or a.shape[1] != b.shape[1]:
            raise UserError(
                "The mask of objects is not of the size of the mask of classes", path=path, remedy="make it anew"
            )
        rows = min(len(a), len(b))
        yield a[:rows], b[:rows]
        a, b = a[rows:], b[rows:]
