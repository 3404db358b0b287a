"""The loader's processes: equal batches with and without them, and one that is killed in mid-epoch."""

from __future__ import annotations

import os
import signal
import sys

import numpy as np
import pytest
import torch
from PIL import Image

from segstudio.core.errors import UserError
from segstudio.io.datasets import parse_data_spec
from segstudio.ml.plan import TrainPlan
from segstudio.ml.train_events import EpochDone, StepDone
from segstudio.ml.training.dataset import SegmentationDataset
from segstudio.ml.training.feed import build_loader
from segstudio.ml.training.loader import batches
from segstudio.ml.training.sampler import EpochSampler
from segstudio.ml.training.sources import folder_data
from segstudio.ml.training.trainer import Trainer


@pytest.fixture
def data(tmp_path):
    for split, count in (("train", 6), ("val", 1)):
        for i in range(count):
            values = np.random.default_rng(i + 50 * (split == "val")).integers(0, 255, (64, 64, 3), np.uint8)
            mask = (values[..., 0] > 127).astype(np.uint8)
            for kind, pixels in (("images", values), ("masks", mask)):
                path = tmp_path / kind / split / f"{i}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                Image.fromarray(pixels).save(path)
    return f"folder:{tmp_path / 'images'},{tmp_path / 'masks'}"


def loaded(data, epochs=2, **options):
    """All batches of the epochs; sampler and transforms as a run has them."""
    plan = TrainPlan(out="", data=data, **{"patch_px": 32, "batch": 4, "patches_per_image": 2, "seed": 3, **options})
    images = folder_data(parse_data_spec(data), val_fraction=0.2, seed=0).of_split("train")
    dataset = SegmentationDataset(images, [(64, 64)] * 6, plan, 3, "unit8", background_index=0)
    sampler = EpochSampler(len(dataset), plan.seed)
    loader = build_loader(plan, dataset, sampler, torch.device("cpu"))
    found = []
    for epoch in range(1, epochs + 1):
        sampler.epoch = epoch
        found.append([tuple(t.clone() for t in batch) for batch in batches(loader, "run")])
    return found


def test_batches_are_equal_without_and_with_two_processes(data):
    options = {"sampling": "balanced", "border_weight": (10.0, 5.0), "mix": "classmix"}
    alone, together = loaded(data, **options), loaded(data, workers=2, **options)
    assert [len(epoch) for epoch in alone] == [3, 3]
    for one, two in zip(alone, together, strict=True):
        for a, b in zip(one, two, strict=True):
            assert len(a) == len(b) == 3 and all(torch.equal(x, y) for x, y in zip(a, b, strict=True))
    assert not torch.equal(alone[0][0][0], alone[1][0][0])


@pytest.mark.skipif(sys.platform == "win32", reason="kills a process by a signal")
def test_a_killed_process_is_one_sentence_and_what_was_learnt_is_kept(data, tmp_path):
    import multiprocessing

    plan = TrainPlan(
        out=str(tmp_path / "run"), data=data, arch="enet", epochs=400, batch=2, patch_px=32, device="cpu", threads=1,
        workers=1, precision="fp32", has_tensorboard=False, is_pretrained=False, class_names=("background", "bright"),
        augment="none", patches_per_image=1,
    )  # fmt: skip
    killed = []

    def sink(event):
        if isinstance(event, EpochDone) and event.epoch == 1:
            (child,) = multiprocessing.active_children()
            os.kill(child.pid, signal.SIGKILL)
            killed.append(event.epoch)
        assert not isinstance(event, StepDone) or event.epoch < 300, "it went on without its loader"

    with pytest.raises(UserError, match="a process that loads patches was ended") as caught:
        Trainer.run(plan, sink)
    assert killed == [1] and "--resume" in str(caught.value)
    assert (tmp_path / "run" / "last.safetensors").is_file() and (tmp_path / "run" / "state.pt").is_file()
    assert len((tmp_path / "run" / "metrics.jsonl").read_text().splitlines()) >= 1
