"""What the import and export windows say about each format: its name, one sentence, its options."""

from __future__ import annotations

from typing import TYPE_CHECKING

from segstudio.gui.i18n import tr

if TYPE_CHECKING:
    from segstudio.io.formats.base import FormatEntry

FORMATS: tuple[tuple[str, str, str], ...] = (
    ("masks", "PNG masks", "One index mask an image, palette PNG, with classes.json: read by nearly everything."),
    ("voc", "Pascal VOC", "The VOCdevkit layout: JPEGImages, SegmentationClass, SegmentationObject, ImageSets."),
    ("coco", "COCO", "One JSON with RLE and polygons, objects and stuff."),
    ("coco-panoptic", "COCO panoptic", "A PNG an image whose colours number the segments, and one JSON: things and stuff."),
    ("ade20k", "ADE20K", "The layout of the scene parsing challenge, and of the full data with its objects."),
    ("cityscapes", "Cityscapes", "labelIds, instanceIds and polygons beside leftImg8bit, in folders of cities."),
    ("camvid", "CamVid", "Images and index masks in a folder a split, as SegNet and its followers read them."),
    ("yolo-seg", "YOLO segmentation", "A text file of polygons an image, and data.yaml: for training YOLO."),
    ("labelme", "labelme", "A JSON file beside each image: polygons, masks and other shapes."),
    ("cvat", "CVAT", "“CVAT for images 1.1”: one XML with polygons and masks."),
    ("label-studio", "Label Studio", "One JSON of tasks with brush masks and polygons."),
    ("geotiff", "GeoTIFF", "Index masks that lie on the map: CRS and transform of the image, tiled, in the classes' colours."),
    ("geojson", "GeoJSON", "Polygons with holes on the map, one file an image: for QGIS and other map programs."),
    ("gpkg", "GeoPackage", "Polygons with holes and their attributes in one file: for QGIS and other map programs."),
    ("nifti", "NIfTI volumes", "A label map a volume, with the image's own affine, spacing and order of voxels."),
    ("dicom-seg", "DICOM segmentation", "A DICOM SEG object a series, its segments being the classes."),
    ("npz", "NumPy arrays", "An .npz an image with class and object arrays: for scripts of your own."),
    ("parquet", "Parquet", "A table with an image and a mask column, as Hugging Face datasets has them."),
)  # fmt: skip
"""(id, title, one sentence)."""

IMAGES = "Folder of the images"
BACKGROUND = "Value 0 is a class, too"
OPTIONS: dict[str, tuple[tuple[str, str, bool], ...]] = {
    "coco": (("polygons", "Polygons in place of RLE", False), ("stuff", "Areas (stuff) beside objects", True)),
    "ade20k": (("layout", "Layout", False),),
    "yolo-seg": (("holes", "Cut holes out, don't fill", False),),
    "labelme": (
        ("masks", "Masks in place of polygons", False),
        ("image_data", "The images inside the JSON files", False),
    ),
    "cvat": (("polygons", "Polygons in place of masks", False),),
    "label-studio": (("polygons", "Polygons in place of brush masks", False),),
    "geotiff": (("images", "Copy the images, too", True), ("nodata", "Nodata value (-1: as ignored)", False)),
    "geojson": (
        ("wgs84", "Longitude and latitude (WGS84) in place of the image's CRS", False),
        ("images", "Copy the images, too", False),
    ),
    "gpkg": (("images", "Copy the images, too", False),),
    "nifti": (("images", "The images too, as NIfTI without patient data", True),),
    "dicom-seg": (
        ("images", "The images, too", True),
        ("patient", "Keep the patient's name and number", False),
        ("labelmap", "One label map, not a mask a class", False),
    ),
    "npz": (("images", "The images, too", True),),
}
"""Format id → (option of writing, title, default)."""

READER_OPTIONS: dict[str, tuple[tuple[str, str, bool], ...]] = {
    "masks": (
        ("image_folder", IMAGES, False),
        ("mask_folder", "Folder of the masks", False),
        ("background", BACKGROUND, False),
        ("ignore", "Value of ignored pixels", False),
    ),
    "camvid": (
        ("image_folder", IMAGES, False),
        ("mask_folder", "Folder of the masks", False),
        ("background", BACKGROUND, False),
        ("ignore", "Value of ignored pixels", False),
    ),
    "voc": (("background", BACKGROUND, False),),
    "coco": (("images", IMAGES, False), ("boxes", "Boxes without a mask, as rectangles", False)),
    "coco-panoptic": (("images", IMAGES, False), ("maps", "Folder of the PNGs", False)),
    "yolo-seg": (("images", IMAGES, False), ("boxes", "Boxes without a mask, as rectangles", False)),
    "cityscapes": (("polygons", "From the polygons, not the PNGs", False),),
    "labelme": (("line_width", "Width of lines, px", False), ("point_size", "Size of points, px", False)),
    "label-studio": (
        ("annotations", "Annotations of a task", False),
        ("predictions", "Predictions, too", False),
    ),
    "geotiff": (("images", IMAGES, False),),
    "geojson": (
        ("images", IMAGES, False),
        ("class_field", "Field that names the class", False),
        ("objects", "Each feature is an object", True),
    ),
    "gpkg": (
        ("images", IMAGES, False),
        ("class_field", "Field that names the class", False),
        ("objects", "Each feature is an object", True),
    ),
    "nifti": (("images", IMAGES, False),),
    "dicom-seg": (("images", IMAGES, False),),
    "npz": (("stack", "Stacks are", False),),
}
"""Format id → (option of reading, title, default)."""

CHOICES: dict[tuple[str, str], tuple[tuple[str, str], ...]] = {
    ("ade20k", "layout"): (("Scene parsing challenge", "scene"), ("The full data, with objects", "full")),
    ("label-studio", "annotations"): (("the best one", "best"), ("all of them", "all")),
    ("npz", "stack"): (("as their names say", ""), ("one volume", "volume"), ("single images", "images")),
}
"""(format id, option) → (title, value) to choose from; the first is the default."""

_TITLES = {row[0]: row[1] for row in FORMATS}
_ABOUT = {row[0]: row[2] for row in FORMATS}


def title_of(entry: FormatEntry) -> str:
    """A format's name; that of a plug-in as it names itself."""
    text = _TITLES.get(entry.id, "")
    return tr(text) if text else entry.name


def about(entry: FormatEntry) -> str:
    """One sentence about a format; "" for a plug-in's."""
    text = _ABOUT.get(entry.id, "")
    return tr(text) if text else ""


def option_title(entry: FormatEntry, name: str, *, is_reading: bool = False) -> str:
    """What an option is called."""
    rows = (READER_OPTIONS if is_reading else OPTIONS).get(entry.id, ())
    text = next((title for key, title, _ in rows if key == name), "")
    return tr(text) if text else name.replace("_", " ").capitalize()


def choices(entry: FormatEntry, name: str) -> list[tuple[str, str]]:
    """(text, value) of an option that is chosen from a list; none for others."""
    return [(tr(text), value) for text, value in CHOICES.get((entry.id, name), ())]


def holds(entry: FormatEntry) -> tuple[list[str], list[str]]:
    """What a format can hold, and what it cannot, in words."""
    flags = (
        (tr("areas"), entry.holds_stuff),
        (tr("objects"), entry.holds_objects),
        (tr("objects that overlap"), entry.holds_overlap),
        (tr("objects in several pieces"), entry.holds_parts or not entry.holds_objects),
        (tr("holes"), entry.holds_holes),
        (tr("ignored pixels"), entry.holds_ignore),
    )
    if entry.takes_volumes:
        flags = (*flags, (tr("whole volumes"), True))
    told = [
        (name, is_held) for name, is_held in flags if name != tr("objects in several pieces") or entry.holds_objects
    ]
    return [name for name, is_held in told if is_held], [name for name, is_held in told if not is_held]
