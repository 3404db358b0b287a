"""The effort that images took: one row for each stretch of work on one. No undo."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import sqlalchemy as sa

from segstudio.io.store import schema

if TYPE_CHECKING:
    from collections.abc import Sequence

    from segstudio.io.store.database import Database

_efforts = schema.efforts.c


@dataclass(frozen=True)
class Effort:
    """A stretch of work on one image.

    It began at ``at_s`` (since 1970) and took ``seconds`` of a person's; ``strokes`` edits changed ``pixels`` by hand;
    ``accepted_pixels`` were taken from a proposal of ``model_id`` ("" for none).
    """

    image_id: int
    at_s: float
    seconds: float
    strokes: int = 0
    pixels: int = 0
    accepted_pixels: int = 0
    model_id: str = ""


class Efforts:
    """The efforts of a project, oldest first."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, efforts: Sequence[Effort]) -> None:
        """Append rows, all or none; UserError for a read-only project or a full disk."""
        if efforts:
            with self._database.transaction() as connection:
                known = {row[0] for row in connection.execute(sa.select(schema.images.c.id))}
                rows = [asdict(one) for one in efforts if one.image_id in known]
                if rows:
                    connection.execute(sa.insert(schema.efforts), rows)

    def all(self, image_id: int | None = None) -> list[Effort]:
        """Every row, or those of one image."""
        names = list(Effort.__dataclass_fields__)
        query = sa.select(*(_efforts[name] for name in names)).order_by(_efforts.at_s, _efforts.id)
        if image_id is not None:
            query = query.where(_efforts.image_id == image_id)
        with self._database.reading() as connection:
            return [Effort(*row) for row in connection.execute(query)]
