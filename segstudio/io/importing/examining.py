"""One image of a dataset after the other: which image of the project it is, whether its labels fit, and the labels as layers."""

from __future__ import annotations

import hashlib
import json
import logging
import tempfile
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from segstudio.core.cancel import NEVER, Cancel, check
from segstudio.core.errors import Cancelled, UserError
from segstudio.io.dataset_volumes import is_nifti_name
from segstudio.io.formats.pixels import safe_stem
from segstudio.io.formats.reading import build_layers
from segstudio.io.formats.safety import file_name
from segstudio.io.importing.class_names import extended_table, plan_classes
from segstudio.io.importing.matching import ProjectImages
from segstudio.io.importing.plan import ImportRow, PlannedClass
from segstudio.io.importing.turning import SWAPPED, turned
from segstudio.io.store.blobs import encode_tile
from segstudio.io.store.image_rows import kept_path
from segstudio.io.store.records import SPLITS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from segstudio.core.classes import ClassTable
    from segstudio.core.layer_builder import LayerBuilder
    from segstudio.core.layers import LabelLayer
    from segstudio.core.tiles import TileKey
    from segstudio.io.formats.base import FoundImage, Importer
    from segstudio.io.importing.plan import ImportRequest, RowKind
    from segstudio.io.readers.base import ImageInfo
    from segstudio.io.store.records import ImageRecord

MOST_PIXELS = 1 << 40
_SPLIT_NAMES = {"valid": "val", "validation": "val", "training": "train", "testing": "test", **{s: s for s in SPLITS}}
_SWEPT_EVERY = 512


@dataclass(eq=False)
class PackedLayer:
    """A layer as the store keeps it: ``tiles`` holds (key, bytes)."""

    layer: LabelLayer
    tiles: list[tuple[TileKey, bytes]]


@dataclass(eq=False)
class Examined:
    """One image with its row; ``record`` is the project's image, ``file`` the one to add where there is none."""

    row: ImportRow
    found: FoundImage
    record: ImageRecord | None = None
    file: Path | None = None
    layers: list[PackedLayer] = field(default_factory=list)
    digest: str = ""


class _NotTaken(Exception):
    """An image does not come: the kind of its row, and why."""

    def __init__(self, kind: RowKind, sentence: str) -> None:
        super().__init__(sentence)
        self.kind: RowKind = kind


class Examiner:
    """Looks through a dataset; ``classes`` and ``table`` grow as classes turn up."""

    def __init__(
        self,
        importer: Importer,
        request: ImportRequest,
        records: Sequence[ImageRecord],
        folder: Path,
        table: ClassTable,
        known: Mapping[int, frozenset[str]],
        *,
        reads_labels: bool = True,
    ) -> None:
        self._importer, self._request, self._folder = importer, request, folder
        self._images = ProjectImages(records, folder)
        self._known = known
        self._reads_labels = reads_labels
        self._before = table
        self._taken: set[object] = set()
        self._objects: dict[int, int] = {}
        self._pixels: dict[int, int] = {}
        self._plan_classes()

    def _plan_classes(self) -> None:
        found = list(self._importer.classes)
        self._class_count = len(found)
        self._classes = plan_classes(found, self._before, dict(self._request.mapping))
        self.table, self._class_ids = extended_table(self._classes, self._before)

    @property
    def classes(self) -> tuple[PlannedClass, ...]:
        """The dataset's classes with what was counted so far."""
        if len(self._importer.classes) != self._class_count:
            self._plan_classes()
        return tuple(
            replace(item, objects=self._objects.get(index, 0), pixels=self._pixels.get(index, 0))
            for index, item in enumerate(self._classes)
        )

    def walk(self, cancel: Cancel = NEVER) -> Iterator[Examined]:
        """Image after image; what one holds may be let go before the next is asked for."""
        with tempfile.TemporaryDirectory(prefix="segstudio-import-", ignore_cleanup_errors=True) as scratch:
            for found in self._importer.images():
                check(cancel)
                if len(self._importer.classes) != self._class_count:
                    self._plan_classes()
                yield self._examine(found, Path(scratch), cancel)
                for left in Path(scratch).iterdir():
                    left.unlink()

    def _examine(self, found: FoundImage, scratch: Path, cancel: Cancel) -> Examined:
        examined = Examined(ImportRow("skipped", found.name, split=_split(found)), found)
        try:
            self._place(examined, scratch)
            if self._reads_labels:
                self._read(examined, cancel)
        except _NotTaken as reason:
            examined.row = replace(examined.row, kind=reason.kind, sentence=str(reason))
            examined.layers = []
        return examined

    # -- the image -----------------------------------------------------------------------------------------------

    def _place(self, examined: Examined, scratch: Path) -> None:
        found = self._with_file(examined.found, scratch)
        match = self._images.match(found)
        if match.sentence:
            raise _NotTaken("conflict", f"{match.sentence}.")
        examined.record = match.record
        if match.record is None:
            self._place_new(examined, found)
        self._take(("record", match.record.id) if match.record else ("file", kept_path(_given(examined), self._folder)))
        kind: RowKind = "comes" if match.record is not None else "new image"
        image_id = 0 if match.record is None else match.record.id
        examined.row = replace(examined.row, kind=kind, image_id=image_id)

    def _place_new(self, examined: Examined, found: FoundImage) -> None:
        if not self._request.adds_images:
            raise _NotTaken("missing", "The image is not in the project.")
        if found.image is None or not found.image.is_file():
            reason = found.reason or "its file is missing"
            raise _NotTaken(
                "missing", f"The image is not in the project: {reason[:1].lower()}{reason[1:].rstrip('.')}."
            )
        examined.file = found.image

    def _take(self, key: object) -> None:
        if key in self._taken:
            raise _NotTaken("conflict", "The image comes twice; only what came first is taken.")
        self._taken.add(key)

    @staticmethod
    def _with_file(found: FoundImage, scratch: Path) -> FoundImage:
        """With an image that lies inside the dataset's own files written to *scratch*."""
        if found.image is not None or found.save_image is None:
            return found
        name = file_name(found.name)
        suffix = ".nii.gz" if is_nifti_name(Path(name)) and name.lower().endswith(".gz") else Path(name).suffix.lower()
        file = scratch / (safe_stem(name) + suffix)
        try:
            found.save_image(file)
        except UserError as error:
            return replace(found, reason=str(error))
        except Exception as error:  # noqa: BLE001 - the bytes may be anything
            return replace(found, reason=f"the image in the dataset cannot be read ({_short(error)})")
        return replace(found, image=file if file.is_file() else None)

    # -- its labels ----------------------------------------------------------------------------------------------

    def _read(self, examined: Examined, cancel: Cancel) -> None:
        try:
            builder = self._built(examined, cancel)
        except (Cancelled, _NotTaken):
            raise
        except UserError as error:
            raise _NotTaken("skipped", str(error)) from error
        except (Exception, RecursionError) as error:  # noqa: BLE001 - a damaged file makes a decoder raise anything
            logging.getLogger(__name__).warning("Labels of %s", examined.found.name, exc_info=True)
            raise _NotTaken("skipped", f"Its labels cannot be read ({_short(error)}).") from error
        examined.layers = [pack_layer(layer, cancel) for layer in builder.layers if not layer.is_blank]
        for index, count in builder.counts.objects.items():
            self._objects[index] = self._objects.get(index, 0) + count
        for index, count in builder.counts.pixels.items():
            self._pixels[index] = self._pixels.get(index, 0) + count
        examined.row = replace(
            examined.row,
            objects=sum(builder.counts.objects.values()),
            pixels=sum(builder.counts.pixels.values()),
            layers=len(examined.layers),
            sentence=_outside(builder.counts.outside),
        )
        self._settle(examined)

    def _settle(self, examined: Examined) -> None:
        if not examined.layers:
            if examined.record is not None:
                raise _NotTaken("skipped", "It has no labels.")
            return
        examined.digest = digest_of(examined.layers, self.table)
        known = self._known.get(0 if examined.record is None else examined.record.id, frozenset())
        if examined.digest in known:
            raise _NotTaken("unchanged", "")
        if known and not examined.row.sentence:
            sentence = "Other labels were imported for it before; these come into a layer of their own."
            examined.row = replace(examined.row, sentence=sentence)

    def _built(self, examined: Examined, cancel: Cancel) -> LayerBuilder:
        found, record = examined.found, examined.record
        if record is not None:
            size, file = (record.width, record.height, record.depth), self._images.file_of(record)
        else:
            file = _given(examined)
            info = _probed(file)
            size = (info.width, info.height, info.depth)
        if size[0] * size[1] * size[2] > MOST_PIXELS:
            raise _NotTaken("conflict", "The image is too large.")
        given = (found.width or size[0], found.height or size[1], found.depth if found.width else size[2])
        if given != size:
            orientation = _orientation(file)
            if orientation not in SWAPPED or given != (size[1], size[0], size[2]):
                raise _NotTaken("conflict", f"The image is {_sized(size)} but its labels are {_sized(given)}.")
            stored = replace(
                found, open_labels=lambda token: turned(found.open_labels(token), orientation, given[0], given[1])
            )
            return build_layers(stored, self._class_ids, size, cancel)
        return build_layers(found, self._class_ids, size, cancel)


def pack_layer(layer: LabelLayer, cancel: Cancel = NEVER) -> PackedLayer:
    """The layer with its tiles as bytes, in order."""
    tiles = []
    for number, key in enumerate(sorted(layer.tiles.keys())):
        if number % _SWEPT_EVERY == 0:
            check(cancel)
        tiles.append((key, encode_tile(layer.tiles.held(key))))
    return PackedLayer(layer, tiles)


def digest_of(layers: Sequence[PackedLayer], table: ClassTable) -> str:
    """Hex that tells labels apart: classes by name, what is known of each segment, and every pixel."""
    digest = hashlib.sha256()
    for packed in layers:
        rows: list[Any] = []
        for segment in sorted(packed.layer.segments.values(), key=lambda item: item.id):
            item = table.by_id(segment.class_id)
            name = "" if item is None else item.name
            kept = (segment.id, name, segment.is_object, segment.source, segment.model_id, segment.confidence)
            rows.append([*kept, segment.is_reviewed])
        digest.update(json.dumps(rows, ensure_ascii=False).encode())
        for key, data in packed.tiles:
            digest.update(f"{key}".encode())
            digest.update(data)
    return digest.hexdigest()


def _given(examined: Examined) -> Path:
    assert examined.file is not None
    return examined.file


def _probed(file: Path) -> ImageInfo:
    from segstudio.io.readers.registry import probe

    try:
        return probe(file)
    except UserError as error:
        raise _NotTaken("conflict", str(error)) from error


def _orientation(file: Path) -> int:
    from segstudio.io.readers.registry import probe

    try:
        return int(probe(file).metadata.get("orientation", 1))
    except UserError:
        return 1


def _split(found: FoundImage) -> str:
    return _SPLIT_NAMES.get((found.split or "").strip().casefold(), "")


def _sized(size: tuple[int, int, int]) -> str:
    planes = f" × {size[2]}" if size[2] > 1 else ""
    return f"{size[0]} × {size[1]}{planes} pixels"


def _outside(pixels: int) -> str:
    return f"{pixels:,} of its labelled pixels lie outside the image and are left out." if pixels else ""


def _short(error: BaseException) -> str:
    text = " ".join(str(error).split())[:120]
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
