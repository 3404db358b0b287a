"""The ``camvid`` format: a folder of images and one of masks a split, as SegNet's tutorial and CVAT have it.

``train/``, ``trainannot/``, ``train.txt`` …, ``label_colors.txt``. Masks are palette PNGs, whose indices and colours both tell
the class; 11, where no class owns it, is what nobody labelled.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from segstudio.core.classes import UNLABELLED
from segstudio.io.formats.index_png import read_index_strips, write_index_png
from segstudio.io.formats.pixels import (
    MaskCode,
    class_strips,
    first_difference_of_strips,
    label_layers,
    make_folder,
    place_image,
    write_classes,
    write_text,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    import numpy.typing as npt

    from segstudio.core.cancel import Cancel
    from segstudio.core.classes import ClassTable
    from segstudio.io.formats.base import ExportItem

SEGNET_VOID = 11
COLOR_LIST = "label_colors.txt"


def void_value(values: Iterable[int]) -> int:
    """What stands for pixels without a label beside classes of these mask values: 0, else 11, else the highest that is free."""
    used = set(values)
    for value in (0, SEGNET_VOID):
        if value not in used:
            return value
    return next(value for value in range(254 if max(used) < 255 else 65534, -1, -1) if value not in used)


class CamvidExporter:
    """Writes ``<split>/``, ``<split>annot/``, ``<split>.txt``, ``label_colors.txt`` and ``classes.json``; not split: "train"."""

    def __init__(self, folder: Path, classes: ClassTable, options: Mapping[str, Any]) -> None:
        self._folder = folder
        self._classes = classes
        code = MaskCode.of(classes)
        self._void = void_value(item.mask_value for item in classes)
        lut = code.lut.copy()
        known = np.zeros(65536, np.bool_)
        known[[UNLABELLED, *(item.id for item in classes)]] = True
        # Pixels of a class that is gone are labelled no more.
        lut[~known & (lut != code.ignore)] = lut[UNLABELLED] = self._void
        self._code = MaskCode(lut, code.is_deep, code.palette)
        self._lines: dict[str, list[str]] = {}

    def _mask_file(self, item: ExportItem) -> Path:
        return self._folder / f"{item.split or 'train'}annot" / f"{item.stem}.png"

    def _strips(self, item: ExportItem, cancel: Cancel) -> Iterator[npt.NDArray[Any]]:
        for strip in class_strips(label_layers(item), item.width, item.height, cancel):
            yield self._code.values(strip)

    def write(self, item: ExportItem, cancel: Cancel) -> None:
        """Copy the image, write its mask."""
        self.enter(item, self.write_image(item, cancel))

    def write_image(self, item: ExportItem, cancel: Cancel) -> str:
        """Copy the image, write its mask; the image's file name. Images may be written side by side."""
        name = place_image(item, make_folder(self._folder / (item.split or "train")))
        file = self._mask_file(item)
        make_folder(file.parent)
        palette = None if self._code.is_deep else self._code.palette
        write_index_png(file, item.width, item.height, self._strips(item, cancel), palette)
        return name

    def enter(self, item: ExportItem, written: Any) -> None:
        """Put the image into the list of its split."""
        split = item.split or "train"
        line = f"/{split}/{written} /{split}annot/{item.stem}.png"
        self._lines.setdefault(split, []).append(line)

    def finish(self, splits: Sequence[str]) -> None:
        """Write the lists of images, of colours, and of classes with their values."""
        for split in {*splits, *self._lines}:
            make_folder(self._folder / split)
            make_folder(self._folder / f"{split}annot")
            lines = sorted(self._lines.get(split, []))
            write_text(self._folder / f"{split}.txt", "".join(f"{line}\n" for line in lines))
        rows = ["0 0 0 Void", *("{} {} {} {}".format(*item.rgb, item.name) for item in self._classes)]
        write_text(self._folder / COLOR_LIST, "".join(f"{row}\n" for row in rows))
        write_classes(self._folder / "classes.json", self._classes)

    def differs(self, item: ExportItem, cancel: Cancel) -> str:
        """Compare the mask file with the layers."""
        found = read_index_strips(self._mask_file(item))
        return first_difference_of_strips(found, self._strips(item, cancel), item.width, item.height)

    def notes(self) -> list[str]:
        """Where 16 bits were needed, or unlabelled pixels are another value than 0, say so."""
        notes = ["The masks are 16-bit grey, since a mask value is above 254."] if self._code.is_deep else []
        if self._void:
            notes.append(f"Pixels without a label are {self._void} in the masks, since a class owns the value 0.")
        return notes
