"""Progress reports of long work, with the time left."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

ProgressSink = Callable[[float, float, str], None]
"""Called with (done, total, what), in any unit; total 0 = unknown."""


def no_progress(done: float, total: float, what: str) -> None:
    """Swallow every report."""


@dataclass
class Eta:
    """Time left of a job, from the mean rate so far."""

    started_s: float = field(default_factory=time.monotonic)

    def seconds_left(self, done: float, total: float) -> float | None:
        """Seconds until *total* at the mean rate so far; None while nothing can be said."""
        if done <= 0 or total <= 0:
            return None
        elapsed = time.monotonic() - self.started_s
        return max(0.0, elapsed * (total - done) / done)
