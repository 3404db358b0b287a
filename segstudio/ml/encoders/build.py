"""Builds an encoder from its id."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from segstudio.ml.networks.table import encoder

if TYPE_CHECKING:
    from segstudio.ml.encoders.timm_encoder import Encoder


def build_encoder(name: str, *, bands: int = 3, pretrained: bool = False, output_stride: int = 32) -> Encoder:
    """A feature extractor with ``channels`` and ``reductions``, finest feature first.

    *output_stride* 8 or 16 asks for the atrous version, whose last stages keep their resolution.

    Raises
    ------
    UserError
        For an unknown id, when *pretrained* weights cannot be had, or an encoder has no atrous version.
    """
    spec = encoder(name)
    module, function = spec.builder.split(":")
    built: Encoder = getattr(importlib.import_module(module), function)(
        spec.timm_name, bands, pretrained, output_stride
    )
    return built
