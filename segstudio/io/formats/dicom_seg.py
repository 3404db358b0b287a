"""The ``dicom-seg`` format: DICOM segmentations that refer to their images, a file for each label layer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from segstudio.core.cancel import NEVER, Cancel
from segstudio.io.dicom_out import save, saying
from segstudio.io.formats.dicom_frames import SegFile
from segstudio.io.formats.dicom_segments import Row, make_segmentation, rows_of, segment_planes
from segstudio.io.formats.dicom_sources import Sources, sources_of
from segstudio.io.formats.pixels import label_layers, make_folder, write_classes
from segstudio.io.readers.extras import needs

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from segstudio.core.classes import ClassTable
    from segstudio.core.layers import LabelLayer
    from segstudio.io.formats.base import ExportItem

_LOST = {
    "bands": "of their bands only the first was written as DICOM",
    "steps": "their values were written as DICOM in 65,536 steps",
}


class DicomSegExporter:
    """Writes ``segmentations/<stem>.dcm`` (further layers ``<stem>.layer2.dcm``) and, unless told not to, ``images/``.

    An area is a segment called as its class, an object a segment of its own. A DICOM image is copied without what names the
    patient (option ``patient`` keeps it), one of another format written as a series. Option ``labelmap``: the newer Label Map
    Segmentation in place of one bit a pixel and segment.
    """

    def __init__(self, folder: Path, classes: ClassTable, options: Mapping[str, Any]) -> None:
        needs("highdicom", "DICOM segmentations", "medical")
        self._folder = folder
        self._classes = classes
        self._has_images = bool(options.get("images", True))
        self._keeps_patient = bool(options.get("patient", False))
        self._is_labelmap = bool(options.get("labelmap", False))
        self._made = 0
        self._own = 0
        self._lost: dict[str, int] = {}
        make_folder(folder / "segmentations")

    def _file(self, item: ExportItem, index: int) -> Path:
        name = f"{item.stem}.dcm" if index == 0 else f"{item.stem}.layer{index + 1}.dcm"
        return self._folder / "segmentations" / (item.split or "") / name

    def write(self, item: ExportItem, cancel: Cancel) -> None:
        """Write the image's files and segmentations."""
        self.enter(item, self.write_image(item, cancel))

    def enter(self, item: ExportItem, written: Any) -> None:
        """Count what must be told."""
        self._made += bool(written["is_made"])
        self._own += not written["is_made"]
        for what in written["lost"]:
            self._lost[what] = self._lost.get(what, 0) + 1

    def write_image(self, item: ExportItem, cancel: Cancel) -> dict[str, Any]:
        """Write the image's files and segmentations; what must be told of them."""
        folder = self._folder / "images" / (item.split or "") if self._has_images else None
        sources = sources_of(item, folder, cancel, keeps_patient=self._keeps_patient)
        for index, (layer, rows, lut) in enumerate(self._layers(item)):
            planes = segment_planes(layer, lut, item, sources.order, cancel)
            file = self._file(item, index)
            make_folder(file.parent)
            with saying(item.image_file, "No DICOM segmentation can be made of it"):
                found = make_segmentation(sources.headers, planes, rows, index + 1, is_labelmap=self._is_labelmap)
                save(found, file)
        return {"is_made": sources.is_made, "lost": sorted(sources.lost)}

    def _layers(self, item: ExportItem) -> Iterator[tuple[LabelLayer | None, list[Row], Any]]:
        """The layers that hold labels; one without any where none does."""
        layers: list[LabelLayer | None] = [layer for layer in label_layers(item) if layer.segment_pixels()]
        for layer in layers or [None]:
            yield layer, *rows_of(layer, self._classes)

    def finish(self, splits: Sequence[str]) -> None:
        """Write the class list, and folders for splits that got no image."""
        for split in splits:
            make_folder(self._folder / "segmentations" / split)
        write_classes(self._folder / "classes.json", self._classes)

    def differs(self, item: ExportItem, cancel: Cancel = NEVER) -> str:
        """Read the segmentations by pydicom and compare them with the layers."""
        sources = self._written(item)
        for index, (layer, rows, lut) in enumerate(self._layers(item)):
            expected = segment_planes(layer, lut, item, sources.order, cancel)
            seg = SegFile(self._file(item, index))
            if [seg.segments[row.number].label for row in rows] != [row.name for row in rows]:
                return "its segments are called otherwise"
            places = {str(header.SOPInstanceUID): place for place, header in enumerate(sources.headers)}
            found = np.zeros_like(expected)
            for frame in seg.frames():
                place = frame.frame_number - 1 if frame.frame_number else places.get(frame.instance_uid, -1)
                if not 0 <= place < len(found):
                    return "a frame refers to an image that is not its own"
                for number, mask in seg.masks(frame):
                    found[place][mask] = number
            if not np.array_equal(found, expected):
                z = int(np.argmax((found != expected).any(axis=(1, 2))))
                return f"in label layer {index + 1}, plane {z + 1} is another"
        return ""

    def _written(self, item: ExportItem) -> Sources:
        return sources_of(item, None, NEVER, keeps_patient=self._keeps_patient)

    def notes(self) -> list[str]:
        """Say whose names are in the files, and which images lost something."""
        notes = []
        if self._own and self._keeps_patient:
            notes.append("The files hold the patients' names and numbers, as their images do.")
        elif self._own:
            notes.append(
                "Names and numbers of patients were left out of the DICOM files; dates, UIDs and what is drawn into the "
                "pictures stay."
            )
        for what, count in sorted(self._lost.items()):
            images = "1 image" if count == 1 else f"{count} images"
            notes.append(f"{images}: {_LOST[what]}; the labels are exact.")
        return notes
