"""A dataset of one format into another, without a project: what an importer finds is what an exporter writes."""

from __future__ import annotations

import tempfile
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

from segstudio.core.cancel import NEVER, Cancel, check
from segstudio.core.classes import ClassTable
from segstudio.core.errors import UserError
from segstudio.core.label_planes import LayersOfPlane, labelled_planes
from segstudio.core.progress import ProgressSink, no_progress
from segstudio.io.formats.base import ExportItem, ExportPlan, ExportReport, FormatEntry, Loss
from segstudio.io.formats.cut_tiles import check_tiling, cut
from segstudio.io.formats.losses import Holds, losses_of_items
from segstudio.io.formats.pixels import safe_stem, unique_stem
from segstudio.io.formats.reading import build_layers, opened
from segstudio.io.formats.safety import file_name
from segstudio.io.formats.selection import BY_FILE, groups_of, splits_of
from segstudio.io.formats.unfinished import check_free
from segstudio.io.formats.work_list import plane_stem
from segstudio.io.formats.writing import Work, export_items, planned_entry
from segstudio.io.readers.kept import KeptReaders
from segstudio.io.readers.registry import probe

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from segstudio.core.layers import LabelLayer
    from segstudio.io.formats.base import FoundImage, Importer
    from segstudio.io.formats.safety import Limits

_MOST_SENTENCES = 200


@dataclass(frozen=True)
class Source:
    """A dataset to read: ``path`` a folder, a file or a zip; ``format`` "" = what it looks like; options of its reader."""

    path: Path
    format: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)
    limits: Limits | None = None


def convert(
    source: Source, plan: ExportPlan, progress: ProgressSink = no_progress, cancel: Cancel = NEVER
) -> ExportReport:
    """Write a dataset anew in the format of *plan*; see :func:`segstudio.io.formats.writing.export_items`.

    Of *plan* format, out, options, splits, groups, tiles and workers count. Not split: images keep the split that the source gives them.
    What of the source does not come is told in the report's notes.

    Raises
    ------
    UserError
        When the source cannot be read, nothing of it can be written, or the disk refuses.
    Cancelled
        When *cancel* was set.
    """
    check_free(Path(plan.out).absolute())
    with _Conversion(source, plan, cancel) as conversion:
        return export_items(conversion.work, conversion.plan, progress, cancel)


def losses_of_conversion(
    source: Source, plan: ExportPlan, progress: ProgressSink = no_progress, cancel: Cancel = NEVER
) -> tuple[Loss, ...]:
    """What would be lost, as :func:`segstudio.io.formats.losses.losses_before`; raises as :func:`convert`."""
    with _Conversion(source, replace(plan, tiles=None), cancel) as conversion:
        entry, work = conversion.entry, conversion.work
        holds = Holds.of(entry, plan.options, work.classes)
        return losses_of_items(work.items, entry, holds, work.skipped, progress, cancel)


class _Conversion:
    """The opened source as work for an export, for as long as the block lasts."""

    def __init__(self, source: Source, plan: ExportPlan, cancel: Cancel) -> None:
        from contextlib import ExitStack

        self.plan = plan
        self.entry: FormatEntry = planned_entry(plan)
        if plan.tiles is not None:
            check_tiling(plan.tiles, self.entry)
        self._source, self._cancel = source, cancel
        self._stack = ExitStack()

    def __enter__(self) -> _Conversion:
        with self._stack:
            stack = self._stack
            source = self._source
            importer = stack.enter_context(opened(source.path, source.format, source.options, source.limits))
            readers = stack.enter_context(closing(KeptReaders(keeps_all=self.plan.tiles is not None)))
            scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="segstudio-convert-")))
            listing = _Listing(importer, self.plan, self.entry, readers, scratch, self._cancel)
            listing.run(_state_of(source.path))
            self.plan = listing.plan
            self.work = Work(listing.items, listing.classes, listing.skipped, listing.notes, source.path.name)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()


class _Listing:
    """Goes through what an importer finds and makes items of it."""

    def __init__(
        self,
        importer: Importer,
        plan: ExportPlan,
        entry: FormatEntry,
        readers: KeptReaders,
        scratch: Path,
        cancel: Cancel,
    ) -> None:
        self.plan = plan
        self.items: list[ExportItem] = []
        self.skipped: list[tuple[str, str]] = []
        self.classes = ClassTable()
        self._importer, self._entry = importer, entry
        self._readers, self._scratch, self._cancel = readers, scratch, cancel
        self._outside: dict[str, int] = {}
        self._taken: set[str] = set()

    def run(self, state: str) -> None:
        """Fill ``items``, ``skipped`` and ``classes``."""
        from segstudio.io.importing.class_names import extended_table, plan_classes

        found: list[tuple[str, FoundImage]] = []
        for image in self._importer.images():
            check(self._cancel)
            found.append((unique_stem(file_name(image.name) or "image", self._taken), image))
        planned = plan_classes(list(self._importer.classes), ClassTable(), {})
        self.classes, class_ids = extended_table(planned, ClassTable())
        if not len(self.classes):
            raise UserError("The dataset names no class", remedy="choose another format with --from, or check it")
        if self.plan.split_fractions is None and any(image.split for _, image in found):
            self.plan = replace(self.plan, split_fractions={})
        stems = [stem for stem, _ in found]
        places = [(image.name, image.group or _folder(image)) for _, image in found]
        own_groups = [image.group for _, image in found]
        groups = own_groups if self.plan.split_by == BY_FILE else groups_of(places, self.plan.split_by)
        splits = splits_of(stems, groups, [image.split for _, image in found], self.plan)
        lock = Lock()
        for number, (stem, image) in enumerate(found):
            check(self._cancel)
            try:
                item, layers = self._item(stem, image, class_ids, lock)
            except UserError as error:
                self.skipped.append((image.name, str(error)))
                continue
            digest = f"{state} {number}" if state else ""
            self._put(replace(item, split=splits[stem], group=groups[number], digest=digest), layers)

    def _item(
        self, stem: str, image: FoundImage, class_ids: Sequence[int], lock: Lock
    ) -> tuple[ExportItem, Callable[[], list[LabelLayer]]]:
        make: Callable[[Path], None] | None = None
        file = image.image
        if file is None or not file.is_file():
            if image.save_image is None:
                reason = image.reason or "its file is missing"
                raise UserError(f"The image {image.name} cannot be written: {reason.rstrip('.')}")
            make = image.save_image
            file = self._scratch / f"{stem}{_suffix(image.name)}"
            make(file)
        try:
            info = probe(file)
        finally:
            if make is not None:
                file.unlink(missing_ok=True)
        size = (info.width, info.height, info.depth)
        orientation = int(info.metadata.get("orientation", 1))
        layers = _FoundLayers(image, class_ids, size, orientation, lock, self._outside, self._cancel)
        item = ExportItem(
            0, stem, image.name, file, info.width, info.height, None, layers, None, info.depth, self._readers, make
        )
        return item, layers

    def _put(self, item: ExportItem, layers: Callable[[], list[LabelLayer]]) -> None:
        planes: list[int | None] = [None]
        if item.depth > 1 and self._entry.takes_planes:
            try:
                planes = [*labelled_planes(layers(), self._cancel)]
            except UserError as error:
                self.skipped.append((item.name, str(error)))
                return
            if not planes:
                self.skipped.append((item.name, str(UserError("No plane of the volume has labels"))))
        for z in planes:
            one = replace(item, number=len(self.items) + 1)
            if z is not None:
                stem = plane_stem(item.stem, z, item.depth, self._taken)
                chosen = LayersOfPlane(layers, z)
                one = replace(one, stem=stem, name=f"{item.name} (plane {z})", layers=chosen, plane=z)
            if self.plan.tiles is None:
                self.items.append(one)
                continue
            try:
                self.items.extend(cut(one, self.plan.tiles, self._scratch, self._taken, one.number, self._cancel))
            except UserError as error:
                self.skipped.append((one.name, str(error)))

    def notes(self, written: Sequence[ExportItem]) -> list[str]:
        """What of the source did not come, a sentence each."""
        said: dict[tuple[str, str], int] = {}
        for problem in self._importer.problems:
            key = (problem.where, problem.sentence)
            said[key] = max(said.get(key, 0), problem.count)
        notes = [
            f"{where}: {sentence}" + (f" ({count} times)" if count > 1 else "")
            for (where, sentence), count in said.items()
        ]
        notes += [
            f"{name}: {pixels:,} labelled pixels lie outside the image and are left out."
            for name, pixels in self._outside.items()
        ]
        more = len(notes) - _MOST_SENTENCES
        return [*notes[:_MOST_SENTENCES], *([f"{more} more such sentences."] if more > 0 else [])]


class _FoundLayers:
    """Layers of an image as an importer reads them, in one thread at a time: importers may share files between images."""

    def __init__(
        self,
        image: FoundImage,
        class_ids: Sequence[int],
        size: tuple[int, int, int],
        orientation: int,
        lock: Lock,
        outside: dict[str, int],
        cancel: Cancel,
    ) -> None:
        self._image, self._class_ids, self._size = image, class_ids, size
        self._orientation, self._lock, self._outside, self._cancel = orientation, lock, outside, cancel

    def __call__(self) -> list[LabelLayer]:
        """The layers.

        Raises
        ------
        UserError
            When the labels are damaged or of another size than the image.
        """
        from segstudio.io.importing.turning import SWAPPED, turned

        image, size = self._image, self._size
        given = (image.width or size[0], image.height or size[1], image.depth if image.width else size[2])
        if given != size:
            if self._orientation not in SWAPPED or given != (size[1], size[0], size[2]):
                raise UserError(
                    f"The image {image.name} is {size[0]} × {size[1]} pixels but its labels are {given[0]} × {given[1]}",
                    path=image.image,
                    remedy="put the image back that was labelled",
                )
            stored, orientation = image.open_labels, self._orientation
            image = replace(image, open_labels=lambda token: turned(stored(token), orientation, given[0], given[1]))
        with self._lock:
            builder = build_layers(image, self._class_ids, size, self._cancel)
        if builder.counts.outside:
            self._outside[image.name] = builder.counts.outside
        return builder.layers


def _folder(image: FoundImage) -> str:
    return "" if image.image is None else image.image.parent.as_posix()


def _suffix(name: str) -> str:
    suffix = Path(file_name(name)).suffix.lower()
    return suffix if safe_stem(f"x{suffix}") == "x" and suffix else ".png"


def _state_of(path: Path) -> str:
    """What tells whether the source is still the same: names, sizes and times of its files; "" where they cannot be seen."""
    import hashlib

    digest = hashlib.sha256()
    try:
        files = sorted(file for file in path.rglob("*") if file.is_file()) if path.is_dir() else [path]
        for file in files:
            state = file.stat()
            digest.update(f"{file} {state.st_size} {state.st_mtime_ns}\n".encode())
    except OSError:
        return ""
    return digest.hexdigest()
