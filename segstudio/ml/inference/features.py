"""What a model's encoder makes of an image, as one vector: the mean of its deepest features over all windows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

if TYPE_CHECKING:
    from segstudio.core.looks import Look
    from segstudio.ml.api import AnySegmenter

ENCODERS = ("encoder", "backbone", "features", "body")
"""What networks call the part that reads the picture."""
MOST_FEATURES = 512
"""Longer vectors are brought to this length by a fixed random projection, which keeps distances (Johnson and Lindenstrauss)."""


class FeatureTap:
    """While the block runs, every forward pass of *segmenter*'s encoder adds to :meth:`features`.

    A model without an encoder that can be listened to (an ONNX file, a plug-in) is told by its classes alone.
    """

    def __init__(self, segmenter: AnySegmenter) -> None:
        self._encoder = _encoder_of(getattr(segmenter, "module", None))
        self._sum: torch.Tensor | None = None
        self._count = 0
        self._handle: Any = None

    def __enter__(self) -> FeatureTap:
        if self._encoder is not None:
            self._handle = self._encoder.register_forward_hook(self._on_forward)
        return self

    def __exit__(self, *_: object) -> None:
        if self._handle is not None:
            self._handle.remove()

    def _on_forward(self, _module: object, _inputs: object, output: object) -> None:
        deepest = _deepest(output)
        if deepest is None:
            return
        # Mean and deviation over the picture: what is in it, and how mixed it is.
        flat = deepest.detach().float().flatten(2)
        told = torch.cat([flat.mean(2), flat.std(2, correction=0)], dim=1).sum(0).double().cpu()
        self._sum = told if self._sum is None or len(self._sum) != len(told) else self._sum + told
        self._count += deepest.shape[0]

    def with_features(self, look: Look) -> Look:
        """*look* with the features that came together."""
        if self._sum is None:
            share = np.sqrt(np.maximum(look.class_share, 0))
            return replace(look, features=np.concatenate([share, look.class_doubt]).astype(np.float32))
        return replace(look, features=shortened((self._sum / max(1, self._count)).numpy()))


def shortened(features: np.ndarray[Any, np.dtype[np.floating]]) -> np.ndarray[Any, np.dtype[np.float32]]:
    """(d,) float32, at most :data:`MOST_FEATURES` long; not a number becomes 0."""
    clean: np.ndarray[Any, np.dtype[np.float32]] = np.nan_to_num(features.astype(np.float32))
    if len(clean) <= MOST_FEATURES:
        return clean
    turned = np.random.default_rng(len(clean)).standard_normal((MOST_FEATURES, len(clean)), dtype=np.float32)
    short: np.ndarray[Any, np.dtype[np.float32]] = turned @ clean
    short /= np.float32(MOST_FEATURES**0.5)
    return short


def _encoder_of(module: Any) -> torch.nn.Module | None:
    if not isinstance(module, torch.nn.Module):
        return None
    for name in ENCODERS:
        part = getattr(module, name, None)
        if isinstance(part, torch.nn.Module):
            return part
    return None


def _deepest(output: object) -> torch.Tensor | None:
    """The last feature map (N, C, …) of what an encoder returns."""
    if isinstance(output, torch.Tensor):
        return output if output.dim() >= 4 else None
    if isinstance(output, Mapping):
        output = list(output.values())
    if isinstance(output, Sequence):
        for part in reversed(output):
            found = _deepest(part)
            if found is not None:
                return found
    return None
