"""Labels weigh by who made them: from the project's layers through the patches to the loss; alike by default."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from small_projects import small_project

from segstudio.core.edits import Transaction
from segstudio.core.errors import UserError
from segstudio.core.geometry import Rect
from segstudio.io.store.project import ProjectStore
from segstudio.ml.networks.output import NetworkOutput
from segstudio.ml.plan import TrainPlan
from segstudio.ml.source_weights import ACCEPTED, HAND, MODEL, source_codes
from segstudio.ml.training.dataset import SegmentationDataset
from segstudio.ml.training.losses import SegmentationLoss
from segstudio.ml.training.project_source import project_data
from segstudio.ml.training.trainer import Trainer

SIDE = 64
BY_HAND, BY_CLICK, IN_BULK = Rect(20, 20, 30, 30), Rect(0, 0, 12, 12), Rect(52, 52, 12, 12)
WEIGHTS = (1.0, 0.5, 0.25)


@pytest.fixture
def project(tmp_path):
    """Two images with a spot by hand, one accepted by a click, and one taken over with a whole proposal."""
    folder = small_project(tmp_path / "p")
    with ProjectStore.open(folder) as store:
        for image_id in (1, 2):
            layer = store.labels_layer(image_id)
            for rect, is_by_hand in ((BY_CLICK, True), (IN_BULK, False)):
                made = Transaction(layer, "Accept", is_by_hand=is_by_hand)
                made.write(rect, made.ensure_stuff(1, "accepted", "net"))
                store.commit(made.commit())
    return folder


def codes_of(folder, **options):
    with ProjectStore.open(folder, read_only=True) as store:
        layer = store.labels_layer(1)
        return source_codes(layer, layer.bounds, **options)


def test_who_vouches_for_each_pixel(project):
    codes = codes_of(project)
    assert (codes[BY_HAND.slices] == HAND).all() and (codes[BY_CLICK.slices] == ACCEPTED).all()
    assert (codes[IN_BULK.slices] == MODEL).all() and codes[40, 5] == HAND
    done = codes_of(project, is_checked=True)
    assert (done[IN_BULK.slices] == ACCEPTED).all() and (done[BY_HAND.slices] == HAND).all()


def test_a_source_that_weighs_nothing_is_left_out(project):
    data = project_data(project, val_fraction=0.5, seed=0, source_weights=(1.0, 1.0, 0.0))
    for image in data.images:
        target = image.read_target()
        assert (target[IN_BULK.slices] == 255).all() and (target[BY_CLICK.slices] == 1).all()
        assert target[40, 5] == 0
    with ProjectStore.open(project) as store:
        store.set_status([1], "done")  # its person checked it
    first = next(i for i in project_data(project, val_fraction=0.5, seed=0, source_weights=(1, 1, 0)).images)
    assert (first.read_target()[IN_BULK.slices] == 1).all()


def test_an_image_of_which_nothing_counts_is_left_out(project):
    with ProjectStore.open(project) as store:
        layer = store.labels_layer(2)
        made = Transaction(layer, "Erase")
        made.write(Rect(0, 0, 50, 50), 0)
        store.commit(made.commit())
    names = [i.name for i in project_data(project, val_fraction=0.5, seed=0, source_weights=(1, 1, 0)).images]
    assert all(name.startswith("im0") for name in names)


def plan_of(project, out="", **changes):
    values = {
        "patch_px": 32, "epochs": 2, "batch": 2, "arch": "unet", "encoder": "mobilenet_v3_small", "is_pretrained": False,
        "source_weights": WEIGHTS, "threads": 1, "device": "cpu", "has_tensorboard": False, "val_fraction": 0.5,
    }  # fmt: skip
    return TrainPlan(out=str(out), project=str(project), **{**values, **changes})


def patches_of(project, **changes):
    plan = plan_of(project, **changes)
    data = project_data(project, val_fraction=0.5, seed=0, source_weights=plan.source_weights)
    train = data.of_split("train")
    return SegmentationDataset(train, [(SIDE, SIDE)] * len(train), plan, 3, "unit8", background_index=0)


@pytest.mark.parametrize("border", [(), (10.0, 5.0)])
def test_weights_go_with_the_labels_through_crop_scale_and_augmentation(project, border):
    patches = patches_of(project, patch_px=SIDE, scale=(1.0, 1.0), augment="none", border_weight=border)
    image, target, *more = patches[1, 0]
    expected = np.full((SIDE, SIDE), 1.0, np.float32)
    expected[BY_CLICK.slices], expected[IN_BULK.slices] = 0.5, 0.25
    assert len(more) == 1 + bool(border) and np.array_equal(more[-1].numpy(), expected)
    assert set(np.unique(target.numpy())) == {0, 1} and image.shape == (3, SIDE, SIDE)
    turned = patches_of(project, augment="overhead", border_weight=border, mix="classmix", mix_share=1.0)
    plain = patches_of(project, augment="overhead", border_weight=border, mix="none", source_weights=())
    seen = set()
    for index in range(len(turned)):
        for epoch in range(8):
            _, target, *more = turned[epoch, index]
            weights = more[-1]
            assert (weights[target != 1] == 1).all(), "only accepted spots weigh less here"
            seen |= set(weights[target == 1].tolist())
            without = turned.with_plan(replace(turned.plan, mix="none"))[epoch, index]
            same = plain[epoch, index]
            assert all(torch.equal(a, b) for a, b in zip(without, same, strict=False)), "weights change no patch"
    assert seen == {1.0, 0.5, 0.25}


@pytest.mark.parametrize("kind", ["ce", "focal", "bce", "dice", "tversky", "ce+dice"])
def test_a_pixel_counts_as_often_as_it_weighs(kind):
    torch.manual_seed(0)
    logits, target = torch.randn(1, 3, 4, 4), torch.randint(0, 3, (1, 4, 4))
    weights = torch.ones(1, 4, 4)
    weights[:, :, 2:] = 2.0
    loss = SegmentationLoss(kind)
    weighed = loss(NetworkOutput(logits), target, None, weights)
    # the right half twice, the left half once
    twice = torch.cat([logits, logits[..., 2:]], -1), torch.cat([target, target[..., 2:]], -1)
    assert weighed.item() == pytest.approx(loss(NetworkOutput(twice[0]), twice[1]).item(), rel=1e-5)
    assert weighed.item() != pytest.approx(loss(NetworkOutput(logits), target).item(), rel=1e-4)
    assert loss.weight_of(target, weights).item() == pytest.approx(24)


@pytest.mark.parametrize("kind", ["ce", "ohem", "dice", "lovasz", "tversky", "boundary", "ce+lovasz"])
def test_what_weighs_nothing_is_as_if_ignored_and_equal_weights_change_nothing(kind):
    torch.manual_seed(1)
    logits, target = torch.randn(2, 3, 8, 8), torch.randint(0, 3, (2, 8, 8))
    loss = SegmentationLoss(kind)
    weights = torch.ones(2, 8, 8)
    plain = loss(NetworkOutput(logits), target)
    assert loss(NetworkOutput(logits), target, None, weights).item() == pytest.approx(plain.item(), rel=1e-5)
    weights[:, :4] = 0
    ignored = target.clone()
    ignored[:, :4] = 255
    assert loss(NetworkOutput(logits), target, None, weights).item() == pytest.approx(
        loss(NetworkOutput(logits), ignored).item(), rel=1e-5
    )
    nothing = loss(NetworkOutput(logits.requires_grad_()), target, None, torch.zeros(2, 8, 8))
    nothing.backward()
    assert nothing.item() == 0 and torch.isfinite(logits.grad).all()


def run(plan):
    Trainer.run(plan, lambda event: None)
    lines = (Path(plan.out) / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    return [{k: v for k, v in json.loads(line).items() if "seconds" not in k} for line in lines]


def test_a_run_learns_with_weights_and_alike_weights_are_no_weights(project, tmp_path):
    weighed = run(plan_of(project, tmp_path / "weighed", patch_px=64))
    alike = run(plan_of(project, tmp_path / "alike", patch_px=64, source_weights=(1.0, 1.0, 1.0)))
    plain = run(plan_of(project, tmp_path / "plain", patch_px=64, source_weights=()))
    assert alike == plain and weighed[0]["train_loss"] != plain[0]["train_loss"]
    assert json.loads((tmp_path / "weighed" / "config.json").read_text())["source_weights"] == list(WEIGHTS)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"source_weights": (1.0, 0.5)}, "three numbers"),
        ({"source_weights": (0.0, 1.0, 1.0)}, "three numbers"),
        ({"source_weights": (1.0, -1.0, 1.0)}, "three numbers"),
        ({"project": "", "data": "voc:x"}, "projects only"),
        ({"arch": "vnet", "encoder": "", "patch_depth": 16, "patch_px": 64}, "Leave the weights out"),
    ],
)
def test_what_cannot_be_weighed_is_said(project, tmp_path, changes, words):
    plan = replace(plan_of(project, tmp_path / "run"), **changes)
    with pytest.raises(UserError, match=words):
        plan.checked()
