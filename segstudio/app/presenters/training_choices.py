"""What a run is to be, as chosen in the train panel: networks, encoders that fit, what may be frozen. No torch."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any, Literal

from segstudio.app.presenters.training_field_table import BY_KEY
from segstudio.app.presenters.training_fields import clean
from segstudio.core.errors import UserError
from segstudio.ml.encoders.availability import imagenet_state
from segstudio.ml.networks.options import kept_options, merged_options, options_of
from segstudio.ml.networks.table import ARCHITECTURES, ENCODERS, NO_ENCODER, TIMM_PREFIX, architecture, checked_encoder
from segstudio.ml.plan import TrainPlan

if TYPE_CHECKING:
    from collections.abc import Mapping

    from segstudio.ml.classic.options import Option, Value
    from segstudio.ml.encoders.availability import WeightsState

Start = Literal["imagenet", "scratch", "model"]
FAMILIES: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("Its own", (NO_ENCODER,)),
    ("EfficientNet", ("efficientnet",)),
    ("ResNet", ("resnet",)),
    ("MobileNet", ("mobilenet",)),
    ("ConvNeXt", ("convnext",)),
    ("HRNet", ("hrnet",)),
    ("VGG", ("vgg",)),
    ("DenseNet", ("densenet",)),
    ("Others", ("",)),
)
"""Title of a group of encoders and how their ids begin; the first that fits counts."""
FREEZE_STEP = 0.05


@dataclass(frozen=True, slots=True)
class TrainingChoices:
    """What the panel lets one choose; remembered in the project.

    ``more`` holds those of the plan's other fields that differ from their defaults, by name.
    """

    name: str = ""
    arch: str = "unet"
    encoder: str = "efficientnet_lite0"
    arch_options: Mapping[str, Any] = field(default_factory=dict, hash=False)
    start_from: str = ""
    is_pretrained: bool = True
    freeze: float = 0.0
    refine: str = ""
    loss: str = "ce+dice"
    epochs: int = 30
    batch: int = 8
    patch_px: int = 256
    lr: float = 1e-3
    val_fraction: float = 0.2
    patience: int = 8
    seed: int = 0
    device: str = "auto"
    more: Mapping[str, Any] = field(default_factory=dict, hash=False)

    def value(self, key: str) -> Any:
        """The value of any field of the plan that can be chosen; KeyError for another."""
        return getattr(self, key) if key in OWN else self.more.get(key, default_of(key))

    def changed(self, **values: Any) -> TrainingChoices:
        """These choices with others for some fields of the plan; what is as by default takes no place in ``more``."""
        own = {key: value for key, value in values.items() if key in OWN}
        more = {**self.more, **{key: value for key, value in values.items() if key not in OWN}}
        more = {key: value for key, value in more.items() if value != default_of(key)}
        return replace(self, **own, more=more)

    @property
    def start(self) -> Start:
        """What the run begins with."""
        if self.start_from:
            return "model"
        return "imagenet" if self.is_pretrained and self.has_imagenet else "scratch"

    @property
    def has_imagenet(self) -> bool:
        """Whether its encoder is one that ImageNet weights exist for."""
        return self.encoder != NO_ENCODER

    @property
    def weights_state(self) -> WeightsState:
        """Where the ImageNet weights of its encoder are."""
        return imagenet_state(self.encoder)

    @property
    def can_freeze(self) -> bool:
        """Whether its encoder knows something that may be kept."""
        return self.has_imagenet and self.start != "scratch"

    @property
    def options(self) -> tuple[Option, ...]:
        """What can be set of the network."""
        return options_of(self.arch, self.encoder)

    @property
    def option_values(self) -> dict[str, Value]:
        """The network's options as they are."""
        return merged_options(self.arch, self.encoder, self.arch_options)


OWN = frozenset(f.name for f in fields(TrainingChoices)) - {"more"}
"""Fields of the choices themselves; all others of the plan are in ``more``."""
_PLAIN, _PLAIN_PLAN = TrainingChoices(), TrainPlan(out="")


def default_of(key: str) -> Any:
    """What a field of the plan is unless somebody chooses; KeyError where it can't be chosen."""
    if key in OWN:
        return getattr(_PLAIN, key)
    if key not in BY_KEY:
        raise KeyError(key)
    return getattr(_PLAIN_PLAN, key)


def loaded(kept: object) -> TrainingChoices:
    """The choices that a project remembers; whatever is of another kind, or of no version we know, is as by default."""
    if not isinstance(kept, dict):
        return fitted(_PLAIN)
    values: dict[str, Any] = {}
    for key, value in kept.items():
        default = getattr(_PLAIN, key) if key in OWN else None
        kind = (int, float) if isinstance(default, float) else type(default)
        if key in OWN and isinstance(value, kind):
            values[key] = value
    more = kept.get("more")
    known = {k: v for k, v in (more.items() if isinstance(more, dict) else ()) if k in BY_KEY and k not in OWN}
    cleaned = {key: clean(BY_KEY[key], value, default_of(key)) for key, value in known.items()}
    return fitted(TrainingChoices(**values).changed(**cleaned))


def fitted(choices: TrainingChoices, before: TrainingChoices | None = None) -> TrainingChoices:
    """*choices* with what doesn't fit its network put right: the encoder, the network's options, what is frozen.

    Options of another network are forgotten even where they have the same name.
    """
    if choices.arch not in ARCHITECTURES:
        choices = replace(choices, arch=TrainingChoices().arch)
    try:
        encoder = checked_encoder(choices.arch, choices.encoder)
    except UserError:
        encoder = architecture(choices.arch).default_encoder
    if (
        encoder == NO_ENCODER
        and before is not None
        and architecture(before.arch).encoders == (NO_ENCODER,) != architecture(choices.arch).encoders
    ):
        # Nobody chose to go without one: the network before had none to choose.
        encoder = architecture(choices.arch).default_encoder
    is_same = before is None or before.arch == choices.arch or dict(before.arch_options) != dict(choices.arch_options)
    options = kept_options(choices.arch, encoder, choices.arch_options) if is_same else {}
    choices = replace(choices, encoder=encoder, arch_options=options)
    return choices if choices.can_freeze else replace(choices, freeze=0.0)


def encoder_groups(arch: str) -> list[tuple[str, list[tuple[str, str]]]]:
    """(title of the group, [(encoder id, its title)]) of the encoders that a network takes."""
    groups: dict[str, list[tuple[str, str]]] = {title: [] for title, _ in FAMILIES}
    for name in architecture(arch).encoders:
        family = next(title for title, begins in FAMILIES if name.startswith(begins))
        groups[family].append((name, encoder_title(name)))
    return [(title, rows) for title, rows in groups.items() if rows]


def encoder_title(name: str) -> str:
    """An encoder's title; its id where it has none ("timm:…"), "its own" for a network that brings one."""
    if name == NO_ENCODER:
        return "its own"
    spec = ENCODERS.get(name)
    return name if spec is None else spec.title


def takes_any_timm(arch: str) -> bool:
    """Whether any network of timm may be the encoder."""
    return architecture(arch).takes_any_timm


def encoder_named(arch: str, text: str) -> str:
    """The encoder that a person typed: its title, id, or a name of timm with or without ``timm:``.

    Raises
    ------
    UserError
        When there is none of that name, or it doesn't fit the network.
    """
    wanted = text.strip()
    for name in architecture(arch).encoders:
        if wanted.casefold() in (name.casefold(), encoder_title(name).casefold()):
            return name
    if not wanted.startswith(TIMM_PREFIX) and takes_any_timm(arch) and wanted not in ENCODERS:
        from segstudio.ml.encoders.timm_names import timm_names

        if wanted.split(".")[0] in timm_names():
            wanted = TIMM_PREFIX + wanted
    return checked_encoder(arch, wanted)
