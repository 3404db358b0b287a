"""What an import is asked to do, what it would do, and what it did; frozen and picklable."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from segstudio.core.classes import ClassTable

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from segstudio.core.layers import LayerArrival
    from segstudio.io.formats.base import Problem

RowKind = Literal["comes", "new image", "unchanged", "missing", "conflict", "skipped"]
"""``comes``: labels for an image of the project; ``new image``: the image comes too; ``unchanged``: the same labels were imported
before; ``missing``: no image for these labels; ``conflict``: they do not fit the image, or say so twice; ``skipped``: no labels."""
ROW_KINDS: tuple[RowKind, ...] = ("comes", "new image", "unchanged", "missing", "conflict", "skipped")
LEFT_OUT = ""
"""As the target of a class: its labels do not come."""


@dataclass(frozen=True)
class ImportRequest:
    """A dataset to bring into a project.

    ``format`` "": what the source looks most like. ``mapping`` holds (class of the dataset, class of the project) by name: a name
    that the project has not is made, :data:`LEFT_OUT` leaves the class out; classes that are not named go as the plan suggests.
    ``adds_images``: images that the project has not are added (``copies_images``: as copies). Labels come into a layer of their
    own; ``into_new_layer`` False lets them take the place of an image's one layer where that is empty.
    """

    source: Path
    format: str = ""
    options: tuple[tuple[str, Any], ...] = ()
    mapping: tuple[tuple[str, str], ...] = ()
    adds_images: bool = True
    copies_images: bool = False
    into_new_layer: bool = False
    layer_name: str = ""


@dataclass(frozen=True)
class PlannedClass:
    """A class of the dataset and where it goes.

    ``target`` is the name of the project's class, or of the one to make (``is_new``), or :data:`LEFT_OUT`. ``suggestions`` are names
    of the project's classes that are like it, the likest first. ``objects`` and ``pixels`` are counted once labels were read.
    """

    name: str
    color: str
    value: int | None
    target: str
    is_new: bool
    suggestions: tuple[str, ...] = ()
    objects: int = 0
    pixels: int = 0


@dataclass(frozen=True)
class ImportRow:
    """One image of the dataset. ``image_id`` is that of the project's image (0: none yet); ``sentence`` says what is amiss."""

    kind: RowKind
    name: str
    sentence: str = ""
    image_id: int = 0
    objects: int = 0
    pixels: int = 0
    layers: int = 0
    split: str = ""


@dataclass(frozen=True)
class ImportPlan:
    """What an import would do. ``has_counts``: the labels were read, so that counts, conflicts and "unchanged" are known."""

    request: ImportRequest
    format: str
    guesses: tuple[tuple[str, int], ...]
    rows: tuple[ImportRow, ...]
    classes: tuple[PlannedClass, ...]
    problems: tuple[Problem, ...] = ()
    has_counts: bool = True

    @property
    def counts(self) -> Mapping[RowKind, int]:
        """Rows of each kind."""
        return count_rows(self.rows)

    @property
    def changes_something(self) -> bool:
        """Whether there is anything to bring."""
        return any(row.kind in ("comes", "new image") for row in self.rows)


@dataclass(frozen=True)
class StagedImport:
    """Labels that lie in the project's file, out of sight until :func:`segstudio.io.importing.finishing.import_edit` is applied."""

    plan: ImportPlan
    arrivals: tuple[LayerArrival, ...] = ()
    classes: tuple[ClassTable, ClassTable] = (ClassTable(), ClassTable())
    added_ids: tuple[int, ...] = ()

    @property
    def image_ids(self) -> tuple[int, ...]:
        """Images that get labels."""
        return tuple(dict.fromkeys(item.image_id for item in self.arrivals if item.is_there))


@dataclass(frozen=True)
class ImportReport:
    """What an import did: the plan's rows as they turned out, images added, labels written; ``seq`` 0: nothing was changed."""

    plan: ImportPlan
    added: int
    layers: int
    seq: int = 0


def count_rows(rows: tuple[ImportRow, ...]) -> Mapping[RowKind, int]:
    """Rows of each kind, kinds without any too."""
    counts: dict[RowKind, int] = dict.fromkeys(ROW_KINDS, 0)
    for row in rows:
        counts[row.kind] += 1
    return counts
