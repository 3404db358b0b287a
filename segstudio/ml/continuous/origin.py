"""What learning begins with: a version of the project, another model, or an encoder that knows ImageNet. No torch here."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from segstudio.core.errors import UserError
from segstudio.ml.continuous import versions
from segstudio.ml.networks.table import ARCHITECTURES
from segstudio.ml.registry import Catalog

if TYPE_CHECKING:
    from collections.abc import Iterable

    from segstudio.ml.cards import ModelCard
    from segstudio.ml.continuous.plan import LearnPlan

LARGEST_PATCH_PX = 256
CPU_PATCH_PX = 128
"""One labelled section of ISBI 2012 gives Dice 0.74 on unseen ones after 14 s of a core's time with 8 such patches a step.

With 4 of 256 px it takes 40 s.
"""
STEP_PX = 32


@dataclass(frozen=True)
class Origin:
    """A model to begin with: its id in the catalog and its card; ("", None) for none."""

    ref: str = ""
    card: ModelCard | None = None


def origin_of(plan: LearnPlan, ref: str = "") -> Origin:
    """The model that *plan* begins with, or the one that *ref* names.

    Raises
    ------
    UserError
        When it is not there, or is none that can learn further here.
    """
    ref = ref or plan.start_from
    if not ref and not plan.is_fresh:
        current = versions.current(plan.project)
        ref = "" if current is None else current.model_id
    if not ref:
        return Origin()
    card = Catalog(Path(plan.project)).find(ref).card
    if card.task != "semantic" or card.architecture not in ARCHITECTURES:
        raise UserError(f"{card.name} cannot learn further here", remedy="begin with one of segstudio's own networks")
    if card.window_depth or card.slices > 1:
        raise UserError(
            f"{card.name} looks at several planes of a volume at once", remedy="begin with a model of single planes"
        )
    return Origin(ref, card)


def patch_side(shapes: Iterable[tuple[int, int]], device: str) -> int:
    """The side of training patches for images of these (height, width) on *device*.

    As large as the smallest image, but 64 at least; 256 at most, on a CPU 128.
    """
    most = CPU_PATCH_PX if device == "cpu" else LARGEST_PATCH_PX
    longest = min((max(shape) for shape in shapes), default=most)
    return max(2 * STEP_PX, min(most, longest // STEP_PX * STEP_PX))
