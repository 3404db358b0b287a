"""Joint augmentation of image and mask by torchvision.transforms.v2, the same for the same seed."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torchvision import tv_tensors
from torchvision.transforms import InterpolationMode, v2

from segstudio.ml.training.augment_steps import MASK_FILL, Brightness, CoarseGrid, Noise, QuarterTurn, Waves
from segstudio.ml.training.augment_table import checked_options
from segstudio.ml.training.stain import StainShift

if TYPE_CHECKING:
    from collections.abc import Mapping

    from segstudio.ml.plan import Augment, TrainPlan

WAVES_ALPHA, WAVES_SIGMA_PX = 40.0, 6.0
MIN_BLUR_PX = 0.3


def build_augmentation(kind: Augment, bands: int, options: Mapping[str, object] | None = None) -> v2.Transform | None:
    """Transform of (Image (B, H, W) float32 in 0…1, Mask (H, W) uint8); None where nothing is to be done.

    *kind* is a preset, *options* change its steps (:mod:`segstudio.ml.training.augment_table`). ``light`` mirrors left and right;
    ``standard`` adds small rotations, elastic deformation (as in U-Net), blur, brightness, contrast and, on RGB, colour.
    ``overhead`` is for pictures that have no up (from the air, of sections): also quarter turns. ``microscopy`` turns by any
    angle, redraws stains, turns pictures grey and inverts them, so that fluorescence and bright field look alike.

    Raises
    ------
    UserError
        When an option is unknown or out of its range.
    """
    given = options or {}
    values = checked_options(kind, given)
    wanted = {key: float(value) for key, value in values.items()}
    if bands != 3 and "invert" not in given:
        wanted["invert"] = 0.0  # the presets invert colours only
    steps = [*_shape_steps(wanted), *_colour_steps(wanted, is_rgb=bands == 3)]
    if wanted["blur"]:
        most = wanted["blur_px"]
        side = 2 * max(2, math.ceil(most * 4 / 3)) + 1
        steps.append(v2.RandomApply([v2.GaussianBlur(side, (MIN_BLUR_PX, most))], wanted["blur"]))
    if wanted["noise"] and wanted["noise_sigma"]:
        steps.append(v2.RandomApply([Noise(wanted["noise_sigma"])], wanted["noise"]))
    if bands == 3 and wanted["stain"]:
        # Before the colour jitter, which then varies the redrawn stain, too.
        steps.insert(0, StainShift(wanted["stain"]))
    return v2.Compose(steps) if steps else None


def augmentation_of(plan: TrainPlan, bands: int) -> v2.Transform | None:
    """The augmentation that *plan* asks for; the bands of neighbouring planes are no colours.

    Raises
    ------
    UserError
        When an option is unknown or out of its range.
    """
    return build_augmentation(plan.augment, bands if plan.slices == 1 else 0, plan.augment_options)


def _shape_steps(wanted: Mapping[str, float]) -> list[v2.Transform]:
    steps: list[v2.Transform] = []
    if wanted["flip"]:
        steps.append(v2.RandomHorizontalFlip(wanted["flip"]))
    if wanted["vertical_flip"]:
        steps.append(v2.RandomVerticalFlip(wanted["vertical_flip"]))
    if wanted["quarter_turns"]:
        steps.append(QuarterTurn())
    if wanted["rotate"] and wanted["rotate_share"]:
        rotation = v2.RandomRotation(wanted["rotate"], InterpolationMode.BILINEAR, fill=MASK_FILL)
        steps.append(v2.RandomApply([rotation], wanted["rotate_share"]))
    if wanted["elastic"]:
        sigma_px = wanted["elastic_sigma_px"]
        bend = CoarseGrid(sigma_px) if sigma_px else Waves(WAVES_ALPHA, WAVES_SIGMA_PX)
        steps.append(v2.RandomApply([bend], wanted["elastic"]))
    return steps


def _colour_steps(wanted: Mapping[str, float], *, is_rgb: bool) -> list[v2.Transform]:
    steps: list[v2.Transform] = []
    amounts = [wanted[key] for key in ("brightness", "contrast", "saturation", "hue")]
    if not is_rgb:
        amounts = amounts[:2]
    if any(amounts) and wanted["colour"]:
        jitter = v2.ColorJitter(*amounts) if is_rgb else Brightness(*amounts)
        steps.append(v2.RandomApply([jitter], wanted["colour"]))
    if is_rgb and wanted["grey"]:
        steps.append(v2.RandomGrayscale(wanted["grey"]))
    if wanted["invert"]:
        steps.append(v2.RandomInvert(wanted["invert"]))
    return steps


def augment(
    transform: v2.Transform | None, image: torch.Tensor, mask: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Apply *transform* to image (B, H, W) float32 in 0…1 and mask (H, W) uint8; pixels from outside become ignore."""
    if transform is None:
        return image, mask
    new_image, new_mask = transform(tv_tensors.Image(image), tv_tensors.Mask(mask))
    return new_image.as_subclass(torch.Tensor).clamp(0, 1), new_mask.as_subclass(torch.Tensor)


def augment_seeded(
    transform: v2.Transform | None, image: torch.Tensor, mask: torch.Tensor, seed: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """As :func:`augment`, a function of *seed* alone; torch's generators and threads are left as they were.

    With one thread, as in the loader's processes: sums are added in one order everywhere, and for so small pictures threads
    wait for each other longer than they compute (15 × as long on a busy machine of 2 cores).
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            return augment(transform, image, mask)
    finally:
        torch.set_num_threads(threads)
