"""Where a person would paint to put labels right: what is seen to be wrong, and the strokes of a brush that mend it.

A hand does not follow masks pixel by pixel: it sees that a place is wrong when the borders differ by more than it could
paint them, takes a brush about as wide as what is missing, and follows its middle.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from segstudio.core.brush import stroke_mask
from segstudio.core.classes import IGNORE, UNLABELLED
from segstudio.core.geometry import Rect

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

    Mask = npt.NDArray[np.bool_]
    Point = tuple[float, float]

STEP = 0.62
"""Each brush is this part as wide as the one before."""
LEAST_GAIN = 0.25
"""A stroke that newly covers less than this part of what it goes over is not worth it."""
WIDTHS = (100.0, 96.0, 90.0)
"""A brush to begin with is as wide as so many per cent of a place are deep at most."""
LARGE_PX = 400
"""In smaller places only the first of them is tried."""
STROKE_COSTS_PX = 25
"""A hand would rather leave so many pixels wrong than make one stroke more."""
PASSES = 12
"""So often one brush goes over what is left before a smaller one is taken."""


@dataclass(frozen=True)
class Stroke:
    """A line through ``points_xy`` in image pixels, drawn with a round brush ``size_px`` wide."""

    points_xy: tuple[Point, ...]
    size_px: float


@dataclass(frozen=True)
class BrushRules:
    """What a hand can do: the narrowest and widest brush, how long one stroke gets, and what is too small to bother about.

    By ``slack_px`` a brush may go over a border, and a rim so thin is left as it is.
    """

    smallest_px: float = 2.0
    largest_px: float = 128.0
    longest_px: float = 400.0
    least_px: int = 20
    slack_px: float = 1.5


@dataclass(frozen=True, eq=False)
class WrongRegion:
    """A connected place that should be ``class_id`` (0: background) and is not: (y, x) bool, and how many pixels."""

    class_id: int
    mask: Mask
    pixels: int


def wrong_regions(
    truth: npt.NDArray[Any], shown: npt.NDArray[Any], tolerance_px: float, least_px: int = 1
) -> list[WrongRegion]:
    """The places where *shown* (y, x) class ids differ from *truth* so that a person sees it, the largest first.

    Borders that are off by at most *tolerance_px* are let pass, and so are places of fewer than *least_px* pixels.
    Pixels whose truth is ``IGNORE`` are never wrong.
    """
    wrong = (truth != shown) & (truth != IGNORE)
    seen = wrong & ~_forgiven(truth, shown, wrong, tolerance_px)
    found = []
    for class_id in np.unique(truth[seen]).tolist():
        of_class = seen & (truth == class_id)
        # The rim that alone would be let pass is painted along with what is seen.
        whole = wrong & (truth == class_id) & _grown(of_class, tolerance_px + 1)
        count, labels, stats, _ = cv2.connectedComponentsWithStats(whole.astype(np.uint8), connectivity=8)
        sizes = np.bincount(labels[of_class], minlength=count)
        for index in range(1, count):
            if sizes[index] >= least_px:
                found.append(WrongRegion(int(class_id), labels == index, int(stats[index, cv2.CC_STAT_AREA])))
    return sorted(found, key=lambda region: -region.pixels)


def _forgiven(truth: npt.NDArray[Any], shown: npt.NDArray[Any], wrong: Mask, tolerance_px: float) -> Mask:
    """Wrong pixels beside which both classes in question are met: a border that is only a little off."""
    allowed = np.zeros(truth.shape, np.bool_)
    if tolerance_px < 1:
        return allowed
    pairs = truth[wrong].astype(np.int64) << 16 | shown[wrong].astype(np.int64)
    for pair in np.unique(pairs).tolist():
        should, is_now = pair >> 16, pair & 0xFFFF
        here = wrong & (truth == should) & (shown == is_now)
        if should != UNLABELLED:
            here &= _grown((shown == should) & (truth == should), tolerance_px)
        if is_now != UNLABELLED:
            here &= _grown((shown == is_now) & (truth == is_now), tolerance_px)
        allowed |= here
    return allowed


def _grown(mask: Mask, by_px: float) -> Mask:
    """*mask* and all within *by_px* of it."""
    if not mask.any():
        return mask
    distance = cv2.distanceTransform((~mask).astype(np.uint8), cv2.DIST_L2, 5)
    grown: Mask = distance <= by_px
    return grown


def plan_strokes(region: Mask, harmless: Mask, rules: BrushRules) -> list[Stroke]:
    """Strokes that cover *region* (y, x) and keep within *harmless* but for the slack, wide ones first.

    Of some brushes to begin with the one is taken that needs few strokes and does little wrong. What only a narrower brush than
    the rules allow would reach, and crumbs below ``rules.least_px``, stay uncovered.
    """
    box = _box(region, round(rules.largest_px))
    wanted, safe = region[box.slices], np.ascontiguousarray(harmless[box.slices], np.uint8)
    if not wanted.any():
        return []
    # Nothing is harmed by painting beyond the image; where nothing is harmed at all the distance has no end.
    room = np.minimum(cv2.distanceTransform(safe, cv2.DIST_L2, 5), np.float32(wanted.size))
    depths = cv2.distanceTransform(wanted.astype(np.uint8), cv2.DIST_L2, 5)[wanted]
    tried = WIDTHS if len(depths) >= LARGE_PX else WIDTHS[:1]
    sizes = {float(np.clip(2 * np.percentile(depths, share), rules.smallest_px, rules.largest_px)) for share in tried}
    plans = [_planned(wanted, room, size, box, rules) for size in sorted(sizes, reverse=True)]
    return min(plans, key=lambda plan: plan[1])[0]


def _planned(
    wanted: Mask, room: npt.NDArray[np.float32], first_px: float, box: Rect, rules: BrushRules
) -> tuple[list[Stroke], float]:
    """Strokes that begin with a brush *first_px* wide, and what they cost: each some pixels, and the pixels done wrong."""
    left, painted = wanted.copy(), np.zeros(wanted.shape, np.bool_)
    strokes: list[Stroke] = []
    size = first_px
    while True:
        strokes += _strokes_of_size(left, painted, room, size, box, rules)
        if size <= rules.smallest_px or int(np.count_nonzero(left)) < rules.least_px:
            break
        size = max(size * STEP, rules.smallest_px)
    wrong = np.count_nonzero(wanted & ~painted) + np.count_nonzero(painted & (room == 0))
    return strokes, float(wrong + STROKE_COSTS_PX * len(strokes))


def _box(mask: Mask, margin_px: int) -> Rect:
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        return Rect(0, 0, 0, 0)
    tight = Rect(int(columns[0]), int(rows[0]), int(columns[-1] - columns[0]) + 1, int(rows[-1] - rows[0]) + 1)
    return tight.expanded(margin_px).clipped(mask.shape[1], mask.shape[0])


def _strokes_of_size(
    left: Mask, painted: Mask, room: npt.NDArray[np.float32], size_px: float, box: Rect, rules: BrushRules
) -> Iterator[Stroke]:
    """Strokes of one brush; what each covers is taken out of *left* and put into *painted*."""
    for _ in range(PASSES):
        middle = _middles(left, room, size_px, rules)
        is_used = False
        for line in center_lines(middle):
            for piece in _pieces(line, rules.longest_px):
                mask, inside = _swept(piece, size_px, left.shape)
                gain = int(np.count_nonzero(left[inside.slices] & mask))
                if gain < max(rules.least_px, LEAST_GAIN * np.count_nonzero(mask)):
                    continue
                done, around = _swept(piece, size_px + 2 * rules.slack_px, left.shape)
                left[around.slices] &= ~done
                painted[inside.slices] |= mask
                is_used = True
                yield Stroke(tuple((x + box.x, y + box.y) for x, y in piece), size_px)
        if not is_used:
            return


def _swept(points_xy: list[Point], size_px: float, shape: tuple[int, ...]) -> tuple[Mask, Rect]:
    """What a brush goes over, clipped to (height, width)."""
    mask, rect = stroke_mask(points_xy, size_px)
    inside = rect.clipped(shape[1], shape[0])
    return mask[inside.moved(-rect.x, -rect.y).slices], inside


def _middles(left: Mask, room: npt.NDArray[np.float32], size_px: float, rules: BrushRules) -> Mask:
    """Where the middle of a brush may go: it harms next to nothing there, and what it covers is wanted."""
    radius, is_last = size_px / 2, size_px <= rules.smallest_px
    side = 2 * max(1, round(radius)) + 1
    share = cv2.boxFilter(left.astype(np.float32), -1, (side, side), borderType=cv2.BORDER_CONSTANT)
    wanted = cv2.distanceTransform((~left).astype(np.uint8), cv2.DIST_L2, 5) <= 0.5 * radius
    may: Mask = (room >= max(radius - rules.slack_px, 0.5 * radius)) & wanted & (share >= (0.1 if is_last else 0.3))
    if is_last:
        may |= left & (room >= 1)
    return may


def center_lines(mask: Mask) -> list[list[Point]]:
    """The middle lines of *mask* (y, x) as polylines through pixel centres, the longest first."""
    from skimage.morphology import skeletonize

    if not mask.any():
        return []
    rows, columns = np.nonzero(skeletonize(mask))  # type: ignore[no-untyped-call]
    free = set(zip(rows.tolist(), columns.tolist(), strict=True))
    lines: list[list[Point]] = []
    waiting = sorted(free)
    while waiting:
        start = waiting.pop()
        if start not in free:
            continue
        end, _ = _farthest(start, free)
        other, before = _farthest(end, free)
        path = [other]
        while path[-1] != end:
            path.append(before[path[-1]])
        free.difference_update(path)
        # What hung beside the path is looked at again: it may have fallen apart.
        waiting += [near for y, x in path for near in _neighbours(y, x) if near in free]
        lines.append([(x + 0.5, y + 0.5) for y, x in path])
    return sorted(lines, key=len, reverse=True)


def _neighbours(y: int, x: int) -> tuple[tuple[int, int], ...]:
    return (
        (y, x + 1), (y, x - 1), (y + 1, x), (y - 1, x),
        (y + 1, x + 1), (y + 1, x - 1), (y - 1, x + 1), (y - 1, x - 1),
    )  # fmt: skip


def _farthest(
    start: tuple[int, int], free: set[tuple[int, int]]
) -> tuple[tuple[int, int], dict[tuple[int, int], tuple[int, int]]]:
    """The pixel of the connected line that is most steps from *start*, and from which neighbour each was reached."""
    before = {start: start}
    queue = deque([start])
    last = start
    while queue:
        last = queue.popleft()
        for near in _neighbours(*last):
            if near in free and near not in before:
                before[near] = last
                queue.append(near)
    return last, before


def _pieces(line: list[Point], longest_px: float) -> Iterator[list[Point]]:
    """*line* in pieces as long as a hand draws at once."""
    count = max(1, round(len(line) / longest_px))
    length = -(-len(line) // count)
    for start in range(0, len(line), length):
        piece = line[start : start + length]
        # Every fourth pixel says as much, and both ends.
        yield piece[:-1:4] + piece[-1:]
