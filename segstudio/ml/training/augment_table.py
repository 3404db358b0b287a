"""The steps of the augmentation that can be set: name, range, what each preset has. No torch: window and command line read it."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, get_args

from segstudio.core.errors import UserError
from segstudio.ml.classic.options import Option
from segstudio.ml.plan import Augment

if TYPE_CHECKING:
    from collections.abc import Mapping

    from segstudio.ml.classic.options import Value

PRESETS: tuple[tuple[Augment, str, str], ...] = (
    ("none", "None", "Patches as they are: only for data that was augmented before"),
    ("light", "Light", "Mirrored left and right"),
    ("standard", "Standard", "Also small turns, warps, light and colour: for pictures that are always upright"),
    ("overhead", "Overhead", "Also upside down and quarter turns: from the air, and sections"),
    ("microscopy", "Microscopy", "Any turn, other stains, grey and inverted: for slides and cells"),
)
"""(id, title, when to choose it) of each preset."""


def _share(key: str, title: str, text: str, *defaults: float) -> tuple[Option, tuple[float, ...]]:
    return Option(key, title, defaults[2], "number", 0, 1, 0.05, help=text), defaults


def _number(
    key: str, title: str, low: float, high: float, step: float, text: str, *defaults: float
) -> tuple[Option, tuple[float, ...]]:
    return Option(key, title, defaults[2], "number", low, high, step, help=text), defaults


# Each row ends with the values of none, light, standard, overhead and microscopy.
_ROWS: tuple[tuple[Option, tuple[Value, ...]], ...] = (
    _share("flip", "Mirrored", "Part of the patches mirrored left and right", 0, 0.5, 0.5, 0.5, 0.5),
    _share("vertical_flip", "Upside down", "Part of the patches mirrored top and bottom", 0, 0, 0, 0.5, 0.5),
    (Option("quarter_turns", "Quarter turns", False, "switch", help="Turn by 0, 90, 180 or 270 degrees, all alike often"),
     (False, False, False, True, True)),
    _number("rotate", "Turned by, at most", 0, 180, 5, "Degrees to either side; what turns in from outside is ignored",
            0, 0, 15, 15, 45),
    _share("rotate_share", "Share turned", "Part of the patches that are turned", 0.3, 0.3, 0.3, 0.3, 0.5),
    _share("elastic", "Share warped", "Part of the patches that are bent like rubber", 0, 0, 0.15, 0.15, 0.15),
    _number("elastic_sigma_px", "Warp strength", 0, 100, 1,
            "Pixels that the points of a grid of 3 by 3 are moved by (U-Net: 10); 0 makes many fine waves instead", 0, 0, 0, 0, 0),
    _share("stain", "Other stains", "Part of the stained slides redrawn in other dyes (RGB)", 0, 0, 0, 0, 0.6),
    _share("colour", "Share recoloured", "Part of the patches whose light and colours change", 0.7, 0.7, 0.7, 0.7, 0.7),
    _share("brightness", "Brightness", "Change by at most so much", 0, 0, 0.35, 0.35, 0.35),
    _share("contrast", "Contrast", "Change by at most so much", 0, 0, 0.35, 0.35, 0.35),
    _share("saturation", "Saturation", "Change by at most so much (RGB)", 0, 0, 0.3, 0.3, 0.3),
    _number("hue", "Hue", 0, 0.5, 0.01, "Change by at most so much; 0.5 is all colours (RGB)", 0, 0, 0.03, 0.03, 0.08),
    _share("grey", "Grey", "Part of the patches without colours (RGB)", 0, 0, 0, 0, 0.2),
    _share("invert", "Inverted", "Part of the patches with light and dark swapped", 0, 0, 0, 0, 0.15),
    _share("blur", "Blurred", "Part of the patches out of focus", 0, 0, 0.15, 0.15, 0.15),
    _number("blur_px", "Blur, at most", 0.3, 10, 0.1, "Standard deviation of the blur in pixels", 1.5, 1.5, 1.5, 1.5, 1.5),
    _share("noise", "Noisy", "Part of the patches with noise in every pixel and band", 0, 0, 0, 0, 0),
    _number("noise_sigma", "Noise, at most", 0, 0.5, 0.01, "Standard deviation of the noise; the full range is 1",
            0.05, 0.05, 0.05, 0.05, 0.05),
)  # fmt: skip

OPTIONS: tuple[Option, ...] = tuple(option for option, _ in _ROWS)
"""Every step, in the order of the window's form; the defaults are those of "standard"."""
RGB_ONLY = frozenset({"stain", "saturation", "hue", "grey"})
"""Steps that pictures of other than three bands are spared."""


def defaults(preset: str) -> dict[str, Value]:
    """Value of every option in a preset ("none", "light", "standard" …)."""
    column = get_args(Augment).index(preset)
    return {option.key: values[column] for option, values in _ROWS}


def has_no_up(preset: str) -> bool:
    """Whether a preset is for pictures that look alike from every side (from the air, of sections)."""
    return bool(defaults(preset)["quarter_turns"])


def checked_options(preset: str, given: Mapping[str, object]) -> dict[str, Value]:
    """All options of the augmentation: the preset's, with what is *given* (values may be text) in place of them.

    Raises
    ------
    UserError
        When there is no such preset or option, or a value is out of its range.
    """
    if preset not in get_args(Augment):
        raise UserError(f"there is no augmentation {preset!r}", remedy=f"choose one of {', '.join(get_args(Augment))}")
    values = defaults(preset)
    known = {option.key: option for option in OPTIONS}
    for key, value in given.items():
        if key not in known:
            near = difflib.get_close_matches(key, list(known), n=1, cutoff=0.4)
            hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(known)}"
            raise UserError(f"the augmentation has no option {key!r}", remedy=hint)
        values[key] = known[key].checked(value)
    return values


def changed_options(preset: str, values: Mapping[str, object]) -> dict[str, Value]:
    """Those of *values* that differ from the preset's: what a plan's ``augment_options`` need say.

    Raises
    ------
    UserError
        As :func:`checked_options`.
    """
    plain = defaults(preset)
    return {key: value for key, value in checked_options(preset, values).items() if value != plain[key]}
