"""One labelled plane of an image: its picture and its labels at the working scale, some of them held out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

import cv2
import numpy as np

from segstudio.core.classes import UNLABELLED
from segstudio.core.geometry import Rect
from segstudio.ml.continuous.cells import Cell, CellKey, Place, cell_of, cell_side
from segstudio.ml.plan import IGNORE_INDEX
from segstudio.ml.source_weights import MODEL, source_codes
from segstudio.ml.training.big_pairs import BigPair, frame_of, is_big_file
from segstudio.ml.training.patches import load_pair
from segstudio.ml.training.sources import TrainImage
from segstudio.ml.training.targets import LayerTarget

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    import numpy.typing as npt

    from segstudio.core.layers import LabelLayer
    from segstudio.core.tiles import TileMap
    from segstudio.ml.training.targets import Target

    IndexMask = npt.NDArray[np.uint8]

UNKNOWN, ERASED = 254, 253
"""What an unlabelled pixel is before it is decided what that means, and one that a person erased or rejected."""
MOST_CLASSES = ERASED
NEAR_PX, EDGE_PX = 16, 2
"""An unlabelled pixel so near a label, but not at its very edge, is most likely what the label is not."""
Unlabelled = Literal["ignored", "background", "background near labels"]
"""What unlabelled pixels are where nobody labelled background: in an image marked done «background»; in one that is not
what lies near labels (unless places of it were confirmed); and nothing as soon as any image is done. What a person erased,
rejected or confirmed as empty is background in all."""
NOT, TRAIN, VAL = 0, 1, 2
"""What a square is for."""


@dataclass(frozen=True)
class Snapshot:
    """The labels of one plane as they were when they were read, and what they mean.

    Tiles are in memory. What a model proposed and was accepted wholesale is not learnt from until a person changes it or the
    image ``is_checked`` (marked done): a network would be confirmed in its own mistakes, and judged by them. What is proposed and
    let stand beside a correction is no background either, so unlabelled pixels of a ``proposal`` are left out meanwhile.
    """

    layer: LabelLayer
    lut: IndexMask
    unlabelled: Unlabelled
    background: int | None
    classes: int
    touched: tuple[TileMap, ...] = ()
    is_checked: bool = False
    proposal: LabelLayer | None = None

    def opened(self, _scratch: Path | None = None) -> Target:
        """The labels in windows, UNKNOWN or ERASED where there are none."""
        return _CheckedTarget(self)

    def __call__(self) -> IndexMask:
        """(y, x) uint8 class indices of the whole plane."""
        return self.opened().window(self.layer.bounds)


class _CheckedTarget(LayerTarget):
    """Labels of one plane, which also tell where a person took labels away, and leave out what nobody checked."""

    def __init__(self, snapshot: Snapshot) -> None:
        super().__init__(snapshot.layer, snapshot.lut)
        self._snapshot = snapshot

    def window(self, rect: Rect) -> IndexMask:
        """Class indices of *rect*, UNKNOWN where nobody was, ERASED where somebody was."""
        found = super().window(rect)
        for tiles in self._snapshot.touched:
            if tiles.keys_in(rect):
                found[(found == UNKNOWN) & (tiles.read(rect) != 0)] = ERASED
        proposal = self._snapshot.proposal
        if proposal is not None and not self._snapshot.is_checked and proposal.tiles.keys_in(rect):
            found[(found == UNKNOWN) & (proposal.read_classes(rect) != UNLABELLED)] = IGNORE_INDEX
        if not self._snapshot.is_checked:
            found[source_codes(self._snapshot.layer, rect) == MODEL] = IGNORE_INDEX
        return found


class Pixels(Protocol):
    """Windows of a picture and its labels at the working scale."""

    @property
    def shape(self) -> tuple[int, int]:
        """(height, width)."""
        ...

    def values(self, rect: Rect) -> npt.NDArray[np.float32]:
        """(B, y, x) float32 in 0…1 of *rect*."""
        ...

    def target(self, rect: Rect) -> IndexMask:
        """Class indices of *rect*, UNKNOWN where unlabelled, 255 where ignored or without data."""
        ...

    def close(self) -> None:
        """Let go of files."""
        ...


@dataclass(frozen=True)
class Reading:
    """How pictures are read: ``bands``, ``scaling`` and ``long_side_px`` are those of the network."""

    bands: int = 3
    scaling: str = "unit8"
    long_side_px: int = 0


class HeldPixels:
    """A plane in memory; its picture stays when its labels change."""

    def __init__(self, image: TrainImage, snapshot: Snapshot, reading: Reading) -> None:
        blank = TrainImage(image.name, image.file, lambda: np.zeros(_shape(snapshot), np.uint8), "train", z=image.z)
        self._values, mask = load_pair(
            blank, bands=reading.bands, scaling=reading.scaling, long_side_px=reading.long_side_px
        )
        self._is_void = mask == IGNORE_INDEX
        self._target = self._of(snapshot)

    @property
    def shape(self) -> tuple[int, int]:
        """(height, width)."""
        return self._target.shape[0], self._target.shape[1]

    @property
    def nbytes(self) -> int:
        """Memory that it takes."""
        return int(self._values.nbytes + self._target.nbytes + self._is_void.nbytes)

    def relabel(self, snapshot: Snapshot) -> None:
        """The labels are others now."""
        self._target = self._of(snapshot)

    def _of(self, snapshot: Snapshot) -> IndexMask:
        target = snapshot()
        if target.shape != self._is_void.shape:
            target = cv2.resize(target, self._is_void.shape[::-1], interpolation=cv2.INTER_NEAREST).astype(np.uint8)
        return np.where(self._is_void, IGNORE_INDEX, target).astype(np.uint8)

    def values(self, rect: Rect) -> npt.NDArray[np.float32]:
        """(B, y, x) float32 in 0…1 of *rect*."""
        return self._values[:, *rect.slices].astype(np.float32)

    def target(self, rect: Rect) -> IndexMask:
        """Class indices of *rect*."""
        return self._target[rect.slices]

    def close(self) -> None:
        """Nothing is open."""


def _shape(snapshot: Snapshot) -> tuple[int, int]:
    return snapshot.layer.height, snapshot.layer.width


class LabelledPlane:
    """A plane that is learnt from. ``cells`` are its labelled squares by key, ``roles`` what each is for.

    Its picture is read when it is first needed, and again after :meth:`forget`.
    """

    def __init__(self, place: Place, image: TrainImage, snapshot: Snapshot, reading: Reading) -> None:
        self.place, self.image, self.snapshot, self.reading = place, image, snapshot, reading
        self._pixels: HeldPixels | BigPair | None = None
        frame = frame_of(image, reading.long_side_px)
        self.shape = frame.shape
        self.side_px = cell_side(self.shape)
        self.roles = np.zeros((-(-self.shape[0] // self.side_px), -(-self.shape[1] // self.side_px)), np.uint8)
        self.cells: dict[CellKey, Cell] = {}
        self._is_confirmed: bool | None = None

    @property
    def is_big(self) -> bool:
        """Whether its picture is too large to be held."""
        return is_big_file(self.image)

    @property
    def nbytes(self) -> int:
        """Memory that its picture takes now."""
        return self._pixels.nbytes if isinstance(self._pixels, HeldPixels) else 0

    def pixels(self) -> Pixels:
        """Its picture and labels; UserError when the file cannot be read."""
        if self._pixels is None:
            self._pixels = self._opened()
        return self._pixels

    def _opened(self) -> HeldPixels | BigPair:
        if not self.is_big:
            return HeldPixels(self.image, self.snapshot, self.reading)
        image = TrainImage(self.image.name, self.image.file, self.snapshot, "train", z=self.image.z)
        reading = self.reading
        return BigPair(image, bands=reading.bands, scaling=reading.scaling, long_side_px=reading.long_side_px)

    def forget(self) -> None:
        """Let go of the picture."""
        if self._pixels is not None:
            self._pixels.close()
            self._pixels = None

    def relabel(self, snapshot: Snapshot) -> None:
        """The labels, or what they mean, are others now."""
        self.snapshot, self._is_confirmed = snapshot, None
        if isinstance(self._pixels, HeldPixels):
            self._pixels.relabel(snapshot)
        else:
            self.forget()
        self.find_cells()

    def find_cells(self) -> None:
        """See which squares are labelled."""
        self.cells = {}
        for key, rect in self._candidates():
            cell = cell_of(key, self.side_px, self._resolved(rect), self.snapshot.classes)
            if cell is not None:
                self.cells[key] = cell
        self.roles[:] = NOT

    def set_roles(self, is_held_out: Callable[[CellKey], bool]) -> None:
        """Say of each labelled square what it is for."""
        self.roles[:] = NOT
        for key in self.cells:
            self.roles[key[2], key[3]] = VAL if is_held_out(key) else TRAIN

    def _candidates(self) -> Iterable[tuple[CellKey, Rect]]:
        """The squares that may be labelled: all of a done image whose rest is background, else those that tiles touch."""
        rows, columns = self.roles.shape
        wanted = np.ones((rows, columns), np.bool_)
        if self.is_big and self.snapshot.unlabelled != "background":
            wanted[:] = False
            frame = frame_of(self.image, self.reading.long_side_px)
            for _, ty, tx in self.snapshot.layer.tiles.keys():
                rect = frame.tile(ty, tx)
                wanted[
                    rect.y // self.side_px : -(-rect.bottom // self.side_px),
                    rect.x // self.side_px : -(-rect.right // self.side_px),
                ] = True
        for row, column in zip(*np.nonzero(wanted), strict=True):
            rect = Rect(int(column) * self.side_px, int(row) * self.side_px, self.side_px, self.side_px)
            yield (*self.place, int(row), int(column)), rect.clipped(self.shape[1], self.shape[0])

    def _resolved(self, rect: Rect) -> IndexMask:
        """Class indices of *rect*, in which unlabelled pixels have become background or ignored."""
        snapshot = self.snapshot
        raw = self.pixels().target(rect)
        meaning = np.arange(256, dtype=np.uint8)
        meaning[[UNKNOWN, ERASED]] = IGNORE_INDEX
        if snapshot.background is not None:
            meaning[ERASED] = snapshot.background
            if snapshot.unlabelled == "background":
                meaning[UNKNOWN] = snapshot.background
        found: IndexMask = meaning[raw]
        near = snapshot.unlabelled == "background near labels" and not self._has_confirmed_places()
        if snapshot.background is not None and near:
            found[(raw == UNKNOWN) & self._is_near(rect)] = snapshot.background
        return found

    def _has_confirmed_places(self) -> bool:
        """Whether a person said of more pixels that they are empty than he labelled: then nothing has to be guessed."""
        if self._is_confirmed is None:
            whole = Rect(0, 0, self.shape[1], self.shape[0])
            counts = np.bincount(self.pixels().target(whole).ravel(), minlength=256) if not self.is_big else [0] * 256
            self._is_confirmed = int(counts[ERASED]) > int(sum(counts[:ERASED]))
        return self._is_confirmed

    def _is_near(self, rect: Rect) -> npt.NDArray[np.bool_]:
        """(rect.height, rect.width) bool: near a label, but not at its edge."""
        around = rect.expanded(NEAR_PX + 1).clipped(self.shape[1], self.shape[0])
        is_free = self.pixels().target(around) >= ERASED
        if is_free.all():
            return np.zeros((rect.height, rect.width), np.bool_)
        distance = cv2.distanceTransform(is_free.astype(np.uint8), cv2.DIST_L2, 5)
        inside = rect.moved(-around.x, -around.y)
        near: npt.NDArray[np.bool_] = ((distance > EDGE_PX) & (distance <= NEAR_PX))[inside.slices]
        return near

    def target(self, rect: Rect, role: int) -> IndexMask:
        """(rect.height, rect.width) uint8 class indices; ignored outside of the squares that are for *role*."""
        rows = np.arange(rect.y, rect.bottom) // self.side_px
        columns = np.arange(rect.x, rect.right) // self.side_px
        is_wanted = self.roles[rows[:, None], columns[None, :]] == role
        return np.where(is_wanted, self._resolved(rect), IGNORE_INDEX).astype(np.uint8)
