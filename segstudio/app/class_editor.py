"""Changes to the project's classes, each an undoable edit."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from segstudio.core.edits import Edit
from segstudio.core.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from segstudio.app.session import Session
    from segstudio.core.classes import ClassTable


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
        table = self._session.classes
        if not name.strip():
            numbers = range(len(table) + 1, 2 * len(table) + 3)
            name = next(f"class {n}" for n in numbers if table.by_name(f"class {n}") is None)
        if not self._change(f"Add class {name.strip()}", lambda: table.added(name, color=color)):
            return None
        class_id = self._session.classes[-1].id
        self._session.select_class(class_id)
        return class_id

    def add_all(self, names: Sequence[str]) -> bool:
        """Add several classes as one edit; names that are there already are left alone."""
        table = self._session.classes
        new = [name for name in names if table.by_name(name) is None]

        def build() -> ClassTable:
            result = table
            for name in new:
                result = result.added(name)
            return result

        return bool(new) and self._change("Add classes", build)

    def put_table(self, label: str, table: ClassTable) -> bool:
        """Take over a table made elsewhere (classes that a model's map needs), as one edit."""
        return self._change(label, lambda: table)

    def rename(self, class_id: int, name: str) -> bool:
        """Another name."""
        item = self._session.classes.by_id(class_id)
        if item is None or item.name == name:
            return False
        return self._change(f"Rename {item.name}", lambda: self._session.classes.renamed(class_id, name))

    def recolour(self, class_id: int, color: str) -> bool:
        """Another colour, "#rrggbb"."""
        return self._edit_one(class_id, "Recolour", color=color)

    def set_mask_value(self, class_id: int, value: int) -> bool:
        """Another value in exported masks."""
        return self._edit_one(class_id, "Change the mask value of", mask_value=value)

    def move(self, class_id: int, index: int) -> bool:
        """To another place in the list (and so another number key)."""
        table = self._session.classes
        item = table.by_id(class_id)
        return item is not None and self._change(f"Move {item.name}", lambda: table.moved(class_id, index))

    def set_visible(self, class_id: int, is_visible: bool) -> bool:
        """The eye."""
        return self._edit_one(class_id, "Show" if is_visible else "Hide", is_visible=is_visible)

    def set_locked(self, class_id: int, is_locked: bool) -> bool:
        """The lock: painting never goes over a locked class."""
        return self._edit_one(class_id, "Lock" if is_locked else "Unlock", is_locked=is_locked)

    def show_only(self, class_id: int) -> bool:
        """Hide every other class; a second call shows all again."""
        table = self._session.classes
        chosen = table.by_id(class_id)
        if chosen is None:
            return False
        is_alone = all(item.is_visible == (item.id == class_id) for item in table)

        def build() -> ClassTable:
            result = table
            for item in table:
                result = result.replaced(replace(item, is_visible=is_alone or item.id == class_id))
            return result

        return self._change("Show all classes" if is_alone else f"Show only {chosen.name}", build)

    def where_used(self, class_id: int) -> WhereUsed:
        """In how many images, how many pixels; asked before deleting."""
        store = self._session.store
        if store is None:
            return WhereUsed(0, 0)
        use = store.where_used(class_id)
        return WhereUsed(use["images"], use["pixels"])

    def merge(self, class_ids: Sequence[int], into_id: int) -> bool:
        """Give all that is labelled with *class_ids* to *into_id* and drop those classes, in every image."""
        session = self._session
        sources = [i for i in dict.fromkeys(class_ids) if i != into_id and session.classes.by_id(i) is not None]
        if session.store is None or not sources or session.classes.by_id(into_id) is None or session.refuses_edits():
            return False
        return self._apply(lambda store: store.merge_classes_edit(sources, into_id))

    def delete(self, class_id: int) -> bool:
        """Drop a class; what was labelled with it becomes background, in every image."""
        session = self._session
        if session.store is None or session.classes.by_id(class_id) is None or session.refuses_edits():
            return False
        return self._apply(lambda store: store.delete_class_edit(class_id))

    def _apply(self, build: Callable[..., Edit]) -> bool:
        session = self._session
        session.work_interrupted.emit()
        session.proposals.cancel()
        try:
            edit = build(session.store)
        except UserError as error:
            session.say(error)
            return False
        return session.apply(edit)

    def _edit_one(self, class_id: int, verb: str, **changes: object) -> bool:
        table = self._session.classes
        item = table.by_id(class_id)
        if item is None:
            return False
        return self._change(f"{verb} {item.name}", lambda: table.replaced(replace(item, **changes)))  # type: ignore[arg-type]

    def _change(self, label: str, build: Callable[[], ClassTable]) -> bool:
        session = self._session
        if session.refuses_edits():
            return False
        before = session.classes
        try:
            after = build()
        except UserError as error:
            session.say(error)
            return False
        return session.apply(Edit(label, None, classes=(before, after), created_s=time.time()))
