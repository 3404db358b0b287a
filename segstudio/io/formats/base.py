"""What exporters are given and must offer; plain data, cheap to import and picklable."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from segstudio.io.readers.kept import KeptReaders

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from segstudio.core.cancel import Cancel
    from segstudio.core.classes import ClassTable
    from segstudio.core.layers import LabelLayer


@dataclass(frozen=True)
class ExportPlan:
    """A dataset to write: the format's id, the folder to make, and how images are put into splits.

    ``split_fractions`` None: not split; empty: each image's own split in the project ("train" where it has none).
    ``image_ids`` None: every image that has labels or is marked done. ``options`` are the format's own.
    """

    format: str
    out: Path
    split_fractions: Mapping[str, float] | None = None
    seed: int = 0
    image_ids: Sequence[int] | None = None
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class ExportItem:
    """One image to write. ``stem`` is unique (also on disks that ignore case), ``layers`` reads its label layers.

    ``plane`` is the plane, from 0, of a volume of ``depth`` planes that is written as an image of its own (its layers
    have this plane only); None: the whole file. ``readers`` keeps a volume open between its planes.
    """

    number: int
    stem: str
    name: str
    image_file: Path
    width: int
    height: int
    split: str | None
    layers: Callable[[], list[LabelLayer]]
    plane: int | None = None
    depth: int = 1
    readers: KeptReaders = field(default_factory=KeptReaders, compare=False)


@dataclass(frozen=True)
class ExportReport:
    """What was written. ``skipped`` holds (image name, sentence); ``notes`` what the user should know."""

    format: str
    out: Path
    images: int
    splits: Mapping[str, int]
    skipped: tuple[tuple[str, str], ...] = ()
    notes: tuple[str, ...] = ()


class Exporter(Protocol):
    """Writes one format into an empty folder, image by image, and checks what it wrote."""

    def __init__(self, folder: Path, classes: ClassTable, options: Mapping[str, Any]) -> None: ...

    def write(self, item: ExportItem, cancel: Cancel) -> None:
        """Write one image with its labels; UserError when it cannot."""
        ...

    def finish(self, splits: Sequence[str]) -> None:
        """Write what stands for the whole dataset."""
        ...

    def differs(self, item: ExportItem, cancel: Cancel) -> str:
        """Read the image's labels back; "" when they equal the layers, else what differs."""
        ...

    def notes(self) -> list[str]:
        """Sentences the user should read."""
        ...


@dataclass(frozen=True)
class FormatEntry:
    """A format by id; ``target`` is the dotted "module:class" that is imported on first use.

    ``options`` names what :attr:`ExportPlan.options` may hold, with the default. ``takes_volumes``: it can hold the
    labels of all planes. ``takes_planes``: each labelled plane of a volume is written as an image of its own.
    ``holds_overlap``: a pixel may belong to several objects.
    """

    id: str
    name: str
    target: str
    options: Mapping[str, Any] = field(default_factory=dict)
    takes_volumes: bool = False
    takes_planes: bool = False
    holds_overlap: bool = False
