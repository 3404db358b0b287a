"""Likely label errors: areas where a model is confident of another class than the label's."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from segstudio.core.classes import IGNORE, UNLABELLED
from segstudio.core.geometry import Rect

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import numpy.typing as npt

WHOLE_PX = 1 << 25
"""Larger planes are gone through at half, a third … of their size: memory does not grow with the image."""
MOST_SUSPECTS = 60
"""So many are kept of an image, the largest and surest."""
HALF_WIDTH_PX = 3.0
"""An area thinner than twice this lies along a border, where a person and a model may differ by a stroke's width."""
CONFIDENT = 0.9
SAME_SHARE = 0.5


@dataclass(frozen=True, eq=False)
class Suspect:
    """An area of plane ``z`` whose label is likely wrong.

    ``label_class`` is what it is labelled as, ``model_class`` what the model takes it for (class ids of the project, 0 = none);
    ``confidence`` 0 … 1 is the model's mean over the ``pixels``. ``packed`` is the mask over ``rect``.
    """

    rect: Rect
    z: int
    label_class: int
    model_class: int
    confidence: float
    pixels: int
    packed: bytes

    @property
    def mask(self) -> npt.NDArray[np.bool_]:
        """(rect.height, rect.width) bool: the area."""
        bits = np.frombuffer(zlib.decompress(self.packed), np.uint8)
        flat = np.unpackbits(bits, count=self.rect.height * self.rect.width)
        return flat.reshape(self.rect.height, self.rect.width).astype(np.bool_)

    @property
    def key(self) -> list[int]:
        """What it is known by after it was dismissed: [z, x, y, width, height, label class, model's class]."""
        rect = self.rect
        return [self.z, rect.x, rect.y, rect.width, rect.height, self.label_class, self.model_class]

    def to_json(self) -> dict[str, Any]:
        """Everything but the mask."""
        return {"key": self.key, "confidence": round(self.confidence, 4), "pixels": self.pixels}

    @classmethod
    def from_json(cls, row: Mapping[str, Any], packed: bytes) -> Suspect:
        """The inverse of :meth:`to_json`."""
        z, x, y, width, height, label, model = row["key"]
        return cls(Rect(x, y, width, height), z, label, model, row["confidence"], row["pixels"], packed)


def pack_mask(mask: npt.NDArray[np.bool_]) -> bytes:
    """What :attr:`Suspect.mask` unpacks."""
    return zlib.compress(np.packbits(mask).tobytes(), 6)


def is_dismissed(suspect: Suspect, dismissed: Iterable[Sequence[int]]) -> bool:
    """Whether a person said of this area before that its label is right: the same classes, and half of the area the same."""
    for z, x, y, width, height, label, model in dismissed:
        if (z, label, model) == (suspect.z, suspect.label_class, suspect.model_class):
            other = Rect(x, y, width, height)
            common = _area(other.intersected(suspect.rect))
            if common >= SAME_SHARE * (_area(other) + _area(suspect.rect) - common):
                return True
    return False


def _area(rect: Rect) -> int:
    return rect.width * rect.height


class ConflictMap:
    """Collects where a confident model and the labels of one plane differ, piece by piece, and finds the areas."""

    def __init__(self, width: int, height: int, z: int = 0, *, confident: float = CONFIDENT) -> None:
        self._width, self._height, self._z, self._confident = width, height, z, confident
        self._step = 1
        while -(-width // self._step) * -(-height // self._step) > WHOLE_PX:
            self._step += 1
        shape = -(-height // self._step), -(-width // self._step)
        self._pairs: dict[tuple[int, int], int] = {}
        self._codes: npt.NDArray[np.uint16] | None = None
        self._sure: npt.NDArray[np.uint8] | None = None
        self._shape = shape

    def add(
        self,
        rect: Rect,
        label_class: npt.NDArray[np.uint16],
        model_class: npt.NDArray[np.integer],
        confidence: npt.NDArray[np.uint8],
        *,
        has_background: bool = False,
        valid: npt.NDArray[np.bool_] | None = None,
    ) -> None:
        """A piece: (h, w) class ids of the labels and of the model, its confidence, and where there is data (None: all).

        65535 on either side is never compared.
        Unlabelled pixels count as background with *has_background* (a person said the image is done), else not at all.
        """
        step = self._step
        first_y, first_x = -rect.y % step, -rect.x % step
        cut = slice(first_y, None, step), slice(first_x, None, step)
        label, model, sure = label_class[cut], model_class[cut], confidence[cut]
        if not label.size:
            return
        differs = (label != model) & (label != IGNORE) & (model != IGNORE) & (sure >= round(255 * self._confident))
        if not has_background:
            differs &= label != UNLABELLED
        if valid is not None:
            differs &= valid[cut]
        if not differs.any():
            return
        if self._codes is None:
            self._codes, self._sure = np.zeros(self._shape, np.uint16), np.zeros(self._shape, np.uint8)
        assert self._sure is not None
        y, x = (rect.y + first_y) // step, (rect.x + first_x) // step
        part = self._codes[y : y + label.shape[0], x : x + label.shape[1]]
        both = label.astype(np.int64) << 16 | model.astype(np.int64)
        for pair in np.unique(both[differs]).tolist():
            number = self._pairs.setdefault((pair >> 16, pair & 0xFFFF), len(self._pairs) + 1)
            part[differs & (both == pair)] = number
        self._sure[y : y + label.shape[0], x : x + label.shape[1]][differs] = sure[differs]

    def suspects(self, most: int = MOST_SUSPECTS) -> list[Suspect]:
        """The areas, the worst first."""
        if self._codes is None or self._sure is None:
            return []
        found: list[Suspect] = []
        for (label, model), number in self._pairs.items():
            found += self._of_pair((self._codes == number).view(np.uint8), label, model)
        found.sort(key=lambda suspect: -suspect.pixels * (suspect.confidence - 0.5))
        return found[:most]

    def _of_pair(self, there: npt.NDArray[np.uint8], label: int, model: int) -> list[Suspect]:
        assert self._sure is not None
        half_width = max(1.5, HALF_WIDTH_PX / self._step)
        _, parts, stats, _ = cv2.connectedComponentsWithStats(there, connectivity=8)
        # The border of the image is no border of an area.
        thickness = cv2.distanceTransform(cv2.copyMakeBorder(there, 1, 1, 1, 1, cv2.BORDER_REPLICATE), cv2.DIST_L2, 3)
        is_thick = np.zeros(len(stats), np.bool_)
        is_thick[np.unique(parts[thickness[1:-1, 1:-1] >= half_width])] = True
        is_thick[0] = False
        found = []
        for part in np.flatnonzero(is_thick).tolist():
            x, y, width, height, _ = stats[part].tolist()
            inside = slice(y, y + height), slice(x, x + width)
            mask = parts[inside] == part
            sure = float(self._sure[inside][mask].mean()) / 255
            found.append(self._suspect(x, y, mask, sure, label, model))
        return found

    def _suspect(self, x: int, y: int, mask: npt.NDArray[np.bool_], sure: float, label: int, model: int) -> Suspect:
        step = self._step
        if step > 1:
            mask = mask.repeat(step, axis=0).repeat(step, axis=1)
        rect = Rect(x * step, y * step, mask.shape[1], mask.shape[0]).clipped(self._width, self._height)
        mask = mask[: rect.height, : rect.width]
        return Suspect(rect, self._z, label, model, sure, int(mask.sum()), pack_mask(mask))
