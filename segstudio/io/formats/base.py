"""What importers and exporters are given and must offer; plain data, cheap to import and picklable."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from segstudio.io.readers.kept import KeptReaders

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from segstudio.core.cancel import Cancel
    from segstudio.core.classes import ClassTable
    from segstudio.core.layer_builder import Piece
    from segstudio.core.layers import LabelLayer
    from segstudio.io.formats.safety import Limits


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
class FoundClass:
    """A class as a dataset names it; ``value`` is what its masks hold for it (None: the format numbers none)."""

    name: str
    color: str = ""
    value: int | None = None


@dataclass(frozen=True)
class FoundImage:
    """One image of a dataset. ``image`` None: its file is missing, then only labels can come; ``reason`` says so.

    ``name`` is the image's file name as the dataset gives it, without folders. ``open_labels`` reads its labels piece by piece:
    areas first, then objects (see :class:`segstudio.core.layer_builder.LayerBuilder`); UserError where the file is damaged.
    Sizes are those of the label raster; 0 = known only once the labels are read. ``save_image`` writes an image that lies inside
    the dataset's own files (base64, Parquet) to the path it is given.
    """

    name: str
    image: Path | None
    width: int
    height: int
    open_labels: Callable[[Cancel], Iterator[Piece]]
    depth: int = 1
    split: str | None = None
    group: str = ""
    save_image: Callable[[Path], None] | None = None
    reason: str = ""


@dataclass(frozen=True)
class Problem:
    """Something of a dataset that does not come, or not as it is: where, one sentence, and how often."""

    where: str
    sentence: str
    count: int = 1


class Importer(Protocol):
    """Reads one format. Made cheaply: looks at indices, opens no picture.

    ``source`` is the dataset's folder or file as the user gave it. ``problems`` grows while labels are read.
    """

    problems: list[Problem]

    def __init__(self, source: Path, options: Mapping[str, Any], limits: Limits) -> None: ...

    @staticmethod
    def looks_like(source: Path) -> int:
        """0 (no) … 100 (certainly): whether *source* is of this format; reads at most a few kB, raises nothing."""
        ...

    @property
    def classes(self) -> Sequence[FoundClass]:
        """The dataset's classes; pieces number them by their place here."""
        ...

    def images(self) -> Iterator[FoundImage]:
        """All images, in a fixed order, as they are found; nothing is kept of those gone by."""
        ...

    def close(self) -> None:
        """Let go of files."""
        ...


@dataclass(frozen=True)
class FormatEntry:
    """A format by id; ``target`` and ``reader`` are dotted "module:class" of its exporter and importer ("" = there is none).

    ``options`` names what :attr:`ExportPlan.options` may hold, with the default, ``reader_options`` the same for reading.
    ``takes_volumes``: it can hold the labels of all planes. ``takes_planes``: each labelled plane of a volume is written as an
    image of its own. What it holds decides what is counted and shown before writing: ``holds_overlap`` (a pixel may belong to
    several objects), ``holds_objects`` (objects are told apart), ``holds_stuff`` (labels that are no object), ``holds_ignore``,
    ``holds_holes``, and classes and values up to ``most_classes``. ``needs`` is the extra that brings its library.
    """

    id: str
    name: str
    target: str
    options: Mapping[str, Any] = field(default_factory=dict)
    takes_volumes: bool = False
    takes_planes: bool = False
    holds_overlap: bool = False
    reader: str = ""
    reader_options: Mapping[str, Any] = field(default_factory=dict)
    holds_objects: bool = False
    holds_stuff: bool = True
    holds_ignore: bool = True
    holds_holes: bool = True
    most_classes: int = 65535
    needs: str = ""
