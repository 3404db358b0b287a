"""Mixed precision: which narrow type a device is fast in, and which layers stay in float32 there."""

from __future__ import annotations

import types
from typing import TYPE_CHECKING

import torch
from torch import nn

if TYPE_CHECKING:
    from collections.abc import Callable

    from segstudio.ml.plan import Precision


def amp_dtype(device: torch.device) -> torch.dtype | None:
    """bfloat16 where *device* computes in it; float16 on older GPUs; None where neither is faster."""
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float16
    if device.type == "cpu" and "avx512_bf16" in _cpu_flags():
        return torch.bfloat16
    return None


def chosen_dtype(
    precision: Precision, device: torch.device, *, has_depth: bool = False
) -> tuple[torch.dtype | None, str]:
    """(narrow type of the forward pass or None for float32, a sentence where it is not what *precision* asks for) on *device*.

    *has_depth* says that the network convolves over planes: on CPUs oneDNN's gradients of that in bfloat16 hold values of memory
    that was never written (seen up to 1e34 with torch 2.15), so such a network computes in float32 there.
    """
    if has_depth and device.type == "cpu":
        is_asked = precision in ("bf16", "fp16")
        return (
            None,
            f"Gradients over planes are not safe in {precision} on a CPU: it computes in fp32." if is_asked else "",
        )
    if precision == "auto":
        return amp_dtype(device), ""
    if precision == "fp32":
        return None, ""
    if precision == "fp16":
        if device.type == "cpu":
            return None, "A CPU gains nothing from fp16, so this run computes in fp32."
        return torch.float16, ""
    if device.type == "cuda" and not torch.cuda.is_bf16_supported(including_emulation=False):
        return torch.float16, "This GPU does not compute in bf16, so this run computes in fp16."
    if device.type == "cpu" and amp_dtype(device) is None:
        return torch.bfloat16, "This CPU has no instructions for bf16: fp32 would be faster."
    return torch.bfloat16, ""


def keep_depthwise_in_float32(network: nn.Module) -> int:
    """Run *network*'s grouped convolutions in float32 also under autocast; how many there are.

    On CPUs the gradient of a depthwise convolution in bfloat16 is several times slower than in float32, while dense ones
    are several times faster; with both where they are fast, a step of U-Net on EfficientNet-Lite0 takes 0.65 of the time.
    Parameters and their names stay as they are. Call it after copies are made: a copy would compute with the original's.
    """
    count = 0
    for module in network.modules():
        if isinstance(module, nn.Conv2d) and module.groups > 1:
            module.forward = types.MethodType(_in_float32(type(module).forward), module)  # type: ignore[method-assign]
            count += 1
    return count


def _in_float32(forward: Callable[..., torch.Tensor]) -> Callable[[nn.Module, torch.Tensor], torch.Tensor]:
    def forward_in_float32(self: nn.Module, x: torch.Tensor) -> torch.Tensor:
        with torch.autocast(x.device.type, enabled=False):
            return forward(self, x.float())

    return forward_in_float32


def _cpu_flags() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            return next((line for line in file if line.startswith("flags")), "")
    except OSError:
        return ""
