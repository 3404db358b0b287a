"""TensorBoard's event file: scalars, pictures, histograms, precision-recall curves, the plan. Everything goes by epoch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from segstudio.core.pr_curves import BINS
from segstudio.core.side_by_side import side_by_side
from segstudio.ml.plan import shown
from segstudio.ml.training.epoch_figures import EpochFigures, figures_of_line
from segstudio.ml.training.hooks import RunHook

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from segstudio.ml.plan import TrainPlan
    from segstudio.ml.train_events import EpochDone, RunStarted, StepDone, ValidationPicture
    from segstudio.ml.training.run_folder import RunFolder
    from segstudio.ml.training.setup import RunSetup
    from segstudio.ml.training.validate import Validation

FOLDER = "tensorboard"
WRITTEN = "last_epoch.txt"
"""Beside the event files: the last epoch that is in them, since a kill may come between a checkpoint and them."""
PICTURES = 4
HISTOGRAMS = 10
"""Histograms are written about so often over a run: they are the largest part of the file."""
LAYERS = 40
"""Of so many layers, spread evenly over the network."""
_VALUES = 65536
_HISTOGRAM_BINS = 64


class BoardHook(RunHook):
    """One event file a start; a run that goes on purges the epochs that it will write again."""

    def __init__(self, plan: TrainPlan, folder: RunFolder, say: Callable[[str], None]) -> None:
        self._plan, self._folder, self._say = plan, folder, say
        self._board: Any = None
        self._first_epoch = 1
        self._is_broken = False
        self._figures = EpochFigures()

    def started(self, setup: RunSetup, event: RunStarted) -> None:
        """Nothing yet: TensorBoard takes seconds to import, and the first step must not wait for it."""
        self._first_epoch = event.first_epoch

    def step_done(self, setup: RunSetup, event: StepDone) -> None:
        """Gather."""
        self._figures.step_done(setup, event)

    def epoch_done(self, setup: RunSetup, event: EpochDone, validation: Validation | None) -> None:
        """Write all there is of an epoch."""
        values = self._figures.of_epoch(setup, event, validation)
        if self._board is None:
            self._guarded(lambda: self._open(setup))
        self._guarded(lambda: self._write(setup, event.epoch, values, validation))

    def close(self) -> None:
        """Close the file."""
        board, self._board = self._board, None
        if board is not None:
            self._guarded(board.close)

    def _guarded(self, work: Callable[[], None]) -> None:
        if self._is_broken:
            return
        try:
            work()
        except OSError as error:
            self._is_broken = True
            self._say(f"TensorBoard's file cannot be written ({error.strerror or error}); training goes on without it.")

    def _open(self, setup: RunSetup) -> None:
        """Open the file; a new run's begins with its plan, that of a run that goes on with what a kill left unwritten."""
        from torch.utils.tensorboard import SummaryWriter

        folder = self._folder.folder / FOLDER
        # A start is marked in a new run as well: TensorBoard takes the first mark it meets for the beginning, and purges at later ones.
        begins = min(self._first_epoch, _written(folder) + 1) if self._plan.is_resumed else 0
        self._board = SummaryWriter(str(folder), purge_step=begins)
        if self._plan.is_resumed:
            for line in self._folder.read_metrics(self._first_epoch - 1):
                if line["epoch"] >= begins:
                    for tag, value in figures_of_line(line, setup.data.classes).items():
                        self._board.add_scalar(tag, value, line["epoch"])
            return
        plan = {name: shown(value) for name, value in vars(self._plan).items()}
        rows = "\n".join(f"| {name} | {text} |".replace("\n", " ") for name, text in plan.items())
        self._board.add_text("plan", f"| field | value |\n| --- | --- |\n{rows}", 0)
        self._write_parameters()

    def _write_parameters(self) -> None:
        """The plan for TensorBoard's table of hyper-parameters, in this file itself."""
        from torch.utils.tensorboard.summary import hparams

        values = {
            name: value if isinstance(value, bool | int | float | str) else shown(value)
            for name, value in vars(self._plan).items()
        }
        for summary in hparams(values, {"mean_iou/val": 0.0, "loss/val": 0.0}):  # type: ignore[no-untyped-call]
            self._board.file_writer.add_summary(summary, 0)

    def _write(self, setup: RunSetup, epoch: int, values: dict[str, float], validation: Validation | None) -> None:
        for tag, value in values.items():
            self._board.add_scalar(tag, value, epoch)
        if validation is not None:
            for picture in validation.pictures[:PICTURES]:
                self._write_picture(picture, setup.data.colors, epoch)
            self._write_curves(setup, epoch, validation)
        if epoch == 1 or epoch == self._plan.epochs or epoch % max(1, self._plan.epochs // HISTOGRAMS) == 0:
            self._write_histograms(setup.engine.module, epoch)
        self._board.flush()
        (self._folder.folder / FOLDER / WRITTEN).write_text(str(epoch), encoding="ascii")

    def _write_picture(self, picture: ValidationPicture, colors: tuple[str, ...], epoch: int) -> None:
        drawn = side_by_side(picture.image, picture.truth, picture.prediction, colors)
        self._board.add_image(f"validation/{picture.name}", drawn, epoch, dataformats="HWC")

    def _write_curves(self, setup: RunSetup, epoch: int, validation: Validation) -> None:
        if validation.details is None:
            return
        for index, name in enumerate(setup.data.classes):
            curve = validation.details.pr.curve(index)
            if curve is None:
                continue
            self._board.add_pr_curve_raw(
                f"pr/{name}",
                curve.true_positives,
                curve.false_positives,
                curve.true_negatives,
                curve.false_negatives,
                curve.precision,
                curve.recall,
                epoch,
                BINS,
            )

    def _write_histograms(self, module: torch.nn.Module, epoch: int) -> None:
        layers = [(name, one) for name, one in module.named_parameters() if one.ndim > 1]
        step = max(1, -(-len(layers) // LAYERS))
        for name, parameter in layers[::step]:
            for kind, values in (("weights", parameter), ("gradients", parameter.grad)):
                if values is not None:
                    self._write_histogram(f"{kind}/{name}", values, epoch)

    def _write_histogram(self, tag: str, values: torch.Tensor, epoch: int) -> None:
        """Of at most 65,536 values, evenly taken, those that are numbers."""
        flat = values.detach().reshape(-1)
        flat = flat[:: max(1, flat.numel() // _VALUES)].float().cpu()
        flat = flat[torch.isfinite(flat)]
        if not flat.numel():
            return
        low, high = float(flat.min()), float(flat.max())
        if low == high:
            low, high = low - 1e-6 - abs(low) * 1e-6, high + 1e-6 + abs(high) * 1e-6
        counts = torch.histc(flat, _HISTOGRAM_BINS, low, high)
        limits = torch.linspace(low, high, _HISTOGRAM_BINS + 1)[1:]
        total, squares = float(flat.sum()), float(flat.square().sum())
        self._board.add_histogram_raw(
            tag, low, high, flat.numel(), total, squares, limits.tolist(), counts.tolist(), epoch
        )


def _written(folder: Path) -> int:
    """The last epoch that the event files hold; 0 where that is not known."""
    try:
        return int((folder / WRITTEN).read_text(encoding="ascii"))
    except (OSError, ValueError):
        return 0
