"""Reads CVAT for images 1.1: an XML file whose images hold masks, polygons, boxes and ellipses."""

from __future__ import annotations

import math
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from segstudio.core.cancel import Cancel, check
from segstudio.core.errors import UserError
from segstudio.core.geometry import Rect
from segstudio.core.layer_builder import FoundObject
from segstudio.io.formats.base import FoundClass, FoundImage
from segstudio.io.formats.problems import ProblemList
from segstudio.io.formats.safety import RESTORE, Limits, file_name, find_image, is_link_out, whole_number
from segstudio.io.formats.shapes import IGNORE_LABEL, traits_of
from segstudio.io.formats.shapes_in import (
    Area,
    Labels,
    Size,
    box,
    ellipse,
    ignored,
    label_of,
    number,
    polygon,
    size_of_picture,
)
from segstudio.io.readers.limits import MAX_PIXELS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path
    from xml.etree.ElementTree import Element

    from segstudio.core.layer_builder import Piece
    from segstudio.io.formats.problems import Note

_SHAPES = ("mask", "polygon", "box", "ellipse", "polyline", "points", "cuboid", "skeleton")
_NO_AREA = {"polyline": "lines", "points": "points", "cuboid": "cuboids", "skeleton": "skeletons", "tag": "tags"}
_HEAD_BYTES = 1 << 14


class CvatImporter:
    """Reads an XML file of CVAT, or a folder with one (or several, a task each) beside ``images/``; the file is never held whole.

    Shapes of one label and group_id are one object, as in CVAT's own conversions; a higher z_order comes later and so over the
    lower ones. Boxes and ellipses are filled. What has no area (lines, points, cuboids, skeletons, tags) is told and left out.
    """

    def __init__(self, source: Path, options: Mapping[str, Any], limits: Limits) -> None:
        self.problems = ProblemList()
        self._root = source.parent if source.is_file() else source
        self._files = [source] if source.is_file() else _xml_files(source)
        self._limits = limits
        if not self._files:
            raise UserError("There is no XML file of CVAT in the folder", path=source, remedy="choose another folder")

    @staticmethod
    def looks_like(source: Path) -> int:
        """Certain where the XML file begins as CVAT's do."""
        return 95 if ([source] if source.is_file() else _xml_files(source, 3)) and _is_cvat(source) else 0

    @cached_property
    def _labels(self) -> Labels:
        labels = Labels((IGNORE_LABEL,))
        labels.add_listed(self._root / "classes.json", self._limits)
        for path in self._files:
            for element in self._read(path):
                if element.tag == "label":
                    labels.add(element.findtext("name"), element.findtext("color"))
                for shape in element if element.tag == "image" else ():
                    if shape.tag in _SHAPES:
                        labels.add(shape.get("label"))
        return labels

    @property
    def classes(self) -> Sequence[FoundClass]:
        """Those of the head, then others that shapes name; the first call reads the files."""
        return self._labels.found()

    def _read(self, path: Path) -> Iterator[Element]:
        """As :meth:`_elements`; a damaged file among several is a problem."""
        try:
            yield from self._elements(path)
        except UserError as error:
            if len(self._files) == 1:
                raise
            self._say(path.name, error.message)

    def _elements(self, path: Path) -> Iterator[Element]:
        """The labels of the head and the images, each forgotten when the next is asked for."""
        from xml.etree.ElementTree import ParseError

        import defusedxml.ElementTree as Tree
        from defusedxml.common import DefusedXmlException

        try:
            if path.stat().st_size > self._limits.index_bytes:
                raise UserError("The file is too large", path=path, remedy="split the dataset")
            with path.open("rb") as stream:
                yield from self._parsed(path, Tree.iterparse(_Wide(stream), ("start", "end"), forbid_dtd=True))
        except DefusedXmlException as error:
            raise UserError("The XML file holds entities, which are not read", path=path, remedy=RESTORE) from error
        except (ParseError, LookupError, ValueError) as error:
            raise UserError(f"The file is no XML that can be read ({error})", path=path, remedy=RESTORE) from error
        except OSError as error:
            raise UserError(
                f"The file cannot be read ({error.strerror or error})", path=path, remedy="check it"
            ) from error

    def _parsed(self, path: Path, events: Iterator[tuple[str, Element]]) -> Iterator[Element]:
        stack: list[Element] = []
        for event, element in events:
            if event == "start":
                stack.append(element)
                if len(stack) > self._limits.depth:
                    raise UserError("The file is nested too deeply", path=path, remedy=RESTORE)
                if element.tag == "track":
                    raise UserError(
                        "The file is CVAT's format for videos, whose tracks are not read",
                        path=path,
                        remedy="export the task from CVAT as “CVAT for images 1.1”",
                    )
                continue
            stack.pop()
            if element.tag in ("label", "image"):
                yield element
                if stack:
                    stack[-1].remove(element)

    def images(self) -> Iterator[FoundImage]:
        """In the order of the file; one that is named twice comes once, with a problem."""
        seen: set[tuple[str, str]] = set()
        for path in self._files:
            for element in self._read(path):
                if element.tag != "image":
                    continue
                named = element.get("name") or ""
                name = file_name(named)
                key = (element.get("subset") or "", named)
                if not name:
                    self._say(path.name, f"An image without a name (id {str(element.get('id'))[:40]}) was left out")
                elif key in seen:
                    self._say(name, "The image is in the file twice; the second was left out")
                else:
                    seen.add(key)
                    yield self._image(element, named, name)

    def _say(self, where: str, sentence: str) -> None:
        with self.problems.of(where) as note:
            note(sentence)

    def _image(self, element: Element, named: str, name: str) -> FoundImage:
        split = (element.get("subset") or "").strip()[:100]
        places = [self._root / place for place in (f"images/{split}", "images", "", "data", "obj_train_data")]
        image = find_image(named, places if split else places[1:])
        size = _size(element, image)
        reason = "" if image else "the image file is missing"
        if size == (0, 0):
            reason = "its size is not known, since the image file is missing"
        shapes = list(element)
        # The parser forgets the element's children when it goes on; the list keeps them for whoever keeps this image.
        return FoundImage(
            name,
            image,
            *size,
            lambda cancel: self._pieces(name, shapes, size, cancel),
            split=None if split in ("", "default") else split,
            group="/".join(named.replace("\\", "/").split("/")[:-1])[:200],
            reason=reason,
        )

    def _pieces(self, name: str, shapes: list[Element], size: Size, cancel: Cancel) -> Iterator[Piece]:
        labels = self._labels
        with self.problems.of(name) as note:
            if size == (0, 0):
                note("The size of the image is not known, so its shapes were left out", max(len(shapes), 1))
                return
            areas = [shape for shape in shapes if label_of(shape.get("label")) == IGNORE_LABEL and shape.tag in _SHAPES]
            for shape in areas:
                area = self._area(shape, size, note)
                if area:
                    yield ignored(area)
            for order, shape in sorted(enumerate(shapes), key=lambda one: (_height(one[1]), one[0])):
                check(cancel)
                kind = label_of(shape.get("label"))
                if kind == IGNORE_LABEL or shape.tag == "attribute":
                    continue
                area = self._area(shape, size, note) if kind else None
                if not kind:
                    note("Left out: a shape without a label")
                elif area:
                    index = labels.index(kind)
                    yield FoundObject(
                        area[1].x, area[1].y, area[0], index, key=_key(shape, order, kind), **_traits(shape)
                    )

    def _area(self, shape: Element, size: Size, note: Note) -> Area | None:
        try:
            area = self._drawn(shape, size)
        except ValueError as error:
            note(f"Left out: {error}")
            return None
        if shape.tag == "box":
            note("Boxes came as filled rectangles")
        return area

    def _drawn(self, shape: Element, size: Size) -> Area:
        given = shape.attrib
        if shape.tag == "polygon":
            return polygon(_pairs(given.get("points")), size, self._limits)
        if shape.tag == "box":
            corners = [given.get(name) for name in ("xtl", "ytl", "xbr", "ybr")]
            return box(corners[:2], corners[2:], size, self._limits, given.get("rotation", 0))
        if shape.tag == "ellipse":
            middle, radii = (given.get("cx"), given.get("cy")), (given.get("rx"), given.get("ry"))
            return ellipse(middle, radii, size, given.get("rotation", 0))
        if shape.tag == "mask":
            return _mask(given, size)
        if shape.tag in _NO_AREA:
            raise ValueError(f"{_NO_AREA[shape.tag]}, which have no area")
        raise ValueError(f"a shape of the unknown kind “{str(shape.tag)[:40]}”")

    def close(self) -> None:
        """Nothing is open."""


class _Wide:
    """A file that gives a megabyte at a time: the parser looks at a long attribute anew with each piece it gets."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream

    def read(self, _count: int) -> bytes:
        """The next megabyte."""
        return self._stream.read(1 << 20)


def _xml_files(folder: Path, most: int | None = None) -> list[Path]:
    """``annotations.xml``, else all XML files of CVAT in the folder."""
    usual = folder / "annotations.xml"
    if usual.is_file() and not is_link_out(usual, folder):
        return [usual]
    try:
        found = sorted(path for path in islice(folder.iterdir(), 10_000) if path.suffix.lower() == ".xml")
    except OSError:
        return []
    return [path for path in found[:most] if path.is_file() and not is_link_out(path, folder) and _is_cvat(path)]


def _is_cvat(source: Path) -> bool:
    path = source if source.is_file() else next(iter(_xml_files(source, 3)), None)
    if path is None or path.suffix.lower() != ".xml":
        return False
    with path.open("rb") as stream:
        head = stream.read(_HEAD_BYTES)
    if head[:2] in (b"\xff\xfe", b"\xfe\xff"):
        head = head.replace(b"\0", b"")
    return b"<annotations" in head and any(mark in head for mark in (b"<image ", b"<task>", b"<project>", b"<job>"))


def _size(element: Element, image: Path | None) -> Size:
    try:
        return whole_number(element.get("width"), 1, 1 << 20), whole_number(element.get("height"), 1, 1 << 20)
    except ValueError:
        return size_of_picture(image)


def _height(shape: Element) -> float:
    try:
        height = float(shape.get("z_order") or 0)
    except ValueError:
        return 0.0
    return height if math.isfinite(height) else 0.0


def _key(shape: Element, order: int, kind: str) -> tuple[Any, ...]:
    group = (shape.get("group_id") or "").strip()
    return ("shape", order) if group in ("", "0") else ("group", kind, group)


def _traits(shape: Element) -> dict[str, Any]:
    """What our exporter wrote into the shape's attributes."""
    given: dict[str, Any] = {
        attribute.get("name") or "": (attribute.text or "").strip() for attribute in shape.iter("attribute")
    }
    return traits_of({name: text for name, text in given.items() if text})


def _pairs(text: str | None) -> list[float]:
    """Places from "x,y;x,y"."""
    try:
        return [float(value) for value in (text or "").replace(";", ",").split(",") if value.strip()]
    except ValueError as error:
        raise ValueError("a polygon that is no list of numbers") from error


def _mask(given: Mapping[str, str], size: Size) -> Area:
    """A ``<mask>``: lengths of runs of 0 and 1 in turn, row after row of its box."""
    x, y = int(number(given.get("left"))), int(number(given.get("top")))
    try:
        width, height = (
            whole_number(given.get("width"), 1, 2 * size[0]),
            whole_number(given.get("height"), 1, 2 * size[1]),
        )
    except ValueError as error:
        raise ValueError("a mask whose box has no size, or a larger one than the image") from error
    try:
        counts = np.asarray([int(count) for count in (given.get("rle") or "").replace(";", ",").split(",")], np.int64)
    except (ValueError, OverflowError) as error:
        raise ValueError("a mask whose run lengths are no numbers") from error
    pixels = width * height
    if (counts < 0).any() or (counts > pixels).any() or int(counts.sum()) > pixels or pixels > MAX_PIXELS:
        raise ValueError("a mask whose run lengths do not add up to its box")
    # The zeros at the end may be left out.
    turns = np.zeros(pixels + 1, np.int8)
    edges = np.cumsum(counts)
    np.add.at(turns, edges[0::2], 1)
    np.add.at(turns, edges[1::2], -1)
    if edges.size % 2:
        turns[edges[-1]] -= 1
    np.cumsum(turns, dtype=np.int8, out=turns)
    mask = turns[:-1].view(np.bool_).reshape(height, width)
    rect = Rect(x, y, width, height)
    part = rect.clipped(*size)
    if part.is_empty or not mask.any():
        raise ValueError("a mask without pixels in the image")
    return mask[part.moved(-x, -y).slices], part
