"""Training on volumes: V-Net on patches of several planes, and flat networks that see a plane with its neighbours."""

from __future__ import annotations

import pickle
from dataclasses import replace

import numpy as np
import pytest
import tifffile
import torch

from segstudio.core.errors import UserError
from segstudio.ml.plan import TrainPlan
from segstudio.ml.train_events import EpochDone, RunStarted, ValidationPictures
from segstudio.ml.training.losses import SegmentationLoss
from segstudio.ml.training.sources import TrainImage, load_data
from segstudio.ml.training.trainer import Trainer
from segstudio.ml.training.volume_setup import VolumePairs, bands_of_planes, fitting_data
from segstudio.ml.training.volumes import TrainVolume, VolumeCache, VolumePatchDataset, read_sliced, volumes_of
from segstudio.ml.weights import load_weights

SIDE = 32


def write_stack(path, values):
    path.parent.mkdir(parents=True, exist_ok=True)
    tifffile.imwrite(path, values, photometric="minisblack", metadata={"axes": "ZYX"})
    return path


def ball(seed, depth=12, side=SIDE):
    """(values uint16, mask uint8), each (z, y, x): a ball that is brighter than the noise."""
    draw = np.random.default_rng(seed)
    z, y, x = np.mgrid[:depth, :side, :side]
    cz, cy, cx = draw.integers(4, depth - 3), *draw.integers(10, side - 9, 2)
    mask = ((z - cz) * 2) ** 2 + (y - cy) ** 2 + (x - cx) ** 2 < 81
    return (draw.normal(1000, 200, mask.shape) + 900 * mask).clip(0, 4095).astype(np.uint16), mask.astype(np.uint8)


@pytest.fixture(scope="module")
def balls(tmp_path_factory):
    """Three volumes to learn from and one to validate on."""
    root = tmp_path_factory.mktemp("balls")
    for seed, split in enumerate(("train", "train", "train", "val")):
        values, mask = ball(seed)
        write_stack(root / "images" / split / f"v{seed}.tif", values)
        write_stack(root / "masks" / split / f"v{seed}.tif", mask)
    return f"folder:{root / 'images'},{root / 'masks'}"


def plan_for(data, out, **changes):
    base = TrainPlan(
        out=str(out), data=data, arch="vnet", arch_options={"width": 4}, patch_depth=8, epochs=2, batch=2, patch_px=SIDE,
        patches_per_image=2, lr=5e-3, seed=3, device="cpu", threads=1, has_tensorboard=False, loss="dice",
        class_names=("background", "ball"), augment="light",
    )  # fmt: skip
    return replace(base, **changes)


def run(plan):
    events = []
    finished = Trainer.run(plan, events.append)
    return finished, events


def test_vnet_learns_a_ball_and_evaluate_agrees(balls, tmp_path):
    finished, events = run(
        plan_for(balls, tmp_path / "run", epochs=6, augment="none", loss="ce+dice", validate_every=6)
    )
    iou = finished.metrics["per_class"][1]["iou"]
    assert iou > 0.5, "chance is below 0.1"
    epochs = [e for e in events if isinstance(e, EpochDone)]
    assert epochs[-1].train_loss < 0.7 * epochs[0].train_loss
    _, card = load_weights(tmp_path / "run" / "best.safetensors")
    assert (card.window_depth, card.overlap_depth, card.window_px, card.bands, card.slices) == (8, 4, SIDE, 1, 1)

    from segstudio.ml.training.evaluate import evaluate

    scores = evaluate(
        model=str(tmp_path / "run" / "best.safetensors"), data=balls, class_names=("background", "ball"), device="cpu"
    )
    assert scores["images"] == 12 and scores["per_class"][1]["iou"] == pytest.approx(iou, abs=0.02)


def test_a_resumed_run_writes_what_an_unbroken_one_would(balls, tmp_path):
    run(plan_for(balls, tmp_path / "whole", augment="overhead"))

    class StopAfterOne:
        def __init__(self):
            self.done = 0

        def __call__(self, event):
            self.done += isinstance(event, EpochDone)

        def is_set(self):
            return self.done >= 1

        def is_paused(self):
            return False

    control = StopAfterOne()
    broken = plan_for(balls, tmp_path / "broken", augment="overhead")
    assert Trainer.run(broken, control, control).stopped_by == "user"
    run(replace(broken, is_resumed=True))
    assert (tmp_path / "whole" / "metrics.jsonl").read_bytes() == (tmp_path / "broken" / "metrics.jsonl").read_bytes()
    whole, _ = load_weights(tmp_path / "whole" / "last.safetensors")
    resumed, _ = load_weights(tmp_path / "broken" / "last.safetensors")
    assert all(torch.equal(whole[k], resumed[k]) for k in whole)


def dataset(data, out="", **changes):
    plan = plan_for(data, out or "unused", **changes)
    images = load_data(plan).of_split("train")
    return VolumePatchDataset(volumes_of(images), plan, 1, "percentile", background_index=0)


def test_patches_are_a_function_of_seed_and_key_alone(balls):
    one, other = (
        dataset(balls, augment="microscopy"),
        pickle.loads(pickle.dumps(dataset(balls, augment="microscopy"))),
    )
    assert len(one) == 6
    for key in ((1, 0), (1, 5), (2, 0)):
        x, y = one[key]
        assert x.shape == (1, 8, SIDE, SIDE) and x.dtype == torch.float32 and y.shape == (8, SIDE, SIDE)
        torch.manual_seed(99)
        again = other[key]
        assert torch.equal(x, again[0]) and torch.equal(y, again[1])
    assert not torch.equal(one[1, 0][0], one[2, 0][0])


def test_image_and_mask_are_turned_alike_in_all_planes(balls):
    patches = dataset(balls, augment="overhead", augment_options={"elastic": 0, "colour": 0, "blur": 0, "rotate": 0})
    for epoch in range(1, 5):
        x, y = patches[epoch, 0]
        inside = y == 1
        if inside.sum() > 200:
            assert x[0][inside].mean() > x[0][y == 0].mean() + 0.2


def test_balanced_patches_hold_the_rare_class(balls):
    patches = dataset(balls, sampling="balanced", augment="none")
    often = [bool((patches[epoch, 0][1] == 1).any()) for epoch in range(1, 9)]
    assert sum(often) >= 4


def test_border_weights_of_each_plane_ride_along(balls):
    x, y, border = dataset(balls, border_weight=(10.0, 5.0), loss="ce")[1, 0]
    assert border.shape == y.shape and border.dtype == torch.float32


def test_a_volume_thinner_than_a_patch_is_mirrored(tmp_path):
    values, mask = ball(0, depth=9)
    file = write_stack(tmp_path / "v.tif", values[:3])
    planes = tuple(TrainImage(f"v, plane {z + 1}", file, lambda z=z: mask[z], "train", z=z) for z in range(3))
    plan = plan_for("folder:a,b", "unused", augment="none")
    x, y = VolumePatchDataset(volumes_of(planes), plan, 1, "percentile")[1, 0]
    assert x.shape == (1, 8, SIDE, SIDE)
    assert torch.equal(x[0, 3], x[0, 2]) and torch.equal(x[0, 4], x[0, 1]) and torch.equal(x[0, 5], x[0, 0])
    assert torch.equal(y[5], y[0])


def test_unlabelled_planes_are_seen_but_not_learnt_from(tmp_path):
    values, mask = ball(1)
    file = write_stack(tmp_path / "v.tif", values)
    planes = (TrainImage("v, plane 6", file, lambda: mask[5], "train", z=5),)
    (volume,) = volumes_of(planes)
    assert isinstance(volume, TrainVolume) and volume.depth == 12 and volume.name == "v"
    _, y = VolumePatchDataset((volume,), plan_for("folder:a,b", "unused", augment="none"), 1, "percentile")[1, 0]
    known = [z for z in range(8) if (y[z] != 255).any()]
    assert len(known) == 1


def test_planes_are_read_as_they_are_needed_and_dropped_beyond_the_budget(tmp_path):
    values, mask = ball(1)
    file = write_stack(tmp_path / "v.tif", values)
    planes = tuple(TrainImage(f"v, plane {z + 1}", file, lambda z=z: mask[z], "train", z=z) for z in range(12))
    cache = VolumeCache(volumes_of(planes), 1, "percentile", budget_bytes=3 * SIDE * SIDE * 3)
    found = [cache.plane(0, z)[0] for z in range(12)]
    assert len(cache._planes) == 3
    assert np.allclose([plane.mean() for plane in found], [cache.plane(0, z)[0].mean() for z in range(12)])


@pytest.mark.parametrize("loss", ["ce", "bce", "focal", "ohem", "dice", "tversky", "lovasz"])
def test_losses_of_a_volume_are_those_of_its_planes_side_by_side(loss):
    torch.manual_seed(0)
    logits, target = torch.randn(2, 3, 4, 6, 5, requires_grad=True), torch.randint(0, 3, (2, 4, 6, 5))
    target[0, 1] = 255
    from segstudio.ml.networks.output import NetworkOutput

    border = torch.rand(2, 4, 6, 5) if loss in ("ce", "bce", "focal", "ohem") else None
    weights = torch.tensor([1.0, 2.0, 0.5])
    make = SegmentationLoss(loss, weights)
    volume = make(NetworkOutput(logits), target, border)
    flat = make(
        NetworkOutput(logits.flatten(2, 3)), target.flatten(1, 2), None if border is None else border.flatten(1, 2)
    )
    assert torch.allclose(volume, flat, atol=1e-6)
    volume.backward()
    assert torch.isfinite(logits.grad).all()


def test_auxiliary_logits_of_volumes_are_resized_in_three_dimensions():
    from segstudio.ml.networks.output import NetworkOutput

    logits, target = torch.randn(1, 2, 4, 8, 8), torch.randint(0, 2, (1, 4, 8, 8))
    loss = SegmentationLoss("ce")(NetworkOutput(logits, ((0.5, torch.randn(1, 2, 2, 4, 4)),)), target)
    assert torch.isfinite(loss)


def test_what_cannot_be_learnt_from_volumes_is_refused_in_one_sentence(balls):
    for change, words in (
        ({"arch": "unet", "arch_options": {}}, "unet does not learn from volumes"),
        ({"slices": 3}, "not both"),
        ({"loss": "dice+boundary"}, "boundary measures distances in flat patches"),
        ({"mix": "cutmix"}, "cutmix pastes into flat patches only"),
        ({"working_long_side_px": 512}, "kept as they are"),
        ({"patch_px": 1024, "patch_depth": 64}, "too many voxels"),
        ({"patch_depth": -1}, "patch depth is -1"),
        ({"patch_depth": 0, "slices": 2}, "2 slices have no middle one"),
    ):
        with pytest.raises(UserError, match=words):
            plan_for(balls, "unused", **change).checked()


def test_flat_images_and_unlike_bands_are_refused_in_one_sentence(tmp_path):
    values, mask = ball(0)
    flat = write_stack(tmp_path / "flat.tif", values[0])
    deep = write_stack(tmp_path / "deep.tif", values)
    colours = tmp_path / "rgb.tif"
    tifffile.imwrite(colours, np.zeros((12, SIDE, SIDE, 3), np.uint8), photometric="rgb", metadata={"axes": "ZYXS"})
    five = tmp_path / "five.tif"
    tifffile.imwrite(five, np.zeros((12, 5, SIDE, SIDE), np.uint8), photometric="minisblack", metadata={"axes": "ZCYX"})

    def image(file, split="train"):
        return TrainImage(file.name, file, lambda: mask[0], split)

    from segstudio.ml.training.sources import TrainData

    plan = plan_for("folder:a,b", "unused")
    only_flat = TrainData(("a", "b"), ("", ""), 0, (image(flat), image(flat, "val")))
    for asked in (plan, replace(plan, patch_depth=0, slices=3, arch="unet")):
        with pytest.raises(UserError, match="need volumes, and no image to learn from is one"):
            fitting_data(asked, only_flat)
    mixed = fitting_data(plan, TrainData(("a", "b"), ("", ""), 0, (image(deep), image(flat), image(deep, "val"))))
    assert len(mixed.images) == 2 and "1 flat image is left out" in mixed.note
    assert bands_of_planes((image(deep), image(colours))) == 3, "grey is repeated"
    with pytest.raises(UserError, match="bands and those of other volumes"):
        bands_of_planes((image(deep), image(five)))


def test_masks_must_have_as_many_planes_as_their_volume(tmp_path):
    values, mask = ball(0)
    write_stack(tmp_path / "images" / "v.tif", values)
    write_stack(tmp_path / "masks" / "v.tif", mask[:7])
    with pytest.raises(UserError, match=r"the mask has 7 planes but its image v.tif has 12"):
        load_data(plan_for(f"folder:{tmp_path / 'images'},{tmp_path / 'masks'}", "unused"))


def test_a_mask_of_ids_is_one_class_and_floats_must_be_whole(tmp_path):
    from segstudio.io.datasets import parse_data_spec

    values, mask = ball(0)
    image = write_stack(tmp_path / "v.tif", values)
    ids = write_stack(tmp_path / "ids.tif", mask.astype(np.uint16) * 700)
    folder = parse_data_spec(f"folder:{image},{ids},objects")
    assert [c.name for c in folder.classes] == ["background", "object"] and len(folder.samples) == 12
    assert np.array_equal(folder.samples[5].load_mask(), mask[5])
    assert folder.samples[5].load_objects().max() == 700 * int(mask[5].max())
    halves = write_stack(tmp_path / "halves.tif", mask.astype(np.float32) / 2)
    with pytest.raises(UserError, match="values that no class has"):
        parse_data_spec(f"folder:{image},{halves}").samples[5].load_mask()
    whole = write_stack(tmp_path / "whole.tif", mask.astype(np.float32))
    assert np.array_equal(parse_data_spec(f"folder:{image},{whole}").samples[5].load_mask(), mask[5])


def test_a_plane_comes_with_its_neighbours_mirrored_at_the_ends(tmp_path):
    values = np.arange(5, dtype=np.uint16)[:, None, None] * 100 + np.zeros((5, 40, 40), np.uint16)
    image = TrainImage("v", write_stack(tmp_path / "v.tif", values), lambda: np.zeros((40, 40), np.uint8), "train")

    def planes(z, slices):
        found, valid = read_sliced(replace(image, z=z), slices, slices, "percentile")
        assert valid is None
        return (found[:, 0, 0] * 4).round().astype(int).tolist()

    assert planes(2, 3) == [1, 2, 3]
    assert planes(0, 3) == [1, 0, 1] and planes(4, 5) == [2, 3, 4, 3, 2]
    with pytest.raises(UserError, match="1 bands a plane but the model needs 2"):
        read_sliced(image, 3, 6, "percentile")


@pytest.fixture(scope="module")
def shifted(tmp_path_factory):
    """Volumes whose labels only the next plane shows."""
    root = tmp_path_factory.mktemp("shifted")
    for seed, split in enumerate(("train", "train", "val")):
        draw = np.random.default_rng(seed)
        blocks = draw.random((9, 4, 4)) < 0.5
        values = np.kron(blocks, np.ones((1, 8, 8))) * 200 + draw.integers(0, 40, (9, SIDE, SIDE))
        mask = np.roll(values > 120, -1, axis=0).astype(np.uint8)
        mask[-1] = 255
        write_stack(root / "images" / split / f"v{seed}.tif", values.astype(np.uint8))
        write_stack(root / "masks" / split / f"v{seed}.tif", mask)
    return f"folder:{root / 'images'},{root / 'masks'}"


def test_slices_show_what_only_the_next_plane_holds(shifted, tmp_path):
    found = {}
    for slices in (1, 3):
        plan = plan_for(
            shifted, tmp_path / str(slices), arch="unet", encoder="none", arch_options={"width": 4}, patch_depth=0,
            slices=slices, epochs=8, batch=4, lr=1e-2, loss="ce", augment="none", patches_per_image=1,
        )  # fmt: skip
        finished, events = run(plan)
        found[slices] = finished.metrics["mean_iou"]
    assert found[3] > 0.85 and found[1] < 0.6
    _, card = load_weights(tmp_path / "3" / "best.safetensors")
    assert (card.slices, card.bands, card.scaling) == (3, 3, "percentile")
    assert next(e for e in events if isinstance(e, RunStarted)).train_images == 18
    picture = next(e for e in events if isinstance(e, ValidationPictures)).pictures[0]
    assert np.array_equal(picture.image[..., 0], picture.image[..., 2]), (
        "a plane is shown, not its neighbours as colours"
    )

    from segstudio.ml.training.evaluate import evaluate

    scores = evaluate(
        model=str(tmp_path / "3" / "best.safetensors"), data=shifted, class_names=("background", "ball"), device="cpu"
    )
    assert scores["mean_iou"] == pytest.approx(found[3], abs=0.05)


def test_validation_holds_one_volume_at_a_time_and_looks_again_each_time(balls):
    plan = plan_for(balls, "unused")
    images = load_data(plan).of_split("train")
    pairs = VolumePairs(images, plan, 1, ("background", "ball"))
    calls = []

    class Constant(torch.nn.Module):
        def forward(self, x):
            calls.append(x.shape)
            from segstudio.ml.networks.output import NetworkOutput

            return NetworkOutput(torch.cat([x, 1 - x], dim=1))

    def logits(index):
        return pairs.logits(index, Constant(), lambda x: x, torch.device("cpu"), None)

    first = logits(0)
    unit, truth = pairs[0]
    assert first.shape == (2, SIDE, SIDE) and truth.shape == (SIDE, SIDE)
    assert torch.allclose(first[0], torch.from_numpy(unit[0].astype(np.float32)), atol=2e-3)
    once = len(calls)
    logits(1)
    assert len(calls) == once, "the volume's other planes are there already"
    logits(12)
    assert len(calls) == 2 * once
    logits(12)
    assert len(calls) == 3 * once, "asked again, the network may have learnt something"
