"""What the train panel offers and remembers: encoders that fit, options, weights at hand, and what a run will cost."""

from __future__ import annotations

from dataclasses import asdict, replace

import pytest

from segstudio.app.presenters import training_costs
from segstudio.app.presenters.training import TrainingPresenter
from segstudio.app.presenters.training_choices import TrainingChoices, encoder_groups, encoder_named, fitted
from segstudio.app.presenters.training_costs import estimate
from segstudio.core import machine_memory
from segstudio.core.errors import UserError
from segstudio.ml.cards import ModelCard
from segstudio.ml.encoders.availability import imagenet_state
from segstudio.ml.networks.costs import NetworkCosts
from segstudio.ml.networks.table import ARCHITECTURES, NO_ENCODER

GIGABYTE = 10**9


def choices(**values) -> TrainingChoices:
    return TrainingChoices(**values)


@pytest.mark.parametrize("arch", ARCHITECTURES)
def test_each_network_offers_what_fits_once(arch):
    offered = [name for _, rows in encoder_groups(arch) for name, _ in rows]
    assert sorted(offered) == sorted(ARCHITECTURES[arch].encoders)


def test_what_does_not_fit_falls_back_and_what_fits_stays():
    unet = choices(encoder="resnet50", arch_options={"decoder": "slim"}, freeze=0.3)
    segnet = fitted(replace(unet, arch="segnet"), unet)
    assert (segnet.encoder, segnet.arch_options, segnet.freeze) == ("vgg16_bn", {}, 0.3)
    pspnet = fitted(replace(unet, arch="pspnet"), unet)
    assert (pspnet.encoder, pspnet.arch_options) == ("resnet50", {})
    own = fitted(replace(unet, encoder=NO_ENCODER), unet)
    assert (own.freeze, own.arch_options, own.start) == (0.0, {}, "scratch")
    # "width" of V-Net is none of PixelNet's.
    vnet = choices(arch="vnet", encoder=NO_ENCODER, arch_options={"width": 4})
    assert fitted(replace(vnet, arch="pixelnet"), vnet).arch_options == {}
    assert fitted(choices(arch="unheard", encoder="of")).arch == "unet"
    assert fitted(choices(arch_options={"decoder": "slim", "unheard": 1})).arch_options == {"decoder": "slim"}
    assert fitted(choices(arch_options={"decoder": "round"})).arch_options == {}
    timm = choices(encoder="timm:regnety_002")
    assert fitted(replace(timm, arch="fastfcn"), timm).encoder == "timm:regnety_002"
    assert fitted(replace(timm, arch="hrnet"), timm).encoder == "hrnet_w18"


@pytest.mark.parametrize(
    ("typed", "encoder"),
    [("ResNet-50", "resnet50"), (" resnet50 ", "resnet50"), ("VGG-16 (batch norm)", "vgg16_bn"), ("regnety_002", "timm:regnety_002"),
     ("timm:resnet50.a1_in1k", "timm:resnet50.a1_in1k"), ("none", NO_ENCODER), ("its own", NO_ENCODER)],
)  # fmt: skip
def test_an_encoder_is_found_by_what_one_types(typed, encoder):
    assert encoder_named("unet", typed) == encoder


@pytest.mark.parametrize(("arch", "typed"), [("segnet", "regnety_002"), ("segnet", "ResNet-50"), ("unet", "resnet999"), ("unet", "timm:")])
def test_what_is_no_encoder_is_refused(arch, typed):
    with pytest.raises(UserError):
        encoder_named(arch, typed)


def test_weights_at_hand_are_seen(tmp_path, monkeypatch):
    for name in ("HF_HUB_CACHE", "HF_HOME", "TORCH_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert imagenet_state("efficientnet_lite0") == "installed" and imagenet_state(NO_ENCODER) == "none"
    assert {imagenet_state(name) for name in ("resnet18", "alexnet", "timm:regnety_002", "mobilenet_v2")} == {"fetched"}
    for folder, file in (
        ("huggingface/hub/models--timm--resnet18.a1_in1k/snapshots/0af", "model.safetensors"),
        ("huggingface/hub/models--timm--mobilenetv2_100.ra_in1k/snapshots/0af", "pytorch_model.bin"),
        ("torch/hub/checkpoints", "alexnet-owt-7be5be79.pth"),
    ):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / file).write_bytes(b"x")
    assert {imagenet_state(name) for name in ("resnet18", "alexnet", "mobilenet_v2", "timm:resnet18.a1_in1k")} == {"cached"}
    assert imagenet_state("resnet34") == imagenet_state("timm:resnet18.tv_in1k") == "fetched"


@pytest.mark.parametrize(
    ("memory", "gpu", "device", "exceeds"),
    [(100, 0, "auto", ""), (30, 0, "auto", "memory"), (30, 80, "auto", ""), (100, 24, "auto", "gpu"), (100, 24, "cpu", ""), (0, 0, "auto", "")],
)
def test_too_much_memory_is_seen_before_it_is_used(monkeypatch, memory, gpu, device, exceeds):
    asked = []

    def costs(*arguments):
        asked.append(arguments)
        return NetworkCosts(512, 512, 10_000_000, 5 * GIGABYTE, GIGABYTE, 2 * GIGABYTE, 4 * GIGABYTE)

    monkeypatch.setattr(training_costs, "costs_of", costs)
    monkeypatch.setattr(training_costs, "memory_bytes", lambda: memory * GIGABYTE)
    monkeypatch.setattr(training_costs, "gpu_memory_bytes", lambda: gpu * GIGABYTE)
    found = estimate(choices(encoder="resnet18", batch=8, patch_px=512, device=device), classes=3)
    assert (found.exceeds, found.training_bytes, found.is_usual) == (exceeds, 34 * GIGABYTE, True)
    assert asked == [("unet", "resnet18", 3, 3, 512, 512)]
    assert not estimate(choices(arch_options={"decoder": "slim"}), classes=3).is_usual
    assert estimate(choices(encoder="timm:regnety_002"), classes=3) is None


def test_the_memory_of_this_computer_is_told():
    assert 2**28 < machine_memory.memory_bytes() < 2**50
    assert 0 <= machine_memory.gpu_memory_bytes() < 2**45


def test_a_model_to_start_from_brings_its_network_options_and_refinement(session):
    presenter = TrainingPresenter(session)
    presenter.choose_model(
        ModelCard("mine", "Mine", architecture="deeplabv3", encoder="resnet18", options={"output_stride": "8", "refine": "mrf"})
    )
    now = presenter.choices
    assert (now.arch, now.encoder, now.arch_options, now.refine, now.start) == ("deeplabv3", "resnet18", {"output_stride": "8"}, "mrf", "model")
    assert asdict(now)["start_from"] == "mine"
