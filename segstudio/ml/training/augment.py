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

    ``light`` mirrors left and right; ``standard`` adds small rotations, elastic deformation (as in U-Net), blur, brightness, contrast
    and, on RGB, colour. ``overhead`` is for pictures that have no up (from the air, of sections): also quarter turns.
    ``microscopy`` turns by any angle, redraws stains, turns pictures grey and inverts them, so that fluorescence and bright
    field look alike.
    """
    if kind == "none":
        return None
    steps: list[v2.Transform] = [v2.RandomHorizontalFlip(0.5)]
    if kind == "light":
        return v2.Compose(steps)
    is_microscopy = kind == "microscopy"
    if is_microscopy or kind == "overhead":
        steps += [v2.RandomVerticalFlip(0.5), _QuarterTurn()]
    degrees, how_often = (45, 0.5) if is_microscopy else (15, 0.3)
    rotation = v2.RandomRotation(degrees, InterpolationMode.BILINEAR, fill=MASK_FILL)
    steps += [
        v2.RandomApply([rotation], how_often),
        v2.RandomApply([v2.ElasticTransform(alpha=40.0, sigma=6.0, fill=MASK_FILL)], 0.15),
    ]
    if bands == 3:
        if is_microscopy:
            # Before the colour jitter, which then varies the redrawn stain, too.
            steps.insert(0, StainShift(0.6))
        steps.append(v2.RandomApply([v2.ColorJitter(0.35, 0.35, 0.3, 0.08 if is_microscopy else 0.03)], 0.7))
        if is_microscopy:
            steps += [v2.RandomGrayscale(0.2), v2.RandomInvert(0.15)]
    else:
        steps.append(v2.RandomApply([_Brightness(0.35, 0.35)], 0.7))
    steps.append(v2.RandomApply([v2.GaussianBlur(5, (0.3, 1.5))], 0.15))
    return v2.Compose(steps)


class _QuarterTurn(v2.Transform):  # type: ignore[misc]
    """No, one, two or three quarter turns of a square patch, without a loss at the corners."""

    def make_params(self, flat_inputs: list[object]) -> dict[str, int]:
        """Draw the number of turns."""
        return {"turns": int(torch.randint(4, ()))}

    def transform(self, inpt: torch.Tensor, params: dict[str, int]) -> torch.Tensor:
        """Turn image or mask."""
        turned = torch.rot90(inpt.as_subclass(torch.Tensor), params["turns"], (-2, -1))
        return cast("torch.Tensor", tv_tensors.wrap(turned, like=inpt))


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
