"""Held-out pictures were never learnt from: the digests that came with the click models against the pictures themselves."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path

import pytest
from shared_data import ROOT, find_shared, shared_data

MODELS = ROOT / "resources" / "models"
SETS = ("bsds500", "camvid", "drive", "isbi2012", "medscribble", "nuclei")


def module_of(path: Path):
    """A script, imported under a name of its own: two of them share theirs."""
    name = f"_of_click_test_{path.parent.name}_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def sets():
    return module_of(ROOT / "packaging" / "click_sets.py")


@pytest.fixture(scope="module")
def cases():
    return module_of(ROOT / "tests" / "benchmarks" / "click_cases.py")


@pytest.fixture(scope="module")
def data() -> Path:
    for name in SETS:
        shared_data(name)
    return shared_data("bsds500").parent


def shipped() -> list[Path]:
    return sorted(MODELS.glob("click-*.safetensors"))


def learnt_digests(weights: Path) -> set[str]:
    """What the training wrote down beside the weights: a digest for every picture it read."""
    return set(json.loads(weights.with_name(f"{weights.stem}.pictures.json").read_text(encoding="utf-8")))


def among(digests: set[str], pictures) -> list[str]:
    """Names of the pictures whose digest is in *digests*, with or without a plane."""
    files = {digest.partition(":")[0] for digest in digests}
    return [picture.file.name for picture in pictures if picture.digest().partition(":")[0] in files]


@pytest.mark.parametrize("weights", shipped(), ids=lambda path: path.stem)
def test_every_click_model_tells_what_it_learnt_from(weights, sets):
    digests = learnt_digests(weights)
    assert len(digests) > 100
    assert all(len(one.partition(":")[0]) == 64 for one in digests)


@pytest.mark.parametrize("weights", shipped(), ids=lambda path: path.stem)
def test_no_held_out_picture_was_learnt_from(weights, sets, data):
    held = [picture for pictures in sets.held_out(data).values() for picture in pictures]
    assert len(held) > 400
    assert among(learnt_digests(weights), held) == []


@pytest.mark.parametrize("weights", shipped(), ids=lambda path: path.stem)
def test_the_list_is_what_training_reads(weights, sets, data):
    if find_shared("volumes") is None or find_shared("hippocampus_nifti") is None:
        pytest.skip("needs the volumes of the shared sample data (../shared/data)")
    pictures = sets.training(data, only_free="free" in weights.stem)
    assert learnt_digests(weights) == {picture.digest() for picture in pictures}


def test_a_learnt_picture_would_be_noticed(sets, data):
    learnt = {picture.digest() for picture in sets.training(data, only_free=True)}
    assert len(among(learnt, sets.training(data, only_free=True))) >= 300
    one = sets.held_out(data)["nuclei"][0]
    assert among(learnt | {one.digest()}, sets.held_out(data)["nuclei"]) == [one.file.name]


def test_what_is_measured_on_is_held_out(sets, cases, data):
    held = {picture.file for pictures in sets.held_out(data).values() for picture in pictures}
    learnt = {picture.file for picture in sets.training(data)}
    for name, which in cases.TABLE.items():
        measured = set(which.held_out(data / which.folder))
        assert measured, name
        assert measured <= held, name
        assert not measured & learnt, name


def test_no_held_out_picture_lies_among_the_learnt_ones_under_another_name(sets, cases, data):
    learnt = {}
    for picture in sets.training(data):
        if not picture.part and picture.file.suffix != ".tif":
            learnt[cases.picture_digest(picture.file)] = picture.file.name
    assert len(learnt) > 700
    for name, pictures in sets.held_out(data).items():
        copies = [(p.file.name, learnt[d]) for p in pictures if (d := cases.picture_digest(p.file)) in learnt]
        assert copies == [], name


def test_the_same_pixels_in_another_file_have_the_same_digest(cases, tmp_path):
    import numpy as np
    from PIL import Image

    pixels = np.random.default_rng(0).integers(0, 255, (20, 31, 3), dtype=np.uint8)
    for end in ("png", "bmp"):
        Image.fromarray(pixels).save(tmp_path / f"a.{end}")
    assert cases.picture_digest(tmp_path / "a.png") == cases.picture_digest(tmp_path / "a.bmp")
    pixels[3, 4, 1] ^= 1
    Image.fromarray(pixels).save(tmp_path / "b.png")
    assert cases.picture_digest(tmp_path / "b.png") != cases.picture_digest(tmp_path / "a.png")


def test_objects_to_measure_on_are_the_same_each_time(cases, data):
    few, more = (cases.cases_of(data, "nuclei", count) for count in (2, 3))
    assert [case.name for case in few] == [case.name for case in more][:2]
    assert len({case.name for case in more}) == 3
    assert (few[0].truth == more[0].truth).all()
    assert few[0].truth.any() and not few[0].truth.all()
    assert few[0].rgb.shape[:2] == few[0].truth.shape == few[0].known.shape
