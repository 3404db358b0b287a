"""Averaging over views: each is undone, what is averaged are probabilities, and the command line and the evaluation know it."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from small_projects import offer_bright, run, spot_picture
from torch import nn

from segstudio.core.errors import UserError
from segstudio.ml.cards import ModelCard, WeightsSource
from segstudio.ml.inference.loading import TorchSegmenter
from segstudio.ml.inference.views import ViewsSegmenter, with_views
from segstudio.ml.model_options import options_of, with_options

CARD = ModelCard("m", "M", architecture="unet", classes=("a", "b"), stride_px=1)


def network(seed=0):
    """Two convolutions that no turn leaves as they are."""
    torch.manual_seed(seed)
    return nn.Sequential(nn.Conv2d(3, 4, 5, padding=2), nn.Tanh(), nn.Conv2d(4, 2, 3, padding=1))


@pytest.mark.parametrize("views", [2, 4, 8])
def test_the_average_is_over_all_symmetries_of_the_window(views):
    model = TorchSegmenter(network(), CARD)
    x = torch.randn(2, 3, 12, 16, generator=torch.Generator().manual_seed(1))
    answer = ViewsSegmenter(model, views).predict(x)
    assert answer.shape == (2, 2, 12, 16) and answer.dtype == torch.float32
    wanted = np.zeros(answer.shape)
    for turns in range(4):
        for mirror in (False, True):
            if views < 8 and turns % 2 or views < 4 and turns:
                continue
            seen = np.rot90(x.numpy()[..., ::-1] if mirror else x.numpy(), turns, (2, 3))
            logits = model.predict(torch.from_numpy(seen.copy())).numpy().astype(np.float64)
            chance = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
            chance = np.rot90(chance, -turns, (2, 3))
            wanted += (chance[..., ::-1] if mirror else chance) / views
    assert np.allclose(torch.softmax(answer, 1).numpy(), wanted, atol=1e-6)


def test_turning_the_picture_turns_the_answer_of_eight_views():
    model = ViewsSegmenter(TorchSegmenter(network(), CARD), 8)
    x = torch.randn(1, 3, 10, 10, generator=torch.Generator().manual_seed(2))
    turned = model.predict(torch.rot90(x, 1, (2, 3)))
    assert torch.allclose(turned, torch.rot90(model.predict(x), 1, (2, 3)), atol=1e-5)


def test_a_chance_of_nothing_stays_a_number():
    class Sure:
        card, device = CARD, "cpu"

        def predict(self, batch):
            logits = torch.zeros(batch.shape[0], 2, *batch.shape[2:])
            logits[:, 0] = 500.0
            return logits

    answer = ViewsSegmenter(Sure(), 2).predict(torch.zeros(1, 3, 4, 4))
    assert torch.isfinite(answer).all() and (answer[:, 0] > answer[:, 1]).all()


@pytest.mark.parametrize(("scales", "factors"), [(3, (0.75, 1, 1.25)), (5, (0.5, 0.75, 1, 1.25, 1.5))])
def test_sizes_are_averaged_as_chances(scales, factors):
    model = TorchSegmenter(network(), CARD)
    x = torch.randn(2, 3, 16, 24, generator=torch.Generator().manual_seed(3))
    wanted = torch.zeros(2, 2, 16, 24)
    for factor in factors:
        size = (round(16 * factor), round(24 * factor))
        seen = nn.functional.interpolate(x, size, mode="bilinear", align_corners=False, antialias=factor < 1)
        chance = torch.softmax(model.predict(seen), 1)
        wanted += nn.functional.interpolate(chance, (16, 24), mode="bilinear", align_corners=False) / scales
    answer = torch.softmax(ViewsSegmenter(model, 1, scales).predict(x), 1)
    assert torch.allclose(answer, wanted, atol=1e-6)
    assert not torch.allclose(answer, torch.softmax(model.predict(x), 1), atol=1e-3)


def test_sizes_are_whole_strides_of_the_network():
    sizes = []

    class Strict:
        card, device = replace(CARD, stride_px=32), "cpu"

        def predict(self, batch):
            sizes.append(tuple(batch.shape[-2:]))
            return torch.zeros(batch.shape[0], 2, *batch.shape[2:])

    assert ViewsSegmenter(Strict(), 2, 5).predict(torch.zeros(1, 3, 96, 64)).shape == (1, 2, 96, 64)
    assert all(side % 32 == 0 for size in sizes for side in size) and len(sizes) >= 8


def test_one_view_is_the_model_itself_and_the_rest_is_passed_on():
    model = TorchSegmenter(network(), CARD)
    assert with_views(model, {}) is model and with_views(model, {"views": "1"}) is model
    seen = with_views(model, {"views": "4"})
    assert with_views(model, {"scales": "3"}) is not model
    assert seen.hooks is model.hooks and seen.card is model.card and seen.device == "cpu"


def test_the_option_of_semantic_models_only():
    assert options_of(CARD) == ()
    trained = replace(CARD, weights=WeightsSource("file"))
    assert with_options(trained, {"views": 8}).options["views"] == "8"
    with pytest.raises(UserError, match="views"):
        with_options(trained, {"views": 3})
    assert options_of(replace(trained, task="instance")) == ()


def test_predict_and_evaluate_take_it(monkeypatch, tmp_path, capsys):
    offer_bright(monkeypatch, tmp_path)
    images, masks = tmp_path / "images", tmp_path / "masks"
    masks.mkdir()
    for i in range(2):
        spot_picture(images / f"{i}.png", width=64, height=48, seed=i)
    code, _, err = run(
        capsys, "predict", images, "--model", "bright", "--device", "cpu", "--option", "views=8", "--out", masks
    )
    assert code == 0, err
    code, _, err = run(capsys, "predict", images, "--model", "bright", "--device", "cpu", "--out", tmp_path / "one")
    assert code == 0, err
    spec = f"folder:{images},{masks}"
    out = [
        "evaluate",
        "--data",
        spec,
        "--classes",
        "background,spot",
        "--split",
        "train",
        "--model",
        "bright",
        "--device",
        "cpu",
    ]
    code, text, err = run(capsys, *out, "--option", "views=8", "--json")
    assert code == 0, err
    # Masks that eight views wrote are right to eight views.
    assert json.loads(text)["mean_iou"] == 1.0
    code, _, err = run(capsys, *out, "--option", "views=5")
    assert code != 0 and "views" in err and err.count("\n") == 1
