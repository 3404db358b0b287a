"""Children under supervision: what they say, how they end, and what is said of their death."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time

import fakes
import numpy as np
import pytest
from jobs_help import to_end, until_text

from segstudio.jobs.protocol import Failed, Finished, Progress, StageChanged, WasCancelled, WindowReady
from segstudio.jobs.supervisor import FOLDER_PREFIX, death_sentence, sweep_left_folders


def test_job_runs_in_another_process_and_ends_with_its_result(child):
    worker = child("echo")
    number = worker.submit({"x": 1})
    messages = to_end(worker)
    assert messages == [StageChanged(job=number, text="{'x': 1}"), Finished(job=number, result={"x": 1})]
    assert not worker.is_busy and worker.is_alive


def test_log_folders_of_dead_programs_are_swept_and_those_of_the_living_kept(tmp_path):
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    names = {
        "dead": f"{FOLDER_PREFIX}{dead.pid}-a",
        "own": f"{FOLDER_PREFIX}{os.getpid()}-b",
        "other": f"{FOLDER_PREFIX}x-c",
    }
    for name in names.values():
        (tmp_path / name).mkdir()
        (tmp_path / name / "trainer.log").write_text("x")
    sweep_left_folders(tmp_path)
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted([names["own"], names["other"]])


def test_child_serves_job_after_job_without_a_new_start(child):
    worker = child("modules")
    worker.submit(())
    first = to_end(worker)[-1].result["pid"]
    worker.submit(())
    assert to_end(worker)[-1].result["pid"] == first == worker.pid != os.getpid()


def test_child_imports_no_qt_and_no_torch(child):
    import PySide6  # noqa: F401 - the parent has it, so a forked child would, too

    worker = child("modules")
    worker.submit(("PySide6", "PySide6.QtCore", "torch", "segstudio.gui", "segstudio.jobs.child"))
    assert to_end(worker)[-1].result["loaded"] == ["segstudio.jobs.child"]


def test_second_job_at_once_is_refused(child):
    worker = child("heeds")
    worker.submit(None)
    with pytest.raises(RuntimeError, match="busy"):
        worker.submit(None)


def test_cancel_by_flag_keeps_the_child(child):
    worker = child("heeds")
    worker.submit(None)
    until_text(worker, "at work")
    pid = worker.pid
    began = time.monotonic()
    worker.cancel()
    assert isinstance(to_end(worker)[-1], WasCancelled)
    assert time.monotonic() - began < 1.0
    assert worker.is_alive and worker.pid == pid


def test_next_job_does_not_inherit_the_cancel_flag(child):
    worker = child("waits")
    worker.submit(None)
    until_text(worker, "at work")
    worker.cancel()
    to_end(worker)
    worker.submit(None)
    until_text(worker, "at work")
    assert worker.poll(0.1) == [] and worker.is_busy


def test_deaf_child_is_terminated_after_the_grace(child):
    worker = child("deaf", cancel_grace_s=0.3)
    worker.submit(None)
    until_text(worker, "at work")
    began = time.monotonic()
    worker.cancel()
    assert isinstance(to_end(worker)[-1], WasCancelled)
    assert 0.3 <= time.monotonic() - began < 2.0
    assert not worker.is_alive


@pytest.mark.skipif(os.name != "posix", reason="Windows has no signal to ignore")
def test_stone_deaf_child_is_killed(child):
    worker = child("stone_deaf", cancel_grace_s=0.2)
    worker.submit(None)
    until_text(worker, "at work")
    began = time.monotonic()
    worker.cancel()
    assert isinstance(to_end(worker)[-1], WasCancelled)
    assert 2.0 <= time.monotonic() - began < 5.0


def test_without_cancel_nothing_is_terminated(child):
    """The control of the two above: the grace counts from the cancel alone."""
    worker = child("deaf", cancel_grace_s=0.0)
    worker.submit(None)
    until_text(worker, "at work")
    for _ in range(5):
        assert worker.poll(0.1) == []
    assert worker.is_alive


def test_cancel_may_keep_a_result(child):
    worker = child("keeps")
    worker.submit(None)
    until_text(worker, "at work")
    worker.cancel()
    assert to_end(worker)[-1].result == "kept"


@pytest.mark.skipif(os.name != "posix", reason="signals")
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGABRT])
def test_death_by_signal_is_told_with_the_end_of_the_log(child, number):
    worker = child("shot")
    worker.submit(number)
    end = to_end(worker)[-1]
    assert isinstance(end, Failed)
    assert end.sentence.startswith(f"The worker died (signal {int(number)})")
    assert "last words on stdout" in end.details and "last words on stderr" in end.details


@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_segmentation_fault_leaves_its_stack_in_the_details(child):
    worker = child("crashes")
    worker.submit(None)
    end = to_end(worker)[-1]
    assert "died (signal 11)" in end.sentence and "string_at" in end.details


def test_exit_without_a_word_is_told(child):
    worker = child("leaves")
    worker.submit(3)
    assert "died (exit code 3)" in to_end(worker)[-1].sentence


def test_after_a_death_the_next_job_starts_a_new_child(child):
    worker = child("leaves")
    worker.submit(3)
    to_end(worker)
    assert not worker.is_alive
    worker.submit(4)
    assert "exit code 4" in to_end(worker)[-1].sentence


def test_idle_child_that_dies_is_replaced_in_silence(child):
    worker = child("modules")
    worker.submit(())
    pid = to_end(worker)[-1].result["pid"]
    os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + 10
    while worker.is_alive and time.monotonic() < deadline:
        assert worker.poll(0.1) == []
    worker.submit(())
    assert to_end(worker)[-1].result["pid"] != pid


def test_user_error_comes_as_its_sentence_alone(child):
    worker = child("refuses")
    worker.submit(None)
    end = to_end(worker)[-1]
    assert end.is_user_error and "a.png" in end.sentence and "Choose another" in end.sentence and end.details == ""


def test_bug_comes_as_one_line_with_its_traceback_behind(child):
    worker = child("breaks")
    worker.submit(None)
    end = to_end(worker)[-1]
    assert end.sentence == "It failed unexpectedly (ValueError: seven is not a colour)."
    assert "fakes.py" in end.details and not end.is_user_error


def test_want_of_memory_names_a_remedy(child):
    worker = child("out_of_memory")
    worker.submit(None)
    assert "smaller tiles" in to_end(worker)[-1].sentence


def test_result_that_cannot_be_pickled_is_a_failure_not_a_death(child):
    worker = child("unpicklable")
    worker.submit(None)
    end = to_end(worker)[-1]
    assert isinstance(end, Failed) and "handed over" in end.sentence
    assert worker.is_alive


def test_spec_that_cannot_be_pickled_leaves_the_child_free(child):
    worker = child("echo")
    with pytest.raises(Exception, match="pickle|local"):
        worker.submit(lambda: None)
    assert not worker.is_busy
    worker.submit(1)
    assert to_end(worker)[-1].result == 1


def test_message_that_cannot_be_read_ends_the_job_with_a_word(child):
    worker = child("poisons")
    worker.submit(None)
    messages = to_end(worker)
    assert messages[0].text == "before"
    assert isinstance(messages[-1], Failed) and "cannot be read" in messages[-1].sentence
    assert not worker.is_alive


def test_missing_host_is_a_failure_with_a_name():
    from segstudio.jobs.supervisor import ChildProcess

    worker = ChildProcess("worker", "fakes:nowhere")
    try:
        worker.submit(None)
        assert "nowhere" in to_end(worker)[-1].sentence
    finally:
        worker.shut_down()


def test_flood_comes_whole_and_in_order_a_few_at_a_time(child):
    worker = child("flood")
    worker.submit(5000)
    done, largest = [], 0
    while worker.is_busy:
        messages = worker.poll(1.0, 50)
        largest = max(largest, len(messages))
        done += [m.done for m in messages if isinstance(m, Progress)]
    assert done == list(range(5000)) and largest <= 50


def test_progress_sink_is_thinned_out_but_tells_the_end(child):
    worker = child("reports")
    worker.submit(200_000)
    messages = [m for m in to_end(worker) if isinstance(m, Progress)]
    assert len(messages) < 200
    assert messages[-1].done == messages[-1].total == 200_000


def test_big_message_and_big_spec(child):
    worker = child("big")
    worker.submit(40_000_000)
    messages = to_end(worker)
    assert isinstance(messages[0], WindowReady)
    assert np.array_equal(messages[0].result, np.arange(40_000_000, dtype=np.uint8))
    assert messages[-1].result.sum(dtype=np.int64) == 7 * 40_000_000
    scale = child("weighs")
    scale.submit(fakes.Parcel(b"x" * 5_000_000))
    assert to_end(scale)[-1].result == 5_000_000


def test_message_of_an_earlier_job_is_dropped(child):
    worker = child("late")
    worker.submit(None)
    to_end(worker)
    worker.submit(None)
    assert [m.text for m in to_end(worker)[:-1]] == ["fresh"]


def test_pause_holds_and_goes_on(child):
    worker = child("waits")
    worker.submit(None)
    until_text(worker, "at work")
    worker.set_paused(True)
    until_text(worker, "paused")
    worker.set_paused(False)
    until_text(worker, "going on")
    worker.cancel()
    assert to_end(worker)[-1].result > 0


@pytest.mark.parametrize("name", ["pours", "heeds", "deaf"])
def test_shut_down_is_bounded_whatever_the_child_does(child, name):
    worker = child(name)
    worker.submit(None)
    worker.poll(20.0, 1)
    began = time.monotonic()
    worker.shut_down(timeout_s=1.0)
    assert time.monotonic() - began < 4.0
    assert not worker.is_alive
    worker.shut_down()


def test_kill_from_another_thread_frees_a_read_that_hangs(child):
    """A child stopped in the middle of a message: the reader hangs until the child is dead."""
    worker = child("pours")
    worker.submit(None)
    worker.poll(20.0, 1)
    os.kill(worker.pid, signal.SIGSTOP)
    timer = threading.Timer(0.5, worker.kill)
    timer.start()
    try:
        assert isinstance(to_end(worker, 10.0)[-1], Failed)
    finally:
        timer.join()


def test_log_and_its_folder_go_with_the_child(child):
    worker = child("echo")
    worker.submit(1)
    to_end(worker)
    folder = worker._log.parent
    assert folder.is_dir()
    worker.shut_down()
    assert not folder.exists()


@pytest.mark.parametrize(
    ("code", "part"),
    [(-9, "memory ran out"), (-11, "(signal 11)"), (1, "(exit code 1)"), (None, "Try again")],
)
def test_death_sentences_name_a_remedy(code, part):
    sentence = death_sentence("trainer", code)
    assert sentence.startswith("The trainer died") and part in sentence and sentence.endswith(".")


def test_what_has_neither_batch_nor_tiles_is_not_told_to_make_them_smaller():
    for name in ("click model", "learner"):
        sentence = death_sentence(name, -9)
        assert "memory ran out: close other programs" in sentence and "batch" not in sentence
        assert sentence.count(".") == 1
    assert "smaller batch" in death_sentence("trainer", -9)
