"""Whether two splits share a picture or a place on the map: a score on what was learnt from says nothing."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from segstudio.core.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
    from pathlib import Path

    from segstudio.core.geometry import Rect

Point = tuple[float, float]
MAX_SHARED_PX = 1.5
"""Neighbouring map sheets may share a border so wide: sizes and places are rounded."""


@dataclass(frozen=True)
class Footprint:
    """Where on the map an image lies: the corners of its pixels in the units of *crs*, in order around it.

    ``pixel`` is the longer side of a pixel in the same units.
    """

    crs: str
    corners: tuple[Point, ...]
    pixel: float

    @property
    def box(self) -> tuple[float, float, float, float]:
        """(left, low, right, high)."""
        xs, ys = zip(*self.corners, strict=True)
        return min(xs), min(ys), max(xs), max(ys)


@dataclass(frozen=True)
class SplitFile:
    """A file, or a part of it, in a split.

    ``likenesses`` are pairs of a key, equal for files that might hold the same picture, and a function that is asked then: its answers
    are equal for those that do. ``window`` and ``z`` are the part: other parts of the same file are no leak.
    """

    name: str
    file: Path
    split: str
    likenesses: tuple[tuple[Hashable, Callable[[], Hashable]], ...] = ()
    window: Rect | None = None
    z: int = 0
    footprint: Footprint | None = None


@dataclass(frozen=True)
class Leak:
    """Two parts of the data that share something across splits."""

    one: SplitFile
    other: SplitFile
    what: str

    def error(self) -> UserError:
        """The sentence that refuses them."""
        return UserError(
            f"{self.one.name} ({self.one.split}) and {self.other.name} ({self.other.split}, {self.other.file}) {self.what}, "
            "so the scores would say nothing",
            path=self.one.file,
            remedy="take one of them out, put both in one split (a split by group can), or go on knowingly with --allow-leaks",
        )


def find_leak(files: Sequence[SplitFile]) -> Leak | None:
    """The first leak between splits, or None. Costs follow the files that are alike, not all of them.

    Raises
    ------
    UserError
        When a file cannot be read.
    """
    return _same_part(files) or _same_content(files) or _same_place(files)


def _same_part(files: Iterable[SplitFile]) -> Leak | None:
    by_plane: dict[tuple[Path, int], list[SplitFile]] = defaultdict(list)
    for item in files:
        by_plane[item.file, item.z].append(item)
    for one, other in _pairs(by_plane.values()):
        if one.window is None or other.window is None or not one.window.intersected(other.window).is_empty:
            return Leak(one, other, "are the same picture")
    return None


def _same_content(files: Iterable[SplitFile]) -> Leak | None:
    alike: dict[Hashable, dict[tuple[Path, str], tuple[SplitFile, Callable[[], Hashable]]]] = defaultdict(dict)
    for item in files:
        for key, content in item.likenesses:
            # One file is compared with others once a split, however many planes or parts of it are learnt from.
            alike[key].setdefault((item.file, item.split), (item, content))
    for members in alike.values():
        if len({file for file, _ in members}) < 2 or len({split for _, split in members}) < 2:
            continue
        contents = {file: content() for (file, _), (_, content) in members.items()}
        same: dict[Hashable, list[SplitFile]] = defaultdict(list)
        for item, _ in members.values():
            same[contents[item.file]].append(item)
        for one, other in _pairs(same.values()):
            if one.file != other.file:
                return Leak(one, other, "are the same picture")
    return None


def _same_place(files: Iterable[SplitFile]) -> Leak | None:
    by_map: dict[str, list[SplitFile]] = defaultdict(list)
    for item in files:
        if item.footprint is not None:
            by_map[item.footprint.crs].append(item)
    for items in by_map.values():
        items.sort(key=lambda item: _box(item)[0])
        open_items: list[SplitFile] = []
        for item in items:
            left = _box(item)[0]
            open_items = [o for o in open_items if _box(o)[2] > left]
            for other in open_items:
                if other.split != item.split and other.file != item.file and is_shared(other, item):
                    return Leak(other, item, "show the same place")
            open_items.append(item)
    return None


def _box(item: SplitFile) -> tuple[float, float, float, float]:
    assert item.footprint is not None
    return item.footprint.box


def is_shared(one: SplitFile, other: SplitFile) -> bool:
    """Whether two footprints share more than a border of :data:`MAX_SHARED_PX`."""
    a, b = one.footprint, other.footprint
    assert a is not None and b is not None
    common = clipped(a.corners, b.corners)
    if len(common) < 3:
        return False
    length = min(max(right - left, high - low) for left, low, right, high in (a.box, b.box))
    return abs(_area(common)) > MAX_SHARED_PX * max(a.pixel, b.pixel) * length


def clipped(polygon: Sequence[Point], by: Sequence[Point]) -> list[Point]:
    """The part of a convex *polygon* inside another convex one (Sutherland & Hodgman 1974), either way round."""
    result = list(polygon)
    turn = 1.0 if _area(by) > 0 else -1.0
    for (x0, y0), (x1, y1) in zip(by, [*by[1:], by[0]], strict=True):
        before, result = result, []
        sides = [turn * ((x1 - x0) * (y - y0) - (y1 - y0) * (x - x0)) for x, y in before]
        for i, point in enumerate(before):
            last, side, last_side = before[i - 1], sides[i], sides[i - 1]
            if (side >= 0) != (last_side >= 0):
                share = last_side / (last_side - side)
                result.append((last[0] + share * (point[0] - last[0]), last[1] + share * (point[1] - last[1])))
            if side >= 0:
                result.append(point)
        if not result:
            return []
    return result


def _area(polygon: Sequence[Point]) -> float:
    """The signed area: half the sum of cross products, taken around the first corner so that far-off maps lose no digits."""
    x0, y0 = polygon[0]
    around = [(x - x0, y - y0) for x, y in polygon]
    return sum(a[0] * b[1] - a[1] * b[0] for a, b in zip(around, around[1:], strict=False)) / 2


def _pairs(groups: Iterable[Sequence[SplitFile]]) -> Iterator[tuple[SplitFile, SplitFile]]:
    """Members of one group that are in two splits."""
    for group in groups:
        for place, one in enumerate(group):
            for other in group[place + 1 :]:
                if one.split != other.split:
                    yield one, other
