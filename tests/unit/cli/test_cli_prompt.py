"""``segstudio prompt``: masks from points and a box, and what is wrong with a command line."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from segstudio.cli.main import main

PLUG_IN = Path(__file__).parents[2] / "gui" / "click_plug_in"


@pytest.fixture
def image(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(PLUG_IN))
    monkeypatch.setenv("SEGSTUDIO_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("SEGSTUDIO_CACHE_DIR", str(tmp_path / "cache"))
    values = np.full((60, 90), 100, np.uint16)
    values[10:30, 10:40] = 900
    values[40:50, 50:80] = 850
    file = tmp_path / "deep.png"
    Image.fromarray(values).save(file)
    return file


def run(image, *arguments):
    out = image.with_name("mask.png")
    code = main(["prompt", str(image), "--model", "toy-clicks", "--device", "cpu", "--out", str(out), *arguments])
    return code, out


def test_a_point_on_a_16_bit_image_gives_its_object(image, capsys):
    code, out = run(image, "--points", "20,20,+", "--json")
    document = json.loads(capsys.readouterr().out)
    assert code == 0 and document["pixels"] == 600 and document["box"] == [10, 10, 40, 30]
    with Image.open(out) as mask:
        assert mask.mode == "P" and mask.size == (90, 60)
        values = np.asarray(mask)
    wanted = np.zeros((60, 90), np.uint8)
    wanted[10:30, 10:40] = 1
    np.testing.assert_array_equal(values, wanted)


def test_a_box_and_a_negative_point_say_more(image, capsys):
    code, out = run(image, "--box", "45,35,85,55", "--json")
    assert code == 0 and json.loads(capsys.readouterr().out)["pixels"] == 300
    code, _ = run(image, "--points", "20,20,+", "60,45,-")
    assert code == 0 and "0 pixels" in capsys.readouterr().out  # the two are of like colour


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        ((), 2, "--points or --box"),
        (("--points", "20,20"), 2, "x,y,+"),
        (("--points", "a,b,+"), 2, "no number"),
        (("--box", "1,2,3"), 2, "x0,y0,x1,y1"),
        (("--box", "9,9,3,3"), 2, "empty"),
        (("--points", "200,20,+"), 1, "200,20 lies outside the image of 90×60"),
        (("--points", "2,2,+", "--plane", "3"), 1, "no plane 3"),
    ],
)
def test_mistakes_end_in_one_sentence(image, capsys, arguments, code, words):
    assert run(image, *arguments)[0] == code
    error = capsys.readouterr().err
    assert words in error and error.count("\n") == 1
    assert not image.with_name("mask.png").exists()


def test_other_models_and_files_are_refused(image, capsys):
    out = str(image.with_name("mask.png"))
    for model, words in (
        ("nuclei", "takes no clicks"),
        ("toy-click", "Did you mean toy-clicks"),
        ("sam/efficient-sam", "no maintained"),
    ):
        assert main(["prompt", str(image), "--model", model, "--device", "cpu", "--points", "1,1,+", "--out", out]) == 1
        assert words in capsys.readouterr().err
    assert main(["prompt", str(image), "--model", "toy-clicks", "--points", "1,1,+", "--out", "mask.tif"]) == 2
    assert main(["prompt", str(image), "--model", "toy-clicks", "--points", "1,1,+", "--out", str(image)]) == 1
    assert "replace the image" in capsys.readouterr().err


def test_lines_and_a_mask_to_correct_are_prompts_too(image, capsys):
    code, out = run(image, "--line", "12,15", "35,15", "--json")
    assert code == 0 and json.loads(capsys.readouterr().out)["pixels"] == 600
    start = image.with_name("start.png")
    begun = np.zeros((60, 90), np.uint8)
    begun[10:30, 10:40] = begun[40:50, 50:80] = 1
    Image.fromarray(begun).save(start)
    code, out = run(image, "--start", str(start), "--points", "60,45,+", "--json")
    assert code == 0 and json.loads(capsys.readouterr().out)["pixels"] == 900
    Image.fromarray(begun[:50]).save(start)
    assert run(image, "--start", str(start), "--points", "60,45,+")[0] == 1
    assert "90×50" in capsys.readouterr().err
    assert run(image, "--line", "12,15")[0] == 2


def test_everything_is_numbered_and_flat_pictures_are_refused(image, capsys):
    code, out = run(image, "--everything", "--per-side", "9", "--json")
    document = json.loads(capsys.readouterr().out)
    assert code == 0 and sorted(one["pixels"] for one in document["objects"]) == [300, 600]
    with Image.open(out) as mask:
        values = np.asarray(mask)
    assert sorted(np.bincount(values.ravel())[1:].tolist()) == [300, 600]
    assert run(image, "--everything", "--points", "1,1,+")[0] == 2
    assert run(image, "--everything", "--per-side", "0")[0] == 2
    Image.fromarray(np.full((60, 90), 100, np.uint16)).save(image)
    capsys.readouterr()
    assert run(image, "--points", "20,20,+")[0] == 1
    assert "one colour" in capsys.readouterr().err
