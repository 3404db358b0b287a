"""Who is told of a run while it goes on: TensorBoard and the like. They look; they never change what is computed."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from segstudio.ml.plan import TrainPlan
    from segstudio.ml.train_events import EpochDone, RunFinished, RunStarted, StepDone
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


class BoardHook(RunHook):
    """TensorBoard's event file."""

    def __init__(self, folder: RunFolder) -> None:
        self._folder = folder
        folder.open_board(True)

    def epoch_done(self, setup: RunSetup, event: EpochDone, validation: Validation | None) -> None:
        """Scalars and pictures."""
        self._folder.log_epoch(event, () if validation is None else validation.pictures)

    def close(self) -> None:
        """Close the file."""
        self._folder.close()


def build_hooks(plan: TrainPlan, folder: RunFolder) -> list[RunHook]:
    """The hooks that *plan* asks for."""
    return [BoardHook(folder)] if plan.has_tensorboard else []
