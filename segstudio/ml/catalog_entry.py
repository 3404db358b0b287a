"""One row of the catalog. No torch here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from segstudio.ml.cards import ModelCard


@dataclass(frozen=True)
class CatalogEntry:
    """One model: its card, whether it can run as it is, else the reason in a few words.

    ``needs_download`` says that the only thing missing is a download.
    """

    card: ModelCard
    is_available: bool = True
    reason: str = ""
    needs_download: bool = False

    @property
    def source(self) -> str:
        """Where it comes from: a file, a web address, or "built-in" and the like."""
        weights = self.card.weights
        return weights.url or weights.path or weights.kind

    def to_json(self) -> dict[str, Any]:
        """The entry as ``segstudio models list --json`` prints it."""
        card = self.card
        return {
            "id": card.id,
            "name": card.name,
            "architecture": card.architecture,
            "encoder": card.encoder,
            "task": card.task,
            "classes": [name for _, name in card.foreground],
            "weights": card.weights.kind,
            "available": self.is_available,
            "reason": self.reason,
            "licence": card.licence,
            "is_research_only": card.is_research_only,
            "parameters": card.parameters,
            "source": self.source,
        }
