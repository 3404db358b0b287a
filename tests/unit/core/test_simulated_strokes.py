"""What a simulated person sees to be wrong, and the strokes that mend it."""

from __future__ import annotations

import numpy as np
import pytest

from segstudio.core.brush import stroke_mask
from segstudio.core.classes import IGNORE
from segstudio.core.simulated_strokes import BrushRules, center_lines, plan_strokes, wrong_regions


def blank(value=0, side=80):
    return np.full((side, side), value, np.uint16)


def painted(strokes, shape):
    out = np.zeros(shape, bool)
    for stroke in strokes:
        mask, rect = stroke_mask(stroke.points_xy, stroke.size_px)
        inside = rect.clipped(shape[1], shape[0])
        out[inside.slices] |= mask[inside.moved(-rect.x, -rect.y).slices]
    return out


def test_a_border_that_is_a_little_off_is_let_pass_and_one_that_is_far_off_is_not():
    truth, shown = blank(), blank()
    truth[20:60, 20:60] = 1
    shown[21:61, 21:61] = 1
    assert wrong_regions(truth, shown, 2) == []
    shown = blank()
    shown[26:66, 20:60] = 1
    found = wrong_regions(truth, shown, 2)
    assert {region.class_id for region in found} == {0, 1}
    assert sum(region.mask.sum() for region in found) == 2 * 6 * 40


def test_thin_things_that_are_missing_or_too_many_are_seen_though_all_of_them_is_near_a_border():
    truth, shown = blank(), blank()
    truth[40:43, 10:70] = 1
    assert [r.class_id for r in wrong_regions(truth, shown, 3)] == [1]
    assert [r.class_id for r in wrong_regions(shown, truth, 3)] == [0]
    truth[:] = 2
    shown[:] = 2
    truth[40:42, 10:70] = 1  # a pole before the sky
    assert [r.class_id for r in wrong_regions(truth, shown, 3)] == [1]


def test_what_is_ignored_is_never_wrong_and_crumbs_are_not_told():
    truth, shown = blank(IGNORE), blank(3)
    assert wrong_regions(truth, shown, 1) == []
    truth = blank()
    truth[10:13, 10:13] = 1
    truth[40:60, 40:60] = 1
    assert [r.pixels for r in wrong_regions(truth, blank(), 1, least_px=10)] == [400]
    assert [r.pixels for r in wrong_regions(truth, blank(), 1)] == [400, 9]


@pytest.mark.parametrize(
    "region",
    [
        np.s_[30:36, 5:75],  # a bar
        np.s_[10:70, 10:70],  # a block far wider than the brush
        np.s_[0:20, 0:80],  # along the image's border
    ],
)
def test_strokes_cover_a_place_and_stay_within_the_slack(region):
    wanted = np.zeros((80, 80), bool)
    wanted[region] = True
    rules = BrushRules(largest_px=24)
    strokes = plan_strokes(wanted, wanted, rules)
    done = painted(strokes, wanted.shape)
    assert (done & wanted).sum() > 0.9 * wanted.sum()
    near = np.zeros_like(wanted)
    rows, columns = np.nonzero(wanted)
    near[max(rows.min() - 2, 0) : rows.max() + 3, max(columns.min() - 2, 0) : columns.max() + 3] = True
    assert not (done & ~near).any()
    assert max(stroke.size_px for stroke in strokes) <= 24
    assert len(strokes) < 15


def test_a_bar_is_one_stroke_and_a_long_line_is_parted():
    wanted = np.zeros((60, 900), bool)
    wanted[20:26, 20:880] = True
    assert len(plan_strokes(wanted, wanted, BrushRules(longest_px=2000))) == 1
    assert len(plan_strokes(wanted, wanted, BrushRules(longest_px=300))) == 3


def test_strokes_keep_off_what_would_be_harmed():
    wanted, safe = np.zeros((60, 60), bool), np.ones((60, 60), bool)
    wanted[10:50, 10:30] = True
    safe[:, 31:] = False
    done = painted(plan_strokes(wanted, safe, BrushRules(slack_px=0.0)), wanted.shape)
    assert not (done & ~safe).any()
    assert plan_strokes(np.zeros((9, 9), bool), np.ones((9, 9), bool), BrushRules()) == []


def test_middle_lines_are_walked_from_end_to_end():
    mask = np.zeros((50, 50), bool)
    mask[10:15, 5:45] = True
    mask[10:45, 40:45] = True
    line = center_lines(mask)[0]
    steps = np.abs(np.diff(np.asarray(line), axis=0)).max(axis=1)
    assert steps.max() == 1  # no leap
    assert len(line) > 55
    assert center_lines(np.zeros((5, 5), bool)) == []
