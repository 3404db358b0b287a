"""Label Studio's run lengths of brush regions: bits that pack an RGBA picture whose alpha is the mask (thi.ng's rle-pack).

32 bits say how many values there are (4 a pixel), 5 bits their size less one, 4 × 4 bits the four sizes of lengths less one. Then,
until all values are there: a bit whether one value is repeated, 2 bits which size the length has, the length less one, and the value
once, or as many values as the length says.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from segstudio.core.row_runs import RowRuns, runs_of_mask

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

_SIZES = (3, 4, 8, 16)
_LONGEST = 1 << 16
_TOKEN_BITS = 27
_OPAQUE = 128


def encode(runs: RowRuns, width: int, height: int) -> list[int]:
    """The bytes for a mask of *width* × *height* (below 2³⁰ pixels): 255 in all four bands where it is, else 0."""
    starts, ends = runs.flat(width)
    edges = np.concatenate([[0], np.stack([starts, ends], axis=1).ravel(), [width * height]])
    lengths = np.diff(edges) * 4
    values = np.where(np.arange(lengths.size) % 2, 255, 0)
    # Long runs as several; none is empty but the first and the last may be.
    pieces = -(-lengths // _LONGEST)
    values = np.repeat(values, pieces)
    rest = np.repeat(lengths, pieces) - _LONGEST * (
        np.arange(values.size) - np.repeat(np.cumsum(pieces) - pieces, pieces)
    )
    sizes = np.minimum(rest, _LONGEST) - 1
    kind = np.searchsorted([8, 16, 256], sizes, side="right")
    length_bits = np.asarray(_SIZES)[kind]
    tokens = ((4 + kind) << (length_bits + 8)) | (sizes << 8) | values
    bits = _packed(tokens, 3 + length_bits + 8)
    head = [width * height * 4 >> shift & 255 for shift in (24, 16, 8, 0)]
    start = _packed(np.asarray([7, *(size - 1 for size in _SIZES)]), np.asarray([5, 4, 4, 4, 4]))
    return head + np.packbits(np.concatenate([start, bits])).tolist()


def _packed(tokens: npt.NDArray[np.int64], widths: npt.NDArray[np.int64]) -> npt.NDArray[np.uint8]:
    """The lowest *widths* bits of each token, one after the other."""
    begin = np.cumsum(widths) - widths
    bits = np.zeros(int(widths.sum()), np.uint8)
    for place in range(_TOKEN_BITS):
        there = widths > place
        bits[begin[there] + place] = tokens[there] >> (widths[there] - 1 - place) & 1
    return bits


def decode(rle: Sequence[int], width: int, height: int) -> RowRuns:
    """The pixels of a region: those at least half opaque (or not 0 where none is).

    Raises
    ------
    ValueError
        When it holds what is no byte, is cut off, or is not of the image's size.
    """
    try:
        data = bytes(rle)
    except (TypeError, ValueError, OverflowError) as error:
        raise ValueError("a brush region whose run lengths are no bytes") from error
    if int.from_bytes(data[:4], "big") != width * height * 4 or len(data) < 7:
        raise ValueError("a brush region whose run lengths are not of the image's size")
    starts, ends, alphas = _tokens(data, width * height * 4)
    is_in = alphas >= (_OPAQUE if alphas.size and int(alphas.max()) >= _OPAQUE else 1)
    starts, ends = starts[is_in], ends[is_in]
    if not starts.size:
        return runs_of_mask(np.zeros((0, 0), np.bool_))
    top, bottom = int(starts[0]) // width, (int(ends[-1]) - 1) // width + 1
    turns = np.zeros((bottom - top) * width + 1, np.int8)
    np.add.at(turns, starts - top * width, 1)
    np.add.at(turns, ends - top * width, -1)
    np.cumsum(turns, dtype=np.int8, out=turns)
    return runs_of_mask(turns[:-1].reshape(bottom - top, width), 0, top)


def _tokens(data: bytes, count: int) -> tuple[npt.NDArray[np.int64], ...]:
    """(first pixel, the one after the last, alpha) of runs of pixels, in order."""
    head = int.from_bytes(data[4:7], "big")
    word = (head >> 19) + 1
    sizes = [(head >> shift & 15) + 1 for shift in (15, 11, 7, 3)]
    if word != 8:
        raise ValueError(f"a brush region with values of {word} bits")
    total = len(data) * 8
    padded = data + bytes(16)
    place, at = 32 + 5 + 16, 0
    starts, ends, alphas = [], [], []
    literals: list[tuple[int, npt.NDArray[np.uint8]]] = []
    while at < count:
        bits = int.from_bytes(padded[place >> 3 : (place >> 3) + 8], "big") << (place & 7) & (1 << 64) - 1
        size = sizes[bits >> 61 & 3]
        length = (bits >> (61 - size) & (1 << size) - 1) + 1
        place += 3 + size
        if at + length > count:
            raise ValueError("a brush region whose run lengths are longer than the image")
        if bits >> 63:
            # The values with index 3, 7, 11 … are alpha.
            first, last = at // 4, (at + length) // 4
            if last > first:
                starts.append(first)
                ends.append(last)
                alphas.append(bits >> (53 - size) & 255)
            place += 8
        else:
            literals.append((at, _values(padded, place, length)))
            place += 8 * length
        if place > total:
            raise ValueError("a brush region whose run lengths are cut off")
        at += length
    return _in_order(starts, ends, alphas, literals)


def _values(data: bytes, place: int, length: int) -> npt.NDArray[np.uint8]:
    """*length* bytes from the bit *place* on; fewer where the data end."""
    part = np.frombuffer(data[place >> 3 : (place >> 3) + length + 1], np.uint8)
    shift = place & 7
    return ((part[:-1].astype(np.uint16) << 8 | part[1:]) >> (8 - shift) & 255).astype(np.uint8)


def _in_order(
    starts: list[int], ends: list[int], alphas: list[int], literals: list[tuple[int, npt.NDArray[np.uint8]]]
) -> tuple[npt.NDArray[np.int64], ...]:
    columns = [[np.asarray(column, np.int64)] for column in (starts, ends, alphas)]
    for at, values in literals:
        offset = (3 - at) % 4
        found = values[offset::4].astype(np.int64)
        pixels = np.arange(found.size, dtype=np.int64) + (at + offset) // 4
        for column, part in zip(columns, (pixels, pixels + 1, found), strict=True):
            column.append(part)
    joined = [np.concatenate(column) for column in columns]
    order = np.argsort(joined[0], kind="stable")
    return joined[0][order], joined[1][order], joined[2][order]
