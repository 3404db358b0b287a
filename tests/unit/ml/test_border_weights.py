"""U-Net's border weights against brute force, and in a run."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
import torch
from PIL import Image

from segstudio.core.border_weights import border_weights, component_ids
from segstudio.core.errors import UserError
from segstudio.ml.plan import TrainPlan
from segstudio.ml.training.dataset import SegmentationDataset
from segstudio.ml.training.sampler import EpochSampler
from segstudio.ml.training.sources import TrainImage
from segstudio.ml.training.trainer import Trainer


def brute_force(ids, w0, sigma):
    """The formula with every pixel of every object, no limit on distances."""
    places = {v: list(zip(*np.nonzero(ids == v), strict=True)) for v in np.unique(ids) if v}
    found = np.zeros(ids.shape)
    for p in np.ndindex(*ids.shape):
        nearest = sorted(min(math.dist(p, q) for q in pixels) for pixels in places.values())
        if len(nearest) > 1:
            found[p] = w0 * math.exp(-((nearest[0] + nearest[1]) ** 2) / (2 * sigma**2))
    return found


@pytest.fixture
def objects():
    """(26, 40) ids: touching ones, near and far ones, one in two pieces, and one of a single pixel; ids with gaps."""
    ids = np.zeros((26, 40), np.int32)
    ids[2:8, 3:9], ids[2:8, 9:14], ids[10:14, 2:12] = 4, 7, 900
    ids[20:22, 20:23], ids[16, 21], ids[0:2, 35:40], ids[24:, 36:] = 5, 5, 11, 11
    ids[12, 30] = 2
    return ids


@pytest.mark.parametrize(("w0", "sigma"), [(10.0, 5.0), (3.0, 1.5), (10.0, 0.7)])
def test_the_map_equals_brute_force(objects, w0, sigma):
    found = border_weights(objects, w0, sigma)
    assert found.dtype == np.float32 and found.shape == objects.shape
    np.testing.assert_allclose(found, brute_force(objects, w0, sigma), atol=2e-6 * w0)
    # Touching objects: d1 = 0 and d2 = 1 on either side.
    assert found[5, 8] == pytest.approx(w0 * math.exp(-1 / (2 * sigma**2)), rel=1e-5)


@pytest.mark.parametrize("seed", range(5))
def test_random_objects_equal_brute_force(seed):
    draw = np.random.default_rng(seed)
    ids = draw.integers(0, 5, (18, 15)) * (draw.random((18, 15)) < 0.08)
    np.testing.assert_allclose(border_weights(ids, 10, 2), brute_force(ids, 10, 2), atol=2e-5)


def test_the_map_is_the_same_to_the_last_bit_wherever_memory_lies():
    ids = component_ids(np.ascontiguousarray(np.rot90(two_bars())), 0, 255)
    found, kept = set(), []
    for i in range(60):
        kept.append(np.empty(997 * (i % 7) + i))
        found.add(border_weights(ids).tobytes())
    assert len(found) == 1


def test_without_two_objects_there_is_no_weight():
    one = np.zeros((12, 12), np.int32)
    assert border_weights(one).max() == 0
    one[3:6, 3:6] = 1
    assert border_weights(one).max() == 0


def test_objects_are_connected_pieces_of_a_class():
    mask = np.array([[1, 0, 0, 2, 2], [0, 1, 0, 1, 255], [0, 0, 0, 255, 1]], np.uint8)
    ids = component_ids(mask, background=0, ignore=255)
    assert ids[0, 0] == ids[1, 1] and ids[1, 3] == ids[2, 4] and len(np.unique(ids[ids > 0])) == 3
    assert ids[0, 3] == ids[0, 4] != ids[1, 3]
    np.testing.assert_array_equal(ids == 0, (mask == 0) | (mask == 255))
    assert (component_ids(mask, None, 255)[mask == 0] > 0).all()


def two_bars():
    mask = np.zeros((64, 64), np.uint8)
    mask[10:50, 10:28], mask[10:50, 31:50], mask[:4] = 1, 1, 255
    return mask


def test_patches_bring_the_map_of_what_the_network_sees(tmp_path):
    Image.fromarray(np.zeros((64, 64, 3), np.uint8)).save(tmp_path / "a.png")
    image = TrainImage("a", tmp_path / "a.png", two_bars, "train")
    plan = TrainPlan(out="", data="x", patch_px=64, patches_per_image=2, border_weight=(10.0, 5.0))
    patches = SegmentationDataset((image,), [(64, 64)], plan, 3, "unit8", 255, 0)
    for key in EpochSampler(2, 0):
        x, y, border = patches[key]
        assert x.shape == (3, 64, 64) and border.shape == y.shape and border.dtype == torch.float32
        ids = component_ids(y.numpy().astype(np.uint8), 0, 255)
        np.testing.assert_array_equal(border.numpy(), border_weights(ids, 10.0, 5.0))
    # Nothing else changes: image and classes are those of a run without it.
    plain = SegmentationDataset(
        (image,), [(64, 64)], TrainPlan(out="", data="x", patch_px=64, patches_per_image=2), 3, "unit8"
    )
    assert len(plain[1, 0]) == 2 and all(torch.equal(a, b) for a, b in zip(plain[1, 0], patches[1, 0], strict=False))


def train(tmp_path, name, **changes):
    for at, split in enumerate(("train", "val")):
        for i in range(2):
            picture = np.repeat(two_bars()[..., None] * 99, 3, axis=2)
            picture[0, 0] = 2 * at + i  # no two are the same: that would be a leak
            for kind, value in (("images", picture), ("masks", two_bars())):
                folder = tmp_path / kind / split
                folder.mkdir(parents=True, exist_ok=True)
                Image.fromarray(value).save(folder / f"{i}.png")
    plan = TrainPlan(
        out=str(tmp_path / name), data=f"folder:{tmp_path / 'images'},{tmp_path / 'masks'}", arch="enet", epochs=1,
        batch=2, patch_px=64, device="cpu", threads=1, precision="fp32", has_tensorboard=False, **changes,
    )  # fmt: skip
    Trainer.run(plan, lambda event: None)
    return json.loads((tmp_path / name / "metrics.jsonl").read_text())["train_loss"]


def test_a_run_learns_with_it(tmp_path):
    weighted = train(tmp_path, "weighted", border_weight=(10.0, 5.0), loss="ce")
    assert math.isfinite(weighted) and weighted != train(tmp_path, "plain", loss="ce")
    assert json.loads((tmp_path / "weighted" / "config.json").read_text())["border_weight"] == [10.0, 5.0]
    assert TrainPlan.load(tmp_path / "weighted").border_weight == (10.0, 5.0)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"border_weight": (10.0,)}, "such as 10,5"),
        ({"border_weight": (10.0, 0.0)}, "above 0"),
        ({"border_weight": (10.0, 5.0), "loss": "dice"}, "a border weight could weigh"),
    ],
)
def test_a_border_weight_that_cannot_be_used_is_one_sentence(changes, says):
    with pytest.raises(UserError) as caught:
        TrainPlan(out="run", data="folder:a,b", **changes).checked()
    assert says in str(caught.value)
