"""Which part of a proposal is refined for a view of it, what is sent of it, and what the answers make of a copy of the layer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from segstudio.core.geometry import TILE, Rect, tiles_of
from segstudio.core.tiles import TileMap
from segstudio.ml.refine.proposal import MOST_MARGIN_PX, ProposalData

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import numpy.typing as npt

    from segstudio.core.layers import LabelLayer
    from segstudio.ml.classic.options import Option, Value
    from segstudio.ml.refine.proposal import RefinedPiece

Number = TypeVar("Number", bound=np.generic)

EXACT_PX = 1 << 20
"""A view of so many pixels is previewed pixel by pixel; a wider one reduced."""
QUICK_PX = 1 << 17
"""A view of more pixels than this is previewed reduced first, which takes a moment only."""
REDUCED_PX = 1 << 18
"""So many pixels a view that is too wide for an exact preview is reduced to."""
MOST_PX = 1 << 24
"""A wider view has no preview."""
AROUND_PX = 64
"""So much around the view is refined with it, where there is room: small moves of the view then need no new one."""


@dataclass(frozen=True, slots=True)
class Part:
    """A rectangle of image pixels to refine, seen reduced ``level`` times by two; ``reduced`` is it in such pixels."""

    rect: Rect
    level: int = 0

    @property
    def reduced(self) -> Rect:
        """The pixels of the level that the rectangle touches."""
        x, y, level = self.rect.x >> self.level, self.rect.y >> self.level, self.level
        return Rect(x, y, -(-self.rect.right >> level) - x, -(-self.rect.bottom >> level) - y)


def preview_parts(seen: Rect, bounds: Rect) -> tuple[Part, ...]:
    """What to refine for a view of *seen*, one after the other, each finer than the one before; () = too wide a view."""
    seen = seen.intersected(bounds)
    if not 0 < _area(seen) <= MOST_PX:
        return ()
    around = seen.expanded(AROUND_PX).intersected(bounds)
    if _area(seen) > EXACT_PX:
        return (_reduced(around, REDUCED_PX),)
    exact = around if _area(around) <= EXACT_PX else seen
    return (Part(exact),) if _area(exact) <= QUICK_PX else (_reduced(exact, QUICK_PX), Part(exact))


def _area(rect: Rect) -> int:
    return rect.width * rect.height


def _reduced(rect: Rect, most_px: int) -> Part:
    level = 1
    while _area(Part(rect, level).reduced) > most_px:
        level += 1
    return Part(rect, level)


def reduced_options(specs: Sequence[Option], options: Mapping[str, Value], level: int) -> tuple[tuple[str, Value], ...]:
    """*options* for an image reduced *level* times by two: lengths in pixels shrink with it, as far as they may."""
    found: list[tuple[str, Value]] = []
    for spec in specs:
        value = options[spec.key]
        if level and spec.key.endswith("_px") and not isinstance(value, str):
            shrunk = max(spec.low, value / 2**level)
            value = round(shrunk) if spec.kind == "integer" else shrunk
        found.append((spec.key, value))
    return tuple(found)


def proposal_data(layer: LabelLayer, part: Part, planes: tuple[int, ...]) -> ProposalData:
    """What is sent of a part of a proposal; of a reduced one the pixel in the middle of each block stands for it.

    Reads the layer: give it a shadow in another thread.
    """
    if not part.level:
        return ProposalData.of(layer, [part.rect], planes)
    size = Part(layer.bounds, part.level).reduced
    wanted = part.reduced.expanded(MOST_MARGIN_PX).intersected(size)
    tiles, confidence = TileMap(np.uint16), TileMap(np.uint8)
    for z in planes:
        tiles.write(wanted, _sampled(layer.read, layer.bounds, wanted, part.level, z), z=z)
        if layer.confidence is not None:
            confidence.write(wanted, _sampled(layer.confidence.read, layer.bounds, wanted, part.level, z), z=z)
    objects = frozenset(segment.id for segment in layer.segments.values() if segment.is_object)
    return ProposalData(tiles, None if layer.confidence is None else confidence, objects)


def _sampled(read: Any, bounds: Rect, rect: Rect, level: int, z: int) -> npt.NDArray[Any]:
    """(h, w) values in the middle of the blocks that *rect* (pixels of *level*) stands for, strip by strip."""
    step, half = 1 << level, (1 << level) >> 1
    columns = np.minimum((np.arange(rect.width) + rect.x) * step + half, bounds.right - 1)
    left, width = int(columns[0]), int(columns[-1] - columns[0]) + 1
    strip = max(1, TILE >> level)
    strips = []
    for y in range(rect.y, rect.bottom, strip):
        rows = np.minimum(np.arange(y, min(y + strip, rect.bottom)) * step + half, bounds.bottom - 1)
        top, height = int(rows[0]), int(rows[-1] - rows[0]) + 1
        strips.append(read(Rect(left, top, width, height), z)[(rows - top)[:, None], (columns - left)[None, :]])
    return np.concatenate(strips)


def draw(layer: LabelLayer, piece: RefinedPiece, z: int) -> None:
    """Write a finished piece into *layer*, a shadow that is drawn and never kept."""
    layer.tiles.write(piece.rect, piece.segment_ids, z=z)
    if layer.confidence is not None:
        layer.confidence.write(piece.rect, piece.confidence, z=z)


def share(source: LabelLayer, target: LabelLayer, rect: Rect, z: int) -> None:
    """Let *target* hold the tiles of *source* that *rect* touches."""
    for ty, tx in tiles_of(rect):
        target.tiles.set((z, ty, tx), source.tiles.held((z, ty, tx)))
        if source.confidence is not None and target.confidence is not None:
            target.confidence.set((z, ty, tx), source.confidence.held((z, ty, tx)))


def put_reduced(layer: LabelLayer, pieces: Iterable[RefinedPiece], part: Part, sent: ProposalData, z: int) -> None:
    """Write pieces of a reduced part into *layer*, a shadow: blocks that changed become what they changed to."""
    for piece in pieces:
        rect = _below(piece.rect, part.level).intersected(part.rect)
        if rect.is_empty:
            continue
        changed = _enlarged(piece.segment_ids != sent.read(piece.rect, z), piece.rect, rect, part.level)
        layer.tiles.write(rect, _enlarged(piece.segment_ids, piece.rect, rect, part.level), changed, z)
        if layer.confidence is not None:
            layer.confidence.write(rect, _enlarged(piece.confidence, piece.rect, rect, part.level), changed, z)


def _below(rect: Rect, level: int) -> Rect:
    return Rect(rect.x << level, rect.y << level, rect.width << level, rect.height << level)


def _enlarged(values: npt.NDArray[Number], at: Rect, rect: Rect, level: int) -> npt.NDArray[Number]:
    """(h, w) over *rect* (image pixels) of values over *at* (pixels of *level*)."""
    rows = ((np.arange(rect.height) + rect.y) >> level) - at.y
    columns = ((np.arange(rect.width) + rect.x) >> level) - at.x
    enlarged: npt.NDArray[Number] = values[rows[:, None], columns[None, :]]
    return enlarged


def changed_in(piece: RefinedPiece, before: ProposalData, z: int) -> int:
    """How many pixels of a piece belong to another segment than before."""
    return int(np.count_nonzero(piece.segment_ids != before.read(piece.rect, z)))
