"""A project's labels as training data."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from segstudio.core.classes import IGNORE, UNLABELLED
from segstudio.core.errors import UserError
from segstudio.core.geometry import Rect, tile_rect
from segstudio.core.label_planes import plane_classes, plane_layer
from segstudio.io.readers.registry import probe
from segstudio.ml.plan import IGNORE_INDEX
from segstudio.ml.source_weights import ignored_codes, source_codes
from segstudio.ml.training.sources import IndexMask, TrainData, TrainImage, band_kind, of_one_kind
from segstudio.ml.training.splitting import SplitRule, hold_planes_out, split_images
from segstudio.ml.training.targets import LayerTarget

if TYPE_CHECKING:
    from pathlib import Path

    from segstudio.core.classes import ClassTable
    from segstudio.core.layers import LabelLayer
    from segstudio.io.store.project import ImageRecord, ProjectStore

BACKGROUND = "background"
VALIDATION_SHARE = 0.25
"""Part of the only labelled image that is held out."""
MIN_WINDOW_PX = 32


@dataclass(frozen=True)
class ProjectLabels:
    """Reads the labels of one image, or of plane ``z`` of a volume, when a loader asks; ``index_of`` maps class ids to class indices.

    ``unlabelled_index`` is what pixels without a label are: ignored in an image that is still being worked on, background in
    one that is marked done (its person said that nothing is missing). Labels of *ignored* sources are left out.
    """

    project: Path
    image_id: int
    index_of: tuple[tuple[int, int], ...]
    unlabelled_index: int
    z: int = 0
    is_checked: bool = False
    ignored: tuple[int, ...] = ()

    def __call__(self) -> IndexMask:
        """(y, x) uint8 class indices of the plane, 255 = ignored."""
        from segstudio.io.store.project import ProjectStore

        if self.ignored:
            target = self.opened(None)
            return target.window(Rect(0, 0, target.shape[1], target.shape[0]))
        with ProjectStore.open(self.project, read_only=True) as store:
            layer = store.labels_layer(self.image_id)
            class_ids = layer.read_classes(layer.bounds, self.z)
        return self._lut()[class_ids]

    def opened(self, scratch: Path | None) -> LayerTarget:
        """The labels in windows, as they are now; nothing is kept on disk."""
        from segstudio.io.store.project import ProjectStore

        with ProjectStore.open(self.project, read_only=True) as store:
            layer = plane_layer(store.labels_layer(self.image_id), self.z)
        return LayerTarget(layer, self._lut(), is_checked=self.is_checked, ignored=self.ignored)

    def _lut(self) -> IndexMask:
        lut = np.full(65536, IGNORE_INDEX, np.uint8)
        lut[UNLABELLED] = self.unlabelled_index
        for class_id, index in self.index_of:
            lut[class_id] = index
        lut[IGNORE] = IGNORE_INDEX
        return lut


def project_data(
    project: Path,
    *,
    val_fraction: float,
    seed: int,
    may_cut: bool = True,
    rule: SplitRule | None = None,
    source_weights: tuple[float, ...] = (),
) -> TrainData:
    """The labelled images of a project.

    Class 0 is «background» (the project's own class of that name where it has one) unless a class owns mask value 0. Where nobody
    labelled background, it is what is unlabelled in images marked done and, when no image is, in images where
    something is labelled (and the run says so). Each labelled plane of a volume is an image of its own. The project's
    own splits hold; else a seeded part becomes validation, all planes of a volume or none; with *may_cut* a single
    image is cut in two, of a single volume a run of neighbouring planes is held out. A *rule* for groups, blocks or folds is
    kept instead. Labels of sources that weigh nothing count as not there.

    Raises
    ------
    UserError
        When the project holds no labels, or the files of all labelled images are missing.
    """
    from segstudio.io.store.project import ProjectStore

    with ProjectStore.open(project, read_only=True) as store:
        classes = store.classes
        ignored = ignored_codes(source_weights)
        with_labels = [r for r in store.images() if sum(store.labelled_pixels([r.id]).values()) > 0]
        if ignored:
            with_labels = [r for r in with_labels if _has_kept(store, r, ignored)]
        if not with_labels:
            raise UserError(
                "no image of the project has labels",
                path=project,
                remedy="label something, or accept a proposal, first",
            )
        bands, broken = _readable(store, with_labels)
        labelled = [record for record in with_labels if record.id in bands]
        if not labelled and broken:
            raise broken[0]
        if not labelled:
            raise UserError(
                "the files of all labelled images are missing",
                path=store.image_file(with_labels[0]),
                remedy="put the images back, or add them again",
            )
        used = {c for c, n in store.labelled_pixels([r.id for r in labelled]).items() if n}
        names, colors, index_of, background = trained_classes(classes, used)
        left_out = len(with_labels) - len(labelled)
        note = f"{left_out} labelled images are left out, since their files are missing or damaged." if left_out else ""
        if broken:
            note = f"{note} The first damaged one: {broken[0]}".strip()
        labelled, of_another_kind = of_one_kind(labelled, [bands[record.id] for record in labelled])
        note = f"{note} {of_another_kind}".strip()
        is_any_done = any(r.status == "done" for r in labelled)
        learns_unlabelled = background is not None and not any(i == background for _, i in index_of)
        images: list[TrainImage] = []
        planes: dict[int, dict[int, set[int]]] = {}
        for record in labelled:
            is_background = learns_unlabelled and (record.status == "done" or not is_any_done)
            unlabelled = background if is_background and background is not None else IGNORE_INDEX
            split = record.split if record.split in ("train", "val", "test") else "train"
            file = store.image_file(record)
            if record.depth > 1:
                planes[record.id] = _learnt_planes(store, record.id, index_of)
            for z in planes.get(record.id, {0: set()}):
                name = f"{record.name}, plane {z + 1}" if record.depth > 1 else record.name
                is_checked = record.status == "done"
                target = ProjectLabels(project, record.id, index_of, unlabelled, z, is_checked, ignored)
                images.append(TrainImage(name, file, target, split, z=z))
        if learns_unlabelled and not is_any_done:
            unsaid = "No image is marked done, so unlabelled pixels of labelled images count as background."
            note = f"{note} {unsaid}".strip()
        note = f"{note} {_about_planes(planes)}".strip()
        result = tuple(images)
        train = tuple(image for image in images if image.split == "train")
        rule = rule or SplitRule(val_fraction, seed)
        if (
            rule.is_plain
            and may_cut
            and len({i.file for i in train}) == 1
            and not any(i.split == "val" for i in result)
        ):
            record = next(r for r in labelled if store.image_file(r) == train[0].file)
            rest = tuple(i for i in result if i.split != "train")
            if len(train) > 1:
                parts, said = hold_planes_out(train, planes[record.id])
            else:
                parts, said = tuple(_cut(store, record, train[0])), "Only one image is labelled: a part of it"
            result = (*parts, *rest)
            note = f"{note} {said} is held out for validation.".strip()
        else:
            result, about_split = split_images(result, rule)
            note = f"{note} {about_split}".strip()
    return TrainData(names, colors, background, result, note=note)


def _learnt_planes(store: ProjectStore, image_id: int, index_of: tuple[tuple[int, int], ...]) -> dict[int, set[int]]:
    """Plane → class ids on it, for planes of a volume on which a class is labelled."""
    known = {class_id for class_id, _ in index_of}
    found = {z: classes & known for z, classes in plane_classes(store.labels_layer(image_id)).items()}
    return {z: classes for z, classes in sorted(found.items()) if classes}


def _has_kept(store: ProjectStore, record: ImageRecord, ignored: tuple[int, ...]) -> bool:
    """Whether the image has labels of a source that counts."""
    layer = store.labels_layer(record.id)
    for z, ty, tx in layer.tiles.keys():
        rect = tile_rect(ty, tx).intersected(layer.bounds)
        codes = source_codes(layer, rect, z, is_checked=record.status == "done")
        if ((layer.read_classes(rect, z) != UNLABELLED) & ~np.isin(codes, ignored)).any():
            return True
    return False


def _about_planes(planes: dict[int, dict[int, set[int]]]) -> str:
    """What the run says of volumes; "" where there are none."""
    counts = [len(found) for found in planes.values() if found]
    sentences = []
    if counts:
        volumes = "1 volume" if len(counts) == 1 else f"{len(counts)} volumes"
        each = "" if sum(counts) == 1 else "s, each an image of its own"
        sentences.append(f"{volumes} with {sum(counts)} labelled plane{each}.")
    if len(counts) < len(planes):
        sentences.append(
            f"{len(planes) - len(counts)} labelled volumes are left out: their lowest layer has no labels."
        )
    return " ".join(sentences)


def _readable(store: ProjectStore, records: list[ImageRecord]) -> tuple[dict[int, int], list[UserError]]:
    """Bands, by id, of the images whose files are there and begin as images do; what is wrong with the damaged ones.

    Grey, RGB and RGBA count as three bands: a network takes them all alike.
    """
    bands, broken = {}, []
    for record in records:
        if record.is_missing:
            continue
        try:
            info = probe(store.image_file(record))
        except UserError as error:
            broken.append(error)
        else:
            bands[record.id] = band_kind(info)
    return bands, broken


def trained_classes(
    table: ClassTable, used: set[int]
) -> tuple[tuple[str, ...], tuple[str, ...], tuple[tuple[int, int], ...], int | None]:
    """(names, colours, (class id, index) pairs, background index) of the classes of *table* that have labels, whose ids are *used*."""
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
    layer = plane_layer(store.labels_layer(record.id), image.z)
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
        labelled = [_labelled_pixels(layer, window) for window in windows]
        options.append((min(labelled), windows))
    smallest, (train, val) = max(options, key=lambda option: option[0])
    if smallest == 0:
        raise UserError(
            "the labels lie in one corner of the only labelled image, so none can be held out",
            path=image.file,
            remedy="label a second place or image",
        )
    return [replace(image, window=train), replace(image, name=f"{image.name} (held out)", split="val", window=val)]


def _labelled_pixels(layer: LabelLayer, window: Rect) -> int:
    """Pixels of *window* that hold a class or are ignored; read tile by tile."""
    count = 0
    for _, ty, tx in layer.tiles.keys_in(window):
        count += int(np.count_nonzero(layer.read_classes(tile_rect(ty, tx).intersected(window))))
    return count
