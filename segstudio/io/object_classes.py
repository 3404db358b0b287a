"""Which class the objects of a folder of id masks belong to, and how sure a model was of each: two small JSON files, or the ids."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from segstudio.core.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    import numpy.typing as npt

SCORES_FILE = "scores.json"
CLASSES_FILE = "objects.json"
_BEST_DIVISOR, _MOST_CLASSES = 1000, 4096


def read_scores(folder: Path) -> dict[str, dict[str, float]] | None:
    """Image name → id → score 0 … 1 of ``scores.json``, ``{"name": {"id": 0.93}}``; None where there is no such file.

    Raises
    ------
    UserError
        When it cannot be read.
    """
    return _read(folder / SCORES_FILE, float, "scores", '{"name": {"id": 0.93}}')


def of_image(known: Mapping[str, Mapping[str, Any]], name: str, ids: npt.NDArray[Any], file: Path, what: str) -> Any:
    """Id → value for each id but 0 that is in *ids*; UserError, which names *file*, where one is missing."""
    row = known.get(name, {})
    values = [int(value) for value in np.unique(ids) if value]
    missing = [value for value in values if str(value) not in row]
    if missing:
        raise UserError(
            f"There is no {what} for object {missing[0]} of {name}",
            path=file,
            remedy=f"give every object its {what}, or take the file away",
        )
    return {value: row[str(value)] for value in values}


@dataclass(frozen=True, eq=False)
class ObjectClasses:
    """The classes of two folders of id masks: their names, which of them are things, and the class of each id."""

    names: tuple[str, ...]
    things: frozenset[int]
    of_pred: Callable[[str, npt.NDArray[Any]], dict[int, int]]
    of_truth: Callable[[str, npt.NDArray[Any]], dict[int, int]]


def classes_of_ids(
    names: Sequence[str], divisor: int = _BEST_DIVISOR, things: Sequence[str] | None = None
) -> ObjectClasses:
    """As Cityscapes numbers them: id = class × *divisor* + number, or the class itself for what is no object.

    Raises
    ------
    UserError
        When a thing is no class.
    """

    def of_ids(_name: str, ids: npt.NDArray[Any]) -> dict[int, int]:
        values = [int(value) for value in np.unique(ids) if value]
        classes = {value: value // divisor if value >= divisor else value for value in values}
        beyond = [value for value, index in classes.items() if index >= len(names)]
        if beyond:
            raise UserError(
                f"The id {beyond[0]} is of class {classes[beyond[0]]}, and there are {len(names)} classes",
                remedy="check --class-divisor, and the classes in classes.json or --classes",
            )
        return classes

    return ObjectClasses(tuple(names), _things(names, things), of_ids, of_ids)


def classes_of_files(pred: Path, truth: Path, things: Sequence[str] | None = None) -> ObjectClasses | None:
    """From ``objects.json`` in both folders, ``{"name": {"id": "class"}}``; None where neither has one.

    Raises
    ------
    UserError
        When one of the two is missing or cannot be read, or a thing is no class.
    """
    found = {
        folder: _read(folder / CLASSES_FILE, str, "classes", '{"name": {"id": "class"}}') for folder in (pred, truth)
    }
    if all(known is None for known in found.values()):
        return None
    for folder, known in found.items():
        if known is None:
            raise UserError(
                "The classes of the objects are not known here",
                path=folder / CLASSES_FILE,
                remedy="write it for both folders, or for none",
            )
    names = sorted({name for known in found.values() for row in (known or {}).values() for name in row.values()})
    if not 0 < len(names) <= _MOST_CLASSES:
        raise UserError(f"The objects are of {len(names)} classes", path=truth, remedy=f"use from 1 to {_MOST_CLASSES}")
    index = {name: place for place, name in enumerate(names)}

    def reader(folder: Path) -> Callable[[str, npt.NDArray[Any]], dict[int, int]]:
        known = found[folder] or {}

        def of_ids(name: str, ids: npt.NDArray[Any]) -> dict[int, int]:
            row = of_image(known, name, ids, folder / CLASSES_FILE, "class")
            return {value: index[class_name] for value, class_name in row.items()}

        return of_ids

    return ObjectClasses(tuple(names), _things(names, things), reader(pred), reader(truth))


def _things(names: Sequence[str], things: Sequence[str] | None) -> frozenset[int]:
    if things is None:
        return frozenset(range(len(names)))
    unknown = [name for name in things if name not in names]
    if unknown:
        raise UserError(f"There is no class {unknown[0]} to be a thing", remedy=f"the classes are {', '.join(names)}")
    return frozenset(place for place, name in enumerate(names) if name in things)


def _read(file: Path, kind: Callable[[Any], Any], what: str, form: str) -> dict[str, dict[str, Any]] | None:
    if not file.is_file():
        return None
    try:
        read = json.loads(file.read_text(encoding="utf-8-sig"))
        return {str(name): {str(i): kind(value) for i, value in of.items()} for name, of in read.items()}
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise UserError(
            f"The {what} cannot be read ({error})", path=file, remedy=f"write {form}, or take it away"
        ) from error
