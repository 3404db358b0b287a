"""Augmentation, stains, patches and precision: what training sees, and what it computes in."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from segstudio.ml.networks.build import build_network
from segstudio.ml.plan import IGNORE_INDEX, TrainPlan
from segstudio.ml.training.augment import augment, build_augmentation
from segstudio.ml.training.dataset import SegmentationDataset
from segstudio.ml.training.patches import crop
from segstudio.ml.training.precision import amp_dtype, keep_depthwise_in_float32
from segstudio.ml.training.sources import TrainImage
from segstudio.ml.training.stain import StainShift


def _picture(bands=3, side=96):
    """An off-centre L, whose every turn and mirror image differs, bright on dark; the mask is where it is bright."""
    mask = torch.zeros(side, side, dtype=torch.uint8)
    mask[10:70, 16:32] = 1
    mask[54:70, 16:60] = 1
    return mask.float().expand(bands, -1, -1) * 0.7 + 0.15, mask


@pytest.mark.parametrize("bands", [1, 3, 5])
@pytest.mark.parametrize("kind", ["light", "standard", "overhead", "microscopy"])
def test_image_and_mask_move_together(kind, bands):
    transform = build_augmentation(kind, bands)
    image, mask = _picture(bands)
    moved, worst = 0, 1.0
    for seed in range(25):
        torch.manual_seed(seed)
        x, y = augment(transform, image, mask)
        assert x.shape == image.shape and y.shape == mask.shape and y.dtype == torch.uint8
        assert 0 <= float(x.min()) and float(x.max()) <= 1
        assert set(y.unique().tolist()) <= {0, 1, IGNORE_INDEX}
        grey = x.mean(0)
        inside, outside = grey[y == 1].mean(), grey[y == 0].mean()
        # Colours change, and microscopy may invert: where the L is, stays told apart by a threshold between the two.
        found = (grey > (inside + outside) / 2) == (inside > outside)
        agree = float((found == (y == 1))[y != IGNORE_INDEX].float().mean())
        worst = min(worst, agree)
        moved += not torch.equal(y, mask)
    assert worst > 0.93
    assert moved > 5


def test_light_only_mirrors_and_none_does_nothing():
    image, mask = _picture()
    assert build_augmentation("none", 3) is None
    x, y = augment(None, image, mask)
    assert torch.equal(x, image) and torch.equal(y, mask)
    light = build_augmentation("light", 3)
    for seed in range(6):
        torch.manual_seed(seed)
        _, y = augment(light, image, mask)
        assert torch.equal(y, mask) or torch.equal(y, mask.flip(-1))


def test_overhead_turns_to_every_side():
    image, mask = _picture()
    transform = build_augmentation("overhead", 3)
    seen = set()
    for seed in range(120):
        torch.manual_seed(seed)
        _, y = augment(transform, image, mask)
        for turns in range(4):
            for flip in (False, True):
                wanted = torch.rot90(mask.flip(-1) if flip else mask, turns, (-2, -1))
                if torch.equal(y, wanted):
                    seen.add((turns, flip))
    assert len(seen) == 8


def test_stains_are_redrawn_on_bright_fields_alone():
    mask = torch.zeros(64, 64, dtype=torch.uint8)
    mask[20:40, 20:44] = 1
    slide = torch.full((3, 64, 64), 0.9)
    slide[:, mask == 1] = torch.tensor([0.45, 0.3, 0.6])[:, None]
    shift = StainShift(1.0)
    for seed in range(10):
        torch.manual_seed(seed)
        redrawn, same_mask = shift(slide, mask)
        assert same_mask is mask
        assert redrawn.shape == slide.shape and 0 <= float(redrawn.min()) and float(redrawn.max()) <= 1
        nucleus = redrawn[:, mask == 1]
        # Haematoxylin: red is taken most, so a nucleus stays bluish whatever lies around it.
        assert float(nucleus[2].mean()) > float(nucleus[0].mean()) - 0.1
    fluorescence = slide * 0.2
    assert torch.equal(shift(fluorescence, mask)[0], fluorescence)
    assert torch.equal(StainShift(0.0)(slide, mask)[0], slide)
    assert torch.equal(shift(slide[:1], mask)[0], slide[:1])


def test_some_surroundings_get_darker_than_the_nuclei():
    mask = torch.zeros(96, 96, dtype=torch.uint8)
    mask[30:60, 30:60] = 1
    slide = torch.full((3, 96, 96), 0.85)
    slide[:, mask == 1] = 0.5
    shift = StainShift(1.0)
    darker = 0
    for seed in range(40):
        torch.manual_seed(seed)
        grey = shift(slide, mask)[0].mean(0)
        darker += bool(grey[mask == 0].mean() < grey[mask == 1].mean())
    assert 2 <= darker <= 35


def _files(folder, count=3, side=80):
    images = []
    for i in range(count):
        draw = np.random.default_rng(i)
        path = Path(folder) / f"{i}.png"
        values = draw.integers(0, 255, (side, side, 3), np.uint8)
        Image.fromarray(values).save(path)
        images.append(TrainImage(path.name, path, _Bright(path), "train"))
    return tuple(images)


class _Bright:
    def __init__(self, path):
        self.path = path

    def __call__(self):
        return (np.asarray(Image.open(self.path))[..., 0] > 127).astype(np.uint8)


def test_a_patch_is_a_function_of_seed_epoch_and_index_alone(tmp_path):
    images = _files(tmp_path)
    plan = TrainPlan(out="", data="x", patch_px=64, patches_per_image=2, seed=7, augment="microscopy")
    one, two = (SegmentationDataset(images, [(80, 80)] * 3, plan, 3, "unit8") for _ in range(2))
    assert len(one) == 6
    forward = {key: one[key] for key in [(1, 0), (1, 5), (2, 0)]}
    torch.manual_seed(99)
    before = torch.random.get_rng_state()
    for key in [(2, 0), (1, 5), (1, 0)]:
        x, y = two[key]
        assert torch.equal(x, forward[key][0]) and torch.equal(y, forward[key][1])
    # Nor does drawing a patch disturb the trainer's own generator.
    assert torch.equal(before, torch.random.get_rng_state())
    assert not torch.equal(forward[1, 0][0], forward[2, 0][0])
    assert forward[1, 0][0].dtype == torch.float32 and forward[1, 0][1].dtype == torch.int64


@pytest.mark.parametrize("size", [(20, 30), (40, 200), (70, 70)])
def test_small_images_are_mirrored_with_their_labels(size):
    draw = np.random.default_rng(0)
    target = (draw.random(size) > 0.5).astype(np.uint8)
    values = target[None].repeat(3, 0).astype(np.float16)
    image, mask = crop(values, target, 64, (1.0, 1.0), np.random.default_rng(1))
    assert image.shape == (3, 64, 64) and not (mask == IGNORE_INDEX).any()
    if max(size) * 2 >= 64:
        assert np.array_equal(image[0] > 0.5, mask == 1)


def test_depthwise_in_float32_changes_nothing_in_float32():
    torch.manual_seed(0)
    network = build_network("unet", "efficientnet_lite0", bands=3, classes=2).eval()
    twin = deepcopy(network)
    assert keep_depthwise_in_float32(twin) == 16
    assert list(network.state_dict()) == list(twin.state_dict())
    x = torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        wide = network(x).logits
        assert torch.equal(wide, twin(x).logits)
        with torch.autocast("cpu", torch.bfloat16):
            narrow = twin(x).logits.float()
        assert float((narrow - wide).abs().max()) < 0.1 * float(wide.abs().max())
        # The change is of this network alone, and its own parameters are computed with.
        twin.head.weight.zero_()
        assert not torch.equal(network(x).logits, twin(x).logits)


def test_gradients_with_depthwise_in_float32_point_the_same_way():
    # In eval mode: batch statistics of a fresh network on two small patches magnify any rounding without end.
    torch.manual_seed(1)
    network = build_network("unet", "efficientnet_lite0", bands=3, classes=2).eval()
    x, y = torch.rand(2, 3, 96, 96), torch.randint(0, 2, (2, 96, 96))

    def gradient(module, is_narrow):
        module.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=is_narrow):
            logits = module(x).logits
        torch.nn.functional.cross_entropy(logits.float(), y).backward()
        return torch.cat([p.grad.flatten() for p in module.parameters()])

    narrow = deepcopy(network)
    keep_depthwise_in_float32(narrow)
    wide, mixed = gradient(network, is_narrow=False), gradient(narrow, is_narrow=True)
    assert float(torch.nn.functional.cosine_similarity(wide, mixed, dim=0)) > 0.98


def test_the_cpu_is_narrow_only_where_it_computes_in_bfloat16(monkeypatch):
    from segstudio.ml.training import precision

    monkeypatch.setattr(precision, "_cpu_flags", lambda: "flags: avx2 avx512f avx512_bf16")
    assert amp_dtype(torch.device("cpu")) == torch.bfloat16
    monkeypatch.setattr(precision, "_cpu_flags", lambda: "flags: avx2")
    assert amp_dtype(torch.device("cpu")) is None


class _HalfIgnored(_Bright):
    def __call__(self):
        mask = super().__call__()
        mask[:40] = IGNORE_INDEX
        return mask


def test_ignored_pixels_are_learnt_as_a_class_when_asked(tmp_path):
    images = tuple(replace(i, read_target=_HalfIgnored(i.file)) for i in _files(tmp_path))
    plan = TrainPlan(out="", data="x", patch_px=80, patches_per_image=1, augment="none", ignored_as="background")
    left_out, learnt = (
        SegmentationDataset(images, [(80, 80)] * 3, plan, 3, "unit8", index) for index in (IGNORE_INDEX, 0)
    )
    for key in ((1, 0), (1, 1), (1, 2)):
        old, new = left_out[key][1], learnt[key][1]
        assert (old[:40] == IGNORE_INDEX).all() and (new[:40] == 0).all()
        assert torch.equal(old[40:], new[40:])
