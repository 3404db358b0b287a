"""Scoring objects of several classes, things and stuff, from files and from ids; pieces of masks; borders of cells."""

from __future__ import annotations

import json

import numpy as np
import pytest
from image_files import save

from segstudio.cli.main import main
from segstudio.core.errors import UserError
from segstudio.io.mask_ap import MaskAp
from segstudio.io.object_scoring import Pieces, score_object_folders


def row(*ids, shift=0):
    """Blocks of 10 × 10 in a row, touching, with these ids; 0 is none."""
    mask = np.kron(np.array([ids]), np.ones((10, 10))).astype(np.uint16)
    return np.roll(mask, shift, axis=1)


@pytest.fixture
def folders(tmp_path):
    """A car that is found, a car that is missed, road found by two thirds, and sky that nobody labelled."""
    truth, pred = tmp_path / "truth", tmp_path / "pred"
    for folder in (truth, pred):
        folder.mkdir()
    save(truth / "a.png", row(1, 0, 2, 0, 3, 3, 3))
    save(pred / "a.png", row(7, 0, 0, 9, 5, 5, 0))
    (truth / "objects.json").write_text('{"a": {"1": "car", "2": "car", "3": "road"}}')
    (pred / "objects.json").write_text('{"a": {"7": "car", "5": "road", "9": "sky"}}')
    return pred, truth


def by_name(scores):
    return {row["name"]: row for row in scores["per_class"]}


def test_classes_of_files_things_and_stuff(folders, capsys):
    command = ["score", *map(str, folders), "--objects", "--things", "car"]
    assert main([*command, "--json"]) == 0
    scores = json.loads(capsys.readouterr().out)
    rows = by_name(scores)
    # One of two cars: RQ = 1 / (1 + 1/2). Road: IoU 2/3, one segment each. Sky is predicted for nothing.
    assert rows["car"]["panoptic_quality"] == pytest.approx(2 / 3) and rows["car"]["segmentation_quality"] == 1.0
    assert rows["road"]["panoptic_quality"] == pytest.approx(2 / 3) and rows["road"]["recognition_quality"] == 1.0
    assert rows["sky"]["panoptic_quality"] == 0.0 and not rows["sky"]["is_thing"] and rows["car"]["is_thing"]
    assert scores["things"]["panoptic_quality"] == pytest.approx(2 / 3)
    assert scores["stuff"]["panoptic_quality"] == pytest.approx(1 / 3)
    assert scores["panoptic_quality"] == pytest.approx(4 / 9)
    assert scores["objects"] == {"truth": 2, "predicted": 1, "matched": 1}, "only things are objects"
    assert rows["car"]["object_f1"] == pytest.approx(2 / 3) and rows["road"]["object_f1"] is None
    # Recall stops at 1/2 with precision 1: 51 of COCO's 101 points.
    assert rows["car"]["ap50"] == pytest.approx(51 / 101) and rows["road"]["ap"] is None
    assert scores["mask_ap"]["ap50"] == pytest.approx(51 / 101)
    assert main(command) == 0
    text = capsys.readouterr().out
    assert "mean of stuff" in text and "33.33" in text


def test_classes_in_the_ids(tmp_path):
    truth, pred = tmp_path / "t", tmp_path / "p"
    for folder in (truth, pred):
        folder.mkdir()
    save(truth / "a.png", row(26001, 0, 26002, 0, 7, 7, 7))
    save(pred / "a.png", row(26005, 0, 0, 23, 7, 7, 0))
    scores = score_object_folders(pred, truth, class_divisor=1000, things=["class 26"])
    rows = by_name(scores)
    assert set(rows) == {"class 7", "class 23", "class 26"}
    assert rows["class 26"]["panoptic_quality"] == pytest.approx(2 / 3) and rows["class 7"]["matched"] == 1
    (truth / "classes.json").write_text('[{"value": 7, "name": "road"}]')
    with pytest.raises(UserError, match="id 26001 is of class 26, and there are 8"):
        score_object_folders(pred, truth, class_divisor=1000)


def test_average_precision_of_each_class_is_its_own():
    """As if each class were scored alone, and the mean of those that the truth holds."""
    rng = np.random.default_rng(1)
    both, alone = MaskAp(3), [MaskAp(), MaskAp()]
    for _ in range(4):
        ids = np.kron(rng.permutation(12).reshape(3, 4), np.ones((6, 6))).astype(np.uint16)
        shifted = np.roll(ids, int(rng.integers(0, 3)), axis=1)
        sure = {int(i): float(rng.random()) for i in range(1, 12)}
        classes = {i: i % 2 for i in range(1, 12)}
        both.add(ids, shifted, sure, None, classes, classes)
        for index, one in enumerate(alone):
            own = [i for i in range(1, 12) if i % 2 == index]
            one.add(np.where(np.isin(ids, own), ids, 0), np.where(np.isin(shifted, own), shifted, 0), sure)
    scores = both.scores(("even", "odd", "none"))
    wanted = [one.scores() for one in alone]
    for key in ("ap", "ap50", "ap75"):
        assert [r[key] for r in scores["per_class"][:2]] == pytest.approx([w[key] for w in wanted])
        assert scores[key] == pytest.approx(np.mean([w[key] for w in wanted]))
        assert scores["per_class"][2][key] is None


def disks(*places):
    y, x = np.mgrid[:60, :120]
    ids = np.zeros((60, 120), np.uint16)
    for number, (cy, cx, r) in enumerate(places, 1):
        ids[((y - cy) ** 2 + (x - cx) ** 2 <= r * r) & (ids == 0)] = number
    return ids


def test_touching_nuclei_are_scored_after_splitting(tmp_path, capsys):
    truth, pred = tmp_path / "t", tmp_path / "p"
    for folder in (truth, pred):
        folder.mkdir()
    ids = disks((30, 25, 14), (30, 49, 14), (30, 95, 12))
    save(truth / "a.png", ids)
    mask = (ids > 0).astype(np.uint8)
    mask[2, 2:4] = 1  # dirt
    save(pred / "a.png", mask)

    def objects(*options):
        assert main(["score", str(pred), str(truth), "--objects", *options, "--json"]) == 0
        return json.loads(capsys.readouterr().out)["objects"]

    assert objects("--pieces") == {"truth": 3, "predicted": 3, "matched": 2}, "the pair's larger half overlaps by half"
    assert objects("--split-touching", "2") == {"truth": 3, "predicted": 4, "matched": 3}
    assert objects("--split-touching", "2", "--least-px", "10") == {"truth": 3, "predicted": 3, "matched": 3}


def test_pieces_of_two_classes_are_two_objects():
    mask = np.kron(np.array([[1, 2, 2, 0, 1]], np.uint8), np.ones((4, 4), np.uint8))
    ids = Pieces().ids(mask)
    assert ids.max() == 3 and np.array_equal(ids > 0, mask > 0) and ids[0, 0] != ids[0, 17]


def test_borders_of_cells_by_the_command_line(tmp_path, capsys):
    truth, pred = tmp_path / "t", tmp_path / "p"
    wall = np.zeros((20, 40), np.uint8)
    wall[:, 19:21] = 1
    wall[:3] = 255
    for folder, mask in ((truth, wall), (pred, np.zeros_like(wall))):
        folder.mkdir()
        save(folder / "a.png", mask)
    assert main(["score", str(pred), str(truth), "--rand", "1", "--json"]) == 0
    cells = json.loads(capsys.readouterr().out)["cells"]
    assert cells["pixel_error"] == pytest.approx(2 / 40)
    # Two cells of one size run together: half of the pairs are wrong.
    assert cells["rand_split"] == 1.0 and cells["rand_merge"] == pytest.approx(0.5)
    assert cells["rand_f1"] == pytest.approx(2 / 3)
    assert main(["score", str(pred), str(truth), "--rand", "1"]) == 0
    assert "Rand 66.67 / 100.00 / 50.00 %" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--things", "car"], "--things is about objects"),
        (["--split-touching", "2"], "--split-touching is about objects"),
        (["--objects", "--split-touching", "0"], "--split-touching is 0"),
        (["--objects", "--least-px", "-1"], "--least-px is -1"),
        (["--objects", "--class-divisor", "1"], "--class-divisor is 1"),
        (["--objects", "--pieces", "--things", "car"], "no class of their own"),
        (["--objects", "--rand", "1"], "--rand does not go with --objects"),
    ],
)
def test_options_that_mean_nothing_are_refused(folders, capsys, options, words):
    assert main(["score", *map(str, folders), *options]) == 2
    err = capsys.readouterr().err
    assert words in err and err.count("\n") == 1


def test_classes_that_do_not_fit_are_one_sentence(folders):
    pred, truth = folders
    with pytest.raises(UserError, match="no class bus to be a thing"):
        score_object_folders(pred, truth, things=["bus"])
    (pred / "objects.json").write_text('{"a": {"7": "car"}}')
    with pytest.raises(UserError, match="no class for object 5 of a"):
        score_object_folders(pred, truth)
    (pred / "objects.json").unlink()
    with pytest.raises(UserError, match="not known here") as caught:
        score_object_folders(pred, truth)
    assert caught.value.path == pred / "objects.json"
    (truth / "objects.json").write_text("[3]")
    with pytest.raises(UserError, match="cannot be read"):
        score_object_folders(truth, pred)
