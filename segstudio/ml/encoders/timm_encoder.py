"""timm's networks as encoders: a list of features, finest first, at their strides exactly."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import timm
import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812

from segstudio.core.errors import UserError
from segstudio.ml.encoders.availability import is_in_hub_cache
from segstudio.ml.encoders.fetching import fetching


class Encoder(nn.Module):
    """What networks ask of an encoder: ``channels`` and ``reductions`` (strides) of its features, finest first.

    A subclass fills :meth:`features`; sizes that a network with valid convolutions leaves odd are brought to H / stride.
    """

    channels: tuple[int, ...]
    reductions: tuple[int, ...]

    def forward(self, x: torch.Tensor) -> list[torch.Tensor]:
        """(N, B, H, W) with H and W multiples of the last stride to features (N, C, H / stride, W / stride)."""
        height, width = x.shape[-2:]
        found = self.features(x)
        sizes = [(-(-height // r), -(-width // r)) for r in self.reductions]
        return [
            f if tuple(f.shape[-2:]) == size else F.interpolate(f, size=size, mode="bilinear", align_corners=False)
            for f, size in zip(found, sizes, strict=True)
        ]

    @abstractmethod
    def features(self, x: torch.Tensor) -> list[torch.Tensor]:
        """The features as the network gives them."""


class TimmEncoder(Encoder):
    """A timm network cut open at each stride."""

    def __init__(self, body: nn.Module) -> None:
        super().__init__()
        self.body = body
        info = body.feature_info
        self.channels = tuple(info.channels())  # type: ignore[operator, union-attr]
        self.reductions = tuple(info.reduction())  # type: ignore[operator, union-attr]

    def features(self, x: torch.Tensor) -> list[torch.Tensor]:
        """What timm gives."""
        found: list[torch.Tensor] = self.body(x)
        return found


def build(timm_name: str, bands: int, pretrained: bool, output_stride: int = 32) -> TimmEncoder:
    """The encoder; timm averages or repeats the first convolution where *bands* is not 3.

    *output_stride* 8 or 16 asks for its atrous version.

    Raises
    ------
    UserError
        When ImageNet weights are wanted, not cached, and there is no network; when it has no atrous version.
    """
    options: dict[str, Any] = {} if output_stride == 32 else {"output_stride": output_stride}
    try:
        with fetching(timm_name, pretrained, is_cached=is_in_hub_cache(timm_name)):
            body = timm.create_model(timm_name, pretrained=pretrained, features_only=True, in_chans=bands, **options)
    except (TypeError, AssertionError) as error:
        if not options:
            raise
        raise UserError(
            f"the encoder {timm_name} has no atrous version",
            remedy="choose a ResNet, MobileNet, EfficientNet or ConvNeXt",
        ) from error
    return TimmEncoder(body)


def build_any(timm_name: str, bands: int, pretrained: bool, output_stride: int = 32) -> TimmEncoder:
    """Any network of timm as an encoder, looked at first: its features must lie at strides that grow up to 32.

    Raises
    ------
    UserError
        As :func:`build`; when timm has no such network or no weights for it, or when it can't be cut open at each stride.
    """
    if not timm.is_model(timm_name):
        raise UserError(f"timm has no network {timm_name!r}", remedy="give a name such as timm:regnety_002")
    _look_at(timm_name, bands)
    if pretrained and not timm.get_pretrained_cfg(timm_name).has_weights:  # type: ignore[union-attr]
        raise UserError(
            f"timm has no ImageNet weights of {timm_name}",
            remedy="start from scratch (--no-pretrained), or choose another encoder",
        )
    return build(timm_name, bands, pretrained, output_stride)


def _look_at(timm_name: str, bands: int) -> None:
    """Build it with no memory and send two sizes through: what can't be an encoder is found before anything is fetched."""
    unfit = UserError(
        f"timm's {timm_name} cannot be an encoder: it does not give features at several scales for any size of picture",
        remedy="choose a convolutional network, such as timm:regnety_002",
    )
    try:
        with torch.device("meta"):
            probe = TimmEncoder(timm.create_model(timm_name, features_only=True, in_chans=bands)).eval()
            shapes = [[f.shape for f in probe(torch.empty(1, bands, side, side))] for side in (64, 96)]
    except Exception as error:  # noqa: BLE001 - each of a thousand networks fails in its own way
        raise unfit from error
    strides = probe.reductions
    is_cut = strides[-1] == 32 and len(strides) >= 4 and all(a < b for a, b in zip(strides, strides[1:]))
    if not is_cut or any(tuple(s[1] for s in each) != probe.channels for each in shapes):
        raise unfit
