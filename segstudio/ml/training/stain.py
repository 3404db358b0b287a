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
DAB_SHARE = 0.6
"""How often the second dye is DAB brown and not eosin pink."""


class StainShift(nn.Module):
    """Redraws bright-field RGB pictures as if stained otherwise, with probability *p*.

    By Beer and Lambert, a pixel is exp(−optical density). The density of the marked structure (class 1) is redrawn in
    haematoxylin, lighter or darker; around it lie, in patches, DAB brown with the fibres and membranes that it marks, or
    eosin. So a surrounding darker than the nuclei, or a pale blue nucleus, as in immunohistochemistry, is seen in training
    though the data has none.
    """

    def __init__(self, p: float = 0.5) -> None:
        super().__init__()
        self.p = p

    def forward(self, image: torch.Tensor, mask: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """(image (3, H, W) float32 in 0…1, mask (H, W) or (n, H, W), the first of which counts) to the same, redrawn."""
        if image.shape[0] != 3 or float(image.mean()) < BRIGHT or float(torch.rand(())) >= self.p:
            return image, mask
        density = -torch.log(image.as_subclass(torch.Tensor).clamp(1 / 255, 1.0))
        amount = density.mean(0, keepdim=True) / 0.55
        classes = mask.as_subclass(torch.Tensor)
        inside = F.avg_pool2d((classes[0] if classes.ndim == 3 else classes).eq(1).float()[None, None], 5, 1, 2)[0]
        draw = torch.rand(5).tolist()
        # Drawn on the CPU, whatever the picture is on: equal seeds, equal stains.
        blue = (_column(HAEMATOXYLIN) * (1 + 0.3 * (torch.rand(3, 1, 1) - 0.5))).to(image.device)
        is_brown = draw[0] < DAB_SHARE
        other = (_column(DAB if is_brown else EOSIN) * (1 + 0.2 * (torch.rand(3, 1, 1) - 0.5))).to(image.device)
        dye = _dye(image.shape[-2:], image.device) * ((0.6 + 2.2 * draw[1]) if is_brown else 1.2 * draw[1])
        nucleus = amount * blue * (0.3 + 0.8 * draw[2])
        around = amount * blue * 0.6 * draw[3] + other * dye
        # The section is thick: a little of the other dye lies over nuclei, too.
        redrawn = inside * (nucleus + 0.4 * draw[4] * other * dye) + (1 - inside) * around
        return tv_tensors.wrap(torch.exp(-redrawn).clamp(0, 1), like=image), mask


def _column(values: tuple[float, float, float]) -> torch.Tensor:
    return torch.tensor(values)[:, None, None]


def _dye(size: torch.Size, device: torch.device) -> torch.Tensor:
    """(1, H, W) amount of a dye in 0…1: stained patches, in them clouds and bright ridges as of membranes and fibres."""
    draw = torch.rand(7).tolist()
    patches: torch.Tensor = torch.sigmoid((_clouds(size, device, 1 + int(5 * draw[0])) - 0.15 - 0.6 * draw[1]) * 25)
    noise = _clouds(size, device, 6 + int(40 * draw[2]), 6 + int(40 * draw[3]))
    ridges: torch.Tensor = (1 - (2 * noise - 1).abs()).pow(2 + 4 * draw[4])
    clouds = _clouds(size, device, 4 + int(20 * draw[5]))
    flat = 0.2 + 0.5 * draw[6]
    amount: torch.Tensor = patches * (flat + (1 - flat) * (0.5 * clouds + 0.5 * ridges))
    return amount


def _clouds(size: torch.Size, device: torch.device, rows: int, columns: int = 0) -> torch.Tensor:
    """(1, H, W) smooth noise in 0…1 with about *rows* by *columns* (default: as many) patches."""
    noise = torch.rand(1, 1, rows + 1, (columns or rows) + 1).to(device)
    return F.interpolate(noise, size=tuple(size), mode="bicubic", align_corners=True)[0].clamp(0, 1)
