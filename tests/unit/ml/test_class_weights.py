"""Class weights against loops over their formulas, counted from real masks, and kept by a run."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from segstudio.core.errors import UserError
from segstudio.core.geometry import Rect
from segstudio.ml.plan import TrainPlan
from segstudio.ml.train_events import RunStarted
from segstudio.ml.training.class_weights import (
    balanced_weights,
    effective_number,
    median_frequency,
    pixel_counts,
)
from segstudio.ml.training.sources import TrainImage
from segstudio.ml.training.trainer import Trainer

COUNTS = np.array([[70, 30, 0, 0], [10, 0, 40, 0], [55, 5, 20, 0]])


@pytest.fixture
def two_images(tmp_path):
    """An image of 8×10 of classes 0 and 1 with ignored pixels, and one of class 2 alone."""
    first = np.zeros((8, 10), np.uint8)
    first[:2], first[2:4, :5] = 255, 1
    masks = [first, np.full((8, 10), 2, np.uint8)]
    images = []
    for i, mask in enumerate(masks):
        Image.fromarray(np.zeros((8, 10, 3), np.uint8)).save(tmp_path / f"{i}.png")
        images.append(TrainImage(str(i), tmp_path / f"{i}.png", lambda mask=mask: mask, "train"))
    return images


def test_pixels_are_counted_by_image_without_ignored_ones(two_images):
    np.testing.assert_array_equal(pixel_counts(two_images, 3), [[50, 10, 0], [0, 0, 80]])
    np.testing.assert_array_equal(pixel_counts(two_images, 3, ignored_index=1), [[50, 30, 0], [0, 0, 80]])
    part = replace(two_images[0], window=Rect(0, 2, 5, 6))
    np.testing.assert_array_equal(pixel_counts([part], 3), [[20, 10, 0]])


def test_pixels_without_data_are_not_counted(tmp_path):
    values = np.full((8, 10, 3), 90, np.uint8)
    values[:3] = 255
    tifffile.imwrite(
        tmp_path / "a.tif", values, photometric="rgb", metadata=None, extratags=[(42113, 2, 4, "255", True)]
    )
    image = TrainImage("a", tmp_path / "a.tif", lambda: np.ones((8, 10), np.uint8), "train")
    np.testing.assert_array_equal(pixel_counts([image], 2), [[0, 50]])


def test_median_frequency_equals_its_formula():
    frequencies = []
    for k in range(3):
        rows = [row for row in COUNTS.tolist() if row[k]]
        frequencies.append(sum(row[k] for row in rows) / sum(sum(row) for row in rows))
    middle = sorted(frequencies)[1]
    assert median_frequency(COUNTS) == pytest.approx([*(middle / f for f in frequencies), 1.0])
    assert median_frequency(COUNTS)[1] > median_frequency(COUNTS)[0]


@pytest.mark.parametrize("beta", [None, 0.9, 0.999])
def test_effective_number_equals_its_formula(beta):
    pixels = [135, 35, 60]
    size = sum(pixels) / 3
    b = (size - 1) / size if beta is None else beta
    inverse = [(1 - b) / (1 - b**n) for n in pixels]
    assert effective_number(COUNTS, beta) == pytest.approx([*(3 * v / sum(inverse) for v in inverse), 1.0])


def test_effective_number_of_very_many_pixels_is_exact():
    huge = np.array([[10**12, 10**6]])
    weights = effective_number(huge)
    ratio = -np.expm1(-2.0) / -np.expm1(-2e-6)
    assert weights[1] / weights[0] == pytest.approx(ratio, rel=1e-4)


def test_equal_classes_weigh_the_same():
    even = np.full((2, 3), 25)
    assert median_frequency(even) == effective_number(even) == pytest.approx([1.0, 1.0, 1.0])


def test_without_a_label_there_is_one_sentence(two_images):
    empty = replace(two_images[0], read_target=lambda: np.full((8, 10), 255, np.uint8))
    with pytest.raises(UserError, match="no pixel of the training images"):
        balanced_weights("median", [empty], 3)
    assert balanced_weights("none", [empty], 3) == ()


@pytest.fixture
def data(tmp_path):
    """Three images of 64² for training, one for validation; class 1 in an eighth of them."""
    for split, count in (("train", 3), ("val", 1)):
        for kind in ("images", "masks"):
            (tmp_path / kind / split).mkdir(parents=True)
        for i in range(count):
            mask = np.zeros((64, 64), np.uint8)
            mask[:8] = 1
            image = np.repeat(mask[..., None] * 150, 3, axis=2) + np.uint8(i + 9 * (split == "val"))
            Image.fromarray(image).save(tmp_path / "images" / split / f"{i}.png")
            Image.fromarray(mask).save(tmp_path / "masks" / split / f"{i}.png")
    return f"folder:{tmp_path / 'images'},{tmp_path / 'masks'}"


def test_a_run_computes_them_keeps_them_and_goes_on_with_them(data, tmp_path):
    plan = TrainPlan(
        out=str(tmp_path / "run"), data=data, arch="enet", epochs=1, batch=2, patch_px=64, device="cpu", threads=1,
        class_balance="median", precision="fp32", has_tensorboard=False, class_names=("background", "top"),
    )  # fmt: skip
    events = []
    Trainer.run(plan, events.append)
    config = json.loads((tmp_path / "run" / "config.json").read_text())
    assert config["class_balance"] == "median"
    assert config["class_weights"] == pytest.approx([(0.5 / 0.875), 0.5 / 0.125], rel=1e-5)
    note = next(e for e in events if isinstance(e, RunStarted)).note
    assert "Class weights: background 0.571, top 4." in note
    again = TrainPlan(out=str(tmp_path / "run"), is_resumed=True, class_balance="median").as_begun()
    assert list(again.class_weights) == config["class_weights"]
    with pytest.raises(UserError, match="class_balance"):
        TrainPlan(out=str(tmp_path / "run"), is_resumed=True, class_balance="effective").as_begun()
    # The labels change; the weights of a run that goes on do not.
    for file in Path(data.partition(",")[2], "train").iterdir():
        mask = np.zeros((64, 64), np.uint8)
        mask[:32] = 1
        Image.fromarray(mask).save(file)
    kept = json.loads((tmp_path / "run" / "config.json").read_text())
    events.clear()
    Trainer.run(replace(plan, class_balance="none", is_resumed=True), events.append)
    assert "top 4." in next(e for e in events if isinstance(e, RunStarted)).note
    now = json.loads((tmp_path / "run" / "config.json").read_text())
    assert len(now["about"].pop("resumed")) == 1 and not kept["about"].pop("resumed", None)
    assert now == kept


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"class_balance": "mean"}, "median"),
        ({"class_balance": "median", "loss": "dice"}, "add ce to the loss"),
        ({"class_weights": (1.0, 2.0), "loss": "lovasz+dice"}, "add ce to the loss"),
        ({"class_weights": (1.0, -2.0)}, "from 0 on"),
    ],
)
def test_weights_that_cannot_be_used_are_one_sentence(changes, says):
    with pytest.raises(UserError) as caught:
        TrainPlan(out="run", data="folder:a,b", **changes).checked()
    assert says in str(caught.value)
