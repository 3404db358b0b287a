"""Changes to the project's classes, each an undoable edit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from segstudio.app.session import Session


@dataclass(frozen=True, slots=True)
class WhereUsed:
    """How much of the project a class owns."""

    images: int
    pixels: int


class ClassEditor:
    """Every method is one edit; False (and a notice) when it was refused: duplicate name, read-only, unknown class."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, name: str = "", *, color: str | None = None) -> int | None:
        """Add a class (with a free name when none is given) and choose it; its id."""
        raise NotImplementedError

    def rename(self, class_id: int, name: str) -> bool:
        """Another name."""
        raise NotImplementedError

    def recolour(self, class_id: int, color: str) -> bool:
        """Another colour, "#rrggbb"."""
        raise NotImplementedError

    def set_mask_value(self, class_id: int, value: int) -> bool:
        """Another value in exported masks."""
        raise NotImplementedError

    def move(self, class_id: int, index: int) -> bool:
        """To another place in the list (and so another number key)."""
        raise NotImplementedError

    def set_visible(self, class_id: int, is_visible: bool) -> bool:
        """The eye."""
        raise NotImplementedError

    def set_locked(self, class_id: int, is_locked: bool) -> bool:
        """The lock: painting never goes over a locked class."""
        raise NotImplementedError

    def show_only(self, class_id: int) -> bool:
        """Hide every other class; a second call shows all again."""
        raise NotImplementedError

    def where_used(self, class_id: int) -> WhereUsed:
        """In how many images, how many pixels; asked before deleting."""
        raise NotImplementedError

    def merge(self, class_ids: Sequence[int], into_id: int) -> bool:
        """Give all that is labelled with *class_ids* to *into_id* and drop those classes, in every image."""
        raise NotImplementedError

    def delete(self, class_id: int) -> bool:
        """Drop a class; what was labelled with it becomes background, in every image."""
        raise NotImplementedError
