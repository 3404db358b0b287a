"""The losses there are, by name, and how a sum of them is written ("ce+lovasz", "dice+0.01*boundary"). No torch."""

from __future__ import annotations

import difflib
from dataclasses import dataclass

from segstudio.core.errors import UserError

BOUNDARY_FACTOR = 0.01
"""What the boundary loss counts beside others unless a factor is given: where its paper begins."""


@dataclass(frozen=True, slots=True)
class LossSpec:
    """One loss. ``counts_pixels``: it is a mean over pixels, so that class weights and border weights apply; ``factor`` is its usual one.

    ``names`` are what else people call it.
    """

    id: str
    counts_pixels: bool = False
    factor: float = 1.0
    names: tuple[str, ...] = ()


LOSS_SPECS: tuple[LossSpec, ...] = (
    LossSpec("ce", True, names=("cross-entropy", "nll", "wce")),
    LossSpec("dice", names=("f1",)),
    LossSpec("bce", True, names=("binary", "sigmoid")),
    LossSpec("focal", True),
    LossSpec("ohem", True, names=("hard", "bootstrap")),
    LossSpec("lovasz", names=("jaccard", "iou")),
    LossSpec("tversky"),
    LossSpec("boundary", factor=BOUNDARY_FACTOR, names=("surface",)),
)
LOSS_IDS: tuple[str, ...] = tuple(spec.id for spec in LOSS_SPECS)
_BY_ID = {spec.id: spec for spec in LOSS_SPECS}
_REAL_NAMES = {name: spec.id for spec in LOSS_SPECS for name in (spec.id, *spec.names)}


@dataclass(frozen=True, slots=True)
class LossPart:
    """One loss of a sum, and what it is multiplied by."""

    id: str
    factor: float = 1.0

    @property
    def counts_pixels(self) -> bool:
        """Whether class weights and border weights apply to it."""
        return _BY_ID[self.id].counts_pixels


def parse_loss(text: str) -> tuple[LossPart, ...]:
    """The parts of a sum such as "ce+dice" or "ce+0.5*lovasz".

    Raises
    ------
    UserError
        When a name is none (with near ones), stands twice, or a factor is no number above 0.
    """
    parts = tuple(_part(piece.strip()) for piece in text.split("+"))
    twice = next((part.id for i, part in enumerate(parts) if part.id in {p.id for p in parts[:i]}), None)
    if twice is not None:
        raise UserError(f"the loss {text} names {twice} twice", remedy=f"name it once, with a factor such as 2*{twice}")
    return parts


def _part(piece: str) -> LossPart:
    factor, star, name = piece.rpartition("*")
    name = name.strip().casefold()
    if name not in _BY_ID:
        near = [name] if name in _REAL_NAMES else difflib.get_close_matches(name, list(_REAL_NAMES), n=2, cutoff=0.5)
        meant = " or ".join(dict.fromkeys(_REAL_NAMES[one] for one in near))
        raise UserError(
            f"there is no loss {name!r}",
            remedy=f"did you mean {meant}?" if meant else f"give {', '.join(LOSS_IDS)}, or a sum such as ce+lovasz",
        )
    if not star:
        return LossPart(name, _BY_ID[name].factor)
    try:
        value = float(factor)
    except ValueError:
        value = 0.0
    if not 0 < value < float("inf"):
        raise UserError(
            f"{factor.strip()!r} is no factor of a loss", remedy=f"give a number above 0, such as 0.5*{name}"
        )
    return LossPart(name, value)
