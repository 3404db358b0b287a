"""Reading shapes on a map, whatever file they are in: which images they belong to, their classes, their pixels."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast, get_args

import numpy as np

from segstudio.core.cancel import Cancel, check
from segstudio.core.classes import IGNORE
from segstudio.core.errors import UserError
from segstudio.core.geometry import Rect
from segstudio.core.layer_builder import ClassPixels, FoundObject
from segstudio.core.layers import Source
from segstudio.core.polygon_fill import fill_area, ring_bounds
from segstudio.io.datasets import SPLIT_FOLDERS
from segstudio.io.formats.base import FoundClass, FoundImage
from segstudio.io.formats.class_lists import read_class_list
from segstudio.io.formats.map_classes import ClassBook, is_ignored
from segstudio.io.formats.map_images import (
    ImageFinder,
    MapImage,
    Projection,
    image_of_facts,
    image_of_file,
    known_crs,
    projection,
)
from segstudio.io.formats.problems import ProblemList
from segstudio.io.formats.safety import file_name, is_link_out

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    import numpy.typing as npt

    from segstudio.core.layer_builder import Piece
    from segstudio.io.formats.map_features import MapShape
    from segstudio.io.formats.problems import Note
    from segstudio.io.formats.safety import Limits

PIECE_PIXELS = 1 << 26
"""A shape whose rectangle has more pixels comes in strips."""
_NO_IMAGE = "no image was found for it; say where the images are with the option “images”"


@dataclass(frozen=True)
class ShapeHead:
    """What a source says of all its shapes. ``crs`` None: nothing; ``image`` holds name, width, height, transform, crs."""

    crs: str | None = None
    is_pixels: bool = False
    image: Mapping[str, Any] = field(default_factory=dict)
    fault: str = ""


class ShapeSource(Protocol):
    """A GeoJSON file, or a layer of a GeoPackage."""

    @property
    def path(self) -> Path:
        """Its file."""
        ...

    @property
    def names(self) -> Sequence[str]:
        """What its image may be called: the layer, the file; the first names its class where nothing else does."""
        ...

    def head(self) -> ShapeHead:
        """What it says of all its shapes; UserError where it is damaged."""
        ...

    def shapes(self) -> Iterator[MapShape]:
        """Its shapes in the order of the file; UserError where it is damaged."""
        ...


@dataclass(eq=False)
class _Work:
    """An image and what is to be laid on it."""

    image: MapImage
    split: str | None
    group: str
    sources: list[tuple[ShapeSource, ShapeHead]] = field(default_factory=list)
    is_shared: bool = False


class MapImporter:
    """What importers of shapes have in common; they say how sources are found.

    Options: ``images`` (a folder, or {name: file} of a project's images; "": beside the labels), ``class_field`` (the attribute
    that names the class; "": the first known one), ``objects`` (True: a shape that does not say is an object).
    """

    suffixes: tuple[str, ...] = ()

    def __init__(self, source: Path, options: Mapping[str, Any], limits: Limits) -> None:
        self.problems: ProblemList = ProblemList()
        self.limits = limits
        self._source = source
        self._root = source if source.is_dir() else source.parent
        self._given = options.get("images") or ""
        self._objects = bool(options.get("objects", True))
        self._class_field = str(options.get("class_field") or "")
        self._finders: dict[Path, ImageFinder] = {}
        self._book: ClassBook | None = None

    # -- sources ---------------------------------------------------------------------------------------------------

    def sources_of(self, file: Path) -> Iterable[ShapeSource]:
        """The sources in one file; UserError where it is damaged."""
        raise NotImplementedError

    def listed(self) -> list[FoundClass] | None:
        """The classes that the dataset lists, None where it lists none."""
        found = read_class_list(self._root, self.limits)
        if found is not None:
            self.problems.extend(problem for problem in found.problems if problem not in self.problems)
        return None if found is None else found.classes

    def files(self) -> Iterator[Path]:
        """Files of labels, folder by folder."""
        if self._source.is_file():
            yield self._source
            return
        for place, folders, names in os.walk(self._root):
            folders[:] = sorted(name for name in folders if not name.startswith("."))
            for name in sorted(names):
                path = Path(place) / name
                if name.lower().endswith(self.suffixes) and not name.startswith("."):
                    if is_link_out(path, self._root):
                        self.problems.note(name, "it is a link that leads out of the dataset")
                    else:
                        yield path

    def _sources(self) -> Iterator[ShapeSource]:
        for file in self.files():
            try:
                yield from self.sources_of(file)
            except UserError as error:
                self._fault(file.name, error)

    def _fault(self, where: str, error: Exception) -> None:
        remedy = error.remedy if isinstance(error, UserError) else ""
        text = error.message if isinstance(error, UserError) else str(error)
        self.problems.note(where, f"{text} ({remedy})" if remedy else text)

    # -- classes ---------------------------------------------------------------------------------------------------

    @property
    def classes(self) -> Sequence[FoundClass]:
        """Those of ``classes.json``; else those that the shapes name, for which all are read."""
        return self._classes().classes

    def _classes(self) -> ClassBook:
        if self._book is None:
            listed = None if self._class_field else self.listed()
            book = ClassBook(listed or [], listed is not None, self._class_field)
            for source in self._sources() if listed is None else ():
                try:
                    for shape in source.shapes():
                        if not is_ignored(shape.properties):
                            book.add(book.class_of(shape.properties, source.names[0]))
                except UserError:
                    continue  # told when its labels are read
            self._book = book
        return self._book

    # -- images ----------------------------------------------------------------------------------------------------

    def images(self) -> Iterator[FoundImage]:
        """The images that labels were found for, those of the dataset's folders first by their labels' files."""
        for work in self._work().values():
            image = work.image
            yield FoundImage(
                image.name,
                image.file,
                image.width,
                image.height,
                partial(self._labels, work),
                split=work.split,
                group=work.group,
                reason="" if image.file is not None else "the image is missing",
            )

    def close(self) -> None:
        """Nothing is held open."""

    def _work(self) -> dict[str, _Work]:
        found: dict[str, _Work] = {}
        shared: list[tuple[ShapeSource, ShapeHead]] = []
        for source in self._sources():
            where = source.path.name
            try:
                head = source.head()
                if head.fault:
                    self.problems.note(where, head.fault)
                image = self._image_of(source, head)
            except (UserError, ValueError) as error:
                self._fault(where, error)
                continue
            if image is None:
                shared.append((source, head))
                continue
            split, group = self._split_of(source.path)
            work = found.setdefault(f"{split}/{image.name}".casefold(), _Work(image, split, group))
            work.sources.append((source, head))
        for source, head in shared:
            self._share(source, head, found)
        return found

    def _image_of(self, source: ShapeSource, head: ShapeHead) -> MapImage | None:
        """The image that a source alone belongs to; None where it may belong to many."""
        finder = self._finder(source.path.parent)
        if not head.image:
            file = finder.find(*source.names)
            return None if file is None else image_of_file(file)
        name = file_name(str(head.image.get("name") or "")) or source.names[0]
        file = finder.find(name, *source.names)
        told = image_of_facts(head.image, name)
        if file is None:
            return told
        found = image_of_file(file, name)
        # In pixels the labels are those of the size they were made at; on the map they lie where they lie.
        return found if found.place.is_on_map else replace(found, width=told.width, height=told.height)

    def _share(self, source: ShapeSource, head: ShapeHead, found: dict[str, _Work]) -> None:
        """Lay a source that names no image on all images that lie on the map, or on the only one."""
        files = self._finder(source.path.parent).all()
        is_used = False
        for name, file in files:
            try:
                image = image_of_file(file, name)
            except UserError as error:
                self._fault(name, error)
                continue
            if (image.place.is_on_map and not head.is_pixels) or len(files) == 1:
                split, group = self._split_of(file)
                work = found.setdefault(f"{split}/{name}".casefold(), _Work(image, split, group))
                work.sources.append((source, head))
                work.is_shared = is_used = True
        if not is_used:
            self.problems.note(source.path.name, _NO_IMAGE)

    def _finder(self, folder: Path) -> ImageFinder:
        if folder not in self._finders:
            below = folder.relative_to(self._root) if folder.is_relative_to(self._root) else None
            places = [folder, self._root / "images", self._root]
            if below is not None:
                places.insert(1, self._root / "images" / below)
            self._finders[folder] = ImageFinder(self._root, places, self._given)
        return self._finders[folder]

    def _split_of(self, file: Path) -> tuple[str | None, str]:
        parts = file.parent.relative_to(self._root).parts if file.is_relative_to(self._root) else ()
        named = [part for part in parts if part != "images"]
        if not named:
            return None, ""
        split = SPLIT_FOLDERS.get(named[0].casefold())
        is_ours = split is None and len(named) == 1 and (self._root / "classes.json").is_file()
        return named[0] if is_ours else split, "/".join(named)

    # -- labels ----------------------------------------------------------------------------------------------------

    def _labels(self, work: _Work, cancel: Cancel) -> Iterator[Piece]:
        with self.problems.of(work.image.name) as note:
            ready = [(source, self._projection(source, head, work.image, cancel)) for source, head in work.sources]
            begun = []
            for source, way in ready:
                begun.append(0)
                for area in self._leading_ignored(source, way, work, cancel):
                    begun[-1] += 1
                    yield from area
            late: list[Piece] = []
            for number, (source, way) in enumerate(ready):
                for index, shape in enumerate(source.shapes()):
                    check(cancel)
                    if shape.fault:
                        note(shape.fault)
                    if is_ignored(shape.properties):
                        late += _ignored(shape, way, work) if index >= begun[number] else []
                    elif shape.polygons:
                        yield from self._pieces(shape, source, way, work, note, (number, index))
            yield from late

    def _projection(self, source: ShapeSource, head: ShapeHead, image: MapImage, cancel: Cancel) -> Projection:
        if head.is_pixels:
            return Projection(None, image.place)
        crs = None
        if head.crs:
            try:
                crs = known_crs(head.crs)
            except ValueError as error:
                raise UserError(str(error), path=source.path, remedy="save it with an EPSG number") from error
        is_asked = crs is None and head.crs is None and image.place.is_on_map
        bounds = _bounds(source, cancel) if is_asked else None
        return projection(crs, image.place, bounds, (image.width, image.height))

    @staticmethod
    def _leading_ignored(source: ShapeSource, way: Projection, work: _Work, cancel: Cancel) -> Iterator[list[Piece]]:
        """What is ignored, which segstudio writes before all else: the layers above it take the rest."""
        for shape in source.shapes():
            check(cancel)
            if not is_ignored(shape.properties):
                return
            yield _ignored(shape, way, work)

    def _pieces(
        self, shape: MapShape, source: ShapeSource, way: Projection, work: _Work, note: Note, key: tuple[int, int]
    ) -> Iterator[Piece]:
        book, properties = self._classes(), shape.properties
        name = book.class_of(properties, source.names[0]).name
        place = book.place(name)
        if place is None:
            note(f"the class “{name}” is not in the list of classes")
            return
        is_found, origin = False, self._origin(properties)
        try:
            for rect, mask in _masks(shape, way, work.image):
                if mask.any():
                    is_found = True
                    yield FoundObject(rect.x, rect.y, mask, place, key=key if origin["is_object"] else None, **origin)
        except ValueError as error:
            note(str(error))
            return
        if not is_found and not work.is_shared:
            note("a polygon lies outside of the image, or covers the centre of no pixel")

    def _origin(self, properties: Mapping[str, Any]) -> dict[str, Any]:
        """What a shape says of itself beside its class, as far as it can be."""
        told = properties.get("is_object")
        source, models = properties.get("source"), properties.get("models")
        if isinstance(models, str):
            models = models.split(", ")
        confidence = properties.get("confidence")
        is_number = isinstance(confidence, (int, float)) and not isinstance(confidence, bool) and 0 <= confidence <= 1
        return {
            "is_object": self._objects if told is None else bool(told),
            "source": cast("Source", source if source in get_args(Source) else "import"),
            "model_id": str(models[0])[:200] if isinstance(models, list) and len(models) == 1 else "",
            "confidence": float(cast("float", confidence)) if is_number else None,
            "is_reviewed": properties.get("is_reviewed") in (True, 1),
        }


def _ignored(shape: MapShape, way: Projection, work: _Work) -> list[Piece]:
    try:
        masks = _masks(shape, way, work.image)
        return [ClassPixels(rect.x, rect.y, mask.astype(np.uint16) * np.uint16(IGNORE)) for rect, mask in masks]
    except ValueError:
        return []  # told of with the others


def _masks(shape: MapShape, way: Projection, image: MapImage) -> Iterator[tuple[Rect, npt.NDArray[np.bool_]]]:
    """(rectangle, mask) of a shape, several where it is large; ValueError where a point has no place."""
    polygons = [way.pixels(list(rings)) for rings in shape.polygons]
    rects = [ring_bounds(rings[:1], image.width, image.height) for rings in polygons]
    total = Rect(0, 0, 0, 0)
    for rect in rects:
        total = rect if total.is_empty else total.united(rect) if not rect.is_empty else total
    if total.is_empty:
        return
    rows = max(1, min(total.height, PIECE_PIXELS // total.width))
    for y in range(total.y, total.bottom, rows):
        strip = Rect(total.x, y, total.width, min(rows, total.bottom - y))
        if len(polygons) == 1:
            yield strip, fill_area(polygons[0], strip)
            continue
        mask = np.zeros((strip.height, strip.width), np.bool_)
        for rings, rect in zip(polygons, rects, strict=True):
            part = rect.intersected(strip)
            if not part.is_empty:
                mask[part.moved(-strip.x, -strip.y).slices] |= fill_area(rings, part)
        yield strip, mask


def _bounds(source: ShapeSource, cancel: Cancel) -> tuple[float, float, float, float] | None:
    """(left, top, right, bottom) of a source's coordinates, None where it has none."""
    low, high = np.full(2, np.inf), np.full(2, -np.inf)
    for shape in source.shapes():
        check(cancel)
        for rings in shape.polygons:
            low, high = np.minimum(low, rings[0].min(axis=0)), np.maximum(high, rings[0].max(axis=0))
    if not np.isfinite([low, high]).all():
        return None
    return float(low[0]), float(low[1]), float(high[0]), float(high[1])
