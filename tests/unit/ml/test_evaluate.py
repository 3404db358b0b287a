"""``evaluate`` gives the scores of the model's own predictions, on the images the model did not learn from."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image
from small_projects import BRIGHT_CARD, contents, offer_bright, paint, run, small_project, spot_picture

from segstudio.core.errors import UserError
from segstudio.core.geometry import Rect
from segstudio.io.scoring import score_folders
from segstudio.io.store.project import ProjectStore
from segstudio.ml import registry
from segstudio.ml.api import ObjectResult
from segstudio.ml.inference import loading
from segstudio.ml.plan import TrainPlan
from segstudio.ml.training import evaluate as evaluate_module
from segstudio.ml.training.evaluate import evaluate
from segstudio.ml.training.project_source import project_data

KEYS = (
    "pixel_accuracy",
    "mean_pixel_accuracy",
    "mean_precision",
    "mean_iou",
    "frequency_weighted_iou",
    "mean_dice",
    "boundary_f1",
    "per_class",
    "confusion",
)


@pytest.fixture(autouse=True)
def bright(monkeypatch, tmp_path):
    offer_bright(monkeypatch, tmp_path)


@pytest.fixture
def dataset(tmp_path):
    """Five images whose masks are a little off what "bright" says, and partly ignored."""
    images, masks = tmp_path / "set" / "images", tmp_path / "set" / "masks"
    masks.mkdir(parents=True)
    for i in range(5):
        spot_picture(images / f"{i}.png", width=90 + i, height=70, seed=i)
        values = np.zeros((70, 90 + i), np.uint8)
        values[22 - i : 48, 20:55] = 1
        values[60:] = 255
        Image.fromarray(values).save(masks / f"{i}.png")
    (masks / "classes.json").write_text('[{"value": 0, "name": "background"}, {"value": 1, "name": "spot"}]')
    return tmp_path / "set"


def test_evaluate_equals_the_score_of_predicted_masks(dataset, tmp_path, capsys):
    spec = f"folder:{dataset / 'images'},{dataset / 'masks'}"
    scores = evaluate(data=spec, model="bright", split="train", device="cpu", boundary_tolerance_px=2)
    assert scores["images"] == 4 and 0.5 < scores["mean_iou"] < 1.0
    held = evaluate(data=spec, model="bright", split="val", device="cpu")
    assert held["images"] == 1 and held["boundary_f1"] is None
    # "bright" says 255 for nearly all it finds: what it is sure of beyond its share of right pixels is its error.
    for document in (scores, held):
        calibration = document["calibration"]
        assert sum(b["pixels"] for b in calibration["bins"]) == np.sum(document["confusion"])
        right = sum((b["accuracy"] or 0) * b["pixels"] for b in calibration["bins"])
        assert right == pytest.approx(np.trace(document["confusion"]))
        assert 0.0 < calibration["expected_calibration_error"] < 0.5
    # The same by hand: the split's images through `predict`, then `score`.
    code, out, err = run(
        capsys, "predict", dataset / "images", "--model", "bright", "--device", "cpu", "--out", tmp_path / "pred"
    )
    assert code == 0, err
    widths = set()
    for split, document in (("train", scores), ("val", held)):
        folders = tmp_path / split / "pred", tmp_path / split / "truth"
        chosen = [s for s in _split_names(spec, split)]
        for folder, source in zip(folders, (tmp_path / "pred", dataset / "masks"), strict=True):
            folder.mkdir(parents=True)
            for name in chosen:
                (folder / name).write_bytes((source / name).read_bytes())
                widths.add(name)
        (folders[1] / "classes.json").write_bytes((dataset / "masks" / "classes.json").read_bytes())
        tolerance = 2 if split == "train" else None
        by_hand = score_folders(*folders, classes=2, boundary_tolerance_px=tolerance)
        for row in document["per_class"]:
            assert 0.5 < row.pop("auc") < 1.0
        assert {k: document[k] for k in KEYS} == {k: by_hand[k] for k in KEYS}
    assert len(widths) == 5


def _split_names(spec, split):
    from segstudio.ml.training.sources import load_data

    return [i.name for i in load_data(TrainPlan(out="", data=spec)).of_split(split)]


def test_a_project_is_scored_on_its_labels_and_left_alone(tmp_path):
    project = small_project(tmp_path / "p", images=3)
    with ProjectStore.open(project) as store:
        paint(store, 1, 1, Rect(0, 0, 10, 10))
        store.set_split(1, "test")
        store.set_status([1, 2, 3], "done")
    before = contents(project)
    scores = evaluate(project=str(project), model="bright", split="test", device="cpu", is_per_image=True)
    assert [(row["image"], row["z"], row["pixels"]) for row in scores["per_image"]] == [("im0.png", 0, 64 * 64)]
    assert scores["per_image"][0]["mean_iou"] == scores["mean_iou"] and scores["per_image"][0]["file"].endswith("im0.png")
    assert scores["confusion"] == [[64 * 64 - 1000, 0], [100, 900]]
    assert [c["name"] for c in scores["per_class"]] == ["background", "spot"]
    assert evaluate(project=str(project), model="bright", split="train", device="cpu")["mean_iou"] == 1.0
    assert contents(project) == before


def test_what_is_not_labelled_is_not_scored(tmp_path):
    project = small_project(tmp_path / "p", images=2)
    with ProjectStore.open(project) as store:
        store.set_status(1, "done")
        store.set_split([1, 2], "val")
    scores = evaluate(project=str(project), model="bright", device="cpu")
    assert np.sum(scores["confusion"]) == 64 * 64 + 900, "the image in progress counts where it is labelled"


def test_a_run_is_scored_on_the_images_it_held_out(tmp_path, monkeypatch):
    """Not on those that another seed would hold out: it learnt from them."""
    project = small_project(tmp_path / "p", images=6)
    run_folder = project / "runs" / "mine"
    run_folder.mkdir(parents=True)
    plan = TrainPlan(out=str(run_folder), project=str(project), seed=11, val_fraction=0.5)
    (run_folder / "config.json").write_text(json.dumps(plan.to_json()))
    weights = registry.CatalogEntry(
        registry.replace(
            BRIGHT_CARD, id="runs/mine", weights=registry.WeightsSource("project", str(run_folder / "best.safetensors"))
        )
    )
    monkeypatch.setattr(registry.Catalog, "find", lambda self, ref: weights)
    loaded = []
    real = evaluate_module.load_data
    monkeypatch.setattr(evaluate_module, "load_data", lambda *a, **k: loaded.append(real(*a, **k)) or loaded[-1])
    assert evaluate(project=str(project), model="mine", device="cpu")["images"] == 3
    wanted = project_data(project, val_fraction=0.5, seed=11).of_split("val")
    assert [i.name for i in loaded[0].of_split("val")] == [i.name for i in wanted]
    other = project_data(project, val_fraction=0.2, seed=0).of_split("val")
    assert [i.name for i in wanted] != [i.name for i in other]


def test_models_of_objects_are_scored_by_their_masks(tmp_path, monkeypatch):
    project = small_project(tmp_path / "p", images=2)
    with ProjectStore.open(project) as store:
        store.set_status([1, 2], "done")

    class Finder:
        card = registry.replace(BRIGHT_CARD, task="instance")
        device = "cpu"

        def find_objects(self, image, width, height):
            mask = np.zeros((40, 40), bool)
            mask[:30, :30] = True
            return [ObjectResult(Rect(20, 20, 40, 40), mask, 1, 0.9)]

        def to(self, device):
            pass

    monkeypatch.setattr(loading, "_from_plug_in", lambda card, device: Finder())
    monkeypatch.setattr(registry, "_plug_ins", lambda: iter([registry.CatalogEntry(Finder.card)]))
    scores = evaluate(project=str(project), model="bright", device="cpu")
    assert scores["confusion"] == [[64 * 64 - 900, 0], [0, 900]] and scores["calibration"] is None


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"model": "brigth"}, "Did you mean bright"),
        ({"split": "exam"}, "the split exam is empty"),
        ({"class_names": ("a", "b")}, "shares no class"),
        ({"project": "/none"}, "no segstudio project"),
    ],
)
def test_what_cannot_be_scored_is_one_sentence(tmp_path, change, words):
    project = small_project(tmp_path / "p")
    with pytest.raises(UserError, match=words) as caught:
        evaluate(**{"project": str(project), "model": "bright", "device": "cpu", **change})
    assert "\n" not in str(caught.value)
