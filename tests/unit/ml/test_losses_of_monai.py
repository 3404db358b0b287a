"""Losses against MONAI's, where it is installed: pictures and volumes, without ignored pixels, which MONAI does not know."""

from __future__ import annotations

import pytest
import torch

from segstudio.ml.networks.output import NetworkOutput
from segstudio.ml.training.losses import SegmentationLoss, dice_loss
from segstudio.ml.training.region_losses import tversky_loss

losses = pytest.importorskip("monai.losses", reason="MONAI is not installed: pip install monai")
CLASSES = 3


@pytest.fixture(params=[(7, 6), (4, 5, 6)], ids=["picture", "volume"])
def batch(request):
    """(logits, target, the target with a channel as MONAI wants it); each class is there."""
    torch.manual_seed(3)
    logits = 2 * torch.randn(2, CLASSES, *request.param)
    target = torch.randint(0, CLASSES, (2, *request.param))
    assert target.unique().tolist() == [0, 1, 2]
    return logits, target, target[:, None]


def test_dice_and_tversky(batch):
    logits, target, theirs = batch
    both = {"softmax": True, "to_onehot_y": True, "batch": True}
    for smooth in (0.0, 1.0):
        wanted = losses.DiceLoss(smooth_nr=smooth, smooth_dr=smooth, **both)(logits, theirs)
        torch.testing.assert_close(dice_loss(logits, target, smooth=smooth), wanted)
    wanted = losses.TverskyLoss(alpha=0.3, beta=0.7, smooth_nr=1.0, smooth_dr=1.0, **both)(logits, theirs)
    torch.testing.assert_close(tversky_loss(logits, target), wanted)


def test_focal(batch):
    logits, target, theirs = batch
    # MONAI's mean runs over the classes too, of which all but the true one add nothing.
    wanted = CLASSES * losses.FocalLoss(use_softmax=True, to_onehot_y=True, gamma=2.0)(logits, theirs)
    torch.testing.assert_close(SegmentationLoss("focal")(NetworkOutput(logits), target), wanted, rtol=1e-5, atol=1e-6)


def test_the_sum_of_cross_entropy_and_dice(batch):
    logits, target, theirs = batch
    wanted = losses.DiceCELoss(softmax=True, to_onehot_y=True, batch=True, smooth_nr=1.0, smooth_dr=1.0)(logits, theirs)
    torch.testing.assert_close(SegmentationLoss("ce+dice")(NetworkOutput(logits), target), wanted)


def test_gradients_are_the_same(batch):
    logits, target, theirs = batch
    own = logits.clone().requires_grad_()
    dice_loss(own, target).backward()
    other = logits.clone().requires_grad_()
    losses.DiceLoss(softmax=True, to_onehot_y=True, batch=True, smooth_nr=1.0, smooth_dr=1.0)(other, theirs).backward()
    torch.testing.assert_close(own.grad, other.grad)
