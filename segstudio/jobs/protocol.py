"""What a job says while it runs; each message is frozen and carries the number of its job."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from segstudio.core.looks import Look
    from segstudio.ml.api import ObjectResult, WindowResult
    from segstudio.ml.refine.proposal import RefinedPiece


@dataclass(frozen=True)
class Message:
    """Base of all: ``job`` is set by the port that sends it."""

    job: int = 0


@dataclass(frozen=True)
class StageChanged(Message):
    """What the job is about while there is no number yet ("Loading Nuclei")."""

    text: str = ""


@dataclass(frozen=True)
class Progress(Message):
    """*done* of *total*; total 0 = unknown."""

    done: float = 0.0
    total: float = 0.0
    what: str = ""


@dataclass(frozen=True, eq=False)
class WindowReady(Message):
    """A finished piece of a proposal, or of a refined one."""

    image_id: int = 0
    generation: int = 0
    result: WindowResult | ObjectResult | RefinedPiece | None = None
    z: int = 0


@dataclass(frozen=True)
class ImageDone(Message):
    """All pieces of an image were sent."""

    image_id: int = 0
    generation: int = 0


@dataclass(frozen=True)
class ImageFailed(Message):
    """One image of several could not be worked on; the others go on."""

    image_id: int = 0
    generation: int = 0
    sentence: str = ""


@dataclass(frozen=True, eq=False)
class ImageLooked(Message):
    """What a model's look at an image found."""

    image_id: int = 0
    look: Look | None = None


@dataclass(frozen=True, eq=False)
class TrainEvent(Message):
    """An event of the trainer, see ``segstudio.ml.plan``."""

    event: Any = None


@dataclass(frozen=True, eq=False)
class LearnEvent(Message):
    """An event of continuous learning, see ``segstudio.ml.continuous.events``."""

    event: Any = None


@dataclass(frozen=True)
class Failed(Message):
    """The job failed. ``sentence`` is for the user, ``details`` (a traceback, the end of a log) for a report."""

    sentence: str = ""
    details: str = ""
    is_user_error: bool = False


@dataclass(frozen=True)
class WasCancelled(Message):
    """The job ended because it was told to."""


@dataclass(frozen=True, eq=False)
class Finished(Message):
    """The job is done."""

    result: Any = None


END = (Failed, WasCancelled, Finished)
"""Exactly one of these ends each job."""
