"""Magic wand: paints what looks like the pixel under the pointer."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from segstudio.app.tools.base import NO_PREVIEW, CursorShape, PreviewArea, ToolPreview
from segstudio.app.tools.painting import may_begin, paint_area
from segstudio.app.tools.smart import SmartTool
from segstudio.core.cancel import NEVER, Cancel
from segstudio.core.errors import UserError
from segstudio.core.geometry import Rect
from segstudio.core.regions import fill_holes
from segstudio.core.wand import ValueDistance, wand_connected, wand_everywhere

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from segstudio.app.tools.base import PointerEvent
    from segstudio.app.tools.smart import Picture

TOLERANCE = "wand.tolerance"
SLACK_SCREEN_PX = 4.0
"""A press that moves less than this up or down is a plain click."""
PERCENT_PER_SCREEN_PX = 0.1
MOST_SEARCHED_PX = 1 << 26
"""Areas that are not connected are looked for among at most this many pixels."""

Area = tuple["npt.NDArray[np.bool_]", Rect]


@dataclass
class _Press:
    """What a press has begun."""

    picture: Picture
    seed_xy: tuple[int, int]
    band: int
    sample_px: int
    search: Rect | None
    """Where to look for pixels that need not be connected; None: only the connected area."""
    is_erasing: bool
    max_px: int
    screen_y: float
    first_tolerance: float
    fills_holes: bool
    has_moved: bool = False
    area: Area | None = None
    """What is painted at ``area_tolerance``; None while it is looked for."""
    shown: PreviewArea | None = None
    area_tolerance: float = -1.0
    problem: str = ""
    distance: ValueDistance | None = None

    def found(self, tolerance: float, cancel: Cancel) -> Area:
        """The area at a tolerance; a worker's work."""
        if self.distance is None:
            self.distance = _distance(self.picture, self.seed_xy, self.band, self.sample_px)
        if self.search is None:
            mask, rect = wand_connected(self.distance, self.picture.bounds, tolerance, self.max_px, cancel=cancel)
        else:
            mask, rect = wand_everywhere(self.distance, self.search, tolerance, MOST_SEARCHED_PX, cancel=cancel)
        return (fill_holes(mask) if self.fills_holes and not rect.is_empty else mask), rect


class WandTool(SmartTool):
    """A click paints, Ctrl erases; dragging up or down before letting go changes the tolerance and shows the area."""

    id = "wand"
    cursor: CursorShape = "wand"
    options = (TOLERANCE, "wand.area", "wand.band", "wand.sample_px", "wand.fills_holes")

    _press: _Press | None = None
    _is_released = False
    _is_looking = False

    @property
    def is_dragging(self) -> bool:
        """Whether the button is held."""
        return self._press is not None and not self._is_released

    @property
    def is_busy(self) -> bool:
        """Whether an area is shown or still looked for."""
        return self._press is not None

    def press(self, event: PointerEvent) -> None:
        """Look for the area under the pointer."""
        self._finish()
        session = self.session
        is_erasing = self.is_erase(event)
        if event.button != "left" or self._press is not None or not may_begin(session, is_erasing=is_erasing):
            return
        picture = self.picture()
        if picture is None:
            return
        x, y = math.floor(event.x), math.floor(event.y)
        if not picture.bounds.contains(x, y):
            return
        self._press = _Press(
            picture,
            (x, y),
            self.settings.integer("wand.band"),
            self.settings.integer("wand.sample_px"),
            self._search(picture),
            is_erasing,
            self.settings.integer("fill.max_px"),
            event.screen_xy[1],
            self.settings.number(TOLERANCE),
            self.settings.flag("wand.fills_holes"),
        )
        self._is_released = self._is_looking = False
        self._look()

    def double_click(self, event: PointerEvent) -> bool:
        """Two quick clicks are two clicks."""
        self.press(event)
        return True

    def move(self, event: PointerEvent) -> None:
        """Up takes more, down takes less."""
        begun = self._press
        if begun is None or self._is_released:
            return
        up = begun.screen_y - event.screen_xy[1]
        if not begun.has_moved and abs(up) < SLACK_SCREEN_PX:
            return
        begun.has_moved = True
        wanted = round(min(max(begun.first_tolerance + up * PERCENT_PER_SCREEN_PX, 0.0), 100.0), 1)
        if wanted != self.settings.number(TOLERANCE):
            self.settings.set(TOLERANCE, wanted)
            self._look()

    def release(self, event: PointerEvent) -> None:
        """Paint the area, as soon as it is found."""
        if event.button != "left" or self._press is None:
            return
        self._is_released = True
        if self._press.area_tolerance == self.settings.number(TOLERANCE):
            self._end()

    def cancel(self) -> bool:
        """Forget the area; the tolerance is as it was."""
        begun, self._press = self._press, None
        if begun is None:
            return False
        self.drop_work()
        self.settings.set(TOLERANCE, begun.first_tolerance)
        self.update()
        return True

    def interrupt(self) -> None:
        """A click that is still being answered is carried out first; one not let go is abandoned."""
        self._finish()
        self.cancel()

    def preview(self) -> ToolPreview:
        """The area found so far and the tolerance."""
        begun = self._press
        if begun is None:
            return NO_PREVIEW
        color = "#ffffff" if begun.is_erasing else self.color
        areas = () if begun.shown is None else (begun.shown,)
        text = begun.problem or (f"{self.settings.number(TOLERANCE):g} %" if begun.has_moved else "")
        return ToolPreview(color=color, is_erasing=begun.is_erasing, areas=areas, text=text)

    # -- the search ----------------------------------------------------------------------------------------------

    def _search(self, picture: Picture) -> Rect | None:
        where = self.settings.text("wand.area")
        if where == "connected":
            return None
        view = self.context.view
        if where == "in view" and view is not None:
            return view.visible_rect().intersected(picture.bounds)
        return picture.bounds

    def _look(self) -> None:
        """Find the area at the present tolerance, in the background, one search after the other."""
        begun = self._press
        if begun is None or self._is_looking:
            return
        self._is_looking = True
        tolerance = self.settings.number(TOLERANCE)
        self.in_background(
            lambda cancel: begun.found(tolerance, cancel),
            lambda area: self._on_found(begun, tolerance, area, ""),
            lambda sentence: self._on_found(begun, tolerance, None, sentence),
        )

    def _on_found(self, begun: _Press, tolerance: float, area: Area | None, problem: str) -> None:
        if begun is not self._press:
            return
        self._is_looking = False
        begun.area, begun.area_tolerance, begun.problem = area, tolerance, problem
        begun.shown = None if area is None or area[1].is_empty else PreviewArea(*area)
        if tolerance != self.settings.number(TOLERANCE):
            self.update()
            self._look()  # the hand has gone on
        elif self._is_released:
            self._end()
        else:
            self.update()

    def _finish(self) -> None:
        """Carry out a click whose area is still being looked for, here and now."""
        begun = self._press
        if begun is None or not self._is_released:
            return
        self.drop_work()
        tolerance = self.settings.number(TOLERANCE)
        try:
            self._on_found(begun, tolerance, begun.found(tolerance, NEVER), "")
        except UserError as error:
            self._on_found(begun, tolerance, None, str(error))

    def _end(self) -> None:
        begun, self._press = self._press, None
        self._is_released = False
        self.update()
        if begun is None:
            return
        if begun.area is None:
            self.session.say(begun.problem)
        else:
            paint_area(self.session, *begun.area, "Wand", is_erasing=begun.is_erasing, erased="similar area")


def _distance(picture: Picture, seed_xy: tuple[int, int], band: int, sample_px: int) -> ValueDistance:
    """How far values lie from the seed's, in the range shown."""
    shown = picture.shown()
    return ValueDistance(
        lambda rect: picture.reader.read(0, picture.z, rect),
        seed_xy,
        picture.bounds,
        shown.window,
        (band,) if band >= 0 else shown.bands,
        sample_px,
    )
