"""Steps of the augmentation that torchvision lacks, or has for three bands or the CPU only.

All draw from torch's CPU generator, whatever the picture's device: equal seeds mean equal changes on every device.
"""

from __future__ import annotations

from typing import Any, cast

import torch
from torch.nn import functional as F  # noqa: N812
from torchvision import tv_tensors
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional as vf

from segstudio.ml.plan import IGNORE_INDEX

MASK_FILL = {tv_tensors.Image: 0.0, tv_tensors.Mask: IGNORE_INDEX}
GRID = 3
"""Points a side of the grid whose displacements bend a patch (Ronneberger et al. 2015)."""


class QuarterTurn(v2.Transform):  # type: ignore[misc]
    """No, one, two or three quarter turns of a square patch, without a loss at the corners.

    What is not square is turned by none or two.
    """

    def make_params(self, flat_inputs: list[Any]) -> dict[str, int]:
        """Draw the number of turns."""
        turns = int(torch.randint(4, ()))
        height, width = flat_inputs[0].shape[-2:]
        return {"turns": turns if height == width else turns // 2 * 2}

    def transform(self, inpt: torch.Tensor, params: dict[str, int]) -> torch.Tensor:
        """Turn image or mask."""
        turned = torch.rot90(inpt.as_subclass(torch.Tensor), params["turns"], (-2, -1))
        return cast("torch.Tensor", tv_tensors.wrap(turned, like=inpt))


class Brightness(v2.Transform):  # type: ignore[misc]
    """Brightness and contrast for any number of bands (torchvision's jitter takes one or three)."""

    _transformed_types = (tv_tensors.Image,)

    def __init__(self, brightness: float, contrast: float) -> None:
        super().__init__()
        self.brightness, self.contrast = brightness, contrast

    def make_params(self, flat_inputs: list[object]) -> dict[str, float]:
        """Draw the two factors."""
        low_high = torch.rand(2).tolist()
        return {
            "gain": 1 + self.brightness * (2 * low_high[0] - 1),
            "contrast": 1 + self.contrast * (2 * low_high[1] - 1),
        }

    def transform(self, inpt: torch.Tensor, params: dict[str, float]) -> torch.Tensor:
        """Apply them to one image."""
        mean = inpt.mean()
        changed = ((inpt - mean) * params["contrast"] + mean) * params["gain"]
        return cast("torch.Tensor", tv_tensors.wrap(changed.clamp(0, 1), like=inpt))


class Noise(v2.Transform):  # type: ignore[misc]
    """Gaussian noise in every pixel and band, of a standard deviation up to *sigma* (the image's range is 1)."""

    _transformed_types = (tv_tensors.Image,)

    def __init__(self, sigma: float) -> None:
        super().__init__()
        self.sigma = sigma

    def make_params(self, flat_inputs: list[Any]) -> dict[str, torch.Tensor]:
        """Draw the noise, (B, H, W)."""
        image = next(part for part in flat_inputs if isinstance(part, tv_tensors.Image))
        return {"noise": torch.rand(()) * self.sigma * torch.randn(tuple(image.shape))}

    def transform(self, inpt: torch.Tensor, params: dict[str, torch.Tensor]) -> torch.Tensor:
        """Add it to the image."""
        noisy = inpt.as_subclass(torch.Tensor) + params["noise"].to(inpt.device)
        return cast("torch.Tensor", tv_tensors.wrap(noisy.clamp(0, 1), like=inpt))


class _Bend(v2.Transform):  # type: ignore[misc]
    """Moves each pixel of image (bilinear) and mask (nearest); what comes from outside is filled."""

    def transform(self, inpt: torch.Tensor, params: dict[str, torch.Tensor]) -> Any:
        """Apply ``params["displacement"]`` (1, H, W, 2) x and y, of which 2 is the whole side."""
        fill = MASK_FILL[tv_tensors.Mask if isinstance(inpt, tv_tensors.Mask) else tv_tensors.Image]
        return vf.elastic(inpt, params["displacement"], fill=fill)


class Waves(_Bend):
    """Many fine waves: noise smoothed by a Gaussian, as ``v2.ElasticTransform`` has it, computed on the picture's device."""

    def __init__(self, alpha: float, sigma_px: float) -> None:
        super().__init__()
        self.alpha, self.sigma_px = alpha, sigma_px

    def make_params(self, flat_inputs: list[Any]) -> dict[str, torch.Tensor]:
        """Draw the displacements."""
        height, width = flat_inputs[0].shape[-2:]
        side = int(8 * self.sigma_px + 1) | 1
        parts = []
        for extent in (width, height):
            noise = (torch.rand(1, 1, height, width) * 2 - 1).to(flat_inputs[0].device)
            smooth = vf.gaussian_blur(noise, [side, side], [self.sigma_px, self.sigma_px])
            parts.append(smooth * self.alpha / extent)
        return {"displacement": torch.concat(parts, 1).permute([0, 2, 3, 1])}


class CoarseGrid(_Bend):
    """U-Net's elastic deformation: a grid of 3 × 3 points, each moved by a Gaussian vector; bicubic between them.

    Ronneberger et al. 2015, arXiv:1505.04597, section 3.1, with *sigma_px* = 10.
    """

    def __init__(self, sigma_px: float) -> None:
        super().__init__()
        self.sigma_px = sigma_px

    def make_params(self, flat_inputs: list[Any]) -> dict[str, torch.Tensor]:
        """Draw the vectors and interpolate them."""
        height, width = flat_inputs[0].shape[-2:]
        vectors_px = (torch.randn(1, 2, GRID, GRID) * self.sigma_px).to(flat_inputs[0].device)
        moved_px = F.interpolate(vectors_px, size=(height, width), mode="bicubic", align_corners=True)
        scale = torch.tensor([2 / width, 2 / height], device=moved_px.device).view(1, 2, 1, 1)
        return {"displacement": (moved_px * scale).permute([0, 2, 3, 1])}
