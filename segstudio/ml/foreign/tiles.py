"""Windows of one fixed size over a picture in memory, for graphs that take no other."""

from __future__ import annotations

import math

import torch
from torch.nn import functional as F  # noqa: N812

OVERLAP_SHARE = 0.25


class Tiling:
    """Cuts (C, H, W) into windows (N, C, h, w) and joins (N, K, h, w) answers to (K, H, W), blended where they overlap."""

    def __init__(self, height: int, width: int, tile_height: int, tile_width: int) -> None:
        self.height, self.width = height, width
        self.tile = (tile_height, tile_width)
        # A picture smaller than the window is mirrored as far as it goes, then its border is repeated.
        self.padded = (max(height, tile_height), max(width, tile_width))
        self.tops = starts(self.padded[0], tile_height)
        self.lefts = starts(self.padded[1], tile_width)

    def cut(self, image: torch.Tensor) -> torch.Tensor:
        """The windows of (C, H, W), row by row."""
        whole = _grown(image[None], *self.padded)[0]
        rows, columns = self.tile
        return torch.stack([whole[:, y : y + rows, x : x + columns] for y in self.tops for x in self.lefts])

    def joined(self, answers: torch.Tensor) -> torch.Tensor:
        """(K, H, W) from the answers to the windows, in the order of :meth:`cut`."""
        rows, columns = self.tile
        share = _rise(rows)[:, None] * _rise(columns)[None, :]
        total = torch.zeros((answers.shape[1], *self.padded))
        weight = torch.zeros(self.padded)
        for index, answer in enumerate(answers):
            y, x = self.tops[index // len(self.lefts)], self.lefts[index % len(self.lefts)]
            total[:, y : y + rows, x : x + columns] += answer * share
            weight[y : y + rows, x : x + columns] += share
        return (total / weight)[:, : self.height, : self.width]


def starts(length: int, size: int) -> list[int]:
    """Where windows of *size* px begin over *length* px: spread evenly, overlapping by a quarter or more."""
    if length <= size:
        return [0]
    overlap = int(size * OVERLAP_SHARE)
    count = max(2, math.ceil((length - overlap) / (size - overlap)))
    return [round(i * (length - size) / (count - 1)) for i in range(count)]


def _rise(size: int) -> torch.Tensor:
    """Weights along a window: 1 in the middle, falling towards the ends within the overlap, never 0."""
    ramp = max(1, int(size * OVERLAP_SHARE))
    at = torch.arange(size, dtype=torch.float32) + 0.5
    return (torch.minimum(at, size - at) / ramp).clamp(max=1.0)


def _grown(image: torch.Tensor, height: int, width: int) -> torch.Tensor:
    while image.shape[-2] < height or image.shape[-1] < width:
        bottom = min(height - image.shape[-2], max(image.shape[-2] - 1, 0))
        right = min(width - image.shape[-1], max(image.shape[-1] - 1, 0))
        if not (bottom or right):
            return F.pad(image, (0, width - image.shape[-1], 0, height - image.shape[-2]), mode="replicate")
        image = F.pad(image, (0, right, 0, bottom), mode="reflect")
    return image
