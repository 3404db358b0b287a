"""One JSON file out of what many images add to it: a part an image on the disk, joined at the end in the images' order."""

from __future__ import annotations

import json
import os
import shutil
from typing import TYPE_CHECKING, Any

from segstudio.io.atomic import disk_error
from segstudio.io.formats.pixels import make_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

FOLDER = ".parts"
_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def dump(value: Any) -> str:
    """*value* as JSON on one line."""
    return _ENCODER.encode(value)


class Parts:
    """The parts of a dataset's index. Nothing is held in memory but the numbers of the images that were entered.

    A part is written whole or not at all, so that an export that was killed can go on; different images may be written from
    different threads or processes.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = make_folder(folder / FOLDER)
        self._entered: dict[str | None, list[int]] = {}

    def write(self, number: int, image: Mapping[str, Any], rows: Iterable[Mapping[str, Any]]) -> None:
        """Keep what image *number* adds: its own row, and rows that get their ids in the end."""
        path = self._folder / f"{number}.json"
        beside = path.with_suffix(".tmp")
        try:
            with beside.open("w", encoding="utf-8", newline="\n") as stream:
                stream.write("\n".join([dump(image), *(dump(row) for row in rows)]))
            os.replace(beside, path)
        except OSError as error:
            raise disk_error(error, path) from error

    def enter(self, number: int, split: str | None) -> None:
        """Image *number* belongs to the dataset; the order of these calls is that of the file."""
        self._entered.setdefault(split, []).append(number)

    @property
    def splits(self) -> Sequence[str | None]:
        """Those that images were entered for."""
        return list(self._entered)

    def _lines(self, split: str | None) -> Iterator[list[str]]:
        for number in self._entered.get(split, ()):
            yield (self._folder / f"{number}.json").read_text(encoding="utf-8").split("\n")

    def join(
        self,
        path: Path,
        split: str | None,
        head: Mapping[str, Any],
        *,
        first_id: int | None = 1,
        change: Callable[[str], str] = str,
    ) -> int:
        """Write the document of a split: *head*, the images, and the annotations, numbered from *first_id* (None: not).

        ``change`` has the last word about each annotation. The next id comes back.
        """
        number = first_id
        try:
            with path.open("w", encoding="utf-8", newline="\n") as stream:
                stream.write(dump(head)[:-1])
                stream.write(',"images":[')
                for place, lines in enumerate(self._lines(split)):
                    stream.write(f"{',' if place else ''}\n{lines[0]}")
                stream.write('],\n"annotations":[')
                is_first = True
                for lines in self._lines(split):
                    for line in map(change, lines[1:]):
                        stream.write("\n" if is_first else ",\n")
                        is_first = False
                        if number is None:
                            stream.write(line)
                            continue
                        stream.write(f'{{"id":{number},{line[1:]}')
                        number += 1
                stream.write("]}\n")
        except OSError as error:
            raise disk_error(error, path) from error
        return number or 0

    def remove(self) -> None:
        """Take the parts away."""
        shutil.rmtree(self._folder, ignore_errors=True)
