"""The ``labelme`` format: a JSON file of shapes beside each image, as labelme 5 and later read and write it."""

from __future__ import annotations

import base64
import io
import json
from typing import TYPE_CHECKING, Any

from segstudio.io.formats.pixels import make_folder, place_image, write_classes, write_text
from segstudio.io.formats.safety import Limits
from segstudio.io.formats.shapes import (
    BACKGROUND_LABEL,
    IGNORE_LABEL,
    Drawn,
    difference,
    drawn_segments,
    refuse_large,
    refuse_reserved,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from segstudio.core.cancel import Cancel
    from segstudio.core.classes import ClassTable
    from segstudio.io.formats.base import ExportItem

VERSION = "5.5.0"
"""The labelme whose files these are: the first that has shapes of type "mask" and keeps keys it does not know."""


MOST_PARTS = 50
"""Of a segment that is written as polygons; one of more parts is written as a mask."""


class LabelmeExporter:
    """Writes ``<stem>.json`` beside ``<stem>.png`` (below ``<split>/`` when split), ``labels.txt`` and ``classes.json``.

    A segment without holes is written as polygons along the pixels' edges, one for each part, which share a ``group_id``; one
    with holes, or more than 50 parts, as a shape of type "mask". Options: ``masks`` (False) writes masks only, ``image_data``
    (False) puts the image into the JSON file, too. Ignored pixels are shapes labelled ``__ignore__``.
    """

    def __init__(self, folder: Path, classes: ClassTable, options: Mapping[str, Any]) -> None:
        refuse_reserved(classes, "labelme", IGNORE_LABEL, BACKGROUND_LABEL)
        self._folder = folder
        self._classes = classes
        self._masks_only = bool(options.get("masks", False))
        self._with_image = bool(options.get("image_data", False))
        self._with_holes = 0
        make_folder(folder)

    def write(self, item: ExportItem, cancel: Cancel) -> None:
        """Write one image with its shapes."""
        self.enter(item, self.write_image(item, cancel))

    def write_image(self, item: ExportItem, cancel: Cancel) -> Any:
        """Write the image and its JSON file; how many segments had holes."""
        refuse_large(item, "labelme")
        folder = make_folder(self._folder / (item.split or ""))
        name = place_image(item, folder)
        shapes: list[dict[str, Any]] = []
        with_holes = 0
        for drawn in drawn_segments(item, self._classes, cancel):
            outer, holes = ([], []) if self._masks_only else drawn.loops
            with_holes += bool(holes)
            is_mask = bool(holes) or not 0 < len(outer) <= MOST_PARTS
            shapes += [_mask(drawn)] if is_mask else _polygons(drawn, outer)
        document: dict[str, Any] = {
            "version": VERSION,
            "flags": {},
            "shapes": shapes,
            "imagePath": name,
            "imageData": _embedded(folder / name) if self._with_image else None,
            "imageHeight": item.height,
            "imageWidth": item.width,
        }
        if item.split:
            document["split"] = item.split
        text = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
        write_text(folder / f"{item.stem}.json", text + "\n")
        return with_holes

    def enter(self, item: ExportItem, written: Any) -> None:
        """Count the masks."""
        self._with_holes += int(written)

    def finish(self, splits: Sequence[str]) -> None:
        """Write the class lists: labelme's own, and ours with the colours."""
        names = [IGNORE_LABEL, BACKGROUND_LABEL, *self._classes.names]
        write_text(self._folder / "labels.txt", "\n".join(names) + "\n")
        write_classes(self._folder / "classes.json", self._classes)

    def differs(self, item: ExportItem, cancel: Cancel) -> str:
        """Read the image's file with the importer and compare every pixel."""
        from segstudio.io.formats.labelme_in import LabelmeImporter

        importer = LabelmeImporter(self._folder / (item.split or "") / f"{item.stem}.json", {}, Limits())
        found = next(importer.images())
        names = [one.name for one in importer.classes]
        told = difference(item, self._classes, names, found.open_labels(cancel), cancel)
        return told or (importer.problems[0].sentence if importer.problems else "")

    def notes(self) -> list[str]:
        """Say how many segments polygons could not hold."""
        if not self._with_holes:
            return []
        return [f"labelme's polygons cannot hold holes: {self._with_holes} segments were written as masks."]


def _shape(drawn: Drawn, kind: str, points: list[Any], group: int | None) -> dict[str, Any]:
    return {
        "label": drawn.label,
        "points": points,
        "group_id": group,
        "description": "",
        "shape_type": kind,
        "flags": {},
        "mask": None,
        **drawn.traits(),
    }


def _polygons(drawn: Drawn, outer: list[Any]) -> list[dict[str, Any]]:
    group = drawn.number if len(outer) > 1 else None
    return [_shape(drawn, "polygon", [[x, y] for x, y in loop], group) for loop in outer]


def _mask(drawn: Drawn) -> dict[str, Any]:
    """Its corners are the first and the last pixel."""
    from PIL import Image

    rect = drawn.runs.rect
    buffer = io.BytesIO()
    Image.fromarray(drawn.runs.mask(rect)).save(buffer, format="PNG")
    shape = _shape(drawn, "mask", [[rect.x, rect.y], [rect.right - 1, rect.bottom - 1]], None)
    return {**shape, "mask": base64.b64encode(buffer.getvalue()).decode("ascii")}


def _embedded(path: Path) -> str:
    return base64.b64encode(path.read_bytes()).decode("ascii")
