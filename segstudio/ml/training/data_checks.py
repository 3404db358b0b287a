"""What of the data would make a run worthless: refused, in one sentence, before anything is learnt."""

from __future__ import annotations

import hashlib
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from segstudio.core.errors import UserError
from segstudio.core.geometry import Rect
from segstudio.core.leaks import Footprint, SplitFile, find_leak
from segstudio.io.readers.limits import sentences
from segstudio.io.readers.registry import open_image, probe
from segstudio.ml.plan import IGNORE_INDEX
from segstudio.ml.training.label_index import values_in
from segstudio.ml.training.splitting import SplitRule, group_name
from segstudio.ml.training.targets import BIG_PX

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Sequence

    from segstudio.io.readers.base import ImageInfo
    from segstudio.ml.plan import TrainPlan
    from segstudio.ml.training.sources import TrainData, TrainImage


def check_data(data: TrainData, plan: TrainPlan) -> None:
    """Check that there is something to learn and to validate on, and that it is apart.

    Raises
    ------
    UserError
        For fewer than two classes, a split without an image, images without labels, a class list that is not the run's that
        goes on, and pictures, places or groups that are in two splits.
    """
    if len(data.classes) < 2:
        raise UserError("the labels hold fewer than two classes", remedy="label a second class, or background, too")
    for split, what in (("train", "training"), ("val", "validation")):
        if not data.of_split(split):
            raise UserError(
                f"no image is left for {what}",
                remedy="label more images, change the splits, or split large images with --split-by blocks",
            )
    if plan.is_resumed:
        check_classes(data, Path(plan.out))
    check_labels(data, plan.ignored_as)
    if not plan.is_leak_allowed:
        check_leaks(data.images, SplitRule.of(plan))


def check_classes(data: TrainData, run: Path) -> None:
    """UserError when *run* learnt other classes than the labels hold now, or the same in another order."""
    from segstudio.ml.training.run_folder import RunFolder
    from segstudio.ml.weights_header import read_card

    last = RunFolder(run).last
    if not last.is_file():
        return
    learnt = read_card(last).classes
    if learnt != data.classes:
        raise UserError(
            f"this run learns {', '.join(learnt)}, but the labels now hold {', '.join(data.classes)}",
            path=run,
            remedy="undo the change of the classes, or start a new run, with --from this one",
        )


def check_labels(data: TrainData, ignored_as: str = "") -> None:
    """UserError when no pixel of the training images is labelled, or all that are belong to one class.

    Looks at no more images than it must. Ignored pixels count where they are learnt as the class *ignored_as*.
    """
    seen: set[int] = set()
    for image in data.of_split("train"):
        for values in values_in(image):
            seen |= {
                data.classes.index(ignored_as) if v == IGNORE_INDEX and ignored_as in data.classes else v
                for v in values
            }
            seen.discard(IGNORE_INDEX)
            if len(seen) > 1:
                return
    if not seen:
        raise UserError(
            "no pixel of the training images is labelled",
            path=data.of_split("train")[0].file,
            remedy="label something, or check that the masks hold the values of the classes",
        )
    raise UserError(
        f"all labelled pixels of the training images belong to one class ({data.classes[seen.pop()]})",
        remedy="label a second class, or background, too",
    )


def check_leaks(images: Sequence[TrainImage], rule: SplitRule) -> None:
    """UserError when two splits share a picture, a place on the map, or a group that *rule* tells.

    Pictures are the same that are the same bytes; of two files of one name and size in two splits also the decoded pixels are
    compared. Places need a coordinate system of one kind in both files.
    """
    if rule.split_by == "group":
        _check_groups(images, rule)
    infos = {file: probe(file) for file in dict.fromkeys(image.file for image in images)}
    leak = find_leak([_split_file(image, infos[image.file]) for image in images])
    if leak is not None:
        raise leak.error()


def _check_groups(images: Sequence[TrainImage], rule: SplitRule) -> None:
    first: dict[str, TrainImage] = {}
    for image in images:
        other = first.setdefault(group_name(image, rule), image)
        if other.split != image.split:
            raise UserError(
                f"{other.name} ({other.split}) and {image.name} ({image.split}) are of one group, so the scores would say nothing",
                path=image.file,
                remedy="put both in one split, or go on knowingly with --allow-leaks",
            )


def _split_file(image: TrainImage, info: ImageInfo) -> SplitFile:
    likenesses: list[tuple[Hashable, Callable[[], Hashable]]] = [
        (("bytes", image.file.stat().st_size), partial(_digest, image.file))
    ]
    if info.depth == 1 and info.width * info.height <= BIG_PX:
        look = ("pixels", info.width, info.height, info.bands, info.dtype, image.file.stem.casefold())
        likenesses.append((look, partial(_pixels, image.file)))
    return SplitFile(
        image.name, image.file, image.split, tuple(likenesses), image.window, image.z, footprint_of(info, image.window)
    )


def footprint_of(info: ImageInfo, window: Rect | None = None) -> Footprint | None:
    """Where on the map an image, or a *window* of it, lies; None where its file does not say in which coordinates."""
    crs, transform = info.metadata.get("crs"), info.metadata.get("transform")
    if not crs or transform is None:
        return None
    a, b, c, d, e, f = transform
    part = window or Rect(0, 0, info.width, info.height)
    places = ((part.x, part.y), (part.right, part.y), (part.right, part.bottom), (part.x, part.bottom))
    corners = tuple((a * x + b * y + c, d * x + e * y + f) for x, y in places)
    return Footprint(str(crs), corners, max(float(np.hypot(a, d)), float(np.hypot(b, e))))


def _digest(file: Path) -> str:
    with sentences(file), file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _pixels(file: Path) -> str:
    reader = open_image(file)
    try:
        values = reader.read(0, 0, Rect(0, 0, reader.info.width, reader.info.height))
        return hashlib.sha256(np.ascontiguousarray(values).tobytes()).hexdigest()
    finally:
        reader.close()
