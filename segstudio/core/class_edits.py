"""Merging and deleting classes: edits of the whole project that touch segment tables, never pixels."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

from segstudio.core.classes import UNLABELLED
from segstudio.core.edits import Edit, LayerChange

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from segstudio.core.classes import ClassTable
    from segstudio.core.layers import Segment


def _moved(tables: Mapping[int, Iterable[Segment]], from_ids: Collection[int], into_id: int) -> tuple[LayerChange, ...]:
    changes = []
    for layer_id, segments in tables.items():
        rows = tuple(
            (segment, replace(segment, class_id=into_id)) for segment in segments if segment.class_id in from_ids
        )
        if rows:
            changes.append(LayerChange(layer_id, "segments", (), rows))
    return tuple(changes)


def merge_edit(
    table: ClassTable, tables: Mapping[int, Iterable[Segment]], from_ids: Collection[int], into_id: int
) -> Edit:
    """Everything of *from_ids* becomes *into_id* and those classes go.

    *tables* holds the segments of every layer by layer id. KeyError for an unknown class, ValueError when *into_id*
    is among *from_ids*.
    """
    target = table.by_id(into_id)
    if target is None:
        raise KeyError(into_id)
    if into_id in from_ids:
        raise ValueError("a class cannot be merged into itself")
    after = table
    for class_id in from_ids:
        after = after.removed(class_id)
    changes = _moved(tables, from_ids, into_id)
    return Edit(f"Merge into {target.name}", None, changes, (table, after), created_s=time.time())


def delete_edit(table: ClassTable, tables: Mapping[int, Iterable[Segment]], class_id: int) -> Edit:
    """The class goes; what was labelled with it reads as background until the edit is undone. KeyError if unknown."""
    gone = table.by_id(class_id)
    if gone is None:
        raise KeyError(class_id)
    changes = _moved(tables, (class_id,), UNLABELLED)
    return Edit(f"Delete class {gone.name}", None, changes, (table, table.removed(class_id)), created_s=time.time())
