"""What can be set of a model when it proposes: options of classic methods, views to average, the depth of a trained UNet++.

No torch here.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from segstudio.ml.classic import table as classic
from segstudio.ml.classic.options import Option, merged

if TYPE_CHECKING:
    from collections.abc import Mapping

    from segstudio.ml.cards import ModelCard
    from segstudio.ml.classic.options import Value

PRUNE = "prune_depth"
"""How deep a trained UNet++ is computed; its card's ``depth`` says how deep it was trained."""
PRUNE_HELP = "Less than it was trained with prunes the network: quicker and coarser"
_DEEPEST = 4
VIEWS = "views"
"""From how many sides a semantic model looks at each window (:mod:`segstudio.ml.inference.views`)."""
VIEWS_HELP = "2, 4 or 8 average the answers to mirrored and turned copies: so many times slower, a little better"
_VIEWS = Option(VIEWS, "Views", "1", "choice", choices=("1", "2", "4", "8"), help=VIEWS_HELP)

SCALES = "scales"
"""In how many sizes a semantic model looks at each window."""
SCALES_HELP = "3 or 5 average the answers at three quarters, or half, up to one and a half of the size: so many times slower"
_SCALES = Option(SCALES, "Sizes", "1", "choice", choices=("1", "3", "5"), help=SCALES_HELP)
SEMANTIC = (_VIEWS, _SCALES)
"""What every semantic model with weights takes."""


def options_of(card: ModelCard) -> tuple[Option, ...]:
    """The options of a model: of semantic ones the views, and what their network has."""
    if card.task == "classic":
        return classic.method_of(card).options
    if card.task != "semantic" or card.weights.kind == "untrained" or getattr(card, "window_depth", 0) > 0:
        return ()
    return (*SEMANTIC, *_network_options(card))


def _network_options(card: ModelCard) -> tuple[Option, ...]:
    said = card.options.get("depth")
    trained = said if isinstance(said, int) and said < _DEEPEST else _DEEPEST
    if card.architecture != "unetplusplus" or trained < 2:
        return ()
    return (Option(PRUNE, "Depth", trained, "integer", 1, trained, help=PRUNE_HELP),)


def values_of(card: ModelCard) -> dict[str, Value]:
    """The options of a model as they are set."""
    return {option.key: card.options.get(option.key, option.default) for option in options_of(card)}


def with_options(card: ModelCard, given: Mapping[str, object]) -> ModelCard:
    """*card* with these options in place of its own; a classic method's classes follow.

    Raises
    ------
    UserError
        When an option does not fit, or the model takes none.
    """
    specs = options_of(card)
    if card.task == "classic" or not specs or not given:
        return classic.with_options(card, given)
    return replace(card, options={**card.options, **merged(specs, {**values_of(card), **given})})
