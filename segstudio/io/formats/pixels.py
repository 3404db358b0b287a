"""What exporters share: label layers as rows of mask values, image files put in place, classes.json."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from segstudio.core.cancel import NEVER, Cancel, check
from segstudio.core.classes import IGNORE, UNLABELLED, ClassTable
from segstudio.core.errors import UserError
from segstudio.core.geometry import TILE, Rect, tile_rect
from segstudio.io.atomic import disk_error
from segstudio.io.csv_text import FORMULA_STARTS
from segstudio.io.readers.limits import MAX_PIXELS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    import numpy.typing as npt

    from segstudio.core.layers import LabelLayer
    from segstudio.io.formats.base import ExportItem

IGNORE_8BIT, IGNORE_16BIT = 255, 65535
IGNORE_COLOR = (224, 224, 192)
_MEDICAL = ("DICOM", "NIfTI")
_UNSAFE = re.compile(r'[\x00-\x1f<>:"/\\|?*]+')
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)


@dataclass(frozen=True)
class MaskCode:
    """How class ids become mask values: 8 bits with 255 for ignored pixels, or 16 bits with 65535."""

    lut: npt.NDArray[np.uint16]
    is_deep: bool
    palette: npt.NDArray[np.uint8]

    @classmethod
    def of(cls, classes: ClassTable) -> MaskCode:
        """Unlabelled pixels are written as 0 where no class owns 0, else as ignored."""
        is_deep = any(item.mask_value >= IGNORE_8BIT for item in classes)
        ignore = IGNORE_16BIT if is_deep else IGNORE_8BIT
        unlabelled = ignore if classes.by_mask_value(0) is not None else 0
        palette = np.zeros((256, 3), np.uint8)
        palette[IGNORE_8BIT] = IGNORE_COLOR
        for item in classes:
            if item.mask_value < IGNORE_8BIT:
                palette[item.mask_value] = item.rgb
        return cls(classes.mask_value_lut(unlabelled, ignore), is_deep, palette)

    @property
    def ignore(self) -> int:
        """The value of ignored pixels."""
        return IGNORE_16BIT if self.is_deep else IGNORE_8BIT

    def values(self, class_ids: npt.NDArray[np.uint16]) -> npt.NDArray[Any]:
        """uint8 or uint16 mask values of class ids."""
        found = self.lut[class_ids]
        return found if self.is_deep else found.astype(np.uint8)


def label_layers(item: ExportItem) -> list[LabelLayer]:
    """The item's layers that hold labels, the lowest first."""
    return [layer for layer in item.layers() if layer.kind == "labels"]


def class_strips(
    layers: Sequence[LabelLayer], width: int, height: int, cancel: Cancel = NEVER, z: int = 0
) -> Iterator[npt.NDArray[np.uint16]]:
    """Class ids of a whole plane, a row of tiles at a time; later layers lie over earlier ones."""
    for y in range(0, height, TILE):
        check(cancel)
        rect = Rect(0, y, width, min(TILE, height - y))
        out: npt.NDArray[np.uint16] | None = None
        for layer in layers:
            part = layer.read_classes(rect, z)
            if out is None:
                out = part
            else:
                np.copyto(out, part, where=part != UNLABELLED)
        yield np.zeros((rect.height, width), np.uint16) if out is None else out


def value_strips(
    layers: Sequence[LabelLayer], code: MaskCode, width: int, height: int, cancel: Cancel = NEVER
) -> Iterator[npt.NDArray[Any]]:
    """Mask values of a whole plane, strip by strip as :func:`class_strips`; of one layer looked up once, not twice."""
    if len(layers) != 1:
        for strip in class_strips(layers, width, height, cancel):
            yield code.values(strip)
        return
    lut = code.values(layers[0].class_lut())
    for y in range(0, height, TILE):
        check(cancel)
        yield lut.take(layers[0].tiles.read(Rect(0, y, width, min(TILE, height - y))))


def has_overlap(layers: Sequence[LabelLayer], cancel: Cancel = NEVER) -> bool:
    """Whether a pixel has a class in more than one of the layers; reads only tiles that two of them have."""
    for index, upper in enumerate(layers):
        for lower in layers[:index]:
            for key in sorted({*upper.tiles.keys()} & {*lower.tiles.keys()}):
                check(cancel)
                rect = tile_rect(key[1], key[2]).intersected(upper.bounds)
                values = np.stack([layer.read_classes(rect, key[0]) for layer in (upper, lower)])
                if ((values != UNLABELLED) & (values != IGNORE)).all(axis=0).any():
                    return True
    return False


def first_difference(
    values: npt.NDArray[Any], strips: Iterable[npt.NDArray[Any]], width: int, height: int, top: int = 0
) -> str:
    """Where a mask, whose first row is row *top*, differs from the rows it was made of; "" when nowhere."""
    if values.shape != (height, width):
        return f"its size is {values.shape[1]} × {values.shape[0]}, not {width} × {height}"
    y = 0
    for strip in strips:
        unequal = values[y : y + strip.shape[0]] != strip
        if unequal.any():
            row, column = (int(index[0]) for index in np.nonzero(unequal))
            return f"the pixel x {column}, y {top + y + row} is {values[y + row, column]}, not {strip[row, column]}"
        y += strip.shape[0]
    return ""


def first_difference_of_strips(
    found: Iterable[npt.NDArray[Any]], strips: Iterable[npt.NDArray[Any]], width: int, height: int
) -> str:
    """As :func:`first_difference` of a mask that comes in strips of the same heights; memory stays flat."""
    y = 0
    others = iter(found)
    for strip in strips:
        part = next(others, None)
        if part is None or part.shape != strip.shape:
            shape = (0, 0) if part is None else part.shape
            return f"its rows from {y} on are {shape[1]} × {shape[0]}, not {width} × {strip.shape[0]}"
        difference = first_difference(part, [strip], width, strip.shape[0], y)
        if difference:
            return difference
        y += strip.shape[0]
    return "" if next(others, None) is None else f"it has more than {height} rows"


def safe_stem(name: str) -> str:
    """A file name without suffix that every disk takes and that lists can hold: no spaces, no odd characters."""
    name = name[:-3] if name.lower().endswith(".nii.gz") else name
    stem = name.rsplit(".", 1)[0] if "." in name.strip(".") else name
    stem = "_".join(_UNSAFE.sub("_", stem).split()).strip(". ") or "image"
    # A list of names may be opened by a spreadsheet, which must not run one.
    is_odd = _RESERVED.fullmatch(stem) is not None or stem.startswith(FORMULA_STARTS)
    return (f"_{stem}" if is_odd else stem)[:120]


def unique_stem(name: str, taken: set[str]) -> str:
    """A :func:`safe_stem` that is not in *taken* (lower case), to which it is added."""
    return free_stem(safe_stem(name), taken)


def free_stem(base: str, taken: set[str]) -> str:
    """*base*, with a number where it is in *taken* (lower case), to which it is added."""
    stem, number = base, 2
    while stem.casefold() in taken:
        stem = f"{base}-{number}"
        number += 1
    taken.add(stem.casefold())
    return stem


def place_image(item: ExportItem, folder: Path) -> str:
    """Copy the image file into *folder* under the item's stem; the file's name.

    A picture that is shown turned (EXIF orientation) is written turned, as PNG or TIFF: not every program turns, and
    the mask must lie on it. So is a medical one, whose header may name a patient. A plane of a volume is written as
    8- or 16-bit PNG of its values; what no PNG holds (signed and float values, bands that are no colours) as TIFF.

    Raises
    ------
    UserError
        When the file is missing or damaged, its size is not the labels', or the disk refuses.
    """
    from segstudio.io.readers.registry import probe

    info = probe(item.image_file)
    if (info.width, info.height) != (item.width, item.height):
        raise UserError(
            f"The image is {info.width} × {info.height} pixels but its labels are {item.width} × {item.height}",
            path=item.image_file,
            remedy="put the image back that was labelled",
        )
    try:
        if item.plane is not None:
            return _write_plane(item, folder)
        if "orientation" in info.metadata or info.metadata.get("format") in _MEDICAL:
            return _write_turned(item, folder)
        name = f"{item.stem}{item.image_file.suffix.lower()}"
        shutil.copyfile(item.image_file, folder / name)
        if (folder / name).stat().st_size != item.image_file.stat().st_size:
            raise UserError("The image changed while it was copied", path=item.image_file, remedy="export again")
        return name
    except OSError as error:
        raise disk_error(error, folder) from error


def _write_turned(item: ExportItem, folder: Path) -> str:
    pixels = read_pixels(item)
    if pixels.dtype == np.uint8 and pixels.shape[2] in (1, 2, 3, 4):
        from PIL import Image

        name = f"{item.stem}.png"
        Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels).save(folder / name, compress_level=3)
        return name
    return _write_tiff(pixels, folder, item.stem, is_rgb=pixels.shape[2] in (3, 4))


def _write_plane(item: ExportItem, folder: Path) -> str:
    pixels, is_rgb = read_shown(item)
    return write_pixels(pixels, folder, item.stem, is_rgb=is_rgb)


def write_pixels(pixels: npt.NDArray[Any], folder: Path, stem: str, *, is_rgb: bool) -> str:
    """Write (y, x, band) values as PNG where one holds them (8 or 16 bits, grey or colours), else as TIFF; the file's name.

    Raises
    ------
    UserError
        When they cannot be written.
    """
    import cv2

    bands = pixels.shape[2]
    if pixels.dtype not in (np.uint8, np.uint16) or not (bands == 1 or (is_rgb and bands in (3, 4))):
        return _write_tiff(pixels, folder, stem, is_rgb=is_rgb)
    colors = {1: None, 3: cv2.COLOR_RGB2BGR, 4: cv2.COLOR_RGBA2BGRA}[bands]
    name = f"{stem}.png"
    is_done, data = cv2.imencode(".png", pixels if colors is None else cv2.cvtColor(pixels, colors))
    if not is_done:
        raise UserError("The picture could not be written as PNG", path=folder / name, remedy="check the disk")
    (folder / name).write_bytes(data.tobytes())
    return name


def _write_tiff(pixels: npt.NDArray[Any], folder: Path, stem: str, *, is_rgb: bool) -> str:
    import tifffile

    name = f"{stem}.tif"
    bands = pixels.shape[2]
    tifffile.imwrite(
        folder / name,
        pixels if is_rgb else pixels[:, :, 0] if bands == 1 else np.moveaxis(pixels, -1, 0),
        photometric="rgb" if is_rgb else "minisblack",
        # Bands, not pages: pages would be planes again.
        planarconfig=None if is_rgb or bands == 1 else "separate",
        compression="zlib",
    )
    return name


def read_pixels(item: ExportItem) -> npt.NDArray[Any]:
    """(y, x, band) values of the item's image or plane; UserError when it cannot be read."""
    return read_shown(item)[0]


def read_shown(item: ExportItem) -> tuple[npt.NDArray[Any], bool]:
    """As :func:`read_pixels`, and whether the first three bands are colours."""
    if item.plane is not None and item.width * item.height > MAX_PIXELS:
        raise UserError(
            f"A plane of {item.width} × {item.height} pixels is too large to be written as a picture",
            path=item.image_file,
            remedy="export it in the format nifti, or cut it up",
        )
    with item.readers.opened(item.image_file) as reader:
        values = reader.read(0, item.plane or 0, Rect(0, 0, reader.info.width, reader.info.height))
        return np.ascontiguousarray(np.moveaxis(values, 0, -1)), reader.info.is_rgb


def make_folder(path: Path) -> Path:
    """Make *path* and what lies above it; UserError when that fails."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise disk_error(error, path) from error
    return path


def write_text(path: Path, text: str) -> None:
    """Write a text file; UserError when that fails."""
    try:
        path.write_text(text, encoding="utf-8", newline="\n")
    except OSError as error:
        raise disk_error(error, path) from error


def write_classes(path: Path, classes: ClassTable) -> None:
    """Write ``classes.json``."""
    rows = [{"value": item.mask_value, "name": item.name, "color": item.color} for item in classes]
    write_text(path, json.dumps(rows, indent=1, ensure_ascii=False) + "\n")
