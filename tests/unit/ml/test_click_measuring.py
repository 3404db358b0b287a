"""How clicks are counted: the measuring itself, and that the classic methods are fair opponents."""

from __future__ import annotations

import dataclasses
import json
import sys

import numpy as np
import pytest
from shared_data import ROOT

BENCHMARKS = ROOT / "tests" / "benchmarks"
OWN = ("bench_clicks", "click_cases", "click_methods", "click_scribbles", "document")


@pytest.fixture(scope="module")
def bench():
    before = list(sys.path)
    sys.path.insert(0, str(BENCHMARKS))
    import bench_clicks

    yield bench_clicks
    sys.path[:] = before
    for name in OWN:
        sys.modules.pop(name, None)


@pytest.fixture(scope="module")
def disc(bench):
    """A bright disc on dark ground, with a little noise."""
    rows, columns = np.mgrid[:96, :128]
    truth = (rows - 40) ** 2 + (columns - 60) ** 2 <= 22**2
    noise = np.random.default_rng(0).normal(0, 4, (96, 128, 3))
    rgb = np.clip(np.where(truth[..., None], (200, 170, 90), (40, 60, 70)) + noise, 0, 255).astype(np.uint8)
    return bench.Case("made", "disc", rgb, truth, np.ones(truth.shape, np.bool_))


@pytest.mark.parametrize("method", ["flood fill", "geodesic", "GrabCut", "random walker"])
def test_a_classic_method_finds_a_plain_thing(bench, disc, method):
    curve = bench.curve_of(disc, method, bench.Numbers(), "")
    assert curve.clicks_to(0.9) <= 3
    assert len(curve.ious) == len(curve.seconds) == curve.clicks_to(0.9)


@pytest.mark.parametrize("method", ["flood fill", "geodesic", "GrabCut", "random walker"])
def test_a_click_holds_whatever_a_method_found(bench, disc, method):
    answers = bench.METHODS[method](disc.rgb, bench.Numbers())
    inside, beside = bench.Click(60, 40, True), bench.Click(70, 40, False)
    answers([inside])
    found = answers([inside, beside])
    assert found[40, 60] and not found[40, 70]
    assert found.shape == disc.truth.shape and found.dtype == np.bool_


def test_what_is_not_known_counts_neither_way(bench, disc):
    known = disc.truth.copy()
    everything = dataclasses.replace(disc, known=known)
    curve = bench.curve_of(everything, "flood fill", bench.Numbers(flood_tolerance=500.0), "")
    assert curve.ious[0] == 1.0


def test_clicks_are_counted_to_the_level_and_to_twenty_where_it_was_not_reached(bench):
    curve = bench.Curve("a", "", "s", "n", (0.5, 0.86, 0.84, 0.91), (1.0,) * 4)
    assert [curve.clicks_to(level) for level in (0.4, 0.85, 0.9, 0.95)] == [1, 2, 4, 20]
    assert [curve.after(clicks) for clicks in (1, 3, 20)] == [0.5, 0.84, 0.91]
    other = bench.Curve("a", "", "s", "m", (0.99,), (1.0,))
    assert bench.noc([curve, other], 0.85) == 1.5


def test_the_table_tells_the_model_from_the_best_classic_method(bench):
    of = {"model": (0.5, 0.95), "geodesic": (0.1,) * 7 + (0.95,), "GrabCut": (0.2,) * 20}
    curves = [bench.Curve(name, "", "cells", "n", ious, (0.1,) * len(ious)) for name, ious in of.items()]
    (row,) = bench.noc_table(curves)[2:]
    assert row == "| cells (1) | 2.0 / 2.0 (0) | 8.0 / 8.0 (0) | 20.0 / 20.0 (1) | **0.25** / **0.25** |"


def test_a_run_that_was_broken_off_goes_on(bench, disc, tmp_path):
    results = tmp_path / "curves.jsonl"
    first = bench.run([disc], ["flood fill"], bench.Numbers(), 1, results)
    assert len(results.read_text().splitlines()) == 1
    assert bench.run([disc], ["flood fill"], bench.Numbers(), 1, results) == first
    assert len(results.read_text().splitlines()) == 1
    bench.run([disc], ["flood fill"], bench.Numbers(flood_tolerance=30.0), 1, results)
    assert len(results.read_text().splitlines()) == 2, "other numbers are another measurement"


def test_figures_for_the_cards(bench, tmp_path):
    bench.write_metrics([bench.Curve("click-x", "", "cells", "n", (0.5, 0.87), (0.1, 0.1))], tmp_path)
    assert json.loads((tmp_path / "click-x.json").read_text()) == {"noc85_cells": 2.0, "noc90_cells": 20.0}


def test_lines_follow_what_was_drawn(bench):
    from click_scribbles import lines_of

    marks = np.zeros((40, 60), np.bool_)
    marks[20, 5:30] = True
    marks[5:15, 50] = True
    lines = sorted(lines_of(marks), key=len)
    assert [len(line) for line in lines] == [10, 25]
    assert (np.abs(np.diff(lines[1], axis=0)).max(axis=1) == 1).all()
    assert {tuple(lines[1][0]), tuple(lines[1][-1])} == {(5.5, 20.5), (29.5, 20.5)}
