"""Builds an encoder from its id."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from segstudio.ml.networks.table import encoder

if TYPE_CHECKING:
    from segstudio.ml.encoders.timm_encoder import TimmEncoder


def build_encoder(name: str, *, bands: int = 3, pretrained: bool = False) -> TimmEncoder:
    """A feature extractor with ``channels`` and ``reductions``, finest feature first.

    Raises
    ------
    UserError
        For an unknown id, or when *pretrained* weights cannot be had.
    """
    spec = encoder(name)
    module, function = spec.builder.split(":")
    built: TimmEncoder = getattr(importlib.import_module(module), function)(spec.timm_name, bands, pretrained)
    return built
