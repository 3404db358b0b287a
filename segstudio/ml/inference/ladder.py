"""How far down a model had to go for want of memory: kept with the model, so that the next image begins there.

The rungs: fewer windows at a time, smaller windows, bfloat16, the CPU. What is finished stays; one sentence says what was done.
"""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import torch

from segstudio.core.errors import UserError
from segstudio.ml.inference.devices import first_batch, free_cached
from segstudio.ml.networks.costs import TORCHVISION, costs_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from contextlib import AbstractContextManager

    from segstudio.ml.cards import ModelCard

Rung = Literal["batch", "window", "bf16", "cpu"]
USABLE = 0.8
"""The part of a card's free memory that windows are planned for."""
_NAME = "memory_ladder"


@dataclass
class Ladder:
    """Where a model stands: ``batch`` windows at a time, none longer than ``limit_px`` (0: as asked), in bfloat16 or not.

    ``asked_device`` is where it was before the CPU had to take over. ``notes`` are sentences, one for each rung taken.
    """

    asked_device: str
    batch: int
    limit_px: int = 0
    is_narrow: bool = False
    is_planned: bool = False
    notes: list[str] = field(default_factory=list)

    @property
    def summary(self) -> str:
        """One sentence about all of it; "" where memory sufficed."""
        if not self.notes:
            return ""
        parts = ["one window at a time" if self.batch == 1 else f"{self.batch} windows at a time"]
        parts += [f"windows of {self.limit_px} px"] if self.limit_px else []
        parts += ["in bf16"] if self.is_narrow else []
        return f"Memory ran short on {self.asked_device}, so the model worked with {', '.join(parts)}{self._where()}."

    def _where(self) -> str:
        return " on the CPU" if any("going on with the CPU" in note for note in self.notes) else ""

    def computing(self, device: str) -> AbstractContextManager[Any]:
        """Around a forward pass on *device*."""
        kind = device.partition(":")[0]
        is_there = torch.cuda.is_available() if kind == "cuda" else True
        return torch.autocast(kind, torch.bfloat16) if self.is_narrow and is_there else nullcontext()

    def plan(self, card: ModelCard, shape: Sequence[int], device: str) -> None:
        """Before the first windows of *shape* (C, …, h, w): as many at a time as a card's free memory holds by the table of costs."""
        if self.is_planned or not device.startswith("cuda") or self.batch == 1 or len(shape) != 3:
            return
        self.is_planned = True
        fits = windows_that_fit(card, shape, free_bytes(device))
        if 0 < fits < self.batch:
            self.batch = fits
            self.notes.append(f"{device} has memory for {_windows(fits)} at a time")

    def down(self, segmenter: Any, side_px: int, smallest_px: int, error: BaseException) -> str:
        """Take the next rung, since windows of *side_px* did not fit; what was done, in a few words.

        Raises
        ------
        UserError
            Where there is none.
        """
        device, stride = segmenter.device, segmenter.card.stride_px
        # The traceback keeps the failed forward's tensors alive.
        error.__traceback__ = None
        free_cached(device)
        smaller = side_px // 2 // stride * stride
        if self.batch > 1:
            self.batch //= 2
            note = f"{self.batch} windows at a time"
        elif smaller >= smallest_px:
            self.limit_px = smaller
            note = f"windows of {smaller} px"
        elif not self.is_narrow and device != "cpu":
            self.is_narrow = True
            note = "computing in bf16"
        elif device != "cpu":
            segmenter.to("cpu")
            free_cached(device)
            self.limit_px, self.is_narrow = 0, False
            note = "going on with the CPU"
        else:
            raise UserError(
                "there is not enough memory for one window", remedy="choose smaller windows (tiles), or a smaller model"
            ) from error
        said = f"Out of memory on {device}: {note}"
        self.notes.append(said)
        return said


def ladder_of(segmenter: Any, planes: int = 1) -> Ladder:
    """Where *segmenter* stands; at the top when it is new. Windows of so many *planes* are taken fewer at a time."""
    found = getattr(segmenter, _NAME, None)
    if not isinstance(found, Ladder):
        found = Ladder(segmenter.device, max(1, first_batch(segmenter.device) // planes))
        setattr(segmenter, _NAME, found)
    return found


def start_over(segmenter: Any) -> None:
    """Another job begins: other programs may have given memory back, so it is tried from the top again, on the device asked for."""
    found = getattr(segmenter, _NAME, None)
    if not isinstance(found, Ladder):
        return
    delattr(segmenter, _NAME)
    if segmenter.device != found.asked_device:
        try:
            segmenter.to(found.asked_device)
        except (RuntimeError, MemoryError):
            segmenter.to("cpu")


def windows_that_fit(card: ModelCard, shape: Sequence[int], free: int) -> int:
    """How many windows of *shape* (C, h, w) fit into *free* bytes beside the weights, at least 1; 0 where it cannot be told."""
    arch, _, builder = card.id.partition("/") if card.weights.kind == "download" else (card.architecture, "", "")
    arch, encoder = (TORCHVISION, builder) if arch == TORCHVISION else (card.architecture, card.encoder)
    costs = costs_of(arch, encoder, shape[0], max(2, len(card.classes)), shape[-2], shape[-1])
    if costs is None or free <= 0:
        return 0
    one = costs.memory_bytes - costs.parameters * 4
    return max(1, int(USABLE * free // one)) if one > 0 else 0


def free_bytes(device: str) -> int:
    """Memory that a graphics card has free now; 0 where that cannot be told."""
    try:
        return int(torch.cuda.mem_get_info(torch.device(device))[0])
    except (RuntimeError, AssertionError, ValueError):
        return 0


def _windows(count: int) -> str:
    return "one window" if count == 1 else f"{count} windows"
