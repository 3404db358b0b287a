"""The process of continuous learning: it learns from a project's corrections until it is told to end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from segstudio.jobs.protocol import LearnEvent, StageChanged
from segstudio.jobs.specs import LearnSpec

if TYPE_CHECKING:
    from segstudio.jobs.child import Port


def serve(spec: object, port: Port) -> object:
    """Learn; a cancelled job ends in good order. The result is the ``LearningStopped`` event.

    Raises
    ------
    UserError
        When the project, the network or the disk does not allow it.
    """
    if not isinstance(spec, LearnSpec):
        raise TypeError(f"continuous learning does not serve {type(spec).__name__}")
    port.send(StageChanged(text="Starting to learn"))
    from segstudio.ml.continuous.learner import Learner

    return Learner(spec.plan, lambda event: port.send(LearnEvent(event=event)), port).run()
