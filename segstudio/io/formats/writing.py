"""The one way to write a dataset: beside, image by image on all cores, read back, then renamed into place."""

from __future__ import annotations

import os
from collections import Counter, deque
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, cast

from segstudio.core.cancel import NEVER, Cancel, check
from segstudio.core.errors import Cancelled, UserError
from segstudio.core.progress import ProgressSink, no_progress
from segstudio.io.atomic import disk_error
from segstudio.io.formats.base import ByImageExporter, Checks, Exporter, ExportItem, ExportPlan, ExportReport
from segstudio.io.formats.losses import Holds
from segstudio.io.formats.table import entry_of, load_target
from segstudio.io.formats.unfinished import Unfinished, export_key, unfinished_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Sequence

    from segstudio.core.classes import ClassTable
    from segstudio.core.layers import LabelLayer
    from segstudio.io.formats.base import FormatEntry

MOST_WORKERS = 16


@dataclass(frozen=True)
class Work:
    """What is to be written: the items, numbered 1, 2, … in their order; (name, sentence) of images that are not; notes.

    ``notes`` is asked with the items that were written; ``source`` says where the labels are from, for the report.
    """

    items: Sequence[ExportItem]
    classes: ClassTable
    skipped: Sequence[tuple[str, str]] = ()
    notes: Callable[[Sequence[ExportItem]], list[str]] = field(default=lambda items: [])
    source: str = ""


def planned_entry(plan: ExportPlan) -> FormatEntry:
    """The plan's format; UserError when there is none, or it has no such option."""
    entry = entry_of(plan.format)
    unknown = [name for name in plan.options if name not in entry.options]
    if unknown:
        raise UserError(f"The format {entry.id} has no option “{unknown[0]}”", remedy="leave it out")
    return entry


def export_items(
    work: Work, plan: ExportPlan, progress: ProgressSink = no_progress, cancel: Cancel = NEVER
) -> ExportReport:
    """Write a dataset into a fresh folder: of :class:`ExportPlan` only format, out, options and workers count here.

    All is written into a folder beside the final one, read back by the format's importer and compared with the label layers
    pixel for pixel, and only then renamed. A cancelled or failed export leaves nothing; of a killed one the finished images stay
    beside, and the same export, asked for again, goes on from there.

    Raises
    ------
    UserError
        When the folder is not empty, there is nothing to export, what was read back is not what the labels are, or the disk refuses.
    Cancelled
        When *cancel* was set.
    """
    entry = planned_entry(plan)
    _check_classes(entry, work.classes)
    out = Path(plan.out).absolute()
    key = export_key(entry, plan, work)
    try:
        return _attempt(work, plan, entry, out, key, progress, cancel)
    except _StaleError:
        # What the killed export left is not what it said: begin anew.
        return _attempt(work, plan, entry, out, key, progress, cancel)


class _StaleError(Exception):
    pass


def _check_classes(entry: FormatEntry, classes: ClassTable) -> None:
    if len(classes) > entry.most_classes:
        raise UserError(
            f"{entry.name} holds {entry.most_classes} classes and there are {len(classes)}",
            remedy="choose another format, or merge or leave out some classes",
        )


def _attempt(
    work: Work, plan: ExportPlan, entry: FormatEntry, out: Path, key: str, progress: ProgressSink, cancel: Cancel
) -> ExportReport:
    from segstudio.io.formats.reporting import write_report
    from segstudio.io.formats.verification import read_back

    options = {**entry.options, **plan.options}
    target = load_target(entry.target, entry.needs)
    with unfinished_folder(out, key) as beside:
        exporter = cast("Exporter", target(beside.folder, work.classes, options))
        writer = _Writer(exporter, entry, beside, progress, cancel, _workers(plan))
        try:
            written = writer.run(work.items)
            skipped = [*work.skipped, *writer.skipped]
            if not written:
                raise UserError(
                    f"No image could be exported. {skipped[0][1]}" if skipped else "There is nothing to export"
                )
            notes = work.notes(written)
            splits = _split_names(plan, written)
            exporter.finish(splits)
            beside.close()
            holds = Holds.of(entry, options, work.classes)
            back = read_back(
                exporter,
                entry,
                options,
                beside.folder,
                written,
                work.classes,
                holds,
                out=out,
                progress=progress,
                cancel=cancel,
            )
        except Cancelled:
            raise
        except Exception as error:
            if writer.resumed:
                raise _StaleError from error
            raise
        counts = Counter(item.split for item in written)
        report = ExportReport(
            entry.id,
            out,
            len(written),
            {split: counts[split] for split in splits},
            tuple(skipped),
            tuple([*notes, *exporter.notes(), *_overlap_note(back.losses)]),
            back.losses,
            back.checks,
            writer.resumed,
        )
        write_report(beside.folder, report, plan, work, back)
        total = 2 * len(work.items)
        progress(total, total, "Done")
    return report


def _overlap_note(losses: Sequence[Any]) -> list[str]:
    """The sentence about label layers that overlap, for formats that hold one class a pixel."""
    count = sum(loss.images for loss in losses if loss.kind == "overlap")
    if not count:
        return []
    where = "In one image" if count == 1 else f"In {count} images"
    return [f"{where} label layers overlap: a mask holds one class a pixel, so the upper layer was written there."]


def _split_names(plan: ExportPlan, written: Sequence[ExportItem]) -> list[str]:
    if plan.split_fractions is None:
        return []
    return list(plan.split_fractions) or sorted({item.split for item in written if item.split})


def _workers(plan: ExportPlan) -> int:
    if plan.workers:
        return plan.workers
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(MOST_WORKERS, cores))


class OnceLayers:
    """Label layers that are read when they are first asked for, and then kept as long as this lives."""

    def __init__(self, layers: Callable[[], list[LabelLayer]]) -> None:
        self._layers = layers
        self._kept: list[LabelLayer] | None = None
        self._lock = Lock()

    def __call__(self) -> list[LabelLayer]:
        """The layers; UserError when they cannot be read."""
        with self._lock:
            if self._kept is None:
                self._kept = self._layers()
            return list(self._kept)


@contextmanager
def at_hand(item: ExportItem) -> Iterator[ExportItem]:
    """The item with its layers read once, and its image made where it is made for it, for as long as the block lasts."""
    try:
        if item.make_image is not None:
            try:
                item.image_file.parent.mkdir(parents=True, exist_ok=True)
                item.make_image(item.image_file)
            except OSError as error:
                raise disk_error(error, item.image_file) from error
        yield replace(item, layers=OnceLayers(item.layers))
    finally:
        if item.make_image is not None:
            with suppress(OSError):
                item.image_file.unlink(missing_ok=True)


@dataclass
class _Outcome:
    """What came of one image: what its exporter returned, or why it was left out."""

    written: Any = None
    problem: str = ""


class _Writer:
    """Writes items, side by side where the exporter can, and enters them in their order."""

    def __init__(
        self,
        exporter: Exporter,
        entry: FormatEntry,
        beside: Unfinished,
        progress: ProgressSink,
        cancel: Cancel,
        workers: int,
    ) -> None:
        self.skipped: list[tuple[str, str]] = []
        self.resumed = 0
        self._exporter, self._entry, self._beside = exporter, entry, beside
        self._progress, self._cancel = progress, cancel
        self._by_image = exporter if isinstance(exporter, ByImageExporter) else None
        self._workers = workers if self._by_image is not None else 1
        self._problems: dict[Path, str] = {}
        self._told: set[Path] = set()
        self._stopped = False

    def is_set(self) -> bool:
        """Whether the work should end: it was cancelled, or an image failed."""
        return self._stopped or self._cancel.is_set()

    def run(self, items: Sequence[ExportItem]) -> list[ExportItem]:
        """The items written."""
        written: list[ExportItem] = []
        found = self._one_by_one(items) if self._workers == 1 else self._side_by_side(items)
        # Closed at once when it is left early: threads that still write would put files into a folder that is being removed.
        with closing(found):
            for done, (item, outcome) in enumerate(found, start=1):
                if outcome.problem:
                    self._skip(item, outcome.problem)
                else:
                    if self._by_image is not None:
                        self._by_image.enter(item, outcome.written)
                        self._beside.note(item, outcome.written)
                    written.append(item)
                check(self._cancel)
                self._progress(done, 2 * len(items), f"Writing {item.name}")
        return written

    def _one_by_one(self, items: Sequence[ExportItem]) -> Generator[tuple[ExportItem, _Outcome], None, None]:
        for done, item in enumerate(items):
            check(self._cancel)
            self._progress(done, 2 * len(items), f"Writing {item.name}")
            yield item, self._known(item) or self._write(item)

    def _side_by_side(self, items: Sequence[ExportItem]) -> Generator[tuple[ExportItem, _Outcome], None, None]:
        """Keeps a few images more than there are threads on the way, so that memory follows neither their number."""
        waiting: deque[tuple[ExportItem, Future[_Outcome] | _Outcome]] = deque()
        with ThreadPoolExecutor(self._workers, "export") as pool:
            try:
                for item in items:
                    check(self._cancel)
                    waiting.append((item, self._known(item) or pool.submit(self._write, item)))
                    if len(waiting) > 2 * self._workers:
                        yield self._next(waiting)
                while waiting:
                    yield self._next(waiting)
            except BaseException:
                self._stopped = True
                pool.shutdown(wait=True, cancel_futures=True)
                raise

    def _next(self, waiting: deque[tuple[ExportItem, Future[_Outcome] | _Outcome]]) -> tuple[ExportItem, _Outcome]:
        item, outcome = waiting.popleft()
        return item, outcome.result() if isinstance(outcome, Future) else outcome

    def _known(self, item: ExportItem) -> _Outcome | None:
        """What a killed export wrote of the item."""
        if self._by_image is None or item.number not in self._beside.finished:
            return None
        self.resumed += 1
        return _Outcome(self._beside.finished[item.number])

    def _write(self, item: ExportItem) -> _Outcome:
        from segstudio.io.formats.work_list import problem_of

        check(self)
        try:
            with at_hand(item) as ready:
                problem = self._problems.get(item.image_file)
                if problem is None:
                    problem = self._problems[item.image_file] = problem_of(ready, self._entry)
                if problem:
                    return _Outcome(problem=problem)
                if self._by_image is not None:
                    return _Outcome(self._by_image.write_image(ready, self))
                self._exporter.write(ready, self)
                return _Outcome()
        except UserError as error:
            # An image whose header is good but whose pixels are not: the others can still be had.
            if error.path != item.image_file:
                raise
            return _Outcome(problem=str(error))

    def _skip(self, item: ExportItem, problem: str) -> None:
        """Say it once for a volume's file."""
        if item.image_file in self._told and self._problems.get(item.image_file):
            return
        self._told.add(item.image_file)
        name = item.name if item.plane is None or not self._problems.get(item.image_file) else item.image_file.name
        self.skipped.append((name, problem))


__all__ = ["Checks", "Work", "at_hand", "export_items", "planned_entry"]
