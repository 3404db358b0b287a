"""Areas under ROC curves, borders of cells, objects and VOC files of an evaluation, against what their parts say alone."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from scipy.stats import rankdata
from small_projects import BRIGHT_CARD, offer_bright, run, small_project, spot_picture

from segstudio.core.edits import Transaction
from segstudio.core.errors import UserError
from segstudio.core.geometry import Rect
from segstudio.io.object_scoring import Pieces, score_object_folders
from segstudio.io.store.project import ProjectStore
from segstudio.io.voc_results import read_table
from segstudio.ml import registry
from segstudio.ml.api import ObjectResult
from segstudio.ml.inference import loading
from segstudio.ml.training.evaluate import evaluate
from segstudio.ml.training.evaluate_extras import Asked


@pytest.fixture(autouse=True)
def bright(monkeypatch, tmp_path):
    offer_bright(monkeypatch, tmp_path)


@pytest.fixture
def dataset(tmp_path):
    """Three test images with masks a little off what "bright" says, partly ignored, and the objects of each."""
    images, masks, objects = (tmp_path / "set" / kind / "test" for kind in ("images", "masks", "objects"))
    for folder in (masks, objects):
        folder.mkdir(parents=True)
    for i in range(3):
        spot_picture(images / f"{i}.png", width=90 + i, height=70, seed=i)
        values = np.zeros((70, 90 + i), np.uint8)
        values[22 - i : 48, 20:55] = 1
        values[60:] = 255
        Image.fromarray(values).save(masks / f"{i}.png")
        ids = np.where(values == 1, 300, 0).astype(np.uint16)
        ids[50:58, 70:80] = 7  # one that the classes know nothing of, and no model finds
        Image.fromarray(ids).save(objects / f"{i}.png")
    (masks.parent / "classes.json").write_text('[{"value": 0, "name": "background"}, {"value": 9, "name": "spot"}]')
    for file in masks.glob("*.png"):
        values = np.asarray(Image.open(file)).copy()
        values[values == 1] = 9
        Image.fromarray(values).save(file)
    return tmp_path / "set"


def spec(dataset):
    return f"folder:{dataset / 'images'},{dataset / 'masks'}"


def predicted(dataset, tmp_path, capsys):
    code, _, err = run(capsys, "predict", dataset / "images" / "test", "--model", "bright", "--device", "cpu",
                       "--probabilities", "--out", tmp_path / "pred")  # fmt: skip
    assert code == 0, err
    return tmp_path / "pred"


def test_the_area_is_that_of_the_probabilities_that_predict_writes(dataset, tmp_path, capsys):
    scores = evaluate(data=spec(dataset), model="bright", split="test", device="cpu")
    pred = predicted(dataset, tmp_path, capsys)
    chances, truths = [], []
    for i in range(3):
        chances.append(np.load(pred / f"{i}.probabilities.npy")[1].ravel())
        truths.append(np.asarray(Image.open(dataset / "masks" / "test" / f"{i}.png")).ravel())
    chance, truth = np.concatenate(chances), np.concatenate(truths)
    chance, is_spot = chance[truth != 255], truth[truth != 255] == 9
    own = int(is_spot.sum())
    area = (rankdata(chance)[is_spot].sum() - own * (own + 1) / 2) / (own * (is_spot.size - own))
    # The file holds float16, which ties what is nearly alike.
    assert scores["per_class"][1]["auc"] == pytest.approx(area, abs=2e-3)
    assert 0.5 < area < 1.0 and scores["mean_auc"] == pytest.approx(scores["per_class"][1]["auc"], abs=1e-9)


def test_objects_are_those_of_the_predicted_masks(dataset, tmp_path, capsys):
    out = ["evaluate", "--data", spec(dataset), "--split", "test", "--model", "bright", "--device", "cpu"]
    code, text, err = run(capsys, *out, "--objects", dataset / "objects", "--least-px", "5", "--json")
    assert code == 0, err
    objects = json.loads(text)["objects"]
    pred = predicted(dataset, tmp_path, capsys)
    for file in pred.glob("*.npy"):
        file.unlink()
    # Ignored rows are void: there the truth's masks say so.
    truth = tmp_path / "truth"
    truth.mkdir()
    for i in range(3):
        ids = np.asarray(Image.open(dataset / "objects" / "test" / f"{i}.png")).copy()
        ids[60:] = 65535
        Image.fromarray(ids).save(truth / f"{i}.png")
    by_hand = score_object_folders(pred, truth, pieces=Pieces(least_px=5))
    assert objects["objects"] == {**by_hand["objects"]} and objects["objects"]["truth"] == 6
    assert 0 < objects["object_recall"] <= 0.5
    row = objects["per_class"][0]
    assert row["name"] == "spot" and row["matched"] == by_hand["objects"]["matched"] > 0
    code, text, err = run(capsys, *out, "--objects", dataset / "objects", "--rand", "spot")
    assert code == 0, err
    assert "object F1 at IoU 0.5" in text and "pixel error" in text and "AUC" in text


def test_the_pixel_error_is_never_above_that_of_the_masks(dataset):
    scores = evaluate(data=spec(dataset), model="bright", split="test", device="cpu", asked=Asked(border="Spot"))
    confusion = np.array(scores["confusion"])
    assert scores["cells"]["pixel_error"] <= 1 - np.trace(confusion) / confusion.sum() + 1e-12
    assert 0.5 < scores["cells"]["rand_f1"] <= 1.0


def test_voc_files_are_named_as_the_images_and_hold_the_values(dataset, tmp_path, capsys):
    voc = tmp_path / "voc"
    code, text, err = run(capsys, "evaluate", "--data", spec(dataset), "--split", "test", "--model", "bright",
                          "--device", "cpu", "--voc-results", voc, "--json")  # fmt: skip
    assert code == 0, err
    document = json.loads(text)
    folder = voc / "results" / "VOC2012" / "Segmentation" / "comp5_test_cls"
    assert document["voc_results"] == str(folder)
    assert sorted(p.name for p in folder.iterdir()) == ["0.png", "1.png", "2.png", "accuracies.txt"]
    pred = predicted(dataset, tmp_path, capsys)
    for i in range(3):
        written = np.asarray(Image.open(folder / f"{i}.png"))
        assert np.array_equal(written, np.where(np.asarray(Image.open(pred / f"{i}.png")) == 1, 9, 0))
    table = read_table(folder / "accuracies.txt")
    assert table == {row["name"]: round(100 * row["iou"], 3) for row in document["per_class"]}


def test_objects_that_the_labels_tell_of(dataset, tmp_path, capsys):
    """A folder objects/ beside masks/, and the objects of a project, need not be named."""
    out = ["evaluate", "--data", spec(dataset), "--split", "test", "--model", "bright", "--device", "cpu", "--json"]
    documents = []
    for objects in (["--objects", dataset / "objects"], ["--objects"]):
        code, text, err = run(capsys, *out, *objects)
        assert code == 0, err
        documents.append(json.loads(text)["objects"])
    assert documents[0] == documents[1] and documents[0]["objects"]["truth"] == 6
    project = small_project(tmp_path / "p", images=2)
    with ProjectStore.open(project) as store:
        store.set_status([1, 2], "done")
        store.set_split([1, 2], "test")
    code, _, err = run(
        capsys, "evaluate", project, "--split", "test", "--model", "bright", "--device", "cpu", "--objects"
    )
    assert code == 1 and "tell of no objects" in err and err.count("\n") == 1
    lenient = {"model": "bright", "split": "test", "device": "cpu", "asked": Asked(has_objects=True, is_lenient=True)}
    assert "objects" not in evaluate(project=str(project), **lenient)
    with ProjectStore.open(project) as store:
        transaction = Transaction(store.labels_layer(1), "Make objects")
        for segment in list(store.labels_layer(1).segments.values()):
            transaction.set_segment(replace(segment, is_object=segment.class_id == 1))
        store.commit(transaction.commit())
    objects = evaluate(project=str(project), **lenient)["objects"]
    assert objects["objects"] == {"truth": 1, "predicted": 1, "matched": 1} and objects["object_f1"] == 1.0


def test_models_of_objects_keep_their_own_objects(dataset, monkeypatch):
    class Finder:
        card = registry.replace(BRIGHT_CARD, task="instance")
        device = "cpu"

        def find_objects(self, image, width, height):
            whole = np.ones((26, 35), bool)
            return [
                ObjectResult(Rect(20, 21, 35, 26), whole, 1, 0.9),
                ObjectResult(Rect(40, 21, 35, 26), whole, 1, 0.8),
            ]

        def to(self, device):
            pass

    monkeypatch.setattr(loading, "_from_plug_in", lambda card, device: Finder())
    monkeypatch.setattr(registry, "_plug_ins", lambda: iter([registry.CatalogEntry(Finder.card)]))
    asked = Asked(has_objects=True, objects=dataset / "objects", border="spot")
    scores = evaluate(data=spec(dataset), model="bright", split="test", device="cpu", asked=asked)
    assert scores["mean_auc"] is None and {row["auc"] for row in scores["per_class"]} == {None}
    # The two overlap, the better one keeps the pixels; joined they would be one piece.
    assert scores["objects"]["objects"] == {"truth": 6, "predicted": 6, "matched": 3}
    assert scores["cells"]["pixel_error"] is not None


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"border": "wall"}, "no class 'wall' that parts cells"),
        ({"objects": "nowhere"}, "no such folder of objects"),
        ({"objects": "empty"}, "no objects of"),
        ({"objects": "small"}, "the objects are on 3 × 2 pixels"),
    ],
)
def test_what_does_not_fit_is_one_sentence(dataset, tmp_path, asked, words):
    (tmp_path / "empty").mkdir()
    (tmp_path / "small").mkdir()
    for i in range(3):
        Image.fromarray(np.zeros((2, 3), np.uint8)).save(tmp_path / "small" / f"{i}.png")
    if "objects" in asked:
        asked = {"has_objects": True, "objects": tmp_path / asked["objects"]}
    with pytest.raises(UserError, match=words) as caught:
        evaluate(data=spec(dataset), model="bright", split="test", device="cpu", asked=Asked(**asked))
    assert "\n" not in str(caught.value)


def test_splitting_without_objects_is_refused(dataset, capsys):
    code, _, err = run(capsys, "evaluate", "--data", spec(dataset), "--model", "bright", "--split-touching", "2")
    assert code == 2 and "Give --objects" in err
