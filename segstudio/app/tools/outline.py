"""What tools share that click round an area: node after node, Enter fills, Backspace drops one."""

from __future__ import annotations

from abc import abstractmethod

from segstudio.app.tools.base import Tool

GRAB_SCREEN_PX = 8.0
"""How near to a node a press means it, in screen pixels."""

Point = tuple[float, float]


class OutlineTool(Tool):
    """Nodes in image pixels that become an area in the end."""

    def __init__(self, *args: object) -> None:
        super().__init__(*args)  # type: ignore[arg-type]
        self._nodes: list[Point] = []
        self._pointer: Point | None = None

    @property
    def nodes_xy(self) -> tuple[Point, ...]:
        """The nodes so far, in image pixels."""
        return tuple(self._nodes)

    @property
    def is_busy(self) -> bool:
        """Whether there are nodes."""
        return bool(self._nodes)

    def key(self, name: str, modifiers: frozenset[str] = frozenset()) -> bool:
        """Enter fills, Backspace and Delete drop a node, Escape abandons."""
        if not self._nodes:
            return False
        if name == "enter":
            self._fill_outline(modifiers)
        elif name in ("backspace", "delete"):
            self._drop_node(name)
        elif name == "escape":
            return self.cancel()
        else:
            return False
        self.update()
        return True

    def cancel(self) -> bool:
        """Forget the nodes."""
        had_nodes = bool(self._nodes)
        self._reset()
        if had_nodes:
            self.update()
        return had_nodes

    def interrupt(self) -> None:
        """Nodes change no label: they stay through undo and edits of classes."""

    def leave(self) -> None:
        """No line to a pointer that is gone."""
        self._pointer = None
        self.update()

    @abstractmethod
    def _fill_outline(self, modifiers: frozenset[str]) -> None:
        """Close the outline and paint its inside."""

    @abstractmethod
    def _drop_node(self, key: str) -> None:
        """Drop a node for "backspace" or "delete"."""

    @abstractmethod
    def _reset(self) -> None:
        """Forget everything."""
