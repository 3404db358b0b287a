"""What importers and exporters are given and must offer; plain data, cheap to import and picklable."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from segstudio.io.readers.kept import KeptReaders

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from segstudio.core.cancel import Cancel
    from segstudio.core.classes import ClassTable
    from segstudio.core.layer_builder import Piece
    from segstudio.core.layers import LabelLayer
    from segstudio.io.formats.safety import Limits


REPORT_NAME = "export-report.json"
"""Beside every dataset we wrote, in its folder: no label file, importers pass over it."""


@dataclass(frozen=True)
class Selection:
    """Which images are written; an empty field chooses nothing out. All that are given must hold.

    ``statuses`` as in the project ("unlabelled", "in_progress", "done"), ``splits`` each image's own ("" = none), ``classes``
    names of which the image's labels hold one at least, ``since_s`` and ``until_s`` Unix times between which its labels were last
    changed (those of an image without any: when it was added). With ``only_classes`` labels of other classes are left out.
    """

    statuses: tuple[str, ...] = ()
    splits: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()
    since_s: float | None = None
    until_s: float | None = None
    only_classes: bool = False


@dataclass(frozen=True)
class Tiling:
    """Tiles to cut images into: ``size_px`` squared (less where the image is smaller), each row ``overlap_px`` over the last.

    The tiles at the right and lower edge are moved inwards, so that all are of one size. ``skips_empty`` leaves out tiles on which
    no pixel has a class.
    """

    size_px: int
    overlap_px: int = 0
    skips_empty: bool = False


@dataclass(frozen=True)
class ExportPlan:
    """A dataset to write: the format's id, the folder to make, and how images are put into splits.

    ``split_fractions`` None: not split; empty: each image's own split in the project ("train" where it has none). ``split_by``
    "file", or "folder" or a regular expression of names (as :func:`segstudio.core.splits.group_of`), whose images stay together.
    ``image_ids`` None: every image that has labels or is marked done. ``options`` are the format's own. ``workers`` 0: one thread
    a core.
    """

    format: str
    out: Path
    split_fractions: Mapping[str, float] | None = None
    seed: int = 0
    image_ids: Sequence[int] | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    select: Selection = field(default_factory=Selection)
    split_by: str = "file"
    tiles: Tiling | None = None
    workers: int = 0


@dataclass(frozen=True)
class ExportItem:
    """One image to write. ``stem`` is unique (also on disks that ignore case), ``layers`` reads its label layers.

    ``plane`` is the plane, from 0, of a volume of ``depth`` planes that is written as an image of its own (its layers
    have this plane only); None: the whole file. ``readers`` keeps a volume open between its planes. With ``make_image`` the file
    is not there: it is made at ``image_file`` before the item is written, and removed afterwards. ``group`` is what stays in one
    split. ``digest`` tells whether a killed export wrote just these labels ("": it is written again).
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
    make_image: Callable[[Path], None] | None = field(default=None, compare=False)
    group: str = ""
    digest: str = ""


@dataclass(frozen=True)
class Loss:
    """Something that a format cannot hold: what (``kind``), a sentence, in how many images, and how often (objects or pixels).

    Kinds: "overlap" (pixels), "objects" (objects that become areas), "stuff", "ignore", "unlabelled", "other_classes" (pixels left
    out or changed), "holes", "parts" (objects), "images" (images that cannot be written).
    """

    kind: str
    sentence: str
    images: int = 1
    count: int = 1


@dataclass(frozen=True)
class Checks:
    """What was compared after writing, pixel for pixel: ``reader`` is what read it back ("importer", or "exporter")."""

    reader: str = ""
    images: int = 0
    pixels: int = 0
    objects: int = 0
    ignored: int = 0


@dataclass(frozen=True)
class ExportReport:
    """What was written. ``skipped`` holds (image name, sentence); ``notes`` what the user should know.

    ``losses`` is what the format could not hold, counted on what was read back; ``resumed`` how many images a killed export had
    written. The same stands in :data:`REPORT_NAME` in the folder.
    """

    format: str
    out: Path
    images: int
    splits: Mapping[str, int]
    skipped: tuple[tuple[str, str], ...] = ()
    notes: tuple[str, ...] = ()
    losses: tuple[Loss, ...] = ()
    checks: Checks = field(default_factory=Checks)
    resumed: int = 0


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


@runtime_checkable
class ByImageExporter(Exporter, Protocol):
    """An exporter whose images can be written side by side, and whose killed exports can go on.

    Then ``write(item, cancel)`` is ``self.enter(item, self.write_image(item, cancel))``.
    """

    def write_image(self, item: ExportItem, cancel: Cancel) -> Any:
        """Write the files that are this image's own; what the dataset's index must know of it, as plain JSON values.

        Changes nothing of the exporter: it is called in several threads at once, in any order.
        """
        ...

    def enter(self, item: ExportItem, written: Any) -> None:
        """Take what :meth:`write_image` returned into the index: in the items' order, in one thread.

        It may have come through a JSON file (tuples are lists, keys texts), from the export that was killed.
        """
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
    ``holds_holes``, ``holds_parts`` (an object in several pieces), and classes and values up to ``most_classes``. ``has_values``: masks of
    class values, where unlabelled pixels are written as ignored once a class owns the value 0. ``holds_place``: labels lie on a map or
    in a body; then the exporter's own check, which looks at that, is asked beside the importer. ``needs`` is the extra that brings its library.
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
    holds_parts: bool = True
    has_values: bool = False
    holds_place: bool = False
    most_classes: int = 65535
    needs: str = ""
