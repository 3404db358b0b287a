"""What a network makes of the labels that were held out; answers of the weights in use are kept, for they do not change."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np

from segstudio.core.geometry import Rect
from segstudio.ml.continuous.gate import NONE, counts_of
from segstudio.ml.continuous.planes import VAL

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    import numpy.typing as npt

    from segstudio.ml.continuous.cells import Place
    from segstudio.ml.continuous.corrections import Classes, Corrections
    from segstudio.ml.continuous.events import VersionInfo
    from segstudio.ml.continuous.gate import Counts
    from segstudio.ml.continuous.planes import LabelledPlane

    Predict = Callable[[npt.NDArray[np.float32]], npt.NDArray[np.uint8]]

WINDOW_PX = 512
MARGIN_PX = 64
MOST_WINDOWS = 48
"""A check looks at so many places at most, some of each image before more of any: it must not take longer than learning."""

View = tuple[tuple[int, int], Rect]
"""(image id, plane), and a window of it."""


class Judge:
    """Counts right and wrong on held-out squares, by plane."""

    def __init__(self, corrections: Corrections) -> None:
        self._corrections = corrections
        self._kept: dict[tuple[int, Place, Rect], npt.NDArray[np.uint8]] = {}

    def judged(
        self,
        predict: Predict,
        lut: npt.NDArray[np.uint8] | None = None,
        *,
        version: int = 0,
        is_stopped: Callable[[], bool] = lambda: False,
    ) -> dict[Place, Counts] | None:
        """Counts by plane; None when it was stopped.

        *lut* (256,) turns predicted indices into those of today's classes. Answers of *version* > 0 are kept.
        """
        classes = len(self._corrections.classes.names)
        result: dict[Place, Counts] = {}
        for place, rect in self.views():
            if is_stopped():
                return None
            plane = self._corrections.pictures(self._corrections.planes[place])
            answer = self._kept.get((version, place, rect)) if version else None
            if answer is None:
                answer = predict(plane.pixels().values(rect))
                if version:
                    self._kept[version, place, rect] = answer
            found = counts_of(plane.target(rect, VAL), answer if lut is None else lut[answer], classes)
            result[place] = result[place] + found if place in result else found
        return result

    def keep_only(self, version: int) -> None:
        """Forget the answers of other versions, and of places that are not looked at any more."""
        views = set(self.views())
        self._kept = {key: answer for key, answer in self._kept.items() if key[0] == version and key[1:] in views}

    def views(self) -> list[View]:
        """The places that are looked at: around held-out squares, in windows with something of their surroundings."""
        found: list[tuple[int, bytes, View]] = []
        for place, plane in self._corrections.planes.items():
            windows = sorted(((_order(place, rect), rect) for rect in _windows(plane)), key=lambda pair: pair[0])
            found += [(rank, order, (place, rect)) for rank, (order, rect) in enumerate(windows)]
        return [view for _, _, view in sorted(found, key=lambda triple: triple[:2])[:MOST_WINDOWS]]


def _order(place: Place, rect: Rect) -> bytes:
    return hashlib.blake2b(f"{place},{rect.x},{rect.y}".encode(), digest_size=8).digest()


def _windows(plane: LabelledPlane) -> Iterable[Rect]:
    """Boxes around the held-out squares of each part of WINDOW_PX."""
    boxes: dict[tuple[int, int], Rect] = {}
    each = max(1, WINDOW_PX // plane.side_px)
    for row, column in np.argwhere(plane.roles == VAL).tolist():
        part = (row // each, column // each)
        square = Rect(column * plane.side_px, row * plane.side_px, plane.side_px, plane.side_px)
        boxes[part] = boxes[part].united(square) if part in boxes else square
    for box in boxes.values():
        yield box.expanded(MARGIN_PX).clipped(plane.shape[1], plane.shape[0])


def lut_between(version: VersionInfo, classes: Classes) -> npt.NDArray[np.uint8]:
    """(256,) uint8: today's class index for each index of *version*; NONE for a class that is there no more."""
    lut = np.full(256, NONE, np.uint8)
    by_id = {class_id: index for index, class_id in enumerate(classes.ids) if class_id}
    by_name = {name.casefold(): index for index, name in enumerate(classes.names)}
    for index, name in enumerate(version.classes):
        class_id = version.class_ids[index] if index < len(version.class_ids) else 0
        found = by_id.get(class_id, by_name.get(name.casefold()))
        if found is not None:
            lut[index] = found
    return lut
