"""The ``voc`` format: a VOCdevkit/VOC2012 folder as torchvision's VOCSegmentation reads it."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from segstudio.core.cancel import check
from segstudio.core.classes import IGNORE
from segstudio.core.display import DisplaySettings, auto_settings, shown_bands, to_rgb8
from segstudio.core.geometry import TILE, Rect
from segstudio.io.atomic import disk_error
from segstudio.io.formats.index_png import read_index_strips, write_index_png
from segstudio.io.formats.pixels import (
    IGNORE_8BIT,
    IGNORE_16BIT,
    MaskCode,
    first_difference_of_strips,
    label_layers,
    make_folder,
    read_pixels,
    value_strips,
    write_classes,
    write_text,
)
from segstudio.io.readers.planes import volume_display

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    import numpy.typing as npt

    from segstudio.core.cancel import Cancel
    from segstudio.core.classes import ClassTable
    from segstudio.core.layers import LabelLayer
    from segstudio.io.formats.base import ExportItem

_JPEG_QUALITY = 95
_MAX_SHORT_OBJECTS = 254


def object_palette() -> npt.NDArray[np.uint8]:
    """The (256, 3) colours of the VOC devkit: the index's bits go to red, green and blue in turn, from the top."""
    palette = np.zeros((256, 3), np.uint8)
    index = np.arange(256)
    for bit in range(3):
        for channel in range(3):
            palette[:, channel] |= (((index >> (3 * bit + channel)) & 1) << (7 - bit)).astype(np.uint8)
    return palette


class VocExporter:
    """Writes JPEGImages, SegmentationClass, SegmentationObject (where there are objects) and the lists of names.

    Each labelled plane of a volume is an image of its own, ``<stem>_z0012``, numbered from 0; all planes of a volume
    are brightened alike.
    """

    def __init__(self, folder: Path, classes: ClassTable, options: Mapping[str, Any]) -> None:
        self._root = folder / "VOCdevkit" / "VOC2012"
        self._classes = classes
        self._code = MaskCode.of(classes)
        self._names: dict[str | None, list[str]] = {}
        self._recoded = 0
        self._displays: dict[Path, DisplaySettings] = {}
        for name in ("JPEGImages", "SegmentationClass", "ImageSets/Segmentation"):
            make_folder(self._root / name)

    def _strips(self, item: ExportItem, layers: Sequence[LabelLayer], cancel: Cancel) -> Iterator[npt.NDArray[Any]]:
        return value_strips(layers, self._code, item.width, item.height, cancel)

    def write(self, item: ExportItem, cancel: Cancel) -> None:
        """Write the image as JPEG, and its masks."""
        self.enter(item, self.write_image(item, cancel))

    def enter(self, item: ExportItem, written: Any) -> None:
        """Put the image into the list of its split; count it where it had to be made a JPEG."""
        self._names.setdefault(item.split, []).append(item.stem)
        self._recoded += bool(written)

    def write_image(self, item: ExportItem, cancel: Cancel) -> bool:
        """Write the image as JPEG, and its masks; whether it was none. Images may be written side by side."""
        is_recoded = self._write_picture(item)
        layers = label_layers(item)
        palette = None if self._code.is_deep else self._code.palette
        file = self._root / "SegmentationClass" / f"{item.stem}.png"
        write_index_png(file, item.width, item.height, self._strips(item, layers, cancel), palette)
        objects = object_numbers(layers)
        if objects:
            make_folder(self._root / "SegmentationObject")
            is_deep = len(objects) > _MAX_SHORT_OBJECTS
            write_index_png(
                self._root / "SegmentationObject" / f"{item.stem}.png",
                item.width,
                item.height,
                object_strips(item, layers, objects, is_deep, cancel),
                None if is_deep else object_palette(),
            )
        return is_recoded

    def _write_picture(self, item: ExportItem) -> bool:
        from segstudio.io.readers.registry import probe

        target = self._root / "JPEGImages" / f"{item.stem}.jpg"
        info = probe(item.image_file)
        try:
            is_jpeg = (
                item.plane is None and info.metadata.get("format") == "JPEG" and "orientation" not in info.metadata
            )
            if is_jpeg and info.metadata.get("mode") in ("L", "RGB"):
                shutil.copyfile(item.image_file, target)
                return False
            values = np.moveaxis(read_pixels(item), -1, 0)
            picture = Image.fromarray(to_rgb8(values, self._display(item, values)))
            picture.save(target, "JPEG", quality=_JPEG_QUALITY, subsampling=0)
            return True
        except OSError as error:
            raise disk_error(error, target) from error

    def _display(self, item: ExportItem, values: npt.NDArray[Any]) -> DisplaySettings:
        """How the picture is brightened; a volume's planes all alike."""
        if item.plane is None:
            return auto_settings(values)
        if item.image_file not in self._displays:
            with item.readers.opened(item.image_file) as reader:
                settings = reader.info.metadata.get("display")
                if not isinstance(settings, DisplaySettings):
                    is_plain = values.dtype == np.uint8
                    settings = auto_settings(values) if is_plain else volume_display(reader, shown_bands(len(values)))
            self._displays[item.image_file] = settings
        return self._displays[item.image_file]

    def finish(self, splits: Sequence[str]) -> None:
        """Write a list of names a split, and ``trainval``; everything is "train" when not split."""
        names = {split or "train": stems for split, stems in self._names.items()}
        for split in splits:
            names.setdefault(split, [])
        names.setdefault("train", [])
        names.setdefault("val", [])
        names["trainval"] = sorted(names["train"] + names["val"])
        for split, stems in names.items():
            text = "".join(f"{stem}\n" for stem in sorted(stems))
            write_text(self._root / "ImageSets" / "Segmentation" / f"{split}.txt", text)
        write_classes(self._root / "classes.json", self._classes)

    def differs(self, item: ExportItem, cancel: Cancel) -> str:
        """Compare both masks with the layers."""
        layers = label_layers(item)
        values = read_index_strips(self._root / "SegmentationClass" / f"{item.stem}.png")
        found = first_difference_of_strips(values, self._strips(item, layers, cancel), item.width, item.height)
        objects = object_numbers(layers)
        if found or not objects:
            return found
        values = read_index_strips(self._root / "SegmentationObject" / f"{item.stem}.png")
        strips = object_strips(item, layers, objects, len(objects) > _MAX_SHORT_OBJECTS, cancel)
        return first_difference_of_strips(values, strips, item.width, item.height)

    def notes(self) -> list[str]:
        """Say which images had to be made JPEGs."""
        notes = []
        if self._recoded:
            count = f"{self._recoded} image was" if self._recoded == 1 else f"{self._recoded} images were"
            notes.append(f"VOC holds JPEGs only: {count} saved as JPEG (quality {_JPEG_QUALITY}); masks are exact.")
        return notes


def object_numbers(layers: Sequence[LabelLayer]) -> dict[tuple[int, int], int]:
    """(layer id, segment id) of every object → 1, 2, …; the lowest layer first."""
    keys = [
        (layer.id, segment.id)
        for layer in layers
        for segment in sorted(layer.segments.values(), key=lambda segment: segment.id)
        if segment.is_object and segment.class_id
    ]
    return {key: number for number, key in enumerate(keys, start=1)}


def object_strips(
    item: ExportItem,
    layers: Sequence[LabelLayer],
    objects: Mapping[tuple[int, int], int],
    is_deep: bool,
    cancel: Cancel,
) -> Iterator[npt.NDArray[Any]]:
    """(h, width) numbers of the objects, strip by strip: uint16 with 65535 where ignored, or uint8 with 255."""
    luts = []
    for layer in layers:
        lut = np.zeros(65536, np.uint16)
        lut[IGNORE] = IGNORE_16BIT if is_deep else IGNORE_8BIT
        for (layer_id, segment_id), number in objects.items():
            if layer_id == layer.id:
                lut[segment_id] = number
        luts.append(lut)
    only = None if len(luts) != 1 else luts[0] if is_deep else luts[0].astype(np.uint8)
    for y in range(0, item.height, TILE):
        check(cancel)
        rect = Rect(0, y, item.width, min(TILE, item.height - y))
        if only is not None:
            yield only.take(layers[0].read(rect))
            continue
        out = np.zeros((rect.height, rect.width), np.uint16)
        for layer, lut in zip(layers, luts):
            ids = layer.read(rect)
            np.copyto(out, lut[ids], where=ids != 0)
        yield out if is_deep else out.astype(np.uint8)
