"""What a tool is: pointer events in, transactions on the session out, and a preview for the canvas to draw."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, Protocol

from segstudio.app.events import Signal
from segstudio.app.prompt_desk import NoPrompts
from segstudio.app.tools.background import ImmediateBackground

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from segstudio.app.prompt_desk import PromptService
    from segstudio.app.session import Session
    from segstudio.app.settings import Settings
    from segstudio.app.tools.background import ToolBackground
    from segstudio.core.geometry import Rect

PointerKind = Literal["mouse", "pen", "eraser", "touch"]
CursorShape = Literal[
    "arrow",
    "cross",
    "none",
    "open_hand",
    "closed_hand",
    "pick",
    "fill",
    "accept",
    "reject",
    "wand",
    "superpixel",
    "scissors",
    "move",
    "lasso",
    "rectangle",
    "ellipse",
    "click",
]
BrushShape = Literal["round", "square"]


COMMON_KEYS = frozenset({"enter", "escape", "backspace", "delete"})
"""Keys that any busy tool takes."""


@dataclass(frozen=True, slots=True)
class PointerEvent:
    """One mouse, pen or touch event, already in image pixels.

    ``x``, ``y`` are floats with pixel (0, 0) covering 0…1; they may lie outside the image. ``button`` is the one that
    caused the event ("left", "right", "middle" or "" for a move); ``buttons`` those held. ``modifiers`` holds
    "shift", "ctrl", "alt", "meta" (ctrl is Command on macOS). ``pressure`` is 0…1, 1 for a mouse. ``screen_xy`` is
    the position in the canvas widget in device-independent pixels; ``px_per_screen`` those under one.
    """

    x: float
    y: float
    button: str = "left"
    buttons: frozenset[str] = frozenset({"left"})
    modifiers: frozenset[str] = frozenset()
    pressure: float = 1.0
    kind: PointerKind = "mouse"
    screen_xy: tuple[float, float] = (0.0, 0.0)
    px_per_screen: float = 1.0

    @property
    def xy(self) -> tuple[float, float]:
        """(x, y) in image pixels."""
        return (self.x, self.y)


@dataclass(frozen=True, slots=True)
class Ring:
    """The outline of the brush: centre and full size in image pixels."""

    x: float
    y: float
    size_px: float
    shape: BrushShape = "round"
    is_erasing: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class PreviewArea:
    """An area not yet painted, tinted on the canvas: ``mask`` (h, w) bool covers ``rect`` of the image.

    One of its pixels may cover more than one of the image. Hand the same object over again while it stays as it is:
    the canvas keeps its picture. ``color`` "#rrggbb"; "" = the preview's own.
    """

    mask: npt.NDArray[np.bool_]
    rect: Rect
    color: str = ""


@dataclass(frozen=True, slots=True)
class PreviewLine:
    """A further line of a preview: ``color`` "" = the preview's own; ``text`` stands beside its last point."""

    points_xy: tuple[tuple[float, float], ...]
    color: str = ""
    is_closed: bool = False
    is_dashed: bool = False
    text: str = ""


@dataclass(frozen=True, slots=True)
class ToolPreview:
    """What the canvas draws above the overlay for the tool: all coordinates in image pixels.

    ``path_xy`` is a line through these points (closed when ``is_closed``), ``handles_xy`` small squares of which
    ``hot_handle`` is highlighted (-1 none), ``ring`` the brush outline, ``color`` "#rrggbb" of the current class,
    ``text`` a short hint beside the cursor (already plain text). ``areas`` are tinted below the lines, ``lines`` drawn
    beside ``path_xy``; only ``path_xy`` is filled.
    """

    ring: Ring | None = None
    path_xy: tuple[tuple[float, float], ...] = ()
    is_closed: bool = False
    handles_xy: tuple[tuple[float, float], ...] = ()
    hot_handle: int = -1
    color: str = "#ffffff"
    is_erasing: bool = False
    text: str = ""
    areas: tuple[PreviewArea, ...] = ()
    lines: tuple[PreviewLine, ...] = ()


NO_PREVIEW = ToolPreview()


class CanvasView(Protocol):
    """What a tool may do with the view; the canvas fulfils it."""

    def visible_rect(self) -> Rect:
        """The image pixels that can be seen now; empty with no image."""
        ...

    def pan_by(self, dx_screen: float, dy_screen: float) -> None:
        """Move the picture by this much, in device-independent screen pixels."""
        ...

    def fit(self) -> None:
        """Show the whole image."""
        ...


@dataclass
class ToolContext:
    """What every tool works on. ``view`` is None in tests and on the command line."""

    session: Session
    settings: Settings
    view: CanvasView | None = None
    preview_changed: Signal[[]] = field(default_factory=Signal)
    steps_changed: Signal[[]] = field(default_factory=Signal)
    """Whether the tool has a step that undo takes back changed."""
    background: ToolBackground = field(default_factory=ImmediateBackground)
    """Runs what takes longer than a frame; the window puts a worker thread here."""
    prompts: PromptService = field(default_factory=NoPrompts)
    """Asks click models; the window puts its model host here."""
    extra_areas: tuple[PreviewArea, ...] = ()
    """Areas drawn whatever the tool: what an operation on regions would change."""


class Tool:
    """Base of the tools. Events that a tool has no use for do nothing; ``key`` and ``cancel`` answer whether used.

    The order is activate, then any number of move (also with no button held) and press → move* → release,
    then deactivate. ``cancel`` (Esc, or the window losing the pointer) abandons what was begun and leaves no trace.
    """

    id: str = ""
    cursor: CursorShape = "cross"
    size_key: str = ""
    """The setting of its size; "" = it has none. `[`, `]` and right-drag change it."""
    shape_key: str = ""
    """The setting of its shape (round or square)."""
    options: tuple[str, ...] = ()
    """Further settings shown in the tool options bar, in order: a check box, a choice or a number each."""
    undo_abandons: bool = False
    """Whether undo, while it is busy, gives up what is in the hand and leaves the history alone."""
    has_guard: bool = False
    """Whether the painting guard holds for it and is shown in the tool options bar."""
    takes_alt: bool = False
    """Whether Alt means something of its own to it, so that holding it does not bring the picker."""
    follows_modifiers: bool = False
    """Whether Shift, Ctrl and Alt change what is being dragged: it is moved anew when one goes down or up."""

    def __init__(self, context: ToolContext) -> None:
        self.context = context

    @property
    def session(self) -> Session:
        """The session worked on."""
        return self.context.session

    @property
    def settings(self) -> Settings:
        """The settings (sizes, shapes, guards)."""
        return self.context.settings

    @property
    def is_brush(self) -> bool:
        """Whether it has a size."""
        return bool(self.size_key)

    @property
    def size_px(self) -> float:
        """Its full width in image pixels; 0 when it has no size."""
        return self.settings.number(self.size_key) if self.size_key else 0.0

    @property
    def shape(self) -> BrushShape:
        """Round or square."""
        is_square = bool(self.shape_key) and self.settings.text(self.shape_key) == "square"
        return "square" if is_square else "round"

    @property
    def is_dragging(self) -> bool:
        """Whether a button is held for it: no other tool may come between."""
        return False

    @property
    def is_busy(self) -> bool:
        """Whether something is begun that ``cancel`` would abandon."""
        return False

    def update(self) -> None:
        """Have the preview drawn anew."""
        self.context.preview_changed.emit()

    @property
    def color(self) -> str:
        """Colour of the current class, for previews."""
        chosen = self.session.current_class
        return "#ffffff" if chosen is None else chosen.color

    def activate(self) -> None:
        """The tool becomes the current one."""

    def deactivate(self) -> None:
        """Another tool takes over; what is unfinished is abandoned."""
        self.cancel()

    def press(self, event: PointerEvent) -> None:
        """A button went down."""

    def move(self, event: PointerEvent) -> None:
        """The pointer moved, with or without a button held."""

    def release(self, event: PointerEvent) -> None:
        """A button went up."""

    def double_click(self, event: PointerEvent) -> bool:
        """Double click; False lets the canvas do its own (fit)."""
        return False

    def leave(self) -> None:
        """The pointer left the canvas: hide the ring."""

    def key(self, name: str, modifiers: frozenset[str] = frozenset()) -> bool:
        """A key while the canvas has the focus ("enter", "escape", "backspace", "delete"); True when used."""
        return False

    def wants_key(self, name: str, modifiers: frozenset[str] = frozenset()) -> bool:
        """Whether, being busy, it takes this key before the window's shortcuts do."""
        return name in COMMON_KEYS

    def copied_text(self) -> str:
        """What Ctrl+C puts on the clipboard as text while it is the current tool; "" leaves it to the labels."""
        return ""

    def cancel(self) -> bool:
        """Abandon what was begun; True when there was something."""
        return False

    def let_go(self) -> None:
        """The canvas is hidden, or shows another image: end what was begun without taking back what is done."""
        self.cancel()

    @property
    def has_step(self) -> bool:
        """Whether undo takes back a step of what was begun, and leaves the history alone."""
        return False

    def undo(self) -> None:
        """Take back the last step of what was begun."""

    def interrupt(self) -> None:
        """Another edit of the labels is next: end what would get in its way."""
        self.cancel()

    def plane_changed(self) -> None:
        """Another plane of the same image is shown: what was begun belonged to the former one."""
        self.cancel()

    def preview(self) -> ToolPreview:
        """What to draw now."""
        return NO_PREVIEW
