"""One row of the catalog: a card, whether it can be used, what it costs and when to choose it. No torch here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from segstudio.ml.advice import advice_of
from segstudio.ml.networks.costs import ENCODER_ALONE, REFERENCE_CLASSES, TORCHVISION, NetworkCosts, costs_of
from segstudio.ml.networks.table import ARCHITECTURES

if TYPE_CHECKING:
    from segstudio.ml.cards import ModelCard

ALIKE = 0.05
"""How far the parameters of a card and of the table may differ, as a share, before they are of different networks."""


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
        if self.card.task == "encoder":
            return self.card.licence.partition("(code, ")[2].partition(")")[0]
        return weights.url or weights.path or weights.kind

    @property
    def advice(self) -> str:
        """When to choose it: a paragraph."""
        return advice_of(self.card)

    @property
    def state(self) -> str:
        """How things stand with it, in a few words: "ready", "to be trained", else why it cannot be used."""
        if self.card.task == "encoder":
            return "weights are here" if self.is_available else "weights fetched in training"
        if self.is_available:
            return "ready"
        if self.needs_download:
            size = self.card.weights.size_bytes
            return f"to download, {size / 1e6:.0f} MB" if size else "to download"
        return "to be trained" if self.card.weights.kind == "untrained" else self.reason

    def mentions(self, text: str) -> bool:
        """Whether all words of *text* occur in its id, name, classes, licence or advice; case is ignored."""
        card = self.card
        parts = (
            card.id,
            card.name,
            card.task,
            card.architecture,
            card.encoder,
            *card.classes,
            card.licence,
            self.advice,
        )
        haystack = " ".join(parts).casefold()
        return all(word in haystack for word in text.casefold().split())

    def costs(self, height: int = 0, width: int = 0, *, encoder: str = "", classes: int = 0) -> NetworkCosts | None:
        """What one window of *height* × *width* px (0: the card's own) costs; None where there is no network or it is not known.

        *encoder* is another one than the card's, *classes* how many where the card names none.
        """
        card = self.card
        bands, number = card.bands, len(card.classes) or classes or REFERENCE_CLASSES
        size = (height or card.window_px, width or card.window_px)
        if card.task == "encoder":
            return costs_of(ENCODER_ALONE, card.encoder, bands, number, *size)
        is_torchvision = card.task == "semantic" and card.id == f"{TORCHVISION}/{card.architecture}"
        if is_torchvision:
            return costs_of(TORCHVISION, card.architecture, bands, number, *size)
        if card.architecture not in ARCHITECTURES:
            return None
        found = costs_of(card.architecture, encoder or card.encoder, bands, number, *size)
        if found is None or not card.parameters:
            return found
        # A network of another width or with other options than the table's.
        return found if abs(found.parameters / card.parameters - 1) <= ALIKE else None

    def to_json(self, size: tuple[int, int] | None = None) -> dict[str, Any]:
        """The entry as ``segstudio models list --json`` prints it; costs for a window of *size* (width, height) in px, or the card's."""
        card = self.card
        width, height = size or (0, 0)
        costs = self.costs(height, width)
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
            "parameters": card.parameters if card.parameters is not None or costs is None else costs.parameters,
            "multiply_adds": None if costs is None else costs.multiply_adds,
            "memory_bytes": None if costs is None else costs.memory_bytes,
            "at_size": None if costs is None else [costs.width, costs.height],
            "source": self.source,
            "advice": self.advice,
        }
