"""Patches for training: cropped where there are labels, scaled, augmented; the same for the same seed, epoch and index."""

from __future__ import annotations

from collections import OrderedDict
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol

import cv2
import numpy as np
import numpy.typing as npt

from segstudio.core.geometry import Rect
from segstudio.io.readers.kept import KeptReaders
from segstudio.ml.inference.normalise import to_unit
from segstudio.ml.plan import IGNORE_INDEX
from segstudio.ml.training.big_pairs import WINDOWED_PX, BigPair, Frame, frame_of, is_big_file, scaled, size_error
from segstudio.ml.training.label_index import LabelIndex, label_index
from segstudio.ml.training.sources import IndexMask, TrainImage, open_target, read_valid
from segstudio.ml.training.targets import BIG_PX, ObjectIds
from segstudio.ml.training.volumes import read_sliced

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable
    from pathlib import Path

    from segstudio.ml.plan import TrainPlan

CACHE_BYTES = 1 << 30
"""Decoded images kept in each loader process."""
KEPT_BIG = 2
"""Large images that are open in each loader process."""


def load_pair(
    image: TrainImage,
    *,
    bands: int,
    scaling: str,
    long_side_px: int,
    slices: int = 1,
    readers: KeptReaders | None = None,
    scratch: Path | None = None,
) -> tuple[npt.NDArray[np.float16], IndexMask]:
    """((B, y, x) float16 in 0…1, (y, x) uint8 class indices) of one training image, at the working scale.

    Of a file too large to hold only the image's window is read, or all of it at a coarser level; *scratch* is where its mask may
    be kept. With *slices* the plane of a volume comes with its neighbours.

    Raises
    ------
    UserError
        When a file cannot be read, or mask and image differ in size.
    """
    if slices == 1 and is_big_file(image):
        with closing(BigPair(image, bands=bands, scaling=scaling, long_side_px=long_side_px, scratch=scratch)) as big:
            area = Rect(0, 0, big.shape[1], big.shape[0])
            return big.values(area).astype(np.float16), big.target(area)
    if slices > 1:
        values, valid = read_sliced(image, slices, bands, scaling, readers)
    else:
        whole, valid = read_valid(image.file, z=image.z, readers=readers)
        values = to_unit(whole, bands=bands, scaling=scaling)
    target = image.read_target()
    if target.shape != values.shape[1:]:
        raise size_error(image, target.shape, values.shape[1:])
    if valid is not None:
        target = np.where(valid, target, IGNORE_INDEX).astype(np.uint8)
    factor = long_side_px / max(target.shape) if long_side_px else 1.0
    if image.window is not None:
        rows, columns = image.window.slices
        values, target = values[:, rows, columns], target[rows, columns]
    if factor != 1.0:
        size = (scaled(target.shape[1], factor), scaled(target.shape[0], factor))
        how = cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR
        values = np.stack([cv2.resize(band, size, interpolation=how) for band in values])
        target = cv2.resize(target, size, interpolation=cv2.INTER_NEAREST)
    return values.astype(np.float16), np.ascontiguousarray(target)


class PairSource(Protocol):
    """Windows of picture and labels of a training image at the working scale."""

    @property
    def frame(self) -> Frame:
        """What of the image is learnt from."""
        ...

    @property
    def shape(self) -> tuple[int, int]:
        """(height, width)."""
        ...

    @property
    def whole_target(self) -> IndexMask:
        """(height, width) class indices."""
        ...

    def target(self, rect: Rect) -> IndexMask:
        """Class indices of *rect*, which lies inside."""
        ...

    def values(self, rect: Rect) -> npt.NDArray[np.float32]:
        """(B, y, x) float32 in 0…1 of *rect*."""
        ...

    def objects(self, rect: Rect) -> ObjectIds | None:
        """Ids of known objects, 0 = none; None where the data tells of none."""
        ...

    def sources(self, rect: Rect) -> IndexMask | None:
        """Codes of who made the labels; None where nothing tells."""
        ...


class ArrayPair:
    """A pair in memory as a :class:`PairSource`."""

    def __init__(
        self,
        frame: Frame,
        values: npt.NDArray[np.float16],
        target: IndexMask,
        read_objects: Callable[[], ObjectIds | None],
        read_sources: Callable[[], IndexMask | None],
    ) -> None:
        self.frame, self.whole_target = frame, target
        self._values, self._read_objects, self._read_sources = values, read_objects, read_sources

    @property
    def shape(self) -> tuple[int, int]:
        """(height, width)."""
        return self.whole_target.shape[0], self.whole_target.shape[1]

    def target(self, rect: Rect) -> IndexMask:
        """Class indices of *rect*."""
        return self.whole_target[rect.slices]

    def values(self, rect: Rect) -> npt.NDArray[np.float32]:
        """(B, y, x) float32 in 0…1 of *rect*."""
        return self._values[:, *rect.slices].astype(np.float32)

    def objects(self, rect: Rect) -> ObjectIds | None:
        """Ids of known objects in *rect*."""
        ids = self._read_objects()
        return None if ids is None else ids[rect.slices]

    def sources(self, rect: Rect) -> IndexMask | None:
        """Codes of who made the labels in *rect*."""
        codes = self._read_sources()
        return None if codes is None else codes[rect.slices]


def load_objects(image: TrainImage, long_side_px: int, scratch: Path | None = None) -> ObjectIds | None:
    """(y, x) int32 ids of the objects of a training image at the working scale, 0 = none; None where its labels tell of none."""
    frame = frame_of(image, long_side_px)
    with closing(open_target(image, scratch)) as target:
        ids = target.objects(frame.area)
    return None if ids is None else ids[_places(frame, ids.shape)]


def load_sources(image: TrainImage, long_side_px: int, scratch: Path | None = None) -> IndexMask | None:
    """(y, x) uint8 codes of who made the labels of a training image, at the working scale; None where nothing tells."""
    frame = frame_of(image, long_side_px)
    with closing(open_target(image, scratch)) as target:
        codes = target.sources(frame.area)
    return None if codes is None else codes[_places(frame, codes.shape)]


def _places(frame: Frame, shape: tuple[int, ...]) -> tuple[npt.NDArray[np.int64], ...]:
    """Which pixels of a plane of *shape* are taken at the working scale."""
    return np.ix_(*(np.arange(n) * extent // n for n, extent in zip(frame.shape, shape, strict=True)))


class PairCache:
    """Decoded pairs of a process, the least recently used dropped beyond a byte budget; large images are read in windows.

    *scratch* is a folder for large masks that have no windows; None keeps them in memory.
    """

    def __init__(
        self,
        images: tuple[TrainImage, ...],
        plan: TrainPlan,
        bands: int,
        scaling: str,
        ignored_index: int = IGNORE_INDEX,
        scratch: Path | None = None,
    ) -> None:
        self._ignored_index, self._scratch = ignored_index, scratch
        self._images, self._plan, self._bands, self._scaling = images, plan, bands, scaling
        self._pairs: OrderedDict[int, tuple[npt.NDArray[np.float16], IndexMask]] = OrderedDict()
        self._bytes = 0
        self._readers = KeptReaders()
        self._big = _OpenPairs()
        self._is_big: dict[int, bool] = {}
        self._objects: dict[int, ObjectIds | None] = {}
        self._sources: dict[int, IndexMask | None] = {}

    def __len__(self) -> int:
        """Images."""
        return len(self._images)

    def name(self, index: int) -> str:
        """The name of image *index*."""
        return self._images[index].name

    def __getitem__(self, index: int) -> tuple[npt.NDArray[np.float16], IndexMask]:
        """The pair of image *index*, which is not :meth:`is_big`."""
        if index in self._pairs:
            self._pairs.move_to_end(index)
            return self._pairs[index]
        pair = load_pair(
            self._images[index],
            bands=self._bands,
            scaling=self._scaling,
            long_side_px=self._plan.working_long_side_px,
            slices=self._plan.slices,
            readers=self._readers,
            scratch=self._scratch,
        )
        if self._ignored_index != IGNORE_INDEX:
            pair[1][pair[1] == IGNORE_INDEX] = self._ignored_index
        self._pairs[index] = pair
        if len(self._pairs) == len(self._images):
            self._readers.close()
        self._bytes += pair[0].nbytes + pair[1].nbytes
        while self._bytes > CACHE_BYTES and len(self._pairs) > 1:
            dropped, old = self._pairs.popitem(last=False)
            self._bytes -= old[0].nbytes + old[1].nbytes
            self._objects.pop(dropped, None)
            self._sources.pop(dropped, None)
        return pair

    def own_bands(self, values: npt.NDArray[np.float16]) -> npt.NDArray[np.float16]:
        """Of a plane with its neighbours the plane's own bands: what a picture of it shows."""
        bands = len(values) // self._plan.slices
        return values[self._plan.slices // 2 * bands :][:bands]

    def is_big(self, index: int) -> bool:
        """Whether image *index*, or its window, has too many pixels at the working scale to be held: :meth:`big` reads it."""
        if index not in self._is_big:
            height, width = self.frame(index).shape
            limit = WINDOWED_PX if is_big_file(self._images[index]) else BIG_PX
            self._is_big[index] = height * width > limit and self._plan.slices == 1
        return self._is_big[index]

    def frame(self, index: int) -> Frame:
        """What of image *index* is learnt from, and its working scale."""
        return frame_of(self._images[index], self._plan.working_long_side_px)

    def big(self, index: int) -> BigPair:
        """Windows of image *index*; good until some others were asked for."""
        image = replace(self._images[index], window=None)
        key = (image.file, image.z)
        pair = self._big.get(key)
        if pair is None:
            pair = BigPair(
                image,
                bands=self._bands,
                scaling=self._scaling,
                long_side_px=self._plan.working_long_side_px,
                ignored_index=self._ignored_index,
                scratch=self._scratch,
            )
            self._big.keep(key, pair)
        return pair.part(self.frame(index))

    def source(self, index: int) -> PairSource:
        """Windows of image *index*, from memory where it can be held."""
        if self.is_big(index):
            return self.big(index)
        return ArrayPair(self.frame(index), *self[index], lambda: self._ids(index), lambda: self._codes(index))

    def _ids(self, index: int) -> ObjectIds | None:
        if index not in self._objects:
            self._objects[index] = load_objects(self._images[index], self._plan.working_long_side_px, self._scratch)
        return self._objects[index]

    def _codes(self, index: int) -> IndexMask | None:
        if index not in self._sources:
            self._sources[index] = load_sources(self._images[index], self._plan.working_long_side_px, self._scratch)
        return self._sources[index]

    def label_index(self, index: int) -> LabelIndex:
        """Which tiles of image *index* hold which classes."""
        return label_index(self._images[index], ignored_index=self._ignored_index, scratch=self._scratch)


class _OpenPairs:
    """The large images used last stay open. A copy for another process has none."""

    def __init__(self) -> None:
        self._pairs: OrderedDict[Hashable, BigPair] = OrderedDict()

    def __reduce__(self) -> tuple[Any, ...]:
        return (_OpenPairs, ())

    def get(self, key: Hashable) -> BigPair | None:
        if key in self._pairs:
            self._pairs.move_to_end(key)
        return self._pairs.get(key)

    def keep(self, key: Hashable, pair: BigPair) -> None:
        self._pairs[key] = pair
        while len(self._pairs) > KEPT_BIG:
            self._pairs.popitem(last=False)[1].close()


def crop(
    values: npt.NDArray[np.float16],
    target: IndexMask,
    side_px: int,
    scale: tuple[float, float],
    draw: np.random.Generator,
) -> tuple[npt.NDArray[np.float32], IndexMask]:
    """A square patch at a random place and scale; of eight places the first whose middle or area holds labels is taken."""
    place = labelled_place(target, side_px, scale, draw)
    part, mask = values[:, *place.slices].astype(np.float32), target[place.slices]
    return fitted(part, place.width, side_px), fitted_mask(mask, place.width, side_px)


def drawn_side(shape: tuple[int, int], side_px: int, scale: tuple[float, float], draw: np.random.Generator) -> int:
    """The side of a patch that is brought to *side_px*, at a random scale."""
    factor = float(np.exp(draw.uniform(np.log(scale[0]), np.log(scale[1]))))
    # Beyond the image its mirror image is seen, labels and all; farther there would be only repetition to learn from.
    return max(8, min(round(side_px / factor), 2 * max(shape)))


def labelled_place(target: IndexMask, side_px: int, scale: tuple[float, float], draw: np.random.Generator) -> Rect:
    """Where :func:`crop` cuts: a square that begins inside the image and may end beyond it."""
    height, width = target.shape
    side = drawn_side((height, width), side_px, scale, draw)
    for attempt in range(8):
        y, x = (int(draw.integers(0, max(1, extent - side + 1))) for extent in (height, width))
        mask = target[y : y + side, x : x + side]
        labelled = np.count_nonzero(mask != IGNORE_INDEX)
        if labelled * 20 >= mask.size or (attempt == 7 and labelled):
            break
    else:
        ys, xs = np.nonzero(target != IGNORE_INDEX)
        if len(ys):
            pick = int(draw.integers(len(ys)))
            y = int(np.clip(ys[pick] - side // 2, 0, max(0, height - side)))
            x = int(np.clip(xs[pick] - side // 2, 0, max(0, width - side)))
    return Rect(x, y, side, side)


def place_around(point: tuple[int, int], shape: tuple[int, int], side: int, draw: np.random.Generator) -> Rect:
    """A square that holds the pixel (y, x), which lies anywhere in it, and begins inside the image."""
    y, x = (
        int(np.clip(at - int(draw.integers(side)), 0, max(0, extent - side)))
        for at, extent in zip(point, shape, strict=True)
    )
    return Rect(x, y, side, side)


def fitted(part: npt.NDArray[np.float32], side: int, side_px: int) -> npt.NDArray[np.float32]:
    """What of a square of *side* lies in the image (B, y, x), mirrored beyond its end and brought to *side_px*."""
    bottom, right = side - part.shape[1], side - part.shape[2]
    if bottom or right:
        part = np.pad(part, ((0, 0), (0, bottom), (0, right)), mode="symmetric")
    if side != side_px:
        how_px = cv2.INTER_AREA if side > side_px else cv2.INTER_LINEAR
        part = np.stack([cv2.resize(band, (side_px, side_px), interpolation=how_px) for band in part])
    return np.ascontiguousarray(part)


def fitted_mask(mask: npt.NDArray[Any], side: int, side_px: int) -> npt.NDArray[Any]:
    """As :func:`fitted` for a (y, x) plane of class indices or object ids."""
    bottom, right = side - mask.shape[0], side - mask.shape[1]
    if bottom or right:
        mask = np.pad(mask, ((0, bottom), (0, right)), mode="symmetric")
    if side != side_px:
        mask = cv2.resize(mask, (side_px, side_px), interpolation=cv2.INTER_NEAREST)
    return np.ascontiguousarray(mask)
