"""Optimisers, schedules, accumulation, averages, precision, compiling, memory: one step of training, by formula and against torch."""

from __future__ import annotations

import math
from copy import deepcopy
from dataclasses import replace

import pytest
import torch
from torch import nn
from torch.optim import lr_scheduler
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from segstudio.core.errors import UserError
from segstudio.ml.networks.output import NetworkOutput
from segstudio.ml.plan import TrainPlan
from segstudio.ml.training.engine import Batch, Engine
from segstudio.ml.training.losses import SegmentationLoss
from segstudio.ml.training.precision import chosen_dtype
from segstudio.ml.training.schedule import build_optimiser, build_schedule

CPU = torch.device("cpu")
PLAN = TrainPlan(out="", data="x", lr=0.1)


class Net(nn.Module):
    """An encoder and a head without batch norm; *auxiliary* outputs of weight 0.4."""

    def __init__(self, auxiliary=0):
        super().__init__()
        torch.manual_seed(1)
        self.encoder = nn.Conv2d(3, 6, 3, padding=1)
        self.head = nn.Conv2d(6, 3, 1)
        self.auxiliary = auxiliary

    def forward(self, x):
        features = torch.relu(self.encoder(x))
        logits = self.head(features)
        return NetworkOutput(logits, tuple((0.4, features[:, i : i + 3]) for i in range(self.auxiliary)))


def engine_for(plan, network=None, epoch_steps=10, average=None, **options):
    network = network or Net()
    optimiser = build_optimiser(network, plan, is_encoder_pretrained=True)
    return Engine(
        network, optimiser, build_schedule(optimiser, plan, epoch_steps), SegmentationLoss(plan.loss), CPU, mean=(0.5,) * 3, std=(0.25,) * 3,
        clip_norm=plan.clip_norm, aux_weights=plan.aux_weights, average=average, **options,
    )  # fmt: skip


def batch_of(count, seed=0, side=8):
    draw = torch.Generator().manual_seed(seed)
    targets = torch.randint(0, 3, (count, side, side), generator=draw)
    targets[0, :2] = 255  # so that not every patch has as many labelled pixels
    return Batch(torch.rand(count, 3, side, side, generator=draw), targets, keys=tuple((1, i) for i in range(count)))


def rates(plan, epoch_steps):
    parameter = nn.Parameter(torch.zeros(2, 2))
    optimiser = torch.optim.SGD([parameter], lr=plan.lr)
    return walked(optimiser, build_schedule(optimiser, plan, epoch_steps), epoch_steps * plan.epochs)


def walked(optimiser, schedule, steps):
    seen = []
    for _ in range(steps):
        seen.append(optimiser.param_groups[0]["lr"])
        optimiser.step()
        schedule.step()
    return seen


def optimiser_of(plan):
    return torch.optim.SGD([nn.Parameter(torch.zeros(2, 2))], lr=plan.lr)


def warm_up(optimiser, steps):
    return lr_scheduler.LinearLR(optimiser, start_factor=1 / steps, total_iters=steps - 1)


@pytest.mark.parametrize("share", [0.0, 0.25])
def test_cosine_is_that_of_torch(share):
    plan = replace(PLAN, schedule="cosine", epochs=4, warmup_share=share)
    optimiser, warm = optimiser_of(plan), round(40 * share)
    theirs = lr_scheduler.CosineAnnealingLR(optimiser, 40 - warm)
    if warm:
        theirs = lr_scheduler.SequentialLR(optimiser, [warm_up(optimiser, warm), theirs], [warm])
    assert rates(plan, 10) == pytest.approx(walked(optimiser, theirs, 40), abs=1e-9)


def test_onecycle_is_that_of_torch():
    plan = replace(PLAN, schedule="onecycle", epochs=4, warmup_share=0.3)
    optimiser = optimiser_of(plan)
    theirs = lr_scheduler.OneCycleLR(optimiser, plan.lr, total_steps=40, pct_start=0.3, cycle_momentum=False)
    assert rates(plan, 10) == pytest.approx(walked(optimiser, theirs, 40), abs=1e-9)


@pytest.mark.parametrize(("step_epochs", "stair"), [(2, 10), (0, 15)])
def test_step_is_that_of_torch(step_epochs, stair):
    plan = replace(PLAN, schedule="step", epochs=9, warmup_share=0.0, step_epochs=step_epochs, step_factor=0.5)
    optimiser = optimiser_of(plan)
    theirs = lr_scheduler.StepLR(optimiser, stair, gamma=0.5)
    assert rates(plan, 5) == pytest.approx(walked(optimiser, theirs, 45), abs=1e-12)


def test_poly_is_that_of_torch_after_its_warm_up_and_constant_stays():
    plan = replace(PLAN, schedule="poly", epochs=4, warmup_share=0.25, poly_power=0.9)
    optimiser = optimiser_of(plan)
    theirs = lr_scheduler.SequentialLR(
        optimiser, [warm_up(optimiser, 10), lr_scheduler.PolynomialLR(optimiser, 30, power=0.9)], [10]
    )
    assert rates(plan, 10) == pytest.approx(walked(optimiser, theirs, 40), abs=1e-9)
    flat = rates(replace(plan, schedule="constant"), 10)
    assert flat[:10] == pytest.approx([0.1 * (i + 1) / 10 for i in range(10)]) and set(flat[10:]) == {0.1}


@pytest.mark.parametrize("schedule", ["poly", "cosine", "onecycle", "step", "constant"])
@pytest.mark.parametrize("steps", [1, 2, 3])
def test_the_shortest_runs_have_rates_too(schedule, steps):
    for share in (0.0, 0.05, 0.9):
        seen = rates(replace(PLAN, schedule=schedule, epochs=steps, warmup_share=share), 1)
        assert all(math.isfinite(rate) and 0 <= rate <= 0.1 for rate in seen)


@pytest.mark.parametrize(
    ("changes", "kind", "options"),
    [
        ({"optimiser": "adamw"}, torch.optim.AdamW, {}),
        ({"optimiser": "adam"}, torch.optim.Adam, {}),
        ({"optimiser": "sgd", "momentum": 0.8}, torch.optim.SGD, {"momentum": 0.8}),
        (
            {"optimiser": "sgd", "momentum": 0.8, "is_nesterov": True},
            torch.optim.SGD,
            {"momentum": 0.8, "nesterov": True},
        ),
    ],
)
def test_optimisers_are_those_of_torch_with_a_rate_for_each_layer(changes, kind, options):
    plan = replace(PLAN, lr=0.01, encoder_lr_factor=0.1, weight_decay=0.05, schedule="constant", warmup_share=0.0)
    plan = replace(plan, clip_norm=0.0, **changes)
    ours, theirs = engine_for(plan), Net()
    groups = [
        {"params": [theirs.encoder.weight], "lr": 0.001, "weight_decay": 0.05},
        {"params": [theirs.encoder.bias], "lr": 0.001, "weight_decay": 0.0},
        {"params": [theirs.head.weight], "lr": 0.01, "weight_decay": 0.05},
        {"params": [theirs.head.bias], "lr": 0.01, "weight_decay": 0.0},
    ]
    reference, loss = kind(groups, lr=0.01, **options), SegmentationLoss(plan.loss)
    for seed in range(4):
        batch = batch_of(3, seed)
        ours.step([batch])
        reference.zero_grad()
        loss(theirs((batch.images - 0.5) / 0.25), batch.targets).backward()
        reference.step()
    assert type(ours.optimiser) is kind
    for a, b in zip(ours.module.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=1e-7)


@pytest.mark.parametrize("loss", ["ce", "focal"])
@pytest.mark.parametrize("optimiser", ["sgd", "adamw"])
def test_accumulated_batches_make_the_step_of_the_big_one(optimiser, loss):
    plan = replace(PLAN, lr=0.01, optimiser=optimiser, loss=loss)
    big, small = engine_for(plan), engine_for(plan)
    for seed in range(3):
        batch = batch_of(8, seed)
        values = [big.step([batch]), small.step([batch.part(0, 2), batch.part(2, 4), batch.part(4, 8)])]
        assert values[0] == pytest.approx(values[1], abs=1e-6)
    for a, b in zip(big.module.parameters(), small.module.parameters(), strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=1e-6)


def test_long_gradients_are_clipped_and_their_norm_is_told():
    start = [p.detach().clone() for p in Net().parameters()]
    moved = {}
    for clip in (0.0, 1e-3):
        plan = replace(
            PLAN, optimiser="sgd", momentum=0.0, weight_decay=0.0, encoder_lr_factor=1.0, schedule="constant"
        )
        engine = engine_for(replace(plan, warmup_share=0.0, clip_norm=clip))
        engine.step([batch_of(4)])
        change = [(a.detach() - b).flatten() for a, b in zip(engine.module.parameters(), start, strict=True)]
        moved[clip] = float(torch.cat(change).norm())
    assert moved[1e-3] == pytest.approx(1e-3 * 0.1, rel=1e-3) and moved[0.0] > 10 * moved[1e-3]
    assert float(engine.gradient_norm) == pytest.approx(moved[0.0] / 0.1, rel=1e-3)


def test_averaged_weights_follow_the_formula_and_are_what_is_kept():
    network = Net()
    average = AveragedModel(network, multi_avg_fn=get_ema_multi_avg_fn(0.5), use_buffers=True)
    engine = engine_for(PLAN, network, average=average)
    expected = None
    for seed in range(3):
        engine.step([batch_of(2, seed)])
        now = network.head.weight.detach().clone()
        expected = now if expected is None else 0.5 * expected + 0.5 * now
    torch.testing.assert_close(engine.weights()["head.weight"], expected)
    assert not torch.equal(engine.weights()["head.weight"], network.head.weight)


def test_auxiliary_losses_get_the_weights_that_are_asked_for():
    batch = batch_of(2)

    def loss_with(auxiliary, weights):
        return engine_for(replace(PLAN, aux_weights=weights), Net(auxiliary)).step([batch])

    own, none, both = loss_with(2, ()), loss_with(2, (0.0,)), loss_with(2, (1.0, 0.5))
    assert none == pytest.approx(loss_with(0, ()), abs=1e-6)
    assert loss_with(2, (0.4,)) == pytest.approx(own, abs=1e-6) and len({own, none, both}) == 3
    with pytest.raises(UserError, match="has no auxiliary outputs. Leave out --aux-weights"):
        loss_with(0, (1.0,))
    with pytest.raises(UserError, match="has 2 auxiliary outputs. Give 2 numbers"):
        loss_with(2, (1.0, 1.0, 1.0))


def test_channels_last_is_only_another_order_in_memory():
    values, orders = [], []
    for is_last in (True, False):
        network = Net()
        seen = []
        network.encoder.register_forward_pre_hook(
            lambda _, inputs, seen=seen: seen.append(inputs[0].is_contiguous(memory_format=torch.channels_last))
        )
        values.append(engine_for(PLAN, network, is_channels_last=is_last).step([batch_of(2)]))
        orders.append(seen[0])
    assert orders == [True, False] and values[0] == pytest.approx(values[1], abs=1e-5)


class Full(nn.Module):
    """A network on a device that holds *most* patches."""

    def __init__(self, most):
        super().__init__()
        self.net, self.most = Net(), most

    def forward(self, x):
        if len(x) > self.most:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
        return self.net(x)


def test_a_batch_that_does_not_fit_is_learnt_in_parts_with_the_same_step():
    plan = replace(PLAN, loss="ce", optimiser="sgd", lr=0.01)
    free, tight = engine_for(plan, Full(8)), engine_for(plan, Full(2))
    for seed in range(2):
        batch = batch_of(8, seed)
        assert free.step([batch]) == pytest.approx(tight.step([batch]), abs=1e-6)
    for a, b in zip(free.module.parameters(), tight.module.parameters(), strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=1e-6)
    assert not free.notes and [("8 patches" in n, "4 patches" in n) for n in tight.notes] == [(1, 0), (0, 1)]
    assert "2 by 2" in tight.notes[-1]
    with pytest.raises(UserError, match="too little memory to learn 1 patch at once. Give a smaller --size"):
        engine_for(plan, Full(0)).step([batch_of(2)])
    with pytest.raises(UserError, match="to learn 2 patches at once"):
        engine_for(plan, Full(1), least_patches=2).step([batch_of(4)])


def test_no_step_is_made_on_a_loss_or_a_gradient_that_is_no_number():
    engine = engine_for(PLAN)
    before = deepcopy(engine.module.state_dict())
    batch = batch_of(2)
    batch.images[0, 0, 0, 0] = float("nan")
    assert math.isnan(engine.step([batch]))
    engine.module.head.weight.register_hook(lambda gradient: gradient * float("inf"))
    assert math.isnan(engine.step([batch_of(2)]))
    assert all(torch.equal(v, before[k]) for k, v in engine.module.state_dict().items())


@pytest.mark.parametrize(
    ("precision", "dtype", "says"),
    [
        ("fp32", None, ""),
        ("fp16", None, "gains nothing from fp16"),
        ("bf16", torch.bfloat16, "no instructions for bf16"),
    ],
)
def test_what_a_cpu_computes_in(precision, dtype, says, monkeypatch):
    monkeypatch.setattr("segstudio.ml.training.precision._cpu_flags", lambda: "flags: avx2")
    chosen, note = chosen_dtype(precision, CPU)
    assert chosen == dtype and says in note and bool(says) == bool(note)
    assert chosen_dtype("auto", CPU) == (None, "")


def test_gradients_of_fp16_are_scaled_and_its_leaps_left_out():
    engine = engine_for(replace(PLAN, lr=0.01), amp_dtype=torch.float16)
    assert engine.scaler.is_enabled()
    start = deepcopy(engine.module.state_dict())
    engine.scaler = torch.amp.GradScaler("cpu", init_scale=1e30)  # so high that every gradient overflows
    engine.step([batch_of(2)])
    assert all(torch.equal(v, start[k]) for k, v in engine.module.state_dict().items())
    assert engine.schedule.last_epoch == 0 and engine.scaler.get_scale() < 1e30
    engine.scaler.update(1024.0)
    engine.step([batch_of(2)])
    assert not torch.equal(engine.module.head.weight, start["head.weight"]) and engine.schedule.last_epoch == 1


def test_a_network_that_cannot_be_compiled_runs_as_it_is(monkeypatch):
    class Broken(nn.Module):
        def __init__(self, network):
            super().__init__()
            self._orig_mod = network

        def forward(self, x):
            raise RuntimeError("no working C++ compiler was found")

    monkeypatch.setattr(torch, "compile", Broken)
    plain, engine = engine_for(PLAN), engine_for(PLAN)
    engine.compile()
    assert isinstance(engine.network, Broken)
    for seed in range(2):
        assert engine.step([batch_of(2, seed)]) == plain.step([batch_of(2, seed)])
    assert engine.network is engine.module and len(engine.notes) == 1 and "runs uncompiled" in engine.notes[0]


def test_a_fault_that_is_not_the_compilers_is_not_swallowed():
    engine = engine_for(PLAN)
    engine.network = lambda x: 1 / 0
    with pytest.raises(ZeroDivisionError):
        engine.step([batch_of(2)])


def test_a_compiled_network_keeps_its_parameters_names(monkeypatch):
    monkeypatch.setattr(torch._dynamo.config, "suppress_errors", False)
    plain, engine = engine_for(PLAN), engine_for(PLAN)
    real = torch.compile
    monkeypatch.setattr(torch, "compile", lambda network: real(network, backend="aot_eager"))
    engine.compile()
    assert engine.network is not engine.module
    for seed in range(2):
        assert engine.step([batch_of(2, seed)]) == pytest.approx(plain.step([batch_of(2, seed)]), abs=1e-5)
    assert not engine.notes
    assert set(engine.parts()["network"]) == set(engine.weights()) == set(Net().state_dict())
    plain.load_parts(engine.parts())
    torch.testing.assert_close(plain.module.head.weight, engine.module.head.weight)
