"""Weights files that are bad, or would like to run code."""

import json
import os
import pickle
import struct
import zipfile

import numpy as np
import pytest
import torch

from segstudio.core.errors import UserError
from segstudio.ml.cards import CARD_KEY, ModelCard
from segstudio.ml.inference.loading import read_state
from segstudio.ml.registry import Catalog
from segstudio.ml.weights_header import read_card, read_header

CARD = ModelCard("mine", "Mine", architecture="unet", encoder="efficientnet_lite0", classes=("background", "x"))


def safetensors_bytes(card=CARD, tensors=None, metadata=None):
    tensors = {"a": np.arange(6, dtype=np.float32).reshape(2, 3)} if tensors is None else tensors
    header, data = {}, b""
    for name, value in tensors.items():
        raw = value.tobytes()
        header[name] = {"dtype": "F32", "shape": list(value.shape), "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    header["__metadata__"] = metadata if metadata is not None else {CARD_KEY: card.dumps()}
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def refused(path, words):
    """One sentence that names the file, from both readers of headers."""
    for read in (read_card, Catalog().find):
        with pytest.raises(UserError, match=words) as caught:
            read(path)
        text = str(caught.value)
        assert str(path) in text and "\n" not in text and text.endswith(".")


def test_a_good_file_is_read(tmp_path):
    file = tmp_path / "good.safetensors"
    file.write_bytes(safetensors_bytes())
    card = read_card(file)
    assert (card.id, card.classes, card.parameters) == ("mine", ("background", "x"), 6)
    assert card.weights.kind == "file" and card.weights.path == str(file)


class Evil:
    def __init__(self, target):
        self.target = target

    def __reduce__(self):
        return (os.mkdir, (str(self.target),))


def test_a_pickle_with_code_is_refused_and_never_run(tmp_path):
    target = tmp_path / "owned"
    for protocol in (2, 4, 5):
        file = tmp_path / f"evil{protocol}.pth"
        file.write_bytes(pickle.dumps(Evil(target), protocol=protocol))
        refused(file, "pickle, which may run code")
        with pytest.raises(UserError, match="may run code|damaged"):
            read_state(file)
    zipped = tmp_path / "evil.pt"
    torch.save({"weight": Evil(target)}, zipped)
    refused(zipped, "which may run code")
    with pytest.raises(UserError, match="may run code") as caught:
        read_state(zipped)
    assert str(zipped) in str(caught.value)
    assert not target.exists()
    pickle.loads(pickle.dumps(Evil(target)))
    assert target.exists(), "the control: these pickles do run code where they are opened"


def test_a_pickle_named_safetensors_is_refused(tmp_path):
    file = tmp_path / "evil.safetensors"
    torch.save({"weight": torch.zeros(3)}, file)
    refused(file, "pickled PyTorch checkpoint")


def test_torchscript_is_refused(tmp_path):
    file = tmp_path / "script.pt"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("script/data.pkl", b"x")
        archive.writestr("script/code/__torch__.py", b"x")
    refused(file, "TorchScript")


def test_an_empty_a_missing_and_another_file(tmp_path):
    empty = tmp_path / "empty.safetensors"
    empty.touch()
    refused(empty, "is empty")
    refused(tmp_path / "none.safetensors", "cannot be read|is missing")
    text = tmp_path / "text.safetensors"
    text.write_text("this is a text file, not weights")
    refused(text, "not a safetensors weights file")
    onnx = tmp_path / "net.onnx"
    onnx.write_bytes(b"\x08\x07\x12\x07pytorch" * 10)
    refused(onnx, "ONNX")
    keras = tmp_path / "net.h5"
    keras.write_bytes(b"\x89HDF\r\n\x1a\n" + b"\0" * 100)
    refused(keras, "Keras")


def test_every_truncation_is_refused(tmp_path):
    whole = safetensors_bytes()
    file = tmp_path / "cut.safetensors"
    for length in range(1, len(whole)):
        file.write_bytes(whole[:length])
        with pytest.raises(UserError, match="cut short|is empty|not a safetensors|damaged"):
            read_card(file)
    file.write_bytes(whole[:-4])
    refused(file, "cut short")


@pytest.mark.parametrize(
    "entry",
    [
        {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 23]},
        {"dtype": "F32", "shape": [2, -3], "data_offsets": [0, 24]},
        {"dtype": "F32", "shape": [2, 3], "data_offsets": [8, 32]},
        {"dtype": "PICKLE", "shape": [2, 3], "data_offsets": [0, 24]},
        {"dtype": "F32", "shape": "23", "data_offsets": [0, 24]},
        {"dtype": "F32", "shape": [True, 6], "data_offsets": [0, 24]},
        {"shape": [2, 3]},
        [],
    ],
)
def test_a_lying_list_of_tensors_is_refused(tmp_path, entry):
    text = json.dumps({"a": entry, "__metadata__": {CARD_KEY: CARD.dumps()}}).encode()
    file = tmp_path / "lie.safetensors"
    file.write_bytes(struct.pack("<Q", len(text)) + text + b"\0" * 24)
    refused(file, "damaged|cut short")


def test_overlong_headers_are_not_allocated(tmp_path):
    file = tmp_path / "huge.safetensors"
    file.write_bytes(struct.pack("<Q", 1 << 60) + b"{" + b" " * 100)
    refused(file, "not a safetensors")
    deep = b"[" * 200_000
    file.write_bytes(struct.pack("<Q", len(deep) + 1) + b"{" + deep)
    refused(file, "header is damaged")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"bands": 0}, "0 bands"),
        ({"bands": 4}, "4 bands but 3 means"),
        ({"std": [0.0, 1.0, 1.0]}, "not positive"),
        ({"mean": ["a", 0, 0]}, "mean is str"),
        ({"classes": "abc"}, "classes is str"),
        ({"task": "mining"}, "task is 'mining'"),
        ({"background_index": 9}, "background is class 9"),
        ({"window_px": 0}, "windows of 0 px"),
        ({"window_px": 10**9}, "windows of"),
        ({"parameters": -1}, "parameters is -1"),
        ({"id": ""}, "no id"),
        ({"weights": {"kind": "web"}}, "kind 'web'"),
    ],
)
def test_a_broken_card_is_refused(tmp_path, change, words):
    document = {**CARD.to_json(), **change}
    file = tmp_path / "card.safetensors"
    file.write_bytes(safetensors_bytes(metadata={CARD_KEY: json.dumps(document)}))
    refused(file, words)


def test_cards_that_are_no_json_or_missing(tmp_path):
    file = tmp_path / "card.safetensors"
    for metadata, words in (
        ({CARD_KEY: "{"}, "not JSON"),
        ({CARD_KEY: "[]"}, "not a JSON object"),
        ({}, "no segstudio model card"),
    ):
        file.write_bytes(safetensors_bytes(metadata=metadata))
        refused(file, words)


def test_infinite_numbers_in_a_card_are_refused(tmp_path):
    text = CARD.dumps().replace("0.485", "1e999")
    assert "1e999" in text
    file = tmp_path / "card.safetensors"
    file.write_bytes(safetensors_bytes(metadata={CARD_KEY: text}))
    refused(file, "not finite")


def test_a_file_cannot_name_code_to_import(tmp_path):
    document = {**CARD.to_json(), "loader": "os:system"}
    file = tmp_path / "card.safetensors"
    file.write_bytes(safetensors_bytes(metadata={CARD_KEY: json.dumps(document)}))
    assert read_card(file).loader == ""


def test_another_architecture_is_named_when_it_is_loaded(tmp_path):
    """The card says U-Net; the tensors are somebody else's."""
    from segstudio.ml.inference.loading import load_segmenter

    file = tmp_path / "other.safetensors"
    file.write_bytes(safetensors_bytes())
    with pytest.raises(UserError, match="do not fit the network unet") as caught:
        load_segmenter(Catalog().find(file), "cpu")
    assert str(file) in str(caught.value)


def test_headers_are_what_safetensors_writes(tmp_path):
    import safetensors.torch

    file = tmp_path / "real.safetensors"
    safetensors.torch.save_file({"w": torch.ones(3, 4), "h": torch.ones(2).half()}, file, metadata={"k": "v"})
    header, metadata = read_header(file)
    assert header["w"]["shape"] == [3, 4] and header["h"]["dtype"] == "F16" and metadata == {"k": "v"}
