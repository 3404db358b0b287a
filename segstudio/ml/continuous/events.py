"""What continuous learning reports. No torch here: the window and the command line share it."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Callable

LearnStage = Literal["reading", "fitting", "checking", "handing over", "waiting", "paused"]
"""What it does now; «waiting»: patience is over, or there is nothing to learn from yet, until labels change."""
StoppedBy = Literal["user", "rounds", "time", "patience"]


@dataclass(frozen=True)
class ImageChange:
    """The mean Dice of one image on its held-out labels, before and after; None where no model was, or no class to judge.

    ``pixels`` were judged; ``z`` is the plane of a volume.
    """

    image_id: int
    before: float | None
    after: float | None
    pixels: int
    name: str = ""
    z: int = 0

    @property
    def gain(self) -> float:
        """By how much it got better; 0 where that cannot be said."""
        return 0.0 if self.before is None or self.after is None else self.after - self.before


@dataclass(frozen=True)
class VersionInfo:
    """Weights that passed the gate.

    ``model_id`` ("learn/v3") is what the catalog, a proposal and the segments that come of it call them; ``path`` is the
    weights file. ``images`` is how each image changed from the version before (``made_from``, 0 = none); ``mean_dice``
    and ``mean_iou`` are those of all held-out labels together. ``source`` "rolled back" marks the current one that a
    person went back to. ``labelled_pixels`` were learnt from, in ``rounds`` rounds and ``seconds`` since learning began.
    """

    number: int
    model_id: str
    path: str
    at_s: float
    mean_dice: float | None = None
    mean_iou: float | None = None
    images: tuple[ImageChange, ...] = ()
    is_current: bool = False
    source: Literal["learned", "rolled back"] = "learned"
    made_from: int = 0
    seconds: float = 0.0
    rounds: int = 0
    steps: int = 0
    labelled_pixels: int = 0
    classes: tuple[str, ...] = ()
    class_ids: tuple[int, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """What is kept of it beside its weights: all but where it lies and whether it is the current one."""
        document = dataclasses.asdict(self)
        for name in ("path", "is_current", "source"):
            del document[name]
        return document


@dataclass(frozen=True)
class LearningStarted:
    """The labels are read and the network is built. ``model_id`` is what it starts from, "" for none; ``version`` 0 = none yet.

    ``images`` have labels; of their labelled regions ``regions_train`` are learnt and ``regions_val`` held out. It comes
    again when classes were added or deleted and the network was rebuilt for them.
    """

    model_id: str
    version: int
    device: str
    classes: tuple[str, ...]
    colors: tuple[str, ...]
    parameters: int
    images: int
    regions_train: int
    regions_val: int
    note: str = ""


@dataclass(frozen=True)
class LearnStageChanged:
    """It does something else now; ``image_id`` is the image whose correction woke it, None for none."""

    stage: LearnStage
    image_id: int | None = None
    text: str = ""


@dataclass(frozen=True)
class CorrectionsTaken:
    """Finished strokes were picked up from the project: of which images, how many pixels changed, and when (since 1970)."""

    image_ids: tuple[int, ...]
    pixels: int
    at_s: float
    regions_train: int = 0
    regions_val: int = 0


@dataclass(frozen=True)
class RoundProgress:
    """A step of a round; at most five a second are told."""

    round: int
    step: int
    steps: int
    loss: float
    seconds_left: float | None = None


@dataclass(frozen=True)
class Checked:
    """A round was judged on what is held out. ``before`` and ``after`` are mean Dice over it.

    Where it is not accepted ``reason`` says why, in one sentence, and ``version`` is None: the current one stays.
    ``worse`` of ``images`` are those that lost; ``waited`` of ``patience`` rounds brought nothing better.
    """

    round: int
    is_accepted: bool
    before: float | None
    after: float | None
    images: tuple[ImageChange, ...] = ()
    reason: str = ""
    version: VersionInfo | None = None
    per_class: tuple[float | None, ...] = ()
    waited: int = 0
    patience: int = 0

    @property
    def worse(self) -> tuple[ImageChange, ...]:
        """The images that got worse, worst first."""
        return tuple(sorted((i for i in self.images if i.gain < 0), key=lambda i: i.gain))


@dataclass(frozen=True)
class LearnNote:
    """A sentence about what goes on otherwise than planned (too little memory, a full disk); learning goes on."""

    text: str


@dataclass(frozen=True)
class LearningStopped:
    """It ended in good order; ``versions`` are on the disk, ``current`` is the number of the one in use (0 = none)."""

    versions: int
    current: int
    rounds: int
    steps: int
    seconds: float
    stopped_by: StoppedBy = "user"
    reason: str = ""


if TYPE_CHECKING:
    LearnEvent = (
        LearningStarted | LearnStageChanged | CorrectionsTaken | RoundProgress | Checked | LearnNote | LearningStopped
    )
    LearnSink = Callable[[LearnEvent], None]
