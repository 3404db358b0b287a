"""Which project class each class of a model stands for. No torch here."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from segstudio.core.classes import PALETTE
from segstudio.ml.api import ObjectResult, WindowResult

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from segstudio.core.classes import ClassTable
    from segstudio.core.proposals import ProposalWriter
    from segstudio.ml.cards import ModelCard


def match_by_name(card: ModelCard, classes: ClassTable) -> dict[int, int | None]:
    """Model class index → project class id of the same name (case does not matter), None where there is none."""
    found: dict[int, int | None] = {}
    for index, name in card.foreground:
        known = classes.by_name(name)
        found[index] = None if known is None else known.id
    return found


class ClassMapper:
    """Maps a model's classes to a project's, adding a class to the table when the model first finds it.

    *chosen* (model index → class id; 0 drops the class) goes first, then classes of the same name. ``mapping`` is what
    a :class:`~segstudio.core.proposals.ProposalWriter` takes; ``classes`` the table, the one given while nothing was
    missing.
    """

    def __init__(self, card: ModelCard, classes: ClassTable, chosen: Mapping[int, int | None] | None = None) -> None:
        self.card, self.classes = card, classes
        self.mapping: dict[int, int] = {} if card.background_index is None else {card.background_index: 0}
        given = chosen or {}
        for index, by_name in match_by_name(card, classes).items():
            wanted = given.get(index)
            wanted = by_name if wanted is None else wanted
            if wanted is not None:
                self.mapping[index] = wanted
        self._names = dict(card.foreground)

    def need(self, indices: Collection[int]) -> dict[int, int]:
        """Make sure these model classes are mapped; what had to be added (model index → new class id)."""
        added: dict[int, int] = {}
        for index in sorted(int(i) for i in indices):
            if index in self.mapping or index not in self._names:
                continue
            name = self._names[index]
            self.classes = self.classes.added(name, color=_free_color(self.card, index, self.classes))
            found = self.classes.by_name(name)
            assert found is not None
            self.mapping[index] = added[index] = found.id
        return added

    def write(self, writer: ProposalWriter, result: WindowResult | ObjectResult, z: int = 0) -> None:
        """Put a model's answer into a proposal, its classes added to the table where they are new."""
        if isinstance(result, ObjectResult):
            indices: Collection[int] = (result.class_index,)
        else:
            indices = np.flatnonzero(np.bincount(result.class_index.ravel(), minlength=1)).tolist()
        for index, class_id in self.need(indices).items():
            writer.map_class(index, class_id)
        if isinstance(result, ObjectResult):
            writer.write_object(result.rect, result.mask, result.class_index, result.score, z)
        else:
            writer.write_window(result.rect, result.class_index, result.confidence, z)


def map_classes(
    card: ModelCard, classes: ClassTable, chosen: Mapping[int, int | None] | None = None
) -> tuple[dict[int, int], ClassTable]:
    """The whole class map of a proposal, and the class table with every class of the model that was missing added."""
    mapper = ClassMapper(card, classes, chosen)
    mapper.need([index for index, _ in card.foreground])
    return mapper.mapping, mapper.classes


def _free_color(card: ModelCard, index: int, classes: ClassTable) -> str | None:
    """The card's colour if no class has it yet, else the next of the palette; None leaves it to the table."""
    used = {c.color.lower() for c in classes}
    color = card.colors[index].lower() if index < len(card.colors) else ""
    if len(color) == 7 and color.startswith("#") and color not in used:
        return color
    return next((c for c in PALETTE if c.lower() not in used), None)
