"""The dry run of an import: what would come, for which images, into which classes, and what would not."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from segstudio.core.cancel import NEVER, Cancel
from segstudio.core.errors import UserError
from segstudio.core.progress import ProgressSink, no_progress
from segstudio.io.formats.reading import detect, opened
from segstudio.io.formats.safety import Limits, unpacked
from segstudio.io.formats.table import entry_of
from segstudio.io.importing.examining import Examiner
from segstudio.io.importing.plan import ImportPlan, ImportRow
from segstudio.io.importing.staging import known_digests
from segstudio.io.readers.registry import list_images

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from segstudio.io.formats.base import Importer, Problem
    from segstudio.io.importing.plan import ImportRequest
    from segstudio.io.store.project import ProjectStore

MOST_PROBLEMS = 1000
"""So many are kept by their sentence; the rest is told as a number."""


def plan_import(
    store: ProjectStore,
    request: ImportRequest,
    *,
    reads_labels: bool = True,
    progress: ProgressSink = no_progress,
    cancel: Cancel = NEVER,
    expected: int = 0,
) -> ImportPlan:
    """What :func:`~segstudio.io.importing.staging.stage_import` would do; nothing is written, *store* may be read-only.

    Without *reads_labels* only images and classes are looked at: quick, but without counts, and conflicts are not seen. *expected*
    is the number of images where it is known, for the progress.

    Raises
    ------
    UserError
        When the source is missing, of no known format or damaged, or the mapping names a class that it has not.
    """
    with opened_source(store, request) as (importer, format_id, guesses):
        examiner = examiner_for(store, importer, request, reads_labels=reads_labels)
        rows: list[ImportRow] = []
        for examined in examiner.walk(cancel):
            rows.append(examined.row)
            progress(len(rows), max(expected, 0), examined.row.name)
        return ImportPlan(
            request, format_id, guesses, tuple(rows), examiner.classes, gathered(importer.problems), reads_labels
        )


def examiner_for(
    store: ProjectStore, importer: Importer, request: ImportRequest, *, reads_labels: bool = True
) -> Examiner:
    """The examiner of a dataset for a project."""
    records = store.images(checks_files=False)
    known = known_digests(store._database)
    return Examiner(importer, request, records, store.folder, store.classes, known, reads_labels=reads_labels)


@contextmanager
def opened_source(
    store: ProjectStore, request: ImportRequest
) -> Iterator[tuple[Importer, str, tuple[tuple[str, int], ...]]]:
    """The importer of the source, its format, and what the source looked like; UserError as :func:`opened`.

    Formats whose labels lie in space are told where the project's images are, so that they can be put onto those.
    """
    if not request.source.exists():
        raise UserError("There is no such file or folder", path=request.source, remedy="check the name")
    limits = Limits()
    with unpacked(request.source, limits) as place:
        guesses = tuple(detect(place))
        if not request.format and not guesses:
            raise _unknown(request.source, place)
        format_id = request.format or guesses[0][0]
        options = dict(request.options)
        if "images" in entry_of(format_id, is_import=True).reader_options and not options.get("images"):
            options["images"] = {
                record.name: store.image_file(record) for record in reversed(store.images(checks_files=False))
            }
        with opened(place, format_id, options, limits) as importer:
            yield importer, format_id, guesses


def _unknown(source: Path, place: Path) -> UserError:
    """What to say of a source that looks like no format."""
    if place.is_dir():
        if not any(place.iterdir()):
            return UserError("The folder is empty", path=source, remedy="choose the folder that holds the labels")
        if list_images(place):
            remedy = "add images without labels with “segstudio add”; else say which format it is with --format"
            return UserError("There are images but no known format of labels", path=source, remedy=remedy)
    return UserError("No known format of labels", path=source, remedy="say which it is with --format")


def gathered(problems: list[Problem]) -> tuple[Problem, ...]:
    """Problems of the same words counted together, in the order they came first; a thousand at most."""
    from segstudio.io.formats.base import Problem

    counts: dict[tuple[str, str], int] = {}
    for problem in problems:
        key = (problem.where, problem.sentence)
        counts[key] = counts.get(key, 0) + problem.count
    kept = [Problem(*key, count) for key, count in list(counts.items())[:MOST_PROBLEMS]]
    rest = sum(list(counts.values())[MOST_PROBLEMS:])
    if rest:
        kept.append(Problem("", "There are more problems like these.", rest))
    return tuple(kept)
