"""Splits: readable, complete, the same for a seed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segstudio.core.errors import UserError
from segstudio.core.splits import assign_splits, parse_split

FRACTIONS = {"train": 0.7, "val": 0.15, "test": 0.15}


def test_the_text_of_the_command_line():
    assert parse_split("train=.7, val=.15,test=.15") == FRACTIONS


@pytest.mark.parametrize(
    "text", ["", "train", "train=x", "train=.5,val=.4", "train=.5,train=.5", "../x=1", "a=nan", "a=2,b=-1"]
)
def test_what_cannot_be_read_is_one_sentence(text):
    with pytest.raises(UserError, match=r"train=\.7"):
        parse_split(text)


@given(st.sets(st.text(min_size=1), max_size=60), st.integers())
def test_every_name_has_one_split_and_the_order_does_not_matter(names, seed):
    found = assign_splits(names, FRACTIONS, seed)
    assert set(found) == names
    assert found == assign_splits(sorted(names, reverse=True), FRACTIONS, seed)
    if len(names) >= 3:
        assert set(found.values()) == {"train", "val", "test"}
    for split, fraction in FRACTIONS.items():
        assert abs(sum(value == split for value in found.values()) - fraction * len(names)) <= 2


def test_another_seed_gives_another_split():
    names = [str(index) for index in range(40)]
    assert assign_splits(names, FRACTIONS, 1) != assign_splits(names, FRACTIONS, 2)


def test_a_fraction_of_nothing_gets_nothing():
    assert set(assign_splits("abcdef", {"train": 1.0, "test": 0.0}).values()) == {"train"}
