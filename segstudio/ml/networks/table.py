"""Which networks and encoders there are, by id. No torch here: builders are dotted strings."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import TypeVar

from segstudio.core.errors import UserError
from segstudio.ml.cards import IMAGENET_MEAN, IMAGENET_STD, LITE0_MEAN, LITE0_STD
from segstudio.ml.encoders.timm_names import checked_timm_name

T = TypeVar("T")

NO_ENCODER = "none"
"""The encoder id of a network that brings its own."""


@dataclass(frozen=True)
class ArchitectureSpec:
    """A network: ``builder`` is "module:function" taking (bands, classes, encoder id, pretrained, options)."""

    id: str
    title: str
    builder: str
    paper: str
    description: str
    encoders: tuple[str, ...]
    default_encoder: str
    stride_px: int = 32

    @property
    def takes_any_timm(self) -> bool:
        """Whether any network of timm (``timm:NAME``) may be its encoder: not where it needs VGG's or HRNet's own build."""
        return any(name not in (NO_ENCODER, *_VGG16, *_HRNET) for name in self.encoders)


@dataclass(frozen=True)
class EncoderSpec:
    """A feature extractor: ``builder`` is "module:function" taking (timm name, bands, pretrained).

    ``is_offline`` says that ImageNet weights come with the installation; ``mean`` and ``std`` are those they expect;
    ``has_atrous`` that its last stages can keep their resolution (output stride 8 or 16).
    """

    id: str
    title: str
    builder: str
    timm_name: str
    is_offline: bool = False
    mean: tuple[float, ...] = IMAGENET_MEAN
    std: tuple[float, ...] = IMAGENET_STD
    has_atrous: bool = False


_TIMM = "segstudio.ml.encoders.timm_encoder:build"
_ANY_TIMM = "segstudio.ml.encoders.timm_encoder:build_any"
TIMM_PREFIX = "timm:"
"""``timm:NAME`` is any network of timm that can give features."""


def _timm(name: str, title: str, timm_name: str = "", *, atrous: bool = False) -> EncoderSpec:
    return EncoderSpec(name, title, _TIMM, timm_name or name, has_atrous=atrous)


_LITE0 = EncoderSpec(
    "efficientnet_lite0",
    "EfficientNet-Lite0",
    "segstudio.ml.encoders.efficientnet_lite0:build",
    "tf_efficientnet_lite0",
    is_offline=True,
    mean=LITE0_MEAN,
    std=LITE0_STD,
    has_atrous=True,
)
_VGG = [
    _timm(f"vgg{depth}{norm}", f"VGG-{depth}" + (" (batch norm)" if norm else ""))
    for depth in (11, 13, 16, 19)
    for norm in ("", "_bn")
]

ENCODERS: dict[str, EncoderSpec] = {
    spec.id: spec
    for spec in (
        _LITE0,
        EncoderSpec("alexnet", "AlexNet", "segstudio.ml.encoders.alexnet:build", "alexnet"),
        *_VGG,
        *(_timm(f"resnet{depth}", f"ResNet-{depth}", atrous=True) for depth in (18, 34, 50, 101, 152)),
        _timm("inception_v3", "Inception v3"),
        *(_timm(f"densenet{depth}", f"DenseNet-{depth}") for depth in (121, 169, 201)),
        _timm("mobilenet_v2", "MobileNetV2", "mobilenetv2_100", atrous=True),
        _timm("mobilenet_v3_small", "MobileNetV3 small", "mobilenetv3_small_100", atrous=True),
        _timm("mobilenet_v3_large", "MobileNetV3 large", "mobilenetv3_large_100", atrous=True),
        *(_timm(f"efficientnet_b{n}", f"EfficientNet-B{n}", atrous=True) for n in range(5)),
        *(_timm(f"hrnet_w{width}", f"HRNet-W{width}") for width in (18, 32, 48)),
        _timm("xception", "Xception (aligned, 65 layers)", "xception65", atrous=True),
        *(_timm(f"convnext_{size}", f"ConvNeXt {size}", atrous=True) for size in ("tiny", "small", "base")),
    )
}

_ANY = tuple(ENCODERS)
_ATROUS = tuple(spec.id for spec in ENCODERS.values() if spec.has_atrous)
_VGG16 = ("vgg16_bn", "vgg16")
_HRNET = ("hrnet_w18", "hrnet_w32", "hrnet_w48")
_PYRAMID = tuple(name for name in _ANY if name != "alexnet")
_NETWORKS = "segstudio.ml.networks."


def _arch(
    name: str, title: str, builder: str, paper: str, description: str, encoders: tuple[str, ...], default: str = "",
    stride_px: int = 32,
) -> ArchitectureSpec:  # fmt: skip
    chosen = default or encoders[0]
    return ArchitectureSpec(name, title, _NETWORKS + builder, paper, description, encoders, chosen, stride_px)


# fmt: off
ARCHITECTURES: dict[str, ArchitectureSpec] = {
    spec.id: spec
    for spec in (
        _arch("unet", "U-Net", "unet:build", "Ronneberger, Fischer, Brox 2015, arXiv:1505.04597",
              "Sharp borders from few images; the first choice for microscopy and medicine. With a pretrained encoder it needs "
              "even fewer labels.", (NO_ENCODER, *_ANY), "efficientnet_lite0"),
        _arch("unetplusplus", "UNet++", "unetplusplus:build", "Zhou et al. 2018, arXiv:1807.10165",
              "A U-Net whose skips are refined step by step; can be pruned after training where speed counts more than the "
              "last percent.", (NO_ENCODER, *(n for n in _PYRAMID if not n.startswith("convnext"))), "efficientnet_lite0"),
        _arch("unet3plus", "UNet 3+", "unet3plus:build", "Huang et al. 2020, arXiv:2004.08790",
              "Every scale sees every other; for organs and cells of very different sizes in one picture. Heavy at full "
              "width.", (NO_ENCODER, *(n for n in _PYRAMID if not n.startswith("convnext"))), "efficientnet_lite0"),
        _arch("fcn32s", "FCN-32s", "fcn:build_32s", "Long, Shelhamer, Darrell 2015, arXiv:1411.4038",
              "The first network of its kind, coarse; as a baseline to compare with.", _VGG16, "vgg16"),
        _arch("fcn16s", "FCN-16s", "fcn:build_16s", "Long, Shelhamer, Darrell 2015, arXiv:1411.4038",
              "FCN with one skip; as a baseline to compare with.", _VGG16, "vgg16"),
        _arch("fcn8s", "FCN-8s", "fcn:build", "Long, Shelhamer, Darrell 2015, arXiv:1411.4038",
              "FCN with two skips, the classic baseline; 134 million parameters want a GPU.", _VGG16, "vgg16"),
        _arch("segnet", "SegNet", "segnet:build", "Badrinarayanan, Kendall, Cipolla 2017, arXiv:1511.00561",
              "Keeps borders by remembering where maxima were; made for street scenes.", _VGG16),
        _arch("deconvnet", "DeconvNet", "deconvnet:build", "Noh, Hong, Han 2015, arXiv:1505.04366",
              "SegNet's heavy sister with a fully connected waist; for comparisons.", _VGG16),
        _arch("deeplabv1", "DeepLab v1", "deeplab:build_v1", "Chen et al. 2015, arXiv:1412.7062",
              "VGG16 with holes and a large field of view; meant to be refined by a CRF.", _VGG16, "vgg16"),
        _arch("deeplabv2", "DeepLab v2", "deeplab:build_v2", "Chen et al. 2017, arXiv:1606.00915",
              "Looks at objects at several scales at once; slow, as the picture goes through three times.", _ATROUS,
              "resnet101"),
        _arch("deeplabv3", "DeepLab v3", "deeplabv3:build", "Chen et al. 2017, arXiv:1706.05587",
              "Strong on large objects and regions with wide context; borders are coarser than U-Net's.", _ATROUS,
              "efficientnet_lite0"),
        _arch("deeplabv3plus", "DeepLab v3+", "deeplabv3:build_plus", "Chen et al. 2018, arXiv:1802.02611",
              "DeepLab v3 with sharper borders; the all-round choice for photographs, aerial and satellite images.",
              tuple(n for n in _ATROUS if not n.startswith("convnext")), "efficientnet_lite0"),
        _arch("pspnet", "PSPNet", "pspnet:build", "Zhao et al. 2017, arXiv:1612.01105",
              "Weighs in what the whole scene is; for indoor, street and land-cover scenes of many classes.", _ATROUS,
              "resnet50"),
        _arch("refinenet", "RefineNet", "refinenet:build", "Lin et al. 2017, arXiv:1611.06612",
              "Refines coarse meaning by fine features block by block; high resolution, much memory.", _PYRAMID, "resnet50"),
        _arch("hrnet", "HRNet", "hrnet:build", "Sun et al. 2019, arXiv:1904.04514",
              "Keeps full detail all the way through; for thin and small things: vessels, poles, roads.", _HRNET),
        _arch("ocrnet", "OCRNet", "ocrnet:build", "Yuan, Chen, Wang 2020, arXiv:1909.11065",
              "HRNet or ResNet that looks at each pixel's object; among the best on street scenes.", (*_HRNET, *_ATROUS)),
        _arch("enet", "ENet", "enet:build", "Paszke et al. 2016, arXiv:1606.02147",
              "A third of a million parameters: trains and proposes quickly even without a GPU.", (NO_ENCODER,)),
        _arch("bisenet", "BiSeNet", "bisenet:build", "Yu et al. 2018, arXiv:1808.00897",
              "Quick on large pictures, with a path of its own for detail.", _PYRAMID, "resnet18"),
        _arch("upernet", "UPerNet", "upernet:build", "Xiao et al. 2018, arXiv:1807.10221",
              "A feature pyramid over any encoder, ConvNeXt among them; strong with much data and many classes.", _PYRAMID,
              "convnext_tiny"),
        _arch("pixelnet", "PixelNet", "pixelnet:build", "Bansal et al. 2017, arXiv:1702.06506",
              "Learns from single sampled pixels, so that sparse labels do; slow to propose.", ("vgg16",)),
        _arch("fastfcn", "FastFCN", "fastfcn:build", "Wu et al. 2019, arXiv:1903.11816",
              "PSPNet's quality at a third of the memory, as nothing is dilated.", _ANY, "resnet50"),
        _arch("vnet", "V-Net", "vnet:build", "Milletari, Navab, Ahmadi 2016, arXiv:1606.04797",
              "A residual U-Net made for volumes: give it a patch depth, and it learns from blocks of planes.", (NO_ENCODER,),
              stride_px=16),
    )
}
# fmt: on


def architecture(name: str) -> ArchitectureSpec:
    """The network with this id.

    Raises
    ------
    UserError
        For an unknown id; lists the near ones.
    """
    return _find(name, ARCHITECTURES, "network")


def encoder(name: str) -> EncoderSpec:
    """The encoder with this id.

    Raises
    ------
    UserError
        For an unknown id; lists the near ones.
    """
    if name.startswith(TIMM_PREFIX):
        plain = checked_timm_name(name.removeprefix(TIMM_PREFIX))
        return EncoderSpec(name, plain, _ANY_TIMM, plain, has_atrous=True)
    return _find(name, ENCODERS, "encoder")


def checked_encoder(arch: str, name: str) -> str:
    """The encoder id that *arch* takes for *name* ("" = its default).

    Raises
    ------
    UserError
        When either is unknown or they do not fit; says which do.
    """
    spec = architecture(arch)
    chosen = name or spec.default_encoder
    if chosen != NO_ENCODER:
        encoder(chosen)
    if chosen.startswith(TIMM_PREFIX) and spec.takes_any_timm:
        return chosen
    if chosen not in spec.encoders:
        fitting = f"choose one of {', '.join(spec.encoders)}{' or timm:NAME' if spec.takes_any_timm else ''}"
        remedy = "it brings its own: leave the encoder out" if spec.encoders == (NO_ENCODER,) else fitting
        raise UserError(f"{arch} does not take the encoder {chosen}", remedy=remedy)
    return chosen


def _find(name: str, table: dict[str, T], what: str) -> T:
    found = table.get(name)
    if found is None:
        near = difflib.get_close_matches(name, table, n=3, cutoff=0.4)
        hint = f"did you mean {' or '.join(near)}?" if near else f"choose one of {', '.join(table)}"
        raise UserError(f"there is no {what} {name!r}", remedy=hint)
    return found
