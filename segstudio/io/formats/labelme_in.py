"""Reads what labelme (and its kin) writes: a JSON file of shapes for each image."""

from __future__ import annotations

import math
import os
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from segstudio.core.cancel import Cancel, check
from segstudio.core.errors import UserError
from segstudio.core.geometry import Rect
from segstudio.core.layer_builder import FoundObject
from segstudio.io.formats.base import REPORT_NAME, FoundClass, FoundImage
from segstudio.io.formats.problems import ProblemList
from segstudio.io.formats.safety import Limits, file_name, find_image, is_link_out, read_json, read_text, whole_number
from segstudio.io.formats.shapes import BACKGROUND_LABEL, IGNORE_LABEL, traits_of
from segstudio.io.formats.shapes_in import (
    Area,
    Labels,
    Size,
    box,
    bytes_of_base64,
    ellipse,
    ignored,
    is_image_name,
    label_of,
    line,
    mask_from_png,
    number,
    picture_suffix,
    polygon,
    save_picture,
    size_of_picture,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from segstudio.core.layer_builder import Piece
    from segstudio.io.formats.problems import Note

_OURS = ("classes.json", REPORT_NAME)
_POLYGONS = ("polygon", "oriented_rectangle", "rotation", "quadrilateral")
_LINES = ("line", "linestrip", "point", "points")
_HEAD_BYTES = 1 << 16


class LabelmeImporter:
    """Reads a folder (with sub-folders) of labelme's files, or one of them.

    Shapes of one label and ``group_id`` are one object. ``__ignore__`` marks ignored pixels; ``_background_`` cuts a hole into the
    shapes before it, as in labelme's own conversion. Options: ``line_width`` and ``point_size`` (radius) in pixels with which
    lines and points are drawn, labelme's 10 and 5; 0 leaves them out.
    """

    def __init__(self, source: Path, options: Mapping[str, Any], limits: Limits) -> None:
        self.problems = ProblemList()
        self._is_file = source.is_file()
        self._root = source.parent if self._is_file else source
        self._source = source
        self._limits = limits
        self._line_px = float(options.get("line_width", 10))
        self._point_px = float(options.get("point_size", 5))

    @staticmethod
    def looks_like(source: Path) -> int:
        """Certain where one of the first JSON files has labelme's keys."""
        for path in [source] if source.is_file() else islice(_json_files(source), 4):
            if path.suffix.lower() != ".json" or not path.is_file():
                continue
            with path.open("rb") as stream:
                head = stream.read(_HEAD_BYTES)
                stream.seek(max(0, path.stat().st_size - _HEAD_BYTES))
                head += stream.read(_HEAD_BYTES)
            if b'"shapes"' in head and (b'"imagePath"' in head or b'"imageHeight"' in head):
                return 95
        return 0

    @cached_property
    def _labels(self) -> Labels:
        labels = Labels((IGNORE_LABEL, BACKGROUND_LABEL))
        labels.add_listed(self._root / "classes.json", self._limits)
        if not self._is_file and (self._root / "labels.txt").is_file():
            for name in read_text(self._root / "labels.txt", self._limits).split("\n"):
                labels.add(name)
        for _, document in self._documents():
            for shape in document["shapes"]:
                if isinstance(shape, dict):
                    labels.add(shape.get("label"))
        return labels

    @property
    def classes(self) -> Sequence[FoundClass]:
        """Those listed, then the others in the order of the files; the first call reads them all."""
        return self._labels.found()

    def _files(self) -> Iterator[Path]:
        yield from [self._source] if self._is_file else _json_files(self._root)

    def _documents(self) -> Iterator[tuple[Path, dict[str, Any]]]:
        for path in self._files():
            try:
                document = read_json(path, self._limits)
            except UserError as error:
                self._say(path, error.message)
                continue
            if isinstance(document, dict) and isinstance(document.get("shapes"), list):
                yield path, document
            else:
                self._say(path, "The file is no labelme file and was passed over")

    def _say(self, path: Path, sentence: str) -> None:
        with self.problems.of(path.relative_to(self._root).as_posix()) as note:
            note(sentence)

    def images(self) -> Iterator[FoundImage]:
        """One a JSON file, by path; of several for one image the first."""
        seen: set[Path] = set()
        for path, document in self._documents():
            found = self._image(path, document)
            place = found.image or path.parent / found.name
            if place in seen:
                self._say(path, f"The file is for {found.name} as one before; it was left out")
                continue
            seen.add(place)
            yield found

    def _image(self, path: Path, document: dict[str, Any]) -> FoundImage:
        image = self._find(path, document.get("imagePath"))
        data = document.get("imageData") or None
        size = _size(document, image, data)
        named = file_name(str(document.get("imagePath") or ""))
        name = image.name if image else named if is_image_name(named) else f"{path.stem}{picture_suffix(data)}"
        place = path.parent.relative_to(self._root).parts
        reason = "" if image or data else "the image file is missing"
        if size == (0, 0):
            reason = "its size is not known, since the image file is missing"
        return FoundImage(
            name,
            image,
            *size,
            lambda cancel: self._pieces(path, size, cancel),
            split=_split(document.get("split"), place),
            group="/".join(place),
            save_image=(lambda target: self._save(path, target)) if data and not image else None,
            reason=reason,
        )

    def _find(self, path: Path, named: Any) -> Path | None:
        """The image: where the file says, seen from it or from the dataset's folder, else by its name there, else of its stem."""
        folders = [path.parent, self._root, *(self._root / name for name in ("images", "imgs", "JPEGImages"))]
        if isinstance(named, str) and named:
            text = named.replace("\\", "/")
            if text.startswith("."):
                here = path.parent.relative_to(self._root).as_posix()
                text = os.path.normpath(f"{here}/{text}").replace("\\", "/")
                found = None if text.startswith("..") else find_image(text, [self._root])
                if found:
                    return found
            found = find_image(text, folders)
            if found:
                return found
        for suffix in (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".webp"):
            found = find_image(path.stem + suffix, folders[:1])
            if found:
                return found
        return None

    def _save(self, path: Path, target: Path) -> None:
        try:
            data = bytes_of_base64(read_json(path, self._limits).get("imageData"))
        except ValueError as error:
            raise UserError("The embedded image is damaged", path=path, remedy="add the image itself") from error
        save_picture(data, target)

    def _pieces(self, path: Path, size: Size, cancel: Cancel) -> Iterator[Piece]:
        """Ignored areas, then the shapes in their order, less the background drawn over them."""
        labels = self._labels
        document = read_json(path, self._limits)
        shapes = document.get("shapes") if isinstance(document, dict) else None
        where = path.relative_to(self._root).as_posix()
        with self.problems.of(where) as note:
            if not isinstance(shapes, list):
                raise UserError("The file is no labelme file any more", path=path, remedy="import again")
            if size == (0, 0):
                note("The size of the image is not known, so its shapes were left out", max(len(shapes), 1))
                return
            kinds = [label_of(shape.get("label")) if isinstance(shape, dict) else "" for shape in shapes]
            for shape, kind in zip(shapes, kinds, strict=True):
                if kind == IGNORE_LABEL and (area := self._area(shape, size, note)):
                    yield ignored(area)
            holes = [
                (order, self._area(shape, size, note))
                for order, (shape, kind) in enumerate(zip(shapes, kinds, strict=True))
                if kind == BACKGROUND_LABEL
            ]
            for order, (shape, kind) in enumerate(zip(shapes, kinds, strict=True)):
                check(cancel)
                if kind in (IGNORE_LABEL, BACKGROUND_LABEL):
                    continue
                if not kind:
                    note("Left out: a shape without a label")
                elif area := self._area(shape, size, note):
                    area = _without(area, [hole for at, hole in holes if hole and at > order])
                    yield FoundObject(
                        area[1].x,
                        area[1].y,
                        area[0],
                        labels.index(kind),
                        key=_key(shape, order, kind),
                        **traits_of(shape),
                    )

    def _area(self, shape: dict[str, Any], size: Size, note: Note) -> Area | None:
        try:
            return self._drawn(shape, size, note)
        except ValueError as error:
            note(f"Left out: {error}")
            return None

    def _drawn(self, shape: dict[str, Any], size: Size, note: Note) -> Area:
        kind = shape.get("shape_type") or "polygon"
        places = shape.get("points")
        if not isinstance(places, list) or not all(isinstance(one, list) and len(one) == 2 for one in places):
            raise ValueError("a shape whose points are no list of x and y")
        if len(places) < (2 if kind in ("rectangle", "circle") else 1):
            raise ValueError("a shape with too few points")
        if kind in _POLYGONS or (kind == "rectangle" and len(places) > 2):
            return polygon(places, size, self._limits)
        if kind == "rectangle":
            return box(places[0], places[1], size, self._limits)
        if kind == "circle":
            radius = math.dist(*([number(value) for value in place] for place in places[:2]))
            return ellipse(places[0], (radius, radius), size)
        if kind == "mask":
            mask = mask_from_png(shape.get("mask"), size)
            x, y = int(number(places[0][0])), int(number(places[0][1]))
            rect = Rect(x, y, mask.shape[1], mask.shape[0])
            part = rect.clipped(*size)
            if part.is_empty or not mask.any():
                raise ValueError("a mask without pixels in the image")
            return mask[part.moved(-x, -y).slices], part
        if kind in _LINES:
            return self._stroke(kind, places, size, note)
        raise ValueError(f"a shape of the type “{str(kind)[:40]}”, which has no area that is known")

    def _stroke(self, kind: str, places: list[Any], size: Size, note: Note) -> Area:
        is_point = kind.startswith("point")
        width = 2 * self._point_px + 1 if is_point else self._line_px
        if not (self._point_px if is_point else self._line_px):
            raise ValueError("a point" if is_point else "a line")
        what = "Points" if is_point else "Lines"
        note(f"{what} came as areas {width:g} pixels wide, as labelme draws them")
        return line(places, width, size)

    def close(self) -> None:
        """Nothing is open."""


def _json_files(folder: Path) -> Iterator[Path]:
    """JSON files below a folder by name, links that lead out left aside; sub-folders after the files."""
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError:
        return
    for entry in entries:
        path = Path(entry.path)
        if entry.name.lower().endswith(".json") and entry.name not in _OURS and not entry.name.startswith("."):
            if entry.is_file() and not is_link_out(path, folder):
                yield path
    for entry in entries:
        if entry.is_dir(follow_symlinks=False) and not entry.name.startswith("."):
            yield from _json_files(Path(entry.path))


def _size(document: dict[str, Any], image: Path | None, data: Any) -> Size:
    """As the file says, else of the image; (0, 0) unknown."""
    try:
        return whole_number(document.get("imageWidth"), 1, 1 << 20), whole_number(
            document.get("imageHeight"), 1, 1 << 20
        )
    except ValueError:
        return size_of_picture(image, data)


def _split(given: Any, place: tuple[str, ...]) -> str | None:
    if isinstance(given, str) and given:
        return given[:100]
    return place[0] if place and place[0].lower() in ("train", "val", "valid", "test") else None


def _key(shape: dict[str, Any], order: int, kind: str) -> tuple[Any, ...]:
    group = shape.get("group_id")
    return ("shape", order) if group is None or not isinstance(group, int | str) else ("group", kind, group)


def _without(area: Area, holes: Sequence[Area]) -> Area:
    mask, rect = area
    for hole, where in holes:
        common = rect.intersected(where)
        if not common.is_empty:
            mask = mask.copy()
            mask[common.moved(-rect.x, -rect.y).slices] &= ~hole[common.moved(-where.x, -where.y).slices]
    return mask, rect
