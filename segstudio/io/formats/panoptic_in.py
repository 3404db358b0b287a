"""Reading ``coco-panoptic``: segment maps in colours and the list of their segments."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from segstudio.core.cancel import check
from segstudio.core.errors import UserError
from segstudio.core.layer_builder import FoundObject
from segstudio.io.formats.coco_in import CocoFiles, ignored_pieces, origin_of
from segstudio.io.formats.coco_places import likeness, map_folders
from segstudio.io.formats.panoptic_map import SegmentBoxes, map_size, read_map
from segstudio.io.formats.safety import RESTORE, find_image, whole_number

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from segstudio.core.cancel import Cancel
    from segstudio.core.layer_builder import Piece
    from segstudio.io.formats.base import FoundClass, FoundImage, Problem
    from segstudio.io.formats.problems import Note
    from segstudio.io.formats.safety import Limits

_HIGHEST_ID = (1 << 24) - 1


class PanopticImporter:
    """Reads a ``panoptic….json`` with its folder of maps, or a folder that holds some.

    Segments of things are objects; stuff, and crowds, are areas of their class. ``images`` and ``maps`` are the folders of the
    pictures and of the maps where they are not beside the file.
    """

    def __init__(self, source: Path, options: Mapping[str, Any], limits: Limits) -> None:
        maps = options.get("maps")
        self._maps = Path(maps).expanduser() if isinstance(maps, str) and maps else None
        self._limits = limits
        self._files = CocoFiles(source, options, limits, is_panoptic=True)
        self.problems: list[Problem] = self._files.problems

    @staticmethod
    def looks_like(source: Path) -> int:
        """How much *source* looks like COCO's panoptic layout."""
        return likeness(source, is_panoptic=True)

    @property
    def classes(self) -> Sequence[FoundClass]:
        """The categories of all files, those of one name as one."""
        return self._files.classes

    def close(self) -> None:
        """Let go of the files."""
        self._files.close()

    def images(self) -> Iterator[FoundImage]:
        """The images of all files, in their order; of the size of their maps."""
        for place, number, _, found in self._files.rows():
            rows = []
            with self._files.noted.of(found.name) as note:
                for row in self._files.files[place].annotations_of(number, note):
                    rows.append((row, self._map_file(place, row)))
                if not rows:
                    note("The file lists no segments for the image")
            size = found.width, found.height
            for _, path in rows:
                size = self._size_of(path) or size
            yield replace(
                found, width=size[0], height=size[1], open_labels=partial(self._pieces, place, found.name, size, rows)
            )

    def _map_file(self, place: int, row: dict[str, Any]) -> Path | None:
        folders = map_folders(self._files.files[place].path) if self._maps is None else [self._maps]
        return find_image(str(row.get("file_name", "")), folders)

    @staticmethod
    def _size_of(path: Path | None) -> tuple[int, int] | None:
        try:
            return None if path is None else map_size(path)
        except UserError:
            return None  # told when the labels are read

    def _pieces(
        self,
        place: int,
        name: str,
        size: tuple[int, int],
        rows: list[tuple[dict[str, Any], Path | None]],
        cancel: Cancel,
    ) -> Iterator[Piece]:
        with self._files.noted.of(name) as note:
            for row, _ in rows:
                yield from ignored_pieces(row, *size, self._limits, note)
            for row, path in rows:
                if path is None:
                    named = str(row.get("file_name", ""))[:200]
                    raise UserError(f"The segment map {named!r} of {name} is missing", remedy=RESTORE)
                yield from self._segments(place, row, path, size, cancel, note)

    def _segments(
        self, place: int, row: dict[str, Any], path: Path, size: tuple[int, int], cancel: Cancel, note: Note
    ) -> Iterator[Piece]:
        segments = self._listed(row, note)
        numbers = read_map(path, list(segments))
        if numbers.shape[::-1] != size:
            raise UserError("The segment maps of the image are not of one size", path=path, remedy=RESTORE)
        boxes = SegmentBoxes(len(segments) + 2)
        boxes.add(numbers, 0)
        if boxes.area(len(segments) + 1):
            note("Pixels whose segment is not in the list were left out", boxes.area(len(segments) + 1))
        for number, segment in enumerate(segments.values(), start=1):
            check(cancel)
            if not boxes.area(number):
                note("A segment of the list has no pixel in the map")
                continue
            found = self._files.class_of(place, segment)
            if found is None:
                note("A segment was left out: it has no category")
                continue
            index, is_thing = found
            told = segment.get("is_object")
            is_object = told if isinstance(told, bool) else is_thing
            is_crowd = segment.get("iscrowd") in (1, True, "1")
            if is_crowd and is_object:
                note("A crowd came as an area of its class, not as objects")
            x, y, width, height = boxes.box(number)
            mask = np.equal(numbers[y : y + height, x : x + width], number)
            yield FoundObject(x, y, mask, index, is_object=is_object and not is_crowd, **origin_of(segment))

    @staticmethod
    def _listed(row: dict[str, Any], note: Note) -> dict[int, dict[str, Any]]:
        """The segments by id, in the order of the list."""
        found: dict[int, dict[str, Any]] = {}
        listed = row.get("segments_info")
        for segment in listed if isinstance(listed, list) else ():
            try:
                number = whole_number(segment["id"], 1, _HIGHEST_ID)
            except (ValueError, TypeError, KeyError):
                note("A segment was left out: it has no id that a map can hold")
                continue
            if number in found:
                note("A segment is listed twice; the first was taken")
                continue
            found[number] = segment
        return found
