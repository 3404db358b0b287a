"""A dataset format for the tests of the import engine: ``double.json`` with rectangles, images beside it or inside it."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from segstudio.core.errors import UserError
from segstudio.core.layer_builder import ClassPixels, FoundObject
from segstudio.io.formats import table
from segstudio.io.formats.base import FormatEntry, FoundClass, FoundImage, Problem

if TYPE_CHECKING:
    from pathlib import Path

ENTRY = FormatEntry("double", "Double", "", reader=f"{__name__}:DoubleImporter", reader_options={"shift": 0})


class DoubleImporter:
    """Rectangles [class, x, y, w, h] are objects; with a sixth "stuff" they are areas."""

    def __init__(self, source, options, limits) -> None:
        self.problems: list[Problem] = []
        self.shift = options["shift"]
        self.source = source
        self.document = json.loads((source / "double.json").read_text(encoding="utf-8"))
        self.is_closed = False
        self._classes = [FoundClass(*row) for row in self.document["classes"]]

    @staticmethod
    def looks_like(source: Path) -> int:
        return 90 if (source / "double.json").is_file() else 0

    @property
    def classes(self):
        return self._classes

    def images(self):
        for row in self.document["images"]:
            for name in row.get("late_classes", ()):
                self._classes.append(FoundClass(name))
            file = self.source / row.get("file", row["name"])
            inside = row.get("inside")
            yield FoundImage(
                row["name"],
                file if file.is_file() and not inside else None,
                row.get("width", 0),
                row.get("height", 0),
                lambda cancel, row=row: self._labels(row),
                split=row.get("split"),
                save_image=None
                if inside is None
                else lambda path, data=inside: path.write_bytes(base64.b64decode(data)),
                reason=row.get("reason", ""),
            )

    def _labels(self, row: dict[str, Any]):
        if row.get("damaged"):
            raise UserError("The labels are damaged", path=self.source / row["name"], remedy="get them again")
        if row.get("bug"):
            raise ZeroDivisionError("a decoder gave up")
        names = [item.name for item in self._classes]
        for name, x, y, w, h, *stuff in row.get("labels", ()):
            if name not in names:
                self.problems.append(Problem(row["name"], f"The class “{name}” is not known"))
                continue
            index = names.index(name)
            if stuff:
                yield ClassPixels(x + self.shift, y, np.full((h, w), index + 1, np.uint16))
            else:
                yield FoundObject(x + self.shift, y, np.ones((h, w), np.bool_), index)

    def close(self) -> None:
        self.is_closed = True


def use_double(monkeypatch) -> None:
    """Let the double be the one format that there is."""
    monkeypatch.setattr(table, "formats", lambda: {"double": ENTRY})


def picture(seed: int = 0, width: int = 60, height: int = 40) -> np.ndarray:
    """A picture unlike those of other seeds."""
    rng = np.random.default_rng(seed)
    small = rng.integers(0, 255, (8, 8, 3), np.uint8)
    return cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC)


def write_picture(path: Path, seed: int = 0, width: int = 60, height: int = 40) -> Path:
    """Write it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), picture(seed, width, height))
    return path


def write_double(folder: Path, images: list[dict[str, Any]], classes=(("car",), ("road",))) -> Path:
    """Write the dataset; a picture for each image that has a "seed"."""
    folder.mkdir(parents=True, exist_ok=True)
    for row in images:
        if "seed" in row:
            write_picture(
                folder / row.get("file", row["name"]), row["seed"], row.get("width", 60), row.get("height", 40)
            )
    document = {"classes": [list(row) for row in classes], "images": images}
    (folder / "double.json").write_text(json.dumps(document), encoding="utf-8")
    return folder
