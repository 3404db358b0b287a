"""What learning says, and how it heeds being paused or stopped. No torch here."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from segstudio.ml.continuous.events import LearnNote, LearnStageChanged

if TYPE_CHECKING:
    from collections.abc import Iterable

    from segstudio.ml.continuous.events import LearnEvent, LearnSink, LearnStage
    from segstudio.ml.train_events import TrainControl

PAUSE_POLL_S = 0.05


class Teller:
    """Sends events to *sink*, each stage and each sentence once, and asks *control* what to do."""

    def __init__(self, sink: LearnSink, control: TrainControl | None = None) -> None:
        self._sink, self._control = sink, control
        self._told: set[str] = set()
        self.stage: LearnStage | None = None

    def say(self, event: LearnEvent) -> None:
        """Send *event*."""
        self._sink(event)

    def enter(self, stage: LearnStage, image_id: int | None = None, text: str = "") -> None:
        """It does something else now; said again only for another image, or with something new to say."""
        if stage != self.stage or image_id is not None or (text and stage != "waiting"):
            self.stage = stage
            self._sink(LearnStageChanged(stage, image_id, text))

    def note(self, *texts: str) -> None:
        """Say each sentence that was not said before."""
        for text in texts:
            if text not in self._told:
                self._told.add(text)
                self._sink(LearnNote(text))

    def notes(self, texts: Iterable[str]) -> None:
        """As :meth:`note`."""
        self.note(*texts)

    def is_set(self) -> bool:
        """Whether to end now."""
        return self._control is not None and self._control.is_set()

    def must_stop(self) -> bool:
        """Whether to end now; waits while it is paused."""
        if self._control is None:
            return False
        before = self.stage
        while self._control.is_paused() and not self._control.is_set():
            self.enter("paused")
            time.sleep(PAUSE_POLL_S)
        if self.stage == "paused" and before is not None and before != "paused":
            self.enter(before)
        return self._control.is_set()

    def sleep(self, seconds: float) -> None:
        """Wait, but not for longer than until it is told to end."""
        end = time.monotonic() + seconds
        while time.monotonic() < end and not self.is_set():
            time.sleep(min(PAUSE_POLL_S, max(0.0, end - time.monotonic())))
