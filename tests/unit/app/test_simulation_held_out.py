"""Simulated labelling never learns from what it is measured on: digests of pixels, of real data and of what is read."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from shared_data import shared_data

from segstudio.app.simulation.data import read_truth
from segstudio.app.simulation.plan import Budget, HandPlan, SimulationPlan
from segstudio.app.simulation.run import simulate
from segstudio.io.store.image_rows import resolve
from segstudio.io.store.project import ProjectStore

REAL = [
    ("isbi2012", "folder:{0}/images,{0}/masks", ("background", "membrane"), 5),
    ("massroads", "folder:{0}/images,{0}/masks", ("background", "road"), 1),
    ("camvid", "camvid:{0}", (), 24),
    ("nuclei", "folder:{0}/images,{0}/masks", ("background", "nucleus"), 1),
]


def digest(file: Path) -> str:
    """SHA-256 of the pixels: another name or another format does not hide a picture."""
    pixels = np.asarray(Image.open(file).convert("RGB"))
    return hashlib.sha256(str(pixels.shape).encode() + pixels.tobytes()).hexdigest()


@pytest.mark.parametrize(("name", "spec", "classes", "count"), REAL, ids=[row[0] for row in REAL])
def test_no_picture_to_measure_on_is_among_those_that_are_labelled(name, spec, classes, count):
    data = shared_data(name)
    plan = SimulationPlan(spec.format(data), Budget(1), class_names=classes, test_images=count)
    truth = read_truth(plan)
    held = {digest(image.file) for image in truth.test}
    learnt = {digest(image.file) for image in truth.pool}
    assert len(held) == count and learnt and not held & learnt


def test_what_a_learner_reads_beside_the_hand_is_never_what_it_is_measured_on(tmp_path, monkeypatch):
    images, masks = tmp_path / "images", tmp_path / "masks"
    random = np.random.default_rng(0)
    for folder in (images, masks):
        folder.mkdir()
    for index in range(5):
        truth = np.zeros((64, 64), np.uint8)
        truth[8 + 4 * index :, 20:50] = 1
        values = random.integers(0, 60, (64, 64, 3)) + 190 * truth[..., None]
        Image.fromarray(values.astype(np.uint8)).save(images / f"{index}.png")
        Image.fromarray(truth).save(masks / f"{index}.png")
    plan = SimulationPlan(
        f"folder:{images},{masks}", Budget(2, "images"), loop="continuous", class_names=("background", "spot"),
        test_images=2, hand=HandPlan.steady(), device="cpu", patch_px=64, steps=2, batch=2, threads=1,
        is_pretrained=False, strokes_per_round=4,
    )  # fmt: skip
    found = simulate(plan, project=tmp_path / "kept")
    assert found.points[-1].train_seconds > 0 and found.test_images == 2
    held = {digest(images / "3.png"), digest(images / "4.png")}
    with ProjectStore.open(tmp_path / "kept", read_only=True) as store:
        # All that the learner, which knows nothing but the project, can read.
        readable = {digest(resolve(tmp_path / "kept", record.path, record.path_hint)) for record in store.images()}
    assert len(readable) == 3 and not readable & held
    assert digest(images / "0.png") in readable
