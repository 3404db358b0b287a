"""The processes that train one network together: what they share out, sum and agree on."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import torch
from torch import distributed as dist

from segstudio.core.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from torch import nn


@dataclass(frozen=True)
class Ranks:
    """A process, ``rank`` of ``size`` that train together; alone every method gives back what it is given.

    All processes call the same methods in the same order: each waits for the others. Each computes the loss of the whole batch from
    its share of it, so the gradient of a parameter is the sum of what the processes find (:meth:`wrapped`).
    """

    rank: int = 0
    size: int = 1
    device: str = ""
    """The device of this process; "" leaves the choice to the plan."""

    @property
    def is_first(self) -> bool:
        """Whether this process writes the files and speaks."""
        return self.rank == 0

    def share(self, items: Sequence[Any]) -> Sequence[Any]:
        """The contiguous part of *items* that this process does; the parts differ by at most one in length."""
        return items[len(items) * self.rank // self.size : len(items) * (self.rank + 1) // self.size]

    def totals(self, *parts: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Each tensor summed over the processes, in one exchange; gradients flow to this process's part.

        What is computed from the sums is computed by all processes alike and counts once, so the gradient passes unchanged.
        """
        if self.size == 1:
            return parts
        flat = torch.cat([part.reshape(-1).double() for part in parts])
        summed = cast("torch.Tensor", _Total.apply(flat))
        pieces = torch.split(summed, [part.numel() for part in parts])
        return tuple(piece.view(part.shape).to(part.dtype) for piece, part in zip(pieces, parts, strict=True))

    def joined(self, part: torch.Tensor) -> torch.Tensor:
        """(n₀ + n₁ + …, …) of the (nᵢ, …) of the processes, in their order; gradients flow to this process's part."""
        if self.size == 1:
            return part
        lengths = self.table(torch.tensor([len(part)], dtype=torch.float64, device=part.device))[:, 0].long().tolist()
        return cast("torch.Tensor", _Joined.apply(part, lengths, self.rank))

    def table(self, row: torch.Tensor) -> torch.Tensor:
        """(size, n) of each process's *row* (n,); no gradient."""
        whole = row.new_zeros((self.size, *row.shape))
        whole[self.rank] = row.detach()
        # A sum with noughts: gloo has no other exchange for tensors on a GPU.
        if self.size > 1:
            dist.all_reduce(whole)
        return whole

    def any(self, *flags: bool) -> tuple[bool, ...]:
        """Of each flag whether it is set in any process."""
        if self.size == 1:
            return flags
        votes = torch.tensor(flags, dtype=torch.int32)
        dist.all_reduce(votes, dist.ReduceOp.MAX)
        return tuple(bool(vote) for vote in votes.tolist())

    def gathered(self, item: Any) -> list[Any]:
        """Each process's *item*, in their order; items must pickle."""
        if self.size == 1:
            return [item]
        items: list[Any] = [None] * self.size
        dist.all_gather_object(items, item)
        return items

    def from_first(self, make: Callable[[], Any]) -> Any:
        """What *make* gives in the first process; the others wait for it.

        Raises
        ------
        UserError
            In every process, when *make* raises it in the first.
        """
        if self.size == 1:
            return make()
        answer: list[Any] = [None, None]
        if self.is_first:
            try:
                answer[0] = make()
            except UserError as error:
                answer[1] = error
                dist.broadcast_object_list([None, (error.message, error.path, error.remedy)])
                raise
        dist.broadcast_object_list(answer)
        if answer[1] is not None:
            message, path, remedy = answer[1]
            raise UserError(message, path=path, remedy=remedy)
        return answer[0]

    def seed_step(self, seed: int, step: int) -> None:
        """Set torch's generator for a step, in each process otherwise (dropout); alone it goes on where it is.

        Drawn from the step, so that a checkpoint needs no process's generator.
        """
        if self.size > 1:
            drawn = np.random.SeedSequence([seed, step, self.rank]).generate_state(1, np.uint64)
            torch.manual_seed(int(drawn[0]))

    def wrapped(self, network: nn.Module) -> nn.Module:
        """*network* with gradients that are the mean over the processes once ``backward()`` is done.

        They are to be summed, so the loss is multiplied by ``size`` before. (Summing in its place would go wrong with several
        batches a step: what the first of them gave lies in every process already.)
        """
        if self.size == 1:
            return network
        from torch.nn.parallel import DistributedDataParallel

        device = next(network.parameters()).device
        # Buffers are alike already: norms share their statistics.
        known = inspect.signature(DistributedDataParallel).parameters
        buffers = (
            "forward_sync_buffers" if "forward_sync_buffers" in known else "broadcast_buffers"
        )  # as it was called until lately
        options: dict[str, Any] = {"device_ids": [device.index] if device.type == "cuda" else None, buffers: False}
        # Of a graph that stays as it is DDP finds by itself which parameters no step uses.
        return DistributedDataParallel(network, static_graph=True, **options)


ONE = Ranks()
"""A lone process."""


class _Total(torch.autograd.Function):
    @staticmethod
    def forward(_ctx: Any, part: torch.Tensor) -> torch.Tensor:
        whole = part.clone()
        dist.all_reduce(whole)
        return whole

    @staticmethod
    def backward(_ctx: Any, gradient: torch.Tensor) -> torch.Tensor:
        return gradient


class _Joined(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, part: torch.Tensor, lengths: list[int], rank: int) -> torch.Tensor:
        ctx.begin = sum(lengths[:rank])
        ctx.end = ctx.begin + lengths[rank]
        whole = part.new_zeros((sum(lengths), *part.shape[1:]))
        whole[ctx.begin : ctx.end] = part
        dist.all_reduce(whole)
        return whole

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor, None, None]:
        return gradient[ctx.begin : ctx.end], None, None
