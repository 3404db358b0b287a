"""What a training run reports, and how it is steered. No torch here: the window and the command line share it."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    import numpy.typing as npt


class TrainControl(Protocol):
    """How a run is steered from outside; asked between steps."""

    def is_set(self) -> bool:
        """Whether to stop now and keep what was learnt."""
        ...

    def is_paused(self) -> bool:
        """Whether to wait before the next step."""
        ...


@dataclass(frozen=True)
class RunStarted:
    """The data is read and the network built; ``frozen`` of its ``parameters`` do not learn."""

    classes: tuple[str, ...]
    colors: tuple[str, ...]
    train_images: int
    val_images: int
    steps_per_epoch: int
    epochs: int
    first_epoch: int
    device: str
    parameters: int
    note: str = ""
    frozen: int = 0


@dataclass(frozen=True)
class StepDone:
    """One optimiser step; ``step`` counts from 1 over the whole run."""

    step: int
    steps: int
    epoch: int
    loss: float
    seconds_left: float | None = None


@dataclass(frozen=True)
class TrainNote:
    """A sentence about what goes on otherwise than planned (too little memory, say); the run goes on."""

    text: str


@dataclass(frozen=True)
class EpochDone:
    """One epoch with its validation; ``per_class_iou`` has None for a class with no pixel on either side."""

    epoch: int
    epochs: int
    train_loss: float
    val_loss: float | None
    mean_iou: float | None
    mean_dice: float | None
    pixel_accuracy: float | None
    per_class_iou: tuple[float | None, ...]
    lr: float
    seconds: float
    is_best: bool

    def to_json(self) -> dict[str, Any]:
        """A line of ``metrics.jsonl``; no wall-clock times, so that equal runs write equal files."""
        document = dataclasses.asdict(self)
        del document["seconds"]
        return document


@dataclass(frozen=True, eq=False)
class ValidationPicture:
    """A validation image: ``image`` (y, x, 3) uint8, ``truth`` and ``prediction`` (y, x) uint8 class indices."""

    name: str
    image: npt.NDArray[np.uint8]
    truth: npt.NDArray[np.uint8]
    prediction: npt.NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class ValidationPictures:
    """Pictures of one epoch, reduced to at most 384 px."""

    epoch: int
    pictures: tuple[ValidationPicture, ...] = ()


@dataclass(frozen=True, eq=False)
class PatchPicture:
    """A training patch as the network sees it: ``image`` (y, x, 3) uint8, ``target`` (y, x) uint8 class indices, 255 ignored."""

    name: str
    image: npt.NDArray[np.uint8]
    target: npt.NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class PatchPreview:
    """Some patches of a run that has not begun; ``colors`` "#rrggbb" by class, ``patches_per_epoch`` how many there are."""

    patches: tuple[PatchPicture, ...]
    classes: tuple[str, ...]
    colors: tuple[str, ...]
    patches_per_epoch: int
    note: str = ""


@dataclass(frozen=True)
class RunFinished:
    """The run ended in good order; ``stopped_by`` is "epochs", "patience", "time", "user" or "nan"."""

    run: str
    best: str
    last: str
    epochs: int
    best_epoch: int
    metrics: dict[str, Any] = field(default_factory=dict)
    stopped_by: str = "epochs"
    note: str = ""


@dataclass(frozen=True)
class LrPoint:
    """A step of the learning-rate finder: the smoothed ``loss`` at the rate ``lr``; ``step`` counts from 1 to at most ``steps``."""

    step: int
    steps: int
    lr: float
    loss: float


@dataclass(frozen=True)
class LrFound:
    """The end of the learning-rate finder: the rate it suggests, 0 for none; ``note`` says why, in a sentence."""

    lr: float
    note: str = ""


if TYPE_CHECKING:
    TrainEvent = RunStarted | StepDone | TrainNote | EpochDone | ValidationPictures | RunFinished | LrPoint | LrFound
    TrainSink = Callable[[TrainEvent], None]
