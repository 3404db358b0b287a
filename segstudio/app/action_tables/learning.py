"""Learning while labelling: its part of the Train menu."""

from __future__ import annotations

from segstudio.app.action_spec import spec as _spec

# fmt: off
LEARNING = (
    _spec("learn.start", "Learn while labelling", "Ctrl+Alt+L", "learn", "Train", "learn", "project",
          "Let a model learn from each correction while you go on; it takes over only where it is better"),
    _spec("learn.pause", "Pause learning", "", "pause", "Train", "learn",
          tip="Hold the learning, or go on", checkable=True),
    _spec("learn.stop", "Stop learning", "", "stop", "Train", "learn",
          tip="End the learning; every version that was kept stays"),
    _spec("learn.renew", "Propose with the newest version", "", "propose", "Train", "learn", "edit",
          "Renew the proposal of this image with what the model has learned"),
    _spec("learn.roll_back", "Go back to the version before", "", "history", "Train", "learn", "project",
          "Take the version before the one in use, and learn on from there"),
)
# fmt: on
