"""What the click model looks at: made of what is in view, in the background, and kept as long as it does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from segstudio.app.prompt_views import SeenPicture, look, part_to_see, serves

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from segstudio.app.prompt_views import Mark
    from segstudio.app.tools.smart import Picture, SmartTool
    from segstudio.core.geometry import Rect


@dataclass(frozen=True, eq=False)
class Made:
    """A picture that a model can be asked about, and what it was made of."""

    seen: SeenPicture
    source: tuple[object, ...]
    part: Rect


class PictureLooks:
    """The picture of a tool's view: *on_made* gets it, *on_failed* the sentence why it cannot be read."""

    def __init__(self, tool: SmartTool, on_made: Callable[[Made], None], on_failed: Callable[[str], None]) -> None:
        self._tool = tool
        self._on_made, self._on_failed = on_made, on_failed
        self._made: Made | None = None
        self._awaited: tuple[tuple[object, ...], Rect] | None = None
        self._refused: tuple[object, ...] | None = None
        self._is_asking = False

    @property
    def is_awaiting(self) -> bool:
        """Whether one is being read."""
        return self._awaited is not None

    def current(self, picture: Picture | None, marks: Sequence[Mark]) -> Made | None:
        """What was made of the picture, if it does for the view and all marks."""
        made = self._made
        if made is None or picture is None or made.source != self._source(picture):
            return None
        if marks:  # the view may move on: only what they lie in counts
            holds = all(mark.rect.intersected(made.part) == mark.rect for mark in marks)
            return made if holds else None
        return made if serves(made.part, self.visible(picture), picture.bounds) else None

    def prepare(self, picture: Picture | None, marks: Sequence[Mark]) -> None:
        """See to it that there is one."""
        if not self._is_asking and self.current(picture, marks) is None:
            self.make(picture, marks)

    def make(self, picture: Picture | None, marks: Sequence[Mark]) -> None:
        """Read what is in view and around all marks, in the background."""
        if picture is None:
            return
        source = self._source(picture)
        part = part_to_see(self.visible(picture), picture.bounds, marks)
        if part.is_empty or self._awaited == (source, part) or self._refused == (*source, part):
            return
        self._awaited = (source, part)
        longest = self._tool.context.prompts.window_px
        self._is_asking = True  # an immediate answer must not ask again
        try:
            self._tool.in_background(
                lambda cancel: Made(look(picture, part, longest, cancel), source, part),
                self._keep,
                lambda sentence: self._refuse((*source, part), sentence),
            )
        finally:
            self._is_asking = False

    def forget(self) -> None:
        """It must be made anew."""
        self._made = None

    def drop(self) -> None:
        """Nobody waits for one any more."""
        self._tool.drop_work()
        self._awaited = None

    def visible(self, picture: Picture) -> Rect:
        """The part of the image that is in view."""
        view = self._tool.context.view
        return picture.bounds if view is None else view.visible_rect().intersected(picture.bounds)

    def _source(self, picture: Picture) -> tuple[object, ...]:
        return (self._tool.session.image_id, picture.z, picture.display, id(picture.reader))

    def _keep(self, made: Made) -> None:
        self._awaited, self._made = None, made
        self._on_made(made)

    def _refuse(self, what: tuple[object, ...], sentence: str) -> None:
        self._awaited, self._refused = None, what
        self._on_failed(sentence)
