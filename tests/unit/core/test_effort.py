"""Forecast and advice: a known law of effort is found again, and each state of a project gets its one sentence."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from segstudio.core.effort import (
    LEAST,
    Forecast,
    ImageEffort,
    advise,
    fitted_gain,
    forecast,
    versions_of,
)

SIZE = 1000


def project(worked: list[tuple[str, float]], left: int, dice: float = 0.8, size: int = SIZE) -> list[ImageEffort]:
    """Images done one after the other as (model, seconds), then *left* untouched ones."""
    kept = round(dice * 900)
    images = [
        ImageEffort(
            i, f"im{i}", size, True, at_s=float(i), seconds=seconds, strokes=3, pixels=50, model_id=model,
            accepted_pixels=900 if model else 0, kept_pixels=kept if model else 0, labelled_pixels=900,
        )
        for i, (model, seconds) in enumerate(worked)
    ]  # fmt: skip
    return images + [ImageEffort(1000 + i, f"left{i}", size, False) for i in range(left)]


def learnt(gain: float, noise: float = 0.0, seed: int = 0) -> list[tuple[str, float]]:
    """Two by hand, then a version each time the number of images has doubled: 100 s · n^-gain each."""
    random = np.random.default_rng(seed)
    worked = [("", 100.0), ("", 100.0)]
    for n in (2, 4, 8):
        for _ in range(n):
            worked.append((f"run@{n}", 100.0 * n**-gain * math.exp(noise * random.standard_normal())))
    return worked


def advice(images: list[ImageEffort]):
    return advise(forecast(images), has_effort=any(image.has_effort for image in images))


@pytest.mark.parametrize("gain", [0.0, 0.2, 0.5])
def test_a_power_law_is_found_again_and_carried_on(gain: float) -> None:
    images = project(learnt(gain), left=20)
    found = forecast(images)
    assert found.gain == pytest.approx(gain, abs=1e-9) and found.done == 16 and found.learnt_images == 8
    now = 100 * 8**-gain
    assert found.left_s == pytest.approx(20 * now)
    assert found.left_retrained_s == pytest.approx(20 * 100 * 16**-gain)


def test_noise_moves_the_law_little_and_a_law_that_rises_is_none() -> None:
    gains = [fitted_gain(versions_of(project(learnt(0.4, 0.3, seed), 0))) for seed in range(20)]
    assert np.mean([g for g in gains if g is not None]) == pytest.approx(0.4, abs=0.1)
    assert fitted_gain(versions_of(project(learnt(-0.5), 0))) == 0.0
    assert fitted_gain(versions_of(project(learnt(9.0), 0))) == 1.0


def test_a_model_from_elsewhere_and_a_single_version_tell_no_law() -> None:
    assert fitted_gain(versions_of(project([("nuclei", 50.0)] * 4, 0))) is None
    only = forecast(project([("", 90.0), ("", 90.0), ("run@1", 30.0), ("run@1", 30.0)], 10))
    assert only.gain is None and only.left_retrained_s is None and only.left_s == 300.0


def test_the_forecast_goes_by_size_and_by_what_was_done_already() -> None:
    images = project([("", 60.0)] * 3, 0)
    images += [ImageEffort(8, "big", 5 * SIZE, False), ImageEffort(9, "half", SIZE, False, seconds=45.0, strokes=1)]
    assert forecast(images).left_s == pytest.approx(300.0 + 15.0)
    images[-1] = replace(images[-1], seconds=500.0)  # it took longer than forecast: no time is given back
    assert forecast(images).left_s == pytest.approx(300.0)


def test_the_latest_images_count_and_one_image_of_a_new_model_is_not_enough() -> None:
    slow_then_quick = [("run@1", 500.0)] * 10 + [("run@1", 10.0)] * 5
    assert forecast(project(slow_then_quick, 1)).left_s == pytest.approx(10.0)
    assert forecast(project([("a", 50.0)] * 5 + [("b", 10.0)], 1)).left_s == pytest.approx(42.0)
    assert forecast(project([("a", 50.0)] * 5 + [("b", 10.0)] * 2, 1)).left_s == pytest.approx(10.0)


def test_an_image_by_hand_among_others_does_not_hide_the_model() -> None:
    found = forecast(project([*learnt(0.5), ("", 35.0)], 10))
    assert found.learnt_images == 8 and found.left_retrained_s is not None


def test_corrective_dice_is_that_of_the_masks() -> None:
    random = np.random.default_rng(1)
    proposal, truth = random.random((2, 60, 60)) > 0.4
    kept = int((proposal & truth).sum())
    image = ImageEffort(
        1, "a", 3600, True, accepted_pixels=int(proposal.sum()), kept_pixels=kept, labelled_pixels=int(truth.sum())
    )
    assert image.corrective_dice == pytest.approx(2 * kept / (proposal.sum() + truth.sum()))
    assert ImageEffort(1, "a", 9, True, labelled_pixels=9).corrective_dice is None


@pytest.mark.parametrize(
    ("images", "kind"),
    [
        ([], "nothing"),
        (project([], 4), "nothing"),
        ([replace(project([("", 9.0)], 0)[0], is_done=False)], "none_done"),
        (project([("", 9.0)] * (LEAST - 1), 4), "too_few"),
        (project([("", 9.0)] * 4, 0), "all_done"),
        (project([("", 9.0)] * 4, 9), "train"),
        (project([("nuclei", 9.0)] * 4, 9), "train"),
        (project([("run@1", 9.0)] * 4, 9, dice=0.995), "accept_rest"),
        (project([("", 9.0)] * 4 + [("run@1", 5.0)] * 3, 9), "wait"),
        (project([("", 9.0)] * 4 + [("run@1", 5.0)] * 4, 9), "retrain_doubled"),
        (project(learnt(0.5), 20), "retrain"),
        (project(learnt(0.0), 20), "enough"),
        (project(learnt(0.2)[:9], 40), "go_on"),
    ],
)
def test_each_state_has_its_advice(images: list[ImageEffort], kind: str) -> None:
    assert advice(images).kind == kind


def test_a_retrain_is_put_off_until_it_pays() -> None:
    found = Forecast(100, 20, 0.0, left_s=1000.0, left_retrained_s=950.0, gain=0.2, learnt_images=16)
    told = advise(found, has_effort=True)
    # 0.9 of the time is reached at 16 · 0.9^(-1/0.2) = 27.1 images.
    assert (told.kind, told.counts) == ("go_on", (8,))
