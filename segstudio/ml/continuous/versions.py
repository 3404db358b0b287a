"""The versions of a project's own model: weights that passed the gate, what they were worth, and which is used. No torch here."""

from __future__ import annotations

import dataclasses
import json
import re
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from segstudio.core.errors import UserError
from segstudio.io.atomic import disk_error, sweep_leftovers, write_bytes_atomic
from segstudio.io.store.locks import FolderLock
from segstudio.ml.continuous.events import ImageChange, VersionInfo

if TYPE_CHECKING:
    from collections.abc import Collection

FOLDER = "learning"
"""In the project's folder."""
CURRENT = "current.json"
GROUP = "learn"
CURRENT_ID = "learn/current"
"""Names the version that is in use, whichever that is."""
_NAME = re.compile(r"v(\d{1,9})")


def versions_folder(project_folder: Path | str) -> Path:
    """Where the versions of a project lie."""
    return Path(project_folder) / FOLDER


def model_id_of(number: int) -> str:
    """What the catalog calls version *number*."""
    return f"{GROUP}/v{number}"


def weights_path(project_folder: Path | str, number: int) -> Path:
    """Where the weights of version *number* lie."""
    return versions_folder(project_folder) / f"v{number}.safetensors"


def list_versions(project_folder: Path | str) -> list[VersionInfo]:
    """The versions that are whole on the disk, newest first; one whose description is damaged is left out."""
    folder = versions_folder(project_folder)
    chosen = _read_current(project_folder)
    found = []
    for file in folder.glob("v*.safetensors") if folder.is_dir() else ():
        match = _NAME.fullmatch(file.stem)
        if match is None:
            continue
        info = _read(file, int(match[1]), chosen)
        if info is not None:
            found.append(info)
    return sorted(found, key=lambda info: -info.number)


def current(project_folder: Path | str) -> VersionInfo | None:
    """The version that is in use; None where there is none."""
    chosen = _read_current(project_folder)
    file = weights_path(project_folder, chosen[0])
    # Only its own description: those of all versions tell of every image, and the window asks often.
    return _read(file, chosen[0], chosen) if chosen[0] and file.is_file() else None


def roll_back(project_folder: Path | str, number: int) -> VersionInfo:
    """Use version *number* from now on; learning that is under way goes on from it at its next round.

    Raises
    ------
    UserError
        When there is no such version, or the disk is full or read-only.
    """
    info = _found(project_folder, number)
    _write_current(project_folder, number, by="person")
    return dataclasses.replace(info, is_current=True, source="rolled back")


def delete(project_folder: Path | str, number: int) -> None:
    """Remove version *number* from the disk.

    Raises
    ------
    UserError
        When there is none, it is the one in use, or it cannot be removed.
    """
    info = _found(project_folder, number)
    if info.is_current:
        raise UserError(f"Version {number} is in use", remedy="roll back to another one first")
    _remove(project_folder, number)


def add_version(project_folder: Path | str, weights: bytes, info: VersionInfo) -> VersionInfo:
    """Write the weights of a new version and make it the one in use; *info* with its number, id and path.

    Raises
    ------
    UserError
        When the disk is full or read-only: then all is as it was.
    """
    number = next_number(project_folder)
    path = weights_path(project_folder, number)
    info = dataclasses.replace(
        info, number=number, model_id=model_id_of(number), path=str(path), at_s=info.at_s or time.time(),
        is_current=True, source="learned",
    )  # fmt: skip
    prepare_folder(project_folder)
    try:
        # The description first: weights without one are no version, and nothing is lost by a description without weights.
        write_bytes_atomic(path.with_suffix(".json"), json.dumps(info.to_json(), indent=1).encode())
        write_bytes_atomic(path, weights)
        _write_current(project_folder, number, by="gate")
    except UserError:
        _remove(project_folder, number)
        raise
    return info


def prepare_folder(project_folder: Path | str) -> None:
    """Make the folder of versions; UserError where it cannot be made."""
    folder = versions_folder(project_folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise disk_error(error, folder) from error


def locked(project_folder: Path | str) -> FolderLock:
    """The lock on a project's versions, taken; what a killed trainer left half written is swept away under it.

    Raises
    ------
    UserError
        When somebody else has it, or the folder cannot be written to.
    """
    prepare_folder(project_folder)
    folder = versions_folder(project_folder)
    lock = FolderLock(folder)
    try:
        is_taken = lock.acquire()
    except OSError as error:
        raise disk_error(error, folder) from error
    if not is_taken:
        raise UserError(
            f"This project is learnt from already, by {lock.holder()}",
            path=Path(project_folder),
            remedy="stop the other one first",
        )
    sweep_leftovers(folder)
    return lock


def prune(project_folder: Path | str, kept: int, spared: Collection[int] = ()) -> list[int]:
    """Remove the oldest versions beyond *kept*, never the one in use nor *spared*; the numbers that went."""
    others = [i.number for i in list_versions(project_folder) if not i.is_current and i.number not in spared]
    gone = others[kept:]
    for number in gone:
        _remove(project_folder, number)
    return gone


def next_number(project_folder: Path | str) -> int:
    """The number of the next version: none is given twice, even when the newest was deleted."""
    state = _state(project_folder)
    known = [i.number for i in list_versions(project_folder)]
    return max([*known, int(state.get("last", 0)), 0]) + 1


def choice_serial(project_folder: Path | str) -> int:
    """Grows when somebody chooses another version: learning under way looks at it between steps."""
    return int(_state(project_folder).get("serial", 0))


def find_version(project_folder: Path | str | None, ref: str) -> VersionInfo | None:
    """The version that a model id ("learn/v3", "learn/current") names; None where it names none, or there is none."""
    group, _, name = ref.partition("/")
    if project_folder is None or group != GROUP:
        return None
    if ref == CURRENT_ID:
        return current(project_folder)
    return next((i for i in list_versions(project_folder) if i.model_id == ref), None) if name else None


# -- files ---------------------------------------------------------------------------------------------------------


def _found(project_folder: Path | str, number: int) -> VersionInfo:
    file = weights_path(project_folder, number)
    # Only its own description: there may be dozens, of hundreds of images each.
    info = _read(file, number, _read_current(project_folder)) if file.is_file() else None
    if info is not None:
        return info
    have = ", ".join(str(info.number) for info in list_versions(project_folder))
    raise UserError(
        f"There is no version {number}",
        path=versions_folder(project_folder),
        remedy=f"choose one of {have}" if have else "learn something first",
    )


def _read(file: Path, number: int, chosen: tuple[int, str]) -> VersionInfo | None:
    try:
        document = json.loads(file.with_suffix(".json").read_text(encoding="utf-8"))
        known = {f.name for f in dataclasses.fields(VersionInfo)}
        values: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in document.items() if k in known}
        values["images"] = tuple(ImageChange(**one) for one in values.get("images", ()))
        values.update(number=number, model_id=model_id_of(number), path=str(file), is_current=number == chosen[0])
        if number == chosen[0] and chosen[1] == "person":
            values["source"] = "rolled back"
        return VersionInfo(**values)
    except (OSError, ValueError, TypeError, AttributeError):
        return None


def _state(project_folder: Path | str) -> dict[str, Any]:
    try:
        document = json.loads((versions_folder(project_folder) / CURRENT).read_text(encoding="utf-8"))
        return {key: document[key] for key in ("number", "by", "serial", "last")}
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def _read_current(project_folder: Path | str) -> tuple[int, str]:
    state = _state(project_folder)
    number = int(state.get("number", 0))
    if number and weights_path(project_folder, number).is_file():
        return number, str(state["by"])
    # The note of it, or the file, was lost: the newest, for learning went on from there.
    names = (_NAME.fullmatch(file.stem) for file in versions_folder(project_folder).glob("v*.safetensors"))
    return max((int(name[1]) for name in names if name is not None), default=0), "gate"


def _write_current(project_folder: Path | str, number: int, *, by: str) -> None:
    state = _state(project_folder)
    folder = versions_folder(project_folder)
    document = {
        "number": number,
        "by": by,
        "serial": int(state.get("serial", 0)) + (by == "person"),
        "last": max(int(state.get("last", 0)), number),
    }
    write_bytes_atomic(folder / CURRENT, json.dumps(document).encode())


def _remove(project_folder: Path | str, number: int) -> None:
    file = weights_path(project_folder, number)
    try:
        file.unlink(missing_ok=True)
        file.with_suffix(".json").unlink(missing_ok=True)
    except OSError as error:
        raise UserError(
            f"Version {number} cannot be removed ({error.strerror or error})",
            path=file,
            remedy="close what has the file open, and see that the folder can be written to",
        ) from error
