"""Each loss against a loop written from its formula, and against segmentation-models-pytorch or torchmetrics where they have it."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from segstudio.core.errors import UserError
from segstudio.ml.loss_table import LOSS_IDS, parse_loss
from segstudio.ml.networks.output import NetworkOutput
from segstudio.ml.training.losses import SegmentationLoss, dice_loss
from segstudio.ml.training.pixel_losses import hard_pixels
from segstudio.ml.training.region_losses import boundary_loss, lovasz_loss, signed_distances, tversky_loss

CLASSES = 3
PIXELWISE = ("ce", "bce", "focal", "ohem")


@pytest.fixture
def batch():
    """(2, 3, 5, 6) logits that want a gradient, and a target of all three classes with ignored pixels."""
    torch.manual_seed(0)
    logits = (2 * torch.randn(2, CLASSES, 5, 6)).requires_grad_()
    target = torch.randint(0, CLASSES, (2, 5, 6))
    target[0, :2], target[1, 4, 3:] = 255, 255
    return logits, target


def pixels(logits, target):
    """[(softmax, logits, class)] of the pixels that count, in plain floats."""
    probabilities = logits.detach().double().softmax(1)
    rows = []
    for n, y, x in np.ndindex(*target.shape):
        if target[n, y, x] != 255:
            rows.append((probabilities[n, :, y, x].tolist(), logits[n, :, y, x].tolist(), int(target[n, y, x])))
    return rows


def pixel_value(kind, softmax, scores, k):
    if kind == "focal":
        return -((1 - softmax[k]) ** 2) * math.log(softmax[k])
    if kind == "bce":
        one = [1 / (1 + math.exp(-s)) for s in scores]
        return -sum(math.log(p if i == k else 1 - p) for i, p in enumerate(one)) / len(one)
    return -math.log(softmax[k])


def loop_lovasz(rows):
    """Equation 9 with the extension of equation 8, from sets: no sums that run along."""
    losses = []
    for k in sorted({row[2] for row in rows}):
        errors = [1 - p[k] if c == k else p[k] for p, _, c in rows]
        order = sorted(range(len(rows)), key=lambda i: -errors[i])
        truth = {i for i, row in enumerate(rows) if row[2] == k}
        total, before = 0.0, 0.0
        for place, i in enumerate(order):
            wrong = set(order[: place + 1])
            jaccard = len(wrong) / len(truth | wrong)
            total, before = total + errors[i] * (jaccard - before), jaccard
        losses.append(total)
    return sum(losses) / len(losses)


def loop_tversky(rows, alpha=0.3, beta=0.7, smooth=1.0):
    losses = []
    for k in sorted({row[2] for row in rows}):
        both = sum(p[k] for p, _, c in rows if c == k)
        false = sum(p[k] for p, _, c in rows if c != k)
        missed = sum(1 - p[k] for p, _, c in rows if c == k)
        losses.append(1 - (both + smooth) / (both + alpha * false + beta * missed + smooth))
    return sum(losses) / len(losses)


def loop_distances(image):
    """(K, H, W): to the nearest pixel of the class outside of it; −(to the nearest known other one − 1) inside."""
    found = np.zeros((CLASSES, *image.shape))
    places = list(np.ndindex(*image.shape))
    for k in range(CLASSES):
        inside = [p for p in places if image[p] == k]
        outside = [p for p in places if image[p] not in (k, 255)]
        if inside and outside:
            for p in places:
                others = outside if image[p] == k else inside
                nearest = min(math.dist(p, other) for other in others)
                found[(k, *p)] = 1 - nearest if image[p] == k else nearest
    return found


def loop_boundary(logits, target):
    total, rows = 0.0, len(pixels(logits, target))
    probabilities = logits.detach().double().softmax(1)
    for n in range(len(target)):
        distances = loop_distances(target[n].numpy())
        for k, y, x in np.ndindex(*distances.shape):
            if target[n, y, x] != 255:
                total += distances[k, y, x] * float(probabilities[n, k, y, x])
    return total / (rows * CLASSES)


@pytest.mark.parametrize("weights", [None, (1.0, 4.0, 0.5)])
@pytest.mark.parametrize("kind", ["ce", "bce", "focal"])
def test_means_over_pixels_equal_their_formulas(batch, kind, weights):
    logits, target = batch
    border = torch.rand(target.shape)
    tensor = None if weights is None else torch.tensor(weights)
    for extra in (None, border):
        total = sums = 0.0
        places = [p for p in np.ndindex(*target.shape) if target[p] != 255]
        for place, (softmax, scores, k) in zip(places, pixels(logits, target), strict=True):
            w = (1.0 if weights is None else weights[k]) + (0.0 if extra is None else float(extra[place]))
            total, sums = total + w * pixel_value(kind, softmax, scores, k), sums + w
        loss = SegmentationLoss(kind, tensor)(NetworkOutput(logits), target, extra)
        assert float(loss.detach()) == pytest.approx(total / sums, rel=1e-5)


@pytest.mark.parametrize("kind", ["lovasz", "tversky", "boundary"])
def test_losses_of_regions_equal_their_formulas(batch, kind):
    logits, target = batch
    rows = pixels(logits, target)
    wanted = {"lovasz": lambda: loop_lovasz(rows), "tversky": lambda: loop_tversky(rows),
              "boundary": lambda: 0.01 * loop_boundary(logits, target)}[kind]()  # fmt: skip
    assert float(SegmentationLoss(kind)(NetworkOutput(logits), target).detach()) == pytest.approx(wanted, rel=1e-5)


@pytest.mark.parametrize(("sure", "kept"), [(0.7, 1 / 16), (0.05, 1 / 4), (0.999, 1 / 16)])
def test_hard_pixels_are_the_unsure_ones_or_the_hardest(batch, sure, kept):
    logits, target = batch
    valid = target != 255
    losses = -logits.detach().log_softmax(1).gather(1, target.where(valid, 0)[:, None])[:, 0]
    values = sorted((float(v) for v in losses[valid]), reverse=True)
    least = max(1, int(len(values) * kept))
    unsure = [v for v in values if math.exp(-v) < sure]
    wanted = unsure if len(unsure) > least else values[:least]
    chosen = losses[hard_pixels(losses, valid, sure, kept)]
    assert sorted(chosen.tolist(), reverse=True) == pytest.approx(wanted)


def test_ohem_is_the_mean_over_hard_pixels(batch):
    logits, target = batch
    hard = [-math.log(p[k]) for p, _, k in pixels(logits, target) if p[k] < 0.7]
    assert 2 < len(hard) < len(pixels(logits, target))
    loss = SegmentationLoss("ohem")(NetworkOutput(logits), target)
    assert float(loss.detach()) == pytest.approx(sum(hard) / len(hard), rel=1e-5)


@pytest.mark.parametrize("kind", [*LOSS_IDS, "ce+lovasz", "dice+boundary"])
def test_ignored_and_unsampled_pixels_have_no_influence(batch, kind):
    logits, target = batch
    sampled = torch.ones(5, 6, dtype=torch.bool)
    sampled[2, ::2] = False
    counts = (target != 255) & sampled
    loss_of = SegmentationLoss(kind)
    loss = loss_of(NetworkOutput(logits, (), sampled), target)
    loss.backward()
    gradient = logits.grad.movedim(1, -1)
    assert torch.isfinite(loss) and torch.isfinite(gradient).all()
    assert gradient[~counts].abs().max() == 0 and gradient[counts].abs().max() > 0
    other = logits.detach().clone()
    other.movedim(1, -1)[~counts] = 37.0
    assert float(loss_of(NetworkOutput(other, (), sampled), target)) == pytest.approx(float(loss.detach()), rel=1e-6)


@pytest.mark.parametrize("kind", LOSS_IDS)
def test_a_batch_without_a_label_costs_nothing(kind):
    logits = torch.randn(1, 2, 4, 4, requires_grad=True)
    loss = SegmentationLoss(kind)(NetworkOutput(logits), torch.full((1, 4, 4), 255))
    loss.backward()
    assert float(loss.detach()) == 0.0 and logits.grad.abs().max() == 0


@pytest.mark.parametrize("kind", LOSS_IDS)
def test_extreme_logits_and_a_single_class_stay_finite(kind):
    for fill in (0, 1):
        logits = torch.tensor([80.0, -80.0]).view(1, 2, 1, 1).repeat(2, 1, 4, 4).requires_grad_()
        target = torch.full((2, 4, 4), fill)
        loss = SegmentationLoss(kind)(NetworkOutput(logits), target)
        loss.backward()
        assert torch.isfinite(loss) and torch.isfinite(logits.grad).all()


@pytest.mark.parametrize("kind", LOSS_IDS)
def test_right_answers_cost_less_than_wrong_ones(kind):
    target = torch.zeros(1, 8, 8, dtype=torch.int64)
    target[0, 2:5, 2:6] = 1
    right = torch.nn.functional.one_hot(target, 2).movedim(-1, 1) * 6.0
    loss_of = SegmentationLoss(kind)
    costs = [float(loss_of(NetworkOutput(v), target)) for v in (right, 0 * right, -right)]
    assert costs[0] < costs[1] < costs[2]


def test_sums_add_with_their_factors_and_auxiliary_answers_with_theirs(batch):
    logits, target = batch
    small = torch.randn(2, CLASSES, 3, 3)
    single = {kind: SegmentationLoss(kind)(NetworkOutput(logits), target) for kind in ("ce", "lovasz", "tversky")}
    both = SegmentationLoss("ce+lovasz")(NetworkOutput(logits), target)
    torch.testing.assert_close(both, single["ce"] + single["lovasz"])
    mixed = SegmentationLoss("2*ce + 0.25*tversky")(NetworkOutput(logits), target)
    torch.testing.assert_close(mixed, 2 * single["ce"] + 0.25 * single["tversky"])
    resized = torch.nn.functional.interpolate(small, size=(5, 6), mode="bilinear", align_corners=False)
    for kind in LOSS_IDS:
        loss_of = SegmentationLoss(kind)
        parts = [loss_of(NetworkOutput(v), target) for v in (logits, resized)]
        torch.testing.assert_close(loss_of(NetworkOutput(logits, ((0.4, small),)), target), parts[0] + 0.4 * parts[1])


def test_dice_alone_is_dice_without_cross_entropy(batch):
    logits, target = batch
    assert torch.equal(SegmentationLoss("dice")(NetworkOutput(logits), target), dice_loss(logits, target))


def test_losses_equal_those_of_segmentation_models_pytorch(batch):
    smp = pytest.importorskip("segmentation_models_pytorch").losses
    logits, target = batch
    theirs = smp.LovaszLoss("multiclass", ignore_index=255)(logits, target)
    torch.testing.assert_close(lovasz_loss(logits, target), theirs)
    theirs = smp.TverskyLoss("multiclass", ignore_index=255, alpha=0.3, beta=0.7, smooth=1.0)(logits, target)
    torch.testing.assert_close(tversky_loss(logits, target), theirs)
    theirs = smp.DiceLoss("multiclass", ignore_index=255)(logits, target)
    torch.testing.assert_close(dice_loss(logits, target, smooth=0.0), theirs)
    torch.testing.assert_close(
        tversky_loss(logits, target, false=0.5, missed=0.5, smooth=0.5), dice_loss(logits, target)
    )


def test_two_classes_equal_the_binary_losses_of_segmentation_models_pytorch():
    smp = pytest.importorskip("segmentation_models_pytorch").losses
    torch.manual_seed(2)
    score, target = torch.randn(2, 1, 5, 6), torch.randint(0, 2, (2, 5, 6))
    target[0, 0] = 255
    logits = torch.cat([torch.zeros_like(score), score], 1)
    focal = smp.FocalLoss("binary", gamma=2.0, ignore_index=255)(score[:, 0], target)
    torch.testing.assert_close(SegmentationLoss("focal")(NetworkOutput(logits), target), focal)
    swapped = torch.where(target == 255, 255, 1 - target)
    dice = [smp.DiceLoss("binary", ignore_index=255)(s, t) for s, t in ((score, target), (-score, swapped))]
    torch.testing.assert_close(dice_loss(logits, target, smooth=0.0), sum(dice) / 2)


def test_dice_of_hard_answers_equals_torchmetrics(batch):
    functional = pytest.importorskip("torchmetrics.functional.segmentation")
    _, target = batch
    target = target.where(target != 255, 0)
    guess = target.roll(1, dims=2)
    logits = torch.nn.functional.one_hot(guess, CLASSES).movedim(-1, 1) * 100.0
    flat = [v.reshape(1, 1, -1) for v in (guess, target)]
    theirs = functional.dice_score(*flat, num_classes=CLASSES, input_format="index", average="macro")
    torch.testing.assert_close(1 - dice_loss(logits, target, smooth=0.0), theirs.mean())


def test_distances_equal_a_loop_and_ignored_pixels_make_no_border(batch):
    _, target = batch
    distances = signed_distances(target, CLASSES)
    for n in range(2):
        np.testing.assert_allclose(distances[n], loop_distances(target[n].numpy()), atol=1e-5)
    half = torch.zeros(1, 4, 6, dtype=torch.int64)
    half[0, :, 3:] = 255
    assert signed_distances(half, 2).abs().max() == 0
    assert float(boundary_loss(torch.randn(1, 2, 4, 6), half, signed_distances(half, 2))) == 0


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("lovas", "Did you mean lovasz?"),
        ("ce+jaccard", "Did you mean lovasz?"),
        ("cross-entropy", "Did you mean ce?"),
        ("ce+qqq", "a sum such as"),
        ("ce+ce", "twice"),
        ("ce+", "no loss"),
        ("x*dice", "factor"),
        ("-1*dice", "factor"),
    ],
)
def test_what_is_no_loss_is_said_with_near_names(text, says):
    with pytest.raises(UserError) as caught:
        parse_loss(text)
    assert says in str(caught.value)


def test_a_sum_is_read_whatever_its_spaces_and_case():
    assert [(p.id, p.factor) for p in parse_loss("CE + 0.5*Lovasz+boundary")] == [
        ("ce", 1.0), ("lovasz", 0.5), ("boundary", 0.01),
    ]  # fmt: skip
    assert {p for p in LOSS_IDS if parse_loss(p)[0].counts_pixels} == set(PIXELWISE)
