"""What was looked at: cells seen long enough, their share, and how it is kept."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segstudio.core.geometry import Rect
from segstudio.core.looked import LookMap, cell_px_of


def test_cells_count_once_they_were_shown_long_enough_altogether() -> None:
    found = LookMap(400, 300)
    assert not found.look(Rect(0, 0, 200, 300), 0, 0.6, 1.0) and found.share() == 0
    assert found.look(Rect(0, 0, 400, 150), 0, 0.5, 1.0)  # the upper left quarter now has 1.1 s
    seen = np.repeat(np.repeat(found.seen(), 16, 0), 16, 1)[:300, :400]
    assert seen[:140, :190].all() and not seen[160:].any() and not seen[:, 210:].any()
    assert found.share() == pytest.approx(seen.mean(), abs=1e-6) and 0.2 < found.share() < 0.3
    revision = found.revision
    assert not found.look(Rect(0, 0, 100, 100), 0, 5, 1.0) and found.revision == revision


def test_outside_and_unknown_planes_change_nothing() -> None:
    found = LookMap(100, 80, 3)
    for rect, z in (
        (Rect(-500, 0, 100, 80), 0),
        (Rect(200, 0, 50, 50), 0),
        (Rect(0, 0, 100, 80), 3),
        (Rect(2, 2, 3, 3), 1),
    ):
        assert not found.look(rect, z, 9, 1)
    assert found.share() == 0 and found.look(Rect(0, 0, 100, 80), 1, 2, 1)
    assert found.share(1) == 1 and found.share() == pytest.approx(1 / 3) and found.next_plane_with_unseen(0) == 2
    assert found.nearest_unseen(0, 0, 1).is_empty and found.nearest_unseen(99, 79, 2) == Rect(96, 64, 4, 16)


@settings(max_examples=50, deadline=None)
@given(
    st.integers(1, 900), st.integers(1, 700), st.integers(1, 4),
    st.lists(st.tuples(st.integers(0, 900), st.integers(0, 700), st.integers(1, 900), st.integers(0, 4)), max_size=6),
)  # fmt: skip
def test_what_is_kept_comes_back(width: int, height: int, depth: int, looks: list[tuple[int, int, int, int]]) -> None:
    found = LookMap(width, height, depth)
    for x, y, side, z in looks:
        found.look(Rect(x, y, side, side), z, 2.0, 1.0)
    value, data = found.to_fact()
    again = LookMap.from_fact(width, height, depth, value, data)
    for z in range(depth):
        assert np.array_equal(again.seen(z), found.seen(z))
    assert again.share() == found.share() and 0 <= found.share() <= 1
    assert LookMap.from_fact(width + 16, height, depth, value, data).share() == 0


@pytest.mark.parametrize("data", [b"", b"xx", b"x\x9c\x03\x00\x00\x00\x00\x01"])
def test_a_damaged_record_is_an_empty_one(data: bytes) -> None:
    found = LookMap(64, 64)
    found.look(Rect(0, 0, 64, 64), 0, 2, 1)
    value, _ = found.to_fact()
    assert LookMap.from_fact(64, 64, 1, value, data).share() == 0
    assert LookMap.from_fact(64, 64, 1, {**value, "planes": [5]}, found.to_fact()[1]).share() == 0
    assert LookMap.from_fact(64, 64, 1, None, b"").share() == 0


def test_the_grid_of_large_images_stays_small() -> None:
    assert cell_px_of(400, 300) == 16 and cell_px_of(40_000, 20_000) == 128
    found = LookMap(40_000, 40_000)
    assert found.seen().shape == (313, 313)
