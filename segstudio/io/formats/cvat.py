"""The ``cvat`` format: CVAT for images 1.1, one XML file for all images, with masks or polygons."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import escape, quoteattr

from segstudio.io.formats.pixels import make_folder, place_image, write_classes
from segstudio.io.formats.safety import Limits
from segstudio.io.formats.shapes import (
    IGNORE_LABEL,
    Drawn,
    KeptParts,
    difference,
    drawn_segments,
    refuse_large,
    refuse_reserved,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from segstudio.core.cancel import Cancel
    from segstudio.core.classes import ClassTable
    from segstudio.core.polygons import Loop
    from segstudio.core.row_runs import RowRuns
    from segstudio.io.formats.base import ExportItem, FoundImage

IGNORE_COLOR = "#e0e0c0"
SOURCE_WORDS = {"hand": "manual", "model": "auto", "accepted": "semi-auto", "import": "file"}
"""Ours → CVAT's."""
_ATTRIBUTES = (
    ("is_object", "checkbox", "true"),
    ("source", "text", ""),
    ("model", "text", ""),
    ("confidence", "text", ""),
    ("is_reviewed", "checkbox", "false"),
)


class CvatExporter:
    """Writes ``images/``, ``annotations.xml`` and ``classes.json``; zipped, the folder is what CVAT takes.

    Each segment is a ``<mask>``; the z_order of its layer puts it over those of lower layers. Option ``polygons`` (False) writes
    those without holes as ``<polygon>`` along the pixels' edges, one for each part, which share a group_id. The split is the image's
    ``subset``, as in CVAT's projects; stuff, source, model, confidence and review are attributes of the label.
    """

    def __init__(self, folder: Path, classes: ClassTable, options: Mapping[str, Any]) -> None:
        refuse_reserved(classes, "CVAT", IGNORE_LABEL)
        self._folder = folder
        self._classes = classes
        self._with_polygons = bool(options.get("polygons", False))
        self._parts = KeptParts(folder / ".annotations.parts")
        self._with_holes = 0
        self._found: Iterator[FoundImage] | None = None
        self._importer: Any = None
        make_folder(folder / "images")

    def write(self, item: ExportItem, cancel: Cancel) -> None:
        """Write one image with its shapes."""
        self.enter(item, self.write_image(item, cancel))

    def write_image(self, item: ExportItem, cancel: Cancel) -> Any:
        """Write the image file; its element of the XML file, and how many segments had holes."""
        refuse_large(item, "CVAT")
        name = place_image(item, self._folder / "images")
        subset = f" subset={quoteattr(item.split)}" if item.split else ""
        head = f'name={quoteattr(name)}{subset} width="{item.width}" height="{item.height}"'
        lines = [f'  <image id="{item.number - 1}" {head}>']
        with_holes = 0
        for drawn in drawn_segments(item, self._classes, cancel):
            outer, holes = drawn.loops if self._with_polygons else ([], [])
            with_holes += bool(holes)
            if outer and not holes:
                lines += [_polygon(drawn, loop, drawn.number if len(outer) > 1 else None) for loop in outer]
            else:
                lines.append(_mask(drawn))
        return {"text": "\n".join([*lines, "  </image>", ""]), "with_holes": with_holes}

    def enter(self, item: ExportItem, written: Any) -> None:
        """Keep the image's element on the disk until the end."""
        self._parts.add(written["text"])
        self._with_holes += int(written["with_holes"])

    def finish(self, splits: Sequence[str]) -> None:
        """Write the XML file."""
        self._parts.join(self._folder / "annotations.xml", self._head(splits), "</annotations>\n")
        write_classes(self._folder / "classes.json", self._classes)

    def _head(self, splits: Sequence[str]) -> str:
        labels = [_label(item.name, item.color) for item in self._classes]
        subsets = f"      <subset>{escape(' '.join(splits))}</subset>\n" if splits else ""
        return (
            '<?xml version="1.0" encoding="utf-8"?>\n<annotations>\n  <version>1.1</version>\n  <meta>\n    <task>\n'
            f"      <name>segstudio</name>\n      <size>{self._parts.count}</size>\n      <mode>annotation</mode>\n{subsets}"
            f"      <labels>\n{''.join(labels)}{_label(IGNORE_LABEL, IGNORE_COLOR)}      </labels>\n    </task>\n  </meta>\n"
        )

    def differs(self, item: ExportItem, cancel: Cancel) -> str:
        """Read the image's element with the importer and compare every pixel."""
        from segstudio.io.formats.cvat_in import CvatImporter

        if self._importer is None:
            self._importer = CvatImporter(self._folder, {}, Limits())
        for _ in range(2):
            self._found = self._found or self._importer.images()
            for found in self._found:
                if found.name.rsplit(".", 1)[0] == item.stem:
                    names = [one.name for one in self._importer.classes]
                    told = difference(item, self._classes, names, found.open_labels(cancel), cancel)
                    return told or (self._importer.problems[0].sentence if self._importer.problems else "")
            self._found = None
        return "the image was not read back"

    def notes(self) -> list[str]:
        """Say how many segments polygons could not hold."""
        if not self._with_holes:
            return []
        return [f"CVAT's polygons cannot hold holes: {self._with_holes} segments were written as masks."]


def _label(name: str, color: str) -> str:
    rows = [f"        <label>\n          <name>{escape(name)}</name>\n          <color>{color}</color>\n"]
    rows.append("          <type>any</type>\n          <attributes>\n")
    for attribute, kind, default in _ATTRIBUTES:
        values = "false" if kind == "checkbox" else ""
        rows.append(
            f"            <attribute><name>{attribute}</name><mutable>False</mutable><input_type>{kind}</input_type>"
            f"<default_value>{default}</default_value><values>{values}</values></attribute>\n"
        )
    return "".join([*rows, "          </attributes>\n        </label>\n"])


def _shape(drawn: Drawn, tag: str, place: str, group: int | None = None) -> str:
    traits = drawn.traits()
    source = SOURCE_WORDS[traits.get("source", "hand")]
    if traits.get("is_object"):
        del traits["is_object"]
    grouped = "" if group is None else f' group_id="{group}"'
    head = f'    <{tag} label={quoteattr(drawn.label)} source="{source}" occluded="0" {place} z_order="{drawn.layer}"{grouped}>'
    attributes = (
        f"      <attribute name={quoteattr(name)}>{escape(str(value).lower() if isinstance(value, bool) else str(value))}</attribute>\n"
        for name, value in traits.items()
    )
    return f"{head}\n{''.join(attributes)}    </{tag}>"


def _polygon(drawn: Drawn, loop: Loop, group: int | None) -> str:
    return _shape(drawn, "polygon", f'points="{";".join(f"{x},{y}" for x, y in loop)}"', group)


def _mask(drawn: Drawn) -> str:
    rect = drawn.runs.rect
    rle = ", ".join(map(str, counts_of(drawn.runs)))
    size = f'left="{rect.x}" top="{rect.y}" width="{rect.width}" height="{rect.height}"'
    return _shape(drawn, "mask", f'rle="{rle}" {size}')


def counts_of(runs: RowRuns) -> list[int]:
    """Lengths of runs of 0 and 1 in turn, beginning with 0, of the box around the pixels, row after row."""
    import numpy as np

    rect = runs.rect
    local = type(runs)(runs.ys - rect.y, runs.starts - rect.x, runs.ends - rect.x)
    starts, ends = local.flat(rect.width)
    edges = np.stack([starts, ends], axis=1).ravel()
    counts = np.diff(edges, prepend=0).tolist()
    tail = rect.width * rect.height - int(ends[-1])
    return [*counts, tail] if tail else counts
