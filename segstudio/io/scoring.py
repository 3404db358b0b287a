"""Metrics between two folders of index masks: pairs by name, read in two threads, added up as they come."""

from __future__ import annotations

import json
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np

from segstudio.core.cancel import NEVER, Cancel, check
from segstudio.core.cell_metrics import CellSum
from segstudio.core.classes import IGNORE
from segstudio.core.errors import UserError
from segstudio.core.metrics import MAX_CLASSES, ScoreSum, worst_first
from segstudio.core.progress import ProgressSink, no_progress
from segstudio.io.datasets import IGNORE_8BIT, MASK_SUFFIXES, read_index_mask

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    import numpy.typing as npt

    from segstudio.core.boundary_metrics import Tolerance

_THREADS = 2
_AHEAD = 4


def score_folders(
    pred: Path,
    truth: Path,
    *,
    classes: int | None = None,
    ignore: int | None = 255,
    boundary_tolerance_px: Tolerance | None = None,
    border_value: int | None = None,
    is_per_image: bool = False,
    progress: ProgressSink = no_progress,
    cancel: Cancel = NEVER,
) -> dict[str, Any]:
    """Scores of the masks in *pred* against those of the same names in *truth* (sub-folders too).

    Without *classes* there are as many as the highest value in either, plus one. Names come from a ``classes.json``
    in or beside *truth*. Truth pixels of the value *ignore* are left out; where a prediction is *ignore*, the pixel
    counts as wrong. ``boundary_f1`` stays None without a tolerance. The result is what ``score --json`` prints, with
    *is_per_image* also ``per_image``: a row for each, the worst first. With *border_value*, what the border between cells has,
    also ``cells``: Rand and pixel error (:mod:`segstudio.core.cell_metrics`).

    Raises
    ------
    UserError
        For missing folders or pairs, pairs of different sizes, and files that are no index masks or hold a value
        that is no class.
    """
    pairs = pairs_by_name(pred, truth)
    if classes is not None and not 1 <= classes <= MAX_CLASSES:
        raise UserError(f"{classes} classes cannot be scored", remedy=f"give a number from 1 to {MAX_CLASSES}")
    total = ScoreSum(classes or _first_guess(pairs, ignore), ignore, boundary_tolerance_px)
    highest = -1
    images = []
    cells = None if border_value is None else CellSum((0.5,))
    for done, (pred_file, truth_file, pred_values, truth_values) in enumerate(read_pairs(pairs, cancel)):
        progress(done, len(pairs), f"Scoring {truth_file.name}")
        check_sizes(pred_file, truth_file, pred_values, truth_values)
        for file, values in ((truth_file, truth_values), (pred_file, pred_values)):
            top = _highest(values, ignore_of(values, ignore))
            if top >= total.n:
                if classes is not None or top >= MAX_CLASSES:
                    raise _no_class(file, top, classes, ignore)
                total = total.resized(top + 1)
            highest = max(highest, top)
        counts = total.add(truth_values, pred_values, ignore_of(truth_values, ignore))
        if cells is not None:
            known = truth_values != ignore_of(truth_values, ignore) if ignore is not None else None
            cells.add(truth_values == border_value, pred_values == border_value, known)
        if is_per_image:
            images.append(counts.row(truth_file.relative_to(truth).as_posix()))
    progress(len(pairs), len(pairs), "Done")
    names = class_names_of(truth, total.n if classes is not None else None)
    count = classes or max(highest + 1, len(names) if names else 0, 1)
    if count != total.n:
        total = total.resized(count)
    if names is None or len(names) < count:
        names = [*(names or []), *(f"class {index}" for index in range(len(names or []), count))]
    scores = total.scores(names[:count])
    if cells is not None:
        scores["cells"] = cells.scores()
    return {**scores, "per_image": worst_first(images)} if is_per_image else scores


def pairs_by_name(pred: Path, truth: Path) -> list[tuple[Path, Path]]:
    """(prediction, truth) files of the same name; a UserError where one is missing."""
    found = {which: _masks(folder) for which, folder in (("pred", pred), ("truth", truth))}
    if not found["truth"]:
        raise UserError("The folder holds no masks", path=truth, remedy="index masks are PNG, TIFF or BMP files")
    missing = [name for name in found["truth"] if name not in found["pred"]]
    if missing:
        more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
        raise UserError(
            f"There is no prediction for {found['truth'][missing[0]].name}{more}",
            path=pred,
            remedy="predict every image of the truth, or leave those out of it",
        )
    extra = [name for name in found["pred"] if name not in found["truth"]]
    if extra:
        more = f" and {len(extra) - 1} more" if len(extra) > 1 else ""
        raise UserError(
            f"There is no truth for {found['pred'][extra[0]].name}{more}",
            path=truth,
            remedy="give the folder the predictions belong to, or leave those out",
        )
    return [(found["pred"][name], file) for name, file in found["truth"].items()]


def _masks(folder: Path) -> dict[str, Path]:
    if not folder.is_dir():
        raise UserError("There is no such folder", path=folder, remedy="check the path")
    files = sorted(path for path in folder.rglob("*") if path.suffix.lower() in MASK_SUFFIXES and path.is_file())
    result: dict[str, Path] = {}
    for path in files:
        name = path.relative_to(folder).with_suffix("").as_posix()
        if name in result:
            raise UserError(
                f"Two masks have the name {name}: {result[name].name} and {path.name}",
                path=folder,
                remedy="keep one of them",
            )
        result[name] = path
    return result


def read_pairs(
    pairs: Sequence[tuple[Path, Path]], cancel: Cancel
) -> Iterator[tuple[Path, Path, npt.NDArray[Any], npt.NDArray[Any]]]:
    """Read a few pairs ahead: unpacking PNGs is most of the work, and runs beside the counting."""
    with ThreadPoolExecutor(_THREADS) as pool:
        waiting: deque[Any] = deque()
        ahead = iter(pairs)
        try:
            while True:
                check(cancel)
                while len(waiting) < _AHEAD and (pair := next(ahead, None)) is not None:
                    waiting.append((pair, pool.submit(_read_pair, pair)))
                if not waiting:
                    return
                (pred_file, truth_file), future = waiting.popleft()
                pred_values, truth_values = future.result()
                yield pred_file, truth_file, pred_values, truth_values
        finally:
            for _, future in waiting:
                future.cancel()


def _read_pair(pair: tuple[Path, Path]) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    return read_index_mask(pair[0]), read_index_mask(pair[1])


def check_sizes(
    pred_file: Path, truth_file: Path, pred_values: npt.NDArray[Any], truth_values: npt.NDArray[Any]
) -> None:
    """A UserError where the two masks are not of one size."""
    if pred_values.shape != truth_values.shape:
        raise UserError(
            f"The prediction is {_size(pred_values)} pixels but {truth_file.name} is {_size(truth_values)}",
            path=pred_file,
            remedy="predict at the size of the truth",
        )


def ignore_of(values: npt.NDArray[Any], ignore: int | None) -> int | None:
    """The value that means ignore in a mask: where 8-bit masks have 255, 16-bit ones have 65535."""
    return IGNORE if ignore == IGNORE_8BIT and values.dtype == np.uint16 else ignore


def _highest(values: npt.NDArray[Any], ignore: int | None) -> int:
    """The highest value beside *ignore*; -1 where there is none."""
    if values.size == 0:
        return -1
    top = int(values.max())
    if ignore is None or top != ignore:
        return top
    rest = values[values != ignore]
    return int(rest.max()) if rest.size else -1


def _first_guess(pairs: Sequence[tuple[Path, Path]], ignore: int | None) -> int:
    values = read_index_mask(pairs[0][1])
    return min(MAX_CLASSES, max(1, _highest(values, ignore_of(values, ignore)) + 1))


def _no_class(file: Path, value: int, classes: int | None, ignore: int | None) -> UserError:
    if classes is None:
        return UserError(
            f"The mask holds the value {value}, too high for a class",
            path=file,
            remedy="give the folder of index masks, or --objects where the values are object ids",
        )
    known = f"0 to {classes - 1}" + ("" if ignore is None else f" and {ignore} for ignored pixels")
    return UserError(
        f"The mask holds the value {value}, which is no class (those are {known})",
        path=file,
        remedy="give the right --classes and --ignore",
    )


def _size(values: npt.NDArray[Any]) -> str:
    return f"{values.shape[1]} × {values.shape[0]}"


def class_names_of(truth: Path, count: int | None = None) -> list[str] | None:
    """Class names by mask value from a ``classes.json`` in or beside *truth*, *count* of them; None where there is none."""
    for folder in (truth, truth.parent, truth.parent.parent):
        file = folder / "classes.json"
        if not file.is_file():
            continue
        try:
            rows = {int(row["value"]): str(row["name"]) for row in json.loads(file.read_text(encoding="utf-8-sig"))}
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise UserError(
                f"The class list cannot be read ({error})", path=file, remedy="mend it or take it away"
            ) from error
        if not rows or max(rows) >= MAX_CLASSES:
            return None
        size = count if count is not None else max(rows) + 1
        background = "background" if 0 not in rows else ""
        return [rows.get(value) or (background if value == 0 else f"class {value}") for value in range(size)]
    return None
