"""Refinements as the last layers of a network: they learn, see the picture as it is, and come back as they were saved."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from segstudio.core.errors import UserError
from segstudio.ml.networks.build import build_network
from segstudio.ml.plan import TrainPlan
from segstudio.ml.refine.guide import few_bands
from segstudio.ml.refine.layers import RefinementLayers
from segstudio.ml.train_events import EpochDone, StepDone
from segstudio.ml.training.trainer import Trainer
from segstudio.ml.weights import load_network, load_weights

TINY = {"width": 8}


@pytest.fixture(autouse=True)
def _one_thread():
    """Small tensors gain nothing from more, and lose much where cores are few."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Discs on noise: 4 training images and 1 validation image of 64²."""
    root = tmp_path_factory.mktemp("refined-discs")
    draw = np.random.default_rng(5)
    for split, count in (("train", 4), ("val", 1)):
        for kind in ("images", "masks"):
            (root / kind / split).mkdir(parents=True)
        for i in range(count):
            y, x = np.mgrid[:64, :64]
            cy, cx = draw.integers(20, 44, 2)
            mask = (y - cy) ** 2 + (x - cx) ** 2 < 200
            image = (draw.normal(60, 15, (64, 64, 3)) + mask[..., None] * [110, 90, 60]).clip(0, 255)
            Image.fromarray(image.astype(np.uint8)).save(root / "images" / split / f"{i}.png")
            Image.fromarray(mask.astype(np.uint8)).save(root / "masks" / split / f"{i}.png")
    return f"folder:{root / 'images'},{root / 'masks'}"


def plan_for(data, out, **changes):
    values = {
        "out": str(out), "data": data, "arch": "unet", "encoder": "none", "arch_options": TINY, "epochs": 4, "batch": 2, "patch_px": 64,
        "patches_per_image": 1, "lr": 5e-3, "seed": 3, "device": "cpu", "threads": 1, "precision": "auto", "has_tensorboard": False,
        "augment": "none", "scale": (1.0, 1.0), "class_names": ("background", "disc"),
    }  # fmt: skip
    return TrainPlan(**{**values, **changes})


@pytest.mark.parametrize("refine", ["crfrnn", "mrf"])
def test_a_run_with_layers_learns_and_comes_back_as_it_was(data, tmp_path, refine):
    events = []
    finished = Trainer.run(plan_for(data, tmp_path / "run", refine=refine, ema_decay=0.5), events.append)
    losses = [e.train_loss for e in events if isinstance(e, EpochDone)]
    assert losses[-1] < losses[0] and any(isinstance(e, StepDone) for e in events)
    state, card = load_weights(tmp_path / "run" / "last.safetensors")
    assert card.options["refine"] == refine and card.options["width"] == TINY["width"]
    fresh = dict(
        build_network("unet", "none", bands=3, classes=2, options={**TINY, "refine": refine}).named_parameters()
    )
    learnt = [n for n, p in fresh.items() if n.startswith("refinement.") and not torch.equal(p.detach(), state[n])]
    assert len(learnt) >= 3 and not any(name.endswith((".mean", ".std")) for name in state)
    x = torch.randn(1, 3, 48, 40)
    one, other = (load_network(tmp_path / "run" / "last.safetensors")[0] for _ in range(2))
    with torch.inference_mode():
        assert torch.equal(one(x).logits, other(x).logits)
    assert finished.epochs == 4


def test_layers_see_the_picture_in_steps_of_255():
    seen = []
    layers = RefinementLayers("crfrnn", 2, (0.4, 0.5, 0.6), (0.2, 0.25, 0.3))
    layers.layers.register_forward_pre_hook(lambda _module, inputs: seen.append(inputs[1]))
    picture = torch.rand(2, 3, 8, 8)
    mean, std = torch.tensor([0.4, 0.5, 0.6]).view(1, 3, 1, 1), torch.tensor([0.2, 0.25, 0.3]).view(1, 3, 1, 1)
    layers(torch.randn(2, 2, 8, 8), (picture - mean) / std)
    torch.testing.assert_close(seen[0], picture * 255, atol=1e-3, rtol=1e-5)


def test_auxiliary_logits_and_names_stay_as_they_are():
    torch.manual_seed(0)
    plain = build_network("unet", "none", bands=4, classes=3, options=TINY).eval()
    torch.manual_seed(0)
    refined = build_network(
        "unet", "none", bands=4, classes=3, options={**TINY, "refine": "mrf"}, mean=(0.5,) * 4, std=(0.25,) * 4
    )
    kept = {name: value for name, value in refined.state_dict().items() if not name.startswith("refinement.")}
    assert kept.keys() == plain.state_dict().keys() and refined.class_layers == plain.class_layers
    x = torch.randn(1, 4, 33, 47)
    with torch.inference_mode():
        refined.eval()
        layers = refined.refinement
        assert torch.equal(refined(x).logits, layers(plain(x).logits, x))
        assert not torch.equal(refined(x).logits, plain(x).logits)


def test_half_precision_does_not_reach_the_kernels():
    network = build_network("unet", "none", bands=3, classes=2, options={**TINY, "refine": "crfrnn"})
    with torch.autocast("cpu", torch.bfloat16):
        logits = network(torch.randn(1, 3, 32, 32)).logits
    assert logits.dtype == torch.float32 and bool(torch.isfinite(logits).all())


def test_many_bands_become_four_and_distances_keep_their_meaning():
    values = torch.rand(9, 5, 5) * 255
    few = few_bands(values)
    assert few.shape == (4, 5, 5)
    torch.testing.assert_close(few[0], values[:2].mean(0) * (3 / 4) ** 0.5)
    grey = torch.rand(1, 5, 5) * 255
    as_rgb = grey.expand(3, -1, -1)
    torch.testing.assert_close(
        (few_bands(grey)[:, 0, 0] - few_bands(grey)[:, 1, 1]).norm(), (as_rgb[:, 0, 0] - as_rgb[:, 1, 1]).norm()
    )
    assert few_bands(as_rgb) is as_rgb


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"refine": "crfrn"}, "[Dd]id you mean crfrnn"),
        ({"refine": "crf"}, "nothing to learn"),
        ({"refine": "mrf", "patch_px": 512}, "--size 256"),
        ({"refine": "mrf", "arch": "pixelnet", "encoder": "", "arch_options": {}}, "single pixels"),
    ],
)
def test_what_cannot_be_trained_is_one_sentence(data, tmp_path, changes, says):
    with pytest.raises(UserError, match=says):
        plan_for(data, tmp_path / "run", **changes).checked()


def test_onnx_has_no_operators_for_it(data, tmp_path):
    pytest.importorskip("onnxscript")
    pytest.importorskip("onnxruntime")
    from segstudio.ml.foreign.onnx_export import export_onnx
    from segstudio.ml.registry import Catalog

    Trainer.run(plan_for(data, tmp_path / "run", epochs=1, refine="mrf"), lambda _: None)
    with pytest.raises(UserError, match="ends with a refinement"):
        export_onnx(Catalog(None).find(tmp_path / "run" / "last.safetensors"), tmp_path / "model.onnx")


def test_a_refined_network_starts_from_a_plain_one(data, tmp_path):
    Trainer.run(plan_for(data, tmp_path / "plain", epochs=1), lambda _: None)
    told = []
    start = str(tmp_path / "plain" / "last.safetensors")
    Trainer.run(plan_for(data, tmp_path / "more", epochs=1, refine="mrf", start_from=start), told.append)
    assert "parameters start from" in told[0].note
