"""Small pictures of a dataset's images with their labels: before an import, and of what an export would write."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from segstudio.core.cancel import NEVER, Cancel, check
from segstudio.core.classes import IGNORE, PALETTE, UNLABELLED
from segstudio.core.errors import UserError
from segstudio.core.geometry import Rect
from segstudio.core.label_planes import labelled_planes
from segstudio.io.formats.reading import build_layers

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy.typing as npt

    from segstudio.core.layers import LabelLayer
    from segstudio.io.formats.base import FoundImage, Importer

COUNT = 3
SIDE_PX = 480
MOST_LOOKED_AT = 24
"""Images without labels, or that cannot be read, are passed over so often."""
MOST_VALUES = 1 << 28
"""Pixels times planes; larger ones are shown without their labels."""
TURNED_FROM = 5
"""EXIF orientations from here on swap width and height."""


@dataclass(frozen=True, eq=False)
class Picture:
    """One image, reduced, with what its labels are there.

    ``rgb`` (h, w, 3) uint8; ``classes`` (h, w) uint16: 0 = no label, k = the class of index k − 1, 65535 = ignore; ``edges``
    (h, w) bool: the outermost pixels of objects. ``note`` is a sentence where something is amiss.
    """

    name: str
    rgb: npt.NDArray[np.uint8]
    classes: npt.NDArray[np.uint16]
    edges: npt.NDArray[np.bool_]
    note: str = ""
    split: str = ""


@dataclass(frozen=True)
class Pictures:
    """Some images and the classes that their labels are of."""

    pictures: tuple[Picture, ...] = ()
    names: tuple[str, ...] = ()
    colors: tuple[str, ...] = ()


def import_pictures(
    importer: Importer,
    count: int = COUNT,
    *,
    find_image: Callable[[str], Path | None] | None = None,
    side_px: int = SIDE_PX,
    cancel: Cancel = NEVER,
) -> Pictures:
    """The first *count* images that have labels; where there are fewer, some without. ``find_image`` knows images by name.

    Raises
    ------
    UserError
        When not one image of the dataset can be shown.
    """
    classes = list(importer.classes)
    labelled: list[Picture] = []
    others: list[Picture] = []
    problem: UserError | None = None
    for looked_at, found in enumerate(importer.images()):
        check(cancel)
        if len(labelled) >= count or looked_at >= MOST_LOOKED_AT:
            break
        try:
            picture = _picture(found, len(classes), find_image, side_px, cancel)
        except UserError as error:
            problem = problem or error
            continue
        (labelled if picture.classes.any() else others).append(picture)
    shown = [*labelled, *others][:count]
    if not shown and problem is not None:
        raise problem
    colors = tuple(item.color or PALETTE[index % len(PALETTE)] for index, item in enumerate(classes))
    return Pictures(tuple(shown), tuple(item.name for item in classes), colors)


def _picture(
    found: FoundImage, classes: int, find_image: Callable[[str], Path | None] | None, side_px: int, cancel: Cancel
) -> Picture:
    file = found.image if found.image is not None else find_image(found.name) if find_image is not None else None
    with tempfile.TemporaryDirectory(prefix="segstudio-preview-") as folder:
        if file is None and found.save_image is not None:
            file = Path(folder) / (found.name or "image")
            found.save_image(file)
        note = "" if file is not None else found.reason or "Its image is missing."
        size, sample, orientation = None, None, 1
        if file is not None:
            try:
                size, sample, orientation = _look(file, side_px, None)
            except UserError as error:
                file, note = None, str(error)
        given = (found.width, found.height, found.depth)
        if size is not None and found.width and given[:2] == size[1::-1] != size[:2] and orientation >= TURNED_FROM:
            found = _turned(found, orientation)
        elif size is not None and found.width and size[:2] != given[:2]:
            note = f"The image is {size[0]} × {size[1]} pixels but its labels are {found.width} × {found.height}."
            file = None
        size = given if file is None or size is None else size
        if not size[0]:
            raise UserError(f"The size of {found.name} is not known without its image", remedy="add the image first")
        if size[0] * size[1] * size[2] > MOST_VALUES:
            layers, note = [], note or "Too large for a preview of its labels."
        else:
            layers = build_layers(found, range(1, classes + 1), size, cancel).layers
        z, names = _plane(layers, size[2], cancel)
        if file is not None and size[2] > 1:
            sample = _look(file, side_px, z)[1]
    step = -(-max(size[:2]) // side_px)
    ids, edges = _reduced(layers, size, z, step, cancel)
    rgb = _fitted(sample, ids.shape) if sample is not None and file is not None else _ground(ids.shape)
    return Picture(found.name + names, rgb, ids, edges, note, found.split or "")


def _plane(layers: Sequence[LabelLayer], depth: int, cancel: Cancel) -> tuple[int, str]:
    """The plane to show, in the middle of those that have labels, and how it is named."""
    if depth == 1:
        return 0, ""
    planes = labelled_planes(layers, cancel)
    z = planes[len(planes) // 2] if planes else depth // 2
    return z, f" ({z} / {depth})"


def _turned(found: FoundImage, orientation: int) -> FoundImage:
    """Labels that were drawn on the picture as it is stored."""
    from segstudio.io.importing.turning import turned

    width, height, open_labels = found.width, found.height, found.open_labels
    return replace(found, open_labels=lambda cancel: turned(open_labels(cancel), orientation, width, height))


def _look(file: Path, side_px: int, z: int | None) -> tuple[tuple[int, int, int], npt.NDArray[np.uint8], int]:
    """Size (width, height, depth) of an image, its reduced RGB of plane *z*, and the EXIF orientation it is shown by."""
    from segstudio.io.readers.registry import open_image
    from segstudio.io.readers.thumbnails import reduced_rgb, rgb_of

    reader = open_image(file)
    try:
        info = reader.info
        size, orientation = (info.width, info.height, info.depth), int(info.metadata.get("orientation", 1))
        if z is None or info.depth == 1:
            return size, reduced_rgb(reader, side_px), orientation
        level = max(i for i, one in enumerate(info.levels) if i == 0 or max(one) >= side_px)
        return size, rgb_of(reader.read(level, z, Rect(0, 0, *info.levels[level])), side_px), orientation
    finally:
        reader.close()


def _reduced(
    layers: Sequence[LabelLayer], size: tuple[int, int, int], z: int, step: int, cancel: Cancel
) -> tuple[npt.NDArray[np.uint16], npt.NDArray[np.bool_]]:
    """Every *step*-th pixel: class ids, upper layers over lower ones, and where an object ends."""
    width, height = len(range(0, size[0], step)), len(range(0, size[1], step))
    ids = np.zeros((height, width), np.uint16)
    edges = np.zeros((height, width), bool)
    for layer in layers:
        segments = np.zeros((height, width), np.uint16)
        for row in range(height):
            check(cancel)
            segments[row] = layer.read(Rect(0, row * step, size[0], 1), z)[0, ::step]
        found = layer.class_lut().take(segments)
        np.copyto(ids, found, where=found != UNLABELLED)
        is_object = np.zeros(65536, bool)
        is_object[[number for number, segment in layer.segments.items() if segment.is_object]] = True
        edges |= _edges(np.where(is_object.take(segments), segments, 0))
    edges[ids == IGNORE] = False
    return ids, edges


def _edges(objects: npt.NDArray[np.uint16]) -> npt.NDArray[np.bool_]:
    """Pixels of an object beside one that is not of it."""
    edges = np.zeros(objects.shape, bool)
    across, down = objects[:, 1:] != objects[:, :-1], objects[1:] != objects[:-1]
    edges[:, 1:] |= across
    edges[:, :-1] |= across
    edges[1:] |= down
    edges[:-1] |= down
    edges &= objects != 0
    return edges


def _fitted(rgb: npt.NDArray[np.uint8], shape: tuple[int, ...]) -> npt.NDArray[np.uint8]:
    import cv2

    if rgb.shape[:2] == shape:
        return rgb
    return np.asarray(cv2.resize(rgb, (shape[1], shape[0]), interpolation=cv2.INTER_AREA), np.uint8)


def _ground(shape: tuple[int, ...]) -> npt.NDArray[np.uint8]:
    """A grey in place of an image that is not there."""
    return np.full((*shape, 3), 128, np.uint8)
