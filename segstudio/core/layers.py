"""Label layers: each pixel holds a segment id, a table says what the segments are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from segstudio.core.classes import IGNORE, MAX_ID, UNLABELLED
from segstudio.core.errors import UserError
from segstudio.core.geometry import Rect, tile_rect
from segstudio.core.tiles import TileMap

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt

Source = Literal["hand", "model", "import", "accepted"]
"""Who made a segment."""
LayerKind = Literal["labels", "proposal"]


@dataclass(frozen=True, slots=True)
class Segment:
    """What the pixels with this id are: an object of its own, or (``is_object`` False) all stuff of a class.

    ``class_id`` 0 marks a segment whose class was deleted: its pixels read as background, and undo can bring it back.
    ``model_id`` is the model that found it ("id" or "id@version"), kept when a person accepts it. ``confidence`` is 0 … 1.
    """

    id: int
    class_id: int
    is_object: bool = False
    source: Source = "hand"
    model_id: str = ""
    confidence: float | None = None
    is_reviewed: bool = False

    @property
    def is_hand_work(self) -> bool:
        """Whether a person made, brought or checked it, so that a model must not paint over it."""
        return self.source in ("hand", "import") or self.is_reviewed


@dataclass(frozen=True, slots=True)
class LayerArrival:
    """A layer that comes into an image (``is_there``) or goes from it with an edit; what it holds is kept either way.

    ``name`` is what it is called while it is there; where that is taken by then, it gets a number.
    """

    layer_id: int
    image_id: int
    name: str
    is_there: bool = True


class LabelLayer:
    """A segment map over one image (or z-stack), and the table of its segments.

    ``tiles`` holds segment ids (uint16; 0 background, 65535 ignore), ``confidence`` (proposals only) 0 … 255, ``touched`` (uint8)
    1 where a person changed the pixels or decided about them, whatever they hold now: see :mod:`segstudio.core.touched`.
    Change it through :class:`segstudio.core.edits.Transaction`; ``revision`` grows with each change.
    """

    def __init__(
        self,
        id: int,
        image_id: int,
        name: str,
        kind: LayerKind,
        width: int,
        height: int,
        depth: int = 1,
        *,
        tiles: TileMap | None = None,
        confidence: TileMap | None = None,
        touched: TileMap | None = None,
        segments: Mapping[int, Segment] | None = None,
    ) -> None:
        self.id = id
        self.image_id = image_id
        self.name = name
        self.kind: LayerKind = kind
        self.width, self.height, self.depth = width, height, depth
        self.tiles = TileMap(np.uint16) if tiles is None else tiles
        self.confidence = TileMap(np.uint8) if confidence is None and kind == "proposal" else confidence
        self.touched = TileMap(np.uint8) if touched is None else touched
        self.segments: dict[int, Segment] = dict(segments or {})
        self.revision = 0
        self.segments_revision = 0
        self._lut: npt.NDArray[np.uint16] | None = None
        self._alive: npt.NDArray[np.uint16] | None = None
        self._lut_revision = -1
        self._person: tuple[int, npt.NDArray[np.uint8] | None] = (-1, None)

    @property
    def bounds(self) -> Rect:
        """The whole image."""
        return Rect(0, 0, self.width, self.height)

    def shadow(self) -> LabelLayer:
        """A copy to try an edit on, in another thread too; see :meth:`segstudio.core.tiles.TileMap.shadow`."""
        return LabelLayer(
            self.id,
            self.image_id,
            self.name,
            self.kind,
            self.width,
            self.height,
            self.depth,
            tiles=self.tiles.shadow(),
            confidence=None if self.confidence is None else self.confidence.shadow(),
            touched=self.touched.shadow(),
            segments=self.segments,
        )

    def put_segment(self, segment_id: int, segment: Segment | None) -> None:
        """Set or (None) remove a row of the segment table. Transactions call this; others go through them."""
        if segment is None:
            self.segments.pop(segment_id, None)
        else:
            self.segments[segment_id] = segment
        self.segments_revision += 1
        self.revision += 1

    def _refresh_luts(self) -> None:
        if self._lut_revision == self.segments_revision:
            return
        lut = np.zeros(65536, np.uint16)
        lut[IGNORE] = IGNORE
        has_dead = False
        for segment in self.segments.values():
            lut[segment.id] = segment.class_id
            has_dead = has_dead or segment.class_id == UNLABELLED
        self._alive = np.where(lut == UNLABELLED, 0, np.arange(65536, dtype=np.uint16)) if has_dead else None
        lut.flags.writeable = False
        self._lut = lut
        self._lut_revision = self.segments_revision

    def person_lut(self) -> npt.NDArray[np.uint8] | None:
        """(65536,) uint8, read-only, of each segment id: 1 hand work, 2 of a class that was deleted; None where all are 0."""
        if self._person[0] != self.segments_revision:
            lut = np.zeros(65536, np.uint8)
            table = self.segments.values()
            lut[[segment.id for segment in table if segment.is_hand_work]] = 1
            lut[[segment.id for segment in table if segment.class_id == UNLABELLED and not segment.is_reviewed]] = 2
            lut.flags.writeable = False
            self._person = (self.segments_revision, lut if lut.any() else None)
        return self._person[1]

    def class_lut(self) -> npt.NDArray[np.uint16]:
        """(65536,) uint16, read-only: class id of each segment id; IGNORE stays IGNORE."""
        self._refresh_luts()
        assert self._lut is not None
        return self._lut

    def read(self, rect: Rect, z: int = 0) -> npt.NDArray[np.uint16]:
        """(h, w) uint16 segment ids; 0 outside the image and where the segment's class was deleted."""
        ids = self.tiles.read(rect, z)
        self._refresh_luts()
        return ids if self._alive is None else self._alive.take(ids)

    def read_classes(self, rect: Rect, z: int = 0) -> npt.NDArray[np.uint16]:
        """(h, w) uint16 class ids; UNLABELLED 0, IGNORE 65535."""
        return self.class_lut().take(self.tiles.read(rect, z))

    def read_confidence(self, rect: Rect, z: int = 0) -> npt.NDArray[np.uint8]:
        """(h, w) uint8 confidences 0 … 255; all 255 in a layer that has none."""
        if self.confidence is None:
            return np.full((rect.height, rect.width), 255, np.uint8)
        return self.confidence.read(rect, z)

    def stuff_segment(self, class_id: int, source: Source = "hand", model_id: str = "") -> Segment | None:
        """The segment that holds the class's stuff from this source, or None."""
        for segment in self.segments.values():
            if (
                segment.class_id == class_id
                and not segment.is_object
                and segment.source == source
                and segment.model_id == model_id
            ):
                return segment
        return None

    def next_segment_id(self) -> int:
        """An id that no segment has and no pixel holds.

        Raises
        ------
        UserError
            When all 65534 are in use.
        """
        highest = max(self.segments, default=0)
        if highest < MAX_ID:
            return highest + 1
        used = {*self.segments, *self.segment_pixels()}
        for candidate in range(1, MAX_ID + 1):
            if candidate not in used:
                return candidate
        raise UserError(
            f"A layer cannot hold more than {MAX_ID} objects", remedy="merge or delete some of the objects first"
        )

    def segment_pixels(self) -> dict[int, int]:
        """Pixels of each segment id that occurs (ignore too, background not), over all z."""
        counts = np.zeros(65536, np.int64)
        for key in self.tiles.keys():
            tile = self.tiles.get(key)
            if isinstance(tile, int):
                part = tile_rect(key[1], key[2]).intersected(self.bounds)
                counts[tile] += part.width * part.height
            else:
                found = np.bincount(tile.ravel())
                counts[: len(found)] += found
        return {int(value): int(counts[value]) for value in np.flatnonzero(counts) if value}

    def pixel_counts(self) -> dict[int, int]:
        """Pixels of each class id that occurs, over all z; background and ignore are left out."""
        lut = self.class_lut()
        result: dict[int, int] = {}
        for segment_id, pixels in self.segment_pixels().items():
            class_id = int(lut[segment_id])
            if class_id not in (UNLABELLED, IGNORE):
                result[class_id] = result.get(class_id, 0) + pixels
        return result

    @property
    def is_blank(self) -> bool:
        """Whether no tile holds anything."""
        return not self.tiles.keys()
