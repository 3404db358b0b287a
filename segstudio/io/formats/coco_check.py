"""Whether the annotations of a COCO file, read by the importer, are what the label layers hold."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from segstudio.core.cancel import check
from segstudio.core.classes import IGNORE
from segstudio.core.geometry import Rect
from segstudio.core.layer_builder import ClassPixels
from segstudio.io.formats.safety import Limits
from segstudio.io.formats.table import entry_of, load_target

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    import numpy.typing as npt

    from segstudio.core.cancel import Cancel
    from segstudio.core.layer_builder import Piece
    from segstudio.io.formats.base import ExportItem, FoundImage


@dataclass(frozen=True, eq=False)
class Written:
    """What was to be written of one layer: (h, w) integers by ``read``, the groups of a rectangle; ``ignored`` pixels are those of
    ``ignore_value``.

    ``groups`` tells of each id, in the order of the file: class name, whether it is an object, pixels.
    """

    read: Callable[[Rect], npt.NDArray[Any]]
    groups: Mapping[int, tuple[str, bool, int]]
    ignored: int = 0
    ignore_value: int = IGNORE


class ReadBack:
    """Goes through the written files behind the exporter: cheap as long as it is asked for images in their order."""

    def __init__(self, format_id: str, file_of: Callable[[str | None], Path]) -> None:
        self._make = load_target(entry_of(format_id, is_import=True).reader)
        self._file_of = file_of
        self._importers: dict[str | None, Any] = {}
        self._going: dict[str | None, Iterator[FoundImage]] = {}

    def _found(self, item: ExportItem) -> FoundImage | None:
        split = item.split
        if split not in self._importers:
            self._importers[split] = self._make(self._file_of(split), {}, Limits())
            self._going[split] = iter(())
        for _ in range(2):
            for found in self._going[split]:
                if Path(found.name).stem == item.stem:
                    return found
            self._going[split] = self._importers[split].images()
        return None

    def differs(self, item: ExportItem, expected: Iterable[Written], cancel: Cancel) -> str:
        """Where the file differs from what was to be written; "" when nowhere."""
        try:
            return self._differs(item, list(expected), cancel)
        finally:
            # Nobody says when the last image was asked for, and a file that is open cannot be moved everywhere.
            if item.split in self._importers:
                self._importers[item.split].close()

    def _differs(self, item: ExportItem, expected: list[Written], cancel: Cancel) -> str:
        found = self._found(item)
        if found is None:
            return "the image is not in the file"
        importer = self._importers[item.split]
        before = len(importer.problems)
        names = [one.name for one in importer.classes]
        difference = _difference(found.open_labels(cancel), expected, names, cancel)
        if not difference and len(importer.problems) > before:
            return str(importer.problems[-1].sentence)
        return difference


def _difference(pieces: Iterable[Piece], expected: list[Written], names: list[str], cancel: Cancel) -> str:
    ignored = iter([part for part in expected if part.ignored])
    groups = iter([(part, group, facts) for part in expected for group, facts in part.groups.items()])
    for piece in pieces:
        check(cancel)
        if isinstance(piece, ClassPixels):
            part = next(ignored, None)
            if part is None or not _same(
                part, part.ignore_value, part.ignored, piece.x, piece.y, piece.values == IGNORE
            ):
                return "the ignored pixels read back are not the layer's"
            continue
        following = next(groups, None)
        if following is None:
            return "there are more annotations than segments"
        part, group, (name, is_object, pixels) = following
        if (names[piece.class_index], piece.is_object) != (name, is_object):
            return f"an annotation of “{name}” has another class"
        if not _same(part, group, pixels, piece.x, piece.y, piece.mask):
            return f"the mask of an annotation of “{name}” is not the layer's"
    if next(groups, None) is not None or next(ignored, None) is not None:
        return "a segment is missing"
    return ""


def _same(part: Written, group: int, pixels: int, x: int, y: int, mask: npt.NDArray[np.bool_]) -> bool:
    if int(np.count_nonzero(mask)) != pixels:
        return False
    return np.array_equal(part.read(Rect(x, y, mask.shape[1], mask.shape[0])) == group, mask)
