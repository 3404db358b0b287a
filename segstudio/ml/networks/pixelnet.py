"""PixelNet (Bansal et al. 2017, arXiv:1702.06506): hyper-columns of sampled pixels through a multi-layer perceptron.

::

    x ─ VGG16: conv1_2, conv2_2, conv3_3, conv4_3, conv5_3, fc7        six maps at strides 1 … 32
        at each sampled pixel: the six features, interpolated, joined  (P, 64 + 128 + 256 + 512 + 512 + 4096)
        three layers of 4096 ─ score                                   (P, K)

Training looks at ``samples`` random pixels of each picture (the paper: 2000) and says which in ``NetworkOutput.sampled``;
inference goes through all pixels, a slice at a time. Taken differently: the perceptron is 1024 wide by default (``width``: the
paper's 4096), and dropout of ½ stands after each layer as in VGG's own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812

from segstudio.ml.encoders.vgg import FC_CHANNELS, VggBody
from segstudio.ml.networks.blocks import he_initialise, pad_to_stride
from segstudio.ml.networks.output import NetworkOutput

if TYPE_CHECKING:
    from collections.abc import Sequence

SAMPLES = 2000
WIDTH = 1024
SLICE = 1 << 14
"""Pixels that go through the perceptron at a time in inference."""
MAP_CHANNELS = (64, 128, 256, 512, 512, FC_CHANNELS)


class PixelNet(nn.Module):
    """VGG16's maps, read at points."""

    class_layers: ClassVar[tuple[str, ...]] = ("head.",)
    stride_px = 32

    def __init__(self, body: VggBody, classes: int, samples: int = SAMPLES, width: int = WIDTH) -> None:
        super().__init__()
        self.body = body
        self.fully = nn.Sequential(body.fc6, nn.ReLU(inplace=True), body.fc7, nn.ReLU(inplace=True))
        self.samples = samples
        chain = (sum(MAP_CHANNELS), width, width, width)
        layers: list[nn.Module] = []
        for a, b in zip(chain, chain[1:]):
            layers += [nn.Linear(a, b), nn.ReLU(inplace=True), nn.Dropout(0.5)]
        self.mlp = nn.Sequential(*layers)
        self.head = nn.Linear(width, classes)
        # Features of very different strength lie side by side: each map is brought to one scale first.
        self.norms = nn.ModuleList(nn.BatchNorm2d(c) for c in MAP_CHANNELS)
        he_initialise(self.norms)
        he_initialise(self.mlp)

    def forward(self, x: torch.Tensor) -> NetworkOutput:
        """(N, B, H, W) to logits (N, K, H, W); in training only the sampled pixels hold scores, the others 0."""
        height, width = x.shape[-2:]
        maps = self.maps(pad_to_stride(x, self.stride_px))
        count, classes = x.shape[0], self.head.out_features
        if not self.training:
            places = torch.arange(height * width, device=x.device)
            parts = [self.at(maps, part, width) for part in torch.split(places, SLICE)]
            return NetworkOutput(torch.cat(parts, dim=1).transpose(1, 2).reshape(count, classes, height, width))
        chosen = torch.randperm(height * width, device=x.device)[: self.samples]
        scores = self.at(maps, chosen, width).transpose(1, 2)
        logits = scores.new_zeros(count, classes, height * width).index_copy(2, chosen, scores)
        sampled = torch.zeros(height * width, dtype=torch.bool, device=x.device).index_fill(0, chosen, True)
        return NetworkOutput(logits.reshape(count, classes, height, width), (), sampled.view(height, width))

    def maps(self, x: torch.Tensor) -> list[torch.Tensor]:
        """The six maps, at strides 1 … 32."""
        found = []
        for block in self.body.blocks:
            x = block(x)
            found.append(x)
            x = F.max_pool2d(x, 2)
        found.append(self.fully(x))
        return [norm(f) for norm, f in zip(self.norms, found, strict=True)]

    def at(self, maps: Sequence[torch.Tensor], places: torch.Tensor, width: int) -> torch.Tensor:
        """Scores (N, P, K) at the pixels *places* (P,) int64, counted row by row in a picture *width* wide."""
        y, x = places // width, places % width
        columns = []
        for level, values in enumerate(maps):
            size = torch.tensor([values.shape[3], values.shape[2]], device=values.device, dtype=values.dtype)
            centres = (torch.stack([x, y], dim=1).to(values.dtype) + 0.5) / (1 << level)
            grid = (2 * centres / size - 1).expand(values.shape[0], 1, -1, -1)
            columns.append(F.grid_sample(values, grid, padding_mode="border", align_corners=False)[:, :, 0])
        return self.head(self.mlp(torch.cat(columns, dim=1).transpose(1, 2)))  # type: ignore[no-any-return]


def build(bands: int, classes: int, encoder: str, pretrained: bool, options: dict[str, Any]) -> PixelNet:
    """PixelNet; ``options["samples"]`` pixels a picture in training, ``options["width"]`` of the perceptron."""
    body = VggBody.build(encoder, bands, pretrained, has_fully_connected=True)
    return PixelNet(body, classes, int(options.get("samples", SAMPLES)), int(options.get("width", WIDTH)))
