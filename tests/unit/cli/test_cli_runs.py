"""``segstudio runs`` and ``segstudio report`` through the real ``main``."""

import json

import numpy as np
from PIL import Image
from run_folders import make_run
from small_projects import run


def test_runs_are_listed_the_damaged_with_their_reason(capsys, tmp_path):
    make_run(tmp_path / "p" / "runs" / "good")
    make_run(tmp_path / "p" / "runs" / "early", epochs=8)
    (make_run(tmp_path / "p" / "runs" / "bad") / "config.json").write_text("{")
    code, text, err = run(capsys, "runs", tmp_path / "p", "--json")
    assert (code, err) == (0, "")
    rows = {row["name"]: row for row in json.loads(text)}
    assert {name: row["state"] for name, row in rows.items()} == {
        "good": "finished",
        "early": "unfinished",
        "bad": "damaged",
    }
    assert rows["good"]["mean_iou"] == 0.6 and rows["good"]["best_epoch"] == 2 and rows["good"]["seconds"] == 12.5
    code, text, _ = run(capsys, "runs", tmp_path / "p")
    assert code == 0 and "can be resumed" in text and "3 of 8" in text and "bad: " in text and "no JSON" in text


def test_a_folder_without_runs_and_one_that_is_not_there(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run(capsys, "runs")[:2] == (0, "no runs\n")
    code, text, err = run(capsys, "runs", tmp_path / "nowhere")
    assert (code, text) == (1, "") and "nowhere" in err and err.count("\n") == 1


def test_runs_are_compared(capsys, tmp_path):
    first, second = make_run(tmp_path / "a", lr=1e-3), make_run(tmp_path / "b", (0.1, 0.7), lr=5e-4)
    page = tmp_path / "page.html"
    code, text, err = run(capsys, "runs", "compare", first, second, "--json", "--report", page)
    assert (code, err) == (0, "")
    document = json.loads(text)
    assert {"field": "lr", "values": [1e-3, 5e-4]} in document["plan"]
    assert {"metric": "mean_dice", "values": [0.6, 0.7]} not in document["metrics"]  # evaluation.json knows it better
    assert document["curves"]["mean_iou"] == [[[1, 0.2], [2, 0.6], [3, 0.5]], [[1, 0.1], [2, 0.7]]]
    assert page.read_text().startswith("<!doctype html>")
    code, text, _ = run(capsys, "runs", "compare", first, second)
    assert code == 0 and "0.0010" in text and "IoU road" in text
    code, _, err = run(capsys, "runs", "compare", first)
    assert code == 2 and "two runs" in err
    code, _, err = run(capsys, "runs", first, "--report", page)
    assert code == 2 and "segstudio report" in err


def test_a_report_is_written_where_it_is_wanted(capsys, tmp_path):
    folder = make_run(tmp_path / "a")
    code, text, err = run(capsys, "report", folder, "--json")
    assert (code, err) == (0, "") and json.loads(text)["report"] == str(folder / "report.html")
    code, text, _ = run(capsys, "report", folder, "--out", tmp_path / "r.html")
    assert code == 0 and (tmp_path / "r.html").read_text() == (folder / "report.html").read_text()
    code, _, err = run(capsys, "report", tmp_path)
    assert code == 1 and "no folder of a run" in err
    code, _, err = run(capsys, "report", folder, "--out", tmp_path / "no" / "r.html")
    assert code == 1 and "folder is missing" in err


def test_evaluate_draws_the_confusion_matrix(capsys, tmp_path):
    values = np.full((32, 32), 20, np.uint8)
    values[8:20, 8:20] = 200
    mask = (values > 100).astype(np.uint8)
    mask[8:11] = 0  # where the model and the labels part
    for kind, plane in (("images", values), ("masks", mask)):
        (tmp_path / kind / "val").mkdir(parents=True)
        Image.fromarray(plane).save(tmp_path / kind / "val" / "a.png")
    words = [
        "evaluate",
        "--data",
        f"folder:{tmp_path / 'images'},{tmp_path / 'masks'}",
        "--model",
        "classic/otsu",
        "--classes",
        "background,Foreground",
    ]
    code, text, err = run(capsys, *words, "--confusion-picture", tmp_path / "c.svg", "--json")
    assert code == 0, err
    assert json.loads(text)["confusion"] == [[880, 36], [0, 108]]
    assert "background → Foreground: 3.93 % (36 px)" in (tmp_path / "c.svg").read_text()
    assert run(capsys, *words, "--confusion-picture", tmp_path / "c.png")[0] == 0
    with Image.open(tmp_path / "c.png") as drawn:
        assert min(drawn.size) > 200
    code, _, err = run(capsys, *words, "--confusion-picture", tmp_path / "c.gif")
    assert code == 2 and ".png or .svg" in err
