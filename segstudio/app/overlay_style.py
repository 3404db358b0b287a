"""How the layers are drawn over the image: one frozen value that the canvas reads and the overlay panel writes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

OverlayMode = Literal["fill", "outline"]
Heat = Literal["none", "confidence", "uncertainty"]


@dataclass(frozen=True, slots=True)
class OverlayStyle:
    """What of the layers is shown, and how.

    ``opacity`` is 0…1, ``outline_width_px`` in screen pixels. ``is_hidden`` is true while the hide key is held.
    ``shows_unseen`` veils what nobody looked at (:mod:`segstudio.app.looking`).
    """

    opacity: float = 0.5
    mode: OverlayMode = "fill"
    outline_width_px: int = 2
    shows_labels: bool = True
    shows_proposal: bool = True
    shows_difference: bool = False
    heat: Heat = "none"
    shows_grid: bool = True
    is_hidden: bool = False
    shows_unseen: bool = False
