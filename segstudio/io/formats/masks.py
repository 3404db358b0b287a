"""The ``masks`` format: images, index masks of the same names, and classes.json."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from segstudio.io.formats.index_png import read_index_strips, write_index_png
from segstudio.io.formats.pixels import (
    MaskCode,
    class_strips,
    first_difference_of_strips,
    label_layers,
    make_folder,
    place_image,
    write_classes,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    import numpy.typing as npt

    from segstudio.core.cancel import Cancel
    from segstudio.core.classes import ClassTable
    from segstudio.io.formats.base import ExportItem


class MasksExporter:
    """Writes ``images/`` and ``masks/`` (a folder a split below, when split) and ``classes.json``.

    Each labelled plane of a volume is an image of its own, numbered from 0: ``masks/<stem>_z0012.png`` and its picture
    of the same stem (see :func:`~segstudio.io.formats.pixels.place_image`).
    """

    def __init__(self, folder: Path, classes: ClassTable, options: Mapping[str, Any]) -> None:
        self._folder = folder
        self._classes = classes
        self._code = MaskCode.of(classes)
        make_folder(folder / "images")
        make_folder(folder / "masks")

    def _mask_file(self, item: ExportItem) -> Path:
        return self._folder / "masks" / (item.split or "") / f"{item.stem}.png"

    def _strips(self, item: ExportItem, cancel: Cancel) -> Iterator[npt.NDArray[Any]]:
        for strip in class_strips(label_layers(item), item.width, item.height, cancel):
            yield self._code.values(strip)

    def write(self, item: ExportItem, cancel: Cancel) -> None:
        """Copy the image, write its mask."""
        self.write_image(item, cancel)
        self.enter(item, None)

    def write_image(self, item: ExportItem, cancel: Cancel) -> None:
        """The same; images may be written side by side."""
        place_image(item, make_folder(self._folder / "images" / (item.split or "")))
        file = self._mask_file(item)
        make_folder(file.parent)
        palette = None if self._code.is_deep else self._code.palette
        write_index_png(file, item.width, item.height, self._strips(item, cancel), palette)

    def enter(self, item: ExportItem, written: Any) -> None:
        """There is no index."""

    def finish(self, splits: Sequence[str]) -> None:
        """Write the class list, and folders for splits that got no image."""
        for split in splits:
            make_folder(self._folder / "images" / split)
            make_folder(self._folder / "masks" / split)
        write_classes(self._folder / "classes.json", self._classes)

    def differs(self, item: ExportItem, cancel: Cancel) -> str:
        """Compare the mask file with the layers."""
        found = read_index_strips(self._mask_file(item))
        return first_difference_of_strips(found, self._strips(item, cancel), item.width, item.height)

    def notes(self) -> list[str]:
        """Where 16 bits were needed, say so."""
        return ["The masks are 16-bit grey, since a mask value is above 254."] if self._code.is_deep else []
