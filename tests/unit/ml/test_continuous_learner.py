"""Continuous learning as a whole: it learns, is judged, takes corrections up, and loses nothing when something fails."""

from __future__ import annotations

import errno
import os

import numpy as np
import pytest
import torch

from segstudio.core.errors import UserError
from segstudio.core.geometry import Rect
from segstudio.io.store.project import ProjectStore
from segstudio.ml.continuous import versions
from segstudio.ml.continuous.events import (
    Checked,
    CorrectionsTaken,
    LearningStarted,
    LearnNote,
    LearnStageChanged,
    RoundProgress,
)
from segstudio.ml.continuous.learner import Learner
from segstudio.ml.continuous.student import Student
from segstudio.ml.inference.loading import load_segmenter
from segstudio.ml.registry import Catalog
from segstudio.ml.weights import load_weights
from tests.continuous_help import SPOTS, Steering, quick_plan, spotted_picture, spotted_project
from tests.small_projects import paint


def learnt(plan, act=lambda number: False):
    """(events, end) of a whole run; *act* is called each time it asks whether to stop."""
    events = []
    return events, Learner(plan, events.append, Steering(act)).run()


def of_kind(events, kind):
    return [event for event in events if isinstance(event, kind)]


@pytest.fixture(scope="module")
def taught(tmp_path_factory):
    """A project with versions, what was said, and how it ended."""
    project = spotted_project(tmp_path_factory.mktemp("taught") / "p")
    return project, *learnt(quick_plan(project, max_rounds=5))


def test_one_labelled_image_is_enough_for_a_model_of_others(taught, tmp_path):
    project, events, end = taught
    checks = of_kind(events, Checked)
    accepted = [check for check in checks if check.is_accepted]
    assert end.stopped_by == "rounds" and end.rounds == len(checks) == 5 and end.steps == 50
    assert len(accepted) == end.versions == end.current and accepted[-1].after > 0.9
    # Each accepted one is better than the one before, and says so for each image.
    assert all(check.before is None or check.after > check.before for check in accepted)
    assert accepted[0].images[0].name == "im0.png" and accepted[0].before is None
    assert all(check.reason for check in checks if not check.is_accepted)
    segmenter = load_segmenter(Catalog(project).find("learn/current"), "cpu")
    picture = spotted_picture(tmp_path / "new.png", 99)
    from PIL import Image

    values = np.asarray(Image.open(picture), np.float32).transpose(2, 0, 1) / 255
    card = segmenter.card
    x = (values - np.reshape(card.mean, (3, 1, 1))) / np.reshape(card.std, (3, 1, 1))
    found = segmenter.predict(torch.from_numpy(x[None].astype(np.float32)))[0].argmax(0).numpy()
    truth = np.zeros_like(found)
    for spot in SPOTS:
        truth[spot.slices] = 1
    assert 2 * np.count_nonzero(found & truth) / (np.count_nonzero(found) + np.count_nonzero(truth)) > 0.8
    assert card.classes == ("background", "spot")


def test_versions_are_models_of_the_catalog(taught):
    project, _, end = taught
    catalog = Catalog(project)
    listed = [entry.card.id for entry in catalog.entries() if entry.card.id.startswith("learn/")]
    assert listed == [f"learn/v{end.current}"]
    assert catalog.find("learn/v1").is_available and catalog.find("learn/v1").card.metrics["version"] == 1
    with pytest.raises(UserError, match="no model"):
        catalog.find("learn/v99")
    info = versions.current(project)
    assert info.class_ids == (0, 1) and info.labelled_pixels > 0 and info.steps <= 50 and info.seconds > 0


def test_it_goes_on_from_the_last_version_and_the_same_labels_give_the_same_weights(tmp_path):
    states = []
    for name in ("a", "b"):
        project = spotted_project(tmp_path / name / "p")
        learnt(quick_plan(project, max_rounds=2))
        events, _ = learnt(quick_plan(project, max_rounds=1, round_steps=3, gain=0.0))
        started = of_kind(events, LearningStarted)[0]
        assert started.model_id == f"learn/v{started.version}" and started.version >= 1
        assert of_kind(events, Checked)[0].before is not None
        states.append(load_weights(versions.weights_path(project, versions.current(project).number))[0])
    assert states[0].keys() == states[1].keys()
    assert all(torch.equal(states[0][key], states[1][key]) for key in states[0])


def test_weights_that_got_worse_are_refused_and_the_old_stay(taught, monkeypatch):
    project, _, end = taught
    learn = Student.learn

    def spoilt(self, batch):
        loss = learn(self, batch)
        for parameter in self.engine.average.module.parameters():
            parameter.data.normal_()
        return loss

    monkeypatch.setattr(Student, "learn", spoilt)
    events, after = learnt(quick_plan(project, max_rounds=9, patience=2, round_steps=2))
    checks = of_kind(events, Checked)
    assert len(checks) == 2 and not any(check.is_accepted for check in checks)
    assert all("worse" in check.reason and check.worse for check in checks)
    assert (after.stopped_by, after.current, after.versions) == ("patience", end.current, end.versions)
    assert "nothing better" in after.reason


def test_a_stroke_is_taken_up_in_the_middle_of_a_round_and_wakes_it(tmp_path):
    project = spotted_project(tmp_path / "p")

    def act(number):
        if number == 6:
            with ProjectStore.open(project) as store:
                paint(store, 2, 1, SPOTS[4])
                paint(store, 2, 1, SPOTS[0])
                store.set_status(2, "done")
        return False

    events, _ = learnt(quick_plan(project, max_rounds=1, round_steps=20), act)
    (taken,) = of_kind(events, CorrectionsTaken)
    assert taken.image_ids == (2,) and taken.pixels > 3000
    steps = [event.step for event in of_kind(events, RoundProgress)]
    assert steps[-1] == 20  # the round went on
    check = of_kind(events, Checked)[0]
    assert {image.image_id for image in check.images} == {1, 2}


def test_it_waits_when_patience_is_over_and_goes_on_when_labels_change(tmp_path):
    project = spotted_project(tmp_path / "p")
    events = []

    def sink(event):
        events.append(event)
        if isinstance(event, LearnStageChanged) and event.stage == "waiting":
            waits = [e for e in of_kind(events, LearnStageChanged) if e.stage == "waiting"]
            if len(waits) == 1:
                with ProjectStore.open(project) as store:
                    paint(store, 1, 1, Rect(0, 0, 8, 8))

    def act(number):
        return sum(isinstance(e, LearnStageChanged) and e.stage == "waiting" for e in events) == 2

    plan = quick_plan(project, is_watching=True, patience=1, max_rounds=0, round_steps=1, gain=0.5)
    end = Learner(plan, sink, Steering(act)).run()
    stages = [event.stage for event in of_kind(events, LearnStageChanged)]
    woken = next(e for e in of_kind(events, LearnStageChanged) if e.image_id is not None)
    assert end.stopped_by == "user" and woken.image_id == 1 and stages.count("waiting") == 2
    assert len(of_kind(events, CorrectionsTaken)) == 1


def test_a_class_may_come_and_go_while_it_is_learnt(tmp_path):
    project = spotted_project(tmp_path / "p", classes=("spot", "corner"))

    def act(number):
        if number == 4:
            with ProjectStore.open(project) as store:
                for spot in SPOTS[:4]:
                    paint(store, 1, 2, Rect(spot.x - 10, spot.y - 10, 9, 9))
        if number == 18:
            with ProjectStore.open(project) as store:
                store.commit(store.delete_class_edit(2))
        return False

    events, end = learnt(quick_plan(project, max_rounds=4, round_steps=8), act)
    classes = [event.classes for event in of_kind(events, LearningStarted)]
    assert classes == [("background", "spot"), ("background", "spot", "corner"), ("background", "spot")]
    assert end.stopped_by == "rounds" and end.current
    with ProjectStore.open(project, read_only=True) as store:
        assert store.labelled_pixels([1])[1] == len(SPOTS) * 1600


def test_a_version_that_a_person_goes_back_to_is_gone_on_from(taught):
    project, _, end = taught

    def act(number):
        if number == 3:
            versions.roll_back(project, 1)
        return False

    events, _ = learnt(quick_plan(project, max_rounds=1, round_steps=6), act)
    texts = [event.text for event in of_kind(events, LearnStageChanged)]
    assert "Going on from version 1." in texts
    for check in of_kind(events, Checked):
        assert check.version is None or check.version.made_from == 1
    assert versions.list_versions(project)[0].number >= end.current


def test_a_full_disk_stops_nothing_and_what_was_learnt_is_kept_later(tmp_path, monkeypatch):
    project = spotted_project(tmp_path / "p")
    write, is_full = os.write, True

    def full(descriptor, data):
        if is_full and len(data) > 100_000:
            raise OSError(errno.ENOSPC, "full")
        return write(descriptor, data)

    monkeypatch.setattr(os, "write", full)
    events = []
    with Learner(quick_plan(project), events.append) as learner:
        while not (checked := learner.round()).reason.startswith("The better weights"):
            assert checked.version is None
        assert versions.list_versions(project) == []
        is_full = False
        for _ in range(3):
            if learner.round().is_accepted:
                break
    notes = [event.text for event in of_kind(events, LearnNote)]
    assert len(notes) == 1 and "disk is full" in notes[0]
    assert versions.current(project).number >= 1


def test_two_at_once_are_refused_and_the_lock_goes_with_the_first(tmp_path):
    project = spotted_project(tmp_path / "p")
    with Learner(quick_plan(project), lambda _: None):
        with pytest.raises(UserError, match="learnt from already"):
            Learner(quick_plan(project), lambda _: None)
    Learner(quick_plan(project), lambda _: None).close()


def test_a_picture_that_goes_away_leaves_the_others_to_learn_from(tmp_path, monkeypatch):
    from segstudio.ml.continuous import corrections

    monkeypatch.setattr(corrections, "PICTURE_BYTES", 0)  # as when memory is short: each picture is read again
    project = spotted_project(tmp_path / "p", labelled=2)

    def act(number):
        if number == 4:
            (tmp_path / "pictures" / "im1.png").unlink()
        return False

    events, end = learnt(quick_plan(project, max_rounds=1, round_steps=10), act)
    assert any("im1.png" in event.text for event in of_kind(events, LearnNote))
    assert {image.image_id for image in of_kind(events, Checked)[0].images} == {1} and end.rounds == 1


def test_a_loss_that_is_no_number_is_left_behind_at_a_lower_rate(tmp_path, monkeypatch):
    project = spotted_project(tmp_path / "p")
    rates, learn = [], Student.learn

    def broken(self, batch):
        rates.append(self.plan.lr)
        return float("nan") if len(rates) <= 3 else learn(self, batch)

    monkeypatch.setattr(Student, "learn", broken)
    events, end = learnt(quick_plan(project, max_rounds=2))
    assert rates[3] < rates[0] and end.rounds == 2 and of_kind(events, Checked)
    monkeypatch.setattr(Student, "learn", lambda self, batch: float("nan"))
    with pytest.raises(UserError, match="no number"):
        learnt(quick_plan(project, max_rounds=20))


def test_a_pause_is_said_and_kept(tmp_path):
    project = spotted_project(tmp_path / "p")
    control = Steering()
    events = []

    def sink(event):
        events.append(event)
        if isinstance(event, RoundProgress):
            control.is_held = True
        if isinstance(event, LearnStageChanged) and event.stage == "paused":
            control.is_held = False

    Learner(quick_plan(project, max_rounds=1, round_steps=1), sink, control).run()
    stages = [event.stage for event in of_kind(events, LearnStageChanged)]
    assert "paused" in stages and stages[-1] != "paused"


def test_stopping_in_the_middle_keeps_versions_and_says_so(taught):
    project, _, _ = taught
    before = versions.current(project)
    events, end = learnt(quick_plan(project), lambda number: number > 5)
    assert end.stopped_by == "user" and not of_kind(events, Checked) and versions.current(project) == before


def test_nothing_labelled_is_waited_for_with_a_sentence(tmp_path):
    project = spotted_project(tmp_path / "p", labelled=0)
    _, end = learnt(quick_plan(project))
    assert end.stopped_by == "patience" and "Nothing is labelled" in end.reason and end.current == 0


def test_a_model_that_cannot_learn_here_is_refused(tmp_path):
    project = spotted_project(tmp_path / "p")
    with pytest.raises(UserError, match="cannot learn further"):
        Learner(quick_plan(project, start_from="classic/otsu"), lambda _: None)
