"""Leaks between splits: the same picture, the same place on the map; and what is none."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from segstudio.core.errors import UserError
from segstudio.core.geometry import Rect
from segstudio.core.leaks import Footprint, SplitFile, clipped, find_leak


def part(name, split, *, key="k", content=None, window=None, z=0, footprint=None):
    def asked():
        assert content is not None, f"{name} was read, which was not needed"
        return content

    return SplitFile(name, Path(name), split, ((key, asked),), window, z, footprint)


def square(x, y, side=100.0, crs="EPSG:32633", turn=0.0, pixel=1.0):
    cos, sin = math.cos(turn), math.sin(turn)
    corners = [(0, 0), (side, 0), (side, -side), (0, -side)]
    return Footprint(crs, tuple((x + u * cos - v * sin, y + u * sin + v * cos) for u, v in corners), pixel)


def test_the_same_content_in_two_splits_is_found_and_both_are_named():
    files = [part("a", "train", content=1), part("b", "train", content=2), part("c", "val", content=2)]
    leak = find_leak(files)
    assert {leak.one.name, leak.other.name} == {"b", "c"}
    with pytest.raises(UserError, match=r"b \(train\) and c \(val.*are the same picture"):
        raise leak.error()


def test_only_files_that_are_alike_are_read():
    files = [part("a", "train", key=1), part("b", "train", key=2), part("c", "train", key=2), part("d", "val", key=3)]
    assert find_leak(files) is None
    assert find_leak([part("a", "train", content=1), part("b", "val", content=2)]) is None


def test_parts_of_one_file_are_no_leak_unless_they_overlap():
    left, right = Rect(0, 0, 50, 100), Rect(50, 0, 50, 100)
    assert find_leak([part("a", "train", window=left), part("a", "val", window=right)]) is None
    assert find_leak([part("a", "train", window=left), part("a", "val", window=Rect(49, 0, 50, 100))]) is not None
    assert find_leak([part("a", "train"), part("a", "val", window=right)]) is not None
    assert find_leak([part("a", "train", z=0), part("a", "val", z=1)]) is None


def test_a_copy_of_a_file_that_is_in_two_splits_is_a_leak_too():
    left, right = Rect(0, 0, 50, 100), Rect(50, 0, 50, 100)
    files = [
        part("a", "train", window=left, content=7),
        part("a", "val", window=right, content=7),
        part("copy", "train", content=7),
    ]
    leak = find_leak(files)
    assert {leak.one.split, leak.other.split} == {"train", "val"}
    assert {leak.one.name, leak.other.name} == {"a", "copy"}


@pytest.mark.parametrize(
    ("other", "is_leak"),
    [
        (square(50, 0), True),
        (square(99, 0), False),  # a pixel's border, as neighbouring sheets have it
        (square(90, 0), True),
        (square(100, 0), False),
        (square(500, 0), False),
        (square(50, 0, crs="EPSG:32634"), False),
        (square(50, 20, turn=0.6), True),
        (square(40, 40, side=10), False),
        (square(40, -40, side=10), True),
    ],
)
def test_places_on_the_map(other, is_leak):
    one = part("a", "train", key=1, footprint=square(0, 0))
    found = find_leak([one, part("b", "val", key=2, footprint=other)])
    assert (found is not None) == is_leak
    assert find_leak([one, part("c", "train", key=3, footprint=other)]) is None
    if is_leak:
        assert "show the same place" in str(found.error())


def test_the_common_part_of_two_polygons():
    whole = [(0.0, 0.0), (2.0, 0.0), (2.0, 2.0), (0.0, 2.0)]
    for by in (whole, whole[::-1]):
        assert sorted(clipped([(1.0, 1.0), (3.0, 1.0), (3.0, 3.0), (1.0, 3.0)], by)) == [
            (1.0, 1.0),
            (1.0, 2.0),
            (2.0, 1.0),
            (2.0, 2.0),
        ]
    assert clipped([(5.0, 5.0), (6.0, 5.0), (6.0, 6.0)], whole) == []
