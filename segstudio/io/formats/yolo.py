"""The ``yolo-seg`` format: a text file of outlines an image, in shares of its size, and ``data.yaml``."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np

from segstudio.core.geometry import Rect
from segstudio.core.polygons import fill_rings, outlines
from segstudio.io.formats.pixels import make_folder, place_image, write_classes, write_text
from segstudio.io.formats.shapes import drawn_segments

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from segstudio.core.cancel import Cancel
    from segstudio.core.classes import ClassTable
    from segstudio.core.polygons import Loop
    from segstudio.io.formats.base import ExportItem
    from segstudio.io.formats.shapes import Drawn

DATA_FILE = "data.yaml"
_DIGITS = 8
_MOST_COMPARED = 4096


class YoloExporter:
    """Writes ``images/<split>``, ``labels/<split>``, ``data.yaml`` and ``classes.json``; images that are in no split go to "train".

    Each object is one line. Its parts are joined by cuts that have no width, along which the outline goes there and back; holes
    are filled, or with the option ``holes`` cut out in the same way.
    """

    def __init__(self, folder: Path, classes: ClassTable, options: Mapping[str, Any]) -> None:
        self._folder, self._classes = folder, classes
        self._keeps_holes = bool(options.get("holes", False))
        self._place = {item.name: place for place, item in enumerate(classes)}
        self._joined = 0
        for name in ("images", "labels"):
            make_folder(folder / name)

    def write(self, item: ExportItem, cancel: Cancel) -> None:
        """Copy the image, write its outlines."""
        self.enter(item, self.write_image(item, cancel))

    def write_image(self, item: ExportItem, cancel: Cancel) -> int:
        """Copy the image, write its outlines; how many objects have several parts. Images may be written side by side."""
        place_image(item, make_folder(self._folder / "images" / (item.split or "train")))
        joined = 0
        lines: dict[str, None] = {}
        for drawn in drawn_segments(item, self._classes, cancel):
            if drawn.segment is None or not drawn.segment.is_object:
                continue
            rings = self._rings(drawn)
            joined += len(rings) > 1
            loop = joined_rings(rings)
            line = _line(self._place[drawn.label], loop, item.width, item.height)
            # Equal lines are one object to every reader: of two objects with the same pixels one has a corner twice.
            while line in lines:
                loop = [loop[-1], *loop]
                line = _line(self._place[drawn.label], loop, item.width, item.height)
            lines[line] = None
        file = self._label_file(item)
        make_folder(file.parent)
        write_text(file, "".join(f"{line}\n" for line in lines))
        return joined

    def _rings(self, drawn: Drawn) -> list[Loop]:
        outer, holes = drawn.loops
        if not holes:
            return outer
        if self._keeps_holes:
            return [*outer, *holes]
        return outlines(_filled(outer, drawn.runs.rect), drawn.runs.rect.x, drawn.runs.rect.y)[0]

    def _label_file(self, item: ExportItem) -> Path:
        return self._folder / "labels" / (item.split or "train") / f"{item.stem}.txt"

    def enter(self, item: ExportItem, written: Any) -> None:
        """Count objects of several parts."""
        self._joined += int(written)

    def finish(self, splits: Sequence[str]) -> None:
        """Write ``data.yaml``, and folders of splits that got no image."""
        names = list(splits) or ["train"]
        for split in names:
            make_folder(self._folder / "images" / split)
            make_folder(self._folder / "labels" / split)
        # Training wants both keys; what is not split is looked at by what it learns from.
        places = {"train": names[0], "val": names[0]} | {name: name for name in names}
        lines = [f"{_quoted(key)}: {_quoted(f'images/{place}')}" for key, place in places.items()]
        lines.append(f"nc: {len(self._classes)}")
        lines.append("names:" if len(self._classes) else "names: {}")
        lines += [f"  {place}: {_quoted(item.name)}" for place, item in enumerate(self._classes)]
        write_text(self._folder / DATA_FILE, "".join(f"{line}\n" for line in lines))
        write_classes(self._folder / "classes.json", self._classes)

    def differs(self, item: ExportItem, cancel: Cancel) -> str:
        """Rasterise the outlines as the importer does and compare them with the objects."""
        from segstudio.core.brush import polygon_mask
        from segstudio.io.formats.safety import Limits, read_text

        lines = iter(read_text(self._label_file(item), Limits()).splitlines())
        for drawn in drawn_segments(item, self._classes, cancel):
            if drawn.segment is None or not drawn.segment.is_object:
                continue
            cells = next(lines, "").split()
            if not cells or int(cells[0]) != self._place[drawn.label]:
                return f"an object of class “{drawn.label}” is missing"
            points = np.array(cells[1:], np.float64).reshape(-1, 2) * (item.width, item.height)
            mask, rect = polygon_mask([(x, y) for x, y in points.tolist()], (item.width, item.height))
            box = drawn.runs.rect
            expected = drawn.runs.mask(box) if self._keeps_holes else _filled(drawn.loops[0], box)
            united = rect.united(box)
            if not np.array_equal(_in(united, rect, mask), _in(united, box, expected)):
                return f"an object of class “{drawn.label}” at x {box.x}, y {box.y} has other pixels"
        return "there are more objects than the layers have" if next(lines, None) is not None else ""

    def notes(self) -> list[str]:
        """How many objects are joined by cuts."""
        if not self._joined:
            return []
        objects = "1 object consists" if self._joined == 1 else f"{self._joined} objects consist"
        return [f"{objects} of several outlines, which are joined by cuts: YOLO has one outline an object."]


def _filled(outer: Sequence[Loop], rect: Rect) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """(rect.height, rect.width) bool: what lies inside any of the outlines."""
    out = np.zeros((rect.height, rect.width), np.bool_)
    for ring in outer:
        xs, ys = [x for x, _ in ring], [y for _, y in ring]
        box = Rect(min(xs), min(ys), max(xs) - min(xs), max(ys) - min(ys))
        out[box.moved(-rect.x, -rect.y).slices] |= fill_rings([ring], box)
    return out


def _in(rect: Rect, box: Rect, mask: np.ndarray[Any, np.dtype[np.bool_]]) -> np.ndarray[Any, np.dtype[np.bool_]]:
    out = np.zeros((rect.height, rect.width), np.bool_)
    out[box.moved(-rect.x, -rect.y).slices] = mask
    return out


def joined_rings(rings: Sequence[Loop]) -> Loop:
    """One outline of several: from a corner of what is joined already to the nearest of the next, around it, and back.

    By the even-odd rule the way there and back adds nothing, so that it fills what the rings fill.
    """
    path = list(rings[0])
    for ring in rings[1:]:
        here, there = _nearest(path, ring)
        turned = [*ring[there:], *ring[:there]]
        path[here : here + 1] = [path[here], *turned, turned[0], path[here]]
    return path


def _nearest(path: Loop, ring: Loop) -> tuple[int, int]:
    """Indices of two corners near each other; of very many only some are looked at."""
    steps = [max(1, len(one) // _MOST_COMPARED) for one in (path, ring)]
    ours, theirs = np.asarray(path[:: steps[0]], np.int64), np.asarray(ring[:: steps[1]], np.int64)
    best, found = -1, (0, 0)
    for index, (x, y) in enumerate(ours.tolist() if len(ours) <= len(theirs) else theirs.tolist()):
        others = theirs if len(ours) <= len(theirs) else ours
        distances = np.abs(others[:, 0] - x) + np.abs(others[:, 1] - y)
        nearest = int(distances.argmin())
        if best < 0 or distances[nearest] < best:
            best = int(distances[nearest])
            found = (index, nearest) if len(ours) <= len(theirs) else (nearest, index)
    return found[0] * steps[0], found[1] * steps[1]


def _line(place: int, loop: Loop, width: int, height: int) -> str:
    cells = [str(place)]
    for x, y in loop:
        cells += [_share(x, width), _share(y, height)]
    return " ".join(cells)


def _share(value: int, of: int) -> str:
    return f"{value / of:.{_DIGITS}f}".rstrip("0").rstrip(".")


def _quoted(text: str) -> str:
    """A YAML scalar: what JSON quotes, YAML reads the same; plain words stay plain."""
    is_plain = text.replace("/", "").replace("_", "").isascii() and text.replace("/", "").replace("_", "").isalpha()
    return text if is_plain and text.lower() not in _WORDS else json.dumps(text, ensure_ascii=False)


_WORDS = {"y", "n", "yes", "no", "on", "off", "true", "false", "null"}
