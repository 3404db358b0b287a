"""Background threads are less urgent than the window's."""

from __future__ import annotations

import os
import sys
import threading

import pytest

from segstudio.core import threads


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="threads have a niceness of their own on Linux")
def test_only_the_calling_thread_and_what_it_starts_become_less_urgent():
    found = []

    def niceness():
        found.append(os.getpriority(os.PRIO_PROCESS, threading.get_native_id()))

    def work():
        threads.yield_cores()
        niceness()
        child = threading.Thread(target=niceness)
        child.start()
        child.join()

    niceness()
    worker = threading.Thread(target=work)
    worker.start()
    worker.join()
    niceness()
    own, yielding, child, after = found
    assert own == after and yielding == child == max(threads.NICENESS, own)
