"""What can be set of each network: typed options, shown as a form and kept in the model's card. No torch here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from segstudio.ml.classic.options import Option, merged
from segstudio.ml.networks.table import NO_ENCODER, checked_encoder

if TYPE_CHECKING:
    from collections.abc import Mapping

    from segstudio.ml.classic.options import Value

When = Literal["always", "own encoder", "other encoder"]

_STRIDE_HELP = "8 keeps twice the detail of 16 and needs about four times the time and memory"


def _stride(default: str) -> Option:
    return Option("output_stride", "Output stride", default, "choice", choices=("16", "8"), help=_STRIDE_HELP)


def _width(default: int, low: int, high: int, text: str) -> Option:
    return Option("width", "Width", default, "integer", low, high, step=max(1, low), help=text)


OPTIONS: dict[str, tuple[tuple[When, Option], ...]] = {
    "unet": (
        ("own encoder", _width(64, 4, 128, "Channels of the first level; each level below has twice as many")),
        (
            "other encoder",
            Option("decoder", "Decoder", "standard", "choice", choices=("slim", "standard", "wide"),
                   help="Slim has half the channels of standard, wide twice as many"),
        ),
    ),
    "unetplusplus": (
        ("always", Option("depth", "Depth", 4, "integer", 1, 4, help="Less than 4 prunes the network: quicker and coarser")),
    ),
    "unet3plus": (
        ("always", Option("guided", "Classes guided", True, "switch",
                          help="The classification-guided module weighs down classes that are not in the picture")),
    ),
    "deeplabv1": (
        ("always", Option("branches", "Side branches", True, "switch", help="Finer features join before the scores")),
    ),
    "deeplabv2": (
        ("always", Option("multi_scale", "Three scales", True, "switch",
                          help="The picture goes through at 1, ¾ and ½ of its size; off is three times quicker")),
    ),
    "deeplabv3": (
        ("always", _stride("16")),
        ("always", Option("cascade", "Cascaded", False, "switch", help="Atrous blocks one after another in place of ASPP")),
    ),
    "deeplabv3plus": (("always", _stride("16")),),
    "pspnet": (("always", _stride("8")),),
    "pixelnet": (
        ("always", Option("samples", "Pixels a picture", 2000, "integer", 100, 100_000, 100,
                          help="Pixels of each picture that a training step looks at")),
        ("always", Option("width", "Width", 1024, "integer", 64, 4096, 64, help="Of the perceptron; the paper has 4096")),
    ),
    "vnet": (("always", _width(16, 4, 64, "Channels of the first level; each level below has twice as many")),),
}  # fmt: skip
"""Options by network id; networks without any are left out."""


def options_of(arch: str, encoder: str = "") -> tuple[Option, ...]:
    """The options of a network with an encoder ("" = its default).

    Raises
    ------
    UserError
        When either is unknown or they do not fit.
    """
    is_own = checked_encoder(arch, encoder) == NO_ENCODER
    fitting = ("always", "own encoder" if is_own else "other encoder")
    return tuple(option for when, option in OPTIONS.get(arch, ()) if when in fitting)


def merged_options(arch: str, encoder: str, given: Mapping[str, object]) -> dict[str, Value]:
    """All options of a network with what is *given* in place of the defaults.

    Raises
    ------
    UserError
        When a name or a value does not fit.
    """
    specs = options_of(arch, encoder)
    if given and not specs:
        from segstudio.core.errors import UserError

        raise UserError(f"{arch} has no option {next(iter(given))!r}", remedy="it takes none")
    return merged(specs, given)


def kept_options(arch: str, encoder: str, given: Mapping[str, object]) -> dict[str, Value]:
    """Those of *given* that the network with this encoder has and takes; the others are dropped."""
    from segstudio.core.errors import UserError

    kept: dict[str, Value] = {}
    for option in options_of(arch, encoder):
        if option.key in given:
            try:
                kept[option.key] = option.checked(given[option.key])
            except UserError:
                continue
    return kept
