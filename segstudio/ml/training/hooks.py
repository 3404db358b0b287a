"""Who is told of a run while it goes on: TensorBoard and the like. They look; they never change what is computed."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from segstudio.ml.plan import TrainPlan
    from segstudio.ml.train_events import EpochDone, RunFinished, RunStarted, StepDone, TrainSink
    from segstudio.ml.training.run_folder import RunFolder
    from segstudio.ml.training.setup import RunSetup
    from segstudio.ml.training.validate import Validation


class RunHook:
    """Told of everything; does nothing."""

    def started(self, setup: RunSetup, event: RunStarted) -> None:
        """Before the first step."""

    def step_done(self, setup: RunSetup, event: StepDone) -> None:
        """After every step of the optimiser; ``event.seconds_left`` is None."""

    def epoch_done(self, setup: RunSetup, event: EpochDone, validation: Validation | None) -> None:
        """After an epoch, its metrics and weights already written."""

    def finished(self, setup: RunSetup, event: RunFinished) -> None:
        """After the last epoch of a run that ended in good order."""

    def close(self) -> None:
        """At the very end, also of a run that failed."""


def build_hooks(plan: TrainPlan, folder: RunFolder, sink: TrainSink = lambda _: None) -> list[RunHook]:
    """The hooks that *plan* asks for; what they cannot do they tell *sink*, and training goes on."""
    from segstudio.ml.train_events import TrainNote
    from segstudio.ml.training.run_files import FilesHook

    def say(text: str) -> None:
        sink(TrainNote(text))

    hooks: list[RunHook] = [FilesHook(plan, folder, say)]
    if plan.has_tensorboard:
        from segstudio.ml.training.tensorboard_log import BoardHook

        hooks.append(BoardHook(plan, folder, say))
    if plan.visdom:
        from segstudio.ml.training.visdom_log import VisdomHook

        hooks.append(VisdomHook(plan, folder, say))
    return hooks
