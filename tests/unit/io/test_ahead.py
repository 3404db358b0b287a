"""Rows made ahead: order, failures, and an end before the end."""

from __future__ import annotations

import threading
from contextlib import closing

import pytest

from segstudio.io.readers.ahead import ahead


def names() -> set[str]:
    return {thread.name for thread in threading.enumerate()}


def test_parts_come_in_order_from_another_thread():
    made_in = []

    def parts():
        for number in range(20):
            made_in.append(threading.current_thread().name)
            yield number

    assert list(ahead(parts())) == list(range(20)) and set(made_in) == {"rows-ahead"}
    assert "rows-ahead" not in names()


def test_what_making_them_raises_is_raised_here():
    def parts():
        yield 1
        raise ValueError("damaged")

    with pytest.raises(ValueError, match="damaged"):
        list(ahead(parts()))
    assert "rows-ahead" not in names()


def test_no_more_than_a_few_are_made_and_leaving_early_ends_the_thread():
    made = []

    def parts():
        for number in range(1000):
            made.append(number)
            yield number

    with closing(ahead(parts(), depth=2)) as rows:
        assert next(rows) == 0
    assert len(made) <= 5 and "rows-ahead" not in names()
