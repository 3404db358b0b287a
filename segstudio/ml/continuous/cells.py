"""Where an image is labelled, in small squares, and which of them are held out for ever."""

from __future__ import annotations

import hashlib
import json
import zlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from segstudio.core.geometry import Rect
from segstudio.io.atomic import write_bytes_atomic

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    import numpy.typing as npt

CELL_PX = 64
BIG_CELL_PX = 256
LEAST_PIXELS = 16
"""A square with fewer labelled pixels of a class does not stand for that class."""
FEW = 4
"""An image with so many labelled squares is judged by one of them at least."""
_FINE_PX = 2048

Place = tuple[int, int]
"""(image id, plane)."""
CellKey = tuple[int, int, int, int]
"""(image id, plane, row, column)."""


def cell_side(shape: tuple[int, int]) -> int:
    """The side of the squares of an image of this (height, width), which never changes for it."""
    return CELL_PX if max(shape) <= _FINE_PX else BIG_CELL_PX


@dataclass(frozen=True)
class Cell:
    """A square of an image in which something is labelled.

    ``counts`` (K,) are the labelled pixels of each class, ``digest`` tells one content from another.
    """

    key: CellKey
    side_px: int
    counts: tuple[int, ...]
    digest: int

    @property
    def pixels(self) -> int:
        """Labelled pixels."""
        return sum(self.counts)

    def rect(self, shape: tuple[int, int]) -> Rect:
        """Where it lies in an image of this (height, width)."""
        _, _, row, column = self.key
        return Rect(column * self.side_px, row * self.side_px, self.side_px, self.side_px).clipped(shape[1], shape[0])


def cell_of(key: CellKey, side_px: int, target: npt.NDArray[np.uint8], classes: int) -> Cell | None:
    """The cell whose labels are *target* (y, x) uint8 class indices; None where none of its pixels is labelled."""
    counts = np.bincount(target.ravel(), minlength=256)[:classes]
    if not counts.any():
        return None
    return Cell(key, side_px, tuple(counts.tolist()), zlib.crc32(target.tobytes()))


@dataclass
class HeldOut:
    """Decides once for each square whether it is trained on or judged by, and keeps to it.

    A square is held out when the hash of its place says so: that depends on nothing else, so it is the same after each
    restart. Where chance left a class out, squares that were not trained on yet are ``promoted``; those are remembered.
    """

    share: float
    seed: int = 0
    promoted: set[CellKey] = field(default_factory=set)
    trained: set[CellKey] = field(default_factory=set)

    def is_held_out(self, key: CellKey) -> bool:
        """Whether the square at *key* is judged by, and never trained on."""
        return key in self.promoted or self._draw(key) < self.share

    def assign(self, cells: Iterable[Cell]) -> bool:
        """Look at all squares that are labelled now; whether any was promoted.

        Of each class that stands in two squares or more, and of each image with FEW of them, one at least is held out, as
        far as there is one that was not trained on. Were nothing at all held out (its labels were erased, say), one that was
        trained on is from here on.
        """
        known = sorted(cells, key=lambda cell: (self._draw(cell.key), cell.key))
        before = len(self.promoted)
        for index in range(max((len(cell.counts) for cell in known), default=0)):
            holders = [cell for cell in known if index < len(cell.counts) and cell.counts[index] >= LEAST_PIXELS]
            self._hold_one(holders, least=2)
        for place in dict.fromkeys(cell.key[:2] for cell in known):
            self._hold_one([cell for cell in known if cell.key[:2] == place], least=FEW)
        if len(known) > 1 and not any(self.is_held_out(cell.key) for cell in known):
            self.promoted.add(known[0].key)
        self.trained.update(cell.key for cell in known if not self.is_held_out(cell.key))
        return len(self.promoted) > before

    def _hold_one(self, cells: Sequence[Cell], *, least: int) -> None:
        if len(cells) >= least and not any(self.is_held_out(cell.key) for cell in cells):
            free = [cell for cell in cells if cell.key not in self.trained]
            self.promoted.update(cell.key for cell in free[:1])

    def _draw(self, key: CellKey) -> float:
        text = ",".join(map(str, (self.seed, *key))).encode()
        return int.from_bytes(hashlib.blake2b(text, digest_size=6).digest(), "big") / (1 << 48)

    def save(self, file: Path) -> None:
        """Write what was promoted; UserError when the disk is full or read-only."""
        document = {"seed": self.seed, "share": self.share, "promoted": sorted(self.promoted)}
        write_bytes_atomic(file, json.dumps(document).encode())

    @classmethod
    def load(cls, file: Path, share: float, seed: int) -> HeldOut:
        """As *file* says; without a readable one a new beginning with *share* and *seed*.

        The share and the seed of the beginning stay: with others, squares that were trained on would be judged by.
        """
        try:
            document = json.loads(file.read_text(encoding="utf-8"))
            promoted = {(int(a), int(b), int(c), int(d)) for a, b, c, d in document["promoted"]}
            return cls(float(document["share"]), int(document["seed"]), promoted)
        except (OSError, ValueError, KeyError, TypeError):
            return cls(share, seed)


@dataclass(frozen=True)
class CellChange:
    """What became of the squares of some images: those that are new or hold something else now, and how many pixels."""

    keys: frozenset[CellKey]
    pixels: int

    @property
    def image_ids(self) -> tuple[int, ...]:
        """The images, in order."""
        return tuple(sorted({key[0] for key in self.keys}))


def changed(before: Mapping[CellKey, Cell], after: Mapping[CellKey, Cell]) -> CellChange:
    """The squares that differ, also those in which nothing is labelled any more; pixels counted as labels gained or lost."""
    keys = {key for key in before.keys() | after.keys() if _digest(before.get(key)) != _digest(after.get(key))}
    pixels = sum(_difference(before.get(key), after.get(key)) for key in keys)
    return CellChange(frozenset(keys), pixels)


def _digest(cell: Cell | None) -> int:
    return -1 if cell is None else cell.digest


def _difference(before: Cell | None, after: Cell | None) -> int:
    if before is None or after is None or len(before.counts) != len(after.counts):
        return (after or before).pixels if after or before else 0  # type: ignore[union-attr]
    return max(1, sum(abs(a - b) for a, b in zip(before.counts, after.counts, strict=True)))


def checked_classes(cells: Iterable[Cell], classes: int) -> list[int]:
    """The class indices of which something is labelled."""
    totals = np.zeros(classes, np.int64)
    for cell in cells:
        totals[: len(cell.counts)] += np.asarray(cell.counts, np.int64)
    return np.flatnonzero(totals).tolist()
