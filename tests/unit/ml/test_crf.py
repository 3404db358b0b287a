"""The fully connected CRF against a double loop over all pairs, and as layers that learn."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from segstudio.core.cancel import CancelToken
from segstudio.core.errors import Cancelled
from segstudio.ml.refine.crf import SMALLEST, CrfRnn, dense_crf
from segstudio.ml.refine.grid import GridFilter
from segstudio.ml.refine.lattice import GaussianFilter
from segstudio.ml.refine.parameters import CrfParameters

FEW = CrfParameters(3.0, 12.0, 20.0, 2.0, 2.0, iterations=5)


@pytest.fixture(autouse=True)
def _one_thread():
    """Small tensors gain nothing from more, and lose much where cores are few."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def picture(side, seed=0):
    """(3, side, side) in 0 … 255: a bright disc on dark ground, with noise."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:side, :side] - side / 2 + 0.5
    disc = np.where(x * x + y * y < (side / 3) ** 2, 190.0, 60.0)
    return torch.from_numpy((disc + rng.normal(0, 8, (3, side, side))).clip(0, 255).astype(np.float32))


def beliefs(classes, side, seed=1):
    drawn = np.random.default_rng(seed).random((classes, side, side), dtype=np.float32) ** 2 + 0.01
    return torch.from_numpy(drawn / drawn.sum(0))


def by_loops(probabilities, image, p):
    """Mean field as the paper writes it: for each pixel, over every other pixel."""
    classes, height, width = probabilities.shape
    count = height * width
    unary = np.log(np.maximum(probabilities.double().numpy().reshape(classes, -1).T, SMALLEST))
    colours = image.double().numpy().reshape(image.shape[0], -1).T
    place = np.array([(i % width, i // width) for i in range(count)], float)
    appearance, smoothness = np.empty((count, count)), np.empty((count, count))
    for i in range(count):
        far = ((place - place[i]) ** 2).sum(1)
        unlike = ((colours - colours[i]) ** 2).sum(1)
        appearance[i] = np.exp(-far / (2 * p.theta_alpha_px**2) - unlike / (2 * p.theta_beta**2))
        smoothness[i] = np.exp(-far / (2 * p.theta_gamma_px**2))
    kernel = np.zeros((count, count))
    for weight, each in ((p.appearance_weight, appearance), (p.smoothness_weight, smoothness)):
        norm = 1 / np.sqrt(each.sum(1))
        kernel += weight * each * norm[:, None] * norm[None, :]
    q = np.exp(unary) / np.exp(unary).sum(1, keepdims=True)
    for _ in range(p.iterations):
        scores = unary + kernel @ q
        scores = np.exp(scores - scores.max(1, keepdims=True))
        q = scores / scores.sum(1, keepdims=True)
    return q.T.reshape(classes, height, width)


def test_it_is_the_mean_field_over_all_pairs():
    image, given = picture(32), beliefs(3, 32)
    found = dense_crf(given, image, FEW)
    assert np.abs(found.numpy() - by_loops(given, image, FEW)).max() < 1e-3


def test_it_follows_the_edges_of_the_image():
    image = picture(96)
    truth = (image.mean(0) > 125).long()
    noisy = torch.where(torch.from_numpy(np.random.default_rng(3).random((96, 96)) < 0.2), 1 - truth, truth)
    given = torch.stack([1 - noisy, noisy]).float() * 0.4 + 0.3
    found = dense_crf(given, image).argmax(0)  # 9216 pixels: on the lattice
    assert (noisy == truth).float().mean() < 0.85 and (found == truth).float().mean() > 0.99


def test_lattice_filters_nearly_as_all_pairs_do():
    # Smooth signals, as beliefs are: the lattice blurs a little differently from a Gaussian, the more so the finer the signal.
    image = picture(48, seed=4)
    y, x = torch.meshgrid(torch.arange(48.0), torch.arange(48.0), indexing="ij")
    features = torch.cat([torch.stack([x, y], -1).reshape(-1, 2) / 9, image.reshape(3, -1).T / 25], dim=1)
    values = torch.stack([torch.sin(x / 9).reshape(-1), (image.mean(0) > 125).float().reshape(-1)], dim=1)
    ones = torch.ones(values.shape[0], 1)
    each = [GaussianFilter(features, exact_points=limit) for limit in (10_000, 0)]
    assert each[0].is_exact and not each[1].is_exact
    exact, lattice = (f(values) / f(ones) for f in each)
    assert (exact - lattice).abs().mean() < 0.05


def test_lattice_has_an_adjoint():
    torch.manual_seed(0)
    kernel = GaussianFilter(torch.rand(500, 3) * 4, exact_points=0)
    a, b = torch.rand(500, 2), torch.rand(500, 2)
    assert float((kernel(a) * b).sum()) == pytest.approx(float((a * kernel.transposed(b)).sum()), rel=1e-4)


def test_layers_have_right_gradients():
    torch.manual_seed(0)
    layer = CrfRnn(2, FEW, iterations=2).double()
    image = picture(5).double()[None]
    logits = torch.randn(1, 2, 5, 5, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda values: layer(values, image), (logits,), atol=1e-5)
    layer(logits, image).square().sum().backward()
    for parameter in layer.parameters():
        assert parameter.grad is not None and parameter.grad.abs().sum() > 0


def test_gradients_of_weights_and_logits_are_right_on_the_lattice_too():
    torch.manual_seed(0)
    layer = CrfRnn(2, FEW, iterations=2).double()
    image = picture(34).double()[None]  # 1156 pixels: more than are looked at in pairs
    logits = torch.randn(1, 2, 34, 34, dtype=torch.float64, requires_grad=True)
    seen = tuple(layer.parameters())
    assert torch.autograd.gradcheck(lambda values, *_: layer(values, image), (logits, *seen), atol=1e-5, fast_mode=True)


@pytest.mark.parametrize("has_holes", [False, True])
def test_filter_over_positions_is_the_gaussian_of_all_pairs(has_holes):
    valid = torch.from_numpy(np.random.default_rng(0).random((23, 31)) < 0.7) if has_holes else None
    y, x = torch.meshgrid(torch.arange(23.0), torch.arange(31.0), indexing="ij")
    place = torch.stack([x, y], -1).reshape(-1, 2)
    place = place if valid is None else place[valid.reshape(-1)]
    values = torch.rand(place.shape[0], 3)
    grid, pairs = GridFilter((23, 31), 1.7, valid), GaussianFilter(place / 1.7, exact_points=10_000)
    torch.testing.assert_close(grid(values), pairs(values), atol=1e-4, rtol=1e-4)
    assert float((grid(values) * values).sum()) == pytest.approx(
        float((values * grid.transposed(values)).sum()), rel=1e-5
    )


def test_pixels_without_data_neither_change_nor_speak():
    image, given = picture(40), beliefs(3, 40)
    valid = torch.ones(40, 40, dtype=torch.bool)
    valid[:, 20:] = False
    found = dense_crf(given, image, FEW, valid=valid)
    assert torch.equal(found[:, ~valid], given[:, ~valid])
    alone = dense_crf(given[:, :, :20], image[:, :, :20], FEW)
    torch.testing.assert_close(found[:, :, :20], alone, atol=1e-5, rtol=1e-4)


def test_untrained_layers_are_the_crf():
    image, given = picture(16), beliefs(3, 16)
    layer = CrfRnn(3, FEW, iterations=FEW.iterations)
    with torch.inference_mode():
        found = layer(given.log()[None], image[None])[0].softmax(0)
    torch.testing.assert_close(found, dense_crf(given, image, FEW), atol=1e-4, rtol=1e-3)


def test_it_can_be_cancelled_and_says_how_far_it_is():
    told: list[tuple[int, int]] = []
    dense_crf(beliefs(2, 8), picture(8), FEW, progress=lambda done, total, what: told.append((done, total)))
    assert told == [(step, 5) for step in range(1, 6)]
    token = CancelToken()
    token.set()
    with pytest.raises(Cancelled):
        dense_crf(beliefs(2, 8), picture(8), FEW, cancel=token)
    with pytest.raises(ValueError, match="probabilities"):
        dense_crf(beliefs(2, 8), picture(9), FEW)
    assert math.isclose(float(dense_crf(beliefs(2, 8), picture(8), FEW).sum()), 64, rel_tol=1e-5)
