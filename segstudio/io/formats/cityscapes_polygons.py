"""Cityscapes' polygons: a list in which each is painted over those before it, as json2labelImg of cityscapesScripts does."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np

from segstudio.core.brush import polygon_mask
from segstudio.core.cancel import check
from segstudio.core.classes import IGNORE
from segstudio.core.polygons import outlines
from segstudio.io.formats.cityscapes_labels import VOID_NAMES
from segstudio.io.formats.id_planes import parts_of
from segstudio.io.formats.pixels import class_strips
from segstudio.io.formats.safety import points
from segstudio.io.formats.voc import object_numbers, object_strips

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

    from segstudio.core.cancel import Cancel
    from segstudio.core.layers import LabelLayer
    from segstudio.core.polygons import Loop
    from segstudio.io.formats.base import ExportItem
    from segstudio.io.formats.cityscapes_labels import CityLabel
    from segstudio.io.formats.problems import Note
    from segstudio.io.formats.safety import Limits

MOST_PIXELS = 1 << 26
"""Larger images get no polygons, which are painted in memory."""
OURS = "segstudio"
_CLASS_BITS = 16


def polygons_text(
    item: ExportItem, layers: Sequence[LabelLayer], labels: Mapping[int, CityLabel], cancel: Cancel
) -> str:
    """The JSON of an image's labels: outlines along the pixels' edges, larger ones first, holes as "unlabeled" in between.

    Each of our polygons of an object says its number, so that parts of one object find together again.
    """
    entries: list[tuple[int, int, Loop, dict[str, Any]]] = []
    ids = _both(item, layers, cancel)
    for key, x, y, mask in parts_of(ids):
        check(cancel)
        outer, holes = outlines(mask, x, y)
        facts = _facts(key, labels)
        entries += [(-_area(loop), 1, loop, facts) for loop in outer]
        entries += [(-_area(loop), 0, loop, {"label": VOID_NAMES[0]}) for loop in holes]
    entries.sort(key=lambda entry: (entry[0], entry[1], entry[2][0][::-1]))
    objects = [{**facts, "polygon": [list(point) for point in loop]} for _, _, loop, facts in entries]
    document = {"imgHeight": item.height, "imgWidth": item.width, OURS: 1, "objects": objects}
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False) + "\n"


def _both(item: ExportItem, layers: Sequence[LabelLayer], cancel: Cancel) -> npt.NDArray[np.int64]:
    """(height, width) number of the object · 65536 + class id."""
    numbers = object_numbers(layers)
    pairs = zip(
        class_strips(layers, item.width, item.height, cancel), object_strips(item, layers, numbers, True, cancel)
    )
    rows = [
        classes + (np.where((ids == IGNORE) | (classes == IGNORE), 0, ids).astype(np.int64) << _CLASS_BITS)
        for classes, ids in pairs
    ]
    return np.vstack(rows)


def _facts(key: int, labels: Mapping[int, CityLabel]) -> dict[str, Any]:
    class_id, number = key & 0xFFFF, key >> _CLASS_BITS
    label = labels.get(class_id)
    if label is None:
        return {"label": VOID_NAMES[3] if class_id == IGNORE else VOID_NAMES[0]}
    if number:
        return {"label": label.name, "object": number}
    return {"label": f"{label.name}group" if label.has_instances else label.name}


def _area(loop: Loop) -> int:
    ends = loop[1:] + loop[:1]
    return abs(sum(x * other_y - other_x * y for (x, y), (other_x, other_y) in zip(loop, ends))) // 2


def labels_in(document: Any) -> list[str]:
    """The labels of a document's polygons; [] where it is none."""
    objects = document.get("objects") if isinstance(document, dict) else None
    rows = objects if isinstance(objects, list) else []
    return [str(row["label"]) for row in rows if isinstance(row, dict) and "label" in row and not row.get("deleted")]


def painted(
    document: Any,
    size: tuple[int, int],
    codes: Mapping[str, tuple[int, bool]],
    limits: Limits,
    note: Note,
    cancel: Cancel,
) -> tuple[npt.NDArray[np.uint16], npt.NDArray[np.int64]]:
    """((h, w) codes, (h, w) numbers of objects) of a document's polygons, each painted over those before.

    ``codes`` is label → (code, whether one polygon of it is one object).
    """
    width, height = size
    classes = np.zeros((height, width), np.uint16)
    numbers = np.zeros((height, width), np.int64)
    is_ours = OURS in document
    rows = document.get("objects")
    for index, row in enumerate(rows if isinstance(rows, list) else [], start=1):
        check(cancel)
        if not isinstance(row, dict) or row.get("deleted"):
            continue
        label = str(row.get("label"))
        if label not in codes:
            note(f"The label “{label[:60]}” is not known: its polygons are left out")
            continue
        try:
            outline = points(row.get("polygon"), limits)
        except ValueError as error:
            note(f"A polygon is left out: {error}")
            continue
        mask, rect = polygon_mask([(x, y) for x, y in outline.tolist()], size)
        if rect.is_empty:
            continue
        code, is_object = codes[label]
        number = (row.get("object") if is_ours else index if is_object else 0) or 0
        classes[rect.slices][mask] = code
        numbers[rect.slices][mask] = int(number) if isinstance(number, int) and 0 <= number < 2**40 else 0
    return classes, numbers
