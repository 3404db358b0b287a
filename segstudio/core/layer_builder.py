"""Label layers from what a file of labels holds: areas of classes, and objects that may overlap."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from segstudio.core.classes import IGNORE, MAX_ID, UNLABELLED
from segstudio.core.geometry import Rect, tile_rect
from segstudio.core.layers import LabelLayer, Segment

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Sequence

    import numpy.typing as npt

    from segstudio.core.layers import Source

NOTHING = 0
"""In :attr:`ClassPixels.values`: no label here."""


@dataclass(frozen=True, eq=False, slots=True)
class ClassPixels:
    """Stuff: (h, w) uint16 ``values`` with their corner at (x, y) of plane ``z``.

    0 = no label, k = the class of index k − 1 in the file's class list, 65535 = ignore. A large raster comes as many of them,
    strip by strip, so that it is never held whole.
    """

    x: int
    y: int
    values: npt.NDArray[np.uint16]
    z: int = 0


@dataclass(frozen=True, eq=False, slots=True)
class FoundObject:
    """One object, or one part of it: (h, w) bool ``mask`` with its corner at (x, y) of plane ``z``.

    Parts with the same ``key`` (not None) are one object, over planes and windows. ``is_object`` False: an annotation of stuff,
    which joins the class's stuff where no other label lies.
    """

    x: int
    y: int
    mask: npt.NDArray[np.bool_]
    class_index: int
    z: int = 0
    key: Hashable | None = None
    is_object: bool = True
    source: Source = "import"
    model_id: str = ""
    confidence: float | None = None
    is_reviewed: bool = False


Piece = ClassPixels | FoundObject


@dataclass
class BuiltCounts:
    """What became of the pieces: objects and pixels by class index; pixels outside the image or of classes left out."""

    objects: dict[int, int] = field(default_factory=dict)
    pixels: dict[int, int] = field(default_factory=dict)
    ignored: int = 0
    outside: int = 0
    left_out: int = 0


class LayerBuilder:
    """Puts pieces into as few label layers as hold them all: what overlaps goes to the next layer.

    ``class_ids[k]`` is the class id of the file's class k; 0 leaves it out. Give the areas before the objects. Layer 0 holds all
    ignored pixels. ``layers`` are made as they are needed; none for an image without labels.
    """

    def __init__(
        self,
        width: int,
        height: int,
        class_ids: Sequence[int],
        *,
        depth: int = 1,
        image_id: int = 0,
        name: str = "Labels",
    ) -> None:
        self.width, self.height, self.depth = width, height, depth
        self.layers: list[LabelLayer] = []
        self.counts = BuiltCounts()
        self._image_id, self._name = image_id, name
        self._class_ids = np.asarray(class_ids, np.uint16)
        self._next: list[int] = []
        self._stuff: dict[tuple[int, int, Source, str], int] = {}
        self._keys: dict[Hashable, tuple[int, int]] = {}

    def add_all(self, pieces: Iterable[Piece]) -> LayerBuilder:
        """Add piece after piece; self."""
        for piece in pieces:
            self.add(piece)
        return self

    def add(self, piece: Piece) -> None:
        """Add one piece; what lies outside the image is cut off and counted."""
        if not 0 <= piece.z < self.depth:
            self.counts.outside += int(np.count_nonzero(piece.values if isinstance(piece, ClassPixels) else piece.mask))
        elif isinstance(piece, ClassPixels):
            self._add_area(piece)
        else:
            self._add_object(piece)

    def _clipped(self, x: int, y: int, values: npt.NDArray[np.generic]) -> tuple[Rect, npt.NDArray[np.generic]]:
        rect = Rect(x, y, values.shape[1], values.shape[0])
        inside = rect.intersected(Rect(0, 0, self.width, self.height))
        if inside == rect:
            return rect, values
        part = values[inside.moved(-x, -y).slices] if not inside.is_empty else values[:0, :0]
        self.counts.outside += int(np.count_nonzero(values)) - int(np.count_nonzero(part))
        return inside, part

    def _layer(self, index: int) -> LabelLayer:
        while index >= len(self.layers):
            name = self._name if not self.layers else f"{self._name} {len(self.layers) + 1}"
            size = (self.width, self.height, self.depth)
            self.layers.append(LabelLayer(len(self.layers) + 1, self._image_id, name, "labels", *size))
            self._next.append(1)
        return self.layers[index]

    def _new_segment(self, index: int, segment: FoundObject, class_id: int) -> int:
        number = self._next[index]
        self._next[index] += 1
        row = Segment(
            number,
            class_id,
            segment.is_object,
            segment.source,
            segment.model_id,
            segment.confidence,
            segment.is_reviewed,
        )
        self.layers[index].put_segment(number, row)
        return number

    def _add_area(self, piece: ClassPixels) -> None:
        rect, clipped = self._clipped(piece.x, piece.y, piece.values)
        if rect.is_empty:
            return
        values = np.asarray(clipped, np.uint16)
        layer = self._layer(0)
        lut = np.zeros(65536, np.uint16)
        lut[IGNORE] = IGNORE
        found = np.bincount(values.ravel(), minlength=1)
        for value in np.flatnonzero(found).tolist():
            if value == NOTHING:
                continue
            if value == IGNORE:
                self.counts.ignored += int(found[value])
                continue
            class_id = int(self._class_ids[value - 1])
            if class_id == UNLABELLED:
                self.counts.left_out += int(found[value])
                continue
            lut[value] = self._stuff_id(0, class_id, FoundObject(0, 0, _NO_MASK, value - 1, is_object=False))
            self._count(self.counts.pixels, value - 1, int(found[value]))
        ids = lut[values]
        layer.tiles.write(rect, ids, ids != 0, z=piece.z)
        layer.revision += 1

    def _stuff_id(self, index: int, class_id: int, like: FoundObject) -> int:
        key = (index, class_id, like.source, like.model_id)
        if key not in self._stuff:
            self._stuff[key] = self._new_segment(index, like, class_id)
        return self._stuff[key]

    def _add_object(self, piece: FoundObject) -> None:
        rect, clipped = self._clipped(piece.x, piece.y, piece.mask)
        mask = np.asarray(clipped, np.bool_)
        if rect.is_empty or not mask.any():
            return
        class_id = int(self._class_ids[piece.class_index])
        if class_id == UNLABELLED:
            self.counts.left_out += int(np.count_nonzero(mask))
            return
        self._count(self.counts.pixels, piece.class_index, int(np.count_nonzero(mask)))
        index, segment_id = self._place(piece, rect, mask, class_id)
        layer = self.layers[index]
        layer.tiles.write(rect, segment_id, mask, z=piece.z)
        layer.revision += 1

    def _place(self, piece: FoundObject, rect: Rect, mask: npt.NDArray[np.bool_], class_id: int) -> tuple[int, int]:
        """(layer, segment id) for the object; a known key's later parts stay with it."""
        if piece.is_object and piece.key in self._keys:
            index, segment_id = self._keys[piece.key]
            if not self._is_free(index, rect, mask, piece.z, segment_id):
                self._keys[piece.key] = self._moved(index, segment_id, piece, rect, mask, class_id)
            return self._keys[piece.key]
        index = 0
        while not self._is_free(index, rect, mask, piece.z):
            index += 1
        if piece.is_object:
            self._count(self.counts.objects, piece.class_index, 1)
            found = index, self._new_segment(index, piece, class_id)
            if piece.key is not None:
                self._keys[piece.key] = found
            return found
        return index, self._stuff_id(index, class_id, piece)

    def _moved(
        self, index: int, segment_id: int, piece: FoundObject, rect: Rect, mask: npt.NDArray[np.bool_], class_id: int
    ) -> tuple[int, int]:
        """(layer, segment id) of an object after all its parts went up to where they and the new one are free."""
        old = self.layers[index]
        parts = []
        for key in sorted(old.tiles.keys()):
            part = tile_rect(key[1], key[2]).intersected(old.bounds)
            held = old.tiles.read(part, key[0]) == segment_id
            if held.any():
                parts.append((part, held, key[0]))
        target = index + 1
        while not all(self._is_free(target, *place) for place in [*parts, (rect, mask, piece.z)]):
            target += 1
        found = self._new_segment(target, piece, class_id)
        for part, held, z in parts:
            old.tiles.write(part, 0, held, z=z)
            self.layers[target].tiles.write(part, found, held, z=z)
        old.put_segment(segment_id, None)
        return target, found

    def _is_free(self, index: int, rect: Rect, mask: npt.NDArray[np.bool_], z: int, but: int = UNLABELLED) -> bool:
        """Whether no other segment than *but* holds any of the mask's pixels, and the layer has an id left."""
        layer = self._layer(index)
        if but == UNLABELLED and self._next[index] > MAX_ID:
            return False
        held = layer.tiles.read(rect, z)[mask]
        return not bool(((held != 0) & (held != but)).any())

    @staticmethod
    def _count(counts: dict[int, int], key: int, by: int) -> None:
        counts[key] = counts.get(key, 0) + by


_NO_MASK = np.zeros((0, 0), np.bool_)
