"""What the tests of jobs share."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Iterator

import pytest

from segstudio.jobs.supervisor import ChildProcess

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")


@pytest.fixture(autouse=True)
def _no_child_is_left() -> Iterator[None]:
    """A process that outlives its test fails it."""
    before = set(multiprocessing.active_children())
    yield
    left = set(multiprocessing.active_children()) - before
    for process in left:
        process.kill()
    assert not left


@pytest.fixture
def child() -> Iterator[Callable[..., ChildProcess]]:
    """Makes children of a fake host; all are ended with the test."""
    made: list[ChildProcess] = []

    def make(name: str, **more: object) -> ChildProcess:
        made.append(ChildProcess("worker", f"fakes:{name}", **more))
        return made[-1]

    yield make
    for one in made:
        one.shut_down()
