"""The tools of a window: which one is current, temporary ones while a key is held, sizing by right-drag."""

from __future__ import annotations

from typing import TYPE_CHECKING

from segstudio.app.events import Signal

if TYPE_CHECKING:
    from segstudio.app.tools.base import PointerEvent, Tool, ToolContext, ToolPreview


class ToolBox:
    """Sends pointer events to the current tool. The canvas talks to this, never to a tool."""

    def __init__(self, context: ToolContext) -> None:
        self.context = context
        self.tool_changed: Signal[[str]] = Signal()

    @property
    def current(self) -> Tool:
        """The tool that gets the events now (the temporary one while there is one)."""
        raise NotImplementedError

    @property
    def chosen_id(self) -> str:
        """The id of the tool that stays when no temporary one is held."""
        raise NotImplementedError

    def ids(self) -> tuple[str, ...]:
        """All tool ids, in the order of the tool bar."""
        raise NotImplementedError

    def tool(self, tool_id: str) -> Tool:
        """The tool with this id; KeyError for an unknown one."""
        raise NotImplementedError

    def select(self, tool_id: str) -> None:
        """Make a tool the current one; what the former had begun is abandoned."""
        raise NotImplementedError

    def hold(self, tool_id: str) -> None:
        """Use a tool while a key is held (Alt: picker, Space: pan); ignored while a stroke is under way."""
        raise NotImplementedError

    def release_hold(self) -> None:
        """Back to the chosen tool."""
        raise NotImplementedError

    def press(self, event: PointerEvent) -> None:
        """A button went down."""
        raise NotImplementedError

    def move(self, event: PointerEvent) -> None:
        """The pointer moved."""
        raise NotImplementedError

    def release(self, event: PointerEvent) -> None:
        """A button went up."""
        raise NotImplementedError

    def double_click(self, event: PointerEvent) -> bool:
        """Double click; True when the tool used it."""
        raise NotImplementedError

    def leave(self) -> None:
        """The pointer left the canvas."""
        raise NotImplementedError

    def key(self, name: str, modifiers: frozenset[str] = frozenset()) -> bool:
        """A key; True when the tool used it."""
        raise NotImplementedError

    def cancel(self) -> bool:
        """Esc or a lost pointer."""
        raise NotImplementedError

    def step_size(self, direction: int) -> None:
        """`[` (-1) or `]` (+1): the brush one notch smaller or larger."""
        raise NotImplementedError

    def preview(self) -> ToolPreview:
        """What the canvas draws for the current tool."""
        raise NotImplementedError
