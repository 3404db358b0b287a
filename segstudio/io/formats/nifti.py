"""The ``nifti`` format: label maps that lie on their images voxel by voxel, and classes.json."""

from __future__ import annotations

import json
from contextlib import closing
from typing import TYPE_CHECKING, Any

import numpy as np

from segstudio.core.cancel import NEVER, Cancel, check
from segstudio.core.geometry import Rect
from segstudio.io.formats.pixels import (
    MaskCode,
    class_strips,
    first_difference,
    label_layers,
    make_folder,
    write_classes,
    write_text,
)
from segstudio.io.nifti_labels import LabelGrid, copy_without_names, grid_of, read_labels, write_labels, write_values
from segstudio.io.readers.registry import open_image, probe

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    import numpy.typing as npt

    from segstudio.core.classes import ClassTable
    from segstudio.io.formats.base import ExportItem
    from segstudio.io.readers.base import ImageInfo


class NiftiExporter:
    """Writes ``labels/`` and (unless told not to) ``images/``, a folder a split below when split; and the classes.

    A label file has the affine, spacing, order of axes and header kind of its image and the classes' mask values;
    each has its classes beside it as JSON. Images of other formats are written as NIfTI, without anything that names a patient.
    """

    def __init__(self, folder: Path, classes: ClassTable, options: Mapping[str, Any]) -> None:
        self._folder = folder
        self._classes = classes
        self._code = MaskCode.of(classes)
        self._has_images = bool(options.get("images", True))
        self._unplaced: list[str] = []
        make_folder(folder / "labels")

    def _file(self, item: ExportItem, kind: str) -> Path:
        return self._folder / kind / (item.split or "") / f"{item.stem}.nii.gz"

    def _planes(self, item: ExportItem, depth: int, cancel: Cancel) -> Iterator[npt.NDArray[Any]]:
        layers = label_layers(item)
        for z in range(depth):
            check(cancel)
            strips = class_strips(layers, item.width, item.height, cancel, z)
            yield np.concatenate([self._code.values(strip) for strip in strips])

    def write(self, item: ExportItem, cancel: Cancel) -> None:
        """Write the label map, its classes, and the image."""
        self.enter(item, self.write_image(item, cancel))

    def enter(self, item: ExportItem, written: Any) -> None:
        """Remember whether the image has a place in space."""
        if not written["is_placed"]:
            self._unplaced.append(item.name)

    def write_image(self, item: ExportItem, cancel: Cancel) -> dict[str, Any]:
        """Write the image's files; whether it has a place in space."""
        info = probe(item.image_file)
        grid = grid_of(item.image_file, info)
        file = self._file(item, "labels")
        make_folder(file.parent)
        write_labels(file, grid, self._planes(item, info.depth, cancel), np.uint16 if self._code.is_deep else np.uint8)
        write_text(file.with_name(file.name.removesuffix(".nii.gz") + ".json"), self._sidecar())
        if self._has_images:
            self._write_image(item, info, grid, cancel)
        return {"is_placed": "affine" in info.metadata}

    def _sidecar(self) -> str:
        rows = [{"value": item.mask_value, "name": item.name, "color": item.color} for item in self._classes]
        return json.dumps({"classes": rows, "ignore": self._code.ignore}, indent=1, ensure_ascii=False) + "\n"

    def _write_image(self, item: ExportItem, info: ImageInfo, grid: LabelGrid, cancel: Cancel) -> None:
        file = self._file(item, "images")
        make_folder(file.parent)
        if info.metadata.get("format") == "NIfTI":
            copy_without_names(item.image_file, file)
            return
        with closing(open_image(item.image_file)) as reader:
            whole = Rect(0, 0, info.width, info.height)

            def planes() -> Iterator[npt.NDArray[Any]]:
                for z in range(info.depth):
                    check(cancel)
                    yield reader.read(0, z, whole)

            write_values(file, grid, planes(), info)

    def finish(self, splits: Sequence[str]) -> None:
        """Write the class list, and folders for splits that got no image."""
        for split in splits:
            make_folder(self._folder / "labels" / split)
            if self._has_images:
                make_folder(self._folder / "images" / split)
        write_classes(self._folder / "classes.json", self._classes)

    def differs(self, item: ExportItem, cancel: Cancel = NEVER) -> str:
        """Compare the label file with the layers, plane by plane."""
        info = probe(item.image_file)
        values = read_labels(self._file(item, "labels"), grid_of(item.image_file, info))
        if len(values) != info.depth:
            return f"it has {len(values)} planes, not {info.depth}"
        for z, expected in enumerate(self._planes(item, info.depth, cancel)):
            difference = first_difference(values[z], [expected], item.width, item.height)
            if difference:
                return f"in plane {z + 1}, {difference}"
        return ""

    def notes(self) -> list[str]:
        """Say which images have no place in space."""
        if not self._unplaced:
            return []
        count = len(self._unplaced)
        which = self._unplaced[0] if count == 1 else f"{count} images"
        return [f"{which} had no affine: the label maps have only the spacing, or 1 where that was not known either."]
