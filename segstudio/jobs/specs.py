"""What a job is asked to do: frozen, picklable, torch-free."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from segstudio.core.geometry import Rect
    from segstudio.ml.cards import ModelCard
    from segstudio.ml.plan import TrainPlan


@dataclass(frozen=True)
class ImageTask:
    """One image to propose for: the file, its planes in order, and parts of them (None = whole).

    ``size_px`` (width, height) is what the labels were made on: a file of another size is refused.
    """

    image_id: int
    path: str
    planes: tuple[int, ...] = (0,)
    rects: tuple[Rect, ...] | None = None
    size_px: tuple[int, int] | None = None


@dataclass(frozen=True)
class ProposeSpec:
    """Proposals of one model for some images; ``generation`` comes back with every result.

    ``options`` are those of a classic method.
    """

    model: str
    project_folder: str | None
    device: str
    tasks: tuple[ImageTask, ...]
    window_px: int | None = None
    overlap_px: int | None = None
    generation: int = 0
    options: tuple[tuple[str, Any], ...] = ()


@dataclass(frozen=True)
class PrefetchSpec:
    """Load a model now, so that the first proposal need not wait for it."""

    model: str
    project_folder: str | None
    device: str


@dataclass(frozen=True, eq=False)
class RefineSpec:
    """One piece of a proposal to refine; the answer is one WindowReady with a WindowResult over ``rect``.

    ``class_index`` is (h, w) uint16 with 0 … ``classes`` − 1, 0 = background, and ``confidence`` (h, w) uint8 how sure
    each is, 0 … 255 (0 of the background: not known). ``rect`` is in pixels of ``level``, which halves the image so often.
    """

    method: str
    image_id: int
    path: str
    rect: Rect
    class_index: npt.NDArray[np.uint16]
    confidence: npt.NDArray[np.uint8]
    classes: int
    z: int = 0
    level: int = 0
    size_px: tuple[int, int] | None = None
    device: str = "auto"
    options: tuple[tuple[str, Any], ...] = ()
    generation: int = 0


@dataclass(frozen=True)
class TrainSpec:
    """A training run."""

    plan: TrainPlan


@dataclass(frozen=True)
class ExportSpec:
    """A dataset to write from a project; the host opens the project read-only."""

    project_folder: str
    format: str
    out: str
    split: str = ""
    seed: int = 0
    image_ids: tuple[int, ...] | None = None
    options: tuple[tuple[str, Any], ...] = field(default=())


@dataclass(frozen=True)
class DownloadSpec:
    """Weights to fetch."""

    card: ModelCard
