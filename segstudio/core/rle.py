"""COCO run-length masks: all segments of a layer in one pass, and back; the bytes are those of pycocotools.

A mask is read column by column; ``counts`` are the lengths of runs of 0 and 1 in turn, beginning with 0, written as in
the COCO API's maskApi (differences from the second last count, 5 bits a character).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from segstudio.core.geometry import TILE, Rect

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy.typing as npt

    from segstudio.core.layers import LabelLayer

_MAX_GROUPS = 7  # characters of 5 bits that a count below 2**32 can take
_MOST_GROUPS = 12  # of a count that is read: what 64 bits hold


@dataclass(frozen=True, slots=True)
class Rle:
    """One mask: its size (height, width), compressed counts, area and box (x, y, width, height) in pixels."""

    height: int
    width: int
    counts: str
    area: int
    box: tuple[int, int, int, int]

    def to_json(self) -> dict[str, Any]:
        """What COCO files call a segmentation."""
        return {"size": [self.height, self.width], "counts": self.counts}


@dataclass(frozen=True, slots=True)
class Runs:
    """Runs of equal non-zero values in column-major order: first position, length, value; (n,) int64 each."""

    starts: npt.NDArray[np.int64]
    lengths: npt.NDArray[np.int64]
    values: npt.NDArray[np.int64]


def runs_of_array(values: npt.NDArray[Any], x: int = 0, y: int = 0, height: int | None = None) -> Runs:
    """The runs of a (y, x) array of integers, whose corner lies at (*x*, *y*) of an image of *height*."""
    return _merged([_runs_of_part(values, x, y, values.shape[0] if height is None else height)])


def runs_of_layer(layer: LabelLayer, lut: npt.NDArray[np.uint16] | None = None, z: int = 0) -> Runs:
    """The runs of a layer's segment ids (0 left out), read a column of tiles at a time.

    ``lut`` (65536,) maps segment ids to other values, 0 leaves a segment out.
    """
    return _merged([_mapped(_runs_of_part(part, rect.x, rect.y, layer.height), lut) for rect, part in _parts(layer, z)])


def _mapped(runs: Runs, lut: npt.NDArray[np.uint16] | None) -> Runs:
    """The runs with other values; cheaper than other values for every pixel."""
    if lut is None:
        return runs
    values = lut[runs.values]
    keep = values != 0
    return Runs(runs.starts[keep], runs.lengths[keep], values[keep].astype(np.int64))


def _parts(layer: LabelLayer, z: int) -> Iterator[tuple[Rect, npt.NDArray[np.uint16]]]:
    columns: dict[int, list[int]] = {}
    for key in layer.tiles.keys():
        if key[0] == z:
            columns.setdefault(key[2], []).append(key[1])
    for tx in sorted(columns):
        top, bottom = min(columns[tx]) * TILE, (max(columns[tx]) + 1) * TILE
        rect = Rect(tx * TILE, top, TILE, bottom - top).clipped(layer.width, layer.height)
        if not rect.is_empty:
            yield rect, layer.read(rect, z)


def _runs_of_part(values: npt.NDArray[Any], x: int, y: int, height: int) -> Runs:
    """Runs of a part at (x, y) of an image of *height*; each column starts a new run."""
    if values.size == 0:
        empty = np.zeros(0, np.int64)
        return Runs(empty, empty, empty)
    columns = (
        np.ascontiguousarray(values.T) if values.dtype.itemsize > 2 else cv2.transpose(np.ascontiguousarray(values))
    )
    rows = columns.shape[1]
    is_start = np.empty(columns.shape, np.bool_)
    is_start[:, 0] = True
    np.not_equal(columns[:, 1:], columns[:, :-1], out=is_start[:, 1:])
    places = np.flatnonzero(is_start)
    found = columns.ravel()[places].astype(np.int64)
    lengths = np.diff(places, append=columns.size)
    keep = found != 0
    places = places[keep]
    return Runs((x + places // rows) * height + y + places % rows, lengths[keep], found[keep])


def _merged(parts: Sequence[Runs]) -> Runs:
    """One list of runs; those that follow on from each other with the same value become one."""
    if not parts:
        empty = np.zeros(0, np.int64)
        return Runs(empty, empty, empty)
    starts = np.concatenate([part.starts for part in parts])
    lengths = np.concatenate([part.lengths for part in parts])
    values = np.concatenate([part.values for part in parts])
    if starts.size < 2:
        return Runs(starts, lengths, values)
    is_first = np.empty(starts.size, np.bool_)
    is_first[0] = True
    is_first[1:] = (starts[1:] != starts[:-1] + lengths[:-1]) | (values[1:] != values[:-1])
    first = np.flatnonzero(is_first)
    return Runs(starts[first], np.add.reduceat(lengths, first), values[first])


def encode_runs(runs: Runs, height: int, width: int) -> dict[int, Rle]:
    """A mask for each value that occurs in *runs*, by value."""
    if runs.values.size == 0:
        return {}
    order = np.argsort(runs.values, kind="stable")
    values, starts, lengths = runs.values[order], runs.starts[order], runs.lengths[order]
    ends = starts + lengths
    first = np.flatnonzero(np.r_[True, values[1:] != values[:-1]])
    last = np.r_[first[1:], values.size] - 1
    # Zeros before each run, then the run; a mask that does not reach the last pixel ends with the zeros left.
    before = starts.copy()
    before[1:] -= ends[:-1]
    before[first] = starts[first]
    tails = height * width - ends[last]
    has_tail = tails > 0
    offsets = np.arange(values.size) * 2
    shift = np.zeros(values.size, np.int64)
    shift[first[1:]] = has_tail[:-1]
    offsets += np.cumsum(shift)
    counts = np.empty(values.size * 2 + int(has_tail.sum()), np.int64)
    counts[offsets], counts[offsets + 1] = before, lengths
    counts[offsets[last[has_tail]] + 2] = tails[has_tail]
    begin = offsets[first]
    sizes = np.diff(begin, append=counts.size)
    texts = _compressed(counts, begin, sizes)
    areas = np.add.reduceat(lengths, first)
    boxes = _boxes(starts, ends, first, height)
    return {
        int(values[index]): Rle(height, width, text, int(area), box)
        for index, text, area, box in zip(first.tolist(), texts, areas.tolist(), boxes)
    }


def _boxes(
    starts: npt.NDArray[np.int64], ends: npt.NDArray[np.int64], first: npt.NDArray[np.intp], height: int
) -> list[tuple[int, int, int, int]]:
    left, right = starts // height, (ends - 1) // height
    is_wide = left != right
    top = np.where(is_wide, 0, starts % height)
    bottom = np.where(is_wide, height - 1, (ends - 1) % height)
    x0, x1 = np.minimum.reduceat(left, first), np.maximum.reduceat(right, first)
    y0, y1 = np.minimum.reduceat(top, first), np.maximum.reduceat(bottom, first)
    return [(int(a), int(b), int(c - a + 1), int(d - b + 1)) for a, b, c, d in zip(x0, y0, x1, y1)]


def _compressed(counts: npt.NDArray[np.int64], begin: npt.NDArray[np.int64], sizes: npt.NDArray[np.int64]) -> list[str]:
    """The text of each list of counts; all lists at once."""
    place = np.arange(counts.size) - np.repeat(begin, sizes)
    rest = counts.copy()
    is_late = place > 2
    rest[is_late] -= counts[np.flatnonzero(is_late) - 2]
    characters = np.zeros((counts.size, _MAX_GROUPS), np.uint8)
    is_used = np.zeros((counts.size, _MAX_GROUPS), np.bool_)
    active = np.arange(counts.size)
    for group in range(_MAX_GROUPS):
        now = rest[active]
        bits = now & 0x1F
        now >>= 5
        goes_on = np.where(bits & 0x10, now != -1, now != 0)
        characters[active, group] = bits + 48 + (goes_on << 5)
        is_used[active, group] = True
        rest[active] = now
        active = active[goes_on]
        if active.size == 0:
            break
    text = characters[is_used].tobytes().decode("ascii")
    used = np.r_[0, np.cumsum(is_used.sum(axis=1))]
    return [text[used[start] : used[start + size]] for start, size in zip(begin.tolist(), sizes.tolist())]


def encode_layer(layer: LabelLayer, lut: npt.NDArray[np.uint16] | None = None, z: int = 0) -> dict[int, Rle]:
    """A mask for each segment of a layer (for each value of ``lut``, where one is given), in one pass over its tiles.

    Ignored pixels (65535) come out as a mask of their own.
    """
    return encode_runs(runs_of_layer(layer, lut, z), layer.height, layer.width)


def encode_mask(mask: npt.NDArray[Any]) -> Rle:
    """One (y, x) boolean mask."""
    height, width = mask.shape
    found = encode_runs(runs_of_array((mask != 0).astype(np.uint8)), height, width)
    return found[1] if found else Rle(height, width, _empty_counts(height * width), 0, (0, 0, 0, 0))


def _empty_counts(pixels: int) -> str:
    return _compressed(np.array([pixels], np.int64), np.zeros(1, np.int64), np.ones(1, np.int64))[0]


def decompress(text: str | bytes) -> list[int]:
    """The counts in a compressed text.

    Raises
    ------
    ValueError
        When the text is none, or holds a count below 0.
    """
    return [int(count) for count in _decompressed(text)]


def _decompressed(text: str | bytes) -> npt.NDArray[np.int64]:
    data = np.frombuffer(text.encode("ascii", "strict") if isinstance(text, str) else text, np.uint8)
    if data.size == 0:
        return np.zeros(0, np.int64)
    if int(data.min()) < 48 or int(data.max()) >= 48 + 64:
        raise ValueError("the run lengths cannot be read")
    bits = data.astype(np.int64) - 48
    last = np.flatnonzero(bits < 0x20)
    if last.size == 0 or last[-1] != data.size - 1:
        raise ValueError("the run lengths are cut off")
    sizes = last.copy()
    sizes[1:] -= last[:-1]
    sizes[0] += 1
    if int(sizes.max()) > _MOST_GROUPS:
        raise ValueError("the run lengths cannot be read")
    first = last - sizes + 1
    counts = (bits & 0x1F) << (5 * (np.arange(data.size) - np.repeat(first, sizes)))
    counts = np.add.reduceat(counts, first)
    counts -= np.where(bits[last] & 0x10, np.int64(1) << (5 * sizes), 0)
    # Each count from the fourth on is told as its difference from the second last.
    for chain in (counts[1::2], counts[2::2]):
        np.cumsum(chain, out=chain)
    if int(counts.min()) < 0:
        raise ValueError("a run is shorter than nothing")
    return counts


def decode_runs(counts: Sequence[int] | str | bytes, height: int, width: int) -> tuple[npt.NDArray[np.int64], ...]:
    """(starts, ends) in column-major order of the runs of 1.

    Raises
    ------
    ValueError
        When the counts do not add up to the image's pixels; checked before anything is allocated.
    """
    if isinstance(counts, str | bytes):
        numbers = _decompressed(counts)
    else:
        try:
            numbers = np.asarray([int(count) for count in counts], np.int64)
        except OverflowError as error:
            raise ValueError("a run is longer than any image") from error
    pixels = height * width
    is_sane = numbers.size > 0 and int(numbers.min()) >= 0 and int(numbers.max()) <= pixels
    if pixels and not (is_sane and int(numbers.sum()) == pixels):
        raise ValueError(f"the run lengths do not add up to {width} × {height} pixels")
    edges = np.cumsum(numbers)
    ends = edges[1::2]
    return edges[0::2][: ends.size], ends


def decode(counts: Sequence[int] | str | bytes, height: int, width: int) -> npt.NDArray[np.bool_]:
    """(height, width) boolean mask of compressed or plain counts. Raises as :func:`decode_runs`."""
    starts, ends = decode_runs(counts, height, width)
    flips = np.zeros(height * width + 1, np.int8)
    np.add.at(flips, starts, 1)
    np.add.at(flips, ends, -1)
    flat = np.cumsum(flips[:-1], dtype=np.int8).astype(np.bool_)
    return np.ascontiguousarray(flat.reshape(width, height).T)
