"""Brushes that look at the picture: they paint only some of what they go over."""

from __future__ import annotations

import math
import time
from abc import abstractmethod
from typing import TYPE_CHECKING

import numpy as np

from segstudio.app.tools.base import PreviewArea
from segstudio.app.tools.smart import SmartTool
from segstudio.app.tools.stroke import StrokeTool
from segstudio.core.brush import stroke_mask
from segstudio.core.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from segstudio.app.tools.base import PointerEvent, Ring
    from segstudio.app.tools.smart import Picture
    from segstudio.app.tools.stroke import Dab, Point

LEAST_PART_PX = 32.0
MOST_SHOWN_PX = 512.0
"""Under a larger brush it is not shown beforehand what a click would paint."""
SLOW_READ_S = 0.02
"""Where a look at the picture took longer than this, none is taken while the pointer only hovers."""


class PictureBrushTool(SmartTool, StrokeTool):
    """Of what it goes over it paints what :meth:`part_of` keeps. Reads follow the stroke, never the image."""

    cursor = "none"
    steps_per_size = 1.0
    """A fast stroke is cut into so many parts for each width of the brush."""

    _slow_reader: object = None

    @abstractmethod
    def part_of(self, picture: Picture, dab: Dab, end_xy: Point) -> Dab:
        """What of *dab*, which lies inside the image and ends at *end_xy*, is painted.

        Raises
        ------
        UserError
            When the file can no longer be read.
        """

    def stroke_begins(self, event: PointerEvent) -> bool:
        """Not before the picture is decoded (it is said)."""
        return self.picture() is not None

    def dabs(self, start_xy: Point, end_xy: Point, size_px: float) -> Iterable[Dab]:
        """The way in short parts, so that no part's box is much larger than the brush."""
        picture = self.picture()
        if picture is None:
            return
        try:
            for start, end in self._parts(start_xy, end_xy, size_px):
                dab = self._inside(picture, stroke_mask([start, end], size_px, self.shape))
                if not dab[1].is_empty:
                    yield self.part_of(picture, dab, end)
        except UserError as error:
            self.session.say(str(error))

    def _parts(self, start_xy: Point, end_xy: Point, size_px: float) -> Iterator[tuple[Point, Point]]:
        longest = max(size_px, LEAST_PART_PX) / self.steps_per_size
        count = max(1, math.ceil(math.dist(start_xy, end_xy) / longest))
        shares = [index / count for index in range(count + 1)]
        (x0, y0), (x1, y1) = start_xy, end_xy
        points = [(x0 + (x1 - x0) * share, y0 + (y1 - y0) * share) for share in shares]
        points[-1] = end_xy
        yield from zip(points[:-1], points[1:], strict=True)

    @staticmethod
    def _inside(picture: Picture, dab: Dab) -> Dab:
        mask, rect = dab
        inside = rect.intersected(picture.bounds)
        return mask[inside.moved(-rect.x, -rect.y).slices], inside

    def hover_area(self, ring: Ring) -> PreviewArea | None:
        """What a click would paint."""
        reader = self.session.reader
        if reader is None or reader is self._slow_reader or ring.size_px > MOST_SHOWN_PX:
            return None
        picture = self.picture()
        if picture is None:
            return None
        dab = self._inside(picture, stroke_mask([(ring.x, ring.y)], ring.size_px, self.shape))
        if dab[1].is_empty:
            return None
        start = time.perf_counter()
        try:
            mask, rect = self.part_of(picture, dab, (ring.x, ring.y))
        except UserError:
            return None  # it is said when a stroke begins
        if time.perf_counter() - start > SLOW_READ_S:
            self._slow_reader = reader
        return PreviewArea(np.ascontiguousarray(mask), rect)
