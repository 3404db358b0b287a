"""Memory that runs out in training is faked at every rung: parts, windows, bfloat16, the CPU; the same pixels are learnt throughout."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace

import numpy as np
import pytest
import torch
from test_optimisation import CPU, PLAN, batch_of, engine_for
from torch import nn

from segstudio.core.errors import UserError
from segstudio.ml.networks.output import NetworkOutput
from segstudio.ml.plan import TrainPlan
from segstudio.ml.training import memory_ladder
from segstudio.ml.training.engine import Batch
from segstudio.ml.training.memory_ladder import MemoryLadder, first_parts
from segstudio.ml.training.validate import predict_logits

FULL = "CUDA out of memory. Tried to allocate 2.00 GiB."


class Pointwise(nn.Module):
    """Looks at each pixel alone, so that windows change nothing but digits; has memory for *most_px* pixels in float32."""

    def __init__(self, most_px, *, narrow_px=0, cpu_px=None):
        super().__init__()
        torch.manual_seed(1)
        self.encoder, self.head = nn.Conv2d(3, 6, 1), nn.Conv2d(6, 3, 1)
        self.most_px, self.narrow_px, self.cpu_px = most_px, narrow_px, cpu_px
        self.shapes, self.is_moved = [], False

    def to(self, *args, **kwargs):
        self.is_moved = self.cpu_px is not None
        return super().to(*args, **kwargs)

    def forward(self, x):
        most = self.narrow_px if torch.is_autocast_enabled("cpu") else self.most_px
        if (self.cpu_px if self.is_moved else most) < len(x) * x.shape[-1] * x.shape[-2]:
            raise torch.OutOfMemoryError(FULL)
        self.shapes.append(tuple(x.shape))
        return NetworkOutput(self.head(torch.relu(self.encoder(x))))


def trial(network, **options):
    return engine_for(replace(PLAN, loss="ce", optimiser="sgd", lr=0.01), network, stride_px=8, **options)


def same_parameters(one, other, tolerance=1e-6):
    for a, b in zip(one.module.parameters(), other.module.parameters(), strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=tolerance)


def test_windows_of_a_patch_make_the_same_step_as_the_whole():
    free, tight = trial(Pointwise(1 << 40)), trial(Pointwise(64 * 64))
    for seed in range(2):
        batch = batch_of(2, seed, side=256)
        assert free.step([batch]) == pytest.approx(tight.step([batch]), abs=1e-6)
    same_parameters(free, tight)
    assert set(tight.module.shapes) == {(1, 3, 64, 64)} and not free.notes
    assert [("1 by 1" in n, "128 px" in n, "64 px" in n) for n in tight.notes] == [(1, 0, 0), (0, 1, 0), (0, 0, 1)]


def test_borders_and_source_weights_are_cut_with_their_pixels():
    draw = torch.Generator().manual_seed(4)
    plain = batch_of(1, side=128)
    batch = replace(
        plain, border=torch.rand(1, 128, 128, generator=draw), weights=torch.rand(1, 128, 128, generator=draw)
    )
    free, tight = trial(Pointwise(1 << 40)), trial(Pointwise(64 * 64))
    windows = MemoryLadder(1, 8)
    windows.halvings = 1
    parts = windows.windows(batch)
    assert len(parts) == 4
    for name in ("images", "targets", "border", "weights"):
        rows = [torch.cat([getattr(p, name) for p in parts[i : i + 2]], -1) for i in (0, 2)]
        assert torch.equal(torch.cat(rows, -2), getattr(batch, name)), name
    # A border map counts each pixel's weight in a mean over the window, so only the plain batch makes the same step.
    assert free.step([plain]) == pytest.approx(tight.step([plain]), abs=1e-6)


def test_then_bfloat16_and_at_last_a_sentence():
    engine = trial(Pointwise(0, narrow_px=64 * 64))
    assert np.isfinite(engine.step([batch_of(4, side=128)]))
    assert engine.amp_dtype == torch.bfloat16 and "bf16 from here on" in engine.notes[-1] and len(engine.notes) == 4
    with pytest.raises(
        UserError,
        match="cpu has too little memory to learn 1 patch at once. Give a smaller --size or a lighter network.$",
    ):
        trial(Pointwise(0)).step([batch_of(2, side=128)])


def test_memory_of_the_system_counts_like_that_of_a_card():
    class Full(Pointwise):
        def forward(self, x):
            if len(x) > 2:
                raise RuntimeError(
                    "[enforce fail at alloc_cpu.cpp:124] DefaultCPUAllocator: can't allocate memory: you tried to allocate"
                )
            return super().forward(x)

    engine = trial(Full(1 << 40))
    assert np.isfinite(engine.step([batch_of(8, side=64)])) and "2 by 2" in engine.notes[-1]


class Card:
    """A graphics card that is none: tensors stay where they are."""

    type = "cuda"

    def __str__(self):
        return "cuda:0"


def test_the_cpu_takes_over_with_moments_and_averages(monkeypatch):
    """On a card that holds nothing: the CPU makes the steps that it would have made from the start."""
    monkeypatch.setattr(Batch, "to", lambda self, device: self)
    plan = replace(PLAN, loss="ce", optimiser="adamw", lr=0.01)
    network = Pointwise(1 << 40, cpu_px=1 << 40)
    average = torch.optim.swa_utils.AveragedModel(Pointwise(1 << 40))
    engine = engine_for(plan, network, stride_px=8, average=average, amp_dtype=None)
    wanted = engine_for(plan, Pointwise(1 << 40), average=torch.optim.swa_utils.AveragedModel(Pointwise(1 << 40)))
    first, second = batch_of(4, 1, side=64), batch_of(4, 2, side=64)
    assert engine.step([first]) == pytest.approx(wanted.step([first]))
    engine.device = Card()
    engine.amp_dtype = torch.float32  # bfloat16 was tried before
    network.most_px = 0
    monkeypatch.setattr("segstudio.ml.training.engine.fast_dtype", lambda _: None)
    monkeypatch.setattr(torch, "autocast", lambda *_, **__: nullcontext())
    value = engine.step([second])
    assert engine.device == CPU and engine.amp_dtype is None and not engine.memory.most_patches
    assert "goes on with the CPU" in engine.notes[-1] and "1 by 1" in engine.notes[-2]
    assert value == pytest.approx(wanted.step([second]))
    same_parameters(engine, wanted)
    for a, b in zip(engine.average.parameters(), wanted.average.parameters(), strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=1e-6)


def test_the_rungs_come_in_order_and_end():
    ladder, shape = MemoryLadder(1, 16), (3, 256, 256)
    rungs, patches, may_narrow = [], 4, True
    for _ in range(8):
        rungs.append(ladder.down(patches, shape, may_narrow=may_narrow, is_on_cpu="cpu" in rungs))
        patches = ladder.most_patches or patches
        may_narrow = may_narrow and rungs[-1] != "bf16"
        if rungs[-1] == "cpu":
            patches = 1
    assert rungs == ["batch", "batch", "window", "window", "bf16", "cpu", "window", "window"]
    assert ladder.side_px(shape) == 64
    assert ladder.down(1, shape, may_narrow=False, is_on_cpu=True) == "none"


@pytest.mark.parametrize(
    ("least", "stride", "shape"),
    [(2, 16, (3, 256, 256)), (1, 0, (3, 256, 256)), (1, 64, (3, 128, 128)), (1, 16, (3, 240, 240))],
)
def test_no_window_is_cut_that_a_network_cannot_learn_from(least, stride, shape):
    assert MemoryLadder(least, stride).down(1, shape, may_narrow=False, is_on_cpu=True) == "none"


def test_an_estimate_parts_the_batch_only_where_it_cannot_fit(monkeypatch):
    plan = TrainPlan(out="", data="x")
    assert first_parts(plan, "", 3, 3, "cpu", 1) == 0, "the default plan is learnt as ever on this machine"
    giant = replace(plan, batch=64, patch_px=512)
    for total, wanted in ((1 << 40, 0), (1 << 30, 1)):
        monkeypatch.setattr(memory_ladder, "memory_bytes", lambda total=total: total)
        assert first_parts(giant, "", 3, 3, "cpu", 1) == wanted
    monkeypatch.setattr(memory_ladder, "memory_bytes", lambda: 24 << 30)
    some = first_parts(replace(giant, batch=512), "", 3, 3, "cpu", 1)
    assert 8 <= some < 512
    monkeypatch.setattr(memory_ladder, "memory_bytes", lambda: 0)
    assert first_parts(giant, "", 3, 3, "cpu", 1) == 0, "the system does not say"
    engine = trial(Pointwise(1 << 40))
    engine.begin_with(2)
    engine.step([batch_of(5)])
    assert "2 by 2" in engine.notes[0] and max(shape[0] for shape in engine.module.shapes) <= 2


def test_validation_goes_over_to_smaller_squares_and_answers_the_same():
    unit = np.random.default_rng(0).random((3, 700, 600), np.float32)
    free, tight = Pointwise(1 << 40), Pointwise(450 * 450)
    wanted, found = (predict_logits(net, unit, lambda x: x, CPU, amp_dtype=None) for net in (free, tight))
    torch.testing.assert_close(found, wanted)
    assert len(tight.shapes) > 4 and max(shape[-1] for shape in tight.shapes) <= 450
    with pytest.raises(torch.OutOfMemoryError):
        predict_logits(Pointwise(100), unit, lambda x: x, CPU, amp_dtype=None)
