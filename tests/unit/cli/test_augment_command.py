"""``segstudio augment``: what it writes, that it is read again, that it is the same for the same seed, and what it refuses."""

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image
from small_projects import run, small_project

from segstudio.io.datasets import parse_data_spec
from segstudio.ml.plan import TrainPlan
from segstudio.ml.training.augment_copies import augmented_copies
from segstudio.ml.training.sources import load_data


def digests(folder: Path) -> dict[str, str]:
    return {
        str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest()
        for p in sorted(folder.rglob("*"))
        if p.is_file()
    }


@pytest.fixture
def data(tmp_path):
    """Grey 16-bit, colour 8-bit: three training images and a validation one of each size; classes 2 and 9, ignore 255."""
    draw = np.random.default_rng(0)
    root = tmp_path / "set"
    for split, count in (("train", 3), ("val", 1)):
        for part in ("images", "masks"):
            (root / part / split).mkdir(parents=True)
        for number in range(count):
            mask = np.full((40, 56), 2, np.uint8)
            mask[10:30, 10 + number : 30] = 9
            mask[:3] = 255
            picture = np.where(mask == 9, 200, 60)[..., None].repeat(3, 2) + draw.integers(0, 40, (40, 56, 3))
            Image.fromarray(picture.astype(np.uint8)).save(root / "images" / split / f"im{number}.png")
            Image.fromarray(mask).save(root / "masks" / split / f"im{number}.png")
    rows = [{"value": 2, "name": "ground", "color": "#102030"}, {"value": 9, "name": "thing", "color": "#ff0000"}]
    (root / "classes.json").write_text(json.dumps(rows))
    return root


def spec(root):
    return f"folder:{root / 'images'},{root / 'masks'}"


def test_copies_join_the_training_images_and_the_rest_stays_as_it_is(capsys, tmp_path, data):
    out = tmp_path / "out"
    code, text, err = run(
        capsys, "augment", "--data", spec(data), "--out", out, "--copies", 2, "--augment-option", "elastic=1", "--json"
    )
    assert code == 0, err
    document = json.loads(text)
    assert document["images"] == {"train": 9, "val": 1}
    assert (document["augmented"], document["originals"], document["unchanged"]) == (6, 3, 1)
    for split in ("train", "val"):
        for source in (data / "images" / split).iterdir():
            assert (out / "images" / split / source.name).read_bytes() == source.read_bytes()
            mask = np.asarray(Image.open(out / "masks" / split / source.name))
            assert np.array_equal(mask, np.asarray(Image.open(data / "masks" / split / source.name)))
    copies = sorted((out / "images" / "train").glob("*_aug*.png"))
    assert [c.name for c in copies] == [f"im{i}_aug{k}.png" for i in range(3) for k in (1, 2)]
    for copy in copies:
        picture, mask = np.asarray(Image.open(copy)), np.asarray(Image.open(out / "masks" / "train" / copy.name))
        assert picture.shape == (40, 56, 3) and mask.shape == (40, 56)
        assert set(np.unique(mask)) <= {2, 9, 255} and 9 in mask
        bright = picture.mean(axis=2)
        assert bright[mask == 9].mean() > bright[mask == 2].mean() + 10  # the mask lies where the thing is


def test_what_is_written_is_what_folder_reads(capsys, tmp_path, data):
    out = tmp_path / "out"
    assert run(capsys, "augment", "--data", spec(data), "--out", out, "--copies", 1, "--size", 32)[0] == 0
    folder = parse_data_spec(spec(out))
    assert [(c.value, c.name, c.color) for c in folder.classes] == [(2, "ground", "#102030"), (9, "thing", "#ff0000")]
    assert len(folder.of_split("train")) == 6 and len(folder.of_split("val")) == 1
    loaded = load_data(TrainPlan(out="", data=spec(out)))
    # Exactly what the plan makes, pixel for pixel.
    plan = TrainPlan(out=str(out), data=spec(data))
    for number, image in enumerate(load_data(plan).of_split("train")):
        ((values, mask),) = augmented_copies(image, number, plan, copies=1, size_px=32)
        written = next(i for i in loaded.images if i.file.name == f"im{number}_aug1.png")
        assert np.array_equal(np.asarray(Image.open(written.file)), values)
        assert np.array_equal(written.read_target(), mask)


def test_the_same_seed_gives_the_same_files_whatever_number_of_processes(capsys, tmp_path, data):
    found = []
    for name, options in (("a", []), ("b", ["--workers", 2]), ("c", ["--seed", 1])):
        code, _, err = run(capsys, "augment", "--data", spec(data), "--out", tmp_path / name, "--copies", 1, *options)
        assert code == 0, err
        found.append(digests(tmp_path / name))
    assert found[0] == found[1]
    assert found[0].keys() == found[2].keys() and found[0] != found[2]


def test_what_an_augmented_folder_holds_can_be_augmented_again(capsys, tmp_path, data):
    run(capsys, "augment", "--data", spec(data), "--out", tmp_path / "once", "--copies", 1)
    code, _, err = run(capsys, "augment", "--data", spec(tmp_path / "once"), "--out", tmp_path / "twice", "--copies", 1)
    assert code == 0, err
    assert len(list((tmp_path / "twice" / "images" / "train").iterdir())) == 12


def test_deep_pictures_of_many_bands_keep_their_kind(capsys, tmp_path):
    root, draw = tmp_path / "set", np.random.default_rng(0)
    for part in ("images", "masks"):
        (root / part).mkdir(parents=True)
    for number in range(3):
        bands = draw.integers(300, 4000, (5, 40, 40)).astype(np.uint16)
        tifffile.imwrite(root / "images" / f"{number}.tif", bands, photometric="minisblack", planarconfig="separate")
        Image.fromarray(draw.integers(0, 2, (40, 40)).astype(np.uint8)).save(root / "masks" / f"{number}.png")
    out = tmp_path / "out"
    code, _, err = run(
        capsys, "augment", "--data", spec(root), "--out", out, "--copies", 1, "--split", "train=.67,val=.33",
        "--augment-option", "noise=1", "--scale", "1,1", "--no-originals",
    )  # fmt: skip
    assert code == 0, err
    copies = sorted((out / "images" / "train").iterdir())
    assert len(copies) == 2 and all("_aug1" in c.name for c in copies)
    values = tifffile.imread(copies[0])
    assert (
        values.dtype == np.uint16
        and values.shape == (5, 40, 40)
        and values.max() <= 4000
        and len(np.unique(values)) > 500
    )


def test_a_project_is_augmented_with_its_own_mask_values(capsys, tmp_path):
    project = small_project(tmp_path / "p", images=4)
    out = tmp_path / "out"
    code, text, err = run(capsys, "augment", project, "--out", out, "--copies", 1, "--augment", "light")
    assert code == 0, err
    assert "only training images are augmented" in text
    rows = {row["name"]: row["value"] for row in json.loads((out / "classes.json").read_text())}
    assert rows == {"background": 0, "spot": 1}
    assert len(load_data(TrainPlan(out="", data=spec(out))).images) == 7


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        (["--copies", 0], 2, "0 copies of each image are none"),
        (["--size", 8], 2, "too small"),
        (["--augment", "none", "--scale", "1,1"], 2, "nothing would be changed"),
        (["--augment-option", "elastics=1"], 2, "Did you mean elastic?"),
        (["--augment-option", "elastic"], 2, "Give KEY=VALUE"),
        (["--split", "train=.5,exam=.5"], 2, "there is no split 'exam'"),
        (["--scale", "1"], 2, "--scale is 1"),
        (["--data", "folder:none,none"], 1, "does not exist"),
    ],
)
def test_bad_input_is_one_sentence_and_leaves_nothing(capsys, tmp_path, data, options, code, said):
    arguments = ["--data", spec(data), "--out", tmp_path / "out", *options]
    found, out, err = run(capsys, "augment", *arguments)
    assert (found, out) == (code, "") and said in err and err.count("\n") == 1
    assert not (tmp_path / "out").exists() and not list(tmp_path.glob(".segstudio*"))


def test_a_folder_that_holds_something_is_left_alone(capsys, tmp_path, data):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("mine")
    code, _, err = run(capsys, "augment", "--data", spec(data), "--out", tmp_path / "out")
    assert code == 1 and "not empty" in err
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["mine.txt"]


@pytest.mark.parametrize("workers", [0, 1])
def test_a_damaged_image_is_named_and_nothing_is_left(capsys, tmp_path, data, workers):
    file = data / "images" / "train" / "im1.png"
    file.write_bytes(file.read_bytes()[:400])
    code, _, err = run(capsys, "augment", "--data", spec(data), "--out", tmp_path / "out", "--workers", workers)
    assert code == 1 and "im1.png" in err
    assert not (tmp_path / "out").exists() and not list(tmp_path.glob(".segstudio*"))


def test_what_a_killed_one_left_is_swept_away(capsys, tmp_path, data):
    left = tmp_path / ".segstudio-tmp-999999999-0123abcd-out"
    left.mkdir()
    assert run(capsys, "augment", "--data", spec(data), "--out", tmp_path / "out", "--copies", 1)[0] == 0
    assert not left.exists()
