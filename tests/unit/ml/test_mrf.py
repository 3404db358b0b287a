"""The Deep Parsing Network's MRF against loops over its formula, its gradients, and what it makes of noisy beliefs."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from segstudio.core.cancel import CancelToken
from segstudio.core.errors import Cancelled
from segstudio.ml.refine.mrf import SMALLEST, MrfLayers, deep_parsing
from segstudio.ml.refine.parameters import MrfParameters

SMALL = MrfParameters(
    grid_steps=2,
    spacing_px=2,
    theta_px=3.0,
    theta_beta=25.0,
    context_px=5,
    contexts=5,
    context_weight=3.0,
    iterations=1,
)


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


def by_loops(probabilities, image, p, contexts):
    """One mean-field step, pixel by pixel; *contexts* (u, k, v, y, x) are the penalties of the label contexts."""
    classes, height, width = probabilities.shape
    q, colour = probabilities.double().numpy(), image.double().numpy()
    triple = np.zeros_like(q)
    reach = range(-p.grid_steps * p.spacing_px, p.grid_steps * p.spacing_px + 1, p.spacing_px)
    for y in range(height):
        for x in range(width):
            total, mass = np.zeros(classes), 0.0
            for dy in reach:
                for dx in reach:
                    if 0 <= y + dy < height and 0 <= x + dx < width:
                        unlike = ((colour[:, y, x] - colour[:, y + dy, x + dx]) ** 2).sum()
                        d = np.exp(-unlike / (2 * p.theta_beta**2) - (dy * dy + dx * dx) / (2 * p.theta_px**2))
                        total += d * q[:, y + dy, x + dx]
                        mass += d
            triple[:, y, x] = np.sqrt(q[:, y, x] * total / mass)
    half = p.context_px // 2
    scores = np.zeros_like(q)
    for y in range(height):
        for x in range(width):
            # What lies beyond the border is as the pixel at the border.
            rows = np.clip(np.arange(y - half, y + half + 1), 0, height - 1)
            columns = np.clip(np.arange(x - half, x + half + 1), 0, width - 1)
            cost = np.einsum("ukvyx,vyx->uk", contexts, triple[:, rows[:, None], columns[None, :]])
            scores[:, y, x] = np.log(np.maximum(q[:, y, x], SMALLEST)) - cost.min(axis=1)
    scores = np.exp(scores - scores.max(0))
    return scores / scores.sum(0)


def test_layers_are_the_formula():
    image, given = picture(32), beliefs(3, 32)
    torch.manual_seed(0)
    layers = MrfLayers(3, SMALL)
    with torch.no_grad():
        layers.contexts += 0.02 * torch.randn_like(layers.contexts)  # not Potts any more
        found = layers(given.log()[None], image[None])[0].softmax(0)
    contexts = layers.contexts.detach().double().numpy().reshape(3, 5, 3, 5, 5)
    assert np.abs(found.numpy() - by_loops(given, image, SMALL, contexts)).max() < 1e-3


def test_untrained_layers_are_the_quick_function():
    image, given = picture(32), beliefs(4, 32)
    layers = MrfLayers(4, MrfParameters(iterations=2))
    with torch.no_grad():
        slow = layers(given.log()[None], image[None])[0].softmax(0)
    torch.testing.assert_close(deep_parsing(given, image, layers.given), slow, atol=1e-5, rtol=1e-4)


def test_layers_have_right_gradients():
    torch.manual_seed(0)
    layers = MrfLayers(2, MrfParameters(2, 1, 2.0, 60.0, 3, 2, 2.0, 2)).double()
    image = picture(5).double()[None]
    logits = torch.randn(1, 2, 5, 5, dtype=torch.float64, requires_grad=True)
    parameters = tuple(layers.parameters())

    def run(values, *_):
        return layers(values, image)

    assert torch.autograd.gradcheck(run, (logits, *parameters), atol=1e-6, fast_mode=True)
    layers(logits, image).square().sum().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in parameters)


def test_it_improves_a_noisy_answer():
    image = picture(96)
    truth = (image.mean(0) > 125).long()
    noisy = torch.where(torch.from_numpy(np.random.default_rng(3).random((96, 96)) < 0.15), 1 - truth, truth)
    given = torch.stack([1 - noisy, noisy]).float() * 0.4 + 0.3
    found = deep_parsing(given, image, MrfParameters(iterations=3)).argmax(0)
    assert (noisy == truth).float().mean() < 0.88 and (found == truth).float().mean() > 0.99


def test_pixels_without_data_have_no_say():
    image, given = picture(24), beliefs(3, 24)
    valid = torch.ones(24, 24, dtype=torch.bool)
    valid[:, 12:] = False
    found = deep_parsing(given, image, SMALL, valid=valid)
    assert torch.equal(found[:, ~valid], given[:, ~valid])
    other, others = image.clone(), given.clone()
    other[:, ~valid], others[:, ~valid] = 255.0, 1 / 3
    assert torch.equal(deep_parsing(others, other, SMALL, valid=valid)[:, :, :10], found[:, :, :10])


def test_it_can_be_cancelled_and_refuses_other_sizes():
    token = CancelToken()
    token.set()
    with pytest.raises(Cancelled):
        deep_parsing(beliefs(2, 8), picture(8), SMALL, cancel=token)
    with pytest.raises(ValueError, match="probabilities"):
        deep_parsing(beliefs(2, 8), picture(9), SMALL)
