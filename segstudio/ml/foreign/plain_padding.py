"""Padding that depends on the image's size, made constant: a graph must not ask for the size at every layer."""

from __future__ import annotations

from typing import Any

from torch import nn


def with_plain_padding(module: nn.Module) -> nn.Module:
    """*module*, in place, its convolutions of TensorFlow's kind ("same" padding) with the padding of an even size.

    They are equal wherever a side is a multiple of the layer's stride, as it is all the way down a network whose input is a
    multiple of the network's stride.
    """
    for name, child in list(module.named_children()):
        if type(child).__name__ == "Conv2dSame":
            setattr(module, name, _plain(child))
        else:
            with_plain_padding(child)
    return module


def _plain(conv: Any) -> nn.Module:
    pads = []
    # The last axis first, as nn.ZeroPad2d wants them.
    for kernel, stride, dilation in reversed(list(zip(conv.kernel_size, conv.stride, conv.dilation, strict=True))):
        total = max((kernel - 1) * dilation + 1 - stride, 0)
        pads += [total // 2, total - total // 2]
    plain = nn.Conv2d(
        conv.in_channels,
        conv.out_channels,
        conv.kernel_size,
        conv.stride,
        0,
        conv.dilation,
        conv.groups,
        conv.bias is not None,
    )
    plain.weight, plain.bias = conv.weight, conv.bias
    return nn.Sequential(nn.ZeroPad2d(tuple(pads)), plain)
