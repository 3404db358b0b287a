"""What a job is asked to do: frozen, picklable, torch-free."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from segstudio.core.geometry import Rect
    from segstudio.core.looks import Measure
    from segstudio.io.formats.base import Selection, Tiling
    from segstudio.io.importing.plan import ImportRequest
    from segstudio.ml.api import Prompts
    from segstudio.ml.cards import ModelCard
    from segstudio.ml.continuous.plan import LearnPlan
    from segstudio.ml.interactive.everything import FoundObject
    from segstudio.ml.plan import TrainPlan
    from segstudio.ml.refine.proposal import ProposalData


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
class LookSpec:
    """Images that a model is to look at: how unsure it is of them, what they are like, which labels it doubts.

    ``other`` is the second model of the measure ``models``. Labels are held against the model where ``checks_labels``, its classes
    being those of ``class_map`` (model class index, class id of the project).
    """

    model: str
    project_folder: str | None
    device: str
    tasks: tuple[ImageTask, ...]
    measure: Measure = "entropy"
    other: str = ""
    checks_labels: bool = True
    class_map: tuple[tuple[int, int], ...] = ()
    options: tuple[tuple[str, Any], ...] = ()


@dataclass(frozen=True)
class PrefetchSpec:
    """Load a model now, so that the first proposal need not wait for it."""

    model: str
    project_folder: str | None
    device: str


@dataclass(frozen=True, eq=False)
class RefineSpec:
    """A proposal to refine, or the ``task.rects`` of it; each finished piece comes as a WindowReady with a RefinedPiece.

    With a ``level`` everything (the task's rectangles, the proposal, options in pixels) is in pixels of that level, which
    halves the image so often: a quick look at much of it.
    """

    method: str
    task: ImageTask
    proposal: ProposalData
    device: str = "auto"
    options: tuple[tuple[str, Any], ...] = ()
    generation: int = 0
    level: int = 0


@dataclass(frozen=True, eq=False)
class PromptSpec:
    """Prompts to a click model about one picture, ``image`` (y, x, 3) uint8 RGB, which ``key`` names.

    Without prompts the picture is only looked at, so that the first click need not wait. ``choice`` says which of
    several masks is taken ("best", "smallest", "largest"); ``after`` is the number of the reply that they correct (0 =
    none). With no such reply they correct ``mask`` (y, x) bool, where there is one.
    """

    model: str
    project_folder: str | None
    device: str
    key: str
    image: npt.NDArray[np.uint8]
    prompts: Prompts | None = None
    choice: str = "best"
    after: int = 0
    mask: npt.NDArray[np.bool_] | None = None


@dataclass(frozen=True, eq=False)
class SweepSpec:
    """Points of a picture ((N, 2) float32 in its pixels), each asked on its own; as PromptSpec otherwise.

    The host answers as many as it can in ``most_s`` seconds, one at least, so that a click need not wait for all.
    """

    model: str
    project_folder: str | None
    device: str
    key: str
    image: npt.NDArray[np.uint8]
    points_xy: npt.NDArray[np.float32]
    most_s: float = 0.4


@dataclass(frozen=True, eq=False)
class SweepReply:
    """What the first ``asked`` of the points were taken for."""

    key: str
    asked: int
    found: tuple[FoundObject, ...] = ()


@dataclass(frozen=True, eq=False)
class PromptReply:
    """What prompts mean: ``probability`` (y, x) uint8, 255 = surely part of it; None when none were given.

    ``number`` names this reply to the host, ``score`` 0 … 1 is how sure the model is.
    """

    key: str
    number: int = 0
    probability: npt.NDArray[np.uint8] | None = None
    score: float = 0.0


@dataclass(frozen=True)
class TrainSpec:
    """A training run."""

    plan: TrainPlan


@dataclass(frozen=True)
class LearnSpec:
    """Continuous learning from a project's labels until it is cancelled; see ``segstudio.ml.continuous``."""

    plan: LearnPlan


@dataclass(frozen=True)
class FindRateSpec:
    """A search for the learning rate of a run that is not begun; nothing is kept of it."""

    plan: TrainPlan


@dataclass(frozen=True)
class EvaluateSpec:
    """Scores of a model on a split of a project, with a row for each image.

    The split is the one of the run that made ``split_of`` ("" = that made the model), so that two models can be held against
    each other on the same images. Where labels tell of objects, those are scored too: what a model of classes finds is cut apart at
    necks narrower by ``neck_px``. With ``voc_results`` the masks and their table are written to that folder, as the VOC devkit reads them.
    """

    model: str
    project_folder: str
    split: str = "val"
    device: str = "auto"
    split_of: str = ""
    boundary_tolerance_px: float | None = None
    neck_px: float = 0.75
    voc_results: str = ""


@dataclass(frozen=True)
class PreviewSpec:
    """Patches to look at before a run of *plan*: the *batch*-th (from 0) ``count`` of them. The result is a ``PatchPreview``."""

    plan: TrainPlan
    batch: int = 0
    count: int = 12


@dataclass(frozen=True)
class AugmentSpec:
    """A folder to write with augmented copies of training images, of ``size_px`` squared (0: whole images).

    ``plan`` says of which project and how. The result is an ``ExportReport``.
    """

    plan: TrainPlan
    out: str
    copies: int
    size_px: int = 0
    has_originals: bool = True


@dataclass(frozen=True)
class ExportSpec:
    """A dataset to write from a project; the host opens the project read-only. The result is an ``ExportReport``.

    ``split`` as ``train=.7,val=.3``; "project": each image's own; "": none. The rest as :class:`segstudio.io.formats.base.ExportPlan`.
    """

    project_folder: str
    format: str
    out: str
    split: str = ""
    seed: int = 0
    image_ids: tuple[int, ...] | None = None
    options: tuple[tuple[str, Any], ...] = field(default=())
    select: Selection | None = None
    split_by: str = "file"
    tiles: Tiling | None = None
    workers: int = 0


@dataclass(frozen=True)
class LossesSpec:
    """What an export would lose, counted before it; the result is a tuple of :class:`segstudio.io.formats.base.Loss`."""

    export: ExportSpec


@dataclass(frozen=True)
class PlanImportSpec:
    """A dry run of an import into a project. The result is an ``ImportPlan``; ``expected`` is the number of images, where known."""

    project_folder: str
    request: ImportRequest
    reads_labels: bool = True
    expected: int = 0


@dataclass(frozen=True)
class StageImportSpec:
    """An import to write out of sight into the file of a project that the sender has open. The result is a ``StagedImport``."""

    project_folder: str
    request: ImportRequest
    expected: int = 0


@dataclass(frozen=True)
class InstallSpec:
    """A weights file of another maker to keep among the user's models."""

    path: str


@dataclass(frozen=True)
class Installed:
    """What came of an :class:`InstallSpec`: where it is now; or why not, and what the file holds."""

    path: str = ""
    problem: str = ""
    tensors: str = ""


@dataclass(frozen=True)
class OnnxSpec:
    """A model to write as an ONNX file."""

    model: str
    project_folder: str | None
    out: str
    size_px: int = 0


@dataclass(frozen=True)
class DownloadSpec:
    """Weights to fetch."""

    card: ModelCard
