"""``export`` and ``score`` through the real ``main``."""

import json

import numpy as np
import pytest
from PIL import Image
from small_projects import contents, run, small_project

from segstudio.core.geometry import Rect
from segstudio.io.store.project import ProjectStore

# -- export --------------------------------------------------------------------------------------------------------


@pytest.fixture
def project(tmp_path):
    return small_project(tmp_path / "p", images=4)


def test_export_writes_masks_equal_to_the_labels(capsys, project, tmp_path):
    out = tmp_path / "out"
    before = contents(project)
    code, text, err = run(capsys, "export", project, "--format", "masks", "--out", out, "--json")
    assert (code, err) == (0, "")
    document = json.loads(text)
    assert (document["images"], document["out"], document["skipped"]) == (4, str(out), [])
    with ProjectStore.open(project) as store:
        for record in store.images():
            wanted = store.labels_layer(record.id).read_classes(Rect(0, 0, 64, 64))
            with Image.open(out / "masks" / record.name) as mask:
                np.testing.assert_array_equal(np.asarray(mask), wanted)
    assert json.loads((out / "classes.json").read_text())[0]["name"] == "spot"
    assert contents(project) == before


@pytest.mark.parametrize("name", ["masks", "voc", "coco"])
def test_every_format_works_beside_an_open_window(capsys, project, tmp_path, name):
    with ProjectStore.open(project):
        code, text, err = run(capsys, "export", project, "--format", name, "--out", tmp_path / "out")
    assert (code, err) == (0, "") and f"Wrote 4 images as {name}" in text and any((tmp_path / "out").iterdir())


def test_the_same_seed_gives_the_same_split(capsys, project, tmp_path):
    splits = []
    for name, seed in (("a", 1), ("b", 1), ("c", 2), ("d", 3)):
        out = tmp_path / name
        arguments = [
            "--format",
            "masks",
            "--out",
            out,
            "--split",
            "train=.5,val=.25,test=.25",
            "--seed",
            seed,
            "--json",
        ]
        document = json.loads(run(capsys, "export", project, *arguments)[1])
        assert document["splits"] == {"train": 2, "val": 1, "test": 1}
        splits.append({s: sorted(p.name for p in (out / "masks" / s).iterdir()) for s in document["splits"]})
    assert splits[0] == splits[1] and len({str(s) for s in splits}) > 1


def test_the_images_own_splits_and_a_choice_of_images(capsys, project, tmp_path):
    with ProjectStore.open(project) as store:
        store.set_split([1, 2], "train")
        store.set_split([3, 4], "test")
    out = tmp_path / "out"
    arguments = ["--format", "masks", "--out", out, "--split", "project", "--images", "im[123]*", "--json"]
    assert json.loads(run(capsys, "export", project, *arguments)[1])["splits"] == {"train": 1, "test": 2}
    assert {p.name for p in (out / "masks" / "test").iterdir()} == {"im2.png", "im3.png"}


def test_an_image_that_is_gone_is_named_and_left_out(capsys, project, tmp_path):
    (tmp_path / "pictures" / "im1.png").unlink()
    code, text, err = run(capsys, "export", project, "--format", "coco", "--out", tmp_path / "out", "--json")
    document = json.loads(text)
    assert code == 0 and document["images"] == 3 and document["skipped"][0]["image"] == "im1.png"
    assert err.count("\n") == 1 and "im1.png" in err


def test_export_options_reach_the_format(capsys, project, tmp_path):
    run(capsys, "export", project, "--format", "coco", "--out", tmp_path / "a", "--polygons")
    document = json.loads((tmp_path / "a" / "annotations" / "instances.json").read_text())
    assert isinstance(document["annotations"][0]["segmentation"], list)
    code, _, err = run(capsys, "export", project, "--format", "coco", "--out", tmp_path / "b", "--objects-only")
    assert code == 0, err
    assert json.loads((tmp_path / "b" / "annotations" / "instances.json").read_text())["annotations"] == []


def test_a_folder_with_something_in_it_is_left_alone(capsys, project, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    (out / "mine.txt").write_text("mine")
    code, text, err = run(capsys, "export", project, "--format", "masks", "--out", out)
    assert (code, text) == (1, "") and str(out) in err and "not empty" in err and err.count("\n") == 1
    assert [p.name for p in out.iterdir()] == ["mine.txt"]


@pytest.mark.parametrize("arguments", [["new"], ["new", "--classes", "cell"]])
def test_nothing_to_export_is_said(capsys, tmp_path, arguments):
    run(capsys, arguments[0], tmp_path / "p", *arguments[1:])
    code, out, err = run(capsys, "export", tmp_path / "p", "--format", "masks", "--out", tmp_path / "out")
    assert (code, out) == (1, "") and str(tmp_path / "p") in err and err.count("\n") == 1
    assert not (tmp_path / "out").exists()


# -- score ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def folders(tmp_path):
    """One pair of 2 × 4 masks: truth 0 0 1 1 / 0 0 1 255, prediction 0 1 1 1 / 0 0 1 0."""
    pred, truth = tmp_path / "pred", tmp_path / "truth"
    for folder, values in ((pred, [[0, 1, 1, 1], [0, 0, 1, 0]]), (truth, [[0, 0, 1, 1], [0, 0, 1, 255]])):
        folder.mkdir()
        Image.fromarray(np.array(values, np.uint8)).save(folder / "a.png")
    return pred, truth


def test_score_prints_what_the_formulas_say(capsys, folders):
    code, out, err = run(capsys, "score", *folders, "--json")
    assert (code, err) == (0, "")
    scores = json.loads(out)
    assert scores["confusion"] == [[3, 1], [0, 3]]
    assert scores["pixel_accuracy"] == pytest.approx(6 / 7)
    assert scores["mean_pixel_accuracy"] == pytest.approx((3 / 4 + 1) / 2)
    assert scores["mean_iou"] == pytest.approx((3 / 4 + 3 / 4) / 2)
    assert scores["mean_dice"] == pytest.approx(6 / 7)
    assert scores["frequency_weighted_iou"] == pytest.approx(3 / 4)
    assert scores["boundary_f1"] is None and [row["pixels"] for row in scores["per_class"]] == [4, 3]
    keys = {"name", "iou", "dice", "accuracy", "precision", "recall", "boundary_f1", "pixels"}
    assert set(scores["per_class"][0]) == keys and scores["mean_precision"] == pytest.approx((1 + 3 / 4) / 2)


def test_score_takes_classes_ignore_and_tolerance(capsys, folders):
    scores = json.loads(run(capsys, "score", *folders, "--classes", 3, "--boundary-tolerance", 1, "--json")[1])
    assert len(scores["confusion"]) == 3 and scores["per_class"][2]["iou"] is None and scores["boundary_f1"] == 1.0
    assert scores["mean_iou"] == pytest.approx(3 / 4)
    ignored = json.loads(run(capsys, "score", *folders, "--ignore", 1, "--classes", 256, "--json")[1])
    assert sum(map(sum, ignored["confusion"])) == 5


def test_score_for_people(capsys, folders):
    code, out, err = run(capsys, "score", *folders)
    assert (code, err) == (0, "") and "75.00" in out and "pixel accuracy 85.71 %" in out


def test_score_says_what_does_not_fit(capsys, folders, tmp_path):
    pred, truth = folders
    for values, words in ((np.zeros((3, 4), np.uint8), "4 × 3"), (np.full((2, 4), 9, np.uint8), "value 9")):
        Image.fromarray(values).save(pred / "a.png")
        code, out, err = run(capsys, "score", pred, truth, "--classes", 2, "--json")
        assert (code, out) == (1, "") and str(pred / "a.png") in err and words in err and err.count("\n") == 1
    (pred / "a.png").unlink()
    code, out, err = run(capsys, "score", pred, truth)
    assert (code, out) == (1, "") and "no prediction for a.png" in err and str(pred) in err
