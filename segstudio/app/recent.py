"""The projects opened last, for the start page."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from segstudio.app.events import Signal
from segstudio.app.settings import config_folder, read_json_object, write_json_object

if TYPE_CHECKING:
    from collections.abc import Iterator

FILE_NAME = "recent.json"
LONGEST = 20


@dataclass(frozen=True, slots=True)
class RecentProject:
    """One line of the start page. ``thumbnail`` is the image to show (may be "" or gone by now)."""

    folder: str
    name: str
    images: int = 0
    thumbnail: str = ""
    opened_s: float = 0.0

    @property
    def is_there(self) -> bool:
        """Whether the project still lies in its folder."""
        return (Path(self.folder) / "project.db").is_file()


class RecentProjects:
    """The list, newest first, at most :data:`LONGEST` long; a damaged file is set aside (``problem`` says so)."""

    def __init__(self, folder: Path | None = None) -> None:
        self.path = (config_folder() if folder is None else folder) / FILE_NAME
        self.changed: Signal[[]] = Signal()
        document, self.problem = read_json_object(self.path, "The list of recent projects")
        self._projects = _parsed(document.get("projects"))

    def __iter__(self) -> Iterator[RecentProject]:
        return iter(tuple(self._projects))

    def __len__(self) -> int:
        return len(self._projects)

    def add(self, folder: Path, *, name: str = "", images: int = 0, thumbnail: str = "") -> None:
        """Put a project on top."""
        place = str(folder.resolve())
        entry = RecentProject(place, name or folder.name, images, thumbnail, time.time())
        self._replace([entry, *(project for project in self._projects if project.folder != place)])

    def remove(self, folder: Path | str) -> None:
        """Take a project off the list; its files stay."""
        places = {str(folder), str(Path(folder).resolve())}
        self._replace([project for project in self._projects if project.folder not in places])

    def _replace(self, projects: list[RecentProject]) -> None:
        self._projects = projects[:LONGEST]
        self.problem = write_json_object(
            self.path, {"projects": [asdict(project) for project in self._projects]}, "list of recent projects"
        )
        self.changed.emit()


def _parsed(document: object) -> list[RecentProject]:
    projects = []
    for entry in document if isinstance(document, list) else []:
        if isinstance(entry, dict) and isinstance(entry.get("folder"), str) and entry["folder"]:
            projects.append(
                RecentProject(
                    entry["folder"],
                    str(entry.get("name") or Path(entry["folder"]).name),
                    _number(entry.get("images")),
                    str(entry.get("thumbnail") or ""),
                    float(_number(entry.get("opened_s"))),
                )
            )
    return projects[:LONGEST]


def _number(value: object) -> int:
    return int(value) if isinstance(value, (int, float)) and abs(value) < 1e15 else 0
