"""Which architectures are not ours, and who loads them. No torch here."""

from __future__ import annotations

TORCHVISION, SMP = "torchvision:", "smp:"
"""Prefixes of the architecture in the card of a converted checkpoint."""
_LOAD = "segstudio.ml.foreign.checkpoint:load_converted"


def loader_of(architecture: str) -> str:
    """What loads a safetensors file with this architecture in its card; "" for the program's own."""
    return _LOAD if architecture.startswith((TORCHVISION, SMP)) else ""
