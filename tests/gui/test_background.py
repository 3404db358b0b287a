"""Work in another thread answers in the window's."""

from __future__ import annotations

import threading

from PySide6.QtCore import QObject

from segstudio.gui.background import Background


def test_done_runs_in_the_window_thread_after_the_work(qtbot) -> None:  # type: ignore[no-untyped-def]
    parent = QObject()
    background = Background(parent)
    order: list[tuple[str, bool]] = []
    main = threading.current_thread()

    def note(what: str) -> None:
        order.append((what, threading.current_thread() is main))

    background.run(lambda: note("work"), lambda: note("done"))
    qtbot.waitUntil(lambda: len(order) == 2, timeout=5000)
    background.shut_down()
    assert order == [("work", False), ("done", True)]


def test_a_failure_is_raised_in_the_window_and_done_still_runs(qtbot) -> None:  # type: ignore[no-untyped-def]
    parent = QObject()
    background = Background(parent)
    done: list[int] = []
    with qtbot.captureExceptions() as caught:
        background.run(lambda: 1 // 0, lambda: done.append(1))  # type: ignore[arg-type, return-value]
        qtbot.waitUntil(lambda: bool(caught), timeout=5000)
    background.shut_down()
    assert done == [1] and caught[0][0] is ZeroDivisionError
