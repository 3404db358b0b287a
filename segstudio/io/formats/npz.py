"""The ``npz`` format: one archive of NumPy arrays an image: its pixels, the class mask, and the segments of every layer."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np

from segstudio.core.cancel import NEVER, Cancel, check
from segstudio.core.classes import UNLABELLED
from segstudio.core.geometry import TILE, Rect
from segstudio.io.formats.id_planes import id_strips
from segstudio.io.formats.pixels import MaskCode, class_strips, label_layers, make_folder, write_classes
from segstudio.io.npz_files import NpzReader, NpzWriter, writing
from segstudio.io.readers.registry import probe

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    import numpy.typing as npt

    from segstudio.core.classes import ClassTable
    from segstudio.core.layers import LabelLayer
    from segstudio.io.formats.base import ExportItem
    from segstudio.io.readers.base import ImageReader


class NpzExporter:
    """Writes ``<stem>.npz`` (in a folder a split, when split) and ``classes.json``.

    Arrays: ``image`` (unless told not to) the raw values, (y, x), (y, x, band), or with z in front; ``mask`` the classes' mask
    values; ``segments`` (layer, [z,] y, x) uint16 segment ids with their table as JSON in ``segment_table``, where there are
    objects, several layers, or unlabelled pixels that the mask must write as ignored; ``ignore``, ``classes``, ``name``, and
    ``affine`` and ``spacing`` where they are known.
    """

    def __init__(self, folder: Path, classes: ClassTable, options: Mapping[str, Any]) -> None:
        self._folder = folder
        self._classes = classes
        self._code = MaskCode.of(classes)
        self._has_images = bool(options.get("images", True))

    def _file(self, item: ExportItem) -> Path:
        return self._folder / (item.split or "") / f"{item.stem}.npz"

    def write(self, item: ExportItem, cancel: Cancel) -> None:
        """Write the archive."""
        self.enter(item, self.write_image(item, cancel))

    def enter(self, item: ExportItem, written: Any) -> None:
        """There is no index."""

    def write_image(self, item: ExportItem, cancel: Cancel) -> dict[str, Any]:
        """Write the archive, strip by strip."""
        file = self._file(item)
        make_folder(file.parent)
        layers = label_layers(item)
        info = probe(item.image_file)
        depth = info.depth if item.plane is None else 1
        shape = (depth, item.height, item.width) if depth > 1 else (item.height, item.width)
        with writing(file) as archive:
            if self._has_images:
                _write_image(archive, item, shape, cancel)
            kind = np.uint16 if self._code.is_deep else np.uint8
            archive.array("mask", kind, shape, self._masks(item, layers, depth, cancel))
            if self._needs_segments(layers):
                parts = (strip for layer in layers for strip in id_strips(layer, cancel))
                archive.array("segments", np.uint16, (len(layers), *shape), parts)
                archive.value("segment_table", self._table(layers))
            archive.value("ignore", np.uint16(self._code.ignore))
            archive.value("classes", self._class_rows())
            archive.value("name", item.name)
            for key, length in (("affine", 16), ("spacing", 3)):
                values = np.asarray(info.metadata.get(key, ()), np.float64)
                if values.size == length:
                    archive.value(key, values)
        return {}

    def _masks(
        self, item: ExportItem, layers: Sequence[LabelLayer], depth: int, cancel: Cancel
    ) -> Iterator[npt.NDArray[Any]]:
        for z in range(depth):
            for strip in class_strips(layers, item.width, item.height, cancel, z):
                yield self._code.values(strip)

    def _needs_segments(self, layers: Sequence[LabelLayer]) -> bool:
        has_objects = any(segment.is_object for layer in layers for segment in layer.segments.values())
        return bool(layers) and (has_objects or len(layers) > 1 or self._code.lut[UNLABELLED] != 0)

    def _class_rows(self) -> str:
        rows = [{"value": item.mask_value, "name": item.name, "color": item.color} for item in self._classes]
        return json.dumps(rows, ensure_ascii=False)

    def _table(self, layers: Sequence[LabelLayer]) -> str:
        """The segments that have pixels, as JSON."""
        rows = []
        for index, layer in enumerate(layers):
            used = layer.segment_pixels()
            for segment in sorted(layer.segments.values(), key=lambda row: row.id):
                item = self._classes.by_id(segment.class_id)
                if segment.id not in used or item is None:
                    continue
                row = {"layer": index, "id": segment.id, "class": item.name, "is_object": segment.is_object}
                row |= {"source": segment.source, "model": segment.model_id, "confidence": segment.confidence}
                rows.append(row | {"is_reviewed": segment.is_reviewed})
        return json.dumps(rows, ensure_ascii=False)

    def finish(self, splits: Sequence[str]) -> None:
        """Write the class list, and folders for splits that got no image."""
        for split in splits:
            make_folder(self._folder / split)
        write_classes(self._folder / "classes.json", self._classes)

    def differs(self, item: ExportItem, cancel: Cancel = NEVER) -> str:
        """Compare the mask and the segments with the layers."""
        layers = label_layers(item)
        with NpzReader(self._file(item)) as archive:
            shape = archive.heads["mask"].shape
            masks = self._masks(item, layers, shape[0] if len(shape) == 3 else 1, cancel)
            found = _difference(archive, "mask", masks)
            if found or not self._needs_segments(layers):
                return found
            if archive.text("segment_table") != self._table(layers):
                return "the table of its segments is another"
            return _difference(archive, "segments", (strip for layer in layers for strip in id_strips(layer, cancel)))

    def notes(self) -> list[str]:
        """Nothing needs to be said."""
        return []


def _write_image(archive: NpzWriter, item: ExportItem, shape: tuple[int, ...], cancel: Cancel) -> None:
    with item.readers.opened(item.image_file) as reader:
        info = reader.info
        sides = shape if info.bands == 1 else (*shape, info.bands)
        planes: Iterable[int] = range(info.depth) if item.plane is None else (item.plane,)
        archive.array("image", info.dtype, sides, _strips(reader, planes, cancel))


def _strips(reader: ImageReader, planes: Iterable[int], cancel: Cancel) -> Iterator[npt.NDArray[Any]]:
    """(y, x, band) values, strip by strip."""
    info = reader.info
    for z in planes:
        for y in range(0, info.height, TILE):
            check(cancel)
            yield np.moveaxis(reader.read(0, z, Rect(0, y, info.width, min(TILE, info.height - y))), 0, -1)


def _difference(archive: NpzReader, name: str, strips: Iterable[npt.NDArray[Any]]) -> str:
    """Where an array differs from the strips it was made of; "" nowhere."""
    start = 0
    for number, strip in enumerate(strips):
        if not np.array_equal(archive.read(name, start, strip.size), strip.reshape(-1)):
            return f"in the array “{name}”, strip {number} is another"
        start += strip.size
    return ""
