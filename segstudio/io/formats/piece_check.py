"""One image's labels as an importer reads them, held against its layers piece by piece: nothing large is kept."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from segstudio.core.cancel import Cancel, check
from segstudio.core.classes import IGNORE, UNLABELLED
from segstudio.core.geometry import TILE, Rect
from segstudio.core.layer_builder import ClassPixels
from segstudio.core.polygons import fill_rings, outlines
from segstudio.io.formats.losses import object_boxes
from segstudio.io.formats.pixels import label_layers

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator, Mapping, Sequence

    import numpy.typing as npt

    from segstudio.core.classes import ClassTable
    from segstudio.core.layer_builder import FoundObject, Piece
    from segstudio.core.layers import LabelLayer
    from segstudio.io.formats.base import ExportItem
    from segstudio.io.formats.losses import Holds

    Key = tuple[int, int]
    """(index of the layer, segment id)."""
    Solid = tuple[Rect, npt.NDArray[np.bool_], npt.NDArray[np.bool_]]


class PieceCheck:
    """Add every piece, then :meth:`finish`; both tell the first difference as a part of a sentence, "" where there is none.

    A pixel of a piece must be of the same class, an object's all of one object, in the layers; in the end there must be as many of
    each as the layers have. *holds* says what the format cannot tell: then the layers count without it. ``names`` are the dataset's
    classes.
    """

    def __init__(
        self, item: ExportItem, classes: ClassTable, names: Sequence[str], holds: Holds, cancel: Cancel
    ) -> None:
        self._item, self._holds, self._cancel = item, holds, cancel
        self._layers = label_layers(item)
        self._classes = classes
        known = [classes.by_name(name) for name in names]
        self._names = list(names)
        self._ids = np.array([0, *(0 if found is None else found.id for found in known)], np.uint16)
        self._is_flat = not holds.overlap and len(self._layers) > 1
        self._objects_of = [_object_lut(layer) for layer in self._layers]
        self._expected_objects: Counter[Key] = Counter()
        self._expected_stuff: Counter[int] = Counter()
        self._stuff_floor: Counter[int] = Counter()
        self._expect()
        self._found: dict[Hashable, _Found] = {}
        self._found_stuff: Counter[int] = Counter()
        self._solid: dict[tuple[int, int, int], Solid] | None = None

    # -- what the layers say -------------------------------------------------------------------------------------------

    @property
    def ignored(self) -> int:
        """Ignored pixels that are expected."""
        return self._expected_stuff[IGNORE]

    def class_pixels(self) -> Counter[int]:
        """Expected pixels by class id, objects included."""
        found = Counter({class_id: n for class_id, n in self._expected_stuff.items() if class_id != IGNORE})
        for (index, segment_id), count in self._expected_objects.items():
            found[self._layers[index].segments[segment_id].class_id] += count
        return found

    def class_objects(self) -> Counter[int]:
        """Expected objects by class id."""
        return Counter(self._layers[index].segments[number].class_id for index, number in self._expected_objects)

    def _expect(self) -> None:
        total = self._item.width * self._item.height * self._depth
        labelled = 0
        for index, layer in enumerate(self._layers):
            pixels = self._visible(index) if self._is_flat else layer.segment_pixels()
            lut = layer.class_lut()
            for segment_id, count in pixels.items():
                class_id = int(lut[segment_id])
                if class_id == UNLABELLED:
                    continue
                labelled += count
                if class_id == IGNORE:
                    self._expected_stuff[IGNORE] += count if self._holds.ignore else 0
                elif self._objects_of[index][segment_id] and self._holds.objects:
                    self._expected_objects[index, segment_id] += count
                elif self._holds.stuff:
                    self._expected_stuff[class_id] += count
        if not self._holds.unlabelled:
            self._expected_stuff[IGNORE] += total - labelled
        if self._holds.overlap and len(self._layers) > 1:
            self._stuff_floor = self._united()

    @property
    def _depth(self) -> int:
        return self._item.depth if self._item.plane is None else 1

    def _strips(self) -> Iterator[tuple[int, Rect]]:
        for z in range(self._depth):
            for y in range(0, self._item.height, TILE):
                check(self._cancel)
                yield z, Rect(0, y, self._item.width, min(TILE, self._item.height - y))

    def _visible(self, index: int) -> dict[int, int]:
        """Pixels of each segment of a layer that no upper layer covers."""
        counts = np.zeros(65536, np.int64)
        for z, rect in self._strips():
            ids = self._layers[index].read(rect, z)
            if not ids.any():
                continue
            for upper in self._layers[index + 1 :]:
                ids[upper.read(rect, z) != 0] = 0
            found = np.bincount(ids.ravel())
            counts[: len(found)] += found
        return {int(value): int(counts[value]) for value in np.flatnonzero(counts) if value}

    def _united(self) -> Counter[int]:
        """Pixels of each class's stuff, and ignored ones, where several layers may have the same."""
        found: Counter[int] = Counter()
        for z, rect in self._strips():
            stuff = [self._stuff(index, rect, z) for index in range(len(self._layers))]
            for class_id in {int(value) for part in stuff for value in np.unique(part)} - {UNLABELLED}:
                found[class_id] += int(np.any([part == class_id for part in stuff], axis=0).sum())
        return found

    def _stuff(self, index: int, rect: Rect, z: int) -> npt.NDArray[np.uint16]:
        """Class ids of a layer where it is no object (all that is one, where the format has no objects)."""
        return self._stuff_luts[index].take(self._layers[index].read(rect, z))

    @cached_property
    def _stuff_luts(self) -> list[npt.NDArray[np.uint16]]:
        luts = [layer.class_lut().copy() for layer in self._layers]
        if self._holds.objects:
            for lut, is_object in zip(luts, self._objects_of, strict=True):
                lut[is_object] = UNLABELLED
        return luts

    def _stuff_of_all(self, rect: Rect, z: int) -> npt.NDArray[np.uint16]:
        """What a format without overlap holds there: the uppermost layer's."""
        if len(self._layers) == 1 and self._holds.unlabelled:
            return self._stuff(0, rect, z)
        out = np.zeros((rect.height, rect.width), np.uint16)
        covered = np.zeros((rect.height, rect.width), np.bool_)
        for index in reversed(range(len(self._layers))):
            ids = self._layers[index].read(rect, z)
            np.copyto(out, self._stuff(index, rect, z), where=~covered)
            covered |= ids != 0
        if not self._holds.unlabelled:
            out[~covered] = IGNORE
        return out

    # -- what was read ------------------------------------------------------------------------------------------------

    def add(self, piece: Piece) -> str:
        """Compare one piece."""
        shape = piece.values.shape if isinstance(piece, ClassPixels) else piece.mask.shape
        rect = Rect(piece.x, piece.y, shape[1], shape[0])
        bounds = Rect(0, 0, self._item.width, self._item.height)
        if rect.intersected(bounds) != rect or not 0 <= piece.z < self._depth:
            return f"labels at x {piece.x}, y {piece.y}, plane {piece.z} are outside the image"
        if isinstance(piece, ClassPixels):
            return self._add_area(piece, rect)
        class_id = int(self._ids[piece.class_index + 1])
        if class_id == UNLABELLED:
            return f"the class “{self._names[piece.class_index]}” is not one that was written"
        if not piece.is_object or not self._holds.objects:
            values = np.where(piece.mask, np.uint16(class_id), np.uint16(0))
            return self._compare_stuff(values, rect, piece.z)
        if self._holds.holes and self._holds.parts:
            return self._add_object(piece, rect, class_id)
        return self._add_solid(piece, rect, class_id)

    def _add_area(self, piece: ClassPixels, rect: Rect) -> str:
        lut = np.zeros(65536, np.uint16)
        lut[: len(self._ids)] = self._ids
        lut[IGNORE] = IGNORE
        values = lut.take(piece.values)
        strange = (piece.values != 0) & (values == 0)
        if strange.any():
            return f"the class “{self._names[int(piece.values[strange][0]) - 1]}” is not one that was written"
        return self._compare_stuff(values, rect, piece.z)

    def _compare_stuff(self, values: npt.NDArray[np.uint16], rect: Rect, z: int) -> str:
        if self._holds.overlap:
            fits = values == 0
            for index in range(len(self._layers)):
                fits |= self._stuff(index, rect, z) == values
            wrong = ~fits
        else:
            wrong = (values != 0) & (values != self._stuff_of_all(rect, z))
        if wrong.any():
            row, column = (int(where[0]) for where in np.nonzero(wrong))
            what = self._name(int(values[row, column]))
            return f"the pixel x {rect.x + column}, y {rect.y + row} is {what}"
        counts = np.bincount(values.ravel())
        for class_id in np.flatnonzero(counts).tolist():
            if class_id != UNLABELLED:
                self._found_stuff[class_id] += int(counts[class_id])
        return ""

    def _add_object(self, piece: FoundObject, rect: Rect, class_id: int) -> str:
        size = int(np.count_nonzero(piece.mask))
        if not size:
            return ""
        candidates = self._around(piece, rect, class_id)
        name = len(self._found) if piece.key is None else ("key", piece.key)
        found = self._found.setdefault(name, _Found(rect, class_id, set(candidates)))
        found.size += size
        found.candidates &= {key for key in candidates if self._expected_objects[key] >= found.size}
        if found.is_on_another(piece, rect):
            return f"a part of an object at x {rect.x}, y {rect.y} comes twice"
        if not found.candidates:
            return f"an object of class “{self._name(class_id)}” at x {rect.x}, y {rect.y} is not one of the layers'"
        if all(self._expected_objects[key] == found.size for key in found.candidates):
            found.parts.clear()
        else:
            found.parts.append((piece.z, rect, piece.mask))
        return ""

    def _around(self, piece: FoundObject, rect: Rect, class_id: int) -> list[Key]:
        """The objects of the class, a layer at most one, in which all of the piece lies."""
        found = []
        for index, layer in enumerate(self._layers):
            ids = layer.read(rect, piece.z)[piece.mask]
            number = int(ids[0])
            if self._objects_of[index][number] and bool((ids == number).all()):
                if layer.segments[number].class_id == class_id:
                    found.append((index, number))
        return found

    def _add_solid(self, piece: FoundObject, rect: Rect, class_id: int) -> str:
        """An object of a format without holes: what it covers must be of one object with its holes filled."""
        for index, layer in enumerate(self._layers):
            ids = layer.read(rect, piece.z)
            counts = np.bincount(ids[piece.mask], minlength=1)
            for number in np.argsort(-counts, kind="stable").tolist():
                if not counts[number]:
                    break
                if not self._objects_of[index][number] or layer.segments[number].class_id != class_id:
                    continue
                box, solid, seen = self._solids()[index, number, piece.z]
                if rect.intersected(box) != rect:
                    continue
                part = rect.moved(-box.x, -box.y).slices
                if not self._holds.holes and (piece.mask & ~solid[part]).any():
                    continue
                seen[part] |= piece.mask
                return ""
        return f"an object of class “{self._name(class_id)}” at x {rect.x}, y {rect.y} is not one of the layers'"

    def _solids(self) -> Mapping[tuple[int, int, int], Solid]:
        """Of each object on each plane: its box, its pixels (holes filled where the format has none), and those that were read."""
        if self._solid is None:
            self._solid = {}
            for place, layer in enumerate(self._layers):
                for (plane, number), box in object_boxes(layer).items():
                    pixels = layer.read(box, plane) == number
                    if not self._holds.holes:
                        size = Rect(0, 0, box.width, box.height)
                        outer, _ = outlines(pixels)
                        pixels = np.any([fill_rings([ring], size) for ring in outer], axis=0)
                    self._solid[place, number, plane] = box, pixels, np.zeros_like(pixels)
        return self._solid

    def finish(self) -> str:
        """Compare what there was of everything."""
        if self._holds.holes and self._holds.parts:
            difference = self._missing_objects()
        else:
            difference = self._missing_solids() if self._holds.objects else ""
        if difference:
            return difference
        for class_id in {*self._expected_stuff, *self._found_stuff}:
            found, most = self._found_stuff[class_id], self._expected_stuff[class_id]
            if not self._stuff_floor.get(class_id, most) <= found <= most:
                return f"{most} pixels are {self._name(class_id)}, {found} were read back"
        return ""

    def _missing_objects(self) -> str:
        """What lies wholly in an object and has as many pixels is that object; each must be there once."""
        left = dict(self._expected_objects)
        for found in self._found.values():
            same = next((key for key in found.candidates if left.get(key) == found.size), None)
            if same is None:
                what = f"class “{self._name(found.class_id)}” at x {found.rect.x}, y {found.rect.y}"
                return f"an object of {what} came back with {found.size} pixels, or comes twice"
            del left[same]
        for (index, number), count in left.items():
            name = self._name(self._layers[index].segments[number].class_id)
            return f"object {number} of class “{name}”, {count} pixels, was not read back"
        return ""

    def _missing_solids(self) -> str:
        for box, solid, seen in self._solids().values():
            missing = int(np.count_nonzero(solid != seen))
            if missing:
                return f"{missing} pixels of the object at x {box.x}, y {box.y} were not read back"
        return ""

    def _name(self, class_id: int) -> str:
        if class_id == IGNORE:
            return "ignored"
        found = self._classes.by_id(class_id)
        return found.name if found is not None else "unlabelled"


@dataclass
class _Found:
    """An object as it was read so far: which of the layers' it may be, and its parts while there may be more."""

    rect: Rect
    class_id: int
    candidates: set[Key]
    size: int = 0
    parts: list[tuple[int, Rect, npt.NDArray[np.bool_]]] = field(default_factory=list)

    def is_on_another(self, piece: FoundObject, rect: Rect) -> bool:
        """Whether the piece shares a pixel with an earlier part."""
        for z, box, mask in self.parts:
            shared = box.intersected(rect)
            if z == piece.z and not shared.is_empty:
                one = mask[shared.moved(-box.x, -box.y).slices]
                if (one & piece.mask[shared.moved(-rect.x, -rect.y).slices]).any():
                    return True
        return False


def _object_lut(layer: LabelLayer) -> npt.NDArray[np.bool_]:
    lut = np.zeros(65536, np.bool_)
    lut[[s.id for s in layer.segments.values() if s.is_object and s.class_id != UNLABELLED]] = True
    return lut
