"""timm's networks as encoders: a list of features, finest first, at their strides exactly."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import timm
import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812

from segstudio.core.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Sequence


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

    def features(self, x: torch.Tensor) -> list[torch.Tensor]:
        """The features as the network gives them."""
        raise NotImplementedError

    def parts(self) -> Sequence[nn.Module]:
        """Its parts from the input on, as :func:`freeze` counts them."""
        return list(self.children())


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

    def parts(self) -> Sequence[nn.Module]:
        """The stages as timm parts them."""
        return list(self.body.children())


def freeze(encoder: Encoder, share: float) -> int:
    """Freeze the first *share* (0 … 1) of an encoder's parts, counted from the input; how many parameters that froze.

    Their batch norms keep their statistics, too: the caller puts them in evaluation mode with :func:`keep_frozen`.
    """
    parts = encoder.parts()
    frozen = 0
    for part in parts[: round(len(parts) * min(max(share, 0.0), 1.0))]:
        for parameter in part.parameters():
            parameter.requires_grad_(False)
            frozen += parameter.numel()
    return frozen


def keep_frozen(module: nn.Module) -> None:
    """Put batch norms whose parameters are all frozen into evaluation mode; call it after each ``train()``."""
    for part in module.modules():
        if isinstance(part, nn.BatchNorm2d) and part.affine and not part.weight.requires_grad:
            part.eval()


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
        body = timm.create_model(timm_name, pretrained=pretrained, features_only=True, in_chans=bands, **options)
    except (TypeError, AssertionError) as error:
        if not options:
            raise
        raise UserError(
            f"the encoder {timm_name} has no atrous version",
            remedy="choose a ResNet, MobileNet, EfficientNet or ConvNeXt",
        ) from error
    except (OSError, RuntimeError) as error:
        if not pretrained:
            raise
        raise UserError(
            f"the ImageNet weights of {timm_name} cannot be fetched ({type(error).__name__})",
            remedy="connect once, choose the encoder efficientnet_lite0 whose weights are installed, or train without --pretrained",
        ) from error
    return TimmEncoder(body)
