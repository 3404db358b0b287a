"""What a training run is to do. No torch here: the window and the command line share it."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from segstudio.core.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Mapping

Augment = Literal["none", "light", "standard", "overhead", "microscopy"]
AugmentOn = Literal["auto", "cpu", "gpu"]
ClassBalance = Literal["none", "median", "effective"]
Mix = Literal["none", "cutmix", "classmix"]
Optimiser = Literal["adamw", "adam", "sgd"]
Precision = Literal["auto", "bf16", "fp16", "fp32"]
Sampling = Literal["labelled", "balanced"]
Schedule = Literal["poly", "cosine", "onecycle", "step", "constant"]
SplitBy = Literal["image", "group", "blocks"]
IGNORE_INDEX = 255
"""Class index of pixels that training and metrics leave out; so a run has at most 254 classes."""
MAX_TRAIN_CLASSES = 254
MAX_REFINED_PATCH_PX = 256
"""The largest training patch of a network that ends with a refinement: each step keeps its iterations for the way back."""
RUN_FORMAT = 1
"""Of the run folder as a whole, in its ``config.json``; a later one may be more than this version can go on with."""
_MAY_CHANGE = {"out", "project", "data", "device", "workers", "threads", "processes", "max_minutes", "is_resumed", "command",
               "has_tensorboard", "visdom", "checkpoint_minutes"}  # fmt: skip
"""What a run that goes on may have otherwise than it was begun."""


@dataclass(frozen=True)
class TrainPlan:
    """Everything that defines a run; ``config.json`` holds it.

    What is learnt, and from where: exactly one of ``project`` and ``data`` (``camvid:PATH`` …) names the labels.
    ``start_from`` is a catalog id or a weights file whose parameters are taken where names and shapes agree; "" starts from
    the encoder's ImageNet weights (``is_pretrained``) or from nothing. ``freeze`` is the share of the encoder's layers, from the
    input on, that learn nothing; ``arch_options`` are the network's own (:mod:`segstudio.ml.networks.options`). ``refine`` names
    layers that the network ends with and that learn with it: "crfrnn", "mrf", or "" for none. ``ignored_as`` names a class
    that ignored pixels are learnt as (the black surround of a fundus photograph, say), while validation leaves them out all the
    same; "" ignores them.

    Splits, where the data has none of its own: ``val_fraction`` of the images, of the groups that ``group_by`` tells ("folder", or
    a regular expression whose first group, else whole match, in an image's name is the group: a patient, a scene), or of blocks
    of ``block_px`` (0 = chosen) of large images. With a ``fold`` (k, n) the k-th of n seeded parts is the validation split.
    Data whose splits share a picture, a place or a group is refused unless ``is_leak_allowed``.

    Patches: ``patch_px`` is the side of a training crop, ``patches_per_image`` 0 = by area, at most four (64 of images
    beyond 16 Mpx); ``sampling`` takes places where there are labels, "balanced" each class as often as any other.
    ``patch_depth`` > 0 takes patches of so many planes from volumes, ``slices`` > 1 a plane with its neighbours as bands.
    ``augment_options`` changes steps of the augmentation (:mod:`segstudio.ml.training.augment`), ``mix`` pastes parts of other patches
    into ``mix_share`` of them.

    The loss: ``loss`` is a name or a sum of names (:mod:`segstudio.ml.loss_table`). ``class_balance`` computes ``class_weights`` from the
    training split when the run begins; both are kept, so that a run that goes on has the same weights. ``border_weight`` (w0, σ in
    pixels) adds U-Net's weights between neighbouring objects; () adds none. ``aux_weights`` () are the network's own.
    ``source_weights`` (by hand, accepted, by a model alone) weigh a project's labels by who vouches for them
    (:mod:`segstudio.ml.source_weights`); () counts all alike.

    Optimisation: ``momentum`` and ``is_nesterov`` are of sgd; ``lr`` is the rate at the end of the warm-up (``warmup_share`` of
    the steps), of a pretrained encoder times ``encoder_lr_factor``; ``step_epochs`` 0 = a third of the run; ``clip_norm`` 0 = no clipping;
    ``accumulate`` so many batches are one step
    of the optimiser; ``ema_decay`` 0 = no averaged weights. ``patience`` ends a run after so many epochs without a better
    mean IoU (0 = never); ``max_minutes`` ends it after so much time (0 = never). ``checkpoint_minutes`` 0 = at the ends of epochs only.
    ``workers`` 0 = no loader processes on a CPU, on a GPU as many as fit.
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
    refine: str = ""
    class_names: tuple[str, ...] = ()
    ignored_as: str = ""

    val_fraction: float = 0.2
    split_by: SplitBy = "image"
    group_by: str = ""
    block_px: int = 0
    fold: tuple[int, ...] = ()
    is_leak_allowed: bool = False

    patch_px: int = 256
    patch_depth: int = 0
    slices: int = 1
    patches_per_image: int = 0
    sampling: Sampling = "labelled"
    scale: tuple[float, float] = (0.7, 1.4)
    working_long_side_px: int = 0
    augment: Augment = "standard"
    augment_options: Mapping[str, Any] = field(default_factory=dict, hash=False)
    augment_on: AugmentOn = "auto"
    mix: Mix = "none"
    mix_share: float = 0.5

    loss: str = "ce+dice"
    class_weights: tuple[float, ...] = ()
    class_balance: ClassBalance = "none"
    border_weight: tuple[float, ...] = ()
    aux_weights: tuple[float, ...] = ()
    source_weights: tuple[float, ...] = ()

    epochs: int = 20
    batch: int = 8
    accumulate: int = 1
    optimiser: Optimiser = "adamw"
    momentum: float = 0.9
    is_nesterov: bool = False
    lr: float = 1e-3
    encoder_lr_factor: float = 0.3
    weight_decay: float = 1e-4
    schedule: Schedule = "poly"
    warmup_share: float = 0.05
    poly_power: float = 0.9
    step_epochs: int = 0
    step_factor: float = 0.1
    clip_norm: float = 1.0
    ema_decay: float = 0.0
    patience: int = 0
    max_minutes: float = 0.0
    validate_every: int = 1
    checkpoint_minutes: float = 5.0

    seed: int = 0
    device: str = "auto"
    precision: Precision = "auto"
    is_channels_last: bool = True
    is_compiled: bool = False
    workers: int = 0
    threads: int = 0
    processes: int = 1
    is_resumed: bool = False
    command: str = ""
    has_tensorboard: bool = True
    visdom: str = ""

    model_id: str = ""
    model_name: str = ""
    description: str = ""
    data_name: str = ""
    data_licence: str = ""
    is_research_only: bool = False

    def to_json(self) -> dict[str, Any]:
        """The plan as a JSON object."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> TrainPlan:
        """A plan from a JSON object; keys of a later version are skipped."""
        known = {f.name for f in dataclasses.fields(cls)}
        if document.get("is_amp") is False:  # as runs until 0.2 said it
            document = {**document, "precision": "fp32"}
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
            document = json.loads(file.read_text(encoding="utf-8"))
            about = document.get("about", {})
            if int(about.get("format", RUN_FORMAT)) > RUN_FORMAT:
                raise UserError(
                    f"this run was begun with a later version of segstudio ({about.get('segstudio', 'unknown')})",
                    path=file,
                    remedy="go on with that version, or start a new run with --from its last.safetensors",
                )
            return cls.from_json(document)
        except (OSError, ValueError, TypeError, AttributeError) as error:
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
        from segstudio.ml.plan_checks import check_plan

        check_plan(self)
        return self

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
                    f"this run was begun with {name} {shown(have)}, which cannot become {shown(asked)}",
                    path=Path(self.out),
                    remedy="leave that option out, or start a new run in another folder from this one (--from)",
                )
        source: dict[str, Any] = {"project": self.project, "data": self.data} if self.project or self.data else {}
        kept: dict[str, Any] = {name: getattr(self, name) for name in ("out", "processes", "max_minutes", "visdom")}
        for name in ("device", "workers", "threads", "checkpoint_minutes"):
            # What is not asked for stays: with other threads the sums of floats are others, too.
            kept[name] = getattr(begun if getattr(self, name) == getattr(plain, name) else self, name)
        return dataclasses.replace(begun, is_resumed=True, **source, **kept)


def shown(value: object) -> str:
    """A value of a plan in a sentence."""
    if isinstance(value, tuple):
        return ",".join(map(str, value)) or "none"
    return str(value) if value not in ("", {}) else "none"
