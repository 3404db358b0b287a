"""The trainer's process: one run a job, or a search for the rate of one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from segstudio.jobs.protocol import StageChanged, TrainEvent
from segstudio.jobs.specs import FindRateSpec, TrainSpec

if TYPE_CHECKING:
    from segstudio.jobs.child import Port


def serve(spec: object, port: Port) -> object:
    """Train; a cancelled run ends in good order and keeps what it learnt. The result is the ``RunFinished`` event.

    Of a search for the learning rate it is ``LrFound``.

    Raises
    ------
    UserError
        When the plan, the data or the disk does not allow it.
    """
    if not isinstance(spec, (TrainSpec, FindRateSpec)):
        raise TypeError(f"the trainer does not serve {type(spec).__name__}")
    port.send(StageChanged(text="Reading the labels"))
    if isinstance(spec, FindRateSpec):
        from segstudio.ml.training.lr_finder import find_rate

        return find_rate(spec.plan, lambda event: port.send(TrainEvent(event=event)), port)
    from segstudio.ml.training.trainer import Trainer

    return Trainer.run(spec.plan, lambda event: port.send(TrainEvent(event=event)), port)
