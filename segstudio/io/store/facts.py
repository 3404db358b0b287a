"""Facts about images that can be found out again: values and bytes by image and name. No undo, lost without harm."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert as upsert

from segstudio.io.store import schema

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from segstudio.io.store.database import Database

_facts = schema.image_facts.c


@dataclass(frozen=True)
class Fact:
    """One fact: a JSON *value*, *data* of any length, and when it was found (seconds since 1970)."""

    value: Any = None
    data: bytes = b""
    at_s: float = 0.0


class ImageFacts:
    """The facts of a project's images. Names are dotted, their owner first: ``next.uncertainty``."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, image_id: int, name: str) -> Fact | None:
        """One fact; None when it is not known."""
        return self.all(name, [image_id]).get(image_id)

    def all(self, name: str, image_ids: Collection[int] | None = None) -> dict[int, Fact]:
        """The facts called *name*, by image id; only of *image_ids* where they are given (at most a few hundred)."""
        query = sa.select(_facts.image_id, _facts.value, _facts.data, _facts.at_s).where(_facts.name == name)
        if image_ids is not None:
            query = query.where(_facts.image_id.in_(list(image_ids)))
        with self._database.reading() as connection:
            rows = connection.execute(query).all()
        return {row.image_id: Fact(json.loads(row.value), bytes(row.data), row.at_s) for row in rows}

    def put(self, name: str, facts: Mapping[int, Fact]) -> None:
        """Keep facts by image id, all or none; an ``at_s`` of 0 becomes now.

        An image that has gone meanwhile is skipped. UserError for a read-only project or a full disk.
        """
        if not facts:
            return
        now = time.time()
        insert = upsert(schema.image_facts)
        insert = insert.on_conflict_do_update(
            index_elements=["image_id", "name"],
            set_={key: insert.excluded[key] for key in ("value", "data", "at_s")},
        )
        with self._database.transaction() as connection:
            wanted = schema.images.c.id
            known = {row[0] for row in connection.execute(sa.select(wanted).where(wanted.in_(list(facts))))}
            rows = [
                {"image_id": image_id, "name": name, "value": json.dumps(fact.value), "data": fact.data,
                 "at_s": fact.at_s or now}
                for image_id, fact in facts.items() if image_id in known
            ]  # fmt: skip
            if rows:
                connection.execute(insert, rows)

    def forget(self, name: str, image_ids: Collection[int] | None = None) -> None:
        """Drop the facts called *name*; only of *image_ids* where they are given."""
        statement = sa.delete(schema.image_facts).where(_facts.name == name)
        if image_ids is not None:
            statement = statement.where(_facts.image_id.in_(list(image_ids)))
        with self._database.transaction() as connection:
            connection.execute(statement)
