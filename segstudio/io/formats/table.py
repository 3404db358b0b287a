"""All formats by dotted strings, those of plug-ins (entry points ``segstudio.formats``) included."""

from __future__ import annotations

import importlib
import importlib.metadata
import logging
import sys
from functools import lru_cache
from typing import Any

from segstudio.core.errors import UserError
from segstudio.io.formats.base import FormatEntry

PLUGIN_GROUP = "segstudio.formats"
_HERE = "segstudio.io.formats"

BUILT_IN: tuple[FormatEntry, ...] = (
    FormatEntry(
        "masks", "Index masks (PNG)", f"{_HERE}.masks:MasksExporter", takes_planes=True, reader=f"{_HERE}.masks_in:MasksImporter",
        reader_options={"image_folder": "", "mask_folder": "", "background": False, "ignore": 255}, has_values=True,
    ),
    FormatEntry(
        "voc", "Pascal VOC", f"{_HERE}.voc:VocExporter", takes_planes=True, reader=f"{_HERE}.voc_in:VocImporter", holds_objects=True,
        reader_options={"background": False}, has_values=True,
    ),
    FormatEntry(
        "coco", "COCO instances", f"{_HERE}.coco:CocoExporter", {"polygons": False, "stuff": True}, takes_planes=True,
        holds_overlap=True, reader=f"{_HERE}.coco_in:CocoImporter", holds_objects=True,
        reader_options={"images": "", "boxes": False},
    ),
    FormatEntry(
        "coco-panoptic", "COCO panoptic", f"{_HERE}.panoptic:PanopticExporter", takes_planes=True,
        reader=f"{_HERE}.panoptic_in:PanopticImporter", holds_objects=True,
        reader_options={"images": "", "maps": ""},
    ),
    FormatEntry(
        "ade20k", "ADE20K", f"{_HERE}.ade20k:Ade20kExporter", {"layout": "scene"}, takes_planes=True,
        reader=f"{_HERE}.ade20k_in:Ade20kImporter", holds_objects=True,
    ),
    FormatEntry(
        "cityscapes", "Cityscapes", f"{_HERE}.cityscapes:CityscapesExporter", takes_planes=True,
        reader=f"{_HERE}.cityscapes_in:CityscapesImporter", reader_options={"polygons": False}, holds_objects=True,
        most_classes=251,
    ),
    FormatEntry(
        "camvid", "CamVid", f"{_HERE}.camvid:CamvidExporter", takes_planes=True, reader=f"{_HERE}.camvid_in:CamvidImporter",
        reader_options={"image_folder": "", "mask_folder": "", "background": False, "ignore": 255},
    ),
    FormatEntry(
        "yolo-seg", "YOLO segmentation", f"{_HERE}.yolo:YoloExporter", {"holes": False}, takes_planes=True, holds_overlap=True,
        reader=f"{_HERE}.yolo_in:YoloImporter", reader_options={"images": "", "boxes": False}, holds_objects=True,
        holds_stuff=False, holds_ignore=False, holds_holes=False,
    ),
    FormatEntry(
        "labelme", "labelme", f"{_HERE}.labelme:LabelmeExporter", {"masks": False, "image_data": False}, takes_planes=True,
        holds_overlap=True, reader=f"{_HERE}.labelme_in:LabelmeImporter", reader_options={"line_width": 10, "point_size": 5},
        holds_objects=True,
    ),
    FormatEntry(
        "cvat", "CVAT for images 1.1", f"{_HERE}.cvat:CvatExporter", {"polygons": False}, takes_planes=True,
        holds_overlap=True, reader=f"{_HERE}.cvat_in:CvatImporter", holds_objects=True,
    ),
    FormatEntry(
        "label-studio", "Label Studio", f"{_HERE}.label_studio:LabelStudioExporter", {"polygons": False}, takes_planes=True,
        holds_overlap=True, reader=f"{_HERE}.label_studio_in:LabelStudioImporter",
        reader_options={"annotations": "best", "predictions": False}, holds_objects=True,
    ),
    FormatEntry(
        "geotiff", "Index masks (GeoTIFF)", f"{_HERE}.geotiff:GeoTiffExporter", {"images": True, "nodata": -1},
        reader=f"{_HERE}.geotiff_in:GeoTiffImporter", reader_options={"images": ""},
        holds_place=True, has_values=True,
    ),
    FormatEntry(
        "geojson", "Polygons (GeoJSON)", f"{_HERE}.geojson:GeoJsonExporter", {"wgs84": False, "images": False},
        holds_overlap=True, reader=f"{_HERE}.geojson_in:GeoJsonImporter", holds_objects=True,
        reader_options={"images": "", "class_field": "", "objects": True},
        holds_place=True,
    ),
    FormatEntry(
        "gpkg", "Polygons (GeoPackage)", f"{_HERE}.gpkg:GpkgExporter", {"images": False}, holds_overlap=True,
        reader=f"{_HERE}.gpkg_in:GpkgImporter", holds_objects=True,
        reader_options={"images": "", "class_field": "", "objects": True},
        holds_place=True,
    ),
    FormatEntry(
        "nifti", "NIfTI volumes", f"{_HERE}.nifti:NiftiExporter", {"images": True}, takes_volumes=True, has_values=True,
        reader=f"{_HERE}.nifti_in:NiftiImporter", reader_options={"images": ""}, needs="medical",
        holds_place=True,
    ),
    FormatEntry(
        "dicom-seg", "DICOM segmentation", f"{_HERE}.dicom_seg:DicomSegExporter",
        {"images": True, "labelmap": False, "patient": False}, takes_volumes=True, holds_overlap=True, holds_objects=True,
        reader=f"{_HERE}.dicom_seg_in:DicomSegImporter", reader_options={"images": ""}, needs="medical",
        holds_place=True,
    ),
    FormatEntry(
        "npz", "NumPy arrays (npz)", f"{_HERE}.npz:NpzExporter", {"images": True}, takes_volumes=True,
        reader=f"{_HERE}.npz_in:NpzImporter", reader_options={"stack": ""},
        holds_overlap=True, holds_objects=True,
    ),
    FormatEntry(
        "parquet", "Hugging Face datasets (Parquet)", f"{_HERE}.parquet:ParquetExporter", takes_planes=True,
        reader=f"{_HERE}.parquet_in:ParquetImporter", holds_objects=True, has_values=True, needs="parquet",
    ),
)  # fmt: skip


def formats() -> dict[str, FormatEntry]:
    """Format id → entry: ours, then those of plug-ins, which cannot take an id of ours."""
    return dict(_formats(tuple(sys.path)))


@lru_cache(maxsize=4)
def _formats(_path: tuple[str, ...]) -> tuple[tuple[str, FormatEntry], ...]:
    found = {entry.id: entry for entry in BUILT_IN}
    for point in importlib.metadata.entry_points(group=PLUGIN_GROUP):
        try:
            entry = point.load()
        except Exception as error:  # noqa: BLE001 - anything may be wrong in a plug-in
            logging.getLogger(__name__).warning("The format plug-in %s cannot be loaded: %s", point.name, error)
            continue
        if isinstance(entry, FormatEntry) and entry.id not in found:
            found[entry.id] = entry
        else:
            logging.getLogger(__name__).warning(
                "The format plug-in %s is no FormatEntry with an id of its own", point.name
            )
    return tuple(found.items())


def exporters() -> dict[str, FormatEntry]:
    """Those that can be written."""
    return {name: entry for name, entry in formats().items() if entry.target}


def importers() -> dict[str, FormatEntry]:
    """Those that can be read."""
    return {name: entry for name, entry in formats().items() if entry.reader}


def entry_of(format_id: str, *, is_import: bool = False) -> FormatEntry:
    """The entry of a format.

    Raises
    ------
    UserError
        When there is none of this id.
    """
    known = importers() if is_import else exporters()
    entry = known.get(format_id)
    if entry is None:
        way = "import" if is_import else "export"
        raise UserError(f"There is no {way} format “{format_id}”", remedy=f"choose one of {', '.join(known)}")
    return entry


def load_target(target: str, needs: str = "") -> Any:
    """What a dotted "module:name" stands for.

    Raises
    ------
    UserError
        When a library that it needs is not installed.
    """
    module_name, _, name = target.partition(":")
    try:
        return getattr(importlib.import_module(module_name), name)
    except ImportError as error:
        if not needs or (error.name or "").startswith("segstudio"):
            raise
        raise UserError(f"{error.name} is not installed", remedy=f"pip install 'segstudio[{needs}]'") from error
