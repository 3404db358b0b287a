"""Refinements of a proposal, as rows of the catalog: cards, options, and what a chosen one is. No torch here."""

from __future__ import annotations

import difflib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from segstudio.core.errors import UserError
from segstudio.ml.cards import ModelCard, WeightsSource
from segstudio.ml.classic.options import Option, merged
from segstudio.ml.refine.parameters import CrfParameters, MrfParameters

if TYPE_CHECKING:
    from collections.abc import Mapping

    from segstudio.ml.classic.options import Value

PREFIX = "refine/"


@dataclass(frozen=True)
class RefineMethod:
    """A way to refine: its ``options`` are shown as a form; ``can_be_trained`` as the last layers of a network."""

    id: str
    name: str
    description: str
    options: tuple[Option, ...]
    can_be_trained: bool = False


@dataclass(frozen=True)
class Refinement:
    """A method and all its options, checked; :func:`refinement` makes one."""

    method: RefineMethod
    options: tuple[tuple[str, Value], ...]

    @property
    def certainty(self) -> float:
        """The most that a pixel of a proposal is trusted, as a probability."""
        return float(self._value("certainty"))

    @property
    def reach_px(self) -> int:
        """How far an object may grow beyond its outline, in pixels."""
        return int(self._value("reach_px"))

    @property
    def margin_px(self) -> int:
        """How far a piece looks beyond its border."""
        if self.method.id == "mrf":
            given = self.parameters
            assert isinstance(given, MrfParameters)
            once = given.grid_steps * given.spacing_px + given.context_px // 2
            return min(96, once * given.iterations)
        return min(96, max(32, round(float(self._value("theta_alpha_px")))))

    @property
    def parameters(self) -> CrfParameters | MrfParameters:
        """What the method's own code takes."""
        values = dict(self.options)
        if self.method.id == "mrf":
            return MrfParameters(
                grid_steps=int(values["grid_steps"]),
                spacing_px=int(values["spacing_px"]),
                theta_px=float(values["theta_px"]),
                theta_beta=float(values["theta_beta"]),
                context_weight=float(values["context_weight"]),
                iterations=int(values["iterations"]),
            )
        return CrfParameters(
            appearance_weight=float(values["appearance_weight"]),
            theta_alpha_px=float(values["theta_alpha_px"]),
            theta_beta=float(values["theta_beta"]),
            smoothness_weight=float(values["smoothness_weight"]),
            theta_gamma_px=float(values["theta_gamma_px"]),
            iterations=int(values["iterations"]),
        )

    def _value(self, key: str) -> Value:
        return dict(self.options)[key]


_CRF, _MRF = CrfParameters(), MrfParameters()
_CERTAINTY = Option(
    "certainty", "Trust (0–1)", 0.9, "number", 0.5, 0.999, 0.05,
    help="The most that a pixel of the proposal is trusted: lower lets the image change more",
)  # fmt: skip
_REACH = Option(
    "reach_px", "Reach (px)", 24, "integer", 1, 256, 4, is_minor=True,
    help="How far an object may grow beyond its outline",
)  # fmt: skip
_CRF_OPTIONS = (
    Option("theta_beta", "Colour θβ", _CRF.theta_beta, "number", 0.5, 255, 1,
           help="How unlike two pixels may be and still belong together, in steps of 0–255: smaller follows fainter edges"),
    Option("theta_alpha_px", "Distance θα (px)", _CRF.theta_alpha_px, "number", 1, 500, 5,
           help="How far apart pixels of like colour still support each other"),
    Option("appearance_weight", "Colour weight", _CRF.appearance_weight, "number", 0, 100, 1,
           help="How much pixels of like colour nearby count"),
    Option("theta_gamma_px", "Smoothing θγ (px)", _CRF.theta_gamma_px, "number", 0.5, 50, 0.5,
           help="How far neighbours support each other whatever their colour: larger wipes out larger specks"),
    Option("smoothness_weight", "Smoothing weight", _CRF.smoothness_weight, "number", 0, 100, 1,
           help="How much the neighbours count"),
    Option("iterations", "Iterations", _CRF.iterations, "integer", 1, 50, help="More settles further, and takes longer"),
    _CERTAINTY,
    _REACH,
)  # fmt: skip

METHODS: tuple[RefineMethod, ...] = (
    RefineMethod(
        "crf",
        "Fully connected CRF",
        "Moves the borders of a proposal onto the edges of the image and removes specks; every pixel supports those of like "
        "colour around it. Choose it first, for photographs and colour images with clear edges; small things want a small distance. "
        "P. Krähenbühl and V. Koltun 2011, arXiv:1210.5644.",
        _CRF_OPTIONS,
    ),
    RefineMethod(
        "crfrnn",
        "CRF as RNN",
        "The same CRF as layers whose weights are learnt: choose it as the last layers when you train a network "
        "(`train --refine crfrnn`). Applied to a proposal, where nothing was learnt, it does what the CRF does. "
        "S. Zheng et al. 2015, arXiv:1502.03240.",
        _CRF_OPTIONS,
        can_be_trained=True,
    ),
    RefineMethod(
        "mrf",
        "MRF (Deep Parsing Network)",
        "One step of a Markov random field with local filters that follow the colours and patterns of classes that stand beside "
        "each other. More careful than the CRF: choose it where that takes too much away, and as layers trained with a network "
        "(`train --refine mrf`). Z. Liu et al. 2015, arXiv:1509.02634, and 2016, arXiv:1606.07230.",
        (
            Option("theta_beta", "Colour θβ", _MRF.theta_beta, "number", 0.5, 255, 1,
                   help="How unlike two pixels may be and still listen to each other, in steps of 0–255"),
            Option("theta_px", "Distance θ (px)", _MRF.theta_px, "number", 0.5, 200, 1,
                   help="How near pixels that listen to each other lie"),
            Option("context_weight", "Context weight", _MRF.context_weight, "number", 0, 100, 1,
                   help="What it costs to stand among pixels of another class"),
            Option("iterations", "Iterations", _MRF.iterations, "integer", 1, 10, help="More settles further; the paper takes one"),
            _CERTAINTY,
            Option("grid_steps", "Grid steps", _MRF.grid_steps, "integer", 1, 25, is_minor=True,
                   help="How many pixels each way a pixel listens to"),
            Option("spacing_px", "Spacing (px)", _MRF.spacing_px, "integer", 1, 16, is_minor=True,
                   help="How far apart these pixels lie"),
            _REACH,
        ),
        can_be_trained=True,
    ),
)  # fmt: skip
_BY_ID = {method.id: method for method in METHODS}
TRAINABLE = tuple(method.id for method in METHODS if method.can_be_trained)
"""Refinements that a network can end with, as in ``TrainPlan.refine``."""


def method_of(ref: str | ModelCard) -> RefineMethod:
    """The method of an id ("crf" or "refine/crf"), or of a card of task ``refine``.

    Raises
    ------
    UserError
        When there is none; names the near ones.
    """
    name = ref.id if isinstance(ref, ModelCard) else ref
    plain = name.strip().lower().removeprefix(PREFIX)
    found = _BY_ID.get(plain)
    if found is None:
        near = difflib.get_close_matches(plain, list(_BY_ID), n=2, cutoff=0.5) or list(_BY_ID)
        raise UserError(f"there is no refinement {name!r}", remedy=f"did you mean {' or '.join(near)}?")
    return found


def refinement(ref: str | ModelCard, given: Mapping[str, object] | None = None) -> Refinement:
    """The method with what is *given* in place of its defaults; values may be text.

    Raises
    ------
    UserError
        When there is no such method or option, or a value does not fit.
    """
    method = method_of(ref)
    kept = ref.options if isinstance(ref, ModelCard) else {}
    return Refinement(method, tuple(merged(method.options, {**kept, **(given or {})}).items()))


def with_options(card: ModelCard, given: Mapping[str, object]) -> ModelCard:
    """A card of task ``refine`` with these options in place of its own.

    Raises
    ------
    UserError
        When an option does not fit.
    """
    return replace(card, options=dict(refinement(card, given).options))


def checked_layers(name: str) -> str:
    """*name* of refinement layers that a network can end with; "" for none.

    Raises
    ------
    UserError
        When there are none of that name.
    """
    if not name:
        return ""
    method = method_of(name)
    if not method.can_be_trained:
        raise UserError(
            f"{method.name} has nothing to learn", remedy=f"train with {' or '.join(TRAINABLE)}, or refine afterwards"
        )
    return method.id


def _card(method: RefineMethod) -> ModelCard:
    plain = ModelCard(
        id=PREFIX + method.id,
        name=method.name,
        task="refine",
        architecture=method.id,
        bands=1,
        mean=(0.0,),
        std=(1.0,),
        background_index=None,
        weights=WeightsSource("built-in"),
        licence="Apache-2.0",
        parameters=0,
        description=method.description,
    )
    return with_options(plain, {})


REFINE_CARDS: tuple[ModelCard, ...] = tuple(map(_card, METHODS))
