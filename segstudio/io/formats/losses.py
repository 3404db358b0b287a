"""What a format cannot hold of some labels: counted before anything is written, in sentences."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from segstudio.core.cancel import NEVER, Cancel, check
from segstudio.core.classes import IGNORE, UNLABELLED
from segstudio.core.errors import UserError
from segstudio.core.geometry import Rect, tile_rect
from segstudio.core.progress import ProgressSink, no_progress
from segstudio.io.formats.base import ExportItem, ExportPlan, FormatEntry, Loss
from segstudio.io.formats.pixels import label_layers

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

    from segstudio.core.classes import ClassTable
    from segstudio.core.layers import LabelLayer
    from segstudio.io.store.project import ProjectStore

SENTENCES: Mapping[str, tuple[str, str]] = {
    "overlap": (
        "{n} pixel in {where} lies under another label layer: the upper layer is written there.",
        "{n} pixels in {where} lie under another label layer: the upper layer is written there.",
    ),
    "objects": (
        "{n} object in {where} becomes part of its class's area: the format does not tell objects apart.",
        "{n} objects in {where} become part of their classes' areas: the format does not tell objects apart.",
    ),
    "stuff": (
        "{n} pixel in {where} that belongs to no object is left out: only objects are written.",
        "{n} pixels in {where} that belong to no object are left out: only objects are written.",
    ),
    "ignore": (
        "{n} ignored pixel in {where} is written as unlabelled: the format has no ignored pixels.",
        "{n} ignored pixels in {where} are written as unlabelled: the format has no ignored pixels.",
    ),
    "unlabelled": (
        "{n} unlabelled pixel in {where} is written as ignored, since a class owns the mask value 0.",
        "{n} unlabelled pixels in {where} are written as ignored, since a class owns the mask value 0.",
    ),
    "holes": (
        "{n} object in {where} has holes, which are filled: the format has none.",
        "{n} objects in {where} have holes, which are filled: the format has none.",
    ),
    "parts": (
        "{n} object in {where} is in several pieces, which the format cannot keep together.",
        "{n} objects in {where} are in several pieces, which the format cannot keep together.",
    ),
}
"""Loss kind → the sentence for one, and for several."""
KINDS = tuple(SENTENCES)


@dataclass(frozen=True)
class Holds:
    """What a format with these options, for these classes, can hold."""

    overlap: bool
    objects: bool
    stuff: bool
    ignore: bool
    holes: bool
    parts: bool
    unlabelled: bool

    @classmethod
    def of(cls, entry: FormatEntry, options: Mapping[str, Any], classes: ClassTable) -> Holds:
        """An option ``stuff`` that is off was chosen, but counts all the same; ``holes`` keeps what a format has none of."""
        return cls(
            entry.holds_overlap,
            entry.holds_objects,
            entry.holds_stuff and bool({**entry.options, **options}.get("stuff", True)),
            entry.holds_ignore,
            entry.holds_holes or bool(options.get("holes", False)),
            entry.holds_parts,
            not (entry.has_values and classes.by_mask_value(0) is not None),
        )


def losses_before(
    store: ProjectStore, plan: ExportPlan, progress: ProgressSink = no_progress, cancel: Cancel = NEVER
) -> tuple[Loss, ...]:
    """What would be lost if *plan* were carried out; reads every chosen label layer once and writes nothing.

    Images that cannot be written at all are in it, too: kind "images", one sentence each.

    Raises
    ------
    UserError
        When there is nothing to export, or the plan asks for what there is not.
    Cancelled
        When *cancel* was set.
    """
    from contextlib import closing

    from segstudio.io.formats.selection import selected, written_classes
    from segstudio.io.formats.work_list import work_list
    from segstudio.io.formats.writing import planned_entry
    from segstudio.io.readers.kept import KeptReaders

    entry = planned_entry(plan)
    classes = written_classes(store.classes, plan.select)
    with closing(KeptReaders()) as readers:
        work = work_list(store, selected(store, plan, cancel), plan, entry, readers, cancel)
        holds = Holds.of(entry, plan.options, classes)
        return losses_of_items(work.items, entry, holds, work.skipped, progress, cancel)


def losses_of_items(
    items: Sequence[ExportItem],
    entry: FormatEntry,
    holds: Holds,
    skipped: Sequence[tuple[str, str]] = (),
    progress: ProgressSink = no_progress,
    cancel: Cancel = NEVER,
) -> tuple[Loss, ...]:
    """What would be lost of *items*; a loss of kind "images" for each that cannot be written."""
    from segstudio.io.formats.work_list import problem_of
    from segstudio.io.formats.writing import at_hand

    tally = LossTally(holds)
    losses = [Loss("images", sentence) for _, sentence in skipped]
    refused: dict[object, str] = {}
    for done, item in enumerate(items):
        check(cancel)
        progress(done, len(items), f"Looking at {item.name}")
        try:
            with at_hand(item) as ready:
                if item.image_file not in refused:
                    refused[item.image_file] = problem_of(ready, entry)
                    if refused[item.image_file]:
                        losses.append(Loss("images", refused[item.image_file]))
                if not refused[item.image_file]:
                    tally.add(ready, cancel)
        except UserError as error:
            losses.append(Loss("images", str(error)))
    return (*tally.losses(), *losses)


class LossTally:
    """Adds up what is lost over images."""

    def __init__(self, holds: Holds) -> None:
        self.holds = holds
        self._counts: Counter[str] = Counter()
        self._images: Counter[str] = Counter()

    def add(self, item: ExportItem, cancel: Cancel = NEVER) -> None:
        """Count one image's."""
        self.add_counts(image_losses(label_layers(item), item, self.holds, cancel))

    def add_counts(self, found: Mapping[str, int]) -> None:
        """Add one image's, by kind."""
        for kind, count in found.items():
            if count:
                self._counts[kind] += count
                self._images[kind] += 1

    def losses(self) -> tuple[Loss, ...]:
        """One for each kind that occurred."""
        return tuple(
            Loss(
                kind, sentence_of(kind, self._counts[kind], self._images[kind]), self._images[kind], self._counts[kind]
            )
            for kind in KINDS
            if self._counts[kind]
        )


def sentence_of(kind: str, count: int, images: int) -> str:
    """The sentence for a loss, such as “3 objects in 2 images become part of …”."""
    where = "1 image" if images == 1 else f"{images:,} images"
    return SENTENCES[kind][count != 1].format(n=f"{count:,}", where=where)


def image_losses(
    layers: Sequence[LabelLayer], item: ExportItem, holds: Holds, cancel: Cancel = NEVER
) -> dict[str, int]:
    """Loss kind → pixels or objects of one image."""
    found: Counter[str] = Counter()
    if (not holds.overlap and len(layers) > 1) or not holds.unlabelled:
        found.update(_by_tile(layers, item, holds, cancel))
    for layer in layers:
        check(cancel)
        # Counted only where something of it may be lost.
        is_counted = not (holds.ignore and holds.stuff and holds.objects)
        pixels = layer.segment_pixels() if is_counted else {}
        if not holds.ignore:
            found["ignore"] += pixels.get(IGNORE, 0)
        for segment_id, count in pixels.items():
            segment = layer.segments.get(segment_id)
            if segment is None or segment.class_id == UNLABELLED:
                continue
            if not segment.is_object and not holds.stuff:
                found["stuff"] += count
            if segment.is_object and not holds.objects:
                found["objects"] += 1
        if not (holds.holes and holds.parts):
            found.update(_by_shape(layer, holds, cancel))
    return dict(found)


def _by_tile(layers: Sequence[LabelLayer], item: ExportItem, holds: Holds, cancel: Cancel) -> Counter[str]:
    found: Counter[str] = Counter()
    depth = item.depth if item.plane is None else 1
    labelled = 0
    for key in sorted({key for layer in layers for key in layer.tiles.keys()}):
        check(cancel)
        rect = tile_rect(key[1], key[2]).clipped(item.width, item.height)
        here = [layer.read_classes(rect, key[0]) for layer in layers if layer.tiles.held(key) != 0]
        if not here:
            continue
        values = np.stack(here)
        if not holds.overlap and len(here) > 1:
            found["overlap"] += int((((values != UNLABELLED) & (values != IGNORE)).sum(axis=0) > 1).sum())
        labelled += int((values != UNLABELLED).any(axis=0).sum())
    if not holds.unlabelled:
        found["unlabelled"] = item.width * item.height * depth - labelled
    return found


def _by_shape(layer: LabelLayer, holds: Holds, cancel: Cancel) -> Counter[str]:
    from segstudio.core.polygons import outlines

    found: Counter[str] = Counter()
    for (z, segment_id), rect in object_boxes(layer).items():
        check(cancel)
        outer, holes = outlines(layer.read(rect, z) == segment_id)
        found["holes"] += bool(holes) and not holds.holes
        found["parts"] += len(outer) > 1 and not holds.parts
    return found


def object_boxes(layer: LabelLayer) -> dict[tuple[int, int], Rect]:
    """(z, segment id) → the box around the object's pixels on that plane, for objects of a class."""
    boxes: dict[tuple[int, int], Rect] = {}
    is_object = np.zeros(65536, np.bool_)
    is_object[[s.id for s in layer.segments.values() if s.is_object and s.class_id != UNLABELLED]] = True
    for key in layer.tiles.keys():
        rect = tile_rect(key[1], key[2]).intersected(layer.bounds)
        ids = layer.tiles.read(rect, key[0])
        for segment_id in np.flatnonzero(np.bincount(ids.ravel())).tolist():
            if is_object[segment_id]:
                box = _box(ids == segment_id).moved(rect.x, rect.y)
                known = boxes.get((key[0], segment_id))
                boxes[key[0], segment_id] = box if known is None else known.united(box)
    return boxes


def _box(mask: npt.NDArray[np.bool_]) -> Rect:
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    x, y = int(columns[0]), int(rows[0])
    return Rect(x, y, int(columns[-1]) - x + 1, int(rows[-1]) - y + 1)
