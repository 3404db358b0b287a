"""Reading ``coco``: instances with polygons, run lengths, crowds, holes and several parts, of any tool."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from segstudio.core.cancel import check
from segstudio.core.classes import IGNORE
from segstudio.core.errors import UserError
from segstudio.core.layer_builder import ClassPixels, FoundObject
from segstudio.io.formats.base import FoundImage
from segstudio.io.formats.coco_index import CocoIndex, id_of
from segstudio.io.formats.coco_masks import PART_PIXELS, Mask, box_mask, masks_of
from segstudio.io.formats.coco_places import find_files, image_folders, likeness, split_of
from segstudio.io.formats.problems import ProblemList
from segstudio.io.formats.safety import file_name, find_image, whole_number

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from segstudio.core.cancel import Cancel
    from segstudio.core.layer_builder import Piece
    from segstudio.core.layers import Source
    from segstudio.io.formats.base import FoundClass, Problem
    from segstudio.io.formats.problems import Note
    from segstudio.io.formats.safety import Limits

MOST_PIXELS = 1 << 36
_SOURCES: dict[str, Source] = {"hand": "hand", "model": "model", "accepted": "accepted", "import": "import"}


class CocoFiles:
    """What instances and panoptic datasets share: their files, one list of classes, and where the images lie."""

    def __init__(self, source: Path, options: Mapping[str, Any], limits: Limits, *, is_panoptic: bool) -> None:
        self.problems: list[Problem] = ProblemList()
        self.noted: ProblemList = self.problems
        self.limits = limits
        images = options.get("images")
        # The engine may offer the project's images by name: it puts labels on them itself.
        self._images = Path(images).expanduser() if isinstance(images, str) and images else None
        self.files: list[CocoIndex] = []
        self.classes: list[FoundClass] = []
        self._indices: list[dict[int | str, int]] = []
        try:
            for path in find_files(source, is_panoptic=is_panoptic, note=self.noted.note):
                self.files.append(self._indexed(path, is_panoptic))
        except BaseException:
            self.close()
            raise

    def _indexed(self, path: Path, is_panoptic: bool) -> CocoIndex:
        file = CocoIndex(path, self.limits, self.noted)
        if file.annotations and file.is_panoptic != is_panoptic:
            file.close()
            kind, other = ("instances", "coco") if is_panoptic else ("panoptic segments", "coco-panoptic")
            raise UserError(f"The file holds {kind}", path=path, remedy=f"import it as {other}")
        places = {item.name: index for index, item in enumerate(self.classes)}
        indices: dict[int | str, int] = {}
        for key, category in file.categories.items():
            name = category.found.name
            if name not in places:
                places[name] = len(self.classes)
                self.classes.append(category.found)
            indices[key] = places[name]
        self._indices.append(indices)
        return file

    def close(self) -> None:
        """Let go of the files."""
        for file in self.files:
            file.close()

    def class_of(self, place: int, row: dict[str, Any]) -> tuple[int, bool] | None:
        """(class index, whether it is a class of things) of an annotation of the file at *place*; None: it has none."""
        key = id_of(row.get("category_id"))
        if key is None or key not in self._indices[place]:
            return None
        return self._indices[place][key], self.files[place].categories[key].is_thing

    def rows(self) -> Iterator[tuple[int, int, dict[str, Any], FoundImage]]:
        """(file's place, image's number, its row, what is known of it but its labels) of every image."""
        for place, file in enumerate(self.files):
            folders = image_folders(file.path) if self._images is None else [self._images]
            split = split_of(file.path)
            for number, row in file.images():
                named = str(row.get("file_name") or row.get("path") or row.get("coco_url") or "")
                name = file_name(named)
                if not name:
                    self.noted.note(file.path.name, "An image has no file name and was left out")
                    continue
                path = find_image(named, folders)
                width, height = self._size(file, row, path, name)
                if not width:
                    continue
                group = named.replace("\\", "/").rpartition("/")[0]
                reason = "" if path is not None else f"The image {name} is not beside the labels"
                found = FoundImage(name, path, width, height, _no_labels, split=split, group=group, reason=reason)
                yield place, number, row, found

    def _size(self, file: CocoIndex, row: dict[str, Any], path: Path | None, name: str) -> tuple[int, int]:
        """The size the file gives, else the picture's; (0, 0), noted, where there is none."""
        try:
            width, height = (whole_number(row.get(side), 1) for side in ("width", "height"))
        except ValueError:
            width, height = _picture_size(path)
        if width * height > MOST_PIXELS or not width:
            self.noted.note(name, "The file gives no size for the image that can be; it was left out")
            return 0, 0
        return width, height


def _no_labels(_cancel: Cancel) -> Iterator[Piece]:
    return iter(())


def _picture_size(path: Path | None) -> tuple[int, int]:
    from segstudio.io.readers.registry import probe

    if path is None:
        return 0, 0
    try:
        info = probe(path)
    except UserError:
        return 0, 0
    return info.width, info.height


class CocoImporter:
    """Reads an ``instances….json``, or a folder that holds some (COCO's own layout, ours, Roboflow's, CVAT's).

    Crowds become the stuff of their class. Annotations that overlap come as objects on layers of their own. ``images`` is the
    folder of the images where it is not beside the file; ``boxes`` fills the box of annotations that have no outline.
    """

    def __init__(self, source: Path, options: Mapping[str, Any], limits: Limits) -> None:
        self._fills_boxes = bool(options.get("boxes", False))
        self._limits = limits
        self._files = CocoFiles(source, options, limits, is_panoptic=False)
        self.problems: list[Problem] = self._files.problems

    @staticmethod
    def looks_like(source: Path) -> int:
        """How much *source* looks like COCO instances."""
        return likeness(source, is_panoptic=False)

    @property
    def classes(self) -> Sequence[FoundClass]:
        """The categories of all files, those of one name as one."""
        return self._files.classes

    def close(self) -> None:
        """Let go of the files."""
        self._files.close()

    def images(self) -> Iterator[FoundImage]:
        """The images of all files, in their order."""
        for place, number, row, found in self._files.rows():
            yield replace(found, open_labels=partial(self._pieces, place, number, row, found))

    def _pieces(
        self, place: int, number: int, row: dict[str, Any], found: FoundImage, cancel: Cancel
    ) -> Iterator[Piece]:
        """Ignored pixels, annotations, and last the crowds, which often lie around objects."""
        width, height = found.width, found.height
        crowds: list[dict[str, Any]] = []
        with self._files.noted.of(found.name) as note:
            yield from ignored_pieces(row, width, height, self._limits, note)
            for annotation in self._files.files[place].annotations_of(number, note):
                check(cancel)
                if annotation.get("iscrowd") in (1, True, "1"):
                    crowds.append(annotation)
                    continue
                yield from self._piece(place, annotation, width, height, note)
            for annotation in crowds:
                check(cancel)
                yield from self._piece(place, annotation, width, height, note, is_crowd=True)

    def _piece(
        self, place: int, annotation: dict[str, Any], width: int, height: int, note: Note, *, is_crowd: bool = False
    ) -> Iterator[FoundObject]:
        found = self._files.class_of(place, annotation)
        if found is None:
            note("An annotation was left out: it has no category")
            return
        index, is_thing = found
        told = annotation.get("is_object")
        is_object = told if isinstance(told, bool) else is_thing
        if is_crowd and is_object:
            note("A crowd came as an area of its class, not as objects")
        facts = {"is_object": is_object and not is_crowd, **origin_of(annotation)}
        if width * height > PART_PIXELS:
            facts["key"] = object()
        try:
            for x, y, mask in self._masks(annotation, width, height, note):
                yield FoundObject(x, y, mask, index, **facts)
        except ValueError as error:
            note(f"An annotation was left out: it is {error}")

    def _masks(self, annotation: dict[str, Any], width: int, height: int, note: Note) -> Iterator[Mask]:
        segmentation = annotation.get("segmentation")
        if segmentation:
            yield from masks_of(segmentation, width, height, self._limits, note)
        elif not annotation.get("bbox"):
            raise ValueError("without an outline")
        elif not self._fills_boxes:
            raise ValueError("a box without an outline (the option “boxes” fills it)")
        else:
            yield box_mask(annotation["bbox"], width, height)


def ignored_pieces(row: dict[str, Any], width: int, height: int, limits: Limits, note: Note) -> Iterator[ClassPixels]:
    """What our own files say is ignored in an image."""
    ignored = row.get("ignored")
    for segmentation in ignored if isinstance(ignored, list) else ():
        try:
            for x, y, mask in masks_of(segmentation, width, height, limits, note):
                yield ClassPixels(x, y, mask.astype(np.uint16) * np.uint16(IGNORE))
        except ValueError as error:
            note(f"Ignored pixels were left out: they are {error}")


def origin_of(row: dict[str, Any]) -> dict[str, Any]:
    """Who made it, where our own keys say so; else it is simply imported. ``score`` is that of COCO's results."""
    source = _SOURCES.get(str(row.get("source")), "import")
    models = row.get("models")
    model_id = models[0] if isinstance(models, list) and len(models) == 1 and isinstance(models[0], str) else ""
    score = row.get("score")
    is_score = isinstance(score, int | float) and not isinstance(score, bool) and 0 <= score <= 1
    is_reviewed = row.get("is_reviewed") is True and source in ("model", "accepted")
    return {
        "source": source,
        "model_id": model_id,
        "confidence": float(score) if isinstance(score, int | float) and is_score else None,
        "is_reviewed": is_reviewed,
    }
