"""What networks cost: parameters, multiply-adds, memory. Read from a table that was measured once; no torch here.

``packaging/measure_networks.py`` writes the table; a test measures some of its rows again.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple

from segstudio.io.resources import resource_path
from segstudio.ml.networks.table import ARCHITECTURES, NO_ENCODER

TABLE = "models/networks.json"
"""Below the resources."""
REFERENCE_PX, REFERENCE_CLASSES, REFERENCE_BANDS = 512, 21, 3
"""Side of the window, classes (PASCAL VOC's) and bands that the table holds figures for."""
TORCHVISION = "torchvision"
"""In place of a network's id: the rows of torchvision's networks, whose "encoder" is their builder's name."""
ENCODER_ALONE = "encoder"
"""In place of a network's id: the rows of encoders by themselves."""
BYTES_A_NUMBER = 4
TRAINING_COPIES = 4
"""Weights, gradients and the two moments of AdamW."""


class CostRow(NamedTuple):
    """A row of the table: figures for the reference window, and what a class or band more adds to them.

    Multiply-adds and bytes are for one window of 512², without the weights; ``training`` bytes for one image more in a batch.
    """

    parameters: int
    parameters_a_class: int
    parameters_a_band: int
    multiply_adds: int
    multiply_adds_a_class: int
    multiply_adds_a_band: int
    memory: int
    memory_a_class: int
    training: int
    training_a_class: int


class EncoderFacts(NamedTuple):
    """Strides and channels of an encoder's features, finest first, and the licence its publisher names for the ImageNet weights."""

    strides: tuple[int, ...] = ()
    channels: tuple[int, ...] = ()
    licence: str = ""


@dataclass(frozen=True)
class NetworkCosts:
    """What one window of ``height`` × ``width`` px costs in float32.

    ``memory_bytes`` is what inference takes at its peak, weights included; ``training_fixed_bytes`` what training takes whatever
    the batch (weights, gradients, moments), ``training_image_bytes`` each image of the batch besides (0: not known).
    """

    height: int
    width: int
    parameters: int
    multiply_adds: int
    memory_bytes: int
    training_fixed_bytes: int
    training_image_bytes: int

    def training_bytes(self, batch: int) -> int:
        """Estimate for a batch of so many images of this size."""
        return self.training_fixed_bytes + batch * self.training_image_bytes


def costs_of(
    arch: str,
    encoder: str = "",
    bands: int = REFERENCE_BANDS,
    classes: int = REFERENCE_CLASSES,
    height: int = REFERENCE_PX,
    width: int = REFERENCE_PX,
) -> NetworkCosts | None:
    """The costs of a network with an encoder ("" = its default) on a window of *height* × *width* px; None when not known.

    Convolutions cost by the pixel, so the figures grow with the area, sides rounded up to the network's stride. *arch* may be
    :data:`TORCHVISION` with a builder's name as *encoder*, or :data:`ENCODER_ALONE`.
    """
    spec = ARCHITECTURES.get(arch)
    row = table().get(arch, {}).get(encoder or (spec.default_encoder if spec else NO_ENCODER))
    if row is None:
        return None
    stride = spec.stride_px if spec else 8
    share = math.prod(math.ceil(max(1, side) / stride) * stride for side in (height, width)) / REFERENCE_PX**2
    more_classes, more_bands = classes - REFERENCE_CLASSES, bands - REFERENCE_BANDS
    parameters = row.parameters + more_classes * row.parameters_a_class + more_bands * row.parameters_a_band
    adds = row.multiply_adds + more_classes * row.multiply_adds_a_class + more_bands * row.multiply_adds_a_band
    own_memory = row.memory + more_classes * row.memory_a_class + more_bands * BYTES_A_NUMBER * REFERENCE_PX**2
    training = row.training + more_classes * row.training_a_class + more_bands * BYTES_A_NUMBER * REFERENCE_PX**2
    return NetworkCosts(
        height,
        width,
        max(0, parameters),
        round(max(0, adds) * share),
        round(max(0, own_memory) * share) + parameters * BYTES_A_NUMBER,
        parameters * BYTES_A_NUMBER * TRAINING_COPIES if row.training else 0,
        round(max(0, training) * share) if row.training else 0,
    )


@cache
def table() -> dict[str, dict[str, CostRow]]:
    """Network id → encoder id → row; empty where the file is missing, since it only informs."""
    rows = _document().get("rows", {})
    return {arch: {name: CostRow(*row) for name, row in of.items()} for arch, of in rows.items()}


def encoder_facts(name: str) -> EncoderFacts:
    """What is known of an encoder; empty where the table does not hold it."""
    found = _document().get("encoders", {}).get(name)
    return EncoderFacts() if found is None else EncoderFacts(tuple(found[0]), tuple(found[1]), str(found[2]))


@cache
def _document() -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads(resource_path(TABLE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found
