"""What was written, read back by the format's importer and compared with the label layers pixel for pixel."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from segstudio.core.cancel import Cancel, check
from segstudio.core.errors import UserError
from segstudio.io.formats.base import Checks, ExportItem, FormatEntry, Loss
from segstudio.io.formats.losses import LossTally, image_losses
from segstudio.io.formats.piece_check import PieceCheck
from segstudio.io.formats.pixels import label_layers
from segstudio.io.formats.reading import opened
from segstudio.io.formats.table import load_target

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from pathlib import Path

    from segstudio.core.classes import ClassTable
    from segstudio.core.progress import ProgressSink
    from segstudio.io.formats.base import Exporter, FoundImage, Importer
    from segstudio.io.formats.losses import Holds

BUG = "report this as a bug, with the project if you can"
_ENDINGS = (".nii", "_leftImg8bit")


@dataclass(frozen=True)
class ReadBack:
    """What comparing found: no difference, else it raises. ``pixels`` and ``objects`` by class name, as written."""

    checks: Checks = field(default_factory=Checks)
    losses: tuple[Loss, ...] = ()
    pixels: dict[str, int] = field(default_factory=dict)
    objects: dict[str, int] = field(default_factory=dict)


def read_back(
    exporter: Exporter,
    entry: FormatEntry,
    options: Mapping[str, Any],
    folder: Path,
    items: Sequence[ExportItem],
    classes: ClassTable,
    holds: Holds,
    *,
    out: Path,
    progress: ProgressSink,
    cancel: Cancel,
) -> ReadBack:
    """Compare all of a written dataset with the layers, by the importer; by the exporter's own check where there is none.

    Raises
    ------
    UserError
        When a pixel, an object or an image is not what the labels are, but for what the format cannot hold (*holds*).
    Cancelled
        When *cancel* was set.
    """
    run = _Run(entry, items, classes, holds, out, progress, cancel)
    if _has_reader(entry):
        with opened(folder, entry.id, _options_of(entry, options, items)) as importer:
            run.by_importer(importer, exporter if entry.holds_place else None)
    else:
        run.by_exporter(exporter)
    return run.result("importer" if _has_reader(entry) else "exporter")


def _has_reader(entry: FormatEntry) -> bool:
    if not entry.reader:
        return False
    try:
        load_target(entry.reader, entry.needs)
    except (ImportError, AttributeError, UserError):
        return False
    return True


def _options_of(entry: FormatEntry, options: Mapping[str, Any], items: Sequence[ExportItem]) -> dict[str, Any]:
    """Labels that lie in space without their images beside: these, under the names that they were exported by."""
    is_apart = not options.get("images", not entry.takes_volumes)
    if not is_apart or "images" not in entry.reader_options:
        return {}
    return {"images": {f"{item.stem}{_suffix(item.image_file)}": item.image_file for item in items}}


def _suffix(file: Path) -> str:
    name = file.name.lower()
    return ".nii.gz" if name.endswith(".nii.gz") else file.suffix.lower()


class _Run:
    """Compares image by image and adds up."""

    def __init__(
        self,
        entry: FormatEntry,
        items: Sequence[ExportItem],
        classes: ClassTable,
        holds: Holds,
        out: Path,
        progress: ProgressSink,
        cancel: Cancel,
    ) -> None:
        self._entry, self._items, self._classes, self._holds = entry, items, classes, holds
        self._out, self._progress, self._cancel = out, progress, cancel
        self._tally = LossTally(holds)
        self._done = 0
        self._pixels = self._ignored = 0
        self._by_class: Counter[int] = Counter()
        self._objects: Counter[int] = Counter()

    def _begin(self, item: ExportItem) -> None:
        check(self._cancel)
        self._progress(len(self._items) + self._done, 2 * len(self._items), f"Checking {item.name}")
        self._done += 1

    def _refuse(self, item: ExportItem, difference: str) -> None:
        raise UserError(
            f"The export of {item.name} is not what the labels are ({difference})", path=self._out, remedy=BUG
        )

    def by_exporter(self, exporter: Exporter) -> None:
        """Ask the exporter about each image."""
        from segstudio.io.formats.writing import at_hand

        for item in self._items:
            self._begin(item)
            with at_hand(item) as ready:
                difference = exporter.differs(ready, self._cancel)
                if difference:
                    self._refuse(item, difference)
                self._count(ready, PieceCheck(ready, self._classes, (), self._holds, self._cancel))

    def by_importer(self, importer: Importer, exporter: Exporter | None = None) -> None:
        """Read every image; each item must come once. *exporter*: it is asked about each, too."""
        missing = {item.stem.casefold(): item for item in self._items}
        names = [found.name for found in importer.classes]
        for found in importer.images():
            item = missing.pop(stem_of(found.name, missing), None)
            if item is None:
                raise UserError(
                    f"The export holds an image {found.name} that was not written, or holds it twice",
                    path=self._out,
                    remedy=BUG,
                )
            self._begin(item)
            difference = self._compare(item, found, names) or (self._own(item, exporter) if exporter else "")
            if difference:
                said = f"; the reader says: {importer.problems[-1].sentence}" if importer.problems else ""
                self._refuse(item, difference + said)
        if missing:
            item = next(iter(missing.values()))
            said = f": {importer.problems[-1].sentence}" if importer.problems else ""
            self._refuse(item, f"it was not found in the export{said}")

    def _own(self, item: ExportItem, exporter: Exporter) -> str:
        from segstudio.io.formats.writing import at_hand

        with at_hand(item) as ready:
            return exporter.differs(ready, self._cancel)

    def _compare(self, item: ExportItem, found: FoundImage, names: Sequence[str]) -> str:
        from segstudio.io.formats.writing import OnceLayers

        if found.width and found.height and (found.width, found.height) != (item.width, item.height):
            return f"its size is {found.width} × {found.height}, not {item.width} × {item.height}"
        # Not every format knows splits, and some have no way to say that there is none.
        if item.split is not None and found.split not in (None, item.split):
            return f"it is in the split {found.split}, not {item.split}"
        ready = replace(item, layers=OnceLayers(item.layers))
        compared = PieceCheck(ready, self._classes, names, self._holds, self._cancel)
        for piece in found.open_labels(self._cancel):
            check(self._cancel)
            difference = compared.add(piece)
            if difference:
                return difference
        difference = compared.finish()
        if not difference:
            self._count(ready, compared)
        return difference

    def _count(self, item: ExportItem, compared: PieceCheck) -> None:
        depth = item.depth if item.plane is None else 1
        self._pixels += item.width * item.height * depth
        self._ignored += compared.ignored
        self._by_class.update(compared.class_pixels())
        self._objects.update(compared.class_objects())
        self._tally.add_counts(image_losses(label_layers(item), item, self._holds, self._cancel))

    def result(self, reader: str) -> ReadBack:
        """What was compared and what the format could not hold."""
        checks = Checks(reader, len(self._items), self._pixels, sum(self._objects.values()), self._ignored)
        names = {item.id: item.name for item in self._classes}
        pixels = {name: self._by_class[class_id] for class_id, name in names.items()}
        objects = {name: self._objects[class_id] for class_id, name in names.items()}
        return ReadBack(checks, self._tally.losses(), pixels, objects)


def stem_of(name: str, known: Collection[str]) -> str:
    """The stem, in lower case, of an image's name in a dataset: what is in *known* of the ways to cut off an ending."""
    folded = name.casefold()
    stem = PurePath(folded).stem
    for candidate in (stem, folded, *(stem.removesuffix(ending.casefold()) for ending in _ENDINGS)):
        if candidate in known:
            return candidate
    return stem
