"""Batch norm over the batches of all processes: torch's own SyncBatchNorm works on GPUs only, and not for every kind."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import torch
from torch.nn import functional as F  # noqa: N812
from torch.nn.modules.batchnorm import _BatchNorm

from segstudio.core.errors import UserError
from segstudio.ml.networks.blocks import PooledBatchNorm2d

if TYPE_CHECKING:
    from torch import nn

    from segstudio.ml.training.distributed import Ranks


def share_norms(network: nn.Module, ranks: Ranks) -> int:
    """Let *network*'s batch norms normalise over the batches of all *ranks*, in place; how many there are.

    Names and parameters stay as they are, and in evaluation nothing changes.

    Raises
    ------
    UserError
        When one computes in a way of its own that cannot be shared.
    """
    count = 0
    for module in network.modules():
        if ranks.size > 1 and isinstance(module, _BatchNorm):
            kind = type(module)
            has_steps_after = hasattr(module, "drop") and hasattr(module, "act")  # timm's norm with its activation
            if kind.forward not in (_BatchNorm.forward, PooledBatchNorm2d.forward) and not has_steps_after:
                raise UserError(
                    f"the normalisation {kind.__name__} cannot be shared by several processes",
                    remedy="train in one process, or choose another encoder",
                )
            module.__class__ = type(f"Shared{kind.__name__}", (_SharedNorm, kind), {})
            cast("_SharedNorm", module).ranks = ranks
            count += 1
    return count


class _SharedNorm(_BatchNorm):
    ranks: Ranks

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, C, …) to the same, with the mean and variance of all processes' N."""
        if not self.training:
            return super().forward(x)
        y: torch.Tensor
        with torch.autocast(x.device.type, enabled=False):
            y, mean, variance, count = _normalised(x, self.weight, self.bias, self.eps, self.ranks)
        if self.track_running_stats and self.running_mean is not None and self.running_var is not None:
            self._track(mean, variance * (count / (count - 1)))
        for step in ("drop", "act"):
            if hasattr(self, step):
                y = getattr(self, step)(y)
        return y

    @torch.no_grad()
    def _track(self, mean: torch.Tensor, variance: torch.Tensor) -> None:
        assert self.num_batches_tracked is not None
        self.num_batches_tracked.add_(1)
        factor = self.momentum if self.momentum is not None else 1.0 / float(self.num_batches_tracked)
        for kept, new in ((self.running_mean, mean), (self.running_var, variance)):
            assert kept is not None
            kept.mul_(1 - factor).add_(new.to(kept.dtype), alpha=factor)


@torch.compiler.disable  # type: ignore[untyped-decorator]
def _normalised(
    x: torch.Tensor, weight: torch.Tensor | None, bias: torch.Tensor | None, eps: float, ranks: Ranks
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, float]:
    """(y, mean (C,), variance (C,), values a channel) over all processes."""
    with torch.no_grad():
        dims = [0, *range(2, x.ndim)]
        channels = x.shape[1]
        variance, mean = torch.var_mean(x.detach().float(), dims, correction=0)
        row = torch.cat([mean.double(), variance.double(), mean.new_tensor([x.numel() // channels]).double()])
        table = ranks.table(row)
        shares = table[:, -1:] / table[:, -1].sum()
        mean = (table[:, :channels] * shares).sum(0)
        # Chan et al. 1983: the variance of parts, each around its own mean.
        variance = ((table[:, channels:-1] + (table[:, :channels] - mean) ** 2) * shares).sum(0)
    count = float(table[:, -1].sum())
    if count < 2:
        raise ValueError("one value a channel cannot be normalised")
    y = _Normalise.apply(x, weight, bias, mean.float(), variance.float(), eps, count)
    return cast("torch.Tensor", y), mean, variance, count


class _Normalise(torch.autograd.Function):
    """(x − mean) / √(variance + eps) · weight + bias, where mean and variance are of x and of what other processes hold."""

    @staticmethod
    def forward(
        ctx: Any,
        x: torch.Tensor,
        weight: torch.Tensor | None,
        bias: torch.Tensor | None,
        mean: torch.Tensor,
        variance: torch.Tensor,
        eps: float,
        count: float,
    ) -> torch.Tensor:
        ctx.save_for_backward(x, weight, mean, torch.rsqrt(variance + eps))
        ctx.count, ctx.has_bias = count, bias is not None
        return F.batch_norm(x.float(), mean, variance, weight, bias, False, 0.0, eps).to(x.dtype)

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        x, weight, mean, scale = ctx.saved_tensors
        shape = [1, -1, *[1] * (x.ndim - 2)]
        dims = [0, *range(2, x.ndim)]
        given = gradient.float()
        unit = (x.float() - mean.view(shape)) * scale.view(shape)
        of_bias, of_weight = given.sum(dims), (given * unit).sum(dims)
        sums = torch.cat([of_bias, of_weight]).double()
        torch.distributed.all_reduce(sums)
        mean_given, mean_along = (sums / ctx.count).float().split(len(of_bias))
        factor = scale if weight is None else scale * weight
        back = (given - mean_given.view(shape) - unit * mean_along.view(shape)) * factor.view(shape)
        has_weight = weight is not None
        return (
            back.to(x.dtype),
            of_weight if has_weight else None,
            of_bias if ctx.has_bias else None,
            None,
            None,
            None,
            None,
        )
