"""Rows made in a thread of their own, a few ahead of who uses them."""

from __future__ import annotations

import queue
import threading
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable

T = TypeVar("T")

DEPTH = 4
_WAIT_S = 0.1


def ahead(parts: Iterable[T], depth: int = DEPTH) -> Generator[T, None, None]:
    """*parts* in their order, up to *depth* of them made while the one before is used.

    What their making raises is raised here. When the iterator is closed early its thread ends after the part at hand.
    """
    made: queue.Queue[tuple[T | None, BaseException | None]] = queue.Queue(depth)
    is_over = threading.Event()

    def hand_over(part: T | None, error: BaseException | None) -> bool:
        while not is_over.is_set():
            try:
                made.put((part, error), timeout=_WAIT_S)
                return True
            except queue.Full:
                continue
        return False

    def work() -> None:
        try:
            for part in parts:
                if not hand_over(part, None):
                    return
        except BaseException as error:  # noqa: BLE001 - carried to who waits for the parts
            hand_over(None, error)
        else:
            hand_over(None, None)

    thread = threading.Thread(target=work, name="rows-ahead", daemon=True)
    thread.start()
    try:
        while True:
            part, error = made.get()
            if error is not None:
                raise error
            if part is None:
                return
            yield part
    finally:
        is_over.set()
        thread.join()
