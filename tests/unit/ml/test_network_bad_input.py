"""What a person can get wrong with networks: names, pairs, sizes, bands, files. One sentence each that says what to do."""

from __future__ import annotations

import pytest
import torch
from ml_help import ArrayReader, card, random_image

from segstudio.core.errors import UserError
from segstudio.ml.cards import ModelCard
from segstudio.ml.inference.loading import TorchSegmenter, fit_state, read_state
from segstudio.ml.inference.run import propose
from segstudio.ml.networks.build import build_network
from segstudio.ml.networks.table import ARCHITECTURES, ENCODERS, architecture, checked_encoder, encoder
from segstudio.ml.registry import Catalog
from segstudio.ml.weights import load_network, load_weights, save_weights

LIGHT = {
    "deeplabv2": "resnet18",
    "pspnet": "resnet18",
    "refinenet": "resnet18",
    "fastfcn": "efficientnet_lite0",
    "upernet": "efficientnet_lite0",
}
FEW = [
    name
    for name in ARCHITECTURES
    if name not in {"fcn32s", "fcn16s", "fcn8s", "deconvnet", "pixelnet", "segnet", "deeplabv1", "deeplabv2"}
]
ENET = ModelCard("e", "E", architecture="enet", encoder="none", classes=("a", "b"))


def sentence(caught, *words):
    text = str(caught.value)
    assert all(word in text for word in words), text
    assert "\n" not in text and text.endswith((".", "?")), text


@pytest.mark.parametrize(
    ("find", "wrong", "near"),
    [
        (architecture, "unet+", "unet"),
        (architecture, "deeplab3", "deeplabv3"),
        (architecture, "fcn8", "fcn8s"),
        (encoder, "resnet5", "resnet50"),
        (encoder, "efficientnet-lite0", "efficientnet_lite0"),
        (encoder, "vgg16bn", "vgg16_bn"),
        (Catalog().find, "nucleii", "nuclei"),
    ],
)
def test_an_unknown_id_suggests_near_ones(find, wrong, near):
    with pytest.raises(UserError) as caught:
        find(wrong)
    sentence(caught, wrong, "did you mean" if "did you" in str(caught.value) else "Did you mean", near)


@pytest.mark.parametrize(("find", "table"), [(architecture, ARCHITECTURES), (encoder, ENCODERS)])
def test_an_id_that_is_near_to_none_lists_them_and_does_not_guess(find, table):
    with pytest.raises(UserError) as caught:
        find("%%%")
    sentence(caught, "hoose one of", *table)
    assert "mean" not in str(caught.value)


@pytest.mark.parametrize(
    ("arch", "wrong", "one"),
    [
        ("segnet", "resnet18", "vgg16_bn"),
        ("hrnet", "resnet50", "hrnet_w18"),
        ("deeplabv3", "densenet121", "resnet50"),
        ("enet", "vgg16", "leave the encoder out"),
    ],
)
def test_an_encoder_that_does_not_fit_says_which_do(arch, wrong, one):
    with pytest.raises(UserError) as caught:
        checked_encoder(arch, wrong)
    sentence(caught, arch, wrong, one)


@pytest.mark.parametrize("name", FEW)
def test_any_size_is_answered_down_to_one_pixel(name):
    torch.manual_seed(0)
    network = build_network(name, LIGHT.get(name, ""), bands=3, classes=2).eval()
    with torch.inference_mode():
        for size in ((1, 1), (70, 1), (33, 63)):
            logits = network(torch.rand(1, 3, *size)).logits
            assert logits.shape == (1, 2, *size) and bool(torch.isfinite(logits).all()), size


@pytest.mark.parametrize(("have", "need"), [(3, 8), (1, 4), (4, 5)])
def test_too_few_bands_are_said_before_a_forward(have, need):
    network = build_network("enet", "none", bands=need, classes=3)
    segmenter = TorchSegmenter(network, card(bands=need, mean=(0.5,) * need, std=(0.25,) * need))
    with pytest.raises(UserError) as caught:
        list(propose(segmenter, ArrayReader(random_image(70, 70, bands=have))))
    sentence(caught, f"{have} bands", f"needs {need}")


@pytest.fixture(scope="module")
def enet(tmp_path_factory):
    """A good weights file."""
    file = tmp_path_factory.mktemp("weights") / "enet.safetensors"
    save_weights(file, build_network("enet", "none", bands=3, classes=2).state_dict(), ENET)
    return file


def test_weights_of_other_bands_or_classes_are_refused(enet, tmp_path):
    state, _ = load_weights(enet)
    file = tmp_path / "other.safetensors"
    save_weights(file, state, ModelCard("e", "E", architecture="enet", encoder="none", classes=("a", "b", "c")))
    with pytest.raises(UserError) as caught:
        load_network(file)
    sentence(caught, "do not fit the network enet", str(file))


def test_weights_that_are_no_numbers_are_neither_written_nor_read(enet, tmp_path):
    import safetensors.torch

    from segstudio.ml.cards import CARD_KEY

    state, found = load_weights(enet)
    for value in (float("nan"), float("inf")):
        broken = {**state, "down_1.act.weight": torch.full_like(state["down_1.act.weight"], value)}
        file = tmp_path / f"{value}.safetensors"
        with pytest.raises(UserError) as caught:
            save_weights(file, broken, found)
        sentence(caught, "down_1.act.weight is not finite")
        assert not file.exists()
        safetensors.torch.save_file(broken, file, metadata={CARD_KEY: found.dumps()})
        with pytest.raises(UserError) as caught:
            load_network(file)
        sentence(caught, "down_1.act.weight is not finite", str(file))


def test_a_checkpoint_with_a_parameter_that_is_no_number_is_refused(enet, tmp_path):
    network = build_network("enet", "none", bands=3, classes=2)
    state = network.state_dict()
    state["last.weight"] = torch.full_like(state["last.weight"], float("nan"))
    file = tmp_path / "net.pth"
    torch.save(state, file)
    with pytest.raises(UserError) as caught:
        fit_state(network, read_state(file), file, ENET)
    sentence(caught, "last.weight is not finite", str(file))
    assert all(bool(torch.isfinite(p).all()) for p in network.parameters()), "nothing of it was taken"


@pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 0.99])
def test_half_downloaded_files_are_refused(enet, tmp_path, share):
    checkpoint = tmp_path / "whole.pth"
    torch.save(build_network("enet", "none", bands=3, classes=2).state_dict(), checkpoint)
    for whole, read in ((enet, load_network), (checkpoint, read_state)):
        half = tmp_path / f"half{whole.suffix}"
        half.write_bytes(whole.read_bytes()[: int(whole.stat().st_size * share)])
        with pytest.raises(UserError) as caught:
            read(half)
        sentence(caught, str(half))
