"""Superpixel brush: paints whole superpixels of what is in view."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from segstudio.app.tools.base import NO_PREVIEW, CursorShape, PreviewArea, ToolPreview
from segstudio.app.tools.painting import may_begin
from segstudio.app.tools.smart import SmartTool
from segstudio.core.reduced import reduced_size
from segstudio.core.superpixels import LEAST_SIZE_PX, SuperpixelMap, superpixels

if TYPE_CHECKING:
    from segstudio.app.tools.base import PointerEvent
    from segstudio.app.tools.smart import Picture
    from segstudio.core.cancel import Cancel
    from segstudio.core.edits import Transaction
    from segstudio.core.geometry import Rect
    from segstudio.io.readers.base import ImageReader

MOST_PX = 1_000_000
"""Superpixels are found on at most so many pixels: the view as the screen shows it, reduced where it holds more."""
_MARGIN = 0.15
"""So much more than the view is cut up on each side, so that a small move needs no new superpixels."""
_LEAST_REGION_PX = 640
_KEPT = 4
_WAITING = "Making superpixels …"


@dataclass(frozen=True)
class _Want:
    """What superpixels were made of."""

    image_id: int | None
    z: int
    display: object
    size_px: float
    compactness: float
    rect: Rect

    def serves(self, other: _Want) -> bool:
        """Whether these superpixels do for *other*: the same picture, and all that is in view then."""
        mine = (self.image_id, self.z, self.display, self.size_px, self.compactness)
        theirs = (other.image_id, other.z, other.display, other.size_px, other.compactness)
        if mine != theirs or other.rect.intersected(self.rect) != other.rect:
            return False
        # Made for a much larger view they were found on fewer pixels.
        return self.rect.width * self.rect.height <= max(4 * other.rect.width * other.rect.height, MOST_PX)


@dataclass(frozen=True, eq=False)
class _Made:
    """Superpixels and their outlines, as they are drawn."""

    chart: SuperpixelMap
    outlines: PreviewArea


@dataclass
class _Stroke:
    """A press, and where it has been."""

    is_erasing: bool
    points: list[tuple[float, float]]
    painted: int = 0
    is_released: bool = False
    ids: set[int] = field(default_factory=set)
    transaction: Transaction | None = None
    segment_id: int = 0


class SuperpixelBrushTool(SmartTool):
    """Hovering shows the superpixel under the pointer, dragging paints whole ones, Ctrl erases."""

    id = "superpixel"
    cursor: CursorShape = "superpixel"
    size_key = "superpixel.size_px"
    options = ("superpixel.compactness", "superpixel.shows_outlines")

    def __init__(self, *args: object) -> None:
        super().__init__(*args)  # type: ignore[arg-type]
        self._kept: OrderedDict[_Want, _Made] = OrderedDict()
        self._made: _Made | None = None
        self._awaited: _Want | None = None
        self._refused: _Want | None = None
        self._reader: ImageReader | None = None
        self._stroke: _Stroke | None = None
        self._pointer: tuple[float, float] | None = None
        self._hot = -1
        self._hot_area: PreviewArea | None = None
        self._is_asking = False

    @property
    def is_dragging(self) -> bool:
        """Whether the button is held."""
        return self._stroke is not None and not self._stroke.is_released

    @property
    def is_busy(self) -> bool:
        """Whether a stroke is under way."""
        return self._stroke is not None

    # -- events --------------------------------------------------------------------------------------------------

    def press(self, event: PointerEvent) -> None:
        """Begin a stroke."""
        is_erasing = self.is_erase(event)
        if event.button != "left" or self._stroke is not None:
            return
        if not may_begin(self.session, is_erasing=is_erasing):
            return
        self._ask()
        self._stroke = _Stroke(is_erasing, [event.xy])
        self._pointer = event.xy
        self._paint()
        self.update()

    def double_click(self, event: PointerEvent) -> bool:
        """Two quick clicks are two clicks."""
        self.press(event)
        return True

    def move(self, event: PointerEvent) -> None:
        """Go on with the stroke, or show the superpixel below."""
        self._pointer = event.xy
        if self._stroke is not None and not self._stroke.is_released:
            self._stroke.points.append(event.xy)
            self._paint()
        self._ask()
        self.update()

    def release(self, event: PointerEvent) -> None:
        """End the stroke: one edit."""
        if event.button != "left" or self._stroke is None:
            return
        if event.xy != self._stroke.points[-1]:
            self._stroke.points.append(event.xy)
        self._stroke.is_released = True
        self._paint()

    def leave(self) -> None:
        """No superpixel is below the pointer."""
        self._pointer = None
        self.update()

    def deactivate(self) -> None:
        """Another tool takes over."""
        self.cancel()
        self._pointer, self._made, self._awaited = None, None, None
        self.drop_work()

    def cancel(self) -> bool:
        """Abandon the stroke."""
        stroke, self._stroke = self._stroke, None
        if stroke is None:
            return False
        if stroke.transaction is not None and stroke.transaction.is_open:
            self.session.abort(stroke.transaction)
        self.update()
        return True

    def plane_changed(self) -> None:
        """Other superpixels are needed now, not with the next move."""
        self.cancel()
        self._made = None
        self.update()

    # -- painting ------------------------------------------------------------------------------------------------

    def _paint(self) -> None:
        """Paint the superpixels that the stroke has come to; nothing while they are being made."""
        stroke, made = self._stroke, self._made
        if stroke is None or made is None or self._awaited is not None:
            return
        if not self._begin(stroke):
            self._stroke = None
            return
        fresh: list[int] = []
        for index in range(stroke.painted, len(stroke.points)):
            start = stroke.points[max(0, index - 1)]
            fresh += made.chart.ids_along(start, stroke.points[index])
        stroke.painted = len(stroke.points)
        fresh = [one for one in dict.fromkeys(fresh) if one not in stroke.ids]
        stroke.ids.update(fresh)
        transaction, z = stroke.transaction, self.session.plane
        if transaction is not None and fresh:
            mask, rect = made.chart.mask_of(fresh)
            if stroke.is_erasing:
                self.session.painted(transaction.erase(mask, rect.x, rect.y, z))
            else:
                self.session.painted(transaction.paint(mask, rect.x, rect.y, stroke.segment_id, z))
        if stroke.is_released:
            self._stroke = None
            if transaction is not None:
                self.session.commit(transaction)
            self._ask()
            self.update()

    def _begin(self, stroke: _Stroke) -> bool:
        """Whether the stroke's transaction is open."""
        if stroke.transaction is not None:
            return stroke.transaction.is_open  # else the session ended it
        session = self.session
        if not may_begin(session, is_erasing=stroke.is_erasing):
            return False
        chosen = session.current_class
        label = "Erase superpixels" if stroke.is_erasing or chosen is None else f"Superpixels {chosen.name}"
        stroke.transaction = session.begin(label, guard=session.erase_guard if stroke.is_erasing else None)
        if stroke.transaction is None:
            return False
        stroke.segment_id = 0 if stroke.is_erasing else session.paint_segment(stroke.transaction)
        return True

    # -- superpixels ---------------------------------------------------------------------------------------------

    def _wanted(self, picture: Picture) -> _Want:
        view = self.context.view
        rect = picture.bounds if view is None else view.visible_rect().intersected(picture.bounds)
        size = round(self.size_px, 1)
        compactness = self.settings.number("superpixel.compactness")
        return _Want(self.session.image_id, picture.z, picture.display, size, compactness, rect)

    def _ask(self) -> None:
        """See to it that there are superpixels of what is in view."""
        if self.session.reader is not self._reader:
            self._forget(self.session.reader)
        if self._reader is None or self._is_asking or (self._stroke is not None and self._made is not None):
            return
        picture = self.picture()
        if picture is None:
            return
        want = self._wanted(picture)
        if want.rect.is_empty:
            return
        for kept in reversed(self._kept):
            if kept.serves(want):
                self._kept.move_to_end(kept)
                self._use(self._kept[kept])
                return
        if any(one is not None and one.serves(want) for one in (self._awaited, self._refused)):
            return
        longer = max(want.rect.width, want.rect.height)
        margin = max(round(_MARGIN * longer), (_LEAST_REGION_PX - longer) // 2)
        whole = _Want(*_but_rect(want), want.rect.expanded(margin).intersected(picture.bounds))
        self._awaited = whole
        self._is_asking = True  # an immediate answer must not ask again
        try:
            self.in_background(
                lambda cancel: _made(picture, whole, cancel),
                lambda made: self._on_made(whole, made),
                lambda sentence: self._on_failed(whole, sentence),
            )
        finally:
            self._is_asking = False

    def _forget(self, reader: ImageReader | None) -> None:
        """Another image: nothing kept is of use."""
        self._reader, self._made, self._awaited, self._refused = reader, None, None, None
        self._kept.clear()
        self.drop_work()

    def _use(self, made: _Made) -> None:
        if self._awaited is not None:
            self._awaited = None
            self.drop_work()
        self._made = made

    def _on_made(self, want: _Want, made: _Made) -> None:
        self._awaited = None
        self._kept[want] = made
        while len(self._kept) > _KEPT:
            self._kept.popitem(last=False)
        self._made = made
        self._hot = -1
        self._paint()
        self.update()

    def _on_failed(self, want: _Want, sentence: str) -> None:
        self._awaited, self._stroke, self._refused = None, None, want
        self.session.say(sentence)

    def preview(self) -> ToolPreview:
        """Outlines of the superpixels and the one below the pointer."""
        self._ask()
        if self._awaited is not None:
            return ToolPreview(text=_WAITING, color=self.color)
        made = self._made
        if made is None:
            return NO_PREVIEW
        areas = [made.outlines] if self.settings.flag("superpixel.shows_outlines") else []
        hot = self._hot_under(made)
        if hot is not None and self._stroke is None:
            areas.append(hot)
        return ToolPreview(color=self.color, areas=tuple(areas))

    def _hot_under(self, made: _Made) -> PreviewArea | None:
        found = -1 if self._pointer is None else made.chart.id_at(*self._pointer)
        if found < 0:
            return None
        if found != self._hot or self._hot_area is None:
            self._hot, self._hot_area = found, PreviewArea(*made.chart.mask_of([found]))
        return self._hot_area


def _but_rect(want: _Want) -> tuple[int | None, int, object, float, float]:
    return want.image_id, want.z, want.display, want.size_px, want.compactness


def _made(picture: Picture, want: _Want, cancel: Cancel) -> _Made:
    """The superpixels of a part of a picture; a worker's work."""
    size = reduced_size(want.rect.width, want.rect.height, MOST_PX)
    view = picture.view_of(want.rect, max(size), cancel)
    wide = want.size_px / view.step_xy[0]
    labels = superpixels(view.rgb, max(LEAST_SIZE_PX, wide), want.compactness)
    chart = SuperpixelMap(labels, view.image_rect(picture.bounds)).with_boxes()
    return _Made(chart, PreviewArea(chart.outlines(), chart.rect))
