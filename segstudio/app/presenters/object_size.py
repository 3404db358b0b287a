"""How large the selected objects are: pixels, and the image's units; counted off the document's thread."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from segstudio.app.events import Signal
from segstudio.core.cancel import check
from segstudio.core.geometry import EMPTY, Rect, tile_rect
from segstudio.core.measure import GroundScale, in_units, scale_of

if TYPE_CHECKING:
    from segstudio.app.session import Session
    from segstudio.app.tools.background import ToolBackground
    from segstudio.core.cancel import Cancel
    from segstudio.core.layers import LabelLayer

SLOT = "object-size"


def count_pixels(layer: LabelLayer, segment_ids: frozenset[int], z: int, cancel: Cancel) -> tuple[int, int, Rect]:
    """Pixels of these segments on plane *z*, on all planes, and the tiles they touch on *z*."""
    wanted = np.zeros(65536, np.bool_)
    wanted[list(segment_ids)] = True
    here, total, around = 0, 0, EMPTY
    for key in layer.tiles.keys():
        check(cancel)
        tile, rect = layer.tiles.get(key), tile_rect(key[1], key[2]).intersected(layer.bounds)
        if isinstance(tile, int):
            count = rect.width * rect.height * int(wanted[tile])
        else:
            count = int(np.count_nonzero(wanted.take(tile)))  # beyond the image tiles are 0
        total += count
        if key[0] == z and count:
            here, around = here + count, around.united(rect)
    return here, total, around


class ObjectSize:
    """``text`` is one line about the selected objects, "" when none is; ``changed`` follows it."""

    def __init__(self, session: Session, background: ToolBackground) -> None:
        self._session = session
        self._background = background
        self.changed: Signal[[]] = Signal()
        self.text = ""
        for signal in (session.selection_changed, session.history_changed, session.image_changed):
            signal.connect(self.refresh)
        session.reader_changed.connect(self.refresh)
        session.plane_changed.connect(lambda _z: self.refresh())

    def refresh(self) -> None:
        """Count anew, soon."""
        session, layer = self._session, self._session.labels
        ids = frozenset(session.selected_objects)
        self._background.drop(SLOT)
        if layer is None or not ids:
            self._tell("")
            return
        shadow, z, is_volume = layer.shadow(), session.plane, session.is_volume
        scale = GroundScale() if session.reader is None else scale_of(session.reader.info.metadata)

        def done(counts: tuple[int, int, Rect]) -> None:
            self._tell(words(counts, scale, is_volume=is_volume))

        self._background.run(SLOT, lambda cancel: count_pixels(shadow, ids, z, cancel), done, session.say)

    def _tell(self, text: str) -> None:
        if text != self.text:
            self.text = text
            self.changed.emit()


def words(counts: tuple[int, int, Rect], scale: GroundScale, *, is_volume: bool) -> str:
    """The figures as a line: area on this plane; of a volume the whole, too."""
    here, total, around = counts
    pixel = scale.pixel_area(around.x + around.width / 2, around.y + around.height / 2)
    area = in_units(scale, here * pixel, "area")
    line = f"{here:,} px" + (f" · {area}" if area else "")
    if is_volume:
        space = in_units(scale, total * pixel * scale.plane_m, "volume") if scale.plane_m else ""
        line += f"; all planes {total:,} px" + (f" · {space}" if space else "")
    return line
