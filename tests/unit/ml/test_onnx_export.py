"""Networks written as ONNX: compared with themselves, their card inside, and no file where they differ."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from ml_help import ArrayReader, SmallNet, card, random_image

from segstudio.core.cancel import CancelToken
from segstudio.core.errors import Cancelled, UserError
from segstudio.ml.cards import CARD_KEY, ModelCard
from segstudio.ml.foreign import onnx_export
from segstudio.ml.foreign.onnx_export import export_onnx
from segstudio.ml.foreign.onnx_header import read_onnx_header
from segstudio.ml.inference.loading import TorchSegmenter, load_segmenter
from segstudio.ml.inference.run import propose
from segstudio.ml.networks.build import build_network
from segstudio.ml.registry import Catalog, CatalogEntry
from segstudio.ml.weights import save_weights


@pytest.fixture(autouse=True)
def folders(tmp_path, monkeypatch):
    for name in ("onnx", "onnxruntime", "onnxscript"):
        pytest.importorskip(name, reason="needs the extra [onnx]")
    monkeypatch.setenv("SEGSTUDIO_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("SEGSTUDIO_DATA_DIR", str(tmp_path / "data"))
    return tmp_path


def weights_of(folder, name, encoder="", bands=3, classes=("background", "a", "b"), options=None):
    torch.manual_seed(0)
    network = build_network(name, encoder, bands=bands, classes=len(classes), options=options).eval()
    with torch.no_grad():
        # Heads begin at 0 in some: a graph that gave nothing at all would then agree.
        for parameter in network.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.01)
        # Batch norms that know their features keep the logits as small as those of a trained network.
        for part in network.modules():
            if isinstance(part, torch.nn.BatchNorm2d):
                part.momentum = None
        network.train()(torch.randn(4, bands, 64, 64))
    known = ModelCard(
        name, name, architecture=name, encoder=encoder or "none", classes=classes, bands=bands,
        mean=(0.4,) * bands, std=(0.2,) * bands, window_px=128, overlap_px=32, licence="CC0", options=options or {},
    )  # fmt: skip
    file = folder / f"{name}.safetensors"
    save_weights(file, network.state_dict(), known)
    return file


def index_map(segmenter, values):
    found = np.zeros(values.shape[1:], np.uint8)
    for piece in propose(segmenter, ArrayReader(values)):
        found[piece.rect.slices] = piece.class_index
    return found


def check_network(folder, name, encoder="", bands=3, options=None, size_px=0):
    entry = Catalog().find(weights_of(folder, name, encoder, bands, options=options))
    target = folder / "out.onnx"
    said = []
    done = export_onnx(entry, target, size_px=size_px, progress=lambda d, o, what: said.append(what))
    assert done.max_difference <= 1e-3 and done.size_bytes == target.stat().st_size and len(said) >= 4
    header = read_onnx_header(target)
    inside = ModelCard.loads(header.metadata[CARD_KEY])
    assert (inside.classes, inside.mean, inside.licence) == (entry.card.classes, entry.card.mean, "CC0")
    assert str(folder) not in header.metadata[CARD_KEY], "no paths of this machine"
    listed = Catalog().find(target)
    own, foreign = load_segmenter(entry, "cpu"), load_segmenter(listed, "cpu")
    values = random_image(150, 170, bands)
    # Windows of another size see other surroundings; the export itself has compared the logits.
    assert size_px or (index_map(own, values) == index_map(foreign, values)).mean() > 0.995
    return done, header


@pytest.fixture
def small(monkeypatch):
    """A network of two convolutions in place of one from a file: what is tested does not depend on the network."""
    known = card(window_px=64, overlap_px=16)
    monkeypatch.setattr(
        onnx_export, "load_segmenter", lambda entry, device, **_: TorchSegmenter(SmallNet(), known, device)
    )
    return CatalogEntry(known)


class Unpooling(torch.nn.Module):
    """Down with the places of the maxima, up by them."""

    stride_px = 2

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.first, self.last = torch.nn.Conv2d(3, 8, 3, padding=1), torch.nn.Conv2d(8, 3, 3, padding=1)

    def forward(self, x):
        y, places = torch.nn.functional.max_pool2d(self.first(x), 2, return_indices=True)
        return {"out": self.last(torch.nn.functional.max_unpool2d(y, places, [2, 2]))}


def test_unpooling_by_indices_for_any_size(tmp_path, small, monkeypatch):
    monkeypatch.setattr(onnx_export, "load_segmenter", lambda *_, **__: TorchSegmenter(Unpooling(), small.card))
    done = export_onnx(small, tmp_path / "x.onnx")
    assert done.size_px == 0 and done.multiple_px == 2
    batch = torch.randn(2, 3, 64, 96)
    with torch.inference_mode():
        wanted = Unpooling()(batch)["out"]
    assert torch.allclose(load_segmenter(Catalog().find(tmp_path / "x.onnx"), "cpu").predict(batch), wanted, atol=1e-4)


def test_a_narrow_unet_for_any_size(tmp_path):
    done, header = check_network(tmp_path, "unet", "none", bands=4, options={"width": 4})
    assert done.size_px == 0 and header.inputs[0].shape[1] == 4


@pytest.mark.slow
def test_enet_with_its_unpooling_for_any_size(tmp_path):
    done, header = check_network(tmp_path, "enet", bands=4)
    assert done.size_px == 0 and done.multiple_px == 8 and not done.note
    assert header.inputs[0].shape[1] == 4 and not any(
        isinstance(s, int) for s in (*header.inputs[0].shape[2:], header.inputs[0].shape[0])
    )


@pytest.mark.slow
@pytest.mark.parametrize(("name", "encoder"), [("deeplabv3plus", "mobilenet_v3_small")])
def test_wrapped_networks_for_one_size(tmp_path, name, encoder):
    """The long way, all networks for any size, goes tests/benchmarks/sweep_onnx.py."""
    done, _ = check_network(tmp_path, name, encoder, size_px=64)
    assert done.size_px == 64


def test_a_network_that_cannot_be_traced_freely_gets_one_size_and_says_so(tmp_path, small, monkeypatch):
    known = replace(small.card, architecture="pspnet")
    monkeypatch.setattr(onnx_export, "load_segmenter", lambda *_, **__: TorchSegmenter(SmallNet(), known))
    done = export_onnx(small, tmp_path / "x.onnx")
    assert done.size_px == 64 and done.note == "pspnet can be written for windows of one size only"
    inside = ModelCard.loads(read_onnx_header(tmp_path / "x.onnx").metadata[CARD_KEY])
    assert (inside.window_px, inside.stride_px) == (64, 64)


def test_a_tracer_that_fails_leaves_one_size(tmp_path, small, monkeypatch):
    monkeypatch.setattr(onnx_export._Exporter, "_free", lambda self: 1 / 0)
    done = export_onnx(small, tmp_path / "x.onnx")
    assert done.size_px == 64 and "one size only" in done.note and done.max_difference < 1e-4


def test_a_size_that_was_asked_for(tmp_path, small):
    entry = small
    done = export_onnx(entry, tmp_path / "fixed.onnx", size_px=64)
    assert done.size_px == 64 and read_onnx_header(tmp_path / "fixed.onnx").inputs[0].shape == (1, 3, 64, 64)
    values = random_image(64, 64)
    foreign = load_segmenter(Catalog().find(tmp_path / "fixed.onnx"), "cpu")
    assert index_map(foreign, values).shape == (64, 64)
    with pytest.raises(UserError, match="window of 8 px"):
        export_onnx(entry, tmp_path / "small.onnx", size_px=8)


def test_a_small_network_for_any_size(tmp_path, small):
    done = export_onnx(small, tmp_path / "x.onnx")
    assert done.size_px == 0 and done.max_difference < 1e-4
    foreign = load_segmenter(Catalog().find(tmp_path / "x.onnx"), "cpu")
    batch = torch.randn(3, 3, 64, 96)
    with torch.inference_mode():
        assert torch.allclose(foreign.predict(batch), SmallNet()(batch)["out"], atol=1e-4)


def test_a_file_that_differs_is_not_kept(tmp_path, monkeypatch, small):
    entry = small
    monkeypatch.setattr(onnx_export, "TOLERANCE", 0.0)
    target = tmp_path / "out.onnx"
    target.write_bytes(b"what was there before")
    with pytest.raises(UserError, match="differs from its network by .* was not kept"):
        export_onnx(entry, target, size_px=64)
    assert target.read_bytes() == b"what was there before"
    assert not [p for p in tmp_path.iterdir() if p.name.startswith(".")], "no half file is left"


def test_what_cannot_be_exported_says_why(tmp_path, monkeypatch):
    with pytest.raises(UserError, match="no network of semantic segmentation"):
        export_onnx(Catalog().find("classic/otsu"), tmp_path / "x.onnx")
    with pytest.raises(UserError, match="without weights"):
        export_onnx(Catalog().find("enet"), tmp_path / "x.onnx")
    with pytest.raises(UserError, match="no network of torch"):
        export_onnx(Catalog().find(_installed(tmp_path)), tmp_path / "x.onnx")
    entry = Catalog().find(weights_of(tmp_path, "enet"))
    with pytest.raises(UserError, match="folder is missing"):
        export_onnx(entry, tmp_path / "none" / "x.onnx")
    token = CancelToken()
    token.set()
    with pytest.raises(Cancelled):
        export_onnx(entry, tmp_path / "x.onnx", cancel=token)
    monkeypatch.setattr(onnx_export.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"extra \[onnx\].*ip install 'segstudio\[onnx\]'"):
        export_onnx(entry, tmp_path / "x.onnx")
    assert not (tmp_path / "x.onnx").exists()


def _installed(folder):
    from onnx_files import write_onnx

    return write_onnx(folder / "theirs.onnx")
