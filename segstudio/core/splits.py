"""Splits: which images are for training, validation and testing, the same on every machine for a seed."""

from __future__ import annotations

import math
import random
import re
from typing import TYPE_CHECKING

from segstudio.core.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,31}")
_REMEDY = "write it as train=.7,val=.15,test=.15"


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
