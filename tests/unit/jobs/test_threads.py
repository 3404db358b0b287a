"""The worker threads of the window: signals in the GUI thread, bounded ends, nothing left behind."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time

import pytest
from PySide6.QtCore import QObject, QThread, QTimer
from PySide6.QtWidgets import QApplication

from segstudio.gui.threads import MAX_IN_FLIGHT, ChildThread, ModelThread, TaskThread, TrainingThread
from segstudio.jobs.protocol import Progress, StageChanged


class Recorder(QObject):
    """Everything a thread says, with the thread it was said in."""

    def __init__(self, thread: ChildThread) -> None:
        super().__init__()
        self.messages: list[object] = []
        self.results: list[object] = []
        self.failures: list[tuple[str, str]] = []
        self.cancels = 0
        self.threads: set[QThread] = set()
        thread.message_received.connect(self._on_message)
        thread.finished_job.connect(self._on_result)
        thread.failed.connect(self._on_failed)
        thread.cancelled.connect(self._on_cancelled)

    @property
    def ends(self) -> int:
        return len(self.results) + len(self.failures) + self.cancels

    def texts(self) -> list[str]:
        return [m.text for m in self.messages if isinstance(m, StageChanged)]

    def _on_message(self, message: object) -> None:
        self.threads.add(QThread.currentThread())
        self.messages.append(message)

    def _on_result(self, result: object) -> None:
        self.threads.add(QThread.currentThread())
        self.results.append(result)

    def _on_failed(self, sentence: str, details: str) -> None:
        self.threads.add(QThread.currentThread())
        self.failures.append((sentence, details))

    def _on_cancelled(self) -> None:
        self.threads.add(QThread.currentThread())
        self.cancels += 1


@pytest.fixture
def make(qtbot):
    """Makes a thread of a fake host and its recorder; both are ended with the test."""
    made = []

    def build(name, *, is_kept=True, grace_s=5.0):
        class Fake(ChildThread):
            child_name = "worker"
            target = f"fakes:{name}"
            is_child_kept = is_kept
            cancel_grace_s = grace_s

        made.append(Fake())
        return made[-1], Recorder(made[-1])

    yield build
    for thread in made:
        thread.shut_down()
        assert not thread.isRunning()
        thread.deleteLater()


def until(qtbot, condition, limit_ms=20_000):
    qtbot.waitUntil(lambda: bool(condition()), timeout=limit_ms)


def test_everything_is_said_in_the_gui_thread(qtbot, make):
    thread, heard = make("echo")
    thread.submit("hello")
    until(qtbot, lambda: heard.results)
    assert heard.texts() == ["hello"] and heard.results == ["hello"]
    assert heard.threads == {QApplication.instance().thread()}


def test_no_thread_runs_before_the_first_job(make):
    thread, _ = make("echo")
    assert not thread.isRunning() and not multiprocessing.active_children()


def test_child_is_kept_or_ended_as_the_thread_says(qtbot, make):
    kept, heard_kept = make("modules", is_kept=True)
    kept.submit(())
    until(qtbot, lambda: heard_kept.results)
    assert len(multiprocessing.active_children()) == 1
    single, heard = make("modules", is_kept=False)
    single.submit(())
    until(qtbot, lambda: heard.results)
    pid = heard.results[0]["pid"]
    until(qtbot, lambda: pid not in {p.pid for p in multiprocessing.active_children()})
    kept.submit(())
    until(qtbot, lambda: len(heard_kept.results) == 2)
    assert heard_kept.results[0] == heard_kept.results[1]


def test_cancel_ends_this_job_only(qtbot, make):
    thread, heard = make("heeds")
    thread.submit(1)
    until(qtbot, lambda: heard.messages)
    began = time.monotonic()
    thread.cancel()
    until(qtbot, lambda: heard.cancels == 1)
    assert time.monotonic() - began < 1.0
    thread.submit(2)
    until(qtbot, lambda: len(heard.messages) == 2)
    assert heard.cancels == 1


def test_cancel_with_nothing_to_do_says_nothing(qtbot, make):
    thread, heard = make("echo")
    thread.cancel()
    thread.submit(5)
    until(qtbot, lambda: heard.results)
    assert heard.cancels == 0 and heard.ends == 1


def test_new_job_supersedes_the_old_and_each_ends_once(qtbot, make):
    thread, heard = make("heeds")
    for number in range(4):
        thread.submit(number)
    until(qtbot, lambda: heard.cancels == 3 and heard.messages)
    thread.cancel()
    until(qtbot, lambda: heard.cancels == 4)
    assert heard.ends == 4


def test_cancelled_trainer_keeps_its_result(qtbot, make):
    thread, heard = make("keeps", is_kept=False)
    thread.submit(None)
    until(qtbot, lambda: heard.messages)
    thread.cancel()
    until(qtbot, lambda: heard.ends)
    assert heard.results == ["kept"] and heard.cancels == 0


def test_pause_reaches_the_child(qtbot, make):
    thread, heard = make("waits")
    thread.submit(None)
    until(qtbot, lambda: "at work" in heard.texts())
    thread.set_paused(True)
    until(qtbot, lambda: "paused" in heard.texts())
    thread.set_paused(False)
    until(qtbot, lambda: "going on" in heard.texts())
    thread.cancel()
    until(qtbot, lambda: heard.results)


@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_death_of_the_child_is_one_failure_and_the_next_job_works(qtbot, make):
    thread, heard = make("shot")
    thread.submit(signal.SIGKILL)
    until(qtbot, lambda: heard.failures)
    sentence, details = heard.failures[0]
    assert sentence.startswith("The worker died (signal 9)") and "last words" in details
    thread.submit(signal.SIGABRT)
    until(qtbot, lambda: len(heard.failures) == 2)
    assert heard.ends == 2


def test_job_that_cannot_be_pickled_is_a_failure_and_the_thread_lives(qtbot, make):
    thread, heard = make("echo")
    thread.submit(lambda: None)
    until(qtbot, lambda: heard.failures)
    assert "cannot be given this job" in heard.failures[0][0]
    thread.submit(1)
    until(qtbot, lambda: heard.results == [1])


def test_flood_comes_whole_and_leaves_the_event_loop_its_turns(qtbot, make):
    thread, heard = make("flood")
    ticks = []
    timer = QTimer(interval=1)
    most = []

    def tick():
        ticks.append(time.perf_counter())
        most.append(thread._in_flight)

    timer.timeout.connect(tick)
    thread.submit(4000)
    until(qtbot, lambda: heard.messages)
    timer.start()
    ticks.clear()
    until(qtbot, lambda: heard.results)
    timer.stop()
    assert [m.done for m in heard.messages if isinstance(m, Progress)] == list(range(4000))
    assert max(most) <= MAX_IN_FLIGHT
    assert len(ticks) > 20, "timers starved while the flood ran"


def test_listener_that_raises_does_not_stop_the_stream(qtbot, make):
    thread, heard = make("flood")
    failures = []

    def stumble(message):
        if not failures:
            failures.append(message)
            raise ValueError("a listener stumbled")

    thread.message_received.connect(stumble)
    with qtbot.captureExceptions() as caught:
        thread.submit(20)
        until(qtbot, lambda: heard.results)
    assert len(caught) == 1 and len(heard.messages) == 20


@pytest.mark.parametrize("name", ["pours", "heeds", "waits"])
def test_shut_down_in_the_middle_is_bounded_and_silent(qtbot, make, name):
    thread, heard = make(name)
    thread.submit(None)
    until(qtbot, lambda: heard.messages)
    began = time.monotonic()
    thread.shut_down()
    assert time.monotonic() - began < 5.0
    said = heard.ends, len(heard.messages)
    QApplication.processEvents()
    assert (heard.ends, len(heard.messages)) == said
    assert not thread.isRunning() and not multiprocessing.active_children()
    thread.shut_down()
    thread.submit(None)
    assert not thread.isRunning()


@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_shut_down_kills_a_child_that_was_stopped_in_a_message(qtbot, make, monkeypatch):
    monkeypatch.setattr("segstudio.gui.threads.SHUT_DOWN_MS", 1000)
    thread, heard = make("pours")
    thread.submit(None)
    until(qtbot, lambda: heard.messages)
    os.kill(multiprocessing.active_children()[0].pid, signal.SIGSTOP)
    began = time.monotonic()
    thread.shut_down()
    assert time.monotonic() - began < 6.0
    assert not multiprocessing.active_children()


def test_retire_does_not_wait_and_leaves_nothing(qtbot):
    class Fake(ChildThread):
        target = "fakes:heeds"

    thread = Fake()
    heard = Recorder(thread)
    thread.submit(None)
    until(qtbot, lambda: heard.messages)
    gone = []
    thread.destroyed.connect(lambda: gone.append(True))
    began = time.monotonic()
    thread.retire()
    assert time.monotonic() - began < 0.05
    until(qtbot, lambda: gone)
    assert not multiprocessing.active_children() and heard.ends == 0


def test_retire_before_any_job(qtbot):
    thread = ModelThread()
    gone = []
    thread.destroyed.connect(lambda: gone.append(True))
    thread.retire()
    until(qtbot, lambda: gone)


def test_threads_of_the_window_name_hosts_that_exist():
    import importlib

    before = threading.active_count()
    for kind in (ModelThread, TrainingThread, TaskThread):
        module, name = kind.target.split(":")
        assert callable(getattr(importlib.import_module(module), name))
    assert TrainingThread.cancel_grace_s > ModelThread.cancel_grace_s
    assert threading.active_count() == before
