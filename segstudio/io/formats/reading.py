"""Reading datasets: what a source is, its importer, and the label layers of one of its images."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast

from segstudio.core.cancel import NEVER, Cancel, check
from segstudio.core.errors import UserError
from segstudio.core.layer_builder import LayerBuilder
from segstudio.io.formats.safety import Limits, unpacked
from segstudio.io.formats.table import entry_of, importers, load_target

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from segstudio.io.formats.base import FoundImage, Importer


def detect(source: Path) -> list[tuple[str, int]]:
    """(format id, 1 … 100) of what *source* looks like, the likeliest first; an archive is not looked into."""
    found: list[tuple[str, int]] = []
    for entry in importers().values():
        try:
            sure = int(load_target(entry.reader, entry.needs).looks_like(source))
        except Exception:  # noqa: BLE001 - a guess never stands in the way
            continue
        if sure > 0:
            found.append((entry.id, min(sure, 100)))
    return sorted(found, key=lambda pair: -pair[1])


@contextmanager
def opened(
    source: Path, format_id: str = "", options: Mapping[str, Any] | None = None, limits: Limits | None = None
) -> Iterator[Importer]:
    """The importer of a dataset (*format_id* "": what it looks most like). A zip archive is unpacked for the while.

    Raises
    ------
    UserError
        When the source is missing, of no known format, damaged, or holds what leads out of it.
    """
    limits = limits or Limits()
    if not source.exists():
        raise UserError("There is no such file or folder", path=source, remedy="check the name")
    with unpacked(source, limits) as place:
        if not format_id:
            guesses = detect(place)
            if not guesses:
                raise UserError("No known format of labels", path=source, remedy="say which it is with --format")
            format_id = guesses[0][0]
        entry = entry_of(format_id, is_import=True)
        unknown = [name for name in options or {} if name not in entry.reader_options]
        if unknown:
            raise UserError(f"Reading {entry.id} has no option “{unknown[0]}”", remedy="leave it out")
        make = load_target(entry.reader, entry.needs)
        importer = cast("Importer", make(place, {**entry.reader_options, **(options or {})}, limits))
        try:
            yield importer
        finally:
            importer.close()


def build_layers(
    found: FoundImage, class_ids: Sequence[int], size: tuple[int, int, int] | None = None, cancel: Cancel = NEVER
) -> LayerBuilder:
    """The image's labels as layers. ``class_ids`` as in :class:`LayerBuilder`, *size* (width, height, depth) of the image."""
    width, height, depth = size or (found.width, found.height, found.depth)
    builder = LayerBuilder(width, height, class_ids, depth=depth)
    for piece in found.open_labels(cancel):
        check(cancel)
        builder.add(piece)
    return builder
