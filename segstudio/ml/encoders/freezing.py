"""Freezing an encoder by depth."""

from __future__ import annotations

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm


def encoder_of(network: nn.Module) -> nn.Module | None:
    """The part of a network that holds ImageNet weights where there are any: an encoder, or the body of VGG or HRNet."""
    for name in ("encoder", "body"):
        found = getattr(network, name, None)
        if isinstance(found, nn.Module):
            return found
    return None


def freeze(encoder: nn.Module, share: float) -> int:
    """Freeze the first *share* (0 … 1) of an encoder's layers, counted from the input; how many parameters that froze.

    A layer is a weight of two or more dimensions (a convolution) with the norm and bias that follow it. The statistics of frozen
    batch norms stay as they are once :func:`keep_frozen` was called.
    """
    layers: list[list[nn.Parameter]] = []
    for parameter in encoder.parameters():
        if parameter.ndim > 1 or not layers:
            layers.append([])
        layers[-1].append(parameter)
    frozen = 0
    for layer in layers[: round(len(layers) * min(max(share, 0.0), 1.0))]:
        for parameter in layer:
            parameter.requires_grad_(False)
            frozen += parameter.numel()
    return frozen


def keep_frozen(module: nn.Module) -> None:
    """Put batch norms whose parameters are frozen into evaluation mode; call it after each ``train()``."""
    for part in module.modules():
        if isinstance(part, _BatchNorm) and part.affine and not part.weight.requires_grad:
            part.eval()
