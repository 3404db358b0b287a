"""Scoring two folders of object ids, through the command line too."""

from __future__ import annotations

import json

import numpy as np
import pytest
from image_files import save

from segstudio.cli.main import main
from segstudio.core.errors import UserError
from segstudio.io import object_scoring
from segstudio.io.object_scoring import MaskAp, score_object_folders


def squares(ids, shift=0):
    """A row of squares of 10 × 10, 20 px apart, with these ids."""
    mask = np.zeros((20, 20 * len(ids)), np.uint16)
    for place, value in enumerate(ids):
        mask[5:15, 20 * place + 5 + shift : 20 * place + 15 + shift] = value
    return mask


@pytest.fixture
def folders(tmp_path):
    """Image a: one of two objects off by 3 px (IoU 7/13), one by 5 (1/3); sub/b: 300 objects' ids, all right but one."""
    pred, truth = tmp_path / "pred", tmp_path / "truth"
    for folder in (pred, truth):
        (folder / "sub").mkdir(parents=True)
    save(truth / "a.png", squares([1, 2]))
    save(pred / "a.png", np.hstack([squares([7], 3), squares([255], 5)]))
    values = squares([299, 300, 65534])
    save(truth / "sub" / "b.png", values)
    save(pred / "sub" / "b.png", np.where(values == 300, 0, values).astype(np.uint16))
    return pred, truth


def test_the_command_line_prints_the_document(folders, capsys):
    assert main(["score", *map(str, folders), "--objects", "--per-image", "--json"]) == 0
    out, err = capsys.readouterr()
    scores = json.loads(out)
    assert err == ""
    assert scores["objects"] == {"truth": 5, "predicted": 4, "matched": 3}
    assert scores["object_f1"] == pytest.approx(6 / 9) and scores["recognition_quality"] == pytest.approx(6 / 9)
    assert scores["panoptic_quality"] == pytest.approx((7 / 13 + 2) / 4.5)
    assert scores["object_precision"] == 0.75 and scores["object_recall"] == 0.6
    assert [row["image"] for row in scores["per_image"]] == ["a.png", "sub/b.png"]
    assert scores["per_image"][1]["object_f1"] == pytest.approx(0.8)
    assert set(scores["mask_ap"]) == {"ap", "ap50", "ap75"}
    assert main(["score", *map(str, folders), "--objects", "--per-image"]) == 0
    text = capsys.readouterr().out
    assert (
        "object F1 at IoU 0.5 66.67 %" in text and "mask AP" in text and text.index("a.png") < text.index("sub/b.png")
    )


def test_the_order_of_sureness_decides_average_precision(folders):
    pred, _ = folders

    def ap50(wrong):
        scores = {"a": {"7": 0.8, "255": wrong}, "sub/b": {"299": 0.7, "65534": 0.6}}
        (pred / "scores.json").write_text(json.dumps(scores))
        return score_object_folders(*folders)["mask_ap"]["ap50"]

    # The wrong one last: precision 1 up to a recall of 3/5, 61 of COCO's 101 points. First: 1/2, 2/3, 3/4 → at best 3/4.
    assert ap50(0.1) == pytest.approx(61 / 101)
    assert ap50(0.9) == pytest.approx(0.75 * 61 / 101)


def test_ap_at_higher_overlaps():
    ap = MaskAp()
    ap.add(squares([1, 2]), np.hstack([squares([1]), squares([2], 2)]), {1: 0.9, 2: 0.8})
    scores = ap.scores()
    # The second has IoU 8/12: it counts at 0.5 … 0.65, four of ten thresholds; 51 of 101 points lie up to a recall of 1/2.
    assert scores["ap50"] == 1.0 and scores["ap75"] == pytest.approx(51 / 101)
    assert scores["ap"] == pytest.approx((4 + 6 * 51 / 101) / 10)


def test_more_than_a_hundred_objects_are_all_counted():
    ids = np.kron(np.arange(1, 151).reshape(10, 15), np.ones((4, 4))).astype(np.uint16)
    ap = MaskAp()
    ap.add(ids, ids)
    assert ap.scores() == pytest.approx({"ap": 1.0, "ap50": 1.0, "ap75": 1.0})


def test_nothing_true_has_no_average_precision():
    ap = MaskAp()
    ap.add(np.zeros((4, 4), np.uint16), squares([1])[:4, :4], None, np.ones((4, 4), bool))
    assert ap.scores() == {"ap": None, "ap50": None, "ap75": None}


def test_ignored_truth_is_left_out(tmp_path):
    truth, pred = squares([1, 65535]), squares([1, 2])
    for side, mask in (("truth", truth), ("pred", pred)):
        (tmp_path / side).mkdir()
        save(tmp_path / side / "a.png", mask)
    scores = score_object_folders(tmp_path / "pred", tmp_path / "truth")
    assert scores["panoptic_quality"] == scores["object_f1"] == 1.0 and scores["mask_ap"]["ap"] == pytest.approx(1.0)
    assert score_object_folders(tmp_path / "pred", tmp_path / "truth", ignore=None)["objects"]["truth"] == 2


def test_without_pycocotools_one_sentence_and_the_rest(folders, capsys, monkeypatch):
    monkeypatch.setattr(object_scoring, "has_mask_ap", lambda: False)
    assert main(["score", *map(str, folders), "--objects", "--json"]) == 0
    out, err = capsys.readouterr()
    assert json.loads(out)["mask_ap"] is None and json.loads(out)["object_f1"] == pytest.approx(6 / 9)
    assert err.count("\n") == 1 and "pip install 'segstudio[coco]'" in err


def test_what_cannot_be_scored_is_one_sentence(folders, capsys):
    pred, truth = folders
    assert main(["score", str(pred), str(truth), "--objects", "--classes", "3"]) == 2
    assert "--classes" in capsys.readouterr().err
    for text, words in (("[1]", "cannot be read"), ('{"a": {"7": 1}}', "no score for object 255 of a")):
        (pred / "scores.json").write_text(text)
        with pytest.raises(UserError, match=words) as caught:
            score_object_folders(pred, truth)
        assert "\n" not in str(caught.value)
    (pred / "scores.json").unlink()
    save(pred / "a.png", squares([1]))
    with pytest.raises(UserError, match="20 × 20"):
        score_object_folders(pred, truth)
