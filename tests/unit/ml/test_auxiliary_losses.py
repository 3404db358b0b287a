"""Auxiliary outputs, deep supervision and sampled pixels: training weighs them as the paper says, inference and validation do without."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from segstudio.ml.networks.build import build_network
from segstudio.ml.networks.output import NetworkOutput
from segstudio.ml.training.losses import SegmentationLoss
from segstudio.ml.training.validate import predict_logits

CLASSES = 4
WEIGHTS = [
    # (network, encoder, options, weights of its auxiliary outputs, where they come from)
    ("unetplusplus", "efficientnet_lite0", {}, [0.5] * 3, "deep supervision on x0_1 … x0_3 beside x0_4"),
    ("unetplusplus", "efficientnet_lite0", {"depth": 2}, [0.5], "pruned, only x0_1 is left beside x0_2"),
    ("unet3plus", "efficientnet_lite0", {}, [0.25] * 4, "d2, d3, d4 and the encoder's top beside d1"),
    ("deeplabv2", "mobilenet_v3_small", {}, [1 / 3] * 3, "each of the three scales beside their maximum"),
    ("deeplabv2", "mobilenet_v3_small", {"multi_scale": False}, [], "a single scale is the answer itself"),
    ("pspnet", "mobilenet_v3_small", {}, [0.4], "Zhao et al. 2017, section 3.3"),
    ("ocrnet", "mobilenet_v3_small", {}, [0.4], "Yuan et al. 2020, section 4.2: the soft object regions"),
    ("bisenet", "mobilenet_v3_small", {}, [1.0, 1.0], "Yu et al. 2018, equation 2 with α = 1"),
    ("upernet", "mobilenet_v3_small", {}, [0.4], "as PSPNet"),
    ("fastfcn", "mobilenet_v3_small", {}, [0.4], "as PSPNet"),
    ("deeplabv3", "mobilenet_v3_small", {}, [], "none"),
    ("unet", "mobilenet_v3_small", {}, [], "none"),
]  # fmt: skip
IDS = [f"{name}{'-' + next(iter(options)) if options else ''}" for name, _, options, _, _ in WEIGHTS]


def plain_loss(logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Cross-entropy written out."""
    size = target.shape[-2:]
    logits = torch.nn.functional.interpolate(logits, size=size, mode="bilinear", align_corners=False)
    chosen = logits.log_softmax(dim=1).gather(1, target[:, None])
    return -chosen.mean()


@pytest.mark.parametrize(("name", "encoder", "options", "weights", "source"), WEIGHTS, ids=IDS)
def test_training_weighs_what_inference_leaves_out(name, encoder, options, weights, source):
    torch.manual_seed(0)
    network = build_network(name, encoder, bands=3, classes=CLASSES, options=options)
    x, target = torch.rand(2, 3, 64, 96), torch.randint(0, CLASSES, (2, 64, 96))
    output = network.train()(x)
    assert [weight for weight, _ in output.auxiliary] == pytest.approx(weights), source
    expected = plain_loss(output.logits, target) + sum(w * plain_loss(y, target) for w, y in output.auxiliary)
    loss = SegmentationLoss("ce")(output, target)
    torch.testing.assert_close(loss, expected)
    # Each output learns something of its own: none hangs loose.
    for _, logits in output.auxiliary:
        assert torch.autograd.grad(loss, logits, retain_graph=True)[0].abs().max() > 0
    network.eval()
    with torch.inference_mode():
        answer = network(x)
    assert answer.auxiliary == () and answer.sampled is None


def test_validation_looks_at_the_answer_alone():
    torch.manual_seed(0)
    network = build_network("pspnet", "mobilenet_v3_small", bands=3, classes=CLASSES).eval()
    unit = np.random.default_rng(0).random((3, 64, 96), np.float32)
    before = predict_logits(network, unit, lambda x: x, torch.device("cpu"), amp_dtype=None)
    for parameter in network.auxiliary.parameters():
        torch.nn.init.constant_(parameter, 1e6)
    torch.testing.assert_close(predict_logits(network, unit, lambda x: x, torch.device("cpu"), amp_dtype=None), before)


def test_scales_of_deeplab_v2_are_fused_by_the_strongest_and_each_learns():
    torch.manual_seed(0)
    network = build_network("deeplabv2", "mobilenet_v3_small", bands=3, classes=CLASSES).eval()
    x = torch.rand(1, 3, 128, 128)
    with torch.inference_mode():
        fused, each = network.scores(x)[0], []
        for scale in (1.0, 0.75, 0.5):
            size = [round(128 * scale / 32) * 32] * 2
            each.append(network._single(torch.nn.functional.interpolate(x, size=size, mode="bilinear", align_corners=False)))
    sizes = [torch.nn.functional.interpolate(y, size=fused.shape[-2:], mode="bilinear", align_corners=False) for y in each]
    torch.testing.assert_close(fused, torch.stack(sizes).amax(dim=0))


def test_pixels_that_were_not_sampled_neither_count_nor_learn():
    """PixelNet's answer in training, without its 134 million parameters: any network may name the pixels it scored."""
    torch.manual_seed(0)
    logits = torch.randn(2, CLASSES, 24, 32, requires_grad=True)
    target = torch.randint(0, CLASSES, (2, 24, 32))
    sampled = torch.rand(24, 32) < 0.1
    for kind in ("ce", "dice", "ce+dice"):
        logits.grad = None
        loss = SegmentationLoss(kind)(NetworkOutput(logits, (), sampled), target)
        loss.backward()
        assert logits.grad[:, :, ~sampled].abs().max() == 0 and logits.grad[:, :, sampled].abs().max() > 0
    chosen = logits.log_softmax(dim=1).gather(1, target[:, None])[:, 0][:, sampled]
    torch.testing.assert_close(SegmentationLoss("ce")(NetworkOutput(logits, (), sampled), target), -chosen.mean())


def test_the_classes_in_the_picture_guide_unet3plus_through_its_loss():
    torch.manual_seed(0)
    network = build_network("unet3plus", "efficientnet_lite0", bands=3, classes=CLASSES).train()
    x, target = torch.rand(1, 3, 64, 64), torch.zeros(1, 64, 64, dtype=torch.int64)
    SegmentationLoss("ce")(network(x), target).backward()
    # Only class 0 is there: a step against the gradient makes it more present, the others less.
    gradient = network.presence.bias.grad
    assert gradient[0] < 0 and bool((gradient[1:] > 0).all())
    plain = build_network("unet3plus", "efficientnet_lite0", bands=3, classes=CLASSES, options={"guided": False})
    assert plain.presence is None
    with torch.no_grad():
        network.eval()
        before = network(x).logits
        network.presence.bias[3] -= 50.0
        after = network(x).logits
    # A class that is not in the picture loses everywhere; the others keep their places.
    assert bool((after[:, 3] < before[:, 3] - 40).all())
    torch.testing.assert_close(after[:, :3], before[:, :3])
