"""What our own networks compute, against what their papers or published PyTorch implementations do: at most a tenth more."""

from __future__ import annotations

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from segstudio.ml.networks.build import build_network
from segstudio.ml.networks.ocrnet import ObjectContext

VGG16_224 = 15.35
"""Thousand millions of multiply-adds of VGG-16's thirteen convolutions at 224² (Simonyan, Zisserman 2015; torchvision's 15.47 with the classifier)."""
RESNET_224 = {18: 1.81, 50: 4.09, 101: 7.80}
"""As torchvision publishes them with its weights."""


def at(figure_224, height, width):
    return figure_224 * height * width / 224**2


def conv(inputs, outputs, places, kernel=3):
    return kernel**2 * inputs * outputs * places / 1e9


def refinenet_101():
    """DrSleep/refinenet-pytorch, written out: 4 poolings a chain and 3 residual units behind it; 263 in Nekrasov et al. 2018, table 1."""
    stages = conv(2048, 512, 256) + 14 * conv(512, 512, 256) + conv(512, 256, 256)
    stages += sum(
        conv(c, 256, places) + count * conv(256, 256, places)
        for c, places, count in ((1024, 1024, 16), (512, 4096, 16), (256, 16384, 15))
    )
    return at(RESNET_224[101], 512, 512) + stages + conv(256, 21, 16384)


def unet3plus():
    """ZJUGiveLab/UNet-Version, written out at 256²: plain encoder, four nodes of five 64-wide convolutions and one of 320."""
    widths = (64, 128, 256, 512, 1024)
    places = [256**2 >> (2 * i) for i in range(5)]
    total = sum(conv(a, b, p) + conv(b, b, p) for a, b, p in zip((3, *widths), widths, places))
    for i in range(4):
        inputs = sum(widths[: i + 1]) + 320 * (3 - i) + widths[4]
        total += conv(inputs, 64, places[i]) + conv(320, 320, places[i])
    return total + conv(320, 1, places[0])


def fastfcn_50():
    """wuhuikai/FastFCN, ``JPU`` and ``FCNHead`` on ResNet-50, written out at 512²."""
    jpu = conv(512, 512, 4096) + conv(1024, 512, 1024) + conv(2048, 512, 256)
    jpu += 4 * (9 * 1536 * 4096 / 1e9 + conv(1536, 512, 4096, 1))
    return at(RESNET_224[50], 512, 512) + jpu + conv(2048, 512, 4096) + conv(512, 21, 4096, 1)


def bisenet_18():
    """CoinCheung/BiSeNet's BiSeNetV1 without its auxiliary heads, written out at 640×352."""
    s2, s4, s8, s16, s32 = (640 * 352 >> (2 * i) for i in range(1, 6))
    spatial = conv(3, 64, s2, 7) + conv(64, 64, s4) + conv(64, 64, s8) + conv(64, 128, s8, 1)
    context = conv(256, 128, s16) + conv(512, 128, s32) + conv(128, 128, s16) + conv(128, 128, s8)
    return (
        at(RESNET_224[18], 352, 640)
        + spatial
        + context
        + conv(256, 256, s8, 1)
        + conv(256, 256, s8)
        + conv(256, 19, s8, 1)
    )


def vnet():
    """The paper's figure 2 on a volume of 64×128×128: convolutions 1, 2, 3, 3, 3 down and 3, 3, 2, 1 up."""
    places = [64 * 128 * 128 >> (3 * i) for i in range(5)]
    total = 125 * 1 * 16 * places[0]
    for i, (width, count) in enumerate(((32, 2), (64, 3), (128, 3), (256, 3)), 1):
        total += 8 * (width // 2) * width * places[i] + count * 125 * width * width * places[i]
    for i, (width, count, inputs) in enumerate(((32, 1, 64), (64, 2, 128), (128, 3, 256), (256, 3, 256))):
        total += inputs * (width // 2) * places[i] + count * 125 * width * width * places[i]
    return (total + 32 * 2 * places[0]) / 1e9


PUBLISHED = [
    # (network, encoder, input shape after the batch, classes, options, thousand millions of multiply-adds, where the figure comes from)
    ("enet", "none", (3, 360, 640), 19, {}, 3.83 / 2, "Paszke et al. 2016, table 2: 3.83 GFLOPs"),
    ("segnet", "vgg16_bn", (3, 352, 640), 19, {}, 286.03 / 2, "the same table: SegNet 286.03 GFLOPs (at 360, which is no multiple of 32)"),
    ("unet", "none", (3, 256, 256), 1, {}, 55.84, "Valanarasu, Patel 2022 (UNeXt, arXiv:2203.04967), table 1"),
    ("unetplusplus", "none", (3, 256, 256), 1, {}, 34.65, "the same table"),
    ("unet3plus", "none", (3, 256, 256), 1, {}, unet3plus(), unet3plus.__doc__),
    ("fcn8s", "vgg16", (3, 512, 512), 21, {}, at(VGG16_224, 512, 512) + conv(512, 4096, 256, 7) + conv(4096, 4096, 256, 1), "VGG-16, fc6 and fc7 convolved"),
    ("deeplabv1", "vgg16", (3, 320, 320), 21, {"branches": False},
     at(VGG16_224, 320, 320) + 3 * conv(512, 512, 1600 - 400) + conv(512, 1024, 1600) + conv(1024, 1024, 1600, 1),
     "VGG-16 whose fourth and fifth pooling keep the size, LargeFOV's fc6 and fc7"),
    ("deeplabv3", "resnet50", (3, 520, 520), 21, {"output_stride": 8}, 178.72, "torchvision's deeplabv3_resnet50, as it publishes it"),
    ("refinenet", "resnet101", (3, 512, 512), 21, {}, refinenet_101(), refinenet_101.__doc__),
    ("hrnet", "hrnet_w48", (3, 1024, 2048), 19, {}, 747.3, "Sun et al. 2019, table 3: 747.3 GFLOPs, in multiply-adds"),
    ("bisenet", "resnet18", (3, 352, 640), 19, {}, bisenet_18(), bisenet_18.__doc__),
    ("fastfcn", "resnet50", (3, 512, 512), 21, {}, fastfcn_50(), fastfcn_50.__doc__),
    ("vnet", "none", (1, 64, 128, 128), 2, {}, vnet(), vnet.__doc__),
]  # fmt: skip


def multiply_adds(module, *inputs):
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        module(*inputs)
    return counter.get_total_flops() / 2e9


@pytest.mark.parametrize(
    ("name", "encoder", "shape", "classes", "options", "published", "source"),
    PUBLISHED,
    ids=[row[0] for row in PUBLISHED],
)
def test_a_network_computes_no_more_than_published_ones(name, encoder, shape, classes, options, published, source):
    with torch.device("meta"):
        network = build_network(name, encoder, bands=shape[0], classes=classes, options=options).eval()
        found = multiply_adds(network, torch.empty(1, *shape))
    assert 0.8 * published < found <= 1.1 * published, source


def test_object_context_costs_what_its_paper_says():
    """Yuan et al. 2020, table 5: 340 GFLOPs, in multiply-adds, and 10.5 M parameters on features of 2048×128×128, with the 3×3 convolution to 512 before it."""
    with torch.device("meta"):
        first, context = torch.nn.Conv2d(2048, 512, 3, padding=1, bias=False), ObjectContext().eval()
        regions = torch.empty(1, 19, 128, 128)
        found = multiply_adds(lambda x: context(first(x), regions), torch.empty(1, 2048, 128, 128))
    assert found <= 1.1 * 340
    assert sum(p.numel() for module in (first, context) for p in module.parameters()) / 1e6 == pytest.approx(
        10.5, rel=0.02
    )


def test_deconvnets_waist_costs_what_its_docstring_says():
    """The one network that costs more than the paper's: its waist, one place at 224² there, is 7×7 here."""
    with torch.device("meta"):
        network = build_network("deconvnet", "vgg16_bn", bands=3, classes=21).eval()
        found = multiply_adds(network, torch.empty(1, 3, 224, 224))
    waist = 2 * conv(512, 4096, 1, 7) + conv(4096, 4096, 1, 1)
    paper = 2 * VGG16_224 + waist
    assert found == pytest.approx(paper + 48 * waist, rel=0.05)
