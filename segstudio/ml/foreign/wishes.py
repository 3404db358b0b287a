"""What a person says of a stranger's model, which its file does not say itself. No torch here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from segstudio.core.errors import UserError
from segstudio.ml.cards import IMAGENET_MEAN, IMAGENET_STD, Scaling

Output = Literal["", "logits", "probabilities"]
Fit = Literal["", "windows", "whole"]
BACKGROUND_NAMES = frozenset({"background", "bg", "unlabelled", "unlabeled", "void"})


@dataclass(frozen=True)
class Wishes:
    """What is known of a model beside its file; empty values are found out or guessed.

    ``classes`` names the channels of its answer in order; a first one called "background" is never proposed. ``mean`` and
    ``std`` are those of the training, of values 0 … 1. ``output`` says whether it answers with logits or probabilities,
    ``fit`` what becomes of an image that is bigger than a fixed input: cut into windows, or the whole of it resampled.
    ``model_id`` is the name to install it under ("" = the file's).
    """

    classes: tuple[str, ...] = ()
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()
    scaling: Scaling = "unit8"
    output: Output = ""
    fit: Fit = ""
    model_id: str = ""
    licence: str = ""

    @property
    def is_empty(self) -> bool:
        """Whether nothing was said."""
        return self == Wishes()

    @property
    def is_unsaid(self) -> bool:
        """Whether nothing was said of the model itself, but perhaps what to call it."""
        return self == Wishes(model_id=self.model_id, licence=self.licence)

    def names(self, channels: int) -> tuple[str, ...]:
        """The classes of a model with so many channels: as told, else numbered. One channel tells an object from the rest.

        Raises
        ------
        UserError
            When another number of names was given.
        """
        if channels == 1:
            if len(self.classes) > 2:
                raise _wrong_count(2, self.classes)
            return ("background", "object") if not self.classes else ("background", self.classes[-1])
        if self.classes and len(self.classes) != channels:
            raise _wrong_count(channels, self.classes)
        return self.classes or tuple(f"class {index}" for index in range(channels))

    def statistics(self, bands: int) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """(mean, std) of each band: as told, else ImageNet's for three bands and 0 and 1 for others.

        Raises
        ------
        UserError
            When another number was given.
        """
        return (
            self._per_band("--mean", self.mean, bands, IMAGENET_MEAN if bands == 3 else (0.0,) * bands),
            self._per_band("--std", self.std, bands, IMAGENET_STD if bands == 3 else (1.0,) * bands),
        )

    def _per_band(
        self, option: str, given: tuple[float, ...], bands: int, default: tuple[float, ...]
    ) -> tuple[float, ...]:
        if len(given) == 1:
            return given * bands
        if given and len(given) != bands:
            raise UserError(
                f"{option} holds {len(given)} numbers, but the model reads {bands} bands",
                remedy=f"give one number for all, or {bands}",
            )
        if option == "--std" and any(value <= 0 for value in given):
            raise UserError("--std holds a number that is not above 0", remedy="give deviations above 0")
        return given or default


def background_of(classes: tuple[str, ...]) -> int | None:
    """0 where the first class is called background or the like."""
    return 0 if classes and classes[0].strip().lower() in BACKGROUND_NAMES else None


def checked_choice(name: str, value: str, kind: object) -> str:
    """*value* when it is one of the Literal *kind*.

    Raises
    ------
    UserError
        When it is not.
    """
    allowed = [item for item in get_args(kind) if item]
    if value and value not in allowed:
        raise UserError(f"--{name} is {value!r}", remedy=f"choose one of {', '.join(allowed)}")
    return value


def _wrong_count(channels: int, names: tuple[str, ...]) -> UserError:
    return UserError(
        f"the model tells {channels} classes apart, but {len(names)} names were given",
        remedy=f"give {channels} names, the background among them",
    )
