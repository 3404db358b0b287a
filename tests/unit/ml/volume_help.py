"""Volumes, a small network of three dimensions and volume files that the tests of volumes share."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import torch

from segstudio.ml.cards import ModelCard


class VolumeReader:
    """A reader over (z, band, y, x) values; counts the planes that were read, and the largest window."""

    def __init__(self, values):
        self.values = values
        depth, bands, height, width = values.shape
        self.info = SimpleNamespace(width=width, height=height, depth=depth, bands=bands, path=None, metadata={})
        self.largest_px = 0
        self.planes = []

    def read(self, level, z, window):
        assert level == 0 and 0 <= z < self.info.depth
        assert window.x >= 0 and window.y >= 0 and window.right <= self.info.width and window.bottom <= self.info.height
        self.largest_px = max(self.largest_px, window.width * window.height)
        self.planes.append(z)
        return self.values[z][:, window.y : window.bottom, window.x : window.right]

    def close(self):
        pass


class SmallNet3d(torch.nn.Module):
    """Two 3×3×3 convolutions: sees two voxels around."""

    def __init__(self, bands=1, classes=3, seed=0):
        super().__init__()
        torch.manual_seed(seed)
        self.first = torch.nn.Conv3d(bands, 6, 3, padding=1)
        self.second = torch.nn.Conv3d(6, classes, 3, padding=1)

    def forward(self, x):
        return {"out": self.second(torch.relu(self.first(x))) * 5}


SEEN = 2
"""Voxels around that :class:`SmallNet3d` sees."""


def volume_card(classes=("background", "a", "b"), **values):
    grey = {"bands": 1, "mean": (0.5,), "std": (0.25,), "scaling": "percentile"}
    windows = {"window_px": 32, "overlap_px": 16, "stride_px": 8, "window_depth": 16, "overlap_depth": 8}
    return ModelCard(
        **{"id": "small3d", "name": "Small", "architecture": "vnet", "classes": classes, **grey, **windows, **values}
    )


def random_volume(depth, height, width, bands=1, seed=0):
    return np.random.default_rng(seed).integers(0, 4096, (depth, bands, height, width), dtype=np.uint16)
