"""The tools of a window: which one is current, temporary ones while a key is held, sizing by right-drag."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from segstudio.app.events import Signal
from segstudio.app.tools.base import Ring, ToolPreview
from segstudio.app.tools.brush import BrushTool, EraserTool
from segstudio.app.tools.crosshair import CrossHairTool
from segstudio.app.tools.edge_brush import EdgeBrushTool
from segstudio.app.tools.fill import FillTool
from segstudio.app.tools.grabcut import GrabCutTool
from segstudio.app.tools.lasso import LassoTool
from segstudio.app.tools.measure import MeasureTool
from segstudio.app.tools.move import MoveTool
from segstudio.app.tools.pan import PanTool
from segstudio.app.tools.picker import PickerTool
from segstudio.app.tools.polygon import PolygonTool
from segstudio.app.tools.prompt import PromptTool
from segstudio.app.tools.proposal_brush import AcceptTool, RejectTool
from segstudio.app.tools.scissors import ScissorsTool
from segstudio.app.tools.shapes import EllipseTool, RectangleTool
from segstudio.app.tools.strokes import StrokesTool
from segstudio.app.tools.superpixel_brush import SuperpixelBrushTool
from segstudio.app.tools.threshold_brush import ThresholdBrushTool
from segstudio.app.tools.wand import WandTool

if TYPE_CHECKING:
    from segstudio.app.settings import Value
    from segstudio.app.tools.base import PointerEvent, Tool, ToolContext

TOOLS: tuple[type[Tool], ...] = (
    PanTool,
    PickerTool,
    CrossHairTool,
    MeasureTool,
    BrushTool,
    EraserTool,
    ThresholdBrushTool,
    EdgeBrushTool,
    SuperpixelBrushTool,
    LassoTool,
    PolygonTool,
    RectangleTool,
    EllipseTool,
    ScissorsTool,
    FillTool,
    WandTool,
    GrabCutTool,
    StrokesTool,
    PromptTool,
    MoveTool,
    AcceptTool,
    RejectTool,
)
"""In the order of the tool bar."""
STEP = 1.15
"""One notch of `[` and `]`."""


class ToolBox:
    """Sends pointer events to the current tool. The canvas talks to this, never to a tool."""

    def __init__(self, context: ToolContext) -> None:
        self.context = context
        self.tool_changed: Signal[[str]] = Signal()
        self._tools: dict[str, Tool] = {kind.id: kind(context) for kind in TOOLS}
        kept = context.settings.text("tool.current")
        self._chosen = kept if kept in self._tools else "brush"
        self._held: str | None = None
        self._sizing: tuple[float, PointerEvent] | None = None
        self._pressed: Tool | None = None
        context.session.work_interrupted.connect(self._on_interrupted)
        context.session.image_changed.connect(self._on_image_changed)
        context.session.plane_changed.connect(self._on_plane_changed)
        context.session.selection_changed.connect(self._on_selection_changed)
        context.session.project_changed.connect(self._on_project_changed)
        context.settings.changed.connect(self._on_setting_changed)

    @property
    def current(self) -> Tool:
        """The tool that gets the events now (the temporary one while there is one)."""
        return self._tools[self._held or self._chosen]

    @property
    def chosen_id(self) -> str:
        """The id of the tool that stays when no temporary one is held."""
        return self._chosen

    def ids(self) -> tuple[str, ...]:
        """All tool ids, in the order of the tool bar."""
        return tuple(self._tools)

    def tool(self, tool_id: str) -> Tool:
        """The tool with this id; KeyError for an unknown one."""
        return self._tools[tool_id]

    def select(self, tool_id: str) -> None:
        """Make a tool the current one; what the former had begun is abandoned."""
        chosen = self._tools[tool_id]
        self.release_hold()
        if tool_id == self._chosen:
            return
        self._end_sizing(keeps=True)
        self._tools[self._chosen].deactivate()
        self._chosen = tool_id
        self._pressed = None
        chosen.activate()
        self.context.settings.set("tool.current", tool_id)
        if self.context.session.is_open:
            self.context.session.set_meta("tool", tool_id)
        self.tool_changed.emit(tool_id)
        self.context.preview_changed.emit()

    def hold(self, tool_id: str) -> None:
        """Use a tool while a key is held (Alt: picker, Space: pan); ignored while a stroke is under way."""
        if self._held is not None or self._pressed is not None or self.current.is_dragging or self._sizing:
            return
        if tool_id == "picker" and self.current.takes_alt:
            return
        if tool_id != self._chosen:
            self._held = tool_id
            self._tools[tool_id].activate()
            self.tool_changed.emit(tool_id)
            self.context.preview_changed.emit()

    def release_hold(self) -> None:
        """Back to the chosen tool."""
        if self._held is not None:
            self._tools[self._held].deactivate()
            self._held = None
            self._pressed = None
            self.tool_changed.emit(self._chosen)
            self.context.preview_changed.emit()

    # -- events --------------------------------------------------------------------------------------------------

    def press(self, event: PointerEvent) -> None:
        """A button went down."""
        tool = self.current
        if event.button == "right" and tool.is_brush and not tool.is_dragging:
            self._sizing = (tool.size_px, event)
            self.context.preview_changed.emit()
            return
        if self._sizing is None:
            if event.button == "left":
                self._pressed = tool
            tool.press(event)

    def move(self, event: PointerEvent) -> None:
        """The pointer moved."""
        if self._sizing is None:
            (self._pressed or self.current).move(event)
            return
        start, origin = self._sizing
        right = (event.screen_xy[0] - origin.screen_xy[0]) * origin.px_per_screen
        if event.screen_xy == origin.screen_xy:
            right = event.x - origin.x
        self.context.settings.set(self.current.size_key, round(max(1.0, start + 2 * right), 1))

    def release(self, event: PointerEvent) -> None:
        """A button went up."""
        if self._sizing is not None:
            if event.button == "right":
                self._end_sizing(keeps=True)
            return
        tool = self._pressed if event.button == "left" and self._pressed is not None else self.current
        if event.button == "left":
            self._pressed = None
        tool.release(event)

    def double_click(self, event: PointerEvent) -> bool:
        """Double click (in place of the second press); True when the tool used it."""
        tool = self.current
        if self._sizing is not None or event.button != "left" or not tool.double_click(event):
            return False
        self._pressed = tool
        return True

    def leave(self) -> None:
        """The pointer left the canvas."""
        self.current.leave()

    def key(self, name: str, modifiers: frozenset[str] = frozenset()) -> bool:
        """A key; True when the tool used it."""
        if name == "escape":
            return self.cancel()
        return self.current.key(name, modifiers)

    def cancel(self) -> bool:
        """Esc or a lost pointer: abandon what was begun; else let go of the active object. True when there was any."""
        if self._sizing is not None:
            self._end_sizing(keeps=False)
            return True
        self._pressed = None
        was_busy = self.current.cancel()
        if self._held is not None and not was_busy:
            was_busy = self._tools[self._chosen].cancel()
        session = self.context.session
        if not was_busy and (session.active_object is not None or session.wants_new_object):
            session.select_object(None)
            return True
        return was_busy

    # -- size ----------------------------------------------------------------------------------------------------

    def step_size(self, direction: int) -> None:
        """`[` (-1) or `]` (+1): the brush one notch smaller or larger."""
        tool = self.current
        if tool.is_brush:
            size = tool.size_px
            larger, smaller = max(size + 1, size * STEP), min(size - 1, size / STEP)
            self.context.settings.set(tool.size_key, float(round(larger if direction > 0 else max(1.0, smaller))))

    def toggle_shape(self) -> None:
        """Round to square and back, of the current tool."""
        tool = self.current
        if tool.shape_key:
            self.context.settings.set(tool.shape_key, "round" if tool.shape == "square" else "square")

    def _end_sizing(self, *, keeps: bool) -> None:
        if self._sizing is not None:
            size = self._sizing[0]
            self._sizing = None
            if not keeps:
                self.context.settings.set(self.current.size_key, size)
            self.context.preview_changed.emit()

    # -- preview -------------------------------------------------------------------------------------------------

    def preview(self) -> ToolPreview:
        """What the canvas draws for the current tool, and areas that do not come from a tool."""
        shown, extra = self._tool_preview(), self.context.extra_areas
        return replace(shown, areas=(*extra, *shown.areas)) if extra else shown

    def _tool_preview(self) -> ToolPreview:
        tool = self.current
        if self._sizing is not None:
            origin = self._sizing[1]
            ring = Ring(origin.x, origin.y, tool.size_px, tool.shape)
            return ToolPreview(ring=ring, color=tool.color, text=f"{tool.size_px:g} px")
        shown = tool.preview()
        if self._held is not None:
            # A polygon begun stays in sight while the picture is moved.
            below = self._tools[self._chosen].preview()
            return replace(below, ring=None, text=shown.text)
        return shown

    # -- listeners -----------------------------------------------------------------------------------------------

    def _on_interrupted(self) -> None:
        self._end_sizing(keeps=True)
        self._pressed = None
        for tool in self._tools.values():
            tool.interrupt()

    def let_go(self) -> None:
        """The canvas is hidden: what was begun ends, what is done stays."""
        self._end_sizing(keeps=False)
        self._pressed = None
        for tool in {self.current, self._tools[self._chosen]}:
            tool.let_go()

    def _on_image_changed(self) -> None:
        for tool in self._tools.values():
            tool.let_go()

    def _on_plane_changed(self, _z: int) -> None:
        for tool in self._tools.values():
            tool.plane_changed()

    def _on_selection_changed(self) -> None:
        self.context.preview_changed.emit()

    def _on_project_changed(self) -> None:
        kept = self.context.session.meta("tool")
        if isinstance(kept, str) and kept in self._tools:
            self.select(kept)

    def _on_setting_changed(self, key: str, value: Value) -> None:
        if key in (self.current.size_key, self.current.shape_key):
            self.context.preview_changed.emit()
