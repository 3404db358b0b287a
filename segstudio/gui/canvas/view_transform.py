"""Where the image lies on the canvas: zoom, offset and their limits, in physical screen pixels.

The zoom is rounded to 128 steps an octave so that the edges of every tile of every level fall on whole screen pixels:
tiles then meet without a seam and without being stretched differently.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from segstudio.core.geometry import EMPTY, Rect

STEPS_PER_OCTAVE = 128
MAX_ZOOM = 128.0
MIN_ZOOM = 1.0 / 512
WHOLE_FROM = 16.0
"""From here the zoom is a whole number, so that a part of a tile can be drawn as well as the whole."""
KEEP_VISIBLE_PX = 48
"""So much of the image stays in sight, however far it is dragged."""


def split_zoom(zoom: float) -> tuple[int, float]:
    """(octave, scale) with ``zoom == scale * 2**octave`` and scale in (0.5, 1]."""
    mantissa, octave = math.frexp(zoom)  # mantissa in [0.5, 1)
    return (octave - 1, 1.0) if mantissa == 0.5 else (octave, mantissa)


def rounded_zoom(zoom: float, *, down: bool = False) -> float:
    """The nearest zoom (the next smaller one with *down*) at which all tile edges are whole screen pixels."""
    zoom = min(max(zoom, MIN_ZOOM), MAX_ZOOM)
    if zoom >= WHOLE_FROM:
        return float(math.floor(zoom) if down else round(zoom))
    octave, scale = split_zoom(zoom)
    steps = scale * 2 * STEPS_PER_OCTAVE
    whole = math.floor(steps + 1e-9) if down else round(steps)
    return math.ldexp(whole / (2 * STEPS_PER_OCTAVE), octave)


@dataclass(frozen=True, slots=True)
class ViewTransform:
    """An image of ``image_width`` × ``image_height`` in a view of so many physical pixels.

    ``zoom`` is physical screen pixels per image pixel (1 = 1:1); ``wanted_zoom`` the same before rounding, so that many
    small pinches add up. The image's corner lies at ``offset_x``, ``offset_y``; ``origin`` is that on whole pixels,
    and all drawing and picking goes by it. ``is_fitted`` holds until the person zooms or pans.
    """

    image_width: int = 0
    image_height: int = 0
    view_width_px: int = 1
    view_height_px: int = 1
    zoom: float = 1.0
    wanted_zoom: float = 1.0
    offset_x: float = 0.0
    offset_y: float = 0.0
    is_fitted: bool = True

    # -- reading -------------------------------------------------------------------------------------------------

    @property
    def origin(self) -> tuple[int, int]:
        """Where the image's corner is drawn, in whole physical pixels."""
        return math.floor(self.offset_x + 0.5), math.floor(self.offset_y + 0.5)

    @property
    def level(self) -> int:
        """The level that reduces the image by ``2**level`` and is then drawn at 0.5…1; 0 from 1:1 up."""
        return max(0, -split_zoom(self.zoom)[0])

    @property
    def fine_level(self) -> int:
        """As :attr:`level`, but negative (finer than pixels) when magnified: for what is drawn at screen scale."""
        return -split_zoom(self.zoom)[0]

    def to_image(self, x_px: float, y_px: float) -> tuple[float, float]:
        """Image position (x, y) under a physical view pixel position."""
        left, top = self.origin
        return (x_px - left) / self.zoom, (y_px - top) / self.zoom

    def to_view(self, x: float, y: float) -> tuple[float, float]:
        """Physical view position of an image position."""
        left, top = self.origin
        return left + x * self.zoom, top + y * self.zoom

    def image_rect_px(self) -> Rect:
        """The image's place in the view, in physical pixels (may reach beyond the view)."""
        left, top = self.origin
        width = max(1, math.ceil(self.image_width * self.zoom - 1e-6))
        height = max(1, math.ceil(self.image_height * self.zoom - 1e-6))
        return Rect(left, top, width, height) if self.image_width and self.image_height else EMPTY

    def view_rect_of(self, rect: Rect, margin_px: int = 0) -> Rect:
        """The physical view pixels that the image rectangle touches, grown by *margin_px*, clipped to the view."""
        left, top = self.to_view(rect.x, rect.y)
        right, bottom = self.to_view(rect.right, rect.bottom)
        x, y = math.floor(left) - margin_px, math.floor(top) - margin_px
        touched = Rect(x, y, math.ceil(right) + margin_px - x, math.ceil(bottom) + margin_px - y)
        return touched.clipped(self.view_width_px, self.view_height_px)

    def visible_rect(self, clip_px: Rect | None = None) -> Rect:
        """The image pixels seen (through *clip_px*, a physical view rectangle)."""
        clip = clip_px or Rect(0, 0, self.view_width_px, self.view_height_px)
        left, top = self.to_image(clip.x, clip.y)
        right, bottom = self.to_image(clip.right, clip.bottom)
        x, y = math.floor(left), math.floor(top)
        return Rect(x, y, math.ceil(right) - x, math.ceil(bottom) - y).clipped(self.image_width, self.image_height)

    @property
    def centre_xy(self) -> tuple[float, float]:
        """The image position in the middle of the view."""
        return self.to_image(self.view_width_px / 2, self.view_height_px / 2)

    @property
    def fit_zoom(self) -> float:
        """The zoom at which the whole image is seen; small images are magnified at most 8 times."""
        if not (self.image_width and self.image_height):
            return 1.0
        exact = min(self.view_width_px / self.image_width, self.view_height_px / self.image_height)
        return rounded_zoom(min(exact, 8.0), down=True)

    @property
    def min_zoom(self) -> float:
        """As small as the picture may get: half of what fits, but 1:1 can always be reached."""
        return max(MIN_ZOOM, min(1.0, self.fit_zoom / 2))

    # -- making another ------------------------------------------------------------------------------------------

    def fitted(self) -> ViewTransform:
        """The whole image, in the middle."""
        zoom = self.fit_zoom
        return replace(
            self,
            zoom=zoom,
            wanted_zoom=zoom,
            offset_x=(self.view_width_px - self.image_width * zoom) / 2,
            offset_y=(self.view_height_px - self.image_height * zoom) / 2,
            is_fitted=True,
        )

    def zoomed_to(self, zoom: float, anchor_px: tuple[float, float]) -> ViewTransform:
        """At *zoom*, with the image position under *anchor_px* (physical view pixels) staying there."""
        wanted = min(max(zoom, self.min_zoom), MAX_ZOOM)
        rounded = rounded_zoom(wanted)
        ratio = rounded / self.zoom
        x, y = anchor_px
        other = replace(
            self,
            zoom=rounded,
            wanted_zoom=wanted,
            offset_x=x - (x - self.offset_x) * ratio,
            offset_y=y - (y - self.offset_y) * ratio,
            is_fitted=False,
        )
        return other._kept_in_sight()

    def zoomed_by(self, factor: float, anchor_px: tuple[float, float]) -> ViewTransform:
        """Enlarged *factor* times about *anchor_px*; small factors add up."""
        return self.zoomed_to(self.wanted_zoom * factor, anchor_px)

    def panned(self, dx_px: float, dy_px: float) -> ViewTransform:
        """Moved by physical pixels."""
        moved = replace(self, offset_x=self.offset_x + dx_px, offset_y=self.offset_y + dy_px, is_fitted=False)
        return moved._kept_in_sight()

    def centred_at(self, x: float, y: float, zoom: float) -> ViewTransform:
        """With the image position (x, y) in the middle, at *zoom*."""
        wanted = min(max(zoom, self.min_zoom), MAX_ZOOM)
        rounded = rounded_zoom(wanted)
        placed = replace(
            self,
            zoom=rounded,
            wanted_zoom=wanted,
            offset_x=self.view_width_px / 2 - x * rounded,
            offset_y=self.view_height_px / 2 - y * rounded,
            is_fitted=False,
        )
        return placed._kept_in_sight()

    def resized(self, view_width_px: int, view_height_px: int, *, keeps_place: bool = False) -> ViewTransform:
        """In a view of another size: fitted again if it was, else with the same position in the middle.

        With *keeps_place* the picture stays where it is: in mid-stroke it must not move under the hand.
        """
        resized = replace(self, view_width_px=max(1, view_width_px), view_height_px=max(1, view_height_px))
        if keeps_place:
            return resized
        if self.is_fitted:
            return resized.fitted()
        x, y = self.centre_xy
        return resized.centred_at(x, y, self.wanted_zoom)

    def _kept_in_sight(self) -> ViewTransform:
        width, height = self.image_width * self.zoom, self.image_height * self.zoom
        keep_x, keep_y = min(KEEP_VISIBLE_PX, width), min(KEEP_VISIBLE_PX, height)
        return replace(
            self,
            offset_x=min(max(self.offset_x, keep_x - width), self.view_width_px - keep_x),
            offset_y=min(max(self.offset_y, keep_y - height), self.view_height_px - keep_y),
        )
