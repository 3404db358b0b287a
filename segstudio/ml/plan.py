"""What a training run is to do, and what it reports. No torch here: the window and the command line share it."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol, get_args

from segstudio.core.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import numpy as np
    import numpy.typing as npt

Augment = Literal["none", "light", "standard", "overhead", "microscopy"]
ClassBalance = Literal["none", "median", "effective"]
IGNORE_INDEX = 255
"""Class index of pixels that training and metrics leave out; so a run has at most 254 classes."""
MAX_TRAIN_CLASSES = 254
MAX_REFINED_PATCH_PX = 256
"""The largest training patch of a network that ends with a refinement: each step keeps its iterations for the way back."""
_MAY_CHANGE = {"out", "project", "data", "device", "workers", "threads", "max_minutes", "is_resumed", "command",
               "has_tensorboard"}  # fmt: skip
"""What a run that goes on may have otherwise than it was begun."""


@dataclass(frozen=True)
class TrainPlan:
    """Everything that defines a run; ``config.json`` holds it.

    Exactly one of ``project`` and ``data`` (``camvid:PATH`` …) names the labels. ``start_from`` is a catalog id or a weights
    file whose parameters are taken where names and shapes agree; "" starts from the encoder's ImageNet weights
    (``is_pretrained``) or from nothing. ``patch_px`` is the side of a training crop; ``lr`` the rate at the end of the
    warm-up; ``patience`` ends a run after so many epochs without a better mean IoU (0 = never);
    ``max_minutes`` ends it after so much time (0 = never). ``patches_per_image`` 0 = by area, at most four.
    ``ignored_as`` names a class that ignored pixels are learnt as (the black surround of a fundus photograph, say), while
    validation leaves them out all the same; "" ignores them. ``freeze`` is the share of the encoder's layers, from the input on,
    that learn nothing; ``arch_options`` are the network's own (:mod:`segstudio.ml.networks.options`). ``refine`` names layers that
    the network ends with and that learn with it: "crfrnn", "mrf", or "" for none. ``loss`` is a name or a sum of names
    (:mod:`segstudio.ml.loss_table`). ``class_balance`` computes ``class_weights`` from the training split when the run begins; both are
    kept, so that a run that goes on has the same weights. ``border_weight`` (w0, σ in pixels) adds U-Net's weights between neighbouring
    objects; () adds none.
    """

    out: str
    project: str = ""
    data: str = ""
    arch: str = "unet"
    encoder: str = ""
    arch_options: Mapping[str, Any] = field(default_factory=dict, hash=False)
    is_pretrained: bool = True
    freeze: float = 0.0
    start_from: str = ""
    loss: str = "ce+dice"
    class_weights: tuple[float, ...] = ()
    class_balance: ClassBalance = "none"
    border_weight: tuple[float, ...] = ()
    epochs: int = 20
    batch: int = 8
    patch_px: int = 256
    patches_per_image: int = 0
    scale: tuple[float, float] = (0.7, 1.4)
    augment: Augment = "standard"
    lr: float = 1e-3
    encoder_lr_factor: float = 0.3
    weight_decay: float = 1e-4
    warmup_share: float = 0.05
    poly_power: float = 0.9
    ema_decay: float = 0.0
    patience: int = 0
    max_minutes: float = 0.0
    val_fraction: float = 0.2
    seed: int = 0
    device: str = "auto"
    is_amp: bool = True
    workers: int = 0
    threads: int = 0
    validate_every: int = 1
    is_resumed: bool = False
    class_names: tuple[str, ...] = ()
    ignored_as: str = ""
    refine: str = ""
    working_long_side_px: int = 0
    model_id: str = ""
    model_name: str = ""
    description: str = ""
    data_name: str = ""
    data_licence: str = ""
    is_research_only: bool = False
    command: str = ""
    has_tensorboard: bool = True

    def to_json(self) -> dict[str, Any]:
        """The plan as a JSON object."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> TrainPlan:
        """A plan from a JSON object; keys of a later version are skipped."""
        known = {f.name for f in dataclasses.fields(cls)}
        values: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in document.items() if k in known}
        return cls(**values)

    @classmethod
    def load(cls, run: Path) -> TrainPlan:
        """The plan of a run folder.

        Raises
        ------
        UserError
            When it has no readable ``config.json``.
        """
        file = run / "config.json"
        try:
            return cls.from_json(json.loads(file.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError) as error:
            raise UserError(
                f"this is not a run that can be resumed ({error})",
                path=file,
                remedy="name the folder of an earlier `--out`",
            ) from error

    def checked(self) -> TrainPlan:
        """The plan itself.

        Raises
        ------
        UserError
            When a value cannot be worked with.
        """
        if bool(self.project) == bool(self.data):
            raise UserError("a run trains on a project or on a dataset", remedy="name exactly one of them")
        for name, low in (("epochs", 1), ("batch", 1), ("patch_px", 32), ("workers", 0), ("patience", 0)):
            if getattr(self, name) < low:
                raise UserError(f"{name} is {getattr(self, name)}", remedy=f"give at least {low}")
        if not self.lr > 0:
            raise UserError(f"the learning rate is {self.lr}", remedy="give a number above 0, such as 0.001")
        if not 0 < self.val_fraction < 1:
            raise UserError(f"the validation share is {self.val_fraction}", remedy="give a number between 0 and 1")
        if not 0 < self.scale[0] <= self.scale[1]:
            raise UserError(f"the scale range is {self.scale}", remedy="give two numbers above 0, the smaller first")
        self._check_loss()
        self._check_network()
        self._check_refinement()
        return self

    def _check_loss(self) -> None:
        from segstudio.ml.loss_table import parse_loss

        parts = parse_loss(self.loss)
        if self.class_balance not in get_args(ClassBalance):
            raise UserError(
                f"classes cannot be balanced by {self.class_balance!r}",
                remedy=f"choose one of {', '.join(get_args(ClassBalance))}",
            )
        if any(not 0 <= weight < float("inf") for weight in self.class_weights):
            raise UserError(f"the class weights are {_shown(self.class_weights)}", remedy="give numbers from 0 on")
        is_border_right = len(self.border_weight) == 2 and all(0 < v < float("inf") for v in self.border_weight)
        if self.border_weight and not is_border_right:
            raise UserError(
                f"the border weight is {_shown(self.border_weight)}",
                remedy="give two numbers above 0, w0 and sigma, such as 10,5",
            )
        is_weighted = bool(self.class_weights or self.class_balance != "none" or self.border_weight)
        if is_weighted and not any(part.counts_pixels for part in parts):
            what = "a border weight" if self.border_weight else "class weights"
            raise UserError(
                f"the loss {self.loss} is not a mean over pixels, which {what} could weigh",
                remedy="leave them out, or add ce to the loss",
            )

    def _check_refinement(self) -> None:
        from segstudio.ml.refine.table import checked_layers

        if not checked_layers(self.refine):
            return
        if self.arch == "pixelnet":
            raise UserError(
                "pixelnet learns from single pixels, which have none beside them to refine",
                remedy="train without a refinement, and refine its proposals afterwards",
            )
        if self.patch_px > MAX_REFINED_PATCH_PX:
            raise UserError(
                f"a refinement that learns needs too much memory for patches of {self.patch_px} px",
                remedy=f"give --size {MAX_REFINED_PATCH_PX} or less",
            )

    def _check_network(self) -> None:
        from segstudio.ml.networks.options import merged_options
        from segstudio.ml.networks.table import NO_ENCODER, checked_encoder

        encoder = checked_encoder(self.arch, self.encoder)
        is_encoder_known = bool(self.encoder) or not self.start_from
        if is_encoder_known:
            merged_options(self.arch, encoder, self.arch_options)
        if not 0 <= self.freeze <= 1:
            raise UserError(f"the frozen share is {self.freeze}", remedy="give a number from 0 to 1")
        if self.freeze and encoder == NO_ENCODER and is_encoder_known:
            raise UserError(
                f"{self.arch} brings its own encoder, which knows nothing yet, so it cannot be frozen",
                remedy="freeze nothing, or choose a network with an encoder of its own choice",
            )
        if self.freeze and not self.is_pretrained and not self.start_from:
            raise UserError(
                "an encoder that starts from scratch cannot be frozen: it knows nothing yet",
                remedy="freeze nothing, or start from ImageNet weights or another model",
            )

    def as_begun(self) -> TrainPlan:
        """The plan in the run's folder, to go on with: where the data lies, for how long and on what it runs may be others.

        Raises
        ------
        UserError
            When there is none, or when this one asks for something else than it says.
        """
        begun, plain = TrainPlan.load(Path(self.out)), TrainPlan(out="")
        for name in sorted({f.name for f in dataclasses.fields(self)} - _MAY_CHANGE):
            asked, have = getattr(self, name), getattr(begun, name)
            if asked not in (have, getattr(plain, name)):
                raise UserError(
                    f"this run was begun with {name} {_shown(have)}, which cannot become {_shown(asked)}",
                    path=Path(self.out),
                    remedy="leave that option out, or start a new run in another folder from this one (--from)",
                )
        source: dict[str, Any] = {"project": self.project, "data": self.data} if self.project or self.data else {}
        kept: dict[str, Any] = {
            name: getattr(self, name) for name in ("out", "device", "workers", "threads", "max_minutes")
        }
        return dataclasses.replace(begun, is_resumed=True, **source, **kept)


def _shown(value: object) -> str:
    if isinstance(value, tuple):
        return ",".join(map(str, value)) or "none"
    return str(value) if value not in ("", {}) else "none"


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


if TYPE_CHECKING:
    TrainEvent = RunStarted | StepDone | EpochDone | ValidationPictures | RunFinished
    TrainSink = Callable[[TrainEvent], None]
