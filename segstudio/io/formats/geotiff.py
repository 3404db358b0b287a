"""The ``geotiff`` format: index masks as GeoTIFF that lie on the map where their images do."""

from __future__ import annotations

from itertools import zip_longest
from typing import TYPE_CHECKING, Any

import numpy as np

from segstudio.core.errors import UserError
from segstudio.io.atomic import disk_error
from segstudio.io.formats.pixels import (
    MaskCode,
    class_strips,
    label_layers,
    make_folder,
    place_image,
    write_classes,
)
from segstudio.io.geo_tags import GeoTags, read_geo_tags
from segstudio.io.geotiff import read_strips, write_geotiff

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    import numpy.typing as npt

    from segstudio.core.cancel import Cancel
    from segstudio.core.classes import ClassTable
    from segstudio.io.formats.base import ExportItem


class GeoTiffExporter:
    """Writes ``masks/`` (tiled, deflated, in the classes' colours), ``images/`` and ``classes.json``.

    A folder a split below, when split. CRS and transform are the image's, tag by tag; the mask's nodata value is that of
    ignored pixels. Options: ``images`` (True) copies the images, too.
    """

    def __init__(self, folder: Path, classes: ClassTable, options: Mapping[str, Any]) -> None:
        self._folder = folder
        self._classes = classes
        self._with_images = bool(options.get("images", True))
        self._code = MaskCode.of(classes)
        self._without_place = 0
        make_folder(folder / "masks")

    def _mask_file(self, item: ExportItem) -> Path:
        return self._folder / "masks" / (item.split or "") / f"{item.stem}.tif"

    def _strips(self, item: ExportItem, cancel: Cancel) -> Iterator[npt.NDArray[Any]]:
        for strip in class_strips(label_layers(item), item.width, item.height, cancel):
            yield self._code.values(strip)

    def write(self, item: ExportItem, cancel: Cancel) -> None:
        """Write the mask with the image's geo-reference, copy the image."""
        if self._with_images:
            place_image(item, make_folder(self._folder / "images" / (item.split or "")))
        tags = geo_reference(item)
        file = self._mask_file(item)
        make_folder(file.parent)
        code = self._code
        try:
            write_geotiff(
                file,
                item.width,
                item.height,
                self._strips(item, cancel),
                np.uint16 if code.is_deep else np.uint8,
                tags,
                nodata=code.ignore,
                palette=code.palette,
            )
        except OSError as error:
            raise disk_error(error, file) from error
        self._without_place += not tags

    def finish(self, splits: Sequence[str]) -> None:
        """Write the class list, and folders for splits that got no image."""
        for split in splits:
            for name in ("images", "masks") if self._with_images else ("masks",):
                make_folder(self._folder / name / split)
        write_classes(self._folder / "classes.json", self._classes)

    def differs(self, item: ExportItem, cancel: Cancel) -> str:
        """Compare the mask file with the layers and its geo-reference with the image's."""
        file = self._mask_file(item)
        if read_geo_tags(file) != geo_reference(item):
            return "the geo-reference is not that of the image"
        try:
            for row, (found, meant) in enumerate(zip_longest(read_strips(file), self._strips(item, cancel))):
                if found is None or meant is None or found.shape != meant.shape:
                    return "its size is another"
                if not np.array_equal(found, meant):
                    return f"the rows from {256 * row} on are not the same"
        except (OSError, ValueError) as error:
            raise UserError("The mask cannot be read back", path=file) from error
        return ""

    def notes(self) -> list[str]:
        """Say where there was no place on the map, and where 16 bits were needed."""
        notes = []
        if self._without_place:
            count = self._without_place
            have = "1 image has" if count == 1 else f"{count} images have"
            notes.append(f"{have} no place on a map, so the mask is a plain TIFF.")
        if self._code.is_deep:
            notes.append("The masks are 16-bit, since a mask value is above 254.")
        return notes


def geo_reference(item: ExportItem) -> GeoTags:
    """The image's geo-reference; none for one that is shown turned: its tags hold for the pixels as they are stored."""
    from segstudio.io.readers.registry import probe

    return () if "orientation" in probe(item.image_file).metadata else read_geo_tags(item.image_file)
