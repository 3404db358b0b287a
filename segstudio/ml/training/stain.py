"""Stain augmentation: a stained slide redrawn in other dyes, so that a network learns nuclei and not one laboratory's purple."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812
from torchvision import tv_tensors

# Optical densities a unit of dye in red, green and blue: Ruifrok and Johnston 2001, Anal. Quant. Cytol. Histol. 23:291.
HAEMATOXYLIN = (0.65, 0.70, 0.29)
DAB = (0.27, 0.57, 0.78)
EOSIN = (0.07, 0.99, 0.11)
BRIGHT = 0.45
"""Pictures darker than this on average are fluorescence and are left alone."""


class StainShift(nn.Module):
    """Redraws bright-field RGB pictures as if stained otherwise, with probability *p*.

    By Beer and Lambert, a pixel is exp(−optical density). The density of the marked structure (class 1) is redrawn in
    haematoxylin, lighter or darker; the rest gets a share of DAB brown or eosin in cloudy patches. So a dark brown surrounding
    or a pale blue nucleus, as in immunohistochemistry, is seen in training though the data has none.
    """

    def __init__(self, p: float = 0.5) -> None:
        super().__init__()
        self.p = p

    def forward(self, image: torch.Tensor, mask: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """(image (3, H, W) float32 in 0…1, mask (H, W) uint8) to the same, redrawn."""
        if image.shape[0] != 3 or float(image.mean()) < BRIGHT or float(torch.rand(())) >= self.p:
            return image, mask
        density = -torch.log(image.as_subclass(torch.Tensor).clamp(1 / 255, 1.0))
        amount = density.mean(0, keepdim=True) / 0.55
        inside = F.avg_pool2d((mask.as_subclass(torch.Tensor) == 1).float()[None, None], 5, 1, 2)[0]
        draw = torch.rand(6).tolist()
        blue = torch.tensor(HAEMATOXYLIN)[:, None, None] * (1 + 0.3 * (torch.rand(3)[:, None, None] - 0.5))
        other = torch.tensor(DAB if draw[0] < 0.7 else EOSIN)[:, None, None]
        nucleus = amount * blue * (0.35 + 0.9 * draw[1])
        clouds = _clouds(image.shape[-2:], cells=int(4 + 40 * draw[2])) * _clouds(
            image.shape[-2:], cells=int(2 + 6 * draw[3])
        )
        around = amount * (0.3 * density + 0.5 * blue * draw[4]) + other * clouds * 2.4 * draw[5]
        # A little of the other dye lies over nuclei, too.
        redrawn = inside * (nucleus + 0.25 * other * clouds * draw[5]) + (1 - inside) * around
        return tv_tensors.wrap(torch.exp(-redrawn).clamp(0, 1), like=image), mask


def _clouds(size: torch.Size, cells: int) -> torch.Tensor:
    """(1, H, W) smooth noise in 0…1 with about *cells* patches along a side."""
    noise = torch.rand(1, 1, cells + 1, cells + 1)
    return F.interpolate(noise, size=tuple(size), mode="bicubic", align_corners=True)[0].clamp(0, 1)
