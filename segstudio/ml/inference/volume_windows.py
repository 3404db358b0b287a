"""Windows over the planes of a volume: where they lie, what they are cut from, how they are put together."""

from __future__ import annotations

import math
import tempfile
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch

from segstudio.core.geometry import Rect
from segstudio.ml.inference.blending import HELD_BYTES
from segstudio.ml.inference.normalise import normalise, to_unit
from segstudio.ml.inference.slices import depth_of, read_plane, volume_range
from segstudio.ml.inference.windows import Axis, make_axis, reflected

if TYPE_CHECKING:
    from collections.abc import Sequence

    from segstudio.ml.cards import ModelCard
    from segstudio.ml.inference.sources import Reader


def depth_axes(planes: Sequence[int], depth: int, window: int, overlap: int) -> list[Axis]:
    """Windows of *window* planes over *planes* of a volume of *depth*, for each run of planes that are near each other.

    A window sees planes of the volume beyond those asked for; a volume that is thinner than one is mirrored at both ends.
    """
    axes = []
    for run in _runs(sorted(set(planes)), window):
        low, high = max(0, run[0] - overlap // 2), min(depth, run[-1] + 1 + overlap // 2)
        if high - low > window:
            axes.append(make_axis(low, high, window, overlap, stride_px=1, margin_px=0))
            continue
        start = low - (window - (high - low)) // 2
        start = min(max(0, start), depth - window) if depth >= window else -((window - depth) // 2)
        axes.append(Axis(low, high, window, (start,), (np.ones(window, np.float32),)))
    return axes


def _runs(planes: list[int], gap: int) -> list[list[int]]:
    """*planes* cut where so many between two are not asked for that windows are saved."""
    runs: list[list[int]] = []
    for z in planes:
        if runs and z - runs[-1][-1] <= gap:
            runs[-1].append(z)
        else:
            runs.append([z])
    return runs


class VolumeSource:
    """Some planes of a volume, read as windows ask for them: a :class:`~segstudio.ml.inference.sources.Source`.

    :attr:`start` and :attr:`planes` may reach beyond the volume, which is mirrored there.
    """

    def __init__(self, reader: Reader, card: ModelCard) -> None:
        self.reader, self.card = reader, card
        self.width, self.height, self.depth = int(reader.info.width), int(reader.info.height), depth_of(reader)
        self.value_range = volume_range(reader, card.scaling, card.bands)
        self.start, self.planes = 0, 1

    def window(self, rect: Rect) -> npt.NDArray[np.float32]:
        """(C, d, h, w) float32 of *rect* in the planes from ``start`` on, normalised, mirrored beyond the volume."""
        rows, columns = reflected(rect.y, rect.bottom, self.height), reflected(rect.x, rect.right, self.width)
        top, left = int(rows.min()), int(columns.min())
        part = Rect(left, top, int(columns.max()) + 1 - left, int(rows.max()) + 1 - top)
        planes = reflected(self.start, self.start + self.planes, self.depth).tolist()
        read = {z: self._plane(z, part) for z in dict.fromkeys(planes)}
        values = np.stack([read[z] for z in planes], axis=1)
        if part == rect:
            return values
        return np.ascontiguousarray(values[:, :, (rows - top)[:, None], (columns - left)[None, :]])

    def _plane(self, z: int, part: Rect) -> npt.NDArray[np.float32]:
        values = read_plane(self.reader, z, part, self.card.bands)
        unit = to_unit(values, bands=self.card.bands, scaling=self.card.scaling, value_range=self.value_range)
        return normalise(unit, self.card)


class SlabBlender:
    """Puts the answers of windows of planes together: what overlaps is held until the next planes are in.

    Held is (K, overlap, h, w) of the *region*; in a nameless file where that is more than ``HELD_BYTES``.
    """

    def __init__(self, axis: Axis, region: Rect, classes: int) -> None:
        self.axis, self.region = axis, region
        reach = max(axis.reach(index) for index in range(len(axis)))
        self._held: npt.NDArray[np.float32] | None = None
        if len(axis) > 1:
            self._held = scratch((classes, reach, region.height, region.width))

    def add(self, index: int, rect: Rect, logits: torch.Tensor) -> tuple[int, torch.Tensor]:
        """(first plane, (K, n, h, w)) that window *index*, (K, d, h, w) logits of *rect*, completes."""
        if self._held is None:
            begin, end = self.axis.finished(index)
            start = self.axis.starts[index]
            return begin, logits[:, begin - start : end - start]
        low, high = self.axis.counted(index)
        first = self.axis.starts[index] + low
        part = logits[:, low:high].float().cpu().clone(memory_format=torch.contiguous_format)
        for begin, end in self.axis.ramps(index):
            share = torch.from_numpy(self.axis.weights[index][begin:end])
            part[:, begin - low : end - low] *= share[:, None, None]
        rows, columns = rect.moved(-self.region.x, -self.region.y).slices
        shared = self.axis.reach(index - 1) if index else 0
        if shared:
            part[:, :shared] += torch.from_numpy(np.ascontiguousarray(self._held[:, :shared, rows, columns]))
        joint = self.axis.joint(index)
        if joint is not None:
            self._held[:, : self.axis.reach(index), rows, columns] = part[:, joint - first :].numpy()
        begin, end = self.axis.finished(index)
        return begin, part[:, begin - first : end - first]


def scratch(shape: tuple[int, ...]) -> npt.NDArray[np.float32]:
    """An array of float32, in a nameless file where it would take much memory; its content is not set."""
    if math.prod(shape) * 4 <= HELD_BYTES:
        return np.empty(shape, np.float32)
    with tempfile.TemporaryFile() as file:  # the mapping keeps it
        array: np.memmap[Any, np.dtype[np.float32]] = np.memmap(file, dtype=np.float32, mode="w+", shape=shape)
    return array
