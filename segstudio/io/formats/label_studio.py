"""The ``label-studio`` format: Label Studio's JSON tasks with brush regions or polygons, and the labelling set-up for them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import quote
from xml.sax.saxutils import quoteattr

from segstudio.io.formats.brush_rle import encode
from segstudio.io.formats.pixels import make_folder, place_image, write_classes, write_text
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
    from segstudio.io.formats.base import ExportItem, FoundImage

IGNORE_COLOR = "#e0e0c0"
LOCAL_FILES = "/data/local-files/?d="
"""Where Label Studio serves files of its LABEL_STUDIO_LOCAL_FILES_DOCUMENT_ROOT, which is then the dataset's folder."""
OURS = "segstudio"
"""The key of a region that holds what only we read."""
_ORIGINS = {"hand": "manual", "model": "prediction", "accepted": "prediction-changed", "import": "manual"}


class LabelStudioExporter:
    """Writes ``images/``, ``tasks.json``, ``label_config.xml`` (the set-up to paste) and ``classes.json``.

    Each segment is a brush region. Option ``polygons`` (False) writes those without holes as polygons along the pixels' edges, one
    for each part, in percent of the image's size. The split stands in the task's data.
    """

    def __init__(self, folder: Path, classes: ClassTable, options: Mapping[str, Any]) -> None:
        refuse_reserved(classes, "Label Studio", IGNORE_LABEL)
        self._folder = folder
        self._classes = classes
        self._with_polygons = bool(options.get("polygons", False))
        self._parts = KeptParts(folder / ".tasks.parts")
        self._with_holes = 0
        self._found: Iterator[FoundImage] | None = None
        self._importer: Any = None
        make_folder(folder / "images")

    def write(self, item: ExportItem, cancel: Cancel) -> None:
        """Write one image with its regions."""
        self.enter(item, self.write_image(item, cancel))

    def write_image(self, item: ExportItem, cancel: Cancel) -> Any:
        """Write the image file; its task as text, and how many segments had holes."""
        refuse_large(item, "Label Studio")
        name = place_image(item, self._folder / "images")
        regions: list[dict[str, Any]] = []
        with_holes = 0
        for drawn in drawn_segments(item, self._classes, cancel):
            outer, holes = drawn.loops if self._with_polygons else ([], [])
            with_holes += bool(holes)
            if outer and not holes:
                regions += [_polygon(item, drawn, part, loop) for part, loop in enumerate(outer)]
            else:
                regions.append(_brush(item, drawn))
        data = {"image": f"{LOCAL_FILES}images/{quote(name)}", **({"split": item.split} if item.split else {})}
        annotation = {"id": item.number, "was_cancelled": False, "ground_truth": False, "result": regions}
        task = {"id": item.number, "data": data, "annotations": [annotation], "predictions": []}
        return {"text": json.dumps(task, ensure_ascii=False, separators=(",", ":")), "with_holes": with_holes}

    def enter(self, item: ExportItem, written: Any) -> None:
        """Keep the task on the disk until the end."""
        self._parts.add((",\n" if self._parts.count else "") + written["text"])
        self._with_holes += int(written["with_holes"])

    def finish(self, splits: Sequence[str]) -> None:
        """Write the tasks and the set-up."""
        self._parts.join(self._folder / "tasks.json", "[\n", "\n]\n")
        write_text(self._folder / "label_config.xml", self._set_up())
        write_classes(self._folder / "classes.json", self._classes)

    def _set_up(self) -> str:
        labels = [*((item.name, item.color) for item in self._classes), (IGNORE_LABEL, IGNORE_COLOR)]
        rows = "".join(
            f"    <Label value={quoteattr(name)} background={quoteattr(color)}/>\n" for name, color in labels
        )
        tags = "".join(
            f'  <{kind}Labels name="{kind.lower()}" toName="image">\n{rows}  </{kind}Labels>\n'
            for kind in (["Brush", "Polygon"] if self._with_polygons else ["Brush"])
        )
        return f'<View>\n  <Image name="image" value="$image" zoom="true"/>\n{tags}</View>\n'

    def differs(self, item: ExportItem, cancel: Cancel) -> str:
        """Read the image's task with the importer and compare every pixel."""
        from segstudio.io.formats.label_studio_in import LabelStudioImporter

        if self._importer is None:
            self._importer = LabelStudioImporter(self._folder, {}, Limits())
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
        """Say how many segments polygons could not hold, and how Label Studio finds the images."""
        told = (
            "Label Studio finds the images when LABEL_STUDIO_LOCAL_FILES_DOCUMENT_ROOT is the folder that was written."
        )
        if not self._with_holes:
            return [told]
        return [f"Polygons cannot hold holes: {self._with_holes} segments were written as brush regions.", told]


def _region(item: ExportItem, drawn: Drawn, part: int, kind: str, value: dict[str, Any]) -> dict[str, Any]:
    traits = drawn.traits()
    return {
        "id": f"r{drawn.number}" + (f"-{part + 1}" if part else ""),
        "type": f"{kind}labels",
        "from_name": kind,
        "to_name": "image",
        "origin": _ORIGINS[traits.get("source", "hand")],
        "original_width": item.width,
        "original_height": item.height,
        "image_rotation": 0,
        "value": {**value, f"{kind}labels": [drawn.label]},
        OURS: {"object": drawn.number, **traits},
    }


def _brush(item: ExportItem, drawn: Drawn) -> dict[str, Any]:
    return _region(item, drawn, 0, "brush", {"format": "rle", "rle": encode(drawn.runs, item.width, item.height)})


def _polygon(item: ExportItem, drawn: Drawn, part: int, loop: Loop) -> dict[str, Any]:
    points = [[x / item.width * 100, y / item.height * 100] for x, y in loop]
    return _region(item, drawn, part, "polygon", {"points": points, "closed": True})
