"""``models``, ``predict`` and ``propose`` through the real ``main``."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from medical_files import write_nifti, write_series
from PIL import Image

from segstudio.cli.main import main
from segstudio.cli.propose import propose_into
from segstudio.core.cancel import CancelToken
from segstudio.core.classes import ClassTable
from segstudio.core.errors import Cancelled
from segstudio.io.store.project import ProjectStore
from segstudio.ml import registry
from segstudio.ml.api import ObjectResult
from segstudio.ml.cards import ModelCard, WeightsSource
from segstudio.ml.inference import loading
from segstudio.ml.inference.loading import TorchSegmenter

CARD = ModelCard(
    "bright",
    "Bright",
    architecture="unet",
    encoder="none",
    classes=("background", "spot", "never"),
    colors=("#000000", "#ff0000", "#00ff00"),
    mean=(0.0,) * 3,
    std=(1.0,) * 3,
    window_px=64,
    overlap_px=16,
    stride_px=8,
    weights=WeightsSource("file"),
    loader="segstudio.none:none",
)


class Bright(torch.nn.Module):
    """Bright is a spot, dark is background."""

    def forward(self, x):
        return torch.cat([(0.5 - x[:, :1]) * 20, (x[:, :1] - 0.5) * 20, torch.full_like(x[:, :1], -50.0)], dim=1)


@pytest.fixture(autouse=True)
def catalog(tmp_path, monkeypatch):
    """A catalog with the model "bright", which needs no file."""
    monkeypatch.setenv("SEGSTUDIO_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("SEGSTUDIO_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setattr(registry, "_plug_ins", lambda: iter([registry.CatalogEntry(CARD)]))
    monkeypatch.setattr(loading, "_from_plug_in", lambda card, device: TorchSegmenter(Bright(), card, device))


@pytest.fixture
def pictures(tmp_path):
    """Two pictures with a bright square, in a folder."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    for name, (width, height) in {"one.png": (150, 100), "two.png": (70, 90)}.items():
        values = np.zeros((height, width, 3), np.uint8)
        values[20:50, 30:60] = 255
        Image.fromarray(values).save(folder / name)
    return folder


def run(capsys, *arguments):
    code = main([str(a) for a in arguments])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


# -- models --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("arguments", [["models", "list", "--json"], ["models", "--json"], ["models", "--json", "list"]])
def test_the_list_is_one_json_document(capsys, arguments):
    code, out, err = run(capsys, *arguments)
    listed = {m["id"]: m for m in json.loads(out)}
    assert code == 0 and err == ""
    assert listed["bright"]["available"] is True and listed["bright"]["classes"] == ["spot", "never"]
    assert listed["torchvision/fcn_resnet50"]["weights"] == "download"
    assert listed["unet"]["weights"] == "untrained"


def test_a_card_is_shown_and_an_unknown_one_hinted_at(capsys):
    code, out, _ = run(capsys, "models", "info", "maskrcnn_resnet50_fpn")
    assert code == 0 and "44,401,393" in out and "teddy bear" in out
    code, out, err = run(capsys, "models", "info", "brigth")
    assert code == 1 and out == "" and "Did you mean bright?" in err and err.count("\n") == 1


def test_a_download_without_a_network_says_what_to_put_where(capsys, monkeypatch, tmp_path):
    first = registry.TORCHVISION_CARDS[0]
    dead = replace(first, weights=replace(first.weights, url="http://127.0.0.1:1/" + first.weights.file_name))
    monkeypatch.setattr(registry, "TORCHVISION_CARDS", (dead,))
    code, _, err = run(capsys, "models", "download", dead.id)
    assert code == 1 and err.count("\n") == 1
    assert dead.weights.file_name in err and str(tmp_path / "cache" / "models") in err


def test_installing_a_bad_file_fails_with_its_name(capsys, tmp_path):
    bad = tmp_path / "bad.safetensors"
    bad.write_bytes(b"")
    code, _, err = run(capsys, "models", "install", bad)
    assert code == 1 and str(bad) in err and "empty" in err


# -- predict -------------------------------------------------------------------------------------------------------


def test_predict_writes_palette_masks_that_keep_the_stem(capsys, pictures, tmp_path):
    out = tmp_path / "masks"
    code, text, err = run(capsys, "predict", pictures, "--model", "bright", "--out", out, "--device", "cpu", "--json")
    assert code == 0, err
    document = json.loads(text)
    assert sorted(p.name for p in out.iterdir()) == ["one.png", "two.png"]
    with Image.open(out / "one.png") as mask:
        assert mask.mode == "P" and mask.size == (150, 100) and mask.getpalette()[3:6] == [255, 0, 0]
        values = np.asarray(mask)
    wanted = np.zeros((100, 150), np.uint8)
    wanted[20:50, 30:60] = 1
    np.testing.assert_array_equal(values, wanted)
    assert document["masks"][0]["pixels"] == {"background": 14100, "spot": 900}


def test_probabilities_go_beside(capsys, pictures, tmp_path):
    out = tmp_path / "masks"
    assert run(capsys, "predict", pictures / "one.png", "--model", "bright", "--out", out, "--probabilities")[0] == 0
    chance = np.load(out / "one.probabilities.npy")
    assert chance.shape == (3, 100, 150) and chance.dtype == np.float16
    assert float(chance[1, 30, 40]) > 0.99 and float(chance[1, 0, 0]) < 0.01
    np.testing.assert_allclose(chance.sum(axis=0, dtype=np.float32), 1, atol=2e-3)
    with Image.open(out / "one.png") as mask:
        np.testing.assert_array_equal(np.asarray(mask), chance.argmax(axis=0))
    assert sorted(p.name for p in out.iterdir()) == ["one.png", "one.probabilities.npy"]


def test_predict_never_replaces_an_input(capsys, pictures):
    before = (pictures / "one.png").read_bytes()
    code, _, err = run(capsys, "predict", pictures / "one.png", "--model", "bright", "--out", pictures)
    assert code == 1 and "would replace an image" in err and (pictures / "one.png").read_bytes() == before


def test_predict_says_in_one_line_what_is_wrong(capsys, pictures, tmp_path):
    Image.new("RGB", (9, 9)).save(pictures / "one.bmp")
    volume = tmp_path / "brain.nii.gz"
    volume.write_bytes(b"x")
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"")
    for images, words in (
        ([pictures / "one.png", pictures / "one.bmp"], "both be written to"),
        ([volume], "brain.nii.gz"),
        ([tmp_path / "none.png"], "missing"),
        ([broken], "broken.png"),
    ):
        code, _, err = run(capsys, "predict", *images, "--model", "bright", "--out", tmp_path / "out")
        assert code == 1 and words in err and err.count("\n") == 1, err
    assert not list((tmp_path / "out").iterdir())


def test_predict_of_a_volume_lies_on_it_voxel_by_voxel(capsys, pictures, tmp_path):
    import nibabel

    voxels = np.zeros((40, 30, 5), np.uint8)
    voxels[4:20, 6:18, 2:4] = 255
    affine = np.array([[0, 0, 3.0, -7], [-1, 0, 0, 11], [0, -1, 0, 60], [0, 0, 0, 1]])
    scan = write_nifti(tmp_path / "scan.nii", voxels, affine)
    series = write_series(tmp_path / "ct", np.full((3, 32, 40), 500, np.int16))
    code, out, err = run(capsys, "predict", scan, *series, "--model", "bright", "--out", tmp_path / "out", "--json")
    assert code == 0, err
    masks = json.loads(out)["masks"]
    assert [Path(mask["mask"]).name for mask in masks] == ["scan.nii.gz", "ct.nii.gz"]
    mask = nibabel.load(tmp_path / "out" / "scan.nii.gz")
    np.testing.assert_array_equal(mask.affine, nibabel.load(scan).affine)
    values = np.asarray(mask.dataobj)
    assert values.shape == voxels.shape and values.dtype == np.uint8
    found = values == values[10, 10, 3]
    assert found[6:18, 8:16, 2:4].all() and not found[:, :, :2].any() and found.sum() < 2 * (voxels > 0).sum()
    assert nibabel.load(tmp_path / "out" / "ct.nii.gz").shape == (40, 32, 3)
    code, _, err = run(
        capsys, "predict", scan, "--model", "bright", "--out", tmp_path / "chance", "--probabilities"
    )
    assert code == 1 and "--probabilities" in err


def test_windows_can_be_chosen_but_must_make_sense(capsys, pictures, tmp_path):
    arguments = ["predict", pictures / "one.png", "--model", "bright", "--out", tmp_path / "out"]
    assert run(capsys, *arguments, "--tile", 32, "--overlap", 8)[0] == 0
    assert "--tile is 5" in run(capsys, *arguments, "--tile", 5)[2]
    assert "--overlap is 40" in run(capsys, *arguments, "--tile", 64, "--overlap", 40)[2]
    assert "there is no device" in run(capsys, *arguments, "--device", "quantum")[2]


# -- propose -------------------------------------------------------------------------------------------------------


@pytest.fixture
def project(tmp_path, pictures):
    folder = tmp_path / "project"
    with ProjectStore.create(folder, ClassTable().added("other")) as store:
        store.add_images([pictures])
    return folder


def test_propose_fills_the_proposal_layers_and_adds_only_what_was_found(capsys, project):
    code, out, err = run(capsys, "propose", project, "--model", "bright", "--device", "cpu", "--json")
    assert code == 0, err
    reports = json.loads(out)["images"]
    assert [(r["image"], r["pixels"], r["error"]) for r in reports] == [("one.png", {"spot": 900}, ""), ("two.png", {"spot": 900}, "")]
    with ProjectStore.open(project) as store:
        assert [c.name for c in store.classes] == ["other", "spot"]
        spot = store.classes.by_name("spot")
        assert spot.color == "#ff0000"
        for image in store.images():
            assert image.has_proposal
            layer = store.proposal_layer(image.id)
            classes = layer.read_classes(layer.bounds)
            wanted = np.zeros((image.height, image.width), np.uint16)
            wanted[20:50, 30:60] = spot.id
            np.testing.assert_array_equal(classes, wanted)
            sure = layer.read_confidence(layer.bounds)
            assert (sure[classes > 0] > 250).all()
            assert not store.labels_layer(image.id).pixel_counts()
            assert store.history(image.id).can_undo


def test_propose_again_replaces_the_proposal(capsys, project):
    for _ in range(2):
        assert run(capsys, "propose", project, "--model", "bright", "--images", "one*")[0] == 0
    with ProjectStore.open(project, read_only=True) as store:
        counts = [store.proposal_layer(i.id).pixel_counts() if i.has_proposal else {} for i in store.images()]
        assert [sum(c.values()) for c in counts] == [900, 0]
        assert len(store.classes) == 2


def test_a_missing_image_costs_only_itself(capsys, project, pictures):
    (pictures / "one.png").unlink()
    code, out, err = run(capsys, "propose", project, "--model", "bright", "--json")
    assert code == 1 and "one.png" in err and err.count("\n") == 1
    reports = {r["image"]: r for r in json.loads(out)["images"]}
    assert reports["one.png"]["error"] and reports["two.png"]["pixels"] == {"spot": 900}


def test_a_chosen_class_map_goes_first(project):
    with ProjectStore.open(project) as store:
        other = store.classes.by_name("other").id
        propose_into(store, "bright", store.images()[:1], device="cpu", class_map={1: other})
        assert len(store.classes) == 1
        assert store.proposal_layer(store.images()[0].id).pixel_counts() == {other: 900}
        propose_into(store, "bright", store.images()[:1], device="cpu", class_map={1: 0})
        assert store.proposal_layer(store.images()[0].id).pixel_counts() == {}


def test_cancel_leaves_the_image_as_it_was(project):
    token = CancelToken()
    with ProjectStore.open(project) as store:
        propose_into(store, "bright", store.images()[:1], device="cpu")
        before = store.proposal_layer(store.images()[0].id).pixel_counts()
        with pytest.raises(Cancelled):
            propose_into(store, "bright", store.images(), device="cpu", cancel=token, progress=lambda d, t, w: token.set() if d > 0 else None)
        assert store.proposal_layer(store.images()[0].id).pixel_counts() == before == {store.classes.by_name("spot").id: 900}


def test_objects_become_objects(project, monkeypatch):
    class Finder:
        card = replace(CARD, task="instance")
        device = "cpu"

        def to(self, device):
            pass

        def find_objects(self, image, width, height):
            mask = np.ones((10, 10), bool)
            from segstudio.core.geometry import Rect

            return [ObjectResult(Rect(0, 0, 10, 10), mask, 1, 0.9), ObjectResult(Rect(5, 0, 10, 10), mask, 1, 0.6)]

    monkeypatch.setattr(loading, "_from_plug_in", lambda card, device: Finder())
    monkeypatch.setattr(registry, "_plug_ins", lambda: iter([registry.CatalogEntry(Finder.card)]))
    with ProjectStore.open(project) as store:
        report = propose_into(store, "bright", store.images()[:1], device="cpu")[0]
        assert report["objects"] == 2 and report["pixels"] == {"spot": 150}
        layer = store.proposal_layer(store.images()[0].id)
        scores = sorted(s.confidence for s in layer.segments.values() if s.is_object)
        assert scores == [0.6, 0.9]


def test_a_read_only_project_is_refused(capsys, project):
    with ProjectStore.open(project):
        code, _, err = run(capsys, "propose", project, "--model", "bright")
    assert code == 1 and "read-only" in err
