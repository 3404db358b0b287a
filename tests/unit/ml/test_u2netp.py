"""U²-Net-P: the catalog's download entry, on real photographs."""

import hashlib
import shutil

import cv2
import numpy as np
import pytest
import torch
from PIL import Image
from shared_data import ROOT, find_shared
from skimage import data

from segstudio.io.readers.registry import open_image
from segstudio.ml.foreign.cards import U2NETP
from segstudio.ml.foreign.onnx_header import read_onnx_header
from segstudio.ml.foreign.wishes import Wishes
from segstudio.ml.inference.loading import load_segmenter
from segstudio.ml.inference.predict import predict_file
from segstudio.ml.inference.run import propose, semantic_logits
from segstudio.ml.registry import Catalog, install


def weights():
    base = find_shared()
    file = (base.parent if base else ROOT.parent / "shared") / "weights" / "u2netp.onnx"
    if not file.is_file():
        pytest.skip("needs u2netp.onnx of the shared weights (../shared/weights)")
    return file


@pytest.fixture
def segmenter(tmp_path, monkeypatch):
    pytest.importorskip("onnxruntime", reason="needs the extra [onnx]")
    monkeypatch.setenv("SEGSTUDIO_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("SEGSTUDIO_DATA_DIR", str(tmp_path / "data"))
    assert Catalog().find("u2netp").needs_download
    (tmp_path / "cache/models").mkdir(parents=True)
    shutil.copyfile(weights(), tmp_path / "cache/models/u2netp.onnx")
    entry = Catalog().find("u2netp")
    assert entry.is_available
    return load_segmenter(entry, "cpu")


def test_the_entry_is_of_the_published_file():
    file = weights()
    content = file.read_bytes()
    assert hashlib.sha256(content).hexdigest() == U2NETP.weights.sha256 and len(content) == U2NETP.weights.size_bytes
    held = read_onnx_header(file)
    assert held.parameters == U2NETP.parameters and held.inputs[0].shape == (1, 3, 320, 320)
    assert held.outputs[0].name == U2NETP.options["output_name"]


def found_in(segmenter, image, tmp_path):
    file = tmp_path / "photo.png"
    Image.fromarray(image).save(file)
    reader = open_image(file)
    mask = np.zeros(image.shape[:2], bool)
    for piece in propose(segmenter, reader):
        mask[piece.rect.slices] = piece.class_index == 1
    reader.close()
    return mask


def ellipse(shape, y, x, half_y, half_x):
    rows, columns = np.ogrid[: shape[0], : shape[1]]
    return ((rows - y) / half_y) ** 2 + ((columns - x) / half_x) ** 2 <= 1


def iou(a, b):
    return (a & b).sum() / (a | b).sum()


def test_it_finds_the_cup_and_the_astronaut(segmenter, tmp_path):
    coffee = data.coffee()
    # The truth, drawn by eye: the saucer's ellipse and that of the cup upon it.
    truth = ellipse((400, 600), 222, 277, 170, 201) | ellipse((400, 600), 120, 290, 103, 118)
    cup = found_in(segmenter, coffee, tmp_path)
    assert iou(cup, truth) > 0.85
    astronaut = found_in(segmenter, data.astronaut(), tmp_path)
    # Points upon her and beside her, by eye.
    assert all(astronaut[y, x] for y, x in ((110, 220), (350, 120), (300, 250), (450, 300)))
    assert not any(astronaut[y, x] for y, x in ((60, 100), (100, 330), (150, 480), (260, 440)))


def test_its_probabilities_are_those_of_the_published_steps(segmenter, tmp_path):
    import onnxruntime

    image = data.coffee()
    # As the published code: resampled to 320 × 320, divided by its largest value, ImageNet's mean and deviation.
    small = np.asarray(Image.fromarray(image).resize((320, 320), Image.Resampling.LANCZOS)).astype(np.float32)
    small = (small / small.max() - np.float32(U2NETP.mean)) / np.float32(U2NETP.std)
    session = onnxruntime.InferenceSession(str(weights()), providers=["CPUExecutionProvider"])
    theirs = session.run(None, {"input.1": small.transpose(2, 0, 1)[None].astype(np.float32)})[0][0, 0]
    theirs = cv2.resize(theirs, image.shape[1::-1], interpolation=cv2.INTER_LINEAR)
    file = tmp_path / "photo.png"
    Image.fromarray(image).save(file)
    reader, ours = open_image(file), np.zeros(image.shape[:2], np.float32)
    for rect, logits in semantic_logits(segmenter, reader):
        ours[rect.slices] = torch.softmax(logits, 0)[1]
    reader.close()
    assert np.abs(ours - theirs).mean() < 0.01
    assert ((ours > 0.5) == (theirs > 0.5)).mean() > 0.99


def test_predict_writes_its_mask(segmenter, tmp_path):
    Image.fromarray(data.coffee()).save(tmp_path / "coffee.png")
    done = predict_file(segmenter, tmp_path / "coffee.png", tmp_path / "mask.png", has_probabilities=True)
    assert set(done.pixels) == {"background", "salient object"}
    assert np.load(tmp_path / "mask.probabilities.npy", mmap_mode="r").shape == (2, 400, 600)


def test_the_published_file_is_known_wherever_it_comes_from(tmp_path, monkeypatch):
    pytest.importorskip("onnxruntime", reason="needs the extra [onnx]")
    monkeypatch.setenv("SEGSTUDIO_DATA_DIR", str(tmp_path / "data"))
    file = tmp_path / "salient.onnx"
    shutil.copyfile(weights(), file)
    card = install(file).card
    assert card.id == "salient" and card.classes == U2NETP.classes and card.options == U2NETP.options
    assert Catalog().find("salient").card.working_short_side_px == 320
    told = install(file, Wishes(classes=("thing",), model_id="told")).card
    assert told.classes == ("background", "thing"), "what is said of it counts"
