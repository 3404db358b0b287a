"""Which project class each class of a model stands for. No torch here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from segstudio.core.classes import PALETTE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from segstudio.core.classes import ClassTable
    from segstudio.ml.cards import ModelCard


def match_by_name(card: ModelCard, classes: ClassTable) -> dict[int, int | None]:
    """Model class index → project class id of the same name (case does not matter), None where there is none."""
    found: dict[int, int | None] = {}
    for index, name in card.foreground:
        known = classes.by_name(name)
        found[index] = None if known is None else known.id
    return found


def map_classes(
    card: ModelCard, classes: ClassTable, chosen: Mapping[int, int | None] | None = None
) -> tuple[dict[int, int], ClassTable]:
    """The whole class map of a proposal, and the class table with what had to be added.

    *chosen* (model index → class id; 0 drops the class, None or missing = by name) goes first; then classes of the
    same name; the rest are added. A background index maps to 0. The table is the one given when nothing was missing.
    """
    mapping = {} if card.background_index is None else {card.background_index: 0}
    by_name = match_by_name(card, classes)
    for index, name in card.foreground:
        wanted = None if chosen is None else chosen.get(index)
        if wanted is None:
            wanted = by_name[index]
        if wanted is None:
            classes = classes.added(name, color=_free_color(card, index, classes))
            added = classes.by_name(name)
            assert added is not None
            wanted = added.id
        mapping[index] = wanted
    return mapping, classes


def _free_color(card: ModelCard, index: int, classes: ClassTable) -> str | None:
    """The card's colour if no class has it yet, else None: the table then takes the next of its palette."""
    used = {c.color.lower() for c in classes}
    color = card.colors[index].lower() if index < len(card.colors) else ""
    if len(color) == 7 and color.startswith("#") and color not in used:
        return color
    return next((c for c in PALETTE if c.lower() not in used), None)
