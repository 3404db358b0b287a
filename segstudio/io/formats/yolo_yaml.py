"""``data.yaml`` of YOLO datasets, every scalar as text: nothing in it is run, and a class called no stays "no"."""

from __future__ import annotations

import importlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from segstudio.core.errors import UserError
from segstudio.io.datasets import SPLIT_FOLDERS
from segstudio.io.formats.safety import Limits, read_text, whole_number

if TYPE_CHECKING:
    from pathlib import Path

FILES = ("data.yaml", "dataset.yaml", "data.yml", "dataset.yml")
_MOST_BYTES = 512 << 10
_MOST_CLASSES = 65534


@dataclass(frozen=True)
class YoloData:
    """Class number → name, and the folders or lists of images of each split, as the file has them."""

    names: dict[int, str] = field(default_factory=dict)
    places: tuple[tuple[str | None, str], ...] = ()


def find_data(source: Path) -> Path | None:
    """The dataset's YAML file: *source* itself, or one in the folder."""
    if source.is_file():
        return source if source.suffix.lower() in (".yaml", ".yml") else None
    named = [source / name for name in FILES if (source / name).is_file()]
    if named:
        return named[0]
    others = sorted(path for pattern in ("*.yaml", "*.yml") for path in source.glob(pattern))[:5]
    return next((path for path in others if is_data(path)), None)


def is_data(path: Path) -> bool:
    """Whether a YAML file tells of a YOLO dataset, by its first kilobytes."""
    try:
        with path.open("rb") as stream:
            head = stream.read(4096).decode("utf-8", "replace")
    except OSError:
        return False
    keys = {line.split(":")[0].strip("\"' \ufeff") for line in head.splitlines() if ":" in line}
    return "names" in keys and bool(keys & {"train", "val", "path", "nc", "test"})


def read_data(path: Path, limits: Limits) -> YoloData:
    """The classes and places.

    Raises
    ------
    UserError
        When the file is no YAML, or names no classes.
    """
    text = read_text(path, Limits(index_bytes=min(limits.index_bytes, _MOST_BYTES)))
    yaml = importlib.import_module("yaml")
    try:
        # The base loader makes texts, lists and mappings, nothing else.
        document: Any = yaml.load(text, Loader=yaml.BaseLoader)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        why = " ".join(str(error).split())[:120] if not isinstance(error, RecursionError) else "nested too deeply"
        raise UserError(f"The file is no YAML that can be read ({why})", path=path, remedy="check it") from error
    if not isinstance(document, dict):
        raise UserError("The file tells of no dataset", path=path, remedy="it has the keys names and train")
    return YoloData(_names(document, path), tuple(_places(document)))


def _names(document: dict[Any, Any], path: Path) -> dict[int, str]:
    names = document.get("names")
    if isinstance(names, list):
        names = dict(enumerate(names))
    if isinstance(names, dict):
        found = {}
        for key, name in list(names.items())[:_MOST_CLASSES]:
            try:
                found[whole_number(key, 0, _MOST_CLASSES)] = " ".join(name.split()) if isinstance(name, str) else ""
            except ValueError as error:
                raise UserError(
                    f"The number of a class cannot be read ({error})", path=path, remedy="mend it"
                ) from error
        return {number: name or f"class {number}" for number, name in sorted(found.items())}
    if names in (None, ""):
        try:
            return {
                number: f"class {number}" for number in range(whole_number(document.get("nc", 0), 0, _MOST_CLASSES))
            }
        except ValueError:
            return {}
    raise UserError("The names of the classes cannot be read", path=path, remedy="write them as a list under names")


def _places(document: dict[Any, Any]) -> list[tuple[str | None, str]]:
    """(split, folder or list of images): "train" and such first, as the file has them."""
    base = document.get("path")
    prefix = base.strip("/ ") if isinstance(base, str) and base.strip("./ ") else ""
    found: list[tuple[str | None, str]] = []
    for key, value in document.items():
        split = SPLIT_FOLDERS.get(str(key).casefold())
        if split is None:
            continue
        for place in value if isinstance(value, list) else [value]:
            if isinstance(place, str) and place:
                found += [(split, place)] + ([(split, f"{prefix}/{place}")] if prefix else [])
    return found
