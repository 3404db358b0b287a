"""What a project keeps beside labels and their history: small values, facts about images, the effort that they took."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from segstudio.core.errors import UserError

if TYPE_CHECKING:
    from pathlib import Path

    from segstudio.io.store.database import Database
    from segstudio.io.store.efforts import Efforts
    from segstudio.io.store.facts import ImageFacts
    from segstudio.io.store.label_facts import LabelFacts


class ProjectNotes:
    """The part of :class:`segstudio.io.store.project.ProjectStore` that no undo touches."""

    folder: Path
    read_only_reason: str
    """Why it is read-only, as a sentence; "" when it is not."""
    _database: Database

    @property
    def is_read_only(self) -> bool:
        """Whether edits are refused."""
        return self._database.read_only

    def _need_writable(self) -> None:
        if self.is_read_only:
            raise UserError("The project is open read-only", path=self.folder, remedy=self.read_only_reason)

    def get_meta(self, key: str, default: Any = None) -> Any:
        """The JSON value kept under *key*."""
        from segstudio.io.store.state_rows import read_meta

        with self._database.reading() as connection:
            return read_meta(connection, key, default)

    def set_meta(self, key: str, value: Any) -> None:
        """Keep a JSON value; UserError when it cannot be written."""
        from segstudio.io.store.state_rows import write_meta

        self._need_writable()
        with self._database.transaction() as connection:
            write_meta(connection, key, value)

    @property
    def label_facts(self) -> LabelFacts:
        """What is known of images' labels without unpacking them."""
        from segstudio.io.store.label_facts import LabelFacts

        return LabelFacts(self._database)

    @property
    def facts(self) -> ImageFacts:
        """What was found out about images: how unsure a model is, what it makes of them, what was looked at."""
        from segstudio.io.store.facts import ImageFacts

        return ImageFacts(self._database)

    @property
    def efforts(self) -> Efforts:
        """How long images were worked on, and how many pixels were painted."""
        from segstudio.io.store.efforts import Efforts

        return Efforts(self._database)
