"""Joint augmentation of image and mask by torchvision.transforms.v2, the same for the same seed."""

from __future__ import annotations

from typing import cast

import torch
from torchvision import tv_tensors
from torchvision.transforms import InterpolationMode, v2

from segstudio.ml.plan import IGNORE_INDEX, Augment
from segstudio.ml.training.stain import StainShift

MASK_FILL = {tv_tensors.Image: 0.0, tv_tensors.Mask: IGNORE_INDEX}


def build_augmentation(kind: Augment, bands: int) -> v2.Transform | None:
    """Transform of (Image (B, H, W) float32 in 0…1, Mask (H, W) uint8); None for "none".

    ``light`` flips; ``standard`` adds right-angle and small rotations, elastic deformation (as in U-Net), brightness, contrast and, on RGB,
    colour; ``microscopy`` also redraws stains, turns pictures grey and inverts them, so that fluorescence and bright field look alike.
    """
    if kind == "none":
        return None
    flips: list[v2.Transform] = [v2.RandomHorizontalFlip(0.5)]
    if kind == "light":
        return v2.Compose(flips)
    steps = [
        *flips,
        v2.RandomVerticalFlip(0.5) if kind == "microscopy" else v2.Identity(),
        v2.RandomApply(
            [v2.RandomRotation(180 if kind == "microscopy" else 15, InterpolationMode.BILINEAR, fill=MASK_FILL)],
            0.5 if kind == "microscopy" else 0.3,
        ),
        v2.RandomApply([v2.ElasticTransform(alpha=40.0, sigma=6.0, fill=MASK_FILL)], 0.15),
    ]
    if bands == 3:
        hue = 0.08 if kind == "microscopy" else 0.03
        steps.append(v2.RandomApply([v2.ColorJitter(0.35, 0.35, 0.3, hue)], 0.7))
        if kind == "microscopy":
            # Before the colour jitter, which then varies the redrawn stain, too.
            steps.insert(0, StainShift(0.5))
            steps += [v2.RandomGrayscale(0.2), v2.RandomInvert(0.15)]
    else:
        steps.append(v2.RandomApply([_Brightness(0.35, 0.35)], 0.7))
    steps.append(v2.RandomApply([v2.GaussianBlur(5, (0.3, 1.5))], 0.15))
    return v2.Compose(steps)


class _Brightness(v2.Transform):  # type: ignore[misc]
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


def augment(
    transform: v2.Transform | None, image: torch.Tensor, mask: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Apply *transform* to image (B, H, W) float32 in 0…1 and mask (H, W) uint8; pixels from outside become ignore."""
    if transform is None:
        return image, mask
    new_image, new_mask = transform(tv_tensors.Image(image), tv_tensors.Mask(mask))
    return new_image.as_subclass(torch.Tensor).clamp(0, 1), new_mask.as_subclass(torch.Tensor)
