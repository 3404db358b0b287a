"""Refinements of a proposal, as rows of the catalog. No torch here."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from segstudio.ml.cards import ModelCard

REFINE_CARDS: tuple[ModelCard, ...] = ()
