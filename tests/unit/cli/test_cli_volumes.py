"""Models that see several planes, from the command line and the model's process: every plane gets what its neighbours show."""

from __future__ import annotations

import numpy as np
import pytest
import tifffile
import torch
from small_projects import run, spot_picture

from segstudio.core.classes import ClassTable
from segstudio.core.errors import Cancelled
from segstudio.core.geometry import Rect
from segstudio.io.readers.registry import open_image
from segstudio.io.store.project import ProjectStore
from segstudio.jobs import model_host
from segstudio.jobs.protocol import WindowReady
from segstudio.jobs.specs import ImageTask, ProposeSpec
from segstudio.ml import registry
from segstudio.ml.cards import ModelCard, WeightsSource
from segstudio.ml.inference import loading
from segstudio.ml.inference.loading import TorchSegmenter

DEPTH, HEIGHT, WIDTH = 21, 48, 40


class NextPlane(torch.nn.Module):
    """A spot is where the next plane is bright: of volumes (N, 1, D, H, W), or of three planes as bands (N, 3, H, W)."""

    def forward(self, x):
        bright = torch.cat([x[:, :, 1:], x[:, :, -1:]], dim=2) if x.dim() == 5 else x[:, 2:]
        return torch.cat([(0.5 - bright) * 20, (bright - 0.5) * 20], dim=1)


def card(name, bands, **planes):
    return ModelCard(
        name, name, architecture="vnet", classes=("background", "spot"), colors=("#000000", "#ff0000"), bands=bands,
        mean=(0.0,) * bands, std=(1.0,) * bands, scaling="percentile", window_px=32, overlap_px=8, stride_px=8,
        weights=WeightsSource("file"), loader="segstudio.none:none", **planes,
    )  # fmt: skip


CARDS = (card("deep", 1, window_depth=8, overlap_depth=4), card("beside", 3, slices=3))
MODELS = [c.id for c in CARDS]


@pytest.fixture(autouse=True)
def models(monkeypatch, tmp_path):
    monkeypatch.setenv("SEGSTUDIO_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("SEGSTUDIO_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setattr(registry, "_plug_ins", lambda: iter([registry.CatalogEntry(c) for c in CARDS]))
    monkeypatch.setattr(loading, "_from_plug_in", lambda c, device: TorchSegmenter(NextPlane(), c, device))
    monkeypatch.setattr(model_host, "_loaded", {})
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def blocks():
    """(z, y, x) bool: other blocks in every plane."""
    cells = np.random.default_rng(0).random((DEPTH, HEIGHT // 8, WIDTH // 8)) < 0.5
    return np.kron(cells, np.ones((1, 8, 8), bool))


def wanted(bright, model):
    """The next plane; the last one has itself or, for a model of slices, its neighbour mirrored."""
    last = bright[-1:] if model == "deep" else bright[-2:-1]
    return np.concatenate([bright[1:], last])


def stack(path):
    tifffile.imwrite(
        path, (blocks() * 3000 + 200).astype(np.uint16), photometric="minisblack", metadata={"axes": "ZYX"}
    )
    return path


@pytest.mark.parametrize("model", MODELS)
def test_predict_writes_a_nifti_mask_on_the_volume(model, tmp_path, capsys):
    nibabel = pytest.importorskip("nibabel")
    affine = np.array([[0.75, 0, 0, -20], [0, 0.75, 0, 5], [0, 0, 3.0, 11], [0, 0, 0, 1]])
    values = (blocks() * 3000 + 200).astype(np.int16).transpose(2, 1, 0)
    nibabel.save(nibabel.Nifti1Image(values, affine), tmp_path / "v.nii.gz")
    code, _, err = run(capsys, "predict", tmp_path / "v.nii.gz", "--model", model, "--device", "cpu", "--out", tmp_path / "out")  # fmt: skip
    assert code == 0, err
    mask = nibabel.load(tmp_path / "out" / "v.nii.gz")
    assert np.array_equal(mask.affine, affine) and mask.shape == values.shape
    shown = {}
    for name, file in (("image", tmp_path / "v.nii.gz"), ("mask", tmp_path / "out" / "v.nii.gz")):
        reader = open_image(file)
        shown[name] = np.stack([reader.read(0, z, Rect(0, 0, WIDTH, HEIGHT))[0] for z in range(DEPTH)])
        reader.close()
    assert np.array_equal(shown["mask"] == 1, wanted(shown["image"] > 1000, model))


def project_of(folder):
    with ProjectStore.create(folder / "p", ClassTable().added("spot")) as store:
        store.add_images([stack(folder / "v.tif"), spot_picture(folder / "flat.png")])
    return folder / "p"


@pytest.mark.parametrize("model", MODELS)
def test_propose_fills_all_planes_and_names_the_flat_image(model, tmp_path, capsys):
    project = project_of(tmp_path)
    code, out, err = run(capsys, "propose", project, "--model", model, "--device", "cpu")
    assert code == 1 and "flat.png" in err and "the image is flat" in err
    with ProjectStore.open(project, read_only=True) as store:
        record = next(r for r in store.images() if r.depth == DEPTH)
        layer = store.proposal_layer(record.id)
        found = np.stack([layer.read_classes(layer.bounds, z) for z in range(DEPTH)])
    assert np.array_equal(found != 0, wanted(blocks(), model))


class Port:
    """What the model's process talks through: takes down what is sent, and is cancelled after so many results."""

    def __init__(self, limit=None):
        self.results, self.told, self._limit = [], [], limit

    def send(self, message):
        if isinstance(message, WindowReady):
            self.results.append(message)

    def progress(self, done, total, what):
        self.told.append(done / total if total else 0)

    def is_set(self):
        return self._limit is not None and len(self.results) >= self._limit


@pytest.mark.parametrize("model", MODELS)
def test_the_models_process_streams_every_plane_and_can_be_cancelled(model, tmp_path):
    file = stack(tmp_path / "v.tif")
    task = ImageTask(3, str(file), tuple(range(DEPTH)), None, (WIDTH, HEIGHT))
    port = Port()
    model_host.serve(ProposeSpec(model, None, "cpu", (task,)), port)
    found = np.full((DEPTH, HEIGHT, WIDTH), 99, np.uint8)
    for message in port.results:
        found[(message.z, *message.result.rect.slices)] = message.result.class_index
    assert np.array_equal(found == 1, wanted(blocks(), model)) and not (found == 99).any()
    assert port.told == sorted(port.told) and port.told[-1] == 1
    assert len({m.z for m in port.results[: len(port.results) // 2]}) < DEPTH, "the first planes come before the last"
    stopped = Port(limit=3)
    with pytest.raises(Cancelled):
        model_host.serve(ProposeSpec(model, None, "cpu", (task,)), stopped)
    assert len(stopped.results) < len(port.results)


def test_a_plane_alone_is_answered_as_it_is_among_the_others(tmp_path):
    file = stack(tmp_path / "v.tif")
    for model in MODELS:
        port = Port()
        task = ImageTask(3, str(file), (10,), (Rect(8, 8, 16, 24),), (WIDTH, HEIGHT))
        model_host.serve(ProposeSpec(model, None, "cpu", (task,)), port)
        assert {m.z for m in port.results} == {10}
        for message in port.results:
            expected = blocks()[(11, *message.result.rect.slices)]
            assert np.array_equal(message.result.class_index == 1, expected)


def test_a_model_for_volumes_is_not_exported_as_onnx(tmp_path, capsys):
    pytest.importorskip("onnxscript")
    pytest.importorskip("onnxruntime")
    code, _, err = run(capsys, "models", "export", "deep", "--onnx", tmp_path / "a.onnx")
    assert code == 1 and "looks at volumes" in err
