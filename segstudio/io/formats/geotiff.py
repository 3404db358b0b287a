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

    A folder a split below, when split. CRS and transform are the image's, tag by tag. Options: ``images`` (True) copies the
    images, too; ``nodata`` (-1) is the mask's nodata value, which ignored pixels get: by default 255, or 65535 of 16 bits. With 0
    GIS programs draw unlabelled pixels as nothing, and ignored ones keep 255.
    """

    def __init__(self, folder: Path, classes: ClassTable, options: Mapping[str, Any]) -> None:
        self._folder = folder
        self._classes = classes
        self._with_images = bool(options.get("images", True))
        self._code = MaskCode.of(classes)
        self._nodata = self._checked_nodata(int(options.get("nodata", -1)))
        self._without_place = 0
        make_folder(folder / "masks")

    def _checked_nodata(self, wanted: int) -> int:
        if wanted == -1:
            return self._code.ignore
        owner = self._classes.by_mask_value(wanted)
        if not 0 <= wanted <= self._code.ignore or owner is not None:
            why = f"the class {owner.name} has it" if owner is not None else f"it is not from 0 to {self._code.ignore}"
            raise UserError(f"{wanted} cannot be the nodata value: {why}", remedy="choose another")
        return wanted

    def _mask_file(self, item: ExportItem) -> Path:
        return self._folder / "masks" / (item.split or "") / f"{item.stem}.tif"

    def _strips(self, item: ExportItem, cancel: Cancel) -> Iterator[npt.NDArray[Any]]:
        for strip in class_strips(label_layers(item), item.width, item.height, cancel):
            values = self._code.values(strip)
            if self._nodata not in (0, self._code.ignore):
                values[values == self._code.ignore] = self._nodata
            yield values

    def write(self, item: ExportItem, cancel: Cancel) -> None:
        """Write the mask with the image's geo-reference, copy the image."""
        self.enter(item, self.write_image(item, cancel))

    def enter(self, item: ExportItem, written: Any) -> None:
        """Count what the notes tell."""
        self._without_place += not written

    def write_image(self, item: ExportItem, cancel: Cancel) -> bool:
        """As :meth:`write`; whether the image is on the map."""
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
                nodata=self._nodata,
                palette=code.palette,
            )
        except OSError as error:
            raise disk_error(error, file) from error
        return bool(tags)

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
