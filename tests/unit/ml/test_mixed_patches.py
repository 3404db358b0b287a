"""CutMix and ClassMix: what is pasted, that it is a function of seed, epoch and index, and that ignore travels along."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from segstudio.ml.plan import IGNORE_INDEX, TrainPlan
from segstudio.ml.train_events import EpochDone
from segstudio.ml.training import setup
from segstudio.ml.training.augment_device import device_augmentation, place_of
from segstudio.ml.training.dataset import SegmentationDataset
from segstudio.ml.training.engine import Batch
from segstudio.ml.training.mix import chosen_classes, cut_box, mixed
from segstudio.ml.training.sources import load_data
from segstudio.ml.training.trainer import Trainer

PLAN = TrainPlan(
    out="", data="x", patch_px=32, patches_per_image=1, seed=3, mix="cutmix", mix_share=1.0, augment="none"
)


def flat(value, side=16, bands=2):
    """A patch whose every pixel has one value and one class."""
    return np.full((bands, side, side), value / 10, np.float32), np.full((side, side), value, np.uint8)


@pytest.fixture
def folder(tmp_path):
    draw = np.random.default_rng(0)
    for part in ("images", "masks"):
        (tmp_path / part / "train").mkdir(parents=True)
    for number in range(6):
        mask = draw.integers(0, 4, (4, 4)).repeat(12, 0).repeat(12, 1).astype(np.uint8)
        Image.fromarray((mask * 60 + draw.integers(0, 20, mask.shape)).astype(np.uint8)).save(
            tmp_path / "images" / "train" / f"{number}.png"
        )
        mask[:6] = 255
        Image.fromarray(mask).save(tmp_path / "masks" / "train" / f"{number}.png")
    return f"folder:{tmp_path / 'images'},{tmp_path / 'masks'}"


def dataset_of(folder, **changes):
    plan = replace(PLAN, data=folder, val_fraction=0.2, **changes)
    images = load_data(plan).of_split("train")
    return SegmentationDataset(images, [(48, 48)] * len(images), plan, 3, "unit8")


def test_no_mix_is_no_change_and_asks_for_no_partner():
    image, mask = flat(1)

    def refuse(_):
        raise AssertionError("no partner is needed")

    for plan in (replace(PLAN, mix="none"), replace(PLAN, mix_share=0.0)):
        assert mixed(plan, (1, 0), 5, image, mask, refuse) == (image, mask)
    assert mixed(PLAN, (1, 0), 1, image, mask, refuse) == (image, mask)


def test_the_box_has_the_area_that_lambda_leaves():
    """Where the box is not cut off, its area is 1 − λ; λ is uniform, so the mean side is E[√u] = 2/3."""
    draw = np.random.default_rng(0)
    sides, is_whole = [], 0
    for _ in range(3000):
        box = cut_box((60, 90), draw)
        rows, columns = np.flatnonzero(box.any(1)), np.flatnonzero(box.any(0))
        if not len(rows) or rows[0] == 0 or columns[0] == 0 or rows[-1] == 59 or columns[-1] == 89:
            continue
        is_whole += 1
        assert box.sum() == len(rows) * len(columns)
        assert abs(len(columns) - 1.5 * len(rows)) <= 1.5  # the patch's own shape
        sides.append(len(rows) / 60)
    assert is_whole > 200 and max(sides) > 0.8
    # The paper's own code: cut_rat = sqrt(1 − λ), middle uniform, clipped.
    draw = np.random.default_rng(1)
    areas = np.array([cut_box((64, 64), draw).mean() for _ in range(4000)])
    other = np.random.default_rng(2)
    expected = []
    for _ in range(4000):
        cut = int(64 * np.sqrt(1 - other.beta(1, 1)))
        cy, cx = other.integers(64, size=2)
        y1, y2, x1, x2 = (int(np.clip(v, 0, 64)) for v in (cy - cut // 2, cy + cut // 2, cx - cut // 2, cx + cut // 2))
        expected.append((y2 - y1) * (x2 - x1) / 64**2)
    assert abs(areas.mean() - np.mean(expected)) < 0.02


def test_cutmix_pastes_a_box_of_picture_and_mask():
    image, mask = flat(1)
    x, y = mixed(PLAN, (1, 0), 3, image, mask, lambda other: flat(other + 5))
    pasted = y != 1
    assert 0 < pasted.sum() < pasted.size and len(np.unique(y)) == 2
    assert np.array_equal(x[:, pasted], np.full_like(x[:, pasted], y[pasted][0] / 10))
    assert np.array_equal(x[:, ~pasted], image[:, ~pasted])
    assert (image == 0.1).all() and (mask == 1).all()  # what was given is not written to


def test_classmix_pastes_half_of_the_classes_but_never_ignored_pixels():
    partner_mask = np.repeat(np.array([0, 1, 2, 3, 4, IGNORE_INDEX], np.uint8), 6)[:, None].repeat(36, 1)
    partner = np.ones((3, 36, 36), np.float32)
    image, mask = flat(9, 36, 3)
    mask[:, 0] = IGNORE_INDEX
    seen = set()
    for epoch in range(12):
        plan = replace(PLAN, mix="classmix")
        x, y = mixed(plan, (epoch, 0), 2, image, mask, lambda _: (partner, partner_mask))
        new = set(np.unique(y).tolist()) - {9, IGNORE_INDEX}
        assert len(new) == 3  # of five, rounded up
        seen.add(frozenset(new))
        pasted = np.isin(partner_mask, list(new))
        assert np.array_equal(y, np.where(pasted, partner_mask, mask))
        assert (x[:, pasted] == 1).all() and np.array_equal(x[:, ~pasted], image[:, ~pasted])
    assert len(seen) > 3
    assert not chosen_classes(np.full((4, 4), IGNORE_INDEX, np.uint8), np.random.default_rng(0)).any()


def test_ignore_travels_with_the_pixels_of_a_box():
    image, mask = flat(1)
    partner, _ = flat(7)
    _, y = mixed(PLAN, (1, 0), 2, image, mask, lambda _: (partner, np.full((16, 16), IGNORE_INDEX, np.uint8)))
    assert set(np.unique(y).tolist()) == {1, IGNORE_INDEX}


def test_objects_of_two_patches_stay_different_objects():
    image = flat(1)[0]
    both = np.ones((2, 16, 16), np.int32)
    _, y = mixed(PLAN, (1, 0), 2, image, both, lambda _: (image, both))
    assert len(np.unique(y[1])) == 2 and (y[0] == 1).all()
    for own in (200, 254, 300):  # no object gets the number that stands for ignored
        both[1] = own
        _, y = mixed(PLAN, (1, 0), 2, image, both, lambda _: (image, np.full_like(both, 55)))
        assert len(np.unique(y[1])) == 2 and IGNORE_INDEX not in y[1]


def test_share_and_partner_are_functions_of_seed_epoch_and_index():
    def partner_of(index):
        asked = []
        mixed(plan, (2, index), 400, *flat(1), lambda other: (asked.append(other), flat(2))[1])
        assert index not in asked and len(asked) <= 1
        return asked

    plan = replace(PLAN, mix_share=0.25)
    found = [partner_of(index) for index in range(400)]
    assert found == [partner_of(index) for index in range(400)]
    partners = [asked[0] for asked in found if asked]
    count = len(partners)
    assert 70 < count < 130
    assert len(set(partners)) > 0.8 * count


@pytest.mark.parametrize("mix", ["cutmix", "classmix"])
def test_a_dataset_mixes_the_same_whoever_asks_and_in_whatever_order(folder, mix):
    first, second = dataset_of(folder, mix=mix), dataset_of(folder, mix=mix)
    keys = [(1, i) for i in range(len(first))]
    forward = [first[key] for key in keys]
    backward = [second[key] for key in reversed(keys)][::-1]
    plain = [dataset_of(folder, mix="none")[key] for key in keys]
    for a, b in zip(forward, backward):
        assert torch.equal(a[0], b[0]) and torch.equal(a[1], b[1])
    assert any(not torch.equal(a[1], c[1]) for a, c in zip(forward, plain))


# -- augmentation on the device


def test_the_device_makes_what_the_loader_makes_whatever_else_is_in_the_batch(folder):
    options = {
        "augment": "microscopy",
        "mix": "classmix",
        "augment_options": {"noise": 0.5, "elastic": 0.5, "elastic_sigma_px": 6},
    }
    by_loader, cropped = dataset_of(folder, **options), dataset_of(folder, **options)
    cropped.is_augmented_on_device = True
    on_device = device_augmentation(cropped.plan, 3)
    keys = [(epoch, i) for epoch in (1, 2) for i in range(len(cropped))]
    expected = {key: by_loader[key] for key in keys}
    for batch in (keys, keys[::-1], keys[1:4], keys[3:4]):
        images, targets, seeds = (torch.stack(part) for part in zip(*(cropped[key] for key in batch)))
        torch.rand(3)  # the generator's state must not matter
        done = on_device(Batch(images, targets, seeds=seeds))
        images, targets = done.images, done.targets
        assert images.dtype == torch.float32 and targets.dtype == torch.int64
        for place, key in enumerate(batch):
            assert torch.equal(images[place], expected[key][0]) and torch.equal(targets[place], expected[key][1])


@pytest.mark.parametrize(
    ("changes", "device", "is_on_device", "said"),
    [
        ({"augment_on": "gpu"}, "cuda", True, ""),
        ({"augment_on": "cpu"}, "cuda", False, ""),
        ({"augment_on": "gpu"}, "cpu", False, "The loader augments, not the GPU: the run is on the CPU."),
        ({"augment_on": "auto"}, "cpu", False, ""),
        ({"augment_on": "gpu", "border_weight": (10.0, 5.0)}, "cuda", False, "border weights"),
        ({"augment_on": "gpu", "augment": "none"}, "cuda", False, ""),
        ({"augment_on": "gpu", "augment": "none", "augment_options": {"noise": 1}}, "cuda", True, ""),
    ],
)
def test_where_the_augmentation_runs(changes, device, is_on_device, said):
    plan = replace(PLAN, **{"augment": "standard", **changes})
    place, note = place_of(plan, torch.device(device))
    assert place is is_on_device and (said in note if said else not note)


@pytest.mark.parametrize(("cores", "gpus", "is_on_device"), [(4, 1, True), (16, 1, False), (16, 4, True)])
def test_auto_takes_the_gpu_where_it_has_few_cores_to_itself(monkeypatch, cores, gpus, is_on_device):
    monkeypatch.setattr("os.sched_getaffinity", lambda _: set(range(cores)), raising=False)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: gpus)
    assert place_of(replace(PLAN, augment="standard"), torch.device("cuda"))[0] is is_on_device


def test_a_run_that_augments_on_the_device_learns_what_one_with_the_loader_learns(folder, tmp_path, monkeypatch):
    """On one device the numbers are the same to the last bit."""
    plan = replace(
        PLAN, data=folder, out=str(tmp_path / "loader"), augment="standard", augment_on="gpu", epochs=1, batch=2, threads=1,
        has_tensorboard=False, is_pretrained=False, arch_options={"width": 4}, encoder="none", device="cpu",
    )  # fmt: skip
    notes = []
    Trainer.run(plan, lambda event: notes.append(getattr(event, "note", "")))
    assert "The loader augments, not the GPU: the run is on the CPU." in notes[0]
    monkeypatch.setattr(setup, "place_of", lambda plan, device: (True, ""))
    Trainer.run(replace(plan, out=str(tmp_path / "device")), lambda event: None)
    lines = [(tmp_path / run / "metrics.jsonl").read_text() for run in ("loader", "device")]
    assert lines[0] == lines[1] and lines[0]


class StopAfterEpoch:
    """A control and a sink: the run ends after its first epoch."""

    def __init__(self):
        self.is_over = False

    def is_set(self):
        return self.is_over

    def is_paused(self):
        return False

    def __call__(self, event):
        self.is_over = self.is_over or isinstance(event, EpochDone)


def test_a_resumed_run_sees_the_mixed_patches_of_an_unbroken_one(folder, tmp_path):
    plan = replace(
        PLAN, data=folder, out=str(tmp_path / "whole"), augment="microscopy", mix="classmix", mix_share=0.7, epochs=2, batch=2,
        augment_options={"noise": "0.5", "elastic": "0.5", "elastic_sigma_px": "6"}, threads=1, has_tensorboard=False,
        is_pretrained=False, arch_options={"width": 4}, encoder="none", device="cpu",
    )  # fmt: skip
    Trainer.run(plan, lambda event: None)
    stop = StopAfterEpoch()
    broken = replace(plan, out=str(tmp_path / "broken"))
    Trainer.run(broken, stop, stop)
    assert len((tmp_path / "broken" / "metrics.jsonl").read_text().splitlines()) == 1
    Trainer.run(replace(broken, is_resumed=True), lambda event: None)
    whole, resumed = ((tmp_path / run / "metrics.jsonl").read_text() for run in ("whole", "broken"))
    assert whole == resumed and len(whole.splitlines()) == 2
