"""The catalog: what is listed, how it is found, what is said of what is broken."""

import importlib.metadata
import json
import subprocess
import sys
from dataclasses import replace

import pytest
import torch
from ml_help import serving

from segstudio.core.errors import UserError
from segstudio.ml import registry
from segstudio.ml.cards import ModelCard, WeightsSource
from segstudio.ml.registry import Catalog, CatalogEntry, install, weights_file
from segstudio.ml.torchvision_cards import TORCHVISION_CARDS

CARD = ModelCard("mine", "Mine", architecture="unet", encoder="efficientnet_lite0", classes=("background", "x"))


@pytest.fixture(autouse=True)
def folders(tmp_path, monkeypatch):
    monkeypatch.setenv("SEGSTUDIO_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("SEGSTUDIO_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setattr(registry, "built_in_folder", lambda: tmp_path / "built-in")
    return tmp_path


def write_weights(path, card=CARD):
    from segstudio.ml.weights import save_weights

    path.parent.mkdir(parents=True, exist_ok=True)
    save_weights(path, {"a": torch.ones(3)}, card)
    return path


def by_id(catalog):
    return {e.card.id: e for e in catalog.entries()}


def test_all_of_torchvisions_segmentation_models_are_here_as_published():
    import torchvision

    models = torchvision.models
    with_weights = [
        n for n in (*models.list_models(models.segmentation), "maskrcnn_resnet50_fpn", "maskrcnn_resnet50_fpn_v2")
    ]
    assert sorted(c.architecture for c in TORCHVISION_CARDS) == sorted(with_weights)
    for card in TORCHVISION_CARDS:
        published = next(iter(models.get_model_weights(card.architecture)))
        names = tuple("background" if n == "__background__" else n for n in published.meta["categories"])
        assert card.classes == names
        assert card.weights.url == published.url
        assert card.weights.file_name == published.url.rsplit("/", 1)[1]
        assert card.weights.sha256 in card.weights.file_name and len(card.weights.sha256) == 8
        assert card.parameters == published.meta["num_params"]
        assert abs(card.weights.size_bytes / 2**20 - published.meta["_file_size"]) < 0.01
        if card.task == "semantic":
            transform = published.transforms()
            assert (list(card.mean), list(card.std)) == (transform.mean, transform.std)
            assert [card.working_short_side_px] == transform.resize_size
            miou = next(iter(published.meta["_metrics"].values()))["miou"]
            assert card.metrics["mean_iou"] == pytest.approx(miou / 100)


def test_listing_needs_no_torch():
    code = (
        "import sys; from segstudio.ml.registry import Catalog; import segstudio.ml.api, segstudio.ml.class_mapping; Catalog().entries();"
        "bad = {'torch', 'torchvision', 'timm', 'safetensors', 'PySide6'} & set(sys.modules); print(bad); sys.exit(bool(bad))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_entries_as_the_interface_says():
    for entry in Catalog().entries():
        document = json.loads(json.dumps(entry.to_json(), allow_nan=False))
        assert {
            "id",
            "architecture",
            "encoder",
            "task",
            "classes",
            "weights",
            "available",
            "licence",
            "parameters",
            "source",
        } <= document.keys()
        assert document["task"] in {"semantic", "instance", "interactive", "classic", "refine", "encoder"}
        assert document["weights"] in {"built-in", "download", "project", "file", "untrained"}
        assert isinstance(document["available"], bool) and document["available"] == (not document["reason"])


def test_every_source_is_listed_and_found(folders):
    write_weights(folders / "built-in" / "zebra.safetensors", replace(CARD, id="zebra"))
    write_weights(folders / "built-in" / "nuclei.safetensors", replace(CARD, id="nuclei"))
    write_weights(folders / "data" / "models" / "theirs.safetensors")
    project = folders / "project"
    write_weights(project / "runs" / "run-1" / "best.safetensors")
    (project / "runs" / "unfinished").mkdir()
    write_weights(project / "models" / "kept.safetensors", replace(CARD, id="kept"))
    catalog = Catalog(project)
    found = by_id(catalog)
    kinds = {i: e.card.weights.kind for i, e in found.items()}
    assert list(found)[:2] == ["nuclei", "zebra"], "the default model is offered first"
    assert kinds["zebra"] == "built-in" and kinds["runs/run-1"] == "project" and kinds["theirs"] == "file"
    assert kinds["kept"] == "project" and kinds["unet"] == "untrained" and "runs/unfinished" not in found
    assert catalog.find("run-1").card.id == catalog.find("runs/run-1").card.id == "runs/run-1"
    assert catalog.find("lraspp_mobilenet_v3_large").card.id == "torchvision/lraspp_mobilenet_v3_large"
    file = write_weights(folders / "elsewhere.safetensors")
    assert catalog.find(file).card.weights.path == str(file)
    assert catalog.find(str(project / "runs" / "run-1")).card.id == "mine"
    assert "runs/run-1" not in by_id(Catalog())


@pytest.mark.parametrize(
    ("wrong", "near"),
    [("unett", "unet"), ("deeplabv3_resnet5", "torchvision/deeplabv3_resnet50"), ("Maskrcnn", "maskrcnn_resnet50_fpn")],
)
def test_an_unknown_name_lists_near_ones(wrong, near):
    with pytest.raises(UserError, match="there is no model") as caught:
        Catalog().find(wrong)
    assert near in str(caught.value)
    with pytest.raises(UserError, match="models list"):
        Catalog().find("qqqqqqqqqqq")


def test_a_broken_file_is_shown_with_its_reason(folders):
    write_weights(folders / "built-in" / "good.safetensors", replace(CARD, id="good"))
    bad = folders / "built-in" / "bad.safetensors"
    bad.write_bytes(b"")
    write_weights(folders / "built-in" / "future.safetensors", replace(CARD, id="future", architecture="net9000"))
    found = by_id(Catalog())
    assert found["good"].is_available
    assert not found["bad"].is_available and "empty" in found["bad"].reason
    assert not found["future"].is_available and "net9000" in found["future"].reason
    with pytest.raises(UserError, match="cannot be used: this version has no network"):
        weights_file(found["future"])


def test_an_untrained_network_is_not_run():
    with pytest.raises(UserError, match="train it first"):
        weights_file(Catalog().find("unet"))


class Point:
    def __init__(self, name, given):
        self.name, self.given = name, given

    def load(self):
        if isinstance(self.given, Exception):
            raise self.given
        return self.given


def test_plug_ins_register_and_a_broken_one_is_shown(monkeypatch):
    plug = ModelCard(
        "plug",
        "Plug",
        architecture="own",
        classes=("a",),
        background_index=None,
        weights=WeightsSource("file"),
        loader="x:y",
    )
    points = [
        Point("fine", lambda: [plug]),
        Point("gone", ImportError("no module named\nfoo")),
        Point("nonsense", lambda: [3]),
        Point("loud", lambda: 1 / 0),
    ]
    monkeypatch.setattr(
        importlib.metadata, "entry_points", lambda group: points if group == registry.ENTRY_POINTS else []
    )
    found = by_id(Catalog())
    assert found["plug"].is_available
    for name, words in (
        ("gone", "no module named foo"),
        ("nonsense", "expected model cards"),
        ("loud", "ZeroDivisionError"),
    ):
        assert not found[name].is_available and words in found[name].reason


def test_a_plug_ins_own_loader_runs(monkeypatch):
    from segstudio.ml.inference.loading import load_segmenter

    card = ModelCard(
        "plug",
        "Plug",
        architecture="own",
        classes=("a",),
        weights=WeightsSource("file"),
        loader="test_catalog:plug_loader",
    )
    made = load_segmenter(CatalogEntry(card), "cpu")
    assert made == ("plug", "", "cpu")
    with pytest.raises(UserError, match="the plug-in of the model plug failed"):
        load_segmenter(CatalogEntry(replace(card, loader="test_catalog:nothing")), "cpu")


def plug_loader(card, path, device):
    return card.id, path, device


def test_installing_checks_and_copies(folders):
    file = write_weights(folders / "from" / "colleague.safetensors")
    entry = install(file)
    assert entry.card.weights.path == str(folders / "data" / "models" / "colleague.safetensors")
    assert by_id(Catalog())["colleague"].card.weights.kind == "file"
    with pytest.raises(UserError, match="installed already"):
        install(file)
    bad = folders / "bad.safetensors"
    bad.write_bytes(b"PK\x03\x04")
    with pytest.raises(UserError, match="pickled"):
        install(bad)
    assert sorted(p.name for p in (folders / "data" / "models").iterdir()) == ["colleague.safetensors"]


def test_a_download_makes_a_model_available(monkeypatch):
    import hashlib

    with serving(b"weights" * 1000) as server:
        digest = hashlib.sha256(server.content).hexdigest()
        first = TORCHVISION_CARDS[0]
        card = replace(first, weights=replace(first.weights, url=server.url, sha256=digest[:8]))
        monkeypatch.setattr(registry, "TORCHVISION_CARDS", (card,))
        entry = Catalog().find(card.id)
        assert entry.needs_download and not entry.is_available and "MB" in entry.reason
        assert weights_file(entry).card.weights.path.endswith(card.weights.file_name)
    entry = Catalog().find(card.id)
    assert entry.is_available and not entry.needs_download
    assert weights_file(entry).card.weights.path


def test_cards_survive_json():
    for card in (
        *TORCHVISION_CARDS,
        replace(CARD, metrics={"mean_iou": 0.5}, options={"depth": 3}, is_research_only=True),
    ):
        assert ModelCard.loads(card.dumps()) == card
    later = {**CARD.to_json(), "something_new": 1}
    assert ModelCard.from_json(later) == CARD
