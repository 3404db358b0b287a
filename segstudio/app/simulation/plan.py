"""What a simulation is to do, and what was reached: plain values that the command line, tests and benches share."""

from __future__ import annotations

import dataclasses
import re
from dataclasses import dataclass, field
from typing import Any, Literal, cast, get_args

from segstudio.core.errors import UserError

AnnotatorKind = Literal["paint", "clicks", "exact"]
OrderKind = Literal["given", "random", "uncertainty", "diversity", "both"]
LoopKind = Literal["continuous", "rounds", "none"]
HoldOut = Literal["image", "blocks"]
Unit = Literal["strokes", "pixels", "images"]
EndedBy = Literal["budget", "target", "images", "stopped"]
UNITS: dict[str, Unit] = {
    "": "strokes", "strokes": "strokes", "stroke": "strokes", "clicks": "strokes",
    "px": "pixels", "pixels": "pixels", "images": "images", "image": "images",
}  # fmt: skip


@dataclass(frozen=True)
class Budget:
    """How much a person may do in all."""

    amount: int
    unit: Unit = "strokes"

    def __str__(self) -> str:
        return f"{self.amount:,} {self.unit}"


def parse_budget(text: str) -> Budget:
    """Read "500" (strokes), "20000px" or "12images".

    Raises
    ------
    UserError
        For anything else.
    """
    match = re.fullmatch(r"([0-9][0-9_,]*)\s*([a-z]*)", text.strip().lower())
    unit = None if match is None else UNITS.get(match[2])
    amount = 0 if match is None else int(re.sub("[_,]", "", match[1]))
    if unit is None or amount < 1:
        raise UserError(f"the budget is {text!r}", remedy="write 500 (strokes), 20000px or 12images")
    return Budget(amount, unit)


@dataclass(frozen=True)
class HandPlan:
    """How exact the simulated hand is. Lengths are in image pixels.

    ``jitter_px`` is the standard deviation of its shake across the line it means to draw, ``late_px`` by how much it goes on
    where it should stop, on average. Places of fewer than ``overlooked_px`` pixels are never seen, those up to four times as
    large are missed with the chance ``miss_share``. Borders off by ``tolerance_px`` are taken for right.
    """

    jitter_px: float = 0.7
    late_px: float = 1.5
    overlooked_px: int = 20
    miss_share: float = 0.2
    tolerance_px: float = 2.0
    slack_px: float = 1.5
    smallest_brush_px: float = 2.0
    largest_brush_px: float = 128.0
    longest_stroke_px: float = 400.0
    looks: int = 2
    clicks_per_object: int = 6
    enough_iou: float = 0.9

    @classmethod
    def steady(cls) -> HandPlan:
        """A hand that does what it means to do."""
        return cls(jitter_px=0.0, late_px=0.0, miss_share=0.0)


@dataclass(frozen=True)
class SimulationPlan:
    """Everything that defines a simulation; two of the same plan on one device with one thread give the same curves.

    ``data`` is a dataset (``folder:IMAGES,MASKS`` …) whose masks the simulated person knows; ``class_names`` names its classes
    where it does not. Its test split (else the validation split, else the last ``test_images`` images, 0 = a fifth) is measured
    on and never part of the project; ``pool_images`` > 0 takes only so many of the others, seeded. Orders that need a model
    let it look at ``candidates`` of the images left, drawn anew after each round (0 = at all).

    The ``annotator`` paints, clicks, or pastes the truth as one edit ("exact": for comparing orders alone).
    ``strokes_per_image`` 0 = as many as it takes; with continuous learning images come round again until each is right.
    With ``places_per_image`` only so many places of an image are put right and
    confirmed before the next image, those where the model is least sure, and after the last image it begins anew with the first.
    Without ``has_proposals`` each image is labelled from nothing. While there is no model yet, continuous learning lets the person
    label only a square of ``sketch_px`` first, and proposes the rest (0: the first image is labelled from nothing).

    ``loop`` is how the model learns: continuously, a round being done in the time of ``strokes_per_round`` strokes, in
    rounds after every ``images_per_round`` images, or not at all; ``steps`` are taken in each round. ``model`` is what the
    first proposals come from, and what learning starts from ("" = from the encoder's ImageNet weights), ``freeze`` the share of
    the encoder that rounds leave as it is. Measured is after every
    ``measure_every`` images, and with ``measure_strokes`` > 0 also after so many strokes, when the model is another one.
    ``patch_px`` and ``batch`` 0 are the loop's own; ``augment`` is how training patches are changed, as ``segstudio train`` names it.
    ``hold_out`` is what rounds take out of training: a tenth of the images, or blocks of all of them, where there are few large ones.
    """

    data: str
    budget: Budget = field(default_factory=lambda: Budget(500))
    annotator: AnnotatorKind = "paint"
    order: OrderKind = "given"
    loop: LoopKind = "rounds"
    seed: int = 0
    class_names: tuple[str, ...] = ()
    test_images: int = 0
    pool_images: int = 0
    candidates: int = 0
    strokes_per_image: int = 0
    places_per_image: int = 0
    sketch_px: int = 0
    has_proposals: bool = True
    hand: HandPlan = field(default_factory=HandPlan)
    click_model: str = ""

    model: str = ""
    arch: str = "unet"
    encoder: str = "efficientnet_lite0"
    is_pretrained: bool = True
    steps: int = 40
    images_per_round: int = 1
    strokes_per_round: int = 25
    patch_px: int = 0
    batch: int = 0
    lr: float = 1e-3
    freeze: float = 0.0
    augment: str = "standard"
    hold_out: HoldOut = "image"
    device: str = "auto"
    threads: int = 0
    measure_every: int = 1
    measure_strokes: int = 0
    target: float = 0.0
    """Stop once the test images reach this (Dice of the classes but background, or mean IoU); 0 = never."""

    def to_json(self) -> dict[str, Any]:
        """The plan as a JSON object."""
        return dataclasses.asdict(self)

    def checked(self) -> SimulationPlan:
        """The plan itself.

        Raises
        ------
        UserError
            When a value cannot be worked with.
        """
        for name, kinds in (("annotator", AnnotatorKind), ("order", OrderKind), ("loop", LoopKind)):
            if getattr(self, name) not in get_args(kinds):
                raise UserError(f"--{name} is {getattr(self, name)!r}", remedy=f"choose {', '.join(get_args(kinds))}")
        for name, least, most in _LIMITS:
            value = getattr(self, name)
            if not least <= value <= most:
                raise UserError(f"{name.replace('_', ' ')} is {value:g}", remedy=f"give {least:g} to {most:g}")
        if self.loop == "none" and self.order in ("uncertainty", "both") and not self.model:
            raise UserError(
                "without a model nothing is uncertain", remedy="give --model or another --loop, or --order random"
            )
        if self.places_per_image and self.annotator != "paint":
            raise UserError("only a painting annotator goes from place to place", remedy="give --annotator paint")
        if self.sketch_px and self.loop != "continuous":
            raise UserError("a sketch is learnt from by continuous learning only", remedy="give --loop continuous")
        return self


_LIMITS = (
    ("test_images", 0, 100_000), ("pool_images", 0, 1_000_000), ("candidates", 0, 1_000_000), ("freeze", 0.0, 1.0),
    ("strokes_per_image", 0, 1_000_000), ("places_per_image", 0, 1000),
    ("sketch_px", 0, 100_000),
    ("steps", 1, 100_000), ("images_per_round", 1, 10_000), ("strokes_per_round", 1, 100_000), ("patch_px", 0, 4096),
    ("batch", 0, 256), ("lr", 1e-7, 1.0), ("threads", 0, 1024), ("measure_every", 1, 100_000),
    ("measure_strokes", 0, 1_000_000), ("target", 0.0, 1.0),
)  # fmt: skip


@dataclass
class Effort:
    """What a person did: ``strokes`` (clicks and accepting count as one each) and the ``pixels`` that brushes went over.

    ``accepted`` pixels were taken from proposals.
    """

    strokes: int = 0
    pixels: int = 0
    images: int = 0
    clicks: int = 0
    accepted: int = 0

    def of(self, unit: Unit) -> int:
        """The effort in one unit."""
        return cast("int", getattr(self, unit))

    def copy(self) -> Effort:
        """As it is now."""
        return dataclasses.replace(self)


@dataclass(frozen=True)
class CurvePoint:
    """The effort so far, and the quality reached by it.

    ``mean_dice``, ``foreground_dice`` (without a class called background) and ``mean_iou`` are those of the model on the
    test images, None while there is no model; ``labels_dice`` is how well the labels made so far agree with the truth over
    the images worked on, ``proposal_dice`` how well the proposal of this image did before it was corrected. ``seconds`` is
    the time since the simulation began, ``train_seconds`` the part of it that training took.
    """

    strokes: int
    pixels: int
    images: int
    clicks: int = 0
    accepted: int = 0
    image: str = ""
    mean_dice: float | None = None
    foreground_dice: float | None = None
    mean_iou: float | None = None
    labels_dice: float | None = None
    proposal_dice: float | None = None
    model: str = ""
    seconds: float = 0.0
    train_seconds: float = 0.0


@dataclass(frozen=True)
class Simulation:
    """A finished simulation: its plan, its curve, and why it ended."""

    plan: SimulationPlan
    points: tuple[CurvePoint, ...]
    classes: tuple[str, ...]
    pool_images: int
    test_images: int
    ended_by: EndedBy
    device: str = ""
    seconds: float = 0.0
    notes: tuple[str, ...] = ()

    def effort_to(self, quality: float, key: str = "foreground_dice") -> CurvePoint | None:
        """The first point whose quality is at least *quality*; None when it was not reached."""
        return next((p for p in self.points if (getattr(p, key) or 0.0) >= quality), None)

    def best(self, key: str = "foreground_dice") -> float | None:
        """The best quality of all points; None where nothing was measured."""
        return max((v for p in self.points if (v := getattr(p, key)) is not None), default=None)
