"""Models that answer a person's hints, as rows of the catalog. No torch here."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from segstudio.ml.catalog_entry import CatalogEntry


def interactive_entries() -> Iterator[CatalogEntry]:
    """One entry for each; what cannot be used says why."""
    yield from ()
