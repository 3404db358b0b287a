"""Which images of a project are exported, and which go into which split."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import PurePath
from typing import TYPE_CHECKING

from segstudio.core.cancel import NEVER, Cancel, check
from segstudio.core.errors import UserError
from segstudio.core.splits import assign_splits, group_of
from segstudio.io.store.records import SPLITS, STATUSES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from segstudio.core.classes import ClassTable
    from segstudio.io.formats.base import ExportPlan, Selection
    from segstudio.io.store.project import ProjectStore
    from segstudio.io.store.records import ImageRecord

BY_FILE = "file"


def selected(store: ProjectStore, plan: ExportPlan, cancel: Cancel = NEVER) -> list[ImageRecord]:
    """The images that *plan* is about, in the project's order; no tile is read.

    Raises
    ------
    UserError
        When there are none, or the selection names a class, status or split that there is not.
    """
    _check_selection(store.classes, plan.select)
    records = store.images()
    if plan.image_ids is not None:
        wanted = set(plan.image_ids)
        records = [record for record in records if record.id in wanted]
        if not records:
            raise UserError("None of the chosen images is in the project", path=store.folder, remedy="choose others")
    elif not plan.select.statuses:
        records = [record for record in records if record.status == "done" or _is_labelled(store, record, cancel)]
        if not records:
            raise UserError(
                "No image of the project has labels yet", path=store.folder, remedy="label or accept some first"
            )
    found = _narrowed(store, records, plan.select)
    if not found:
        raise UserError(
            f"None of {len(records)} images meets the selection", path=store.folder, remedy="choose a wider one"
        )
    return found


def _is_labelled(store: ProjectStore, record: ImageRecord, cancel: Cancel) -> bool:
    check(cancel)
    return any(not layer.is_blank for layer in store.layers(record.id) if layer.kind == "labels")


def _check_selection(classes: ClassTable, select: Selection) -> None:
    for name in select.classes:
        if classes.by_name(name) is None:
            raise UserError(f"The project has no class “{name}”", remedy=f"choose of {', '.join(classes.names)}")
    for status in select.statuses:
        if status not in STATUSES:
            raise UserError(f"There is no status “{status}”", remedy=f"choose of {', '.join(STATUSES)}")
    for split in select.splits:
        if split and split not in SPLITS:
            raise UserError(f"There is no split “{split}”", remedy=f"choose of {', '.join(SPLITS)}")
    if select.only_classes and not select.classes:
        raise UserError("No class was chosen to be written alone", remedy="name the classes, too")


def _narrowed(store: ProjectStore, records: Sequence[ImageRecord], select: Selection) -> list[ImageRecord]:
    found = [
        record
        for record in records
        if (not select.statuses or record.status in select.statuses)
        and (not select.splits or (record.split or "") in select.splits)
    ]
    if select.classes:
        ids = [item.id for item in map(store.classes.by_name, select.classes) if item is not None]
        with_class = store.label_facts.images_of_classes(ids)
        found = [record for record in found if record.id in with_class]
    if select.since_s is not None or select.until_s is not None:
        changed = store.label_facts.changed_times()
        low = float("-inf") if select.since_s is None else select.since_s
        high = float("inf") if select.until_s is None else select.until_s
        found = [record for record in found if low <= changed.get(record.id, record.added_s) <= high]
    return found


def written_classes(classes: ClassTable, select: Selection) -> ClassTable:
    """The classes that are written: all, or with ``only_classes`` the chosen ones."""
    if not select.only_classes:
        return classes
    kept = {item.id for item in map(classes.by_name, select.classes) if item is not None}
    for item in classes:
        if item.id not in kept:
            classes = classes.removed(item.id)
    return classes


def groups_of(records: Sequence[tuple[str, str]], split_by: str) -> list[str]:
    """The group of each (name, folder): images of one stay in one split; "" each on its own.

    Raises
    ------
    UserError
        When ``split_by`` is no rule, or finds nothing in a name.
    """
    if split_by == BY_FILE:
        return [""] * len(records)
    return [group_of(name, folder, split_by) for name, folder in records]


def folder_of(path: str) -> str:
    """The folder of an image as groups name it."""
    return PurePath(path.replace("\\", "/")).parent.as_posix()


def splits_of(
    stems: Sequence[str], groups: Sequence[str], own: Sequence[str | None], plan: ExportPlan
) -> dict[str, str | None]:
    """The split of each stem; None where the dataset is not split. All of a group are in one, the same for the same seed."""
    fractions = plan.split_fractions
    if fractions is None:
        return dict.fromkeys(stems)
    if not fractions:
        return {stem: split or "train" for stem, split in zip(stems, own)}
    if not any(groups):
        return dict(assign_splits(stems, fractions, plan.seed))
    split_of = _split_of_groups(Counter(groups), fractions, plan.seed)
    return {stem: split_of[group] for stem, group in zip(stems, groups)}


def _split_of_groups(sizes: Mapping[str, int], fractions: Mapping[str, float], seed: int) -> dict[str, str]:
    """Large groups first, each to the split that lacks most; every split with a share gets one where there are enough."""
    names = sorted(sizes)
    random.Random(seed).shuffle(names)
    names.sort(key=lambda name: -sizes[name])
    total = sum(sizes.values())
    lacks = {split: total * fraction for split, fraction in fractions.items() if fraction > 0}
    result: dict[str, str] = {}
    empty = set(lacks)
    for place, name in enumerate(names):
        left = len(names) - place
        among = empty if empty and left <= len(empty) else set(lacks)
        split = max((split for split in lacks if split in among), key=lambda split: lacks[split])
        result[name] = split
        lacks[split] -= sizes[name]
        empty.discard(split)
    return result
