"""A project's labels as training data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from segstudio.core.classes import IGNORE, UNLABELLED
from segstudio.core.errors import UserError
from segstudio.core.geometry import Rect
from segstudio.io.readers.registry import probe
from segstudio.ml.plan import IGNORE_INDEX
from segstudio.ml.training.sources import IndexMask, TrainData, TrainImage, with_validation

if TYPE_CHECKING:
    from pathlib import Path

    from segstudio.core.classes import ClassTable
    from segstudio.io.store.project import ImageRecord, ProjectStore

BACKGROUND = "background"
VALIDATION_SHARE = 0.25
"""Part of the only labelled image that is held out."""
MIN_WINDOW_PX = 32


@dataclass(frozen=True)
class ProjectLabels:
    """Reads the labels of one image when a loader asks; ``index_of`` maps class ids to class indices.

    ``unlabelled_index`` is what pixels without a label are: ignored in an image that is still being worked on, background in
    one that is marked done (its person said that nothing is missing).
    """

    project: Path
    image_id: int
    index_of: tuple[tuple[int, int], ...]
    unlabelled_index: int

    def __call__(self) -> IndexMask:
        """(y, x) uint8 class indices of plane 0, 255 = ignored."""
        from segstudio.io.store.project import ProjectStore

        with ProjectStore.open(self.project, read_only=True) as store:
            layer = store.labels_layer(self.image_id)
            class_ids = layer.read_classes(layer.bounds)
        lut = np.full(65536, IGNORE_INDEX, np.uint8)
        lut[UNLABELLED] = self.unlabelled_index
        for class_id, index in self.index_of:
            lut[class_id] = index
        lut[IGNORE] = IGNORE_INDEX
        return lut[class_ids]


def project_data(project: Path, *, val_fraction: float, seed: int, may_cut: bool = True) -> TrainData:
    """The labelled images of a project.

    Class 0 is «background» (the project's own class of that name where it has one) unless a class owns mask value 0. Where nobody
    labelled background, it is what is unlabelled in images marked done and, when no image is, in images where
    something is labelled (and the run says so). The project's own splits hold; else a seeded part becomes validation; a
    single image is cut in two, with *may_cut*.

    Raises
    ------
    UserError
        When the project holds no labels, or the files of all labelled images are missing.
    """
    from segstudio.io.store.project import ProjectStore

    with ProjectStore.open(project, read_only=True) as store:
        classes = store.classes
        with_labels = [r for r in store.images() if sum(store.labelled_pixels([r.id]).values()) > 0]
        if not with_labels:
            raise UserError(
                "no image of the project has labels",
                path=project,
                remedy="label something, or accept a proposal, first",
            )
        labelled, broken = _readable(store, with_labels)
        if not labelled and broken:
            raise broken[0]
        if not labelled:
            raise UserError(
                "the files of all labelled images are missing",
                path=store.image_file(with_labels[0]),
                remedy="put the images back, or add them again",
            )
        used = {c for c, n in store.labelled_pixels([r.id for r in labelled]).items() if n}
        names, colors, index_of, background = _classes(classes, used)
        left_out = len(with_labels) - len(labelled)
        note = f"{left_out} labelled images are left out, since their files are missing or damaged." if left_out else ""
        if broken:
            note = f"{note} The first damaged one: {broken[0]}".strip()
        is_any_done = any(r.status == "done" for r in labelled)
        learns_unlabelled = background is not None and not any(i == background for _, i in index_of)
        images = []
        for record in labelled:
            is_background = learns_unlabelled and (record.status == "done" or not is_any_done)
            unlabelled = background if is_background and background is not None else IGNORE_INDEX
            split = record.split if record.split in ("train", "val", "test") else "train"
            file = store.image_file(record)
            images.append(TrainImage(record.name, file, ProjectLabels(project, record.id, index_of, unlabelled), split))
        if learns_unlabelled and not is_any_done:
            unsaid = "No image is marked done, so unlabelled pixels of labelled images count as background."
            note = f"{note} {unsaid}".strip()
        result = tuple(images)
        train = [place for place, image in enumerate(images) if image.split == "train"]
        if may_cut and len(train) == 1 and not any(i.split == "val" for i in result):
            only = result[train[0]]
            result = (*_cut(store, labelled[train[0]], only), *(i for i in result if i is not only))
            note = f"{note} Only one image is labelled: a part of it is held out for validation.".strip()
        else:
            result = with_validation(result, val_fraction, seed)
    return TrainData(names, colors, background, result, note=note)


def _readable(store: ProjectStore, records: list[ImageRecord]) -> tuple[list[ImageRecord], list[UserError]]:
    """The images whose files are there and begin as images do, and what is wrong with the damaged ones."""
    readable, broken = [], []
    for record in records:
        if record.is_missing:
            continue
        try:
            probe(store.image_file(record))
        except UserError as error:
            broken.append(error)
        else:
            readable.append(record)
    return readable, broken


def _classes(
    table: ClassTable, used: set[int]
) -> tuple[tuple[str, ...], tuple[str, ...], tuple[tuple[int, int], ...], int | None]:
    """(names, colours, (class id, index) pairs, background index) of the classes that have labels."""
    chosen = [c for c in table if c.id in used]
    own = next((c for c in table if c.name.lower() == BACKGROUND), None)
    if own is not None:
        ordered = [own, *(c for c in chosen if c.id != own.id)]
        pairs = tuple((c.id, i) for i, c in enumerate(ordered) if c.id in used)
        return tuple(c.name for c in ordered), tuple(c.color for c in ordered), pairs, 0
    if any(c.mask_value == 0 for c in table):
        # Somebody's sky is 0: every pixel belongs to a class, and unlabelled ones are not known yet.
        ordered = sorted(chosen, key=lambda c: c.mask_value != 0)
        pairs = tuple((c.id, i) for i, c in enumerate(ordered))
        return tuple(c.name for c in ordered), tuple(c.color for c in ordered), pairs, None
    pairs = tuple((c.id, i + 1) for i, c in enumerate(chosen))
    return (BACKGROUND, *(c.name for c in chosen)), ("#000000", *(c.color for c in chosen)), pairs, 0


def _cut(store: ProjectStore, record: ImageRecord, image: TrainImage) -> list[TrainImage]:
    """The image as a training and a validation window: the strip is held out that leaves both with labels."""
    from dataclasses import replace

    classes = store.labels_layer(record.id).read_classes(Rect(0, 0, record.width, record.height))
    is_wide = record.width >= record.height
    length = record.width if is_wide else record.height
    held = max(MIN_WINDOW_PX, round(length * VALIDATION_SHARE))
    if length < 2 * MIN_WINDOW_PX:
        raise UserError(
            "the only labelled image is too small to hold a part out", path=image.file, remedy="label a second image"
        )
    options = []
    for start in (length - held, 0):
        rest = Rect(0, 0, length - held, 1) if start else Rect(held, 0, length - held, 1)
        windows = []
        for a, extent in ((rest.x, rest.width), (start, held)):
            windows.append(Rect(a, 0, extent, record.height) if is_wide else Rect(0, a, record.width, extent))
        labelled = [int(np.count_nonzero(classes[w.slices])) for w in windows]
        options.append((min(labelled), windows))
    smallest, (train, val) = max(options, key=lambda option: option[0])
    if smallest == 0:
        raise UserError(
            "the labels lie in one corner of the only labelled image, so none can be held out",
            path=image.file,
            remedy="label a second place or image",
        )
    return [replace(image, window=train), replace(image, name=f"{image.name} (held out)", split="val", window=val)]
