"""Continuous learning's parts: what is held out, what unlabelled pixels mean, the gate, the versions on the disk."""

from __future__ import annotations

import errno
import json
import os

import numpy as np
import pytest

from segstudio.core.confirming import confirm_place
from segstudio.core.edits import Transaction
from segstudio.core.errors import UserError
from segstudio.core.geometry import Rect
from segstudio.core.guards import ANYWHERE
from segstudio.io.store.project import ProjectStore
from segstudio.ml.continuous import versions
from segstudio.ml.continuous.cells import Cell, HeldOut, changed
from segstudio.ml.continuous.corrections import Classes, Corrections, first_reading
from segstudio.ml.continuous.events import ImageChange, VersionInfo
from segstudio.ml.continuous.gate import chance, counts_of, dice_of, verdict
from segstudio.ml.continuous.judge import Judge, lut_between
from segstudio.ml.continuous.plan import LearnPlan
from segstudio.ml.continuous.planes import NEAR_PX, TRAIN, VAL
from segstudio.ml.plan import IGNORE_INDEX
from tests.continuous_help import SIDE, SPOTS, spotted_project
from tests.small_projects import paint, small_project

WHOLE = Rect(0, 0, SIDE, SIDE)


def cell(key, counts=(100, 0), digest=0):
    return Cell(key, 64, tuple(counts), digest)


def looked(project, **held_out):
    corrections = Corrections(project, HeldOut(**{"share": 0.2, **held_out}), first_reading(project))
    corrections.look()
    return corrections


# -- what is held out ----------------------------------------------------------------------------------------------


def test_what_is_held_out_depends_on_the_place_alone():
    keys = [(1, 0, row, column) for row in range(40) for column in range(40)]
    one, other = HeldOut(0.2), HeldOut(0.2)
    held = {key for key in keys if one.is_held_out(key)}
    assert 0.15 < len(held) / len(keys) < 0.25
    assert held == {key for key in reversed(keys) if other.is_held_out(key)}
    assert held != {key for key in keys if HeldOut(0.2, seed=1).is_held_out(key)}


def test_a_class_that_chance_left_out_is_held_out_but_never_where_it_was_trained_on():
    held = HeldOut(1e-9)
    first = [cell((1, 0, 0, n), (100, 0)) for n in range(3)]
    assert held.assign(first) and len(held.promoted) == 1
    # A second class, first where it was trained on already: that stays; then somewhere new: that is held out.
    free = [c.key for c in first if not held.is_held_out(c.key)]
    grown = [cell(c.key, (50, 50)) if c.key in free else c for c in first]
    assert not held.assign(grown) and not held.is_held_out(free[0])
    held.assign([*grown, cell((1, 0, 5, 5), (0, 80))])
    assert held.is_held_out((1, 0, 5, 5))
    assert not any(held.is_held_out(key) for key in free)
    # Each image with some squares is judged by one; were nothing left to judge by, one that was trained on is taken.
    other = [cell((2, 0, 0, n)) for n in range(4)]
    held.assign([*grown, *other])
    assert any(held.is_held_out(c.key) for c in other)
    alone = [c for c in grown if c.key in free]
    assert held.assign(alone) and any(held.is_held_out(c.key) for c in alone)


def test_one_place_alone_is_not_held_out():
    held = HeldOut(1e-9)
    assert not held.assign([cell((1, 0, 0, 0))]) and not held.is_held_out((1, 0, 0, 0))


def test_what_was_promoted_is_known_after_a_restart_and_a_damaged_note_begins_anew(tmp_path):
    held = HeldOut(0.3, seed=7, promoted={(1, 0, 2, 3)})
    held.save(tmp_path / "held.json")
    again = HeldOut.load(tmp_path / "held.json", 0.5, 1)
    assert (again.share, again.seed, again.promoted) == (0.3, 7, {(1, 0, 2, 3)})
    (tmp_path / "held.json").write_text("{")
    assert HeldOut.load(tmp_path / "held.json", 0.5, 1) == HeldOut(0.5, 1)


def test_squares_that_differ_are_told_with_their_pixels():
    before = {(1, 0, 0, 0): cell((1, 0, 0, 0), (10, 0), 1), (2, 0, 0, 0): cell((2, 0, 0, 0), (5, 5), 2)}
    after = {(1, 0, 0, 0): cell((1, 0, 0, 0), (6, 4), 3), (3, 0, 1, 1): cell((3, 0, 1, 1), (7, 0), 4)}
    found = changed(before, after)
    assert found.image_ids == (1, 2, 3) and found.pixels == 8 + 10 + 7
    assert not changed(after, after).keys


# -- what labels mean ----------------------------------------------------------------------------------------------


def test_held_out_squares_are_never_in_a_target_to_train_on(tmp_path):
    corrections = looked(spotted_project(tmp_path / "p"), share=0.4)
    (plane,) = corrections.planes.values()
    train, val = plane.target(WHOLE, TRAIN), plane.target(WHOLE, VAL)
    assert (train != IGNORE_INDEX).any() and (val != IGNORE_INDEX).any()
    assert not ((train != IGNORE_INDEX) & (val != IGNORE_INDEX)).any()
    both = np.where(train != IGNORE_INDEX, train, val)
    truth = np.zeros((SIDE, SIDE), np.uint8)
    for spot in SPOTS:
        truth[spot.slices] = 1
    np.testing.assert_array_equal(both, truth)
    # Of a part the same as of the whole.
    part = Rect(50, 70, 90, 33)
    np.testing.assert_array_equal(plane.target(part, TRAIN), train[part.slices])


def test_while_no_image_is_done_only_what_lies_near_labels_is_background(tmp_path):
    project = spotted_project(tmp_path / "p", labelled=0)
    with ProjectStore.open(project) as store:
        paint(store, 1, 1, Rect(80, 80, 20, 20))
        paint(store, 1, 1, Rect(150, 10, 20, 20))
    corrections = looked(project)
    (plane,) = corrections.planes.values()
    target = np.minimum(plane.target(WHOLE, TRAIN), plane.target(WHOLE, VAL))
    assert target[90, 90] == 1 and target[90, 80 - NEAR_PX + 2] == 0
    assert target[90, 79] == IGNORE_INDEX  # the very edge of a stroke
    assert target[90, 80 - NEAR_PX - 4] == IGNORE_INDEX and target[180, 20] == IGNORE_INDEX


def test_what_was_erased_by_hand_is_background_and_the_rest_of_an_unfinished_image_unknown(tmp_path):
    project = spotted_project(tmp_path / "p")
    with ProjectStore.open(project) as store:
        paint(store, 2, 1, Rect(0, 0, 60, 60))
        transaction = Transaction(store.labels_layer(2), "Erase", is_by_hand=True)
        transaction.erase(np.ones((30, 30), bool), 10, 10)
        edit = transaction.commit()
        assert edit is not None
        store.commit(edit)
    plane = looked(project).planes[2, 0]
    target = np.minimum(plane.target(WHOLE, TRAIN), plane.target(WHOLE, VAL))
    assert target[5, 5] == 1 and (target[10:40, 10:40] == 0).all() and target[5, 70] == IGNORE_INDEX


def test_a_confirmed_place_says_what_is_background_and_nothing_is_guessed_around_it(tmp_path):
    project = spotted_project(tmp_path / "p", labelled=0)
    with ProjectStore.open(project) as store:
        paint(store, 1, 1, Rect(80, 80, 20, 20))
        layer = store.labels_layer(1)
        edit = confirm_place(layer, None, Rect(64, 64, 64, 64), z=0, guard=ANYWHERE)
        assert edit is not None
        store.commit(edit)
    corrections = looked(project)
    (plane,) = corrections.planes.values()
    target = np.minimum(plane.target(WHOLE, TRAIN), plane.target(WHOLE, VAL))
    assert (target[80:100, 80:100] == 1).all() and np.count_nonzero(target == 0) == 64 * 64 - 400
    assert target[90, 60] == IGNORE_INDEX  # near a label, but nobody said that it is empty


def test_a_proposal_that_is_let_stand_beside_a_correction_is_not_taught_as_background(tmp_path):
    project = spotted_project(tmp_path / "p", labelled=0)
    with ProjectStore.open(project) as store:
        paint(store, 1, 1, Rect(80, 80, 20, 20))
        proposal = store.proposal_layer(1, create=True)
        transaction = Transaction(proposal, "Propose")
        transaction.write(Rect(104, 80, 8, 20), transaction.ensure_stuff(1, "model", "net"))
        store.commit(transaction.commit())
    corrections = looked(project)
    (plane,) = corrections.planes.values()
    target = np.minimum(plane.target(WHOLE, TRAIN), plane.target(WHOLE, VAL))
    assert (target[80:100, 104:112] == IGNORE_INDEX).all() and target[90, 80 - NEAR_PX + 2] == 0
    with ProjectStore.open(project) as store:
        store.set_status(1, "done")  # now it was refused: nothing of it became a label
    corrections.look()
    target = np.minimum(plane.target(WHOLE, TRAIN), plane.target(WHOLE, VAL))
    assert (target[80:100, 104:112] == 0).all()


def test_what_was_accepted_wholesale_is_learnt_only_when_somebody_vouches_for_it(tmp_path):
    project = spotted_project(tmp_path / "p")
    with ProjectStore.open(project) as store:
        transaction = Transaction(store.labels_layer(2), "Accept all")
        transaction.paint(np.ones((80, 80), bool), 0, 0, transaction.ensure_stuff(1, "accepted", "learn/v1"))
        store.commit(transaction.commit())
    corrections = looked(project)
    assert (2, 0) not in corrections.planes
    with ProjectStore.open(project) as store:
        transaction = Transaction(store.labels_layer(2), "Paint", is_by_hand=True)
        transaction.paint(np.ones((30, 30), bool), 70, 70, transaction.ensure_stuff(1))
        store.commit(transaction.commit())
    corrections.look()
    plane = corrections.planes[2, 0]
    target = np.minimum(plane.target(WHOLE, TRAIN), plane.target(WHOLE, VAL))
    assert np.count_nonzero(target == 1) == 900 and target[5, 5] == IGNORE_INDEX
    with ProjectStore.open(project) as store:
        store.set_status(2, "done")
    corrections.look()
    target = np.minimum(plane.target(WHOLE, TRAIN), plane.target(WHOLE, VAL))
    assert target[5, 5] == 1 and target[180, 5] == 0


def test_a_painted_background_leaves_everything_else_unknown(tmp_path):
    project = spotted_project(tmp_path / "p", labelled=0, classes=("spot", "background"))
    with ProjectStore.open(project) as store:
        paint(store, 1, 1, Rect(80, 80, 20, 20))
        paint(store, 1, 2, Rect(10, 10, 20, 20))
    corrections = looked(project)
    assert corrections.classes.names == ("background", "spot") and corrections.classes.ids == (2, 1)
    plane = corrections.planes[1, 0]
    target = np.minimum(plane.target(WHOLE, TRAIN), plane.target(WHOLE, VAL))
    assert np.count_nonzero(target == 0) == 400 == np.count_nonzero(target == 1)


def test_only_images_that_changed_are_read_again_and_an_undone_stroke_is_seen(tmp_path, monkeypatch):
    project = spotted_project(tmp_path / "p", labelled=2)
    corrections = looked(project)
    assert not corrections.may_have_changed() and not corrections.look().keys
    read = []
    one = Corrections._read_image
    monkeypatch.setattr(
        Corrections,
        "_read_image",
        lambda self, store, record, **more: (read.append(record.id), one(self, store, record, **more)),
    )
    with ProjectStore.open(project) as store:
        paint(store, 2, 1, Rect(0, 0, 12, 12))
    assert corrections.may_have_changed()
    change = corrections.look()
    assert (read, change.image_ids) == ([2], (2,)) and change.pixels >= 144
    with ProjectStore.open(project) as store:
        edit = store.history(2).undo()
        assert edit is not None
        from segstudio.core.edits import apply_edit

        apply_edit(edit, {layer.id: layer for layer in store.layers(2)})
        store.mark_undone(edit, True)
    assert corrections.look().image_ids == (2,) and read == [2, 2]


def test_what_is_missing_is_said(tmp_path):
    project = small_project(tmp_path / "p", is_labelled=False, classes=("spot", "background"))
    corrections = looked(project)
    assert not corrections.is_enough and "Nothing is labelled" in corrections.what_is_missing()
    with ProjectStore.open(project) as store:
        paint(store, 1, 2, Rect(30, 30, 10, 10))
    corrections.look()
    assert not corrections.is_enough and "Only one class" in corrections.what_is_missing()
    with ProjectStore.open(project) as store:
        paint(store, 1, 1, Rect(0, 0, 10, 10))
    corrections.look()
    assert not corrections.is_enough and "one place" in corrections.what_is_missing()


def test_a_missing_picture_leaves_only_its_image_out(tmp_path):
    project = spotted_project(tmp_path / "p", labelled=2)
    (tmp_path / "pictures" / "im0.png").write_bytes(b"no picture")
    corrections = looked(project)
    assert set(corrections.planes) == {(2, 0)} and "im0.png is left out" in corrections.notes[0]
    corrections.planes[2, 0].forget()
    (tmp_path / "pictures" / "im1.png").unlink()
    corrections.drop_unreadable()
    assert not corrections.planes


# -- the gate ------------------------------------------------------------------------------------------------------


def counts(right_0, wrong_0, right_1, wrong_1):
    return np.array([[right_0, wrong_0, 0], [wrong_1, right_1, 0]], np.int64)


NAMES = ("background", "spot")
PLACES = {(1, 0): "a.png", (2, 0): "b.png"}


def test_dice_is_the_textbooks_and_what_is_no_class_counts_as_wrong():
    truth = np.array([0, 0, 0, 1, 1, 255], np.uint8)
    found = counts_of(truth, np.array([0, 0, 1, 1, 254, 0], np.uint8), 2)
    np.testing.assert_array_equal(found, [[2, 1, 0], [0, 1, 1]])
    assert dice_of(found) == (2 * 2 / (3 + 2), 2 * 1 / (2 + 2))
    assert dice_of(counts_of(np.zeros(4, np.uint8), np.ones(4, np.uint8), 2)) == (0.0, None)


def test_better_weights_pass_and_each_image_is_told():
    before = {(1, 0): counts(80, 20, 50, 50), (2, 0): counts(90, 10, 90, 10)}
    after = {(1, 0): counts(90, 10, 90, 10), (2, 0): counts(85, 15, 88, 12)}
    found = verdict(before, after, NAMES, PLACES, 0.001)
    assert found.is_accepted and not found.reason and found.after > found.before
    by_id = {change.image_id: change for change in found.images}
    assert by_id[1].gain > 0.1 and by_id[2].gain < 0 and by_id[2].name == "b.png" and by_id[1].pixels == 200


def test_worse_and_equal_weights_are_refused_with_a_sentence():
    good, bad = {(1, 0): counts(90, 10, 90, 10)}, {(1, 0): counts(80, 20, 80, 20)}
    assert "worse" in verdict(good, bad, NAMES, PLACES, 0.001).reason
    equal = verdict(good, good, NAMES, PLACES, 0.001)
    assert not equal.is_accepted and "no better" in equal.reason
    assert not verdict(good, {}, NAMES, PLACES, 0.001).is_accepted


def test_weights_that_learnt_more_may_be_as_good_within_chance_and_others_not():
    names, pictures = ("a", "b"), {}
    # Five images: now one is a little better, now the other; in the sum the new ones are a hair worse.
    before = {(i, 0): counts(90, 10, 90 + 2 * (i % 2), 10 - 2 * (i % 2)) for i in range(5)}
    after = {(i, 0): counts(90, 10, 91 - 3 * (i % 2), 9 + 3 * (i % 2)) for i in range(5)}
    assert not verdict(before, after, names, pictures, 0.001).is_accepted
    found = verdict(before, after, names, pictures, 0.001, has_learnt_more=True)
    assert found.is_accepted and found.after < found.before and 0 < found.before - found.after <= chance(before, after)
    # Clearly worse in each image is no chance; and two images tell nothing about chance.
    worse = {place: counts(70, 30, 70, 30) for place in before}
    assert chance(before, worse) < 0.02
    assert not verdict(before, worse, names, pictures, 0.001, has_learnt_more=True).is_accepted
    few = [(0, 0), (1, 0)]
    assert chance({p: before[p] for p in few}, {p: after[p] for p in few}) == 0


def test_a_class_that_is_spoilt_is_refused_though_the_mean_is_better():
    names = ("background", "spot", "rare")
    before = np.array([[500, 300, 0, 0], [300, 200, 0, 0], [0, 0, 20, 0]], np.int64)
    after = np.array([[800, 0, 0, 0], [0, 500, 0, 0], [12, 0, 8, 0]], np.int64)
    found = verdict({(1, 0): before}, {(1, 0): after}, names, PLACES, 0.001)
    assert not found.is_accepted and "rare" in found.reason


def test_first_weights_must_beat_calling_everything_the_same():
    blind = {(1, 0): counts(900, 0, 0, 100)}
    assert "calling everything the same" in verdict(None, blind, NAMES, PLACES, 0.001).reason
    found = verdict(None, {(1, 0): counts(850, 50, 60, 40)}, NAMES, PLACES, 0.001)
    assert found.is_accepted and found.before is None and found.images[0].before is None


def test_a_class_keeps_its_rows_when_it_is_renamed_and_one_that_is_gone_is_wrong():
    version = VersionInfo(1, "learn/v1", "", 0.0, classes=("background", "cat", "dog"), class_ids=(0, 5, 6))
    lut = lut_between(version, Classes(("Background", "tomcat", "bird"), ("#000000",) * 3, (9, 5, 7), 0))
    assert (lut[0], lut[1], lut[2], lut[200]) == (0, 1, 254, 254)


def test_answers_of_the_weights_in_use_are_kept(tmp_path):
    judge = Judge(looked(spotted_project(tmp_path / "p")))
    asked = []

    def predict(values):
        asked.append(values.shape)
        return (values[0] > 0.5).astype(np.uint8)

    first = judge.judged(predict, version=3)
    assert dice_of(first[1, 0]) == (1.0, 1.0) and len(asked) == 1
    np.testing.assert_array_equal(judge.judged(predict, version=3)[1, 0], first[1, 0])
    assert len(asked) == 1
    judge.keep_only(4)
    judge.judged(predict, version=3)
    assert len(asked) == 2
    assert judge.judged(predict, is_stopped=lambda: True) is None


# -- versions ------------------------------------------------------------------------------------------------------


def add(project, **values):
    values = {"mean_dice": 0.5, "images": (ImageChange(1, 0.4, 0.5, 10, "a.png"),), **values}
    return versions.add_version(project, b"weights", VersionInfo(0, "", "", 0.0, **values))


def test_versions_are_listed_newest_first_and_one_is_in_use(tmp_path):
    assert versions.list_versions(tmp_path) == [] and versions.current(tmp_path) is None
    first, second = add(tmp_path), add(tmp_path, mean_dice=0.7)
    found = versions.list_versions(tmp_path)
    assert [info.number for info in found] == [2, 1] and [info.is_current for info in found] == [True, False]
    assert found[0] == second and found[0].images[0].gain == pytest.approx(0.1) and first.model_id == "learn/v1"
    assert versions.find_version(tmp_path, "learn/current") == second
    assert versions.find_version(tmp_path, "learn/v1").path.endswith("v1.safetensors")
    assert versions.find_version(tmp_path, "learn/v9") is None and versions.find_version(None, "learn/v1") is None


def test_rolling_back_changes_what_is_in_use_and_is_noticed(tmp_path):
    add(tmp_path), add(tmp_path)
    serial = versions.choice_serial(tmp_path)
    assert versions.roll_back(tmp_path, 1).source == "rolled back"
    now = versions.current(tmp_path)
    assert (now.number, now.source) == (1, "rolled back") and versions.choice_serial(tmp_path) == serial + 1
    third = add(tmp_path)
    assert third.number == 3 and versions.current(tmp_path) == third
    assert versions.choice_serial(tmp_path) == serial + 1
    with pytest.raises(UserError, match="no version 8"):
        versions.roll_back(tmp_path, 8)


def test_the_version_in_use_cannot_be_deleted_and_no_number_comes_twice(tmp_path):
    add(tmp_path), add(tmp_path)
    with pytest.raises(UserError, match="in use"):
        versions.delete(tmp_path, 2)
    versions.roll_back(tmp_path, 1)
    versions.delete(tmp_path, 2)
    assert [info.number for info in versions.list_versions(tmp_path)] == [1] and add(tmp_path).number == 3


def test_old_versions_go_but_never_the_one_in_use(tmp_path):
    for _ in range(5):
        add(tmp_path)
    versions.roll_back(tmp_path, 1)
    assert versions.prune(tmp_path, 2, spared=(3,)) == [2]
    assert [info.number for info in versions.list_versions(tmp_path)] == [5, 4, 3, 1]


def test_a_full_disk_leaves_the_versions_as_they_were(tmp_path, monkeypatch):
    add(tmp_path)
    write = os.write

    def full(descriptor, data):
        if len(data) == len(b"weights"):
            raise OSError(errno.ENOSPC, "full")
        return write(descriptor, data)

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(UserError, match="disk is full"):
        add(tmp_path)
    monkeypatch.undo()
    assert [info.number for info in versions.list_versions(tmp_path)] == [1] and versions.current(tmp_path).number == 1
    assert sorted(p.name for p in versions.versions_folder(tmp_path).iterdir()) == [
        "current.json",
        "v1.json",
        "v1.safetensors",
    ]


def test_damaged_notes_lose_no_whole_version(tmp_path):
    add(tmp_path), add(tmp_path)
    (versions.versions_folder(tmp_path) / "current.json").write_text("nonsense")
    assert versions.current(tmp_path).number == 2
    (versions.versions_folder(tmp_path) / "v2.json").write_text(json.dumps([1]))
    assert [info.number for info in versions.list_versions(tmp_path)] == [1]


@pytest.mark.parametrize(
    "values", [{"held_out": 0.9}, {"batch": 0}, {"patience": 0}, {"patch_px": 8}, {"lr": 0.0}, {"project": "nowhere"}]
)
def test_a_plan_that_cannot_be_worked_with_is_refused(tmp_path, values):
    project = spotted_project(tmp_path / "p", images=1, labelled=0)
    with pytest.raises(UserError):
        LearnPlan(**{"project": str(project), **values}).checked()


# -- patches -------------------------------------------------------------------------------------------------------


def test_a_rare_class_is_drawn_though_only_empty_places_were_confirmed_lately():
    from segstudio.ml.continuous.feed import RECENT_SHARE, PatchFeed

    road, empty = cell((1, 0, 0, 0), (4000, 96)), [cell((1, 0, 1, n), (4096, 0)) for n in range(50)]

    class Planes:
        def cells(self, role):
            return {one.key: one for one in (road, *empty)}

    feed = PatchFeed.__new__(PatchFeed)
    feed._corrections = Planes()
    feed.renew({one.key for one in empty})
    draws = [feed.chosen(np.random.default_rng(seed)) for seed in range(800)]
    wanted = [one for one, index in draws if index == 1]
    assert all(one is road for one in wanted)
    assert 0.2 < len(wanted) / len(draws) < 0.3  # half of the patches are for a class, half of those for this one
    recent = sum(one in empty for one, index in draws if index is None) / sum(index is None for _, index in draws)
    assert recent > RECENT_SHARE


def test_a_rare_class_weighs_more_in_the_loss_and_a_common_one_does_not():
    from segstudio.ml.continuous.student import MOST_WEIGHT, rare_weights

    assert rare_weights([780, 220]).tolist() == [1, 1]
    assert rare_weights([960, 40]).tolist() == [1, 5]
    assert rare_weights([9999, 1]).tolist() == [1, MOST_WEIGHT]
    assert rare_weights([100, 100, 0]).tolist() == [1, 1, 1]
    assert rare_weights([500, 480, 20])[2] > 6 - 1e-6
