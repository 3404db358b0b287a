"""What the store tells about images and classes; cheap to import."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, TypedDict

from segstudio.core.errors import UserError

if TYPE_CHECKING:
    from pathlib import Path

    from segstudio.core.edits import Edit

ImageStatus = Literal["unlabelled", "in_progress", "done"]
STATUSES: tuple[ImageStatus, ...] = ("unlabelled", "in_progress", "done")
SPLITS: tuple[str, ...] = ("train", "val", "test")


@dataclass(frozen=True, slots=True)
class ImageRecord:
    """One image of a project; ``path`` as kept (relative to the project where it lies inside it).

    ``status`` "in_progress" also stands for an image that was never marked but has labels. ``has_proposal``: a
    proposal with pixels waits to be accepted. ``added_s`` is a Unix time. ``path_hint``: where a file outside lay from
    the project. ``sha256`` is "" and ``file_bytes`` 0 while they are not known. ``is_read_only``: the file can't be
    written to.
    """

    id: int
    path: str
    name: str
    width: int
    height: int
    depth: int = 1
    bands: int = 3
    dtype: str = "uint8"
    status: ImageStatus = "unlabelled"
    split: str | None = None
    sha256: str = ""
    is_missing: bool = False
    has_proposal: bool = False
    added_s: float = 0.0
    path_hint: str = ""
    file_bytes: int = 0
    is_read_only: bool = False


@dataclass(frozen=True, slots=True)
class AddReport:
    """What became of adding images: records added, (path, sentence) of failures, how many were there already."""

    added: list[ImageRecord] = field(default_factory=list)
    failed: list[tuple[Path, str]] = field(default_factory=list)
    already: int = 0


@dataclass(frozen=True, slots=True)
class FileState:
    """What became of an image's file."""

    is_missing: bool
    is_read_only: bool


class ClassUse(TypedDict):
    """How much of a project's labels a class owns."""

    images: int
    pixels: int


class WritePendingError(UserError):
    """A write failed (full disk, read-only, locked); the edit is kept in memory and goes with the next write.

    ``edit`` is the edit with its sequence number, None where the failure was no edit's.
    """

    edit: Edit | None = None
