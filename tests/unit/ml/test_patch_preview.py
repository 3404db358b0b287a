"""Patches shown before a run: the very ones that it would learn, and quick when only the augmentation changes."""

from dataclasses import replace

import numpy as np
import pytest
from small_projects import small_project

from segstudio.core.cancel import CancelToken
from segstudio.core.errors import Cancelled, UserError
from segstudio.ml.plan import TrainPlan
from segstudio.ml.training import preview
from segstudio.ml.training.feed import build_feed
from segstudio.ml.training.preview import preview_patches
from segstudio.ml.training.sampler import EpochSampler
from segstudio.ml.training.sources import load_data


@pytest.fixture
def plan(tmp_path, monkeypatch):
    monkeypatch.setattr(preview, "_kept", None)
    project = small_project(tmp_path / "p", images=4)
    return TrainPlan(out=str(tmp_path / "run"), project=str(project), patch_px=48, patches_per_image=2, mix="cutmix")


def test_they_are_the_patches_of_the_first_epoch_in_its_order(plan, tmp_path):
    found = preview_patches(plan, 0, 4)
    feed = build_feed(replace(plan, out=""), load_data(plan))
    assert found.patches_per_epoch == len(feed.patches) == 6
    for picture, key in zip(found.patches, EpochSampler(6, plan.seed).keys()):
        image, target = feed.patches[key]
        assert np.array_equal(picture.image, (image.numpy().transpose(1, 2, 0) * 255).round().astype(np.uint8))
        assert np.array_equal(picture.target, target.numpy())
        assert picture.name.startswith("im")
    assert found.classes == ("background", "spot")
    assert len(found.colors) == len(found.classes)
    assert not (tmp_path / "run").exists()  # nothing is written


def test_another_batch_goes_on_into_the_next_epoch(plan):
    first, second = preview_patches(plan, 0, 4), preview_patches(plan, 1, 4)
    assert len(second.patches) == 4
    pictures = [p.image.tobytes() for p in (*first.patches, *second.patches)]
    assert len(set(pictures)) == 8
    both = preview_patches(plan, 0, 8)
    assert [p.image.tobytes() for p in both.patches] == pictures


def test_other_options_show_the_same_places_without_reading_anew(plan, monkeypatch):
    plain = preview_patches(replace(plan, mix="none", augment="none"), 0, 4)
    monkeypatch.setattr(preview, "load_data", lambda plan: pytest.fail("read again"))
    inverted = preview_patches(replace(plan, mix="none", augment="none", augment_options={"invert": 1}), 0, 4)
    for a, b in zip(plain.patches, inverted.patches):
        assert np.abs(255 - a.image.astype(int) - b.image).max() <= 1
        assert np.array_equal(a.target, b.target)


def test_other_data_are_read(plan):
    preview_patches(plan, 0, 1)
    with pytest.raises(UserError):
        preview_patches(replace(plan, project="", data="folder:none,none"), 0, 1)
    assert len(preview_patches(replace(plan, patch_px=64), 0, 1).patches) == 1


def test_a_wrong_option_is_said_and_cancelling_ends_it(plan):
    with pytest.raises(UserError, match="no option 'elastics'"):
        preview_patches(replace(plan, augment_options={"elastics": 1}))
    token = CancelToken()
    token.set()
    with pytest.raises(Cancelled):
        preview_patches(plan, 0, 4, token)


def test_large_patches_are_reduced(plan):
    found = preview_patches(replace(plan, patch_px=640), 0, 1)
    assert found.patches[0].image.shape == (384, 384, 3) and found.patches[0].target.shape == (384, 384)


def test_neighbouring_planes_show_the_middle_one():
    import torch

    values = torch.stack([torch.full((4, 4), v / 10) for v in range(9)])
    picture = preview._picture("x", values, torch.zeros(4, 4, dtype=torch.int64), 3)
    assert picture.image[0, 0].tolist() == [76, 102, 128]  # bands 3, 4, 5
    grey = preview._picture("x", values[:3], torch.zeros(4, 4, dtype=torch.int64), 3)
    assert grey.image[0, 0].tolist() == [26, 26, 26]
    volume = preview._picture("x", values[None, :, :, :].repeat(1, 1, 1, 1), torch.zeros(9, 4, 4, dtype=torch.int64), 1)
    assert volume.image.shape == (4, 4, 3) and volume.image[0, 0].tolist() == [102] * 3
