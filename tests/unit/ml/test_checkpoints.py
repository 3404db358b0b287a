"""Strangers' checkpoints: read as weights only, listed, recognised, converted; and a corpus of bad ones."""

import argparse
import io
import os
import pickle
import zipfile

import numpy as np
import pytest
import torch
from ml_help import ArrayReader, random_image

from segstudio.core.errors import UserError
from segstudio.ml.cards import ModelCard
from segstudio.ml.foreign.checkpoint import outline, read_checkpoint
from segstudio.ml.foreign.recognise import FIRST_WORDS, build, recognise
from segstudio.ml.foreign.wishes import Wishes
from segstudio.ml.inference.loading import TorchSegmenter, load_segmenter
from segstudio.ml.inference.run import propose
from segstudio.ml.networks.build import build_network
from segstudio.ml.networks.table import ARCHITECTURES
from segstudio.ml.registry import Catalog, install


@pytest.fixture(autouse=True)
def folders(tmp_path, monkeypatch):
    monkeypatch.setenv("SEGSTUDIO_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("SEGSTUDIO_DATA_DIR", str(tmp_path / "data"))
    return tmp_path


def enet(bands=3, classes=4):
    torch.manual_seed(1)
    return build_network("enet", "", bands=bands, classes=classes).eval()


# -- reading and listing -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wrap", "place"),
    [
        (lambda s: s, ""),
        (lambda s: {"state_dict": s, "epoch": 3, "optimizer": {"state": {0: {"exp_avg": torch.zeros(2), "b": torch.zeros(2)}}}}, "state_dict"),
        (lambda s: {"model": {f"module.{k}": v for k, v in s.items()}}, "model"),
        (lambda s: {"state_dict": {f"model.module.{k}": v for k, v in s.items()}, "hyper": {"lr": 0.1}}, "state_dict"),
        (lambda s: {"run": {"best": {"net": s}}}, "run/best/net"),
    ],
)  # fmt: skip
def test_weights_are_found_where_training_programs_put_them(tmp_path, wrap, place):
    network = enet()
    file = tmp_path / "theirs.pth"
    torch.save(wrap(network.state_dict()), file)
    checkpoint = read_checkpoint(file)
    assert checkpoint.place == place and len(checkpoint.state) == len(network.state_dict())
    held = outline(file)
    assert held.network == "enet, 3 bands, 4 classes" and not held.problem
    floats = sum(v.numel() for v in network.state_dict().values() if v.is_floating_point())
    assert held.parameters == floats
    assert held.tensors[0].shape == tuple(next(iter(network.state_dict().values())).shape)


def test_the_old_format_of_torch_is_read(tmp_path):
    file = tmp_path / "old.pth"
    torch.save(enet().state_dict(), file, _use_new_zipfile_serialization=False)
    assert outline(file).network.startswith("enet")


# -- recognising -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("architecture", "encoder", "bands", "channels", "options"),
    [
        ("enet", "none", 5, 2, {}),
        ("unet", "none", 1, 3, {}),
        ("unet", "resnet18", 3, 21, {}),
        ("hrnet", "hrnet_w18", 4, 6, {}),
        ("deeplabv3plus", "mobilenet_v3_small", 3, 1, {"channels": 1}),
        ("ocrnet", "resnet18", 3, 9, {}),
        ("torchvision:lraspp_mobilenet_v3_large", "mobilenet_v3_large", 3, 5, {"aux": False}),
        ("torchvision:deeplabv3_mobilenet_v3_large", "mobilenet_v3_large", 3, 2, {"aux": True}),
        ("torchvision:fcn_resnet50", "resnet50", 3, 8, {"aux": False}),
        ("torchvision:maskrcnn_resnet50_fpn", "resnet50", 3, 2, {}),
        ("smp:unet", "resnet34", 4, 1, {"channels": 1}),
        ("smp:fpn", "resnet50", 3, 6, {}),
        ("smp:deeplabv3plus", "resnet18", 3, 3, {}),
    ],
)
def test_networks_are_recognised_by_names_and_shapes(architecture, encoder, bands, channels, options):
    with torch.device("meta"):
        state = build(architecture, encoder, bands, channels, options).state_dict()
    found = recognise(state)
    assert found is not None
    assert (found.architecture, found.bands, found.channels, found.options) == (architecture, bands, channels, options)
    assert found.encoder == encoder
    assert {k: v.shape for k, v in found.network().state_dict().items()} == {k: v.shape for k, v in state.items()}


@pytest.mark.parametrize("name", list(ARCHITECTURES))
def test_the_first_words_are_those_of_the_networks(name):
    with torch.device("meta"):
        state = build_network(name, "", bands=3, classes=2).state_dict()
    assert {n.partition(".")[0] for n in state} == set(FIRST_WORDS[name].split())


def test_one_wrong_shape_or_name_is_no_match():
    state = dict(enet().state_dict())
    assert recognise(state) is not None
    without = dict(list(state.items())[:-1])
    assert recognise(without) is None
    name = next(n for n, v in state.items() if v.ndim == 4 and v.shape[0] == 32)
    assert recognise({**state, name: torch.zeros(33, *state[name].shape[1:])}) is None


# -- using -------------------------------------------------------------------------------------------------------


def test_a_recognised_checkpoint_is_kept_as_safetensors_and_answers_the_same(tmp_path):
    network = enet(classes=3)
    file = tmp_path / "Theirs.ckpt"
    torch.save({"state_dict": {f"module.{k}": v for k, v in network.state_dict().items()}}, file)
    entry = install(file, Wishes(classes=("background", "a", "b"), model_id="theirs"))
    target = tmp_path / "data/models/theirs.safetensors"
    assert entry.card.weights.path == str(target) and target.is_file()
    assert Catalog().find("theirs").card.classes == ("background", "a", "b")
    batch = torch.randn(1, 3, 64, 64)
    wanted = TorchSegmenter(network, entry.card).predict(batch)
    assert torch.equal(load_segmenter(Catalog().find("theirs"), "cpu").predict(batch), wanted)
    direct = Catalog().find(file)
    assert direct.card.classes == ("class 0", "class 1", "class 2") and direct.is_available
    assert torch.equal(load_segmenter(direct, "cpu").predict(batch), wanted)


def test_torchvisions_own_training_results_run(tmp_path):
    torch.manual_seed(0)
    network = build("torchvision:lraspp_mobilenet_v3_large", "", 3, 4, {}).eval()
    file = tmp_path / "lraspp.pth"
    torch.save({"model": network.state_dict()}, file)
    entry = install(file)
    assert entry.is_available and entry.card.architecture == "torchvision:lraspp_mobilenet_v3_large"
    batch = torch.randn(1, 3, 64, 96)
    with torch.inference_mode():
        wanted = network(batch)["out"]
    assert torch.allclose(load_segmenter(Catalog().find("lraspp"), "cpu").predict(batch), wanted, atol=1e-4)


def test_a_network_of_segmentation_models_with_one_channel_tells_an_object(tmp_path):
    torch.manual_seed(0)
    file = tmp_path / "smp.pth"
    torch.save(build("smp:unet", "resnet18", 3, 1, {}).state_dict(), file)
    install(file, Wishes(classes=("lake",)))
    segmenter = load_segmenter(Catalog().find("smp"), "cpu")
    assert segmenter.card.classes == ("background", "lake")
    results = list(propose(segmenter, ArrayReader(random_image(70, 90))))
    assert sum(r.rect.width * r.rect.height for r in results) == 70 * 90


# -- the corpus of bad files -------------------------------------------------------------------------------------


class Evil:
    def __init__(self, target):
        self.target = target

    def __reduce__(self):
        return (os.mkdir, (str(self.target),))


def _torchscript(path, _):
    class Half(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x / 2

    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.jit.save(torch.jit.script(Half()), str(path))


def _half(path, _):
    data = io.BytesIO()
    torch.save(enet().state_dict(), data)
    path.write_bytes(data.getvalue()[: len(data.getvalue()) // 2])


def _hollow(path, _):
    # An archive whose end is whole but whose middle was lost: a download that was resumed at the wrong place.
    data = io.BytesIO()
    torch.save(enet().state_dict(), data)
    raw = bytearray(data.getvalue())
    raw[300:3000] = bytes(2700)
    path.write_bytes(bytes(raw))


def _not_finite(path, _):
    state = enet().state_dict()
    name = next(n for n in state if n.endswith("weight"))
    state[name].view(-1)[5] = float("nan")
    torch.save(state, path)


def _zip(path, _):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("readme.txt", "weights inside")


def _pickled_text(path, _):
    path.write_bytes(pickle.dumps({"weights": [1, 2, 3]}))


CORPUS = [
    ("code.pth", lambda p, t: torch.save({"w": Evil(t)}, p), "may run code.*mkdir"),
    ("code.pkl", lambda p, t: p.write_bytes(pickle.dumps(Evil(t), protocol=2)), "may run code"),
    ("module.pt", lambda p, t: torch.save(torch.nn.Conv2d(3, 3, 1), p), "may run code.*Conv2d"),
    ("namespace.ckpt", lambda p, t: torch.save({"args": argparse.Namespace(a=1), "w": torch.ones(2)}, p), "may run code.*Namespace"),
    ("script.pt", _torchscript, "TorchScript archive: a program"),
    ("half.pth", _half, "cut short or damaged"),
    ("hollow.pth", _hollow, "damaged"),
    ("nan.pth", _not_finite, "parameter .*weight is not finite"),
    ("other.pth", lambda p, t: torch.save({"a.weight": torch.ones(4, 3, 3, 3), "a.bias": torch.ones(4)}, p), "none of the networks .* these 2 tensors; the first is a.weight, 4×3×3×3"),
    ("numbers.pth", lambda p, t: torch.save({"epoch": 3}, p), "no list of weights"),
    ("tensor.pth", lambda p, t: torch.save(torch.ones(3), p), "no list of weights"),
    ("readme.bin", _zip, "archive without a checkpoint"),
    ("list.pkl", _pickled_text, "may run code, and none that torch wrote"),
    ("empty.pth", lambda p, t: p.touch(), "is empty"),
    ("page.pth", lambda p, t: p.write_text("<!DOCTYPE html><html>Sign in</html>"), "web page"),
    ("text.pth", lambda p, t: p.write_text("hello"), "no weights file that segstudio knows"),
    ("net.h5", lambda p, t: p.write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(99)), "Keras"),
    ("net.tflite", lambda p, t: p.write_bytes(b"\x1c\0\0\0TFL3" + bytes(99)), "TensorFlow Lite"),
    ("hdf5.pth", lambda p, t: p.write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(99)), "Keras"),
    ("net.onnx", lambda p, t: p.write_text("hello world, this is no network"), "no ONNX file"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "write", "words"), CORPUS, ids=[c[0] for c in CORPUS])
def test_a_bad_file_is_refused_in_one_sentence_and_leaves_nothing(tmp_path, name, write, words):
    file, target = tmp_path / name, tmp_path / "owned"
    write(file, target)
    for use in (Catalog().find, install):
        with pytest.raises(UserError, match=words) as caught:
            use(file)
        text = str(caught.value)
        assert str(file) in text and "\n" not in text and text.endswith(".")
    assert not target.exists(), "no code of the file ran"
    installed = tmp_path / "data/models"
    assert not installed.exists() or not list(installed.iterdir())


def test_numpy_numbers_beside_the_weights_are_named(tmp_path):
    file = tmp_path / "np.pth"
    torch.save({"state_dict": enet().state_dict(), "best": np.float64(0.5)}, file)
    with pytest.raises(UserError, match="may run code.*numpy"):
        read_checkpoint(file)


def test_v_net_with_its_deep_kernels_is_loaded_too():
    network = build_network("vnet", "", bands=3, classes=2)
    answer = TorchSegmenter(network, ModelCard("v", "V", architecture="vnet", classes=("a", "b"))).predict(
        torch.randn(1, 3, 64, 64)
    )
    assert answer.shape == (1, 2, 64, 64)
