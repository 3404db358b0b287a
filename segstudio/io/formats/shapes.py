"""What the formats of drawing tools share when they are written: segments to draw, their traits, parts in order, the comparison."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, cast

from segstudio.core.cancel import check
from segstudio.core.classes import IGNORE, UNLABELLED
from segstudio.core.errors import UserError
from segstudio.core.layer_builder import ClassPixels
from segstudio.core.polygons import outlines_of_strips
from segstudio.core.row_runs import RowRuns, runs_of_layer, runs_of_mask, united
from segstudio.io.atomic import disk_error
from segstudio.io.formats.pixels import label_layers
from segstudio.io.readers.limits import MAX_PIXELS

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from segstudio.core.cancel import Cancel
    from segstudio.core.classes import ClassTable
    from segstudio.core.layer_builder import Piece
    from segstudio.core.layers import Segment, Source
    from segstudio.core.polygons import Loop
    from segstudio.io.formats.base import ExportItem

IGNORE_LABEL = "__ignore__"
"""What labelme's label lists call pixels that are left out; used for CVAT and Label Studio, too."""
BACKGROUND_LABEL = "_background_"
SOURCES = ("hand", "model", "import", "accepted")


@dataclass(frozen=True, eq=False)
class Drawn:
    """One segment to draw, or (``segment`` None) the ignored pixels of a layer; ``number`` counts them in an image, from 1.

    ``layer`` counts the label layers from 0, the lowest.
    """

    number: int
    label: str
    runs: RowRuns
    segment: Segment | None
    layer: int = 0

    @cached_property
    def loops(self) -> tuple[list[Loop], list[Loop]]:
        """(outer outlines, outlines of holes) along the pixels' edges."""
        rect = self.runs.rect
        return outlines_of_strips(self.runs.strips(rect), rect.x, rect.y)

    def traits(self) -> dict[str, Any]:
        """What makes our own round trip exact: whether it is an object, who made it, what a person said about it."""
        if self.segment is None:
            return {}
        found: dict[str, Any] = {"is_object": self.segment.is_object, "source": self.segment.source}
        if self.segment.model_id:
            found["model"] = self.segment.model_id
        if self.segment.confidence is not None:
            found["confidence"] = round(self.segment.confidence, 6)
        if self.segment.is_reviewed:
            found["is_reviewed"] = True
        return found


def drawn_segments(item: ExportItem, classes: ClassTable, cancel: Cancel) -> Iterator[Drawn]:
    """An image's segments from the lowest layer up; in each layer the ignored pixels, then stuff, then objects."""
    number = 0
    for height, layer in enumerate(label_layers(item)):
        check(cancel)
        runs = runs_of_layer(layer)
        if IGNORE in runs:
            number += 1
            yield Drawn(number, IGNORE_LABEL, runs[IGNORE], None, height)
        for segment in sorted(layer.segments.values(), key=lambda one: (one.is_object, one.id)):
            item_class = classes.by_id(segment.class_id)
            if segment.class_id == UNLABELLED or item_class is None or segment.id not in runs:
                continue
            check(cancel)
            number += 1
            yield Drawn(number, item_class.name, runs[segment.id], segment, height)


def refuse_reserved(classes: ClassTable, tool: str, *names: str) -> None:
    """UserError where a class has a name that means something else in *tool*'s files."""
    for name in names:
        if any(item.name == name for item in classes):
            raise UserError(f"A class is named “{name}”, which {tool} files use for something else", remedy="rename it")


def refuse_large(item: ExportItem, tool: str) -> None:
    """UserError for an image larger than what is drawn in one piece when the files are read."""
    if item.width * item.height > MAX_PIXELS:
        raise UserError(
            f"The image is too large for {tool} files ({item.width} × {item.height} pixels)",
            path=item.image_file,
            remedy="cut it into tiles",
        )


def traits_of(given: Mapping[str, Any]) -> dict[str, Any]:
    """Keywords of a :class:`FoundObject` from what :meth:`Drawn.traits` wrote (texts, too); anything else reads as an import."""
    source = given.get("source")
    found: dict[str, Any] = {
        "is_object": str(given.get("is_object", True)).strip().lower() not in ("false", "0"),
        "source": cast("Source", source) if source in SOURCES else "import",
        "is_reviewed": str(given.get("is_reviewed", False)).strip().lower() in ("true", "1"),
    }
    if isinstance(given.get("model"), str):
        found["model_id"] = given["model"][:200]
    try:
        confidence = float(given.get("confidence", -1))
    except (TypeError, ValueError, OverflowError):
        confidence = -1.0
    if 0 <= confidence <= 1:
        found["confidence"] = confidence
    return found


class KeptParts:
    """Texts of images kept in one file beside the dataset until :meth:`join`, so that memory stays flat."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.count = 0

    def add(self, text: str) -> None:
        """Keep the text of the next image; UserError when the disk refuses."""
        try:
            with self._path.open("ab" if self.count else "wb") as stream:
                stream.write(text.encode())
        except OSError as error:
            raise disk_error(error, self._path) from error
        self.count += 1

    def join(self, target: Path, head: str, tail: str) -> None:
        """Write *target*: head, the texts, tail; the kept file goes. UserError when the disk refuses."""
        try:
            with target.open("wb") as stream:
                stream.write(head.encode())
                if self.count:
                    with self._path.open("rb") as kept:
                        shutil.copyfileobj(kept, stream, 1 << 20)
                stream.write(tail.encode())
            self._path.unlink(missing_ok=True)
        except OSError as error:
            raise disk_error(error, target) from error


def difference(
    item: ExportItem, classes: ClassTable, names: Sequence[str], pieces: Iterable[Piece], cancel: Cancel
) -> str:
    """What differs between an image's layers and the *pieces* an importer read, whose classes are *names*; "" when nothing."""
    expected, found = _Facts(), _Facts()
    for drawn in drawn_segments(item, classes, cancel):
        expected.add(drawn.label, drawn.segment is not None and drawn.segment.is_object, drawn.runs, None)
    for piece in pieces:
        check(cancel)
        if isinstance(piece, ClassPixels):
            found.add(IGNORE_LABEL, False, runs_of_mask(piece.values == IGNORE, piece.x, piece.y), None)
            continue
        runs = runs_of_mask(piece.mask, piece.x, piece.y)
        key = ("key", piece.key) if piece.key is not None else None
        found.add(names[piece.class_index], piece.is_object, runs, key)
    return expected.against(found)


class _Facts:
    """Objects as a bag of (label, pixels), all else as the pixels of each label."""

    def __init__(self) -> None:
        self._objects: dict[Hashable, tuple[str, list[RowRuns]]] = {}
        self._areas: dict[str, list[RowRuns]] = {}

    def add(self, label: str, is_object: bool, runs: RowRuns, key: Hashable) -> None:
        if not is_object:
            self._areas.setdefault(label, []).append(runs)
        else:
            self._objects.setdefault(("n", len(self._objects)) if key is None else key, (label, []))[1].append(runs)

    def _bag(self) -> list[tuple[str, bytes]]:
        return sorted((label, _bytes(united(parts))) for label, parts in self._objects.values())

    def against(self, other: _Facts) -> str:
        if len(self._objects) != len(other._objects):
            return f"{len(self._objects)} objects were written, {len(other._objects)} read back"
        if self._bag() != other._bag():
            return "an object read back has other pixels or another class"
        for label in sorted({*self._areas, *other._areas}):
            written, read = united(self._areas.get(label, [])), united(other._areas.get(label, []))
            if not written.same(read):
                return f"“{label}” has {written.area} pixels, {read.area} were read back"
        return ""


def _bytes(runs: RowRuns) -> bytes:
    import hashlib

    parts = (runs.ys.tobytes(), runs.starts.tobytes(), runs.ends.tobytes())
    return hashlib.blake2b(b"".join(parts), digest_size=16).digest()
