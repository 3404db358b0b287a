"""How long a run will take: from the same network's earlier runs, from others', from the processor alone; and what is remembered."""

from __future__ import annotations

import json
import platform
from dataclasses import replace
from pathlib import Path

import pytest

from segstudio.ml import step_times
from segstudio.ml.networks.costs import costs_of
from segstudio.ml.plan import TrainPlan
from segstudio.ml.step_times import (
    START_S,
    StepTime,
    count_patches,
    describe,
    earlier_times,
    estimate_time,
    read_time,
    remember,
    remembered,
    span,
)

PLAN = TrainPlan(out="", project="p", arch="unet", encoder="efficientnet_lite0", epochs=10, batch=4, patch_px=128)
SAME = StepTime("unet", "efficientnet_lite0", 128, 0, 4, "cpu", 0.5, 1e-6)


@pytest.fixture(autouse=True)
def own_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEGSTUDIO_DATA_DIR", str(tmp_path / "data"))


def run_folder(folder: Path, plan: TrainPlan = PLAN, **changes) -> Path:
    """What a finished run leaves."""
    folder.mkdir(parents=True)
    timing = {
        "device": "cpu",
        "machine": platform.node(),
        "seconds_per_step": 1.0,
        "seconds_per_validation": 2.0,
        "val_pixels": 1_000_000,
    }
    (folder / "timing.json").write_text(json.dumps({**timing, **changes}))
    (folder / "config.json").write_text(json.dumps(plan.to_json()))
    return folder


def test_patches_are_those_that_the_dataset_cuts():
    assert count_patches([(128, 128), (256, 128), (5000, 5000), (10, 10)], PLAN) == 1 + 2 + 4 + 1
    assert count_patches([(128, 128)] * 3, replace(PLAN, patches_per_image=7)) == 21


def test_the_same_network_and_patch_is_taken_as_it_was():
    found = estimate_time(PLAN, patches=40, val_pixels=100_000, classes=3, earlier=[SAME])
    assert found.source == "same" and found.steps == 100
    assert found.seconds == pytest.approx(START_S + 10 * (10 * 0.5 + 0.1))
    assert found.low_s < found.seconds < found.high_s
    # Of a small set a batch is what there is; every second epoch is validated; a limit ends it.
    few = estimate_time(replace(PLAN, validate_every=2), 2, 100_000, 3, [SAME])
    assert few.seconds == pytest.approx(START_S + 10 * 0.25 + 5 * 0.1) and few.steps == 10
    assert estimate_time(replace(PLAN, max_minutes=0.1), 4000, 0, 3, [SAME]).high_s == START_S + 6


def test_another_patch_is_scaled_by_pixels_and_another_network_by_multiply_adds():
    alike = estimate_time(replace(PLAN, patch_px=256, batch=2), 20, 0, 3, [SAME])
    assert alike.source == "alike" and alike.seconds == pytest.approx(START_S + 10 * 10 * 0.5 * 2)
    other = estimate_time(replace(PLAN, arch="pspnet", encoder="resnet50"), 40, 0, 3, [SAME])
    ratio = (
        costs_of("pspnet", "resnet50", classes=3, height=128, width=128).multiply_adds
        / costs_of("unet", "efficientnet_lite0", classes=3, height=128, width=128).multiply_adds
    )
    assert other.source == "other" and other.seconds - START_S == pytest.approx(100 * 0.5 * ratio, rel=0.05)
    assert other.high_s / other.low_s > alike.high_s / alike.low_s  # less is known, and that is said
    # The network's usual encoder is the same as the one left open.
    assert estimate_time(replace(PLAN, encoder=""), 40, 0, 3, [replace(SAME, encoder="")]).source == "same"


def test_nothing_trained_yet_is_a_rough_guess_on_a_processor_and_none_elsewhere(monkeypatch):
    monkeypatch.setattr(step_times, "product_rate", lambda: 50e9)
    found = estimate_time(PLAN, 40, 0, 3, [])
    adds = costs_of("unet", "efficientnet_lite0", classes=3, height=128, width=128).multiply_adds
    assert found.source == "rough" and found.seconds == pytest.approx(
        START_S + 100 * (0.01 + 3 * 4 * adds / 10e9), rel=0.01
    )
    assert estimate_time(PLAN, 40, 0, 3, [SAME], device="cuda") is None
    assert estimate_time(replace(PLAN, encoder="timm:unheard"), 40, 0, 3, []) is None


def test_the_processor_is_measured_quickly():
    assert 1e8 < step_times.product_rate() < 1e13


def test_what_a_run_took_is_read_remembered_and_known_in_other_projects(tmp_path):
    run = run_folder(tmp_path / "runs" / "a", replace(PLAN, accumulate=2), encoder="efficientnet_lite0")
    found = read_time(run)
    assert found == replace(SAME, seconds=0.5, seconds_a_pixel=2e-6)
    assert remember(run) and remember(run) and remembered() == [found]
    run_folder(tmp_path / "runs" / "b", replace(PLAN, patch_px=64), device="cuda:1")
    assert [one.patch_px for one in earlier_times(tmp_path / "runs")] == [128, 64]
    assert earlier_times(tmp_path / "elsewhere") == earlier_times(None) == [found]
    assert earlier_times(tmp_path / "runs")[1].device == "cuda"


def test_tiny_runs_say_nothing_about_real_ones(tmp_path):
    tiny = run_folder(tmp_path / "tiny", replace(PLAN, patch_px=32, batch=2), val_pixels=2048)
    found = read_time(tiny)
    assert found.seconds_a_pixel == 0.0
    scaled = estimate_time(PLAN, patches=40, val_pixels=10**6, classes=3, earlier=[found])
    assert scaled == estimate_time(PLAN, patches=40, val_pixels=10**6, classes=3, earlier=[])
    small = replace(PLAN, patch_px=32, batch=2)
    assert estimate_time(small, patches=40, val_pixels=2048, classes=3, earlier=[found]).source == "same"


def test_runs_of_other_computers_and_broken_ones_are_left_out(tmp_path):
    assert read_time(run_folder(tmp_path / "a", machine="another")) is None
    assert read_time(run_folder(tmp_path / "b", seconds_per_step=0)) is None
    broken = run_folder(tmp_path / "c")
    (broken / "timing.json").write_text("{")
    assert read_time(broken) is None and not remember(broken) and read_time(tmp_path / "nowhere") is None
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / step_times.MEMORY).write_text('[{"arch": 1}]')
    assert remembered() == []


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (3.4, "3 s"),
        (47, "50 s"),
        (89, "90 s"),
        (100, "2 min"),
        (3600, "60 min"),
        (7200, "2 h"),
        (9000, "2.5 h"),
        (2e5, "2 days"),
    ],
)
def test_times_are_told_as_people_do(seconds, text):
    assert span(seconds) == text


def test_an_estimate_in_words():
    found = estimate_time(PLAN, 40, 0, 3, [SAME])
    assert describe(found) == "about 60 s (50 s to 70 s), 100 steps on the cpu"
