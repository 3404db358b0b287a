"""The ``parquet`` format: shards as the Hugging Face hub has them, with pictures, masks and objects in columns, and a card.

Specification: https://huggingface.co/docs/datasets/image_dataset and https://huggingface.co/docs/hub/datasets-cards
"""

from __future__ import annotations

import io
import json
import shutil
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from segstudio.core.cancel import NEVER, Cancel, check
from segstudio.core.classes import MAX_ID
from segstudio.core.errors import UserError
from segstudio.core.geometry import TILE, Rect
from segstudio.io.atomic import disk_error
from segstudio.io.formats.index_png import write_index_png
from segstudio.io.formats.parquet_card import card
from segstudio.io.formats.parquet_rows import RowPlace, RowReader
from segstudio.io.formats.pixels import (
    MaskCode,
    class_strips,
    first_difference,
    label_layers,
    make_folder,
    place_image,
    write_classes,
    write_text,
)
from segstudio.io.readers.extras import needs

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    import numpy.typing as npt

    from segstudio.core.classes import ClassTable
    from segstudio.core.layers import LabelLayer
    from segstudio.io.formats.base import ExportItem

PARTS = ".parts"
KEY = b"segstudio"
SHARD_BYTES = 500 << 20
GROUP_BYTES, GROUP_ROWS = 32 << 20, 100


class ParquetExporter:
    """Writes ``data/<split>-00000-of-00001.parquet`` …, ``README.md``, ``classes.json`` and ``id2label.json``.

    Columns: ``image`` and ``mask`` (picture files: an index mask of 8 or 16 bits), ``instances`` (16-bit PNG of object numbers, or
    null) and ``objects`` (number and class of each). Until :meth:`finish` each image has a folder of its own in a hidden one.
    """

    def __init__(self, folder: Path, classes: ClassTable, options: Mapping[str, Any]) -> None:
        needs("pyarrow.parquet", "Parquet files", "parquet")
        self._folder = folder
        self._classes = classes
        self._code = MaskCode.of(classes)
        self._rows: list[tuple[ExportItem, dict[str, Any]]] = []
        self._places: dict[int, tuple[Path, RowPlace]] = {}
        self._reader: RowReader | None = None
        make_folder(folder / "data")
        make_folder(folder / PARTS)

    def write(self, item: ExportItem, cancel: Cancel) -> None:
        """Write the image's pictures and remember its row."""
        self.enter(item, self.write_image(item, cancel))

    def write_image(self, item: ExportItem, cancel: Cancel) -> dict[str, Any]:
        """Write the image, its mask and its objects as files of their own; what its row says of them."""
        place = make_folder(self._part(item))
        layers = label_layers(item)
        image = place_image(item, place)
        palette = None if self._code.is_deep else self._code.palette
        masks = (self._code.values(strip) for strip in class_strips(layers, item.width, item.height, cancel))
        write_index_png(place / "mask", item.width, item.height, masks, palette)
        numbers = _object_luts(layers, item)
        if numbers:
            strips = _object_strips(layers, numbers, item, cancel)
            write_index_png(place / "instances", item.width, item.height, strips)
        return {"image": image, "objects": self._objects(layers, numbers)}

    def _part(self, item: ExportItem) -> Path:
        return self._folder / PARTS / f"{item.number:08d}"

    def _objects(self, layers: Sequence[LabelLayer], numbers: Mapping[int, npt.NDArray[np.uint16]]) -> list[list[int]]:
        """[number, index of the class] of each object."""
        return [
            [int(lut[segment.id]), self._classes.index_of(segment.class_id)]
            for index, lut in numbers.items()
            for segment in sorted(layers[index].segments.values(), key=lambda row: row.id)
            if lut[segment.id]
        ]

    def enter(self, item: ExportItem, written: Any) -> None:
        """Remember the row; an export that was killed while it checked its shards has no pictures left of it."""
        if not self._part(item).is_dir():
            written = self.write_image(item, NEVER)
        self._rows.append((item, written))

    def finish(self, splits: Sequence[str]) -> None:
        """Put the rows into shards, split by split, and write the card and the class lists."""
        by_split: dict[str, list[tuple[ExportItem, dict[str, Any]]]] = {split: [] for split in splits}
        for item, written in sorted(self._rows, key=lambda row: row[0].number):
            by_split.setdefault(item.split or "train", []).append((item, written))
        for split, rows in by_split.items():
            self._write_shards(split, rows)
        shutil.rmtree(self._folder / PARTS, ignore_errors=True)
        counts = {split: len(rows) for split, rows in by_split.items()}
        write_text(self._folder / "README.md", card(self._classes, counts, self._code.ignore))
        write_classes(self._folder / "classes.json", self._classes)
        names = {str(item.mask_value): item.name for item in sorted(self._classes, key=lambda item: item.mask_value)}
        write_text(self._folder / "id2label.json", json.dumps(names, indent=1, ensure_ascii=False) + "\n")

    def _write_shards(self, split: str, rows: list[tuple[ExportItem, dict[str, Any]]]) -> None:
        shards: list[list[tuple[ExportItem, dict[str, Any]]]] = [[]]
        size = 0
        for row in rows:
            more = sum(path.stat().st_size for path in self._part(row[0]).iterdir())
            if shards[-1] and size + more > SHARD_BYTES:
                shards.append([])
                size = 0
            shards[-1].append(row)
            size += more
        for number, shard in enumerate(shards):
            self._write_shard(self._folder / "data" / f"{split}-{number:05d}-of-{len(shards):05d}.parquet", shard)

    def _write_shard(self, file: Path, rows: list[tuple[ExportItem, dict[str, Any]]]) -> None:
        import pyarrow
        from pyarrow import parquet

        schema = _schema(pyarrow, self._classes, self._code.ignore)
        try:
            with parquet.ParquetWriter(file, schema, use_dictionary=False, write_statistics=False) as writer:
                pending: list[dict[str, Any]] = []
                size = group = 0
                for item, written in rows:
                    row = self._row(item, written)
                    self._places[item.number] = (file, RowPlace(group, len(pending)))
                    pending.append(row)
                    size += sum(len(row[name]["bytes"]) for name in ("image", "mask", "instances") if row[name])
                    if size > GROUP_BYTES or len(pending) >= GROUP_ROWS:
                        writer.write_table(pyarrow.Table.from_pylist(pending, schema))
                        pending, size, group = [], 0, group + 1
                if pending or not rows:
                    writer.write_table(pyarrow.Table.from_pylist(pending, schema))
        except OSError as error:
            raise disk_error(error, file) from error

    def _row(self, item: ExportItem, written: Mapping[str, Any]) -> dict[str, Any]:
        place = self._part(item)
        objects = [{"id": number, "category": index} for number, index in written["objects"]]
        row: dict[str, Any] = {"objects": objects, "instances": None}
        for column, name in (("image", written["image"]), ("mask", "mask"), ("instances", "instances")):
            if column == "instances" and not objects:
                continue
            suffix = name if column == "image" else f"{item.stem}.png"
            row[column] = {"bytes": (place / name).read_bytes(), "path": suffix}
        return row

    def differs(self, item: ExportItem, cancel: Cancel = NEVER) -> str:
        """Read the image's row back and compare its masks with the layers."""
        file, place = self._places[item.number]
        if self._reader is None or self._reader.path != file:
            if self._reader is not None:
                self._reader.close()
            self._reader = RowReader(file)
        row = self._reader.row(place, ("mask", "instances", "objects"))
        layers = label_layers(item)
        masks = (self._code.values(strip) for strip in class_strips(layers, item.width, item.height, cancel))
        found = first_difference(_picture(row["mask"]["bytes"]), masks, item.width, item.height)
        numbers = _object_luts(layers, item)
        if found or not numbers:
            return found
        if [[one["id"], one["category"]] for one in row["objects"]] != self._objects(layers, numbers):
            return "its objects are others"
        strips = _object_strips(layers, numbers, item, cancel)
        return first_difference(_picture(row["instances"]["bytes"]), strips, item.width, item.height)

    def notes(self) -> list[str]:
        """Where 16 bits were needed, say so."""
        if self._reader is not None:
            self._reader.close()
            self._reader = None
        return ["The masks are 16-bit grey, since a mask value is above 254."] if self._code.is_deep else []


def _schema(pyarrow: Any, classes: ClassTable, ignore: int) -> Any:
    """The columns, with what ``datasets`` makes of them, and our class list."""
    picture = pyarrow.struct([("bytes", pyarrow.binary()), ("path", pyarrow.string())])
    rows = pyarrow.list_(pyarrow.struct([("id", pyarrow.int32()), ("category", pyarrow.int64())]))
    category = {"names": [item.name for item in classes], "_type": "ClassLabel"}
    features: dict[str, Any] = {name: {"_type": "Image"} for name in ("image", "mask", "instances")}
    # A list of one is how every version of ``datasets`` writes a list of dicts.
    features["objects"] = [{"id": {"dtype": "int32", "_type": "Value"}, "category": category}]
    table = [{"value": item.mask_value, "name": item.name, "color": item.color} for item in classes]
    about = {
        b"huggingface": json.dumps({"info": {"features": features}}).encode(),
        KEY: json.dumps({"classes": table, "ignore": ignore}, ensure_ascii=False).encode(),
    }
    columns = [("image", picture), ("mask", picture), ("instances", picture), ("objects", rows)]
    return pyarrow.schema(columns, metadata=about)


def _object_luts(layers: Sequence[LabelLayer], item: ExportItem) -> dict[int, npt.NDArray[np.uint16]]:
    """Index of the layer → segment id → number of the object in the image, 0 for what is none; {} where there are none."""
    luts: dict[int, npt.NDArray[np.uint16]] = {}
    number = 0
    for index, layer in enumerate(layers):
        lut = np.zeros(65536, np.uint16)
        for segment in sorted(layer.segments.values(), key=lambda row: row.id):
            if segment.is_object and segment.class_id:
                number += 1
                if number > MAX_ID:
                    raise UserError(
                        f"{item.name} has more than {MAX_ID} objects", path=item.image_file, remedy="export it in tiles"
                    )
                lut[segment.id] = number
        luts[index] = lut
    return luts if number else {}


def _object_strips(
    layers: Sequence[LabelLayer], luts: Mapping[int, npt.NDArray[np.uint16]], item: ExportItem, cancel: Cancel
) -> Iterator[npt.NDArray[np.uint16]]:
    """Object numbers, a row of tiles at a time; later layers lie over earlier ones."""
    for y in range(0, item.height, TILE):
        check(cancel)
        rect = Rect(0, y, item.width, min(TILE, item.height - y))
        out = np.zeros((rect.height, rect.width), np.uint16)
        for index, layer in enumerate(layers):
            ids = layer.read(rect)
            np.copyto(out, luts[index][ids], where=ids != 0)
        yield out


def _picture(data: bytes) -> npt.NDArray[Any]:
    """(y, x) uint8 or uint16 values of a mask we wrote."""
    with Image.open(io.BytesIO(data), formats=("PNG",)) as image:
        values = np.asarray(image)
        return values if image.mode in ("P", "L") else values.astype(np.uint16)
