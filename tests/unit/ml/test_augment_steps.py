"""Augmentation: presets as they always were, every step that can be set, what image and mask have in common."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F
from torchvision import tv_tensors
from torchvision.transforms import InterpolationMode, v2

from segstudio.core.errors import UserError
from segstudio.ml.plan import TrainPlan
from segstudio.ml.training.augment import augment, augment_seeded, build_augmentation
from segstudio.ml.training.augment_steps import CoarseGrid
from segstudio.ml.training.augment_table import OPTIONS, PRESETS, changed_options, checked_options, defaults, has_no_up
from segstudio.ml.training.stain import StainShift

FILL = {tv_tensors.Image: 0.0, tv_tensors.Mask: 255}
QUIET = {key: 0 for key in ("flip", "rotate", "elastic", "brightness", "contrast", "saturation", "hue", "blur")}
"""Turns every step of "standard" off."""


class Turn(v2.Transform):
    def make_params(self, flat_inputs):
        return {"turns": int(torch.randint(4, ()))}

    def transform(self, inpt, params):
        return tv_tensors.wrap(torch.rot90(inpt.as_subclass(torch.Tensor), params["turns"], (-2, -1)), like=inpt)


class Light(v2.Transform):
    _transformed_types = (tv_tensors.Image,)

    def make_params(self, flat_inputs):
        a, b = torch.rand(2).tolist()
        return {"gain": 1 + 0.35 * (2 * a - 1), "contrast": 1 + 0.35 * (2 * b - 1)}

    def transform(self, inpt, params):
        mean = inpt.mean()
        changed = ((inpt - mean) * params["contrast"] + mean) * params["gain"]
        return tv_tensors.wrap(changed.clamp(0, 1), like=inpt)


def chain_as_written_out(kind, bands):
    """The presets of runs until 0.2, step by step: their patches must not change."""
    is_microscopy = kind == "microscopy"
    steps = [v2.RandomHorizontalFlip(0.5)]
    if kind == "light":
        return v2.Compose(steps)
    if kind in ("microscopy", "overhead"):
        steps += [v2.RandomVerticalFlip(0.5), Turn()]
    degrees, share = (45, 0.5) if is_microscopy else (15, 0.3)
    steps += [
        v2.RandomApply([v2.RandomRotation(degrees, InterpolationMode.BILINEAR, fill=FILL)], share),
        v2.RandomApply([v2.ElasticTransform(alpha=40.0, sigma=6.0, fill=FILL)], 0.15),
    ]
    if bands == 3:
        if is_microscopy:
            steps.insert(0, StainShift(0.6))
        steps.append(v2.RandomApply([v2.ColorJitter(0.35, 0.35, 0.3, 0.08 if is_microscopy else 0.03)], 0.7))
        if is_microscopy:
            steps += [v2.RandomGrayscale(0.2), v2.RandomInvert(0.15)]
    else:
        steps.append(v2.RandomApply([Light()], 0.7))
    steps.append(v2.RandomApply([v2.GaussianBlur(5, (0.3, 1.5))], 0.15))
    return v2.Compose(steps)


def patch(bands=3, side=48, seed=0):
    draw = np.random.default_rng(seed)
    image = torch.from_numpy(draw.random((bands, side, side), np.float32) * 0.3 + 0.5)
    return image, torch.from_numpy(draw.integers(0, 3, (side, side)).astype(np.uint8))


@pytest.mark.parametrize("bands", [3, 5])
@pytest.mark.parametrize("kind", ["light", "standard", "overhead", "microscopy"])
def test_presets_are_bit_identical_to_what_they_were(kind, bands):
    ours, theirs = build_augmentation(kind, bands), chain_as_written_out(kind, bands)
    image, mask = patch(bands, side=32)
    for seed in range(16):
        found, expected = augment_seeded(ours, image, mask, seed), augment_seeded(theirs, image, mask, seed)
        assert torch.equal(found[0], expected[0]) and torch.equal(found[1], expected[1]), seed


def test_each_option_changes_the_patches():
    extra = {
        "rotate_share": {"rotate": 40}, "elastic_sigma_px": {"elastic": 1}, "blur_px": {"blur": 1}, "noise_sigma": {"noise": 1},
        "colour": {"brightness": 0.5},
    }  # fmt: skip
    values = {"rotate_share": 1, "rotate": 90, "elastic_sigma_px": 5, "blur_px": 4, "noise_sigma": 0.3, "hue": 0.5,
              "quarter_turns": True, "colour": 1}  # fmt: skip
    image, mask = patch()
    for option in OPTIONS:
        base = {**QUIET, **extra.get(option.key, {})}
        plain = build_augmentation("standard", 3, base)
        changed = build_augmentation("standard", 3, {**base, option.key: values.get(option.key, 1)})
        differ = [
            not torch.equal(augment_seeded(plain, image, mask, s)[0], augment_seeded(changed, image, mask, s)[0])
            for s in range(12)
        ]
        assert any(differ), option.key


def test_a_preset_with_every_step_off_does_nothing():
    assert build_augmentation("standard", 3, QUIET) is None
    assert build_augmentation("none", 3) is None
    assert build_augmentation("none", 3, {"flip": "1"}) is not None


@pytest.mark.parametrize("key", ["noise", "blur", "brightness", "invert", "grey", "stain"])
def test_what_changes_values_leaves_the_mask_alone(key):
    image, mask = patch()
    transform = build_augmentation("none", 3, {key: 1, "colour": 1})
    for seed in range(5):
        x, y = augment_seeded(transform, image, mask, seed)
        assert torch.equal(y, mask)
        assert x.min() >= 0 and x.max() <= 1
    assert not torch.equal(x, image)


def test_noise_has_the_strength_that_is_asked_for_in_every_band():
    image = torch.full((6, 64, 64), 0.5)
    transform = build_augmentation("none", 6, {"noise": 1, "noise_sigma": 0.1})
    strengths = []
    for seed in range(30):
        x, _ = augment_seeded(transform, image, torch.zeros(64, 64, dtype=torch.uint8), seed)
        strengths.append((x - 0.5).std(dim=(1, 2)))
    spread = torch.stack(strengths)
    assert spread.max() < 0.11 and spread.max() > 0.08 and spread.min() < 0.02
    assert (spread.std(dim=1) < 0.01).all()  # all bands of a patch alike


def test_unets_elastic_deformation_is_a_coarse_grid_of_gaussian_vectors():
    bend = CoarseGrid(10.0)
    at_points = []
    for seed in range(300):
        torch.manual_seed(seed)
        moved = bend.make_params([torch.zeros(3, 65, 65)])["displacement"][0] * 65 / 2  # in pixels
        at_points.append(moved[::32, ::32].reshape(-1, 2))
        torch.manual_seed(seed)
        vectors = torch.randn(1, 2, 3, 3) * 10
        expected = F.interpolate(vectors, size=(65, 65), mode="bicubic", align_corners=True)[0].permute(1, 2, 0)
        assert torch.allclose(moved, expected, atol=1e-4)
    vectors = torch.cat(at_points)
    assert vectors.std(dim=0).sub(10).abs().max() < 0.5
    assert vectors.mean(dim=0).abs().max() < 0.6


@pytest.mark.parametrize(
    "options", [{"rotate": 45, "rotate_share": 1}, {"elastic": 1, "elastic_sigma_px": 10}, {"elastic": 1}]
)
def test_image_and_mask_move_together_and_what_comes_from_outside_is_ignored(options):
    """A picture of its own mask still is one afterwards; black comes in where the mask is ignored."""
    side = 96
    mask = torch.ones(side, side, dtype=torch.uint8)
    mask[20:60, 30:70] = 2
    image = mask.float()[None].repeat(3, 1, 1) / 2
    transform = build_augmentation("none", 3, options)
    outside = 0
    for seed in range(8):
        x, y = augment_seeded(transform, image, mask, seed)
        assert set(y.unique().tolist()) <= {1, 2, 255}
        outside += int((y == 255).sum())
        known = y != 255
        agree = ((x[0] * 2).round() == y.float())[known].float().mean()
        assert agree > 0.97
    assert outside > 0 or "elastic_sigma_px" not in options


def test_ignored_pixels_travel_with_the_picture():
    image, mask = patch()
    mask[:, :10] = 255
    _, y = augment_seeded(build_augmentation("none", 3, {"flip": 1}), image, mask, 0)
    assert (y[:, -10:] == 255).all() and (y[:, :-10] != 255).all()


def test_an_equal_seed_gives_an_equal_patch_and_leaves_the_generator_alone():
    image, mask = patch()
    transform = build_augmentation("microscopy", 3, {"noise": 1, "elastic_sigma_px": 10})
    torch.manual_seed(5)
    first = augment_seeded(transform, image, mask, 11)
    after = torch.rand(3)
    torch.manual_seed(5)
    assert torch.equal(torch.rand(3), after)
    second = augment_seeded(transform, image, mask, 11)
    assert torch.equal(first[0], second[0]) and torch.equal(first[1], second[1])
    assert not torch.equal(first[0], augment_seeded(transform, image, mask, 12)[0])


def test_patches_do_not_depend_on_the_number_of_threads():
    image, mask = patch(side=160)
    transform = build_augmentation("standard", 3, {"elastic": 1, "blur": 1, "colour": 1})
    before, found = torch.get_num_threads(), []
    for threads in (1, 3):
        torch.set_num_threads(threads)
        found.append([augment_seeded(transform, image, mask, seed) for seed in range(4)])
        assert torch.get_num_threads() == threads
    torch.set_num_threads(before)
    assert all(torch.equal(a[0], b[0]) and torch.equal(a[1], b[1]) for a, b in zip(*found))


@pytest.mark.parametrize("bands", [1, 2, 4, 9])
def test_any_number_of_bands(bands):
    image, mask = patch(bands)
    options = {"noise": 1, "invert": 1, "rotate_share": 1, "elastic": 1, "elastic_sigma_px": 5, "blur": 1}
    x, y = augment_seeded(build_augmentation("microscopy", bands, options), image, mask, 3)
    assert x.shape == image.shape and y.shape == mask.shape and torch.isfinite(x).all()


def test_planes_of_a_volume_move_alike():
    mask = torch.zeros(4, 32, 32, dtype=torch.uint8)
    mask[:, 5:15, 8:20] = 1
    transform = build_augmentation("none", 0, {"rotate": 90, "rotate_share": 1, "elastic": 1, "elastic_sigma_px": 4})
    x, y = augment_seeded(transform, mask.float(), mask, 1)
    assert all(torch.equal(plane, y[0]) for plane in y) and all(torch.equal(plane, x[0]) for plane in x)


def test_further_planes_of_a_mask_ride_along():
    """Such as object ids, of which there are more than a byte holds."""
    image, mask = patch()
    ids = torch.arange(48 * 48, dtype=torch.int32).reshape(48, 48)
    both = torch.stack([mask.int(), ids])
    transform = build_augmentation("microscopy", 3, {"flip": 1, "elastic": 1})
    x, y = augment_seeded(transform, image, both, 4)
    alone_x, alone_y = augment_seeded(transform, image, mask, 4)
    assert y.dtype == torch.int32 and torch.equal(x, alone_x) and torch.equal(y[0], alone_y.int())
    known = y[0] != 255
    assert torch.equal(mask.int().flatten()[y[1][known].long()], y[0][known])


def test_pictures_without_an_up_are_known():
    assert [key for key, _, _ in PRESETS if has_no_up(key)] == ["overhead", "microscopy"]


def test_what_is_not_square_is_turned_by_halves():
    image, mask = torch.rand(3, 20, 30), torch.zeros(20, 30, dtype=torch.uint8)
    transform = build_augmentation("none", 3, {"quarter_turns": "yes"})
    shapes = {tuple(augment_seeded(transform, image, mask, seed)[0].shape) for seed in range(8)}
    assert shapes == {(3, 20, 30)}
    assert augment(None, image, mask)[0] is image


def test_the_table_holds_every_preset_and_says_what_differs():
    assert [key for key, _, _ in PRESETS] == ["none", "light", "standard", "overhead", "microscopy"]
    for preset, _, _ in PRESETS:
        assert changed_options(preset, defaults(preset)) == {}
        assert checked_options(preset, {}) == defaults(preset)
    assert changed_options("standard", {**defaults("standard"), "flip": "0.25"}) == {"flip": 0.25}


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"elastics": 1}, "the augmentation has no option 'elastics'. Did you mean elastic?"),
        ({"xyzzy": 1}, "There are flip, vertical_flip"),
        ({"elastic": "2"}, "the option elastic is '2'. Give a number from 0 to 1"),
        ({"hue": 0.7}, "Give a number from 0 to 0.5"),
        ({"rotate": "much"}, "Give a number from 0 to 180"),
        ({"noise": "nan"}, "Give a number from 0 to 1"),
        ({"quarter_turns": "maybe"}, "Give yes or no"),
    ],
)
def test_a_wrong_option_is_refused_before_the_run(options, said):
    with pytest.raises(UserError) as refusal:
        TrainPlan(out="x", data="folder:a,b", augment_options=options).checked()
    assert said in str(refusal.value)


def test_an_unknown_preset_is_refused_before_the_run():
    with pytest.raises(UserError, match="there is no augmentation 'wild'"):
        TrainPlan(out="x", data="folder:a,b", augment="wild").checked()
