"""Continuous learning in a process of its own: what it sends, how it is stopped, and what a kill leaves."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from jobs_help import to_end

from segstudio.jobs.protocol import Failed, Finished, LearnEvent
from segstudio.jobs.specs import LearnSpec
from segstudio.jobs.supervisor import ChildProcess
from segstudio.ml.continuous import versions
from segstudio.ml.continuous.events import Checked, LearningStarted, LearningStopped
from tests.continuous_help import quick_plan, spotted_project

LIMIT_S = 240.0


@pytest.fixture
def trainer() -> Iterator[ChildProcess]:
    child = ChildProcess("trainer", "segstudio.jobs.continuous_host:serve")
    yield child
    child.shut_down()


def until_accepted(child: ChildProcess) -> list[object]:
    """The events up to the first accepted version."""
    events: list[object] = []
    deadline = time.monotonic() + LIMIT_S
    while time.monotonic() < deadline:
        for message in child.poll(0.2):
            assert not isinstance(message, Failed), message
            if isinstance(message, LearnEvent):
                events.append(message.event)
        if any(isinstance(event, Checked) and event.is_accepted for event in events):
            return events
    raise AssertionError(f"nothing was accepted; so far {events}")


def test_it_learns_until_it_is_stopped_and_a_kill_leaves_whole_versions(tmp_path, trainer):
    project = spotted_project(tmp_path / "p")
    plan = quick_plan(project, max_rounds=0, is_watching=True)
    trainer.submit(LearnSpec(plan))
    events = until_accepted(trainer)
    assert any(isinstance(event, LearningStarted) and event.version == 0 for event in events)
    trainer.cancel()
    end = to_end(trainer, LIMIT_S)[-1]
    assert isinstance(end, Finished) and isinstance(end.result, LearningStopped) and end.result.stopped_by == "user"
    known = versions.current(project)
    assert known is not None

    trainer.submit(LearnSpec(plan))  # the lock of the first is gone, and it goes on where that was
    deadline = time.monotonic() + LIMIT_S
    begun: list[object] = []
    while not begun and time.monotonic() < deadline:
        begun = [
            m.event for m in trainer.poll(0.2) if isinstance(m, LearnEvent) and isinstance(m.event, LearningStarted)
        ]
    assert begun[0].model_id == known.model_id
    trainer.kill()
    end = to_end(trainer, LIMIT_S)[-1]
    assert isinstance(end, Failed) and "died" in end.sentence
    assert known.number in [info.number for info in versions.list_versions(project)]
    # Whoever comes next finds no lock and nothing half written.
    from segstudio.ml.continuous.learner import Learner

    Learner(plan, lambda _: None).close()
    assert not list(versions.versions_folder(project).glob(".segstudio-tmp-*"))
