"""Sums, losses and batch norms over several processes are those of one process with the whole batch."""

from __future__ import annotations

import copy

import pytest
import torch
from rank_help import in_ranks
from torch import nn

from segstudio.core.errors import UserError
from segstudio.ml.networks.blocks import PooledBatchNorm2d
from segstudio.ml.networks.output import NetworkOutput
from segstudio.ml.training.distributed import ONE, Ranks
from segstudio.ml.training.losses import SegmentationLoss
from segstudio.ml.training.shared_norm import share_norms

LOSSES = ("ce", "bce", "dice", "focal", "ohem", "lovasz", "tversky", "boundary", "ce+dice", "ce+0.5*lovasz")
BATCH, CLASSES, SIDE = 5, 3, 12
"""Five over two processes: shares of two and three."""


def whole_batch():
    draw = torch.Generator().manual_seed(4)
    logits = 2 * torch.randn(BATCH, CLASSES, SIDE, SIDE, generator=draw, dtype=torch.float64)
    target = torch.randint(0, CLASSES, (BATCH, SIDE, SIDE), generator=draw)
    # The shares differ in what they ignore and in the classes they hold: means of means would be wrong.
    target[:2][target[:2] == 2] = 0
    target[0, :9], target[4, :2] = 255, 255
    border = torch.rand(BATCH, SIDE, SIDE, generator=draw)
    return logits.float(), target, border


def loss_and_gradient(ranks, kind, weights, has_border):
    logits, target, border = whole_batch()
    leaf = logits[:, :].clone().requires_grad_()
    mine = slice(BATCH * ranks.rank // ranks.size, BATCH * (ranks.rank + 1) // ranks.size)
    loss = SegmentationLoss(kind, weights, ranks=ranks)
    value = loss(NetworkOutput(leaf[mine]), target[mine], border[mine] if has_border else None)
    value.backward()
    return value.detach(), leaf.grad


def losses(ranks):
    found = {}
    for kind in LOSSES:
        for weights in (None, torch.tensor([0.2, 1.0, 3.0])):
            for has_border in (False, True):
                found[kind, weights is not None, has_border] = loss_and_gradient(ranks, kind, weights, has_border)
    return found


def small_network():
    timm = pytest.importorskip("timm.layers")
    torch.manual_seed(2)
    network = nn.Sequential(
        nn.Conv2d(3, 4, 3, padding=1),
        nn.BatchNorm2d(4),
        nn.ReLU(),
        nn.Conv2d(4, 6, 3, padding=1),
        timm.BatchNormAct2d(6),
        nn.Conv2d(6, 5, 1),
        nn.BatchNorm2d(5, momentum=None),
        nn.Conv2d(5, 5, 1),
        nn.BatchNorm2d(5, affine=False),
        nn.AdaptiveAvgPool2d(1),
        PooledBatchNorm2d(5),
    )
    for part in network:
        if isinstance(part, nn.BatchNorm2d) and part.affine:
            nn.init.uniform_(part.weight, 0.5, 1.5)
            nn.init.uniform_(part.bias)
    return network


def two_passes(ranks):
    """Outputs and gradients of the second pass of a network with every kind of norm, and its state after both."""
    network = small_network().train()
    count = share_norms(network, ranks)
    assert count == (5 if ranks.size > 1 else 0)
    twin = copy.deepcopy(network)
    x = 3 * torch.randn(BATCH, 3, 8, 8, generator=torch.Generator().manual_seed(1)) + 1
    leaf = x.clone().requires_grad_()
    mine = slice(BATCH * ranks.rank // ranks.size, BATCH * (ranks.rank + 1) // ranks.size)
    network(leaf[mine])
    y = network(leaf[mine])
    pull = torch.randn(BATCH, 5, 1, 1, generator=torch.Generator().manual_seed(9))[mine]
    (y * pull).sum().backward()
    evaluated = network.eval()(x)
    gradients = {name: parameter.grad for name, parameter in network.named_parameters()}
    return (
        y.detach(),
        leaf.grad,
        gradients,
        dict(network.state_dict()),
        evaluated.detach(),
        twin.train()(x[mine]).detach(),
    )


def talk(ranks):
    def fail():
        raise UserError("no", remedy="yes")

    told = ""
    try:
        ranks.from_first(fail)
    except UserError as error:
        told = f"{error.message}/{error.remedy}"
    return {
        "any": ranks.any(ranks.rank == 1, False, True),
        "gathered": ranks.gathered(("from", ranks.rank)),
        "first": ranks.from_first(lambda: ranks.rank),
        "told": told,
        "shares": [list(ranks.share(range(n))) for n in (2, 5, 8)],
    }  # fmt: skip


def everything(ranks):
    return losses(ranks), two_passes(ranks), talk(ranks)


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    return in_ranks(everything, 2, tmp_path_factory.mktemp("two"))


@pytest.mark.parametrize("has_border", (False, True))
@pytest.mark.parametrize("has_weights", (False, True))
@pytest.mark.parametrize("kind", LOSSES)
def test_a_loss_over_two_processes_is_that_of_the_whole_batch(two, kind, has_weights, has_border):
    value, gradient = loss_and_gradient(ONE, kind, torch.tensor([0.2, 1.0, 3.0]) if has_weights else None, has_border)
    parts = [answer[0][kind, has_weights, has_border] for answer in two]
    for part, _ in parts:
        assert float(part) == pytest.approx(float(value), abs=1e-6)
    assert torch.equal(parts[0][0], parts[1][0])
    most = float(gradient.abs().max())
    assert most > 0
    # Each process's gradient is of its own share, and nought elsewhere.
    torch.testing.assert_close(parts[0][1] + parts[1][1], gradient, atol=1e-5 * most, rtol=1e-5)
    assert not parts[0][1][2:].any() and not parts[1][1][:2].any()


def test_norms_over_two_processes_are_those_of_the_whole_batch(two):
    y, of_input, gradients, state, evaluated, _ = two_passes(ONE)
    first, second = (answer[1] for answer in two)
    close = {"atol": 2e-6, "rtol": 1e-5}
    torch.testing.assert_close(torch.cat([first[0], second[0]]), y, **close)
    torch.testing.assert_close(first[1] + second[1], of_input, **close)
    # A bias before a norm has no gradient but rounding.
    most = max(float(gradient.abs().max()) for gradient in gradients.values())
    for name, gradient in gradients.items():
        torch.testing.assert_close(first[2][name] + second[2][name], gradient, atol=2e-6 * most, rtol=1e-4)
    assert first[3].keys() == state.keys()
    for name, value in state.items():
        torch.testing.assert_close(first[3][name], value, **close)
        assert torch.equal(first[3][name], second[3][name])
    torch.testing.assert_close(first[4], evaluated, **close)


def test_a_copy_of_a_shared_norm_is_one(two):
    y = small_network().train()(3 * torch.randn(BATCH, 3, 8, 8, generator=torch.Generator().manual_seed(1)) + 1)
    torch.testing.assert_close(torch.cat([two[0][1][5], two[1][1][5]]), y.detach(), atol=2e-6, rtol=1e-5)


def test_processes_agree_and_tell_one_another(two):
    for rank, (_, _, said) in enumerate(two):
        assert said["any"] == (True, False, True)
        assert said["gathered"] == [("from", 0), ("from", 1)]
        assert said["first"] == 0
        assert said["told"] == "no/yes"
        assert said["shares"] == ([[0], [0, 1], [0, 1, 2, 3]], [[1], [2, 3, 4], [4, 5, 6, 7]])[rank]


def test_alone_nothing_changes():
    a, b = torch.ones(3, requires_grad=True), torch.zeros(2)
    assert ONE.totals(a, b)[0] is a and ONE.joined(a) is a
    assert ONE.any(True, False) == (True, False) and ONE.share([1, 2]) == [1, 2]
    network = small_network()
    kinds = [type(part) for part in network.modules()]
    assert share_norms(network, ONE) == 0 and [type(part) for part in network.modules()] == kinds
    assert ONE.wrapped(network) is network


def test_a_norm_of_its_own_kind_is_refused():
    class Odd(nn.BatchNorm2d):
        def forward(self, x):
            return x

    with pytest.raises(UserError, match="Odd cannot be shared"):
        share_norms(nn.Sequential(Odd(3)), Ranks(0, 2))
