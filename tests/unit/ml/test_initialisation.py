"""What is not pretrained begins as He et al. 2015 (arXiv:1502.01852) say: the variance of weights is 2 / fan."""

from __future__ import annotations

import pytest
import torch
from network_trial import chosen_encoder
from torch import nn

from segstudio.ml.networks.build import build_network
from segstudio.ml.networks.table import ARCHITECTURES

LAYERS = (nn.Conv2d, nn.Conv3d, nn.ConvTranspose2d, nn.ConvTranspose3d, nn.Linear)
FEW = 2000
"""The variance of fewer weights tells little."""
ENCODERS = ("encoder.", "body.", "fully.")
SCORES = ("heads", "head", "score", "presence")
"""Layers that end in scores, not in a ReLU."""


def fans(layer):
    """(inputs of an output, outputs of an input), counted from the layer's shape."""
    if isinstance(layer, nn.Linear):
        return layer.in_features, layer.out_features
    kernel = layer.weight[0, 0].numel()
    return layer.in_channels // layer.groups * kernel, layer.out_channels // layer.groups * kernel


def strange(network):
    """Name → variance × fan / 2 of layers whose weights have another variance than 2 / fan, by neither way of counting."""
    found = {}
    for name, layer in network.named_modules():
        is_ours = isinstance(layer, LAYERS) and not name.startswith(ENCODERS) and layer.weight.numel() >= FEW
        scores = tuple(network.class_layers) if hasattr(network, "class_layers") else ()
        if not is_ours or f"{name}.".startswith(scores) or name.split(".")[0] in SCORES:
            continue
        # A transposed convolution of stride 2 meets a quarter (an eighth) of its kernel at each output.
        stride = layer.stride[0] if isinstance(layer, nn.ConvTranspose2d | nn.ConvTranspose3d) else 1
        share = stride ** (layer.weight.ndim - 2)
        shares = [float(layer.weight.detach().var()) * fan / 2 for fan in fans(layer)]
        if not any(0.8 < value / part < 1.25 for value in shares for part in {1, share}):
            found[name] = shares
    return found


@pytest.mark.parametrize("arch", ARCHITECTURES)
def test_what_is_not_pretrained_begins_as_he_says(arch):
    torch.manual_seed(0)
    network = build_network(arch, chosen_encoder(arch), bands=3, classes=4)
    wrong = strange(network)
    if arch == "deconvnet":
        wrong.pop("waist.6.0", None)  # its input is one pixel: every output sees one place of the kernel
    assert not wrong


def test_the_check_notices_torchs_own_beginning():
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(64, 64, 3), nn.Conv2d(512, 512, 3, groups=512))
    assert set(strange(network)) == {"0", "1"}
