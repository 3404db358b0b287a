"""One network put to the trial that every network must stand: learn four crops, take odd sizes, come back from its file unchanged.

Used by the long sweep (``tests/benchmarks/sweep_networks.py``) and by the part of it that runs with the other tests.
"""

from __future__ import annotations

import math
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from torch.optim.lr_scheduler import LambdaLR

from segstudio.ml.cards import ModelCard
from segstudio.ml.networks.build import build_network
from segstudio.ml.networks.table import architecture
from segstudio.ml.plan import IGNORE_INDEX, TrainPlan
from segstudio.ml.training.losses import SegmentationLoss
from segstudio.ml.training.precision import amp_dtype, keep_depthwise_in_float32
from segstudio.ml.training.schedule import build_optimiser, poly
from segstudio.ml.weights import load_network, save_weights

CPU = torch.device("cpu")
STEPS = 30
CROPS = 4
PLAIN = ("fcn32s", "fcn16s", "fcn8s", "deeplabv1")
"""VGG with nothing but dropout: tried with batch norm in the encoder, at the trainer's own learning rate."""
LIGHT_ENCODERS = {
    "segnet": "vgg16_bn", "deconvnet": "vgg16_bn", "deeplabv2": "resnet18", "pspnet": "resnet18", "refinenet": "resnet18",
    "fastfcn": "resnet18", "upernet": "efficientnet_lite0", "ocrnet": "hrnet_w18", **{name: "vgg16_bn" for name in PLAIN},
}  # fmt: skip
"""A light encoder where the network's default is a heavy one, or a quick learner; the others take their default."""
RATE = 6e-3
"""The learning rate of networks with batch norm: thirty steps are few, so it is six times the trainer's own."""
RATES = {"enet": 1e-2, "unetplusplus": 1e-2, **{name: 1e-3 for name in PLAIN}, "fcn32s": 5e-4, "deconvnet": 2e-3, "pixelnet": 5e-4, "refinenet": 2e-4}
"""Those that learn at another: two slow starters, and networks that this is too much for from random parameters."""
HEAVY = ("fcn32s", "fcn16s", "fcn8s", "deconvnet", "pixelnet")
"""Networks of over 100 million parameters, a step of which takes seconds: done once the loss is below ``ENOUGH`` of the first, after ten steps or more."""
ENOUGH, LEAST_STEPS = 0.4, 10
ODD_SIZES = ((64, 64), (113, 79))
"""(height, width) that each network goes through forward and backward besides those it learns on."""


@dataclass(frozen=True)
class Row:
    """What the trial found; ``reason`` is empty where all of it held."""

    network: str
    encoder: str
    bands: int
    classes: int
    height_px: int
    width_px: int
    start_loss: float
    end_loss: float
    ratio: float
    steps: int
    is_identical: bool
    seconds: float
    reason: str = ""


def chosen_encoder(name):
    """The encoder that network *name* is tried with."""
    return LIGHT_ENCODERS.get(name) or architecture(name).default_encoder


def bands_of(rgb, bands):
    """(bands, y, x) float32 0…1 of an RGB image (y, x, 3) uint8.

    1: grey. 3: RGB. 8: RGB and five derived ones, as a satellite's indices are: R − G, G − B, the local mean of grey (9×9), its local
    deviation, and the strength of its edges (Sobel).
    """
    colour = np.moveaxis(rgb, -1, 0).astype(np.float32) / 255
    grey = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY).astype(np.float32) / 255
    if bands == 1:
        return grey[None]
    if bands == 3:
        return colour
    mean = cv2.blur(grey, (9, 9))
    deviation = np.sqrt(np.maximum(cv2.blur(grey * grey, (9, 9)) - mean * mean, 0))
    edges = np.hypot(cv2.Sobel(grey, cv2.CV_32F, 1, 0), cv2.Sobel(grey, cv2.CV_32F, 0, 1)) / 4
    derived = [(colour[0] - colour[1] + 1) / 2, (colour[1] - colour[2] + 1) / 2, mean, 2 * deviation, edges]
    return np.concatenate([colour, np.stack(derived)])[:bands]


def crop_with_most_classes(image, mask, height, width):
    """The crop, among a grid of them, that holds most classes; (image, mask)."""
    best, found = -1, None
    for y in range(0, mask.shape[0] - height + 1, height // 2):
        for x in range(0, mask.shape[1] - width + 1, width // 2):
            part = mask[y : y + height, x : x + width]
            count = int((np.bincount(part.ravel(), minlength=256)[:IGNORE_INDEX] > 50).sum())
            if count > best:
                best, found = count, (image[y : y + height, x : x + width], part)
    return found


def as_batch(crops, bands):
    """((N, bands, H, W) float32 around 0, (N, H, W) int64) of [(RGB, mask)]."""
    images = np.stack([bands_of(np.ascontiguousarray(image), bands) for image, _ in crops])
    targets = np.stack([mask.astype(np.int64) for _, mask in crops])
    return torch.from_numpy((images - 0.5) / 0.25), torch.from_numpy(targets)


def trial(name, images, targets, classes, *, steps=STEPS, odd_sizes=ODD_SIZES, seed=0):
    """Train network *name* on the crops with the trainer's loss, optimiser and schedule; a :class:`Row`.

    ``start_loss`` and ``end_loss`` are those of a training forward before the first and after the last step, auxiliary outputs weighed in.
    """
    began = time.perf_counter()
    torch.manual_seed(seed)
    bands = images.shape[1]
    encoder = chosen_encoder(name)
    network = build_network(name, encoder, bands=bands, classes=classes).train()
    loss_of = SegmentationLoss("ce+dice")
    reasons = [_odd(network, loss_of, bands, classes, *size) for size in odd_sizes]
    if amp_dtype(CPU) is not None:
        keep_depthwise_in_float32(network)
    least = LEAST_STEPS if name in HEAVY else steps
    start, end, made = learnt(network, loss_of, images, targets, RATES.get(name, RATE), steps, least)
    ratio = end / start
    if not math.isfinite(ratio):
        reasons.append("the loss is no number")
    elif ratio >= 0.5:
        reasons.append(f"the loss is {ratio:.2f} of what it was")
    is_identical = comes_back(network, name, encoder, images, classes)
    if not is_identical:
        reasons.append("the network from the file answers differently")
    found = (round(v, 4) for v in (start, end, ratio))
    seconds = round(time.perf_counter() - began, 1)
    return Row(name, encoder, bands, classes, *images.shape[2:], *found, made, is_identical, seconds, "; ".join(filter(None, reasons)))


def learnt(network, loss_of, images, targets, rate, steps, least):
    """(loss before, loss after, steps made) on one batch, as the trainer makes them: its loss, optimiser, schedule and precision."""
    plan = TrainPlan(out="", lr=rate)
    optimiser = build_optimiser(network, plan, is_encoder_pretrained=False)
    for group in optimiser.param_groups:
        group["fused"] = True  # the same update, in one pass over the parameters
    schedule = LambdaLR(optimiser, poly(steps, plan.warmup_share, plan.poly_power))
    start, made = None, 0
    while made < steps:
        loss = _loss(network, loss_of, images, targets)
        value = float(loss.detach())
        start = value if start is None else start
        if made >= least and value < ENOUGH * start:
            return start, value, made
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), TrainPlan(out="").clip_norm)
        optimiser.step()
        schedule.step()
        made += 1
    with torch.no_grad():
        return start, float(_loss(network, loss_of, images, targets)), made


def _loss(network, loss_of, images, targets):
    dtype = amp_dtype(CPU)
    with torch.autocast("cpu", dtype, enabled=dtype is not None):
        output = network(images)
    return loss_of(output, targets)


def _odd(network, loss_of, bands, classes, height, width):
    """What is wrong with a training forward and backward at this size; "" when nothing is."""
    output = network(torch.rand(2, bands, height, width))
    if output.logits.shape != (2, classes, height, width):
        return f"{height}×{width} gives {tuple(output.logits.shape)}"
    loss_of(output, torch.randint(0, classes, (2, height, width))).backward()
    is_finite = all(p.grad is None or bool(torch.isfinite(p.grad).all()) for p in network.parameters())
    network.zero_grad(set_to_none=True)
    return "" if is_finite else f"{height}×{width} gives gradients that are no numbers"


def comes_back(network, name, encoder, images, classes):
    """Whether the network that its weights file makes gives the same bits."""
    bands = images.shape[1]
    network.zero_grad(set_to_none=True)
    card = ModelCard(name, name, architecture=name, encoder=encoder, classes=tuple(f"c{i}" for i in range(classes)), bands=bands,
                     mean=(0.5,) * bands, std=(0.25,) * bands)  # fmt: skip
    with tempfile.TemporaryDirectory() as folder, torch.inference_mode():
        wanted = network.eval()(images).logits
        file = Path(folder) / "network.safetensors"
        save_weights(file, network.state_dict(), card)
        again, _ = load_network(file)
        return bool(torch.equal(again(images).logits, wanted))
