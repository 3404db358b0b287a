"""The segments of our npz archives: ids of every layer, and what they are."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, get_args

import numpy as np

from segstudio.core.cancel import Cancel, check
from segstudio.core.classes import IGNORE, MAX_ID
from segstudio.core.geometry import TILE
from segstudio.core.layer_builder import ClassPixels, FoundObject
from segstudio.core.layers import Source
from segstudio.io.formats.id_planes import parts_of
from segstudio.io.formats.safety import whole_number

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import numpy.typing as npt

    from segstudio.core.layer_builder import Piece
    from segstudio.io.formats.npz_arrays import Labelled
    from segstudio.io.formats.problems import Note
    from segstudio.io.npz_files import NpzReader

_SOURCES = get_args(Source)


@dataclass(frozen=True)
class SegmentRow:
    """What a segment is; ``class_index`` is the place of its class in the dataset's list."""

    class_index: int
    is_object: bool
    source: Source = "import"
    model_id: str = ""
    confidence: float | None = None
    is_reviewed: bool = False


def read_table(text: str, layers: int, classes: Mapping[str, int]) -> tuple[list[dict[int, SegmentRow]], list[str]]:
    """(segment id → row of each layer, sentences about rows that are of no use)."""
    tables: list[dict[int, SegmentRow]] = [{} for _ in range(layers)]
    try:
        rows = json.loads(text)
    except (ValueError, RecursionError):
        rows = None
    if not isinstance(rows, list):
        return tables, ["The table of the segments cannot be read: they are left out"]
    problems = []
    for row in rows:
        try:
            layer = whole_number(row["layer"], 0, layers - 1)
            tables[layer][whole_number(row["id"], 1, MAX_ID)] = _row(row, classes)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            problems.append(f"A segment is left out ({str(error)[:80]})")
    return tables, problems


def _row(row: Any, classes: Mapping[str, int]) -> SegmentRow:
    if row["class"] not in classes:
        raise ValueError(f"there is no class {str(row['class'])[:40]!r}")
    source = row.get("source")
    confidence = row.get("confidence")
    if not isinstance(confidence, (int, float)) or not 0 <= confidence <= 1:
        confidence = None
    return SegmentRow(
        classes[row["class"]],
        bool(row.get("is_object")),
        source if source in _SOURCES else "import",
        str(row.get("model") or "")[:200],
        confidence,
        bool(row.get("is_reviewed")),
    )


def segment_pieces(
    archive: NpzReader, tables: Sequence[Mapping[int, SegmentRow]], one: Labelled, note: Note, cancel: Cancel
) -> Iterator[Piece]:
    """The labels of all layers, strip by strip: areas of the lowest layer as such, all else as objects and stuff."""
    for layer, table in enumerate(tables):
        areas = np.zeros(65536, np.uint16)
        others = np.zeros(65536, np.uint16)
        known = np.zeros(65536, np.bool_)
        known[[0, IGNORE, *table]] = True
        areas[IGNORE] = IGNORE
        for number, row in table.items():
            is_area = layer == 0 and not row.is_object
            areas[number], others[number] = (row.class_index + 1, 0) if is_area else (0, number)
        for z, y, ids in _strips(archive, one, layer):
            check(cancel)
            strange = int(np.count_nonzero(~known[ids]))
            if strange:
                note("Pixels of segments that no table tells of are left out", strange)
            if layer and bool((ids == IGNORE).any()):
                note("Ignored pixels of an upper layer are ignored in the lowest (pixels)", int((ids == IGNORE).sum()))
            values = areas[ids]
            if values.any():
                yield ClassPixels(0, y, values, z)
            for number, x, top, mask in parts_of(others[ids]):
                yield _piece(table[number], (layer, number), x, y + top, z, mask)


def _piece(row: SegmentRow, key: tuple[int, int], x: int, y: int, z: int, mask: npt.NDArray[np.bool_]) -> FoundObject:
    return FoundObject(
        x,
        y,
        mask,
        row.class_index,
        z,
        key if row.is_object else None,
        row.is_object,
        row.source,
        row.model_id,
        row.confidence,
        row.is_reviewed,
    )


def _strips(archive: NpzReader, one: Labelled, layer: int) -> Iterator[tuple[int, int, npt.NDArray[np.uint16]]]:
    for z in range(one.depth):
        for y in range(0, one.height, TILE):
            rows = min(TILE, one.height - y)
            start = layer * one.size + (z * one.height + y) * one.width
            yield z, y, archive.read("segments", start, rows * one.width).reshape(rows, one.width)
