"""Which networks and encoders there are, by id. No torch here: builders are dotted strings."""

from __future__ import annotations

import difflib
from dataclasses import dataclass, field
from typing import TypeVar

from segstudio.core.errors import UserError
from segstudio.ml.cards import IMAGENET_MEAN, IMAGENET_STD, LITE0_MEAN, LITE0_STD

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


@dataclass(frozen=True)
class EncoderSpec:
    """A feature extractor: ``builder`` is "module:function" taking (timm name, bands, pretrained).

    ``is_offline`` says that ImageNet weights come with the installation; ``mean`` and ``std`` are those they expect.
    """

    id: str
    title: str
    builder: str
    timm_name: str
    is_offline: bool = False
    mean: tuple[float, ...] = IMAGENET_MEAN
    std: tuple[float, ...] = IMAGENET_STD
    options: dict[str, object] = field(default_factory=dict, hash=False)


_TIMM = "segstudio.ml.encoders.timm_encoder:build"

ENCODERS: dict[str, EncoderSpec] = {
    spec.id: spec
    for spec in (
        EncoderSpec(
            "efficientnet_lite0",
            "EfficientNet-Lite0",
            "segstudio.ml.encoders.efficientnet_lite0:build",
            "tf_efficientnet_lite0",
            is_offline=True,
            mean=LITE0_MEAN,
            std=LITE0_STD,
        ),
        EncoderSpec("resnet18", "ResNet-18", _TIMM, "resnet18"),
        EncoderSpec("resnet34", "ResNet-34", _TIMM, "resnet34"),
        EncoderSpec("resnet50", "ResNet-50", _TIMM, "resnet50"),
        EncoderSpec("mobilenet_v3_large", "MobileNetV3 large", _TIMM, "mobilenetv3_large_100"),
    )
}

ARCHITECTURES: dict[str, ArchitectureSpec] = {
    spec.id: spec
    for spec in (
        ArchitectureSpec(
            "unet",
            "U-Net",
            "segstudio.ml.networks.unet:build",
            "Ronneberger, Fischer, Brox 2015, arXiv:1505.04597",
            "Sharp borders from few images; the first choice for microscopy and medicine. With a pretrained encoder it needs "
            "even fewer labels.",
            (NO_ENCODER, *ENCODERS),
            "efficientnet_lite0",
        ),
    )
}


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
    if chosen not in spec.encoders:
        raise UserError(
            f"{arch} does not take the encoder {chosen}", remedy=f"choose one of {', '.join(spec.encoders)}"
        )
    return chosen


def _find(name: str, table: dict[str, T], what: str) -> T:
    found = table.get(name)
    if found is None:
        near = difflib.get_close_matches(name, table, n=3, cutoff=0.4) or list(table)
        raise UserError(f"there is no {what} {name!r}", remedy=f"did you mean {' or '.join(near)}?")
    return found
