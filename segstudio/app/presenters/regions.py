"""What is shown of an operation on regions: its target, what it would change in words and as tinted areas."""

from __future__ import annotations

from typing import TYPE_CHECKING

from segstudio.app.region_requests import AreaChoice
from segstudio.app.tools.base import PreviewArea

if TYPE_CHECKING:
    from collections.abc import Sequence

    from segstudio.app.region_requests import RegionOutcome
    from segstudio.app.session import Session
    from segstudio.core.layers import LabelLayer
    from segstudio.core.region_ops import Changed

ADDED, REMOVED = "#22c55e", "#ef4444"
PART_COLORS = ("#3b82f6", "#f59e0b", "#a855f7", "#14b8a6", "#ec4899", "#84cc16")
"""Neighbouring parts of a split get different ones, mostly."""
ANYTHING = "everything labelled"
MOST_AREAS = 4000
"""Drawing more would take longer than a frame."""


def preview_areas(outcome: RegionOutcome, z: int) -> tuple[PreviewArea, ...]:
    """Tinted areas of a plane: green is added, red taken away; parts of a split in colours of their own."""
    shown = [item for item in outcome.changed if item.z == z][:MOST_AREAS]
    return tuple(area for item in shown for area in _areas_of(item))


def _areas_of(changed: Changed) -> list[PreviewArea]:
    if changed.ids is None:
        return [PreviewArea(changed.mask, changed.rect, ADDED if changed.is_added else REMOVED)]
    areas = []
    for index, color in enumerate(PART_COLORS):
        part = changed.mask & (changed.ids % len(PART_COLORS) == index)
        if part.any():
            areas.append(PreviewArea(part, changed.rect, color))
    return areas


def thousands(number: int) -> str:
    """12345 → "12 345", with narrow spaces."""
    return f"{number:,}".replace(",", "\u202f")


def area_rows(session: Session, layers: Sequence[LabelLayer]) -> list[tuple[str, str, str]]:
    """(colour, text, key) of all that can be a side of a combination; :func:`area_of` reads the key."""
    rows = []
    for layer in layers:
        prefix = f"{layer.name}: " if len(layers) > 1 else ""
        used = {segment.class_id for segment in layer.segments.values()}
        rows += [(c.color, prefix + c.name, f"{layer.id}:{c.id}") for c in session.classes if c.id in used]
        rows.append(("", prefix + ANYTHING, f"{layer.id}:0"))
    return rows


def area_of(key: str) -> AreaChoice:
    """The area that a key of :func:`area_rows` means."""
    layer_id, class_id = key.split(":")
    return AreaChoice(int(layer_id), int(class_id))
