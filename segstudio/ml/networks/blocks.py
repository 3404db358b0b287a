"""Pieces that several networks share."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812 - the field's own name for it


def conv_bn_relu(inputs: int, outputs: int, kernel: int = 3) -> nn.Sequential:
    """Convolution that keeps the size, batch norm, ReLU."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )


def conv_bn(inputs: int, outputs: int, kernel: int = 1, *, stride: int = 1, dilation: int = 1) -> nn.Sequential:
    """Convolution that keeps the size (but for its stride) and batch norm."""
    padding = dilation * (kernel // 2)
    conv = nn.Conv2d(inputs, outputs, kernel, stride=stride, padding=padding, dilation=dilation, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(outputs))


def atrous_conv(inputs: int, outputs: int, rate: int, kernel: int = 3) -> nn.Sequential:
    """Atrous convolution that keeps the size, batch norm, ReLU."""
    return nn.Sequential(*conv_bn(inputs, outputs, kernel, dilation=rate), nn.ReLU(inplace=True))


class PooledBatchNorm2d(nn.BatchNorm2d):
    """Batch norm over globally pooled features, which are a single value a channel when the batch is one image.

    There is no variance to be had of one value, so that batch is normalised by the running statistics and leaves them alone.
    """

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, C, 1, 1) to the same."""
        if self.training and x.shape[0] * x.shape[2] * x.shape[3] == 1:
            return F.batch_norm(x, self.running_mean, self.running_var, self.weight, self.bias, False, 0.0, self.eps)
        return super().forward(x)


def with_pooled_norms(module: nn.Module) -> nn.Module:
    """*module* with the batch norms behind each global pooling replaced by :class:`PooledBatchNorm2d`, in place."""
    for part in list(module.modules()):
        if isinstance(part, nn.Sequential) and any(isinstance(p, nn.AdaptiveAvgPool2d) for p in part):
            _replace_norms(part)
    return module


def _replace_norms(module: nn.Module) -> None:
    for name, child in module.named_children():
        if type(child) is nn.BatchNorm2d:
            setattr(module, name, PooledBatchNorm2d(child.num_features))
        else:
            _replace_norms(child)


def bilinear_upsampling(classes: int, factor: int) -> nn.ConvTranspose2d:
    """A transposed convolution, one filter a class, that begins as bilinear enlargement by *factor* (Long et al. 2015)."""
    size = 2 * factor - factor % 2
    padding = factor // 2
    up = nn.ConvTranspose2d(classes, classes, size, stride=factor, padding=padding, groups=classes, bias=False)
    centre = factor - 1 if size % 2 else factor - 0.5
    line = 1 - (torch.arange(size, dtype=torch.float32) - centre).abs() / factor
    with torch.no_grad():
        up.weight.copy_((line[:, None] * line[None, :]).expand(classes, 1, size, size))
    return up


def he_initialise(module: nn.Module) -> None:
    """He et al. 2015 (arXiv:1502.01852) for each layer followed by a ReLU, of variance 2 / fan-out; ones and zeros for batch norms."""
    for part in module.modules():
        if isinstance(part, nn.Conv2d | nn.ConvTranspose2d):
            nn.init.kaiming_normal_(part.weight, mode="fan_out", nonlinearity="relu")
            if part.groups > 1:  # torch counts the outputs of all groups, an input reaches those of its own
                with torch.no_grad():
                    part.weight.mul_(part.groups**0.5)
            if part.bias is not None:
                nn.init.zeros_(part.bias)
        elif isinstance(part, nn.Linear):
            nn.init.kaiming_normal_(part.weight, mode="fan_in", nonlinearity="relu")
            if part.bias is not None:
                nn.init.zeros_(part.bias)
        elif isinstance(part, nn.BatchNorm2d):
            nn.init.ones_(part.weight)
            nn.init.zeros_(part.bias)


class AuxiliaryHead(nn.Sequential):
    """3×3 convolution, dropout, 1×1 to the classes: the side head of PSPNet."""

    def __init__(self, inputs: int, classes: int, dropout: float = 0.1) -> None:
        middle = max(inputs // 4, 16)
        super().__init__(conv_bn_relu(inputs, middle), nn.Dropout2d(dropout), nn.Conv2d(middle, classes, 1))
        he_initialise(self[0])


def pad_to_stride(x: torch.Tensor, stride: int) -> torch.Tensor:
    """*x* (N, C, H, W) grown at the right and bottom to multiples of *stride*, borders mirrored where they can be."""
    height, width = x.shape[-2:]
    bottom, right = -height % stride, -width % stride
    if not (bottom or right):
        return x
    mode = "reflect" if bottom < height and right < width else "replicate"
    return F.pad(x, (0, right, 0, bottom), mode=mode)
